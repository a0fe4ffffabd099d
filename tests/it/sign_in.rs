//! Signing in and out: who gets in, what a refusal gives away, how guessing ends.

use crate::second_factor::enrol;
use crate::support::{ADMIN, Engine, PASSWORD, Page, Request, TestApp, at_once, on_both};

/// Covers: AC-109, S1-33
fn in_and_out_leave_a_session_row_and_log_entries(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let page = ada.sign_out().expect_lead("/login");
    assert_eq!(page.header("clear-site-data"), Some("\"cache\", \"storage\""));
    assert_eq!((app.count("sessions"), app.logged("session.signed_out")), (0, 1));

    let arrived = ada.try_sign_in(ADMIN, PASSWORD).expect_lead("/settings/profile");
    assert_eq!(arrived.cookie("keystead_session").unwrap().1, ["HttpOnly", "SameSite=Lax", "Path=/"]);
    ada.open("/settings/profile");
    assert_eq!(app.count("sessions"), 1);
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.user_id), ("session.signed_in", Some(app.user_id(ADMIN))));
    assert_eq!((entry.agent.as_str(), entry.address.as_str()), ("Firefox on a test's desk", "127.0.0.1"));
    // Who is in needs no sign-in page.
    ada.get("/login?next=%2Fsettings%2Flogs").expect_lead("/settings/logs");
    ada.get("/").expect_lead("/settings/profile");
}

fn what_is_left_out_is_asked_for(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let mut browser = app.browser();
    let page = browser.try_sign_in(" ", "").expect(422);
    assert_eq!(page.errors(), ["email", "password"]);
    let page = browser.try_sign_in(ADMIN, "").expect(422);
    assert_eq!((page.errors(), page.form("/login").value("email")), (vec!["password".to_owned()], ADMIN.to_owned()));
    assert_eq!((app.logged("session.sign_in_refused"), app.count("attempts WHERE door LIKE 'password%'")), (0, 0));
}

/// Written as people write it: capitals and spaces do not count, composed or not.
fn the_sign_in_name_is_found_however_it_is_typed(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    app.make_user("Zo\u{eb}.O'Neil@Example.com");
    for typed in ["zo\u{eb}.o'neil@example.com", "  ZO\u{cb}.O'NEIL@EXAMPLE.COM ", "zoe\u{308}.o'neil@example.com"] {
        app.browser().sign_in(typed, PASSWORD);
    }
}

fn refusal(app: &TestApp, email: &str, password: &str) -> Page {
    app.browser().try_sign_in(email, password)
}

/// An unknown name, a wrong password, a suspended account, one without a password, one with a second factor, one that waits for
/// its confirmation: the same answer, byte for byte.
/// Covers: AC-002
fn every_refusal_looks_alike(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let mut suspended = app.other("closed@example.com");
    let id = app.make_user("bare@example.com");
    app.sql(&format!("UPDATE users SET password_hash = NULL WHERE id = '{id}'"));
    app.sql("UPDATE users SET status = 'suspended' WHERE email = 'closed@example.com'");
    suspended.get("/settings/profile").expect_lead("/login?next=%2Fsettings%2Fprofile");
    enrol(&app, &mut app.other("careful@example.com"));
    app.browser().sign_up("newcomer@example.com", PASSWORD).expect(200);

    let before = app.dump_but(&["attempts", "audit_events"]);
    let tries = [
        (ADMIN, "wrong-Password-1"),
        ("nobody@example.com", PASSWORD),
        ("closed@example.com", PASSWORD),
        ("closed@example.com", "wrong-Password-1"),
        ("bare@example.com", PASSWORD),
        ("no address at all", PASSWORD),
        ("careful@example.com", "wrong-Password-1"),
        ("newcomer@example.com", PASSWORD),
    ];
    let alike = |page: &Page, email: &str| page.masked().replace(email, "…");
    let answers: Vec<String> =
        tries.iter().map(|(email, password)| alike(&refusal(&app, email, password).expect(422), email)).collect();
    assert!(answers[0].contains("That e-mail address and password do not belong together."));
    assert!(answers[0].contains("Just signed up? Open the link in our mail first."));
    for (answer, (email, _)) in answers.iter().zip(&tries) {
        assert_eq!(answer, &answers[0], "{email}");
    }
    app.is_still_but(&["attempts", "audit_events"], &before);
    let refused: Vec<_> = app.log().into_iter().filter(|entry| entry.action == "session.sign_in_refused").collect();
    assert_eq!(refused.len(), tries.len());
    assert!(refused.iter().all(|entry| entry.actor_kind == "stranger" && entry.actor_id.is_empty()));
    assert!(!app.dump().contains("nobody@example.com"), "what was typed is not kept");
    // Reopened, the account is itself again; its old session is not.
    app.sql("UPDATE users SET status = 'active' WHERE email = 'closed@example.com'");
    app.browser().sign_in("closed@example.com", PASSWORD);
}

