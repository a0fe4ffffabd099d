//! Making a key.

use keystead::catalogue::Role;

use crate::support::{ADMIN, Engine, TestApp, at_once, on_both, read_issued};

/// Covers: S4-21, S4-22, S4-23, S4-29, S4-30, S0-32
fn a_key_is_described_generated_and_copied(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let linked = ada.open("/settings/api-keys/new?access=selected&scope=channels:read&scope=channels:fly");
    assert_eq!(linked.errors(), ["scope"], "what an address asks for and can't be is said at once, and nothing else");
    let form = ada.key_form("  Production API Key ");
    assert_eq!(form.value("access"), "everything", "a key inherits unless it is narrowed");
    let page = ada.submit(&form).expect(200);
    let (id, secret) = read_issued(&page);
    assert_eq!(page.one("h1"), "Your new key");
    assert!(
        page.one(".lede").contains("Production API Key is ready. Active until 22 November 2027."),
        "{}",
        page.one(".lede")
    );
    assert!(page.one(".lede").contains("do everything that its maker may do in ACME"), "{}", page.one(".lede"));
    assert!(page.text().contains("It is shown only now."));
    assert_eq!(page.one("button[data-copy=secret]"), "Copy Key");
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert!(page.one("#curl").contains("$TOKEN") && !page.one("#curl").contains(&secret));
    assert_eq!(page.attributes("[data-address]", "data-address"), [format!("/settings/api-keys/{id}")]);
    assert!(secret.starts_with("kst_key_") && secret.len() == 44, "{secret}");

    let (user, acme, now) = (app.user_id(ADMIN), app.organization_id("acme"), app.now().unix());
    let record = format!(
        "tokens WHERE id = '{id}' AND kind = 'key' AND user_id = '{user}' AND organization_id = '{acme}' \
         AND holder = '{acme}' AND name = 'Production API Key' AND everything AND scopes = '' AND created_at = {now}"
    );
    assert_eq!(app.count(&record), 1, "{}", app.dump());
    let kept = format!(
        "token_secrets WHERE token_id = '{id}' AND is_current AND holder = '{acme}' AND expires_at = {}",
        now + 365 * 86_400
    );
    assert_eq!(app.count(&kept), 1, "{}", app.dump());
    let entry = app.last_logged();
    assert_eq!(
        (entry.action.as_str(), entry.subject_id.as_str(), entry.subject_name.as_str()),
        ("api_key.created", id.as_str(), "Production API Key")
    );
    assert_eq!(entry.user_id.as_deref(), Some(user.as_str()));
    assert_eq!(app.count(&format!("audit_events WHERE action = 'api_key.created' AND organization_id = '{acme}'")), 1);
    let mail = app.mails().pop().expect("a mail to its maker");
    assert_eq!((mail.recipient.as_str(), mail.subject.as_str()), (ADMIN, "Keystead: an API key was created"));
    assert!(mail.text.contains("Production API Key") && mail.text.contains("22 November 2027"), "{}", mail.text);

    // Good for a year, to the second, and not a second more.
    let verifier = ada.make_verifier("billing");
    assert_eq!(app.verify(&verifier, &secret)["code"], "VALID");
    app.advance(365 * 86_400 - 1);
    assert_eq!(app.verify(&verifier, &secret)["code"], "VALID");
    app.advance(1);
    assert_eq!(app.verify(&verifier, &secret)["code"], "EXPIRED");
}

/// In the one answer, and nowhere else: not on a page, in a mail, in the log, in the database.
/// Covers: S4-30, S4-33, AC-052, AC-053
fn the_key_is_in_one_answer_and_nowhere_else(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let form = ada.key_form("Production");
    let page = ada.submit(&form).expect(200);
    let (id, secret) = read_issued(&page);
    let file = page.form(&format!("/settings/api-keys/{id}/file"));
    let answer = ada.submit(&file).expect(200);
    let json: serde_json::Value = serde_json::from_str(&answer.text()).expect("JSON");
    assert_eq!((json["name"].as_str(), json["token"].as_str()), (Some("Production"), Some(secret.as_str())));
    assert_eq!(json["scopes"], serde_json::json!(["*"]));
    assert!(answer.header("content-disposition").unwrap().contains("api-key-Production.json"));
    // Another key's page does not make a file of this secret.
    let (other, _) = ada.create_key("Other", &[]);
    let mut wrong = file.clone();
    wrong.action = format!("/settings/api-keys/{other}/file");
    ada.submit(&wrong).expect(404);

    let again = ada.submit(&form).expect_lead(&format!("/settings/api-keys/{id}"));
    let shown = ada.follow(&again);
    assert!(shown.notice().starts_with("This key was created already, and it is shown only once."));
    assert_eq!(app.count("tokens"), 2, "no second one");
    let body = &secret["kst_key_".len()..];
    for path in ["/settings/api-keys", &format!("/settings/api-keys/{id}"), "/settings/logs", "/organizations/acme"] {
        assert!(!ada.open(path).text().contains(body), "{path}");
    }
    assert!(!app.dump().contains(body));
    assert!(ada.open("/settings/api-keys").text().contains(&format!("kst_key_…{}", &secret[40..])));
    // Deleted and sent again: nothing comes back.
    let path = format!("/settings/api-keys/{id}/delete");
    let delete = ada.open(&path).form(&path);
    ada.submit(&delete).expect_lead("/settings/api-keys");
    let after = ada.submit(&form).expect_lead("/settings/api-keys");
    assert!(ada.follow(&after).notice().contains("has been deleted since"));
    assert_eq!(app.count("tokens"), 1);
}

