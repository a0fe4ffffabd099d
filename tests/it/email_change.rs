//! Another e-mail address: asking, both mailboxes, undoing.

use crate::passkeys;
use crate::second_factor::{App, enrol, give};
use crate::sign_up::{is_dead, survives_scanners};
use crate::support::{ADMIN, Browser, Engine, PASSWORD, Page, Request, TestApp, at_once, on_both};

const NEW: &str = "ada.new@example.com";
const OTHER: &str = "another-Tin-roof-78";

/// Where the two mailboxes' links lead: the new one's, the old one's.
#[track_caller]
pub fn links(app: &TestApp, new: &str, old: &str) -> (String, String) {
    (app.mailed_link(new), app.mailed_link(old))
}

/// Presses the button with this answer behind the old mailbox's link.
#[track_caller]
pub fn answer(browser: &mut Browser, link: &str, answer: &str) -> Page {
    let form = browser.open(link).form_saying(link, "answer", answer);
    browser.submit(&form)
}

/// Signs in with the password and the app.
#[track_caller]
fn signed_in(app: &TestApp, phone: &App) -> Browser {
    let mut browser = app.browser();
    let half = browser.try_sign_in(ADMIN, PASSWORD);
    let page = browser.follow(&half);
    give(&mut browser, &page, "code", &phone.code(app, 0)).expect_lead("/settings/profile");
    browser
}

#[track_caller]
pub fn prove(browser: &mut Browser, link: &str) -> Page {
    let form = browser.open(link).form(link);
    browser.submit(&form)
}

/// Covers: AC-084, AC-024
fn both_mailboxes_say_yes(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let mut elsewhere = app.browser();
    elsewhere.sign_in(ADMIN, PASSWORD);
    app.browser().forget(ADMIN).expect(200);
    let reset = app.mailed_link(ADMIN);
    assert!(ada.open("/settings/profile").links().contains(&"/settings/profile/email".to_owned()));

    let asked = ada.change_email(&format!(" {NEW} ")).expect_lead("/settings/profile");
    let page = ada.follow(&asked);
    // No mail travels here, so nobody is sent to a mailbox.
    assert!(page.notice().starts_with("No mail server is set up here, so ask an administrator"), "{}", page.notice());
    assert!(page.one("#waiting-section").contains("waits") && page.one("main").contains(NEW));
    let told = page.one("[aria-labelledby=waiting-section]");
    assert!(told.contains("ask an administrator of this service") && !told.contains("the mail that we"), "{told}");
    let letters = app.mails().split_off(1);
    assert_eq!(
        letters.iter().map(|mail| (mail.recipient.as_str(), mail.subject.as_str())).collect::<Vec<_>>(),
        [(NEW, "Keystead: confirm your new e-mail address"), (ADMIN, "Keystead: your e-mail address is to be changed")]
    );
    let (new, old) = links(&app, NEW, ADMIN);
    for link in [&new, &old] {
        let (_, code) = link.rsplit_once('/').unwrap();
        assert!(code.len() == 64 && !app.dump_but(&["outbox"]).contains(code), "the database keeps a hash alone");
        survives_scanners(&app, link);
    }

    // Until then everything is as it was.
    let waits = prove(&mut ada, &new).expect_lead("/settings/profile");
    assert!(ada.follow(&waits).notice().contains("ask an administrator of this service for it"));
    app.browser().try_sign_in(NEW, PASSWORD).expect(422);
    app.browser().sign_in(ADMIN, PASSWORD);
    elsewhere.open("/settings/profile");

    let key = ada.session();
    let done = answer(&mut ada, &old, "allow").expect_lead("/settings/profile");
    assert_ne!(ada.session(), key, "a new key");
    let page = ada.follow(&done);
    assert!(page.notice().starts_with("Your e-mail address is changed"), "{}", page.notice());
    assert_eq!(page.attributes("#email", "value"), [NEW]);
    elsewhere.get("/settings/profile").expect_lead("/login?next=%2Fsettings%2Fprofile");
    is_dead(&app, &reset);
    is_dead(&app, &new);
    app.browser().try_sign_in(ADMIN, PASSWORD).expect(422);
    app.browser().sign_in(NEW, PASSWORD);
    let actions: Vec<String> = app.log().into_iter().map(|entry| entry.action).collect();
    assert!(actions.ends_with(&["email.changed", "session.sign_in_refused", "session.signed_in"].map(str::to_owned)));
    assert!(actions.contains(&"email.change_asked".to_owned()));
    let letters = app.mails().split_off(3);
    let recipients: Vec<_> = letters.iter().map(|mail| (mail.recipient.as_str(), mail.subject.as_str())).collect();
    let subject = "Keystead: your e-mail address was changed";
    assert_eq!(recipients, [(NEW, subject), (ADMIN, subject)]);
    assert!(letters[1].text.contains(&old), "the old mailbox can undo it with the same link: {}", letters[1].text);
    assert!(!letters[0].text.contains(&old));
}

