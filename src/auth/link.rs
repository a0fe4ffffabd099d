//! Mailed links: 32 random bytes, kept as a hash, for one purpose and one user, good once and for a while.
//!
//! Opening a link does nothing: mail scanners open them all. The page behind it has a button.

use diesel::prelude::*;

use super::key::hex;
use super::secret::SecretHash;
use crate::clock::Timestamp;
use crate::db::schema::{email_changes, links};
use crate::db::{Connection, Tx};
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::text_enum;

text_enum! {
    /// What a link is for.
    pub enum Purpose {
        /// Choosing a new password.
        ResetPassword = "reset_password",
        /// Taking passwords from unknown browsers again.
        UnlockSignIn = "unlock_sign_in",
        /// Taking the second factor away, for whoever lost it.
        RemoveSecondFactor = "remove_second_factor",
    }
}

impl Purpose {
    /// For how many seconds such a link is good.
    pub fn lifetime(self) -> i64 {
        match self {
            Self::ResetPassword | Self::RemoveSecondFactor => 60 * 60,
            Self::UnlockSignIn => crate::clock::DAY,
        }
    }
}

/// A new code, for a link of any kind.
pub fn new_code() -> String {
    hex(&crate::ids::random::<32>())
}

/// Makes a link for a user and says its code.
///
/// # Errors
/// When the database refuses.
pub fn make(tx: &mut Tx<'_>, purpose: Purpose, user: &UserId, now: Timestamp) -> Result<String> {
    let code = new_code();
    diesel::insert_into(links::table)
        .values((
            links::hash.eq(SecretHash::of(&code)),
            links::purpose.eq(purpose),
            links::user_id.eq(user),
            links::created_at.eq(now),
            links::expires_at.eq(now.plus(purpose.lifetime())),
        ))
        .execute(&mut **tx)?;
    Ok(code)
}

/// Whose link it is, if it is still good.
///
/// # Errors
/// When the database refuses.
pub fn find(connection: &mut Connection, purpose: Purpose, code: &str, now: Timestamp) -> Result<Option<UserId>> {
    let good = links::purpose.eq(purpose).and(links::expires_at.gt(now));
    Ok(links::table.find(SecretHash::of(code)).filter(good).select(links::user_id).get_result(connection).optional()?)
}

/// Uses a link up. Of many at once, one succeeds.
///
/// # Errors
/// [`Error::NotFound`] when it is used, over, or was never there.
pub fn consume(tx: &mut Tx<'_>, purpose: Purpose, code: &str, now: Timestamp) -> Result<UserId> {
    let user = find(tx, purpose, code, now)?.ok_or(Error::NotFound)?;
    let gone = diesel::delete(links::table.find(SecretHash::of(code))).execute(&mut **tx)?;
    if gone == 1 { Ok(user) } else { Err(Error::NotFound) }
}

/// Ends all links of a user: whatever changed, what was mailed before it no longer counts.
///
/// # Errors
/// When the database refuses.
pub fn end_all(tx: &mut Tx<'_>, user: &UserId) -> Result<()> {
    diesel::delete(links::table.filter(links::user_id.eq(user))).execute(&mut **tx)?;
    // A change of the address that was asked for before is mailed, too; one that is made can still be undone.
    let asked = email_changes::table.filter(email_changes::user_id.eq(user)).filter(email_changes::made_at.is_null());
    diesel::delete(asked).execute(&mut **tx)?;
    Ok(())
}

/// Takes away what is over; for the hourly job.
///
/// # Errors
/// When the database refuses.
pub fn forget_old(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize> {
    Ok(diesel::delete(links::table.filter(links::expires_at.le(now))).execute(&mut **tx)?)
}
