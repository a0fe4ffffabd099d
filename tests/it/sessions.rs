//! Logins: their cookies, their ids, their end.

use crate::support::{ADMIN, Browser, Engine, Form, PASSWORD, Request, Response, TestApp, on_both};

const PRIVATE: [&str; 5] =
    ["/settings/profile", "/settings/security", "/settings/tokens", "/settings/logs", "/settings/appearance"];

#[track_caller]
fn is_out(browser: &mut Browser) {
    for path in PRIVATE {
        let to = keystead::urls::login_returning(path);
        browser.get(path).expect_lead(&to);
    }
}

/// A copy of the browser with an earlier session.
fn with_session(browser: &Browser, session: &str) -> Browser {
    let mut copy = browser.clone();
    copy.cookies.insert("keystead_session".to_owned(), session.to_owned());
    copy
}

/// A new id at sign-in, at "confirm it is you" and at a changed password; the one before is worthless.
/// Covers: AC-019
fn the_id_changes_whenever_more_is_proved(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let mut browser = app.browser();
    // What somebody planted before the sign-in does not survive it.
    browser.cookies.insert("keystead_session".to_owned(), "planted".to_owned());
    browser.sign_in(ADMIN, PASSWORD);
    let first = browser.session();
    assert_ne!(first, "planted");
    browser.confirm(PASSWORD, "/settings/logs").expect_lead("/settings/logs");
    let second = browser.session();
    let form = browser.open("/settings/security").form("/settings/security/password");
    let form =
        form.set("current", PASSWORD).set("password", "another-Tin-roof-78").set("confirm", "another-Tin-roof-78");
    browser.submit(&form).expect_lead("/settings/security");
    let third = browser.session();
    assert!(first != second && second != third && first != third);
    is_out(&mut with_session(&browser, "planted"));
    is_out(&mut with_session(&browser, &first));
    is_out(&mut with_session(&browser, &second));
    browser.open("/settings/profile");
    assert_eq!(app.count("sessions"), 1, "the login stays one and the same");

    // Signing in once more, in a browser that is in, leaves no login behind that nobody can end.
    let form = browser.open("/settings/profile").form("/logout");
    let again = Request {
        target: "/login".to_owned(),
        ..browser.request(&form.smuggle("email", ADMIN).smuggle("password", "another-Tin-roof-78"))
    };
    assert_eq!(browser.send(again).status, 303);
    is_out(&mut with_session(&browser, &third));
}

/// Covers: AC-023
fn signing_out_ends_the_login_on_the_server(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let mut copy = ada.clone();
    assert_eq!(ada.get("/logout").status, 405);
    copy.open("/settings/profile");
    ada.sign_out().expect_lead("/login");
    assert!(!ada.cookies.contains_key("keystead_session"));
    assert_eq!(app.count("sessions"), 0);
    is_out(&mut copy);
    let token_form = copy.get("/settings/tokens/new");
    token_form.expect_lead("/login?next=%2Fsettings%2Ftokens%2Fnew");
}

/// The server decides when a login is over, to the second, whatever the cookie says.
/// Covers: AC-027
fn a_login_ends_when_idle_and_at_last(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let fresh = || {
        let mut browser = app.browser();
        browser.sign_in(ADMIN, PASSWORD);
        browser
    };
    let (hour, day) = (3600, 86_400);
    let mut idle = fresh();
    app.advance(hour - 1);
    idle.open("/settings/profile");
    // Seen now, as soon as that is written.
    app.flush();
    app.advance(hour - 1);
    idle.open("/settings/profile");
    app.flush();
    app.advance(hour);
    is_out(&mut idle);

    let mut busy = fresh();
    for _ in 0..31 {
        app.advance(day / 32);
        busy.open("/settings/profile");
        app.flush();
    }
    app.advance(day / 32 - 1);
    busy.open("/settings/profile");
    app.flush();
    app.advance(1);
    is_out(&mut busy);
}

/// Covers: AC-027
fn a_kept_login_lives_longer_and_ends_all_the_same(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let day = 86_400;
    let keep = || {
        let mut browser = app.browser();
        let form = browser.open("/login").form("/login").set("email", ADMIN).set("password", PASSWORD);
        let page = browser.submit(&form.tick("keep", "1")).expect_lead("/settings/profile");
        let (_, attributes) = page.cookie("keystead_session").unwrap();
        assert!(attributes.contains(&"Max-Age=2592000"), "{attributes:?}");
        browser
    };
    let mut idle = keep();
    app.advance(14 * day - 1);
    idle.open("/settings/profile");
    app.flush();
    app.advance(14 * day);
    is_out(&mut idle);
    let mut busy = keep();
    for _ in 0..29 {
        app.advance(day);
        busy.open("/settings/profile");
        app.flush();
    }
    app.advance(day - 1);
    busy.open("/settings/profile");
    app.advance(1);
    is_out(&mut busy);
    // What is over is tidied away.
    keystead::jobs::tidy(&app.instance.db, &app.instance.config, app.now()).unwrap();
    assert_eq!(app.count("sessions"), 0);
}

