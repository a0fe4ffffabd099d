//! A terminal's login: asked for without a browser, approved in one, fetched once, and ended like any other.

use actix_web::cookie::{Cookie, CookieJar, Key};
use keystead::auth::SecretKind;
use serde_json::{Value, json};

use crate::second_factor::enrol;
use crate::support::{
    ADMIN, Browser, Engine, PASSWORD, Page, Request, Response, TestApp, at_once, on_both, unknown_secret,
};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const APPROVE: &str = "/device/terminal";
const DENY: &str = "/device/terminal/deny";

/// A terminal asks to be let in.
#[track_caller]
pub fn ask(app: &TestApp) -> Value {
    let request = Request::post("/oauth2/device_authorization").form(&[("client_id", "keystead")]);
    let answer = app.send(&request.header("User-Agent", "keystead/1.0 (Linux)"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn code_of(asked: &Value) -> String {
    asked["user_code"].as_str().unwrap().to_owned()
}

/// It asks how that stands.
pub fn poll(app: &TestApp, asked: &Value) -> Response {
    let code = asked["device_code"].as_str().unwrap();
    let form = [("grant_type", GRANT), ("device_code", code), ("client_id", "keystead")];
    app.send(&Request::post("/oauth2/token").form(&form))
}

#[track_caller]
fn is_refused(answer: &Response, error: &str) {
    assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some(error)), "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[track_caller]
fn secret_of(answer: &Response) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

/// Enters a code; says what came.
#[track_caller]
fn enter(browser: &mut Browser, code: &str) -> Page {
    let form = browser.open("/device").form("/device").set("user_code", code);
    browser.submit(&form)
}

/// The page that asks about a terminal.
#[track_caller]
fn question(browser: &mut Browser, asked: &Value) -> Page {
    let found = enter(browser, &code_of(asked)).expect(303);
    browser.follow(&found)
}

#[track_caller]
pub fn approve(browser: &mut Browser, asked: &Value) {
    let page = question(browser, asked);
    browser.submit(&page.form(APPROVE)).expect_lead("/settings/security");
}

/// Signs a terminal in.
#[track_caller]
pub fn sign_in(app: &TestApp, browser: &mut Browser) -> String {
    let asked = ask(app);
    approve(browser, &asked);
    secret_of(&poll(app, &asked))
}

fn call(app: &TestApp, secret: &str, method: &str, path: &str, body: &Value) -> Response {
    let request = Request::new(method, path).bearer(secret);
    app.send(&if body.is_null() { request } else { request.json(body) })
}

/// Whether a terminal's secret still opens anything.
pub fn opens(app: &TestApp, secret: &str) -> bool {
    let listed = call(app, secret, "GET", "/api/v1/tokens", &Value::Null).status;
    let own = app.token_self(secret).status;
    assert_eq!(listed, own, "both doors open and close together");
    assert!(matches!(listed, 200 | 401), "{listed}");
    listed == 200
}

fn new_token(name: &str) -> Value {
    json!({ "name": name, "expires": 7, "scopes": ["channels:read"] })
}

/// Covers: AC-075, AC-055
fn a_terminal_is_let_in_by_its_owner(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let verifier = ada.make_verifier("billing");
    let asked = ask(&app);
    let (code, device_code) = (code_of(&asked), asked["device_code"].as_str().unwrap().to_owned());
    assert_eq!((asked["expires_in"].as_i64(), asked["interval"].as_i64()), (Some(600), Some(5)));
    assert_eq!(asked["verification_uri"], "http://127.0.0.1:8080/device");
    assert_eq!(asked["verification_uri_complete"], format!("http://127.0.0.1:8080/device?user_code={code}"));
    assert!(device_code.len() == 64 && code.len() == 9, "{asked}");
    let stored = app.dump();
    assert!(!stored.contains(&device_code) && !stored.contains(&code.replace('-', "")), "both are kept as hashes");
    is_refused(&poll(&app, &asked), "authorization_pending");

    // The link with the code only fills the form in.
    let page = ada.open(&format!("/device?user_code={code}"));
    assert_eq!(page.form("/device").value("user_code"), code);
    app.advance(5);
    is_refused(&poll(&app, &asked), "authorization_pending");
    let typed = code.replace('-', " ").to_lowercase();
    let page = enter(&mut ada, &typed).expect_lead(&format!("/device/terminal?user_code={code}"));
    let page = ada.follow(&page);
    let said = page.one("main");
    for part in ["keystead", "127.0.0.1", "Linux", &code, "Everything that you may", "60 minutes", "sent you this code"]
    {
        assert!(said.contains(part), "{part} in {said}");
    }
    app.advance(5);
    is_refused(&poll(&app, &asked), "authorization_pending");

    let mails = app.mails().len();
    let done = ada.submit(&page.form(APPROVE)).expect_lead("/settings/security");
    assert!(ada.follow(&done).notice().starts_with("Approved. Go back to your terminal"));
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.subject_name.as_str()), ("terminal.approved", "keystead"));
    assert_eq!(entry.detail, "asked from 127.0.0.1");
    app.advance(60);
    let answer = poll(&app, &asked);
    let secret = secret_of(&answer);
    assert_eq!(
        (answer.json()["token_type"].as_str(), answer.json()["expires_in"].as_i64()),
        (Some("Bearer"), Some(3600))
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(secret.starts_with("kst_cli_") && !app.dump().contains(&secret));
    is_refused(&poll(&app, &asked), "invalid_grant");
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.user_id), ("terminal.signed_in", Some(app.user_id(ADMIN))));
    let mail = app.mails().split_off(mails).remove(0);
    assert_eq!(
        (mail.recipient.as_str(), mail.subject.as_str()),
        (ADMIN, "Keystead: a terminal was signed in to your account")
    );
    assert!(mail.text.contains("It calls itself “keystead”") && mail.text.contains("60 minutes"), "{}", mail.text);

    // It is listed apart, and acts as its user, without the token of any form.
    let page = ada.open("/settings/security");
    for (section, name) in [("sessions", "Firefox"), ("terminals", "keystead")] {
        let names = page.texts(&format!("[aria-labelledby={section}-section] tbody th .cell-main"));
        assert_eq!(names, [name], "{section}");
    }
    let made = call(&app, &secret, "POST", "/api/v1/tokens", &new_token("from a terminal"));
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(app.verify(&verifier, made.json()["secret"].as_str().unwrap())["code"], "VALID");
    assert_eq!(app.last_logged().action, "token.created");
    assert_eq!(
        app.count(&format!("audit_events WHERE through LIKE 'terminal %' AND actor_id = '{}'", app.user_id(ADMIN))),
        1
    );

    // As a token it is good for everything that its user may do.
    let told = app.verify(&verifier, &secret);
    assert_eq!(
        (told["code"].as_str(), told["kind"].as_str(), told["name"].as_str()),
        (Some("VALID"), Some("cli"), Some("keystead"))
    );
    assert_eq!(told["user_id"], app.user_id(ADMIN));
    let question = json!({ "token": secret, "entity_type": "channels", "operation": "delete" });
    assert_eq!(app.ask(&verifier, &question).json()["code"], "VALID");
    let seen = app.introspect(&verifier, &secret);
    assert_eq!((seen["active"].as_bool(), seen["username"].as_str()), (Some(true), Some(ADMIN)));
    let own = app.token_self(&secret).json();
    assert_eq!((own["kind"].as_str(), own["everything"].as_bool()), (Some("cli"), Some(true)));
    assert!(own["token"].as_str().unwrap().ends_with(&secret[secret.len() - 4..]));

    // What needs a confirmation needs it here, too, and says what to do in a terminal.
    app.advance(9 * 60);
    let late = call(&app, &secret, "POST", "/api/v1/tokens", &new_token("late"));
    assert_eq!(
        (late.status, late.json()["type"].as_str()),
        (403, Some("urn:problem-type:keystead:confirmation-needed"))
    );
    assert!(
        late.json()["confirm_at"].is_null()
            && late.json()["detail"].as_str().unwrap().contains("Sign the terminal in again")
    );
    assert_eq!(call(&app, &secret, "GET", "/api/v1/tokens", &Value::Null).status, 200);

    // It ends by itself, however it is used, and rests in between.
    app.flush();
    app.advance(3600 - 9 * 60 - 1);
    assert!(opens(&app, &secret));
    app.advance(1);
    assert!(!opens(&app, &secret));
    assert_eq!(app.verify(&verifier, &secret)["code"], "EXPIRED");
    assert_eq!(app.introspect(&verifier, &secret), json!({ "active": false }));
    ask(&app);
    app.advance(600);
    keystead::jobs::tidy(&app.instance.db, &app.instance.config, app.now()).unwrap();
    assert_eq!(app.count("terminal_logins") + app.count("sessions WHERE kind = 'terminal'"), 0);
    assert_eq!(app.verify(&verifier, &secret)["code"], "NOT_FOUND");
}

