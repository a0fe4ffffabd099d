//! Organizations in JSON. Who may do what there, `tests/it/organizations/matrix.rs` asks of these routes, too.

use keystead::catalogue::Role;
use serde_json::{Value, json};

use super::{done, refused, wrong_at};
use crate::support::{ADMIN, Engine, TestApp, on_both};

const ALL: &str = "/api/v1/organizations";

fn an_organization_lives(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let answer = ada.call("POST", ALL, &json!({ "name": "Acme Robotics" }));
    assert_eq!(answer.status, 201, "{}", answer.text());
    let (made, id) = (answer.json(), app.organization_id("acme-robotics"));
    assert_eq!(answer.location(), format!("{ALL}/{id}"));
    assert_eq!(
        (made["slug"].as_str(), made["kind"].as_str(), &made["members"]),
        (Some("acme-robotics"), Some("shared"), &json!(1))
    );
    assert!(made["rights"].as_array().unwrap().contains(&json!("org.organization:delete")));
    let mine = done(&mut ada, "GET", ALL, &Value::Null, 200);
    let named: Vec<_> = mine["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| ["kind", "role", "role_name"].map(|member| item[member].as_str().unwrap()))
        .collect();
    assert_eq!(named, [["private", "owner", "Owner"], ["shared", "owner", "Owner"]]);
    let told = refused(&ada.call("GET", &format!("{ALL}?q=acme"), &Value::Null), 400, "unreadable");
    assert_eq!(told["detail"], "There is no parameter “q” here: the list is never long.");
    // By its slug or its id, which stays.
    let told = done(&mut ada, "PATCH", &format!("{ALL}/acme-robotics"), &json!({ "slug": "acme" }), 200);
    assert_eq!((told["name"].as_str(), told["slug"].as_str()), (Some("Acme Robotics"), Some("acme")));
    refused(&ada.call("GET", &format!("{ALL}/acme-robotics"), &Value::Null), 404, "about:blank");
    assert_eq!(done(&mut ada, "GET", &format!("{ALL}/{id}"), &Value::Null, 200), told);
    assert_eq!(done(&mut ada, "PATCH", &format!("{ALL}/{id}"), &json!({}), 200), told);
    let before = app.dump_but(&["attempts"]);
    for (body, pointer) in [
        (json!({ "name": "" }), "#/name"),
        (json!({ "slug": "" }), "#/slug"),
        (json!({ "slug": "A b" }), "#/slug"),
        (json!({ "slug": "admin" }), "#/slug"),
        (json!({ "name": null }), "#/name"),
        (json!({ "kind": "private" }), "#/kind"),
    ] {
        assert_eq!(wrong_at(&ada.call("PATCH", &format!("{ALL}/acme"), &body)), [pointer], "{body}");
        let body = if pointer == "#/slug" && body["slug"] == "" { json!({ "slug": "a" }) } else { body };
        assert!(wrong_at(&ada.call("POST", ALL, &body)).contains(&pointer.to_owned()), "{body}");
    }
    let taken = refused(&ada.call("POST", ALL, &json!({ "name": "Acme" })), 409, "conflict");
    assert_eq!(taken["errors"][0]["pointer"], "#/slug");
    // The private one keeps its address.
    let private = format!("{ALL}/{}", app.private_organization(ADMIN));
    assert_eq!(wrong_at(&ada.call("PATCH", &private, &json!({ "slug": "mine" }))), ["#/slug"]);
    refused(&ada.call("DELETE", &private, &Value::Null), 404, "about:blank");
    refused(&ada.call("GET", &format!("{private}/members"), &Value::Null), 404, "about:blank");
    app.is_still_but(&["attempts"], &before);
    assert_eq!(done(&mut ada, "PATCH", &private, &json!({ "name": "Mine" }), 200)["name"], "Mine");
    done(&mut ada, "DELETE", &format!("{ALL}/{id}"), &Value::Null, 204);
    refused(&ada.call("GET", &format!("{ALL}/{id}"), &Value::Null), 404, "about:blank");
    assert_eq!(
        (app.count("organizations WHERE kind = 'shared'"), app.last_logged().action.as_str()),
        (0, "organization.deleted")
    );
}

/// Covers: AC-079, AC-061
fn members_come_go_and_change(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut erin = app.member("acme", "erin@example.com", Role::Admin);
    let mut hugo = app.member("acme", "hugo@example.com", Role::Member);
    let [ada_id, erin_id, hugo_id] = [ADMIN, "erin@example.com", "hugo@example.com"].map(|email| app.user_id(email));
    let at = |below: &str| format!("{ALL}/acme/members{below}");
    let list = done(&mut hugo, "GET", &at("?q=hugo"), &Value::Null, 200);
    assert_eq!((list["items"].as_array().unwrap().len(), list["items"][0]["role"].as_str()), (1, Some("member")));
    for odd in ["?page=-1", "?page=x", "?odd=1", "?page=9999999999999999999"] {
        refused(&hugo.call("GET", &at(odd), &Value::Null), 400, "unreadable");
    }
    let told = refused(&hugo.call("GET", &at("?size=9"), &Value::Null), 400, "unreadable");
    assert_eq!(told["detail"], "There is no parameter “size” here; there are q, search, targets and page.");
    let role = ada.make_role("acme", "Deployers", &["channels:update"]);
    let him = at(&format!("/{hugo_id}"));
    let told = done(&mut erin, "PATCH", &him, &json!({ "role": role }), 200);
    assert_eq!(
        (told["role_name"].as_str(), told["rights"].clone()),
        (Some("Deployers"), json!(["channels:list", "channels:read", "channels:update"]))
    );
    assert_eq!(told["roles"], json!([{ "role_name": "Deployers", "team": null }]));
    let his = done(&mut hugo, "GET", ALL, &Value::Null, 200)["items"][1].clone();
    assert_eq!((his["role"].as_str(), his["role_name"].as_str()), (Some(role.as_str()), Some("Deployers")));
    let before = app.dump();
    // Nobody gives or touches more than they have; one owner stays.
    refused(&erin.call("PATCH", &him, &json!({ "role": "owner" })), 403, "about:blank");
    refused(&erin.call("DELETE", &at(&format!("/{ada_id}")), &Value::Null), 403, "about:blank");
    refused(&ada.call("PATCH", &at(&format!("/{ada_id}")), &json!({ "role": "admin" })), 409, "conflict");
    refused(&ada.call("POST", &format!("{ALL}/acme/leave"), &Value::Null), 409, "conflict");
    for bad in ["", "nobody", "own", "01jd0000000000000000000000"] {
        assert_eq!(wrong_at(&erin.call("PATCH", &him, &json!({ "role": bad }))), ["#/role"], "{bad}");
    }
    assert_eq!(wrong_at(&erin.call("PATCH", &him, &json!({ "role": 5 }))), ["#/role"]);
    refused(&erin.call("PATCH", &at("/01jd0000000000000000000000"), &json!({ "role": "viewer" })), 404, "about:blank");
    for (email, pointer) in [("nobody@example.com", "#/email"), (ADMIN, "#/email"), ("", "#/email")] {
        assert_eq!(
            wrong_at(&ada.call("POST", &format!("{ALL}/acme/hand-over"), &json!({ "email": email }))),
            [pointer]
        );
    }
    app.is_still(&before);
    done(&mut erin, "POST", &format!("{ALL}/acme/target"), &json!({ "is_target": true }), 204);
    assert_eq!(done(&mut ada, "GET", &at(&format!("/{erin_id}")), &Value::Null, 200)["is_target"], true);
    done(&mut ada, "POST", &format!("{ALL}/acme/hand-over"), &json!({ "email": "erin@example.com" }), 204);
    assert_eq!(
        (app.role_of("acme", "erin@example.com"), app.role_of("acme", ADMIN)),
        (Some("owner".into()), Some("admin".into()))
    );
    done(&mut erin, "DELETE", &him, &Value::Null, 204);
    refused(&hugo.call("GET", &at(""), &Value::Null), 404, "about:blank");
    done(&mut ada, "POST", &format!("{ALL}/acme/leave"), &Value::Null, 204);
    assert_eq!((app.count("members WHERE role = 'owner'"), app.role_of("acme", ADMIN)), (4, None));
}

fn roles_are_made_changed_and_ended(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut erin = app.member("acme", "erin@example.com", Role::Viewer);
    let roles = format!("{ALL}/acme/roles");
    let body = json!({ "name": "Deployers", "description": "for the build", "rights": ["channels:update", "org.logs:read", "org.roles:delete"] });
    let answer = ada.call("POST", &roles, &body);
    assert_eq!(answer.status, 201, "{}", answer.text());
    let (role, place) = (answer.json(), answer.location().to_owned());
    let rights = json!([
        "org.roles:read",
        "org.roles:update",
        "org.roles:delete",
        "org.logs:read",
        "channels:list",
        "channels:read",
        "channels:update"
    ]);
    assert_eq!((&role["rights"], role["is_built_in"].as_bool()), (&rights, Some(false)));
    assert_eq!(done(&mut ada, "GET", &place, &Value::Null, 200), role);
    let all = done(&mut ada, "GET", &roles, &Value::Null, 200);
    let names: Vec<_> = all["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Owner", "Admin", "Member", "Viewer", "Deployers"]);
    assert_eq!(done(&mut ada, "GET", &format!("{roles}/viewer"), &Value::Null, 200), all["items"][3]);
    let before = app.dump();
    for (body, pointer) in [
        (json!({ "name": "" , "rights": ["channels:read"] }), "#/name"),
        (json!({ "name": "x", "rights": [] }), "#/rights"),
        (json!({ "name": "x" }), "#/rights"),
        (json!({ "name": "x", "rights": ["channels:fly"] }), "#/rights"),
        (json!({ "name": "x", "rights": ["hand-over"] }), "#/rights"),
        (json!({ "name": "x", "rights": "channels:read" }), "#/rights"),
        (json!({ "name": "x", "rights": [5] }), "#/rights/0"),
        (json!({ "name": "x", "rights": ["channels:read"], "id": "x" }), "#/id"),
    ] {
        assert_eq!(wrong_at(&ada.call("POST", &roles, &body)), [pointer], "{body}");
    }
    refused(&ada.call("POST", &roles, &json!({ "name": "deployers", "rights": ["channels:read"] })), 409, "conflict");
    refused(&ada.call("PATCH", &format!("{roles}/viewer"), &json!({ "name": "x" })), 404, "about:blank");
    refused(&ada.call("DELETE", &format!("{roles}/viewer"), &Value::Null), 404, "about:blank");
    app.is_still(&before);
    let told = done(&mut ada, "PATCH", &place, &json!({ "rights": ["channels:read", "org.roles:update"] }), 200);
    assert_eq!((told["name"].as_str(), told["description"].as_str()), (Some("Deployers"), Some("for the build")));
    assert_eq!(told["rights"], json!(["org.roles:read", "org.roles:update", "channels:list", "channels:read"]));
    // Whoever has it can't make more of it.
    let her = format!("{ALL}/acme/members/{}", app.user_id("erin@example.com"));
    done(&mut ada, "PATCH", &her, &json!({ "role": role["id"] }), 200);
    refused(&erin.call("PATCH", &place, &json!({ "rights": ["channels:delete"] })), 403, "about:blank");
    refused(&ada.call("DELETE", &place, &Value::Null), 409, "conflict");
    done(&mut ada, "PATCH", &her, &json!({ "role": "viewer" }), 200);
    done(&mut ada, "DELETE", &place, &Value::Null, 204);
    refused(&ada.call("GET", &place, &Value::Null), 404, "about:blank");
}

