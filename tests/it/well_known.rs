//! Addresses that programs look for.

use crate::support::{Engine, TestApp, on_both};

/// Where password managers find the form for a new password: W3C, "A well-known URL for changing passwords".
/// Covers: AC-104
fn password_managers_find_the_form(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let found = ada.get("/.well-known/change-password").expect_lead("/settings/security");
    ada.follow(&found).form("/settings/security/password");
    let mut stranger = app.browser();
    let found = stranger.get("/.well-known/change-password").expect_lead("/settings/security");
    stranger.get(found.location()).expect_lead("/login?next=%2Fsettings%2Fsecurity");
    // By this they tell whether an answer says anything.
    stranger.get("/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200").expect(404);
    ada.get("/settings").expect_lead("/settings/profile");
}

on_both!(password_managers_find_the_form);
