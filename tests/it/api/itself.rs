//! What a token may do with itself.

use serde_json::{Value, json};

use super::{at, refused, wrong_at};
use crate::support::{ADMIN, Browser, Engine, Request, Response, TestApp, at_once, on_both, read_issued};

const SELF: &str = "/api/v1/tokens/self";
const ROTATE: &str = "/api/v1/tokens/self/rotate";

/// A token with 30 days; its id and its secret.
fn made(ada: &mut Browser, name: &str, may_rotate: bool) -> (String, String) {
    let body = json!({ "name": name, "expires": 30, "scopes": ["channels:read"], "may_rotate": may_rotate });
    let told = ada.call("POST", "/api/v1/tokens", &body).json();
    (told["id"].as_str().unwrap().to_owned(), told["secret"].as_str().unwrap().to_owned())
}

fn rotate(app: &TestApp, secret: &str, body: &Value) -> Response {
    let request = Request::post(ROTATE).bearer(secret);
    app.send(&if body.is_null() { request } else { request.json(body) })
}

#[track_caller]
fn secret_of(answer: &Response) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["secret"].as_str().unwrap().to_owned()
}

#[track_caller]
fn dead(answer: &Response) {
    assert_eq!(refused(answer, 401, "about:blank")["error"], "invalid_token");
}

/// Covers: S3-17, AC-109
fn a_token_ends_itself(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let verifier = ada.make_verifier("billing");
    let (id, first) = made(&mut ada, "bot", false);
    let (_, other) = made(&mut ada, "other", false);
    let body = json!({ "expires": 30, "old_secret": "24h" });
    let second = secret_of(&ada.call("POST", &format!("/api/v1/tokens/{id}/regenerate"), &body));
    let end = |secret: &str| app.send(&Request::new("DELETE", SELF).bearer(secret));
    // An old secret that still works speaks for the token, too: whoever found one had better end it all.
    for secret in [&first, &second, &first] {
        let answer = end(secret);
        assert_eq!((answer.status, answer.body.len()), (204, 0), "once, and again");
    }
    for secret in [&first, &second] {
        assert_eq!(app.verify(&verifier, secret)["code"], "REVOKED");
        assert_eq!(app.token_self(secret).status, 401);
    }
    assert_eq!(app.token_self(&other).status, 200);
    let entry = app.last_logged();
    assert_eq!(
        (entry.action.as_str(), entry.subject_id.as_str(), entry.actor_id, entry.detail.as_str()),
        ("token.revoked", id.as_str(), app.user_id(ADMIN), "by the token itself")
    );
    assert_eq!((app.logged("token.revoked"), app.count(&format!("audit_events WHERE through = 'token {id}'"))), (1, 1));
    // What is over otherwise is none to begin with.
    let before = app.dump();
    dead(&end("kst_pat_nonsense"));
    dead(&end(&verifier));
    app.is_still(&before);
    app.advance(30 * 86_400);
    dead(&end(&other));
    app.is_still(&before);
}

/// Covers: S0-21, AC-058, AC-109
fn a_token_renews_itself_where_it_may(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let verifier = ada.make_verifier("billing");
    let code = |secret: &str| app.verify(&verifier, secret)["code"].as_str().unwrap().to_owned();
    let (id, first) = made(&mut ada, "bot", true);
    let mails = app.mails().len();
    app.advance(10 * 86_400);
    let answer = rotate(&app, &first, &Value::Null);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let second = secret_of(&answer);
    let told = answer.json();
    // As long as the one before, from now on.
    assert_eq!((told["id"].as_str(), told["expires_at"].as_str()), (Some(id.as_str()), Some("2027-01-01T00:06:00Z")));
    assert_eq!(
        (told["issued_at"].as_str(), told["scopes"].clone()),
        (Some("2026-12-02T00:06:00Z"), json!(["channels:list", "channels:read"]))
    );
    assert_eq!((code(&first).as_str(), code(&second).as_str()), ("SUPERSEDED", "VALID"));
    let entry = app.last_logged();
    assert_eq!(
        (entry.action.as_str(), entry.detail.as_str()),
        ("token.regenerated", "by the token itself; the old secret ended")
    );
    assert_eq!(app.mails().len(), mails, "its owner allowed it, and the log has it");
    dead(&rotate(&app, &first, &Value::Null));
    // With a while for the old one.
    let third = secret_of(&rotate(&app, &second, &json!({ "old_secret": "1h" })));
    assert_eq!((code(&second).as_str(), code(&third).as_str()), ("VALID", "VALID"));
    let before = app.dump();
    refused(&rotate(&app, &second, &Value::Null), 409, "conflict");
    for (body, pointer) in [
        (json!({ "old_secret": "1y" }), "#/old_secret"),
        (json!({ "old_secret": null }), "#/old_secret"),
        (json!({ "expires": 365 }), "#/expires"),
        (json!({ "scopes": ["channels:delete"] }), "#/scopes"),
    ] {
        assert_eq!(wrong_at(&rotate(&app, &third, &body)), [pointer], "{body}");
    }
    let form = Request::post(ROTATE).bearer(&third).form(&[("old_secret", "1h")]);
    refused(&app.send(&form), 415, "not-json");
    app.is_still(&before);
    app.advance(3600);
    assert_eq!(code(&second), "SUPERSEDED");
}

