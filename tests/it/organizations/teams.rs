//! Teams: what they add to their members' rights, and who may change them.

use keystead::catalogue::Role;

use crate::support::{ADMIN, Engine, TestApp, at_once, on_both};

/// Covers: S0-38, S4-27
fn a_team_adds_its_role(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut bob = app.member("acme", "bob@example.com", Role::Viewer);
    assert!(ada.open("/organizations/acme/teams").text().contains("No teams yet"));
    let role = ada.make_role("acme", "Deployers", &["channels:update", "org.logs:read"]);
    let team = ada.make_team("acme", "Deploy", &role);
    assert_eq!(app.last_logged().action, "team.created");
    let (bob_id, ada_id) = (app.user_id("bob@example.com"), app.user_id(ADMIN));
    let add = format!("/organizations/acme/teams/{team}/members");
    let page = ada.open(&add);
    assert_eq!(page.form(&add).choices("user"), [ada_id.clone(), bob_id.clone()]);
    assert_eq!(ada.submit(&page.form(&add)).expect(422).errors(), ["user"]);
    let form = page.form(&add).tick("user", &bob_id).smuggle("user", "nobody").smuggle("user", &bob_id);
    let added = ada.submit(&form).expect_lead(&format!("/organizations/acme/teams/{team}"));
    let page = ada.follow(&added);
    assert_eq!(page.notice(), "1 member is in the team now.");
    assert_eq!(page.texts("tbody .cell-main"), ["Bob Babbage"]);
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.detail.as_str()), ("team.member_added", "Deploy"));
    assert_eq!(entry.user_id.as_deref(), Some(bob_id.as_str()));
    let again = ada.submit(&form).expect(303);
    assert!(ada.follow(&again).notice().contains("already"));
    assert_eq!(app.count("team_members"), 1);
    // The member's page says where each right comes from, and their token has it at once.
    let rights = ada.open(&format!("/organizations/acme/members/{bob_id}"));
    assert!(rights.texts("table.rights tbody tr").iter().any(|row| row.contains("Deployers, of the team Deploy")));
    assert!(rights.links().contains(&format!("/organizations/acme/teams/{team}")));
    let (_, secret) = bob.create_token("bot", &["channels:update"]);
    let credential = ada.make_verifier("billing");
    let question = |operation: &str| {
        let question = serde_json::json!({"token": secret, "organization": "acme", "entity_type": "channels", "operation": operation});
        app.ask(&credential, &question).json()["code"].clone()
    };
    assert_eq!(question("update"), "VALID");
    // Out of the team, and it is gone with the next question.
    let page = ada.open(&format!("/organizations/acme/teams/{team}"));
    let remove = format!("/organizations/acme/teams/{team}/remove");
    ada.submit(&page.form(&remove)).expect_lead(&format!("/organizations/acme/teams/{team}"));
    assert_eq!(question("update"), "INSUFFICIENT_PERMISSIONS");
    assert_eq!(app.last_logged().action, "team.member_removed");
    ada.submit(&form).expect(303);
    assert_eq!(question("update"), "VALID");
    // Another role for the team holds for all in it.
    let edit = format!("/organizations/acme/teams/{team}/edit");
    let page = ada.open(&edit);
    assert_eq!(page.form(&edit).value("role"), role);
    ada.submit(&page.form(&edit).set("role", "").set("name", "Ships")).expect(303);
    assert_eq!(question("update"), "INSUFFICIENT_PERMISSIONS");
    assert_eq!(ada.open("/organizations/acme/teams").texts("tbody .cell-main"), ["Ships"]);
    ada.submit(&page.form(&edit)).expect(303);
    // Deleting says what it brings with it.
    let delete = format!("/organizations/acme/teams/{team}/delete");
    let page = ada.open(&delete);
    assert!(page.text().contains("stays a member") && page.text().contains("Deployers"), "{}", page.text());
    ada.submit(&page.form(&delete)).expect_lead("/organizations/acme/teams");
    assert_eq!((question("update"), app.count("team_members")), ("INSUFFICIENT_PERMISSIONS".into(), 0));
    assert_eq!(app.role_of("acme", "bob@example.com").as_deref(), Some("viewer"));
    assert_eq!(app.last_logged().action, "team.deleted");
}

