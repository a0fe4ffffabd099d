//! A new token.

use diesel::prelude::*;

use super::{Created, Made, NewToken, Refused, Rights, Wish, insert_secret, log, refused, tell, too_long};
use crate::app::Instance;
use crate::audit::Action;
use crate::auth::capability::{Confirmed, Owner};
use crate::auth::secret::PlainSecret;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::db::schema::tokens;
use crate::error::Result;
use crate::ids::TokenId;
use crate::text;
use crate::tokens::TokenKind;
use crate::tokens::policy::may_create;
use crate::tokens::queries::{self, find};

/// Makes a personal access token, with its audit entry and the mail to its owner.
///
/// `form_id` names the form that asked: the same one makes one token, however often it is sent.
///
/// # Errors
/// [`Error::TooMany`] when this user makes too many in an hour; when the database refuses.
pub async fn create(instance: &Instance, who: &Confirmed, form_id: &str, new: NewToken) -> Result<Created> {
    let wish = Wish::begin(instance, who, form_id).await?;
    instance
        .db
        .write(move |tx| {
            let (owner, actor, now) = (wish.who.owner(), wish.who.actor(tx, wish.now)?, wish.now);
            match wish.made_before(tx)? {
                Made::Nothing => {}
                Made::Token(id) => return Ok(Created::Before(Some(id))),
                Made::Gone => return Ok(Created::Before(None)),
            }
            let refused = match too_many(tx, &wish, &new)? {
                None => {
                    let (place, none) = (new.organization.as_ref(), Rights::default());
                    refused(tx, owner, None, &new.name, place, &none, &new.rights, &wish.config.catalogue, now)?
                }
                why => why,
            };
            // Asked last, and held from then on: a new rule finds the token there, or the token finds the rule.
            let refused = match refused {
                None => too_long(tx, &wish.config.tokens, new.organization.as_ref(), new.expires_at, now)?,
                why => why,
            };
            if let Some(why) = refused {
                return Ok(Created::Refused(wish.refuse(tx, why)?));
            }
            let id = insert(tx, owner, &new, now)?;
            let secret = PlainSecret::generate(&wish.config.tokens.brand, TokenKind::Personal.secret());
            insert_secret(tx, owner.user_id(), &id, &secret, new.expires_at, now)?;
            wish.done(tx, &id)?;
            log(tx, &actor, owner.user_id(), now, Action::TokenCreated, &id, &new.name, "")?;
            let token = find(tx, owner, &id)?;
            tell(tx, &wish.who, &wish.config, &token, "was created", now)?;
            Ok(Created::Now(id, secret))
        })
        .await
}

/// Whether there is room for one more: among all of the owner's, and in the organization that it is for. Two of one
/// owner's come one after the other, since [`Wish`]'s actor locked their row.
fn too_many(tx: &mut Tx<'_>, wish: &Wish, new: &NewToken) -> Result<Option<Refused>> {
    let owner = wish.who.owner();
    let policy = queries::policy(tx, &wish.config.tokens)?;
    if !may_create(queries::count(tx, owner)?, &policy) {
        return Ok(Some(Refused::TooMany(policy.max_per_user)));
    }
    let Some(organization) = &new.organization else { return Ok(None) };
    let Some(most) = queries::rule(tx, organization.as_str())?.max_per_user else { return Ok(None) };
    let have = queries::count_in(tx, owner, organization)?;
    Ok((have >= most).then_some(Refused::TooManyThere(most)))
}

fn insert(tx: &mut Tx<'_>, owner: Owner<'_>, new: &NewToken, now: Timestamp) -> Result<TokenId> {
    let id = TokenId::new();
    diesel::insert_into(tokens::table)
        .values((
            tokens::id.eq(&id),
            tokens::kind.eq(TokenKind::Personal),
            tokens::user_id.eq(owner.user_id()),
            tokens::organization_id.eq(&new.organization),
            tokens::name.eq(&new.name),
            tokens::name_key.eq(text::search_key(&new.name)),
            tokens::description.eq(&new.description),
            tokens::everything.eq(new.rights.everything),
            tokens::scopes.eq(new.rights.scopes.to_text()),
            tokens::may_rotate.eq(new.may_rotate),
            tokens::created_at.eq(now),
        ))
        .execute(&mut **tx)?;
    Ok(id)
}
