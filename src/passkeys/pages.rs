//! `/settings/security/passkeys` and below.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::Purpose;
use super::ceremony::{self, Occasion};
use super::forms::{PasskeyForm, RemoveForm};
use super::queries;
use super::service::{self, Added};
use super::views::{NewPage, Place, RemovePage, RenamePage};
use crate::app::Instance;
use crate::auth::{Confirmed, SignedIn};
use crate::error::{Error, Result};
use crate::ids::PasskeyId;
use crate::openid::{Doors, Way};
use crate::organizations::requiring;
use crate::second_factor::overview;
use crate::second_factor::pages::codes_page;
use crate::security::sessions::Sessions;
use crate::text;
use crate::urls;
use crate::web::form::ConfirmedPost;
use crate::web::{Notice, Pressed, Problems, Visitor, agent, html, see_other};

const REFUSED: &str =
    "That passkey could not be added: it is known already, or making it took longer than five minutes. Try again.";
const TOO_MANY: &str = "You have 20 passkeys, and there can be no more. Remove one that you no longer use.";

/// The making of a passkey, in this visitor's session.
fn occasion(who: &SignedIn, visitor: &Visitor) -> Occasion {
    Occasion {
        purpose: Purpose::Add,
        binding: visitor.binding().unwrap_or_default(),
        user: Some(who.account().user_id.clone()),
        origin: who.origin().clone(),
    }
}

fn new_page(
    visitor: &Visitor,
    form: &PasskeyForm,
    problems: &Problems,
    failure: Option<&'static str>,
) -> Result<HttpResponse> {
    let status =
        if problems.is_empty() && failure.is_none() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    html(
        status,
        &NewPage {
            shell: visitor.shell("Add a passkey", "security"),
            errors: problems.list(),
            failure,
            name: problems.field("name", &form.name),
            place: Place::of(visitor),
            next: form.next(),
        },
    )
}

/// `GET /settings/security/passkeys/new`; a name in the address fills the form in.
///
/// # Errors
/// When the template fails.
pub async fn new(who: Confirmed, visitor: Visitor, form: web::Query<PasskeyForm>) -> Result<HttpResponse> {
    let mut form = form.into_inner();
    if form.name.is_empty() {
        form.name = agent::words(&who.origin().agent);
    }
    new_page(&visitor, &form, &Problems::none(), None)
}

/// `POST /settings/security/passkeys/options`: what the browser needs to make one.
///
/// # Errors
/// As [`ceremony::begin_adding`].
pub async fn options(
    visitor: Visitor,
    instance: web::Data<Instance>,
    posted: ConfirmedPost<Pressed>,
) -> Result<HttpResponse> {
    let occasion = occasion(&posted.who, &visitor);
    let options = ceremony::begin_adding(&instance, &occasion, posted.who.account()).await?;
    Ok(HttpResponse::Ok().json(options))
}

/// `POST /settings/security/passkeys/new`.
///
/// # Errors
/// When the database refuses; then nothing is added.
pub async fn add(
    visitor: Visitor,
    instance: web::Data<Instance>,
    posted: ConfirmedPost<PasskeyForm>,
) -> Result<HttpResponse> {
    let ConfirmedPost { who, form } = posted;
    let problems = Problems::of(&form);
    if !problems.is_empty() {
        return new_page(&visitor, &form, &problems, None);
    }
    let occasion = occasion(&who, &visitor);
    let failure = match service::add(&instance, &who, &occasion, &text::tidy(&form.name), &form.credential).await? {
        Added::Now(Some(codes)) => return codes_page(&visitor, &codes, true, form.next()),
        Added::Now(None) => return Ok(leave(&instance, &form.next(), Notice::PasskeyAdded)),
        Added::Refused => REFUSED,
        Added::TooMany => TOO_MANY,
    };
    new_page(&visitor, &form, &problems, Some(failure))
}

