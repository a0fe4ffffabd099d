//! The second factor: an authenticator app, recovery codes, and a sign-in that waits for them.

use keystead::second_factor::totp::TotpSecret;
use totp_rs::{Builder, Secret};

use crate::support::{ADMIN, Browser, Engine, PASSWORD, Page, TestApp, at_once, on_both};

/// An authenticator app: what a phone does with the secret that the page shows.
#[derive(Clone)]
pub struct App(String);

impl App {
    /// Reads the secret that a page offers for typing in.
    pub fn scan(page: &Page) -> Self {
        Self(page.one("#app-secret").replace(' ', ""))
    }

    /// The code that it shows so many steps from now.
    pub fn code(&self, app: &TestApp, steps: i64) -> String {
        self.code_at(app.now().unix() + steps * 30)
    }

    /// The code that it shows at a moment.
    pub fn code_at(&self, unix: i64) -> String {
        let totp = Builder::new().with_secret(Secret::try_from_base32(&self.0).unwrap()).build_noncompliant();
        totp.generate(u64::try_from(unix).unwrap()).to_string()
    }
}

/// Turns the second factor on; the app, and the recovery codes.
pub fn enrol(app: &TestApp, browser: &mut Browser) -> (App, Vec<String>) {
    let page = browser.open("/settings/security/second-factor");
    let phone = App::scan(&page);
    let form = page.form("/settings/security/second-factor").set("code", &phone.code(app, 0));
    let done = browser.submit(&form).expect(200);
    let codes: Vec<String> = done.one("#codes").split_whitespace().map(str::to_owned).collect();
    assert_eq!(codes.len(), 10);
    // The next code is another one.
    app.advance(30);
    (phone, codes)
}

/// A sign-in up to the question for the second factor.
fn half(browser: &mut Browser) -> Page {
    let lead = browser.try_sign_in(ADMIN, PASSWORD);
    assert_eq!(lead.location(), "/login/second-factor", "{}", lead.status);
    browser.follow(&lead)
}

fn halves(app: &TestApp, count: usize) -> Vec<(Browser, Page)> {
    let one = |_| {
        let mut browser = app.browser();
        let page = half(&mut browser);
        (browser, page)
    };
    (0..count).map(one).collect()
}

pub fn give(browser: &mut Browser, page: &Page, field: &str, value: &str) -> Page {
    browser.submit(&page.form_with("/login/second-factor", field).set(field, value))
}

/// Whoever adds or takes away the app can sign out everywhere else.
/// Covers: AC-045
fn the_others_go_where_that_is_ticked(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let path = "/settings/security/second-factor";
    let page = ada.open(path);
    assert!(!page.text().contains("Sign out everywhere else"), "there is nowhere else");
    let mut elsewhere = app.browser();
    elsewhere.sign_in(ADMIN, PASSWORD);
    let page = ada.open(path);
    assert!(page.text().contains("One other browser or terminal is signed in."));
    let phone = App::scan(&page);
    ada.submit(&page.form(path).set("code", &phone.code(&app, 0)).tick("others", "1")).expect(200);
    elsewhere.get("/settings/profile").expect(303);
    ada.open("/settings/profile");
    let ended = |app: &TestApp| app.log().iter().filter(|entry| entry.detail == "the 1 others").count();
    assert_eq!(ended(&app), 1);

    let mut elsewhere = [0, 1].map(|_| {
        app.advance(30);
        let mut browser = app.browser();
        let page = half(&mut browser);
        give(&mut browser, &page, "code", &phone.code(&app, 0)).expect(303);
        browser
    });
    let remove = format!("{path}/remove");
    let page = ada.open(&remove);
    assert!(page.text().contains("2 other browsers and terminals are signed in."));
    // Not ticked, they stay.
    ada.submit(&page.form(&remove)).expect(303);
    for browser in &mut elsewhere {
        browser.open("/settings/profile");
    }
    let mail = app.mails().pop().unwrap();
    assert_eq!(mail.subject, "Keystead: the authenticator app was removed from your account");
    enrol(&app, &mut ada);
    let form = ada.open(&remove).form(&remove).tick("others", "1");
    ada.submit(&form).expect(303);
    for browser in &mut elsewhere {
        browser.get("/settings/profile").expect(303);
    }
    assert_eq!(app.count("sessions"), 1);
}

