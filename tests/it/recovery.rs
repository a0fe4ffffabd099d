//! A forgotten password: asking, the mail, the button behind its link.

use std::time::{Duration, Instant};

use crate::sign_up::{is_dead, survives_scanners};
use crate::support::{ADMIN, Browser, Engine, PASSWORD, Page, TestApp, at_once, on_both};

const OTHER: &str = "another-Tin-roof-78";

/// Asks for a link and says where it leads.
fn link_for(app: &TestApp, email: &str) -> String {
    app.browser().forget(email).expect(200);
    app.mailed_link(email)
}

/// Chooses a new password behind a link.
#[track_caller]
fn reset(browser: &mut Browser, link: &str, password: &str) -> Page {
    let form = browser.open(link).form(link).set("password", password).set("confirm", password);
    browser.submit(&form)
}

/// The page and the work are the same for an account, for none, and for one that may not be used.
/// Covers: AC-003
fn asking_tells_nothing(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    app.make_user("bob@example.com");
    app.make_user("carol@example.com");
    app.sql("UPDATE users SET status = 'suspended' WHERE email = 'carol@example.com'");
    let mut pages = Vec::new();
    for email in [ADMIN, "bob@example.com", "carol@example.com", "nobody@example.com"] {
        let (logged, counted) = (app.logged("password.forgotten"), app.count("attempts"));
        let began = Instant::now();
        let page = app.browser().forget(email).expect(200);
        assert!(began.elapsed() >= Duration::from_millis(250), "the time tells nothing, either: {email}");
        pages.push(page.one("main").replace(email, "X"));
        assert_eq!(app.logged("password.forgotten"), logged + 1, "{email}");
        assert!(app.count("attempts") > counted, "{email}");
    }
    pages.dedup();
    assert_eq!(pages.len(), 1, "{pages:?}");
    assert!(pages[0].starts_with("Ask for your link"), "{pages:?}");
    let recipients: Vec<String> = app.mails().into_iter().map(|mail| mail.recipient).collect();
    assert_eq!(recipients, [ADMIN, "bob@example.com"]);
    assert_eq!(app.count("links"), 2);
    let refused = app.browser().forget("no address").expect(422);
    assert_eq!(refused.errors(), ["email"]);
}

/// Three mails an hour to one address, ten to one network; the page says so, to everybody alike, with the form as it was.
/// Covers: AC-009, AC-003
fn mails_are_few_and_the_page_says_so(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let said = ["nobody@example.com", ADMIN].map(|email| {
        for _ in 0..3 {
            app.browser().forget(email).expect(200);
        }
        let page = app.browser().forget(email).expect(429);
        assert!(page.header("retry-after").is_some());
        let limit = "The limit is 3 mails with a link to one address in an hour, and it is reached. Wait 60 minutes";
        assert!(page.one(".summary").contains(limit), "{}", page.one(".summary"));
        assert_eq!(page.form("/password/forgot").value("email"), email);
        page.one("main")
    });
    assert_eq!(said[0], said[1]);
    assert_eq!(app.mails().len(), 3);
    // An hour from the third; not one a moment earlier.
    app.advance(3600 - 1);
    app.browser().forget(ADMIN).expect(429);
    assert_eq!(app.mails().len(), 3);
    app.advance(1);
    app.browser().forget(ADMIN).expect(200);
    assert_eq!(app.mails().len(), 4);

    let app = TestApp::start(engine);
    app.set_up();
    for index in 0..12 {
        let email = format!("bob{index}@example.com");
        app.make_user(&email);
        app.browser().forget(&email).expect(if index < 10 { 200 } else { 429 });
    }
    assert_eq!(app.mails().len(), 10);
}

/// Strangers who use up the mails of one kind to an address close none of the others: its owner still gets back in.
/// Covers: AC-003, AC-009
fn what_strangers_ask_for_closes_no_way_back(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let mut bob = app.other("bob@example.com");
    let mut strange = app.browser();
    for _ in 0..3 {
        strange.sign_up(ADMIN, PASSWORD).expect(200);
        bob.change_email(ADMIN).expect(303);
    }
    let page = strange.sign_up(ADMIN, PASSWORD).expect(429);
    assert!(
        page.one(".summary").contains("The limit is 3 mails with a link to one address"),
        "{}",
        page.one(".summary")
    );
    let form = page.form("/signup");
    assert_eq!((form.value("email"), form.value("password")), (ADMIN.to_owned(), String::new()));
    let page = bob.change_email(ADMIN).expect(429);
    assert_eq!(page.form("/settings/profile/email").value("new_email"), ADMIN);
    let link = link_for(&app, ADMIN);
    assert!(link.starts_with("/password/reset/"), "{link}");

    // The other way round.
    for _ in 0..3 {
        strange.forget("bob@example.com").expect(200);
        strange.forget("new@example.com").expect(200);
    }
    strange.sign_up("new@example.com", PASSWORD).expect(200);
    ada.change_email("new@example.com").expect(303);
}

