//! From a wish to an account: the form, the mail, the button behind its link.

use keystead::config::SignUpMode;

use crate::support::{ADMIN, Engine, PASSWORD, Page, Request, TestApp, at_once, on_both};

const BOB: &str = "bob@example.com";
const OTHER: &str = "another-Tin-roof-78";

/// A link that is used, over, or never was.
#[track_caller]
pub fn is_dead(app: &TestApp, link: &str) {
    let page = app.browser().get(link).expect(404);
    assert_eq!(page.one("h1"), "This link no longer works");
}

/// Opening a link changes nothing, however often a scanner does so.
#[track_caller]
pub fn survives_scanners(app: &TestApp, link: &str) {
    let before = app.dump();
    let mut scanner = app.browser();
    for method in ["GET", "HEAD", "GET", "HEAD"] {
        assert_eq!(scanner.send(Request::new(method, link)).status, 200, "{method} {link}");
    }
    app.is_still(&before);
}

/// Covers: AC-005, S0-28
fn from_a_wish_to_an_account(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let mut bob = app.browser();
    assert!(bob.open("/login").links().contains(&"/signup".to_owned()));
    let page = bob.sign_up("Bob@Example.com ", PASSWORD).expect(200);
    assert_eq!(page.one("h1"), "Ask for your link");
    assert!(page.one(".lede").contains("Bob@Example.com"), "{}", page.one(".lede"));
    assert_eq!((app.count("users"), app.count("sign_ups"), app.count("sessions")), (1, 1, 1));
    assert_eq!(app.logged("sign_up.asked"), 1);
    // Nothing that could be signed in to.
    app.browser().try_sign_in(BOB, PASSWORD).expect(422);

    let link = app.mailed_link("Bob@Example.com");
    let code = link.strip_prefix("/email/confirm/").expect("the page that confirms");
    assert!(code.len() == 64 && code.bytes().all(|byte| byte.is_ascii_hexdigit()), "{link}");
    assert!(!app.dump_but(&["outbox"]).contains(code), "the database keeps a hash alone");
    survives_scanners(&app, &link);

    let page = bob.open(&link);
    assert!(page.one(".lede").contains("Bob@Example.com"));
    let wrong = bob.submit(&page.form(&link).set("password", OTHER)).expect(422);
    assert!(wrong.error_at("password").starts_with("That is not the password that you chose"));
    bob.submit(&page.form(&link).set("password", "")).expect(422);
    assert_eq!((app.count("users"), app.count("sign_ups"), app.count("sessions")), (1, 1, 1));

    let done = bob.submit(&page.form(&link).set("password", PASSWORD)).expect_lead("/settings/profile");
    // Whoever opens the link once more hears that all is well.
    let again = bob.clone().open(&link);
    assert_eq!(again.one("h1"), "Your address is confirmed already");
    assert!(again.one(".lede").contains("Bob@Example.com") && !again.links().contains(&"/signup".to_owned()));
    let profile = bob.follow(&done);
    assert!(profile.notice().starts_with("Welcome."), "{}", profile.notice());
    // The way leads on, and may be left; it is shown this once.
    let onward = "/organizations/new?welcome=1";
    assert!(profile.links().contains(&onward.to_owned()), "{:?}", profile.links());
    bob.submit(&profile.form("/settings/profile")).expect_lead(onward);
    let page = bob.open(onward);
    assert!(page.text().contains("Skip for now") && page.links().contains(&"/settings/profile".to_owned()));
    let later = bob.open("/settings/profile");
    assert!(!later.links().contains(&onward.to_owned()));
    bob.submit(&later.form("/settings/profile")).expect_lead("/settings/profile");
    assert!(!bob.open("/organizations/new").text().contains("Skip for now"));
    assert_eq!(profile.form("/settings/profile").value("first_name"), "Bob");
    assert_eq!((app.count("users"), app.count("sign_ups"), app.count("sessions")), (2, 0, 2));
    app.private_organization("Bob@Example.com");
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.actor_id), ("sign_up.confirmed", app.user_id("Bob@Example.com")));
    is_dead(&app, &link);
    press_anyway(&app, &link).expect(404);
    assert_eq!(app.count("users"), 2);
    app.browser().sign_in(BOB, PASSWORD);
}