/// Covers: S0-5, S0-6, AC-045, AC-019
fn an_app_is_added_by_its_first_code_and_asked_for_from_then_on(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let page = ada.open("/settings/security");
    assert!(page.text().contains("We strongly encourage a long password together with a second factor."));
    let page = ada.open("/settings/security/second-factor");
    assert!(page.text().contains("<svg "), "a QR code stands in the page");
    let phone = App::scan(&page);
    let other = App::scan(&ada.open("/settings/security/second-factor"));
    assert_ne!(phone.0, other.0, "each page has a secret of its own");

    // A wrong code: the same secret is still there, and nothing is on.
    let wrong =
        ada.submit(&page.form("/settings/security/second-factor").set("code", &other.code(&app, 0))).expect(422);
    assert!(wrong.error_at("code").starts_with("That is not the code for this secret."));
    assert_eq!(App::scan(&wrong).0, phone.0);
    let empty = ada.submit(&page.form("/settings/security/second-factor")).expect(422);
    assert_eq!(empty.error_at("code"), "Enter the code that your app shows");
    assert_eq!((app.count("totp"), app.count("recovery_codes"), app.count("users WHERE second_factor")), (0, 0, 0));

    let mails = app.mails().len();
    let right = wrong.form("/settings/security/second-factor").set("code", &phone.code(&app, 0));
    let done = ada.submit(&right).expect(200);
    let codes: Vec<String> = done.one("#codes").split_whitespace().map(str::to_owned).collect();
    assert_eq!(codes.len(), 10);
    assert_eq!((app.count("totp"), app.count("recovery_codes"), app.count("users WHERE second_factor")), (1, 10, 1));
    assert_eq!(
        (app.last_logged().action.as_str(), app.last_logged().detail.as_str()),
        ("second_factor.added", "authenticator app")
    );
    let letter = &app.mails()[mails];
    assert_eq!(letter.subject, "Keystead: an authenticator app was added to your account");
    // The same form once more, by a double click or a reload: nothing changes.
    ada.submit(&right).expect_lead("/settings/security");
    assert_eq!((app.count("totp"), app.mails().len()), (1, mails + 1));
    // Shown once: the secret nowhere, the codes nowhere.
    ada.get("/settings/security/second-factor").expect_lead("/settings/security");
    let dump = app.dump();
    assert!(
        !dump.contains(&phone.0)
            && codes.iter().all(|code| !dump.contains(code) && !dump.contains(&code.replace('-', "")))
    );
    assert!(ada.open("/settings/security").text().contains("You have 10 of 10 recovery codes left."));

    // The page's codes come back as a file, and nothing else does.
    let file = ada.submit(&done.form("/settings/security/recovery-codes/file")).expect(200);
    assert!(codes.iter().all(|code| file.text().contains(code)));
    let forged = done.form("/settings/security/recovery-codes/file").set("codes", "<b>not a code</b>");
    ada.submit(&forged).expect(400);

    app.advance(30);
    let (mut elsewhere, before) = (app.browser(), app.count("sessions"));
    let page = half(&mut elsewhere);
    assert_eq!(
        (page.one("h1"), app.count("sessions"), app.count("pending_logins")),
        ("Second factor".to_owned(), before, 1)
    );
    assert_eq!(app.last_logged().action, "second_factor.asked");
    give(&mut elsewhere, &page, "code", "").expect(422);
    let refused = give(&mut elsewhere, &page, "code", "000000").expect(422);
    assert_eq!(
        refused.error_at("code"),
        "That code is not right, or was used already. Wait for the next one and try again."
    );
    assert_eq!(app.last_logged().action, "second_factor.refused");
    give(&mut elsewhere, &page, "code", &phone.code(&app, 0)).expect_lead("/settings/profile");
    assert_eq!((app.count("sessions"), app.count("pending_logins")), (before + 1, 0));
    assert_eq!(app.last_logged().detail, "with the password, then an app's code");
    elsewhere.open("/settings/tokens/new");
}

