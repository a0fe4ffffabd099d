//! Chores: plain functions of (database, now), and the small loops that call them.
//!
//! A failure is logged and the next round tries again; one chore's trouble does not stop the others.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use diesel::prelude::*;

use crate::app::Instance;
use crate::auth::{session, throttle};
use crate::clock::{DAY, Timestamp};
use crate::config::Config;
use crate::db::Db;
use crate::db::schema::form_uses;
use crate::error::Result;
use crate::mail;

/// Mails that were filed or given up stay on the administrator's page for so long.
const MAIL_KEPT: i64 = 30 * DAY;

/// The threads that do the chores; dropping it lets each finish what it is at.
pub struct Background {
    stop: Vec<Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Background {
    /// Starts them.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(instance: &Arc<Instance>) -> std::io::Result<Self> {
        let mut background = Self { stop: Vec::new(), threads: Vec::new() };
        background.every("mail", Duration::from_secs(1), instance, |instance| {
            if instance.db.read_here(mail::waiting)? > 0 {
                mail::deliver_due(&instance.db, &instance.carrier, &instance.config.mail.from, &instance.clock)?;
            }
            Ok(())
        })?;
        background.every("last-used", Duration::from_secs(5), instance, |instance| {
            instance.uses.flush(&instance.db)?;
            instance.seen.flush(&instance.db)
        })?;
        background.every("tidy", Duration::from_hours(1), instance, |instance| {
            tidy(&instance.db, &instance.config, instance.clock.now())
        })?;
        Ok(background)
    }

    fn every(
        &mut self,
        name: &'static str,
        pause: Duration,
        instance: &Arc<Instance>,
        chore: fn(&Instance) -> Result<()>,
    ) -> std::io::Result<()> {
        let (stop, stopped) = channel();
        let instance = Arc::clone(instance);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            loop {
                let last = !matches!(stopped.recv_timeout(pause), Err(RecvTimeoutError::Timeout));
                match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| chore(&instance))) {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::warn!(chore = name, %error, "a chore failed; it will be tried again"),
                    Err(_) => tracing::error!(chore = name, "a chore panicked; it will be tried again"),
                }
                if last {
                    return;
                }
            }
        })?;
        self.stop.push(stop);
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for Background {
    /// Each chore runs once more, so that what was gathered in memory is written.
    fn drop(&mut self) {
        self.stop.clear();
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

/// Takes away what is over: sessions, tries, forms that were used, mails that were kept long enough.
///
/// # Errors
/// When the database refuses; then nothing was taken away.
pub fn tidy(db: &Db, config: &Config, now: Timestamp) -> Result<()> {
    let sessions = config.sessions.clone();
    db.write_here(move |tx| {
        session::forget_old(tx, &sessions, now)?;
        throttle::forget_old(tx, now)?;
        mail::forget_old(tx, now.plus(-MAIL_KEPT))?;
        diesel::delete(form_uses::table.filter(form_uses::used_at.lt(now.plus(-DAY)))).execute(&mut **tx)?;
        Ok(())
    })
}
