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

#[derive(Clone)]
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

    /// Writes what was gathered, in the order of the ids, so that two nodes never wait for each other in a circle; what is
    /// not written, because the database refuses, is kept for the next time.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn flush(&self, db: &Db) -> Result<()> {
        let gathered = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut secrets: Vec<(SecretId, Use)> = gathered.secrets.into_iter().collect();
        let mut verifiers: Vec<(VerifierId, Timestamp)> = gathered.verifiers.into_iter().collect();
        secrets.sort_by(|one, other| other.0.cmp(&one.0));
        verifiers.sort_by(|one, other| other.0.cmp(&one.0));
        let written = write_in_pieces(db, &mut secrets, |tx, (id, used)| {
            let older = token_secrets::last_used_at.is_null().or(token_secrets::last_used_at.lt(used.at));
            let seen = (
                token_secrets::last_used_at.eq(used.at),
                token_secrets::last_used_address.eq(&used.address),
                token_secrets::last_used_agent.eq(&used.agent),
            );
            diesel::update(token_secrets::table.find(id).filter(older)).set(seen).execute(&mut **tx).map(drop)
        })
        .and_then(|()| {
            write_in_pieces(db, &mut verifiers, |tx, (id, at)| {
                let older = verifiers::last_used_at.is_null().or(verifiers::last_used_at.lt(*at));
                let row = verifiers::table.find(id).filter(older);
                diesel::update(row).set(verifiers::last_used_at.eq(*at)).execute(&mut **tx).map(drop)
            })
        });
        if written.is_err() {
            let mut gathered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            for (id, used) in secrets {
                gathered.secrets.entry(id).or_insert(used);
            }
            for (id, at) in verifiers {
                gathered.verifiers.entry(id).or_insert(at);
            }
        }
        written
    }
}

/// A piece is one transaction: a revocation may wait behind it, so none is long.
const PIECE: usize = 200;

/// Writes from the end of the list, and takes off what is committed.
fn write_in_pieces<T: Clone + Send + 'static>(
    db: &Db,
    rows: &mut Vec<T>,
    write: fn(&mut Tx<'_>, &T) -> diesel::QueryResult<()>,
) -> Result<()> {
    while !rows.is_empty() {
        let rest = rows.len().saturating_sub(PIECE);
        let piece: Vec<T> = rows[rest..].iter().rev().cloned().collect();
        db.write_here(move |tx| Ok(piece.iter().try_for_each(|row| write(tx, row))?))?;
        rows.truncate(rest);
    }
    Ok(())
}