/// Covers: AC-044, AC-024
fn half_a_sign_in_opens_nothing(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (phone, codes) = enrol(&app, &mut ada);
    let mut thief = app.browser();
    let page = half(&mut thief);
    for route in keystead::routes::ROUTES.iter().filter(|route| route.area == keystead::routes::Area::Pages) {
        let filled = |part: &'static str| match part {
            "{slug}" => "acme",
            "{code}" => "0000000000000000000000000000000000000000000000000000000000000000",
            part if part.starts_with('{') => "01k00000000000000000000000",
            part => part,
        };
        let path = route.path.split('/').map(filled).collect::<Vec<_>>().join("/");
        let needs = format!("{:?}", route.needs);
        // What changes something is sent in `tests/it/csrf.rs` and `tests/it/api/guards.rs`.
        if route.method == "GET" && needs != "Nothing" {
            let answer = thief.get(&path);
            assert!(answer.location().starts_with("/login?"), "{path}: {} {}", answer.status, answer.location());
        }
    }
    assert_eq!(app.count("sessions"), 1);
    // It ends after ten minutes, with a changed password, and with the account.
    app.advance(10 * 60);
    thief.get("/login/second-factor").expect_lead("/login");
    give(&mut thief, &page, "code", &phone.code(&app, 0)).expect_lead("/login");
    let page = half(&mut thief);
    ada.confirm_with(PASSWORD, &phone.code(&app, 0), "/settings/security");
    let form = ada.open("/settings/security").form("/settings/security/password");
    ada.submit(
        &form.set("current", PASSWORD).set("password", "another-Tin-roof-78").set("confirm", "another-Tin-roof-78"),
    )
    .expect_lead("/settings/security");
    give(&mut thief, &page, "recovery_code", &codes[0]).expect_lead("/login");
    let lead = thief.try_sign_in(ADMIN, "another-Tin-roof-78");
    let page = thief.follow(&lead);
    app.sql("UPDATE users SET status = 'suspended'");
    give(&mut thief, &page, "recovery_code", &codes[0]).expect_lead("/login");
    assert_eq!(app.count("recovery_codes"), 10);
}

/// Somebody knew a browser's cookies before its user signed in there: none of them is worth anything afterwards.
/// Covers: AC-019
fn what_was_planted_or_pending_opens_nothing(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (phone, _) = enrol(&app, &mut ada);
    let mut attacker = app.browser();
    attacker.open("/login");
    attacker.cookies.insert("keystead_session".to_owned(), ada.session());
    ada.sign_out();
    let mut victim = attacker.clone();
    let page = half(&mut victim);
    let mut onlooker = victim.clone();
    assert!(onlooker.cookies.contains_key("keystead_pending"));
    give(&mut victim, &page, "code", &phone.code(&app, 0)).expect_lead("/settings/profile");
    for known in [&mut attacker, &mut onlooker] {
        assert_ne!(known.session(), victim.session());
        known.get("/settings/profile").expect_lead("/login?next=%2Fsettings%2Fprofile");
        known.get("/login/second-factor").expect_lead("/login");
        give(known, &page, "code", &phone.code(&app, 1)).expect_lead("/login");
    }
    victim.open("/settings/profile");
    assert_eq!((app.count("sessions"), app.count("pending_logins")), (1, 0));
}

/// Covers: AC-025
fn halves_end_with_everything(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (phone, _) = enrol(&app, &mut ada);
    let mut thief = app.browser();
    let page = half(&mut thief);
    let all = "/settings/security/logout-all";
    ada.submit(&ada.clone().open(all).form(all)).expect_lead("/login");
    assert_eq!((app.count("pending_logins"), app.count("sessions")), (0, 0));
    give(&mut thief, &page, "code", &phone.code(&app, 0)).expect_lead("/login");
}

/// Covers: AC-040, AC-042
fn a_code_is_good_once_even_at_the_same_moment(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (phone, _) = enrol(&app, &mut ada);
    let code = phone.code(&app, 0);
    let halves = halves(&app, 4);
    let answers = at_once(4, |index| {
        let (mut browser, page) = halves[index].clone();
        give(&mut browser, &page, "code", &code).status
    });
    assert_eq!(answers.iter().filter(|status| **status == 303).count(), 1, "{answers:?}");
    // Nor for anything else: an earlier code, another sign-in, a confirmation.
    let mut later = app.browser();
    let page = half(&mut later);
    for used in [&code, &phone.code(&app, -1)] {
        give(&mut later, &page, "code", used).expect(422);
    }
    app.advance(10 * 60);
    let page = ada.open("/step-up?next=%2Fsettings%2Ftokens%2Fnew");
    let fresh = phone.code(&app, 0);
    let half_typed = ada.submit(&page.form("/step-up").set("password", PASSWORD)).expect(422);
    assert_eq!(half_typed.error_at("code"), "Enter the code of your authenticator app");
    let form = page.form("/step-up").set("password", PASSWORD).set("code", &fresh);
    ada.submit(&form).expect_lead("/settings/tokens/new");
    app.advance(10);
    ada.submit(&ada.clone().open("/step-up").form("/step-up").set("password", PASSWORD).set("code", &fresh))
        .expect(422);
}

