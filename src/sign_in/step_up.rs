//! `/step-up`: confirm it is you, before a sensitive act. Nothing runs by itself afterwards: one comes back to the page,
//! with the filled form in it, and presses its button.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::service;
use crate::app::Instance;
use crate::auth::SignedIn;
use crate::error::Result;
use crate::urls;
use crate::web::{Field, FieldError, Notice, Posted, Problems, Shell, Visitor, filters, html, returning, see_other};

#[derive(Template)]
#[template(path = "sign_in/step_up.html")]
struct StepUpPage {
    shell: Shell,
    errors: Vec<FieldError>,
    password: Field,
    act: String,
    next: String,
    cancel: String,
}

/// What the form sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct StepUpForm {
    password: Zeroizing<String>,
    next: String,
}

/// What one is about to do, by where one goes on.
fn act(next: &str) -> &'static str {
    match next.split('?').next().unwrap_or_default() {
        path if path == urls::settings_tokens_new() => "create a personal access token",
        path if path == urls::admin_verifiers() => "create a verifier",
        path if path.starts_with("/admin/verifiers/") => "delete a verifier",
        _ => "go on",
    }
}

/// Where one goes who would rather not.
fn cancel(next: &str) -> String {
    // Not to the administration: its pages may be what asked.
    if next.starts_with("/settings/tokens") { urls::settings_tokens() } else { urls::settings_profile() }
}

fn page(visitor: &Visitor, status: StatusCode, next: &str, problems: &Problems) -> Result<HttpResponse> {
    html(
        status,
        &StepUpPage {
            shell: visitor.shell("Confirm it is you", ""),
            errors: problems.list(),
            password: problems.secret("password"),
            act: act(next).to_owned(),
            next: next.to_owned(),
            cancel: cancel(next),
        },
    )
}

/// `GET /step-up`.
///
/// # Errors
/// When the template fails.
pub async fn show(_: SignedIn, visitor: Visitor, form: web::Query<StepUpForm>) -> Result<HttpResponse> {
    page(&visitor, StatusCode::OK, &returning::safe(&form.next, &urls::home()), &Problems::none())
}

/// `POST /step-up`.
///
/// # Errors
/// As [`service::check_password`].
pub async fn submit(
    who: SignedIn,
    visitor: Visitor,
    instance: web::Data<Instance>,
    session: Session,
    Posted(form): Posted<StepUpForm>,
) -> Result<HttpResponse> {
    let next = returning::safe(&form.next, &urls::home());
    let mut problems = Problems::none();
    if form.password.is_empty() {
        problems.add("password", "Enter your password");
    } else if !service::check_password(&instance, &who, &form.password).await? {
        problems.add("password", "That is not your password. Try again.");
    }
    if !problems.is_empty() {
        return page(&visitor, StatusCode::UNPROCESSABLE_ENTITY, &next, &problems);
    }
    service::confirm(&instance, &who).await?.give(&session)?;
    let mut response = see_other(&next);
    Notice::Confirmed.send(&mut response, instance.config.is_https());
    Ok(response)
}
