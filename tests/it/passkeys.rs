//! Passkeys: added, used at each door, renamed, removed; and everything that is not quite one.

use keystead::config::SecondFactorRule;
use serde_json::Value;

use crate::support::{
    ADMIN, Authenticator, Browser, Engine, NOW, PASSWORD, PRESENT, Page, Request, Response, TestApp, Tricks, VERIFIED,
    at_once, on_both,
};

const NEW: &str = "/settings/security/passkeys/new";
const OPTIONS: &str = "/settings/security/passkeys/options";

pub fn start(engine: Engine) -> TestApp {
    // A passkey belongs to a name.
    TestApp::with(engine, |config| config.base_url = "http://localhost:8080".parse().unwrap())
}

/// Asks for options as the page's script does, with the token of the form on a page.
#[track_caller]
fn ask(browser: &mut Browser, page: &str, form: &str, options: &str) -> Response {
    let csrf = browser.open(page).form(form).value("csrf");
    let request = Request::post(options).form(&[("csrf", csrf)]);
    browser.send(request.header("Sec-Fetch-Site", "same-origin").header("Accept", "application/json"))
}

#[track_caller]
fn options(browser: &mut Browser, page: &str, form: &str, options: &str) -> Value {
    let answer = ask(browser, page, form, options);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{}", answer.text());
    answer.json()
}

fn new_options(browser: &mut Browser) -> Value {
    options(browser, NEW, NEW, OPTIONS)
}

fn login_options(browser: &mut Browser) -> Value {
    options(browser, "/login", "/login", "/login/passkey/options")
}

fn step_up_options(browser: &mut Browser) -> Value {
    options(browser, "/step-up", "/step-up", "/step-up/passkey/options")
}

/// Sends the form of a page through the button that leads elsewhere.
#[track_caller]
fn send(browser: &mut Browser, page: &str, form: &str, action: &str, credential: &str) -> Page {
    let mut form = browser.open(page).form(form).set("credential", credential);
    action.clone_into(&mut form.action);
    browser.submit(&form)
}

fn send_new(browser: &mut Browser, name: &str, credential: &str) -> Page {
    let form = browser.open(NEW).form(NEW).set("name", name).set("credential", credential);
    browser.submit(&form)
}

fn send_login(browser: &mut Browser, credential: &str) -> Page {
    send(browser, "/login", "/login", "/login/passkey", credential)
}

fn send_step_up(browser: &mut Browser, credential: &str) -> Page {
    send(browser, "/step-up?next=%2Fsettings%2Ftokens%2Fnew", "/step-up", "/step-up/passkey", credential)
}

/// Adds a passkey to whoever is signed in.
#[track_caller]
pub fn add(browser: &mut Browser, name: &str) -> Authenticator {
    let mut device = Authenticator::new();
    let answer = device.make(&new_options(browser), Tricks::default());
    let page = send_new(browser, name, &answer);
    // The first one brings recovery codes.
    assert!(page.status == 303 || page.one("h1") == "Your recovery codes", "{}", page.text());
    device
}

#[track_caller]
fn link(browser: &mut Browser, end: &str) -> String {
    let links = browser.open("/settings/security").links();
    links.into_iter().find(|link| link.ends_with(end)).expect("a link to the passkey's page")
}

/// Covers: AC-045
fn it_is_added_listed_renamed_and_removed(engine: Engine) {
    let app = start(engine);
    let mut ada = app.set_up();
    assert!(ada.open("/settings/security").links().contains(&NEW.to_owned()));
    let page = ada.open(NEW);
    assert_eq!(page.form(NEW).value("name"), "Firefox");
    let asked = new_options(&mut ada);
    assert_eq!(asked["rp"], serde_json::json!({ "id": "localhost", "name": "Keystead" }));
    assert_eq!(asked["user"]["name"], ADMIN);
    assert_eq!(asked["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(asked["authenticatorSelection"]["userVerification"], "required");
    assert_eq!((&asked["attestation"], &asked["timeout"]), (&"none".into(), &300_000.into()));
    assert!(asked["challenge"].as_str().unwrap().len() >= 43, "32 bytes at least");

    let mut device = Authenticator::new();
    let answer = device.make(&asked, Tricks::default());
    let added = send_new(&mut ada, "  Ada's <phone> ", &answer).expect(200);
    assert_eq!(added.one("#codes").split_whitespace().count(), 10);
    assert_eq!((app.count("recovery_codes"), app.count("users WHERE second_factor")), (10, 1));
    let page = ada.open("/settings/security");
    let row = "section[aria-labelledby=passkeys-section] tbody tr";
    assert!(page.one(row).starts_with("Ada's <phone> just now Never"), "{}", page.one(row));
    let (entry, mail) = (app.last_logged(), app.mails().pop().unwrap());
    assert_eq!((entry.action.as_str(), entry.subject_name.as_str()), ("passkey.added", "Ada's <phone>"));
    assert_eq!((mail.recipient.as_str(), mail.subject.as_str()), (ADMIN, "Keystead: a passkey was added"));
    assert!(mail.text.contains("Ada's <phone>") && mail.html.contains("&#60;phone&#62;"), "{}", mail.html);

    // The same device is told that it has one already; and says so itself, if it is honest.
    assert_eq!(new_options(&mut ada)["excludeCredentials"][0]["id"], device.id());
    // A second one brings no new codes, and goes again.
    let answer = Authenticator::new().make(&new_options(&mut ada), Tricks::default());
    let added = send_new(&mut ada, "second", &answer).expect_lead("/settings/security");
    assert_eq!(ada.follow(&added).notice(), "Your passkey is added. From now on you can sign in with it.");
    let remove = link(&mut ada, "/remove");
    let form = ada.open(&remove).form(&remove);
    ada.submit(&form).expect_lead("/settings/security");
    assert_eq!((app.count("recovery_codes"), app.count("users WHERE second_factor")), (10, 1));

    let rename = link(&mut ada, "/rename");
    let form = ada.open(&rename).form(&rename);
    assert_eq!(form.value("name"), "Ada's <phone>");
    assert_eq!(ada.submit(&form.clone().set("name", " ")).expect(422).errors(), ["name"]);
    let renamed = ada.submit(&form.set("name", "old phone")).expect_lead("/settings/security");
    assert!(ada.follow(&renamed).one(row).starts_with("old phone"));
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.detail.as_str()), ("passkey.renamed", "it was called Ada's <phone>"));

    let remove = link(&mut ada, "/remove");
    let form = ada.open(&remove).form(&remove);
    assert!(form.choices("others").is_empty(), "there is no other session to end");
    let removed = ada.submit(&form).expect_lead("/settings/security");
    let page = ada.follow(&removed);
    assert!(page.notice().starts_with("The passkey is removed here."));
    assert_eq!((page.texts(row).len(), app.count("passkeys")), (0, 0));
    assert_eq!((app.count("recovery_codes"), app.count("users WHERE second_factor")), (0, 0));
    assert_eq!(app.last_logged().action, "passkey.removed");
    assert_eq!(app.mails().pop().unwrap().subject, "Keystead: a passkey was removed");
    let answer = device.prove(&login_options(&mut app.browser()), Tricks::default());
    send_login(&mut app.browser(), &answer).expect(422);
}

