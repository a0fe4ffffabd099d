//! Revoking and deleting: one, those of a selection, all. None of it asks for a confirmation: whoever must stop a leak is
//! not kept waiting.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::{Id, own};
use crate::app::Instance;
use crate::auth::SignedIn;
use crate::error::{Error, Result};
use crate::ids::TokenId;
use crate::text;
use crate::tokens::policy::Status;
use crate::tokens::queries::{self, Token};
use crate::tokens::views::{AllGonePage, ConfirmTokenPage, SelectionPage, TokenRow};
use crate::tokens::{regenerate, service};
use crate::urls;
use crate::web::{Notice, Posted, Pressed, Problems, Visitor, html, see_other};

fn ask(
    visitor: &Visitor,
    token: Token,
    act: &'static str,
    (action_url, back_url): (String, String),
    single: bool,
) -> Result<HttpResponse> {
    let title = if act == "revoke" { "Revoke a token" } else { "Delete a token" };
    let live = token.status(visitor.now()) == Status::Active;
    let page = ConfirmTokenPage {
        shell: visitor.shell(title, "tokens"),
        token_name: token.record.name,
        act,
        action_url,
        back_url,
        live,
        single,
    };
    html(StatusCode::OK, &page)
}

/// `GET /settings/tokens/{id}/revoke`.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs.
pub async fn ask_revoke(
    who: SignedIn,
    visitor: Visitor,
    instance: web::Data<Instance>,
    id: Id,
) -> Result<HttpResponse> {
    let (token, _) = own(&instance, &who, &id).await?;
    ask(&visitor, token, "revoke", (urls::settings_token_revoke(&id), urls::settings_token(&id)), false)
}

/// `GET /settings/tokens/{id}/delete`.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs.
pub async fn ask_delete(
    who: SignedIn,
    visitor: Visitor,
    instance: web::Data<Instance>,
    id: Id,
) -> Result<HttpResponse> {
    let (token, _) = own(&instance, &who, &id).await?;
    let single = service::policy(&instance).await?.is_single();
    let back = if single { urls::settings_tokens() } else { urls::settings_token(&id) };
    ask(&visitor, token, "delete", (urls::settings_token_delete(&id), back), single)
}

/// `POST /settings/tokens/{id}/revoke`.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs.
pub async fn revoke(who: SignedIn, instance: web::Data<Instance>, id: Id, _: Posted<Pressed>) -> Result<HttpResponse> {
    let (id, now) = (id.into_inner(), instance.clock.now());
    let mut response = see_other(&urls::settings_token(&id));
    let writing = instance.db.write(move |tx| {
        let actor = who.actor(tx, now)?;
        service::revoke(tx, who.owner(), &actor, now, &id)
    });
    writing.await?;
    Notice::TokenRevoked.send(&mut response, instance.config.is_https());
    Ok(response)
}

/// `POST /settings/tokens/{id}/delete`.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs.
pub async fn delete(who: SignedIn, instance: web::Data<Instance>, id: Id, _: Posted<Pressed>) -> Result<HttpResponse> {
    let (id, now) = (id.into_inner(), instance.clock.now());
    let writing = instance.db.write(move |tx| {
        let actor = who.actor(tx, now)?;
        service::delete(tx, who.owner(), &actor, now, &id)
    });
    writing.await?;
    let mut response = see_other(&urls::settings_tokens());
    Notice::TokenDeleted.send(&mut response, instance.config.is_https());
    Ok(response)
}

/// `POST /settings/tokens/{id}/old-secret/end`.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs.
pub async fn end_old(who: SignedIn, instance: web::Data<Instance>, id: Id, _: Posted<Pressed>) -> Result<HttpResponse> {
    let (id, now) = (id.into_inner(), instance.clock.now());
    let mut response = see_other(&urls::settings_token(&id));
    let writing = instance.db.write(move |tx| {
        let actor = who.actor(tx, now)?;
        regenerate::end_old(tx, who.owner(), &actor, now, &id)
    });
    writing.await?;
    Notice::TokenOldSecretEnded.send(&mut response, instance.config.is_https());
    Ok(response)
}

/// Those that are ticked in the list.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Selection {
    id: Vec<TokenId>,
}

/// More than a page of the list can tick.
const MOST_SELECTED: usize = 500;