/// What would cost much to hash, to look up or to keep is refused before it does; a stored hash that asks for four gigabytes
/// is computed for nobody, looks like a wrong password, and is in the log.
/// Covers: AC-017
fn what_is_too_costly_is_refused_first(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    app.browser().forget(ADMIN).expect(200);
    let reset = app.mailed_link(ADMIN);
    let (huge, long) = ("x".repeat(1 << 20), "x".repeat(1025));
    let marks = format!("a{}", "\u{301}".repeat(2_000));
    let before = app.dump_but(&["attempts", "audit_events"]);
    let mut stranger = app.browser();
    for (page, action, fields) in [
        ("/login", "/login", &["email", "password"][..]),
        ("/signup", "/signup", &["email", "first_name", "last_name", "password", "confirm"]),
        (reset.as_str(), reset.as_str(), &["password", "confirm"]),
        ("/password/forgot", "/password/forgot", &["email"]),
    ] {
        for field in fields {
            let form = stranger.open(page).form(action).set(field, &huge);
            let started = std::time::Instant::now();
            stranger.submit(&form).expect(413);
            assert!(started.elapsed().as_millis() < 500, "{action} {field}: {:?}", started.elapsed());
        }
    }
    for (page, form) in [("/settings/security", "/settings/security/password"), ("/step-up", "/step-up")] {
        let name = if page == "/step-up" { "password" } else { "current" };
        ada.submit(&ada.clone().open(page).form(form).set(name, &huge)).expect(413);
    }
    let form = stranger.open("/signup").form("/signup").set("email", "eve@example.com");
    let chosen =
        |password: &str| form.clone().set("first_name", "Eve").set("password", password).set("confirm", password);
    assert_eq!(stranger.submit(&chosen(&long)).expect(422).errors(), ["password"]);
    assert_eq!(stranger.submit(&chosen(PASSWORD).set("first_name", &marks)).expect(422).errors(), ["first_name"]);
    let odd = format!("{marks}@example.com");
    assert_eq!(stranger.submit(&chosen(PASSWORD).set("email", &odd)).expect(422).errors(), ["email"]);
    app.browser().try_sign_in(ADMIN, &long).expect(422);
    app.is_still_but(&["attempts", "audit_events"], &before);

    app.sql(
        "UPDATE users SET password_hash = '$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHRzYWx0c2E$\
         AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'",
    );
    let started = std::time::Instant::now();
    let monstrous = app.browser().try_sign_in(ADMIN, PASSWORD).expect(422);
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
    assert_eq!(
        monstrous.masked().replace(ADMIN, "…"),
        refusal(&app, "nobody@example.com", PASSWORD).expect(422).masked().replace("nobody@example.com", "…")
    );
    assert_eq!(app.last_logged().action, "session.sign_in_refused");
    let link = stranger.open(&reset).form(&reset).set("password", "another-Tin-roof-78");
    stranger.submit(&link.set("confirm", "another-Tin-roof-78")).expect_lead("/login");
    app.browser().sign_in(ADMIN, "another-Tin-roof-78");
}