/// Covers: AC-045
fn removing_can_end_the_other_sessions(engine: Engine) {
    let app = start(engine);
    let mut ada = app.set_up();
    let mut elsewhere = app.browser();
    elsewhere.sign_in(ADMIN, PASSWORD);
    for (name, ends) in [("one", false), ("two", true)] {
        add(&mut ada, name);
        let remove = link(&mut ada, "/remove");
        let form = ada.open(&remove).form(&remove);
        let form = if ends { form.tick("others", "1") } else { form };
        ada.submit(&form).expect_lead("/settings/security");
        assert_eq!(elsewhere.get("/settings/profile").status == 200, !ends);
        assert_eq!(app.logged("session.ended"), usize::from(ends));
        ada.open("/settings/profile");
    }
}

/// Covers: AC-019
fn it_signs_in_without_a_password(engine: Engine) {
    let app = start(engine);
    let mut ada = app.set_up();
    let mut device = add(&mut ada, "phone");
    app.advance(60);
    let mut visitor = app.browser();
    let asked = login_options(&mut visitor);
    assert_eq!((&asked["rpId"], &asked["userVerification"]), (&"localhost".into(), &"required".into()));
    assert_eq!(asked["allowCredentials"], serde_json::json!([]), "nobody is named");
    let answer = device.prove(&asked, Tricks::default());
    let page = visitor.open("/login?next=%2Fsettings%2Flogs");
    assert_eq!(page.attributes("#email", "autocomplete"), ["username webauthn"]);
    let mut form = page.form("/login").set("credential", &answer).tick("keep", "1");
    "/login/passkey".clone_into(&mut form.action);
    let page = visitor.submit(&form).expect_lead("/settings/logs");
    let cookie = page.all("set-cookie").find(|line| line.contains("keystead_session=")).unwrap();
    assert!(cookie.contains("Max-Age=2592000"), "{cookie}");
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.detail.as_str()), ("session.signed_in", "with a passkey"));
    assert_eq!(app.count("sessions WHERE persistent"), 1);
    // It is as good as the password: what needs a fresh proof opens.
    visitor.open("/settings/tokens/new");
    let used = NOW.plus(60).unix();
    assert_eq!(app.count(&format!("passkeys WHERE last_used_at = {used}")), 1);
    assert_eq!(app.count("passkey_ceremonies"), 0);
    assert_eq!(app.count("attempts WHERE door LIKE 'passkey %' AND failures > 0"), 0);

    // In place of whoever was signed in here.
    let mut bob = app.other("bob@example.com");
    let sessions = app.count("sessions");
    let csrf = bob.open("/settings/appearance").form("/settings/appearance").value("csrf");
    let request = Request::post("/login/passkey/options").form(&[("csrf", &csrf)]);
    let asked = bob.send(request.header("Sec-Fetch-Site", "same-origin")).json();
    let answer = device.prove(&asked, Tricks::default());
    let form = Request::post("/login/passkey").form(&[("csrf", &csrf), ("credential", &answer)]);
    assert_eq!(bob.send(form.header("Sec-Fetch-Site", "same-origin")).location(), "/settings/profile");
    assert!(bob.open("/settings/profile").text().contains(ADMIN));
    assert_eq!(app.count("sessions"), sessions);
}

