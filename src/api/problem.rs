//! Refusals that say more than their status does: RFC 9457 problem details, with a place for each thing that is wrong.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use serde::Serialize;

use crate::auth::capability::BearerProblem;
use crate::error::Error;
use crate::urls;
use crate::web::Problems;
use crate::web::errors::{Failure, problem};

/// What the identifiers of our kinds of problems begin with. They never change; the words beside them may.
pub const PROBLEM_TYPE: &str = "urn:problem-type:keystead:";

/// One thing that is wrong with what was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wrong {
    /// What, and how to mend it.
    pub detail: String,
    /// Where, as a JSON pointer: `#/name`.
    pub pointer: String,
}

impl Wrong {
    /// Something wrong at a place.
    pub fn at(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), pointer: pointer.into() }
    }

    /// All that is wrong with a form that says the same; `pointer` finds the place of a field.
    pub fn all(problems: &Problems, pointer: fn(&str) -> &'static str) -> Vec<Self> {
        problems.list().into_iter().map(|problem| Self::at(pointer(problem.field), problem.message)).collect()
    }
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
    errors: Vec<Wrong>,
    /// Where a person can do what is missing.
    at: Option<String>,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, title, detail: detail.into(), errors: Vec::new(), at: None }
    }

    /// Members are missing, unknown, of the wrong type, or say what can't be.
    pub fn invalid(errors: Vec<Wrong>) -> Self {
        let detail = "Nothing was done. “errors” says what to mend, and where.";
        let this =
            Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-input", "Something that was sent cannot be", detail);
        Self { errors, ..this }
    }

    /// The body is no JSON.
    pub fn unreadable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "unreadable", "The body could not be read", detail)
    }

    /// The address of a list says what can't be.
    pub fn unreadable_address(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "unreadable", "The address of the list could not be read", detail)
    }

    /// The body is of another kind.
    pub fn not_json() -> Self {
        let detail = "Send JSON, and say so: Content-Type: application/json";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", "The body is not JSON", detail)
    }

    /// The key that names a call can't be one.
    pub fn idempotency_key() -> Self {
        let detail = "An Idempotency-Key has 1 to 200 visible ASCII characters, and is sent once.";
        Self::new(StatusCode::BAD_REQUEST, "idempotency-key", "The Idempotency-Key cannot be used", detail)
    }

    /// The key named another call before.
    pub fn idempotency_key_used() -> Self {
        let detail = "This Idempotency-Key was sent before with another body. Give each call a key of its own.";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key", "The Idempotency-Key was used before", detail)
    }

    /// What is asked for can't stand beside what there is.
    pub fn conflict(detail: impl Into<String>, errors: Vec<Wrong>) -> Self {
        let this =
            Self::new(StatusCode::CONFLICT, "conflict", "That cannot be together with what there is already", detail);
        Self { errors, ..this }
    }

    /// A token asks for what only its owner may.
    pub fn not_for_tokens() -> Self {
        let detail = "A token cannot do this, whatever its scopes: whoever came by one could make more of them. Call with the session of a browser, or a terminal's login. What a token may do with itself is at /api/v1/tokens/self.";
        Self::new(StatusCode::FORBIDDEN, "not-for-tokens", "This is not for tokens", detail)
    }

    /// A token asks to be renewed that may not.
    pub fn may_not_rotate() -> Self {
        let detail = "Nobody allowed this token to renew itself. The owner of a personal one can on its page; any other is regenerated there, by a person.";
        Self::new(StatusCode::FORBIDDEN, "may-not-rotate", "This token may not renew itself", detail)
    }

    /// The session's owner has to prove again that it is them.
    fn confirmation_needed(step_up: String) -> Self {
        let detail = "This needs a proof, no older than a few minutes, that it is you. Open the address in “confirm_at” in the same browser, then send the call again.";
        let this = Self::new(StatusCode::FORBIDDEN, "confirmation-needed", "Confirm that it is you first", detail);
        Self { at: Some(step_up), ..this }
    }

    /// The same of a terminal's login, which can't prove it where it is.
    fn terminal_confirmation_needed() -> Self {
        let detail = "This needs a proof, no older than a few minutes, that it is you. Sign the terminal in again and approve it in your browser, then send the call again.";
        Self::new(StatusCode::FORBIDDEN, "confirmation-needed", "Confirm that it is you first", detail)
    }

    /// A terminal's login asks to be renewed.
    pub fn terminals_do_not_rotate() -> Self {
        let detail = "A terminal's login is not renewed. Sign the terminal in again.";
        Self::new(StatusCode::FORBIDDEN, "may-not-rotate", "A terminal's login may not renew itself", detail)
    }

    /// The account must have a second factor.
    fn second_factor_needed(page: String) -> Self {
        let detail = "Accounts here must have a second factor, and this one has none yet. Open the address in “confirm_at” in your browser and set one up, then send the call again.";
        let this = Self::new(StatusCode::FORBIDDEN, "second-factor-needed", "Set up a second factor first", detail);
        Self { at: Some(page), ..this }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The answer.
    pub fn response(&self) -> HttpResponse {
        #[derive(Serialize)]
        struct Body<'a> {
            r#type: String,
            title: &'a str,
            status: u16,
            detail: &'a str,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            errors: &'a [Wrong],
            #[serde(skip_serializing_if = "Option::is_none")]
            confirm_at: Option<&'a str>,
            request_id: &'a str,
        }
        let request_id = crate::ids::ulid();
        tracing::debug!(%request_id, kind = self.kind, status = self.status.as_u16(), "refused");
        let body = Body {
            r#type: format!("{PROBLEM_TYPE}{}", self.kind),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            errors: &self.errors,
            confirm_at: self.at.as_deref(),
            request_id: &request_id,
        };
        HttpResponse::build(self.status)
            .insert_header((header::CONTENT_TYPE, "application/problem+json; charset=utf-8"))
            .insert_header(("x-request-id", request_id.as_str()))
            .body(serde_json::to_string(&body).unwrap_or_default())
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.kind)
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

/// What a program is told where a person would be led to a page; in a terminal there is none to lead to.
pub fn in_place_of_a_page(
    error: &Error,
    in_a_terminal: bool,
    absolute: impl Fn(&str) -> String,
) -> Option<HttpResponse> {
    match error {
        Error::SignIn { .. } => {
            let bearer = if in_a_terminal { BearerProblem::Invalid } else { BearerProblem::Missing };
            let failure = Failure { bearer: Some(bearer), ..Failure::default() };
            let request_id = crate::ids::ulid();
            let mut answer = problem(StatusCode::UNAUTHORIZED, Some(failure), &request_id);
            if let Ok(id) = header::HeaderValue::from_str(&request_id) {
                answer.headers_mut().insert(header::HeaderName::from_static("x-request-id"), id);
            }
            Some(answer)
        }
        Error::Confirm { .. } if in_a_terminal => Some(Problem::terminal_confirmation_needed().response()),
        Error::Confirm { .. } => Some(Problem::confirmation_needed(absolute(&urls::step_up())).response()),
        Error::EnrolFor { slug, .. } => {
            Some(Problem::second_factor_needed(absolute(&urls::organization_second_factor(slug))).response())
        }
        Error::Enrol => Some(Problem::second_factor_needed(absolute(&urls::settings_second_factor())).response()),
        _ => None,
    }
}
