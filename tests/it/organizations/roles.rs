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
    assert!(rights.contains(&"MemberscreateDeployers".to_owned()), "{rights:?}");
    assert!(rights.contains(&"ChannelsupdateDeployers".to_owned()) && rights.len() == 5, "{rights:?}");
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
    assert!(rows.contains(&"ChannelsreadViewer; Deployers, of the team Deploy".to_owned()), "{rows:?}");
    assert!(rows.contains(&"ChannelsupdateDeployers, of the team Deploy".to_owned()), "{rows:?}");
    app.sql("UPDATE teams SET role = NULL, role_id = NULL");
    assert!(!may("channels", "update"), "a team without a role adds nothing");
}

on_both!(
    a_role_is_made_with_what_it_implies,
    a_role_that_cannot_be_is_refused,
    a_role_holds_no_more_than_its_maker_may,
    a_role_in_use_is_not_deleted,
    roles_act_on_tokens_at_once,
);