/// Covers: AC-031
fn it_confirms_without_a_password(engine: Engine) {
    let app = start(engine);
    let mut ada = app.set_up();
    assert!(!ada.open("/step-up").text().contains("Confirm with a passkey"), "there is none yet");
    assert_eq!(ask(&mut ada, "/step-up", "/step-up", "/step-up/passkey/options").status, 404);
    let mut device = add(&mut ada, "phone");
    app.advance(10 * 60);
    ada.get("/settings/tokens/new").expect(303);
    let old = ada.session();
    let asked = step_up_options(&mut ada);
    assert_eq!(asked["allowCredentials"][0]["id"], device.id());
    let answer = device.prove(&asked, Tricks { names_user: false, ..Tricks::default() });
    let back = send_step_up(&mut ada, &answer).expect_lead("/settings/tokens/new");
    assert_eq!(ada.follow(&back).notice(), "Thank you. Nothing was done yet: go on where you were.");
    assert_ne!(ada.session(), old);
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.detail.as_str()), ("session.confirmed", "with the passkey phone"));
    assert_eq!(app.count("attempts WHERE door LIKE 'confirm%'"), 0);

    // Somebody else's passkey is none of hers, whatever it says.
    let mut bob = app.other("bob@example.com");
    let mut theirs = add(&mut bob, "bob's");
    for pretend in [false, true] {
        if pretend {
            theirs.pretends_to_be(&device);
        }
        let answer = theirs.prove(&step_up_options(&mut ada), Tricks::default());
        let page = send_step_up(&mut ada, &answer).expect(422);
        assert_eq!(page.one("[role=alert]"), "That passkey was not accepted here. Try again, or use your password.");
    }
    assert_eq!(app.logged("session.confirm_refused"), 2);
    // Refused passkeys and wrong passwords are counted together.
    for _ in 0..3 {
        let form = ada.open("/step-up").form("/step-up").set("recovery_code", "0000-0000-0000-0000");
        ada.submit(&form.set("password", "wrong-Password-1")).expect(422);
    }
    let answer = device.prove(&step_up_options(&mut ada), Tricks::default());
    assert!(send_step_up(&mut ada, &answer).expect(303).location().starts_with("/login"));
    ada.get("/settings/profile").expect(303);
}

/// An answer that is honest but for one thing.
fn dishonest() -> Vec<(&'static str, Tricks)> {
    let honest = Tricks::default();
    vec![
        ("another page", Tricks { origin: "http://evil.example", ..honest }),
        ("a page at another port", Tricks { origin: "http://localhost:8081", ..honest }),
        ("a page below", Tricks { origin: "http://evil.localhost:8080", ..honest }),
        ("another scheme", Tricks { origin: "https://localhost:8080", ..honest }),
        ("another party", Tricks { party: Some("evil.example"), ..honest }),
        ("nobody verified", Tricks { flags: PRESENT, ..honest }),
        ("nobody there", Tricks { flags: VERIFIED, ..honest }),
        ("create for get", Tricks { kind: Some("webauthn.create"), ..honest }),
        ("get for create", Tricks { kind: Some("webauthn.get"), ..honest }),
    ]
}

/// Refused, in the same words; and the challenge is used up with it, so that the honest answer comes too late.
/// Covers: AC-050, AC-002
fn a_sign_in_that_is_not_quite_right_is_refused(engine: Engine) {
    let app = start(engine);
    let mut ada = app.set_up();
    let mut device = add(&mut ada, "phone");
    let honest = Tricks::default();
    let mut cases = dishonest();
    cases.retain(|(_, tricks)| tricks.kind != Some("webauthn.get"));
    cases.push(("a wrong signature", Tricks { forged: true, ..honest }));
    cases.push(("nobody named", Tricks { names_user: false, ..honest }));
    let mut refusals = Vec::new();
    for (what, tricks) in cases {
        let mut visitor = app.browser();
        let asked = login_options(&mut visitor);
        let answer = device.prove(&asked, tricks);
        let page = send_login(&mut visitor, &answer);
        assert_eq!(page.status, 422, "{what}");
        refusals.push(page.one("[role=alert]"));
        let late = device.prove(&asked, honest);
        assert_eq!(send_login(&mut visitor, &late).status, 422, "the challenge after {what}");
    }
    // A passkey that nobody knows, and one that says it is somebody else's.
    let mut stranger = Authenticator::new();
    stranger.pretends_to_be(&device);
    let mut visitor = app.browser();
    let answer = stranger.prove(&login_options(&mut visitor), honest);
    refusals.push(send_login(&mut visitor, &answer).expect(422).one("[role=alert]"));
    let mut theirs = add(&mut app.other("bob@example.com"), "bob's");
    theirs.pretends_to_be(&device);
    let answer = theirs.prove(&login_options(&mut visitor), honest);
    refusals.push(send_login(&mut visitor, &answer).expect(422).one("[role=alert]"));
    // No passkey at all.
    for nothing in ["", "{}", "null", "[1]", "{\"response\":{\"clientDataJSON\":\"e30\"}}", &"x".repeat(20_000)] {
        refusals.push(send_login(&mut visitor, nothing).expect(422).one("[role=alert]"));
    }
    refusals.dedup();
    assert_eq!(refusals, ["That passkey was not accepted here. Try again, or use your password."]);
    assert_eq!(app.count("passkeys WHERE last_used_at IS NOT NULL"), 0);
    let answer = device.prove(&login_options(&mut visitor), honest);
    send_login(&mut visitor, &answer).expect_lead("/settings/profile");
}

