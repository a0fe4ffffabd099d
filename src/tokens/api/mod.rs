//! `/api/v1/tokens` and below: what the pages do, in JSON. Forms and bodies are judged by the same rules and end in the same
//! verbs.

mod bodies;
mod itself;
mod views;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use bodies::{ChangeBody, NewTokenBody, ScopesBody, wrong_scopes};
pub(crate) use bodies::{RegenerateBody, access, expiry, invalid, judged, refused};
pub use itself::{end_self, renew_self};
use views::issued;
pub(crate) use views::{IssuedView, TokenView, WholeView};

use super::forms::scopes as read_scopes;
use super::list::{Wanted, page};
use super::queries::{self, Token};
use super::service::{self, Change, Created, NewRights};
use super::{Known, Regenerated, end_old as end_old_verb, regenerate as regenerate_verb};
use crate::api::{Page, Problem, Sent, Wrong, asked, created, done, json, once};
use crate::app::Instance;
use crate::audit::Actor;
use crate::auth::capability::Owner;
use crate::auth::{Confirmed, SignedIn};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Result;
use crate::ids::TokenId;
use crate::urls;

async fn find(instance: &Instance, who: &SignedIn, id: &TokenId) -> Result<Token> {
    let (who, id) = (who.clone(), id.clone());
    instance.db.read(move |connection| queries::find(connection, who.owner(), &id)).await
}

/// The answer that tells a token as it is now.
async fn tell(instance: &Instance, who: &SignedIn, id: &TokenId) -> Result<HttpResponse> {
    let token = find(instance, who, id).await?;
    json(StatusCode::OK, &TokenView::of(&token, &instance.config, instance.clock.now()))
}

/// Runs a verb as whoever called.
async fn act<T: Send + 'static>(
    instance: &Instance,
    who: SignedIn,
    verb: impl FnOnce(&mut Tx<'_>, Owner<'_>, &Actor, Timestamp) -> Result<T> + Send + 'static,
) -> Result<T> {
    let now = instance.clock.now();
    let writing = instance.db.write(move |tx| {
        let actor = who.actor(tx, now)?;
        verb(tx, who.owner(), &actor, now)
    });
    writing.await
}

type Id = web::Path<TokenId>;

/// `GET /api/v1/tokens`: search, filter, order and page as in the address of the list's page.
///
/// # Errors
/// [`crate::error::Error::BadRequest`] when the address can't be read.
pub async fn list(request: HttpRequest, who: SignedIn, instance: web::Data<Instance>) -> Result<HttpResponse> {
    let (wanted, now) = (asked::<Wanted>(&request)?.checked()?, instance.clock.now());
    let slice = instance.db.read(move |connection| page(connection, who.owner(), &wanted, now)).await?;
    let items: Vec<_> = slice.tokens.iter().map(|token| TokenView::of(token, &instance.config, now)).collect();
    json(StatusCode::OK, &Page::of(&request, items, slice.before.as_deref(), slice.after.as_deref()))
}

/// `GET /api/v1/tokens/{id}`.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is not theirs.
pub async fn show(who: SignedIn, instance: web::Data<Instance>, id: Id) -> Result<HttpResponse> {
    let now = instance.clock.now();
    let reading = instance.db.read(move |connection| Known::read(connection, who.owner(), &id, now));
    json(StatusCode::OK, &WholeView::of(reading.await?, &instance.config, now))
}

/// `POST /api/v1/tokens`: the secret is in this answer and nowhere else.
///
/// # Errors
/// [`crate::error::Error::Problem`] with all that is wrong.
pub async fn create(
    request: HttpRequest,
    instance: web::Data<Instance>,
    sent: Sent<Confirmed, NewTokenBody>,
) -> Result<HttpResponse> {
    let Sent { who, body } = sent;
    let once = once(&request, "call")?;
    let (asker, config, now) = (who.clone(), instance.config.tokens.clone(), instance.clock.now());
    let reading = instance.db.read(move |connection| {
        Ok((queries::policy(connection, &config)?, queries::places(connection, asker.owner().user_id())?))
    });
    let (policy, places) = reading.await?;
    let catalogue = &instance.config.catalogue;
    let checked = body.form().check(now, &policy, &places, catalogue);
    let new = judged(checked, (body.everything, &body.scopes), catalogue, |_| false)?;
    let new = service::NewToken { may_rotate: body.may_rotate, ..new };
    match service::create(&instance, &who, &once, new).await? {
        Created::Now(id, secret) => {
            let token = find(&instance, &who, &id).await?;
            created(&urls::api_token(&id), &issued(&instance, &token, &secret))
        }
        Created::Before(Some(id)) => tell(&instance, &who, &id).await,
        Created::Before(None) => {
            Err(Problem::conflict("This call made a token before, and that was deleted since.", Vec::new()).into())
        }
        Created::Refused(why) => Err(refused(&why)),
    }
}

/// Changes a token, and tells it as it is then.
async fn make_change(instance: &Instance, who: &Confirmed, id: &TokenId, change: Change) -> Result<HttpResponse> {
    match service::change(instance, who, id, change).await? {
        Some(why) => Err(refused(&why)),
        None => tell(instance, who, id).await,
    }
}

