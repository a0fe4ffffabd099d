//! The first start: a one-time link makes the first administrator, once. There is no default account, ever.

pub mod pages;

use diesel::prelude::*;

use crate::app::Instance;
use crate::audit::{Action, Actor, Event, Origin, record};
use crate::auth::secret::SecretHash;
use crate::auth::session::{self, NewKey};
use crate::auth::throttle;
use crate::clock::Timestamp;
use crate::config::SessionConfig;
use crate::db::schema::{setup_codes, users};
use crate::db::{Connection, Tx};
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::urls;
use crate::users::{NewUser, create};
use crate::web::{Visitor, client};

/// The way to the setup page, with a code that is good until it is used; `None` once there is an account.
///
/// # Errors
/// When the database refuses.
pub fn link(instance: &Instance) -> Result<Option<String>> {
    if instance.db.read_here(done)? {
        return Ok(None);
    }
    let code = new_code();
    let (hash, now) = (SecretHash::of(&code), instance.clock.now());
    instance.db.write_here(move |tx| {
        diesel::insert_into(setup_codes::table)
            .values((setup_codes::hash.eq(hash), setup_codes::created_at.eq(now)))
            .execute(&mut **tx)?;
        Ok(())
    })?;
    Ok(Some(instance.config.absolute(&format!("{}?code={code}", urls::setup()))))
}

/// Sixteen characters that nobody mistakes for one another: 80 random bits.
fn new_code() -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let letters: Vec<char> =
        crate::ids::random::<16>().iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// Whether setup is over.
///
/// # Errors
/// When the database refuses.
pub fn done(connection: &mut Connection) -> Result<bool> {
    Ok(users::table.count().get_result::<i64>(connection)? > 0)
}

/// A code as it is compared: people type capitals and leave out hyphens.
fn code_hash(typed: &str) -> SecretHash {
    let letters: String = typed.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let grouped = letters
        .as_bytes()
        .chunks(4)
        .map(|group| String::from_utf8_lossy(group).into_owned())
        .collect::<Vec<_>>()
        .join("-");
    SecretHash::of(&grouped)
}

/// Whether a code is one that was printed.
///
/// # Errors
/// When the database refuses.
pub fn knows_code(connection: &mut Connection, typed: &str) -> Result<bool> {
    Ok(setup_codes::table
        .find(code_hash(typed))
        .select(setup_codes::created_at)
        .get_result::<Timestamp>(connection)
        .optional()?
        .is_some())
}

/// Makes the first administrator and signs them in, using up the code and every other.
///
/// # Errors
/// [`Error::NotFound`] when the code is used up or unknown, or there is an account already.
pub fn make_first_administrator(
    tx: &mut Tx<'_>,
    code: &str,
    new: &NewUser,
    origin: Origin,
    config: &SessionConfig,
    now: Timestamp,
) -> Result<NewKey> {
    // Deleting the code decides: of two that come at once, one deletes it.
    if diesel::delete(setup_codes::table.find(code_hash(code))).execute(&mut **tx)? != 1 || done(tx)? {
        return Err(Error::NotFound);
    }
    diesel::delete(setup_codes::table).execute(&mut **tx)?;
    let user = make(tx, new, &origin, now)?;
    let actor = Actor::arriving(&user, origin);
    let (_, key) = session::begin(tx, &user, false, true, actor.origin(), config, now)?;
    Ok(key)
}

/// Makes the first administrator for somebody who showed a code a moment ago and went to prove who they are elsewhere.
///
/// # Errors
/// [`Error::NotFound`] when there is an account already.
pub fn make_administrator(tx: &mut Tx<'_>, new: &NewUser, origin: &Origin, now: Timestamp) -> Result<UserId> {
    // Deleting the codes decides here, too.
    if diesel::delete(setup_codes::table).execute(&mut **tx)? == 0 || done(tx)? {
        return Err(Error::NotFound);
    }
    make(tx, new, origin, now)
}

fn make(tx: &mut Tx<'_>, new: &NewUser, origin: &Origin, now: Timestamp) -> Result<UserId> {
    let user = create(tx, new, now)?;
    record(tx, &Actor::arriving(&user, origin.clone()), now, &Event::of_user(Action::InstanceSetUp, &user))?;
    Ok(user)
}

/// Whether somebody brings a code that was printed. Guessing is throttled.
///
/// # Errors
/// [`Error::TooMany`]; when the database refuses.
pub async fn admits(instance: &Instance, visitor: &Visitor, code: &str) -> Result<bool> {
    let door = format!("setup {}", throttle::network(client::address(visitor.request())));
    throttle::enter(&instance.db, vec![(door.clone(), throttle::SETUP)], instance.clock.now()).await?;
    let typed = code.to_owned();
    let right = instance.db.read(move |connection| knows_code(connection, &typed)).await?;
    if right {
        // Whoever has the code guesses nothing.
        instance.db.write(move |tx| throttle::give_back(tx, &door)).await?;
    }
    Ok(right)
}