fn done(instance: &Instance, notice: Notice) -> HttpResponse {
    leave(instance, &urls::settings_security(), notice)
}

fn leave(instance: &Instance, to: &str, notice: Notice) -> HttpResponse {
    let mut response = see_other(to);
    notice.send(&mut response, instance.config.is_https());
    response
}

fn rename_page(visitor: &Visitor, id: &PasskeyId, name: &str, problems: &Problems) -> Result<HttpResponse> {
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    html(
        status,
        &RenamePage {
            shell: visitor.shell("Rename passkey", "security"),
            errors: problems.list(),
            name: problems.field("name", name),
            action: urls::settings_passkey_rename(id),
        },
    )
}

/// `GET /settings/security/passkeys/{id}/rename`.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is not theirs.
pub async fn ask_rename(
    who: Confirmed,
    visitor: Visitor,
    instance: web::Data<Instance>,
    id: web::Path<PasskeyId>,
    form: web::Query<PasskeyForm>,
) -> Result<HttpResponse> {
    let id = id.into_inner();
    let wanted = id.clone();
    let known = instance.db.read(move |connection| queries::find(connection, who.owner(), &wanted)).await?;
    let name = if form.name.is_empty() { &known.name } else { &form.name };
    rename_page(&visitor, &id, name, &Problems::none())
}

/// `POST /settings/security/passkeys/{id}/rename`.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is not theirs.
pub async fn rename(
    visitor: Visitor,
    instance: web::Data<Instance>,
    id: web::Path<PasskeyId>,
    posted: ConfirmedPost<PasskeyForm>,
) -> Result<HttpResponse> {
    let (ConfirmedPost { who, form }, id) = (posted, id.into_inner());
    let problems = Problems::of(&form);
    if !problems.is_empty() {
        return rename_page(&visitor, &id, &form.name, &problems);
    }
    service::rename(&instance, &who, id, text::tidy(&form.name)).await?;
    Ok(done(&instance, Notice::PasskeyRenamed))
}

/// `GET /settings/security/passkeys/{id}/remove`.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is not theirs.
pub async fn ask_remove(
    who: Confirmed,
    visitor: Visitor,
    instance: web::Data<Instance>,
    id: web::Path<PasskeyId>,
) -> Result<HttpResponse> {
    let (id, now) = (id.into_inner(), instance.clock.now());
    let (action, doors) = (urls::settings_passkey_remove(&id), Doors::of(&instance));
    let reading = instance.db.read(move |connection| {
        let sessions = Sessions::of(connection, who.owner(), &who.account().session_id, now)?;
        let elsewhere = sessions.elsewhere();
        let (name, user) = (queries::find(connection, who.owner(), &id)?.name, &who.account().user_id);
        let is_only = !queries::others(connection, user, &id)? && overview(connection, user)?.app_since.is_none();
        let closes = if is_only { requiring(connection, user)? } else { Vec::new() };
        let can_go = doors.open_without(connection, who.owner(), &Way::Passkey(&id))?;
        Ok((name, elsewhere, closes, can_go))
    });
    let (name, others, closes, can_go) = reading.await?;
    if !can_go {
        return Ok(done(&instance, Notice::LastPasskey));
    }
    html(
        StatusCode::OK,
        &RemovePage { shell: visitor.shell("Remove passkey", "security"), name, action, others, closes },
    )
}

/// `POST /settings/security/passkeys/{id}/remove`.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is not theirs.
pub async fn remove(
    instance: web::Data<Instance>,
    id: web::Path<PasskeyId>,
    posted: ConfirmedPost<RemoveForm>,
) -> Result<HttpResponse> {
    match service::remove(&instance, &posted.who, id.into_inner(), posted.form.others.is_some()).await {
        Ok(()) => Ok(done(&instance, Notice::PasskeyRemoved)),
        Err(Error::Forbidden(_)) => Ok(done(&instance, Notice::LastPasskey)),
        Err(error) => Err(error),
    }
}