/// A password alone no longer signs in; with the passkey after it, it does. Half a sign-in opens nothing else.
/// Covers: S0-6, S4-18, AC-044, AC-045, AC-050
fn it_is_a_second_factor(engine: Engine) {
    const PAGE: &str = "/login/second-factor";
    const OPTIONS: &str = "/login/second-factor/options";
    let app = start(engine);
    let mut device = add(&mut app.set_up(), "phone");
    let mut bob = app.other("bob@example.com");
    let mut theirs = add(&mut bob, "bob's");
    let half = |email: &str| {
        let mut visitor = app.browser();
        visitor.try_sign_in(email, PASSWORD).expect_lead(PAGE);
        visitor
    };
    let give = |visitor: &mut Browser, answer: &str| {
        let form = visitor.open(PAGE).form_with(PAGE, "credential").set("credential", answer);
        visitor.submit(&form)
    };
    let mut visitor = half(ADMIN);
    assert!(visitor.open(PAGE).text().contains("Use a passkey"));
    visitor.get("/settings/security/passkeys/new").expect(303);
    let asked = options(&mut visitor, "/login", "/login", OPTIONS);
    assert_eq!(asked["allowCredentials"].as_array().unwrap().len(), 1);
    assert_eq!(asked["allowCredentials"][0]["id"], device.id());
    let answer = device.prove(&asked, Tricks { flags: PRESENT, ..Tricks::default() });
    let refused = give(&mut visitor, &answer).expect(422);
    assert_eq!(refused.one("[role=alert]"), "That passkey was not accepted here. Try again.");
    let answer = device.prove(&options(&mut visitor, "/login", "/login", OPTIONS), Tricks::default());
    give(&mut visitor, &answer).expect_lead("/settings/profile");
    assert_eq!(app.last_logged().detail, "with the password, then a passkey");
    visitor.open("/settings/tokens/new");
    assert_eq!(app.count("pending_logins"), 0);

    // Somebody else's passkey; and one's own, asked for in somebody else's sign-in in this browser.
    let mut visitor = half(ADMIN);
    let answer = theirs.prove(&options(&mut visitor, "/login", "/login", OPTIONS), Tricks::default());
    give(&mut visitor, &answer).expect(422);
    let asked = options(&mut visitor, "/login", "/login", OPTIONS);
    visitor.try_sign_in("bob@example.com", PASSWORD).expect_lead(PAGE);
    let answer = theirs.prove(&asked, Tricks::default());
    give(&mut visitor, &answer).expect(422);
    // The answer to another question: what signs in alone, and what is a factor, are two things.
    let answer = theirs.prove(&login_options(&mut visitor), Tricks::default());
    give(&mut visitor, &answer).expect(422);
    // Who has given no password is asked nothing.
    assert_eq!(ask(&mut app.browser(), "/login", "/login", OPTIONS).status, 401);
    // Five wrong ones end it.
    let mut visitor = half("bob@example.com");
    for _ in 0..4 {
        give(&mut visitor, "{}").expect(422);
    }
    give(&mut visitor, "{}").expect_lead("/login");
    assert_eq!(ask(&mut visitor, "/login", "/login", OPTIONS).status, 401);
}

/// Where a second factor is required, a passkey will do.
/// Covers: S0-6, AC-044
fn it_is_enough_where_a_second_factor_is_required(engine: Engine) {
    let app = TestApp::with(engine, |config| {
        config.base_url = "http://localhost:8080".parse().unwrap();
        config.require_second_factor = SecondFactorRule::Administrators;
    });
    let mut ada = app.set_up();
    let asked = ada.get("/settings/profile").expect_lead("/settings/security/second-factor");
    assert!(ada.follow(&asked).links().contains(&NEW.to_owned()));
    add(&mut ada, "phone");
    ada.open("/settings/profile");
    assert_eq!(app.count("recovery_codes"), 10);
}

/// Where nothing else lets its owner in, the last one stays, and the page says what to do first.
fn the_last_way_in_stays(engine: Engine) {
    let app = start(engine);
    let mut ada = app.set_up();
    add(&mut ada, "phone");
    let remove = link(&mut ada, "/remove");
    let form = ada.open(&remove).form(&remove);
    app.sql("UPDATE users SET password_hash = NULL");
    for _ in 0..2 {
        let refused = ada.submit(&form).expect_lead("/settings/security");
        assert!(ada.follow(&refused).notice().starts_with("This passkey is your only way in, so it stays."));
    }
    ada.get(&remove).expect_lead("/settings/security");
    assert_eq!((app.count("passkeys"), app.logged("passkey.removed")), (1, 0));
    // With another one beside it, it goes; of two at once, one stays.
    add(&mut ada, "tablet");
    let other = ada.open("/settings/security").links();
    let both: Vec<_> =
        other.into_iter().filter(|link| link.contains("/passkeys/") && link.ends_with("/remove")).collect();
    assert_eq!(both.len(), 2);
    let forms: Vec<_> = both.iter().map(|path| ada.open(path).form(path)).collect();
    at_once(2, |index| ada.clone().submit(&forms[index]).expect_lead("/settings/security"));
    assert_eq!((app.count("passkeys"), app.logged("passkey.removed")), (1, 1));
}

