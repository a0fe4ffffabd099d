//! What a key may do is what its maker may do, at this moment.

use keystead::catalogue::Role;
use serde_json::{Value, json};

use crate::support::{ADMIN, Engine, TestApp, at_once, on_both};

fn ask(app: &TestApp, credential: &str, token: &str, operation: &str) -> String {
    let question = json!({ "token": token, "entity_type": "channels", "operation": operation });
    app.ask(credential, &question).json()["code"].as_str().unwrap().to_owned()
}

/// Every answer about a key, member by member.
/// Covers: S4-23, S4-28, AC-061
fn a_key_answers_for_its_maker(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let credential = ada.make_verifier("billing");
    let mut bob = app.member("acme", "bob@example.com", Role::Member);
    bob.work_in("acme");
    let (id, secret) = bob.create_key("Production", &[]);
    let (acme, user) = (app.organization_id("acme"), app.user_id("bob@example.com"));
    let known = json!({
        "valid": true, "code": "VALID", "token_id": id, "name": "Production", "kind": "key", "user_id": user,
        "organization_id": acme, "expires_at": "2027-11-22T00:06:00Z",
    });
    assert_eq!(app.verify(&credential, &secret), known);
    for named in [acme.as_str(), "acme"] {
        let answer = app.ask(&credential, &json!({ "token": secret, "organization": named })).json();
        assert_eq!(answer, known, "{named}");
    }
    for (operation, code) in [("read", "VALID"), ("update", "VALID"), ("delete", "INSUFFICIENT_PERMISSIONS")] {
        assert_eq!(ask(&app, &credential, &secret, operation), code, "{operation}");
    }
    let answer = app.introspect(&credential, &secret);
    assert_eq!((answer["active"].as_bool(), answer["sub"].as_str()), (Some(true), Some(user.as_str())));
    assert_eq!((answer["org"].as_str(), answer["jti"].as_str()), (Some(acme.as_str()), Some(id.as_str())));
    let scopes = answer["scope"].as_str().unwrap();
    assert!(scopes.contains("channels:update") && !scopes.contains("channels:delete"), "{scopes}");
    let own = app.token_self(&secret).json();
    assert_eq!((own["kind"].as_str(), own["organization_id"].as_str()), (Some("key"), Some(acme.as_str())));
    assert_eq!(own["user"]["id"].as_str(), Some(user.as_str()));
    // A team's role adds to it; so does a role of the organization's own, and neither is kept in the key.
    app.sql(&format!(
        "INSERT INTO roles (id, organization_id, name, name_key, description, rights, created_at) \
         VALUES ('r', '{acme}', 'R', 'r', '', 'channels:delete', 0); \
         INSERT INTO teams (id, organization_id, name, name_key, description, role, role_id, created_at) \
         VALUES ('t1', '{acme}', 'T1', 't1', '', 'own', 'r', 0), ('t2', '{acme}', 'T2', 't2', '', NULL, NULL, 0); \
         INSERT INTO team_members (team_id, user_id, organization_id, created_at) \
         VALUES ('t1', '{user}', '{acme}', 0), ('t2', '{user}', '{acme}', 0)"
    ));
    assert_eq!(ask(&app, &credential, &secret, "delete"), "VALID");
    assert_eq!(app.verify(&credential, &secret), known, "one answer, however many teams");
    app.sql("DELETE FROM team_members WHERE team_id = 't1'");
    assert_eq!(ask(&app, &credential, &secret, "delete"), "INSUFFICIENT_PERMISSIONS");
    app.sql(&format!("UPDATE members SET role = 'own', role_id = 'r' WHERE user_id = '{user}' AND role = 'member'"));
    assert_eq!(ask(&app, &credential, &secret, "delete"), "VALID");
    assert_eq!(ask(&app, &credential, &secret, "publish"), "INSUFFICIENT_PERMISSIONS");
}

