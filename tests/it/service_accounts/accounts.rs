//! The accounts themselves.

use keystead::catalogue::Role;
use serde_json::json;

use crate::support::{ADMIN, Engine, TestApp, on_both};

/// Covers: S4-26, S4-27, AC-061
fn an_account_acts_with_its_role_and_outlives_its_maker(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let credential = ada.make_verifier("billing");
    let mut bob = app.member("acme", "bob@example.com", Role::Admin);
    assert_eq!(bob.open("/organizations/acme/service-accounts").one(".empty-title"), "No service accounts yet");
    let id = bob.make_service_account("acme", "build server", "member");
    let (token, secret) = bob.create_service_token("acme", &id, "eu-west-1", &[]);
    assert!(secret.starts_with("kst_svc_"), "{secret}");
    let acme = app.organization_id("acme");
    assert_eq!(
        app.verify(&credential, &secret),
        json!({
            "valid": true, "code": "VALID", "token_id": token, "name": "eu-west-1", "kind": "svc",
            "service_account_id": id, "organization_id": acme, "expires_at": "2027-02-20T00:06:00Z",
        })
    );
    let ask = |operation: &str| {
        let question =
            json!({ "token": secret, "organization": "acme", "entity_type": "channels", "operation": operation });
        app.ask(&credential, &question).json()["code"].as_str().unwrap().to_owned()
    };
    assert_eq!((ask("update").as_str(), ask("delete").as_str()), ("VALID", "INSUFFICIENT_PERMISSIONS"));
    let answer = app.introspect(&credential, &secret);
    assert_eq!((answer["sub"].as_str(), answer["org"].as_str()), (Some(id.as_str()), Some(acme.as_str())));
    assert_eq!(answer.get("username"), None, "its name is nobody's address");
    let own = app.token_self(&secret).json();
    assert_eq!((own["service_account"]["name"].as_str(), own.get("user")), (Some("build server"), None));
    let elsewhere = json!({ "token": secret, "organization": app.private_organization(ADMIN) });
    assert_eq!(app.ask(&credential, &elsewhere).json()["code"], "INSUFFICIENT_PERMISSIONS");
    // Its maker gone, removed and erased, it goes on.
    let path = format!("/organizations/acme/members/{}/remove", app.user_id("bob@example.com"));
    let form = ada.open(&path).form(&path);
    ada.submit(&form).expect(303);
    app.sql("DELETE FROM users WHERE email = 'bob@example.com'");
    assert_eq!(app.verify(&credential, &secret)["code"], "VALID");
    // Another role holds from the next check on.
    let path = format!("/organizations/acme/service-accounts/{id}/edit");
    let form = ada.open(&path).form(&path);
    assert_eq!(form.value("role"), "member");
    ada.submit(&form.set("role", "viewer").set("email", ADMIN)).expect(303);
    assert_eq!((ask("read").as_str(), ask("update").as_str()), ("VALID", "INSUFFICIENT_PERMISSIONS"));
    let entry = app.last_logged();
    assert_eq!(
        (entry.action.as_str(), entry.detail.as_str()),
        ("service_account.changed", "role from member to viewer; responsible member")
    );
    let page = ada.open(&format!("/organizations/acme/service-accounts/{id}"));
    assert!(page.one("dl.facts").contains("Ada Lovelace"), "{}", page.one("dl.facts"));
    let role = ada.make_role("acme", "Deployers", &["channels:delete"]);
    let form = ada.open(&path).form(&path).set("role", &role);
    ada.submit(&form).expect(303);
    assert_eq!((ask("delete").as_str(), ask("share").as_str()), ("VALID", "INSUFFICIENT_PERMISSIONS"));
    // A role that an account has can't be deleted.
    let path = format!("/organizations/acme/roles/{role}/delete");
    assert!(ada.open(&path).one("main [role=alert]").contains("Give them another role first"));
    // The organization ends, and the account with it.
    let form = ada.open("/organizations/acme/delete").form("/organizations/acme/delete").set("phrase", "ACME");
    ada.submit(&form).expect(303);
    assert_eq!(app.verify(&credential, &secret)["code"], "NOT_FOUND");
    assert_eq!([app.count("service_accounts"), app.count("tokens")], [0, 0]);
}

/// Covers: S4-26
fn it_is_disabled_enabled_and_deleted(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let credential = ada.make_verifier("billing");
    let id = ada.make_service_account("acme", "ci", "member");
    let (_, secret) = ada.create_service_token("acme", &id, "one", &["channels:read"]);
    let at = |below: &str| format!("/organizations/acme/service-accounts/{id}{below}");
    let form = ada.open(&at("/disable")).form(&at("/disable"));
    ada.submit(&form).expect_lead(&at(""));
    assert_eq!(app.verify(&credential, &secret)["code"], "DISABLED");
    assert_eq!(app.token_self(&secret).status, 401);
    assert_eq!(app.introspect(&credential, &secret), json!({ "active": false }));
    let page = ada.open(&at(""));
    assert_eq!(page.texts(".named .badge"), ["Disabled"]);
    let logged = app.logged("service_account.disabled");
    ada.submit(&form).expect(303);
    assert_eq!(app.logged("service_account.disabled"), logged, "twice the same is once");
    ada.submit(&page.form(&at("/enable"))).expect_lead(&at(""));
    assert_eq!(app.verify(&credential, &secret)["code"], "VALID");
    let asked = ada.open(&at("/delete"));
    assert_eq!(asked.texts(".confirm .prose li"), ["one"], "what stops is said before");
    ada.submit(&asked.form(&at("/delete"))).expect_lead("/organizations/acme/service-accounts");
    assert_eq!(app.verify(&credential, &secret)["code"], "NOT_FOUND");
    assert_eq!((app.logged("service_account.deleted"), app.logged("token.deleted")), (1, 1));
    ada.get(&at("")).expect(404);
}