/// Covers: AC-042
fn of_thirty_two_with_one_code_one_comes_in(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (phone, _) = enrol(&app, &mut ada);
    let (halves, code) = (halves(&app, 32), phone.code(&app, 0));
    let landed = at_once(32, |index| {
        let (mut browser, page) = halves[index].clone();
        give(&mut browser, &page, "code", &code).location().to_owned()
    });
    assert_eq!(landed.iter().filter(|to| *to == "/settings/profile").count(), 1, "{landed:?}");
    assert_eq!(app.count("sessions"), 2);
}

/// Covers: AC-043
fn five_wrong_codes_end_it_and_ten_close_the_door(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (phone, _) = enrol(&app, &mut ada);
    let (mut thief, mails) = (app.browser(), app.mails().len());
    for round in 1..=2 {
        let page = half(&mut thief);
        for _ in 0..4 {
            give(&mut thief, &page, "code", "000000").expect(422);
        }
        give(&mut thief, &page, "code", "000000").expect_lead("/login");
        let told = app.mails().split_off(mails);
        assert_eq!(told.len(), round);
        assert!(told[0].subject.contains("wrong codes for your second factor"), "{}", told[0].subject);
        assert!(told[0].text.contains("someone has your password"), "{}", told[0].text);
    }
    let page = half(&mut thief);
    let closed = give(&mut thief, &page, "code", &phone.code(&app, 0));
    assert_eq!(closed.status, 429, "the eleventh is not even looked at");
    app.advance(60 * 60);
    let page = half(&mut thief);
    give(&mut thief, &page, "code", &phone.code(&app, 0)).expect_lead("/settings/profile");
}

/// Fifty within a day, whatever the hours say.
/// Covers: AC-043
fn fifty_wrong_codes_close_the_door_for_the_day(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (phone, _) = enrol(&app, &mut ada);
    let mut thief = app.browser();
    let hour = 60 * 60;
    for _ in 0..5 {
        for _ in 0..2 {
            let page = half(&mut thief);
            for guess in 1..=5 {
                let page = give(&mut thief, &page, "code", "000000");
                assert_eq!(page.status, if guess < 5 { 422 } else { 303 });
            }
        }
        app.advance(hour);
    }
    let right = |browser: &mut Browser| {
        let page = half(browser);
        give(browser, &page, "code", &phone.code(&app, 0))
    };
    right(&mut thief).expect(429);
    app.advance(5 * hour - 1);
    right(&mut thief).expect(429);
    app.advance(1);
    right(&mut thief).expect_lead("/settings/profile");
}

/// Covers: AC-048
fn recovery_codes_are_not_guessed_or_raced(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (_, codes) = enrol(&app, &mut ada);
    let halves = halves(&app, 32);
    let answers = at_once(32, |index| {
        let (mut browser, page) = halves[index].clone();
        let answer = give(&mut browser, &page, "recovery_code", &codes[0]);
        (answer.status, answer.location().to_owned())
    });
    let into = |(status, to): &&(u16, String)| *status == 303 && to == "/settings/security";
    assert_eq!(answers.iter().filter(into).count(), 1, "{answers:?}");
    assert_eq!((app.count("recovery_codes"), app.logged("recovery_codes.used")), (9, 1));
    app.advance(60 * 60);
    let mut thief = app.browser();
    let page = half(&mut thief);
    for _ in 0..4 {
        give(&mut thief, &page, "recovery_code", "0000-0000-0000-0000").expect(422);
    }
    give(&mut thief, &page, "recovery_code", "0000-0000-0000-0000").expect_lead("/login");
    give(&mut thief, &page, "recovery_code", &codes[1]).expect_lead("/login");
    assert_eq!(app.count("recovery_codes"), 9);
}