/// A forgotten password: the passkey is the second factor beside the mailed link, and nothing leads around it.
/// Covers: AC-036, AC-050
fn it_proves_a_forgotten_password(engine: Engine) {
    const OTHER: &str = "another-Tin-roof-78";
    let app = start(engine);
    let mut ada = app.set_up();
    let mut device = add(&mut ada, "phone");
    app.browser().forget(ADMIN).expect(200);
    let reset = app.mailed_link(ADMIN);
    let options_url = format!("{reset}/options");
    let mut owner = app.browser();
    let filled = |page: &Page| page.form(&reset).set("password", OTHER).set("confirm", OTHER);
    let page = owner.open(&reset);
    assert_eq!(page.attributes("[data-passkey=get]", "data-options").join(" "), options_url);
    let left_out = owner.submit(&filled(&page)).expect(422);
    assert_eq!(left_out.error_at("recovery_code"), "Use your passkey, or enter a recovery code, too");
    let asked = options(&mut owner, &reset, &reset, &options_url);
    assert_eq!(asked["allowCredentials"][0]["id"], device.id());
    // An answer that was meant for another door, another device's, and one that is no answer.
    let (mut elsewhere, mut stranger) = (device.clone(), Authenticator::new());
    let signs_in = elsewhere.prove(&login_options(&mut owner), Tricks::default());
    stranger.pretends_to_be(&device);
    stranger.takes_the_id_of(&device);
    // The second factor of a sign-in, of the same person in the same browser.
    let mut twin = device.clone();
    owner.try_sign_in(ADMIN, PASSWORD).expect_lead("/login/second-factor");
    let second = ["/login/second-factor", "/login/second-factor/options"];
    let csrf = owner.open(second[0]).form_with(second[0], "credential").value("csrf");
    let sent = Request::post(second[1]).form(&[("csrf", csrf)]).header("Sec-Fetch-Site", "same-origin");
    let other_door = twin.prove(&owner.send(sent).json(), Tricks::default());
    let forged = stranger.prove(&options(&mut owner, &reset, &reset, &options_url), Tricks::default());
    let before = app.dump_but(&["attempts", "audit_events", "passkey_ceremonies"]);
    for bad in [signs_in.as_str(), &other_door, &forged, "{}", "x"] {
        let page = owner.submit(&filled(&page).set("credential", bad)).expect(422);
        assert!(page.text().contains("That passkey was not accepted here."), "{bad}");
        assert_eq!(app.last_logged().action, "second_factor.refused");
    }
    app.is_still_but(&["attempts", "audit_events", "passkey_ceremonies"], &before);
    // In another browser the same answer is worth nothing.
    let honest = device.prove(&asked, Tricks::default());
    let mut other = app.browser();
    let theirs = other.open(&reset);
    other.submit(&filled(&theirs).set("credential", &honest)).expect(422);
    let honest = device.prove(&options(&mut owner, &reset, &reset, &options_url), Tricks::default());
    // A form with another fault costs no try; the second time it is whole.
    let short = page.form(&reset).set("password", "x").set("confirm", "x").set("credential", &honest);
    owner.submit(&short).expect(422);
    owner.submit(&filled(&page).set("credential", &honest)).expect_lead("/login");
    assert_eq!((app.count("sessions"), app.logged("password.reset")), (0, 1));
    assert_eq!(ask_with_link_gone(&mut owner, &options_url), 404);
    let lead = owner.try_sign_in(ADMIN, OTHER);
    assert_eq!(lead.location(), "/login/second-factor");
}

#[track_caller]
fn ask_with_link_gone(browser: &mut Browser, options: &str) -> u16 {
    ask(browser, "/login", "/login", options).status
}

/// Covers: AC-050
fn a_challenge_is_good_once_in_one_place_for_five_minutes(engine: Engine) {
    let app = start(engine);
    let mut ada = app.set_up();
    let mut device = add(&mut ada, "phone");
    let honest = Tricks::default();

    // Once.
    let mut visitor = app.browser();
    let asked = login_options(&mut visitor);
    let (first, second) = (device.prove(&asked, honest), device.prove(&asked, honest));
    send_login(&mut visitor, &first).expect_lead("/settings/profile");
    for again in [&first, &second] {
        let mut other = app.browser();
        other.cookies.clone_from(&visitor.cookies);
        other.cookies.retain(|name, _| !name.ends_with("keystead_session"));
        send_login(&mut other, again).expect(422);
    }
    // Of many at once, one gets in.
    let mut visitor = app.browser();
    let answer = device.prove(&login_options(&mut visitor), honest);
    let form = visitor.open("/login").form("/login").set("credential", &answer);
    let statuses = at_once(8, |_| {
        let (mut browser, mut form) = (visitor.clone(), form.clone());
        "/login/passkey".clone_into(&mut form.action);
        browser.submit(&form).status
    });
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");

    // In one browser; from another it is refused, and spoiled.
    let (mut here, mut there) = (app.browser(), app.browser());
    let asked = login_options(&mut here);
    let answer = device.prove(&asked, honest);
    send_login(&mut there, &answer).expect(422);
    let answer = device.prove(&asked, honest);
    send_login(&mut here, &answer).expect(422);

    // For one purpose.
    let asked = step_up_options(&mut ada);
    let answer = device.prove(&asked, honest);
    let csrf = ada.open("/step-up").form("/step-up").value("csrf");
    let request = Request::post("/login/passkey").form(&[("csrf", &csrf), ("credential", &answer)]);
    assert_eq!(ada.send(request.header("Sec-Fetch-Site", "same-origin")).status, 422);
    let mut visitor = app.browser();
    let asked = login_options(&mut visitor);
    let answer = device.prove(&asked, honest);
    send_step_up(&mut ada, &answer).expect(422);
    let asked = new_options(&mut ada);
    let asked = serde_json::json!({ "challenge": asked["challenge"], "rpId": "localhost" });
    let answer = device.prove(&asked, honest);
    send_step_up(&mut ada, &answer).expect(422);

    // For five minutes.
    for (wait, status) in [(299, 303), (300, 422)] {
        let mut visitor = app.browser();
        let asked = login_options(&mut visitor);
        app.advance(wait);
        let answer = device.prove(&asked, honest);
        assert_eq!(send_login(&mut visitor, &answer).status, status, "after {wait} seconds");
    }
    // What nobody answers is taken away.
    login_options(&mut app.browser());
    app.advance(300);
    keystead::jobs::tidy(&app.instance.db, &app.instance.config, app.now()).unwrap();
    assert_eq!(app.count("passkey_ceremonies"), 0);
}