/// Whoever is demoted while their key is in use in a loop: what starts after the answer is limited. A narrowed key never
/// does more than what it was narrowed to, whatever becomes of the role.
/// Covers: AC-061, S4-27
fn a_lowered_role_holds_from_the_next_check(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let credential = ada.make_verifier("billing");
    let mut bob = app.member("acme", "bob@example.com", Role::Admin);
    bob.work_in("acme");
    let (_, all) = bob.create_key("all", &[]);
    let (_, narrowed) = bob.create_key("narrowed", &["channels:update"]);
    let user = app.user_id("bob@example.com");
    let path = format!("/organizations/acme/members/{user}/role");
    let mut give = |role: &str| {
        let form = ada.open(&path).form(&path).set("role", role);
        ada.submit(&form).expect(303);
    };
    let codes = |operation: &str| [&all, &narrowed].map(|key| ask(&app, &credential, key, operation));
    assert_eq!(codes("delete"), ["VALID", "INSUFFICIENT_PERMISSIONS"]);
    assert_eq!(codes("update"), ["VALID", "VALID"]);
    let demoted = std::sync::atomic::AtomicBool::new(false);
    let late = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let (mut before, mut late) = (0, 0);
            for _ in 0..400 {
                let knew = demoted.load(std::sync::atomic::Ordering::SeqCst);
                let valid = ask(&app, &credential, &all, "update") == "VALID";
                before += i32::from(valid && !knew);
                late += i32::from(valid && knew);
            }
            (before, late)
        });
        give("viewer");
        demoted.store(true, std::sync::atomic::Ordering::SeqCst);
        asking.join().unwrap()
    });
    assert_eq!(late.1, 0, "positive answers that began after the demotion's; {} before", late.0);
    assert_eq!(codes("update"), ["INSUFFICIENT_PERMISSIONS"; 2].map(str::to_owned));
    assert_eq!(codes("read"), ["VALID", "VALID"]);
    give("owner");
    assert_eq!(codes("delete"), ["VALID", "INSUFFICIENT_PERMISSIONS"], "a promotion widens no narrowed key");
}

/// A key is for nothing over its organization's own matters, even if its maker owns the place.
/// Covers: AC-055
fn a_key_opens_no_page_and_no_other_call(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let (_, secret) = ada.create_key("all", &[]);
    assert_eq!(app.token_self(&secret).status, 200);
    for path in ["/organizations/acme", "/settings/api-keys", "/organizations/acme/members"] {
        let request = crate::support::Request::get(path).bearer(&secret);
        assert_eq!(app.send(&request).status, 303, "{path} leads to the sign-in");
    }
    let verify = crate::support::Request::post("/api/v1/verify").bearer(&secret).json(&json!({ "token": secret }));
    assert_eq!(app.send(&verify).status, 401, "a key is no verifier");
    // Its words changed into another kind's are no credential.
    let credential = ada.make_verifier("billing");
    for kind in ["pat", "svc", "cli", "ver"] {
        let other = secret.replacen("_key_", &format!("_{kind}_"), 1);
        assert_eq!(app.verify(&credential, &other)["code"], "NOT_FOUND", "{kind}");
    }
}

