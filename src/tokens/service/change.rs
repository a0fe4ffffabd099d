//! Another name, description, other rights.

use diesel::prelude::*;

use super::{Change, Refused, Rights, log, refused, tell};
use crate::app::Instance;
use crate::audit::{Action, Actor};
use crate::auth::capability::{Confirmed, Owner};
use crate::catalogue::{Catalogue, Scopes};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::db::schema::tokens;
use crate::error::{Error, Result};
use crate::ids::TokenId;
use crate::text;
use crate::tokens::policy::Status;
use crate::tokens::queries::{Token, find};
use crate::tokens::words;

/// Changes name, description and rights; where the rights grow, the owner is told.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs.
pub async fn change(instance: &Instance, who: &Confirmed, id: &TokenId, change: Change) -> Result<Option<Refused>> {
    let (who, id, now, config) = ((**who).clone(), id.clone(), instance.clock.now(), instance.config.clone());
    instance
        .db
        .write(move |tx| {
            let (owner, actor) = (who.owner(), who.actor(tx, now)?);
            let token = find(tx, owner, &id)?;
            let (before, after) = (rights_of(&token), &change.rights);
            let place = token.record.organization_id.as_ref();
            let refused = refused(tx, owner, Some(&id), &change.name, place, &before, after, &config.catalogue, now)?;
            // An ended token's name does no harm until it is given a new secret.
            let refused = refused.filter(|why| *why != Refused::NameTaken || token.status(now) == Status::Active);
            if refused.is_some() {
                return Ok(refused);
            }
            let detail = what_changed(&token, &before, &change);
            if detail.is_empty() {
                return Ok(None);
            }
            diesel::update(tokens::table.find(&id))
                .set((
                    tokens::name.eq(&change.name),
                    tokens::name_key.eq(text::search_key(&change.name)),
                    tokens::description.eq(&change.description),
                    tokens::everything.eq(after.everything),
                    tokens::scopes.eq(after.scopes.to_text()),
                ))
                .execute(&mut **tx)?;
            log(tx, &actor, owner.user_id(), now, Action::TokenChanged, &id, &change.name, &detail)?;
            if widens(&before, after) && token.status(now) == Status::Active {
                let token = find(tx, owner, &id)?;
                tell(tx, &who, &config, &token, "may do more than before", now)?;
            }
            Ok(None)
        })
        .await
}

fn rights_of(token: &Token) -> Rights {
    Rights { everything: token.record.everything, scopes: Scopes::from_text(&token.record.scopes) }
}

fn widens(before: &Rights, after: &Rights) -> bool {
    !before.everything
        && (after.everything || after.scopes.iter().any(|scope| !before.scopes.iter().any(|known| known == scope)))
}

/// For the log; empty when nothing changed.
fn what_changed(token: &Token, before: &Rights, change: &Change) -> String {
    let mut parts = Vec::new();
    if token.record.name != change.name {
        parts.push(format!("called {} before", token.record.name));
    }
    if token.record.description != change.description {
        parts.push("description".to_owned());
    }
    if before.everything != change.rights.everything {
        parts.push(if change.rights.everything { "+ everything" } else { "− everything" }.to_owned());
    }
    if before.scopes != change.rights.scopes {
        parts.push(words::difference(&before.scopes, &change.rights.scopes));
    }
    parts.join("; ")
}

/// Takes scopes from a token, and with each all those that would imply it; `None` takes every one. What is left is
/// less, so nobody is told.
///
/// # Errors
/// [`Error::NotFound`] when the token is not the owner's, or has no such scope.
pub fn take_scope(
    tx: &mut Tx<'_>,
    owner: Owner<'_>,
    actor: &Actor,
    now: Timestamp,
    id: &TokenId,
    scope: Option<&str>,
    catalogue: &Catalogue,
) -> Result<()> {
    let token = find(tx, owner, id)?;
    let before = rights_of(&token);
    let left = match scope {
        None => Scopes::default(),
        Some(text) => before.scopes.without(text, catalogue),
    };
    if left == before.scopes && !(scope.is_none() && before.everything) {
        return if scope.is_none() { Ok(()) } else { Err(Error::NotFound) };
    }
    let after = Rights { everything: before.everything && scope.is_some(), scopes: left };
    diesel::update(tokens::table.find(id))
        .set((tokens::everything.eq(after.everything), tokens::scopes.eq(after.scopes.to_text())))
        .execute(&mut **tx)?;
    let change =
        Change { name: token.record.name.clone(), description: token.record.description.clone(), rights: after };
    let detail = what_changed(&token, &before, &change);
    log(tx, actor, owner.user_id(), now, Action::TokenChanged, id, &token.record.name, &detail)
}