/// A stolen session that has just been confirmed takes nothing: the change waits for the old mailbox, which ends it all.
/// Covers: AC-084
fn a_thief_gets_nothing(engine: Engine) {
    let app = TestApp::start(engine);
    let mut thief = app.set_up();
    app.advance(10 * 60);
    let before = app.dump_but(&["sessions"]);
    thief.get("/settings/profile/email").expect_lead("/step-up?next=%2Fsettings%2Fprofile%2Femail");
    app.is_still_but(&["sessions"], &before);
    thief.confirm(PASSWORD, "/settings/profile/email").expect(303);
    thief.change_email("thief@example.com").expect(303);
    let (new, old) = links(&app, "thief@example.com", ADMIN);
    prove(&mut thief, &new).expect(303);
    assert_eq!(app.count(&format!("users WHERE email = '{ADMIN}'")), 1);
    // Neither another tab nor the new mailbox can say yes for the old one.
    app.browser().forget("thief@example.com").expect(200);
    assert!(app.mails().iter().all(|mail| !(mail.recipient == "thief@example.com" && mail.text.contains("/reset/"))));

    let mut owner = app.browser();
    let undone = answer(&mut owner, &old, "undo").expect(303);
    assert!(undone.location().starts_with("/password/reset/"), "{}", undone.location());
    let page = owner.follow(&undone);
    assert!(page.notice().contains("everybody is signed out"), "{}", page.notice());
    thief.get("/settings/profile").expect_lead("/login?next=%2Fsettings%2Fprofile");
    app.browser().try_sign_in(ADMIN, PASSWORD).expect(422);
    is_dead(&app, &new);
    is_dead(&app, &old);
    let link = undone.location().to_owned();
    let form = page.form(&link).set("password", OTHER).set("confirm", OTHER);
    owner.submit(&form).expect_lead("/login");
    app.browser().sign_in(ADMIN, OTHER);
}

/// Without a session, the new mailbox's link wants the account's password, and not often.
/// Covers: AC-084, AC-011
fn the_new_mailbox_alone_is_not_enough(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.change_email(NEW).expect(303);
    let (new, old) = links(&app, NEW, ADMIN);
    // Somebody else's session is none.
    let mut bob = app.other("bob@example.com");
    for browser in [&mut app.browser(), &mut bob] {
        let form = browser.open(&new).form(&new);
        assert_eq!(browser.submit(&form).expect(422).error_at("password"), "Enter your password");
        let page = browser.submit(&form.set("password", OTHER)).expect(422);
        assert_eq!(page.error_at("password"), "That is not your password. Try again.");
    }
    assert_eq!(app.count("email_changes WHERE new_proved_at IS NOT NULL"), 0);
    let mut phone = app.browser();
    let form = phone.open(&new).form(&new).set("password", PASSWORD);
    phone.submit(&form).expect_lead("/login");
    answer(&mut app.browser(), &old, "allow").expect_lead("/login");
    // No session of the owner's did it, so all have ended.
    assert_eq!(app.count(&format!("sessions WHERE user_id = '{}'", app.user_id(NEW))), 0);

    let mut ada = app.browser();
    ada.sign_in(NEW, PASSWORD);
    ada.change_email("ada.third@example.com").expect(303);
    let new = app.mailed_link("ada.third@example.com");
    let form = phone.open(&new).form(&new);
    for _ in 0..5 {
        phone.submit(&form.clone().set("password", OTHER)).expect(422);
    }
    phone.submit(&form.set("password", PASSWORD)).expect(429);
}

