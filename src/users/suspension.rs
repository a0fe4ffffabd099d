//! Closing an account without ending it: no door opens, no token is good, no mail goes there. Once it is opened again its tokens
//! and keys work as before; what was signed in, mailed or sent out stays over.

use diesel::prelude::*;

use super::{Credentials, UserStatus, by_email};
use crate::audit::{Action, Event, record};
use crate::auth::capability::Administers;
use crate::auth::link;
use crate::auth::session::{self, Reach};
use crate::clock::Timestamp;
use crate::db::schema::users;
use crate::db::{Connection, Tx};
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::mail::forget_waiting;
use crate::organizations::invitations;

const LAST: &str = "it is the last account that may administer this instance";

/// Closes an account: its sessions and terminals, links, half sign-ins and the invitations that it sent end, and mails that
/// wait are not sent. Its tokens and keys are kept and refused for as long. Says how many logins ended; `None` where it was closed before.
///
/// # Errors
/// [`Error::NotFound`] when there is no account with this address; [`Error::Forbidden`] when nobody else could administer
/// the instance.
pub fn suspend(tx: &mut Tx<'_>, who: &impl Administers, email: &str, now: Timestamp) -> Result<Option<usize>> {
    let actor = who.as_actor(tx, now)?;
    lock_administrators(tx)?;
    let user = locked(tx, email)?;
    if user.status == UserStatus::Suspended {
        return Ok(None);
    }
    set(tx, &user.id, UserStatus::Suspended)?;
    if is_unadministered(tx)? {
        // Nothing of this transaction is kept.
        return Err(Error::Forbidden(LAST));
    }
    let ended = session::end_all(tx, &user.id, Reach::All)?;
    link::end_all(tx, &user.id)?;
    forget_waiting(tx, &user.id)?;
    invitations::end_of_user(tx, &user.id)?;
    record(tx, &actor, now, &Event::of_user(Action::AccountSuspended, &user.id))?;
    Ok(Some(ended))
}

/// Opens a closed account again. Says whether it was closed.
///
/// # Errors
/// [`Error::NotFound`] when there is no account with this address.
pub fn reactivate(tx: &mut Tx<'_>, who: &impl Administers, email: &str, now: Timestamp) -> Result<bool> {
    let actor = who.as_actor(tx, now)?;
    let user = locked(tx, email)?;
    if user.status == UserStatus::Active {
        return Ok(false);
    }
    set(tx, &user.id, UserStatus::Active)?;
    record(tx, &actor, now, &Event::of_user(Action::AccountReactivated, &user.id))?;
    Ok(true)
}

/// The account with this address, which nobody else changes until the end of the transaction.
fn locked(tx: &mut Tx<'_>, email: &str) -> Result<Credentials> {
    let user = by_email(tx, email)?.ok_or(Error::NotFound)?;
    session::lock(tx, &user.id)?;
    by_email(tx, email)?.ok_or(Error::NotFound)
}

/// Of two administrators who are closed at the same moment, the second is the last. All are locked, in one order and before
/// anybody else's row, so that nobody waits for somebody who waits for them.
fn lock_administrators(tx: &mut Tx<'_>) -> Result<()> {
    let administrators = users::table.filter(users::is_administrator).order(users::id).select(users::id);
    if let Connection::Postgres(postgres) = &mut **tx {
        administrators.for_update().load::<UserId>(postgres)?;
    }
    Ok(())
}

/// Whether nobody is left who may administer the instance.
fn is_unadministered(tx: &mut Tx<'_>) -> Result<bool> {
    let left = users::is_administrator.and(users::status.eq(UserStatus::Active));
    Ok(users::table.filter(left).count().get_result::<i64>(&mut **tx)? == 0)
}

fn set(tx: &mut Tx<'_>, user: &UserId, status: UserStatus) -> Result<()> {
    diesel::update(users::table.find(user)).set(users::status.eq(status)).execute(&mut **tx)?;
    Ok(())
}
