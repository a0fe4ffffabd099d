//! How many passwords are looked at: of one account, from one network, from a browser that is known, and all together.
//!
//! Nobody who guesses can lock the owner out: a browser that signed in before has a budget of its own, and what is closed to
//! all others after a hundred wrong passwords in a row is opened again by a link in the owner's mailbox.

use crate::app::Instance;
use crate::audit::{Action, Actor, Event, Origin, record};
use crate::auth::device;
use crate::auth::link::{self, Purpose};
use crate::auth::throttle::{self, Door, Limit, Marked, Passed};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::ids::{DeviceId, UserId};
use crate::mail::SecurityNotice;
use crate::urls;

/// After so many wrong passwords in a row their owner hears of it.
const WORTH_A_MAIL: i64 = 10;
/// The door of all wrong passwords together.
const EVERYBODY: &str = "password everybody";
/// The longest wait that is named: beyond it, waiting is not what helps.
const NAMED_WAIT: i64 = 60 * 60;

/// A try that is counted and not yet looked at.
pub struct Guard {
    in_a_row: i64,
    /// The browser that is known, and how many wrong passwords came from it in a row.
    device: Option<(DeviceId, i64)>,
    passed: Passed,
}

/// Counts a try to sign in with a password. The work is the same whether or not there is such an account.
///
/// # Errors
/// [`Error::TooMany`] when it will not be looked at.
pub async fn enter(instance: &Instance, email: &str, user: Option<&UserId>, origin: &Origin) -> Result<Guard> {
    let now = instance.clock.now();
    let (user, codes) = (user.cloned(), origin.device.clone());
    let asked = instance.db.read(move |connection| {
        let known = user.map(|user| device::known(connection, &user, &codes, now)).transpose()?.flatten();
        // The table may be of no use; then there is no flood to be known of.
        Ok((known, throttle::is_closed(connection, EVERYBODY, now).unwrap_or(false)))
    });
    let (known, flood) = asked.await?;
    let (network, name) = (throttle::of_origin(origin), throttle::of_address(&instance.key, email));
    let row: Door = (throttle::in_a_row(&instance.key, email), throttle::IN_A_ROW);
    if let Some(id) = known {
        let door: Door = (format!("password device {id}"), throttle::DEVICE);
        let device: Door = (throttle::in_a_row_of_device(&id), throttle::IN_A_ROW);
        let counts = throttle::enter_marked(&instance.db, vec![door.clone(), device.clone()], None, now).await?;
        // Wrong ones from here count as well, but what they close is closed to others.
        let in_a_row = throttle::enter_marked(&instance.db, vec![row.clone()], None, now).await;
        let in_a_row = in_a_row.ok().and_then(|counts| counts.first().copied()).unwrap_or_default();
        let passed = Passed { own: vec![door.0, device.0, row.0], ..Passed::default() };
        return Ok(Guard { in_a_row, device: Some((id, counts[1])), passed });
    }
    let from_network: Limit = if flood { throttle::NETWORK_IN_A_FLOOD } else { throttle::NETWORK };
    let account: Door = (format!("password {name} {network}"), throttle::ACCOUNT);
    let near: Door = (format!("password {network}"), from_network);
    let wide: Door = (format!("password {}", throttle::wide_network(&origin.address)), throttle::WIDE_NETWORK);
    let marked = Marked {
        mark: format!("tried {network} {name}"),
        door: (format!("accounts {network}"), throttle::ACCOUNTS_NETWORK),
    };
    let doors = vec![row.clone(), account.clone(), near.clone(), wide.clone()];
    let counts = throttle::enter_marked(&instance.db, doors, Some(marked.clone()), now).await.map_err(short)?;
    let passed = Passed { own: vec![row.0, account.0], shared: vec![near.0, wide.0], marked: Some(marked) };
    Ok(Guard { in_a_row: counts[0], device: None, passed })
}

fn short(error: Error) -> Error {
    match error {
        Error::TooMany { after, limit } => Error::TooMany { after: after.min(NAMED_WAIT), limit },
        other => other,
    }
}

impl Guard {
    /// The password was right: whoever typed it is the one it belongs to.
    pub async fn passed(self, instance: &Instance) {
        throttle::pass(&instance.db, self.passed).await;
    }

    /// It was not: tells the owner when it is time to, within the transaction that logs the refusal. A browser from which a
    /// hundred wrong ones came in a row is no friend, whoever has its cookie: from now on it is a stranger.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn tell(&self, tx: &mut Tx<'_>, user: &UserId, origin: &Origin, now: Timestamp) -> Result<()> {
        if let Some((id, count)) = &self.device
            && *count >= throttle::IN_A_ROW.failures
        {
            device::forget(tx, id)?;
        }
        let Some(notices) = &origin.notices else { return Ok(()) };
        let notice = if self.in_a_row == WORTH_A_MAIL {
            SecurityNotice::new(
                "Ten wrong passwords in a row were typed for your account",
                "Nobody was let in. A long password that you use nowhere else, together with a second factor, keeps it so.",
            )
        } else if self.in_a_row == throttle::IN_A_ROW.failures {
            let code = link::make(tx, Purpose::UnlockSignIn, user, now)?;
            SecurityNotice::new(
                "A hundred wrong passwords in a row were typed for your account",
                "Nobody was let in. So that it stays so, browsers that have not signed in to your account before can't do so with \
                 the password for now. Yours still can, and signing in there, or choosing a new password through \
                 \u{201c}Forgotten password?\u{201d}, ends it.",
            )
            .saying("To sign in from a new browser, turn it on again here, within a day", urls::login_unlock(&code))
            .good_for(Purpose::UnlockSignIn.lifetime())
        } else {
            return Ok(());
        };
        notices.send(tx, user, &notice, origin, now)
    }
}

/// Counts a wrong password among all of them, and logs once when there are far more than people type.
///
/// # Errors
/// When the database refuses.
pub async fn count_among_all(instance: &Instance) -> Result<()> {
    let now = instance.clock.now();
    let door: Door = (EVERYBODY.to_owned(), throttle::FLOOD);
    match throttle::enter_marked(&instance.db, vec![door], None, now).await {
        Ok(counts) if counts[0] == throttle::FLOOD.failures => {
            tracing::warn!("a flood of wrong passwords: each network may try fewer of them for a while");
            let writing = instance.db.write(move |tx| {
                let event = Event {
                    action: Action::SignInFlood,
                    user: None,
                    organization: None,
                    subject_id: "",
                    subject_name: "",
                    detail: "",
                };
                record(tx, &Actor::system(Origin::default()), now, &event)
            });
            writing.await
        }
        Ok(_) | Err(Error::TooMany { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}
