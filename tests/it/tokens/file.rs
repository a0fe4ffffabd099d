//! The token file.

use serde_json::json;

use crate::support::{Browser, Engine, Page, TestApp, on_both, read_issued, unknown_secret};

fn issued(browser: &mut Browser, name: &str) -> Page {
    let form = browser.token_form(name, &["channels:update"]).set("expiry", "30");
    browser.submit(&form).expect(200)
}

/// Covers: S1-4, S1-10, S1-13, S1-15, S1-16
fn it_holds_what_tools_know(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let page = issued(&mut ada, "deploy bot");
    let (id, secret) = read_issued(&page);
    let file = ada.submit(&page.form(&format!("/settings/tokens/{id}/file"))).expect(200);
    assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"personal-token-deploy-bot.json\""));
    assert_eq!(file.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(file.header("cache-control"), Some("no-store"));
    assert_eq!(
        file.json(),
        json!({
            "name": "deploy bot",
            "token": secret,
            "created": "2026-11-22T00:06:00Z",
            "expires": "2026-12-22",
            "id": id,
            "host": "http://127.0.0.1:8080",
            "scopes": ["channels:list", "channels:read", "channels:update"],
        })
    );
    // Once the page is left, the secret is only where its owner put it.
    assert_eq!(app.count("outbox"), 1);
    assert!(!app.dump().contains(&secret));
}

/// A name that a file system or a header could stumble over.
/// Covers: S1-15, AC-100
fn its_name_is_harmless(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    for (name, wanted) in [
        ("../../etc/passwd", "personal-token-etc-passwd.json"),
        ("a\"; filename=\"evil.exe", "personal-token-a---filename--evil.exe.json"),
        ("Zoë", "personal-token-Zo.json"),
        ("\u{5bc6}\u{94a5}", "personal-token-token.json"),
        (&"x".repeat(100), &format!("personal-token-{}.json", "x".repeat(80))),
    ] {
        let page = issued(&mut ada, name);
        let (id, _) = read_issued(&page);
        let file = ada.submit(&page.form(&format!("/settings/tokens/{id}/file"))).expect(200);
        assert_eq!(file.header("content-disposition"), Some(format!("attachment; filename=\"{wanted}\"").as_str()));
    }
}

/// Only who still holds the secret gets it, and only for this token.
/// Covers: AC-052, AC-054
fn it_is_never_made_without_the_right_secret(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let page = issued(&mut ada, "one");
    let (id, secret) = read_issued(&page);
    let (_, other) = ada.create_token("two", &["channels:read"]);
    let verifier = ada.make_verifier("billing");
    let form = page.form(&format!("/settings/tokens/{id}/file"));
    let unknown = unknown_secret(keystead::auth::SecretKind::Personal);
    for wrong in ["", "x", &unknown, &other, &verifier, &secret[..43], &secret.to_lowercase()] {
        let answer = ada.submit(&form.clone().set("secret", wrong)).expect(404);
        assert!(!answer.text().contains(&secret));
    }
    let mut bob = app.other("bob@example.com");
    let csrf = bob.open("/settings/profile").form("/settings/profile").value("csrf");
    assert_eq!(bob.submit(&form.clone().set("csrf", &csrf)).status, 404, "not even with the right secret");
    ada.submit(&form).expect(200);
}

on_both!(it_holds_what_tools_know, its_name_is_harmless, it_is_never_made_without_the_right_secret);