/// "Last seen" is written at most once a minute.
fn being_seen_is_written_rarely(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let seen = || app.count(&format!("sessions WHERE seen_at = {}", app.now().unix()));
    app.advance(59);
    ada.open("/settings/profile");
    app.flush();
    assert_eq!(seen(), 0);
    app.advance(1);
    ada.open("/settings/profile");
    app.flush();
    assert_eq!(seen(), 1);
}

/// Covers: AC-028
fn cookies_have_all_their_attributes(engine: Engine) {
    let app = TestApp::with(engine, |config| config.base_url = "https://accounts.example.com".parse().unwrap());
    let mut ada = app.browser();
    let mut lines: Vec<String> = Vec::new();
    let mut crawl = |browser: &mut Browser, path: &str| {
        let page = browser.get(path);
        lines.extend(page.all("set-cookie").map(str::to_owned));
        page
    };
    let page = crawl(&mut ada, &format!("/setup?code={}", app.setup_code()));
    let form = page.form("/setup").set("email", ADMIN).set("first_name", "Ada").set("password", PASSWORD);
    let page = ada.submit(&form.set("confirm", PASSWORD)).expect_lead("/settings/profile");
    let landed: Vec<String> = page.all("set-cookie").map(str::to_owned).collect();
    for path in PRIVATE.iter().chain(&["/admin", "/nothing", "/step-up", "/"]) {
        crawl(&mut ada, path);
    }
    let form = crawl(&mut ada, "/settings/appearance").form("/settings/appearance").set("theme", "dark");
    let changed: Vec<String> = ada.submit(&form).all("set-cookie").map(str::to_owned).collect();
    let out: Vec<String> = ada.sign_out().all("set-cookie").map(str::to_owned).collect();
    crawl(&mut ada, "/login");
    lines.extend(landed.into_iter().chain(changed).chain(out));

    let mut names: Vec<&str> = Vec::new();
    for line in &lines {
        let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
        let attributes: Vec<&str> = line.split(';').skip(1).map(str::trim).collect();
        assert!(line.len() < 4096 && attributes.contains(&"Path=/"), "{line}");
        assert!(!line.to_ascii_lowercase().contains("domain="), "{line}");
        if !value.is_empty() {
            for wanted in ["Secure", "HttpOnly", "SameSite=Lax"] {
                assert!(attributes.contains(&wanted), "{line} lacks {wanted}");
            }
        }
        names.push(name);
    }
    names.sort_unstable();
    names.dedup();
    let ours = ["__Host-keystead_device", "__Host-keystead_form", "__Host-keystead_session"];
    assert_eq!(names, [ours.as_slice(), &["keystead_notice", "keystead_theme"]].concat());
    let session = lines.iter().find(|line| line.starts_with("__Host-keystead_session=") && line.len() > 100).unwrap();
    assert!(!session.contains("Max-Age") && !session.contains("Expires"), "{session}");
    // Nothing but a signature and an accidental number: no name, no address, nothing to read.
    let value = session.split(';').next().unwrap().split_once('=').unwrap().1;
    let (signature, number) = value.split_at(value.len() - 64);
    assert!(signature.ends_with("%3D") && number.bytes().all(|byte| byte.is_ascii_hexdigit()), "{session}");
}

