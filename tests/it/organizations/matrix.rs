//! Method × route × actor, made from the route table: what an organization's page allows, and whom.

use keystead::catalogue::{Catalogue, Role};
use keystead::organizations::{Right, Rights};
use keystead::routes::{Area, Needs, ROUTES, Route};
use serde_json::json;

use crate::support::{ADMIN, Browser, Engine, Request, Response, TestApp, on_both};

const LACKING: &str = "Your role in this organization does not allow this.";
const ELSEWHERE: &str = "The form was made for another organization.";

pub fn needed(route: &Route) -> Option<Right> {
    match route.needs {
        Needs::Member(right) | Needs::MemberConfirmed(right) | Needs::Caller(right) | Needs::CallerConfirmed(right) => {
            Some(right)
        }
        _ => None,
    }
}

/// What such a call would do were there what its address names.
fn has_no_body(route: &Route) -> bool {
    let ends = ["/resend", "/disable", "/enable", "/revoke"];
    route.method == "DELETE" || ends.iter().any(|end| route.path.ends_with(end))
}

/// The address of a call that can do nothing: of what is not there, where it would need no body.
pub fn call_path(places: &crate::sweeps::Below, route: &Route) -> String {
    if route.area == Area::Api && has_no_body(route) { places.absent(route.path) } else { places.path(route.path) }
}

/// With a member that no body has.
fn with_body(route: &Route, request: Request) -> Request {
    if route.method == "GET" || has_no_body(route) { request } else { request.json(&json!({ "nothing": true })) }
}

/// What a call that is let in answers to that: of one role more than the row says is asked within.
fn let_in(route: &Route, held: &Rights) -> u16 {
    match route.method {
        "GET" if route.path.ends_with("/teams/{id}/members") && !held.may(Right::SeeMembers) => 403,
        "GET" if route.path.ends_with("/api-keys/{id}") && !held.may(Right::SeeKeys) => 404,
        "GET" => 200,
        _ if has_no_body(route) => 404,
        _ => 422,
    }
}

/// A request with everything right about it, but for a post that shall do nothing: made for another organization.
pub fn ask(browser: &mut Browser, csrf: &str, route: &Route, path: &str, organization: &str) -> Response {
    let request = Request::new(route.method, path).header("Sec-Fetch-Site", "same-origin");
    if route.area == Area::Api {
        let request = request.header("X-CSRF-Token", csrf);
        return browser.send(with_body(route, request));
    }
    let body = [("csrf", csrf), ("made_for", organization), ("role", "viewer"), ("target", "yes")];
    let request = if route.method == "POST" { request.form(&body) } else { request };
    browser.send(request)
}

/// Covers: AC-083, AC-082, AC-063
#[expect(clippy::too_many_lines, reason = "every route, as everybody")]
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
        let path = call_path(&places, route);
        // An outsider, the instance's administrator among them, finds nothing; whatever the form says. Where the address names
        // neither an organization nor a key they are in their own, where a form for another one does nothing.
        let answer = ask(&mut ada, &mine, route, &path, &organization);
        let outside = match (route.path.contains("{slug}"), route.method) {
            (true, _) => 404,
            (false, _) if route.path.contains("{id}") => 404,
            (false, "POST") => 403,
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
                assert_eq!(answer.status, let_in(route, &held), "{what}: {}", answer.text());
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
    assert!(below.clone().count() >= 54);
    // But for what is an administrator's of the instance, who need be no member: to set the license.
    let others: Vec<_> = below.filter(|route| needed(route).is_none()).collect();
    assert!(others.iter().all(|route| matches!(route.needs, Needs::AdministratorConfirmed)), "{others:?}");
    assert_eq!(others.len(), 1);
}