/// Sends a form to a link, as a page that was open before it died would.
fn press_anyway(app: &TestApp, link: &str) -> Page {
    let mut browser = app.browser();
    let mut form = browser.open("/login").form("/login").set("password", PASSWORD).smuggle("confirm", PASSWORD);
    link.clone_into(&mut form.action);
    browser.submit(&form.smuggle("first_name", "Bob"))
}

/// The page and the work are the same; the mail alone tells, and it goes to the mailbox.
/// Covers: AC-001
fn nobody_learns_who_has_an_account(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let known = app.browser().sign_up(ADMIN, OTHER).expect(200);
    let fresh = app.browser().sign_up(BOB, OTHER).expect(200);
    assert_eq!(known.one("main").replace(ADMIN, "X"), fresh.one("main").replace(BOB, "X"));
    let names = |page: &Page| page.headers.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&known), names(&fresh));
    let mails = app.mails();
    assert_eq!(mails.iter().map(|mail| mail.recipient.as_str()).collect::<Vec<_>>(), [ADMIN, BOB]);
    assert_eq!(mails[0].subject, "Keystead: you have an account already");
    assert_eq!(mails[1].subject, "Keystead: confirm your e-mail address");
    assert_eq!((app.count("users"), app.count("sign_ups"), app.logged("sign_up.asked")), (1, 1, 2));
    // In other letters it is the same address.
    app.browser().sign_up("ADA@EXAMPLE.COM", OTHER).expect(200);
    assert_eq!((app.count("sign_ups"), app.mails().len()), (1, 3));
    app.browser().sign_in(ADMIN, PASSWORD);
}

/// Whoever asks with somebody else's address gets nothing by it, and takes nothing away.
/// Covers: AC-007
fn a_wish_with_anothers_address_leads_nowhere(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let mut attacker = app.browser();
    attacker.sign_up(BOB, "the-Attackers-own-1").expect(200);
    let planted = app.mailed_link(BOB);
    // The owner of the mailbox opens it, and does not know that password.
    let mut victim = app.browser();
    let form = victim.open(&planted).form(&planted);
    victim.submit(&form.clone().set("password", PASSWORD)).expect(422);
    assert_eq!(app.count("users"), 1);
    // Nor does the attacker have anything: no session, no account, no link for a forgotten password.
    attacker.try_sign_in(BOB, "the-Attackers-own-1").expect(422);
    attacker.forget(BOB).expect(200);
    assert_eq!(app.mails().len(), 1);

    victim.sign_up(BOB, PASSWORD).expect(200);
    let own = app.mailed_link(BOB);
    assert_ne!(own, planted);
    let page = victim.open(&own);
    victim.submit(&page.form(&own).set("password", PASSWORD)).expect_lead("/settings/profile");
    assert_eq!((app.count("users"), app.count("sign_ups")), (2, 0));
    is_dead(&app, &planted);
    attacker.try_sign_in(BOB, "the-Attackers-own-1").expect(422);
    app.browser().sign_in(BOB, PASSWORD);
}

/// A link proves the address that it was mailed to, for a day, whoever opens it; and nobody guesses one.
/// Covers: AC-006
fn a_link_proves_its_own_address(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    app.browser().sign_up(BOB, PASSWORD).expect(200);
    let bobs = app.mailed_link(BOB);
    app.browser().sign_up("carol@example.com", PASSWORD).expect(200);
    let carols = app.mailed_link("carol@example.com");
    // Opened by somebody who is signed in, it is still Bob's; a smuggled address changes nothing.
    let form = ada.open(&bobs).form(&bobs).set("password", PASSWORD).smuggle("email", "carol@example.com");
    let mut other = ada.clone();
    other.submit(&form).expect(303);
    assert_eq!(app.count("users WHERE email = 'bob@example.com'"), 1);
    assert_eq!(app.count("users WHERE email = 'carol@example.com'"), 0);
    ada.open("/admin");
    // A day, and not a second more.
    app.advance(86_400 - 1);
    app.browser().open(&carols);
    app.advance(1);
    is_dead(&app, &carols);
    press_anyway(&app, &carols).expect(404);
    let before = app.dump();
    for guess in 0..200 {
        let mut code = keystead::auth::link::new_code();
        if guess % 2 == 0 {
            code = format!("{}{}", &carols[carols.len() - 64..][..62], &code[62..]);
        }
        is_dead(&app, &format!("/email/confirm/{code}"));
    }
    app.is_still(&before);
}

