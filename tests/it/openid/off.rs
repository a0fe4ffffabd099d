//! An instance without passwords: a provider alone.

use keystead::config::SignUpMode;
use serde_json::json;

use super::nothing;
use crate::support::{ADMIN, Browser, Engine, Issuer, PASSWORD, Request, TestApp, on_both};

fn without_passwords(engine: Engine, issuer: &Issuer, sign_up: SignUpMode) -> TestApp {
    let provider = issuer.provider("example", &nothing());
    TestApp::with(engine, |config| {
        config.password_sign_in = false;
        config.providers = vec![provider];
        config.sign_up = sign_up;
    })
}

/// The first administrator comes through the provider, with the printed code.
#[track_caller]
fn set_up(app: &TestApp, issuer: &Issuer) -> Browser {
    let mut ada = app.browser();
    let page = ada.open(&format!("/setup?code={}", app.setup_code()));
    let with = page.links().into_iter().find(|link| link.starts_with("/login/example")).expect("a way to the provider");
    issuer.go(&mut ada, &with, "ada", &nothing()).expect_lead("/settings/profile");
    ada
}

/// Covers: S1-2
fn the_first_administrator_comes_through_the_provider(engine: Engine) {
    let issuer = Issuer::start();
    let app = without_passwords(engine, &issuer, SignUpMode::Closed);
    let mut ada = app.browser();
    let page = ada.open("/setup");
    let form = page.form("/setup").set("code", "0000-0000-0000-0000");
    let place = ada.submit(&form).expect(303).location().to_owned();
    ada.get(&place).expect(422).error_at("code");
    let code = app.setup_code();
    // Two begin; one is first.
    let with = keystead::urls::set_up_with("example", &code);
    let mut mallory = app.browser();
    let sent = mallory.get(&with).expect(303);
    let back = issuer.says_yes(sent.location(), "mallory", &nothing());
    let unproved = json!({ "email_verified": false });
    assert!(issuer.go(&mut ada, &with, "ada", &unproved).expect(303).location().starts_with("/login/connect/"));
    assert_eq!(app.count("users"), 0);
    let mut ada = set_up(&app, &issuer);
    ada.open("/admin");
    assert_eq!(app.logged("instance.set_up"), 1);
    mallory.get(&back).expect(400);
    assert_eq!((app.count("users"), app.count("users WHERE is_administrator")), (1, 1));
    app.browser().get(&with).expect(303);
    assert_eq!(app.count("setup_codes"), 0);
}

/// No page asks for a password, and none can be set, used or reset.
/// Covers: AC-032, AC-036
fn there_are_no_passwords(engine: Engine) {
    let issuer = Issuer::start();
    let app = without_passwords(engine, &issuer, SignUpMode::Open);
    let mut ada = set_up(&app, &issuer);
    // From a time when there were passwords.
    app.make_user("old@example.com");
    let mut stranger = app.browser();
    let page = stranger.open("/login");
    assert!(page.attributes("input[type=password], main input[type=email]", "name").is_empty());
    assert!(page.links().contains(&"/login/example".to_owned()));
    assert!(!page.links().iter().any(|link| link == "/password/forgot" || link == "/signup"));
    stranger.get("/signup").expect_lead("/login");
    for path in [
        "/password/forgot",
        &format!("/password/reset/{}", "0".repeat(64)),
        &format!("/email/confirm/{}", "0".repeat(64)),
    ] {
        let page = stranger.get(path).expect(403);
        assert_eq!(page.one("h1"), "There are no passwords here", "{path}");
    }
    let csrf = ada.open("/settings/profile").form("/logout").value("csrf");
    let before = app.dump_but(&["attempts"]);
    for path in
        ["/password/forgot", &format!("/password/reset/{}", "0".repeat(64)), "/settings/security/password", "/signup"]
    {
        let fields = [
            ("csrf", csrf.as_str()),
            ("email", "old@example.com"),
            ("password", PASSWORD),
            ("confirm", PASSWORD),
            ("first_name", "Old"),
        ];
        let request = Request::post(path).form(&fields).header("Sec-Fetch-Site", "same-origin");
        assert_eq!(ada.send(request).status, 403, "{path}");
    }
    app.is_still_but(&["attempts"], &before);
    let fields = [("csrf", csrf.as_str()), ("email", "old@example.com"), ("password", PASSWORD)];
    let request = Request::post("/login").form(&fields).header("Sec-Fetch-Site", "same-origin");
    let answer = ada.send(request);
    assert_eq!((answer.status, answer.location(), app.logged("session.sign_in_refused")), (303, "/login", 0));
    // A password that is still there confirms nothing either.
    app.advance(600);
    let hash = app.hash(PASSWORD);
    app.sql(&format!("UPDATE users SET password_hash = '{hash}'"));
    let page = ada.open("/step-up?next=%2Fsettings%2Ftokens%2Fnew");
    assert!(page.attributes("input[type=password]", "name").is_empty());
    let request = Request::post("/step-up").form(&fields).header("Sec-Fetch-Site", "same-origin");
    assert!(ada.send(request).location().starts_with("/step-up"));
    assert_eq!(ada.get("/settings/tokens/new").status, 303);
    assert!(!ada.open("/settings/security").text().contains("Change password"));
}

