//! My profile.

use crate::support::{ADMIN, Engine, TestApp, on_both};

/// Covers: S2-4, S4-1, S4-2, S0-24
fn names_are_saved_by_the_button(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let page = ada.open("/settings/profile");
    assert_eq!(page.attributes("#email", "value"), [ADMIN]);
    assert_eq!(page.attributes("#email[readonly]", "id"), ["email"]);
    assert_eq!(page.one("#email-hint"), "It is your sign-in name, so it is locked here.");
    let form = page.form("/settings/profile");
    assert_eq!((form.value("first_name"), form.value("last_name")), ("Ada".to_owned(), "Lovelace".to_owned()));
    let saved =
        ada.submit(&form.set("first_name", "  Zoe\u{308} ").set("last_name", "")).expect_lead("/settings/profile");
    let page = ada.follow(&saved);
    assert_eq!(page.notice(), "Your profile is saved.");
    assert_eq!(page.form("/settings/profile").value("first_name"), "Zo\u{eb}");
    assert_eq!(app.count("users WHERE first_name = 'Zo\u{eb}' AND last_name = ''"), 1);
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.detail.as_str()), ("profile.changed", "first name, last name"));
    assert!(!format!("{entry:?}").contains("Zo\u{eb}"), "the name itself does not outlive its owner in the log");
    assert!(page.one(".account-menu .menu-person strong").contains("Zo\u{eb}"));
    // Saving what is there already is no change.
    let form = page.form("/settings/profile");
    ada.submit(&form).expect_lead("/settings/profile");
    assert_eq!(app.logged("profile.changed"), 1);
}

/// The same handler, asked by the script: one field at a time, and an answer for a program.
/// Covers: S4-3
fn a_field_saves_itself(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.open("/settings/profile").form("/settings/profile");
    let answer = ada.submit_by_script(&form.clone().without("last_name").set("first_name", "Augusta"));
    assert_eq!((answer.status, answer.json()), (200, serde_json::json!({ "saved": true })));
    assert_eq!(app.count("users WHERE first_name = 'Augusta' AND last_name = 'Lovelace'"), 1);
    assert_eq!(app.last_logged().detail, "first name");

    let answer = ada.submit_by_script(&form.clone().without("last_name").set("first_name", " "));
    assert_eq!(answer.status, 422);
    let wanted = serde_json::json!({ "errors": [{ "field": "first_name", "message": "Enter your first name" }] });
    assert_eq!(answer.json(), wanted);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    // Whose login is over must hear so: a redirect would look like success.
    app.sql("DELETE FROM sessions");
    let answer = ada.submit_by_script(&form);
    assert_eq!((answer.status, answer.header("location")), (401, None));
    assert_eq!(app.logged("profile.changed"), 1);
}

/// Covers: AC-010, AC-098
fn names_that_deceive_are_refused(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.open("/settings/profile").form("/settings/profile");
    let before = app.dump();
    for bad in ["a\u{202e}b", "a\u{200b}b", "a\nb", "a\u{7f}", "\u{feff}", "   ", &"x".repeat(61), &"x".repeat(2000)] {
        let page = ada.submit(&form.clone().set("first_name", bad)).expect(422);
        assert_eq!(page.errors(), ["first_name"], "{bad:?}");
        assert_eq!(page.form("/settings/profile").value("last_name"), "Lovelace");
    }
    assert_eq!(ada.submit(&form.clone().set("last_name", "a\0b")).status, 400);
    app.is_still(&before);
    // What only looks hostile is text, and shown as text.
    let hostile = "<b>\"'{{7*7}}</script>";
    let saved = ada.submit(&form.set("first_name", hostile)).expect(303);
    let page = ada.follow(&saved);
    assert_eq!(page.form("/settings/profile").value("first_name"), hostile);
    assert!(page.one(".account-menu .menu-person strong").contains(hostile) && page.texts("b").is_empty());
}

/// Fields that the form does not have change nothing.
/// Covers: AC-008
fn smuggled_fields_change_nothing(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let mut bob = app.other("bob@example.com");
    let mut form = bob.open("/settings/profile").form("/settings/profile");
    for (name, value) in [
        ("email", "eve@example.com"),
        ("is_administrator", "1"),
        ("role", "owner"),
        ("status", "suspended"),
        ("id", "x"),
        ("user_id", "x"),
        ("created_at", "0"),
        ("password_hash", "x"),
    ] {
        form = form.smuggle(name, value);
    }
    let before = app.dump();
    bob.submit(&form).expect_lead("/settings/profile");
    app.is_still(&before);
    // One name twice is no riddle to be solved.
    let page = bob.submit(&form.smuggle("first_name", "Eve"));
    assert!(matches!(page.status, 400 | 422), "{}", page.status);
    app.is_still(&before);
}

on_both!(
    names_are_saved_by_the_button,
    a_field_saves_itself,
    names_that_deceive_are_refused,
    smuggled_fields_change_nothing,
);
