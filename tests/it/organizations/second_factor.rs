//! An organization that requires a second factor of its members.

use keystead::catalogue::Role;
use keystead::routes::{OPEN_WITHOUT, ROUTES, Route};
use serde_json::json;

use super::matrix::{ask, call_path, needed};
use crate::second_factor::enrol;
use crate::sessions::while_under_way;
use crate::support::{ADMIN, Browser, Engine, Page, Request, TestApp, on_both};

const SETTING: &str = "/organizations/acme/settings/second-factor";
const ERIN: &str = "erin@example.com";

/// Says yes or no, through the page.
#[track_caller]
fn require(browser: &mut Browser) -> Page {
    let form = browser.open(SETTING).form(SETTING);
    browser.submit(&form)
}

fn start(engine: Engine) -> (TestApp, Browser, Browser) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let erin = app.member("acme", ERIN, Role::Admin);
    (app, ada, erin)
}

/// Closed to whoever has none, with the way to one and back; open again at that moment; the same for what acts for them.
/// Covers: AC-061, AC-063
fn it_closes_to_those_who_have_none(engine: Engine) {
    let (app, mut ada, mut erin) = start(engine);
    enrol(&app, &mut ada);
    let verifier = ada.make_verifier("billing");
    let (_, token) = erin.create_token("bot", &["channels:read"]);
    let code = |place: &str| {
        let question = json!({ "token": token, "organization": place, "entity_type": "channels", "operation": "read" });
        app.ask(&verifier, &question).json()["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(code("acme"), "VALID");
    let before = erin.open("/organizations/acme").form("/organizations/acme/target");

    let page = ada.open(SETTING);
    assert!(page.text().contains("1 of 2 members have none today"), "{}", page.text());
    assert_eq!(page.texts(".prose li"), [format!("Bob Babbage ({ERIN})")]);
    let mails = app.mails().len();
    let done = require(&mut ada).expect_lead("/organizations/acme/settings");
    assert!(ada.follow(&done).text().contains("Required of every member"));
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.detail.as_str()), ("organization.changed", "a second factor is required"));
    let told = app.mails().split_off(mails);
    assert_eq!((told.len(), told[0].recipient.as_str()), (1, ERIN));
    assert!(told[0].subject.contains("a second factor is required in ACME"), "{}", told[0].subject);
    assert!(
        told[0].text.contains("By:       Ada Lovelace") && !told[0].text.contains("127.0.0.1\n"),
        "{}",
        told[0].text
    );
    let off = json!({ "second_factor": false });
    assert_eq!(ada.call("PATCH", "/api/v1/organizations/acme/policy", &off).status, 200);
    app.sql("UPDATE organizations SET name = 'https://evil.example/login' WHERE slug = 'acme'");
    require(&mut ada).expect(303);
    let mail = app.mails().pop().unwrap();
    assert!(mail.subject.contains("required in acme") && !format!("{mail:?}").contains("evil"), "no link of theirs");
    app.sql("UPDATE organizations SET name = 'ACME' WHERE slug = 'acme'");
    ada.open("/organizations/acme/members");

    // Pages and forms alike; their own pages stay open.
    let asked = erin.get("/organizations/acme/members?q=x");
    let place = "/organizations/acme/second-factor?next=%2Forganizations%2Facme%2Fmembers%3Fq%3Dx";
    let asked = asked.expect_lead(place);
    for path in ["/organizations/acme", "/organizations/acme/roles", "/organizations/acme/settings", SETTING] {
        assert!(erin.get(path).location().starts_with("/organizations/acme/second-factor?next="), "{path}");
    }
    let still = app.dump_but(&["audit_events"]);
    assert!(erin.submit(&before).location().starts_with("/organizations/acme/second-factor?"));
    app.is_still_but(&["audit_events"], &still);
    let by_script = Request::get("/organizations/acme").header("Accept", "application/json");
    assert_eq!(erin.send(by_script).status, 401);
    // A program is told in its own words, and where a person mends it.
    let called = erin.call("GET", "/api/v1/organizations/acme/members", &serde_json::Value::Null);
    assert_eq!(
        (called.status, called.json()["type"].as_str().unwrap_or_default()),
        (403, "urn:problem-type:keystead:second-factor-needed")
    );
    assert!(called.json()["confirm_at"].as_str().unwrap_or_default().ends_with("/organizations/acme/second-factor"));
    // What a page without its name in the address says of the one that they work in.
    app.sql(&format!(
        "UPDATE sessions SET organization_id = '{}' WHERE user_id = '{}'",
        app.organization_id("acme"),
        app.user_id(ERIN)
    ));
    erin.get("/settings/license").expect_lead("/organizations/acme/second-factor?next=%2Fsettings%2Flicense");
    erin.open("/settings/profile");
    erin.open("/organizations");
    assert_eq!(
        (code("acme").as_str(), code(&app.private_organization(ERIN)).as_str()),
        ("INSUFFICIENT_PERMISSIONS", "VALID")
    );

    // To a second factor, and back to where they were.
    let page = erin.follow(&asked);
    assert_eq!(page.one("h1"), "ACME requires a second factor");
    assert!(page.links().iter().any(|link| link.starts_with("/settings/security/passkeys/new?next=")));
    assert!(page.links().contains(&"/organizations/acme/leave".to_owned()));
    let enrolment =
        page.links().into_iter().find(|link| link.starts_with("/settings/security/second-factor?")).unwrap();
    let page = erin.open(&enrolment);
    let phone = crate::second_factor::App::scan(&page);
    let form = page.form("/settings/security/second-factor").set("code", &phone.code(&app, 0));
    let codes = erin.submit(&form).expect(200);
    assert!(codes.links().contains(&"/organizations/acme/members?q=x".to_owned()), "{:?}", codes.links());
    erin.open("/organizations/acme/members?q=x");
    assert_eq!(erin.open("/organizations/acme/second-factor").one("h1"), "Nothing is in your way");
    assert_eq!(code("acme"), "VALID");

    // Whoever takes their last one away is told what stops.
    let page = erin.open("/settings/security/second-factor/remove");
    assert!(page.text().contains("requires a second factor, and this is your only one"), "{}", page.text());
    erin.submit(&page.form("/settings/security/second-factor/remove")).expect(303);
    assert_eq!((erin.get("/organizations/acme").status, code("acme").as_str()), (303, "INSUFFICIENT_PERMISSIONS"));
    let form = erin.open("/organizations/acme/leave").form("/organizations/acme/leave");
    erin.submit(&form).expect(303);
    assert_eq!(app.role_of("acme", ERIN), None);

    // So can a program of theirs.
    app.make_member("acme", ERIN, Role::Viewer);
    let left = erin.call("POST", "/api/v1/organizations/acme/leave", &serde_json::Value::Null);
    assert_eq!((left.status, app.role_of("acme", ERIN)), (204, None));

    // No longer required, nothing is asked.
    app.make_member("acme", ERIN, Role::Viewer);
    erin.get("/organizations/acme").expect(303);
    let done = require(&mut ada).expect_lead("/organizations/acme/settings");
    assert!(ada.follow(&done).notice().starts_with("A second factor is no longer required"));
    erin.open("/organizations/acme");
    assert_eq!(code("acme"), "VALID");
}

