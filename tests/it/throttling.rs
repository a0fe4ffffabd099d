//! Limits and lock-out: each budget, who keeps their way in, and what the owner hears.

use keystead::auth::throttle;

use crate::sign_up::{is_dead, survives_scanners};
use crate::support::{ADMIN, Browser, Engine, Mail, PASSWORD, Page, Request, TestApp, at_once, on_both};

const OTHER: &str = "another-Tin-roof-78";

/// Wrong, and known to be so without hashing it: a hundred of them take no time.
fn wrong() -> String {
    "x".repeat(1025)
}

fn behind_a_proxy(engine: Engine) -> TestApp {
    TestApp::with(engine, |config| config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()])
}

/// A browser that comes from some other network each time it is asked for one.
fn from(app: &TestApp, network: usize) -> Browser {
    app.browser().with("X-Forwarded-For", &format!("198.{}.{}.7", 18 + network / 250, network % 250))
}

/// Wrong passwords for an account, from ever new networks, as many as are looked at.
#[track_caller]
fn guess(app: &TestApp, email: &str, count: usize) {
    for guess in 0..count {
        let page = from(app, guess / 5).try_sign_in(email, &wrong());
        assert_eq!(page.status, 422, "guess {guess}: {}", page.one("main"));
    }
}

fn mails_with(app: &TestApp, words: &str) -> Vec<Mail> {
    app.mails().into_iter().filter(|mail| mail.subject.contains(words)).collect()
}

/// Two hundred wrong passwords from everywhere: the owner signs in from the browser that is known, as if nothing were.
/// Covers: AC-014, AC-002
fn the_owner_is_never_locked_out(engine: Engine) {
    let app = behind_a_proxy(engine);
    app.set_up();
    let mut friend = from(&app, 900);
    friend.sign_in(ADMIN, PASSWORD);
    friend.sign_out().expect(303);
    guess(&app, ADMIN, 100);
    assert_eq!(mails_with(&app, "ten wrong passwords").len(), 1);
    let told = mails_with(&app, "a hundred wrong passwords");
    assert_eq!((told.len(), told[0].recipient.as_str()), (1, ADMIN));
    let refused = app.logged("session.sign_in_refused");
    for network in 300..320 {
        // Neither a guess nor the right password is looked at.
        from(&app, network).try_sign_in(ADMIN, &wrong()).expect(429);
        from(&app, network).try_sign_in(ADMIN, PASSWORD).expect(429);
    }
    assert_eq!(app.logged("session.sign_in_refused"), refused);
    // It looks the same where there is no account.
    guess(&app, "nobody@example.com", 100);
    let alike = |email: &str| {
        let page: Page = from(&app, 400).try_sign_in(email, PASSWORD).expect(429);
        (page.masked().replace(email, "X"), page.header("retry-after").map(str::to_owned))
    };
    assert_eq!(alike(ADMIN), alike("nobody@example.com"));
    assert_eq!(mails_with(&app, "wrong passwords").len(), 2, "only the owner of an account is told");

    // From another network, too; and that opens it for all.
    friend.extra.clear();
    friend.extra.push(("X-Forwarded-For".to_owned(), "203.0.113.200".to_owned()));
    friend.sign_in(ADMIN, PASSWORD);
    from(&app, 500).sign_in(ADMIN, PASSWORD);
}

/// The mailbox opens it as well: with the link, or with a new password.
/// Covers: AC-014, AC-005
fn the_mailbox_opens_it_again(engine: Engine) {
    let app = behind_a_proxy(engine);
    app.set_up();
    guess(&app, ADMIN, 100);
    from(&app, 300).try_sign_in(ADMIN, PASSWORD).expect(429);
    let link = app.mailed_link(ADMIN);
    assert!(link.starts_with("/login/unlock/"), "{link}");
    survives_scanners(&app, &link);
    from(&app, 300).try_sign_in(ADMIN, PASSWORD).expect(429);
    let mut owner = app.browser();
    let form = owner.open(&link).form(&link);
    let done = owner.submit(&form).expect_lead("/login");
    assert_eq!(owner.follow(&done).notice(), "Passwords are taken again. Sign in.");
    assert_eq!(app.last_logged().action, "session.sign_in_unlocked");
    is_dead(&app, &link);
    assert_eq!(owner.submit(&form).status, 404);
    from(&app, 300).sign_in(ADMIN, PASSWORD);

    app.advance(15 * 60);
    guess(&app, ADMIN, 100);
    from(&app, 301).try_sign_in(ADMIN, PASSWORD).expect(429);
    app.browser().forget(ADMIN).expect(200);
    let link = app.mailed_link(ADMIN);
    let mut owner = app.browser();
    let form = owner.open(&link).form(&link).set("password", OTHER).set("confirm", OTHER);
    owner.submit(&form).expect_lead("/login");
    from(&app, 301).sign_in(ADMIN, OTHER);
}