impl Selection {
    /// Each once.
    fn ids(mut self) -> Result<Vec<TokenId>> {
        self.id.sort_unstable();
        self.id.dedup();
        if self.id.len() > MOST_SELECTED {
            Err(Error::BadRequest("there are too many tokens in it"))
        } else {
            Ok(self.id)
        }
    }
}

/// `GET /settings/tokens/revoke`, with the ids of those that are ticked.
///
/// # Errors
/// [`Error::NotFound`] when one of them is not theirs.
pub async fn ask_revoke_selected(
    who: SignedIn,
    visitor: Visitor,
    instance: web::Data<Instance>,
) -> Result<HttpResponse> {
    let selection: Selection = serde_html_form::from_str(visitor.request().query_string())
        .map_err(|_| Error::BadRequest("the address could not be read"))?;
    let (ids, now) = (selection.ids()?, instance.clock.now());
    let reading = instance.db.read(move |connection| queries::find_all(connection, who.owner(), &ids));
    let rows: Vec<TokenRow> =
        reading.await?.iter().map(|token| TokenRow::of(token, &[], &instance.config, now)).collect();
    let live = rows.iter().filter(|row| row.live).count();
    html(StatusCode::OK, &SelectionPage { shell: visitor.shell("Revoke tokens", "tokens"), rows, live })
}

/// `POST /settings/tokens/revoke`.
///
/// # Errors
/// [`Error::NotFound`] when one of them is not theirs; then none is revoked.
pub async fn revoke_selected(
    who: SignedIn,
    instance: web::Data<Instance>,
    Posted(selection): Posted<Selection>,
) -> Result<HttpResponse> {
    let (ids, now) = (selection.ids()?, instance.clock.now());
    let writing = instance.db.write(move |tx| {
        let actor = who.actor(tx, now)?;
        service::revoke_selected(tx, who.owner(), &actor, now, &ids)
    });
    let count = writing.await?;
    let mut response = see_other(&urls::settings_tokens());
    Notice::TokensRevoked.send_with(&mut response, instance.config.is_https(), count);
    Ok(response)
}

/// What has to be typed before all are deleted.
const PHRASE: &str = "delete all my tokens";

/// The phrase, as it was typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct PhraseForm {
    phrase: String,
}

async fn all_gone_page(
    who: SignedIn,
    visitor: &Visitor,
    instance: &Instance,
    status: StatusCode,
    problems: &Problems,
) -> Result<HttpResponse> {
    let now = instance.clock.now();
    let reading = instance.db.read(move |connection| {
        Ok((queries::count(connection, who.owner())?, queries::count_active(connection, who.owner(), now)?))
    });
    let (total, active) = reading.await?;
    let page = AllGonePage {
        shell: visitor.shell("Delete all tokens", "tokens"),
        errors: problems.list(),
        phrase: problems.secret("phrase"),
        total,
        active,
    };
    html(status, &page)
}

/// `GET /settings/tokens/delete-all`.
///
/// # Errors
/// When the database refuses.
pub async fn ask_delete_all(who: SignedIn, visitor: Visitor, instance: web::Data<Instance>) -> Result<HttpResponse> {
    all_gone_page(who, &visitor, &instance, StatusCode::OK, &Problems::none()).await
}

/// `POST /settings/tokens/delete-all`: all of them, whatever the list shows.
///
/// # Errors
/// When the database refuses.
pub async fn delete_all(
    who: SignedIn,
    visitor: Visitor,
    instance: web::Data<Instance>,
    Posted(form): Posted<PhraseForm>,
) -> Result<HttpResponse> {
    if text::tidy(&form.phrase) != PHRASE {
        let mut problems = Problems::none();
        problems.add("phrase", format!("Type “{PHRASE}”, just as it stands here"));
        return all_gone_page(who, &visitor, &instance, StatusCode::UNPROCESSABLE_ENTITY, &problems).await;
    }
    let now = instance.clock.now();
    let writing = instance.db.write(move |tx| {
        let actor = who.actor(tx, now)?;
        service::delete_all(tx, who.owner(), &actor, now)
    });
    let count = writing.await?;
    let mut response = see_other(&urls::settings_tokens());
    Notice::TokensDeleted.send_with(&mut response, instance.config.is_https(), count);
    Ok(response)
}
