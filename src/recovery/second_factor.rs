//! `/second-factor/remove/{code}`: for whoever lost their second factor and their recovery codes. An administrator, or the
//! operator, makes the link after knowing who asks; its owner completes it with their password.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::service;
use crate::app::Instance;
use crate::audit::Origin;
use crate::auth::link::Purpose;
use crate::error::{Error, Result};
use crate::sign_in;
use crate::sign_up::pages::spent;
use crate::urls;
use crate::users::Credentials;
use crate::web::{Field, FieldError, Notice, Posted, Problems, Shell, Visitor, filters, html, see_other};

#[derive(Template)]
#[template(path = "recovery/remove_second_factor.html")]
struct RemovePage {
    shell: Shell,
    errors: Vec<FieldError>,
    email: String,
    action_url: String,
    password: Field,
    has_password: bool,
}

/// What the form sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct RemoveForm {
    password: Zeroizing<String>,
}

async fn owner(instance: &Instance, code: &str) -> Result<Option<Credentials>> {
    let (code, now) = (code.to_owned(), instance.clock.now());
    let reading =
        instance.db.read(move |connection| service::find(connection, Purpose::RemoveSecondFactor, &code, now));
    reading.await
}

fn page(visitor: &Visitor, code: &str, known: &Credentials, problems: &Problems) -> Result<HttpResponse> {
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    html(
        status,
        &RemovePage {
            shell: visitor.shell("Remove your second factor", ""),
            errors: problems.list(),
            email: known.email.clone(),
            action_url: urls::second_factor_remove(code),
            password: problems.secret("password"),
            has_password: known.password_hash.is_some(),
        },
    )
}

fn over(visitor: &Visitor) -> Result<HttpResponse> {
    spent(visitor, urls::login(), "Go to the sign-in page")
}

/// `GET /second-factor/remove/{code}`. Does nothing.
///
/// # Errors
/// When the database refuses.
pub async fn show(visitor: Visitor, instance: web::Data<Instance>, code: web::Path<String>) -> Result<HttpResponse> {
    match owner(&instance, &code).await? {
        Some(known) => page(&visitor, &code, &known, &Problems::none()),
        None => over(&visitor),
    }
}

/// `POST /second-factor/remove/{code}`.
///
/// # Errors
/// [`Error::TooMany`]; when the database refuses.
pub async fn remove(
    visitor: Visitor,
    instance: web::Data<Instance>,
    code: web::Path<String>,
    Posted(form): Posted<RemoveForm>,
) -> Result<HttpResponse> {
    let Some(known) = owner(&instance, &code).await? else { return over(&visitor) };
    let mut problems = Problems::none();
    // Whoever signs in with a provider alone has no password to type; the provider stays between the link and the account.
    if known.password_hash.is_some() {
        if form.password.is_empty() {
            problems.add("password", "Enter your password");
        } else if !sign_in::check_password_at_link(&instance, &code, &known, &form.password).await? {
            problems.add("password", "That is not your password. Try again.");
        }
    }
    if !problems.is_empty() {
        return page(&visitor, &code, &known, &problems);
    }
    match service::remove_second_factor(&instance, code.into_inner(), Origin::of(visitor.request())).await {
        Ok(()) => {
            let mut response = see_other(&urls::login());
            Notice::SecondFactorTakenAway.send(&mut response, instance.config.is_https());
            Ok(response)
        }
        Err(Error::NotFound) => over(&visitor),
        Err(error) => Err(error),
    }
}
