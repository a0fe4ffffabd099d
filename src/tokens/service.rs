//! The verbs of tokens.

use diesel::prelude::*;

use super::policy::{Status, may_create};
use super::queries::find;
use super::{TokenKind, queries};
use crate::app::Instance;
use crate::audit::{Action, Actor, Event, record};
use crate::auth::capability::{Confirmed, Owner};
use crate::auth::secret::PlainSecret;
use crate::auth::{session, throttle};
use crate::catalogue::Scopes;
use crate::clock::Timestamp;
use crate::config::TokenConfig;
use crate::db::Tx;
use crate::db::schema::{form_uses, token_secrets, tokens};
use crate::error::{Error, Result};
use crate::ids::{SecretId, TokenId, UserId};
use crate::mail::letters::TokenCreated;
use crate::mail::queue;
use crate::urls;

/// A token to be, checked.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What its owner calls it.
    pub name: String,
    /// What its owner says of it.
    pub description: String,
    /// When it ends; `None` is never.
    pub expires_at: Option<Timestamp>,
    /// Everything that its owner may do, rather than `scopes`.
    pub everything: bool,
    /// What it is given, with what that implies.
    pub scopes: Scopes,
}

/// What became of a wish for a token.
pub enum Created {
    /// It was made; the secret is in hand this once.
    Now(TokenId, PlainSecret),
    /// The same form made one already; `None` where that has been deleted since.
    Before(Option<TokenId>),
    /// There are as many as the policy allows.
    TooMany,
    /// A live token of the owner's has this name.
    NameTaken,
}

/// Makes a personal access token, with its audit entry and the mail to its owner.
///
/// `form_id` names the form that asked: the same one makes one token, however often it is sent.
///
/// # Errors
/// [`Error::TooMany`] when this user makes too many in an hour; when the database refuses.
pub async fn create(instance: &Instance, who: &Confirmed, form_id: &str, new: NewToken) -> Result<Created> {
    let now = instance.clock.now();
    let account = who.account();
    let door = format!("tokens {}", account.user_id);
    throttle::enter(&instance.db, vec![(door.clone(), throttle::TOKENS)], now).await?;
    let origin = who.origin();
    let letter = TokenCreated {
        product: instance.config.product_name.clone(),
        first_name: account.first_name.clone(),
        token_name: new.name.clone(),
        expires: new.expires_at.map_or_else(|| "never".to_owned(), Timestamp::exact),
        at: now.exact(),
        browser: origin.agent.clone(),
        address: origin.address.clone(),
        url: instance.config.absolute(&urls::settings_tokens()),
    }
    .letter()?;
    let (who, form_id, config) =
        (who.clone(), format!("{} {form_id}", account.user_id), instance.config.tokens.clone());
    instance
        .db
        .write(move |tx| {
            let (owner, actor) = (who.owner(), who.actor(tx, now)?);
            if let Some(made) = made_before(tx, owner, &form_id)? {
                throttle::give_back(tx, &door)?;
                let still = find(tx, owner, &made).map(|token| token.record.id);
                return match still {
                    Ok(id) => Ok(Created::Before(Some(id))),
                    Err(Error::NotFound) => Ok(Created::Before(None)),
                    Err(error) => Err(error),
                };
            }
            let mine =
                tokens::table.filter(tokens::user_id.eq(owner.user_id()).and(tokens::kind.eq(TokenKind::Personal)));
            if !may_create(mine.count().get_result(&mut **tx)?, &config) {
                throttle::give_back(tx, &door)?;
                return Ok(Created::TooMany);
            }
            if is_taken(tx, owner, &new.name, now)? {
                throttle::give_back(tx, &door)?;
                return Ok(Created::NameTaken);
            }
            let (id, secret) = insert(tx, owner, &new, &config, now)?;
            diesel::insert_into(form_uses::table)
                .values((
                    form_uses::form_id.eq(&form_id),
                    form_uses::user_id.eq(owner.user_id()),
                    form_uses::made.eq(id.as_str()),
                    form_uses::used_at.eq(now),
                ))
                .execute(&mut **tx)?;
            log(tx, &actor, owner.user_id(), now, Action::TokenCreated, &id, &new.name)?;
            queue(tx, Some(owner.user_id()), &who.account().email, &letter, now)?;
            Ok(Created::Now(id, secret))
        })
        .await
}

/// Ends a token's secret, for good. Ending it again changes nothing.
///
/// # Errors
/// [`Error::NotFound`] when it is not the owner's.
pub fn revoke(tx: &mut Tx<'_>, owner: Owner<'_>, actor: &Actor, now: Timestamp, id: &TokenId) -> Result<()> {
    let token = find(tx, owner, id)?;
    if token.status(now) == Status::Revoked {
        return Ok(());
    }
    end_secrets(tx, id, now)?;
    log(tx, actor, owner.user_id(), now, Action::TokenRevoked, id, &token.record.name)
}

