//! A new secret for a token that is there: name, description and rights stay, the validity is chosen anew. Of an old
//! secret at most one goes on working for a while: whoever regenerates twice ends the one before.

use diesel::prelude::*;

use super::Holder;
use super::policy::{Overlap, Status};
use super::queries::{Token, active_at, find, old_secret};
use super::service::{Made, Refused, Wish, insert_secret, is_taken, log, standing_in, tell, too_long};
use crate::app::Instance;
use crate::audit::{Action, Actor};
use crate::auth::capability::Confirmed;
use crate::auth::secret::PlainSecret;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::db::Tx;
use crate::db::schema::token_secrets;
use crate::error::Result;
use crate::ids::TokenId;
use crate::organizations::invitations;
use crate::organizations::license::{Limited, room};

/// What became of a wish for a new secret.
pub enum Regenerated {
    /// It is in hand this once.
    Now(PlainSecret),
    /// The same form made it already.
    Before,
    /// It was not made.
    Refused(Refused),
}

/// Gives a token a new secret. A token that was over works again, as its owner asked.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is not theirs; [`crate::error::Error::TooMany`] when this user makes too many
/// in an hour.
pub async fn regenerate(
    instance: &Instance,
    who: &Confirmed,
    form_id: &str,
    id: &TokenId,
    expires_at: Option<Timestamp>,
    overlap: Overlap,
) -> Result<Regenerated> {
    let (wish, id) = (Wish::begin(instance, who, form_id).await?, id.clone());
    instance
        .db
        .write(move |tx| {
            let (owner, actor, now) = (wish.who.owner(), wish.who.actor(tx, wish.now)?, wish.now);
            if wish.made_before(tx, owner)? != Made::Nothing {
                return Ok(Regenerated::Before);
            }
            let token = find(tx, owner, &id)?;
            let organization = token.record.organization_id.as_ref();
            let is_out = match organization {
                Some(organization) => standing_in(tx, owner, organization)?.is_none(),
                None => false,
            };
            if is_out {
                return Ok(Regenerated::Refused(wish.refuse(tx, Refused::NoMember)?));
            }
            // One that was over is one more.
            if let Some(place) = organization.filter(|_| token.status(now) != Status::Active)
                && let Err(full) = room(tx, place, Limited::Tokens, now)?
            {
                return Ok(Regenerated::Refused(wish.refuse(tx, Refused::License(full))?));
            }
            if let Some(why) = too_long(tx, &wish.config.tokens, organization, expires_at, now)? {
                return Ok(Regenerated::Refused(wish.refuse(tx, why)?));
            }
            let renewed = renew(tx, owner, &wish.config, &actor, &token, expires_at, overlap, now)?;
            let Some(secret) = renewed else {
                return Ok(Regenerated::Refused(wish.refuse(tx, Refused::NameTaken)?));
            };
            wish.done(tx, &id)?;
            let token = find(tx, owner, &id)?;
            tell(tx, &wish.who, &wish.config, &token, "was regenerated", now)?;
            Ok(Regenerated::Now(secret))
        })
        .await
}

/// Gives a token a new secret, whoever's it is; `None` when another live one of the holder's has taken its name meanwhile.
#[expect(clippy::too_many_arguments, reason = "each is another fact")]
pub(crate) fn renew<'a>(
    tx: &mut Tx<'_>,
    holder: impl Into<Holder<'a>>,
    config: &Config,
    actor: &Actor,
    token: &Token,
    expires_at: Option<Timestamp>,
    overlap: Overlap,
    now: Timestamp,
) -> Result<Option<PlainSecret>> {
    let (holder, record) = (holder.into(), &token.record);
    if token.status(now) != Status::Active && is_taken(tx, holder, Some(&record.id), &record.name, now)? {
        return Ok(None);
    }
    let detail = supersede(tx, &record.id, overlap, expires_at, now)?;
    let secret = PlainSecret::generate(&config.tokens.brand, record.kind.secret());
    insert_secret(tx, holder, &record.id, &secret, expires_at, now)?;
    log(tx, actor, record, now, Action::TokenRegenerated, &detail)?;
    Ok(Some(secret))
}

/// Takes the current secret's place from it, and says for the log what becomes of it. Where a secret ends at once by this, so
/// does what the token sent out.
pub(super) fn supersede(
    tx: &mut Tx<'_>,
    id: &TokenId,
    overlap: Overlap,
    new: Option<Timestamp>,
    now: Timestamp,
) -> Result<String> {
    cut_old(tx, id, now)?;
    let current = token_secrets::token_id.eq(id).and(token_secrets::is_current);
    let (secret, own, revoked) = token_secrets::table
        .filter(current)
        .select((token_secrets::id, token_secrets::expires_at, token_secrets::revoked_at))
        .get_result::<(crate::ids::SecretId, Option<Timestamp>, Option<Timestamp>)>(&mut **tx)?;
    let end = overlap.end(own, new, now);
    if end <= now {
        invitations::end_of_tokens(tx, &[id])?;
    }
    diesel::update(token_secrets::table.find(secret))
        .set((token_secrets::is_current.eq(false), token_secrets::expires_at.eq(end)))
        .execute(&mut **tx)?;
    Ok(match revoked {
        None if end > now => format!("the old secret works until {}", end.exact()),
        None if own.is_none_or(|own| own > now) => "the old secret ended".to_owned(),
        _ => String::new(),
    })
}

/// Ends what still works of the secrets before the present one. Where something did, what the token sent out ends with it:
/// whoever ends a secret before its time may know that it leaked.
fn cut_old(tx: &mut Tx<'_>, id: &TokenId, now: Timestamp) -> Result<()> {
    let old = token_secrets::token_id.eq(id).and(diesel::dsl::not(token_secrets::is_current));
    let live = token_secrets::table.filter(old).filter(active_at(now));
    let cut = diesel::update(live).set(token_secrets::expires_at.eq(now)).execute(&mut **tx)?;
    if cut == 0 { Ok(()) } else { invitations::end_of_tokens(tx, &[id]) }
}

/// Ends the old secret of a token before its time. Where there is none any more, nothing changes.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when the token is not the owner's.
pub fn end_old<'a>(
    tx: &mut Tx<'_>,
    holder: impl Into<Holder<'a>>,
    actor: &Actor,
    now: Timestamp,
    id: &TokenId,
) -> Result<()> {
    let token = find(tx, holder, id)?;
    let Some(old) = old_secret(tx, &token, now)? else { return Ok(()) };
    cut_old(tx, id, now)?;
    let detail = format!("…{}", old.last_four);
    log(tx, actor, &token.record, now, Action::TokenOldSecretEnded, &detail)
}
