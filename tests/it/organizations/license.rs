//! Licenses: what an administrator allows an organization, and that it holds.

use keystead::catalogue::Role;

use crate::support::{Browser, Engine, Page, TestApp, at_once, on_both};

/// In place of a form for what there is no room for, the page says so, and who may change that.
#[track_caller]
fn says_full(browser: &mut Browser, path: &str, count: &str) {
    let page = browser.open(path);
    assert!(page.one(".lede").starts_with(&format!("{count} used.")), "{}", page.one(".lede"));
    assert!(
        page.text().contains("ask an administrator of this service for more") && page.texts("main form").is_empty(),
        "{path}"
    );
}

#[track_caller]
pub(super) fn allow(app: &TestApp, ada: &mut Browser, slug: &str, limits: &[(&str, &str)]) -> Page {
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
    says_full(&mut ada, path, "2 of 2 teams are");
    assert_eq!(ada.open("/organizations/acme").texts(".figures .figure"), ["1 of 2", "2 of 2", "0", "0"]);
    // Three are invited, one place is left.
    let invited = ["bob@example.com", "carol@example.com", "dora@example.com"].map(|email| {
        let mut browser = app.other(email);
        ada.invite_to("acme", email, "member");
        let link = app.mailed_link(email);
        (browser.open(&link).form(&link), browser)
    });
    let path = "/organizations/acme/invitations/new";
    let invite = ada.open(path).form(path).set("email", "erin@example.com");
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
    let page = ada.submit(&invite).expect(422);
    assert!(page.error_at("email").contains("allows 2 members"), "{}", page.error_at("email"));
    says_full(&mut ada, path, "2 of 2 members are");
    // With more room the same invitation lets in; what is beyond a lowered limit stays.
    allow(&app, &mut ada, "acme", &[("members", "3")]).expect(303);
    browser.submit(&form).expect_lead("/organizations/acme");
    allow(&app, &mut ada, "acme", &[("members", "1")]).expect(303);
    assert_eq!(app.count(&format!("members WHERE organization_id = '{}'", app.organization_id("acme"))), 3);
    assert!(ada.open("/organizations/acme/license").texts("tbody .badge").contains(&"Over the limit".to_owned()));
    says_full(&mut ada, path, "3 of 1 member is");
}

/// Covers: S0-35, S4-21
fn a_license_counts_keys_and_service_accounts(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let limits = [("api_keys", "2"), ("service_accounts", "2"), ("tokens", "2")];
    allow(&app, &mut ada, "acme", &limits).expect(303);
    // Keys: many at once, each with a form of its own.
    let forms: Vec<_> = (0..6).map(|index| ada.key_form(&format!("key {index}"))).collect();
    let (again, last) = (ada.key_form("another"), ada.key_form("the last"));
    let answers = at_once(6, |index| ada.clone().submit(&forms[index]).status);
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 2, "{answers:?}");
    assert_eq!(app.count("tokens WHERE kind = 'key'"), 2);
    let page = ada.submit(&again).expect(422);
    assert!(page.text().contains("allows 2 API keys"), "{}", page.text());
    says_full(&mut ada, "/settings/api-keys/new", "2 of 2 API keys are");
    // One that is gone makes room, one that is over, too.
    let key = ada.open("/settings/api-keys").attributes("tbody .cell-main", "href").remove(0);
    let delete = format!("{key}/delete");
    let form = ada.open(&delete).form(&delete);
    ada.submit(&form).expect(303);
    ada.submit(&again).expect(200);
    ada.submit(&last).expect(422);
    app.sql("UPDATE token_secrets SET expires_at = 1");
    ada.submit(&last).expect(200);
    // Service accounts, and their tokens, which count with the personal ones that are for this organization alone.
    let path = "/organizations/acme/service-accounts/new";
    let form = ada.open(path).form(path).set("role", "viewer");
    let answers = at_once(6, |index| ada.clone().submit(&form.clone().set("name", &format!("ci {index}"))).status);
    assert_eq!(answers.iter().filter(|status| **status == 303).count(), 2, "{answers:?}");
    assert_eq!(app.count("service_accounts"), 2);
    let page = ada.submit(&form.set("name", "another")).expect(422);
    assert!(page.text().contains("allows 2 service accounts"), "{}", page.text());
    says_full(&mut ada, path, "2 of 2 service accounts are");
    let account = ada.open("/organizations/acme/service-accounts").attributes("tbody .cell-main", "href").remove(0);
    let account = account.rsplit('/').next().unwrap();
    let forms: Vec<_> =
        (0..6).map(|index| ada.service_token_form("acme", account, &format!("token {index}"), &[])).collect();
    let own = ada.token_form("mine", &["channels:read"]).set("organization", "acme");
    let another = ada.service_token_form("acme", account, "another", &[]);
    let answers = at_once(6, |index| ada.clone().submit(&forms[index]).status);
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 2, "{answers:?}");
    let page = ada.submit(&another).expect(422);
    assert!(page.text().contains("allows 2 tokens"), "{}", page.text());
    let path = format!("/organizations/acme/service-accounts/{account}/tokens/new");
    says_full(&mut ada, &path, "2 of 2 tokens of its own are");
    let page = ada.submit(&own).expect(422);
    assert!(page.text().contains("allows 2 tokens"), "{}", page.text());
    let page = ada.open("/settings/tokens/new");
    assert_eq!(page.attributes("#organization input[disabled]", "value"), ["acme"]);
    assert!(page.one("#organization").contains("2 of 2 tokens of its own are used"), "{}", page.one("#organization"));
    // One that was over, and gets a new secret, is one more.
    let all = format!("/api/v1/organizations/acme/service-accounts/{account}/tokens");
    let first = ada.call("GET", &all, &serde_json::Value::Null).json()["items"][0]["id"].as_str().unwrap().to_owned();
    let regenerate = serde_json::json!({ "expires": 7 });
    let renew = |ada: &mut Browser| ada.call("POST", &format!("{all}/{first}/regenerate"), &regenerate).status;
    assert_eq!(renew(&mut ada), 200, "it works, and goes on working");
    assert_eq!(ada.call("POST", &format!("{all}/{first}/revoke"), &serde_json::Value::Null).status, 200);
    ada.submit(&own).expect(200);
    assert_eq!(renew(&mut ada), 409);
    let mine = ada.call("GET", "/api/v1/tokens", &serde_json::Value::Null).json()["items"][0]["id"].clone();
    let mine = format!("/api/v1/tokens/{}", mine.as_str().unwrap());
    assert_eq!(ada.call("POST", &format!("{mine}/revoke"), &serde_json::Value::Null).status, 200);
    assert_eq!(renew(&mut ada), 200);
    assert_eq!(ada.call("POST", &format!("{mine}/regenerate"), &regenerate).status, 409);
    // Elsewhere it holds nobody up.
    ada.create_token("everywhere", &["channels:read"]);
    let status = ada.open("/organizations/acme/license").texts("tbody .badge");
    assert_eq!(status, ["Full", "Full"], "one key is left that is not over");
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

on_both!(
    an_administrator_sets_what_there_may_be,
    a_license_holds,
    a_license_counts_keys_and_service_accounts,
    a_license_is_seen_by_those_who_may
);
