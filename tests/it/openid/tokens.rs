//! ID tokens that must not be believed, and providers in trouble.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{nothing, with_provider};
use crate::support::{ADMIN, Engine, Issuer, NOW, PASSWORD, Signed, TestApp, on_both};

/// Nobody was signed in, nothing was made, and the page leads on.
#[track_caller]
fn is_refused(app: &TestApp, issuer: &Issuer, what: &str) {
    let mut carol = app.browser();
    let page = issuer.sign_in(&mut carol, "carol", &nothing());
    assert_eq!((page.status, page.one("h1").as_str()), (403, "Example's answer was not accepted"), "{what}");
    assert!(page.links().contains(&"/login".to_owned()));
    assert_eq!((app.count("users"), app.count("sessions"), app.count("identities")), (1, 1, 0), "{what}");
}

/// Covers: AC-089
fn badly_signed_tokens_are_refused(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    for signed in [
        Signed::Not,
        Signed::WithThePublicKey,
        Signed::WithTheSecret,
        Signed::ByAnother,
        Signed::ByAnUnknown,
        Signed::ThenChanged,
    ] {
        issuer.play().signed = signed;
        is_refused(&app, &issuer, &format!("{signed:?}"));
    }
    assert_eq!(issuer.play().asked["/jwks"], 2, "once at first, once more for an unknown key, and not for each");
    issuer.play().signed = Signed::Well;
    issuer.sign_in(&mut app.browser(), "carol", &nothing()).expect_lead("/settings/profile");
}

/// Covers: AC-089, AC-088
fn tokens_for_others_or_of_other_times_are_refused(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    let now = NOW.unix();
    let claims: &[(&str, Value)] = &[
        ("iss", json!("https://evil.example")),
        ("iss", json!(format!("{}/", issuer.url))),
        ("iss", Value::Null),
        ("aud", json!("another client")),
        ("aud", json!(["keystead", "another client"])),
        ("aud", json!([])),
        ("aud", Value::Null),
        ("azp", json!("another client")),
        ("exp", json!(now)),
        ("exp", json!(now - 1)),
        ("exp", Value::Null),
        ("exp", json!("soon")),
        ("iat", json!(now + 301)),
        ("iat", json!(now - 301)),
        ("iat", Value::Null),
        ("nonce", json!("another")),
        ("nonce", Value::Null),
        ("sub", json!("")),
        ("sub", json!("x".repeat(256))),
        ("sub", Value::Null),
        ("sub", json!(5)),
        ("email_verified", json!("true")),
        ("given_name", json!("x".repeat(1_000_000))),
    ];
    for (name, value) in claims {
        let (key, value) = ((*name).to_owned(), value.clone());
        issuer.play().bend = Some(Arc::new(move |_, claims| claims[&key] = value.clone()));
        is_refused(&app, &issuer, &format!("{name} {claims:?}"));
    }
    let heads: &[(&str, Value)] = &[
        ("alg", json!("ES384")),
        ("alg", json!("none")),
        ("alg", json!("HS512")),
        ("crit", json!(["exp"])),
        ("cty", json!("JWT")),
        ("typ", json!("at+jwt")),
    ];
    for (name, value) in heads {
        let (key, value) = ((*name).to_owned(), value.clone());
        issuer.play().bend = Some(Arc::new(move |head, _| head[&key] = value.clone()));
        is_refused(&app, &issuer, &format!("{name} {heads:?}"));
    }
    // Where a token says that its key can be had is nobody's business: it is not asked for there.
    issuer.play().signed = Signed::ByAnUnknown;
    let elsewhere = format!("{}/their-keys", issuer.url);
    issuer.play().bend = Some(Arc::new(move |head, _| {
        head["jku"] = json!(elsewhere);
        head["x5u"] = json!(elsewhere);
    }));
    is_refused(&app, &issuer, "jku");
    assert_eq!(issuer.play().asked.get("/their-keys"), None);
    // A few minutes of difference between two clocks are none.
    issuer.play().signed = Signed::Well;
    issuer.play().bend = Some(Arc::new(move |_, claims| claims["iat"] = json!(now + 290)));
    issuer.sign_in(&mut app.browser(), "carol", &nothing()).expect_lead("/settings/profile");
}

