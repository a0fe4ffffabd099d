//! Method × route × actor, made from the route table: what an organization's page allows, and whom.

use keystead::catalogue::{Catalogue, Role};
use keystead::organizations::{Right, Rights};
use keystead::routes::{Area, Needs, ROUTES, Route};
use serde_json::json;

use crate::support::{ADMIN, Browser, Engine, Request, Response, TestApp, on_both};

const LACKING: &str = "Your role in this organization does not allow this.";
const ELSEWHERE: &str = "The form was made for another organization.";

fn needed(route: &Route) -> Option<Right> {
    match route.needs {
        Needs::Member(right) | Needs::MemberConfirmed(right) => Some(right),
        _ => None,
    }
}

/// A request with everything right about it, but for a post that shall do nothing: made for another organization.
fn ask(browser: &mut Browser, csrf: &str, route: &Route, path: &str, organization: &str) -> Response {
    let request = Request::new(route.method, path).header("Sec-Fetch-Site", "same-origin");
    if route.area == Area::Api {
        // Nothing that could be done: of somebody who is not there, or with a member that no body has.
        let absent = "01jd0000000000000000000000";
        let (target, id) = (request.target.clone(), path.rsplit('/').next().unwrap_or_default());
        let request = if route.method == "DELETE" && route.path.ends_with("{id}") {
            Request { target: target.replace(id, absent), ..request }
        } else {
            request
        };
        let request = request.header("X-CSRF-Token", csrf);
        return browser.send(if route.method == "GET" { request } else { request.json(&json!({ "nothing": true })) });
    }
    let body = [("csrf", csrf), ("organization", organization), ("role", "viewer"), ("target", "yes")];
    let request = if route.method == "POST" { request.form(&body) } else { request };
    browser.send(request)
}

