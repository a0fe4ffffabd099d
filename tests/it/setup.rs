//! The first start.

use serde_json::Value;

use crate::support::{ADMIN, Engine, Form, PASSWORD, TestApp, at_once, on_both};

fn filled(app: &TestApp, form: Form) -> Form {
    form.set("code", &app.setup_code())
        .set("email", ADMIN)
        .set("first_name", "Ada")
        .set("last_name", "Lovelace")
        .set("password", PASSWORD)
        .set("confirm", PASSWORD)
}

/// There is nobody before setup: no default account, no way in.
fn nobody_exists_before(engine: Engine) {
    let app = TestApp::start(engine);
    assert_eq!(app.count("users"), 0);
    let mut browser = app.browser();
    browser.get("/").expect_lead("/setup");
    browser.get("/login").expect_lead("/setup");
    let form = browser.open("/setup").form("/setup");
    for (email, password) in [("admin", "admin"), ("admin@example.com", "password"), ("keystead@localhost", "keystead")]
    {
        let request = browser.request(&form.clone().set("email", email).set("password", password));
        assert_eq!(browser.send(crate::support::Request { target: "/login".to_owned(), ..request }).status, 422);
    }
    assert_eq!(app.count("sessions"), 0);
}

/// Until there is an administrator nobody else gets an account: no page offers one, and no link from before makes one.
/// Covers: AC-007
fn nobody_signs_up_before(engine: Engine) {
    let app = TestApp::start(engine);
    let mut stranger = app.browser();
    let page = stranger.open("/setup");
    let before = app.dump();
    let said = stranger.get("/signup").expect(403);
    assert_eq!(said.one("h1"), "This service is not set up yet");
    assert!(said.text().contains("Open the link that it printed") && said.links().contains(&"/setup".to_owned()));
    let form = filled(&app, page.form("/setup"));
    let sent = crate::support::Request { target: "/signup".to_owned(), ..stranger.request(&form) };
    assert_eq!(stranger.send(sent).status, 403);
    app.is_still(&before);
    // A wish and an invitation that were left by an earlier life of the database.
    let code = "0".repeat(64);
    let (hash, password) = (keystead::auth::SecretHash::of(&code), app.hash(PASSWORD));
    let (now, until) = (app.now(), app.now().plus(60));
    app.write(move |tx| {
        use diesel::prelude::*;
        use keystead::db::schema::{invitations as i, sign_ups as s};
        let names = (s::first_name.eq("Eve"), s::last_name.eq(""), s::password_hash.eq(password));
        let address = (s::email.eq("eve@example.com"), s::email_key.eq("eve@example.com"));
        let times = (s::created_at.eq(now), s::expires_at.eq(until));
        diesel::insert_into(s::table).values((s::hash.eq(hash), address, names, times)).execute(&mut **tx)?;
        let address = (i::id.eq("01jd0000000000000000000001"), i::email.eq("eve@example.com"), i::email_key.eq("e"));
        let times = (i::created_at.eq(now), i::expires_at.eq(until));
        diesel::insert_into(i::table).values((i::hash.eq(hash), address, times)).execute(&mut **tx)?;
        Ok(())
    });
    for link in [format!("/email/confirm/{code}"), format!("/invitations/{code}")] {
        let mut form = page.form("/setup").without("email").set("password", PASSWORD).set("confirm", PASSWORD);
        form = form.set("first_name", "Eve");
        form.action.clone_from(&link);
        stranger.submit(&form).expect(404);
        assert_eq!((app.count("users"), app.count("sessions")), (0, 0), "{link}");
    }
    app.set_up();
    stranger.open("/signup");
}

/// Covers: AC-109
fn makes_the_first_administrator_and_closes(engine: Engine) {
    let app = TestApp::start(engine);
    let code = app.setup_code();
    let mut ada = app.set_up();
    assert!(ada.open("/settings/profile").text().contains(ADMIN));
    assert!(ada.open("/admin").links().contains(&"/admin/verifiers".to_owned()));
    assert_eq!([app.count("users"), app.count("organizations"), app.count("members")], [1, 1, 1]);
    assert_eq!((app.count("setup_codes"), app.count("sessions")), (0, 1));
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.user_id), ("instance.set_up", Some(app.user_id(ADMIN))));
    assert_eq!((entry.actor_kind.as_str(), entry.address.as_str()), ("user", "127.0.0.1"));
    assert!(!app.dump().contains(PASSWORD) && !app.dump().contains(&code));

    // Closed for good, for her and for strangers, with the used code, too.
    let mut stranger = app.browser();
    stranger.get(&format!("/setup?code={code}")).expect_lead("/");
    let before = app.dump();
    let form = stranger.open("/login").form("/login");
    let request = stranger.request(
        &form
            .smuggle("code", &code)
            .smuggle("first_name", "Eve")
            .smuggle("confirm", PASSWORD)
            .set("password", PASSWORD),
    );
    let answer = stranger.send(crate::support::Request { target: "/setup".to_owned(), ..request });
    assert_eq!((answer.status, answer.location()), (303, "/"));
    app.is_still(&before);
}

