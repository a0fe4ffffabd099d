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
use crate::auth::link::Purpose;
use crate::auth::password::{Context, Password, PasswordRules};
use crate::error::{Error, Result};
use crate::second_factor::{Overview, Typed, check, overview, wrong};
use crate::sign_in::pages::no_passwords;
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
    second_factor: bool,
    has_app: bool,
    code: Field,
    recovery_code: Field,
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
pub async fn show(visitor: Visitor, instance: web::Data<Instance>) -> Result<HttpResponse> {
    if !instance.config.password_sign_in {
        return no_passwords(&visitor);
    }
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
    if !instance.config.password_sign_in {
        return no_passwords(&visitor);
    }
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
    code: Zeroizing<String>,
    recovery_code: Zeroizing<String>,
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

struct Place {
    code: String,
    known: Credentials,
    has: Overview,
}

impl Place {
    /// Where a link leads, if it is still good.
    async fn find(instance: &Instance, code: &str) -> Result<Option<Self>> {
        let (code, now) = (code.to_owned(), instance.clock.now());
        let reading = instance.db.read(move |connection| {
            let Some(known) = service::find(connection, Purpose::ResetPassword, &code, now)? else { return Ok(None) };
            let has = if known.second_factor { overview(connection, &known.id)? } else { Overview::default() };
            Ok(Some(Self { code, known, has }))
        });
        reading.await
    }
}

fn reset_page(
    visitor: &Visitor,
    instance: &Instance,
    place: &Place,
    revoke_tokens: bool,
    problems: &Problems,
) -> Result<HttpResponse> {
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    html(
        status,
        &ResetPage {
            shell: visitor.shell("Choose a new password", ""),
            errors: problems.list(),
            email: place.known.email.clone(),
            action_url: urls::password_reset(&place.code),
            password: problems.secret("password"),
            confirm: problems.secret("confirm"),
            rules: PasswordRules::new(&context(instance, &place.known), &instance.config.passwords),
            second_factor: place.known.second_factor,
            has_app: place.has.app_since.is_some(),
            code: problems.secret("code"),
            recovery_code: problems.secret("recovery_code"),
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
    if !instance.config.password_sign_in {
        return no_passwords(&visitor);
    }
    match Place::find(&instance, &code).await? {
        Some(place) => reset_page(&visitor, &instance, &place, true, &Problems::none()),
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
    if !instance.config.password_sign_in {
        return no_passwords(&visitor);
    }
    let Some(place) = Place::find(&instance, &code).await? else {
        return spent(&visitor, urls::password_forgot(), "Ask for another link");
    };
    let (revoke_tokens, origin) = (form.revoke_tokens.is_some(), Origin::of(visitor.request()));
    let mut found = Problems::none();
    found.add_new_password(
        &form.password,
        &form.confirm,
        &context(&instance, &place.known),
        &instance.config.passwords,
    );
    let by_code = form.recovery_code.trim().is_empty();
    let field = if by_code { "code" } else { "recovery_code" };
    if place.known.second_factor && by_code && form.code.trim().is_empty() {
        found.add(if place.has.app_since.is_some() { "code" } else { "recovery_code" }, "Enter a code, too");
    }
    let new = match Password::new(&form.password) {
        Ok(new) if found.is_empty() => new,
        _ => return reset_page(&visitor, &instance, &place, revoke_tokens, &found),
    };
    // Asked last and only for an otherwise good form: each time costs one of the tries.
    let typed = if by_code { Typed::Code(form.code) } else { Typed::RecoveryCode(form.recovery_code) };
    let evidence = if place.known.second_factor { check(&instance, &place.known.id, &typed).await? } else { None };
    let done = if place.known.second_factor && evidence.is_none() {
        service::refuse(&instance, place.known.id.clone(), origin).await?;
        Ok(false)
    } else {
        service::reset(&instance, place.code.clone(), new, evidence, revoke_tokens, origin).await
    };
    match done {
        Ok(true) => {
            let mut response = see_other(&urls::login());
            Notice::PasswordReset.send(&mut response, instance.config.is_https());
            Ok(response)
        }
        Ok(false) => {
            found.add(field, wrong(field));
            reset_page(&visitor, &instance, &place, revoke_tokens, &found)
        }
        Err(Error::NotFound) => spent(&visitor, urls::password_forgot(), "Ask for another link"),
        Err(error) => Err(error),
    }
}
