//! A new token.

use super::{Created, For, Made, NewToken, Refused, Rights, Wish, issue, log, refused, tell, too_long};
use crate::app::Instance;
use crate::audit::Action;
use crate::auth::capability::Confirmed;
use crate::db::Tx;
use crate::error::Result;
use crate::organizations::license::{Limited, room};
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
            match wish.made_before(tx, owner)? {
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
            let refused = match (refused, &new.organization) {
                (None, Some(place)) => room(tx, place, Limited::Tokens, now)?.err().map(Refused::License),
                (why, _) => why,
            };
            // Asked last, and held from then on: a new rule finds the token there, or the token finds the rule.
            let refused = match refused {
                None => too_long(tx, &wish.config.tokens, new.organization.as_ref(), new.expires_at, now)?,
                why => why,
            };
            if let Some(why) = refused {
                return Ok(Created::Refused(wish.refuse(tx, why)?));
            }
            let (id, secret) = issue(tx, owner, For::User(owner.user_id()), &wish.config, &new, now)?;
            wish.done(tx, &id)?;
            let token = find(tx, owner, &id)?;
            log(tx, &actor, &token.record, now, Action::TokenCreated, "")?;
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
