//! Connected accounts, and confirming with a provider.

use serde_json::json;

use super::{nothing, with_provider};
use crate::support::{ADMIN, Asked, Browser, Engine, Issuer, PASSWORD, TestApp, on_both};

const CONNECT: &str = "/settings/security/connections/with/example";
const OFFERS: &str = "/settings/security/connections/offers/";

/// Connects an identity of somebody who is signed in and confirmed.
#[track_caller]
fn connect(issuer: &Issuer, browser: &mut Browser, subject: &str) {
    let ask = issuer.go(browser, CONNECT, subject, &nothing()).expect(303).location().to_owned();
    assert!(ask.starts_with(OFFERS), "{ask}");
    let form = browser.open(&ask).form(&ask);
    browser.submit(&form).expect_lead("/settings/security");
}

/// The button to disconnect the one identity that there is.
#[track_caller]
fn disconnect(browser: &mut Browser) -> crate::support::Page {
    let page = browser.open("/settings/security");
    let action = page.attributes("form[action$=\"/disconnect\"]", "action").remove(0);
    browser.submit(&page.form(&action))
}

/// Covers: AC-088, AC-031
fn connecting_and_disconnecting(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    let mut ada = app.browser();
    ada.sign_in(ADMIN, PASSWORD);
    assert!(ada.open("/settings/security").links().contains(&CONNECT.to_owned()));
    connect(&issuer, &mut ada, "ada-elsewhere");
    assert!(ada.open("/settings/security").notice().starts_with("The account is connected."));
    issuer.sign_in(&mut app.browser(), "ada-elsewhere", &nothing()).expect_lead("/settings/profile");
    assert_eq!(app.count("users"), 1);

    // Somebody else can't have the same, nor take it away.
    let mut bob = app.other("bob@example.com");
    let ask = issuer.go(&mut bob, CONNECT, "ada-elsewhere", &nothing()).location().to_owned();
    let form = bob.open(&ask).form(&ask);
    bob.submit(&form).expect_lead("/settings/security");
    assert!(bob.open("/settings/security").notice().starts_with("That account signs somebody in here already"));
    let page = ada.open("/settings/security");
    let action = page.attributes("form[action$=\"/disconnect\"]", "action").remove(0);
    let mut form = bob.open("/settings/security").form("/settings/security/password");
    form.action.clone_from(&action);
    bob.submit(&form).expect(404);
    assert_eq!(app.count("identities"), 1);

    let mails = app.mails().len();
    disconnect(&mut ada).expect_lead("/settings/security");
    assert!(ada.open("/settings/security").notice().starts_with("The account is disconnected"));
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.subject_name.as_str()), ("identity.disconnected", "Example"));
    let mail = app.mails().pop().unwrap();
    assert_eq!((app.mails().len(), mail.recipient.as_str()), (mails + 1, ADMIN));
    assert_eq!(mail.subject, "Keystead: example was disconnected from your account");
    // It is nobody's now, so it makes an account of its own.
    issuer.sign_in(&mut app.browser(), "ada-elsewhere", &nothing()).expect_lead("/settings/profile");
    assert_eq!(app.count("users"), 3);

    // All of it needs a fresh proof.
    app.advance(600);
    assert!(ada.get(CONNECT).location().starts_with("/step-up?next="));
}

