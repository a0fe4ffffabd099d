//! The password.

use serde_json::Value;

use crate::setup::built;
use crate::support::{ADMIN, Browser, Engine, Form, PASSWORD, TestApp, at_once, on_both};

const OTHER: &str = "another-Tin-roof-78";

#[track_caller]
fn form(browser: &mut Browser, current: &str, new: &str, repeated: &str) -> Form {
    let form = browser.open("/settings/security").form("/settings/security/password");
    form.set("current", current).set("password", new).set("confirm", repeated)
}

/// Covers: AC-024, AC-109, S0-4, S4-4
fn a_changed_password_ends_the_other_logins_and_is_mailed(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let mut others: Vec<Browser> = (0..2)
        .map(|_| {
            let mut browser = app.browser();
            browser.sign_in(ADMIN, PASSWORD);
            browser
        })
        .collect();
    let mut bob = app.other("bob@example.com");
    let verifier = ada.make_verifier("billing");
    let (_, token) = ada.create_token("deploy bot", &["channels:read"]);
    let page = ada.open("/settings/security");
    assert!(page.text().contains("Changing it signs you out in all other browsers. What goes with it:"));
    let (mails, old) = (app.mails().len(), ada.session());
    app.advance(60);

    let send = form(&mut ada, PASSWORD, OTHER, OTHER);
    let saved = ada.submit(&send).expect_lead("/settings/security");
    assert_ne!(ada.session(), old);
    let answers = at_once(2, |index| others[index].clone().get("/settings/profile").location().to_owned());
    assert_eq!(answers, ["/login?next=%2Fsettings%2Fprofile"; 2]);
    assert!(
        ada.follow(&saved).notice().starts_with("Your password is changed. In all other browsers you were signed out")
    );
    bob.open("/settings/profile");
    assert_eq!(app.verify(&verifier, &token)["code"], "VALID", "tokens keep working, as the page says");

    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.detail.as_str()), ("password.changed", "2 other sessions ended"));
    let letters = app.mails().split_off(mails);
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].recipient.as_str(), letters[0].state.as_str()), (ADMIN, "waiting"));
    assert_eq!(letters[0].subject, "Keystead: your password was changed");
    for part in ["22 November 2026, 00:07:00 UTC", "127.0.0.1", "http://127.0.0.1:8080/settings/security"] {
        assert!(letters[0].text.contains(part) && letters[0].html.contains(part), "{part} in {}", letters[0].text);
    }
    assert!(!app.dump().contains(OTHER));
    assert_eq!(app.count(&format!("users WHERE password_changed_at = {}", app.now().unix())), 1);

    app.browser().try_sign_in(ADMIN, PASSWORD).expect(422);
    app.browser().sign_in(ADMIN, OTHER);
    others[0].get("/settings/tokens").expect_lead("/login?next=%2Fsettings%2Ftokens");
}

/// Covers: AC-024
fn tokens_go_with_it_where_that_is_ticked(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let verifier = ada.make_verifier("billing");
    let (_, token) = ada.create_token("deploy bot", &["channels:read"]);
    let page = ada.open("/settings/security");
    assert!(page.text().contains("Revoke my personal access tokens, too"));
    assert!(page.form("/settings/security/password").values("tokens").is_empty(), "they are kept unless one says so");
    let send = form(&mut ada, PASSWORD, OTHER, OTHER).tick("tokens", "1");
    ada.submit(&send).expect_lead("/settings/security");
    assert_eq!(app.verify(&verifier, &token)["code"], "REVOKED");
    let entry = app.last_logged();
    let told = (entry.action.as_str(), entry.detail.as_str());
    assert_eq!(told, ("password.changed", "0 other sessions ended, 1 tokens revoked"));
    let mail = app.mails().pop().unwrap();
    assert_eq!(mail.subject, "Keystead: your password was changed");
    assert!(mail.text.contains("Your personal access tokens were revoked."), "{}", mail.text);
}

