//! Licenses: what an administrator allows an organization, and that it holds.

use keystead::catalogue::Role;

use crate::support::{Browser, Engine, Page, TestApp, at_once, on_both};

#[track_caller]
fn allow(app: &TestApp, ada: &mut Browser, slug: &str, limits: &[(&str, &str)]) -> Page {
    let path = format!("/admin/organizations/{}", app.organization_id(slug));
    let form = ada.open(&path).form(&path);
    let form = limits.iter().fold(form, |form, (name, value)| form.set(name, value));
    ada.submit(&form)
}

/// Covers: S0-35
fn an_administrator_sets_what_there_may_be(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let mut olga = app.other("olga@example.com");
    olga.make_organization("acme");
    let page = olga.open("/organizations/acme/license");
    assert!(page.one(".lede").contains("Standard"));
    assert_eq!(page.texts("tbody td[data-label=Allowed]"), ["No limit"; 5]);
    let list = ada.open("/admin/organizations?search=acme");
    assert_eq!(list.texts("tbody .cell-main"), ["ACME"]);
    assert_eq!(ada.open("/admin/organizations?search=olga%40").texts("tbody .cell-main"), ["Private"]);
    assert!(ada.open("/admin/organizations?search=nobody").text().contains("None found"));
    for (name, value) in
        [("members", "-1"), ("teams", "1.5"), ("tokens", "1000001"), ("api_keys", "many"), ("plan", "")]
    {
        assert_eq!(allow(&app, &mut ada, "acme", &[(name, value)]).expect(422).errors(), [name], "{value}");
    }
    assert_eq!(app.count("licenses"), 0);
    let saved = allow(&app, &mut ada, "acme", &[("plan", "Small"), ("members", "1"), ("teams", "0")]).expect(303);
    assert!(ada.follow(&saved).notice().starts_with("The license is saved"));
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.subject_name.as_str()), ("license.changed", "ACME"));
    assert!(entry.detail.starts_with("Small; members: 1, teams: 0, api_keys: no limit"), "{}", entry.detail);
    let page = olga.open("/settings/license");
    assert!(page.one(".lede").contains("Small"));
    assert_eq!(page.texts("tbody .badge"), ["Full", "Full"]);
    let before = app.dump();
    allow(&app, &mut ada, "acme", &[]).expect(303);
    app.is_still(&before);
    // A private one has a license without people.
    let own = format!("/organizations/private-{}/license", app.private_organization("olga@example.com"));
    assert_eq!(olga.open(&own).texts("tbody tr").len(), 3);
}

/// Reached, it says so, and holds against many at once.
/// Covers: S0-35
fn a_license_holds(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    allow(&app, &mut ada, "acme", &[("members", "2"), ("teams", "2")]).expect(303);
    let path = "/organizations/acme/teams/new";
    let form = ada.open(path).form(path);
    let answers = at_once(8, |index| ada.clone().submit(&form.clone().set("name", &format!("Team {index}"))).status);
    assert_eq!(answers.iter().filter(|status| **status == 303).count(), 2, "{answers:?}");
    assert_eq!(app.count("teams"), 2);
    let page = ada.submit(&form.set("name", "Another")).expect(422);
    assert!(page.error_at("name").contains("allows 2 teams"), "{}", page.error_at("name"));
    // Three are invited, one place is left.
    let invited = ["bob@example.com", "carol@example.com", "dora@example.com"].map(|email| {
        let mut browser = app.other(email);
        ada.invite_to("acme", email, "member");
        let link = app.mailed_link(email);
        (browser.open(&link).form(&link), browser)
    });
    let answers = at_once(3, |index| {
        let (form, browser) = &invited[index];
        browser.clone().submit(form).status
    });
    let mut sorted = answers.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [303, 409, 409], "{answers:?}");
    let late = answers.iter().position(|status| *status == 409).unwrap();
    let (form, mut browser) = (invited[late].0.clone(), invited[late].1.clone());
    assert!(browser.submit(&form).expect(409).text().contains("ACME is full"));
    let path = "/organizations/acme/invitations/new";
    let invite = ada.open(path).form(path).set("email", "erin@example.com");
    let page = ada.submit(&invite).expect(422);
    assert!(page.error_at("email").contains("allows 2 members"), "{}", page.error_at("email"));
    // With more room the same invitation lets in; what is beyond a lowered limit stays.
    allow(&app, &mut ada, "acme", &[("members", "3")]).expect(303);
    browser.submit(&form).expect_lead("/organizations/acme");
    allow(&app, &mut ada, "acme", &[("members", "1")]).expect(303);
    assert_eq!(app.count(&format!("members WHERE organization_id = '{}'", app.organization_id("acme"))), 3);
    assert!(ada.open("/organizations/acme/license").texts("tbody .badge").contains(&"Over the limit".to_owned()));
}

/// Who may not see the organization, sees no license of it in their settings either.
fn a_license_is_seen_by_those_who_may(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let role = ada.make_role("acme", "Nothing", &["channels:read"]);
    let mut bob = app.member("acme", "bob@example.com", Role::Viewer);
    let form = bob.open("/settings/profile").form("/organizations/acme/switch");
    bob.submit(&form).expect(303);
    assert_eq!(bob.open("/settings/license").texts("tbody tr").len(), 5);
    app.sql(&format!("UPDATE members SET role = 'own', role_id = '{role}' WHERE role = 'viewer'"));
    assert!(bob.open("/settings/license").text().contains("Not yours to see"));
    bob.get("/organizations/acme/license").expect(403);
    bob.get("/admin/organizations").expect(404);
}

on_both!(an_administrator_sets_what_there_may_be, a_license_holds, a_license_is_seen_by_those_who_may);
