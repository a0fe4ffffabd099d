//! Checking what somebody typed as their second factor.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{recovery_codes, totp};
use crate::app::Instance;
use crate::audit::{Action, Actor, Event, record};
use crate::auth::throttle::{self, Door};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Result;
use crate::ids::UserId;
use crate::mail::{Notices, SecurityNotice};
use crate::passkeys;
use crate::urls;

/// What was typed.
#[derive(Debug)]
pub enum Typed {
    /// Into the field for an authenticator app's code.
    Code(Zeroizing<String>),
    /// Into the field for a recovery code.
    RecoveryCode(Zeroizing<String>),
    /// Nothing: what a passkey answered.
    Passkey(passkeys::Answer),
}

/// What to say of a wrong one, by the field that it stood in.
pub fn wrong(field: &str) -> &'static str {
    if field == "code" {
        "That code is not right, or was used already. Wait for the next one and try again."
    } else {
        "That recovery code is not right, or was used already. Try another one."
    }
}

/// Something right was typed; it counts once it is spent.
#[derive(Debug)]
pub struct Evidence {
    user: UserId,
    what: What,
    doors: [Door; 2],
    notices: Arc<Notices>,
}

enum What {
    Step(i64),
    RecoveryCode([u8; 32]),
    Passkey(Box<passkeys::Proof>),
}

impl std::fmt::Debug for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Step(_) => "Step",
            Self::RecoveryCode(_) => "RecoveryCode",
            Self::Passkey(_) => "Passkey",
        })
    }
}

fn doors(user: &UserId) -> [Door; 2] {
    [(format!("factor {user}"), throttle::FACTOR), (format!("factor in a day {user}"), throttle::FACTOR_DAY)]
}

/// Counts a try and evaluates it; `None` when it is wrong. Whoever asks has seen a password, or better, of this user.
///
/// # Errors
/// [`crate::error::Error::TooMany`] when there were too many wrong ones.
pub async fn check(instance: &Instance, user: &UserId, typed: &Typed) -> Result<Option<Evidence>> {
    let (now, doors) = (instance.clock.now(), doors(user));
    throttle::enter(&instance.db, doors.to_vec(), now).await?;
    let what = match typed {
        Typed::Code(code) => {
            let owner = user.clone();
            let kept = instance.db.read(move |connection| totp::find(connection, &owner)).await?;
            kept.and_then(|kept| {
                let step = kept.open(&instance.key, user)?.step_of(code, now)?;
                (step > kept.last_step).then_some(What::Step(step))
            })
        }
        Typed::RecoveryCode(code) => recovery_codes::tag_of(instance, user, code).await?.map(What::RecoveryCode),
        Typed::Passkey(answer) => {
            passkeys::prove_factor(instance, user, answer).await?.map(|proof| What::Passkey(Box::new(proof)))
        }
    };
    let notices = Arc::clone(&instance.notices);
    Ok(what.map(|what| Evidence { user: user.clone(), what, doors, notices }))
}

impl Evidence {
    /// Whether it was a recovery code: whoever needs one lost the factor, and confirms nothing else with it.
    pub fn is_recovery_code(&self) -> bool {
        matches!(self.what, What::RecoveryCode(_))
    }

    /// For the log.
    pub fn words(&self) -> &'static str {
        match self.what {
            What::Step(_) => "an app's code",
            What::RecoveryCode(_) => "a recovery code",
            What::Passkey(_) => "a passkey",
        }
    }

    /// Uses it up, in the transaction of what it proves; `false` when it was used already.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn spend(&self, tx: &mut Tx<'_>, actor: &Actor, now: Timestamp) -> Result<bool> {
        let spent = match &self.what {
            What::Step(step) => totp::accept(tx, &self.user, *step)?,
            What::RecoveryCode(tag) => recovery_codes::spend(tx, &self.user, tag)?,
            What::Passkey(proof) => proof.spend(tx, now)?,
        };
        if !spent {
            return Ok(false);
        }
        let [hour, day] = &self.doors;
        throttle::clear(tx, &hour.0)?;
        throttle::give_back(tx, &day.0)?;
        if self.is_recovery_code() {
            self.tell(tx, actor, now)?;
        }
        Ok(true)
    }

    fn tell(&self, tx: &mut Tx<'_>, actor: &Actor, now: Timestamp) -> Result<()> {
        let left = recovery_codes::codes_left(tx, &self.user)?.unwrap_or_default();
        let left = match left {
            0 => "none is left".to_owned(),
            1 => "1 is left".to_owned(),
            _ => format!("{left} are left"),
        };
        let event = Event { detail: &left, ..Event::of_user(Action::RecoveryCodeUsed, &self.user) };
        record(tx, actor, now, &event)?;
        let more = format!("Each one works once; {left}. You can make new ones on the Security page.");
        let notice = SecurityNotice::new("A recovery code was used", more).advising(
            "someone has your password and your recovery codes. ",
            "Change your password, and make new recovery codes",
            urls::settings_security(),
        );
        self.notices.send(tx, &self.user, &notice, actor.origin(), now)
    }
}