/// Each of a member's teams is a row of every check, so there is an end to them; through an invitation, too.
fn a_member_is_in_so_many_teams_and_no_more(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    app.make_user("bob@example.com");
    app.make_member("acme", "bob@example.com", Role::Viewer);
    let (bob, organization) = (app.user_id("bob@example.com"), app.organization_id("acme"));
    for index in 0..51 {
        app.sql(&format!(
            "INSERT INTO teams (id, organization_id, name, name_key, description, created_at) \
             VALUES ('t{index}', '{organization}', 'Team {index}', 'team {index}', '', 0)"
        ));
        if index < 49 {
            app.sql(&format!(
                "INSERT INTO team_members (team_id, user_id, organization_id, created_at) \
                 VALUES ('t{index}', '{bob}', '{organization}', 0)"
            ));
        }
    }
    let theirs = format!("team_members WHERE user_id = '{bob}'");
    // Two at once: one of them is the fiftieth.
    let forms = ["t49", "t50"].map(|team| {
        let add = format!("/organizations/acme/teams/{team}/members");
        ada.open(&add).form(&add).tick("user", &bob)
    });
    let told = at_once(2, |index| {
        let mut ada = ada.clone();
        let added = ada.submit(&forms[index]).expect(303);
        ada.follow(&added).notice()
    });
    assert_eq!(app.count(&theirs), 50);
    assert_eq!(told.iter().filter(|notice| notice.contains("1 member is in the team now")).count(), 1, "{told:?}");
    assert_eq!(app.logged("team.member_added"), 1);
    // A call says that nobody came.
    for team in ["t49", "t50"] {
        let path = format!("/api/v1/organizations/acme/teams/{team}/members");
        let told = ada.call("POST", &path, &serde_json::json!({ "users": [bob] }));
        assert_eq!((told.status, &told.json()["added"]), (200, &serde_json::json!(0)), "{}", told.text());
    }
    // Nor by being invited into all of them.
    let mut carol = app.other("carol@example.com");
    let path = "/organizations/acme/invitations/new";
    let form = ada.open(path).form(path).set("email", "carol@example.com");
    let form = (0..51).fold(form, |form, index| form.tick("team", &format!("t{index}")));
    ada.submit(&form).expect(200);
    let link = app.mailed_link("carol@example.com");
    let join = carol.open(&link).form(&link);
    carol.submit(&join).expect_lead("/organizations/acme");
    assert_eq!(app.count(&format!("team_members WHERE user_id = '{}'", app.user_id("carol@example.com"))), 50);
}

fn teams_that_cannot_be_are_refused(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    ada.make_team("acme", "Deploy", "");
    let mut eve = app.other("eve@example.com");
    eve.make_organization("eves");
    let theirs = eve.make_role("eves", "Theirs", &["channels:read"]);
    let path = "/organizations/acme/teams/new";
    let form = ada.open(path).form(path).set("name", "New");
    assert!(!form.choices("role").contains(&"owner".to_owned()));
    let before = app.dump();
    for (name, role, field) in [
        ("", "", "name"),
        ("deploy", "", "name"),
        ("a\u{202e}", "", "name"),
        ("New", "owner", "role"),
        ("New", "own", "role"),
        ("New", theirs.as_str(), "role"),
    ] {
        let page = ada.submit(&form.clone().set("name", name).without("role").smuggle("role", role)).expect(422);
        assert_eq!(page.errors(), [field], "{name} {role}");
    }
    app.is_still(&before);
}

/// Nobody makes, fills, changes, empties or ends a team that gives more than they have.
/// Covers: AC-079, AC-083, AC-061
fn a_team_gives_no_more_than_whoever_changes_it_has(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let keeper = ada.make_role("acme", "Keepers", &["org.teams:delete", "org.teams:create", "org.members:read"]);
    let strong = ada.make_team("acme", "Strong", "admin");
    let mut bob = app.member("acme", "bob@example.com", Role::Viewer);
    app.member("acme", "carol@example.com", Role::Viewer);
    let bob_id = app.user_id("bob@example.com");
    app.sql(&format!(
        "UPDATE members SET role = 'own', role_id = '{keeper}' WHERE user_id = '{bob_id}' AND role = 'viewer'"
    ));
    app.sql(&format!(
        "INSERT INTO team_members (team_id, user_id, organization_id, created_at) VALUES ('{strong}', '{}', '{}', 0)",
        app.user_id("carol@example.com"),
        app.organization_id("acme")
    ));
    let at = |below: &str| format!("/organizations/acme/teams/{strong}{below}");
    let (new, before) = ("/organizations/acme/teams/new", app.dump());
    let form = bob.open(new).form(new).set("name", "Mine");
    assert_eq!(form.choices("role"), ["", keeper.as_str()]);
    for role in ["admin", "viewer"] {
        let form = form.clone().without("role").smuggle("role", role);
        assert_eq!(bob.submit(&form).expect(422).errors(), ["role"]);
    }
    let add = bob.open(&at("/members")).form(&at("/members")).tick("user", &bob_id);
    assert_eq!(bob.submit(&add).expect(422).errors(), ["user"]);
    let edit = bob.open(&at("/edit")).form(&at("/edit")).without("role").smuggle("role", "");
    assert_eq!(bob.submit(&edit).expect(422).errors(), ["role"]);
    let page = bob.open(&at(""));
    assert!(page.links().iter().all(|link| !link.ends_with("/edit") && !link.ends_with("/delete")), "not even offered");
    let mut forged = add.clone();
    for below in ["/delete", "/remove"] {
        forged.action = at(below);
        bob.submit(&forged.clone().without("user").smuggle("user", &app.user_id("carol@example.com"))).expect(422);
    }
    app.is_still(&before);
    let own = bob.make_team("acme", "Mine", &keeper);
    let path = format!("/organizations/acme/teams/{own}/members");
    let form = bob.open(&path).form(&path).tick("user", &bob_id);
    bob.submit(&form).expect(303);
}

