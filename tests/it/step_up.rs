//! "Confirm it is you".

use std::collections::BTreeMap;

use crate::support::{ADMIN, Engine, Form, PASSWORD, TestApp, on_both};

/// Covers: AC-031
fn the_window_is_ten_minutes_of_this_login(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    app.advance(10 * 60 - 1);
    ada.open("/settings/tokens/new");
    ada.make_verifier("billing");
    app.advance(1);
    let page = ada.get("/settings/tokens/new?name=a%20b");
    let asked = page.expect_lead("/step-up?next=%2Fsettings%2Ftokens%2Fnew%3Fname%3Da%2520b");
    let page = ada.follow(&asked);
    assert_eq!(page.one("h1"), "Confirm it is you");
    assert!(page.one(".lede").contains("to create a personal access token"), "{}", page.one(".lede"));
    assert!(page.links().contains(&"/settings/tokens".to_owned()), "one can cancel");

    // Another login's confirmation is not this one's.
    let mut elsewhere = app.browser();
    elsewhere.sign_in(ADMIN, PASSWORD);
    elsewhere.open("/settings/tokens/new");
    assert_eq!(ada.get("/settings/tokens/new").status, 303);

    let back = ada.submit(&page.form("/step-up").set("password", PASSWORD));
    let back = back.expect_lead("/settings/tokens/new?name=a%20b");
    let form = ada.follow(&back);
    assert_eq!(form.notice(), "Thank you. Nothing was done yet: go on where you were.");
    assert_eq!(form.form("/settings/tokens/new").value("name"), "a b");
    assert_eq!((app.logged("session.confirmed"), app.count("tokens")), (1, 0));
    app.advance(10 * 60 - 1);
    ada.open("/settings/tokens/new");
    app.advance(1);
    assert_eq!(ada.get("/settings/tokens/new").status, 303);

    // It is absolute: using it does not make it longer. And it ends with the login.
    ada.sign_out().expect_lead("/login");
    ada.sign_in(ADMIN, PASSWORD);
    ada.open("/settings/tokens/new");
}

/// What was typed while the window ran out comes back; nothing is done by itself.
/// Covers: AC-031
fn a_filled_form_is_carried_over_and_nothing_happens(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let form = ada
        .token_form("dé & <bot>", &["channels:update", "clients:publish"])
        .set("description", "for the build = 100%")
        .set("expiry", "date")
        .set("date", "2026-12-24")
        .set("organization", "acme")
        .tick("may_rotate", "yes");
    app.advance(10 * 60);
    let asked = ada.submit(&form).expect(303);
    assert!(asked.location().starts_with("/step-up?next=%2Fsettings%2Ftokens%2Fnew%3F"), "{}", asked.location());
    for hidden in ["csrf", "form_id"] {
        assert!(!asked.location().contains(hidden), "{}", asked.location());
    }
    let page = ada.follow(&asked);
    let wrong = ada.submit(&page.form("/step-up").set("password", "wrong-Password-1")).expect(422);
    assert_eq!(wrong.error_at("password"), "That is not your password. Try again.");
    let back = ada.submit(&wrong.form("/step-up").set("password", PASSWORD)).expect(303);
    let page = ada.follow(&back);
    assert_eq!((app.count("tokens"), app.mails().len(), app.logged("token.created")), (0, 0, 0));
    let again = page.form("/settings/tokens/new");
    // Every field: one that went missing would be filled in with something else, such as all organizations.
    let ticked = ["channels:read", "channels:list", "channels:update", "clients:publish"];
    assert_eq!(again.values("scope"), ticked);
    let chosen = |form: &Form| -> BTreeMap<String, String> {
        let pairs = form.pairs().into_iter();
        pairs.filter(|(name, _)| !["csrf", "form_id", "scope"].contains(&name.as_str())).collect()
    };
    assert_eq!(chosen(&again), chosen(&form));
    assert_eq!(["organization", "date", "may_rotate"].map(|name| again.value(name)), ["acme", "2026-12-24", "yes"]);
    ada.submit(&again).expect(200);
    assert_eq!((app.count("tokens"), app.mails().len(), app.logged("token.created")), (1, 1, 1));

    app.advance(10 * 60);
    let form = ada.open("/admin/verifiers").form("/admin/verifiers").set("name", "billing");
    let asked = ada.submit(&form).expect_lead("/step-up?next=%2Fadmin%2Fverifiers%3Fname%3Dbilling");
    let page = ada.follow(&asked);
    let back = ada.submit(&page.form("/step-up").set("password", PASSWORD)).expect(303);
    assert_eq!(ada.follow(&back).form("/admin/verifiers").value("name"), "billing");
    assert_eq!(app.count("verifiers"), 0);
}

/// What travels in an address is never a password or a secret, however it came into the form.
/// Covers: AC-031, AC-039
fn nothing_secret_is_carried(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let mut form = ada.token_form("bot", &["channels:read"]);
    for name in ["password", "current", "confirm", "secret", "code"] {
        form = form.smuggle(name, "hush-hush");
    }
    app.advance(10 * 60);
    let to = ada.submit(&form).expect(303).location().to_owned();
    assert!(to.contains("bot") && !to.contains("hush"), "{to}");
    // Too much for an address is left behind rather than cut.
    let form = form.set("description", &"x".repeat(7000));
    ada.submit(&form).expect_lead("/step-up?next=%2Fsettings%2Ftokens%2Fnew");
}

/// Covers: AC-011, AC-031, AC-109
fn five_wrong_answers_end_the_login(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let mut elsewhere = app.browser();
    elsewhere.sign_in(ADMIN, PASSWORD);
    for _ in 0..5 {
        ada.confirm("wrong-Password-1", "/").expect(422);
    }
    assert_eq!(app.logged("session.confirm_refused"), 5);
    let page = ada.confirm(PASSWORD, "/settings/tokens").expect(303);
    assert!(page.location().starts_with("/login"), "{}", page.location());
    ada.get("/settings/profile").expect_lead("/login?next=%2Fsettings%2Fprofile");
    elsewhere.open("/settings/profile");
    assert_eq!((app.count("sessions"), app.logged("session.confirm_refused")), (1, 6));
    assert_eq!(app.logged("session.confirmed"), 0);
}

fn an_empty_answer_costs_no_try(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    for _ in 0..7 {
        assert_eq!(ada.confirm("", "/").expect(422).errors(), ["password"]);
    }
    ada.confirm(PASSWORD, "/settings/logs").expect_lead("/settings/logs");
    assert_eq!(app.count("attempts WHERE door LIKE 'confirm%'"), 0);
}

on_both!(
    the_window_is_ten_minutes_of_this_login,
    a_filled_form_is_carried_over_and_nothing_happens,
    nothing_secret_is_carried,
    five_wrong_answers_end_the_login,
    an_empty_answer_costs_no_try,
);