/// However often the button is pressed, there is one account and one session.
fn of_many_confirmations_one_counts(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let mut bob = app.browser();
    bob.sign_up(BOB, PASSWORD).expect(200);
    let link = app.mailed_link(BOB);
    let form = bob.open(&link).form(&link);
    let right = form.clone().set("password", PASSWORD);
    let answers = at_once(4, |_| bob.clone().submit(&right).status);
    assert_eq!(answers.iter().filter(|status| **status == 303).count(), 1, "{answers:?}");
    assert_eq!((app.count("users"), app.count("sessions")), (2, 2));
}

/// Covers: AC-011
fn a_link_is_no_place_to_guess_at(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let mut bob = app.browser();
    bob.sign_up(BOB, PASSWORD).expect(200);
    let link = app.mailed_link(BOB);
    let form = bob.open(&link).form(&link);
    for guess in 0..5 {
        bob.submit(&form.clone().set("password", &format!("guessed-Tin-roof-{guess}"))).expect(422);
    }
    let page = bob.submit(&form.clone().set("password", PASSWORD)).expect(429);
    assert!(page.header("retry-after").is_some());
    assert_eq!(app.count("users"), 1);
    app.advance(15 * 60);
    bob.submit(&form.set("password", PASSWORD)).expect_lead("/settings/profile");
}

fn a_wish_is_good_for_a_day(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    app.browser().sign_up(BOB, PASSWORD).expect(200);
    let link = app.mailed_link(BOB);
    app.advance(86_400 - 1);
    app.browser().open(&link);
    app.advance(1);
    is_dead(&app, &link);
    press_anyway(&app, &link).expect(404);
    keystead::jobs::tidy(&app.instance.db, &app.instance.config, app.now()).unwrap();
    assert_eq!(app.count("sign_ups"), 0);
}

/// Five wishes from one network, three mails to one address, within an hour.
/// Covers: AC-009
fn wishes_are_counted(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    for index in 0..5 {
        app.browser().sign_up(&format!("bob{index}@example.com"), PASSWORD).expect(200);
    }
    let page = app.browser().sign_up("bob6@example.com", PASSWORD).expect(429);
    assert_eq!(page.header("retry-after"), Some("3600"));
    assert_eq!((app.count("sign_ups"), app.mails().len()), (5, 5));
    app.advance(3600 - 1);
    app.browser().sign_up("bob6@example.com", PASSWORD).expect(429);
    app.advance(1);
    app.browser().sign_up("bob6@example.com", PASSWORD).expect(200);

    let app = TestApp::start(engine);
    app.set_up();
    for _ in 0..3 {
        app.browser().sign_up(BOB, PASSWORD).expect(200);
    }
    app.browser().sign_up(BOB, PASSWORD).expect(429);
    app.browser().forget(BOB).expect(200);
    assert_eq!((app.count("sign_ups"), app.mails().len()), (3, 3));
}

fn not_everywhere_may_everybody(engine: Engine) {
    for (mode, words) in [(SignUpMode::Closed, "at the moment"), (SignUpMode::Invitation, "by invitation")] {
        let app = TestApp::with(engine, |config| config.sign_up = mode);
        app.set_up();
        let mut bob = app.browser();
        let login = bob.open("/login");
        assert!(!login.links().contains(&"/signup".to_owned()));
        let page = bob.get("/signup").expect(403);
        assert_eq!(page.one("h1"), "Sign-up is closed");
        assert!(page.one(".lede").contains(words), "{}", page.one(".lede"));
        let mut form = login.form("/login").set("email", BOB).set("password", PASSWORD).smuggle("confirm", PASSWORD);
        "/signup".clone_into(&mut form.action);
        bob.submit(&form.smuggle("first_name", "Bob")).expect(403);
        assert_eq!((app.count("sign_ups"), app.mails().len()), (0, 0));
    }
}

