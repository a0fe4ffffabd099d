//! `/settings/tokens` and below.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::Token;
use super::forms::NewTokenForm;
use super::policy::{Status, may_create};
use super::queries;
use super::service::{self, Created};
use super::views::{
    ConfirmTokenPage, ExpiryPreset, IssuedPage, NewTokenPage, ScopeMatrix, TokenDetail, TokenFile, TokenPage, TokenRow,
    TokensPage, file_name,
};
use crate::app::Instance;
use crate::auth::capability::instance as instance_of;
use crate::auth::secret::present;
use crate::auth::{Confirmed, SignedIn};
use crate::clock::DAY;
use crate::error::{Error, Result};
use crate::ids::{TokenId, is_ulid};
use crate::urls;
use crate::web::form::ConfirmedPost;
use crate::web::{Notice, Posted, Pressed, Problems, Visitor, html, see_other};

/// `GET /settings/tokens`.
///
/// # Errors
/// When the database refuses.
pub async fn list(who: SignedIn, visitor: Visitor, instance: web::Data<Instance>) -> Result<HttpResponse> {
    let (now, config) = (instance.clock.now(), &instance.config.tokens);
    let tokens = instance.db.read(move |connection| queries::list(connection, who.owner())).await?;
    let may_create = may_create(i64::try_from(tokens.len()).unwrap_or(i64::MAX), config);
    let rows = tokens.iter().map(|token| TokenRow::of(token, config, now)).collect();
    let limit = usize::try_from(config.max_per_user).unwrap_or(usize::MAX);
    html(
        StatusCode::OK,
        &TokensPage { shell: visitor.shell("Personal access tokens", "tokens"), rows, limit, may_create },
    )
}

fn form_page(visitor: &Visitor, status: StatusCode, form: &NewTokenForm, problems: &Problems) -> Result<HttpResponse> {
    let config = &instance_of(visitor.request()).config;
    let now = visitor.now();
    let or = |typed: &str, otherwise: &str| {
        if typed.is_empty() { otherwise.to_owned() } else { typed.to_owned() }
    };
    html(
        status,
        &NewTokenPage {
            shell: visitor.shell("Create a personal access token", "tokens"),
            errors: problems.list(),
            name: problems.field("name", &form.name),
            description: problems.field("description", &form.description),
            expiry: problems.field("expiry", &or(&form.expiry, &config.tokens.default_days.to_string())),
            presets: ExpiryPreset::all(&config.tokens, now),
            date: problems.field("date", &form.date),
            date_min: now.date(),
            date_max: now.plus(config.tokens.max_days * DAY).date(),
            access: problems.field("access", &or(&form.access, "selected")),
            matrix: ScopeMatrix::new(&config.catalogue, &form.scope, problems.at("scope")),
        },
    )
}

/// `GET /settings/tokens/new`; what stands in the address fills the form in.
///
/// # Errors
/// [`Error::BadRequest`] when the address can't be read.
pub async fn new(_: Confirmed, visitor: Visitor) -> Result<HttpResponse> {
    let form = serde_html_form::from_str(visitor.request().query_string())
        .map_err(|_| Error::BadRequest("the address could not be read"))?;
    form_page(&visitor, StatusCode::OK, &form, &Problems::none())
}

/// `POST /settings/tokens/new`. The secret is in the answer and nowhere else; a reload of it shows the token without.
///
/// # Errors
/// When the database refuses.
pub async fn create(
    visitor: Visitor,
    instance: web::Data<Instance>,
    posted: ConfirmedPost<NewTokenForm>,
) -> Result<HttpResponse> {
    let ConfirmedPost { who, form } = posted;
    if !is_ulid(&form.form_id) {
        return Err(Error::BadRequest("the form has no id"));
    }
    let new = match form.check(instance.clock.now(), &instance.config) {
        Ok(new) => new,
        Err(problems) => {
            return form_page(&visitor, StatusCode::UNPROCESSABLE_ENTITY, &form, &problems);
        }
    };
    let mut problems = Problems::none();
    match service::create(&instance, &who, &form.form_id, new).await? {
        Created::Now(id, secret) => {
            let token = instance.db.read(move |connection| queries::find(connection, who.owner(), &id)).await?;
            let detail = TokenDetail::of(&token, &instance.config, instance.clock.now());
            let page = IssuedPage {
                shell: visitor.shell(&token.record.name, "tokens"),
                token: detail,
                secret,
                self_url: instance.config.absolute(&urls::api_self()),
            };
            return html(StatusCode::OK, &page);
        }
        Created::Before(made) => {
            let (place, notice) = match made {
                Some(id) => (urls::settings_token(&id), Notice::TokenAlreadyCreated),
                None => (urls::settings_tokens(), Notice::TokenFormUsed),
            };
            let mut response = see_other(&place);
            notice.send(&mut response, instance.config.is_https());
            return Ok(response);
        }
        Created::TooMany => problems.add(
            "name",
            format!(
                "You have {} tokens, which is as many as you may have. Delete one first.",
                instance.config.tokens.max_per_user
            ),
        ),
        Created::NameTaken => problems.add(
            "name",
            "You have an active token with this name. Choose another one, so that you can tell them apart.",
        ),
    }
    form_page(&visitor, StatusCode::UNPROCESSABLE_ENTITY, &form, &problems)
}

