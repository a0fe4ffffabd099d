//! The verbs.

use std::sync::Arc;

use diesel::prelude::*;

use super::queries::{Change, by_old};
use crate::app::Instance;
use crate::audit::{Action, Actor, Event, Origin, record};
use crate::auth::link::{self, Purpose};
use crate::auth::password::{HashError, Password, Verdict};
use crate::auth::secret::SecretHash;
use crate::auth::session::{self, NewKey, Reach};
use crate::auth::{Confirmed, InstanceKey, SignedIn, key, throttle};
use crate::clock::{DAY, Timestamp};
use crate::db::Tx;
use crate::db::schema::{email_changes, users};
use crate::error::{Error, Result};
use crate::ids::{EmailChangeId, SessionId, UserId};
use crate::mail::letters::{AddressTaken, ChangeAddress, ConfirmNewAddress};
use crate::mail::{Notices, SecurityNotice, queue};
use crate::users::{UserStatus, by_email, credentials, email_key};
use crate::{openid, organizations, second_factor, urls};

/// For how long a change can be made.
const LIFETIME: i64 = 60 * 60;
/// For how long the old mailbox can undo it.
const UNDO: i64 = 7 * DAY;

/// The code of the old mailbox's link. It is made of the change's id, so that the letter that tells of the change once it is
/// made can hold the same link, though the database keeps its hash alone.
fn old_code(key: &InstanceKey, id: &EmailChangeId) -> String {
    key::hex(&key.sign("old mailbox", &[id.as_str().as_bytes()]))
}

/// Notes that a user would like another address, in place of an earlier wish, and writes to both mailboxes.
///
/// # Errors
/// [`Error::TooMany`]; when the database refuses.
pub async fn ask(instance: &Instance, who: Confirmed, new_email: &str) -> Result<()> {
    let (now, new_email, user) = (instance.clock.now(), new_email.trim().to_owned(), who.account().user_id.clone());
    let doors = vec![
        (format!("mail change {}", throttle::of_address(&instance.key, &new_email)), throttle::MAILS),
        (format!("mail change {user}"), throttle::ADDRESS_CHANGES),
    ];
    throttle::enter(&instance.db, doors, now).await?;
    let (id, new_code) = (EmailChangeId::new(), link::new_code());
    let old_code = old_code(&instance.key, &id);
    // Where nothing but the password guards the account, whoever has that and an open browser could take it: so the mailbox
    // that the account has now must allow the change.
    let needs_old = needs_old(instance, &who).await?;
    let account = who.account();
    let (product, first_name) = (instance.config.product_name.clone(), account.first_name.clone());
    let to_new = ConfirmNewAddress {
        product: product.clone(),
        old_email: account.email.clone(),
        url: instance.config.absolute(&urls::email_new(&new_code)),
    }
    .letter()?
    .good_for(LIFETIME);
    let taken =
        AddressTaken { product: product.clone(), sign_in_url: instance.config.absolute(&urls::login()) }.letter()?;
    let to_old = ChangeAddress {
        product,
        first_name,
        new_email: new_email.clone(),
        wait: if needs_old { "wait".to_owned() } else { String::new() },
        at: now.exact(),
        browser: crate::web::agent::words(&who.origin().agent),
        address: who.origin().address.clone(),
        url: instance.config.absolute(&urls::email_old(&old_code)),
    }
    .letter()?
    .good_for(UNDO);
    instance
        .db
        .write(move |tx| {
            let (actor, account) = (who.actor(tx, now)?, who.account());
            forget_pending(tx, &user)?;
            diesel::insert_into(email_changes::table)
                .values((
                    email_changes::id.eq(&id),
                    email_changes::user_id.eq(&user),
                    email_changes::old_email.eq(&account.email),
                    email_changes::new_email.eq(&new_email),
                    email_changes::new_hash.eq(SecretHash::of(&new_code)),
                    email_changes::old_hash.eq(SecretHash::of(&old_code)),
                    email_changes::needs_old.eq(needs_old),
                    email_changes::created_at.eq(now),
                    email_changes::expires_at.eq(now.plus(LIFETIME)),
                    email_changes::undo_until.eq(now.plus(UNDO)),
                ))
                .execute(&mut **tx)?;
            record(tx, &actor, now, &Event::of_user(Action::EmailChangeAsked, &user))?;
            // A taken address gets no link, so its change is never made; that is the only difference.
            match by_email(tx, &new_email)? {
                Some(other) => queue(tx, Some(&other.id), &new_email, &taken, now)?,
                None => queue(tx, Some(&user), &new_email, &to_new, now)?,
            }
            queue(tx, Some(&user), &account.email, &to_old, now)
        })
        .await
}

