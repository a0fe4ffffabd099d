//! The verbs.

use diesel::prelude::*;
use zeroize::Zeroizing;

use super::admission::{Admission, Next, Proof, admit};
use super::guard::{self, Guard};
use crate::app::Instance;
use crate::audit::{Action, Actor, Event, Origin, record};
use crate::auth::SignedIn;
use crate::auth::password::{HashError, Password, Verdict};
use crate::auth::session::{self, NewKey};
use crate::auth::throttle::{self, Door};
use crate::db::schema::users;
use crate::error::{Error, Result};
use crate::ids::{SessionId, UserId};
use crate::second_factor::Evidence;
use crate::users::{Credentials, UserStatus, by_email, credentials};

/// What somebody who signs in sends.
pub struct SignIn {
    /// The sign-in name, as typed.
    pub email: String,
    /// The password, as typed.
    pub password: Zeroizing<String>,
    /// "Keep me signed in".
    pub keep: bool,
    /// The session that this browser has already; it ends.
    pub instead_of: Option<SessionId>,
}

/// Signs in with a password: what comes next, or `None` when name and password don't open an account.
///
/// # Errors
/// [`Error::TooMany`], or [`Error::Unavailable`] when too many sign in at once.
pub async fn sign_in(instance: &Instance, wish: SignIn, origin: Origin) -> Result<Option<Next>> {
    let now = instance.clock.now();
    let email = wish.email.clone();
    let known = instance.db.read(move |connection| by_email(connection, &email)).await?;
    let guard = guard::enter(instance, &wish.email, known.as_ref().map(|known| &known.id), &origin).await?;
    let matches = verify(instance, &wish.password, known.as_ref()).await?;
    let (known, rehash) = match (known, matches) {
        (Some(known), Verdict::Match { rehash }) if known.status == UserStatus::Active => (known, rehash),
        (known, _) => {
            refuse(instance, guard, known.map(|known| known.id), origin).await?;
            return Ok(None);
        }
    };
    let fresh = if rehash { hash(instance, &wish.password).await? } else { None };
    let sessions = instance.config.sessions.clone();
    let admitted = instance
        .db
        .write(move |tx| {
            // What was checked must still hold: the password may have changed, or the account been closed, meanwhile.
            let checked = users::table
                .find(&known.id)
                .filter(users::password_hash.eq(&known.password_hash))
                .filter(users::status.eq(UserStatus::Active));
            let kept = fresh.or_else(|| known.password_hash.clone());
            if diesel::update(checked).set(users::password_hash.eq(kept)).execute(&mut **tx)? != 1 {
                return Ok(None);
            }
            let admission =
                Admission { user: known.id, proof: Proof::Password, keep: wish.keep, instead_of: wish.instead_of };
            admit(tx, &admission, &origin, &sessions, now).map(Some)
        })
        .await?;
    if admitted.is_some() {
        guard.passed(instance).await;
    }
    Ok(admitted)
}

async fn refuse(instance: &Instance, guard: Guard, user: Option<UserId>, origin: Origin) -> Result<()> {
    let now = instance.clock.now();
    guard::count_among_all(instance).await?;
    instance
        .db
        .write(move |tx| {
            let event = Event {
                action: Action::SignInRefused,
                user: user.as_ref(),
                organization: None,
                subject_id: "",
                subject_name: "",
                detail: "",
            };
            record(tx, &Actor::stranger(origin.clone()), now, &event)?;
            user.as_ref().map_or(Ok(()), |user| guard.tell(tx, user, &origin, now))
        })
        .await
}

/// Compares a password with an account's; as long as ever when there is no account.
async fn verify(instance: &Instance, typed: &str, known: Option<&Credentials>) -> Result<Verdict> {
    let Ok(password) = Password::new(typed) else {
        return Ok(Verdict::Mismatch);
    };
    match instance.hasher.verify(password, known.and_then(|known| known.password_hash.as_deref())).await {
        // Somebody put a monstrous cost into the row: nobody signs in with it, and the log says why.
        Err(HashError::Unusable(_)) => Ok(Verdict::Mismatch),
        outcome => Ok(outcome?),
    }
}