async fn own(instance: &Instance, who: &SignedIn, id: web::Path<TokenId>) -> Result<Token> {
    let (who, id) = (who.clone(), id.into_inner());
    instance.db.read(move |connection| queries::find(connection, who.owner(), &id)).await
}

/// `GET /settings/tokens/{id}`.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs.
pub async fn detail(
    who: SignedIn,
    visitor: Visitor,
    instance: web::Data<Instance>,
    id: web::Path<TokenId>,
) -> Result<HttpResponse> {
    let token = own(&instance, &who, id).await?;
    let detail = TokenDetail::of(&token, &instance.config, instance.clock.now());
    html(StatusCode::OK, &TokenPage { shell: visitor.shell(&token.record.name, "tokens"), token: detail })
}

fn ask(visitor: &Visitor, token: &Token, act: &'static str, action_url: String) -> Result<HttpResponse> {
    let title = if act == "revoke" { "Revoke a token" } else { "Delete a token" };
    let live = token.status(visitor.now()) == Status::Active;
    let page = ConfirmTokenPage {
        shell: visitor.shell(title, "tokens"),
        token_name: token.record.name.clone(),
        act,
        action_url,
        back_url: urls::settings_token(&token.record.id),
        live,
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
    id: web::Path<TokenId>,
) -> Result<HttpResponse> {
    let token = own(&instance, &who, id).await?;
    ask(&visitor, &token, "revoke", urls::settings_token_revoke(&token.record.id))
}

/// `GET /settings/tokens/{id}/delete`.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs.
pub async fn ask_delete(
    who: SignedIn,
    visitor: Visitor,
    instance: web::Data<Instance>,
    id: web::Path<TokenId>,
) -> Result<HttpResponse> {
    let token = own(&instance, &who, id).await?;
    ask(&visitor, &token, "delete", urls::settings_token_delete(&token.record.id))
}

/// `POST /settings/tokens/{id}/revoke`. It asks for no confirmation: whoever must stop a leak is not kept waiting.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs.
pub async fn revoke(
    who: SignedIn,
    instance: web::Data<Instance>,
    id: web::Path<TokenId>,
    _: Posted<Pressed>,
) -> Result<HttpResponse> {
    let (id, now) = (id.into_inner(), instance.clock.now());
    let mut response = see_other(&urls::settings_token(&id));
    instance
        .db
        .write(move |tx| {
            let actor = who.actor(tx, now)?;
            service::revoke(tx, who.owner(), &actor, now, &id)
        })
        .await?;
    Notice::TokenRevoked.send(&mut response, instance.config.is_https());
    Ok(response)
}

/// `POST /settings/tokens/{id}/delete`.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs.
pub async fn delete(
    who: SignedIn,
    instance: web::Data<Instance>,
    id: web::Path<TokenId>,
    _: Posted<Pressed>,
) -> Result<HttpResponse> {
    let (id, now) = (id.into_inner(), instance.clock.now());
    instance
        .db
        .write(move |tx| {
            let actor = who.actor(tx, now)?;
            service::delete(tx, who.owner(), &actor, now, &id)
        })
        .await?;
    let mut response = see_other(&urls::settings_tokens());
    Notice::TokenDeleted.send(&mut response, instance.config.is_https());
    Ok(response)
}

/// What the page of a new token sends back to get it as a file.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct FileForm {
    secret: Zeroizing<String>,
}

/// `POST /settings/tokens/{id}/file`: the page that shows the secret sends it back, in the body, and gets it as a file;
/// so nothing keeps the secret in between, no address holds it, and no script is needed.
///
/// # Errors
/// [`Error::NotFound`] when the token is not theirs or this is not its secret.
pub async fn file(
    request: HttpRequest,
    who: SignedIn,
    instance: web::Data<Instance>,
    id: web::Path<TokenId>,
    Posted(form): Posted<FileForm>,
) -> Result<HttpResponse> {
    let token = own(&instance, &who, id).await?;
    let hash = present(&instance_of(&request).config.tokens.brand, &form.secret).ok_or(Error::NotFound)?.hash;
    let id = token.record.id.clone();
    if !instance.db.read(move |connection| queries::has_secret(connection, &id, hash)).await? {
        return Err(Error::NotFound);
    }
    let mut json = Zeroizing::new(
        serde_json::to_string_pretty(&TokenFile::of(&token, &form.secret, &instance))
            .map_err(|error| Error::Internal(error.to_string()))?,
    );
    json.push('\n');
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/json; charset=utf-8"))
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{}\"", file_name(&token.record.name)),
        ))
        .body(json.as_str().to_owned()))
}
