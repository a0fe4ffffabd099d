//! The one gate that every way in ends at: somebody proved who they are, and gets a session, or is asked for their second
//! factor first. What they have meanwhile is no session: a cookie of its own that opens nothing but that page.

use std::sync::Arc;

use diesel::prelude::*;

use crate::app::Instance;
use crate::audit::{Action, Actor, Event, Origin, record};
use crate::auth::SecretHash;
use crate::auth::key::hex;
use crate::auth::session::{self, NewKey};
use crate::clock::Timestamp;
use crate::config::SessionConfig;
use crate::db::schema::{pending_logins, users};
use crate::db::{Connection, Tx};
use crate::error::{Error, Result};
use crate::ids::{SessionId, UserId};
use crate::mail::{Notices, SecurityNotice};
use crate::second_factor::{self, Typed};
use crate::text_enum;
use crate::users::UserStatus;

/// How long one may take for the second factor, in seconds.
pub const PATIENCE: i64 = 10 * 60;
/// So many wrong ones, and it begins anew with the first.
const MAX_FAILURES: i64 = 5;

text_enum! {
    /// How somebody proved who they are.
    pub enum Proof {
        /// With their password.
        Password = "password",
        /// With a passkey.
        Passkey = "passkey",
        /// With a provider.
        Provider = "provider",
        /// With a provider that asked for a second factor, and is believed.
        ProviderWithSecondFactor = "provider_with_second_factor",
    }
}

impl Proof {
    /// For the log.
    fn words(self) -> &'static str {
        match self {
            Self::Password => "with the password",
            Self::Passkey => "with a passkey",
            Self::Provider => "with a provider",
            Self::ProviderWithSecondFactor => "with a provider and its second factor",
        }
    }

    /// Whether it was two factors in one, so that no second one is asked for.
    fn is_strong(self) -> bool {
        match self {
            Self::Password | Self::Provider => false,
            // The device, and what unlocks it; or two that the provider asked for.
            Self::Passkey | Self::ProviderWithSecondFactor => true,
        }
    }
}

/// Somebody who has proved who they are.
#[derive(Debug, Clone)]
pub struct Admission {
    /// Who.
    pub user: UserId,
    /// How.
    pub proof: Proof,
    /// "Keep me signed in".
    pub keep: bool,
    /// The session that this browser has already; it ends.
    pub instead_of: Option<SessionId>,
}

/// What comes after the proof.
pub enum Next {
    /// They are in.
    In(NewKey),
    /// Their second factor is wanted.
    SecondFactor(PendingKey),
}

/// What a browser holds between the first factor and the second: 256 random bits, kept as a hash.
pub struct PendingKey(String);

impl PendingKey {
    /// For the cookie.
    pub fn reveal_for_cookie(&self) -> &str {
        &self.0
    }
}

/// Lets somebody in, or asks for their second factor. In the transaction that saw what they proved still holds.
///
/// # Errors
/// [`Error::SignIn`] when the account is closed meanwhile.
pub fn admit(
    tx: &mut Tx<'_>,
    admission: &Admission,
    origin: &Origin,
    config: &SessionConfig,
    now: Timestamp,
) -> Result<Next> {
    let user = &admission.user;
    session::lock(tx, user)?;
    let (status, second_factor): (UserStatus, bool) =
        users::table.find(user).select((users::status, users::second_factor)).get_result(&mut **tx)?;
    if status != UserStatus::Active {
        return Err(Error::SignIn { back: crate::urls::home() });
    }
    let actor = Actor::arriving(user, origin.clone());
    if second_factor && !admission.proof.is_strong() {
        let event = Event { detail: admission.proof.words(), ..Event::of_user(Action::SecondFactorAsked, user) };
        record(tx, &actor, now, &event)?;
        return begin_pending(tx, admission, now).map(Next::SecondFactor);
    }
    record(tx, &actor, now, &Event { detail: admission.proof.words(), ..Event::of_user(Action::SignedIn, user) })?;
    if let Some(earlier) = &admission.instead_of {
        session::end(tx, earlier)?;
    }
    session::begin(tx, user, admission.keep, true, origin, config, now).map(|(_, key)| Next::In(key))
}

fn begin_pending(tx: &mut Tx<'_>, admission: &Admission, now: Timestamp) -> Result<PendingKey> {
    let key = hex(&crate::ids::random::<32>());
    diesel::insert_into(pending_logins::table)
        .values((
            pending_logins::hash.eq(SecretHash::of(&key)),
            pending_logins::user_id.eq(&admission.user),
            pending_logins::proof.eq(admission.proof),
            pending_logins::keep.eq(admission.keep),
            pending_logins::failures.eq(0),
            pending_logins::created_at.eq(now),
            pending_logins::expires_at.eq(now.plus(PATIENCE)),
        ))
        .execute(&mut **tx)?;
    Ok(PendingKey(key))
}

