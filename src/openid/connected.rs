//! Connected accounts: the section on `/settings/security`, connecting and disconnecting; and confirming with a provider.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::ProviderButton;
use super::flows::{self, Flow, Purpose};
use super::pages::{browser, leave, name_of};
use super::proofs::can_confirm;
use super::provider::{Provider, Wish};
use super::queries::{self, Identity};
use super::service;
use crate::app::Instance;
use crate::auth::capability::Owner;
use crate::auth::{Confirmed, SignedIn};
use crate::clock::Timestamp;
use crate::db::Connection;
use crate::error::{Error, Result};
use crate::ids::IdentityId;
use crate::urls;
use crate::web::form::ConfirmedPost;
use crate::web::{Moment, Notice, Pressed, Shell, Visitor, filters, html, returning, see_other};

/// An identity, as the page shows it.
pub struct ConnectedRow {
    /// What people call the provider.
    pub provider: String,
    /// The address there.
    pub email: String,
    /// When it was connected.
    pub connected: Moment,
    /// When somebody last signed in with it.
    pub used: Option<Moment>,
    /// Where to disconnect it.
    pub disconnect_url: String,
}

/// The section.
pub struct ConnectedSection {
    /// What is connected.
    pub rows: Vec<ConnectedRow>,
    /// What can be.
    pub buttons: Vec<ProviderButton>,
}

/// What the section on the security page shows.
///
/// # Errors
/// When the database refuses.
pub fn section(
    connection: &mut Connection,
    instance: &Instance,
    owner: Owner<'_>,
    now: Timestamp,
) -> Result<ConnectedSection> {
    let names = instance.providers.names();
    let row = |identity: Identity| ConnectedRow {
        provider: names.get(&identity.issuer).cloned().unwrap_or(identity.provider),
        email: identity.email,
        connected: Moment::new(identity.created_at, now),
        used: identity.last_used_at.map(|at| Moment::new(at, now)),
        disconnect_url: urls::connection_disconnect(&identity.id),
    };
    let rows = queries::list(connection, owner)?.into_iter().map(row).collect();
    let button = |provider: &Provider| ProviderButton {
        name: provider.config.name.clone(),
        url: urls::connect_with(&provider.config.id),
    };
    Ok(ConnectedSection { rows, buttons: instance.providers.iter().map(button).collect() })
}

/// `GET /settings/security/connections/with/{provider}`: fetches an identity. Connecting it is asked about afterwards.
///
/// # Errors
/// [`Error::TooMany`]; when the database refuses.
pub async fn begin(
    who: Confirmed,
    visitor: Visitor,
    instance: web::Data<Instance>,
    id: web::Path<String>,
) -> Result<HttpResponse> {
    let Some(provider) = instance.providers.get(&id) else { return Ok(see_other(&urls::settings_security())) };
    let new = Flow::new(Purpose::Connect, &provider.config.id, String::new(), instance.clock.now());
    let flow = Flow { session_id: Some(who.account().session_id.clone()), ..new };
    leave(&visitor, &instance, provider, flow, &Wish { choose: true, ..Wish::default() }).await
}

#[derive(Template)]
#[template(path = "openid/offer.html")]
struct OfferPage {
    shell: Shell,
    provider: String,
    email: String,
    own_email: String,
    action_url: String,
}

/// The offer is used, over, or another browser's.
fn gone(instance: &Instance) -> HttpResponse {
    let mut response = see_other(&urls::settings_security());
    Notice::ConnectionOver.send(&mut response, instance.config.is_https());
    response
}

/// `GET /settings/security/connections/offers/{code}`: shall it be connected?
///
/// # Errors
/// When the database refuses.
pub async fn ask(
    who: Confirmed,
    visitor: Visitor,
    instance: web::Data<Instance>,
    code: web::Path<String>,
) -> Result<HttpResponse> {
    let (now, code) = (instance.clock.now(), code.into_inner());
    let Some(browser) = browser(visitor.request(), &instance) else { return Ok(gone(&instance)) };
    let action_url = urls::connection_offer(&code);
    let found = instance.db.read(move |connection| flows::find(connection, &code, &browser, now)).await?;
    let Some(offer) = found.filter(|offer| service::is_for(offer, &who.account().session_id)) else {
        return Ok(gone(&instance));
    };
    let provider = name_of(&instance, &offer);
    html(
        StatusCode::OK,
        &OfferPage {
            shell: visitor.shell(&format!("Connect {provider}?"), "security"),
            provider,
            email: offer.email,
            own_email: who.account().email.clone(),
            action_url,
        },
    )
}

