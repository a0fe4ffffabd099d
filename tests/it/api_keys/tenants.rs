//! One organization's keys are none of another's.

use keystead::catalogue::Role;
use serde_json::json;

use crate::support::{ADMIN, Browser, Engine, PASSWORD, TestApp, on_both};

/// The list is of the organization that one works in; a key's own page is where the key is, and works whatever else one works in.
/// Covers: S4-24, S4-25, AC-063, S0-32
fn only_the_keys_of_the_organization_worked_in_are_listed(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (mine, _) = ada.create_key("private", &[]);
    ada.make_organization("acme");
    let (acmes, secret) = ada.create_key("of acme", &[]);
    ada.make_organization("globex");
    let (globexs, _) = ada.create_key("of globex", &[]);
    let private = format!("private-{}", app.private_organization(ADMIN));
    for (slug, id, name) in
        [("acme", &acmes, "of acme"), ("globex", &globexs, "of globex"), (&private, &mine, "private")]
    {
        ada.work_in(slug);
        assert_eq!(ada.open("/settings/api-keys").texts(".keys-table .cell-main"), [name]);
        for (other, place) in [(&mine, "Private"), (&acmes, "ACME"), (&globexs, "GLOBEX")] {
            let page = ada.open(&format!("/settings/api-keys/{other}"));
            assert!(page.one(".organization-menu summary").contains(place), "{}", page.one(".organization-menu"));
            let above = page.attributes(".breadcrumb a", "href").pop().unwrap();
            assert_eq!(above == "/settings/api-keys", other == id, "{above}");
            ada.open(&format!("/settings/api-keys/{other}/delete"));
        }
        // To look at it is not to work there.
        assert_eq!(ada.open("/settings/api-keys").texts(".keys-table .cell-main"), [name]);
    }
    // A key asks for nothing elsewhere, whatever its maker may do there.
    let credential = ada.make_verifier("billing");
    let code = |organization: &str| {
        app.ask(&credential, &json!({ "token": secret, "organization": organization })).json()["code"].clone()
    };
    assert_eq!(code("acme"), "VALID");
    for elsewhere in ["globex", &app.organization_id("globex"), &private, "nowhere", "", "ACME"] {
        assert_eq!(code(elsewhere), "INSUFFICIENT_PERMISSIONS", "{elsewhere}");
    }
}

/// The next login begins where the last one worked, as long as that may be; an organization's own menu leads to its keys.
/// Covers: S4-24
fn where_one_works_is_remembered(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    ada.make_organization("globex");
    let mut bob = app.member("acme", "bob@example.com", Role::Admin);
    app.make_member("globex", "bob@example.com", Role::Admin);
    let keys_of = |browser: &mut Browser| browser.open("/settings/api-keys").one(".lede");
    assert!(!keys_of(&mut bob).contains("ACME"));
    // From the menu of an organization's page, in one step.
    let menu = bob.open("/organizations/acme").form_saying("/organizations/acme/switch", "to", "api-keys");
    bob.submit(&menu).expect_lead("/settings/api-keys");
    assert!(keys_of(&mut bob).contains("ACME"));
    let links = bob.open("/organizations/acme/members").attributes("#side-menu a", "href");
    assert!(links.contains(&"/settings/api-keys".to_owned()), "{links:?}");
    bob.sign_out();
    let mut later = app.browser();
    later.sign_in("bob@example.com", PASSWORD);
    assert!(keys_of(&mut later).contains("ACME"), "the next login goes on there");
    bob.sign_in("bob@example.com", PASSWORD);
    bob.work_in("globex");
    assert!(keys_of(&mut later).contains("ACME") && keys_of(&mut bob).contains("GLOBEX"), "each login for itself");
    // Out of it, there is nothing to go on with.
    let path = format!("/organizations/globex/members/{}/remove", app.user_id("bob@example.com"));
    let form = ada.open(&path).form(&path);
    ada.submit(&form).expect(303);
    let mut anew = app.browser();
    anew.sign_in("bob@example.com", PASSWORD);
    assert!(!keys_of(&mut anew).contains("GLOBEX") && !keys_of(&mut bob).contains("GLOBEX"));
}