/// Sixty-four guesses at once are no more than five.
/// Covers: AC-011
fn guesses_at_once_are_counted_before_they_are_evaluated(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let mut browser = app.browser();
    let form = browser.open("/login").form("/login").set("email", ADMIN).set("password", "wrong-Password-1");
    let answers = at_once(64, |_| {
        let page = browser.clone().submit(&form);
        (page.status, page.header("retry-after").map(str::to_owned))
    });
    let with = |status: u16| answers.iter().filter(|(answer, _)| *answer == status).count();
    assert_eq!((with(422), with(429)), (5, 59), "{answers:?}");
    assert!(answers.iter().all(|(status, after)| (*status == 429) == (after.as_deref() == Some("30"))), "{answers:?}");
    assert_eq!(app.logged("session.sign_in_refused"), 5, "only so many were evaluated");

    // The right password, too, has to wait; but not from elsewhere, and not after the wait.
    let page = refusal(&app, ADMIN, PASSWORD).expect(429);
    assert!(page.one("[role=alert]").starts_with("There were too many tries"), "{}", page.one("[role=alert]"));
    assert!(page.one("[role=alert]").contains("Wait 30 seconds, then try again."));
    assert_eq!(page.form("/login").value("email"), ADMIN, "the form is still there");
    assert_eq!(page.masked(), refusal(&app, ADMIN, "wrong-Password-1").expect(429).masked());
    app.advance(29);
    refusal(&app, ADMIN, PASSWORD).expect(429);
    app.advance(1);
    app.browser().sign_in(ADMIN, PASSWORD);
    // Success forgets the failures.
    for _ in 0..5 {
        refusal(&app, ADMIN, "wrong-Password-1").expect(422);
    }
    refusal(&app, ADMIN, "wrong-Password-1").expect(429);
}

/// Two right passwords at the same moment are two sign-ins.
/// Covers: AC-011
fn right_passwords_at_once_all_work(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let landed = at_once(4, |_| app.browser().try_sign_in(ADMIN, PASSWORD).status);
    assert_eq!(landed, [303; 4]);
    assert_eq!(app.count("sessions"), 5);
}

/// More sign-ins at once than can wait: those who are told to come back do come in, and pages and checks are answered all
/// the while.
/// Covers: FC-35
fn a_storm_holds_up_nobody_else(engine: Engine) {
    let app = TestApp::with(engine, |config| config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()]);
    let mut ada = app.set_up();
    let credential = ada.make_verifier("billing");
    let (_, token) = ada.create_token("reader", &["groups:read"]);
    // Each in front of a filled-in form, in a network of their own; one in three knows the password.
    let people: Vec<_> = (0..120)
        .map(|number| {
            let (email, password, status) = match number % 3 {
                0 => ("nobody@example.com", PASSWORD, 422),
                1 => (ADMIN, "wrong-Password-1", 422),
                _ => (ADMIN, PASSWORD, 303),
            };
            let mut browser = app.browser().with("X-Forwarded-For", &format!("203.0.{number}.1"));
            let form = browser.open("/login").form("/login").set("email", email).set("password", password);
            (browser, form, status)
        })
        .collect();
    let answers = std::thread::scope(|scope| {
        let storm = scope.spawn(|| {
            at_once(people.len(), |index| {
                let page = people[index].0.clone().submit(&people[index].1);
                (page.status, page.header("retry-after").map(str::to_owned))
            })
        });
        let mut answered = 0;
        while !storm.is_finished() {
            ada.open("/settings/profile");
            assert_eq!(app.verify(&credential, &token)["valid"], true);
            answered += 1;
        }
        assert!(answered > 3, "{answered} pages were answered meanwhile");
        storm.join().expect("no thread panics")
    });
    assert!(answers.iter().any(|(status, _)| *status == 503), "not all of them can wait");
    for ((browser, form, right), (status, after)) in people.iter().zip(&answers) {
        if *status == 503 {
            assert_eq!(after.as_deref(), Some("2"));
            browser.clone().submit(form).expect(*right);
        } else {
            assert_eq!((*status, after), (*right, &None));
        }
    }
}

/// Covers: AC-012
fn forged_proxy_headers_change_nobody(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let mut answers = Vec::new();
    for guess in 0..7 {
        let mut browser = app.browser();
        for name in ["X-Forwarded-For", "X-Real-IP", "CF-Connecting-IP", "X-Client-IP"] {
            browser = browser.with(name, &format!("203.0.113.{guess}"));
        }
        browser = browser.with("Forwarded", &format!("for=203.0.113.{guess}"));
        answers.push(browser.try_sign_in(ADMIN, "wrong-Password-1").status);
    }
    assert_eq!(answers, [422, 422, 422, 422, 422, 429, 429]);
    assert!(app.log().iter().all(|entry| entry.address == "127.0.0.1"), "the log has the real peer");
}

