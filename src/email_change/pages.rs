//! `/settings/profile/email`, and the pages behind the links in the two mailboxes.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use validator::Validate;
use zeroize::Zeroizing;

use super::queries::{Change, by_new, by_old};
use super::service::{self, Clicker, Mailbox, Step};
use crate::app::Instance;
use crate::audit::Origin;
use crate::auth::{Confirmed, SignedIn};
use crate::error::{Error, Result};
use crate::sign_up::pages::spent;
use crate::text;
use crate::urls;
use crate::users::{credentials, email_key};
use crate::web::form::ConfirmedPost;
use crate::web::{
    Field, FieldError, Moment, Notice, Posted, Pressed, Problems, Shell, Visitor, errors, filters, html, see_other,
};

#[derive(Template)]
#[template(path = "email_change/ask.html")]
struct AskPage {
    shell: Shell,
    errors: Vec<FieldError>,
    email: String,
    new_email: Field,
    /// Whether the present mailbox must say yes.
    needs_old: bool,
}

/// What the form sends.
#[derive(Default, Deserialize, Validate)]
#[serde(default)]
pub struct AskForm {
    #[validate(custom(function = text::email))]
    new_email: String,
}

async fn ask_page(
    visitor: &Visitor,
    instance: &Instance,
    status: StatusCode,
    who: &SignedIn,
    form: &AskForm,
    problems: &Problems,
) -> Result<HttpResponse> {
    html(
        status,
        &AskPage {
            shell: visitor.shell("Change e-mail", "profile"),
            errors: problems.list(),
            email: who.account().email.clone(),
            new_email: problems.field("new_email", &form.new_email),
            needs_old: service::needs_old(instance, who).await?,
        },
    )
}

/// Where the operator forbids it, there is no such page.
fn allowed(instance: &Instance) -> Result<()> {
    if instance.config.email_change { Ok(()) } else { Err(Error::NotFound) }
}

/// `GET /settings/profile/email`.
///
/// # Errors
/// [`Error::NotFound`] where addresses are not changed.
pub async fn ask(
    who: Confirmed,
    visitor: Visitor,
    instance: web::Data<Instance>,
    form: web::Query<AskForm>,
) -> Result<HttpResponse> {
    allowed(&instance)?;
    ask_page(&visitor, &instance, StatusCode::OK, &who, &form, &Problems::none()).await
}

/// `POST /settings/profile/email`: the same answer, whether or not the new address has an account.
///
/// # Errors
/// [`Error::NotFound`] where addresses are not changed; [`Error::TooMany`].
pub async fn submit(
    visitor: Visitor,
    instance: web::Data<Instance>,
    posted: ConfirmedPost<AskForm>,
) -> Result<HttpResponse> {
    allowed(&instance)?;
    let (who, form) = (posted.who, posted.form);
    let mut problems = Problems::of(&form);
    if problems.is_empty() && email_key(&form.new_email) == email_key(&who.account().email) {
        problems.add("new_email", "That is your present address. Enter another one.");
    }
    if !problems.is_empty() {
        return ask_page(&visitor, &instance, StatusCode::UNPROCESSABLE_ENTITY, &who, &form, &problems).await;
    }
    if let Err(error) = service::ask(&instance, who.clone(), &form.new_email).await {
        return errors::too_often(error, async |problems| {
            ask_page(&visitor, &instance, StatusCode::TOO_MANY_REQUESTS, &who, &form, problems).await
        })
        .await;
    }
    let notice =
        if instance.carrier.folder().is_none() { Notice::EmailChangeAsked } else { Notice::EmailChangeAskedHere };
    Ok(told(&instance, &urls::settings_profile(), notice))
}

/// `POST /settings/profile/email/cancel`.
///
/// # Errors
/// [`Error::NotFound`] when nothing waits.
pub async fn cancel(who: SignedIn, instance: web::Data<Instance>, _: Posted<Pressed>) -> Result<HttpResponse> {
    let now = instance.clock.now();
    instance.db.write(move |tx| service::take_back(tx, &who, now)).await?;
    Ok(told(&instance, &urls::settings_profile(), Notice::EmailChangeTakenBack))
}

fn told(instance: &Instance, path: &str, notice: Notice) -> HttpResponse {
    let mut response = see_other(path);
    notice.send(&mut response, instance.config.is_https());
    response
}

/// Where one goes from a link that no longer works.
fn dead(visitor: &Visitor) -> Result<HttpResponse> {
    if visitor.account().is_some() {
        spent(visitor, urls::settings_profile(), "Go to your profile")
    } else {
        spent(visitor, urls::login(), "Go to sign in")
    }
}

#[derive(Template)]
#[template(path = "email_change/new.html")]
struct NewPage {
    shell: Shell,
    errors: Vec<FieldError>,
    change: Change,
    action_url: String,
    sign_in_url: String,
    password: Field,
    /// Whether it is the owner's own browser; else the password is asked for.
    is_owner: bool,
    has_password: bool,
}

/// Whether this browser is signed in as the one whose address it is.
fn owner_here(who: Option<SignedIn>, change: &Change) -> Option<SignedIn> {
    who.filter(|who| who.account().user_id == change.user_id)
}

async fn has_password(instance: &Instance, change: &Change) -> Result<bool> {
    let user = change.user_id.clone();
    let known = instance.db.read(move |connection| credentials(connection, &user)).await?;
    Ok(known.password_hash.is_some())
}

async fn new_page(
    visitor: &Visitor,
    instance: &Instance,
    status: StatusCode,
    change: Change,
    code: &str,
    is_owner: bool,
    problems: &Problems,
) -> Result<HttpResponse> {
    let page = NewPage {
        shell: visitor.shell("Confirm your new e-mail address", ""),
        errors: problems.list(),
        has_password: has_password(instance, &change).await?,
        change,
        action_url: urls::email_new(code),
        sign_in_url: urls::login_returning(&urls::email_new(code)),
        password: problems.secret("password"),
        is_owner,
    };
    html(status, &page)
}

