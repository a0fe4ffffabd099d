//! Counting tries at a door, in the database, before a guess is evaluated.
//!
//! A try is counted in a transaction of its own and given back when it succeeds, so that sixty-four guesses at once are
//! sixty-four counted tries, and a failure that rolls its own work back is counted all the same. Where the table can't be
//! used, each process counts in its memory: never not at all, and never everybody out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{LazyLock, Mutex, PoisonError};

use diesel::prelude::*;

use super::key::{InstanceKey, hex};
use crate::audit::Origin;
use crate::clock::{DAY, Timestamp};
use crate::db::schema::attempts;
use crate::db::{Connection, Db, Tx};
use crate::error::{Error, Result};
use crate::ids::DeviceId;
use crate::users::email_key;

/// How many failures a door takes, and what follows.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// What is counted, in words that follow a number.
    pub what: &'static str,
    /// Failures within `window` that are answered as failures.
    pub failures: i64,
    /// Seconds.
    pub window: i64,
    /// Seconds that the door stays closed after the first failure too many; doubles with each further one.
    pub closed: i64,
    /// Where the doubling ends, in seconds.
    pub closed_at_most: i64,
}

impl Limit {
    /// "30 new tokens in an hour".
    pub fn words(&self) -> String {
        let span = match self.window {
            DAY => "a day".to_owned(),
            HOUR => "an hour".to_owned(),
            window if window % DAY == 0 => format!("{} days", window / DAY),
            window => format!("{} minutes", window / MINUTE),
        };
        format!("{} {} in {span}", self.failures, self.what)
    }
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

/// Passwords of one account, from one network.
pub const ACCOUNT: Limit = Limit {
    what: "wrong passwords for one account from one network",
    failures: 5,
    window: 15 * MINUTE,
    closed: 30,
    closed_at_most: HOUR,
};
/// Passwords of any account, from one network.
pub const NETWORK: Limit = Limit {
    what: "wrong passwords from one network",
    failures: 30,
    window: 15 * MINUTE,
    closed: 15 * MINUTE,
    closed_at_most: HOUR,
};
/// The same from the wider network, since anybody gets a /48 of IPv6 for nothing.
pub const WIDE_NETWORK: Limit = Limit { failures: 150, ..NETWORK };
/// Passwords of one account from a browser that signed in to it before.
pub const DEVICE: Limit = Limit { what: "wrong passwords for one account from one browser", failures: 10, ..ACCOUNT };
/// Accounts that were tried from one network, and not got into.
pub const ACCOUNTS_NETWORK: Limit =
    Limit { what: "accounts tried from one network", failures: 20, window: HOUR, closed: HOUR, closed_at_most: HOUR };
/// Wrong passwords in a row of one account, from wherever (NIST SP 800-63B-4, 3.2.2). Then it is closed to unknown browsers,
/// until its owner opens it again.
pub const IN_A_ROW: Limit = Limit {
    what: "wrong passwords in a row for one account",
    failures: 100,
    window: 400 * DAY,
    closed: 400 * DAY,
    closed_at_most: 400 * DAY,
};
/// Wrong passwords over the whole instance: far more than people type.
pub const FLOOD: Limit = Limit {
    what: "wrong passwords",
    failures: 500,
    window: 15 * MINUTE,
    closed: 15 * MINUTE,
    closed_at_most: 15 * MINUTE,
};
/// Passwords from one network, while there is a flood.
pub const NETWORK_IN_A_FLOOD: Limit = Limit { failures: 5, ..NETWORK };
/// "Confirm it is you", and the current password of a change, within one session.
pub const CONFIRM: Limit = Limit {
    what: "wrong passwords to confirm with",
    failures: 5,
    window: 15 * MINUTE,
    closed: 15 * MINUTE,
    closed_at_most: HOUR,
};
/// New passwords that are compared with the one that was taken away from an account, which costs as much as a sign-in.
pub const WITHDRAWN: Limit = Limit { what: "new passwords for one account", ..CONFIRM };
/// Second factors of one account, in an hour,
pub const FACTOR: Limit =
    Limit { what: "wrong codes", failures: 10, window: HOUR, closed: 10 * MINUTE, closed_at_most: HOUR };
/// and in a day.
pub const FACTOR_DAY: Limit =
    Limit { what: "wrong codes", failures: 50, window: 24 * HOUR, closed: 6 * HOUR, closed_at_most: 24 * HOUR };
/// The code that makes the first administrator, from one network.
pub const SETUP: Limit = Limit {
    what: "wrong set-up codes from one network",
    failures: 10,
    window: 15 * MINUTE,
    closed: 15 * MINUTE,
    closed_at_most: HOUR,
};
/// Sign-ups from one network.
pub const SIGN_UP: Limit =
    Limit { what: "sign-ups from one network", failures: 5, window: HOUR, closed: HOUR, closed_at_most: HOUR };
/// The same from the wider network.
pub const SIGN_UP_WIDE: Limit = Limit { failures: 25, ..SIGN_UP };
/// Mails with links to one address, for one purpose. Each purpose has doors of its own (`mail reset`, `mail sign-up`, `mail
/// change`): else strangers who sign up with somebody's address would keep them from a new password.
pub const MAILS: Limit =
    Limit { what: "mails with a link to one address", failures: 3, window: HOUR, closed: HOUR, closed_at_most: HOUR };
/// Wishes of one account for another address, each of which is two mails.
pub const ADDRESS_CHANGES: Limit = Limit { what: "wishes for another e-mail address", ..MAILS };
/// Mails with links, asked for from one network.
pub const MAILS_NETWORK: Limit = Limit {
    what: "mails with a link, asked for from one network",
    failures: 10,
    window: HOUR,
    closed: HOUR,
    closed_at_most: HOUR,
};
/// The same from the wider network.
pub const MAILS_WIDE: Limit = Limit { failures: 50, ..MAILS_NETWORK };
/// Mails with links that strangers asked for, for one purpose, all together.
pub const MAILS_ALL: Limit = Limit { what: "mails with a link to all addresses together", failures: 200, ..MAILS };
/// Mails that confirm who somebody is.
pub const CONFIRM_MAILS: Limit =
    Limit { what: "mails to confirm with", failures: 10, window: HOUR, closed: 10 * MINUTE, closed_at_most: HOUR };
/// Ways to a provider that were begun from one network: no failures, but each is kept for a while.
pub const PROVIDER: Limit = Limit {
    what: "sign-ins by way of a provider from one network",
    failures: 300,
    window: 15 * MINUTE,
    closed: MINUTE,
    closed_at_most: 15 * MINUTE,
};
/// Invitations of one organization in a day,
pub const INVITATIONS: Limit = Limit {
    what: "invitations to one organization",
    failures: 20,
    window: DAY,
    closed: HOUR,
    closed_at_most: 24 * HOUR,
};
/// of one user, whichever organizations they make,
pub const INVITATIONS_USER: Limit = Limit { what: "invitations by one person", failures: 60, ..INVITATIONS };
/// and to one address, whoever invites it.
pub const INVITATIONS_ADDRESS: Limit = Limit { what: "invitations to one address", failures: 3, ..INVITATIONS };
/// Organizations made by one user: no failure, but a list of them is to stay one.
pub const ORGANIZATIONS: Limit = Limit {
    what: "new organizations by one person",
    failures: 30,
    window: HOUR,
    closed: 10 * MINUTE,
    closed_at_most: HOUR,
};
/// Tokens made by one user: no failure, but as dear.
pub const TOKENS: Limit = Limit {
    what: "new secrets for tokens and keys",
    failures: 30,
    window: HOUR,
    closed: 10 * MINUTE,
    closed_at_most: HOUR,
};
/// Changes that a service account makes: no failure, but a program that went wild is stopped before it has changed everything.
pub const CHANGES: Limit =
    Limit { what: "changes by one service account", failures: 600, window: HOUR, closed: MINUTE, closed_at_most: HOUR };
/// Changes that others are told of by mail each time: no failure, but no mailbox is filled with them.
pub const TELLING: Limit = Limit {
    what: "changes that others are told of by mail",
    failures: 30,
    window: HOUR,
    closed: 10 * MINUTE,
    closed_at_most: HOUR,
};

/// Logins that terminals ask for from one network: no failures, but each is kept for a while.
pub const TERMINALS: Limit = Limit {
    what: "terminals signing in from one network",
    failures: 30,
    window: 15 * MINUTE,
    closed: MINUTE,
    closed_at_most: 15 * MINUTE,
};
/// The same from the wider network.
pub const TERMINALS_WIDE: Limit = Limit { failures: 150, ..TERMINALS };
/// Codes of terminals that were typed and are none, by one user, or from one network: ten, then one a minute.
pub const TERMINAL_CODE: Limit = Limit {
    what: "wrong codes of terminals",
    failures: 10,
    window: 10 * MINUTE,
    closed: MINUTE,
    closed_at_most: MINUTE,
};
/// The same from the wider network.
pub const TERMINAL_CODE_WIDE: Limit = Limit { failures: 50, ..TERMINAL_CODE };

/// Pictures sent by one user: no failure, but each is decoded.
pub const PICTURES: Limit =
    Limit { what: "pictures by one person", failures: 10, window: HOUR, closed: HOUR, closed_at_most: HOUR };

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

/// The same of an address as the log has it.
pub fn network_of(address: &str) -> String {
    network(address.parse().unwrap_or_else(|_| [0, 0, 0, 0].into()))
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

/// Where tries are counted.
trait Tries {
    fn get(&mut self, door: &str) -> Result<Option<Count>>;
    fn put(&mut self, door: &str, count: Count, is_new: bool) -> Result<()>;
}

impl Tries for Tx<'_> {
    fn get(&mut self, door: &str) -> Result<Option<Count>> {
        // The update comes first, since it locks the row: on PostgreSQL two tries would otherwise read the same count.
        let row = attempts::table.find(door);
        if diesel::update(row).set(attempts::failures.eq(attempts::failures)).execute(&mut **self)? == 0 {
            return Ok(None);
        }
        let columns = (attempts::failures, attempts::window_started_at, attempts::closed_until);
        let (failures, window_started_at, closed_until) = row.select(columns).get_result(&mut **self)?;
        Ok(Some(Count { failures, window_started_at, closed_until }))
    }

    fn put(&mut self, door: &str, count: Count, is_new: bool) -> Result<()> {
        let columns = (
            attempts::failures.eq(count.failures),
            attempts::window_started_at.eq(count.window_started_at),
            attempts::closed_until.eq(count.closed_until),
        );
        if is_new {
            diesel::insert_into(attempts::table).values((attempts::door.eq(door), columns)).execute(&mut **self)?;
        } else {
            diesel::update(attempts::table.find(door)).set(columns).execute(&mut **self)?;
        }
        Ok(())
    }
}

/// What this process has counted while the table could not be used.
#[derive(Default)]
struct Memory(HashMap<String, Count>);

/// How many doors a process remembers; more than that, and it begins anew.
const REMEMBERED: usize = 50_000;
static MEMORY: LazyLock<Mutex<Memory>> = LazyLock::new(Mutex::default);

impl Tries for Memory {
    fn get(&mut self, door: &str) -> Result<Option<Count>> {
        Ok(self.0.get(door).copied())
    }

