//! `/`, `/login`, `/logout`.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::{HttpMessage, HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::service::{self, SignIn};
use crate::app::Instance;
use crate::audit::Origin;
use crate::auth::SignedIn;
use crate::auth::capability::instance as instance_of;
use crate::config::SignUpMode;
use crate::error::{Error, Result};
use crate::setup;
use crate::urls;
use crate::web::front::KeepSignedIn;
use crate::web::{
    Field, FieldError, Notice, Posted, Pressed, Problems, Shell, Visitor, errors, filters, html, returning, see_other,
};

#[derive(Template)]
#[template(path = "sign_in/login.html")]
struct LoginPage {
    shell: Shell,
    errors: Vec<FieldError>,
    email: Field,
    password: Field,
    keep: bool,
    next: String,
    failure: Option<String>,
    sign_up_open: bool,
}

/// What the form sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct LoginForm {
    email: String,
    password: Zeroizing<String>,
    keep: Option<String>,
    next: String,
}

/// `GET /`: on to where one wants to be.
///
/// # Errors
/// When the database refuses.
pub async fn home(visitor: Visitor, instance: web::Data<Instance>) -> Result<HttpResponse> {
    if visitor.account().is_some() {
        return Ok(see_other(&urls::settings_profile()));
    }
    let ready = instance.db.read(setup::done).await?;
    Ok(see_other(&if ready { urls::login() } else { urls::setup() }))
}

fn page(
    visitor: &Visitor,
    status: StatusCode,
    form: &LoginForm,
    problems: &Problems,
    failure: Option<&str>,
) -> Result<HttpResponse> {
    html(
        status,
        &LoginPage {
            shell: visitor.shell("Sign in", ""),
            errors: problems.list(),
            email: problems.field("email", &form.email),
            password: problems.secret("password"),
            keep: form.keep.is_some(),
            next: form.next.clone(),
            failure: failure.map(str::to_owned),
            sign_up_open: instance_of(visitor.request()).config.sign_up == SignUpMode::Open,
        },
    )
}

/// `GET /login`.
///
/// # Errors
/// When the database refuses.
pub async fn show(
    visitor: Visitor,
    instance: web::Data<Instance>,
    form: web::Query<LoginForm>,
) -> Result<HttpResponse> {
    if visitor.account().is_some() {
        return Ok(see_other(&returning::safe(&form.next, &urls::home())));
    }
    if !instance.db.read(setup::done).await? {
        return Ok(see_other(&urls::setup()));
    }
    // Nothing of the address goes into the form but where to return to.
    let form = LoginForm { next: returning::safe(&form.next, ""), ..LoginForm::default() };
    page(&visitor, StatusCode::OK, &form, &Problems::none(), None)
}

/// `POST /login`.
///
/// # Errors
/// As [`service::sign_in`].
pub async fn submit(
    visitor: Visitor,
    instance: web::Data<Instance>,
    session: Session,
    Posted(form): Posted<LoginForm>,
) -> Result<HttpResponse> {
    let mut problems = Problems::none();
    if form.email.trim().is_empty() {
        problems.add("email", "Enter your e-mail address");
    }
    if form.password.is_empty() {
        problems.add("password", "Enter your password");
    }
    if !problems.is_empty() {
        return page(&visitor, StatusCode::UNPROCESSABLE_ENTITY, &form, &problems, None);
    }
    let wish = SignIn {
        email: form.email.clone(),
        password: form.password.clone(),
        keep: form.keep.is_some(),
        instead_of: visitor.account().map(|account| account.session_id.clone()),
    };
    match service::sign_in(&instance, wish, Origin::of(visitor.request())).await {
        Ok(Some(key)) => {
            key.give(&session)?;
            if form.keep.is_some() {
                visitor.request().extensions_mut().insert(KeepSignedIn(instance.config.sessions.kept_absolute));
            }
            Ok(see_other(&returning::safe(&form.next, &urls::settings_profile())))
        }
        Ok(None) => page(
            &visitor,
            StatusCode::UNPROCESSABLE_ENTITY,
            &form,
            &problems,
            Some("That e-mail address and password do not belong together. Check both and try again."),
        ),
        Err(Error::TooMany { after }) => {
            let wait = format!("{} Wait {}, then try again.", errors::TOO_MANY, errors::duration(after));
            let mut response = page(&visitor, StatusCode::TOO_MANY_REQUESTS, &form, &problems, Some(&wait))?;
            response.headers_mut().insert(RETRY_AFTER, after.max(1).into());
            Ok(response)
        }
        Err(error) => Err(error),
    }
}

/// `POST /logout`.
///
/// # Errors
/// When the database refuses; then the session has not ended.
pub async fn sign_out(
    who: SignedIn,
    instance: web::Data<Instance>,
    session: Session,
    _: Posted<Pressed>,
) -> Result<HttpResponse> {
    service::sign_out(&instance, &who).await?;
    session.purge();
    let mut response = see_other(&urls::login());
    Notice::SignedOut.send(&mut response, instance.config.is_https());
    // Not "cookies": the notice and the theme are cookies, and the session's is taken back by name.
    response
        .headers_mut()
        .insert(HeaderName::from_static("clear-site-data"), HeaderValue::from_static("\"cache\", \"storage\""));
    Ok(response)
}