async fn find_new(instance: &Instance, code: &str) -> Result<Option<Change>> {
    let (code, now) = (code.to_owned(), instance.clock.now());
    allowed(instance)?;
    instance.db.read(move |connection| by_new(connection, &code, now)).await
}

/// `GET /email/new/{code}`. Does nothing: mail scanners open links, too.
///
/// # Errors
/// When the database refuses.
pub async fn show_new(
    visitor: Visitor,
    who: Option<SignedIn>,
    instance: web::Data<Instance>,
    code: web::Path<String>,
) -> Result<HttpResponse> {
    let Some(change) = find_new(&instance, &code).await? else { return dead(&visitor) };
    let is_owner = owner_here(who, &change).is_some();
    new_page(&visitor, &instance, StatusCode::OK, change, &code, is_owner, &Problems::none()).await
}

/// What the page behind the new mailbox's link sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct NewForm {
    password: Zeroizing<String>,
}

/// `POST /email/new/{code}`.
///
/// # Errors
/// [`Error::TooMany`]; when the database refuses.
pub async fn prove_new(
    visitor: Visitor,
    who: Option<SignedIn>,
    instance: web::Data<Instance>,
    session: Session,
    code: web::Path<String>,
    Posted(form): Posted<NewForm>,
) -> Result<HttpResponse> {
    let Some(change) = find_new(&instance, &code).await? else { return dead(&visitor) };
    let by = if let Some(who) = owner_here(who, &change) {
        Clicker::Owner(who)
    } else if service::knows_password(&instance, &change, &form.password).await? {
        Clicker::Mailbox(Origin::of(visitor.request()))
    } else {
        let mut problems = Problems::none();
        let empty = form.password.is_empty();
        problems.add("password", if empty { "Enter your password" } else { "That is not your password. Try again." });
        return new_page(&visitor, &instance, StatusCode::UNPROCESSABLE_ENTITY, change, &code, false, &problems).await;
    };
    said_yes(&visitor, &instance, &session, &change, Mailbox::New, by).await
}

async fn said_yes(
    visitor: &Visitor,
    instance: &Instance,
    session: &Session,
    change: &Change,
    mailbox: Mailbox,
    by: Clicker,
) -> Result<HttpResponse> {
    let next = if matches!(by, Clicker::Owner(_)) { urls::settings_profile() } else { urls::login() };
    match service::say_yes(instance, change, mailbox, by).await {
        Ok(Step::Waiting) if instance.carrier.folder().is_some() => {
            Ok(told(instance, &next, Notice::EmailChangeWaitsHere))
        }
        Ok(Step::Waiting) => Ok(told(instance, &next, Notice::EmailChangeWaits)),
        Ok(Step::Made(key)) => {
            if let Some(key) = key {
                key.give(session)?;
            }
            Ok(told(instance, &next, Notice::EmailChanged))
        }
        Err(Error::NotFound) => dead(visitor),
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "email_change/old.html")]
struct OldPage {
    shell: Shell,
    change: Change,
    action_url: String,
    until: Moment,
    /// Whether there is something left to allow.
    can_allow: bool,
}

async fn find_old(instance: &Instance, code: &str) -> Result<Option<Change>> {
    let (code, now) = (code.to_owned(), instance.clock.now());
    instance.db.read(move |connection| by_old(connection, &code, now)).await
}

/// `GET /email/old/{code}`. Does nothing: mail scanners open links, too.
///
/// # Errors
/// When the database refuses.
pub async fn show_old(
    visitor: Visitor,
    instance: web::Data<Instance>,
    code: web::Path<String>,
) -> Result<HttpResponse> {
    let Some(change) = find_old(&instance, &code).await? else { return dead(&visitor) };
    let now = instance.clock.now();
    let page = OldPage {
        shell: visitor.shell("Was it you?", ""),
        action_url: urls::email_old(&code),
        until: Moment::new(change.undo_until, now),
        can_allow: change.is_open(now) && change.waits_for_old(),
        change,
    };
    html(StatusCode::OK, &page)
}

/// What the page behind the old mailbox's link sends: `allow` or `undo`.
#[derive(Deserialize)]
pub struct OldForm {
    answer: String,
}

/// `POST /email/old/{code}`.
///
/// # Errors
/// When the database refuses.
pub async fn answer_old(
    visitor: Visitor,
    who: Option<SignedIn>,
    instance: web::Data<Instance>,
    session: Session,
    code: web::Path<String>,
    Posted(form): Posted<OldForm>,
) -> Result<HttpResponse> {
    let Some(change) = find_old(&instance, &code).await? else { return dead(&visitor) };
    let origin = Origin::of(visitor.request());
    match form.answer.as_str() {
        "allow" => {
            let by = owner_here(who, &change).map_or(Clicker::Mailbox(origin), Clicker::Owner);
            said_yes(&visitor, &instance, &session, &change, Mailbox::Old, by).await
        }
        "undo" => match service::undo(&instance, code.into_inner(), origin).await {
            Ok(reset) => {
                session.purge();
                Ok(match reset {
                    Some(reset) => told(&instance, &urls::password_reset(&reset), Notice::EmailChangeUndone),
                    None => told(&instance, &urls::login(), Notice::EmailChangeUndoneHere),
                })
            }
            Err(Error::NotFound) => dead(&visitor),
            Err(error) => Err(error),
        },
        _ => Err(Error::BadRequest("the answer is allow or undo")),
    }
}