/// Covers: AC-055, AC-058
fn what_may_not_renew_itself_does_not(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (_, plain) = made(&mut ada, "plain", false);
    let (revoked, ended) = made(&mut ada, "revoked", true);
    let (id, bound) = made(&mut ada, "bound", true);
    ada.revoke_token(&revoked);
    let before = app.dump();
    refused(&rotate(&app, &plain, &Value::Null), 403, "may-not-rotate");
    dead(&rotate(&app, &ended, &Value::Null));
    dead(&rotate(&app, "kst_pat_nonsense", &Value::Null));
    app.is_still(&before);
    // A suspended owner's does nothing; nor one whose permission was taken back.
    app.sql("UPDATE users SET status = 'suspended'");
    dead(&rotate(&app, &bound, &Value::Null));
    app.sql("UPDATE users SET status = 'active'");
    ada.call("PATCH", &format!("/api/v1/tokens/{id}"), &json!({ "may_rotate": false }));
    refused(&rotate(&app, &bound, &Value::Null), 403, "may-not-rotate");
    app.advance(30 * 86_400);
    dead(&rotate(&app, &bound, &Value::Null));
    assert_eq!(app.count("token_secrets"), 3);
}

/// It makes no secrets, its own next one included: no form and no call lets it, and what stood in its row would not count.
/// Covers: S1-8, AC-055
fn a_service_accounts_token_never_renews_itself(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let account = ada.make_service_account("acme", "ci", "admin");
    let form = ada.service_token_form("acme", &account, "one", &[]).smuggle("may_rotate", "yes");
    let (one, secret) = read_issued(&ada.submit(&form).expect(200));
    assert_eq!((app.count("tokens"), app.count("tokens WHERE may_rotate")), (1, 0), "as of any field that is none");
    let before = app.dump_but(&["attempts"]);
    let all = at(&format!("/service-accounts/{account}/tokens"));
    let new = json!({ "name": "two", "expires": 30, "everything": true, "may_rotate": true });
    let again = json!({ "expires": 30, "may_rotate": true });
    for (path, body) in [(all.clone(), new), (format!("{all}/{one}/regenerate"), again)] {
        assert_eq!(wrong_at(&ada.call("POST", &path, &body)), ["#/may_rotate"], "{path}");
    }
    refused(&rotate(&app, &secret, &Value::Null), 403, "may-not-rotate");
    app.is_still_but(&["attempts"], &before);
    app.sql("UPDATE tokens SET may_rotate = TRUE");
    let before = app.dump();
    refused(&rotate(&app, &secret, &Value::Null), 403, "may-not-rotate");
    refused(&rotate(&app, &secret, &json!({ "old_secret": "1h" })), 403, "may-not-rotate");
    app.is_still(&before);
    let told = ada.call("GET", &format!("{all}/{one}"), &Value::Null).json();
    assert_eq!(told["may_rotate"], false, "{told}");
}

/// Covers: AC-060
fn a_renewal_keeps_to_the_rules_of_today(engine: Engine) {
    let app = TestApp::with(engine, |config| config.tokens.allow_never = true);
    let mut ada = app.set_up();
    let long = json!({ "name": "long", "expires": 365, "scopes": ["channels:read"], "may_rotate": true });
    let never = json!({ "name": "never", "expires": "never", "scopes": ["channels:read"], "may_rotate": true });
    let [long, never] = [long, never].map(|body| {
        let told = ada.call("POST", "/api/v1/tokens", &body).json();
        told["secret"].as_str().unwrap().to_owned()
    });
    let answer = rotate(&app, &never, &Value::Null);
    assert_eq!(answer.json()["expires_at"], Value::Null);
    let never = secret_of(&answer);
    app.sql("UPDATE token_policies SET max_days = 30, allow_never = FALSE WHERE id = 'instance'");
    for secret in [long, never] {
        assert_eq!(rotate(&app, &secret, &Value::Null).json()["expires_at"], "2026-12-22T00:06:00Z");
    }
}

/// Covers: AC-058, AC-011
fn one_secret_renews_once(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (_, secret) = made(&mut ada, "bot", true);
    let answers = at_once(8, |_| rotate(&app, &secret, &Value::Null));
    let mut made: Vec<String> = answers.iter().filter(|answer| answer.status == 200).map(secret_of).collect();
    assert_eq!(made.len(), 1);
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 401)));
    assert_eq!(app.count("token_secrets WHERE is_current"), 1);
    // A program in a circle is stopped, and its owner is not.
    let mut latest = made.remove(0);
    let last = loop {
        let answer = rotate(&app, &latest, &Value::Null);
        if answer.status != 200 {
            break answer;
        }
        latest = secret_of(&answer);
    };
    refused(&last, 429, "too-often");
    assert!(app.count("token_secrets") <= 31);
    self::made(&mut ada, "another", true);
    assert_eq!(app.token_self(&latest).status, 200);
}

on_both!(
    a_token_ends_itself,
    a_token_renews_itself_where_it_may,
    what_may_not_renew_itself_does_not,
    a_service_accounts_token_never_renews_itself,
    a_renewal_keeps_to_the_rules_of_today,
    one_secret_renews_once,
);