/// How long somebody has had a second factor, in seconds, before it speaks for them in place of their mailbox. Whoever knows
/// nothing but a password can set one up as well; by then the mail that told of it has been read.
const SETTLED: i64 = 7 * DAY;

/// Whether the mailbox that an account has must allow a change of its address.
///
/// # Errors
/// When the database refuses.
pub async fn needs_old(instance: &Instance, who: &SignedIn) -> Result<bool> {
    let (user, before) = (who.account().user_id.clone(), instance.clock.now().plus(-SETTLED));
    Ok(!instance.db.read(move |connection| second_factor::has_since(connection, &user, before)).await?)
}

/// Drops a change that is not made yet.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub fn take_back(tx: &mut Tx<'_>, who: &SignedIn, now: Timestamp) -> Result<()> {
    let actor = who.actor(tx, now)?;
    if forget_pending(tx, who.owner().user_id())? == 0 {
        return Err(Error::NotFound);
    }
    record(tx, &actor, now, &Event::of_user(Action::EmailChangeTakenBack, who.owner().user_id()))
}

fn forget_pending(tx: &mut Tx<'_>, user: &UserId) -> Result<usize> {
    let mine = email_changes::table.filter(email_changes::user_id.eq(user)).filter(email_changes::made_at.is_null());
    Ok(diesel::delete(mine).execute(&mut **tx)?)
}

/// Whether somebody with the new mailbox's link, and without a session, knows the account's password.
///
/// # Errors
/// [`Error::TooMany`]; when the database refuses.
pub async fn knows_password(instance: &Instance, change: &Change, typed: &str) -> Result<bool> {
    let Ok(password) = Password::new(typed) else { return Ok(false) };
    let (door, user, now) = (format!("email-change {}", change.id), change.user_id.clone(), instance.clock.now());
    throttle::enter(&instance.db, vec![(door, throttle::CONFIRM)], now).await?;
    let known = instance.db.read(move |connection| credentials(connection, &user)).await?;
    let active = known.status == UserStatus::Active;
    match instance.hasher.verify(password, known.password_hash.as_deref()).await {
        Err(HashError::Unusable(_)) => Ok(false),
        verdict => Ok(active && verdict? != Verdict::Mismatch),
    }
}

/// What a click in one of the two mailboxes brought.
pub enum Step {
    /// The other mailbox has still to say yes.
    Waiting,
    /// The address is changed. Where it was done in a session of the owner's, that one stays, under a new key.
    Made(Option<NewKey>),
}

/// Who clicks: the owner in a session, or somebody with the mailbox (and, for the new one, the password).
pub enum Clicker {
    /// The owner's own session.
    Owner(SignedIn),
    /// From the mail.
    Mailbox(Origin),
}

impl Clicker {
    /// For the log; locks the user's row.
    fn actor(&self, tx: &mut Tx<'_>, user: &UserId, now: Timestamp) -> Result<Actor> {
        match self {
            Self::Owner(who) => who.actor(tx, now),
            Self::Mailbox(origin) => {
                session::lock(tx, user)?;
                Ok(Actor::mailed_link(user, origin.clone()))
            }
        }
    }

    fn session(&self) -> Option<&SessionId> {
        match self {
            Self::Owner(who) => Some(&who.account().session_id),
            Self::Mailbox(_) => None,
        }
    }
}

