//! `/password/forgot`, `/password/reset/{code}`.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use validator::Validate;
use zeroize::Zeroizing;

use super::service;
use crate::app::Instance;
use crate::audit::Origin;
use crate::auth::password::{Context, Password, PasswordRules};
use crate::error::{Error, Result};
use crate::sign_up::pages::{check_mail, spent};
use crate::text;
use crate::urls;
use crate::users::Credentials;
use crate::web::{Field, FieldError, Notice, Posted, Problems, Shell, Visitor, filters, html, see_other};

#[derive(Template)]
#[template(path = "recovery/forgot.html")]
struct ForgotPage {
    shell: Shell,
    errors: Vec<FieldError>,
    email: Field,
}

#[derive(Template)]
#[template(path = "recovery/reset.html")]
struct ResetPage {
    shell: Shell,
    errors: Vec<FieldError>,
    email: String,
    action_url: String,
    password: Field,
    confirm: Field,
    rules: PasswordRules,
    revoke_tokens: bool,
}

/// What the form sends.
#[derive(Default, Deserialize, Validate)]
#[serde(default)]
pub struct ForgotForm {
    #[validate(custom(function = text::email))]
    email: String,
}

fn forgot_page(visitor: &Visitor, status: StatusCode, form: &ForgotForm, problems: &Problems) -> Result<HttpResponse> {
    let shell = visitor.shell("Forgotten password", "");
    html(status, &ForgotPage { shell, errors: problems.list(), email: problems.field("email", &form.email) })
}

/// `GET /password/forgot`.
///
/// # Errors
/// When the template fails.
pub async fn show(visitor: Visitor) -> Result<HttpResponse> {
    forgot_page(&visitor, StatusCode::OK, &ForgotForm::default(), &Problems::none())
}

/// `POST /password/forgot`: the same page, whatever was found.
///
/// # Errors
/// When the database refuses.
pub async fn submit(
    visitor: Visitor,
    instance: web::Data<Instance>,
    Posted(form): Posted<ForgotForm>,
) -> Result<HttpResponse> {
    let problems = Problems::of(&form);
    if !problems.is_empty() {
        return forgot_page(&visitor, StatusCode::UNPROCESSABLE_ENTITY, &form, &problems);
    }
    match service::ask(&instance, &form.email, Origin::of(visitor.request())).await {
        // Too many mails to this address: no more go out, and nobody learns why.
        Ok(()) | Err(Error::TooMany { .. }) => check_mail(&visitor, form.email.trim(), "one hour"),
        Err(error) => Err(error),
    }
}

/// What the page behind the mailed link sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ResetForm {
    password: Zeroizing<String>,
    confirm: Zeroizing<String>,
    revoke_tokens: Option<String>,
}

fn context<'a>(instance: &'a Instance, known: &'a Credentials) -> Context<'a> {
    Context {
        product: &instance.config.product_name,
        email: &known.email,
        first_name: &known.first_name,
        last_name: &known.last_name,
        ..Context::default()
    }
}

async fn owner(instance: &Instance, code: &str) -> Result<Option<Credentials>> {
    let (code, now) = (code.to_owned(), instance.clock.now());
    instance.db.read(move |connection| service::find(connection, &code, now)).await
}

struct Place<'a> {
    code: &'a str,
    known: &'a Credentials,
}

fn reset_page(
    visitor: &Visitor,
    instance: &Instance,
    status: StatusCode,
    place: &Place<'_>,
    revoke_tokens: bool,
    problems: &Problems,
) -> Result<HttpResponse> {
    html(
        status,
        &ResetPage {
            shell: visitor.shell("Choose a new password", ""),
            errors: problems.list(),
            email: place.known.email.clone(),
            action_url: urls::password_reset(place.code),
            password: problems.secret("password"),
            confirm: problems.secret("confirm"),
            rules: PasswordRules::new(&context(instance, place.known), &instance.config.passwords),
            revoke_tokens,
        },
    )
}

/// `GET /password/reset/{code}`. Does nothing: mail scanners open links, too.
///
/// # Errors
/// When the database refuses.
pub async fn show_reset(
    visitor: Visitor,
    instance: web::Data<Instance>,
    code: web::Path<String>,
) -> Result<HttpResponse> {
    match owner(&instance, &code).await? {
        Some(known) => {
            let place = Place { code: &code, known: &known };
            reset_page(&visitor, &instance, StatusCode::OK, &place, true, &Problems::none())
        }
        None => spent(&visitor, urls::password_forgot(), "Ask for another link"),
    }
}

/// `POST /password/reset/{code}`.
///
/// # Errors
/// When the database refuses.
pub async fn reset(
    visitor: Visitor,
    instance: web::Data<Instance>,
    code: web::Path<String>,
    Posted(form): Posted<ResetForm>,
) -> Result<HttpResponse> {
    let code = code.into_inner();
    let Some(known) = owner(&instance, &code).await? else {
        return spent(&visitor, urls::password_forgot(), "Ask for another link");
    };
    let revoke_tokens = form.revoke_tokens.is_some();
    let mut found = Problems::none();
    found.add_new_password(&form.password, &form.confirm, &context(&instance, &known), &instance.config.passwords);
    let new = match Password::new(&form.password) {
        Ok(new) if found.is_empty() => new,
        _ => {
            let (status, place) = (StatusCode::UNPROCESSABLE_ENTITY, Place { code: &code, known: &known });
            return reset_page(&visitor, &instance, status, &place, revoke_tokens, &found);
        }
    };
    match service::reset(&instance, code, new, revoke_tokens, Origin::of(visitor.request())).await {
        Ok(()) => {
            let mut response = see_other(&urls::login());
            Notice::PasswordReset.send(&mut response, instance.config.is_https());
            Ok(response)
        }
        Err(Error::NotFound) => spent(&visitor, urls::password_forgot(), "Ask for another link"),
        Err(error) => Err(error),
    }
}
