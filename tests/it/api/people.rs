//! Teams, invitations and removals in JSON.

use keystead::catalogue::Role;
use serde_json::{Value, json};

use super::{ABSENT, at, done, refused, wrong_at};
use crate::support::{ADMIN, Engine, TestApp, on_both};

/// Covers: S4-27, AC-079
fn teams_are_made_filled_changed_and_ended(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut erin = app.member("acme", "erin@example.com", Role::Viewer);
    let mut hugo = app.member("acme", "hugo@example.com", Role::Member);
    let mut stranger = app.other("stranger@example.com");
    let (erin_id, hugo_id) = (app.user_id("erin@example.com"), app.user_id("hugo@example.com"));
    let body = json!({ "name": "Deploy", "description": "for the build", "role": "admin" });
    let answer = ada.call("POST", &at("/teams"), &body);
    assert_eq!(answer.status, 201, "{}", answer.text());
    let (team, place) = (answer.json(), answer.location().to_owned());
    assert_eq!(
        (team["role"].as_str(), team["role_name"].as_str(), &team["members"]),
        (Some("admin"), Some("Admin"), &json!(0))
    );
    let id = team["id"].as_str().unwrap().to_owned();
    assert_eq!(done(&mut ada, "GET", &place, &Value::Null, 200), team);
    let here = at(&format!("/teams/{id}"));
    let members = format!("{here}/members");
    let told = done(&mut ada, "POST", &members, &json!({ "users": [hugo_id, hugo_id] }), 200);
    assert_eq!((&told["members"], &told["added"]), (&json!(1), &json!(1)));
    let told = done(&mut ada, "POST", &members, &json!({ "users": [hugo_id] }), 200);
    assert_eq!((&told["members"], &told["added"]), (&json!(1), &json!(0)));
    let list = done(&mut erin, "GET", &members, &Value::Null, 200);
    assert_eq!((list["items"].as_array().unwrap().len(), &list["items"][0]["user_id"]), (1, &json!(hugo_id)));
    let teams = done(&mut erin, "GET", &at("/teams?q=dep"), &Value::Null, 200);
    assert_eq!(teams["items"][0]["members"], 1);
    assert_eq!(done(&mut erin, "GET", &at("/teams?search=x"), &Value::Null, 200)["items"], json!([]));
    let before = app.dump();
    for (method, path, body) in [
        ("GET", at("/teams"), Value::Null),
        ("POST", at("/teams"), json!({ "name": "x" })),
        ("PATCH", here.clone(), json!({ "name": "x" })),
        ("DELETE", here.clone(), Value::Null),
        ("GET", members.clone(), Value::Null),
        ("POST", members.clone(), json!({ "users": [hugo_id] })),
        ("DELETE", format!("{members}/{hugo_id}"), Value::Null),
    ] {
        refused(&stranger.call(method, &path, &body), 404, "about:blank");
        if method != "GET" {
            refused(&erin.call(method, &path, &body), 403, "about:blank");
        }
        if path.contains(&id) {
            refused(&ada.call(method, &path.replace(&id, ABSENT), &body), 404, "about:blank");
        }
    }
    for (body, pointer) in [
        (json!({ "name": "" }), "#/name"),
        (json!({}), "#/name"),
        (json!({ "name": "x", "role": "nobody" }), "#/role"),
        (json!({ "name": "x", "role": "" }), "#/role"),
        (json!({ "name": "x", "role": "owner" }), "#/role"),
        (json!({ "name": "x", "slug": "x" }), "#/slug"),
        (json!({ "name": null }), "#/name"),
    ] {
        assert_eq!(wrong_at(&ada.call("POST", &at("/teams"), &body)), [pointer], "{body}");
    }
    for (body, pointer) in [
        (json!({ "users": [] }), "#/users"),
        (json!({}), "#/users"),
        (json!({ "users": [hugo_id, ABSENT] }), "#/users/1"),
        (json!({ "users": [app.user_id("stranger@example.com")] }), "#/users/0"),
        (json!({ "users": vec![hugo_id.clone(); 51] }), "#/users"),
        (json!({ "users": [erin_id], "role": "admin" }), "#/role"),
    ] {
        assert_eq!(wrong_at(&ada.call("POST", &members, &body)), [pointer], "{body}");
    }
    let taken = refused(&ada.call("POST", &at("/teams"), &json!({ "name": "deploy" })), 409, "conflict");
    assert_eq!(taken["errors"][0]["pointer"], "#/name");
    for odd in ["?page=-1", "?page=x", "?odd=1"] {
        assert_eq!(ada.call("GET", &at(&format!("/teams{odd}")), &Value::Null).status, 400, "{odd}");
    }
    app.is_still(&before);
    // Hugo is an admin through the team; nobody makes more of a team than they have.
    refused(&hugo.call("PATCH", &here, &json!({ "role": "owner" })), 422, "invalid-input");
    let told = done(&mut hugo, "PATCH", &here, &json!({ "role": null }), 200);
    assert_eq!(
        (&told["role"], told["name"].as_str(), told["description"].as_str()),
        (&Value::Null, Some("Deploy"), Some("for the build"))
    );
    refused(&hugo.call("PATCH", &here, &json!({ "role": "admin" })), 403, "about:blank");
    done(&mut ada, "DELETE", &format!("{members}/{hugo_id}"), &Value::Null, 204);
    done(&mut ada, "DELETE", &format!("{members}/{hugo_id}"), &Value::Null, 204);
    assert_eq!((app.count("team_members"), app.logged("team.member_removed")), (0, 1));
    app.sql(&format!(
        "INSERT INTO licenses (organization_id, plan, teams, changed_at) VALUES ('{}', 'Small', 1, 0)",
        app.organization_id("acme")
    ));
    refused(&ada.call("POST", &at("/teams"), &json!({ "name": "One more" })), 409, "conflict");
    done(&mut ada, "DELETE", &here, &Value::Null, 204);
    refused(&ada.call("GET", &here, &Value::Null), 404, "about:blank");
}

