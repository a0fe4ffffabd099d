//! When tokens and verifiers were last used: gathered in memory and written together, never once per check.
//!
//! Of a current secret a use is written at most once a minute. Of an old one, whose days are counted, each is counted: its
//! owner wants to know whether something still has it. And when one is tried after its end, its owner is told, once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use diesel::prelude::*;

use super::queries::Found;
use super::verdict::Code;
use crate::app::Instance;
use crate::audit::{Action, Actor, Origin};
use crate::auth::secret::masked;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::db::schema::{organizations, service_accounts, token_addresses, token_secrets, tokens, users, verifiers};
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::ids::{SecretId, TokenId, UserId, VerifierId};
use crate::mail::letters::OldSecretUsed;
use crate::mail::queue;
use crate::tokens::{ADDRESSES, Record, log as tokens_log};
use crate::urls;

/// A use is written at most once in so many seconds.
const EVERY: i64 = 60;
/// More than this is not gathered between two writes: memory stays bounded whatever comes.
const MOST: usize = 100_000;

#[derive(Clone)]
struct Use {
    token: TokenId,
    at: Timestamp,
    address: String,
    agent: String,
    /// How often, of an old secret.
    count: i64,
}

#[derive(Default)]
struct Gathered {
    secrets: HashMap<SecretId, Use>,
    late: HashMap<SecretId, Use>,
    verifiers: HashMap<VerifierId, Timestamp>,
}

/// What was used and is not yet written.
#[derive(Default)]
pub struct Uses(Mutex<Gathered>);

fn is_due(last: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_none_or(|last| last.until(now) >= EVERY)
}

