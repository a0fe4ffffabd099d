//! Another name, description, other rights.

use diesel::prelude::*;

use super::{Change, NewRights, Refused, Rights, log, refused, tell};
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

/// A token as it shall be from now on.
struct After {
    name: String,
    description: String,
    rights: Rights,
    may_rotate: bool,
}

impl After {
    fn of(token: &Token, change: Change, catalogue: &Catalogue) -> Self {
        let (record, before) = (&token.record, rights_of(token));
        let rights = match change.rights {
            None => before,
            Some(NewRights::These(rights)) => rights,
            // Whoever may do everything may do these.
            Some(NewRights::And(_)) if before.everything => before,
            Some(NewRights::And(more)) => {
                let all = before.scopes.iter().chain(more.iter()).cloned();
                Rights { everything: false, scopes: Scopes::filled_in(all, catalogue) }
            }
        };
        Self {
            name: change.name.unwrap_or_else(|| record.name.clone()),
            description: change.description.unwrap_or_else(|| record.description.clone()),
            rights,
            may_rotate: change.may_rotate.unwrap_or(record.may_rotate),
        }
    }
}

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
            let change = After::of(&token, change, &config.catalogue);
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
                    tokens::may_rotate.eq(change.may_rotate),
                ))
                .execute(&mut **tx)?;
            let now_is = find(tx, owner, &id)?;
            log(tx, &actor, &now_is.record, now, Action::TokenChanged, &detail)?;
            let renews = change.may_rotate && !token.record.may_rotate;
            if (renews || widens(&before, after)) && token.status(now) == Status::Active {
                tell(tx, &who, &config, &now_is, "was given more rights", now)?;
            }
            Ok(None)
        })
        .await
}

fn rights_of(token: &Token) -> Rights {
    Rights { everything: token.record.everything, scopes: Scopes::from_text(&token.record.scopes) }
}

fn widens(before: &Rights, after: &Rights) -> bool {
    !before.everything && (after.everything || after.scopes.iter().any(|scope| !before.scopes.contains(scope)))
}

/// For the log; empty when nothing changed.
fn what_changed(token: &Token, before: &Rights, change: &After) -> String {
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
    if token.record.may_rotate != change.may_rotate {
        parts.push(if change.may_rotate { "may renew itself" } else { "may not renew itself" }.to_owned());
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
    let after = After { rights: after, ..After::of(&token, Change::default(), catalogue) };
    let detail = what_changed(&token, &before, &after);
    log(tx, actor, &token.record, now, Action::TokenChanged, &detail)
}