/// What was fetched in one session is connected in that session, in that browser, once, and soon.
/// Covers: AC-087, AC-088
fn an_offer_is_one_sessions_own(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    let mut ada = app.browser();
    ada.sign_in(ADMIN, PASSWORD);
    let mut mallory = app.other("mallory@example.com");
    // Mallory begins, and has Ada's browser come back.
    let sent = mallory.get(CONNECT).expect(303);
    let back = issuer.says_yes(sent.location(), "mallory", &nothing());
    ada.cookies.insert("keystead_flow".to_owned(), mallory.cookies["keystead_flow"].clone());
    ada.get(&back).expect(400);
    // Mallory's offer is nothing to Ada, even with Mallory's cookie.
    let offer = issuer.go(&mut mallory, CONNECT, "mallory", &nothing()).location().to_owned();
    ada.get(&offer).expect_lead("/settings/security");
    ada.cookies.remove("keystead_flow");
    ada.get(&offer).expect_lead("/settings/security");
    let mut form = ada.open("/settings/security").form("/settings/security/password");
    form.action.clone_from(&offer);
    ada.submit(&form).expect_lead("/settings/security");
    assert_eq!(app.count("identities"), 0);
    // Too late.
    app.advance(599);
    let form = mallory.open(&offer).form(&offer);
    app.advance(1);
    mallory.submit(&form).expect(303);
    assert_eq!(app.count("identities"), 0);
}

/// The last way in stays.
fn the_last_way_in_stays(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    let mut carol = app.browser();
    issuer.sign_in(&mut carol, "carol", &nothing()).expect_lead("/settings/profile");
    disconnect(&mut carol).expect_lead("/settings/security");
    assert!(carol.open("/settings/security").notice().starts_with("It is your only way in"));
    assert_eq!((app.count("identities"), app.logged("identity.disconnected")), (1, 0));
    connect(&issuer, &mut carol, "carol-too");
    disconnect(&mut carol).expect_lead("/settings/security");
    assert_eq!(app.count("identities"), 1);
}

/// Whoever has no password confirms with the provider, which has them sign in anew.
/// Covers: AC-032, AC-031
fn a_provider_confirms_who_it_is(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    let mut carol = app.browser();
    issuer.sign_in(&mut carol, "carol", &nothing()).expect_lead("/settings/profile");
    issuer.sign_in(&mut app.browser(), "somebody", &nothing()).expect_lead("/settings/profile");
    let before = carol.session();
    app.advance(600);
    let ask = carol.get("/settings/tokens/new").expect(303).location().to_owned();
    let page = carol.open(&ask);
    assert!(page.attributes("input[name=password]", "name").is_empty());
    let with = page.links().into_iter().find(|link| link.starts_with("/step-up/with/example")).unwrap();
    let sent = carol.get(&with).expect(303);
    let asked = Asked::read(sent.location(), &issuer.url);
    let told = ["prompt", "max_age", "login_hint"].map(|name| asked.get(name));
    assert_eq!(told, ["login", "0", "carol@example.com"]);
    let now = app.now().unix();
    let times = |auth_time: serde_json::Value| json!({ "iat": now, "exp": now + 60, "auth_time": auth_time });
    for (subject, claims) in [
        ("carol", json!({ "iat": now, "exp": now + 60 })),
        ("carol", times(json!(now - 301))),
        ("somebody", times(json!(now))),
        ("nobody", times(json!(now))),
    ] {
        let page = issuer.go(&mut carol, &with, subject, &claims).expect(403);
        assert_eq!(page.one("h1"), "That was not confirmed", "{claims}");
        assert_eq!(app.last_logged().action, "session.confirm_refused");
    }
    assert_eq!(carol.get("/settings/tokens/new").status, 303);
    issuer.go(&mut carol, &with, "carol", &times(json!(now - 299))).expect_lead("/settings/tokens/new");
    assert_ne!(carol.session(), before, "a new key");
    carol.open("/settings/tokens/new");
    assert_eq!(app.last_logged().action, "session.confirmed");
    // An answer that was fetched in another session confirms nothing here.
    let sent = carol.get(&with).expect(303);
    let back = issuer.says_yes(sent.location(), "carol", &times(json!(now)));
    carol.sign_out();
    carol.get(&back).expect(400);
}