/// Covers: AC-050, AC-109
fn a_count_that_goes_back_is_refused_and_told(engine: Engine) {
    let app = start(engine);
    let mut ada = app.set_up();
    let mut device = add(&mut ada, "phone");
    let mut copy = device.clone();
    for _ in 0..2 {
        let mut visitor = app.browser();
        let answer = device.prove(&login_options(&mut visitor), Tricks::default());
        send_login(&mut visitor, &answer).expect(303);
    }
    let mails = app.mails().len();
    for _ in 0..2 {
        // The second time it is at the very count that was seen last.
        let mut visitor = app.browser();
        let answer = copy.prove(&login_options(&mut visitor), Tricks::default());
        send_login(&mut visitor, &answer).expect(422);
    }
    assert_eq!((app.logged("passkey.copied"), app.mails().len() - mails), (2, 2));
    let mail = app.mails().pop().unwrap();
    assert_eq!((mail.recipient.as_str(), mail.subject.as_str()), (ADMIN, "Keystead: a passkey was refused"));
    assert!(mail.text.contains("The passkey “phone” was refused"), "{}", mail.text);
    // The true one goes on working; and passkeys that do not count at all are as good.
    let mut visitor = app.browser();
    let answer = device.prove(&login_options(&mut visitor), Tricks::default());
    send_login(&mut visitor, &answer).expect(303);
    let mut uncounted = Authenticator::new();
    uncounted.count = 0;
    let answer = uncounted.make(&new_options(&mut ada), Tricks::default());
    send_new(&mut ada, "synced", &answer).expect(303);
    for _ in 0..2 {
        let mut visitor = app.browser();
        let answer = uncounted.prove(&login_options(&mut visitor), Tricks::default());
        send_login(&mut visitor, &answer).expect(303);
    }
}

/// A count that was seen is never good again: not for two copies that answer two challenges at the same moment either.
/// Covers: AC-050
fn copies_at_once_get_in_once(engine: Engine) {
    let app = start(engine);
    let mut ada = app.set_up();
    let device = add(&mut ada, "phone");
    let visitors: Vec<_> = (0..8)
        .map(|_| {
            let mut visitor = app.browser();
            let answer = device.clone().prove(&login_options(&mut visitor), Tricks::default());
            let mut form = visitor.open("/login").form("/login").set("credential", &answer);
            "/login/passkey".clone_into(&mut form.action);
            (visitor, form)
        })
        .collect();
    let statuses = at_once(8, |index| {
        let (visitor, form) = &visitors[index];
        visitor.clone().submit(form).status
    });
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert_eq!(app.count("sessions"), 2);
}

/// Covers: AC-050
fn an_added_passkey_that_is_not_quite_right_is_refused(engine: Engine) {
    let app = start(engine);
    let mut ada = app.set_up();
    let honest = Tricks::default();
    let mut cases = dishonest();
    cases.retain(|(_, tricks)| tricks.kind != Some("webauthn.create"));
    // EdDSA and RS1 were not asked for; 99 is none.
    for algorithm in [-8, -257, -65_535, 99] {
        cases.push(("an algorithm that was not asked for", Tricks { algorithm, ..honest }));
    }
    cases.push(("an attestation that is too large", Tricks { attestation: 10_000, ..honest }));
    for (what, tricks) in cases {
        let mut device = Authenticator::new();
        let asked = new_options(&mut ada);
        let answer = device.make(&asked, tricks);
        let page = send_new(&mut ada, "mine", &answer);
        assert_eq!(page.status, 422, "{what}");
        assert!(page.one("[role=alert]").starts_with("That passkey could not be added"), "{what}");
        assert_eq!(page.form(NEW).value("name"), "mine");
        assert_eq!(page.form(NEW).value("credential"), "");
        if tricks.attestation == 0 {
            let late = device.make(&asked, honest);
            assert_eq!(send_new(&mut ada, "mine", &late).status, 422, "the challenge after {what}");
        }
    }
    assert_eq!((app.count("passkeys"), app.mails().len(), app.logged("passkey.added")), (0, 0, 0));

    // Another login's challenge; one that is too old; one that is used.
    let mut elsewhere = app.browser();
    elsewhere.sign_in(ADMIN, PASSWORD);
    let answer = Authenticator::new().make(&new_options(&mut elsewhere), honest);
    send_new(&mut ada, "mine", &answer).expect(422);
    let answer = Authenticator::new().make(&new_options(&mut ada), honest);
    app.advance(5 * 60);
    send_new(&mut ada, "mine", &answer).expect(422);
    let asked = new_options(&mut ada);
    let answer = Authenticator::new().make(&asked, honest);
    send_new(&mut ada, "mine", &answer).expect(200);
    let answer = Authenticator::new().make(&asked, honest);
    send_new(&mut ada, "again", &answer).expect(422);
    assert_eq!(app.count("passkeys"), 1);
}