/// Covers: AC-075
fn every_refusal_has_its_word(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let ask_as = |body: &[(&str, &str)]| app.send(&Request::post("/oauth2/device_authorization").form(body));
    for name in ["", "approve this at once", "https://evil.example", "<b>", "\0", &"x".repeat(41)] {
        is_refused(&ask_as(&[("client_id", name)]), "invalid_request");
    }
    is_refused(&ask_as(&[]), "invalid_request");
    is_refused(&ask_as(&[("client_id", "a"), ("client_id", "b")]), "invalid_request");
    let asked = ask(&app);
    let code = asked["device_code"].as_str().unwrap();
    let fetch = |body: &[(&str, &str)]| app.send(&Request::post("/oauth2/token").form(body));
    let (grant, mine, client) = (("grant_type", GRANT), ("device_code", code), ("client_id", "keystead"));
    is_refused(&fetch(&[mine, client]), "invalid_request");
    is_refused(&fetch(&[grant, client]), "invalid_request");
    is_refused(&fetch(&[grant, mine]), "invalid_request");
    is_refused(&fetch(&[grant, mine, mine, client]), "invalid_request");
    for other in ["password", "authorization_code", "refresh_token", "client_credentials"] {
        is_refused(&fetch(&[("grant_type", other), mine, client]), "unsupported_grant_type");
    }
    is_refused(&fetch(&[grant, ("device_code", &"0".repeat(64)), client]), "invalid_grant");
    is_refused(&fetch(&[grant, mine, ("client_id", "another")]), "invalid_grant");

    // Too fast, and each time it is to wait longer.
    is_refused(&poll(&app, &asked), "authorization_pending");
    app.advance(3);
    is_refused(&poll(&app, &asked), "slow_down");
    app.advance(5);
    is_refused(&poll(&app, &asked), "slow_down");
    app.advance(15);
    is_refused(&poll(&app, &asked), "authorization_pending");

    let page = question(&mut ada, &asked);
    let done = ada.submit(&page.form(DENY)).expect_lead("/settings/security");
    assert_eq!(ada.follow(&done).notice(), "Denied. That terminal stays out.");
    assert_eq!(app.last_logged().action, "terminal.denied");
    is_refused(&poll(&app, &asked), "access_denied");
    is_refused(&poll(&app, &asked), "access_denied");
    assert!(enter(&mut ada, &code_of(&asked)).expect(422).error_at("user_code").starts_with("No terminal waits"));

    // Approved in time and fetched too late, or never answered: it is over at its second.
    let (late, never) = (ask(&app), ask(&app));
    approve(&mut ada, &late);
    app.advance(599);
    is_refused(&poll(&app, &never), "authorization_pending");
    app.advance(1);
    is_refused(&poll(&app, &late), "expired_token");
    is_refused(&poll(&app, &never), "expired_token");
    enter(&mut ada, &code_of(&never)).expect(422);
    assert_eq!(app.count("sessions WHERE kind = 'terminal'"), 0);
}