/// Which of the two mailboxes says yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mailbox {
    /// The new one is proved. The caller has seen to it that it is the owner who clicks.
    New,
    /// The old one allows it.
    Old,
}

/// A mailbox says yes; the second yes makes the change.
///
/// # Errors
/// [`Error::NotFound`] when the change is over, or the address got an account meanwhile: nobody is told about the other.
pub async fn say_yes(instance: &Instance, change: &Change, mailbox: Mailbox, by: Clicker) -> Result<Step> {
    let (now, notices) = (instance.clock.now(), Arc::clone(&instance.notices));
    let id = change.id.clone();
    let code = old_code(&instance.key, &id);
    let step = instance
        .db
        .write(move |tx| {
            let row = email_changes::table.find(&id);
            let user: UserId = row.select(email_changes::user_id).get_result(&mut **tx)?;
            let actor = by.actor(tx, &user, now)?;
            // Read under the lock: the other mailbox may be saying yes at the same time.
            let mut change: Change = row.select(Change::as_select()).get_result(&mut **tx)?;
            if !change.is_open(now) {
                return Err(Error::NotFound);
            }
            match mailbox {
                Mailbox::New => change.new_proved_at = Some(now),
                Mailbox::Old => change.old_proved_at = Some(now),
            }
            let proved = (
                email_changes::new_proved_at.eq(change.new_proved_at),
                email_changes::old_proved_at.eq(change.old_proved_at),
            );
            diesel::update(row).set(proved).execute(&mut **tx)?;
            if change.new_proved_at.is_none() || change.waits_for_old() {
                return Ok(Step::Waiting);
            }
            make(tx, &change, &actor, &by, &notices, &code, now)?;
            by.session().map(|id| session::rekey(tx, id, now)).transpose().map(Step::Made)
        })
        .await;
    step.map_err(neutral)
}

/// Somebody else proved the same address first. They are not told about each other.
fn neutral(error: Error) -> Error {
    if matches!(error, Error::Taken(_)) { Error::NotFound } else { error }
}

fn make(
    tx: &mut Tx<'_>,
    change: &Change,
    actor: &Actor,
    by: &Clicker,
    notices: &Notices,
    code: &str,
    now: Timestamp,
) -> Result<()> {
    let user = &change.user_id;
    set_address(tx, user, &change.new_email)?;
    diesel::update(email_changes::table.find(&change.id))
        .set((
            email_changes::made_at.eq(now),
            email_changes::undo_until.eq(now.plus(UNDO)),
            email_changes::old_hash.eq(SecretHash::of(code)),
        ))
        .execute(&mut **tx)?;
    link::end_all(tx, user)?;
    let ended = match by.session() {
        Some(this) => session::end_others(tx, user, this, Reach::All)?,
        None => session::end_all(tx, user, Reach::All)?,
    };
    let detail = format!("{ended} sessions ended");
    record(tx, actor, now, &Event { detail: &detail, ..Event::of_user(Action::EmailChanged, user) })?;
    let more = format!("You sign in with {} now. Other sessions have ended.", change.new_email);
    let notice = SecurityNotice::new("Your e-mail address was changed", more);
    notices.send(tx, user, &notice, actor.origin(), now)?;
    let undo = notice.advising(
        "someone else may be in your account. For seven days you can ",
        "undo the change",
        urls::email_old(code),
    );
    notices.send_to(tx, user, &change.old_email, &undo, actor.origin(), now)
}

fn set_address(tx: &mut Tx<'_>, user: &UserId, email: &str) -> Result<()> {
    diesel::update(users::table.find(user))
        .set((users::email.eq(email), users::email_key.eq(email_key(email))))
        .execute(&mut **tx)?;
    organizations::know_as(tx, user)
}

/// Since when what was added to sign in with goes as a change is undone. Where a password can be chosen anew, that is before
/// the change was asked for: a thief who knows the password sets their factor up first, and the owner, who has the mailbox,
/// loses no way in. Where there are no passwords it could be the owner's last way in, so only what came after goes.
fn goes_since(change: &Change, passwords: bool) -> Timestamp {
    let asked_at = change.expires_at.plus(-LIFETIME);
    if passwords { asked_at.plus(-SETTLED) } else { asked_at }
}

