//! Invitations to make an account: a mailed link that is bound to its address. Whoever opens it has the mailbox. Those to
//! an organization are rows of the same table, and [`crate::organizations::invitations`]' business.

use actix_web::web;
use diesel::prelude::*;

use super::service;
use crate::app::Instance;
use crate::audit::{Action, Actor, Event, Origin, record};
use crate::auth::AdministratorConfirmed;
use crate::auth::link;
use crate::auth::secret::SecretHash;
use crate::auth::session::{self, NewKey};
use crate::catalogue::Catalogue;
use crate::clock::{DAY, Timestamp};
use crate::config::SignUpMode;
use crate::db::schema::invitations;
use crate::db::{Connection, Tx};
use crate::error::{Error, Result};
use crate::ids::InvitationId;
use crate::mail::letters::Invitation as InvitationLetter;
use crate::mail::queue;
use crate::organizations::invitations::Answered;
use crate::organizations::license::{Limited, room};
use crate::organizations::{self, Organization};
use crate::urls;
use crate::users::{NewUser, by_email, email_key};

/// For how long an invitation is good.
const LIFETIME: i64 = 7 * DAY;

/// An invitation, as far as it is kept.
#[derive(Debug, Clone, Queryable)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// To whom.
    pub email: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

type Columns = (invitations::id, invitations::email, invitations::created_at, invitations::expires_at);
const COLUMNS: Columns = (invitations::id, invitations::email, invitations::created_at, invitations::expires_at);

/// All of them, newest first.
///
/// # Errors
/// When the database refuses.
pub fn list(connection: &mut Connection) -> Result<Vec<Invitation>> {
    Ok(invitations::table
        .filter(invitations::organization_id.is_null())
        .order(invitations::id.desc())
        .select(COLUMNS)
        .load(connection)?)
}

/// Invites an address, in place of an earlier invitation, and says the link's code: for the page, where there may be no
/// mail server.
///
/// # Errors
/// [`Error::Taken`] when the address has an account.
pub async fn invite(instance: &Instance, who: AdministratorConfirmed, email: &str) -> Result<String> {
    let (now, email, code) = (instance.clock.now(), email.trim().to_owned(), link::new_code());
    let letter = InvitationLetter {
        product: instance.config.product_name.clone(),
        from: who.account().name(),
        url: instance.config.absolute(&urls::invitation(&code)),
    }
    .letter()?
    .good_for(LIFETIME);
    let hash = SecretHash::of(&code);
    instance
        .db
        .write(move |tx| {
            if by_email(tx, &email)?.is_some() {
                return Err(Error::Taken("users.email_key".to_owned()));
            }
            let (id, key) = (InvitationId::new(), email_key(&email));
            end_for(tx, &key)?;
            diesel::insert_into(invitations::table)
                .values((
                    invitations::id.eq(&id),
                    invitations::hash.eq(hash),
                    invitations::email.eq(&email),
                    invitations::email_key.eq(key),
                    invitations::created_at.eq(now),
                    invitations::expires_at.eq(now.plus(LIFETIME)),
                ))
                .execute(&mut **tx)?;
            log(tx, &who, now, Action::Invited, &id)?;
            queue(tx, None, &email, &letter, now)
        })
        .await?;
    Ok(code)
}

/// Takes an invitation back.
///
/// # Errors
/// [`Error::NotFound`] when it is used or was never there.
pub fn cancel(tx: &mut Tx<'_>, who: &AdministratorConfirmed, id: &InvitationId, now: Timestamp) -> Result<()> {
    let this = invitations::table.filter(invitations::id.eq(id).and(invitations::organization_id.is_null()));
    if diesel::delete(this).execute(&mut **tx)? != 1 {
        return Err(Error::NotFound);
    }
    log(tx, who, now, Action::InvitationCancelled, id)
}

fn log(tx: &mut Tx<'_>, who: &AdministratorConfirmed, now: Timestamp, action: Action, id: &InvitationId) -> Result<()> {
    // Not the address: it would outlive its owner's account in the log.
    let event = Event {
        action,
        user: Some(&who.account().user_id),
        organization: None,
        subject_id: id.as_str(),
        subject_name: "",
        detail: "",
    };
    let actor = who.actor(tx, now)?;
    record(tx, &actor, now, &event)
}