/// Covers: AC-032
fn it_needs_the_present_one(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    app.make_user("bob@example.com");
    app.sql(&format!("UPDATE users SET password_hash = '{}' WHERE email <> '{ADMIN}'", app.hash(OTHER)));
    let before = app.dump_but(&["attempts", "audit_events"]);
    let send = form(&mut ada, PASSWORD, OTHER, OTHER);
    for missing in [send.clone().without("current"), send.clone().set("current", "")] {
        assert_eq!(ada.submit(&missing).expect(422).errors(), ["current"]);
    }
    assert_eq!(app.count("attempts WHERE door LIKE 'confirm%'"), 0, "nothing was guessed yet");
    // Somebody else's, and four more; then the login ends.
    for wrong in [OTHER, "wrong-Password-1", "wrong-Password-2", "wrong-Password-3", "wrong-Password-4"] {
        let page = ada.submit(&send.clone().set("current", wrong)).expect(422);
        assert_eq!(page.error_at("current"), "That is not your current password. Try again.");
        for field in ["current", "password", "confirm"] {
            assert_eq!(page.form("/settings/security/password").value(field), "", "no password is sent back");
        }
    }
    let page = ada.submit(&send).expect(303);
    assert!(page.location().starts_with("/login"), "{}", page.location());
    let after = app.dump_but(&["attempts", "audit_events"]);
    let without_session =
        |text: &str| text.lines().filter(|line| !line.starts_with("sessions:")).collect::<Vec<_>>().join("\n");
    assert_eq!(without_session(&after), without_session(&before));
    assert_eq!((app.count("sessions"), app.logged("password.changed"), app.mails().len()), (0, 0, 0));
}

/// The cases of the shared table about Alice Smith of Acme Rockets: what she chooses, and what is wrong with it.
fn alices() -> Vec<(Value, String, Vec<String>)> {
    let vectors: Value = serde_json::from_str(include_str!("../vectors/passwords.json")).unwrap();
    let all = vectors["cases"].as_array().unwrap().iter().filter(|case| case["account"] == "alice");
    let problems = |case: &Value| serde_json::from_value(case["problems"].clone()).unwrap();
    all.map(|case| (case.clone(), built(&case["password"]), problems(case))).collect()
}

/// The shared table of cases, through the form: the same verdict as at setup and in the page's own script.
/// Covers: AC-038
fn passwords_are_judged_as_the_vectors_say(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    app.sql("UPDATE users SET email = 'alice.smith@example.com', email_key = 'alice.smith@example.com'");
    app.sql("UPDATE users SET first_name = 'Alice', last_name = 'Smith'");
    let acme = ada.open("/organizations/new").form("/organizations/new").set("name", "Acme Rockets");
    ada.submit(&acme).expect_lead("/organizations/acme-rockets");
    let (mut refused, mut taken, mut present) = (0, 0, PASSWORD.to_owned());
    for (case, password, problems) in alices() {
        // A form holds no NUL, and so much only.
        if password.contains('\0') || password.len() > 5000 {
            continue;
        }
        if keystead::auth::password::mismatch(&present, &password).is_none() {
            let again = form(&mut ada, &present, &password, &password);
            let page = ada.submit(&again).expect(422);
            assert_eq!(page.error_at("password"), "That is your current password. Choose another one.");
            continue;
        }
        let repeated = if case["repeated"].is_null() { password.clone() } else { built(&case["repeated"]) };
        let send = form(&mut ada, &present, &password, &repeated);
        let page = ada.submit(&send);
        if problems.is_empty() {
            page.expect_lead("/settings/security");
            present = password;
            taken += 1;
        } else {
            let fields = page.expect(422).errors();
            assert_eq!(fields.contains(&"password".to_owned()), problems.iter().any(|id| id != "match"), "{case}");
            let differs = problems.contains(&"match".to_owned());
            assert_eq!(fields.contains(&"confirm".to_owned()), differs, "{case}");
            refused += 1;
        }
    }
    assert!(taken > 8 && refused > 20, "{taken} taken, {refused} refused");
    let mut browser = app.browser();
    browser.sign_in("alice.smith@example.com", &present);
}