/// Whoever says yes has one; a private organization has nobody to require it of; and a nod is yes or no.
fn nobody_shuts_themselves_out(engine: Engine) {
    let (app, mut ada, mut erin) = start(engine);
    let page = ada.open(SETTING);
    assert!(page.text().contains("You have none yourself"), "{}", page.text());
    assert!(page.text().contains("2 of 2 members have none today"));
    let organization = app.organization_id("acme");
    let mut form = ada.open("/organizations/acme/settings").form("/organizations/acme/settings");
    SETTING.clone_into(&mut form.action);
    ada.submit(&form.clone().smuggle("require", "yes")).expect(200);
    assert_eq!(app.count("organizations WHERE requires_second_factor"), 0);
    enrol(&app, &mut ada);
    ada.submit(&form.clone().smuggle("require", "maybe")).expect(400);
    ada.submit(&form.smuggle("require", "yes")).expect_lead("/organizations/acme/settings");
    assert_eq!(app.count(&format!("organizations WHERE requires_second_factor AND id = '{organization}'")), 1);
    let own = format!("/organizations/private-{}/settings", app.private_organization(ADMIN));
    assert!(!ada.open(&own).links().contains(&format!("{own}/second-factor")));
    ada.get(&format!("{own}/second-factor")).expect(404);
    // Those who may not see the members see how many it hits, and no names.
    let role = ada.make_role("acme", "Keepers", &["org.organization:update"]);
    app.sql("UPDATE organizations SET requires_second_factor = FALSE");
    let user = app.user_id(ERIN);
    app.sql(&format!("UPDATE members SET role = 'own', role_id = '{role}' WHERE user_id = '{user}'"));
    let page = erin.open(SETTING);
    assert!(page.text().contains("1 of 2 members have none today") && page.texts(".prose li").is_empty());
    // Confirmed, as everything that takes rights away.
    app.advance(600);
    assert!(erin.get(SETTING).location().starts_with("/step-up?"));
}

