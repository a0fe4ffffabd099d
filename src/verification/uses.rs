//! When tokens and verifiers were last used: gathered in memory and written together, never once per check.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use diesel::prelude::*;

use crate::clock::Timestamp;
use crate::db::Db;
use crate::db::schema::{token_secrets, verifiers};
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
        db.write_here(move |tx| {
            for (id, used) in gathered.secrets {
                diesel::update(token_secrets::table.find(id))
                    .set((
                        token_secrets::last_used_at.eq(used.at),
                        token_secrets::last_used_address.eq(used.address),
                        token_secrets::last_used_agent.eq(used.agent),
                    ))
                    .execute(&mut **tx)?;
            }
            for (id, at) in gathered.verifiers {
                diesel::update(verifiers::table.find(id)).set(verifiers::last_used_at.eq(at)).execute(&mut **tx)?;
            }
            Ok(())
        })
    }
}
