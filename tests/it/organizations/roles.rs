//! Roles of an organization's own: the matrix, what they may hold, and what they do to tokens.

use keystead::catalogue::Role;
use serde_json::json;

use crate::support::{Engine, TestApp, on_both};

/// Covers: S0-36, S4-26, S4-27
fn a_role_is_made_with_what_it_implies(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let id = ada.make_role("acme", "Deployers", &["channels:update", "org.members:create"]);
    assert_eq!(
        app.count(
            "roles WHERE rights = 'org.members:read org.members:create channels:list channels:read channels:update'"
        ),
        1
    );
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.subject_id.as_str()), ("role.created", id.as_str()));
    let page = ada.open(&format!("/organizations/acme/roles/{id}"));
    let rights = page.texts("table.rights tbody tr");
    assert_eq!(rights, ["Membersread, create", "Channelsread, list, update"]);
    assert!(page.one("main").contains("Nobody."), "who holds it: {}", page.one("main"));
    // The form comes back filled in, and what was taken out is out.
    let path = format!("/organizations/acme/roles/{id}/edit");
    let form = ada.open(&path).form(&path);
    assert_eq!(form.values("right"), ["org.members:read", "org.members:create"]);
    assert_eq!(form.values("scope"), ["channels:read", "channels:list", "channels:update"]);
    let form = form.without("right").without("scope").smuggle("scope", "clients:read").set("name", "Readers");
    ada.submit(&form).expect_lead(&format!("/organizations/acme/roles/{id}"));
    assert_eq!(app.count("roles WHERE rights = 'clients:list clients:read' AND name = 'Readers'"), 1);
    let detail = app.last_logged().detail;
    assert!(detail.contains("+clients:read") && detail.contains("-org.members:create"), "{detail}");
}

fn a_role_that_cannot_be_is_refused(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    ada.make_role("acme", "Deployers", &["channels:update"]);
    let path = "/organizations/acme/roles/new";
    let form = ada.open(path).form(path).set("name", "New");
    let before = app.dump();
    for (name, field, word, at) in [
        ("New", "right", "org.boats:read", "right"),
        ("New", "right", "hand-over", "right"),
        ("New", "right", "belong", "right"),
        ("New", "scope", "boats:read", "scope"),
        ("New", "scope", "channels:read:42", "scope"),
        ("New", "scope", "*", "scope"),
        ("", "scope", "channels:read", "name"),
        ("deployers", "scope", "channels:read", "name"),
        ("Member", "scope", "channels:read", "name"),
        ("a\u{202e}", "scope", "channels:read", "name"),
    ] {
        let page = ada.submit(&form.clone().set("name", name).smuggle(field, word)).expect(422);
        assert_eq!(page.errors(), [at], "{name} {field} {word}");
    }
    assert_eq!(ada.submit(&form).expect(422).errors(), ["right"], "nothing selected");
    app.is_still(&before);
}

/// Nobody makes or changes a role beyond what they may do themselves.
/// Covers: AC-079, AC-083
fn a_role_holds_no_more_than_its_maker_may(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let keeper = ada.make_role("acme", "Keepers", &["org.roles:delete", "org.roles:create", "channels:update"]);
    let strong = ada.make_role("acme", "Strong", &["channels:delete"]);
    let mut bob = app.member("acme", "bob@example.com", Role::Viewer);
    app.sql(&format!(
        "UPDATE members SET role = 'own', role_id = '{keeper}' WHERE user_id = '{}' AND role = 'viewer'",
        app.user_id("bob@example.com")
    ));
    let path = "/organizations/acme/roles/new";
    let form = bob.open(path).form(path).set("name", "Mine");
    let before = app.dump();
    for (field, word) in [("scope", "channels:delete"), ("scope", "clients:read"), ("right", "org.members:read")] {
        let page = bob.submit(&form.clone().smuggle(field, word)).expect(422);
        assert_eq!(page.errors(), ["right"], "{word}");
    }
    // Neither a stronger one, nor one's own beyond itself.
    let edit = format!("/organizations/acme/roles/{strong}/edit");
    let weaker = bob.open(&edit).form(&edit).without("scope").smuggle("scope", "channels:read");
    assert_eq!(bob.submit(&weaker).expect(422).errors(), ["right"]);
    let delete = format!("/organizations/acme/roles/{strong}/delete");
    let gone = bob.open(&delete).form(&delete);
    bob.submit(&gone).expect(422);
    let own = format!("/organizations/acme/roles/{keeper}/edit");
    let more = bob.open(&own).form(&own).tick("scope", "channels:delete");
    assert_eq!(bob.submit(&more).expect(422).errors(), ["right"]);
    app.is_still(&before);
    bob.make_role("acme", "Mine", &["channels:update"]);
}