/// Where the token holds no address, the user info is asked, and believed about the same subject alone.
/// Covers: AC-088, AC-089
fn user_info_is_about_the_same_person(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    issuer.play().bend = Some(Arc::new(|_, claims| {
        let claims = claims.as_object_mut().unwrap();
        claims.retain(|name, _| !["email", "email_verified", "given_name", "family_name"].contains(&name.as_str()));
    }));
    let info = |subject: &str, verified: bool| json!({ "sub": subject, "email": "carol@example.com", "email_verified": verified, "given_name": "Caroline" });
    for odd in [info("mallory", true), info("", true), json!({ "email": "carol@example.com" }), json!("carol")] {
        issuer.play().user_info = Some(odd.clone());
        let page = issuer.sign_in(&mut app.browser(), "carol", &nothing()).expect(403);
        assert_eq!(page.one("h1"), "Example's answer was not accepted", "{odd}");
    }
    issuer.play().user_info = Some(info("carol", false));
    let page = issuer.sign_in(&mut app.browser(), "carol", &nothing()).expect(303);
    assert!(page.location().starts_with("/login/connect/"));
    issuer.play().user_info = Some(info("carol", true));
    for path in ["/me", "/token"] {
        issuer.play().fail_at = Some(path);
        let page = issuer.sign_in(&mut app.browser(), "carol", &nothing()).expect(503);
        assert_eq!(page.one("h1"), "Example is not answering", "{path}");
    }
    issuer.play().fail_at = None;
    assert_eq!((app.count("users"), app.count("identities")), (1, 0));
    let mut carol = app.browser();
    issuer.sign_in(&mut carol, "carol", &nothing()).expect_lead("/settings/profile");
    assert_eq!(carol.open("/settings/profile").attributes("#first_name", "value"), ["Caroline"]);
}

/// A new key is found at once, and looked for no more than once a minute.
/// Covers: AC-089, FC-40
fn a_new_key_is_found(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    issuer.sign_in(&mut app.browser(), "carol", &nothing()).expect_lead("/settings/profile");
    issuer.rotate();
    issuer.sign_in(&mut app.browser(), "carol", &nothing()).expect_lead("/settings/profile");
    issuer.sign_in(&mut app.browser(), "carol", &nothing()).expect_lead("/settings/profile");
    assert_eq!(issuer.play().asked["/jwks"], 2);
    issuer.rotate();
    issuer.sign_in(&mut app.browser(), "carol", &nothing()).expect(403);
    assert_eq!(issuer.play().asked["/jwks"], 2);
    app.advance(60);
    issuer.sign_in(&mut app.browser(), "carol", &nothing()).expect_lead("/settings/profile");
    assert_eq!(issuer.play().asked["/jwks"], 3);
    assert_eq!(issuer.play().asked["/.well-known/openid-configuration"], 2);
    app.advance(3600);
    let fresh = json!({ "iat": app.now().unix(), "exp": app.now().unix() + 60 });
    issuer.sign_in(&mut app.browser(), "carol", &fresh).expect_lead("/settings/profile");
    assert_eq!(issuer.play().asked["/.well-known/openid-configuration"], 3);
}

/// A provider that is down hurts nobody else, and the page says what to do.
/// Covers: FC-40
fn a_broken_provider_hurts_nobody_else(engine: Engine) {
    let issuer = Issuer::start();
    issuer.play().fail = Some(500);
    let app = with_provider(engine, &issuer, &nothing());
    let page = app.browser().get("/login/example").expect(503);
    assert_eq!(page.one("h1"), "Example is not answering");
    assert_eq!(page.header("retry-after"), Some("60"));
    assert!(page.links().contains(&"/login".to_owned()));
    // For a moment it is not asked again.
    app.browser().get("/login/example").expect(503);
    assert_eq!(issuer.play().asked["/.well-known/openid-configuration"], 1);
    app.browser().sign_in(ADMIN, PASSWORD);
    issuer.play().fail = None;
    app.advance(10);
    let mut carol = app.browser();
    let sent = carol.get("/login/example").expect(303);
    // It breaks down on the way.
    issuer.play().fail = Some(502);
    let back = issuer.says_yes(sent.location(), "carol", &nothing());
    carol.get(&back).expect(503);
    issuer.play().fail = None;
    issuer.sign_in(&mut carol, "carol", &nothing()).expect_lead("/settings/profile");
}