/// Covers: AC-050, AC-054
fn a_passkey_is_one_users(engine: Engine) {
    let app = start(engine);
    let mut ada = app.set_up();
    let device = add(&mut ada, "phone");
    let mut bob = app.other("bob@example.com");
    // A key of their own under the id of somebody else's.
    let mut thief = Authenticator::new();
    thief.takes_the_id_of(&device);
    let answer = thief.make(&new_options(&mut bob), Tricks::default());
    let page = send_new(&mut bob, "mine now", &answer).expect(422);
    assert!(page.one("[role=alert]").starts_with("That passkey could not be added"));
    assert_eq!((app.count("passkeys"), app.logged("passkey.added")), (1, 1));
    // Somebody else's is not found.
    for end in ["/rename", "/remove"] {
        let path = link(&mut ada, end);
        assert_eq!(bob.get(&path).status, 404);
        let form = ada.open(&path).form(&path);
        let csrf = bob.open(NEW).form(NEW).value("csrf");
        assert_eq!(bob.submit(&form.set("csrf", &csrf)).status, 404);
    }
    assert!(!bob.open("/settings/security").text().contains("phone"));
    assert_eq!(app.count("passkeys WHERE name = 'phone'"), 1);
    // A closed account opens to nobody.
    let mut device = device;
    app.sql("UPDATE users SET status = 'suspended'");
    let mut visitor = app.browser();
    let answer = device.prove(&login_options(&mut visitor), Tricks::default());
    send_login(&mut visitor, &answer).expect(422);
    assert_eq!(app.last_logged().action, "session.sign_in_refused");
    assert_eq!(app.last_logged().user_id, Some(app.user_id(ADMIN)));
}

/// Covers: AC-050
fn there_are_twenty_at_most(engine: Engine) {
    let app = start(engine);
    let mut ada = app.set_up();
    let user = app.user_id(ADMIN);
    add(&mut ada, "phone");
    for number in 0..17 {
        let id = if engine == Engine::Sqlite { format!("X'{number:04}'") } else { format!("'\\x{number:04}'") };
        app.sql(&format!(
            "INSERT INTO passkeys (id, user_id, credential_id, passkey, name, created_at) \
             VALUES ('p{number}', '{user}', {id}, '', 'p{number}', 0)"
        ));
    }
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(Authenticator::new().make(&new_options(&mut ada), Tricks::default()));
    }
    let form = ada.open(NEW).form(NEW);
    let statuses = at_once(6, |index| {
        let mut browser = ada.clone();
        browser.submit(&form.clone().set("credential", &answers[index])).status
    });
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 2, "{statuses:?}");
    assert_eq!((app.count("passkeys"), app.logged("passkey.added")), (20, 3));
    let answer = Authenticator::new().make(&new_options(&mut ada), Tricks::default());
    let page = send_new(&mut ada, "one more", &answer).expect(422);
    assert!(page.one("[role=alert]").starts_with("You have 20 passkeys"));
    let page = ada.open("/settings/security");
    assert!(!page.links().contains(&NEW.to_owned()) && page.text().contains("as many as there can be"));
}

/// Covers: AC-045, AC-050
fn adding_needs_a_fresh_proof(engine: Engine) {
    let app = start(engine);
    let mut stranger = app.set_up();
    stranger.sign_out();
    let csrf = stranger.open("/login").form("/login").value("csrf");
    let form = |path: &str| {
        Request::post(path)
            .form(&[("csrf", &csrf)])
            .header("Sec-Fetch-Site", "same-origin")
            .header("Accept", "application/json")
    };
    for path in [OPTIONS, NEW, "/step-up/passkey/options", "/step-up/passkey"] {
        assert_eq!(stranger.send(form(path)).status, 401, "{path}");
    }
    stranger.sign_in(ADMIN, PASSWORD);
    let mut ada = stranger;
    let asked = new_options(&mut ada);
    let page = ada.open(NEW).form(NEW);
    app.advance(10 * 60);
    let answer = Authenticator::new().make(&asked, Tricks::default());
    let to = ada.submit(&page.set("name", "my phone").set("credential", &answer)).expect(303).location().to_owned();
    assert_eq!(to, "/step-up?next=%2Fsettings%2Fsecurity%2Fpasskeys%2Fnew%3Fname%3Dmy%2Bphone");
    let asked = ada.open(&to);
    assert!(asked.one(".lede").contains("to add a passkey"), "{}", asked.one(".lede"));
    let back = ada.submit(&asked.form("/step-up").set("password", PASSWORD));
    assert_eq!(ada.follow(&back).form(NEW).value("name"), "my phone");
    assert_eq!(app.count("passkeys"), 0);
}