/// Odd cookies are nobody's: never a failure, never a login.
/// Covers: AC-028, AC-066
fn odd_cookies_are_nobodys(engine: Engine) {
    let app = TestApp::start(engine);
    let ada = app.set_up();
    let mut bob = app.other("bob@example.com");
    bob.open("/settings/profile");
    let (hers, his) = (ada.session(), bob.session());
    let name = "keystead_session";
    let decoded = hers.replace("%3D", "=").replace("%2B", "+").replace("%2F", "/");
    let (signature, key) = decoded.split_at(decoded.len() - 64);
    for cookies in [
        format!("{name}={}", "x".repeat(6000)),
        format!("{name}={}", &hers[..hers.len() - 1]),
        format!("{name}={}", &hers[1..]),
        format!("{name}={hers}x"),
        format!("{name}={key}"),
        format!("{name}={signature}{}", &his[his.len() - 64..]),
        format!("{name}=\"{hers}"),
        format!("{}={hers}", name.to_uppercase()),
        format!("__Host-{name}={hers}"),
        format!("{name}="),
        format!("{name}=%00%ff%zz"),
        format!("{name}={hers}; {name}={his}"),
        format!("{name}={his}; {name}={hers}"),
        format!("{name}={hers}; {name}={hers}"),
        format!("{name}={hers}; other=1;{name}=x"),
        "=;;=;".to_owned(),
    ] {
        let page = app.send(&Request::get("/settings/profile").header("Cookie", &cookies));
        assert_eq!((page.status, page.location()), (303, "/login?next=%2Fsettings%2Fprofile"), "{cookies}");
        let open = app.send(&Request::get("/login").header("Cookie", &cookies));
        assert_eq!(open.status, 200, "{cookies}");
    }
    // In two header lines, too.
    let doubled = Request::get("/settings/profile")
        .header("Cookie", &format!("{name}={hers}"))
        .header("Cookie", &format!("{name}={his}"));
    assert_eq!(app.send(&doubled).status, 303);
    let raw = b"GET /settings/profile HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nCookie: keystead_session=\xff\xfe\r\n\r\n";
    let mut connection = app.connect();
    connection.write(raw).unwrap();
    assert_eq!(connection.read("GET").unwrap().status, 303);
    // A key whose row is gone, and the plain text of a hash that the database holds.
    app.sql("DELETE FROM sessions");
    let gone = app.send(&Request::get("/settings/profile").header("Cookie", &format!("{name}={hers}")));
    assert_eq!(gone.status, 303);
}

/// A form of every kind that changes something.
fn changing_forms(ada: &mut Browser) -> Vec<Form> {
    let new = "another-Tin-roof-78";
    let password = ada.open("/settings/security").form("/settings/security/password");
    let delete = ada.open("/admin/verifiers").links().into_iter().find(|link| link.ends_with("/delete")).unwrap();
    vec![
        ada.open("/settings/profile").form("/settings/profile").set("first_name", "Eve"),
        ada.open("/settings/appearance").form("/settings/appearance").set("theme", "dark"),
        ada.token_form("bot", &["channels:read"]),
        ada.open(&delete).form(&delete),
        ada.open("/admin/verifiers").form("/admin/verifiers").set("name", "other"),
        password.set("current", PASSWORD).set("password", new).set("confirm", new),
    ]
}

/// Sends all but the end of each form; then something happens; then the end of each. The answers.
pub fn while_under_way(app: &TestApp, ada: &Browser, forms: &[Form], happens: impl FnOnce()) -> Vec<Response> {
    let mut under_way: Vec<_> = forms
        .iter()
        .map(|form| {
            let cookie = format!("keystead_session={}", ada.session());
            let bytes = ada.request(form).header("Cookie", &cookie).wire(&app.host());
            let (first, rest) = bytes.split_at(bytes.len() - 5);
            let mut connection = app.connect();
            connection.write(first).unwrap();
            (connection, rest.to_vec())
        })
        .collect();
    // Each is read up to where it breaks off: the session is known, the form is not.
    std::thread::sleep(std::time::Duration::from_millis(200));
    happens();
    under_way
        .iter_mut()
        .map(|(connection, rest)| {
            connection.write(rest).unwrap();
            connection.read("POST").unwrap()
        })
        .collect()
}

/// A change that was under way when its login ended is not made.
/// Covers: AC-022, AC-023, AC-024, AC-105
fn a_change_under_way_ends_with_its_login(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_verifier("billing");
    let rows = || app.dump_but(&["attempts", "sessions", "audit_events"]);
    for end in [
        "DELETE FROM sessions",
        "UPDATE sessions SET expires_at = 1795305960",
        "UPDATE users SET status = 'suspended'",
        "UPDATE users SET is_administrator = FALSE",
    ] {
        app.sql("UPDATE users SET status = 'active', is_administrator = TRUE");
        ada = app.browser();
        ada.sign_in(ADMIN, PASSWORD);
        let forms = changing_forms(&mut ada);
        let mut before = String::new();
        let answers = while_under_way(&app, &ada, &forms, || {
            app.sql(end);
            before = rows();
        });
        for (answer, form) in answers.iter().zip(&forms) {
            assert_eq!(answer.status, 303, "{end}, {}: {}", form.action, answer.text());
            assert!(answer.location().starts_with("/login"), "{end}, {}: {}", form.action, answer.location());
        }
        app.is_still_but(&["attempts", "sessions", "audit_events"], &before);
    }
    // Without such an end they are all made.
    app.sql("UPDATE users SET is_administrator = TRUE");
    let mut ada = app.browser();
    ada.sign_in(ADMIN, PASSWORD);
    let forms = changing_forms(&mut ada);
    for (answer, form) in while_under_way(&app, &ada, &forms, || ()).iter().zip(&forms) {
        let made = answer.status == 200 || answer.status == 303 && !answer.location().starts_with("/login");
        assert!(made, "{}: {} {}", form.action, answer.status, answer.location());
    }
}