/// Covers: S4-24, S0-32
fn a_switch_stays_on_the_page(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    ada.make_organization("globex");
    let mut switch = |from: &str, to: &str| {
        let form = ada.open(from).form_with(&format!("/organizations/{to}/switch"), "to");
        ada.submit(&form).location().to_owned()
    };
    for (from, to) in [
        ("/settings/api-keys", "/settings/api-keys"),
        ("/settings/license", "/settings/license"),
        ("/organizations/acme/members", "/organizations/globex/members"),
        ("/organizations/acme/teams/new", "/organizations/globex/teams"),
        ("/organizations/acme/roles", "/organizations/globex/roles"),
        ("/organizations/acme/logs", "/organizations/globex/logs"),
        ("/organizations/acme/license", "/organizations/globex/license"),
        ("/organizations/acme/service-accounts", "/organizations/globex/service-accounts"),
        ("/organizations/acme/settings", "/organizations/globex/settings"),
        ("/organizations/acme/policy", "/organizations/globex/policy"),
        ("/settings/profile", "/organizations/globex"),
        ("/organizations/acme", "/organizations/globex"),
    ] {
        switch("/settings/profile", "acme");
        assert_eq!(switch(from, "globex"), to, "{from}");
    }
    // Where the other has no such page for them, it is the overview.
    let private = format!("private-{}", app.private_organization(ADMIN));
    assert_eq!(switch("/organizations/acme/members", &private), format!("/organizations/{private}"));
    let mut bob = app.member("acme", "bob@example.com", Role::Viewer);
    bob.make_organization("bobs");
    let form = bob.open("/organizations/bobs/logs").form_with("/organizations/acme/switch", "to");
    bob.submit(&form).expect_lead("/organizations/acme");
}

/// Covers: AC-063
fn from_where_others_keys_come_is_for_the_logs_readers(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut bob = app.member("acme", "bob@example.com", Role::Member);
    bob.work_in("acme");
    let (id, secret) = bob.create_key("of Bob", &[]);
    let credential = ada.make_verifier("billing");
    let question = json!({ "token": secret, "client_address": "192.0.2.7", "client_agent": "curl/8" });
    assert_eq!(app.ask(&credential, &question).json()["code"], "VALID");
    app.flush();
    let (page, call) = (format!("/settings/api-keys/{id}"), format!("/api/v1/organizations/acme/api-keys/{id}"));
    let mut carol = app.member("acme", "carol@example.com", Role::Member);
    for (browser, sees) in [(&mut bob, true), (&mut ada, true), (&mut carol, false)] {
        let shown = browser.open(&page).text();
        let called = browser.call("GET", &call, &json!(null)).text();
        let listed = browser.call("GET", "/api/v1/organizations/acme/api-keys", &json!(null)).text();
        for (from, told) in [("127.0.0.1", [&shown, &called].as_slice()), ("192.0.2.7", &[&shown, &called, &listed])] {
            assert!(told.iter().all(|text| text.contains(from) == sees), "{from} {sees}: {shown} {called} {listed}");
        }
        assert_eq!((shown.contains("Firefox"), shown.contains("API key created")), (sees, true));
    }
}

/// Two tabs, two organizations: a form holds for the one that it was made for, or for none.
/// Covers: AC-063, AC-082
fn a_form_of_another_tab_does_nothing(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let (id, _) = ada.create_key("of acme", &[]);
    let form = ada.key_form("meant for acme");
    let path = format!("/settings/api-keys/{id}/delete");
    let delete = ada.open(&path).form(&path);
    ada.make_organization("globex");
    let before = app.dump_but(&["attempts"]);
    ada.submit(&form).expect(403);
    // Another organization's id in the form's own field helps nobody: the key is not there.
    let globex = app.organization_id("globex");
    ada.submit(&delete.clone().set("made_for", &globex)).expect(403);
    app.is_still_but(&["attempts"], &before);
    // A key's own form is for the key's organization, and leads back to it rather than to the list of another.
    ada.submit(&delete).expect_lead("/organizations/acme");
    ada.work_in("acme");
    // The administrator of another organization reaches none by its id, nor does an outsider.
    let (id, _) = ada.create_key("again", &[]);
    let mut bob = app.other("bob@example.com");
    bob.make_organization("bobs");
    for path in [format!("/settings/api-keys/{id}"), format!("/settings/api-keys/{id}/delete")] {
        bob.get(&path).expect(404);
    }
    let (own, _) = bob.create_key("Bob's", &[]);
    let path = format!("/settings/api-keys/{own}/delete");
    let mut forged = bob.open(&path).form(&path);
    forged.action = format!("/settings/api-keys/{id}/delete");
    bob.submit(&forged).expect(404);
    assert_eq!(app.count(&format!("tokens WHERE id = '{id}'")), 1);
    // Whoever was removed from the organization that they work in falls back to their own.
    let mut carol = app.member("acme", "carol@example.com", Role::Admin);
    carol.work_in("acme");
    carol.open(&format!("/settings/api-keys/{id}"));
    let path = format!("/organizations/acme/members/{}/remove", app.user_id("carol@example.com"));
    let form = ada.open(&path).form(&path);
    ada.submit(&form).expect(303);
    carol.get(&format!("/settings/api-keys/{id}")).expect(404);
    assert!(carol.open("/settings/api-keys").one(".lede").contains("Private"));
}

on_both!(
    only_the_keys_of_the_organization_worked_in_are_listed,
    a_switch_stays_on_the_page,
    from_where_others_keys_come_is_for_the_logs_readers,
    where_one_works_is_remembered,
    a_form_of_another_tab_does_nothing,
);