/// A wish from the time when sign-up was open makes no account once nobody is taken in any more, and does again later.
fn closed_is_closed_to_earlier_wishes(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    app.browser().sign_up(BOB, PASSWORD).expect(200);
    let link = app.mailed_link(BOB);
    let form = app.browser().open(&link).form(&link).set("password", PASSWORD);
    let closed = app.beside_with(|config| config.sign_up = SignUpMode::Closed);
    let mut bob = app.browser().at(&closed);
    assert_eq!(bob.get(&link).expect(403).one("h1"), "Sign-up is closed");
    bob.open("/login");
    let mut login = bob.open("/login").form("/login").set("password", PASSWORD);
    login.action.clone_from(&form.action);
    bob.submit(&login).expect(403);
    assert_eq!((app.count("users"), app.count("sign_ups")), (1, 1));
    let mut bob = app.browser();
    let form = bob.open(&link).form(&link).set("password", PASSWORD);
    bob.submit(&form).expect_lead("/settings/profile");
}

/// By invitation means at the end, too: a wish from an open time, or one whose invitation was taken back since, makes no account.
/// Covers: AC-008
fn a_wish_needs_its_invitation_to_the_end(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    app.browser().sign_up(BOB, PASSWORD).expect(200);
    let early = app.mailed_link(BOB);
    let by_invitation = app.beside_with(|config| config.sign_up = SignUpMode::Invitation);
    let press = |link: &str| {
        let mut browser = app.browser().at(&by_invitation);
        let form = browser.open(link).form(link).set("password", PASSWORD);
        browser.submit(&form)
    };
    press(&early).expect(404);
    ada.make_organization("acme");
    let carol = "carol@example.com";
    let copied = ada.invite_to("acme", carol, "viewer");
    let mut stranger = app.browser().at(&by_invitation);
    let form = stranger.open(&copied).form(&copied).set("first_name", "Carol");
    stranger.submit(&form.set("password", PASSWORD).set("confirm", PASSWORD)).expect(200);
    let link = app.mailed_link(carol);
    let invitation = format!("/api/v1/organizations/acme/invitations/{}", app.invitation_id(carol));
    let again = ada.call("POST", &format!("{invitation}/resend"), &serde_json::Value::Null);
    assert_eq!(again.status, 200, "{}", again.text());
    let invitation = format!("/api/v1/organizations/acme/invitations/{}", app.invitation_id(carol));
    assert_eq!(ada.call("DELETE", &invitation, &serde_json::Value::Null).status, 204);
    press(&link).expect(404);
    assert_eq!(app.count("users"), 1);
    ada.invite_to("acme", carol, "viewer");
    press(&link).expect(303);
    assert_eq!(app.count("users"), 2);
}

/// What is wrong is said at its field, and a form makes nothing that it does not ask for.
/// Covers: AC-008
fn the_form_is_checked(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let (mut bob, counted) = (app.browser(), app.count("attempts"));
    let page = bob.open("/signup");
    let refused = bob.submit(&page.form("/signup")).expect(422);
    assert_eq!(refused.errors(), ["email", "first_name", "password"]);
    let refused = bob.sign_up("bob", "bob").expect(422);
    assert_eq!(refused.errors(), ["email", "password"]);
    assert_eq!(refused.form("/signup").value("first_name"), "Bob", "what was typed stays");
    assert_eq!(refused.form("/signup").value("password"), "", "but no password does");
    assert_eq!((app.count("sign_ups"), app.count("attempts")), (0, counted), "a slip of the pen is not counted");

    let form = page.form("/signup").set("email", BOB).set("first_name", "Bob").set("password", PASSWORD);
    let form = form.set("confirm", PASSWORD).smuggle("is_administrator", "1").smuggle("status", "active");
    bob.submit(&form).expect(200);
    let link = app.mailed_link(BOB);
    let form = bob.open(&link).form(&link).set("password", PASSWORD);
    bob.submit(&form.smuggle("is_administrator", "true").smuggle("email", ADMIN)).expect_lead("/settings/profile");
    bob.get("/admin").expect(404);
    app.user_id(BOB);
}