/// Covers: AC-083, AC-082, AC-063
fn every_route_allows_whom_its_row_says(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let mut olga = app.other("olga@example.com");
    olga.make_organization("acme");
    let role = olga.make_role("acme", "Deployers", &["channels:update"]);
    let (key, _) = olga.create_key("program", &[]);
    let mut erin = app.member("acme", "erin@example.com", Role::Viewer);
    erin.work_in("acme");
    let places = crate::sweeps::Below::of(&app, "acme", &role, &key);
    let (erin_id, organization) = (app.user_id("erin@example.com"), app.organization_id("acme"));
    app.sql(&format!(
        "INSERT INTO roles (id, organization_id, name, name_key, description, rights, created_at) \
         VALUES ('tested', '{organization}', 'Tested', 'tested', '', '', 0)"
    ));
    let set = |role: &str, rights: &str| {
        let own = if role == "own" { "'tested'" } else { "NULL" };
        app.sql(&format!(
            "UPDATE roles SET rights = '{rights}' WHERE id = 'tested'; \
             UPDATE members SET role = '{role}', role_id = {own} WHERE user_id = '{erin_id}' \
             AND organization_id = '{organization}'"
        ));
    };
    let csrf = |browser: &mut Browser| browser.open("/settings/profile").form("/settings/profile").value("csrf");
    let (hers, mine) = (csrf(&mut erin), csrf(&mut ada));
    let catalogue = Catalogue::default();
    // What the sweep itself changes, between two questions.
    let set_by_hand = ["members", "roles"];
    let before = app.dump_but(&set_by_hand);
    let (mut swept, mut refused) = (0, 0);
    for route in ROUTES.iter().filter(|route| needed(route).is_some()) {
        let right = needed(route).unwrap();
        let path = places.path(route.path);
        // An outsider, the instance's administrator among them, finds nothing; whatever the form says. Where the address names
        // no organization they are in their own, where a form for another one does nothing.
        let answer = ask(&mut ada, &mine, route, &path, &organization);
        let outside = match (route.path.contains("{slug}"), route.method) {
            (true, _) => 404,
            (false, "POST") => 403,
            (false, _) if route.path.contains("{id}") => 404,
            (false, _) => 200,
        };
        assert_eq!(answer.status, outside, "{} {path} for an outsider", route.method);
        let all: Vec<&str> =
            Right::ALL.iter().filter(|right| right.parts().is_some()).map(|right| right.as_str()).collect();
        let but: Vec<&str> = all
            .iter()
            .copied()
            .filter(|word| *word != right.as_str())
            .filter(|word| !Right::from_word(word).unwrap().implied().any(|implied| implied == right))
            .collect();
        let (all, but) = (all.join(" "), but.join(" "));
        let built_in = [Role::Owner, Role::Admin, Role::Member, Role::Viewer]
            .map(|role| (role.as_str(), "", Rights::of_role(role, None, &catalogue).may(right)));
        let by_word = right.parts().is_some();
        let anybodys = matches!(right, Right::Belong | Right::BelongWithOthers);
        let own = [
            ("own", right.as_str(), by_word || anybodys),
            ("own", all.as_str(), by_word || anybodys),
            ("own", but.as_str(), anybodys),
            ("own", "", anybodys),
        ];
        for (role, rights, allowed) in built_in.into_iter().chain(own) {
            set(role, rights);
            let people = app.count("members");
            let what = format!("{} {path} for {role} {rights}", route.method);
            // Of a key that is somebody else's, more than the route's row says is asked within: who sees it, and who ends it.
            let held = match role {
                "own" => Rights::of_role(Role::Own, Some(rights), &catalogue),
                word => Rights::of_role(Role::from_word(word).unwrap(), None, &catalogue),
            };
            if allowed && route.method == "GET" && route.path.starts_with("/settings/api-keys/{id}") {
                let answer = ask(&mut erin, &hers, route, &path, &organization);
                let status = match route.path.ends_with("/delete") {
                    _ if !held.may(Right::SeeKeys) => 404,
                    true if !held.may(Right::DeleteKeys) => 403,
                    _ => 200,
                };
                assert_eq!(answer.status, status, "{what}");
            } else if !allowed {
                let answer = ask(&mut erin, &hers, route, &path, &organization);
                assert_eq!(answer.status, 403, "{what}");
                assert!(answer.text().contains(LACKING), "{what}");
                refused += 1;
            } else if route.area == Area::Api {
                // These two need nothing but the right; `tests/it/api` does them.
                if route.path.ends_with("/leave") || (route.method == "DELETE" && route.path.ends_with("{slug}")) {
                    continue;
                }
                let answer = ask(&mut erin, &hers, route, &path, &organization);
                let wanted = match route.method {
                    "GET" => 200,
                    "DELETE" => 404,
                    _ => 422,
                };
                assert_eq!(answer.status, wanted, "{what}: {}", answer.text());
            } else if route.method == "POST" {
                // It is let in, and then refuses the form: made for another organization, or for none.
                for elsewhere in ["", &app.private_organization(ADMIN)] {
                    let answer = ask(&mut erin, &hers, route, &path, elsewhere);
                    assert_eq!(answer.status, 403, "{what}: {}", answer.text());
                    assert!(answer.text().contains(ELSEWHERE), "{what}: {}", answer.text());
                }
            } else {
                let answer = ask(&mut erin, &hers, route, &path, &organization);
                assert_eq!(answer.status, 200, "{what}: {} {}", answer.location(), answer.text());
            }
            assert_eq!(app.count("members"), people, "{what}");
            swept += 1;
        }
    }
    app.is_still_but(&set_by_hand, &before);
    assert!(swept >= 270 && refused >= 110, "{swept} {refused}");
    // Every page of an organization is in the sweep.
    let below = ROUTES.iter().filter(|route| route.path.starts_with("/organizations/{slug}"));
    assert!(below.clone().count() >= 43 && below.into_iter().all(|route| needed(route).is_some()));
    let below = ROUTES.iter().filter(|route| route.path.starts_with("/api/v1/organizations/{slug}"));
    assert!(below.clone().count() >= 14 && below.into_iter().all(|route| needed(route).is_some()));
}

on_both!(every_route_allows_whom_its_row_says);
