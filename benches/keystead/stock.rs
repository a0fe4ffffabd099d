//! What is in the databases that are measured: people with fifty tokens each.
//!
//! Rows go in directly and many to a transaction. Secrets are made as the product makes them, and only this process
//! knows them.

use anyhow::Context;
use diesel::prelude::*;
use keystead::auth::PlainSecret;
use keystead::auth::SecretKind;
use keystead::clock::{Clock, DAY, Timestamp};
use keystead::db::schema::{token_secrets, tokens};
use keystead::db::{Connection, Db, Tx};
use keystead::ids::{SecretId, TokenId, UserId};
use keystead::users::{NewUser, create};

use crate::load::Random;

/// So many tokens has each person.
pub const EACH: usize = 50;
/// What each token's owner says of it.
pub const DESCRIPTION: &str = "Used by the nightly build";

/// What the owner calls a token.
pub fn name(number: usize) -> String {
    format!("Deploy pipeline {number:02}")
}

/// A person's sign-in name.
pub fn email(number: usize) -> String {
    format!("person-{number}@example.org")
}

/// Secrets of one length, one after the other: a million of them are 44 MB.
pub struct Tokens {
    bytes: Vec<u8>,
    length: usize,
}

impl Tokens {
    /// These.
    pub fn of(secrets: &[PlainSecret]) -> Self {
        let bytes: Vec<u8> = secrets.iter().flat_map(|one| one.reveal_for_machine().as_bytes().to_vec()).collect();
        let length = bytes.len() / secrets.len().max(1);
        Self { bytes, length }
    }

    /// So many that nobody ever had, each of so many letters and digits.
    pub fn made_up(count: usize, length: usize) -> Self {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut random = Random::new(count);
        Self { bytes: (0..count * length).map(|_| LETTERS[random.below(LETTERS.len())]).collect(), length }
    }

    /// The length of each.
    pub fn length(&self) -> usize {
        self.length
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.bytes.len() / self.length
    }

    /// One of them.
    pub fn get(&self, number: usize) -> &[u8] {
        &self.bytes[number * self.length..(number + 1) * self.length]
    }

    /// The same with a slip of the finger in each: the checksum is wrong.
    pub fn misspelt(&self) -> Self {
        let mut bytes = self.bytes.clone();
        for token in bytes.chunks_mut(self.length) {
            let last = &mut token[self.length - 1];
            *last = if *last == b'A' { b'B' } else { b'A' };
        }
        Self { bytes, length: self.length }
    }
}

/// Makes people with so many tokens each, and gives back all secrets.
pub fn fill(db: &Db, password_hash: &str, people: impl IntoIterator<Item = usize>) -> anyhow::Result<Tokens> {
    let now = Clock::system().now();
    let mut all = Tokens { bytes: Vec::new(), length: 1 };
    let people: Vec<(usize, usize)> = people.into_iter().enumerate().collect();
    for some in people.chunks(1000) {
        let (some, hash) = (some.to_vec(), password_hash.to_owned());
        let made = db
            .write_here(move |tx| {
                // More than the product takes: this loader alone writes to all ends of the indexes.
                if let Connection::Sqlite(_) = **tx {
                    diesel::connection::SimpleConnection::batch_execute(&mut **tx, "PRAGMA cache_size = -400000")?;
                }
                some.into_iter().try_fold(Vec::new(), |mut bytes, (number, tokens)| {
                    let person = NewUser {
                        email: email(number),
                        first_name: "Bench".to_owned(),
                        last_name: "Person".to_owned(),
                        password_hash: Some(hash.clone()),
                        is_administrator: false,
                    };
                    let user = create(tx, &person, now)?;
                    for number in 0..tokens {
                        let secret = token(tx, &user, number, now)?;
                        bytes.extend_from_slice(secret.reveal_for_machine().as_bytes());
                    }
                    Ok(bytes)
                })
            })
            .context("filling the database")?;
        all.bytes.extend(made);
    }
    all.length = PlainSecret::generate("kst", SecretKind::Personal).reveal_for_machine().len();
    Ok(all)
}

fn token(tx: &mut Tx<'_>, user: &UserId, number: usize, now: Timestamp) -> keystead::error::Result<PlainSecret> {
    let (id, secret) = (TokenId::new(), PlainSecret::generate("kst", SecretKind::Personal));
    let made = now.plus(-100 * DAY);
    diesel::insert_into(tokens::table)
        .values((
            tokens::id.eq(&id),
            tokens::kind.eq(keystead::tokens::TokenKind::Personal),
            tokens::user_id.eq(user),
            tokens::name.eq(name(number)),
            tokens::name_key.eq(name(number)),
            tokens::description.eq(DESCRIPTION),
            tokens::everything.eq(false),
            tokens::scopes.eq("channels:list channels:read channels:update groups:read"),
            tokens::created_at.eq(made),
        ))
        .execute(&mut **tx)?;
    give(tx, &id, user.as_str(), &secret, now)?;
    Ok(secret)
}

/// Gives a token its secret; `holder` is in whose list it stands.
pub fn give(
    tx: &mut Tx<'_>,
    token: &TokenId,
    holder: &str,
    secret: &PlainSecret,
    now: Timestamp,
) -> keystead::error::Result<()> {
    diesel::insert_into(token_secrets::table)
        .values((
            token_secrets::id.eq(SecretId::new()),
            token_secrets::token_id.eq(token),
            token_secrets::holder.eq(holder),
            token_secrets::hash.eq(secret.hash()),
            token_secrets::last_four.eq(secret.last_four()),
            token_secrets::is_current.eq(true),
            token_secrets::created_at.eq(now.plus(-100 * DAY)),
            token_secrets::expires_at.eq(now.plus(200 * DAY)),
            // As if each had been used within the last minute, all through the run: then a check has nothing to note.
            token_secrets::last_used_at.eq(now.plus(3600)),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// From now on each token's next use is to be noted.
pub fn forget_uses(db: &Db) -> anyhow::Result<()> {
    db.write_here(|tx| {
        diesel::update(token_secrets::table).set(token_secrets::last_used_at.eq(None::<i64>)).execute(&mut **tx)?;
        Ok(())
    })
    .context("forgetting the uses")
}
