//! Revoking.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{ADMIN, Engine, PASSWORD, TestApp, on_both, read_issued};

/// Covers: S1-19, S1-20, S1-22, S3-17, S3-18, AC-109
fn a_revoked_token_is_over_for_good(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (id, secret) = ada.create_token("bot", &["channels:read"]);
    let verifier = ada.make_verifier("billing");
    let path = format!("/settings/tokens/{id}/revoke");
    let page = ada.open(&path);
    assert_eq!(page.one("h1"), "Revoke bot?");
    assert_eq!(app.verify(&verifier, &secret)["code"], "VALID", "asking changes nothing");
    // It needs no fresh proof: whoever must stop a leak is not kept waiting.
    app.advance(11 * 60);
    let form = page.form(&path);
    let done = ada.submit(&form).expect_lead(&format!("/settings/tokens/{id}"));
    let page = ada.follow(&done);
    assert_eq!(page.one(".named .badge"), "Revoked");
    assert!(page.one(".facts").contains("Revoked on 22 November 2026"));
    let moment = app.now().unix();
    assert_eq!(app.count(&format!("token_secrets WHERE token_id = '{id}' AND revoked_at = {moment}")), 1);
    let entry = app.last_logged();
    assert_eq!(
        (entry.action.as_str(), entry.subject_id.as_str(), entry.subject_name.as_str()),
        ("token.revoked", id.as_str(), "bot")
    );

    // Once more changes nothing, not even the moment.
    app.advance(60);
    ada.submit(&form).expect(303);
    assert_eq!(app.count(&format!("token_secrets WHERE revoked_at = {moment}")), 1);
    assert_eq!(app.logged("token.revoked"), 1);
    assert_eq!(app.verify(&verifier, &secret)["code"], "REVOKED");
    assert_eq!(app.introspect(&verifier, &secret), serde_json::json!({ "active": false }));
    assert_eq!(app.token_self(&secret).status, 401);
    app.advance(400 * 86_400);
    assert_eq!(app.verify(&verifier, &secret)["code"], "REVOKED", "revoked stays revoked when its time is over, too");
    let mut ada = app.browser();
    ada.sign_in(ADMIN, PASSWORD);
    assert!(!ada.open("/settings/tokens").links().contains(&path));
}

/// No check that starts after the answer says yes, however many are under way.
/// Covers: AC-074
fn it_holds_for_the_very_next_check(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let verifier = ada.make_verifier("billing");
    for round in 0..5 {
        let (id, secret) = ada.create_token(&format!("bot {round}"), &["channels:read"]);
        let (revoked, over) = (AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let checkers: Vec<_> = (0..4)
                .map(|index| {
                    let (app, verifier, secret, revoked, over) = (&app, &verifier, &secret, &revoked, &over);
                    scope.spawn(move || {
                        let (mut before, mut after) = (0, 0);
                        while !over.load(Ordering::SeqCst) {
                            let late = revoked.load(Ordering::SeqCst);
                            let good = if index % 2 == 0 {
                                app.verify(verifier, secret)["valid"] == true
                            } else {
                                app.introspect(verifier, secret)["active"] == true
                            };
                            assert!(!(late && good), "a check that started after the answer said yes");
                            if late { after += 1 } else { before += usize::from(good) }
                        }
                        (before, after)
                    })
                })
                .collect();
            std::thread::sleep(std::time::Duration::from_millis(30));
            ada.revoke_token(&id);
            revoked.store(true, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(50));
            over.store(true, Ordering::SeqCst);
            let counts: Vec<(usize, usize)> = checkers.into_iter().map(|thread| thread.join().unwrap()).collect();
            assert!(
                counts.iter().any(|(before, _)| *before > 0) && counts.iter().any(|(_, after)| *after > 0),
                "{counts:?}"
            );
        });
    }
}

/// Covers: S0-16, AC-060
fn an_expiry_flips_at_the_second(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.token_form("day", &["channels:read"]).without("expiry").smuggle("expiry", "1");
    let (_, secret) = read_issued(&ada.submit(&form).expect(200));
    let verifier = ada.make_verifier("billing");
    app.advance(86_399);
    assert_eq!(app.verify(&verifier, &secret)["code"], "VALID");
    assert_eq!(app.introspect(&verifier, &secret)["active"], true);
    assert_eq!(app.token_self(&secret).status, 200);
    app.advance(1);
    assert_eq!(app.verify(&verifier, &secret)["code"], "EXPIRED");
    assert_eq!(app.introspect(&verifier, &secret), serde_json::json!({ "active": false }));
    assert_eq!(app.token_self(&secret).status, 401);
}

on_both!(a_revoked_token_is_over_for_good, it_holds_for_the_very_next_check, an_expiry_flips_at_the_second);