/// The fifty-first login ends the oldest, and its user hears of it.
fn logins_are_limited(engine: Engine) {
    let app = TestApp::start(engine);
    let mut first = app.set_up();
    let mut second = app.browser();
    second.sign_in(ADMIN, PASSWORD);
    for _ in 0..48 {
        app.browser().sign_in(ADMIN, PASSWORD);
    }
    first.open("/settings/profile");
    let mails = app.mails().len();
    app.browser().sign_in(ADMIN, PASSWORD);
    is_out(&mut first);
    let told = app.mails().split_off(mails);
    assert!(told.iter().any(|mail| mail.subject == "Keystead: your oldest session was ended"), "{told:?}");
    let entry = app.log().into_iter().rfind(|entry| entry.action == "session.ended").expect("it is logged");
    let oldest = ("the oldest, since there were too many", Some(app.user_id(ADMIN)));
    assert_eq!((entry.detail.as_str(), entry.user_id), oldest);
    second.open("/settings/profile");
    assert_eq!(app.count("sessions"), 50);
    // Those that are over take no place from others.
    app.sql("UPDATE sessions SET expires_at = 1 WHERE id IN (SELECT id FROM sessions ORDER BY id DESC LIMIT 10)");
    app.browser().sign_in(ADMIN, PASSWORD);
    second.open("/settings/profile");
}

/// The database keeps no key that a cookie could hold.
/// Covers: AC-053
fn a_row_opens_nothing(engine: Engine) {
    let app = TestApp::start(engine);
    let ada = app.set_up();
    let value = ada.session().replace("%3D", "=").replace("%2B", "+").replace("%2F", "/");
    let key = &value[value.len() - 64..];
    assert!(key.bytes().all(|byte| byte.is_ascii_hexdigit()), "{value}");
    assert!(!app.dump().to_lowercase().contains(key));
}

const CHROME: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";

/// Where the buttons on the Security page lead.
fn ends(browser: &mut Browser) -> Vec<String> {
    browser.open("/settings/security").attributes("form[action$=\"/end\"]", "action")
}

/// One's own logins, in words, this one marked; each other can be ended.
/// Covers: AC-026, S4-20
fn one_sees_and_ends_ones_own_logins(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    app.advance(60);
    let mut other = app.browser().with("User-Agent", CHROME);
    other.sign_in(ADMIN, PASSWORD);
    let mut bob = app.other("bob@example.com");
    let page = ada.open("/settings/security");
    let rows = page.texts("[aria-labelledby=sessions-section] tbody tr");
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(rows[0].contains("Chrome on Windows") && rows[0].contains("127.0.0.1 · this machine"), "{rows:?}");
    let (marked, buttons): (Vec<_>, Vec<_>) = (
        rows.iter().map(|row| row.contains("This browser")).collect(),
        page.attributes("form[action$=\"/end\"]", "action"),
    );
    assert_eq!((marked, buttons.len()), (vec![false, true], 1));
    for session in [ada.session(), other.session()] {
        assert!(!page.text().contains(&session[session.len() - 32..]), "the page holds no key");
    }

    // Somebody else's is not there, nor is one that never was.
    assert!(ends(&mut bob).is_empty(), "this one is ended by signing out");
    let mut his_second = app.browser();
    his_second.sign_in("bob@example.com", PASSWORD);
    let foreign = ends(&mut bob).remove(0);
    let before = app.dump();
    for path in [foreign.clone(), foreign.replace(foreign.rsplit('/').nth(1).unwrap(), "01JD9ZZZZZZZZZZZZZZZZZZZZZ")] {
        let mut form = page.form(&buttons[0]);
        path.clone_into(&mut form.action);
        ada.submit(&form).expect(404);
    }
    app.is_still(&before);
    his_second.open("/settings/profile");

    let done = ada.submit(&page.form(&buttons[0])).expect_lead("/settings/security");
    assert_eq!(ada.follow(&done).notice(), "That session has ended. Its browser has to sign in again.");
    is_out(&mut other);
    bob.open("/settings/profile");
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.detail.as_str()), ("session.ended", "one"));
    ada.submit(&page.form(&buttons[0])).expect(404);
}

