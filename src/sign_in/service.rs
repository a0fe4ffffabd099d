//! The verbs.

use diesel::prelude::*;
use zeroize::Zeroizing;

use crate::app::Instance;
use crate::audit::{Action, Actor, Event, Origin, record};
use crate::auth::SignedIn;
use crate::auth::password::{HashError, Password, Verdict};
use crate::auth::session::{self, NewKey};
use crate::auth::throttle::{self, Door};
use crate::db::schema::users;
use crate::error::{Error, Result};
use crate::ids::{SessionId, UserId};
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

/// Signs in: the key of a new session, or `None` when name and password don't open an account.
///
/// # Errors
/// [`Error::TooMany`], or [`Error::Unavailable`] when too many sign in at once.
pub async fn sign_in(instance: &Instance, wish: SignIn, origin: Origin) -> Result<Option<NewKey>> {
    let now = instance.clock.now();
    // The account's door is one for each network: whoever guesses elsewhere can't lock the owner out.
    let (network, name) = (throttle::of_origin(&origin), throttle::of_address(&instance.key, &wish.email));
    let account_door: Door = (format!("password {name} {network}"), throttle::ACCOUNT);
    let network_door: Door = (format!("password {network}"), throttle::NETWORK);
    let wide_door: Door = (format!("password {}", throttle::wide_network(&origin.address)), throttle::WIDE_NETWORK);
    throttle::enter(&instance.db, vec![account_door.clone(), network_door.clone(), wide_door.clone()], now).await?;

    let email = wish.email.clone();
    let known = instance.db.read(move |connection| by_email(connection, &email)).await?;
    let matches = verify(instance, &wish.password, known.as_ref()).await?;
    let (known, rehash) = match (known, matches) {
        (Some(known), Verdict::Match { rehash }) if known.status == UserStatus::Active => (known, rehash),
        (known, _) => {
            refuse(instance, known.map(|known| known.id), origin).await?;
            return Ok(None);
        }
    };
    let fresh = if rehash { hash(instance, &wish.password).await? } else { None };
    let (sessions, keep) = (instance.config.sessions.clone(), wish.keep);
    instance
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
            throttle::clear(tx, &account_door.0)?;
            throttle::give_back(tx, &network_door.0)?;
            throttle::give_back(tx, &wide_door.0)?;
            let actor = Actor::arriving(&known.id, origin);
            record(tx, &actor, now, &Event::of_user(Action::SignedIn, &known.id))?;
            if let Some(earlier) = &wish.instead_of {
                session::end(tx, earlier)?;
            }
            session::begin(tx, &known.id, keep, actor.origin(), &sessions, now).map(|(_, key)| Some(key))
        })
        .await
}

async fn refuse(instance: &Instance, user: Option<UserId>, origin: Origin) -> Result<()> {
    let now = instance.clock.now();
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
            record(tx, &Actor::stranger(origin), now, &event)
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

/// Whether a signed-in person typed their own password. Five wrong ones end the session.
///
/// # Errors
/// [`Error::SignIn`] when this session had too many tries.
pub async fn check_password(instance: &Instance, who: &SignedIn, typed: &str) -> Result<bool> {
    let now = instance.clock.now();
    let id = who.account().session_id.clone();
    let door: Door = (format!("confirm {id}"), throttle::CONFIRM);
    if let Err(error) = throttle::enter(&instance.db, vec![door.clone()], now).await {
        if matches!(error, Error::TooMany { .. }) {
            let (who, user) = (who.clone(), who.account().user_id.clone());
            instance
                .db
                .write(move |tx| {
                    let actor = who.refused();
                    session::end(tx, &id)?;
                    record(tx, &actor, now, &Event::of_user(Action::ConfirmRefused, &user))
                })
                .await?;
            return Err(Error::SignIn { back: crate::urls::home() });
        }
        return Err(error);
    }
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

/// Lets "confirm it is you" hold for a while, under a new session key.
///
/// # Errors
/// When the session ended meanwhile.
pub async fn confirm(instance: &Instance, who: &SignedIn) -> Result<NewKey> {
    let (now, sessions, who) = (instance.clock.now(), instance.config.sessions.clone(), who.clone());
    instance
        .db
        .write(move |tx| {
            let (account, actor) = (who.account(), who.actor(tx, now)?);
            record(tx, &actor, now, &Event::of_user(Action::Confirmed, &account.user_id))?;
            session::renew(tx, &account.session_id, &sessions, now)
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
