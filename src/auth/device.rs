//! Browsers that signed in to an account before: old friends, known by a cookie of their own that outlives the session.
//!
//! It opens nothing. It gives its browser a budget of wrong passwords of its own, so that nobody who guesses elsewhere can
//! lock the owner out, and it keeps notices about new browsers to those that are new. The cookie holds a code for each of
//! the accounts that the browser is used for; the database keeps their hashes.

use diesel::prelude::*;

use super::key::hex;
use super::secret::SecretHash;
use super::throttle;
use crate::audit::{Action, Origin};
use crate::clock::{DAY, Timestamp};
use crate::db::schema::{audit_events, devices};
use crate::db::{Connection, Tx};
use crate::error::Result;
use crate::ids::{DeviceId, UserId};
use crate::mail::SecurityNotice;

/// The cookie, before its `__Host-`.
pub const COOKIE: &str = "keystead_device";
/// For how long a browser that does not come back is known.
pub const LIFETIME: i64 = 365 * DAY;
/// For how many accounts one browser is known.
const ACCOUNTS: usize = 5;
/// How many earlier sign-ins are looked through for a network.
const LOOKED_THROUGH: i64 = 500;

/// The codes of a browser's cookie. They print as nothing.
#[derive(Clone, Default)]
pub struct Codes(Vec<String>);

impl std::fmt::Debug for Codes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Codes")
    }
}

impl Codes {
    /// Those of a cookie; what is no code is left out.
    pub fn of(cookie: &str) -> Self {
        let is_code = |code: &&str| code.len() == 64 && code.bytes().all(|byte| byte.is_ascii_hexdigit());
        Self(cookie.split('.').take(ACCOUNTS).filter(is_code).map(str::to_owned).collect())
    }

    /// As the cookie has them.
    pub fn reveal_for_cookie(&self) -> String {
        self.0.join(".")
    }
}

/// The row of the account's browser that presents these codes.
///
/// # Errors
/// When the database refuses.
pub fn known(connection: &mut Connection, user: &UserId, codes: &Codes, now: Timestamp) -> Result<Option<DeviceId>> {
    let hashes: Vec<SecretHash> = codes.0.iter().map(|code| SecretHash::of(code)).collect();
    if hashes.is_empty() {
        return Ok(None);
    }
    let mine = devices::user_id.eq(user).and(devices::seen_at.gt(now.plus(-LIFETIME)));
    let row = devices::table.filter(mine).filter(devices::hash.eq_any(hashes));
    Ok(row.select(devices::id).first(connection).optional()?)
}

/// Knows a browser again that signs in, or notes it, and says what its cookie holds from now on. A new browser in a network
/// that the account was not used from before is told to its owner. Called after the entry that records the sign-in.
///
/// # Errors
/// When the database refuses.
pub fn welcome(tx: &mut Tx<'_>, user: &UserId, origin: &Origin, now: Timestamp) -> Result<Codes> {
    let mut codes = origin.device.clone();
    if let Some(id) = known(tx, user, &codes, now)? {
        diesel::update(devices::table.find(id)).set(devices::seen_at.eq(now)).execute(&mut **tx)?;
        return Ok(codes);
    }
    // A code of its own for each account, never one that the browser brought along: somebody may have planted that.
    let code = hex(&crate::ids::random::<32>());
    diesel::insert_into(devices::table)
        .values((
            devices::id.eq(DeviceId::new()),
            devices::hash.eq(SecretHash::of(&code)),
            devices::user_id.eq(user),
            devices::created_at.eq(now),
            devices::seen_at.eq(now),
        ))
        .execute(&mut **tx)?;
    codes.0.insert(0, code);
    codes.0.truncate(ACCOUNTS);
    if let Some(notices) = origin.notices.as_ref().filter(|_| !origin.address.is_empty())
        && is_new_place(tx, user, origin)?
    {
        let notice = SecurityNotice::new(
            "Somebody signed in from a new place",
            "It was a browser that had not signed in to your account before, in a network that you had not used before.",
        );
        notices.send(tx, user, &notice, origin, now)?;
    }
    Ok(codes)
}

/// Whether an account that was used before was never used from this network. The sign-in itself is in the log already.
fn is_new_place(tx: &mut Tx<'_>, user: &UserId, origin: &Origin) -> Result<bool> {
    let arrivals = [Action::SignedIn, Action::SignedUp, Action::InstanceSetUp];
    let addresses: Vec<String> = audit_events::table
        .filter(audit_events::user_id.eq(user).and(audit_events::action.eq_any(arrivals)))
        .order(audit_events::id.desc())
        .limit(LOOKED_THROUGH)
        .select(audit_events::address)
        .load(&mut **tx)?;
    let here = throttle::network_of(&origin.address);
    let from_here = addresses.iter().filter(|address| throttle::network_of(address) == here).count();
    Ok(addresses.len() > 1 && from_here <= 1)
}

/// Forgets one browser, with what was counted of it.
///
/// # Errors
/// When the database refuses.
pub fn forget(tx: &mut Tx<'_>, device: &DeviceId) -> Result<()> {
    diesel::delete(devices::table.find(device)).execute(&mut **tx)?;
    throttle::clear(tx, &throttle::in_a_row_of_device(device))
}

/// Forgets every browser of a user.
///
/// # Errors
/// When the database refuses.
pub fn forget_all(tx: &mut Tx<'_>, user: &UserId) -> Result<usize> {
    Ok(diesel::delete(devices::table.filter(devices::user_id.eq(user))).execute(&mut **tx)?)
}

/// Takes away browsers that have not come back; for the hourly job.
///
/// # Errors
/// When the database refuses.
pub fn forget_old(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize> {
    Ok(diesel::delete(devices::table.filter(devices::seen_at.le(now.plus(-LIFETIME)))).execute(&mut **tx)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_are_taken_from_a_cookie() {
        let (one, other) = ("a".repeat(64), "0".repeat(64));
        assert_eq!(Codes::of(&format!("{one}.{other}")).reveal_for_cookie(), format!("{one}.{other}"));
        for odd in ["", ".", "x", &"g".repeat(64), &"a".repeat(63), "é", &"a".repeat(100_000)] {
            assert_eq!(Codes::of(odd).reveal_for_cookie(), "", "{}", odd.len());
        }
        assert_eq!(Codes::of(&[one.as_str(); 9].join(".")).0.len(), ACCOUNTS);
        assert_eq!(format!("{:?}", Codes::of(&one)), "Codes");
    }
}