async fn hash(instance: &Instance, typed: &str) -> Result<Option<String>> {
    let Ok(password) = Password::new(typed) else {
        return Ok(None);
    };
    match instance.hasher.hash(password).await {
        Ok(hash) => Ok(Some(hash)),
        // Re-hashing can wait for the next sign-in.
        Err(HashError::Busy) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Counts a try at confirming, which whoever is right gives back by clearing the door. Five wrong ones end the session.
///
/// # Errors
/// [`Error::SignIn`] when this session had too many tries.
pub async fn enter_confirmation(instance: &Instance, who: &SignedIn) -> Result<Door> {
    let now = instance.clock.now();
    let id = who.account().session_id.clone();
    let door: Door = (format!("confirm {id}"), throttle::CONFIRM);
    match throttle::enter(&instance.db, vec![door.clone()], now).await {
        Err(Error::TooMany { .. }) => {}
        entered => return entered.map(|()| door),
    }
    let (who, user) = (who.clone(), who.account().user_id.clone());
    instance
        .db
        .write(move |tx| {
            let actor = who.refused();
            session::end(tx, &id)?;
            record(tx, &actor, now, &Event::of_user(Action::ConfirmRefused, &user))
        })
        .await?;
    Err(Error::SignIn { back: crate::urls::home() })
}

/// Whether whoever came through a link typed the password of its account. Five wrong ones close that link's door.
///
/// # Errors
/// [`Error::TooMany`].
pub async fn check_password_at_link(instance: &Instance, code: &str, known: &Credentials, typed: &str) -> Result<bool> {
    let door = format!("link {}", crate::auth::key::hex(&instance.key.sign("door", &[code.as_bytes()])[..12]));
    throttle::enter(&instance.db, vec![(door, throttle::CONFIRM)], instance.clock.now()).await?;
    Ok(matches!(verify(instance, typed, Some(known)).await?, Verdict::Match { .. }))
}

/// Whether a signed-in person typed their own password.
///
/// # Errors
/// As [`enter_confirmation`].
pub async fn check_password(instance: &Instance, who: &SignedIn, typed: &str) -> Result<bool> {
    let (now, door) = (instance.clock.now(), enter_confirmation(instance, who).await?);
    let user = who.account().user_id.clone();
    let known = instance.db.read(move |connection| credentials(connection, &user)).await?;
    let right = matches!(verify(instance, typed, Some(&known)).await?, Verdict::Match { .. });
    let (who, user) = (who.clone(), who.account().user_id.clone());
    instance
        .db
        .write(move |tx| {
            if right {
                throttle::clear(tx, &door.0)
            } else {
                record(tx, &who.refused(), now, &Event::of_user(Action::ConfirmRefused, &user))
            }
        })
        .await?;
    Ok(right)
}

/// Notes a confirmation that was refused.
///
/// # Errors
/// When the database refuses.
pub async fn refuse_confirmation(instance: &Instance, who: &SignedIn) -> Result<()> {
    let (now, who) = (instance.clock.now(), who.clone());
    let writing = instance.db.write(move |tx| {
        record(tx, &who.refused(), now, &Event::of_user(Action::ConfirmRefused, &who.account().user_id))
    });
    writing.await
}

/// How somebody proved it again.
pub enum Reproof {
    /// With their password; enough for an account without a second factor.
    Password,
    /// At a provider, or with their mailbox; as good as the password.
    Elsewhere,
    /// At a provider that asked for a second factor, and is believed.
    ElsewhereWithSecondFactor,
    /// With their password, or elsewhere, and their second factor.
    Factor(Box<Evidence>),
}

/// Lets "confirm it is you" hold for a while, under a new session key; `None` when the proof does not suffice, or was used
/// up meanwhile.
///
/// # Errors
/// When the session ended meanwhile.
pub async fn confirm(instance: &Instance, who: &SignedIn, proof: Reproof) -> Result<Option<NewKey>> {
    let (now, sessions, who) = (instance.clock.now(), instance.config.sessions.clone(), who.clone());
    instance
        .db
        .write(move |tx| {
            let (account, actor) = (who.account(), who.actor(tx, now)?);
            let suffices = match &proof {
                Reproof::Factor(evidence) => evidence.spend(tx, &actor, now)?,
                Reproof::ElsewhereWithSecondFactor => true,
                Reproof::Password | Reproof::Elsewhere => {
                    let row = users::table.find(&account.user_id).select(users::second_factor);
                    !row.get_result::<bool>(&mut **tx)?
                }
            };
            if !suffices {
                record(tx, &actor, now, &Event::of_user(Action::ConfirmRefused, &account.user_id))?;
                return Ok(None);
            }
            record(tx, &actor, now, &Event::of_user(Action::Confirmed, &account.user_id))?;
            session::renew(tx, &account.session_id, &sessions, now).map(Some)
        })
        .await
}

/// Ends this session.
///
/// # Errors
/// When the database refuses; then it has not ended.
pub async fn sign_out(instance: &Instance, who: &SignedIn) -> Result<()> {
    let (now, who) = (instance.clock.now(), who.clone());
    instance
        .db
        .write(move |tx| {
            let (account, actor) = (who.account(), who.actor(tx, now)?);
            session::end(tx, &account.session_id)?;
            record(tx, &actor, now, &Event::of_user(Action::SignedOut, &account.user_id))
        })
        .await
}