/// Nobody gives an account, or gets through one, more than they have.
/// Covers: AC-061, AC-063
fn an_account_is_capped_by_whoever_gives_it_its_role(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let keepers: Vec<&str> =
        vec!["org.service-accounts:delete", "org.service-accounts:create", "org.members:read", "channels:update"];
    let role = ada.make_role("acme", "Keepers", &keepers);
    let strong = ada.make_service_account("acme", "strong", "admin");
    let (token, secret) = ada.create_service_token("acme", &strong, "one", &[]);
    let mut kay = app.member("acme", "kay@example.com", Role::Viewer);
    let user = app.user_id("kay@example.com");
    app.sql(&format!(
        "UPDATE members SET role = 'own', role_id = '{role}' WHERE user_id = '{user}' AND role = 'viewer'"
    ));
    let new = "/organizations/acme/service-accounts/new";
    let page = kay.open(new);
    assert_eq!(page.form(new).choices("role"), [role.as_str()], "what they cover, and nothing else");
    let form = page.form(new).set("name", "mine").without("role");
    let before = app.dump_but(&["attempts"]);
    for wished in ["admin", "owner", "member", "own", "", "01kdxj2v9w0000000000000000"] {
        assert_eq!(kay.submit(&form.clone().smuggle("role", wished)).expect(422).errors(), ["role"], "{wished}");
    }
    assert_eq!(
        ada.submit(&ada.clone().open(new).form(new).set("name", "x").without("role").smuggle("role", "owner"))
            .expect(422)
            .errors(),
        ["role"]
    );
    for (field, value) in [("name", "strong"), ("name", ""), ("email", "nobody@example.com")] {
        let form = form.clone().smuggle("role", &role).set(field, value);
        assert_eq!(kay.submit(&form).expect(422).errors(), [field], "{field}");
    }
    // The stronger one they neither change, nor enable, nor get a secret of.
    let at = |below: &str| format!("/organizations/acme/service-accounts/{strong}{below}");
    kay.get(&at("/tokens/new")).expect(403);
    kay.get(&at(&format!("/tokens/{token}/regenerate"))).expect(403);
    let theirs = kay.open(new).form(new);
    for (below, pairs) in [
        (
            "/tokens/new".to_owned(),
            vec![("form_id", "01jd0000000000000000000003"), ("name", "x"), ("expiry", "7"), ("access", "everything")],
        ),
        (
            format!("/tokens/{token}/regenerate"),
            vec![("form_id", "01jd0000000000000000000004"), ("expiry", "7"), ("old", "now")],
        ),
        ("/enable".to_owned(), vec![]),
    ] {
        let mut form = theirs.clone().without("name").without("description").without("email").without("role");
        for (name, value) in pairs {
            form = form.smuggle(name, value);
        }
        form.action = at(&below);
        kay.submit(&form).expect(403);
    }
    for below in ["/disable", "/delete"] {
        let mut form = theirs.clone();
        form.action = at(below);
        assert!(kay.submit(&form).expect(422).text().contains("It may do more here than you"), "{below}");
    }
    let mut form = theirs.clone().set("name", "weak").without("role").smuggle("role", &role);
    form.action = at("/edit");
    assert_eq!(kay.submit(&form).expect(422).errors(), ["role"]);
    app.is_still_but(&["attempts"], &before);
    // A leak they may stop.
    let path = at(&format!("/tokens/{token}/revoke"));
    let form = kay.open(&path).form(&path);
    kay.submit(&form).expect(303);
    let credential = ada.make_verifier("billing");
    assert_eq!(app.verify(&credential, &secret)["code"], "REVOKED");
}

/// Covers: AC-063
fn another_organizations_accounts_are_not_found(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let id = ada.make_service_account("acme", "ci", "viewer");
    let (token, _) = ada.create_service_token("acme", &id, "one", &[]);
    let mut bob = app.other("bob@example.com");
    bob.make_organization("bobs");
    let own = bob.make_service_account("bobs", "his", "viewer");
    let (his, _) = bob.create_service_token("bobs", &own, "one", &[]);
    let before = app.dump();
    for below in ["", "/edit", "/delete", "/disable", "/tokens/new"] {
        bob.get(&format!("/organizations/bobs/service-accounts/{id}{below}")).expect(404);
    }
    for (account, token) in [(&id, &token), (&own, &token), (&id, &his)] {
        for below in ["", "/revoke", "/delete", "/regenerate"] {
            bob.get(&format!("/organizations/bobs/service-accounts/{account}/tokens/{token}{below}")).expect(404);
        }
    }
    let path = format!("/organizations/bobs/service-accounts/{own}/tokens/{his}/revoke");
    let mut form = bob.open(&path).form(&path);
    form.action = format!("/organizations/bobs/service-accounts/{own}/tokens/{token}/revoke");
    bob.submit(&form).expect(404);
    form.action = format!("/organizations/bobs/service-accounts/{id}/tokens/{token}/revoke");
    bob.submit(&form).expect(404);
    app.is_still(&before);
}

on_both!(
    an_account_acts_with_its_role_and_outlives_its_maker,
    it_is_disabled_enabled_and_deleted,
    an_account_is_capped_by_whoever_gives_it_its_role,
    another_organizations_accounts_are_not_found,
);