/// The codes can't be tried out: not by one user, not from one network; a right one in between changes nothing.
/// Covers: AC-075
fn codes_are_not_guessed(engine: Engine) {
    let app = TestApp::with(engine, |config| config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()]);
    app.set_up();
    app.make_user("bob@example.com");
    let from = |network: usize, email: &str| {
        let mut browser = app.browser().with("X-Forwarded-For", &format!("198.18.{network}.7"));
        browser.sign_in(email, PASSWORD);
        browser
    };
    let mut guesser = from(1, ADMIN);
    for typed in ["", "BCDF-GHJ", "AAAA-AAAA", &"B".repeat(1000)] {
        let page = enter(&mut guesser, typed).expect(422);
        assert!(page.error_at("user_code").starts_with("Enter the eight letters"), "{typed}");
    }
    assert_eq!(app.count("attempts WHERE door LIKE 'terminal code%'"), 0, "what can't be a code is no guess");
    let asked = ask(&app);
    for guess in 0..10 {
        if guess == 5 {
            question(&mut guesser, &asked);
        }
        enter(&mut guesser, "BCDF-GHJK").expect(422);
    }
    let closed = enter(&mut guesser, &code_of(&asked)).expect(429);
    assert_eq!(closed.header("retry-after"), Some("60"));
    // Every look is a guess, and this user guesses nowhere else either; nor anybody else from there.
    guesser.get(&format!("/device/terminal?user_code={}", code_of(&asked))).expect(429);
    let form = guesser.open("/settings/profile").form("/logout");
    for path in [APPROVE, DENY] {
        let request = Request {
            target: path.to_owned(),
            ..guesser.request(&form.clone().smuggle("user_code", &code_of(&asked)))
        };
        assert_eq!(guesser.send(request).status, 429, "{path}");
    }
    enter(&mut from(2, ADMIN), &code_of(&asked)).expect(429);
    enter(&mut from(1, "bob@example.com"), &code_of(&asked)).expect(429);
    enter(&mut from(3, "bob@example.com"), &code_of(&asked)).expect(303);
    // One a minute from then on.
    app.advance(60);
    enter(&mut guesser, "BCDF-GHJK").expect(422);
    enter(&mut guesser, "BCDF-GHJK").expect(429);
    app.advance(60);
    enter(&mut guesser, &code_of(&asked)).expect(303);
    // Asking for codes is limited, too.
    let ask_from = |network: usize| {
        let request = Request::post("/oauth2/device_authorization").form(&[("client_id", "keystead")]);
        app.send(&request.header("X-Forwarded-For", &format!("198.18.{network}.7")))
    };
    for _ in 0..30 {
        assert_eq!(ask_from(4).status, 200);
    }
    let closed = ask_from(4);
    assert_eq!((closed.status, closed.header("retry-after")), (429, Some("60")));
    assert_eq!(ask_from(5).status, 200);
}

