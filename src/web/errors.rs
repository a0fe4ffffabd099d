//! Failures as answers: a page in the product's clothes, or RFC 9457 problem details. Never a cause, always a request id.

use std::cell::RefCell;

use actix_web::body::BoxBody;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpMessage, HttpResponse, ResponseError};
use askama::Template;
use serde_json::json;

use super::filters;
use super::form::{NO_FIELD, Problems, SentFrom};
use super::page::{Shell, Visitor, html};
use crate::api::PROBLEM_TYPE;
use crate::app::Instance;
use crate::auth::capability::BearerProblem;
use crate::auth::throttle::Limit;
use crate::error::{Error, Result};
use crate::urls;

/// What `front` needs to know of a failure to write its answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Failure {
    /// Seconds until another try is worth while.
    pub after: Option<i64>,
    /// What there were too many of.
    pub limit: Option<Limit>,
    /// A sentence for the one who sent the request, where there is more to say than the status does.
    pub hint: Option<&'static str>,
    /// RFC 6750's answer.
    pub bearer: Option<BearerProblem>,
}

/// The page of every failure.
#[derive(Template)]
#[template(path = "errors/error.html")]
struct ErrorPage {
    shell: Shell,
    status: u16,
    heading: String,
    text: String,
    next: String,
    /// The page of the form that was sent, with what was typed.
    form: Option<String>,
    request_id: String,
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::BadRequest(_) | Self::Bearer(BearerProblem::Malformed) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::SignIn { .. } | Self::Confirm { .. } | Self::Enrol | Self::EnrolFor { .. } => StatusCode::SEE_OTHER,
            Self::Bearer(_) => StatusCode::UNAUTHORIZED,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Taken(_) => StatusCode::CONFLICT,
            Self::Problem(problem) => problem.status(),
            Self::Database(error) if is_passing(error) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Database(_) | Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The bare answer; `front` fills it in, since only it knows who asked and for what.
    fn error_response(&self) -> HttpResponse<BoxBody> {
        if let Self::Problem(problem) = self {
            return problem.response();
        }
        let mut response = HttpResponse::new(self.status_code());
        let failure = match self {
            Self::TooMany { after, limit } => Failure { after: Some(*after), limit: *limit, ..Failure::default() },
            Self::Unavailable(_) | Self::Database(_) if self.status_code() == StatusCode::SERVICE_UNAVAILABLE => {
                Failure { after: Some(2), ..Failure::default() }
            }
            Self::Forbidden(hint) | Self::BadRequest(hint) => Failure { hint: Some(hint), ..Failure::default() },
            Self::Bearer(problem) => {
                let hint = (*problem == BearerProblem::Malformed)
                    .then_some("the Authorization header is not of the form: Bearer, a space, the credential");
                Failure { hint, bearer: Some(*problem), ..Failure::default() }
            }
            Self::SignIn { back } => {
                lead(&mut response, &urls::login_returning(back));
                return response;
            }
            Self::Enrol => {
                lead(&mut response, &urls::settings_second_factor());
                return response;
            }
            Self::EnrolFor { slug, back } => {
                lead(&mut response, &urls::organization_second_factor_returning(slug, back));
                return response;
            }
            Self::Confirm { back } => {
                lead(&mut response, &urls::step_up_returning(back));
                return response;
            }
            _ => Failure::default(),
        };
        response.extensions_mut().insert(failure);
        response
    }
}

/// Whether a database's refusal is likely to pass: it is locked, full, read-only, restarting, or too slow just now.
fn is_passing(error: &diesel::result::Error) -> bool {
    use diesel::result::{DatabaseErrorKind, Error as DieselError};
    match error {
        DieselError::DatabaseError(
            DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::ReadOnlyTransaction
            | DatabaseErrorKind::SerializationFailure,
            _,
        )
        | DieselError::BrokenTransactionManager => true,
        DieselError::DatabaseError(_, info) => {
            let message = info.message();
            let signs = [
                "database is locked",
                "disk is full",
                "readonly database",
                "disk I/O error",
                "unable to open database",
                "timeout",
                "terminating connection",
                "server closed",
                "no connection",
                "deadlock",
                "shutting down",
                "starting up",
                "No space left",
            ];
            signs.iter().any(|sign| message.contains(sign))
        }
        _ => false,
    }
}

