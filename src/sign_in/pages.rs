//! `/`, `/login`, `/logout`.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::go_on;
use super::service::{self, SignIn};
use crate::app::Instance;
use crate::audit::Origin;
use crate::auth::SignedIn;
use crate::auth::capability::instance as instance_of;
use crate::config::SignUpMode;
use crate::error::{Error, Result};
use crate::openid::ProviderButton;
use crate::passkeys::Way;
use crate::setup;
use crate::sign_up;
use crate::urls;
use crate::web::{
    Field, FieldError, Notice, Posted, Pressed, Problems, Shell, Visitor, errors, filters, html, returning, see_other,
};

/// Said beside the wait: it is the same whether or not there is such an account.
const YOURS: &str =
    "From a browser that you signed in with before, you need not wait. Is this about your account? We mail its owner.";

const NOT_TOGETHER: &str = "That e-mail address and password do not belong together. Check both and try again.";

#[derive(Template)]
#[template(path = "sign_in/login.html")]
#[expect(clippy::struct_excessive_bools, reason = "each shows or hides a part of the page")]
struct LoginPage {
    shell: Shell,
    errors: Vec<FieldError>,
    email: Field,
    password: Field,
    keep: bool,
    next: String,
    failure: Option<String>,
    sign_up_open: bool,
    passwords: bool,
    providers: Vec<ProviderButton>,
    provider_makes_accounts: bool,
    google_help: Option<String>,
    passkey: Option<Way>,
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
    let instance = instance_of(visitor.request());
    let config = &instance.config;
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
            sign_up_open: config.sign_up == SignUpMode::Open,
            passwords: config.password_sign_in,
            providers: instance.providers.buttons(&form.next),
            provider_makes_accounts: config.sign_up == SignUpMode::Open
                && config.providers.iter().any(|provider| provider.allow_sign_up),
            google_help: instance.providers.google_help(),
            passkey: Way::of_sign_in(visitor),
        },
    )
}

/// The page after another way in was refused.
///
/// # Errors
/// When the template fails.
pub fn refused(visitor: &Visitor, next: &str, why: &str) -> Result<HttpResponse> {
    let form = LoginForm { next: returning::safe(next, ""), ..LoginForm::default() };
    page(visitor, StatusCode::UNPROCESSABLE_ENTITY, &form, &Problems::none(), Some(why))
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
    posted: Result<Posted<LoginForm>>,
) -> Result<HttpResponse> {
    if !instance.config.password_sign_in {
        return Ok(see_other(&urls::login()));
    }
    let form = match posted {
        Ok(Posted(form)) => form,
        Err(Error::Forbidden(_)) => return too_old(&visitor),
        Err(error) => return Err(error),
    };
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
        Ok(Some(next)) => go_on(&visitor, &instance, &session, next, form.keep.is_some(), &form.next),
        Ok(None) => {
            let mut why = NOT_TOGETHER.to_owned();
            // To everybody alike, so that it tells nothing of an address.
            if instance.config.sign_up == SignUpMode::Open {
                why.push_str(" Just signed up? Open the link in our mail first.");
            }
            page(&visitor, StatusCode::UNPROCESSABLE_ENTITY, &form, &problems, Some(&why))
        }
        Err(Error::TooMany { after, .. }) => errors::closed(after, |wait| {
            let wait = format!("{wait} {YOURS}");
            page(&visitor, StatusCode::TOO_MANY_REQUESTS, &form, &problems, Some(&wait))
        }),
        Err(error) => Err(error),
    }
}

/// A form that was not this browser's to send, most often one that waited in another tab while somebody signed in or out here.
/// Nothing of it is believed.
fn too_old(visitor: &Visitor) -> Result<HttpResponse> {
    if let Some(account) = visitor.account() {
        let text =
            format!("Another tab of this browser signed in as {}. Nothing was sent from this one.", account.email);
        let (heading, link) = ("You are signed in already", urls::home());
        return sign_up::pages::said(visitor, StatusCode::FORBIDDEN, heading, &text, "", link, "Continue");
    }
    let why = "This page had been open for too long, so nothing was sent. Enter your password once more.";
    page(visitor, StatusCode::FORBIDDEN, &LoginForm::default(), &Problems::none(), Some(why))
}

/// Where there are no passwords, whatever is about one leads here.
///
/// # Errors
/// When the template fails.
pub fn no_passwords(visitor: &Visitor) -> Result<HttpResponse> {
    let text = "People sign in here with another account of theirs, so there is nothing to set or to forget.";
    let (heading, way_on) = ("There are no passwords here", (urls::login(), "Go to sign in"));
    sign_up::pages::said(visitor, StatusCode::FORBIDDEN, heading, text, "", way_on.0, way_on.1)
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