/// A browser that is known has ten tries of its own, for that account alone, until all sessions are logged out.
/// Covers: AC-014, AC-025, AC-028
fn a_known_browser_has_a_budget_of_its_own(engine: Engine) {
    let app = behind_a_proxy(engine);
    let mut ada = app.set_up();
    app.make_user("bob@example.com");
    let name = ada.cookies.keys().find(|name| name.ends_with("keystead_device")).expect("a cookie").clone();
    let cookie = ada.cookies[&name].clone();
    assert!(cookie.len() == 64 && !app.dump().contains(&cookie), "the database keeps a hash alone");
    let known = |network: usize| {
        let mut browser = from(&app, network);
        browser.cookies.insert(name.clone(), cookie.clone());
        browser
    };
    for _ in 0..10 {
        known(1).try_sign_in(ADMIN, &wrong()).expect(422);
    }
    known(2).try_sign_in(ADMIN, PASSWORD).expect(429);
    assert_eq!(app.count("attempts WHERE door LIKE 'password 198%'"), 0, "its network's doors are not touched");
    app.advance(30);
    known(2).sign_in(ADMIN, PASSWORD);
    assert_eq!(app.count("devices"), 1);
    // For another account it is a stranger.
    for _ in 0..5 {
        known(3).try_sign_in("bob@example.com", &wrong()).expect(422);
    }
    known(3).try_sign_in("bob@example.com", PASSWORD).expect(429);
    // One browser, two people: known for both.
    let mut shared = known(4);
    shared.sign_in("bob@example.com", PASSWORD);
    assert_eq!(shared.cookies[&name].split('.').count(), 2);
    assert!(shared.cookies[&name].ends_with(&cookie), "{:?}", shared.cookies);

    ada.confirm(PASSWORD, "/settings/security/logout-all").expect(303);
    let form = ada.open("/settings/security/logout-all").form("/settings/security/logout-all");
    ada.submit(&form).expect_lead("/login");
    assert_eq!(app.count(&format!("devices WHERE user_id = '{}'", app.user_id(ADMIN))), 0);
    for _ in 0..5 {
        known(5).try_sign_in(ADMIN, &wrong()).expect(422);
    }
    known(5).try_sign_in(ADMIN, PASSWORD).expect(429);
    // A cookie that was brought along becomes nobody's.
    known(6).sign_in(ADMIN, PASSWORD);
    for _ in 0..5 {
        known(7).try_sign_in(ADMIN, &wrong()).expect(422);
    }
    known(7).try_sign_in(ADMIN, PASSWORD).expect(429);
    // After a year a browser is forgotten.
    app.advance(366 * 86_400);
    keystead::jobs::tidy(&app.instance.db, &app.instance.config, app.now()).unwrap();
    assert_eq!(app.count("devices"), 0);
}

