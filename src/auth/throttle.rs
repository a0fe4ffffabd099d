//! Counting tries at a door, in the database, before a guess is evaluated.
//!
//! A try is counted in a transaction of its own and given back when it succeeds, so that sixty-four guesses at once are
//! sixty-four counted tries, and a failure that rolls its own work back is counted all the same.

use std::net::IpAddr;

use diesel::prelude::*;

use super::key::{InstanceKey, hex};
use crate::audit::Origin;
use crate::clock::Timestamp;
use crate::db::schema::attempts;
use crate::db::{Db, Tx};
use crate::error::{Error, Result};
use crate::users::email_key;

/// How many failures a door takes, and what follows.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Failures within `window` that are answered as failures.
    pub failures: i64,
    /// Seconds.
    pub window: i64,
    /// Seconds that the door stays closed after the first failure too many; doubles with each further one.
    pub closed: i64,
    /// Where the doubling ends, in seconds.
    pub closed_at_most: i64,
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

/// Passwords of one account, from one network.
pub const ACCOUNT: Limit = Limit { failures: 5, window: 15 * MINUTE, closed: 30, closed_at_most: HOUR };
/// Passwords of any account, from one network.
pub const NETWORK: Limit = Limit { failures: 30, window: 15 * MINUTE, closed: 15 * MINUTE, closed_at_most: HOUR };
/// The same from the wider network, since anybody gets a /48 of IPv6 for nothing.
pub const WIDE_NETWORK: Limit = Limit { failures: 150, ..NETWORK };
/// "Confirm it is you", and the current password of a change, within one session.
pub const CONFIRM: Limit = Limit { failures: 5, window: 15 * MINUTE, closed: 15 * MINUTE, closed_at_most: HOUR };
/// The code that makes the first administrator, from one network.
pub const SETUP: Limit = Limit { failures: 10, window: 15 * MINUTE, closed: 15 * MINUTE, closed_at_most: HOUR };
/// Sign-ups from one network.
pub const SIGN_UP: Limit = Limit { failures: 5, window: HOUR, closed: HOUR, closed_at_most: HOUR };
/// Mails with links to one address.
pub const MAILS: Limit = Limit { failures: 3, window: HOUR, closed: HOUR, closed_at_most: HOUR };
/// Mails with links, asked for from one network.
pub const MAILS_NETWORK: Limit = Limit { failures: 10, window: HOUR, closed: HOUR, closed_at_most: HOUR };
/// Tokens made by one user: no failure, but as dear.
pub const TOKENS: Limit = Limit { failures: 30, window: HOUR, closed: 10 * MINUTE, closed_at_most: HOUR };

/// A door, by name, and its limit.
pub type Door = (String, Limit);

/// The network that an address counts as: itself in IPv4, its /64 in IPv6 (one subscriber's).
pub fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// The wider network around an address: its /24 in IPv4, its /48 in IPv6.
pub fn wide_network(address: &str) -> String {
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
        Err(_) => "unknown".to_owned(),
    }
}

/// What a door knows of its visitors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Count {
    failures: i64,
    window_started_at: Timestamp,
    closed_until: Timestamp,
}

/// One more try: the new count, or the seconds until it is worth while. Pure.
fn one_more(count: Count, limit: Limit, now: Timestamp) -> Result<Count, i64> {
    let left = now.until(count.closed_until);
    // Longer than any door stays closed: a clock was ahead when that was written, and it is not believed.
    if (1..=limit.closed_at_most).contains(&left) {
        return Err(left);
    }
    let stale =
        count.window_started_at.until(now) >= limit.window.max(count.window_started_at.until(count.closed_until) * 2);
    let failures = if stale { 1 } else { count.failures.saturating_add(1) };
    let beyond = failures - limit.failures;
    let closed_until = if beyond < 0 {
        Timestamp::from_unix(0)
    } else {
        now.plus((limit.closed << beyond.min(16)).min(limit.closed_at_most))
    };
    Ok(Count { failures, window_started_at: if stale { now } else { count.window_started_at }, closed_until })
}

/// Counts a try at every one of `doors`.
///
/// # Errors
/// [`Error::TooMany`] when one of them is closed; then nothing is counted.
pub async fn enter(db: &Db, doors: Vec<Door>, now: Timestamp) -> Result<()> {
    for _ in 0..3 {
        let doors = doors.clone();
        match db.write(move |tx| doors.iter().try_for_each(|(door, limit)| enter_one(tx, door, *limit, now))).await {
            // On PostgreSQL two first tries can insert the same row; the second looks again.
            Err(Error::Taken(_)) => {}
            outcome => return outcome,
        }
    }
    Err(Error::TooMany { after: 1 })
}