/// An address that has an account is told to nobody but its mailbox.
/// Covers: AC-001, AC-086
fn a_taken_address_is_not_given_away(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    app.make_user("bob@example.com");
    let said = |ada: &mut Browser, email: &str| {
        let asked = ada.change_email(email).expect_lead("/settings/profile");
        ada.follow(&asked).one("main").replace(email, "X")
    };
    let fresh = said(&mut ada, NEW);
    assert_eq!(said(&mut ada, "BOB@example.com"), fresh);
    let letter = app.mails().into_iter().rfind(|mail| mail.recipient == "BOB@example.com").unwrap();
    assert_eq!(letter.subject, "Keystead: this address has an account already");
    assert!(!letter.text.contains("/email/"), "{}", letter.text);
    let old = app.mailed_link(ADMIN);
    answer(&mut ada, &old, "allow").expect(303);
    assert_eq!(app.count("users WHERE email = 'bob@example.com'"), 1);
    let page = ada.change_email(" ADA@example.com").expect(422);
    assert_eq!(page.error_at("new_email"), "That is your present address. Enter another one.");
    assert_eq!(ada.change_email("nobody").expect(422).errors(), ["new_email"]);
}

/// Two accounts want the same address, and both prove it at the same moment: the database lets one have it.
/// Covers: AC-086
fn of_two_one_gets_it(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let mut bob = app.other("bob@example.com");
    let mut ready = Vec::new();
    for (browser, old) in [(&mut ada, ADMIN), (&mut bob, "bob@example.com")] {
        browser.change_email(NEW).expect(303);
        let (new, old) = links(&app, NEW, old);
        answer(browser, &old, "allow").expect(303);
        let form = browser.open(&new).form(&new);
        ready.push((browser.clone(), form));
    }
    let statuses = at_once(2, |index| {
        let (browser, form) = &ready[index];
        browser.clone().submit(form).status
    });
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert!(statuses.contains(&404), "the other link no longer works, and does not say why: {statuses:?}");
    assert_eq!(app.count(&format!("users WHERE email_key = '{NEW}'")), 1);
    assert_eq!(app.logged("email.changed"), 1);
}

/// A thief who knows the password sets up factors of their own first. They are too young to speak for the old mailbox, which
/// stops the change and takes away whatever the thief made to come back with.
/// Covers: AC-084
fn a_known_password_takes_nothing(engine: Engine) {
    let app = passkeys::start(engine);
    app.set_up();
    let mut thief = app.browser();
    thief.sign_in(ADMIN, PASSWORD);
    enrol(&app, &mut thief);
    passkeys::add(&mut thief, "thief's");
    app.sql(&format!(
        "INSERT INTO identities (id, user_id, provider, issuer, subject, email, created_at) \
         VALUES ('01jd0000000000000000000001', '{}', 'example', 'https://id.example.com', 'thief', 'x@example.com', {})",
        app.user_id(ADMIN),
        app.now().unix()
    ));
    app.advance(60);
    thief.change_email("thief@example.com").expect(303);
    let (new, old) = links(&app, "thief@example.com", ADMIN);
    prove(&mut thief, &new).expect(303);
    assert_eq!(app.count(&format!("users WHERE email = '{ADMIN}'")), 1);

    let mut owner = app.browser();
    let link = answer(&mut owner, &old, "undo").expect(303).location().to_owned();
    let left = ["passkeys", "totp", "recovery_sets", "identities", "users WHERE second_factor"];
    assert_eq!(left.map(|table| app.count(table)), [0; 5]);
    let form = owner.open(&link).form(&link).set("password", OTHER).set("confirm", OTHER);
    owner.submit(&form).expect_lead("/login");
    app.browser().sign_in(ADMIN, OTHER);
}

/// Whoever has had a second factor for a week has just used it: then the old mailbox is told, and has not to say yes. One that
/// is younger may be that of somebody who knows the password alone.
/// Covers: AC-084
fn with_a_second_factor_the_new_mailbox_is_enough(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    app.sql("UPDATE users SET second_factor = TRUE");
    let set_up_at = |moment: i64| {
        app.sql("DELETE FROM passkeys");
        app.sql(&format!(
            "INSERT INTO passkeys (id, user_id, credential_id, passkey, name, created_at) SELECT '{}', id, CAST('{moment}' AS {}), '{{}}', 'Key', {moment} FROM users",
            keystead::ids::ulid(),
            if engine == Engine::Sqlite { "BLOB" } else { "BYTEA" },
        ));
    };
    set_up_at(app.now().unix() - 7 * 86_400 + 1);
    ada.change_email("early@example.com").expect(303);
    let (_, early) = links(&app, "early@example.com", ADMIN);
    assert!(app.browser().open(&early).text().contains("allow the change"), "a factor of yesterday proves nothing");
    set_up_at(app.now().unix() - 7 * 86_400);
    assert!(
        ada.open("/settings/profile/email").text().contains("nothing to do there, since you have had a second factor")
    );
    ada.change_email(NEW).expect(303);
    let (new, old) = links(&app, NEW, ADMIN);
    assert!(!app.browser().open(&old).text().contains("allow the change"));
    app.advance(10 * 60);
    prove(&mut ada, &new).expect_lead("/settings/profile");
    // A mailbox is neither a password nor a factor: it confirms nothing.
    ada.get("/settings/tokens/new").expect_lead("/step-up?next=%2Fsettings%2Ftokens%2Fnew");
    assert_eq!(app.count(&format!("users WHERE email = '{NEW}'")), 1);
    assert!(app.browser().open(&old).text().contains("undo the change"));
}