/// Whoever stole the cookie of a known browser has a hundred tries in all; then it is a stranger's, and stays so.
/// Covers: AC-014, AC-011
fn a_stolen_cookie_is_good_for_a_hundred_tries(engine: Engine) {
    let app = behind_a_proxy(engine);
    let ada = app.set_up();
    let name = ada.cookies.keys().find(|name| name.ends_with("keystead_device")).expect("a cookie").clone();
    let cookie = ada.cookies[&name].clone();
    let thief = |network: usize| {
        let mut browser = from(&app, network);
        browser.cookies.insert(name.clone(), cookie.clone());
        browser
    };
    let mut tried = 0;
    for day in 0..10 {
        for _ in 0..10 {
            thief(day).try_sign_in(ADMIN, &wrong()).expect(422);
            tried += 1;
        }
        assert_eq!(app.count("devices"), i64::from(tried < 100), "{tried}");
        if day < 9 {
            thief(day).try_sign_in(ADMIN, &wrong()).expect(429);
            app.advance(2 * 3600);
            keystead::jobs::tidy(&app.instance.db, &app.instance.config, app.now()).unwrap();
        }
    }
    app.advance(86_400);
    thief(11).try_sign_in(ADMIN, PASSWORD).expect(429);
    // The owner's mailbox opens it again, in a browser that is new from then on.
    let mut owner = app.browser();
    let link = app.make_link(keystead::auth::link::Purpose::UnlockSignIn, ADMIN);
    let link = keystead::urls::login_unlock(&link);
    let form = owner.open(&link).form(&link);
    owner.submit(&form).expect_lead("/login");
    owner.sign_in(ADMIN, PASSWORD);
    for _ in 0..5 {
        thief(12).try_sign_in(ADMIN, &wrong()).expect(422);
    }
    thief(12).try_sign_in(ADMIN, PASSWORD).expect(429);
    // A right password begins the count anew.
    let fresh = |network: usize| from(&app, network);
    let mut friend = fresh(20);
    friend.sign_in(ADMIN, PASSWORD);
    friend.sign_out().expect(303);
    for _ in 0..3 {
        friend.try_sign_in(ADMIN, &wrong()).expect(422);
    }
    assert_eq!(app.count("attempts WHERE door LIKE 'account from %'"), 1);
    friend.sign_in(ADMIN, PASSWORD);
    assert_eq!(app.count("attempts WHERE door LIKE 'account from %'"), 0);
}

/// Wrong passwords from everywhere for everybody: logged once, and each network may try fewer of them for a while.
/// Covers: AC-015
fn a_flood_is_logged_once_and_slowed(engine: Engine) {
    let app = behind_a_proxy(engine);
    app.set_up();
    let tries = usize::try_from(throttle::FLOOD.failures).unwrap();
    at_once(4, |part| {
        for victim in (part..tries).step_by(4) {
            let page = from(&app, victim / 10).try_sign_in(&format!("user{victim}@example.com"), &wrong());
            assert_eq!(page.status, 422, "{victim}");
        }
    });
    assert_eq!(app.logged("session.sign_in_flood"), 1);
    let answers = |network: usize| -> Vec<u16> {
        let to = |victim: usize| format!("more{network}-{victim}@example.com");
        (0..7).map(|victim| from(&app, network).try_sign_in(&to(victim), &wrong()).status).collect()
    };
    assert_eq!(answers(600), [422, 422, 422, 422, 422, 429, 429]);
    assert_eq!(app.logged("session.sign_in_flood"), 1);
    // Nobody is kept out who has the password.
    from(&app, 601).sign_in(ADMIN, PASSWORD);
    app.advance(30 * 60);
    assert_eq!(answers(602), [422; 7]);
}

/// Where tries can't be counted in the table, the process counts them.
/// Covers: AC-011
fn without_its_table_the_limiter_still_limits(engine: Engine) {
    let app = behind_a_proxy(engine);
    app.set_up();
    app.sql("ALTER TABLE attempts RENAME TO attempts_away");
    let answers: Vec<u16> = (0..7).map(|_| from(&app, 1).try_sign_in(ADMIN, &wrong()).status).collect();
    assert_eq!(answers, [422, 422, 422, 422, 422, 429, 429]);
    from(&app, 2).sign_in(ADMIN, PASSWORD);
    app.advance(60);
    from(&app, 1).sign_in(ADMIN, PASSWORD);
}

/// All strangers together can't have more than two hundred mails with links sent in an hour.
/// Covers: AC-009
fn all_mails_together_have_a_lid(engine: Engine) {
    let app = behind_a_proxy(engine);
    app.set_up();
    for asked in 0..200 {
        from(&app, asked / 10).forget(&format!("user{asked}@example.com")).expect(200);
    }
    let [page, other] = [(700, ADMIN), (701, "nobody@example.com")]
        .map(|(network, email)| from(&app, network).forget(email).expect(429).one("main"));
    assert_eq!(page, other, "an account or none, it is the same");
    assert_eq!(app.mails().len(), 0);
    app.advance(3600);
    from(&app, 702).forget(ADMIN).expect(200);
    assert_eq!(app.mails().len(), 1);
}