/// The address that an invitation is for, if it is still good.
///
/// # Errors
/// When the database refuses.
pub fn address(connection: &mut Connection, code: &str, now: Timestamp) -> Result<Option<String>> {
    let good = invitations::hash.eq(SecretHash::of(code)).and(invitations::expires_at.gt(now));
    Ok(invitations::table
        .filter(good.and(invitations::organization_id.is_null()))
        .select(invitations::email)
        .get_result(connection)
        .optional()?)
}

/// Whether an address is invited, to the instance or, where that is enough, to an organization: then it may make an account.
///
/// # Errors
/// When the database refuses.
pub fn is_invited(
    connection: &mut Connection,
    email: &str,
    mode: SignUpMode,
    now: Timestamp,
    catalogue: &Catalogue,
) -> Result<bool> {
    let good = invitations::email_key.eq(email_key(email)).and(invitations::expires_at.gt(now));
    let here = invitations::table.filter(good.and(invitations::organization_id.is_null()));
    Ok(diesel::select(diesel::dsl::exists(here)).get_result(connection)?
        || (mode.takes_whom_members_invite()
            && organizations::invitations::is_invited(connection, email, now, catalogue)?))
}

/// Accepts an invitation: the address is its own, whatever the form says.
///
/// # Errors
/// [`Error::NotFound`] when it is used, cancelled or over.
pub async fn accept(instance: &Instance, code: String, mut new: NewUser, origin: Origin) -> Result<NewKey> {
    let (now, sessions) = (instance.clock.now(), instance.config.sessions.clone());
    let made = instance
        .db
        .write(move |tx| {
            new.email = address(tx, &code, now)?.ok_or(Error::NotFound)?;
            let used = diesel::delete(invitations::table.filter(invitations::hash.eq(SecretHash::of(&code))));
            if used.execute(&mut **tx)? != 1 {
                return Err(Error::NotFound);
            }
            service::make(tx, &new, origin, &sessions, now)
        })
        .await;
    made.map_err(|error| if matches!(error, Error::Taken(_)) { Error::NotFound } else { error })
}

/// What became of accepting an invitation to an organization without an account.
pub enum Arrived {
    /// The account is made and a member, and somebody is signed in to it.
    In(NewKey, Answered),
    /// The organization is full; nothing was made.
    Full(Organization),
}

/// Makes the account of whoever is invited to an organization and came with the mailed link, and makes it a member.
///
/// # Errors
/// [`Error::NotFound`] when the link is used, taken back or over, or proves no mailbox.
pub async fn accept_and_join(
    instance: &web::Data<Instance>,
    code: String,
    mut new: NewUser,
    origin: Origin,
) -> Result<Arrived> {
    let (now, by) = (instance.clock.now(), instance.clone());
    let made = instance
        .db
        .write(move |tx| {
            let (catalogue, notices) = (&by.config.catalogue, Some(by.notices.as_ref()));
            let offer = organizations::invitations::offer(tx, &code, now, catalogue)?.ok_or(Error::NotFound)?;
            if !offer.has_mailbox {
                return Err(Error::NotFound);
            }
            if room(tx, &offer.organization.id, Limited::Members, now)?.is_err() {
                return Ok(Arrived::Full(offer.organization));
            }
            new.email.clone_from(&offer.email);
            let user = service::make_account(tx, &new, origin.clone(), now)?;
            let actor = Actor::arriving(&user, origin);
            let answered = organizations::invitations::accept(tx, (&user, &actor), &code, now, catalogue, notices)?;
            organizations::begin_in(tx, &user, &offer.organization.id)?;
            let (_, key) = session::begin(tx, &user, false, true, actor.origin(), &by.config.sessions, now)?;
            Ok(Arrived::In(key, answered))
        })
        .await;
    made.map_err(|error| if matches!(error, Error::Taken(_)) { Error::NotFound } else { error })
}

/// Ends the invitations of an address to make an account; those to organizations stay open for it.
///
/// # Errors
/// When the database refuses.
pub(super) fn end_for(tx: &mut Tx<'_>, email_key: &str) -> Result<()> {
    let those = invitations::email_key.eq(email_key).and(invitations::organization_id.is_null());
    diesel::delete(invitations::table.filter(those)).execute(&mut **tx)?;
    Ok(())
}
