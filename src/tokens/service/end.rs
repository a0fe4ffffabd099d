//! Revoking and deleting: one, several, all.

use diesel::prelude::*;

use super::log;
use crate::audit::{Action, Actor, Event, record};
use crate::auth::capability::Owner;
use crate::auth::session;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::db::schema::{token_secrets, tokens};
use crate::error::{Error, Result};
use crate::ids::{OrganizationId, TokenId, UserId};
use crate::tokens::TokenKind;
use crate::tokens::policy::Status;
use crate::tokens::queries::{active_at, find, find_all};

/// Ends a token's secrets, for good. Ending it again changes nothing.
///
/// # Errors
/// [`Error::NotFound`] when it is not the owner's.
pub fn revoke(tx: &mut Tx<'_>, owner: Owner<'_>, actor: &Actor, now: Timestamp, id: &TokenId) -> Result<()> {
    let token = find(tx, owner, id)?;
    if token.status(now) == Status::Revoked {
        return Ok(());
    }
    end_secrets(tx, &[id], now)?;
    log(tx, actor, owner.user_id(), now, Action::TokenRevoked, id, &token.record.name, "")
}

/// Revokes those of a selection that still work, and says how many those were. If one of them is not the owner's, none is.
///
/// # Errors
/// [`Error::NotFound`] when one is not the owner's.
pub fn revoke_selected(
    tx: &mut Tx<'_>,
    owner: Owner<'_>,
    actor: &Actor,
    now: Timestamp,
    ids: &[TokenId],
) -> Result<usize> {
    let found = find_all(tx, owner, ids)?;
    let live = found.into_iter().filter(|token| token.status(now) == Status::Active);
    let live: Vec<_> = live.map(|token| (token.record.id, token.record.name)).collect();
    end(tx, &live, (owner.user_id(), None, ""), actor, now)
}

/// Ends every live personal token of a user, each with its entry in the log, and says how many.
///
/// # Errors
/// When the database refuses.
pub fn revoke_all(tx: &mut Tx<'_>, user: &UserId, actor: &Actor, now: Timestamp) -> Result<usize> {
    session::lock(tx, user)?;
    let live: Vec<(TokenId, String)> = tokens::table
        .inner_join(token_secrets::table)
        .filter(tokens::user_id.eq(user).and(tokens::kind.eq(TokenKind::Personal)).and(token_secrets::is_current))
        .filter(active_at(now))
        .select((tokens::id, tokens::name))
        .load(&mut **tx)?;
    end(tx, &live, (user, None, ""), actor, now)
}

/// Ends whatever a user has for one organization: their keys, and their personal tokens that are for it alone. Says how
/// many of them were live.
///
/// # Errors
/// When the database refuses.
pub fn end_in_organization(
    tx: &mut Tx<'_>,
    user: &UserId,
    organization: &OrganizationId,
    actor: &Actor,
    now: Timestamp,
) -> Result<usize> {
    let theirs = tokens::user_id.eq(user).and(tokens::organization_id.eq(organization)).and(token_secrets::is_current);
    let live: Vec<(TokenId, String)> = tokens::table
        .inner_join(token_secrets::table)
        .filter(theirs)
        .filter(active_at(now))
        .select((tokens::id, tokens::name))
        .load(&mut **tx)?;
    end(tx, &live, (user, Some(organization), "no longer a member"), actor, now)
}

/// Ends these, each with its entry in the log, and says how many they are.
fn end(
    tx: &mut Tx<'_>,
    live: &[(TokenId, String)],
    (user, organization, detail): (&UserId, Option<&OrganizationId>, &str),
    actor: &Actor,
    now: Timestamp,
) -> Result<usize> {
    end_secrets(tx, &live.iter().map(|(id, _)| id).collect::<Vec<_>>(), now)?;
    for (id, name) in live {
        let (subject_id, subject_name) = (id.as_str(), name.as_str());
        let event =
            Event { action: Action::TokenRevoked, user: Some(user), organization, subject_id, subject_name, detail };
        record(tx, actor, now, &event)?;
    }
    Ok(live.len())
}

pub(in crate::tokens) fn end_secrets(tx: &mut Tx<'_>, ids: &[&TokenId], now: Timestamp) -> Result<()> {
    let live = token_secrets::token_id.eq_any(ids.iter().copied()).and(token_secrets::revoked_at.is_null());
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
    log(tx, actor, owner.user_id(), now, Action::TokenDeleted, id, &token.record.name, "")
}

/// Takes all of the owner's personal tokens away, each with its entry in the log, and says how many.
///
/// # Errors
/// When the database refuses; then none is gone.
pub fn delete_all(tx: &mut Tx<'_>, owner: Owner<'_>, actor: &Actor, now: Timestamp) -> Result<usize> {
    let mine = tokens::user_id.eq(owner.user_id()).and(tokens::kind.eq(TokenKind::Personal));
    let all: Vec<(TokenId, String)> =
        tokens::table.filter(mine).order(tokens::id).select((tokens::id, tokens::name)).load(&mut **tx)?;
    for (id, name) in &all {
        log(tx, actor, owner.user_id(), now, Action::TokenDeleted, id, name, "")?;
    }
    diesel::delete(tokens::table.filter(mine)).execute(&mut **tx)?;
    Ok(all.len())
}
