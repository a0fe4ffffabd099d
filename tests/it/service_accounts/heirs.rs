//! Keys of somebody who is removed, handed to a service account.

use keystead::catalogue::Role;
use serde_json::json;

use crate::support::{Engine, TestApp, on_both};

/// Every account that may have them is offered, however many there are; no disabled one, and none with more than whoever asks.
/// Covers: AC-062
fn all_that_may_have_them_are_offered(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let account = ada.make_service_account("acme", "off", "viewer");
    let organization = app.organization_id("acme");
    for number in 0..60 {
        app.sql(&format!(
            "INSERT INTO service_accounts (id, organization_id, name, name_key, description, role, is_enabled, created_at) \
             SELECT 'made-{number:02}', organization_id, 'made {number:02}', 'made {number:02}', '', role, TRUE, 0 \
             FROM service_accounts WHERE id = '{account}'"
        ));
    }
    app.sql(&format!("UPDATE service_accounts SET is_enabled = FALSE WHERE id = '{account}'"));
    let mut bob = app.member("acme", "bob@example.com", Role::Member);
    bob.work_in("acme");
    bob.create_key("Production", &[]);
    let path = format!("/organizations/acme/members/{}/remove", app.user_id("bob@example.com"));
    let heirs = ada.open(&path).attributes("select[name=heir] option", "value");
    assert_eq!((heirs.len(), heirs[0].as_str(), heirs[60].as_str()), (61, "", "made-59"));
    let call = format!("/api/v1/organizations/{organization}/members/{}/removal", app.user_id("bob@example.com"));
    let told = ada.call("GET", &call, &serde_json::Value::Null).json();
    assert_eq!(told["heirs"].as_array().unwrap().len(), 60);
}

