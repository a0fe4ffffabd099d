//! When sessions were seen: gathered in memory, and written now and then.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use diesel::prelude::*;

use super::Account;
use crate::clock::Timestamp;
use crate::db::schema::sessions;
use crate::db::{Db, Engine, Tx};
use crate::error::Result;
use crate::ids::SessionId;

/// "Last seen" is written at most once in so many seconds.
const SEEN_EVERY: i64 = 60;

/// Sessions that were seen and not yet written: gathered here, flushed together, so that no page waits for a write.
#[derive(Default)]
pub struct Seen(Mutex<HashMap<SessionId, Noted>>);

/// When a session was seen, and when in the administration.
#[derive(Default, Clone, Copy)]
struct Noted {
    seen_at: Option<Timestamp>,
    administered_at: Option<Timestamp>,
}

impl Seen {
    fn note(&self, id: &SessionId, set: impl FnOnce(&mut Noted)) {
        set(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(id.clone()).or_default());
    }

    /// A login was used; `last` is when it was before, as far as that is written.
    pub fn used(&self, id: &SessionId, last: Timestamp, now: Timestamp) {
        if last.until(now) >= SEEN_EVERY {
            self.note(id, |noted| noted.seen_at = Some(now));
        }
    }

    /// A page of the administration was opened, by somebody who may.
    pub fn administered(&self, account: &Account, now: Timestamp) {
        if account.administered_at.until(now) >= SEEN_EVERY {
            self.note(&account.session_id, |noted| noted.administered_at = Some(now));
        }
    }

    /// Writes what was gathered.
    ///
    /// # Errors
    /// When the database refuses; what was gathered is then gone, which only makes a session seem idle a minute longer.
    pub fn flush(&self, db: &Db) -> Result<()> {
        let gathered = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if gathered.is_empty() {
            return Ok(());
        }
        // In the order of the ids, in short pieces: nobody waits long. On PostgreSQL one by one, since whoever ends the
        // sessions of a user holds some of the same rows, in an order of their own.
        let together = if db.engine() == Engine::Sqlite { 200 } else { 1 };
        let mut gathered: Vec<(SessionId, Noted)> = gathered.into_iter().collect();
        gathered.sort_by(|one, other| one.0.cmp(&other.0));
        for piece in gathered.chunks(together).map(<[_]>::to_vec) {
            db.write_here(move |tx| piece.iter().try_for_each(|(id, noted)| noted.write(tx, id)))?;
        }
        Ok(())
    }
}

impl Noted {
    fn write(&self, tx: &mut Tx<'_>, id: &SessionId) -> Result<()> {
        if let Some(seen) = self.seen_at {
            let row = sessions::table.find(id).filter(sessions::seen_at.lt(seen));
            diesel::update(row).set(sessions::seen_at.eq(seen)).execute(&mut **tx)?;
        }
        if let Some(at) = self.administered_at {
            let row = sessions::table.find(id).filter(sessions::administered_at.lt(at));
            diesel::update(row).set(sessions::administered_at.eq(at)).execute(&mut **tx)?;
        }
        Ok(())
    }
}