/// A sign-in that waits for its second factor.
#[derive(Debug, Clone, Queryable)]
pub struct Pending {
    /// Who.
    pub user: UserId,
    proof: Proof,
    /// "Keep me signed in".
    pub keep: bool,
    failures: i64,
}

/// The sign-in that a cookie's key belongs to, while it waits.
///
/// # Errors
/// When the database refuses.
pub fn find(connection: &mut Connection, key: &str, now: Timestamp) -> Result<Option<Pending>> {
    let waits = pending_logins::expires_at.gt(now).and(users::status.eq(UserStatus::Active));
    Ok(pending_logins::table
        .inner_join(users::table)
        .filter(pending_logins::hash.eq(SecretHash::of(key)).and(waits))
        .select((pending_logins::user_id, pending_logins::proof, pending_logins::keep, pending_logins::failures))
        .get_result(connection)
        .optional()?)
}

/// What became of a second factor.
pub enum Outcome {
    /// They are in; by a recovery code, with so many left.
    In {
        /// The session's.
        key: NewKey,
        /// "Keep me signed in".
        keep: bool,
        /// How many recovery codes are left, if this was one.
        codes_left: Option<i64>,
    },
    /// It was not right.
    Wrong,
    /// There were too many wrong ones, or it took too long: begin anew.
    Over,
}

/// The second factor of a sign-in that waits for it.
///
/// # Errors
/// [`Error::TooMany`]; when the database refuses.
pub async fn finish(
    instance: &Instance,
    key: String,
    typed: Typed,
    instead_of: Option<SessionId>,
    origin: Origin,
) -> Result<Outcome> {
    let (now, asked) = (instance.clock.now(), key.clone());
    let Some(pending) = instance.db.read(move |connection| find(connection, &asked, now)).await? else {
        return Ok(Outcome::Over);
    };
    let evidence = second_factor::check(instance, &pending.user, &typed).await?;
    let (notices, sessions) = (Arc::clone(&instance.notices), instance.config.sessions.clone());
    instance
        .db
        .write(move |tx| {
            session::lock(tx, &pending.user)?;
            let Some(pending) = find(tx, &key, now)? else { return Ok(Outcome::Over) };
            let (user, actor) = (&pending.user, Actor::arriving(&pending.user, origin));
            let spent = match &evidence {
                Some(evidence) if evidence.spend(tx, &actor, now)? => evidence,
                _ => return refuse(tx, &key, &pending, &actor, &notices, now),
            };
            forget(tx, &key)?;
            let by_code = spent.is_recovery_code();
            let detail = format!("{}, then {}", pending.proof.words(), spent.words());
            record(tx, &actor, now, &Event { detail: &detail, ..Event::of_user(Action::SignedIn, user) })?;
            if let Some(earlier) = &instead_of {
                session::end(tx, earlier)?;
            }
            let codes_left = if by_code { second_factor::codes_left(tx, user)? } else { None };
            let (_, key) = session::begin(tx, user, pending.keep, !by_code, actor.origin(), &sessions, now)?;
            Ok(Outcome::In { key, keep: pending.keep, codes_left })
        })
        .await
}

fn refuse(
    tx: &mut Tx<'_>,
    key: &str,
    pending: &Pending,
    actor: &Actor,
    notices: &Notices,
    now: Timestamp,
) -> Result<Outcome> {
    record(
        tx,
        &Actor::stranger(actor.origin().clone()),
        now,
        &Event::of_user(Action::SecondFactorRefused, &pending.user),
    )?;
    if pending.failures + 1 < MAX_FAILURES {
        let row = pending_logins::table.find(SecretHash::of(key));
        diesel::update(row).set(pending_logins::failures.eq(pending_logins::failures + 1)).execute(&mut **tx)?;
        return Ok(Outcome::Wrong);
    }
    forget(tx, key)?;
    let more = "Somebody signed in with your password, then gave five wrong codes for the second factor. They were not let in.";
    let notice = SecurityNotice::new("Wrong codes for your second factor", more).advising(
        "someone has your password. ",
        "Change your password now",
        crate::urls::settings_security(),
    );
    notices.send(tx, &pending.user, &notice, actor.origin(), now)?;
    Ok(Outcome::Over)
}

fn forget(tx: &mut Tx<'_>, key: &str) -> Result<()> {
    diesel::delete(pending_logins::table.find(SecretHash::of(key))).execute(&mut **tx)?;
    Ok(())
}

/// Takes away what is over; for the hourly job.
///
/// # Errors
/// When the database refuses.
pub fn forget_old(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize> {
    Ok(diesel::delete(pending_logins::table.filter(pending_logins::expires_at.le(now))).execute(&mut **tx)?)
}
