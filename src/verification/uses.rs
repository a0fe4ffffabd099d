//! When tokens and verifiers were last used: gathered in memory and written together, never once per check.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use diesel::prelude::*;

use crate::clock::Timestamp;
use crate::db::schema::{token_secrets, verifiers};
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::ids::{SecretId, VerifierId};

/// A use is written at most once in so many seconds.
const EVERY: i64 = 60;
/// More than this is not gathered between two writes: memory stays bounded whatever comes.
const MOST: usize = 100_000;

struct Use {
    at: Timestamp,
    address: String,
    agent: String,
}

#[derive(Default)]
struct Gathered {
    secrets: HashMap<SecretId, Use>,
    verifiers: HashMap<VerifierId, Timestamp>,
}

/// What was used and is not yet written.
#[derive(Default)]
pub struct Uses(Mutex<Gathered>);

fn is_due(last: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_none_or(|last| last.until(now) >= EVERY)
}

impl Uses {
    /// A secret was good for something.
    pub fn note_secret(
        &self,
        id: &SecretId,
        last: Option<Timestamp>,
        now: Timestamp,
        from: impl FnOnce() -> (String, String),
    ) {
        if !is_due(last, now) {
            return;
        }
        let mut gathered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if gathered.secrets.len() < MOST && !gathered.secrets.contains_key(id) {
            let (address, agent) = from();
            gathered.secrets.insert(id.clone(), Use { at: now, address, agent });
        }
    }

    /// A verifier asked.
    pub fn note_verifier(&self, id: &VerifierId, last: Option<Timestamp>, now: Timestamp) {
        if is_due(last, now) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).verifiers.entry(id.clone()).or_insert(now);
        }
    }

    /// Writes what was gathered.
    ///
    /// # Errors
    /// When the database refuses; what was gathered is then gone, and the next use is noted anew.
    pub fn flush(&self, db: &Db) -> Result<()> {
        let gathered = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if gathered.secrets.is_empty() && gathered.verifiers.is_empty() {
            return Ok(());
        }
        let (secrets, verifiers): (Vec<_>, Vec<_>) =
            (gathered.secrets.into_iter().collect(), gathered.verifiers.into_iter().collect());
        write_in_pieces(db, secrets, |tx, (id, used)| {
            let row = token_secrets::table.find(id);
            let seen = (
                token_secrets::last_used_at.eq(used.at),
                token_secrets::last_used_address.eq(used.address),
                token_secrets::last_used_agent.eq(used.agent),
            );
            diesel::update(row).set(seen).execute(&mut **tx).map(drop)
        })?;
        write_in_pieces(db, verifiers, |tx, (id, at)| {
            diesel::update(verifiers::table.find(id)).set(verifiers::last_used_at.eq(at)).execute(&mut **tx).map(drop)
        })
    }
}

/// A piece is one transaction: on SQLite a revocation waits behind it, so none is long.
const PIECE: usize = 500;

fn write_in_pieces<T: Send + 'static>(
    db: &Db,
    mut rows: Vec<T>,
    write: fn(&mut Tx<'_>, T) -> diesel::QueryResult<()>,
) -> Result<()> {
    while !rows.is_empty() {
        let piece = rows.split_off(rows.len().saturating_sub(PIECE));
        db.write_here(move |tx| Ok(piece.into_iter().try_for_each(|row| write(tx, row))?))?;
    }
    Ok(())
}