/// Covers: AC-063, AC-082
fn another_organizations_teams_are_not_found(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let team = ada.make_team("acme", "Deploy", "member");
    let mut eve = app.other("eve@example.com");
    eve.make_organization("eves");
    let (before, form) = (app.dump(), eve.open("/organizations/eves/settings").form("/organizations/eves/settings"));
    for below in ["", "/edit", "/members", "/delete"] {
        eve.get(&format!("/organizations/eves/teams/{team}{below}")).expect(404);
    }
    for below in ["/edit", "/members", "/remove", "/delete"] {
        let mut form = form.clone().smuggle("user", &app.user_id("eve@example.com"));
        form.action = format!("/organizations/eves/teams/{team}{below}");
        eve.submit(&form).expect(404);
    }
    app.is_still(&before);
    // Nobody who is no member is put into a team, whatever the form says.
    let path = format!("/organizations/acme/teams/{team}/members");
    let form = ada.open(&path).form(&path).smuggle("user", &app.user_id("eve@example.com"));
    ada.submit(&form).expect(303);
    assert_eq!(app.count("team_members"), 0);
}

fn long_lists_are_searched_and_paged(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let organization = app.organization_id("acme");
    for index in 0..60 {
        app.sql(&format!(
            "INSERT INTO teams (id, organization_id, name, name_key, description, created_at) \
             VALUES ('t{index:02}', '{organization}', 'Team {index:02}', 'team {index:02}', '', 0); \
             INSERT INTO users (id, email, email_key, first_name, last_name, is_administrator, status, theme, created_at) \
             VALUES ('u{index:02}', 'p{index:02}@example.com', 'p{index:02}@example.com', 'Person', '{index:02}', FALSE, 'active', 'light', 0); \
             INSERT INTO members (organization_id, user_id, role, name_key, created_at, is_target) \
             VALUES ('{organization}', 'u{index:02}', 'viewer', 'person {index:02} p{index:02}@example.com', 0, {}); \
             INSERT INTO team_members (team_id, user_id, organization_id, created_at) VALUES ('t00', 'u{index:02}', '{organization}', 0)",
            if index % 2 == 0 { "TRUE" } else { "FALSE" },
        ));
    }
    let teams = "/organizations/acme/teams";
    let first = ada.open(teams);
    assert_eq!(first.texts("tbody tr").len(), 50);
    assert!(first.texts("tbody tr")[0].contains("60"));
    let second = ada.open(&first.attributes("a[rel=next]", "href")[0]);
    assert_eq!(
        (second.texts("tbody tr").len(), second.attributes("a[rel=prev]", "href")),
        (10, vec![teams.to_owned()])
    );
    for (search, found) in [("team 07", 1), ("TEAM 07", 1), ("%", 0), ("'", 0)] {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("search", search).finish();
        assert_eq!(ada.open(&format!("{teams}?{query}")).texts("tbody tr").len(), found, "{search}");
    }
    let team = ada.open(&format!("{teams}/t00"));
    assert_eq!(team.texts("tbody tr").len(), 50);
    assert_eq!(ada.open(&team.attributes("a[rel=next]", "href")[0]).texts("tbody tr").len(), 10);
    assert_eq!(ada.open(&format!("{teams}/t00?search=person+07")).texts("tbody tr").len(), 1);
    let add = format!("{teams}/t01/members");
    assert_eq!(ada.open(&add).form(&add).choices("user").len(), 50);
    assert_eq!(ada.open(&format!("{add}?search=person+07")).form(&add).choices("user"), ["u07"]);
    // Targets alone, and searched among.
    let targets = ada.open("/organizations/acme/members?only=targets");
    assert_eq!(targets.texts("tbody tr").len(), 30);
    let total = app.count(&format!("members WHERE organization_id = '{organization}'"));
    for (query, told) in [
        ("", format!("{total} people work in this organization.")),
        ("?only=targets", format!("30 of {total} people are targets.")),
        ("?only=targets&search=person+08", format!("1 of {total} people is a target and found.")),
        ("?search=person+07", format!("1 of {total} people found.")),
    ] {
        let lede = ada.open(&format!("/organizations/acme/members{query}")).one(".lede");
        assert!(lede.starts_with(&told), "{query}: {lede}");
    }
    assert_eq!(ada.open("/organizations/acme/members?only=targets&search=person+07").texts("tbody tr").len(), 0);
    assert_eq!(ada.open("/organizations/acme/members?only=targets&search=person+08").texts("tbody tr").len(), 1);
}

on_both!(
    a_team_adds_its_role,
    a_member_is_in_so_many_teams_and_no_more,
    teams_that_cannot_be_are_refused,
    a_team_gives_no_more_than_whoever_changes_it_has,
    another_organizations_teams_are_not_found,
    long_lists_are_searched_and_paged,
);