    fn put(&mut self, door: &str, count: Count, _: bool) -> Result<()> {
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        self.0.insert(door.to_owned(), count);
        Ok(())
    }
}

/// A door at which only the first of several tries counts: the one that leaves a mark, such as an account's.
#[derive(Debug, Clone)]
pub struct Marked {
    /// The mark.
    pub mark: String,
    /// The door.
    pub door: Door,
}

/// Counts one try at each door, and says how many failures it has now. Each is written before the next is looked at, so that
/// two at once wait for one another at the first, and never in a circle. After an error nothing may be kept of it.
fn count(tries: &mut impl Tries, doors: &[Door], marked: Option<&Marked>, now: Timestamp) -> Result<Vec<i64>> {
    const NEVER: Timestamp = Timestamp::from_unix(0);
    let one = |tries: &mut dyn Tries, door: &str, limit: Limit| {
        let known = tries.get(door)?;
        let fresh = Count { failures: 0, window_started_at: now, closed_until: NEVER };
        let count = one_more(known.unwrap_or(fresh), limit, now)
            .map_err(|after| Error::TooMany { after, limit: Some(limit) })?;
        tries.put(door, count, known.is_none())?;
        Ok::<i64, Error>(count.failures)
    };
    let failures = doors.iter().map(|(door, limit)| one(tries, door, *limit)).collect::<Result<Vec<i64>>>()?;
    if let Some(Marked { mark, door: (door, limit) }) = marked {
        let known = tries.get(mark)?;
        if known.is_none_or(|known| known.window_started_at.until(now) >= limit.window) {
            let left = Count { failures: 1, window_started_at: now, closed_until: NEVER };
            tries.put(mark, left, known.is_none())?;
            one(tries, door, *limit)?;
        }
    }
    Ok(failures)
}

impl Memory {
    fn count(&mut self, doors: &[Door], marked: Option<&Marked>, now: Timestamp) -> Result<Vec<i64>> {
        let names = doors.iter().map(|(door, _)| door).chain(marked.iter().flat_map(|one| [&one.mark, &one.door.0]));
        let before: Vec<(String, Option<Count>)> =
            names.map(|name| (name.clone(), self.0.get(name).copied())).collect();
        count(self, doors, marked, now).inspect_err(|_| {
            for (name, was) in before {
                match was {
                    Some(was) => drop(self.0.insert(name, was)),
                    None => drop(self.0.remove(&name)),
                }
            }
        })
    }
}

/// Whether a refusal of the database says that others are at it, rather than that the table is of no use.
fn is_busy(error: &Error) -> bool {
    let text = error.to_string();
    ["deadlock", "timeout", "could not serialize", "locked"].iter().any(|sign| text.contains(sign))
}

/// Counts a try at every one of `doors`.
///
/// # Errors
/// [`Error::TooMany`] when one of them is closed; then nothing is counted.
pub async fn enter(db: &Db, doors: Vec<Door>, now: Timestamp) -> Result<()> {
    enter_marked(db, doors, None, now).await.map(drop)
}

/// The same, and at one door only for the first try that leaves a mark. The answer is how many failures each of `doors` has.
///
/// # Errors
/// As [`enter`].
pub async fn enter_marked(db: &Db, doors: Vec<Door>, marked: Option<Marked>, now: Timestamp) -> Result<Vec<i64>> {
    for _ in 0..3 {
        let (at, mark) = (doors.clone(), marked.clone());
        match db.write(move |tx| count(tx, &at, mark.as_ref(), now)).await {
            // On PostgreSQL two first tries can insert the same row; the second looks again.
            Err(Error::Taken(_)) => {}
            outcome @ (Ok(_) | Err(Error::TooMany { .. })) => return outcome,
            // Too busy is an answer of its own. Anything else means that the table is of no use.
            Err(error @ Error::Unavailable(_)) => return Err(error),
            Err(error) if is_busy(&error) => {}
            Err(error) => {
                tracing::error!(%error, "tries are counted in memory");
                return MEMORY.lock().unwrap_or_else(PoisonError::into_inner).count(&doors, marked.as_ref(), now);
            }
        }
    }
    Err(Error::TooMany { after: 1, limit: None })
}

/// Whether a door is closed.
///
/// # Errors
/// When the database refuses.
pub fn is_closed(connection: &mut Connection, door: &str, now: Timestamp) -> Result<bool> {
    let row = attempts::table.find(door).select(attempts::closed_until);
    Ok(row.get_result::<Timestamp>(connection).optional()?.is_some_and(|until| now < until))
}

/// What a try that succeeded takes back.
#[derive(Debug, Clone, Default)]
pub struct Passed {
    /// Doors of one's own: their failures are forgotten.
    pub own: Vec<String>,
    /// Doors that many share: one try less.
    pub shared: Vec<String>,
    /// The mark that was left, and the door where it counted.
    pub marked: Option<Marked>,
}

/// Takes a try back that succeeded. Where the table can't be used, that is logged: nobody is kept out for it.
pub async fn pass(db: &Db, passed: Passed) {
    {
        let mut memory = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
        for door in &passed.own {
            memory.0.remove(door);
        }
    }
    let written = db.write(move |tx| {
        // In the order in which they were entered, so that nobody waits in a circle.
        passed.own.iter().try_for_each(|door| clear(tx, door))?;
        passed.shared.iter().try_for_each(|door| give_back(tx, door))?;
        match &passed.marked {
            Some(Marked { mark, door }) if diesel::delete(attempts::table.find(mark)).execute(&mut **tx)? == 1 => {
                give_back(tx, &door.0)
            }
            _ => Ok(()),
        }
    });
    if let Err(error) = written.await {
        tracing::warn!(%error, "a try that succeeded stays counted");
    }
}

/// Forgets the failures at a door: whoever passed it is the one it belongs to.
///
/// # Errors
/// When the database refuses.
pub fn clear(tx: &mut Tx<'_>, door: &str) -> Result<()> {
    diesel::delete(attempts::table.find(door)).execute(&mut **tx)?;
    Ok(())
}

/// Counts a try as part of a change: it counts if that is made.
///
/// # Errors
/// [`Error::TooMany`] when the door is closed.
pub fn enter_with(tx: &mut Tx<'_>, door: &Door, now: Timestamp) -> Result<()> {
    count(tx, std::slice::from_ref(door), None, now).map(drop)
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

/// How the doors begin that count an account's failures in a row.
const IN_A_ROW_DOOR: &str = "account ";

/// The door of an account's failures in a row. A name without an account has one, too, so that both look alike.
pub fn in_a_row(key: &InstanceKey, email: &str) -> String {
    format!("{IN_A_ROW_DOOR}{}", of_address(key, email))
}

/// The door of the failures in a row that came from a browser that is known.
pub fn in_a_row_of_device(device: &DeviceId) -> String {
    format!("{IN_A_ROW_DOOR}from {device}")
}

/// The network that a request came from, as a door's name.
pub fn of_origin(origin: &Origin) -> String {
    network_of(&origin.address)
}

/// Takes away what is long over; for the hourly job.
///
/// # Errors
/// When the database refuses.
pub fn forget_old(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize> {
    let over = |age: i64| attempts::window_started_at.lt(now.plus(-age)).and(attempts::closed_until.lt(now.plus(-age)));
    // Failures in a row are counted over months; but one or two of a name that nobody has are no news after one.
    let in_a_row = format!("{IN_A_ROW_DOOR}%");
    let few = attempts::door.like(in_a_row.clone()).and(attempts::failures.lt(10)).and(over(30 * DAY));
    let others = attempts::door.not_like(in_a_row).and(over(DAY));
    Ok(diesel::delete(attempts::table.filter(few.or(others))).execute(&mut **tx)?)
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