/// A password that no longer counts is no way in that could be left.
fn a_password_is_no_way_in(engine: Engine) {
    let issuer = Issuer::start();
    let app = without_passwords(engine, &issuer, SignUpMode::Closed);
    let mut ada = set_up(&app, &issuer);
    let hash = app.hash(PASSWORD);
    app.sql(&format!("UPDATE users SET password_hash = '{hash}'"));
    let page = ada.open("/settings/security");
    let action = page.attributes("form[action$=\"/disconnect\"]", "action").remove(0);
    ada.submit(&page.form(&action)).expect(303);
    assert_eq!(app.count("identities"), 1);
}

/// An undone change of the address leads to the sign-in, not to a password that nobody has; and what was connected by
/// whoever changed it opens nothing any more.
/// Covers: AC-086
fn an_undone_change_leads_to_the_sign_in(engine: Engine) {
    let issuer = Issuer::start();
    let app = without_passwords(engine, &issuer, SignUpMode::Closed);
    let mut ada = set_up(&app, &issuer);
    let known = issuer.sign_in(&mut app.browser(), "ada", &nothing());
    known.expect_lead("/settings/profile");
    ada.change_email("thief@example.com").expect(303);
    let (new, old) = (app.mailed_link("thief@example.com"), app.mailed_link(ADMIN));
    issuer.go(&mut ada, "/settings/security/connections/with/example", "thief", &nothing()).expect(303);
    let user = app.user_id(ADMIN);
    app.sql(&format!(
        "INSERT INTO identities (id, user_id, provider, issuer, subject, email, created_at) \
         VALUES ('01jd0000000000000000000001', '{user}', 'example', '{}', 'thief', 'thief@example.com', {})",
        issuer.url,
        app.now().unix()
    ));
    app.sql(&format!("UPDATE identities SET created_at = {} WHERE subject = 'ada'", app.now().unix() - 1));
    let mut owner = app.browser();
    let allow = owner.open(&old).form_saying(&old, "answer", "allow");
    owner.submit(&allow).expect(303);
    let form = ada.open(&new).form(&new);
    ada.submit(&form).expect(303);
    assert_eq!(app.count("users WHERE email = 'thief@example.com'"), 1);
    let undo = owner.open(&old).form_saying(&old, "answer", "undo");
    let undone = owner.submit(&undo).expect_lead("/login");
    assert!(owner.follow(&undone).notice().contains("Sign in, then look through your passkeys"));
    assert_eq!((app.count("sessions"), app.count("links"), app.user_id(ADMIN)), (0, 0, user));
    assert!(!app.mails().pop().unwrap().text.contains("/password/"));
    let place = issuer.sign_in(&mut app.browser(), "thief", &nothing()).location().to_owned();
    assert!(place.starts_with("/login/connect/"), "{place}");
    issuer.sign_in(&mut owner, "ada", &nothing()).expect_lead("/settings/profile");
}

/// Invited people come through the provider, with the address that was invited.
fn the_invited_come_through_the_provider(engine: Engine) {
    let issuer = Issuer::start();
    let app = without_passwords(engine, &issuer, SignUpMode::Invitation);
    let mut ada = set_up(&app, &issuer);
    let invitation = ada.invite("carol@example.com");
    let mut carol = app.browser();
    let page = carol.open(&invitation);
    assert!(page.attributes("main input[type=password]", "name").is_empty());
    assert!(page.links().contains(&"/login/example".to_owned()));
    let fields = [("csrf", ""), ("first_name", "Carol"), ("password", PASSWORD), ("confirm", PASSWORD)];

    assert_eq!(carol.send(Request::post(&invitation).form(&fields)).status, 403);
    issuer.sign_in(&mut app.browser(), "dora", &nothing()).expect(303);
    assert_eq!(app.count("users"), 1);
    issuer.sign_in(&mut carol, "carol", &nothing()).expect_lead("/settings/profile");
    assert_eq!(app.count("users WHERE password_hash IS NULL"), 2);
    assert_ne!(app.user_id("carol@example.com"), app.user_id("ada@example.com"));
    assert_eq!(ADMIN, "ada@example.com");
}

on_both!(
    the_first_administrator_comes_through_the_provider,
    there_are_no_passwords,
    a_password_is_no_way_in,
    an_undone_change_leads_to_the_sign_in,
    the_invited_come_through_the_provider,
);
