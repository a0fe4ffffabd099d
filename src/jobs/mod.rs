//! Chores: plain functions of (database, now), and the small loops that call them.
//!
//! A failure is logged and the next round tries again; one chore's trouble does not stop the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use diesel::prelude::*;

use crate::app::Instance;
use crate::auth::{device, link, session, throttle};
use crate::clock::{DAY, Timestamp};
use crate::config::Config;
use crate::db::Db;
use crate::db::schema::form_uses;
use crate::error::Result;
use crate::{email_change, mail, openid, passkeys, sign_in, sign_up, terminals};

/// Mails that were filed or given up stay on the administrator's page for so long.
const MAIL_KEPT: i64 = 30 * DAY;

/// The threads that do the chores; dropping it lets each finish what it is at.
pub struct Background {
    stopping: Arc<AtomicBool>,
    threads: Vec<(Sender<()>, Receiver<()>)>,
    patience: Duration,
}

/// A chore; it looks at the flag between its steps, and ends when the program is stopping.
type Chore = fn(&Instance, &AtomicBool) -> Result<()>;

impl Background {
    /// Starts them.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(instance: &Arc<Instance>) -> std::io::Result<Self> {
        let patience = Duration::from_secs(instance.config.drain_seconds.clamp(1, 15));
        let mut background = Self { stopping: Arc::default(), threads: Vec::new(), patience };
        // Two, so that a mail server's slow answer to one mail does not hold up all others.
        for name in ["mail-1", "mail-2"] {
            background.every(name, Duration::from_secs(1), instance, send_mail)?;
        }
        background.every("last-used", Duration::from_secs(5), instance, |instance, _| {
            let used = instance.uses.flush(instance);
            instance.seen.flush(&instance.db).and(used)
        })?;
        background.every("tidy", Duration::from_hours(1), instance, |instance, _| {
            tidy(&instance.db, &instance.config, instance.clock.now())
        })?;
        Ok(background)
    }

    fn every(
        &mut self,
        name: &'static str,
        pause: Duration,
        instance: &Arc<Instance>,
        chore: Chore,
    ) -> std::io::Result<()> {
        let ((stop, stopped), (done, ended)) = (channel(), channel());
        let (instance, stopping) = (Arc::clone(instance), Arc::clone(&self.stopping));
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            loop {
                let last = !matches!(stopped.recv_timeout(pause), Err(RecvTimeoutError::Timeout));
                match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| chore(&instance, &stopping))) {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::warn!(chore = name, %error, "a chore failed; it will be tried again"),
                    Err(_) => tracing::error!(chore = name, "a chore panicked; it will be tried again"),
                }
                if last {
                    drop(instance);
                    drop(done);
                    return;
                }
            }
        })?;
        self.threads.push((stop, ended));
        Ok(())
    }
}

impl Drop for Background {
    /// Each chore runs once more, so that what was gathered in memory is written. None is waited for beyond the drain: a mail
    /// that is just being sent is sent again after the next start.
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        let until = Instant::now() + self.patience;
        let ended: Vec<Receiver<()>> = self.threads.drain(..).map(|(_, ended)| ended).collect();
        for thread in ended {
            let _ = thread.recv_timeout(until.saturating_duration_since(Instant::now()));
        }
    }
}

fn send_mail(instance: &Instance, stopping: &AtomicBool) -> Result<()> {
    if stopping.load(Ordering::SeqCst)
        || !instance.db.read_here(|connection| mail::is_due(connection, instance.clock.now()))?
    {
        return Ok(());
    }
    let (begun, from) = (instance.clock.now(), &instance.config.mail.from);
    while mail::deliver_one(&instance.db, &instance.carrier, from, &instance.clock, begun)?.is_some() {
        if stopping.load(Ordering::SeqCst) {
            break;
        }
    }
    Ok(())
}

/// Takes away what is over: sessions, tries, forms that were used, mails that were kept long enough.
///
/// # Errors
/// When the database refuses; then nothing was taken away.
pub fn tidy(db: &Db, config: &Config, now: Timestamp) -> Result<()> {
    session::forget_old(db, &config.sessions, now)?;
    db.write_here(move |tx| {
        throttle::forget_old(tx, now)?;
        device::forget_old(tx, now)?;
        link::forget_old(tx, now)?;
        sign_up::forget_old(tx, now)?;
        openid::forget_old(tx, now)?;
        sign_in::forget_old(tx, now)?;
        passkeys::forget_old(tx, now)?;
        terminals::forget_old(tx, now)?;
        email_change::forget_old(tx, now)?;
        mail::forget_old(tx, now.plus(-MAIL_KEPT), now)?;
        diesel::delete(form_uses::table.filter(form_uses::used_at.lt(now.plus(-DAY)))).execute(&mut **tx)?;
        Ok(())
    })
}