/// Ends every live personal token of a user, each with its entry in the log, and says how many.
///
/// # Errors
/// When the database refuses.
pub fn revoke_all(tx: &mut Tx<'_>, user: &UserId, actor: &Actor, now: Timestamp) -> Result<usize> {
    session::lock(tx, user)?;
    let mine = tokens::user_id.eq(user).and(tokens::kind.eq(TokenKind::Personal)).and(token_secrets::is_current);
    let live: Vec<(TokenId, String)> = tokens::table
        .inner_join(token_secrets::table)
        .filter(mine)
        .filter(queries::active_at(now))
        .select((tokens::id, tokens::name))
        .load(&mut **tx)?;
    for (id, name) in &live {
        end_secrets(tx, id, now)?;
        log(tx, actor, user, now, Action::TokenRevoked, id, name)?;
    }
    Ok(live.len())
}

fn end_secrets(tx: &mut Tx<'_>, id: &TokenId, now: Timestamp) -> Result<()> {
    let live = token_secrets::token_id.eq(id).and(token_secrets::revoked_at.is_null());
    diesel::update(token_secrets::table.filter(live)).set(token_secrets::revoked_at.eq(now)).execute(&mut **tx)?;
    Ok(())
}

/// Takes a token away, its secrets with it.
///
/// # Errors
/// [`Error::NotFound`] when it is not the owner's.
pub fn delete(tx: &mut Tx<'_>, owner: Owner<'_>, actor: &Actor, now: Timestamp, id: &TokenId) -> Result<()> {
    let token = find(tx, owner, id)?;
    if diesel::delete(tokens::table.find(id).filter(tokens::user_id.eq(owner.user_id()))).execute(&mut **tx)? != 1 {
        return Err(Error::NotFound);
    }
    log(tx, actor, owner.user_id(), now, Action::TokenDeleted, id, &token.record.name)
}

fn made_before(tx: &mut Tx<'_>, owner: Owner<'_>, form_id: &str) -> Result<Option<TokenId>> {
    let mine = form_uses::table.find(form_id).filter(form_uses::user_id.eq(owner.user_id()));
    Ok(mine.select(form_uses::made).get_result::<String>(&mut **tx).optional()?.map(TokenId::from))
}

fn is_taken(tx: &mut Tx<'_>, owner: Owner<'_>, name: &str, now: Timestamp) -> Result<bool> {
    let same = tokens::user_id
        .eq(owner.user_id())
        .and(tokens::kind.eq(TokenKind::Personal))
        .and(tokens::name.eq(name))
        .and(token_secrets::is_current);
    let live = tokens::table.inner_join(token_secrets::table).filter(same).filter(queries::active_at(now));
    Ok(live.count().get_result::<i64>(&mut **tx)? > 0)
}

fn insert(
    tx: &mut Tx<'_>,
    owner: Owner<'_>,
    new: &NewToken,
    config: &TokenConfig,
    now: Timestamp,
) -> Result<(TokenId, PlainSecret)> {
    let (id, kind) = (TokenId::new(), TokenKind::Personal);
    let secret = PlainSecret::generate(&config.brand, kind.secret());
    diesel::insert_into(tokens::table)
        .values((
            tokens::id.eq(&id),
            tokens::kind.eq(kind),
            tokens::user_id.eq(owner.user_id()),
            tokens::name.eq(&new.name),
            tokens::description.eq(&new.description),
            tokens::everything.eq(new.everything),
            tokens::scopes.eq(new.scopes.to_text()),
            tokens::created_at.eq(now),
        ))
        .execute(&mut **tx)?;
    diesel::insert_into(token_secrets::table)
        .values((
            token_secrets::id.eq(SecretId::new()),
            token_secrets::token_id.eq(&id),
            token_secrets::hash.eq(secret.hash()),
            token_secrets::last_four.eq(secret.last_four()),
            token_secrets::is_current.eq(true),
            token_secrets::created_at.eq(now),
            token_secrets::expires_at.eq(new.expires_at),
        ))
        .execute(&mut **tx)?;
    Ok((id, secret))
}

fn log(
    tx: &mut Tx<'_>,
    actor: &Actor,
    user: &UserId,
    now: Timestamp,
    action: Action,
    id: &TokenId,
    name: &str,
) -> Result<()> {
    let event =
        Event { action, user: Some(user), organization: None, subject_id: id.as_str(), subject_name: name, detail: "" };
    record(tx, actor, now, &event)
}