/// Covers: S0-37, AC-077
fn invitations_are_sent_again_and_taken_back(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut erin = app.member("acme", "erin@example.com", Role::Member);
    let mut stranger = app.other("stranger@example.com");
    let team = ada.make_team("acme", "Deploy", "member");
    let path = at("/invitations");
    let body = json!({ "email": "bob@example.com", "role": "admin", "teams": [team] });
    let made = done(&mut ada, "POST", &path, &body, 201);
    assert_eq!(
        (made["status"].as_str(), made["role_name"].as_str(), &made["teams"]),
        (Some("open"), Some("Admin"), &json!(["Deploy"]))
    );
    assert_eq!(made["invited_by"], "Ada Lovelace");
    let link = made["link"].as_str().unwrap().to_owned();
    assert!(link.contains("/invitations/") && !app.dump_but(&["outbox"]).contains(link.rsplit('/').next().unwrap()));
    assert_ne!(link.rsplit('/').next(), app.mailed_link("bob@example.com").rsplit('/').next());
    let id = made["id"].as_str().unwrap().to_owned();
    let list = done(&mut ada, "GET", &path, &Value::Null, 200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(list["items"][0].get("link"), None);
    let before = app.dump_but(&["attempts"]);
    for (method, below, body) in [
        ("GET", String::new(), Value::Null),
        ("POST", String::new(), body.clone()),
        ("POST", format!("/{id}/resend"), Value::Null),
        ("DELETE", format!("/{id}"), Value::Null),
    ] {
        let path = format!("{path}{below}");
        refused(&stranger.call(method, &path, &body), 404, "about:blank");
        refused(&erin.call(method, &path, &body), 403, "about:blank");
        if !below.is_empty() {
            refused(&ada.call(method, &path.replace(&id, ABSENT), &body), 404, "about:blank");
        }
    }
    for (body, pointer) in [
        (json!({ "email": "nobody", "role": "viewer" }), "#/email"),
        (json!({ "role": "viewer" }), "#/email"),
        (json!({ "email": "x@example.com" }), "#/role"),
        (json!({ "email": "x@example.com", "role": "nobody" }), "#/role"),
        (json!({ "email": "x@example.com", "role": "viewer", "teams": [ABSENT] }), "#/teams"),
        (json!({ "email": "x@example.com", "role": "viewer", "days": 700 }), "#/days"),
    ] {
        assert_eq!(wrong_at(&ada.call("POST", &path, &body)), [pointer], "{body}");
    }
    let there = json!({ "email": "erin@example.com", "role": "viewer" });
    assert_eq!(refused(&ada.call("POST", &path, &there), 409, "conflict")["errors"][0]["pointer"], "#/email");
    app.is_still_but(&["attempts"], &before);
    let again = done(&mut ada, "POST", &format!("{path}/{id}/resend"), &Value::Null, 200);
    assert!(again["link"] != made["link"] && again["role_name"] == "Admin" && again["teams"] == json!(["Deploy"]));
    assert_eq!(app.last_logged().action, "invitation.sent_again");
    refused(&ada.call("DELETE", &format!("{path}/{id}"), &Value::Null), 404, "about:blank");
    let id = again["id"].as_str().unwrap();
    done(&mut ada, "DELETE", &format!("{path}/{id}"), &Value::Null, 204);
    assert_eq!((app.count("invitations"), app.last_logged().action.as_str()), (0, "invitation.cancelled"));
}

/// Covers: AC-062
fn a_removal_is_previewed_and_keys_are_handed_over(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let credential = ada.make_verifier("billing");
    let mut hugo = app.member("acme", "hugo@example.com", Role::Member);
    hugo.work_in("acme");
    let (key, secret) = hugo.create_key("deploy", &[]);
    let account = ada.make_service_account("acme", "ci", "viewer");
    let hugo_id = app.user_id("hugo@example.com");
    let path = at(&format!("/members/{hugo_id}/removal"));
    let told = done(&mut ada, "GET", &path, &Value::Null, 200);
    assert_eq!(
        (&told["refused"], &told["stops"][0]["id"], &told["heirs"][0]["id"]),
        (&Value::Null, &json!(key), &json!(account))
    );
    let own = at(&format!("/members/{}/removal", app.user_id(ADMIN)));
    let told = done(&mut ada, "GET", &own, &Value::Null, 200);
    assert!(told["refused"].as_str().unwrap().contains("only owner"), "{told}");
    refused(&hugo.call("GET", &path, &Value::Null), 403, "about:blank");
    refused(&app.other("x@example.com").call("POST", &path, &json!({ "keys_to": account })), 404, "about:blank");
    let before = app.dump();
    for (body, pointer) in [
        (json!({ "keys_to": ABSENT }), "#/keys_to"),
        (json!({}), "#/keys_to"),
        (json!({ "keys_to": account, "x": 1 }), "#/x"),
    ] {
        assert_eq!(wrong_at(&ada.call("POST", &path, &body)), [pointer], "{body}");
    }
    refused(&ada.call("POST", &path.replace(&hugo_id, ABSENT), &json!({ "keys_to": account })), 404, "about:blank");
    refused(&ada.call("POST", &own, &json!({ "keys_to": account })), 409, "conflict");
    app.is_still(&before);
    done(&mut ada, "POST", &path, &json!({ "keys_to": account }), 204);
    assert_eq!((app.role_of("acme", "hugo@example.com"), app.logged("api_key.handed_over")), (None, 1));
    assert_eq!(app.verify(&credential, &secret)["service_account_id"], account);
}

on_both!(
    teams_are_made_filled_changed_and_ended,
    invitations_are_sent_again_and_taken_back,
    a_removal_is_previewed_and_keys_are_handed_over,
);