/// Covers: AC-048, AC-031
fn a_recovery_code_opens_once_and_confirms_nothing(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (_, codes) = enrol(&app, &mut ada);
    let mails = app.mails().len();
    let halves = halves(&app, 4);
    let typed = codes[0].to_lowercase().replace('-', " ");
    let answers = at_once(4, |index| {
        let (mut browser, page) = halves[index].clone();
        let answer = give(&mut browser, &page, "recovery_code", &typed);
        (answer.status, browser)
    });
    assert_eq!(answers.iter().filter(|(status, _)| *status == 303).count(), 1);
    assert_eq!(app.count("recovery_codes"), 9);
    let told = app.mails().split_off(mails);
    assert_eq!(told.len(), 1);
    assert!(
        told[0].subject.contains("a recovery code was used") && told[0].text.contains("9 are left"),
        "{}",
        told[0].text
    );

    let (_, mut inside) = answers.into_iter().find(|(status, _)| *status == 303).unwrap();
    let page = inside.open("/settings/security");
    assert!(page.notice().contains("You signed in with a recovery code, 9 are left."), "{}", page.notice());
    assert!(inside.get("/settings/tokens/new").location().starts_with("/step-up"), "it confirms nothing");
    // Another one, with the password, does: else nobody could replace a lost app.
    let asked = inside.open("/step-up?next=%2Fsettings%2Fsecurity%2Fsecond-factor%2Fremove");
    let used = asked.form("/step-up").set("password", PASSWORD).set("recovery_code", &codes[0]);
    let used = inside.submit(&used).expect(422);
    assert_eq!(
        used.error_at("recovery_code"),
        "That recovery code is not right, or was used already. Try another one."
    );
    let form = used.form("/step-up").set("password", PASSWORD).set("recovery_code", &codes[1]);
    let page = inside.submit(&form).expect_lead("/settings/security/second-factor/remove");
    let page = inside.follow(&page);
    inside.submit(&page.form("/settings/security/second-factor/remove")).expect_lead("/settings/security");
    assert_eq!((app.count("totp"), app.count("recovery_sets"), app.count("users WHERE second_factor")), (0, 0, 0));
    assert_eq!(app.last_logged().action, "second_factor.removed");
    let told = app.mails().pop().unwrap();
    assert_eq!(told.subject, "Keystead: the authenticator app was removed from your account");
    app.browser().sign_in(ADMIN, PASSWORD);
}

/// Covers: AC-049
fn new_recovery_codes_end_the_old_ones(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (phone, old) = enrol(&app, &mut ada);
    let page = ada.open("/settings/security/recovery-codes");
    assert_eq!(app.count("recovery_codes"), 10);
    let form = page.form("/settings/security/recovery-codes");
    let sets = at_once(2, |_| ada.clone().submit(&form).expect(200).one("#codes"));
    assert_eq!((app.count("recovery_codes"), app.count("recovery_sets")), (10, 1));
    app.advance(10 * 60);
    assert!(ada.submit(&form).location().starts_with("/step-up"), "only with a fresh confirmation");
    ada.confirm_with(PASSWORD, &phone.code(&app, 0), "/settings/security");
    let mut works = 0;
    for code in std::iter::once(&old[0])
        .chain(&sets.iter().map(|set| set.split_whitespace().next().unwrap().to_owned()).collect::<Vec<_>>())
    {
        let mut browser = app.browser();
        let page = half(&mut browser);
        works += i64::from(give(&mut browser, &page, "recovery_code", code).status == 303);
    }
    assert_eq!(works, 1, "of the two new sets one is good, of the old one nothing");
    // Three are few.
    for (left, warned) in [(4, false), (3, true)] {
        app.sql(&format!(
            "DELETE FROM recovery_codes WHERE tag NOT IN (SELECT tag FROM recovery_codes ORDER BY tag LIMIT {left})"
        ));
        let text = ada.open("/settings/security").text();
        assert!(text.contains(&format!("You have {left} of 10 recovery codes left.")), "{text}");
        assert_eq!(text.contains("Make new ones."), warned, "{text}");
    }
    app.sql("DELETE FROM recovery_codes");
    assert!(ada.open("/settings/security").text().contains("None left"));
}

