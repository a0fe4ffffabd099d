//! The JSON side: what people's own programs call.

mod accounts;
mod callers;
mod document;
mod guards;
mod itself;
mod organizations;
mod people;
mod tokens;

use serde_json::Value;

use crate::support::{Browser, Response};

/// The id of nothing.
const ABSENT: &str = "01jd0000000000000000000000";

/// An address below the organization that these tests are about.
fn at(below: &str) -> String {
    format!("/api/v1/organizations/acme{below}")
}

/// Calls, and wants this status.
#[track_caller]
fn done(browser: &mut Browser, method: &str, path: &str, body: &Value, status: u16) -> Value {
    let answer = browser.call(method, path, body);
    assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
    if status == 204 { Value::Null } else { answer.json() }
}

/// A refusal: its status, and the end of its type.
#[track_caller]
fn refused(response: &Response, status: u16, kind: &str) -> Value {
    assert_eq!(response.status, status, "{}", response.text());
    assert_eq!(response.header("content-type"), Some("application/problem+json; charset=utf-8"));
    let body = response.json();
    assert_eq!(body["status"], status);
    assert_eq!(body["request_id"].as_str(), response.header("x-request-id"));
    let wanted = if kind == "about:blank" { kind.to_owned() } else { format!("urn:problem-type:keystead:{kind}") };
    assert_eq!(body["type"], wanted.as_str(), "{body}");
    body
}

/// Where it was wrong.
#[track_caller]
fn wrong_at(response: &Response) -> Vec<String> {
    let body = refused(response, 422, "invalid-input");
    let errors = body["errors"].as_array().unwrap();
    assert!(errors.iter().all(|error| error["detail"].as_str().is_some_and(|detail| detail.len() > 5)), "{body}");
    errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
}