/// A change that was under way when the requirement came is not made.
/// Covers: AC-061
fn a_change_under_way_ends_with_it(engine: Engine) {
    let (app, _, mut erin) = start(engine);
    let form = erin.open("/organizations/acme/settings").form("/organizations/acme/settings").set("name", "Mine");
    let require = || app.sql("UPDATE organizations SET requires_second_factor = TRUE WHERE slug = 'acme'");
    let answers = while_under_way(&app, &erin, &[form], require);
    assert_eq!((answers[0].status, app.count("organizations WHERE name = 'Mine'")), (303, 0));
    assert_eq!(answers[0].location(), "/organizations/acme/second-factor?next=%2F");
}

/// What opens without one is the same on pages and for programs; all else is closed to both.
/// Covers: AC-061
fn pages_and_calls_are_closed_alike(engine: Engine) {
    let (app, mut ada, mut erin) = start(engine);
    let role = ada.make_role("acme", "Deployers", &["channels:update"]);
    let (key, _) = ada.create_key("program", &[]);
    let places = crate::sweeps::Below::of(&app, "acme", &role, &key);
    let csrf = erin.open("/settings/profile").form("/settings/profile").value("csrf");
    app.sql("UPDATE organizations SET requires_second_factor = TRUE WHERE slug = 'acme'");
    let mut closed = 0;
    let there = |route: &&Route| route.path.contains("/organizations/{slug}") && needed(route).is_some();
    for route in ROUTES.iter().filter(there) {
        let page = route.path.strip_prefix("/api/v1");
        let twin = page.map_or_else(|| format!("/api/v1{}", route.path), str::to_owned);
        let is_open = OPEN_WITHOUT.contains(&route.path);
        if ROUTES.iter().any(|other| other.path == twin) {
            assert_eq!(OPEN_WITHOUT.contains(&twin.as_str()), is_open, "{twin}");
        }
        if is_open {
            continue;
        }
        let path = call_path(&places, route);
        let answer = ask(&mut erin, &csrf, route, &path, &app.organization_id("acme"));
        let what = format!("{} {path}: {}", route.method, answer.text());
        if page.is_some() {
            let kind = "urn:problem-type:keystead:second-factor-needed";
            assert_eq!((answer.status, answer.json()["type"].as_str()), (403, Some(kind)), "{what}");
        } else {
            let to_one = answer.location().starts_with("/organizations/acme/second-factor?");
            assert!(answer.status == 303 && to_one, "{what}");
        }
        closed += 1;
    }
    assert!(closed >= 90, "{closed}");
}

on_both!(
    a_change_under_way_ends_with_it,
    it_closes_to_those_who_have_none,
    nobody_shuts_themselves_out,
    pages_and_calls_are_closed_alike,
);
