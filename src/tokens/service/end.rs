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
use crate::organizations::invitations;
use crate::tokens::policy::Status;
use crate::tokens::queries::{Record, active_at, find, find_all};
use crate::tokens::{Holder, TokenKind};

/// Ends a token's secrets, for good. Ending it again changes nothing.
///
/// # Errors
/// [`Error::NotFound`] when it is not the holder's.
pub fn revoke<'a>(
    tx: &mut Tx<'_>,
    holder: impl Into<Holder<'a>>,
    actor: &Actor,
    now: Timestamp,
    id: &TokenId,
) -> Result<()> {
    let token = find(tx, holder, id)?;
    if token.status(now) == Status::Revoked {
        return Ok(());
    }
    end_secrets(tx, &[id], now)?;
    log(tx, actor, &token.record, now, Action::TokenRevoked, "")
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
    let live = found.into_iter().filter(|token| token.status(now) == Status::Active).map(|token| token.record);
    end(tx, &live.collect::<Vec<_>>(), actor, now)
}

/// Ends every live personal token of a user, each with its entry in the log, and says how many.
///
/// # Errors
/// When the database refuses.
pub fn revoke_all(tx: &mut Tx<'_>, user: &UserId, actor: &Actor, now: Timestamp) -> Result<usize> {
    session::lock(tx, user)?;
    let live: Vec<Record> = tokens::table
        .inner_join(token_secrets::table)
        .filter(tokens::user_id.eq(user).and(tokens::kind.eq(TokenKind::Personal)).and(token_secrets::is_current))
        .filter(active_at(now))
        .select(Record::as_select())
        .load(&mut **tx)?;
    end(tx, &live, actor, now)
}

/// Ends these, each with its entry in the log, and says how many they are.
fn end(tx: &mut Tx<'_>, live: &[Record], actor: &Actor, now: Timestamp) -> Result<usize> {
    end_secrets(tx, &live.iter().map(|record| &record.id).collect::<Vec<_>>(), now)?;
    for record in live {
        log(tx, actor, record, now, Action::TokenRevoked, "")?;
    }
    Ok(live.len())
}

pub(in crate::tokens) fn end_secrets(tx: &mut Tx<'_>, ids: &[&TokenId], now: Timestamp) -> Result<()> {
    let live = token_secrets::token_id.eq_any(ids.iter().copied()).and(token_secrets::revoked_at.is_null());
    diesel::update(token_secrets::table.filter(live)).set(token_secrets::revoked_at.eq(now)).execute(&mut **tx)?;
    invitations::end_of_tokens(tx, ids)
}

/// Takes a token away, its secrets with it.
///
/// # Errors
/// [`Error::NotFound`] when it is not the holder's.
pub fn delete<'a>(
    tx: &mut Tx<'_>,
    holder: impl Into<Holder<'a>>,
    actor: &Actor,
    now: Timestamp,
    id: &TokenId,
) -> Result<()> {
    let token = find(tx, holder, id)?;
    invitations::end_of_tokens(tx, &[id])?;
    if diesel::delete(tokens::table.find(id)).execute(&mut **tx)? != 1 {
        return Err(Error::NotFound);
    }
    log(tx, actor, &token.record, now, Action::TokenDeleted, "")
}

/// Takes all of the owner's personal tokens away, each with its entry in the log, and says how many.
///
/// # Errors
/// When the database refuses; then none is gone.
pub fn delete_all(tx: &mut Tx<'_>, owner: Owner<'_>, actor: &Actor, now: Timestamp) -> Result<usize> {
    let mine = tokens::user_id.eq(owner.user_id()).and(tokens::kind.eq(TokenKind::Personal));
    let all: Vec<Record> = tokens::table.filter(mine).order(tokens::id).select(Record::as_select()).load(&mut **tx)?;
    for record in &all {
        log(tx, actor, record, now, Action::TokenDeleted, "")?;
    }
    diesel::delete(tokens::table.filter(mine)).execute(&mut **tx)?;
    Ok(all.len())
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
    let live: Vec<Record> = tokens::table
        .inner_join(token_secrets::table)
        .filter(theirs)
        .filter(active_at(now))
        .select(Record::as_select())
        .load(&mut **tx)?;
    end_secrets(tx, &live.iter().map(|record| &record.id).collect::<Vec<_>>(), now)?;
    for of in &live {
        // It stands in the organization's log, too, whatever kind it was of.
        let event = Event {
            action: if of.kind == TokenKind::ApiKey { Action::KeyStopped } else { Action::TokenRevoked },
            user: of.user_id.as_ref(),
            organization: of.organization_id.as_ref(),
            subject_id: of.id.as_str(),
            subject_name: &of.name,
            detail: "no longer a member",
        };
        record(tx, actor, now, &event)?;
    }
    Ok(live.len())
}
