//! The verbs: adding and taking away, and what stays true of an account meanwhile.

use std::sync::Arc;

use diesel::prelude::*;

use super::recovery_codes::{self, NewCodes, codes_left};
use super::totp::{self, TotpSecret};
use crate::app::Instance;
use crate::audit::{Action, Event, record};
use crate::auth::{Confirmed, InstanceKey};
use crate::clock::Timestamp;
use crate::db::schema::users;
use crate::db::{Connection, Db, Tx};
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::mail::{Notices, SecurityNotice};
use crate::passkeys;
use crate::security::sessions::end_elsewhere;

/// What an account has.
#[derive(Debug, Clone, Default)]
pub struct Overview {
    /// Since when an authenticator app.
    pub app_since: Option<Timestamp>,
    /// Any passkeys?
    pub passkeys: bool,
    /// How many recovery codes are left; `None` where there never were any.
    pub codes_left: Option<i64>,
}

/// What an account has.
///
/// # Errors
/// When the database refuses.
pub fn overview(connection: &mut Connection, user: &UserId) -> Result<Overview> {
    Ok(Overview {
        app_since: totp::since(connection, user)?,
        passkeys: passkeys::are_there(connection, user)?,
        codes_left: codes_left(connection, user)?,
    })
}

/// Whether an account has any second factor; with each kind that there is.
fn has_any(connection: &mut Connection, user: &UserId) -> Result<bool> {
    Ok(totp::since(connection, user)?.is_some() || passkeys::are_there(connection, user)?)
}

/// Whether an account has a second factor that it had at an earlier moment already.
///
/// # Errors
/// When the database refuses.
pub fn has_since(connection: &mut Connection, user: &UserId, moment: Timestamp) -> Result<bool> {
    let app = totp::since(connection, user)?;
    Ok(app.is_some_and(|since| since <= moment) || passkeys::are_there_since(connection, user, moment)?)
}

/// Notes whether an account has a second factor, after one was added or taken away. Without one it has no recovery codes.
///
/// # Errors
/// When the database refuses.
pub fn refresh(tx: &mut Tx<'_>, user: &UserId) -> Result<()> {
    let has = has_any(tx, user)?;
    if !has {
        recovery_codes::forget(tx, user)?;
    }
    diesel::update(users::table.find(user)).set(users::second_factor.eq(has)).execute(&mut **tx)?;
    Ok(())
}

/// Recovery codes for an account that has none yet and is about to get its first factor; to be made before the transaction,
/// since hashing them takes its time, and handed to [`enrolled`] within.
///
/// # Errors
/// [`Error::Unavailable`] when too many passwords are being hashed.
pub async fn first_codes(instance: &Instance, user: &UserId) -> Result<Option<NewCodes>> {
    let owner = user.clone();
    match instance.db.read(move |connection| codes_left(connection, &owner)).await? {
        Some(_) => Ok(None),
        None => NewCodes::make(instance).await.map(Some),
    }
}

/// Every kind of factor ends its enrolment here, in the same transaction: notes that the account has one, and keeps the
/// recovery codes that came with the first.
///
/// # Errors
/// When the database refuses.
pub fn enrolled(tx: &mut Tx<'_>, user: &UserId, codes: Option<&NewCodes>, now: Timestamp) -> Result<()> {
    if let Some(codes) = codes {
        codes.keep(tx, user, now)?;
    }
    refresh(tx, user)
}

/// Adds an authenticator app, whose first code was right, and signs out everywhere else where that is wanted. The codes to show,
/// if it is the account's first factor.
///
/// # Errors
/// [`Error::Taken`] when there is an app already; [`Error::Unavailable`].
pub async fn add_app(
    instance: &Instance,
    who: Confirmed,
    (secret, step): (&TotpSecret, i64),
    end_others: bool,
) -> Result<Option<NewCodes>> {
    let (now, notices) = (instance.clock.now(), Arc::clone(&instance.notices));
    let sealed = totp::seal(&instance.key, &who.account().user_id, secret);
    let codes = first_codes(instance, &who.account().user_id).await?;
    instance
        .db
        .write(move |tx| {
            let (user, actor) = (&who.account().user_id, who.actor(tx, now)?);
            totp::add(tx, user, &sealed, step, now)?;
            enrolled(tx, user, codes.as_ref(), now)?;
            let event = Event { detail: "authenticator app", ..Event::of_user(Action::SecondFactorAdded, user) };
            record(tx, &actor, now, &event)?;
            if end_others {
                end_elsewhere(tx, &who, &actor, now)?;
            }
            let more = "From now on, signing in asks for a code of it after the password.";
            let notice = SecurityNotice::new("An authenticator app was added to your account", more);
            notices.send(tx, user, &notice, actor.origin(), now)?;
            Ok(codes)
        })
        .await
}