/// The old mailbox says that it was somebody else: the address is as it was, nobody is signed in, and neither the password
/// that the other one knows nor a second factor or a provider's account that they added opens anything any more. The answer
/// is the code of a link to choose a new password, since the mailbox is proved; where there are no passwords, `None`.
///
/// # Errors
/// [`Error::NotFound`] when the link is used or over, or the old address has another account by now.
pub async fn undo(instance: &Instance, code: String, origin: Origin) -> Result<Option<String>> {
    let (now, notices, passwords) =
        (instance.clock.now(), Arc::clone(&instance.notices), instance.config.password_sign_in);
    let more = |password: &str, since: &str| {
        format!(
            "Every session has ended{password}. Second factors and connected accounts that were added {since} are gone."
        )
    };
    let notice = move |what: &str| {
        if passwords {
            SecurityNotice::new(
                what,
                more(", and the old password no longer works", "since a week before it was asked for"),
            )
            .advising("", "ask for a link to a new password", urls::password_forgot())
        } else {
            SecurityNotice::new(what, more("", "since it was asked for")).advising(
                "",
                "look through your passkeys and connected accounts",
                urls::settings_security(),
            )
        }
    };
    let undone = instance
        .db
        .write(move |tx| {
            let change = by_old(tx, &code, now)?.ok_or(Error::NotFound)?;
            let user = &change.user_id;
            session::lock(tx, user)?;
            // A closed account stays as it is; its owner can undo the change once it is open again.
            let known = credentials(tx, user)?;
            if known.status != UserStatus::Active {
                return Err(Error::NotFound);
            }
            // Of two clicks one deletes it.
            if diesel::delete(email_changes::table.find(&change.id)).execute(&mut **tx)? != 1 {
                return Err(Error::NotFound);
            }
            // A thief may have changed it more than once.
            diesel::delete(email_changes::table.filter(email_changes::user_id.eq(user))).execute(&mut **tx)?;
            let present: String = users::table.find(user).select(users::email).get_result(&mut **tx)?;
            set_address(tx, user, &change.old_email)?;
            diesel::update(users::table.find(user))
                .set((
                    users::password_hash.eq(None::<String>),
                    users::withdrawn_hash.eq(known.password_hash.or(known.withdrawn_hash)),
                    users::password_changed_at.eq(now),
                ))
                .execute(&mut **tx)?;
            link::end_all(tx, user)?;
            let ended = session::end_all(tx, user, Reach::All)?;
            let since = goes_since(&change, passwords);
            let factors = second_factor::remove_since(tx, user, since)?;
            let disconnected = openid::disconnect_since(tx, user, since)?;
            let actor = Actor::mailed_link(user, origin);
            let notice = notice(match change.made_at {
                Some(_) => "A change of your e-mail address was undone",
                None => "A change of your e-mail address was stopped",
            });
            let detail = format!(
                "{ended} sessions ended, password taken away, {factors} second factors removed, {disconnected} accounts disconnected"
            );
            record(tx, &actor, now, &Event { detail: &detail, ..Event::of_user(Action::EmailChangeUndone, user) })?;
            notices.send(tx, user, &notice, actor.origin(), now)?;
            if email_key(&present) != email_key(&change.old_email) {
                notices.send_to(tx, user, &present, &notice, actor.origin(), now)?;
            }
            passwords.then(|| link::make(tx, Purpose::ResetPassword, user, now)).transpose()
        })
        .await;
    undone.map_err(neutral)
}

/// Takes away what can neither be made nor undone any more; for the hourly job.
///
/// # Errors
/// When the database refuses.
pub fn forget_old(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize> {
    Ok(diesel::delete(email_changes::table.filter(email_changes::undo_until.le(now))).execute(&mut **tx)?)
}
