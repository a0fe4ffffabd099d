//! The verbs.

use std::sync::Arc;

use diesel::prelude::*;

use super::Purpose;
use super::ceremony::{self, Occasion, Proof};
use super::policy::{MOST, NETWORK, WIDE_NETWORK};
use super::queries::{self, Record};
use crate::app::Instance;
use crate::audit::{Action, Actor, Event, Origin, record};
use crate::auth::session::{self, NewKey};
use crate::auth::throttle::{self, Door};
use crate::auth::{Confirmed, SignedIn};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::db::schema::{passkeys, users};
use crate::error::{Error, Result};
use crate::ids::{PasskeyId, SessionId, UserId};
use crate::mail::SecurityNotice;
use crate::openid::{Doors, Way};
use crate::second_factor::{self, NewCodes};
use crate::security::sessions::end_elsewhere;
use crate::sign_in::{self, Admission, Next, admit};
use crate::users::UserStatus;
use crate::web::Visitor;

/// What became of a new passkey.
pub enum Added {
    /// It is there; with recovery codes to show, if it is the account's first second factor.
    Now(Option<NewCodes>),
    /// The authenticator's answer was not right, or too late, or the passkey is known already.
    Refused,
    /// The user has as many as one may have.
    TooMany,
}

/// Adds a passkey, from what an authenticator answered.
///
/// # Errors
/// When the session ended meanwhile; when the database refuses.
pub async fn add(instance: &Instance, who: &Confirmed, occasion: &Occasion, name: &str, answer: &str) -> Result<Added> {
    let Some(passkey) = ceremony::made(instance, occasion, answer).await? else { return Ok(Added::Refused) };
    let text = serde_json::to_string(&passkey).map_err(|error| Error::Internal(error.to_string()))?;
    let (who, name, now) = (who.clone(), name.to_owned(), instance.clock.now());
    let notices = Arc::clone(&instance.notices);
    let codes = second_factor::first_codes(instance, &who.account().user_id).await?;
    let added = instance.db.write(move |tx| {
        let (owner, actor) = (who.owner(), who.actor(tx, now)?);
        if queries::credential_ids(tx, owner.user_id())?.len() >= MOST {
            return Ok(Added::TooMany);
        }
        let id = PasskeyId::new();
        diesel::insert_into(passkeys::table)
            .values((
                passkeys::id.eq(&id),
                passkeys::user_id.eq(owner.user_id()),
                passkeys::credential_id.eq(passkey.cred_id().as_slice()),
                passkeys::passkey.eq(text),
                passkeys::name.eq(&name),
                passkeys::created_at.eq(now),
            ))
            .execute(&mut **tx)?;
        // Of two first ones at once, one brings the codes.
        let codes = if second_factor::codes_left(tx, owner.user_id())?.is_some() { None } else { codes };
        second_factor::enrolled(tx, owner.user_id(), codes.as_ref(), now)?;
        record(tx, &actor, now, &event(Action::PasskeyAdded, owner.user_id(), &id, &name))?;
        let notice = SecurityNotice::new(
            "A passkey was added",
            format!("The passkey “{name}” was added to your account. It signs in without your password."),
        );
        notices.send(tx, owner.user_id(), &notice, actor.origin(), now)?;
        Ok(Added::Now(codes))
    });
    match added.await {
        // Somebody has this very passkey already.
        Err(Error::Taken(_)) => Ok(Added::Refused),
        outcome => outcome,
    }
}

fn event<'a>(action: Action, user: &'a UserId, id: &'a PasskeyId, name: &'a str) -> Event<'a> {
    Event { subject_id: id.as_str(), subject_name: name, ..Event::of_user(action, user) }
}

/// Gives a passkey another name.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs.
pub async fn rename(instance: &Instance, who: &Confirmed, id: PasskeyId, name: String) -> Result<()> {
    let (who, now) = (who.clone(), instance.clock.now());
    instance
        .db
        .write(move |tx| {
            let (owner, actor) = (who.owner(), who.actor(tx, now)?);
            let known = queries::find(tx, owner, &id)?;
            diesel::update(passkeys::table.find(&id)).set(passkeys::name.eq(&name)).execute(&mut **tx)?;
            let detail = format!("it was called {}", known.name);
            let event = Event { detail: &detail, ..event(Action::PasskeyRenamed, owner.user_id(), &id, &name) };
            record(tx, &actor, now, &event)
        })
        .await
}