/// Takes the authenticator app away, and signs out everywhere else where that is wanted.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub fn remove_app(tx: &mut Tx<'_>, who: &Confirmed, end_others: bool, notices: &Notices, now: Timestamp) -> Result<()> {
    let (user, actor) = (&who.account().user_id, who.actor(tx, now)?);
    if !totp::remove(tx, user)? {
        return Err(Error::NotFound);
    }
    refresh(tx, user)?;
    let event = Event { detail: "authenticator app", ..Event::of_user(Action::SecondFactorRemoved, user) };
    record(tx, &actor, now, &event)?;
    if end_others {
        end_elsewhere(tx, who, &actor, now)?;
    }
    let notice = SecurityNotice::new(
        "The authenticator app was removed from your account",
        "Signing in no longer asks for a code of it.",
    );
    notices.send(tx, user, &notice, actor.origin(), now)
}

/// Makes new recovery codes in place of the old ones.
///
/// # Errors
/// [`Error::NotFound`] when the account has no second factor; [`Error::Unavailable`].
pub async fn renew_codes(instance: &Instance, who: Confirmed) -> Result<NewCodes> {
    let (now, notices, codes) = (instance.clock.now(), Arc::clone(&instance.notices), NewCodes::make(instance).await?);
    instance
        .db
        .write(move |tx| {
            let (user, actor) = (&who.account().user_id, who.actor(tx, now)?);
            if !has_any(tx, user)? {
                return Err(Error::NotFound);
            }
            codes.keep(tx, user, now)?;
            record(tx, &actor, now, &Event::of_user(Action::RecoveryCodesMade, user))?;
            let notice = SecurityNotice::new("New recovery codes were made", "The ones before them no longer work.");
            notices.send(tx, user, &notice, actor.origin(), now)?;
            Ok(codes)
        })
        .await
}

/// Takes every second factor away: for whoever lost them all.
///
/// # Errors
/// When the database refuses.
pub fn remove_all(tx: &mut Tx<'_>, user: &UserId) -> Result<()> {
    totp::remove(tx, user)?;
    passkeys::remove_all(tx, user)?;
    refresh(tx, user)
}

/// Takes away the second factors that an account has had since a moment, and says how many those were: whoever asks for it
/// records and tells it.
///
/// # Errors
/// When the database refuses.
pub fn remove_since(tx: &mut Tx<'_>, user: &UserId, since: Timestamp) -> Result<usize> {
    let fresh_app = totp::since(tx, user)?.is_some_and(|at| at >= since);
    let apps = usize::from(fresh_app && totp::remove(tx, user)?);
    let passkeys = passkeys::remove_since(tx, user, since)?;
    refresh(tx, user)?;
    Ok(apps + passkeys)
}

/// After a new key was put into the key file: seals everything anew with it. At the start of each node.
///
/// # Errors
/// When the database refuses.
pub fn reseal(db: &Db, key: &InstanceKey) -> Result<()> {
    let (mut fresh, mut lost) = (Vec::new(), 0);
    for (user, old) in db.read_here(|connection| totp::sealed_before(connection, key))? {
        match totp::seal_anew(key, &user, &old) {
            Some(sealed) => fresh.push((user, old, sealed)),
            None => lost += 1,
        }
    }
    if lost > 0 {
        tracing::error!(lost, "secrets of authenticator apps are sealed with a key that is not in the key file");
    }
    if fresh.is_empty() {
        return Ok(());
    }
    let done = db.write_here(move |tx| {
        let mut done = 0;
        for (user, old, sealed) in &fresh {
            done += totp::replace(tx, user, old, sealed)?;
        }
        Ok(done)
    })?;
    tracing::info!(done, "secrets of authenticator apps were sealed with the new key");
    Ok(())
}
