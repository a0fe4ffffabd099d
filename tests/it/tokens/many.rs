//! Several at a time: revoking a selection, deleting all.

use super::list::stock;
use crate::support::{Engine, Request, TestApp, at_once, on_both};

fn ids(app: &TestApp, user: &str) -> Vec<String> {
    let user = app.user_id(user);
    app.read(|connection| {
        let query = format!("SELECT id AS line FROM tokens WHERE user_id = '{user}' ORDER BY id");
        Ok(crate::support::app::lines(connection, &query)?)
    })
}

/// Covers: AC-054, AC-067
fn a_selection_is_revoked_as_a_whole_or_not_at_all(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    for name in ["one", "two", "three"] {
        ada.create_token(name, &["channels:read"]);
    }
    let mut bob = app.other("bob@example.com");
    let (his, _) = bob.create_token("his", &["channels:read"]);
    let mine = ids(&app, crate::support::ADMIN);
    let list = ada.open("/settings/tokens");
    assert_eq!(list.attributes("input[name=id][form=selection]", "value").len(), 3);
    let path = format!("/settings/tokens/revoke?id={}&id={}&id={}", mine[0], mine[1], mine[1]);
    let page = ada.open(&path);
    assert_eq!(page.one("h1"), "Revoke 2 tokens?");
    assert_eq!(page.texts(".confirm strong"), ["one", "two"]);
    let form = page.form("/settings/tokens/revoke");
    // One that is not hers, or is nobody's: nothing happens at all.
    let before = app.dump();
    for foreign in [&his, "01jd0000000000000000000000", "'", ""] {
        ada.submit(&form.clone().smuggle("id", foreign)).expect(404);
        assert_eq!(ada.get(&format!("{path}&id={}", foreign.replace('\'', "%27"))).status, 404);
    }
    let hundreds = (0..501).fold(form.clone(), |form, index| form.smuggle("id", &format!("x{index}")));
    ada.submit(&hundreds).expect(400);
    app.is_still(&before);

    let done = ada.submit(&form).expect_lead("/settings/tokens");
    assert!(ada.follow(&done).notice().starts_with("You revoked 2 tokens."));
    assert_eq!(app.count("token_secrets WHERE revoked_at IS NOT NULL"), 2);
    let logged: Vec<_> = app.log().into_iter().filter(|entry| entry.action == "token.revoked").collect();
    assert_eq!(logged.iter().map(|entry| entry.subject_name.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    // Again: there is nothing left to do.
    let again = ada.submit(&form).expect(303);
    assert!(ada.follow(&again).notice().starts_with("None of them worked any more"));
    assert_eq!(app.logged("token.revoked"), 2);
    assert_eq!(ada.open("/settings/tokens/revoke").one("h1"), "Nothing is ticked");
}

/// Covers: S3-26, AC-067
fn all_are_deleted_after_a_typed_phrase(engine: Engine) {
    let app = TestApp::with(engine, |config| config.tokens.max_per_user = 10_000);
    let mut ada = app.set_up();
    stock(&app, &(0..60).map(|n| (format!("bot {n}"), Some(86_400 * n), n % 2 == 0)).collect::<Vec<_>>());
    let mut bob = app.other("bob@example.com");
    let (his, secret) = bob.create_token("his", &["channels:read"]);
    assert!(ada.open("/settings/tokens?status=revoked").links().contains(&"/settings/tokens/delete-all".to_owned()));
    let page = ada.open("/settings/tokens/delete-all");
    assert!(page.one(".confirm").contains("You have 60 tokens, and 30 of them work."), "{}", page.one(".confirm"));
    let form = page.form("/settings/tokens/delete-all");
    let before = app.dump();
    for wrong in ["", "delete all", "Delete all my tokens", "delete all my tokens!"] {
        let page = ada.submit(&form.clone().set("phrase", wrong)).expect(422);
        assert!(page.error_at("phrase").starts_with("Type “delete all my tokens”"));
    }
    app.is_still(&before);
    let form = form.set("phrase", " delete all my tokens ").smuggle("user_id", "x").smuggle("status", "revoked");
    // A double click, while another token is being made.
    let made = ada.token_form("meanwhile", &["channels:read"]);
    let answers = at_once(3, |index| ada.clone().submit(if index == 2 { &made } else { &form }).status);
    assert_eq!(answers[..2], [303, 303]);
    assert_eq!(app.count("tokens WHERE name LIKE 'bot%'"), 0);
    assert_eq!(ids(&app, "bob@example.com"), [his]);
    assert_eq!(app.token_self(&secret).status, 200);
    let gone: Vec<_> = app.log().into_iter().filter(|entry| entry.action == "token.deleted").collect();
    let meanwhile = gone.iter().filter(|entry| entry.subject_name == "meanwhile").count();
    assert_eq!(gone.len() - meanwhile, 60, "one entry for each");
    // Made and deleted before its page was there to be shown.
    assert!(answers[2] == 200 || answers[2] == 404 && meanwhile == 1, "{answers:?}, {meanwhile}");
    assert!(gone.iter().all(|entry| entry.user_id == Some(app.user_id(crate::support::ADMIN))));
    let mut subjects: Vec<_> = gone.iter().map(|entry| entry.subject_id.clone()).collect();
    subjects.sort_unstable();
    subjects.dedup();
    assert_eq!(subjects.len(), gone.len(), "each once");
    ada.submit(&form).expect(303);
    assert!(ada.open("/settings/tokens").one(".empty").contains("No tokens yet"));
    assert!(ada.open("/settings/tokens/delete-all").one(".confirm").contains("You have none."));
}

/// One's keys are the organization's; "all your tokens" leaves them alone, and so does "Logout all sessions" with the tokens.
/// Covers: AC-067, AC-063
fn keys_are_no_personal_tokens(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let (_, key) = ada.create_key("Production", &[]);
    let account = ada.make_service_account("acme", "build server", "member");
    let (_, service) = ada.create_service_token("acme", &account, "eu-west-1", &[]);
    ada.create_token("bot", &["channels:read"]);
    let verifier = ada.make_verifier("billing");
    let path = "/settings/tokens/delete-all";
    let page = ada.open(path);
    assert!(page.one(".confirm").contains("You have 1 token, and 1 of them works."), "{}", page.one(".confirm"));
    let form = page.form(path).set("phrase", "delete all my tokens");
    ada.submit(&form).expect_lead("/settings/tokens");
    assert_eq!([app.count("tokens"), app.count("tokens WHERE kind = 'pat'")], [2, 0]);
    ada.create_token("bot", &["channels:read"]);
    let path = "/settings/security/logout-all";
    let form = ada.open(path).form(path).tick("tokens", "1");
    ada.submit(&form).expect(303);
    assert_eq!(app.count("token_secrets WHERE revoked_at IS NOT NULL"), 1);
    for secret in [key, service] {
        assert_eq!(app.verify(&verifier, &secret)["code"], "VALID");
    }
}

/// A form of another site, or without its token, ends nothing.
fn a_foreign_form_ends_nothing(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (id, _) = ada.create_token("bot", &["channels:read"]);
    let before = app.dump();
    for path in
        ["/settings/tokens/revoke", "/settings/tokens/delete-all", &format!("/settings/tokens/{id}/old-secret/end")]
    {
        let body = [("id", id.as_str()), ("phrase", "delete all my tokens")];
        let request = Request::post(path).form(&body).header("Sec-Fetch-Site", "same-origin");
        assert_eq!(ada.send(request).status, 403, "{path}");
        let csrf = ada.open("/settings/profile").form("/settings/profile").value("csrf");
        let request =
            Request::post(path).form(&[("id", id.as_str()), ("csrf", &csrf)]).header("Sec-Fetch-Site", "cross-site");
        assert_eq!(ada.send(request).status, 403, "{path}");
    }
    app.is_still(&before);
}

on_both!(
    a_selection_is_revoked_as_a_whole_or_not_at_all,
    all_are_deleted_after_a_typed_phrase,
    keys_are_no_personal_tokens,
    a_foreign_form_ends_nothing,
);