fn a_role_in_use_is_not_deleted(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let id = ada.make_role("acme", "Deployers", &["channels:update"]);
    app.member("acme", "bob@example.com", Role::Viewer);
    let path = format!("/organizations/acme/roles/{id}/delete");
    let form = ada.open(&path).form(&path);
    let bob = app.user_id("bob@example.com");
    app.sql(&format!("UPDATE members SET role = 'own', role_id = '{id}' WHERE user_id = '{bob}' AND role = 'viewer'"));
    assert!(ada.submit(&form).expect(422).text().contains("Give them another role first"));
    assert!(ada.open(&path).texts("form.actions").is_empty(), "it is not even offered");
    app.sql(&format!("UPDATE members SET role = 'viewer', role_id = NULL WHERE user_id = '{bob}' AND role = 'own'"));
    ada.submit(&form).expect_lead("/organizations/acme/roles");
    assert_eq!((app.count("roles"), app.last_logged().action.as_str()), (0, "role.deleted"));
}

/// A token does what its owner may do at this moment: through a role, an own role, a team's role.
/// Covers: AC-061, S4-23, S4-27
fn roles_act_on_tokens_at_once(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let role = ada.make_role("acme", "Deployers", &["channels:delete"]);
    let mut bob = app.member("acme", "bob@example.com", Role::Viewer);
    let (_, secret) = bob.create_token("bot", &["channels:delete", "clients:read"]);
    let credential = ada.make_verifier("billing");
    let may = |entity_type: &str, operation: &str| {
        let question =
            json!({"token": secret, "organization": "acme", "entity_type": entity_type, "operation": operation});
        app.ask(&credential, &question).json()["code"].as_str().unwrap() == "VALID"
    };
    assert!(may("channels", "read") && may("clients", "read") && !may("channels", "delete"));
    let path = format!("/organizations/acme/members/{}/role", app.user_id("bob@example.com"));
    let give = |ada: &mut crate::support::Browser, word: &str| {
        let form = ada.open(&path).form(&path).set("role", word);
        ada.submit(&form).expect(303);
    };
    give(&mut ada, &role);
    assert!(may("channels", "delete") && !may("clients", "read"), "the role's rights, and no others");
    assert!(!may("channels", "share"), "not beyond its scopes");
    // Less in the role is less in the token.
    let edit = format!("/organizations/acme/roles/{role}/edit");
    let form = ada.open(&edit).form(&edit).without("scope").smuggle("scope", "channels:update");
    ada.submit(&form).expect(303);
    assert!(may("channels", "update") && !may("channels", "delete"));
    give(&mut ada, "viewer");
    assert!(!may("channels", "update") && may("clients", "read"));
    // A team adds its role's rights to its members' own.
    let (acme, bob_id) = (app.organization_id("acme"), app.user_id("bob@example.com"));
    app.sql(&format!(
        "INSERT INTO teams (id, organization_id, name, name_key, description, role, role_id, created_at) \
         VALUES ('t', '{acme}', 'Deploy', 'deploy', '', 'own', '{role}', 0); \
         INSERT INTO team_members (team_id, user_id, organization_id, created_at) VALUES ('t', '{bob_id}', '{acme}', 0)"
    ));
    assert!(may("channels", "update") && may("clients", "read") && !may("channels", "delete"));
    let page = ada.open(&format!("/organizations/acme/members/{bob_id}"));
    assert_eq!(page.texts(".prose li"), ["Viewer – Their own role", "Deployers – The team Deploy"]);
    let rows = page.texts("table.rights tbody tr");
    let channels = rows.iter().find(|row| row.starts_with("Channels")).expect("a line on channels");
    assert!(channels.contains("read, list – Viewer; Deployers, of the team Deploy"), "{channels}");
    assert!(channels.contains("update – Deployers, of the team Deploy"), "{channels}");
    app.sql("UPDATE teams SET role = NULL, role_id = NULL");
    assert!(!may("channels", "update"), "a team without a role adds nothing");
}

