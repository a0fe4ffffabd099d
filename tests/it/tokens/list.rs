//! The list of tokens, and one token's page.

use crate::support::{ADMIN, Engine, PASSWORD, TestApp, on_both, read_issued};

/// Covers: S0-17, S3-11, S3-17, S4-31, S4-32, S4-33, S2-16
fn the_list_shows_what_there_is(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.token_form("old", &["channels:read"]).set("expiry", "7").set("description", "the first");
    let (old, _) = read_issued(&ada.submit(&form).expect(200));
    app.advance(60);
    let (new, secret) = ada.create_token("new", &["channels:update", "groups:list"]);
    assert_eq!(app.token_self(&secret).status, 200);
    app.flush();
    let page = ada.open("/settings/tokens");
    let heads = ["Token", "Status", "Created", "Expires", "Last used", "Actions"];
    assert_eq!(page.texts("thead th"), heads);
    assert_eq!(page.texts("tbody .cell-main"), ["new", "old"], "newest first");
    assert_eq!(page.texts("tbody .badge"), ["Active", "Active"]);
    assert_eq!(page.texts("tbody tr:first-child .mono"), [format!("kst_pat_…{}", &secret[40..])]);
    let times = page.attributes("tbody tr:first-child time", "datetime");
    assert_eq!(times, ["2026-11-22T00:07:00Z", "2027-02-20T00:07:00Z", "2026-11-22T00:07:00Z"]);
    assert!(page.text().contains("2 of at most 50 tokens."));
    for id in [&old, &new] {
        for act in ["", "/revoke", "/delete"] {
            assert!(page.links().contains(&format!("/settings/tokens/{id}{act}")), "{id}{act}");
        }
    }

    let page = ada.open(&format!("/settings/tokens/{new}"));
    assert_eq!(page.one("h1"), "new");
    assert_eq!(page.texts(".facts dt"), ["Status", "Token", "Created", "Expires", "Last used"]);
    assert!(page.links().contains(&format!("/settings/tokens/{new}/revoke")));
    assert_eq!(page.texts("main tbody th"), ["channels", "groups"]);
    assert_eq!(page.texts("main td[data-label=Operations]"), ["read, list, update", "list"]);
    assert!(page.one("main").contains("127.0.0.1"), "where it was last used from");
    let page = ada.open(&format!("/settings/tokens/{old}"));
    assert_eq!(page.one("main > .lede"), "the first");
}

/// Covers: S0-16, S2-12
fn expired_ones_stay_and_say_so(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.token_form("week", &["channels:read"]).set("expiry", "7");
    let (id, _) = read_issued(&ada.submit(&form).expect(200));
    let path = format!("/settings/tokens/{id}");
    let mut seen = Vec::new();
    for seconds in [0, 7 * 86_400 * 4 / 5 - 1, 1, 7 * 86_400 / 5 - 1, 1] {
        app.advance(seconds);
        let mut browser = app.browser();
        browser.sign_in(ADMIN, PASSWORD);
        let list = browser.open("/settings/tokens");
        assert_eq!(list.texts("tbody .badge"), browser.open(&path).texts(".named .badge"));
        seen.extend(list.texts("tbody .badge"));
        ada = browser;
    }
    assert_eq!(seen, ["Active", "Active", "Expires soon", "Expires soon", "Expired"]);
    let page = ada.open(&path);
    assert!(page.one(".facts").contains("Expired on 29 November 2026"), "{}", page.one(".facts"));
    assert!(!page.links().contains(&format!("{path}/revoke")), "nothing is left to revoke");
    assert!(page.links().contains(&format!("{path}/delete")));
}

/// Written in memory first, then together; at most once a minute.
fn uses_are_noted(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (_, secret) = ada.create_token("bot", &["channels:read"]);
    let verifier = ada.make_verifier("billing");
    let question =
        serde_json::json!({ "token": secret, "client_address": "203.0.113.7", "client_agent": "curl\u{7}/8" });
    app.ask(&verifier, &question);
    assert_eq!(app.count("token_secrets WHERE last_used_at IS NOT NULL"), 0, "no check waits for a write");
    app.flush();
    let used = |moment: i64| {
        app.count(&format!(
            "token_secrets WHERE last_used_at = {moment} AND last_used_address = '203.0.113.7' \
             AND last_used_agent = 'curl/8'"
        ))
    };
    let first = app.now().unix();
    assert_eq!(used(first), 1);
    assert_eq!(app.count(&format!("verifiers WHERE last_used_at = {first}")), 1);
    app.advance(59);
    app.ask(&verifier, &question);
    app.flush();
    assert_eq!(used(first), 1);
    app.advance(1);
    app.ask(&verifier, &question);
    app.flush();
    assert_eq!(used(first + 60), 1);
    // What is not good for anything is not used.
    app.advance(60);
    let wish = serde_json::json!({ "token": secret, "entity_type": "groups", "operation": "delete" });
    assert_eq!(app.ask(&verifier, &wish).json()["code"], "INSUFFICIENT_PERMISSIONS");
    app.flush();
    assert_eq!(used(first + 60), 1);
}

on_both!(the_list_shows_what_there_is, expired_ones_stay_and_say_so, uses_are_noted);
