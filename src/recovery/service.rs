//! The verbs.

use std::sync::Arc;

use diesel::prelude::*;

use crate::app::Instance;
use crate::audit::{Action, Actor, Event, Origin, record};
use crate::auth::capability::Administers;
use crate::auth::link::{self, Purpose};
use crate::auth::password::{Password, Verdict};
use crate::auth::session::{self, Reach};
use crate::auth::throttle;
use crate::clock::Timestamp;
use crate::db::schema::users;
use crate::db::{Connection, Tx};
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::mail::letters::ResetPassword;
use crate::mail::{SecurityNotice, queue};
use crate::second_factor::{self, Evidence};
use crate::tokens;
use crate::urls;
use crate::users::{Credentials, UserStatus, by_email, credentials};

/// Mails a link to whoever has this address, if they have an account that may be used.
///
/// # Errors
/// [`crate::error::Error::TooMany`]; when the database refuses.
pub async fn ask(instance: &Instance, email: &str, origin: Origin) -> Result<()> {
    let now = instance.clock.now();
    let doors = vec![
        (format!("mail reset {}", throttle::of_address(&instance.key, email)), throttle::MAILS),
        (format!("mail reset {}", throttle::of_origin(&origin)), throttle::MAILS_NETWORK),
        (format!("mail reset {}", throttle::wide_network(&origin.address)), throttle::MAILS_WIDE),
        ("mail reset everybody".to_owned(), throttle::MAILS_ALL),
    ];
    throttle::enter(&instance.db, doors, now).await?;
    let (email, product) = (email.to_owned(), instance.config.product_name.clone());
    let base = instance.config.absolute("");
    instance
        .db
        .write(move |tx| {
            let known = by_email(tx, &email)?.filter(|known| known.status == UserStatus::Active);
            let event = Event {
                action: Action::PasswordForgotten,
                user: known.as_ref().map(|known| &known.id),
                organization: None,
                subject_id: "",
                subject_name: "",
                detail: "",
            };
            // An entry in any case: for an address without an account, this takes as long.
            record(tx, &Actor::stranger(origin.clone()), now, &event)?;
            let Some(known) = known else { return Ok(()) };
            let code = link::make(tx, Purpose::ResetPassword, &known.id, now)?;
            let letter = ResetPassword {
                product,
                first_name: known.first_name,
                at: now.exact(),
                browser: crate::web::agent::words(&origin.agent),
                address: origin.address,
                url: format!("{base}{}", urls::password_reset(&code)),
            }
            .letter()?
            .good_for(Purpose::ResetPassword.lifetime());
            queue(tx, Some(&known.id), &known.email, &letter, now)
        })
        .await
}

/// Makes a link that gets somebody back in, by the operator's or an administrator's hand, who gives it to them: to a new
/// password, or to an account without the second factor that they lost.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when there is no account with this address that may be used, or it has no second factor
/// to take away.
pub fn make_link(
    tx: &mut Tx<'_>,
    who: &impl Administers,
    email: &str,
    purpose: Purpose,
    now: Timestamp,
) -> Result<String> {
    let actor = who.as_actor(tx, now)?;
    let known = by_email(tx, email)?.filter(|known| known.status == UserStatus::Active).ok_or(Error::NotFound)?;
    let action = match purpose {
        Purpose::RemoveSecondFactor if known.second_factor => Action::SecondFactorResetOffered,
        // That one is mailed to its owner alone.
        Purpose::RemoveSecondFactor | Purpose::UnlockSignIn => return Err(Error::NotFound),
        Purpose::ResetPassword => Action::PasswordForgotten,
    };
    record(tx, &actor, now, &Event::of_user(action, &known.id))?;
    link::make(tx, purpose, &known.id, now)
}

/// Whose link it is, if it is still good.
///
/// # Errors
/// When the database refuses.
pub fn find(connection: &mut Connection, purpose: Purpose, code: &str, now: Timestamp) -> Result<Option<Credentials>> {
    match link::find(connection, purpose, code, now)? {
        Some(user) => Ok(Some(credentials(connection, &user)?).filter(|known| known.status == UserStatus::Active)),
        None => Ok(None),
    }
}