/// At every other form that sets a password, too: sign-up, an invitation, a mailed link.
/// Covers: AC-038
fn every_form_judges_alike(engine: Engine) {
    const ALICE: &str = "alice.smith@example.com";
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let some = ["Abcde1!", "abcdefgh", "ABCDEFGH1", "Password1!", "P@ssw0rd", "Alicesmith1!", "Tr1cky!x9"];
    let cases = alices();
    let cases: Vec<(&str, bool)> = some
        .into_iter()
        .map(|password| {
            let case = cases.iter().find(|(_, known, _)| known == password).expect("it is in the table");
            (password, case.2.is_empty())
        })
        .collect();
    assert!(cases.iter().filter(|(_, good)| *good).count() == 1 && cases.last().unwrap().1, "the last is good");
    let judge = |path: &str, fill: &dyn Fn(Form) -> Form, done: u16| {
        for (password, good) in &cases {
            let mut browser = app.browser();
            let form = fill(browser.open(path).form(path)).set("password", password).set("confirm", password);
            let page = browser.submit(&form);
            if *good {
                page.expect(done);
            } else {
                assert_eq!(page.expect(422).errors(), ["password"], "{path}: {password}");
            }
        }
    };
    let named = |form: Form| form.set("first_name", "Alice").set("last_name", "Smith");
    judge("/signup", &|form| named(form).set("email", ALICE), 200);
    let link = ada.invite(ALICE);
    judge(&link, &named, 303);
    app.browser().forget(ALICE).expect(200);
    judge(&app.mailed_link(ALICE), &|form| form, 303);
}

/// Only the very password signs in; how its letters are composed does not matter.
/// Covers: AC-038
fn only_the_very_password_signs_in(engine: Engine) {
    let app = TestApp::start(engine);
    app.set_up();
    let vectors: Value = serde_json::from_str(include_str!("../vectors/passwords.json")).unwrap();
    for case in vectors["sign_in"].as_array().unwrap() {
        let (chosen, typed) = (built(&case["chosen"]), built(&case["typed"]));
        if chosen.contains('\0') {
            continue;
        }
        app.sql(&format!("UPDATE users SET password_hash = '{}'", app.hash(&chosen)));
        let wanted = if case["matches"] == true { 303 } else { 422 };
        app.browser().try_sign_in(ADMIN, &typed).expect(wanted);
        app.advance(15 * 60);
    }
}

/// Covers: S0-3, S0-5, S0-10
fn the_page_says_what_there_is(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let page = ada.open("/settings/security");
    let sections = ["Password", "Second factor", "Passkeys", "Sessions", "Personal access tokens"];
    assert_eq!(page.texts("main h2"), sections);
    assert!(page.text().contains("We strongly encourage a long password together with a second factor."));
    assert!(page.text().contains("You have no active token.") && page.text().contains("keep it secret at all times"));
    let (id, _) = ada.create_token("one", &["channels:read"]);
    ada.create_token("two", &["channels:read"]);
    assert!(ada.open("/settings/security").text().contains("<strong>2 active tokens</strong>"));
    ada.revoke_token(&id);
    let page = ada.open("/settings/security");
    assert!(page.text().contains("<strong>1 active token</strong>"));
    assert!(page.links().contains(&"/settings/tokens".to_owned()) && page.texts("main .warns").is_empty());
    // What ends soon is said here, too, and leads to it.
    let form = ada.token_form("day", &["channels:read"]).without("expiry").smuggle("expiry", "1");
    ada.submit(&form).expect(200);
    let page = ada.open("/settings/security");
    assert_eq!(page.one("main .warns"), "One of them ends soon. See which");
    let link = page.attributes("main .warns a", "href").remove(0);
    assert_eq!(ada.open(&link).texts("tbody .cell-main"), ["day"]);
}

on_both!(
    a_changed_password_ends_the_other_logins_and_is_mailed,
    tokens_go_with_it_where_that_is_ticked,
    it_needs_the_present_one,
    passwords_are_judged_as_the_vectors_say,
    every_form_judges_alike,
    only_the_very_password_signs_in,
    the_page_says_what_there_is,
);