/// Covers: AC-005
fn a_link_sets_a_new_password(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let mut elsewhere = app.browser();
    elsewhere.sign_in(ADMIN, PASSWORD);
    let mut bob = app.other("bob@example.com");
    let verifier = ada.make_verifier("billing");
    let (_, token) = ada.create_token("bot", &["channels:read"]);
    assert!(app.browser().open("/login").links().contains(&"/password/forgot".to_owned()));
    let link = link_for(&app, ADMIN);
    let (_, code) = link.rsplit_once('/').unwrap();
    assert!(link.starts_with("/password/reset/") && code.len() == 64, "{link}");
    assert!(!app.dump_but(&["outbox"]).contains(code), "the database keeps a hash alone");
    survives_scanners(&app, &link);

    let mut browser = app.browser();
    let page = browser.open(&link);
    assert_eq!(page.form(&link).values("revoke_tokens"), ["1"], "revoking is what is proposed");
    let refused = browser.submit(&page.form(&link).set("password", "short").set("confirm", "shorter")).expect(422);
    assert!(refused.errors().contains(&"password".to_owned()), "{:?}", refused.errors());
    let mails = app.mails().len();
    let form = page.form(&link).set("password", OTHER).set("confirm", OTHER).without("revoke_tokens");
    let done = browser.submit(&form).expect_lead("/login");
    assert!(!browser.cookies.keys().any(|name| name.ends_with("keystead_session")), "one signs in afterwards");
    assert!(browser.follow(&done).notice().starts_with("Your new password is set"));
    for out in [&mut ada, &mut elsewhere] {
        out.get("/settings/profile").expect_lead("/login?next=%2Fsettings%2Fprofile");
    }
    bob.open("/settings/profile");
    assert_eq!(app.verify(&verifier, &token)["code"], "VALID", "the box was not ticked");
    let entry = app.last_logged();
    assert_eq!(
        (entry.action.as_str(), entry.detail.as_str()),
        ("password.reset", "2 sessions ended, 0 tokens revoked")
    );
    assert_eq!(entry.user_id, Some(app.user_id(ADMIN)));
    let letters = app.mails().split_off(mails);
    assert_eq!(letters.len(), 1);
    assert_eq!(
        (letters[0].recipient.as_str(), letters[0].subject.as_str()),
        (ADMIN, "Keystead: your password was set anew")
    );
    is_dead(&app, &link);
    app.browser().try_sign_in(ADMIN, PASSWORD).expect(422);
    app.browser().sign_in(ADMIN, OTHER);

    // Ticked, the tokens go with it.
    let link = link_for(&app, ADMIN);
    reset(&mut app.browser(), &link, PASSWORD).expect_lead("/login");
    assert_ne!(app.verify(&verifier, &token)["code"], "VALID");
    assert_eq!(app.last_logged().detail, "1 sessions ended, 1 tokens revoked");
}

/// Of thirty-two at once, each with a password of its own, one wins.
/// Covers: AC-034
fn a_link_works_once(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let link = link_for(&app, ADMIN);
    let mut browser = app.browser();
    let form = browser.open(&link).form(&link);
    let password = |index: usize| format!("purple-Tin-roof-number-{index}");
    let answers = at_once(32, |index| {
        let form = form.clone().set("password", &password(index)).set("confirm", &password(index));
        browser.clone().submit(&form).status
    });
    let won: Vec<usize> = (0..32).filter(|index| answers[*index] == 303).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|status| matches!(status, 303 | 404 | 503)), "{answers:?}");
    assert_eq!((app.logged("password.reset"), app.count("links")), (1, 0));
    app.browser().sign_in(ADMIN, &password(won[0]));
    for lost in (0..32).filter(|index| *index != won[0]).take(3) {
        app.browser().try_sign_in(ADMIN, &password(lost)).expect(422);
    }
    app.browser().try_sign_in(ADMIN, PASSWORD).expect(422);
}

/// An hour, and not after any change.
fn a_link_dies(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let link = link_for(&app, ADMIN);
    app.advance(3600 - 1);
    app.browser().open(&link);
    app.advance(1);
    is_dead(&app, &link);
    keystead::jobs::tidy(&app.instance.db, &app.instance.config, app.now()).unwrap();
    assert_eq!(app.count("links"), 0);

    let links = [link_for(&app, ADMIN), link_for(&app, ADMIN)];
    let mut browser = app.browser();
    let stale = browser.open(&links[0]).form(&links[0]).set("password", OTHER).set("confirm", OTHER);
    ada.sign_in(ADMIN, PASSWORD);
    let form = ada.open("/settings/security").form("/settings/security/password");
    let form = form.set("current", PASSWORD).set("password", OTHER).set("confirm", OTHER);
    ada.submit(&form).expect_lead("/settings/security");
    for link in &links {
        is_dead(&app, link);
    }
    browser.submit(&stale.set("password", "a-Third-roof-79").set("confirm", "a-Third-roof-79")).expect(404);
    app.browser().sign_in(ADMIN, OTHER);

    // One that was used takes the others with it, and a suspended account has none.
    app.advance(3600);
    let links = [link_for(&app, ADMIN), link_for(&app, ADMIN)];
    reset(&mut app.browser(), &links[1], PASSWORD).expect_lead("/login");
    is_dead(&app, &links[0]);
    app.make_user("bob@example.com");
    let link = link_for(&app, "bob@example.com");
    app.sql("UPDATE users SET status = 'suspended' WHERE email = 'bob@example.com'");
    is_dead(&app, &link);
}

on_both!(
    asking_tells_nothing,
    mails_are_few_and_the_page_says_so,
    what_strangers_ask_for_closes_no_way_back,
    a_link_sets_a_new_password,
    a_link_works_once,
    a_link_dies,
);