/// Sets a new password: uses up the link and every other, ends every session, mails a notice, and revokes the personal
/// access tokens where that is asked for. An account with a second factor wants that, too; `false` when it was used up
/// meanwhile, or is missing.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when the link is used or over.
pub async fn reset(
    instance: &Instance,
    code: String,
    new: Password,
    evidence: Option<Evidence>,
    revoke_tokens: bool,
    origin: Origin,
) -> Result<bool> {
    let (now, hash) = (instance.clock.now(), instance.hasher.hash(new).await?);
    let notices = Arc::clone(&instance.notices);
    let (asked, key) = (code.clone(), &instance.key);
    // Whoever has the mailbox is the owner: a hundred wrong passwords keep them out no longer.
    let reading = instance.db.read(move |connection| find(connection, Purpose::ResetPassword, &asked, now));
    let owner = reading.await?.ok_or(Error::NotFound)?;
    let in_a_row = throttle::in_a_row(key, &owner.email);
    let notice = SecurityNotice::new(
        "Your password was set anew",
        "It came through a mailed link, and every session has ended.",
    )
    .advising(
        "someone can read your mail. Secure your mailbox first; then ",
        "change your password",
        urls::settings_security(),
    );
    instance
        .db
        .write(move |tx| {
            let user = link::consume(tx, Purpose::ResetPassword, &code, now)?;
            session::lock(tx, &user)?;
            let actor = Actor::mailed_link(&user, origin);
            if !satisfies(tx, &user, evidence.as_ref(), &actor, now)? {
                // The link stays good: nothing of this is committed.
                return Err(Error::Taken(FACTOR_SPENT.to_owned()));
            }
            let changed = (users::password_hash.eq(hash), users::password_changed_at.eq(now));
            let active = users::table.find(&user).filter(users::status.eq(UserStatus::Active));
            if diesel::update(active).set(changed).execute(&mut **tx)? != 1 {
                return Err(Error::NotFound);
            }
            throttle::clear(tx, &in_a_row)?;
            link::end_all(tx, &user)?;
            let ended = session::end_all(tx, &user, Reach::All)?;
            let revoked = if revoke_tokens { tokens::revoke_all(tx, &user, &actor, now)? } else { 0 };
            let detail = format!("{ended} sessions ended, {revoked} tokens revoked");
            record(tx, &actor, now, &Event { detail: &detail, ..Event::of_user(Action::PasswordReset, &user) })?;
            notices.send(tx, &user, &notice, actor.origin(), now)?;
            Ok(true)
        })
        .await
        .or_else(|error| match error {
            Error::Taken(what) if what == FACTOR_SPENT => Ok(false),
            other => Err(other),
        })
}

/// Whether this password was taken away because somebody else knew it.
///
/// # Errors
/// [`crate::error::Error::TooMany`] when it was asked too often, since each time costs a hash; when too many passwords are
/// being checked.
pub async fn is_withdrawn(instance: &Instance, known: &Credentials, typed: &str) -> Result<bool> {
    let (Some(hash), Ok(password)) = (&known.withdrawn_hash, Password::new(typed)) else { return Ok(false) };
    let doors = vec![(format!("withdrawn {}", known.id), throttle::WITHDRAWN)];
    throttle::enter(&instance.db, doors, instance.clock.now()).await?;
    Ok(instance.hasher.verify(password, Some(hash)).await? != Verdict::Mismatch)
}

/// What whoever chooses it is told.
pub const WITHDRAWN: &str = "Somebody else knew this password, so it was taken away. Choose another one.";

/// Rolls the transaction of [`reset`] back.
const FACTOR_SPENT: &str = "second factor";

/// Whether the second factor of an account, if it has one, was given.
fn satisfies(
    tx: &mut Tx<'_>,
    user: &UserId,
    evidence: Option<&Evidence>,
    actor: &Actor,
    now: Timestamp,
) -> Result<bool> {
    match evidence {
        Some(evidence) => evidence.spend(tx, actor, now),
        None => Ok(!credentials(tx, user)?.second_factor),
    }
}

/// Notes a wrong second factor at a mailed link.
///
/// # Errors
/// When the database refuses.
pub async fn refuse(instance: &Instance, user: UserId, origin: Origin) -> Result<()> {
    let now = instance.clock.now();
    let event = move |tx: &mut Tx<'_>| {
        record(tx, &Actor::stranger(origin), now, &Event::of_user(Action::SecondFactorRefused, &user))
    };
    instance.db.write(event).await
}

/// Takes the second factor of an account away, through a link that an administrator gave to its owner, who has typed their
/// password: uses up the link and every other, ends every session, and mails a notice.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when the link is used or over.
pub async fn remove_second_factor(instance: &Instance, code: String, origin: Origin) -> Result<()> {
    let (now, notices) = (instance.clock.now(), Arc::clone(&instance.notices));
    instance
        .db
        .write(move |tx| {
            let user = link::consume(tx, Purpose::RemoveSecondFactor, &code, now)?;
            session::lock(tx, &user)?;
            if credentials(tx, &user)?.status != UserStatus::Active {
                return Err(Error::NotFound);
            }
            second_factor::remove_all(tx, &user)?;
            link::end_all(tx, &user)?;
            let ended = session::end_all(tx, &user, Reach::All)?;
            let actor = Actor::mailed_link(&user, origin);
            let detail = format!("{ended} sessions ended");
            record(tx, &actor, now, &Event { detail: &detail, ..Event::of_user(Action::SecondFactorReset, &user) })?;
            let notice = SecurityNotice::new(
                "Your second factor was taken away",
                "It went through a link that an administrator made, and with your password. Every session has ended.",
            );
            notices.send(tx, &user, &notice, actor.origin(), now)
        })
        .await
}