/// One login for one approval, however many ask at once, and wherever.
/// Covers: AC-075
fn of_many_that_fetch_one_gets_it(engine: Engine) {
    let app = TestApp::start(engine);
    let beside = app.beside();
    let mut ada = app.set_up();
    for _ in 0..3 {
        let asked = ask(&app);
        approve(&mut ada, &asked);
        let answers = at_once(8, |index| poll(if index % 2 == 0 { &app } else { &beside }, &asked));
        let won: Vec<&Response> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1);
        answers.iter().filter(|answer| answer.status != 200).for_each(|answer| is_refused(answer, "invalid_grant"));
    }
    assert_eq!(app.count("sessions WHERE kind = 'terminal'"), 3);
    assert_eq!(app.logged("terminal.signed_in"), 3);
    // Of two answers one holds.
    let asked = ask(&app);
    let page = question(&mut ada, &asked);
    let (yes, no) = (page.form(APPROVE), page.form(DENY));
    let answers = at_once(6, |index| ada.clone().submit(if index % 2 == 0 { &yes } else { &no }).status);
    assert_eq!(answers.iter().filter(|status| **status == 303).count(), 1, "{answers:?}");
    assert_eq!(app.logged("terminal.approved") + app.logged("terminal.denied"), 4);
}

/// Nobody is let in who was not, and nobody approves without having proved who they are.
/// Covers: AC-031, AC-044, AC-075
fn approving_is_for_whoever_proved_it(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let asked = ask(&app);
    let here = format!("/device/terminal?user_code={}", code_of(&asked));
    app.browser().get(&here).expect_lead(&keystead::urls::login_returning(&here));
    // Between the password and the second factor there is nothing to approve with.
    let mut ivy = app.other("ivy@example.com");
    enrol(&app, &mut ivy);
    let mut half = app.browser();
    half.try_sign_in("ivy@example.com", PASSWORD).expect_lead("/login/second-factor");
    half.get(&here).expect_lead(&keystead::urls::login_returning(&here));
    let csrf = half.open("/login").form("/login").value("csrf");
    let request = Request::post(APPROVE).form(&[("csrf", csrf.as_str()), ("user_code", &code_of(&asked))]);
    let answer = half.send(request.header("Sec-Fetch-Site", "same-origin"));
    assert!(answer.location().starts_with("/login?"), "{} {}", answer.status, answer.location());
    // An old proof does not do. One comes back to the same page, where nothing has happened.
    app.advance(590);
    let asked = ask(&app);
    let here = format!("/device/terminal?user_code={}", code_of(&asked));
    app.advance(10);
    let page = question(&mut ada, &asked);
    let led = ada.submit(&page.form(APPROVE)).expect_lead(&keystead::urls::step_up_returning(&here));
    let step_up = ada.follow(&led);
    assert!(step_up.one(".lede").contains("to sign a terminal in"));
    let back = ada.submit(&step_up.form("/step-up").set("password", PASSWORD)).expect_lead(&here);
    is_refused(&poll(&app, &asked), "authorization_pending");
    let page = ada.follow(&back);
    // Somebody else is faster: it is theirs, and the other is told that it waits no more.
    let mut bob = app.other("bob@example.com");
    approve(&mut bob, &asked);
    ada.submit(&page.form(APPROVE)).expect(422);
    ada.submit(&page.form(DENY)).expect(422);
    let secret = secret_of(&poll(&app, &asked));
    assert_eq!(app.token_self(&secret).json()["user"]["email"], "bob@example.com");
    // Denying needs no proof.
    app.advance(600);
    let asked = ask(&app);
    let page = question(&mut ada, &asked);
    ada.submit(&page.form(DENY)).expect_lead("/settings/security");
    // A terminal in another network is pointed out.
    app.sql("UPDATE terminal_logins SET address = '198.18.0.7'");
    let asked = ask(&app);
    assert!(!question(&mut ada, &asked).one("main").contains("another network"));
    app.sql("UPDATE terminal_logins SET address = '198.18.0.7'");
    assert!(question(&mut ada, &asked).one("main").contains("another network"));
}