/// Covers: FC-44
fn one_form_makes_one_key(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let form = ada.key_form("Production");
    let pages = at_once(8, |_| ada.clone().submit(&form));
    assert_eq!(pages.iter().filter(|page| page.status == 200).count(), 1);
    assert_eq!([app.count("tokens"), app.count("token_secrets"), app.count("outbox")], [1; 3]);
    ada.submit(&form.clone().without("form_id")).expect(400);
}

/// Covers: AC-056, AC-010, S4-28
fn what_is_wrong_is_said_at_its_field(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let form = ada.key_form("Production");
    let before = app.dump_but(&["attempts"]);
    for bad in ["", "   ", "a\u{202e}b", &"x".repeat(101)] {
        assert_eq!(ada.submit(&form.clone().set("description", bad)).expect(422).errors(), ["description"], "{bad:?}");
    }
    // A row for a single thing is of what is selected, so that becomes the choice; typed and not added, nobody knows what it means.
    let single = form.clone().set("entity_type", "channels").set("entity_id", "42");
    assert_eq!(form.value("access"), "everything");
    let page = ada.submit(&single.clone().press("more", "row")).expect(200);
    let more = page.form(&form.action);
    assert_eq!((more.value("access"), more.values("entity")), ("selected".to_owned(), vec!["channels:42".to_owned()]));
    assert_eq!(ada.submit(&single).expect(422).errors(), ["entity_id"]);
    let narrowed = form.clone().set("access", "selected");
    let page = ada.submit(&narrowed).expect(422);
    assert!(page.error_at("scope").starts_with("Tick at least one right"));
    for bad in ["*", "channels:*", "boats:read", "org.members:delete", ""] {
        let page = ada.submit(&narrowed.clone().smuggle("scope", bad)).expect(422);
        assert_eq!(page.errors(), ["scope"], "{bad:?}");
    }
    for bad in ["", "all", "Everything"] {
        let page = ada.submit(&form.clone().without("access").smuggle("access", bad)).expect(422);
        assert_eq!(page.errors(), ["access"], "{bad:?}");
    }
    // Beyond what its maker may do.
    let mut bob = app.member("acme", "bob@example.com", Role::Member);
    bob.work_in("acme");
    let form = bob.key_form("Bob's").set("access", "selected").tick("scope", "channels:delete");
    let page = bob.submit(&form).expect(422);
    assert!(page.error_at("scope").contains("channels:delete"), "{}", page.error_at("scope"));
    assert_eq!(app.count("tokens"), 0);
    assert_ne!(app.dump_but(&["attempts"]), before, "Bob is new");
    // What a hostile description holds is text.
    let hostile = "<script>alert(1)</script>{{7*7}}\"'&";
    let (id, _) = ada.create_key(hostile, &[]);
    for path in ["/settings/api-keys", &format!("/settings/api-keys/{id}"), &format!("/settings/api-keys/{id}/delete")]
    {
        let page = ada.open(path);
        assert!(!page.text().contains("<script>alert") && page.one("main").contains(hostile), "{path}");
    }
}

/// Covers: S4-26
fn who_makes_keys_follows_from_the_role(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    for (email, role, may) in [
        ("bob@example.com", Role::Admin, true),
        ("carol@example.com", Role::Member, true),
        ("dora@example.com", Role::Viewer, false),
    ] {
        let mut somebody = app.member("acme", email, role);
        somebody.work_in("acme");
        let list = somebody.open("/settings/api-keys");
        assert_eq!(list.links().contains(&"/settings/api-keys/new".to_owned()), may, "{role:?}");
        let form = somebody.get("/settings/api-keys/new");
        assert_eq!(form.status, if may { 200 } else { 403 }, "{role:?}");
    }
    // A role that was lowered while the form was filled in.
    let mut carol = app.browser();
    carol.sign_in("carol@example.com", crate::support::PASSWORD);
    let form = carol.key_form("late");
    let carol_id = app.user_id("carol@example.com");
    app.sql(&format!("UPDATE members SET role = 'viewer' WHERE user_id = '{carol_id}' AND role = 'member'"));
    carol.submit(&form).expect(403);
    assert_eq!(app.count("tokens"), 0);
    // In one's own place everybody makes keys.
    let mut dora = app.browser();
    dora.sign_in("dora@example.com", crate::support::PASSWORD);
    dora.work_in(&format!("private-{}", app.private_organization("dora@example.com")));
    dora.create_key("mine", &[]);
}

on_both!(
    a_key_is_described_generated_and_copied,
    the_key_is_in_one_answer_and_nowhere_else,
    one_form_makes_one_key,
    what_is_wrong_is_said_at_its_field,
    who_makes_keys_follows_from_the_role,
);