impl Uses {
    /// A secret was presented, and judged.
    pub fn note(&self, found: &Found, code: Code, now: Timestamp, from: impl FnOnce() -> (String, String)) {
        let old = !found.is_current;
        let late = code == Code::Superseded && found.late_at.is_none();
        if !late && !(code == Code::Valid && (old || is_due(found.last_used_at, now))) {
            return;
        }
        let mut gathered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let map = if late { &mut gathered.late } else { &mut gathered.secrets };
        if let Some(known) = map.get_mut(&found.secret_id) {
            if old && !late {
                known.at = now;
                known.count += 1;
            }
        } else if map.len() < MOST {
            let (address, agent) = from();
            let used = Use { token: found.token_id.clone(), at: now, address, agent, count: i64::from(old) };
            map.insert(found.secret_id.clone(), used);
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
    pub fn flush(&self, instance: &Instance) -> Result<()> {
        let db = &instance.db;
        let gathered = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let (mut secrets, mut late) = (in_order(gathered.secrets), in_order(gathered.late));
        let mut verifiers = in_order(gathered.verifiers);
        let written = write_in_pieces(db, &mut secrets, write_use)
            .and_then(|()| write_in_pieces(db, &mut verifiers, write_verifier))
            .and_then(|()| {
                if late.is_empty() {
                    return Ok(());
                }
                let config = instance.config.clone();
                write_in_pieces(db, &mut late, move |tx, row| write_late(tx, row, &config))
            });
        if written.is_err() {
            let mut gathered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            for (id, used) in secrets {
                gathered.secrets.entry(id).and_modify(|newer| newer.count += used.count).or_insert(used);
            }
            for (id, used) in late {
                gathered.late.entry(id).or_insert(used);
            }
            for (id, at) in verifiers {
                gathered.verifiers.entry(id).or_insert(at);
            }
        }
        written
    }
}

/// The greatest first, since pieces are taken from the end.
fn in_order<K: Ord, V>(gathered: HashMap<K, V>) -> Vec<(K, V)> {
    let mut rows: Vec<(K, V)> = gathered.into_iter().collect();
    rows.sort_by(|one, other| other.0.cmp(&one.0));
    rows
}

/// A piece is one transaction: a revocation may wait behind it, so none is long.
const PIECE: usize = 200;

/// Writes from the end of the list, and takes off what is committed.
fn write_in_pieces<T: Clone + Send + 'static>(
    db: &Db,
    rows: &mut Vec<T>,
    write: impl Fn(&mut Tx<'_>, &T) -> Result<()> + Clone + Send + 'static,
) -> Result<()> {
    while !rows.is_empty() {
        let rest = rows.len().saturating_sub(PIECE);
        let piece: Vec<T> = rows[rest..].iter().rev().cloned().collect();
        let write = write.clone();
        db.write_here(move |tx| piece.iter().try_for_each(|row| write(tx, row)))?;
        rows.truncate(rest);
    }
    Ok(())
}

fn write_use(tx: &mut Tx<'_>, (id, used): &(SecretId, Use)) -> Result<()> {
    let older = token_secrets::last_used_at.is_null().or(token_secrets::last_used_at.lt(used.at));
    let seen = || {
        (
            token_secrets::last_used_at.eq(used.at),
            token_secrets::last_used_address.eq(&used.address),
            token_secrets::last_used_agent.eq(&used.agent),
        )
    };
    let newest = diesel::update(token_secrets::table.find(id).filter(older)).set(seen()).execute(&mut **tx)?;
    if used.count > 0 {
        let counted = token_secrets::later_uses.eq(token_secrets::later_uses + used.count);
        diesel::update(token_secrets::table.find(id)).set(counted).execute(&mut **tx)?;
        // The current secret's row says when the token was last used, with whichever secret.
        let current = token_secrets::token_id.eq(&used.token).and(token_secrets::is_current);
        diesel::update(token_secrets::table.filter(current.and(older))).set(seen()).execute(&mut **tx)?;
    }
    // An introspection does not say where the token was used.
    if newest == 0 || used.address.is_empty() { Ok(()) } else { write_address(tx, used) }
}

fn write_address(tx: &mut Tx<'_>, used: &Use) -> Result<()> {
    let row = token_addresses::table.find((&used.token, &used.address));
    let seen = (token_addresses::used_at.eq(used.at), token_addresses::agent.eq(&used.agent));
    if diesel::update(row).set(seen).execute(&mut **tx)? > 0 {
        return Ok(());
    }
    let known = tokens::table.find(&used.token).select(tokens::id);
    if known.get_result::<TokenId>(&mut **tx).optional()?.is_none() {
        return Ok(());
    }
    diesel::insert_into(token_addresses::table)
        .values((
            token_addresses::token_id.eq(&used.token),
            token_addresses::address.eq(&used.address),
            token_addresses::agent.eq(&used.agent),
            token_addresses::used_at.eq(used.at),
        ))
        .execute(&mut **tx)?;
    let all: Vec<String> = token_addresses::table
        .filter(token_addresses::token_id.eq(&used.token))
        .order((token_addresses::used_at.desc(), token_addresses::address))
        .select(token_addresses::address)
        .load(&mut **tx)?;
    for address in all.iter().skip(usize::try_from(ADDRESSES).unwrap_or(usize::MAX)) {
        diesel::delete(token_addresses::table.find((&used.token, address))).execute(&mut **tx)?;
    }
    Ok(())
}

fn write_verifier(tx: &mut Tx<'_>, (id, at): &(VerifierId, Timestamp)) -> Result<()> {
    let older = verifiers::last_used_at.is_null().or(verifiers::last_used_at.lt(*at));
    let row = verifiers::table.find(id).filter(older);
    diesel::update(row).set(verifiers::last_used_at.eq(*at)).execute(&mut **tx)?;
    Ok(())
}

/// An old secret was tried after its end: its owner is told by whoever is the first to note it, and nobody else.
fn write_late(tx: &mut Tx<'_>, (id, used): &(SecretId, Use), config: &Config) -> Result<()> {
    let unnoted = token_secrets::table.find(id).filter(token_secrets::late_at.is_null());
    if diesel::update(unnoted).set(token_secrets::late_at.eq(used.at)).execute(&mut **tx)? == 0 {
        return Ok(());
    }
    let row = token_secrets::table.inner_join(tokens::table).filter(token_secrets::id.eq(id));
    let (record, last_four, ended): (Record, String, Option<Timestamp>) =
        row.select((Record::as_select(), token_secrets::last_four, token_secrets::expires_at)).get_result(&mut **tx)?;
    let origin = Origin { address: used.address.clone(), agent: used.agent.clone(), ..Origin::default() };
    let secret = masked(&config.tokens.brand, record.kind.secret(), &last_four);
    tokens_log(tx, &Actor::system(origin), &record, used.at, Action::TokenOldSecretUsed, &secret)?;
    let Some((owner, url)) = whom_to_tell(tx, &record)? else { return Ok(()) };
    let (email, first_name): (String, String) =
        users::table.find(&owner).select((users::email, users::first_name)).get_result(&mut **tx)?;
    let unknown = |text: &str| if text.is_empty() { "not known".to_owned() } else { text.to_owned() };
    let letter = OldSecretUsed {
        product: config.product_name.clone(),
        first_name,
        kind: if record.user_id.is_some() { "personal access token" } else { "service account’s token" }.to_owned(),
        token_name: record.name,
        secret,
        ended: ended.map(Timestamp::exact).unwrap_or_default(),
        at: used.at.exact(),
        browser: unknown(&used.agent),
        address: unknown(&used.address),
        url: config.absolute(&url),
    }
    .letter()?;
    queue(tx, Some(&owner), &email, &letter, used.at)
}

/// Who is told of a token, and where it stands: its owner; of a service account's, the member who is responsible, if one is.
fn whom_to_tell(tx: &mut Tx<'_>, record: &Record) -> Result<Option<(UserId, String)>> {
    if let Some(owner) = &record.user_id {
        return Ok(Some((owner.clone(), urls::settings_token(&record.id))));
    }
    let Some(account) = &record.service_account_id else { return Ok(None) };
    let (responsible, slug): (Option<UserId>, String) = service_accounts::table
        .inner_join(organizations::table)
        .filter(service_accounts::id.eq(account))
        .select((service_accounts::responsible_id, organizations::slug))
        .get_result(&mut **tx)?;
    Ok(responsible.map(|user| (user, urls::service_token(&slug, account, &record.id))))
}