/// Covers: S4-26
fn each_role_says_what_it_allows_and_who_has_it(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut bob = app.member("acme", "bob@example.com", Role::Member);
    let roles = ada.open("/organizations/acme/roles");
    let built_in: Vec<String> = roles.attributes("#built-in-section ~ dl a", "href");
    assert_eq!(
        built_in,
        ["owner", "admin", "member", "viewer"].map(|role| format!("/organizations/acme/roles/{role}"))
    );
    let page = ada.open(&built_in[2]);
    assert!(page.one("main").contains("1 memberBob Babbage"), "{}", page.one("main"));
    let rights = page.texts("table.rights tbody tr");
    assert!(rights.contains(&"API keysread, create".to_owned()), "{rights:?}");
    assert!(page.attributes("a.button", "href").is_empty(), "nobody changes or deletes it");
    for act in ["edit", "delete"] {
        ada.get(&format!("{}/{act}", built_in[2])).expect(404);
    }
    assert!(ada.open(&built_in[0]).one("main").contains("Organizationread, update, delete"));
    // Twelve accounts: ten are named. Whoever may not see service accounts sees how many.
    let role = ada.make_role("acme", "Deployers", &["channels:update"]);
    let team = ada.make_team("acme", "Deploy", &role);
    for number in 10..22 {
        ada.make_service_account("acme", &format!("robot {number}"), &role);
    }
    let page = ada.open(&format!("/organizations/acme/roles/{role}"));
    let links = page.attributes("#held-section ~ dl a", "href");
    assert_eq!((links.len(), &links[0]), (11, &format!("/organizations/acme/teams/{team}")));
    assert!(page.one("main").contains("12 service accounts"), "{}", page.one("main"));
    assert!(page.one("main").contains("robot 19 and 2 more"), "{}", page.one("main"));
    let seen = bob.open(&format!("/organizations/acme/roles/{role}"));
    assert_eq!(seen.attributes("#held-section ~ dl a", "href"), [links[0].clone()]);
    assert!(seen.one("main").contains("12 service accounts") && !seen.one("main").contains("robot"));
    // Another organization's holders are not counted.
    ada.make_organization("other");
    app.member("other", "eve@example.com", Role::Member);
    assert!(ada.open(&built_in[2]).one("main").contains("1 member"));
}

/// Covers: S4-26
fn from_six_roles_on_one_is_picked_from_a_list(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    app.member("acme", "bob@example.com", Role::Member);
    let path = format!("/organizations/acme/members/{}/role", app.user_id("bob@example.com"));
    ada.make_role("acme", "Deployers", &["channels:update"]);
    assert_eq!(ada.open(&path).attributes("#role input[type=radio]", "value").len(), 5);
    let readers = ada.make_role("acme", "Readers", &["clients:read"]);
    let page = ada.open(&path);
    assert!(page.attributes("#role input", "value").is_empty());
    assert_eq!(page.attributes("#role option[selected]", "value"), ["member"]);
    assert_eq!(ada.submit(&page.form(&path).set("role", "")).expect(422).errors(), ["role"]);
    ada.submit(&page.form(&path).set("role", &readers)).expect(303);
    assert!(ada.open(&path).attributes("#role option[selected]", "value") == [readers]);
}

on_both!(
    each_role_says_what_it_allows_and_who_has_it,
    from_six_roles_on_one_is_picked_from_a_list,
    a_role_is_made_with_what_it_implies,
    a_role_that_cannot_be_is_refused,
    a_role_holds_no_more_than_its_maker_may,
    a_role_in_use_is_not_deleted,
    roles_act_on_tokens_at_once,
);