/// A change of nothing is none, by call and on the page; of any other the log says what it was.
fn a_change_of_nothing_is_not_logged(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let role = format!("/roles/{}", ada.make_role("acme", "Deployers", &["channels:update"]));
    let team = format!("/teams/{}", ada.make_team("acme", "Deploy", "viewer"));
    let account = format!("/service-accounts/{}", ada.make_service_account("acme", "ci", "viewer"));
    for (below, body, detail) in [
        (
            &role,
            json!({ "name": "Builders", "rights": ["channels:read"] }),
            "called Deployers before; -channels:update",
        ),
        (&role, json!({ "description": "for the build" }), "description"),
        (&team, json!({ "name": "Build", "role": null }), "called Deploy before; role from viewer to none"),
        (&team, json!({ "description": "for the build", "role": "member" }), "description; role from none to member"),
        (&account, json!({ "name": "cd", "role": "member" }), "called ci before; role from viewer to member"),
        (&account, json!({ "responsible": ADMIN }), "responsible member"),
    ] {
        let (path, edit) = (format!("{ALL}/acme{below}"), format!("/organizations/acme{below}/edit"));
        let before = app.dump();
        done(&mut ada, "PATCH", &path, &json!({}), 200);
        let form = ada.open(&edit).form(&edit);
        ada.submit(&form).expect(303);
        app.is_still(&before);
        done(&mut ada, "PATCH", &path, &body, 200);
        assert_eq!(app.last_logged().detail, detail, "{below}");
    }
}

on_both!(
    an_organization_lives,
    members_come_go_and_change,
    roles_are_made_changed_and_ended,
    a_change_of_nothing_is_not_logged,
);
