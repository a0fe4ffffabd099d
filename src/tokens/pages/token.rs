//! One token: what it is, and changing it.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::{Id, and_name, explain, own};
use crate::app::Instance;
use crate::auth::{Confirmed, SignedIn};
use crate::error::{Error, Result};
use crate::ids::TokenId;
use crate::tokens::forms::EditForm;
use crate::tokens::queries::{self, Place, Token};
use crate::tokens::views::{
    AddressRow, ConfirmTokenPage, EditTokenPage, HistoryRow, OldSecret, Rights, Ticked, TokenDetail, TokenPage,
    TokenRow,
};
use crate::tokens::{Known, service};
use crate::urls;
use crate::web::form::ConfirmedPost;
use crate::web::{Notice, Pressed, Problems, Visitor, html, see_other};

/// `GET /settings/tokens/{id}`.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs.
pub async fn detail(who: SignedIn, visitor: Visitor, instance: web::Data<Instance>, id: Id) -> Result<HttpResponse> {
    let now = instance.clock.now();
    let reading = instance.db.read(move |connection| {
        let owner = who.owner();
        Ok((Known::read(connection, owner, &id, now)?, queries::places(connection, owner.user_id())?))
    });
    let (Known { token, old, addresses, history }, places) = reading.await?;
    let page = TokenPage {
        shell: visitor.shell(&token.record.name, "tokens"),
        token: TokenDetail::of(&token, &places, &instance.config, now),
        old: old.map(|old| OldSecret::of(&token, &old, &instance.config, now)),
        addresses: addresses.into_iter().map(|address| AddressRow::of(address, now)).collect(),
        history: history.into_iter().map(|entry| HistoryRow::of(entry, now)).collect(),
    };
    html(StatusCode::OK, &page)
}

fn form_page(
    visitor: &Visitor,
    instance: &Instance,
    status: StatusCode,
    (token, places): &(Token, Vec<Place>),
    form: &EditForm,
    problems: &Problems,
) -> Result<HttpResponse> {
    let ticked = Ticked {
        scope: &form.scope,
        entity: &form.entity,
        entity_type: &form.entity_type,
        entity_id: &form.entity_id,
        added: &form.more,
    };
    let id = &token.record.id;
    let page = EditTokenPage {
        shell: visitor.shell("Edit a token", "tokens"),
        errors: problems.list(),
        token_name: token.record.name.clone(),
        place: TokenRow::of(token, places, &instance.config, visitor.now()).place,
        name: problems.field("name", &form.name),
        description: problems.field("description", &form.description),
        rights: Rights::new(&instance.config.catalogue, problems.field("access", &form.access), &ticked, problems),
        may_rotate: form.may_rotate == "yes",
        action_url: urls::settings_token_edit(id),
        back_url: urls::settings_token(id),
    };
    html(status, &page)
}

/// `GET /settings/tokens/{id}/edit`; a form that was carried over a confirmation stands in the address.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs.
pub async fn edit(who: Confirmed, visitor: Visitor, instance: web::Data<Instance>, id: Id) -> Result<HttpResponse> {
    let own = own(&instance, &who, &id).await?;
    let query = visitor.request().query_string();
    let form = if query.is_empty() {
        EditForm::of(&own.0)
    } else {
        serde_html_form::from_str(query).map_err(|_| Error::BadRequest("the address could not be read"))?
    };
    form_page(&visitor, &instance, StatusCode::OK, &own, &form, &Problems::none())
}

/// `POST /settings/tokens/{id}/edit`: "Update".
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs.
pub async fn update(
    visitor: Visitor,
    instance: web::Data<Instance>,
    id: Id,
    posted: ConfirmedPost<EditForm>,
) -> Result<HttpResponse> {
    let ConfirmedPost { who, mut form } = posted;
    let (own, catalogue) = (own(&instance, &who, &id).await?, &instance.config.catalogue);
    let page =
        |status, form: &EditForm, problems: &Problems| form_page(&visitor, &instance, status, &own, form, problems);
    if !form.more.is_empty() {
        let problems = form.add_row(catalogue);
        let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        return page(status, &form, &problems);
    }
    let change = match form.check(catalogue) {
        Ok(change) => change,
        Err(problems) => {
            let problems = and_name(&instance, &who, Some(&id), &form.name, problems).await?;
            return page(StatusCode::UNPROCESSABLE_ENTITY, &form, &problems);
        }
    };
    if let Some(why) = service::change(&instance, &who, &id, change).await? {
        return page(StatusCode::UNPROCESSABLE_ENTITY, &form, &explain(&why));
    }
    Ok(back(&instance, &id, Notice::TokenUpdated))
}

fn back(instance: &Instance, id: &TokenId, notice: Notice) -> HttpResponse {
    let mut response = see_other(&urls::settings_token(id));
    notice.send(&mut response, instance.config.is_https());
    response
}

/// Which scope shall go.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ScopeForm {
    scope: String,
}

/// `POST /settings/tokens/{id}/scopes/remove`.
///
/// # Errors
/// [`Error::NotFound`] when the token is not theirs, or has no such scope.
pub async fn remove_scope(
    instance: web::Data<Instance>,
    id: Id,
    posted: ConfirmedPost<ScopeForm>,
) -> Result<HttpResponse> {
    let ConfirmedPost { who, form } = posted;
    take(&instance, who, id.clone(), Some(form.scope)).await?;
    Ok(back(&instance, &id, Notice::TokenScopeRemoved))
}

/// `GET /settings/tokens/{id}/scopes/clear`.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs.
pub async fn ask_clear_scopes(
    who: Confirmed,
    visitor: Visitor,
    instance: web::Data<Instance>,
    id: Id,
) -> Result<HttpResponse> {
    let (token, _) = own(&instance, &who, &id).await?;
    let page = ConfirmTokenPage {
        shell: visitor.shell("Delete all scopes", "tokens"),
        token_name: token.record.name,
        act: "clear",
        action_url: urls::settings_token_scopes_clear(&id),
        back_url: urls::settings_token(&id),
        live: true,
        single: false,
    };
    html(StatusCode::OK, &page)
}

/// `POST /settings/tokens/{id}/scopes/clear`.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs.
pub async fn clear_scopes(
    instance: web::Data<Instance>,
    id: Id,
    posted: ConfirmedPost<Pressed>,
) -> Result<HttpResponse> {
    take(&instance, posted.who, id.clone(), None).await?;
    Ok(back(&instance, &id, Notice::TokenScopesCleared))
}

async fn take(instance: &Instance, who: Confirmed, id: TokenId, scope: Option<String>) -> Result<()> {
    let (now, catalogue) = (instance.clock.now(), instance.config.catalogue.clone());
    let writing = instance.db.write(move |tx| {
        let actor = who.actor(tx, now)?;
        service::take_scope(tx, who.owner(), &actor, now, &id, scope.as_deref(), &catalogue)
    });
    writing.await
}