/// Covers: FC-31
fn a_key_that_is_gone_closes_rather_than_opens(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (phone, codes) = enrol(&app, &mut ada);
    app.sql("UPDATE totp SET key_id = 'another key'");
    let mut browser = app.browser();
    let page = half(&mut browser);
    give(&mut browser, &page, "code", &phone.code(&app, 0)).expect(422);
    give(&mut browser, &page, "recovery_code", &codes[0]).expect_lead("/settings/security");
}

/// Covers: AC-036
fn a_mailed_link_does_not_lead_around_it(engine: Engine) {
    const OTHER: &str = "another-Tin-roof-78";
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let (phone, codes) = enrol(&app, &mut ada);
    let mut thief = app.browser();
    thief.forget(ADMIN).expect(200);
    let link = app.mailed_link(ADMIN);
    let form = thief.open(&link).form(&link).set("password", OTHER).set("confirm", OTHER);
    let before = app.dump_but(&["attempts", "audit_events"]);
    assert_eq!(thief.submit(&form).expect(422).error_at("code"), "Enter a code, too");
    let wrong = thief.submit(&form.clone().set("code", "000000")).expect(422);
    assert!(wrong.error_at("code").starts_with("That code is not right"));
    assert_eq!(app.last_logged().action, "second_factor.refused");
    let wrong = thief.submit(&form.clone().set("recovery_code", "0000-0000-0000-0000")).expect(422);
    assert!(wrong.error_at("recovery_code").starts_with("That recovery code is not right"));
    app.is_still_but(&["attempts", "audit_events"], &before);
    for _ in 0..8 {
        thief.submit(&form.clone().set("code", "000000")).expect(422);
    }
    thief.submit(&form.clone().set("code", &phone.code(&app, 0))).expect(429);

    app.advance(30 * 60);
    let done = form.clone().set("code", &phone.code(&app, 0));
    thief.submit(&done).expect_lead("/login");
    assert_eq!(app.count("sessions"), 0, "no session comes of it");
    let lead = thief.try_sign_in(ADMIN, OTHER);
    let page = thief.follow(&lead.expect_lead("/login/second-factor"));
    give(&mut thief, &page, "recovery_code", &codes[0]).expect_lead("/settings/security");
}

/// Covers: AC-105
fn an_administrator_offers_and_the_owner_completes(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let mut bob = app.other("bob@example.com");
    let form = ada.open("/admin/recovery").form("/admin/recovery").set("email", "bob@example.com");
    assert_eq!(ada.submit(&form).expect(422).error_at("what"), "Choose what they have lost");
    let none = ada.submit(&form.clone().set("what", "second_factor")).expect(422);
    assert!(none.error_at("email").starts_with("There is no account with this address"));
    enrol(&app, &mut bob);
    // The other kind leads to a new password, and no further.
    let password = ada.help_back_in("bob@example.com", "password");
    assert!(password.starts_with("/password/reset/"));
    app.browser().open(&password);
    let (link, mails) = (ada.help_back_in("bob@example.com", "second_factor"), app.mails().len());
    assert_eq!(app.last_logged().action, "second_factor.reset_offered");
    let mut stranger = app.browser();
    let page = stranger.open(&link);
    assert_eq!(app.count("totp"), 1, "looking does nothing");
    assert_eq!(stranger.submit(&page.form(&link)).expect(422).error_at("password"), "Enter your password");
    for _ in 0..4 {
        stranger.submit(&page.form(&link).set("password", "wrong-Password-1")).expect(422);
    }
    stranger.submit(&page.form(&link).set("password", "wrong-Password-1")).expect(422);
    stranger.submit(&page.form(&link).set("password", PASSWORD)).expect(429);
    assert_eq!(app.count("totp"), 1);

    app.advance(20 * 60);
    stranger.submit(&page.form(&link).set("password", PASSWORD)).expect_lead("/login");
    assert_eq!((app.count("totp"), app.count("recovery_sets"), app.count("users WHERE second_factor")), (0, 0, 0));
    assert_eq!(
        (app.last_logged().action.as_str(), app.last_logged().detail.as_str()),
        ("second_factor.reset", "1 sessions ended")
    );
    let told = app.mails().split_off(mails);
    assert_eq!((told.len(), told[0].recipient.as_str()), (1, "bob@example.com"));
    assert!(!app.dump().contains(link.rsplit('/').next().unwrap()), "only its hash is kept");
    assert!(stranger.get(&link).text().contains("sign-in page"), "it works once");
    stranger.sign_in("bob@example.com", PASSWORD);
}