/// Removes a passkey, unless nothing else lets its owner in, and ends all other sessions where that is wanted.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs; [`Error::Forbidden`] when it is the last way in.
pub async fn remove(instance: &Instance, who: &Confirmed, id: PasskeyId, end_others: bool) -> Result<()> {
    let (who, now, doors) = (who.clone(), instance.clock.now(), Doors::of(instance));
    let notices = Arc::clone(&instance.notices);
    instance
        .db
        .write(move |tx| {
            let (owner, actor) = (who.owner(), who.actor(tx, now)?);
            let known = queries::find(tx, owner, &id)?;
            if !doors.open_without(tx, owner, &Way::Passkey(&id))? {
                return Err(Error::Forbidden("it is the last way into your account"));
            }
            diesel::delete(passkeys::table.find(&id)).execute(&mut **tx)?;
            second_factor::refresh(tx, owner.user_id())?;
            record(tx, &actor, now, &event(Action::PasskeyRemoved, owner.user_id(), &id, &known.name))?;
            if end_others {
                end_elsewhere(tx, &who, &actor, now)?;
            }
            let more = format!("The passkey “{}” was removed from your account. It no longer signs in.", known.name);
            let notice = SecurityNotice::new("A passkey was removed", more);
            notices.send(tx, owner.user_id(), &notice, actor.origin(), now)
        })
        .await
}

/// Removes all passkeys of a user who lost them; whoever asks for it records and tells it, and refreshes what the account has.
///
/// # Errors
/// When the database refuses.
pub fn remove_all(tx: &mut Tx<'_>, user: &UserId) -> Result<usize> {
    Ok(diesel::delete(passkeys::table.filter(passkeys::user_id.eq(user))).execute(&mut **tx)?)
}

/// Removes the passkeys that a user has had since a moment; likewise.
///
/// # Errors
/// When the database refuses.
pub fn remove_since(tx: &mut Tx<'_>, user: &UserId, since: Timestamp) -> Result<usize> {
    let fresh = passkeys::table.filter(passkeys::user_id.eq(user).and(passkeys::created_at.ge(since)));
    Ok(diesel::delete(fresh).execute(&mut **tx)?)
}

/// A passkey's own count of its uses went back: perhaps somebody copied it. It was refused, and its owner is told.
pub(super) async fn warn_of_copy(instance: &Instance, known: Record, origin: Origin) -> Result<()> {
    let (notices, now) = (Arc::clone(&instance.notices), instance.clock.now());
    instance
        .db
        .write(move |tx| {
            let actor = Actor::stranger(origin);
            record(tx, &actor, now, &event(Action::PasskeyCopied, &known.user_id, &known.id, &known.name))?;
            let more = format!(
                "The passkey “{}” was refused: it counts its uses, and its count went back. There may be a copy of it.",
                known.name
            );
            let notice = SecurityNotice::new("A passkey was refused", more);
            notices.send(tx, &known.user_id, &notice, actor.origin(), now)
        })
        .await
}

/// What somebody who signs in with a passkey sends.
pub struct SignIn {
    /// What the authenticator answered.
    pub answer: String,
    /// "Keep me signed in".
    pub keep: bool,
    /// The session that this browser has already; it ends.
    pub instead_of: Option<SessionId>,
}

