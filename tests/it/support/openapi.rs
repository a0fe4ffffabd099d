//! The document of the calls, held against every answer that a test gets.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

use super::http::{Request, Response};

/// As it is served.
pub static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(keystead::api::openapi::DOCUMENT).expect("the document is JSON"));

/// Follows a reference, if it is one.
pub fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(place) => {
            let found = DOCUMENT.pointer(place.trim_start_matches('#'));
            resolved(found.unwrap_or_else(|| panic!("the document has no {place}")))
        }
        None => value,
    }
}

/// The operation that a request asks for, if there is one.
fn operation(request: &Request) -> Option<&'static Value> {
    let path = request.target.split(['?', '#']).next()?;
    let fits = |template: &&String| {
        let (asked, known): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), template.split('/').collect());
        asked.len() == known.len()
            && asked.iter().zip(known).all(|(asked, known)| known.starts_with('{') || *asked == known)
    };
    let paths = DOCUMENT["paths"].as_object()?;
    // What is spelled out goes before what is not.
    let template = paths.keys().filter(fits).min_by_key(|template| template.matches('{').count())?;
    paths[template].get(request.method.to_ascii_lowercase())
}

fn kind(headers: &[(String, String)]) -> String {
    let found = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    found.map(|(_, kind)| kind.split(';').next().unwrap_or_default().to_owned()).unwrap_or_default()
}

/// Fails unless an answer is as the document says; and what it was an answer to, where that was accepted.
pub fn check(request: &Request, response: &Response) {
    let Some(operation) = operation(request) else { return };
    let what = format!("{} {} → {}", request.method, request.target, response.status);
    let responses = &operation["responses"];
    let known = responses.get(response.status.to_string()).or_else(|| {
        let refused = response.status >= 400;
        responses.get("default").filter(|_| refused)
    });
    let known = resolved(known.unwrap_or_else(|| panic!("{what} is not in the document")));
    let kind_of_answer = kind(&response.headers);
    match known["content"].as_object() {
        None => assert!(response.body.is_empty(), "{what}: the document says that there is no body"),
        Some(content) => {
            let media = content.get(&kind_of_answer);
            let media = media.unwrap_or_else(|| panic!("{what}: {kind_of_answer:?} is not in the document"));
            conforms(&response.json(), &media["schema"], &what);
        }
    }
    if response.status < 300 && kind(&request.headers) == "application/json" {
        let body: Value = serde_json::from_slice(&request.body).expect("what was accepted is JSON");
        let schema = &resolved(&operation["requestBody"])["content"]["application/json"]["schema"];
        assert!(!schema.is_null(), "{what}: the document knows of no body");
        conforms(&body, schema, &format!("what was sent with {what}"));
    }
}

fn conforms(value: &Value, schema: &'static Value, what: &str) {
    if let Err(why) = judge(value, schema, "#") {
        panic!("{what}: {why}\n{value:#}");
    }
}

/// What only explains. Everything else that a schema can say and that is not checked below is refused, so that nobody writes
/// something that means nothing.
const NOTES: &[&str] = &["description", "format", "additionalProperties"];

fn judge(value: &Value, schema: &'static Value, at: &str) -> Result<(), String> {
    let schema = resolved(schema);
    let rules = schema.as_object().ok_or_else(|| format!("{at}: no schema"))?;
    for (rule, says) in rules {
        let holds = match rule.as_str() {
            "type" => types(says).any(|name| is(value, name)),
            "enum" => says.as_array().is_some_and(|all| all.contains(value)),
            "const" => value == says,
            "minimum" => value.as_i64() >= says.as_i64(),
            "minLength" => letters(value) >= says.as_u64(),
            "maxLength" => letters(value) <= says.as_u64(),
            "maxItems" => value.as_array().map(|all| all.len() as u64) <= says.as_u64(),
            "required" => strings(says).all(|name| value.get(name).is_some()),
            "items" => {
                for (place, item) in value.as_array().into_iter().flatten().enumerate() {
                    judge(item, says, &format!("{at}/{place}"))?;
                }
                true
            }
            "allOf" => {
                for part in says.as_array().expect("a list") {
                    judge_open(value, part, at)?;
                }
                true
            }
            "anyOf" => says.as_array().expect("a list").iter().any(|one| judge(value, one, at).is_ok()),
            "properties" => {
                members(value, schema, at)?;
                true
            }
            note if NOTES.contains(&note) => true,
            unknown => panic!("{at}: the tests can't check {unknown}"),
        };
        if !holds {
            return Err(format!("{at} is not as “{rule}”: {says}"));
        }
    }
    Ok(())
}

/// As part of another schema, which knows more members.
fn judge_open(value: &Value, schema: &'static Value, at: &str) -> Result<(), String> {
    let mut known = BTreeMap::new();
    gather(schema, &mut known);
    let part = value.as_object().map(|all| {
        all.iter()
            .filter(|(name, _)| known.contains_key(name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
    });
    part.map_or(Ok(()), |part| judge(&Value::Object(part.collect()), schema, at))
}

/// Every member is one that the document has, and as it says. What is new in an answer belongs into the document.
fn members(value: &Value, schema: &'static Value, at: &str) -> Result<(), String> {
    let mut known = BTreeMap::new();
    gather(schema, &mut known);
    for (name, member) in value.as_object().into_iter().flatten() {
        let schema = known.get(name.as_str()).ok_or_else(|| format!("{at}/{name} is not in the document"))?;
        judge(member, schema, &format!("{at}/{name}"))?;
    }
    Ok(())
}

fn gather(schema: &'static Value, known: &mut BTreeMap<&'static str, &'static Value>) {
    let schema = resolved(schema);
    for part in schema["allOf"].as_array().into_iter().flatten() {
        gather(part, known);
    }
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        known.insert(name, member);
    }
}

fn types(says: &Value) -> impl Iterator<Item = &str> {
    says.as_str().into_iter().chain(strings(says))
}

fn strings(says: &Value) -> impl Iterator<Item = &str> {
    says.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn letters(value: &Value) -> Option<u64> {
    value.as_str().map(|text| text.chars().count() as u64)
}

fn is(value: &Value, name: &str) -> bool {
    match name {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        unknown => panic!("the tests know no type {unknown}"),
    }
}