/// A service account calls with a token of its own: it may what the row of the call, its role and its token all say; and where
/// the row is a person's, nothing.
/// Covers: AC-083, AC-063, AC-065, S1-8
fn a_service_account_may_what_row_role_and_token_say(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    for slug in ["acme", "other"] {
        ada.make_organization(slug);
    }
    ada.work_in("acme");
    let role = ada.make_role("acme", "Deployers", &["channels:update"]);
    let (key, _) = ada.create_key("program", &[]);
    let places = crate::sweeps::Below::of(&app, "acme", &role, &key);
    let account = ada.make_service_account("acme", "robot", "admin");
    let (token, secret) = ada.create_service_token("acme", &account, "all", &[]);
    let organization = app.organization_id("acme");
    app.sql(&format!(
        "INSERT INTO roles (id, organization_id, name, name_key, description, rights, created_at) \
         VALUES ('tested', '{organization}', 'Tested', 'tested', '', '', 0)"
    ));
    let set = |role: &str, rights: &str, scopes: Option<&str>| {
        let own = if role == "own" { "'tested'" } else { "NULL" };
        let (everything, scopes) = (scopes.is_none(), scopes.unwrap_or_default());
        app.sql(&format!(
            "UPDATE roles SET rights = '{rights}' WHERE id = 'tested'; \
             UPDATE service_accounts SET role = '{role}', role_id = {own} WHERE id = '{account}'; \
             UPDATE tokens SET everything = {everything}, scopes = '{scopes}' WHERE id = '{token}'"
        ));
    };
    let call = |route: &Route, path: &str| {
        let request = Request::new(route.method, path).header("Authorization", &format!("Bearer {secret}"));
        app.send(&with_body(route, request))
    };
    let catalogue = Catalogue::default();
    let set_by_hand = ["service_accounts", "roles", "tokens", "attempts", "organizations"];
    let before = app.dump_but(&set_by_hand);
    let (mut allowed, mut refused) = (0, 0);
    for route in ROUTES.iter().filter(|route| route.area == Area::Api) {
        let path = call_path(&places, route);
        let (Needs::Caller(right) | Needs::CallerConfirmed(right)) = route.needs else {
            set("admin", "", None);
            let answer = call(route, &path.replace("{scope}", "channels:read"));
            assert_eq!(answer.status, 403, "{} {path}", route.method);
            assert_eq!(answer.json()["type"], "urn:problem-type:keystead:not-for-tokens", "{} {path}", route.method);
            continue;
        };
        // Of another organization it knows nothing.
        set("admin", "", None);
        assert_eq!(call(route, &path.replace("/acme", "/other")).status, 404, "{} {path} elsewhere", route.method);
        let all: Vec<&str> =
            Right::ALL.iter().filter(|right| right.parts().is_some()).map(|right| right.as_str()).collect();
        let (all, word) = (all.join(" "), right.as_str());
        let but: Vec<&str> = all.split(' ').filter(|known| *known != word).collect();
        let but = but.join(" ");
        for (role, rights, scopes) in [
            ("admin", "", None),
            ("member", "", None),
            ("viewer", "", None),
            ("own", word, None),
            ("own", but.as_str(), None),
            ("admin", "", Some(all.as_str())),
            ("admin", "", Some(word)),
            ("admin", "", Some(but.as_str())),
            ("admin", "", Some("")),
            ("viewer", "", Some(all.as_str())),
            ("own", but.as_str(), Some(word)),
        ] {
            set(role, rights, scopes);
            let of = match role {
                // The list as it stands: what is not in it is not filled in either, in the token's.
                "own" => Rights::of_role(Role::Own, Some(rights), &catalogue),
                word => Rights::of_role(Role::from_word(word).unwrap(), None, &catalogue),
            };
            let held = scopes.map_or(of.clone(), |scopes| of.narrowed_to(scopes));
            let answer = call(route, &path);
            let what = format!("{} {path} for {role} {rights} with {scopes:?}: {}", route.method, answer.text());
            assert_eq!(answer.cookie("keystead_session"), None);
            if held.may(right) {
                assert_eq!(answer.status, let_in(route, &held), "{what}");
                allowed += 1;
            } else {
                assert_eq!(answer.status, 403, "{what}");
                assert!(answer.text().contains("This token, or the role of its service account"), "{what}");
                refused += 1;
            }
        }
    }
    app.is_still_but(&set_by_hand, &before);
    assert!(allowed >= 150 && refused >= 120, "{allowed} {refused}");
}

on_both!(every_route_allows_whom_its_row_says, a_service_account_may_what_row_role_and_token_say);