/// A terminal's key is no cookie, and a browser's is no bearer; where both come, the bearer alone counts.
fn keys_are_not_exchanged(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let secret = sign_in(&app, &mut ada);
    let key = Key::derive_from(&app.instance.key.derive("session cookie"));
    let mut jar = CookieJar::new();
    jar.signed_mut(&key).add(Cookie::new("keystead_session", secret.clone()));
    let mut thief = app.browser();
    thief.cookies.insert("keystead_session".to_owned(), jar.get("keystead_session").unwrap().value().to_owned());
    thief.get("/settings/profile").expect(303);
    // Only its row's kind keeps it out.
    app.sql("UPDATE sessions SET kind = 'browser'");
    thief.open("/settings/profile");
    assert!(!opens(&app, &secret), "a browser's row opens for no bearer");
    app.sql("UPDATE sessions SET kind = 'terminal'");
    ada.get("/settings/profile").expect(303);
    assert!(opens(&app, &secret));

    // A browser that sends both acts as the bearer: bob's cookie does not stand in for a bad one, nor beside a good one.
    let mut bob = app.other("bob@example.com");
    let list = |browser: &mut Browser, secret: &str| browser.send(Request::get("/api/v1/organizations").bearer(secret));
    assert_eq!(list(&mut bob, &unknown_secret(SecretKind::Terminal)).status, 401);
    let made = bob.send(Request::post("/api/v1/tokens").bearer(&secret).json(&new_token("whose")));
    assert_eq!(made.status, 201);
    let owner = format!("tokens WHERE name = 'whose' AND user_id = '{}'", app.user_id(ADMIN));
    assert_eq!(app.count(&owner), 1);
    // No page opens for a bearer, and another site's page can't use one.
    assert_eq!(app.send(&Request::get("/settings/profile").bearer(&secret)).status, 303);
    let foreign = Request::post("/api/v1/tokens").bearer(&secret).json(&new_token("x"));
    assert_eq!(app.send(&foreign.header("Sec-Fetch-Site", "cross-site")).status, 403);
}

