//! `/password/forgot`, `/password/reset/{code}`.

use std::time::Duration;

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
use crate::organizations::names;
use crate::passkeys::{Answer, Purpose as Door, Way};
use crate::second_factor::{Overview, Typed, check, overview, wrong};
use crate::sign_in::pages::no_passwords;
use crate::sign_up::pages::{check_mail, spent};
use crate::text;
use crate::urls;
use crate::users::Credentials;
use crate::web::{
    Field, FieldError, Notice, Posted, Pressed, Problems, Shell, Visitor, errors, filters, html, see_other,
};

/// For how long whoever forgot a password waits for the answer, whatever there is to do.
const AT_LEAST: Duration = Duration::from_millis(250);

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
    passkey: Option<Way>,
    failure: Option<&'static str>,
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
    // An account has a link and a mail to be written, and none has not: nobody gets the answer before both would be done.
    let asked = service::ask(&instance, &form.email, Origin::of(visitor.request()));
    match tokio::join!(asked, tokio::time::sleep(AT_LEAST)).0 {
        Ok(()) => check_mail(&visitor, form.email.trim(), "one hour"),
        // What is counted is how often a mail was asked for, which tells nothing of whether there is an account.
        Err(error) => {
            errors::too_often(error, async |problems| {
                forgot_page(&visitor, StatusCode::TOO_MANY_REQUESTS, &form, problems)
            })
            .await
        }
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
    credential: String,
    revoke_tokens: Option<String>,
}

struct Place {
    code: String,
    known: Credentials,
    has: Overview,
    organizations: Vec<String>,
}

impl Place {
    /// Where a link leads, if it is still good.
    async fn find(instance: &Instance, code: &str) -> Result<Option<Self>> {
        let (code, now) = (code.to_owned(), instance.clock.now());
        let reading = instance.db.read(move |connection| {
            let Some(known) = service::find(connection, Purpose::ResetPassword, &code, now)? else { return Ok(None) };
            let has = if known.second_factor { overview(connection, &known.id)? } else { Overview::default() };
            let organizations = names(connection, &known.id)?;
            Ok(Some(Self { code, known, has, organizations }))
        });
        reading.await
    }

    /// What is wrong with a new password here; and the rules that say so.
    fn rules(&self, instance: &Instance, typed: Option<&ResetForm>) -> (Problems, PasswordRules) {
        let organizations: Vec<&str> = self.organizations.iter().map(String::as_str).collect();
        let Credentials { email, first_name, last_name, second_factor, .. } = &self.known;
        let person = Context::of(&instance.config.product_name, email, first_name, last_name);
        let context = Context { organizations: &organizations, second_factor: *second_factor, ..person };
        let mut problems = Problems::none();
        if let Some(form) = typed {
            problems.add_new_password(&form.password, &form.confirm, &context, &instance.config.passwords);
        }
        (problems, PasswordRules::new(&context, &instance.config.passwords))
    }
}

fn reset_page(
    visitor: &Visitor,
    instance: &Instance,
    place: &Place,
    revoke_tokens: bool,
    problems: &Problems,
    failure: Option<&'static str>,
) -> Result<HttpResponse> {
    let right = problems.is_empty() && failure.is_none();
    html(
        if right { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY },
        &ResetPage {
            shell: visitor.shell("Choose a new password", ""),
            errors: problems.list(),
            email: place.known.email.clone(),
            action_url: urls::password_reset(&place.code),
            password: problems.secret("password"),
            confirm: problems.secret("confirm"),
            rules: place.rules(instance, None).1,
            passkey: Way::of_reset(visitor, &place.code).filter(|_| place.has.passkeys),
            failure,
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
        Some(place) => reset_page(&visitor, &instance, &place, true, &Problems::none(), None),
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
    let (mut found, _) = place.rules(&instance, Some(&form));
    let typed = if !form.credential.is_empty() {
        Typed::Passkey(Answer::of(&visitor, Door::Reset, form.credential))
    } else if form.recovery_code.trim().is_empty() {
        Typed::Code(form.code)
    } else {
        Typed::RecoveryCode(form.recovery_code)
    };
    let field = match &typed {
        Typed::Code(code) if place.known.second_factor && code.trim().is_empty() => {
            match (place.has.app_since.is_some(), place.has.passkeys) {
                (true, _) => found.add("code", "Enter a code, too"),
                (false, true) => found.add("recovery_code", "Use your passkey, or enter a recovery code, too"),
                (false, false) => found.add("recovery_code", "Enter a code, too"),
            }
            "code"
        }
        Typed::Code(_) => "code",
        Typed::RecoveryCode(_) => "recovery_code",
        Typed::Passkey(_) => "credential",
    };
    let new = match Password::new(&form.password) {
        Ok(new) if found.is_empty() => new,
        _ => return reset_page(&visitor, &instance, &place, revoke_tokens, &found, None),
    };
    // Asked last and only for an otherwise good form: each time costs one of the tries.
    let evidence = if place.known.second_factor { check(&instance, &place.known.id, &typed).await? } else { None };
    let done = if place.known.second_factor && evidence.is_none() {
        service::refuse(&instance, place.known.id.clone(), origin).await?;
        Ok(false)
    } else if service::is_withdrawn(&instance, &place.known, &form.password).await? {
        found.add("password", service::WITHDRAWN);
        return reset_page(&visitor, &instance, &place, revoke_tokens, &found, None);
    } else {
        service::reset(&instance, place.code.clone(), new, evidence, revoke_tokens, origin).await
    };
    match done {
        Ok(true) => {
            let mut response = see_other(&urls::login());
            Notice::PasswordReset.send(&mut response, instance.config.is_https());
            Ok(response)
        }
        Ok(false) if field == "credential" => {
            let failure = Some("That passkey was not accepted here. Try again.");
            reset_page(&visitor, &instance, &place, revoke_tokens, &found, failure)
        }
        Ok(false) => {
            found.add(field, wrong(field));
            reset_page(&visitor, &instance, &place, revoke_tokens, &found, None)
        }
        Err(Error::NotFound) => spent(&visitor, urls::password_forgot(), "Ask for another link"),
        Err(error) => Err(error),
    }
}

/// `POST /password/reset/{code}/options`: what the browser needs to ask the passkeys of whoever's link it is.
///
/// # Errors
/// [`Error::NotFound`] when the link is used or over; [`Error::TooMany`].
pub async fn passkey_options(
    visitor: Visitor,
    instance: web::Data<Instance>,
    code: web::Path<String>,
    _: Posted<Pressed>,
) -> Result<HttpResponse> {
    let place = Place::find(&instance, &code).await?.filter(|_| instance.config.password_sign_in);
    let place = place.ok_or(Error::NotFound)?;
    let answer = Answer::of(&visitor, Door::Reset, String::new());
    Ok(HttpResponse::Ok().json(answer.options(&instance, &place.known.id).await?))
}