/// A code opens the page that it was made for, and no other.
fn a_code_has_one_purpose(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    app.browser().sign_up(BOB, PASSWORD).expect(200);
    app.browser().forget(ADMIN).expect(200);
    let links = [app.mailed_link(BOB), app.mailed_link(ADMIN), ada.invite("carol@example.com")];
    let before = app.dump();
    for (index, link) in links.iter().enumerate() {
        app.browser().open(link);
        let (_, code) = link.rsplit_once('/').unwrap();
        for place in links.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, place)| place) {
            let (page, _) = place.rsplit_once('/').unwrap();
            let wrong = format!("{page}/{code}");
            is_dead(&app, &wrong);
            press_anyway(&app, &wrong).expect(404);
        }
    }
    for code in ["x", "%00", &"0".repeat(64), &"f".repeat(5000), "..%2f..", "%F0%9F%92%A9"] {
        for page in ["/email/confirm", "/invitations", "/password/reset"] {
            let answer = app.browser().get(&format!("{page}/{code}"));
            assert!(matches!(answer.status, 400 | 404), "{page}/{code}: {}", answer.status);
        }
    }
    app.is_still(&before);
}

/// Whatever an asker says of the host, mails lead to the configured one.
/// Covers: AC-033
fn links_in_mails_are_our_own(engine: Engine) {
    let app = TestApp::with(engine, |config| config.base_url = "https://accounts.example.com".parse().unwrap());
    let mut ada = app.set_up();
    let mut forged = app.browser();
    for browser in [&mut forged, &mut ada] {
        for name in ["X-Forwarded-Host", "X-Host", "X-Original-Host", "X-Forwarded-Server"] {
            browser.extra.push((name.to_owned(), "evil.example".to_owned()));
        }
        browser.extra.push(("Forwarded".to_owned(), "host=evil.example;proto=http".to_owned()));
        browser.extra.push(("X-Forwarded-Proto".to_owned(), "http".to_owned()));
    }
    forged.sign_up(BOB, PASSWORD).expect(200);
    forged.sign_up(ADMIN, PASSWORD).expect(200);
    forged.forget(ADMIN).expect(200);
    ada.invite("carol@example.com");
    let mut poisoned = app.browser();
    let form = poisoned.open("/password/forgot").form("/password/forgot").set("email", ADMIN);
    poisoned.extra.push(("Host".to_owned(), "evil.example".to_owned()));
    assert!(matches!(poisoned.submit(&form).status, 400 | 421));

    let mails = app.mails();
    assert_eq!(mails.len(), 4);
    for mail in mails {
        for body in [&mail.text, &mail.html] {
            assert!(!body.contains("evil"), "{body}");
            let links: Vec<&str> = body.match_indices("http").map(|(at, _)| &body[at..]).collect();
            assert!(!links.is_empty(), "{body}");
            for link in links {
                assert!(link.starts_with("https://accounts.example.com/"), "{body}");
            }
        }
    }
}

on_both!(
    from_a_wish_to_an_account,
    nobody_learns_who_has_an_account,
    a_wish_with_anothers_address_leads_nowhere,
    a_link_proves_its_own_address,
    of_many_confirmations_one_counts,
    a_link_is_no_place_to_guess_at,
    a_wish_is_good_for_a_day,
    wishes_are_counted,
    not_everywhere_may_everybody,
    closed_is_closed_to_earlier_wishes,
    a_wish_needs_its_invitation_to_the_end,
    the_form_is_checked,
    a_code_has_one_purpose,
    links_in_mails_are_our_own,
);