/// `PATCH /api/v1/tokens/{id}`.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is not theirs; [`crate::error::Error::Problem`].
pub async fn change(instance: web::Data<Instance>, id: Id, sent: Sent<Confirmed, ChangeBody>) -> Result<HttpResponse> {
    let Sent { who, body } = sent;
    // Whether there is such a token comes before what is wrong with the change.
    find(&instance, &who, &id).await?;
    make_change(&instance, &who, &id, body.check(&instance.config.catalogue)?).await
}

/// `POST /api/v1/tokens/{id}/scopes`: these, too, with all that they imply.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is not theirs; [`crate::error::Error::Problem`].
pub async fn add_scopes(
    instance: web::Data<Instance>,
    id: Id,
    sent: Sent<Confirmed, ScopesBody>,
) -> Result<HttpResponse> {
    let Sent { who, body } = sent;
    find(&instance, &who, &id).await?;
    let mut wrong = wrong_scopes(&body.scopes, &instance.config.catalogue);
    if body.scopes.is_empty() {
        wrong.push(Wrong::at("#/scopes", "Say which scopes it shall have, too."));
    }
    match read_scopes(&body.scopes, &instance.config.catalogue) {
        Ok(more) if wrong.is_empty() => {
            let change = Change { rights: Some(NewRights::And(more)), ..Change::default() };
            make_change(&instance, &who, &id, change).await
        }
        _ => Err(Problem::invalid(wrong).into()),
    }
}

/// `DELETE /api/v1/tokens/{id}/scopes`: then it may do nothing.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is not theirs.
pub async fn clear_scopes(who: Confirmed, instance: web::Data<Instance>, id: Id) -> Result<HttpResponse> {
    take(&instance, &who, id.into_inner(), None).await
}

/// `DELETE /api/v1/tokens/{id}/scopes/{scope}`: with all those that would bring it back.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is not theirs, or has no such scope.
pub async fn remove_scope(
    who: Confirmed,
    instance: web::Data<Instance>,
    place: web::Path<(TokenId, String)>,
) -> Result<HttpResponse> {
    let (id, scope) = place.into_inner();
    take(&instance, &who, id, Some(scope)).await
}

async fn take(instance: &Instance, who: &Confirmed, id: TokenId, scope: Option<String>) -> Result<HttpResponse> {
    let (catalogue, this) = (instance.config.catalogue.clone(), id.clone());
    let verb = move |tx: &mut Tx<'_>, owner: Owner<'_>, actor: &Actor, now: Timestamp| {
        service::take_scope(tx, owner, actor, now, &this, scope.as_deref(), &catalogue)
    };
    act(instance, (**who).clone(), verb).await?;
    tell(instance, who, &id).await
}

/// `POST /api/v1/tokens/{id}/revoke`: for good. Revoking it again changes nothing.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is not theirs.
pub async fn revoke(who: SignedIn, instance: web::Data<Instance>, id: Id) -> Result<HttpResponse> {
    let this = id.clone();
    act(&instance, who.clone(), move |tx, owner, actor, now| service::revoke(tx, owner, actor, now, &this)).await?;
    tell(&instance, &who, &id).await
}

/// `DELETE /api/v1/tokens/{id}`.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is not theirs.
pub async fn delete(who: SignedIn, instance: web::Data<Instance>, id: Id) -> Result<HttpResponse> {
    let id = id.into_inner();
    act(&instance, who, move |tx, owner, actor, now| service::delete(tx, owner, actor, now, &id)).await?;
    Ok(done())
}

/// `DELETE /api/v1/tokens/{id}/old-secret`. Where there is none any more, nothing changes.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when the token is not theirs.
pub async fn end_old(who: SignedIn, instance: web::Data<Instance>, id: Id) -> Result<HttpResponse> {
    let id = id.into_inner();
    act(&instance, who, move |tx, owner, actor, now| end_old_verb(tx, owner, actor, now, &id)).await?;
    Ok(done())
}

/// `POST /api/v1/tokens/{id}/regenerate`: as with a new token, the secret is in this answer and nowhere else.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is not theirs; [`crate::error::Error::Problem`].
pub async fn regenerate(
    request: HttpRequest,
    instance: web::Data<Instance>,
    id: Id,
    sent: Sent<Confirmed, RegenerateBody>,
) -> Result<HttpResponse> {
    let Sent { who, body } = sent;
    let once = once(&request, &format!("call {id}"))?;
    let token = find(&instance, &who, &id).await?;
    let policy = service::policy_in(&instance, token.record.organization_id.as_ref()).await?;
    let (form, now) = (body.form()?, instance.clock.now());
    let checked = form.check(token.status(now), now, &policy);
    let (expires_at, overlap) = checked.map_err(|problems| invalid(&problems, Vec::new()))?;
    match regenerate_verb(&instance, &who, &once, &id, expires_at, overlap).await? {
        Regenerated::Now(secret) => {
            json(StatusCode::OK, &issued(&instance, &find(&instance, &who, &id).await?, &secret))
        }
        Regenerated::Before => tell(&instance, &who, &id).await,
        Regenerated::Refused(why) => Err(refused(&why)),
    }
}