/// The keys act for the account, with its role and no longer with the member's; what was not handed over stops. Who is
/// invited again gets none of them back.
/// Covers: AC-062, S4-25
fn keys_go_on_for_a_service_account(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let credential = ada.make_verifier("billing");
    let account = ada.make_service_account("acme", "ci", "viewer");
    let mut bob = app.member("acme", "bob@example.com", Role::Admin);
    bob.work_in("acme");
    let (id, key) = bob.create_key("Production", &[]);
    let (bound, token) = bob.create_token("for acme", &["channels:read"]);
    app.sql(&format!("UPDATE tokens SET organization_id = '{}' WHERE id = '{bound}'", app.organization_id("acme")));
    let ask = |operation: &str| {
        let question = json!({ "token": key, "entity_type": "channels", "operation": operation });
        app.ask(&credential, &question).json()["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(ask("delete"), "VALID");
    let path = format!("/organizations/acme/members/{}/remove", app.user_id("bob@example.com"));
    let page = ada.open(&path);
    assert_eq!(page.texts(".confirm .prose .cell-main"), ["for acme", "Production"]);
    let form = page.form(&path);
    assert_eq!((form.value("heir"), form.choices("heir")), (String::new(), vec![String::new(), account.clone()]));
    // One that is not there, or another organization's, is none; then nothing is done.
    let mut foreign = app.other("dora@example.com");
    foreign.make_organization("doras");
    let theirs = foreign.make_service_account("doras", "theirs", "viewer");
    let before = app.dump();
    for wrong in [theirs.as_str(), "nothing"] {
        ada.submit(&form.clone().without("heir").smuggle("heir", wrong)).expect(404);
    }
    app.is_still(&before);
    ada.submit(&form.set("heir", &account)).expect_lead("/organizations/acme/members");
    assert_eq!((ask("read").as_str(), ask("delete").as_str()), ("VALID", "INSUFFICIENT_PERMISSIONS"), "its role");
    let answer = app.verify(&credential, &key);
    assert_eq!((answer["service_account_id"].as_str(), answer.get("user_id")), (Some(account.as_str()), None));
    assert_eq!(answer["token_id"].as_str(), Some(id.as_str()));
    assert_eq!(app.verify(&credential, &token)["code"], "REVOKED", "a personal token is nobody else's");
    assert_eq!((app.logged("api_key.handed_over"), app.logged("api_key.stopped")), (1, 0));
    app.make_member("acme", "bob@example.com", Role::Owner);
    assert_eq!(ask("delete"), "INSUFFICIENT_PERMISSIONS", "who comes back has nothing of it");
    // It stands in the list as before, and on the account's page.
    let list = ada.open("/settings/api-keys");
    assert_eq!(list.texts("td[data-label=\"Made by\"]"), ["ci Service account"]);
    let shown = ada.open(&format!("/organizations/acme/service-accounts/{account}"));
    assert!(shown.one("[aria-labelledby=keys-section]").contains("Production"));
    // Erasing whoever made it ends nothing; disabling and deleting the account does.
    app.sql("DELETE FROM users WHERE email = 'bob@example.com'");
    assert_eq!(ask("read"), "VALID");
    let path = format!("/organizations/acme/service-accounts/{account}/disable");
    let form = ada.open(&path).form(&path);
    ada.submit(&form).expect(303);
    assert_eq!(ask("read"), "DISABLED");
    let path = format!("/organizations/acme/service-accounts/{account}/delete");
    let form = ada.open(&path).form(&path);
    ada.submit(&form).expect(303);
    assert_eq!(ask("read"), "NOT_FOUND");
}

/// Whoever removes somebody hands nothing to an account that has more than they have, or without the right to change one.
/// Covers: AC-061
fn nothing_is_handed_beyond_ones_own_rights(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let strong = ada.make_service_account("acme", "strong", "admin");
    let mut bob = app.member("acme", "bob@example.com", Role::Viewer);
    let bob_id = app.user_id("bob@example.com");
    app.sql(&format!("UPDATE members SET role = 'member' WHERE user_id = '{bob_id}' AND role = 'viewer'"));
    bob.work_in("acme");
    bob.create_key("Production", &[]);
    app.sql(&format!("UPDATE members SET role = 'viewer' WHERE user_id = '{bob_id}' AND role = 'member'"));
    let path = format!("/organizations/acme/members/{bob_id}/remove");
    for (slug, rights) in [
        (
            "removers",
            &[
                "org.members:delete",
                "org.organization:read",
                "org.teams:read",
                "channels:read",
                "clients:read",
                "groups:read",
                "channels:subscribe",
                "clients:subscribe",
                "groups:subscribe",
            ][..],
        ),
        (
            "keepers",
            &[
                "org.members:delete",
                "org.organization:read",
                "org.teams:read",
                "org.service-accounts:update",
                "channels:read",
                "clients:read",
                "groups:read",
                "channels:subscribe",
                "clients:subscribe",
                "groups:subscribe",
            ],
        ),
    ] {
        let role = ada.make_role("acme", slug, rights);
        let email = format!("{slug}@example.com");
        let mut kay = app.member("acme", &email, Role::Viewer);
        let user = app.user_id(&email);
        app.sql(&format!(
            "UPDATE members SET role = 'own', role_id = '{role}' WHERE user_id = '{user}' AND role = 'viewer'"
        ));
        let page = kay.open(&path);
        let form = page.form(&path);
        assert!(form.choices("heir").is_empty(), "{slug}");
        let before = app.dump();
        kay.submit(&form.smuggle("heir", &strong)).expect(422);
        app.is_still(&before);
    }
}

/// Who leaves takes nothing along under another name: nobody else has looked at what would go on.
/// Covers: AC-062
fn who_leaves_hands_nothing_over(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let credential = ada.make_verifier("billing");
    let account = ada.make_service_account("acme", "ci", "viewer");
    let mut bob = app.member("acme", "bob@example.com", Role::Admin);
    bob.work_in("acme");
    let (_, key) = bob.create_key("Production", &[]);
    let path = format!("/organizations/acme/members/{}/remove", app.user_id("bob@example.com"));
    let mut form = bob.open(&path).form("/organizations/acme/leave");
    assert!(form.choices("heir").is_empty());
    path.clone_into(&mut form.action);
    let before = app.dump();
    let page = bob.submit(&form.clone().smuggle("heir", &account)).expect(422);
    assert!(page.one(".field-error").contains("hands no keys over"), "{}", page.text());
    let call = format!("/api/v1/organizations/acme/members/{}/removal", app.user_id("bob@example.com"));
    let told = bob.call("POST", &call, &json!({ "keys_to": account }));
    assert_eq!((told.status, told.json()["errors"][0]["pointer"].as_str()), (422, Some("#/keys_to")));
    app.is_still(&before);
    // Without it they may go, as ever.
    bob.submit(&form).expect(303);
    assert_eq!((app.role_of("acme", "bob@example.com"), app.logged("api_key.handed_over")), (None, 0));
    assert_eq!(app.verify(&credential, &key)["code"], "REVOKED");
}

on_both!(
    keys_go_on_for_a_service_account,
    all_that_may_have_them_are_offered,
    nothing_is_handed_beyond_ones_own_rights,
    who_leaves_hands_nothing_over
);