fn lead(response: &mut HttpResponse, to: &str) {
    if let Ok(value) = header::HeaderValue::from_str(to) {
        response.headers_mut().insert(header::LOCATION, value);
    }
}

/// Whether an answer to this request is for a program.
pub fn wants_json(path: &str, accept: Option<&header::HeaderValue>) -> bool {
    let asks = accept
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("application/json") && !accept.contains("text/html"));
    asks || is_api(path)
}

/// Whether a path is an API's, to which cookies mean nothing.
pub fn is_api(path: &str) -> bool {
    path.starts_with("/api/") || path.starts_with("/oauth2/") || path.starts_with("/.well-known/")
}

/// The whole answer to a failure, as a page.
///
/// # Errors
/// When the template fails.
pub fn error_page(
    visitor: &Visitor,
    status: StatusCode,
    failure: Option<Failure>,
    request_id: &str,
) -> Result<HttpResponse> {
    let (heading, text, next) = words(status, failure);
    let shell = visitor.shell(heading, "");
    let sent = visitor.request().extensions().get::<SentFrom>().map(|SentFrom(page)| page.clone());
    html(
        status,
        &ErrorPage {
            shell,
            status: status.as_u16(),
            heading: heading.to_owned(),
            text,
            next,
            form: sent.filter(|page| status == StatusCode::TOO_MANY_REQUESTS && *page != urls::home()),
            request_id: request_id.to_owned(),
        },
    )
}

/// The same where nothing is known of the one who asked.
pub fn stranger_page(
    instance: &Instance,
    status: StatusCode,
    failure: Option<Failure>,
    request_id: &str,
) -> HttpResponse {
    let (heading, text, next) = words(status, failure);
    let shell = Shell::for_stranger(&instance.config.product_name, heading);
    html(
        status,
        &ErrorPage {
            shell,
            status: status.as_u16(),
            heading: heading.to_owned(),
            text,
            next,
            form: None,
            request_id: request_id.to_owned(),
        },
    )
    .unwrap_or_else(|_| problem(status, failure, request_id))
}

/// The whole answer to a failure, as RFC 9457 problem details.
pub fn problem(status: StatusCode, failure: Option<Failure>, request_id: &str) -> HttpResponse {
    let (title, detail, _) = words(status, failure);
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CONTENT_TYPE, "application/problem+json; charset=utf-8"));
    let kind = match status {
        StatusCode::TOO_MANY_REQUESTS => format!("{PROBLEM_TYPE}too-often"),
        _ => "about:blank".to_owned(),
    };
    let mut body =
        json!({ "type": kind, "title": title, "status": status.as_u16(), "detail": detail, "request_id": request_id });
    if let Some(problem) = failure.and_then(|failure| failure.bearer) {
        let (challenge, code) = match problem {
            BearerProblem::Missing => ("Bearer realm=\"keystead\"".to_owned(), None),
            BearerProblem::Malformed => {
                ("Bearer realm=\"keystead\", error=\"invalid_request\"".to_owned(), Some("invalid_request"))
            }
            BearerProblem::Invalid => {
                ("Bearer realm=\"keystead\", error=\"invalid_token\"".to_owned(), Some("invalid_token"))
            }
        };
        response.insert_header((header::WWW_AUTHENTICATE, challenge));
        if let Some(code) = code {
            body["error"] = json!(code);
        }
    }
    response.body(body.to_string())
}

/// Why a door is closed.
const TOO_MANY: &str = "There were too many tries, and to keep accounts safe this is closed for a while.";

/// The page of a door that is closed for a while, made of the sentence that says so.
///
/// # Errors
/// Those of the page.
pub fn closed(after: i64, page: impl FnOnce(String) -> Result<HttpResponse>) -> Result<HttpResponse> {
    page(format!("{TOO_MANY} Wait {}, then try again.", duration(after))).map(|response| wait(response, after))
}

fn wait(mut response: HttpResponse, after: i64) -> HttpResponse {
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    response.headers_mut().insert(header::RETRY_AFTER, after.max(1).into());
    response
}

/// Which limit is reached, as a sentence.
fn reached(limit: Option<Limit>) -> String {
    match limit {
        Some(limit) => format!("The limit is {}, and it is reached.", limit.words()),
        None => "That was as often as is allowed for now.".to_owned(),
    }
}