/// `POST /settings/security/connections/offers/{code}`.
///
/// # Errors
/// When the database refuses.
pub async fn connect(
    visitor: Visitor,
    instance: web::Data<Instance>,
    code: web::Path<String>,
    posted: ConfirmedPost<Pressed>,
) -> Result<HttpResponse> {
    let code = code.into_inner();
    let Some(browser) = browser(visitor.request(), &instance) else { return Ok(gone(&instance)) };
    let (asked, mine, now) = (code.clone(), browser.clone(), instance.clock.now());
    let offer = instance.db.read(move |connection| flows::find(connection, &asked, &mine, now)).await?;
    let Some(offer) = offer else { return Ok(gone(&instance)) };
    let name = name_of(&instance, &offer);
    let notice = match service::connect(&instance, posted.who, code, browser, name).await {
        Ok(()) => Notice::Connected,
        Err(Error::Taken(_)) => Notice::ConnectionTaken,
        Err(Error::NotFound) => Notice::ConnectionOver,
        Err(error) => return Err(error),
    };
    let mut response = see_other(&returning::safe(&offer.next, &urls::settings_security()));
    notice.send(&mut response, instance.config.is_https());
    Ok(response)
}

/// `POST /settings/security/connections/{id}/disconnect`.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs.
pub async fn disconnect(
    instance: web::Data<Instance>,
    id: web::Path<IdentityId>,
    posted: ConfirmedPost<Pressed>,
) -> Result<HttpResponse> {
    let notice = match service::disconnect(&instance, posted.who, id.into_inner()).await {
        Ok(()) => Notice::Disconnected,
        Err(Error::Forbidden(_)) => Notice::LastWayIn,
        Err(error) => return Err(error),
    };
    let mut response = see_other(&urls::settings_security());
    notice.send(&mut response, instance.config.is_https());
    Ok(response)
}

/// What the link to a confirmation carries.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ConfirmWith {
    next: String,
}

/// `GET /step-up/with/{provider}`: has the provider ask anew who it is.
///
/// # Errors
/// [`Error::TooMany`]; when the database refuses.
pub async fn confirm(
    who: SignedIn,
    visitor: Visitor,
    instance: web::Data<Instance>,
    id: web::Path<String>,
    asked: web::Query<ConfirmWith>,
) -> Result<HttpResponse> {
    let next = returning::safe(&asked.next, &urls::home());
    let otherwise = see_other(&urls::step_up_returning(&next));
    let Some(provider) = instance.providers.get(&id).filter(|known| can_confirm(known)) else { return Ok(otherwise) };
    let (owner, issuer) = (who.clone(), provider.config.issuer.clone());
    let mine = instance.db.read(move |connection| queries::list(connection, owner.owner())).await?;
    let Some(identity) = mine.into_iter().find(|identity| identity.issuer == issuer) else { return Ok(otherwise) };
    let new = Flow::new(Purpose::Confirm, &provider.config.id, next, instance.clock.now());
    let flow = Flow { session_id: Some(who.account().session_id.clone()), ..new };
    let hint = (!identity.email.is_empty()).then_some(identity.email);
    leave(&visitor, &instance, provider, flow, &Wish { fresh: true, choose: false, hint }).await
}

/// The buttons with which somebody can confirm who they are: of the providers that can be asked anew.
///
/// # Errors
/// When the database refuses.
pub fn confirm_buttons(
    connection: &mut Connection,
    instance: &Instance,
    owner: Owner<'_>,
    next: &str,
) -> Result<Vec<ProviderButton>> {
    let mine = queries::list(connection, owner)?;
    let can = |provider: &&Provider| {
        can_confirm(provider) && mine.iter().any(|identity| identity.issuer == provider.config.issuer)
    };
    let button = |provider: &Provider| ProviderButton {
        name: provider.config.name.clone(),
        url: urls::confirm_with(&provider.config.id, next),
    };
    Ok(instance.providers.iter().filter(can).map(button).collect())
}