/// Where the provider can't be asked anew, a mailed link does: in the session that asked, once, for ten minutes.
/// Covers: AC-032, AC-009
fn a_mailed_link_confirms_who_it_is(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &json!({ "fresh_sign_in": false }));
    let mut carol = app.browser();
    issuer.sign_in(&mut carol, "carol", &nothing()).expect_lead("/settings/profile");
    app.advance(600);
    let ask = carol.get("/settings/tokens/new").expect(303).location().to_owned();
    let page = carol.open(&ask);
    assert!(!page.links().iter().any(|link| link.starts_with("/step-up/with/")));
    carol.submit(&page.form("/step-up/mail")).expect(200);
    let link = app.mailed_link("carol@example.com");
    assert!(link.starts_with("/step-up?proved="), "{link}");
    // Not in another session of theirs, nor in somebody else's.
    let fresh = json!({ "iat": app.now().unix(), "exp": app.now().unix() + 60 });
    let mut elsewhere = app.browser();
    issuer.sign_in(&mut elsewhere, "carol", &fresh).expect_lead("/settings/profile");
    assert!(elsewhere.open(&link).attributes("input[name=proved]", "value").is_empty());
    app.browser().get(&link).expect(303);
    elsewhere.cookies.insert("keystead_flow".to_owned(), carol.cookies["keystead_flow"].clone());
    assert!(
        elsewhere.open(&link).attributes("input[name=proved]", "value").is_empty(),
        "nor with this browser's cookie"
    );
    // Opening it does nothing; the button does, once.
    let page = carol.open(&link);
    assert!(carol.get("/settings/tokens/new").location().starts_with("/step-up"));
    let form = page.form("/step-up");
    let mut stolen = elsewhere.open("/settings/security").form("/logout");
    "/step-up".clone_into(&mut stolen.action);
    elsewhere.submit(&stolen.smuggle("proved", &link["/step-up?proved=".len()..])).expect(303);
    carol.submit(&form).expect_lead("/settings/tokens/new");
    carol.open("/settings/tokens/new");
    app.advance(600);
    assert!(carol.submit(&form).expect(303).location().starts_with("/step-up?next="));
    // Whoever has a password uses that.
    let mut ada = app.browser();
    ada.sign_in(ADMIN, PASSWORD);
    let mut form = ada.open("/step-up").form("/step-up");
    "/step-up/mail".clone_into(&mut form.action);
    let mails = app.mails().len();
    ada.submit(&form).expect(303);
    assert_eq!(app.mails().len(), mails);
    // Ten an hour are enough.
    let form = carol.open(&ask).form("/step-up/mail");
    let statuses: Vec<u16> = (0..10).map(|_| carol.submit(&form).status).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 200, 200, 200, 429]);
}

/// The second factor is asked for after a provider, too: at the sign-in and at a confirmation.
/// Covers: AC-047, AC-044
fn the_second_factor_is_asked_for(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &nothing());
    let mut carol = app.browser();
    issuer.sign_in(&mut carol, "carol", &nothing()).expect_lead("/settings/profile");
    app.sql("UPDATE users SET second_factor = TRUE WHERE email = 'carol@example.com'");
    let mut again = app.browser();
    let page = issuer.sign_in(&mut again, "carol", &json!({ "amr": ["mfa"] })).expect(303);
    assert!(page.location().starts_with("/login/second-factor"), "{}", page.location());
    assert!(again.cookies.keys().all(|name| name != "keystead_session"));
    assert_eq!(app.last_logged().action, "second_factor.asked");
    // Half a sign-in connects nothing and confirms nothing.
    for path in [CONNECT, "/step-up/with/example"] {
        assert!(again.get(path).expect(303).location().starts_with("/login"), "{path}");
    }
    let offer = issuer.sign_in(&mut again, "another", &json!({ "email": "carol@example.com" })).location().to_owned();
    let ask = offer.replace("/login/connect/", OFFERS);
    assert!(again.get(&ask).expect(303).location().starts_with("/login"), "{ask}");
    assert_eq!(app.count("identities"), 1);

    app.advance(600);
    let now = app.now().unix();
    let claims = json!({ "iat": now, "exp": now + 60, "auth_time": now });
    let page = issuer.go(&mut carol, "/step-up/with/example?next=%2Fsettings%2Ftokens%2Fnew", "carol", &claims);
    let place = page.expect(303).location().to_owned();
    assert!(place.starts_with("/step-up?proved="), "{place}");
    let form = carol.open(&place).form("/step-up").set("recovery_code", "0000-0000-0000-0000");
    carol.submit(&form).expect(422);
    assert_eq!(carol.get("/settings/tokens/new").status, 303);
}