fn of_two_at_once_one_wins(engine: Engine) {
    let app = TestApp::start(engine);
    let landed = at_once(2, |index| {
        let mut browser = app.browser();
        let form = filled(&app, browser.open("/setup").form("/setup")).set("email", &format!("ada{index}@example.com"));
        browser.submit(&form).expect(303).location().to_owned()
    });
    let won = landed.iter().filter(|to| *to == "/settings/profile").count();
    assert_eq!(won, 1, "{landed:?}");
    assert_eq!((app.count("users"), app.count("sessions"), app.logged("instance.set_up")), (1, 1, 1));
}

fn a_wrong_code_makes_nobody_and_keeps_what_was_typed(engine: Engine) {
    let app = TestApp::start(engine);
    let mut browser = app.browser();
    let code = app.setup_code();
    let wrong = if code.starts_with('0') { code.replacen('0', "1", 1) } else { format!("0{}", &code[1..]) };
    for bad in [wrong.as_str(), "", " ", "' OR 1=1 --", &"0".repeat(5000)] {
        let form = filled(&app, browser.open("/setup").form("/setup")).set("code", bad);
        let page = browser.submit(&form).expect(422);
        assert_eq!(page.errors(), ["code"]);
        assert_eq!(page.error_at("code"), "Copy the code from the line that Keystead printed when it started");
        let again = page.form("/setup");
        assert_eq!((again.value("email"), again.value("first_name")), (ADMIN.to_owned(), "Ada".to_owned()));
        assert_eq!((again.value("password"), again.value("confirm")), (String::new(), String::new()));
    }
    assert_eq!(app.count("users"), 0);
    // As people copy it: in capitals, without hyphens, with spaces around.
    let typed = format!("  {} ", code.to_uppercase().replace('-', ""));
    let form = filled(&app, browser.open("/setup").form("/setup")).set("code", &typed);
    browser.submit(&form).expect_lead("/settings/profile");
}

fn codes_cannot_be_guessed(engine: Engine) {
    let app = TestApp::start(engine);
    let mut browser = app.browser();
    let form = browser.open("/setup").form("/setup").set("code", "0000-0000-0000-0000");
    let answers: Vec<u16> = (0..12).map(|_| browser.submit(&form).status).collect();
    assert_eq!(answers, [[422; 10].as_slice(), &[429; 2]].concat());
    let refused = browser.submit(&form);
    assert_eq!(refused.header("retry-after"), Some("900"));
    app.advance(900);
    let form = filled(&app, browser.open("/setup").form("/setup"));
    browser.submit(&form).expect_lead("/settings/profile");
}

/// The shared table of cases, through the form.
/// Covers: AC-038, S4-6, S4-7, S4-8, S4-9, S4-10, S4-11
fn passwords_are_judged_as_the_vectors_say(engine: Engine) {
    let app = TestApp::start(engine);
    let vectors: Value = serde_json::from_str(include_str!("../vectors/passwords.json")).unwrap();
    let person = &vectors["accounts"]["alice"]["context"];
    let mut tried = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let password = built(&case["password"]);
        let wanted: Vec<&str> = case["problems"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
        // Only what is refused, of the account whose names the form can hold: a good one would end the setup.
        let fits = !password.contains('\0') && password.len() <= 5000;
        if case["account"] != "alice" || wanted.is_empty() || wanted.contains(&"own") || !fits {
            continue;
        }
        let mut browser = app.browser();
        let repeated = if case["repeated"].is_null() { password.clone() } else { built(&case["repeated"]) };
        let form = filled(&app, browser.open("/setup").form("/setup"))
            .set("email", person["email"].as_str().unwrap())
            .set("first_name", person["first_name"].as_str().unwrap())
            .set("last_name", person["last_name"].as_str().unwrap())
            .set("password", &password)
            .set("confirm", &repeated);
        let page = browser.submit(&form).expect(422);
        let mut fields = page.errors();
        fields.dedup();
        let mut expected = Vec::new();
        if wanted.iter().any(|id| *id != "match") {
            expected.push("password");
        }
        if wanted.contains(&"match") {
            expected.push("confirm");
        }
        assert_eq!(fields, expected, "{case}");
        tried += 1;
        // So that the door for guessed codes stays open.
        app.advance(15 * 60);
    }
    assert!(tried > 20, "only {tried} cases fit");
    assert_eq!(app.count("users"), 0);
}

/// A text of the vectors: itself, or pairs of a text and how often it is repeated.
pub fn built(text: &Value) -> String {
    match text {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .map(|part| part[0].as_str().unwrap().repeat(usize::try_from(part[1].as_u64().unwrap()).unwrap()))
            .collect(),
        other => panic!("{other} is no text"),
    }
}

/// Every start prints a code of its own, and each is good: a lost one is mended by a restart.
fn a_restart_prints_another_code(engine: Engine) {
    let app = TestApp::start(engine);
    let again = keystead::setup::link(&app.instance).unwrap().unwrap();
    assert_ne!(Some(&again), app.setup_link.as_ref());
    assert_eq!(app.count("setup_codes"), 2);
    app.set_up();
    assert_eq!(app.count("setup_codes"), 0);
    assert_eq!(keystead::setup::link(&app.instance).unwrap(), None);
}

on_both!(
    nobody_exists_before,
    nobody_signs_up_before,
    makes_the_first_administrator_and_closes,
    of_two_at_once_one_wins,
    a_wrong_code_makes_nobody_and_keeps_what_was_typed,
    codes_cannot_be_guessed,
    passwords_are_judged_as_the_vectors_say,
    a_restart_prints_another_code,
);
