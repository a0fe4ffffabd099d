//! What an organization allows beside its roles; each says before whom it hits.

use keystead::catalogue::Role;
use serde_json::json;

use crate::support::{ADMIN, Engine, TestApp, on_both};

/// Covers: S4-26, S4-27
fn personal_tokens_act_where_they_are_welcome(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let credential = ada.make_verifier("billing");
    let mut bob = app.member("acme", "bob@example.com", Role::Member);
    let (bound, for_acme) = bob.create_token("for acme", &["channels:read"]);
    app.sql(&format!("UPDATE tokens SET organization_id = '{}' WHERE id = '{bound}'", app.organization_id("acme")));
    let (all, everywhere) = bob.create_token("everywhere", &["channels:read"]);
    bob.work_in("acme");
    let (_, key) = bob.create_key("Production", &[]);
    let account = ada.make_service_account("acme", "ci", "viewer");
    let (_, service) = ada.create_service_token("acme", &account, "one", &[]);
    let path = "/organizations/acme/policy/personal-tokens";
    let page = ada.open(path);
    assert!(
        page.one("main").contains("1 member, from the next check on. 1 token for this organization alone"),
        "{}",
        page.one("main")
    );
    assert!(
        page.one("main").contains("1 for all of their owners’ organizations goes on working"),
        "{}",
        page.one("main")
    );
    assert_eq!(page.texts(".prose li"), ["Bob Babbage – for acme"]);
    let codes = || {
        [&for_acme, &everywhere, &key, &service].map(|token| {
            let question =
                json!({ "token": token, "organization": "acme", "entity_type": "channels", "operation": "read" });
            app.ask(&credential, &question).json()["code"].as_str().unwrap().to_owned()
        })
    };
    assert_eq!(codes(), ["VALID"; 4]);
    ada.submit(&page.form(path)).expect_lead("/organizations/acme/settings");
    assert_eq!(codes(), ["INSUFFICIENT_PERMISSIONS", "INSUFFICIENT_PERMISSIONS", "VALID", "VALID"]);
    assert_eq!(app.verify(&credential, &for_acme)["code"], "INSUFFICIENT_PERMISSIONS");
    assert_eq!(app.token_self(&for_acme).status, 401);
    assert_eq!(app.verify(&credential, &everywhere)["code"], "VALID", "in its owner's own place");
    assert_eq!(app.last_logged().action, "organization.policy_changed");
    assert!(ada.open("/organizations/acme/settings").text().contains("May not act here"));
    // The form offers none for it, and those that there are say so.
    let new = bob.open("/settings/tokens/new");
    assert!(new.attributes("#organization-acme[disabled]", "value") == ["acme"], "{}", new.text());
    assert!(
        new.text().contains("also those that you join later. ACME takes no personal access tokens."),
        "{}",
        new.text()
    );
    let form = bob.token_form("another", &["channels:read"]).without("organization").smuggle("organization", "acme");
    assert_eq!(bob.submit(&form).expect(422).errors(), ["organization"]);
    for id in [&bound, &all] {
        let warning = bob.open(&format!("/settings/tokens/{id}")).one(".facts .warns");
        assert_eq!(warning, "It does not work in ACME, whose rules for tokens keep it out.");
    }
    ada.submit(&ada.clone().open(path).form(path)).expect(303);
    assert_eq!(codes(), ["VALID"; 4]);
    ada.submit(&ada.clone().open(path).form(path).set("allow", "maybe")).expect(400);
    // Not in a private one, which has nobody else.
    let private = format!("/organizations/private-{}/policy/personal-tokens", app.private_organization(ADMIN));
    ada.get(&private).expect(404);
}

/// Covers: S4-26
fn members_make_keys_where_they_may(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let credential = ada.make_verifier("billing");
    let mut bob = app.member("acme", "bob@example.com", Role::Member);
    app.member("acme", "carol@example.com", Role::Viewer);
    // What a team adds counts, too: Erin's makes keys, and Fay's manages everybody's.
    for (email, right) in [("erin@example.com", "create"), ("fay@example.com", "delete")] {
        app.member("acme", email, Role::Viewer);
        let role = ada.make_role("acme", right, &["org.api-keys:create", &format!("org.api-keys:{right}")]);
        let team = ada.make_team("acme", right, &role);
        let (acme, user) = (app.organization_id("acme"), app.user_id(email));
        app.sql(&format!(
            "INSERT INTO team_members (team_id, user_id, organization_id, created_at) VALUES ('{team}', '{user}', '{acme}', 0)"
        ));
    }
    let mut dan = app.member("acme", "dan@example.com", Role::Admin);
    bob.work_in("acme");
    let (_, key) = bob.create_key("Production", &[]);
    let late = bob.key_form("late");
    let path = "/organizations/acme/policy/api-keys";
    let page = ada.open(path);
    assert!(page.one("main").contains("2 members can make no more keys"), "{}", page.one("main"));
    assert!(page.one("main").contains("The 1 key that they have goes on working"), "{}", page.one("main"));
    assert_eq!(page.texts(".prose li"), ["Bob Babbage – bob@example.com", "Bob Babbage – erin@example.com"]);
    ada.submit(&page.form(path)).expect(303);
    bob.submit(&late).expect(403);
    bob.get("/settings/api-keys/new").expect(403);
    let list = bob.open("/settings/api-keys");
    assert!(!list.links().contains(&"/settings/api-keys/new".to_owned()));
    assert_eq!(app.verify(&credential, &key)["code"], "VALID", "what there is goes on");
    dan.work_in("acme");
    dan.create_key("Dan's", &[]);
    ada.submit(&ada.clone().open(path).form(path)).expect(303);
    bob.submit(&late).expect(200);
}

on_both!(personal_tokens_act_where_they_are_welcome, members_make_keys_where_they_may);