/// Wider networks count, too: whoever has a /24, or a /48, has not 256, or 65,536, times the tries.
/// Covers: AC-012, AC-009
fn wide_networks_count(engine: Engine) {
    let app = behind_a_proxy(engine);
    app.set_up();
    let near = |host: usize| app.browser().with("X-Forwarded-For", &format!("192.0.2.{host}"));
    for host in 0..6 {
        for victim in 0..20 {
            near(host).try_sign_in(&format!("user{host}-{victim}@example.com"), &wrong()).expect(422);
        }
    }
    for victim in 0..20 {
        near(6).try_sign_in(&format!("user6-{victim}@example.com"), &wrong()).expect(422);
    }
    for victim in 0..10 {
        near(7).try_sign_in(&format!("user7-{victim}@example.com"), &wrong()).expect(422);
    }
    near(8).try_sign_in("user8@example.com", &wrong()).expect(429);
    app.browser().with("X-Forwarded-For", "192.0.3.1").try_sign_in("user9@example.com", &wrong()).expect(422);
    let subscriber = |part: usize| app.browser().with("X-Forwarded-For", &format!("2001:db8:77:{part:x}::1"));
    for asked in 0..50 {
        subscriber(asked / 10).forget(&format!("some{asked}@example.com")).expect(200);
    }
    let doors = app.count("attempts WHERE door LIKE 'mail %'");
    subscriber(9).forget(ADMIN).expect(429);
    assert_eq!((app.count("attempts WHERE door LIKE 'mail %'"), app.mails().len()), (doors, 0));
}

/// A browser that is new, in a network that is new: the owner hears of it. One of the two is daily life.
/// Covers: AC-109
fn a_sign_in_from_a_new_place_is_told(engine: Engine) {
    let app = behind_a_proxy(engine);
    app.set_up();
    app.make_user("bob@example.com");
    let (at_home, away) = ("192.0.2.1", "203.0.113.9");
    let new = |address: &str| app.browser().with("X-Forwarded-For", address);
    let told = || mails_with(&app, "signed in from a new place").len();
    let mut laptop = new(at_home);
    laptop.sign_in("bob@example.com", PASSWORD);
    assert_eq!(told(), 0, "the first of all is no news");
    new(at_home).sign_in("bob@example.com", PASSWORD);
    away.clone_into(&mut laptop.extra[0].1);
    laptop.sign_out().expect(303);
    laptop.sign_in("bob@example.com", PASSWORD);
    assert_eq!(told(), 0, "a new browser at home, the known one away");
    new("198.51.100.4").sign_in("bob@example.com", PASSWORD);
    let mail = mails_with(&app, "signed in from a new place").pop().expect("a mail");
    assert_eq!(mail.recipient, "bob@example.com");
    for part in ["22 November 2026, 00:06:00 UTC", "Firefox", "198.51.100.4", "/settings/security"] {
        assert!(mail.text.contains(part), "{part} in {}", mail.text);
    }
    new("198.51.100.4").sign_in("bob@example.com", PASSWORD);
    assert_eq!(told(), 1);
    // Logging out everywhere forgets the browsers, not the places.
    laptop.confirm(PASSWORD, "/").expect(303);
    let form = laptop.open("/settings/security/logout-all").form("/settings/security/logout-all");
    laptop.submit(&form).expect(303);
    laptop.sign_in("bob@example.com", PASSWORD);
    assert_eq!(told(), 1);
    "100.64.0.1".clone_into(&mut laptop.extra[0].1);
    laptop.cookies.clear();
    laptop.sign_in("bob@example.com", PASSWORD);
    assert_eq!(told(), 2);
}

/// Ten thousand cookies that nobody gave out: each is a stranger's, and nothing is written for any.
/// Covers: AC-028
#[test]
fn random_cookies_are_strangers() {
    let app = TestApp::start(Engine::Sqlite);
    let mut ada = app.set_up();
    let before = app.dump();
    let strangers = at_once(8, |_| {
        (0..1250)
            .filter(|_| {
                let random = keystead::auth::link::new_code();
                let cookies =
                    format!("keystead_session={random}{random}; keystead_device={random}; keystead_form={random}");
                let answer = app.send(&Request::get("/settings/profile").header("Cookie", &cookies));
                answer.status == 303 && answer.location().starts_with("/login?")
            })
            .count()
    });
    assert_eq!(strangers.into_iter().sum::<usize>(), 10_000);
    app.is_still(&before);
    ada.open("/settings/profile");
}

on_both!(
    the_owner_is_never_locked_out,
    the_mailbox_opens_it_again,
    a_known_browser_has_a_budget_of_its_own,
    a_stolen_cookie_is_good_for_a_hundred_tries,
    a_flood_is_logged_once_and_slowed,
    without_its_table_the_limiter_still_limits,
    all_mails_together_have_a_lid,
    wide_networks_count,
    a_sign_in_from_a_new_place_is_told,
);
