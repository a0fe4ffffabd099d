//! The document at `/api/openapi.json` and the route table say the same. Every other test holds it to its answers.

use std::collections::BTreeSet;

use keystead::routes::{Needs, ROUTES, Route};
use serde_json::Value;

use crate::support::openapi::{DOCUMENT, resolved};
use crate::support::{Engine, Request, TestApp, on_both};

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as filter() wants it")]
fn is_call(route: &&Route) -> bool {
    route.path.starts_with("/api/") || route.path.starts_with("/oauth2/")
}

fn operations() -> impl Iterator<Item = (&'static str, &'static str, &'static Value)> {
    DOCUMENT["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters");
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

#[test]
fn every_call_has_its_operation() {
    let served: BTreeSet<(String, String)> =
        ROUTES.iter().filter(is_call).map(|route| (route.path.to_owned(), route.method.to_lowercase())).collect();
    let described: BTreeSet<(String, String)> =
        operations().map(|(path, method, _)| (path.to_owned(), method.to_owned())).collect();
    assert_eq!(described, served);
}

#[test]
fn every_operation_says_what_a_program_needs() {
    let mut names = BTreeSet::new();
    for (path, method, operation) in operations() {
        let what = format!("{method} {path}");
        assert!(names.insert(operation["operationId"].as_str().unwrap()), "{what}");
        assert!(operation["summary"].as_str().is_some_and(|summary| summary.len() > 3), "{what}");
        // The parts of the path, each described once.
        let shared = &DOCUMENT["paths"][path]["parameters"];
        let parameters: Vec<&Value> = [shared, &operation["parameters"]]
            .into_iter()
            .flat_map(|list| list.as_array().into_iter().flatten())
            .map(resolved)
            .collect();
        let those_in = |place: &str| -> Vec<&str> {
            parameters.iter().filter(|one| one["in"] == place).map(|one| one["name"].as_str().unwrap()).collect()
        };
        let in_path: Vec<&str> = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        assert_eq!(those_in("path"), in_path, "{what}");
        // Who may call, as the table says.
        let needs =
            ROUTES.iter().find(|route| route.path == path && route.method.eq_ignore_ascii_case(method)).unwrap().needs;
        let security = operation.get("security").unwrap_or(&DOCUMENT["security"]);
        let schemes: BTreeSet<&str> = security
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|one| one.as_object().unwrap().keys().map(String::as_str))
            .collect();
        let wanted: &[&str] = match needs {
            Needs::Nothing => &[],
            Needs::Verifier => &["verifier", "verifierBasic"],
            Needs::Token => &["token"],
            Needs::Caller(_) | Needs::CallerConfirmed(_) => &["serviceAccount", "session", "terminal"],
            _ => &["session", "terminal"],
        };
        assert!(schemes.iter().all(|scheme| wanted.contains(scheme)), "{what}: {schemes:?}");
        assert_eq!(schemes.first(), wanted.first(), "{what}");
        // Whatever a session may do, a terminal's login may, too.
        assert_eq!(schemes.contains("session"), schemes.contains("terminal"), "{what}");
        let by_session = schemes.contains("session");
        assert!(schemes.iter().all(|scheme| DOCUMENT["components"]["securitySchemes"].get(scheme).is_some()), "{what}");
        let changes = method != "get" && by_session;
        assert_eq!(those_in("header").contains(&"X-CSRF-Token"), changes, "{what}");
        let confirmed = matches!(
            needs,
            Needs::Confirmed | Needs::MemberConfirmed(_) | Needs::CallerConfirmed(_) | Needs::AdministratorConfirmed
        );
        let says_so = operation["description"].as_str().unwrap_or_default().contains("Needs a confirmation");
        assert_eq!(says_so, confirmed, "{what}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{what}");
        assert_eq!(responses.contains_key("default"), !wanted.is_empty(), "{what}");
    }
    // Nothing is described that nothing refers to.
    let text = keystead::api::openapi::DOCUMENT;
    for kind in ["schemas", "responses", "parameters"] {
        for name in DOCUMENT["components"][kind].as_object().unwrap().keys() {
            assert!(text.contains(&format!("\"#/components/{kind}/{name}\"")), "{kind}/{name}");
        }
    }
}

fn it_is_there_for_everybody(engine: Engine) {
    let app = TestApp::start(engine);
    let answer = app.send(&Request::get("/api/openapi.json"));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json; charset=utf-8")));
    assert_eq!(answer.json()["openapi"], "3.1.0");
    assert_eq!(answer.json(), *DOCUMENT);
}

on_both!(it_is_there_for_everybody);