/// Undoing takes away the factor that came since; one that was there for a week stays, and is asked for.
/// Covers: AC-084, AC-086, AC-036
fn undoing_leaves_the_older_factor(engine: Engine) {
    let app = passkeys::start(engine);
    let mut ada = app.set_up();
    let (phone, _) = enrol(&app, &mut ada);
    app.advance(7 * 86_400);
    // An open browser, as it was left.
    let mut thief = signed_in(&app, &phone);
    thief.change_email("thief@example.com").expect(303);
    let (new, old) = links(&app, "thief@example.com", ADMIN);
    app.advance(60);
    passkeys::add(&mut thief, "thief's");
    prove(&mut thief, &new).expect(303);
    assert_eq!(app.count("users WHERE email = 'thief@example.com'"), 1, "the app is old enough");

    let mut owner = app.browser();
    let link = answer(&mut owner, &old, "undo").expect(303).location().to_owned();
    let left = ["passkeys", "totp", "recovery_codes", "users WHERE second_factor"];
    assert_eq!(left.map(|table| app.count(table)), [0, 1, 10, 1]);
    let detail = app.last_logged().detail;
    assert!(detail.ends_with("1 second factors removed, 0 accounts disconnected"), "{detail}");
    let form = owner.open(&link).form(&link).set("password", OTHER).set("confirm", OTHER);
    assert_eq!(owner.submit(&form).expect(422).error_at("code"), "Enter a code, too");
    owner.submit(&form.set("code", &phone.code(&app, 0))).expect_lead("/login");
}

/// For a week, whatever the thief did meanwhile; once.
/// Covers: AC-086
fn a_change_is_undone_from_the_old_mailbox(engine: Engine) {
    let app = TestApp::start(engine);
    let mut thief = app.set_up();
    thief.change_email("thief@example.com").expect(303);
    let (new, old) = links(&app, "thief@example.com", ADMIN);
    // The thief can read the old mailbox for a moment.
    answer(&mut thief, &old, "allow").expect(303);
    prove(&mut thief, &new).expect(303);
    // A new password, a factor of their own and yet another address, to shake the owner off.
    let form = thief.open("/settings/security").form("/settings/security/password");
    thief.submit(&form.set("current", PASSWORD).set("password", OTHER).set("confirm", OTHER)).expect(303);
    enrol(&app, &mut thief);
    thief.change_email("thief2@example.com").expect(303);
    let (new2, old2) = links(&app, "thief2@example.com", "thief@example.com");
    prove(&mut thief, &new2).expect(303);
    answer(&mut thief, &old2, "allow").expect(303);
    assert_eq!(app.count("users WHERE email = 'thief2@example.com'"), 1);
    app.browser().forget("thief2@example.com").expect(200);
    let thiefs_reset = app.mailed_link("thief2@example.com");

    // The app took half a minute.
    app.advance(7 * 86_400 - 31);
    keystead::jobs::tidy(&app.instance.db, &app.instance.config, app.now()).unwrap();
    let mut owner = app.browser();
    assert!(owner.open(&old).text().contains("It was not me: undo the change"));
    let undone = answer(&mut owner, &old, "undo").expect(303).location().to_owned();
    assert!(undone.starts_with("/password/reset/"), "{undone}");
    assert_eq!(app.count(&format!("users WHERE email = '{ADMIN}' AND email_key = '{ADMIN}'")), 1);
    assert_eq!((app.count("sessions"), app.count("users WHERE password_hash IS NOT NULL")), (0, 0));
    assert_eq!((app.count("totp"), app.count("recovery_sets"), app.count("users WHERE second_factor")), (0, 0, 0));
    let last: Vec<_> = app.mails().into_iter().rev().take(2).map(|mail| (mail.recipient, mail.subject)).collect();
    let subject = "Keystead: a change of your e-mail address was undone".to_owned();
    assert_eq!(last, [("thief2@example.com".to_owned(), subject.clone()), (ADMIN.to_owned(), subject)]);
    for link in [&old, &old2, &new2, &thiefs_reset] {
        is_dead(&app, link);
    }
    assert_eq!(app.last_logged().action, "email.change_undone");
    // The one that the thief knows does not come back, by this way or later.
    let form = owner.open(&undone).form(&undone);
    let refused = owner.submit(&form.clone().set("password", OTHER).set("confirm", OTHER)).expect(422);
    assert!(refused.error_at("password").starts_with("Somebody else knew this password"), "{:?}", refused.errors());
    // Each try costs a hash, so there are few.
    for _ in 0..4 {
        owner.submit(&form.clone().set("password", OTHER).set("confirm", OTHER)).expect(422);
    }
    owner.submit(&form.clone().set("password", OTHER).set("confirm", OTHER)).expect(429);
    app.advance(900);
    owner.submit(&form.set("password", PASSWORD).set("confirm", PASSWORD)).expect_lead("/login");
    app.advance(3600);
    owner.sign_in(ADMIN, PASSWORD);
    let form = owner.open("/settings/security").form("/settings/security/password").set("current", PASSWORD);
    let refused = owner.submit(&form.set("password", OTHER).set("confirm", OTHER)).expect(422);
    assert_eq!(refused.errors(), ["password"]);
}