/// Behind a trusted proxy the right-most address that is not a proxy counts; what stands left of it is made up.
/// Covers: AC-012, AC-014
fn a_trusted_proxy_is_believed(engine: Engine) {
    let app = TestApp::with(engine, |config| {
        config.trusted_proxies = vec!["127.0.0.1".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
    });
    app.set_up();
    let from = |forwarded: &str| app.browser().with("X-Forwarded-For", forwarded);
    let hops: Vec<String> = (0..40).map(|hop| format!("198.51.100.{hop}")).collect();
    for guess in 0..5 {
        let forwarded = format!("{}, 203.0.113.7, 10.0.0.{guess}", hops[guess..].join(", "));
        from(&forwarded).try_sign_in(ADMIN, "wrong-Password-1").expect(422);
    }
    from("203.0.113.7").try_sign_in(ADMIN, PASSWORD).expect(429);
    assert_eq!(app.last_logged().address, "203.0.113.7");
    // The owner, somewhere else, is not locked out.
    from("203.0.113.8").sign_in(ADMIN, PASSWORD);
    // One IPv6 subscriber is one network.
    for guess in 0..5 {
        from(&format!("2001:db8:1:2::{guess}")).try_sign_in(ADMIN, "wrong-Password-1").expect(422);
    }
    from("2001:db8:1:2:ffff::1").try_sign_in(ADMIN, PASSWORD).expect(429);
    from("2001:db8:1:3::1").sign_in(ADMIN, PASSWORD);
    // What cannot be read is not believed.
    from("203.0.113.9, nonsense").sign_in(ADMIN, PASSWORD);
    assert_eq!(app.last_logged().address, "127.0.0.1");
}

/// One password tried on many accounts.
/// Covers: AC-015
fn spraying_ends_at_the_network(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let answers: Vec<u16> =
        (0..32).map(|victim| refusal(&app, &format!("user{victim}@example.com"), "Summer-2026-sun!").status).collect();
    assert_eq!(answers, [[422; 20].as_slice(), &[429; 12]].concat(), "twenty accounts an hour");
    // Those that were tried before can go on, up to the network's own limit.
    let again: Vec<u16> =
        (0..12).map(|victim| refusal(&app, &format!("user{victim}@example.com"), "Summer-2026-sun!").status).collect();
    assert_eq!(again, [[422; 10].as_slice(), &[429; 2]].concat());
    assert_eq!(app.logged("session.sign_in_refused"), 30);
    app.advance(60 * 60);
    app.browser().sign_in(ADMIN, PASSWORD);
}

/// Covers: AC-017
fn monstrous_passwords_are_refused_unhashed(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    refusal(&app, ADMIN, &"x".repeat(1025)).expect(422);
    refusal(&app, ADMIN, &"\u{301}".repeat(5000)).expect(422);
    let mut browser = app.browser();
    let form = browser.open("/login").form("/login").set("email", ADMIN).set("password", &"x".repeat(1024 * 1024));
    let request = browser.request(&form);
    let length = request.body.len().to_string();
    let request = Request { body: request.body[..1000].to_vec(), ..request }.header("Content-Length", &length);
    let answer = browser.send(request);
    assert_eq!(answer.status, 413);

    // Somebody put a hash into the row that would cost 4 GiB.
    let (salt, tag) = ("AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    app.sql(&format!("UPDATE users SET password_hash = '$argon2id$v=19$m=4194304,t=2,p=1${salt}${tag}'"));
    let started = std::time::Instant::now();
    refusal(&app, ADMIN, PASSWORD).expect(422);
    assert!(started.elapsed() < std::time::Duration::from_secs(2));
}

/// A hash of another cost is made anew at sign-in, while the password is at hand.
fn an_old_hash_is_renewed(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    // "correct horse battery staple", hashed by the reference implementation at a lower cost.
    let old = "$argon2id$v=19$m=64,t=3,p=2$c2l4dGVlbiBieXRlcyBvZg$vq78RsULxBmGjRaW4RRi1x/cDeY/P96wl1Po0QlxLd4";
    app.sql(&format!("UPDATE users SET password_hash = '{old}'"));
    refusal(&app, ADMIN, PASSWORD).expect(422);
    assert_eq!(app.count(&format!("users WHERE password_hash = '{old}'")), 1, "a refusal renews nothing");
    app.browser().sign_in(ADMIN, "correct horse battery staple");
    assert_eq!(app.count("users WHERE password_hash LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'"), 1);
    app.browser().sign_in(ADMIN, "correct horse battery staple");
}

/// Two tabs with the form: the one that comes second is told what happened, and loses nobody.
/// Covers: AC-095
fn a_form_that_waited_in_another_tab(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let mut browser = app.browser();
    let old = browser.open("/login").form("/login").set("email", ADMIN).set("password", PASSWORD);
    browser.sign_in(ADMIN, PASSWORD);
    let sessions = app.count("sessions");
    let page = browser.submit(&old).expect(403);
    assert_eq!((page.one("h1").as_str(), app.count("sessions")), ("You are signed in already", sessions));
    assert!(page.text().contains(ADMIN) && page.links().contains(&"/".to_owned()));
    let mut browser = app.browser();
    let page = browser.submit(&old).expect(403);
    assert!(page.text().contains("nothing was sent"), "{}", page.text());
    let form = page.form("/login");
    assert_eq!((form.value("email").as_str(), form.value("password").as_str()), ("", ""));
    browser.submit(&form.set("email", ADMIN).set("password", PASSWORD)).expect(303);
}

/// Where "next" may lead: to a page of this instance.
/// Covers: AC-020
fn next_never_leads_away(engine: Engine) {
    let app = TestApp::start(engine);
    let mut inside = app.set_up();
    let long = format!("/{}", "a".repeat(7900));
    for asked in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "/%09/evil.example",
        "/%2f%2fevil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "/..//evil.example",
        "/.//evil.example",
        "///evil.example",
        "/login?next=https://evil.example",
        "\u{2f}\u{ff0f}evil.example",
        "/settings/tokens\r\nSet-Cookie: a=b",
        "http://127.0.0.1:8080@evil.example/",
        "data:text/html,x",
        "",
        &long,
        "/settings/logs?before=x",
    ] {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", asked).finish();
        let mut browser = app.browser();
        let form =
            browser.open(&format!("/login?{query}")).form("/login").set("email", ADMIN).set("password", PASSWORD);
        // As the page has it, and as somebody could have written it in.
        let offered = browser.clone().submit(&form).expect(303).location().to_owned();
        let planted = browser.submit(&form.set("next", asked)).expect(303).location().to_owned();
        let passed_on = inside.get(&format!("/login?{query}")).expect(303).location().to_owned();
        let confirmed = inside.confirm(PASSWORD, asked).expect(303).location().to_owned();
        let kept = inside.open("/step-up?next=%2F").form("/step-up").set("password", PASSWORD).set("next", asked);
        let kept = inside.submit(&kept).expect(303).location().to_owned();
        for to in [offered, planted, passed_on, confirmed, kept] {
            let stays = to.starts_with('/') && !to.starts_with("//") && !to.contains(['\\', '\t', '\r', '\n']);
            let base = url::Url::parse("http://127.0.0.1:8080/").unwrap();
            assert!(stays && base.join(&to).unwrap().origin() == base.origin(), "{asked:?} leads to {to:?}");
        }
    }
}

on_both!(
    in_and_out_leave_a_session_row_and_log_entries,
    what_is_left_out_is_asked_for,
    the_sign_in_name_is_found_however_it_is_typed,
    every_refusal_looks_alike,
    what_is_too_costly_is_refused_first,
    guesses_at_once_are_counted_before_they_are_evaluated,
    right_passwords_at_once_all_work,
    a_storm_holds_up_nobody_else,
    forged_proxy_headers_change_nobody,
    a_trusted_proxy_is_believed,
    spraying_ends_at_the_network,
    monstrous_passwords_are_refused_unhashed,
    an_old_hash_is_renewed,
    a_form_that_waited_in_another_tab,
    next_never_leads_away,
);