/// What "everywhere" means is ticked: browsers always, terminals and tokens as one likes.
/// Covers: AC-024, AC-025, S0-7
fn terminals_end_where_that_is_ticked(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (verifier, path) = (ada.make_verifier("billing"), "/settings/security/logout-all");
    let (_, token) = ada.create_token("bot", &["channels:read"]);
    for ticked in [false, true] {
        let secret = sign_in(&app, &mut ada);
        let waiting = ask(&app);
        approve(&mut ada, &waiting);
        let page = ada.open(path);
        assert!(page.one("main").contains("One is signed in. It has to be approved again."), "{}", page.one("main"));
        let form = page.form(path);
        assert_eq!((form.values("terminals"), form.values("tokens")), (vec!["1".to_owned()], vec![]));
        let form = if ticked { form } else { form.without("terminals") };
        ada.submit(&form).expect_lead("/login");
        assert_eq!(opens(&app, &secret), !ticked);
        is_refused(&poll(&app, &waiting), "invalid_grant");
        let detail = app.log().into_iter().rfind(|entry| entry.action == "session.ended").unwrap().detail;
        let wanted = if ticked { "all 2, and 0 tokens revoked" } else { "all 1 in browsers, and 0 tokens revoked" };
        assert_eq!(detail, wanted);
        app.sql("DELETE FROM sessions");
        ada.sign_in(ADMIN, PASSWORD);
    }
    let passwords = [PASSWORD, "another-Tin-roof-78", "a-Third-roof-79"];
    for (index, ticked) in [false, true].into_iter().enumerate() {
        let (old, new) = (passwords[index], passwords[index + 1]);
        let (secret, waiting) = (sign_in(&app, &mut ada), ask(&app));
        approve(&mut ada, &waiting);
        let form = ada.open("/settings/security").form("/settings/security/password");
        let form = if ticked { form } else { form.without("terminals") };
        let wrong = form.clone().set("current", "wrong").set("password", new).set("confirm", new);
        let again = ada.submit(&wrong).expect(422).form("/settings/security/password");
        assert_eq!(again.values("terminals").len(), usize::from(ticked), "the ticks come back");
        ada.submit(&form.set("current", old).set("password", new).set("confirm", new))
            .expect_lead("/settings/security");
        assert_eq!(opens(&app, &secret), !ticked);
        is_refused(&poll(&app, &waiting), "invalid_grant");
        let mail = app.mails().pop().unwrap();
        assert_eq!(mail.text.contains("Terminals stay signed in."), !ticked, "{}", mail.text);
        app.sql("DELETE FROM sessions WHERE kind = 'terminal'");
    }
    assert_eq!(app.verify(&verifier, &token)["code"], "VALID");
}

/// A terminal's login is as freshly confirmed as the one that let it in, and no fresher.
/// Covers: AC-031
fn its_confirmation_is_its_approvers(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    app.advance(9 * 60);
    let secret = sign_in(&app, &mut ada);
    app.advance(59);
    assert_eq!(call(&app, &secret, "POST", "/api/v1/tokens", &new_token("in time")).status, 201);
    app.advance(1);
    assert_eq!(call(&app, &secret, "POST", "/api/v1/tokens", &new_token("too late")).status, 403);
    assert!(opens(&app, &secret), "all else goes on");
}