/// Covers: AC-011, AC-012
fn refusals_are_counted_for_each_network(engine: Engine) {
    let app = TestApp::with(engine, |config| {
        config.base_url = "http://localhost:8080".parse().unwrap();
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    });
    let mut device = add(&mut app.set_up(), "phone");
    let mut visitor = app.browser().with("X-Forwarded-For", "192.0.2.7");
    for _ in 0..30 {
        send_login(&mut visitor, "{}").expect(422);
    }
    let answer = device.prove(&login_options(&mut visitor), Tricks::default());
    let page = send_login(&mut visitor, &answer).expect(429);
    assert_eq!(page.header("retry-after"), Some("900"));
    assert!(page.one("[role=alert]").contains("too many tries"));
    let mut elsewhere = app.browser().with("X-Forwarded-For", "192.0.2.8");
    let answer = device.prove(&login_options(&mut elsewhere), Tricks::default());
    send_login(&mut elsewhere, &answer).expect(303);
    // Nor can anybody fill the table with questions.
    let csrf = visitor.open("/login").form("/login").value("csrf");
    let begin =
        || Request::post("/login/passkey/options").form(&[("csrf", &csrf)]).header("Sec-Fetch-Site", "same-origin");
    let before = app.count("passkey_ceremonies");
    let answers: Vec<u16> = (0..310).map(|_| visitor.send(begin()).status).collect();
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 299, "one was asked for above");
    assert_eq!((answers.last(), app.count("passkey_ceremonies") - before), (Some(&429), 299));
}

fn passkeys_are_where_the_service_has_its_name(engine: Engine) {
    // At a number on one's own machine, the page leads to the name.
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let page = ada.open("/settings/security");
    assert!(page.links().contains(&"http://localhost:8080/settings/security".to_owned()), "{:?}", page.links());
    assert!(!page.links().contains(&NEW.to_owned()));
    let page = ada.open(NEW);
    assert!(page.links().contains(&format!("http://localhost:8080{NEW}")));
    assert!(!app.browser().open("/login").text().contains("passkey"));
    let known = app.send(&Request::get("/.well-known/passkey-endpoints"));
    assert_eq!((known.status, known.header("content-type")), (200, Some("application/json")));
    assert_eq!(known.json()["enroll"], "http://127.0.0.1:8080/settings/security/passkeys/new");
    assert_eq!(known.json()["manage"], "http://127.0.0.1:8080/settings/security");

    // At a number elsewhere, there are none.
    let app = TestApp::with(engine, |config| config.base_url = "https://192.0.2.7".parse().unwrap());
    let mut ada = app.set_up();
    assert!(ada.open("/settings/security").text().contains("Passkeys need a service with a name"));
    assert_eq!(app.send(&Request::get("/.well-known/passkey-endpoints")).status, 404);
    let csrf = ada.open("/settings/appearance").form("/settings/appearance").value("csrf");
    for path in [OPTIONS, "/login/passkey/options", "/step-up/passkey/options"] {
        let request = Request::post(path).form(&[("csrf", &csrf)]).header("Sec-Fetch-Site", "same-origin");
        assert_eq!(ada.send(request).status, 404, "{path}");
    }
}

/// What stands in the database opens nothing, and goes with its user.
/// Covers: AC-053
fn nothing_kept_opens_anything(engine: Engine) {
    let app = start(engine);
    let mut ada = app.set_up();
    add(&mut ada, "phone");
    let mut visitor = app.browser();
    let asked = login_options(&mut visitor);
    let form_cookie = visitor.cookies.values().next().unwrap().clone();
    assert!(!app.dump().contains(&form_cookie));
    assert!(asked["challenge"].as_str().is_some());
    step_up_options(&mut ada);
    assert_eq!(app.count("passkey_ceremonies"), 2);
    let user = app.user_id(ADMIN);
    app.sql(&format!("DELETE FROM organizations WHERE private_to = '{user}'; DELETE FROM users WHERE id = '{user}'"));
    assert_eq!((app.count("passkeys"), app.count("passkey_ceremonies WHERE user_id IS NOT NULL")), (0, 0));
}

on_both!(
    it_is_added_listed_renamed_and_removed,
    removing_can_end_the_other_sessions,
    it_signs_in_without_a_password,
    it_confirms_without_a_password,
    a_sign_in_that_is_not_quite_right_is_refused,
    it_is_a_second_factor,
    it_is_enough_where_a_second_factor_is_required,
    the_last_way_in_stays,
    it_proves_a_forgotten_password,
    a_challenge_is_good_once_in_one_place_for_five_minutes,
    a_count_that_goes_back_is_refused_and_told,
    copies_at_once_get_in_once,
    an_added_passkey_that_is_not_quite_right_is_refused,
    a_passkey_is_one_users,
    there_are_twenty_at_most,
    adding_needs_a_fresh_proof,
    refusals_are_counted_for_each_network,
    passkeys_are_where_the_service_has_its_name,
    nothing_kept_opens_anything,
);