/// Signs in: what comes next, or `None` when the passkey doesn't open an account. A passkey is two factors: the
/// device, and what unlocks it.
///
/// # Errors
/// [`Error::TooMany`].
pub async fn sign_in(instance: &Instance, occasion: &Occasion, wish: SignIn) -> Result<Option<Next>> {
    let (now, origin) = (instance.clock.now(), occasion.origin.clone());
    let network: Door = (format!("passkey {}", throttle::of_origin(&origin)), NETWORK);
    let wide: Door = (format!("passkey {}", throttle::wide_network(&origin.address)), WIDE_NETWORK);
    throttle::enter(&instance.db, vec![network.clone(), wide.clone()], now).await?;
    let proof = ceremony::verify(instance, occasion, &wish.answer).await?;
    let sessions = instance.config.sessions.clone();
    instance
        .db
        .write(move |tx| {
            let refused = |tx, user: Option<&UserId>| {
                let stranger = Actor::stranger(origin.clone());
                let event = Event {
                    action: Action::SignInRefused,
                    user,
                    organization: None,
                    subject_id: "",
                    subject_name: "",
                    detail: "passkey",
                };
                record(tx, &stranger, now, &event).map(|()| None)
            };
            let Some(proof) = proof else { return refused(tx, None) };
            session::lock(tx, &proof.user)?;
            let open = users::table.find(&proof.user).filter(users::status.eq(UserStatus::Active));
            if open.count().get_result::<i64>(&mut **tx)? != 1 || !proof.spend(tx, now)? {
                return refused(tx, Some(&proof.user));
            }
            throttle::give_back(tx, &network.0)?;
            throttle::give_back(tx, &wide.0)?;
            let SignIn { keep, instead_of, .. } = wish;
            let admission = Admission { user: proof.user, proof: sign_in::Proof::Passkey, keep, instead_of };
            admit(tx, &admission, &origin, &sessions, now).map(Some)
        })
        .await
}

/// A passkey's answer as a second factor.
#[derive(Debug)]
pub struct Answer {
    /// What the authenticator answered.
    credential: String,
    /// At which door.
    purpose: Purpose,
    /// In whose browser.
    binding: String,
    /// Where that is.
    origin: Origin,
}

impl Answer {
    /// What a visitor's form brought to a door.
    pub fn of(visitor: &Visitor, purpose: Purpose, credential: String) -> Self {
        let (binding, origin) = (visitor.binding().unwrap_or_default(), Origin::of(visitor.request()));
        Self { credential, purpose, binding, origin }
    }

    /// What the browser needs to ask the passkeys of whoever is at that door.
    ///
    /// # Errors
    /// As [`ceremony::begin_proving`].
    pub async fn options(&self, instance: &Instance, user: &UserId) -> Result<serde_json::Value> {
        ceremony::begin_proving(instance, &self.occasion(user)).await
    }

    /// What such an answer is for.
    fn occasion(&self, user: &UserId) -> Occasion {
        let (binding, origin) = (self.binding.clone(), self.origin.clone());
        Occasion { purpose: self.purpose, binding, user: Some(user.clone()), origin }
    }
}

/// A proof by one of the user's passkeys, for a sign-in that has begun with something else.
///
/// # Errors
/// When the database refuses.
pub async fn prove_factor(instance: &Instance, user: &UserId, answer: &Answer) -> Result<Option<Proof>> {
    ceremony::verify(instance, &answer.occasion(user), &answer.credential).await
}

/// Lets "confirm it is you" hold for a while, under a new session key; `None` when the passkey was refused. Tries are counted
/// together with wrong passwords: five of them end the session.
///
/// # Errors
/// [`Error::SignIn`] when this session had too many tries, or ended meanwhile.
pub async fn confirm(instance: &Instance, who: &SignedIn, occasion: &Occasion, answer: &str) -> Result<Option<NewKey>> {
    let door = sign_in::enter_confirmation(instance, who).await?;
    let proof = ceremony::verify(instance, occasion, answer).await?;
    let (now, who, sessions) = (instance.clock.now(), who.clone(), instance.config.sessions.clone());
    instance
        .db
        .write(move |tx| {
            let user = &who.account().user_id;
            let spent = proof.as_ref().map_or(Ok(false), |proof| proof.spend(tx, now))?;
            let Some(proof) = proof.filter(|_| spent) else {
                record(
                    tx,
                    &who.refused(),
                    now,
                    &Event { detail: "passkey", ..Event::of_user(Action::ConfirmRefused, user) },
                )?;
                return Ok(None);
            };
            let actor = who.actor(tx, now)?;
            throttle::clear(tx, &door.0)?;
            let detail = format!("with the passkey {}", proof.name);
            record(tx, &actor, now, &Event { detail: &detail, ..Event::of_user(Action::Confirmed, user) })?;
            session::renew(tx, &who.account().session_id, &sessions, now).map(Some)
        })
        .await
}