/// It is ended one by one, by itself, and with its user.
/// Covers: AC-022, AC-023
fn it_ends_with_what_it_stands_on(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let verifier = ada.make_verifier("billing");
    // On the page.
    let secret = sign_in(&app, &mut ada);
    let end = ada.open("/settings/security").attributes("form[action$=\"/end\"]", "action").remove(0);
    let form = ada.open("/settings/security").form(&end);
    app.other("carl@example.com").submit(&form).expect(403);
    ada.submit(&form).expect_lead("/settings/security");
    assert!(!opens(&app, &secret));
    assert_eq!(app.verify(&verifier, &secret)["code"], "NOT_FOUND");
    // By itself, in two ways; asked again, nothing is wrong.
    let revoke = |token: &str| app.send(&Request::post("/oauth2/revoke").form(&[("token", token)])).status;
    let secret = sign_in(&app, &mut ada);
    assert_eq!(revoke(&secret), 200);
    assert!(!opens(&app, &secret));
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.subject_name.as_str()), ("session.signed_out", "keystead"));
    assert_eq!((revoke(&secret), revoke("nonsense"), revoke(&verifier)), (200, 200, 200));
    assert_eq!(app.verify(&verifier, "kst_pat_x")["code"], "NOT_FOUND", "a verifier is not given back");
    is_refused(&app.send(&Request::post("/oauth2/revoke").form(&[("token", "")])), "invalid_request");
    let secret = sign_in(&app, &mut ada);
    assert_eq!(call(&app, &secret, "POST", "/api/v1/tokens/self/rotate", &Value::Null).status, 403);
    assert_eq!(call(&app, &secret, "DELETE", "/api/v1/tokens/self", &Value::Null).status, 204);
    assert_eq!(call(&app, &secret, "DELETE", "/api/v1/tokens/self", &Value::Null).status, 401);
    // A token of any other kind is given back in the same way.
    let (_, token) = ada.create_token("bot", &["channels:read"]);
    assert_eq!((revoke(&token), revoke(&token)), (200, 200));
    assert_eq!(app.verify(&verifier, &token)["code"], "REVOKED");
    // With its user: at once, and what is approved and not fetched with it.
    let mut bob = app.other("bob@example.com");
    let secret = sign_in(&app, &mut bob);
    let waiting = ask(&app);
    approve(&mut bob, &waiting);
    app.sql("UPDATE users SET status = 'suspended' WHERE email = 'bob@example.com'");
    assert!(!opens(&app, &secret));
    assert_eq!(app.verify(&verifier, &secret)["code"], "DISABLED");
    is_refused(&poll(&app, &waiting), "access_denied");
    assert_eq!(app.count("terminal_logins WHERE state = 'approved'"), 0);
}

/// Covers: AC-104
fn programs_find_where_to_ask(engine: Engine) {
    let app = TestApp::start(engine);
    let told = app.send(&Request::get("/.well-known/oauth-authorization-server")).json();
    assert_eq!(told["issuer"], "http://127.0.0.1:8080");
    assert_eq!(told["device_authorization_endpoint"], "http://127.0.0.1:8080/oauth2/device_authorization");
    assert_eq!(told["grant_types_supported"], json!([GRANT]));
    for name in ["token_endpoint", "revocation_endpoint", "introspection_endpoint"] {
        let path = told[name].as_str().unwrap().strip_prefix("http://127.0.0.1:8080").unwrap();
        assert!(matches!(app.send(&Request::post(path)).status, 400 | 401), "{path}");
    }
}

on_both!(
    a_terminal_is_let_in_by_its_owner,
    every_refusal_has_its_word,
    codes_are_not_guessed,
    of_many_that_fetch_one_gets_it,
    approving_is_for_whoever_proved_it,
    keys_are_not_exchanged,
    terminals_end_where_that_is_ticked,
    its_confirmation_is_its_approvers,
    it_ends_with_what_it_stands_on,
    programs_find_where_to_ask,
);