/// Covers: AC-086, AC-006
fn links_end(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.change_email(NEW).expect(303);
    let (new, old) = links(&app, NEW, ADMIN);
    // An hour for the change.
    app.advance(3600);
    is_dead(&app, &new);
    let mut old_box = app.browser();
    let page = old_box.open(&old);
    assert!(!page.text().contains("allow the change"));
    let before = app.dump();
    let form = page.form(&old).set("answer", "allow");
    old_box.submit(&form).expect(404);
    old_box.submit(&form.set("answer", "yes")).expect(400);
    app.is_still(&before);
    // A week for the undoing.
    app.advance(7 * 86_400 - 3600);
    is_dead(&app, &old);

    // A changed password, or a change of mind, ends it, too.
    let mut ada = app.browser();
    ada.sign_in(ADMIN, PASSWORD);
    ada.change_email(NEW).expect(303);
    let (new, old) = links(&app, NEW, ADMIN);
    let form = ada.open("/settings/profile").form("/settings/profile/email/cancel");
    let back = ada.submit(&form).expect_lead("/settings/profile");
    assert!(ada.follow(&back).notice().starts_with("The change is taken back."));
    assert_eq!(ada.submit(&form).status, 404);
    is_dead(&app, &new);
    is_dead(&app, &old);
    ada.change_email(NEW).expect(303);
    let new = app.mailed_link(NEW);
    let form = ada.open("/settings/security").form("/settings/security/password");
    ada.submit(&form.set("current", PASSWORD).set("password", OTHER).set("confirm", OTHER)).expect(303);
    is_dead(&app, &new);
}

/// Where the operator forbids it, the page is not there, and neither is the change.
/// Covers: AC-084
fn it_can_be_forbidden(engine: Engine) {
    let app = TestApp::with(engine, |config| config.email_change = false);
    let mut ada = app.set_up();
    let page = ada.open("/settings/profile");
    assert!(!page.text().contains("/settings/profile/email") && page.text().contains("readonly"));
    ada.get("/settings/profile/email").expect(404);
    let before = app.dump();
    let forged = page.form("/settings/profile").smuggle("new_email", NEW);
    let forged = Request { target: "/settings/profile/email".to_owned(), ..ada.request(&forged) };
    assert_eq!(ada.send(forged).status, 404);
    app.is_still(&before);
}

on_both!(
    both_mailboxes_say_yes,
    a_thief_gets_nothing,
    the_new_mailbox_alone_is_not_enough,
    a_taken_address_is_not_given_away,
    of_two_one_gets_it,
    a_known_password_takes_nothing,
    with_a_second_factor_the_new_mailbox_is_enough,
    undoing_leaves_the_older_factor,
    a_change_is_undone_from_the_old_mailbox,
    links_end,
    it_can_be_forbidden,
);