fn enter_one(tx: &mut Tx<'_>, door: &str, limit: Limit, now: Timestamp) -> Result<()> {
    // The update comes first, since it locks the row: on PostgreSQL two tries would otherwise read the same count.
    let row = attempts::table.find(door);
    let known = diesel::update(row).set(attempts::failures.eq(attempts::failures)).execute(&mut **tx)?;
    if known == 0 {
        let count =
            one_more(Count { failures: 0, window_started_at: now, closed_until: Timestamp::from_unix(0) }, limit, now)
                .map_err(|after| Error::TooMany { after })?;
        diesel::insert_into(attempts::table)
            .values((
                attempts::door.eq(door),
                attempts::failures.eq(count.failures),
                attempts::window_started_at.eq(now),
                attempts::closed_until.eq(count.closed_until),
            ))
            .execute(&mut **tx)?;
        return Ok(());
    }
    let (failures, window_started_at, closed_until) = row
        .select((attempts::failures, attempts::window_started_at, attempts::closed_until))
        .first::<(i64, Timestamp, Timestamp)>(&mut **tx)?;
    let count = one_more(Count { failures, window_started_at, closed_until }, limit, now)
        .map_err(|after| Error::TooMany { after })?;
    diesel::update(row)
        .set((
            attempts::failures.eq(count.failures),
            attempts::window_started_at.eq(count.window_started_at),
            attempts::closed_until.eq(count.closed_until),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// Forgets the failures at a door: whoever passed it is the one it belongs to.
///
/// # Errors
/// When the database refuses.
pub fn clear(tx: &mut Tx<'_>, door: &str) -> Result<()> {
    diesel::delete(attempts::table.find(door)).execute(&mut **tx)?;
    Ok(())
}

/// Gives back one try at a door that many share.
///
/// # Errors
/// When the database refuses.
pub fn give_back(tx: &mut Tx<'_>, door: &str) -> Result<()> {
    diesel::update(attempts::table.find(door).filter(attempts::failures.gt(0)))
        .set((attempts::failures.eq(attempts::failures - 1), attempts::closed_until.eq(0)))
        .execute(&mut **tx)?;
    Ok(())
}

/// Writes a row and commits it, which an empty transaction does not: is the disk full, is the database read-only?
///
/// # Errors
/// When the database refuses.
pub fn probe(tx: &mut Tx<'_>, now: Timestamp) -> Result<()> {
    let row = (
        attempts::door.eq("probe"),
        attempts::failures.eq(0),
        attempts::window_started_at.eq(now),
        attempts::closed_until.eq(0),
    );
    let known = diesel::update(attempts::table.find("probe")).set(attempts::window_started_at.eq(now));
    if known.execute(&mut **tx)? == 0 {
        diesel::insert_into(attempts::table).values(row).execute(&mut **tx)?;
    }
    Ok(())
}

/// The name of an address's door: a keyed hash, since people type all sorts of things into the wrong field.
pub fn of_address(key: &InstanceKey, email: &str) -> String {
    hex(&key.sign("door", &[email_key(email).as_bytes()])[..12])
}

/// The network that a request came from, as a door's name.
pub fn of_origin(origin: &Origin) -> String {
    network(origin.address.parse().unwrap_or_else(|_| [0, 0, 0, 0].into()))
}

/// Takes away what is long over; for the hourly job.
///
/// # Errors
/// When the database refuses.
pub fn forget_old(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize> {
    let long_ago = now.plus(-24 * HOUR);
    Ok(diesel::delete(
        attempts::table.filter(attempts::window_started_at.lt(long_ago)).filter(attempts::closed_until.lt(long_ago)),
    )
    .execute(&mut **tx)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_unix(1_000_000);

    fn fresh() -> Count {
        Count { failures: 0, window_started_at: START, closed_until: Timestamp::from_unix(0) }
    }

    /// Covers: AC-011
    #[test]
    fn five_are_evaluated_then_the_wait_doubles_to_an_hour() {
        let mut count = fresh();
        let mut now = START;
        for _ in 0..5 {
            count = one_more(count, ACCOUNT, now).unwrap();
        }
        let mut waits = Vec::new();
        for _ in 0..9 {
            let wait = one_more(count, ACCOUNT, now).unwrap_err();
            waits.push(wait);
            now = now.plus(wait);
            count = one_more(count, ACCOUNT, now).unwrap();
        }
        assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
    }

    #[test]
    fn a_clock_that_was_ahead_closes_nothing_for_long() {
        let ahead = Count { closed_until: START.plus(365 * 24 * HOUR), ..fresh() };
        assert!(one_more(ahead, ACCOUNT, START).is_ok());
        let honest = Count { closed_until: START.plus(HOUR), ..fresh() };
        assert_eq!(one_more(honest, ACCOUNT, START), Err(HOUR));
    }

    #[test]
    fn a_quiet_window_forgets() {
        let mut count = fresh();
        for _ in 0..4 {
            count = one_more(count, ACCOUNT, START).unwrap();
        }
        let later = one_more(count, ACCOUNT, START.plus(ACCOUNT.window)).unwrap();
        assert_eq!(later.failures, 1);
        let within = one_more(count, ACCOUNT, START.plus(ACCOUNT.window - 1)).unwrap();
        assert_eq!(within.failures, 5);
    }

    /// Covers: AC-012
    #[test]
    fn one_subscriber_is_one_network() {
        let name = |text: &str| network(text.parse().unwrap());
        assert_eq!(name("2001:db8:1:2:aaaa::1"), name("2001:db8:1:2:bbbb::2"));
        assert_ne!(name("2001:db8:1:2::1"), name("2001:db8:1:3::1"));
        assert_eq!(name("::ffff:192.0.2.7"), "192.0.2.7");
        assert_ne!(name("192.0.2.7"), name("192.0.2.8"));
    }
}
