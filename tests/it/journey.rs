//! The first whole journey, as a newcomer goes it.

use crate::support::{ADMIN, Engine, PASSWORD, TestApp, on_both};

/// From an empty database to a token that was checked and revoked, through the forms that the pages hold.
/// Covers: S0-9, S0-11, S0-12, S1-1, S1-6, S1-11, S1-12, S1-19, S1-32, S1-33, S2-6, S2-8, S2-9, S3-1, S3-2, S3-3, S3-4
fn from_an_empty_database_to_a_revoked_token(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.browser();
    ada.get("/").expect_lead("/setup");
    let mut ada = app.set_up();
    assert_eq!(ada.open("/settings/profile").notice(), "Keystead is set up, and you are its first administrator.");
    assert!(ada.open("/settings/profile").texts("[data-notice]").is_empty(), "a notice is shown once");

    ada.sign_out().expect_lead("/login");
    assert_eq!(ada.open("/login").notice(), "You are signed out.");
    ada.get("/settings/tokens").expect_lead("/login?next=%2Fsettings%2Ftokens");
    let form =
        ada.open("/login?next=%2Fsettings%2Ftokens").form("/login").set("email", ADMIN).set("password", PASSWORD);
    let arrived = ada.submit(&form).expect_lead("/settings/tokens");
    let list = ada.follow(&arrived);
    assert_eq!(list.one(".empty-title"), "No tokens yet");
    assert!(list.links().contains(&"/settings/tokens/new".to_owned()));
    for path in ["/settings/profile", "/settings/tokens"] {
        assert!(list.attributes(".account-menu a", "href").contains(&path.to_owned()), "{path}");
    }

    let (id, secret) = ada.create_token("deploy bot", &["channels:update"]);
    let verifier = ada.make_verifier("billing");
    let answer = app.verify(&verifier, &secret);
    assert_eq!((&answer["valid"], &answer["code"]), (&true.into(), &"VALID".into()));
    assert_eq!(app.token_self(&secret).json()["user"]["email"], ADMIN);

    let asked = ada.revoke_token(&id);
    let detail = ada.follow(&asked);
    assert_eq!(
        detail.notice(),
        "The token is revoked. Its secret never works again; regenerate it to use the token with a new one."
    );
    assert_eq!(app.verify(&verifier, &secret)["code"], "REVOKED");
    assert_eq!(app.token_self(&secret).status, 401);
    let actions: Vec<String> = app.log().into_iter().map(|entry| entry.action).collect();
    assert_eq!(
        actions,
        [
            "instance.set_up",
            "session.signed_out",
            "session.signed_in",
            "token.created",
            "verifier.created",
            "token.revoked"
        ]
    );
}

on_both!(from_an_empty_database_to_a_revoked_token);