/// The form of which too many were sent: the same page with what was typed, which says what the limit is and how long to wait.
///
/// # Errors
/// Those of the page, and `error` where it is another one.
pub async fn too_often(
    error: Error,
    page: impl AsyncFnOnce(&Problems) -> Result<HttpResponse>,
) -> Result<HttpResponse> {
    let Error::TooMany { after, limit } = error else { return Err(error) };
    let mut problems = Problems::none();
    problems.add(NO_FIELD, format!("{} Wait {}, then send the form again.", reached(limit), duration(after)));
    page(&problems).await.map(|response| wait(response, after))
}

/// A wait in words.
fn duration(seconds: i64) -> String {
    if seconds < 120 { format!("{seconds} seconds") } else { format!("{} minutes", (seconds + 59) / 60) }
}

/// Heading, what happened, and what to do, for each status.
fn words(status: StatusCode, failure: Option<Failure>) -> (&'static str, String, String) {
    let hint = failure
        .and_then(|failure| failure.hint)
        .map(|hint| format!("{}{}.", hint[..1].to_uppercase(), hint[1..].trim_end_matches('.')));
    let wait = failure.and_then(|failure| failure.after).unwrap_or(60);
    let wait = duration(wait);
    let (heading, text, next) = match status.as_u16() {
        400 => ("That did not arrive as it should", hint.unwrap_or_else(|| "The request could not be read.".into()), "Go back and try again.".into()),
        401 => (
            "A valid credential is needed",
            "The request carries none that is valid here.".into(),
            "Send one as a bearer token in the Authorization header.".into(),
        ),
        // A role does not change by trying again.
        403 if hint.as_deref().is_some_and(|hint| hint.starts_with("Your role")) => ("You may not do this", hint.unwrap_or_default(), "Nothing was changed. Whoever manages the organization’s members can give you another role.".into()),
        403 => ("That was not accepted", hint.unwrap_or_else(|| "You may not do this.".into()), "Nothing was changed. Go back, reload the page and try again.".into()),
        404 => ("There is nothing here", "This page does not exist, or it is not yours to see.".into(), "Check the address, or start again from your profile.".into()),
        405 => ("This address does something else", "It does not take this kind of request.".into(), "Go back and use the page's own buttons.".into()),
        408 => ("That took too long", "The request did not arrive in time.".into(), "Try again; nothing was changed.".into()),
        413 => ("That is too large", "The request is larger than this page takes.".into(), "Go back and send less.".into()),
        414 => ("That address is too long", "The address is longer than this page takes.".into(), "Go back and try again.".into()),
        421 => ("This is another address", "This service does not answer under the name that was asked for.".into(), "Use the address that you were given for it.".into()),
        429 => ("Wait a little", reached(failure.and_then(|failure| failure.limit)), format!("Go on in {wait}.")),
        431 => ("That is too large", "The headers of the request are larger than this service takes.".into(), "Delete the cookies of this site and try again.".into()),
        503 => ("Just a moment", "A part of the service is busy or not reachable right now. If you were changing something, check whether it took effect.".into(), format!("Try again in {wait}.")),
        _ => ("Something went wrong", "That is our fault, not yours. It was written down with the number below.".into(), "Try again; if it happens once more, tell whoever runs this service and give them the number.".into()),
    };
    (heading, text, next)
}

/// An answer that is finished already, for where there is no request left to build one on.
pub struct Finished(RefCell<Option<HttpResponse>>);

impl Finished {
    /// Wraps the answer.
    pub fn new(response: HttpResponse) -> Self {
        Self(RefCell::new(Some(response)))
    }
}

impl std::fmt::Debug for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Finished")
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("finished")
    }
}

impl ResponseError for Finished {
    fn error_response(&self) -> HttpResponse<BoxBody> {
        self.0.take().unwrap_or_else(|| HttpResponse::InternalServerError().finish())
    }
}

/// The failure that an answer carries, if it is a bare one.
pub fn failure_of(response: &HttpResponse) -> Option<Failure> {
    response.extensions().get::<Failure>().copied()
}

/// For everything else.
///
/// # Errors
/// Always.
pub async fn not_found() -> Result<HttpResponse> {
    Err(Error::NotFound)
}
