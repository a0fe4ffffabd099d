//! `/api/v1/organizations/{slug}/api-keys` and below. Keys are people's, and secrets: no token comes here.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::forms::KeyForm;
use super::queries::{Actor, actors};
use super::service::{self, as_seen, known_as_seen, seen_by};
use crate::api::{Page, Sent, asked, done, json, once};
use crate::error::Result;
use crate::ids::TokenId;
use crate::organizations::calls::{conflict, made};
use crate::organizations::{Acts, Member, MemberConfirmed};
use crate::tokens::api::{IssuedView, TokenView, WholeView, access, judged, refused};
use crate::tokens::list::{Wanted, page};
use crate::tokens::{self, Created, Known, Token};

type Id = web::Path<(String, TokenId)>;

/// For whom a key acts.
#[derive(Serialize)]
struct ActorView {
    kind: &'static str,
    id: String,
    name: String,
    is_enabled: bool,
}

/// A key.
#[derive(Serialize)]
struct KeyView {
    #[serde(flatten)]
    token: TokenView,
    actor: Option<ActorView>,
}

/// With what stands on its page alone.
#[derive(Serialize)]
struct WholeKeyView {
    #[serde(flatten)]
    token: WholeView,
    actor: Option<ActorView>,
}

fn actor(key: &Token, actors: &HashMap<String, Actor>) -> Option<ActorView> {
    let (kind, id) = match (&key.record.user_id, &key.record.service_account_id) {
        (Some(user), _) => ("user", user.as_str()),
        (None, Some(account)) => ("service_account", account.as_str()),
        (None, None) => return None,
    };
    let known = actors.get(id)?;
    Some(ActorView { kind, id: id.to_owned(), name: known.name.clone(), is_enabled: known.is_enabled })
}

fn view(member: &Member, key: Token, actors: &HashMap<String, Actor>) -> KeyView {
    let key = as_seen(member, key);
    let token = TokenView::of(&key, &member.instance().config, member.now());
    KeyView { token: token.described_by_its_name(), actor: actor(&key, actors) }
}

/// `GET /api/v1/organizations/{slug}/api-keys`: one's own, or everybody's where one may see them; search, filter, order and
/// page as on the page.
///
/// # Errors
/// [`crate::error::Error::BadRequest`] when the address can't be read.
pub async fn list(request: HttpRequest, member: Member) -> Result<HttpResponse> {
    let (wanted, now, by) = (asked::<Wanted>(&request)?.checked()?, member.now(), member.clone());
    let reading = member.instance().db.read(move |connection| {
        let slice = page(connection, seen_by(&by), &wanted, now)?;
        let actors = actors(connection, &slice.tokens)?;
        Ok((slice, actors))
    });
    let (slice, actors) = reading.await?;
    let items: Vec<_> = slice.tokens.into_iter().map(|key| view(&member, key, &actors)).collect();
    json(StatusCode::OK, &Page::of(&request, items, slice.before.as_deref(), slice.after.as_deref()))
}

async fn find(member: &Member, id: &TokenId) -> Result<KeyView> {
    let (by, id) = (member.clone(), id.clone());
    let reading = member.instance().db.read(move |connection| {
        let key = tokens::find(connection, seen_by(&by), &id)?;
        let actors = actors(connection, std::slice::from_ref(&key))?;
        Ok((key, actors))
    });
    let (key, actors) = reading.await?;
    Ok(view(member, key, &actors))
}

/// `GET /api/v1/organizations/{slug}/api-keys/{id}`.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is no key that they see.
pub async fn show(member: Member, path: Id) -> Result<HttpResponse> {
    let (now, by, id) = (member.now(), member.clone(), path.into_inner().1);
    let reading = member.instance().db.read(move |connection| {
        let known = known_as_seen(&by, Known::read(connection, seen_by(&by), &id, now)?);
        let actors = actors(connection, std::slice::from_ref(&known.token))?;
        let actor = actor(&known.token, &actors);
        Ok((known, actor))
    });
    let (known, actor) = reading.await?;
    let token = WholeView::of(known, &member.instance().config, now).described_by_its_name();
    json(StatusCode::OK, &WholeKeyView { token, actor })
}

/// `POST /api/v1/organizations/{slug}/api-keys`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewKeyBody {
    description: String,
    scopes: Vec<String>,
    everything: bool,
}

/// `POST /api/v1/organizations/{slug}/api-keys`: the secret is in this answer and nowhere else.
///
/// # Errors
/// [`crate::error::Error::Problem`].
pub async fn create(request: HttpRequest, sent: Sent<MemberConfirmed, NewKeyBody>) -> Result<HttpResponse> {
    let Sent { who: member, body } = sent;
    let once = once(&request, &format!("call {}", member.organization().id))?;
    let catalogue = &member.instance().config.catalogue;
    let form = KeyForm {
        description: body.description,
        access: access(body.everything),
        scope: body.scopes.clone(),
        ..KeyForm::default()
    };
    let new = judged(form.check(catalogue), (body.everything, &body.scopes), catalogue, |_| false)?;
    match service::create(&member, &once, new).await? {
        Created::Now(id, secret) => {
            let key = IssuedView::of(find(&member, &id).await?, &secret);
            made(&*member, &format!("/api-keys/{id}"), &key)
        }
        Created::Before(Some(id)) => json(StatusCode::OK, &find(&member, &id).await?),
        Created::Before(None) => Err(conflict("This call made a key before, and that was deleted since.")),
        Created::Refused(why) => Err(refused(&why)),
    }
}

/// `DELETE /api/v1/organizations/{slug}/api-keys/{id}`: at once and for good.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when they see no such key; [`crate::error::Error::Forbidden`].
pub async fn delete(member: Member, path: Id) -> Result<HttpResponse> {
    let (id, by) = (path.into_inner().1, member.clone());
    member.change(move |tx, acting, now, _| service::delete(tx, by.instance(), acting, now, &id)).await?;
    Ok(done())
}