/// Removed, left, suspended, erased, the organization deleted: the key is good for nothing at the next check. Whoever is a
/// member again begins anew.
/// Covers: AC-062, S4-35
fn a_key_ends_with_its_makers_membership(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let credential = ada.make_verifier("billing");
    let key = |email: &str| {
        let mut somebody = app.member("acme", email, Role::Member);
        somebody.work_in("acme");
        let (id, secret) = somebody.create_key(&format!("of {email}"), &[]);
        (somebody, id, secret)
    };
    let code = |secret: &str| -> Value { app.verify(&credential, secret)["code"].clone() };
    // Removed: said before, stopped in the same commit, logged, and not revived.
    let (mut bob, id, secret) = key("bob@example.com");
    let path = format!("/organizations/acme/members/{}/remove", app.user_id("bob@example.com"));
    let asked = ada.open(&path);
    assert!(asked.texts(".prose li").iter().any(|line| line.contains("of bob@example.com")), "{}", asked.text());
    ada.submit(&asked.form(&path)).expect(303);
    assert_eq!(code(&secret), "REVOKED");
    assert_eq!(app.count(&format!("audit_events WHERE action = 'api_key.stopped' AND subject_id = '{id}'")), 1);
    app.make_member("acme", "bob@example.com", Role::Owner);
    assert_eq!(code(&secret), "REVOKED");
    bob.work_in("acme");
    assert_eq!(bob.open(&format!("/settings/api-keys/{id}")).texts(".badge")[0], "Revoked");
    // Left.
    let (mut carol, _, secret) = key("carol@example.com");
    let form = carol.open("/organizations/acme/leave").form("/organizations/acme/leave");
    carol.submit(&form).expect(303);
    assert_eq!(code(&secret), "REVOKED");
    // Out by any other way: there is nothing to inherit.
    let (_, _, secret) = key("dora@example.com");
    let dora = app.user_id("dora@example.com");
    app.sql(&format!("DELETE FROM members WHERE user_id = '{dora}' AND role = 'member'"));
    assert_eq!(code(&secret), "INSUFFICIENT_PERMISSIONS");
    assert_eq!(app.introspect(&credential, &secret), json!({ "active": false }));
    assert_eq!(app.token_self(&secret).status, 401);
    // Suspended, and back: its account is what was disabled, not the key.
    let (_, id, secret) = key("erin@example.com");
    app.sql("UPDATE users SET status = 'suspended' WHERE email = 'erin@example.com'");
    assert_eq!(code(&secret), "DISABLED");
    assert_eq!(ada.open(&format!("/settings/api-keys/{id}")).texts(".badge")[0], "Disabled");
    app.sql("UPDATE users SET status = 'active' WHERE email = 'erin@example.com'");
    assert_eq!(code(&secret), "VALID");
    // Erased.
    app.sql("DELETE FROM users WHERE email = 'erin@example.com'");
    assert_eq!(code(&secret), "NOT_FOUND");
    // The organization deleted.
    let (_, _, secret) = key("frank@example.com");
    let form = ada.open("/organizations/acme/delete").form("/organizations/acme/delete").set("phrase", "ACME");
    ada.submit(&form).expect(303);
    assert_eq!(code(&secret), "NOT_FOUND");
}

/// Many checks at the moment of a removal: none that begins after its answer is good.
/// Covers: AC-062, AC-074
fn a_removal_leaves_no_check_behind(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let credential = ada.make_verifier("billing");
    let mut bob = app.member("acme", "bob@example.com", Role::Admin);
    bob.work_in("acme");
    let (_, secret) = bob.create_key("in a loop", &[]);
    let path = format!("/organizations/acme/members/{}/remove", app.user_id("bob@example.com"));
    let form = ada.open(&path).form(&path);
    let removed = std::sync::atomic::AtomicBool::new(false);
    let late = at_once(4, |index| {
        if index == 0 {
            ada.clone().submit(&form).expect(303);
            removed.store(true, std::sync::atomic::Ordering::SeqCst);
            return 0;
        }
        let mut late = 0;
        for _ in 0..150 {
            let knew = removed.load(std::sync::atomic::Ordering::SeqCst);
            late += i32::from(knew && app.verify(&credential, &secret)["valid"] == true);
        }
        late
    });
    assert_eq!(late, [0; 4]);
    assert_eq!(app.verify(&credential, &secret)["code"], "REVOKED");
    assert!(app.mails().iter().all(|mail| !mail.text.contains(&secret)));
    assert_eq!(app.user_id(ADMIN).len(), 26);
}

on_both!(
    a_key_answers_for_its_maker,
    a_lowered_role_holds_from_the_next_check,
    a_key_opens_no_page_and_no_other_call,
    a_key_ends_with_its_makers_membership,
    a_removal_leaves_no_check_behind,
);