/// Unless the operator takes the provider's word for it.
/// Covers: AC-047
fn a_trusted_second_factor_counts(engine: Engine) {
    let issuer = Issuer::start();
    let app = with_provider(engine, &issuer, &json!({ "trust_second_factor": true }));
    issuer.sign_in(&mut app.browser(), "carol", &nothing()).expect_lead("/settings/profile");
    app.sql("UPDATE users SET second_factor = TRUE WHERE email = 'carol@example.com'");
    for (claims, place) in [
        (json!({ "amr": ["pwd", "otp"] }), "/settings/profile"),
        (json!({ "amr": ["pwd"] }), "/login/second-factor"),
        (nothing(), "/login/second-factor"),
    ] {
        issuer.sign_in(&mut app.browser(), "carol", &claims).expect_lead(place);
    }
}

/// Whoever must set up a second factor, and has no password, confirms with the provider.
/// Covers: AC-045, AC-047
fn who_must_have_a_second_factor_confirms_with_the_provider(engine: Engine) {
    const HERE: &str = "/settings/security/second-factor";
    let issuer = Issuer::start();
    let provider = issuer.provider("example", &nothing());
    let app = TestApp::with(engine, |config| {
        config.providers = vec![provider];
        config.require_second_factor = keystead::config::SecondFactorRule::Everyone;
    });
    app.set_up();
    let mut carol = app.browser();
    issuer.sign_in(&mut carol, "carol", &nothing()).expect(303);
    app.advance(600);
    let asked = carol.get(HERE).expect(303);
    let page = carol.follow(&asked);
    let with = page.links().into_iter().find(|link| link.starts_with("/step-up/with/")).expect("a way to the provider");
    let now = app.now().unix();
    let claims = json!({ "iat": now, "exp": now + 60, "auth_time": now });
    issuer.go(&mut carol, &with, "carol", &claims).expect_lead(HERE);
    crate::second_factor::enrol(&app, &mut carol);
    carol.open("/settings/profile");
}

/// Covers: AC-032
fn without_a_password_there_is_none_to_change(engine: Engine) {
    let issuer = Issuer::start();
    let app: TestApp = with_provider(engine, &issuer, &nothing());
    let mut carol = app.browser();
    issuer.sign_in(&mut carol, "carol", &nothing()).expect_lead("/settings/profile");
    let page = carol.open("/settings/security");
    assert!(page.attributes("form", "action").iter().all(|action| action != "/settings/security/password"));
    let mut form = page.form("/logout");
    "/settings/security/password".clone_into(&mut form.action);
    let form =
        form.smuggle("current", "x").smuggle("password", "purple-Tin-roof-78").smuggle("confirm", "purple-Tin-roof-78");
    let status = carol.submit(&form).status;
    assert!(matches!(status, 303 | 422), "{status}");
    assert_eq!(app.count("users WHERE password_hash IS NULL"), 1);
}

on_both!(
    connecting_and_disconnecting,
    an_offer_is_one_sessions_own,
    the_last_way_in_stays,
    a_provider_confirms_who_it_is,
    a_mailed_link_confirms_who_it_is,
    the_second_factor_is_asked_for,
    a_trusted_second_factor_counts,
    without_a_password_there_is_none_to_change,
    who_must_have_a_second_factor_confirms_with_the_provider,
);