/// Covers: AC-026, AC-031
fn ending_a_login_asks_for_a_fresh_proof(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let mut other = app.browser();
    other.sign_in(ADMIN, PASSWORD);
    let page = ada.open("/settings/security");
    let end = ends(&mut ada).remove(0);
    app.advance(10 * 60);
    let button = end.trim_start_matches("/settings/security");
    let asked = ada.submit(&page.form(&end)).expect(303);
    assert!(
        asked.location().starts_with("/step-up?next=%2Fsettings%2Fsecurity%23%2Fsessions%2F"),
        "{}",
        asked.location()
    );
    let step_up = ada.follow(&asked);
    assert!(step_up.one(".lede").contains("to end another session"), "{}", step_up.one(".lede"));
    let back = ada.submit(&step_up.form("/step-up").set("password", PASSWORD));
    let back = back.expect_lead(&format!("/settings/security#{button}"));
    other.open("/settings/profile");
    let page = ada.follow(&back);
    ada.submit(&page.form(&end)).expect_lead("/settings/security");
    is_out(&mut other);
}

/// Every login ends, this one too; tokens only where the box is ticked.
/// Covers: AC-025, S0-7, S0-8
fn one_button_ends_every_login(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let verifier = ada.make_verifier("billing");
    let (_, token) = ada.create_token("bot", &["channels:read"]);
    let mut bob = app.other("bob@example.com");
    let path = "/settings/security/logout-all";
    for (ticked, code, detail) in
        [(false, "VALID", "all 3, and 0 tokens revoked"), (true, "REVOKED", "all 3, and 1 tokens revoked")]
    {
        let mut others: Vec<Browser> = (0..2)
            .map(|_| {
                let mut browser = app.browser();
                browser.sign_in(ADMIN, PASSWORD);
                browser
            })
            .collect();
        if ticked {
            ada.sign_in(ADMIN, PASSWORD);
        }
        assert!(ada.open("/settings/security").links().contains(&path.to_owned()));
        app.advance(10 * 60);
        let asked = ada.get(path).expect_lead(&keystead::urls::step_up_returning(path));
        let step_up = ada.follow(&asked);
        ada.submit(&step_up.form("/step-up").set("password", PASSWORD)).expect_lead(path);
        let page = ada.open(path);
        assert_eq!(page.one("h1"), "Logout all sessions?");
        assert!(page.one("main").contains("3 sessions, this one among them."), "{}", page.one("main"));
        let form = page.form(path);
        assert!(form.values("tokens").is_empty(), "tokens are kept unless one says so");
        let form = if ticked { form.tick("tokens", "1") } else { form };
        let done = ada.submit(&form).expect_lead("/login");
        assert!(!ada.cookies.contains_key("keystead_session"));
        let said = ada.follow(&done).notice();
        assert_eq!(said, "You are signed out everywhere: 3 sessions have ended, this one too.");
        is_out(&mut ada);
        others.iter_mut().for_each(is_out);
        assert_eq!(app.count(&format!("sessions WHERE user_id = '{}'", app.user_id(ADMIN))), 0);
        let entry = app.log().into_iter().rfind(|entry| entry.action == "session.ended").unwrap();
        assert_eq!((entry.detail.as_str(), entry.user_id), (detail, Some(app.user_id(ADMIN))));
        assert_eq!(app.verify(&verifier, &token)["code"], code);
    }
    // Whoever has none is not asked about them.
    bob.open("/settings/profile");
    bob.confirm(PASSWORD, path).expect_lead(path);
    let form = bob.open(path).form(path);
    assert_eq!((form.choices("tokens"), form.values("terminals")), (Vec::<String>::new(), vec!["1".to_owned()]));
    assert!(!bob.open(path).one("main").contains("tokens"), "{}", bob.open(path).one("main"));
}

on_both!(
    the_id_changes_whenever_more_is_proved,
    signing_out_ends_the_login_on_the_server,
    a_login_ends_when_idle_and_at_last,
    a_kept_login_lives_longer_and_ends_all_the_same,
    being_seen_is_written_rarely,
    cookies_have_all_their_attributes,
    odd_cookies_are_nobodys,
    a_change_under_way_ends_with_its_login,
    logins_are_limited,
    a_row_opens_nothing,
    one_sees_and_ends_ones_own_logins,
    ending_a_login_asks_for_a_fresh_proof,
    one_button_ends_every_login,
);