/// Somebody who is sent to a provider that is down sees the browser's own error, and nothing of ours: so it is looked first,
/// in every way that leads there. Who wants to try all the same can.
/// Covers: FC-40
fn nobody_is_sent_to_a_provider_that_broke_down(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    let mut carol = app.browser();
    let sent = carol.get("/login/example").expect(303);
    // Within a minute it is not asked again,
    issuer.play().fail = Some(502);
    app.advance(59);
    app.browser().get("/login/example").expect(303);
    // and afterwards it is.
    app.advance(1);
    let mut dora = app.browser();
    let page = dora.get("/login/example?next=%2Fsettings%2Ftokens&keep=1").expect(503);
    assert_eq!((page.one("h1"), page.header("retry-after")), ("Example is not answering".to_owned(), Some("60")));
    assert!(page.cookie("keystead_flow").is_none());
    let anyway = "/login/example?next=%2Fsettings%2Ftokens&keep=1&anyway=1".to_owned();
    assert!(page.links().contains(&"/login".to_owned()) && page.links().contains(&anyway), "{:?}", page.links());
    assert_eq!(issuer.play().asked["/.well-known/openid-configuration"], 2);
    let tried = dora.get(&anyway).expect(303);
    assert!(tried.location().starts_with(&issuer.url), "{}", tried.location());
    // Who is on the way back goes on with what is known: here it answers again.
    issuer.play().fail = None;
    let back = issuer.says_yes(sent.location(), "carol", &nothing());
    carol.get(&back).expect_lead("/settings/profile");
    let back = issuer.says_yes(tried.location(), "dora", &nothing());
    dora.get(&back).expect_lead("/settings/tokens");
    // The other two ways that lead there.
    let mut ada = app.browser();
    ada.sign_in(ADMIN, PASSWORD);
    app.advance(60);
    issuer.play().fail = Some(500);
    for path in ["/settings/security/connections/with/example", "/step-up/with/example?next=%2Fsettings%2Fsecurity"] {
        let browser = if path.starts_with("/step-up") { &mut carol } else { &mut ada };
        let page = browser.get(path).expect(503);
        assert_eq!(page.one("h1"), "Example is not answering", "{path}");
        let anyway = page.links().into_iter().find(|link| link.contains("anyway=1")).unwrap();
        browser.get(&anyway).expect(303);
        app.advance(10);
    }
    // One that hangs is down, too; local sign-in does not notice.
    issuer.play().fail = None;
    issuer.play().hang = Some(Duration::from_mins(1));
    app.advance(10);
    assert_eq!(app.browser().get("/login/example").expect(503).one("h1"), "Example is not answering");
    app.browser().sign_in(ADMIN, PASSWORD);
}

/// Answers that are none: another issuer's document, an unsafe endpoint, a redirect, far too much.
/// Covers: FC-40, AC-089
fn odd_discovery_documents_are_refused(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    for odd in [
        json!({ "issuer": "https://evil.example" }),
        json!({ "authorization_endpoint": "http://evil.example/authorize" }),
        json!({ "authorization_endpoint": "javascript:alert(1)" }),
        json!({ "jwks_uri": "http://evil.example/keys" }),
        json!({ "jwks_uri": null }),
        json!({ "padding": "x".repeat(300_000) }),
    ] {
        issuer.play().discovery = odd.clone();
        assert_eq!(app.browser().get("/login/example").status, 503, "{odd:.80}");
        app.advance(10);
    }
    issuer.play().discovery = nothing();
    app.browser().get("/login/example").expect(303);
}

/// A provider that hangs is waited for a few seconds, by whoever wants it; everybody else goes on.
/// Covers: FC-40
fn a_hanging_provider_holds_up_nobody_else(engine: Engine) {
    let issuer = Issuer::start();
    issuer.play().hang = Some(Duration::from_mins(1));
    let app = with_provider(engine, &issuer, &nothing());
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..8).map(|_| scope.spawn(|| app.browser().get("/login/example").status)).collect();
        while !issuer.play().asked.contains_key("/.well-known/openid-configuration") {
            std::thread::yield_now();
        }
        // While they wait, on all of the workers, one signs in with a password.
        for _ in 0..4 {
            app.browser().sign_in(ADMIN, PASSWORD);
        }
        assert!(waiting.iter().all(|thread| !thread.is_finished()), "they still wait");
        let statuses: Vec<u16> = waiting.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert_eq!(statuses, [503; 8]);
    });
    assert_eq!(issuer.play().asked["/.well-known/openid-configuration"], 1, "one asked for all of them");
}

on_both!(
    badly_signed_tokens_are_refused,
    tokens_for_others_or_of_other_times_are_refused,
    user_info_is_about_the_same_person,
    a_new_key_is_found,
    a_broken_provider_hurts_nobody_else,
    nobody_is_sent_to_a_provider_that_broke_down,
    odd_discovery_documents_are_refused,
    a_hanging_provider_holds_up_nobody_else,
);
