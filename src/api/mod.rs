//! What all JSON calls of people share: whose they are, what they send, how they are refused, how lists go on.
//!
//! A call's row in the route table names the same capability as a page's, and its handler takes it as an argument. Below
//! `/api/`, whoever makes that capability asks [`caller`] first, so no handler can forget what keeps other sites and tokens out.

pub mod caller;
pub mod openapi;
mod page;
mod problem;
mod sent;

pub use page::{Page, asked};
pub use problem::{PROBLEM_TYPE, Problem, Wrong, in_place_of_a_page};
pub use sent::{Sent, given, once, read_optional};

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use serde::Serialize;

use crate::error::{Error, Result};

/// Whether a path is a call's.
pub fn is_call(path: &str) -> bool {
    path.starts_with("/api/")
}

/// An answer in JSON.
///
/// # Errors
/// Never in practice: what is answered can be written.
pub fn json(status: StatusCode, body: &impl Serialize) -> Result<HttpResponse> {
    let text = serde_json::to_string(body).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(HttpResponse::build(status).insert_header((header::CONTENT_TYPE, "application/json; charset=utf-8")).body(text))
}

/// The answer to a call that made something, which is at `place` from now on.
///
/// # Errors
/// As of [`json`].
pub fn created(place: &str, body: &impl Serialize) -> Result<HttpResponse> {
    let mut answer = json(StatusCode::CREATED, body)?;
    if let Ok(place) = header::HeaderValue::from_str(place) {
        answer.headers_mut().insert(header::LOCATION, place);
    }
    Ok(answer)
}

/// The answer to a change of which there is nothing to tell.
pub fn done() -> HttpResponse {
    HttpResponse::NoContent().finish()
}