/// Until there is a second factor, nothing else opens; then everything does.
fn where_it_is_required_it_comes_first(engine: Engine) {
    use keystead::config::SecondFactorRule;
    let app = TestApp::with(engine, |config| config.require_second_factor = SecondFactorRule::Administrators);
    let mut ada = app.set_up();
    let mut bob = app.other("bob@example.com");
    bob.open("/settings/profile");
    let open = keystead::routes::WHILE_ENROLLING;
    let mut closed = 0;
    for route in keystead::routes::ROUTES.iter().filter(|route| route.area == keystead::routes::Area::Pages) {
        let needs = format!("{:?}", route.needs);
        if route.method != "GET" || needs == "Nothing" || open.contains(&route.path) {
            continue;
        }
        let path = route.path.replace("{id}", "01k00000000000000000000000");
        let answer = ada.get(&path);
        assert_eq!((answer.status, answer.location()), (303, "/settings/security/second-factor"), "{path}");
        closed += 1;
    }
    assert!(closed > 10, "{closed}");
    ada.get("/step-up").expect(200);
    let page = ada.open("/settings/security/second-factor");
    assert!(page.text().contains("A second factor is required here."));
    assert!(page.links().contains(&"/settings/security/passkeys/new".to_owned()), "a passkey will do");
    assert!(page.texts(".side-menu").is_empty(), "nothing of it opens");
    enrol(&app, &mut ada);
    ada.open("/settings/profile");
    ada.open("/admin");
}

/// Whoever must set one up confirms with what they have: a password, or, without one, their mailbox.
/// Covers: AC-044, AC-045
fn who_must_have_one_can_confirm_with_what_they_have(engine: Engine) {
    use keystead::config::SecondFactorRule;
    const HERE: &str = "/settings/security/second-factor";
    let app = TestApp::with(engine, |config| config.require_second_factor = SecondFactorRule::Everyone);
    let mut ada = app.set_up();
    let [mut bob, mut carol] = ["bob@example.com", "carol@example.com"].map(|email| {
        app.make_user(email);
        let mut browser = app.browser();
        browser.try_sign_in(email, PASSWORD).expect(303);
        browser
    });
    app.sql("UPDATE users SET password_hash = NULL WHERE email = 'carol@example.com'");
    app.advance(600);
    let asked = bob.get(HERE).expect(303);
    let form = bob.follow(&asked).form("/step-up").set("password", PASSWORD);
    bob.submit(&form).expect_lead(HERE);
    enrol(&app, &mut bob);
    bob.open("/settings/profile");

    let asked = carol.get(HERE).expect(303);
    let form = carol.follow(&asked).form("/step-up/mail");
    carol.submit(&form).expect(200);
    let link = app.mailed_link("carol@example.com");
    let form = carol.open(&link).form("/step-up");
    carol.submit(&form).expect_lead(HERE);
    carol.get("/settings/profile").expect_lead(HERE);
    enrol(&app, &mut carol);
    carol.open("/settings/profile");
    ada.get("/settings/profile").expect_lead(HERE);
}

#[test]
fn a_secret_prints_as_its_name() {
    assert_eq!(format!("{:?}", TotpSecret::generate()), "TotpSecret");
}

on_both! {
    an_app_is_added_by_its_first_code_and_asked_for_from_then_on,
    the_others_go_where_that_is_ticked,
    half_a_sign_in_opens_nothing,
    what_was_planted_or_pending_opens_nothing,
    halves_end_with_everything,
    of_thirty_two_with_one_code_one_comes_in,
    fifty_wrong_codes_close_the_door_for_the_day,
    recovery_codes_are_not_guessed_or_raced,
    a_code_is_good_once_even_at_the_same_moment,
    five_wrong_codes_end_it_and_ten_close_the_door,
    a_recovery_code_opens_once_and_confirms_nothing,
    new_recovery_codes_end_the_old_ones,
    a_key_that_is_gone_closes_rather_than_opens,
    a_mailed_link_does_not_lead_around_it,
    an_administrator_offers_and_the_owner_completes,
    where_it_is_required_it_comes_first,
    who_must_have_one_can_confirm_with_what_they_have,
}
