//! Recovery codes: ten, of 80 random bits each, for whoever lost the second factor; each good once.
//!
//! Kept as argon2id tags under one salt for the set (NIST SP 800-63B-4, 3.1.2.2; ASVS 5.0, 6.5.2), so one hash compares
//! what was typed with all ten.

use diesel::prelude::*;
use zeroize::Zeroizing;

use crate::app::Instance;
use crate::auth::password::Password;
use crate::clock::Timestamp;
use crate::db::schema::{recovery_codes, recovery_sets};
use crate::db::{Connection, Tx};
use crate::error::{Error, Result};
use crate::ids::UserId;

/// How many a set has.
pub const COUNT: usize = 10;
/// When so few are left, the pages say so.
pub const FEW: i64 = 3;
/// Characters of a code, without its dashes.
const LENGTH: usize = 16;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A set of codes between its making and the one answer that shows it.
pub struct NewCodes {
    plain: Vec<Zeroizing<String>>,
    salt: [u8; 16],
    tags: Vec<[u8; 32]>,
}

impl std::fmt::Debug for NewCodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewCodes")
    }
}

impl NewCodes {
    /// A new set, hashed.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when too many passwords are being hashed.
    pub async fn make(instance: &Instance) -> Result<Self> {
        let salt = crate::ids::random::<16>();
        let (mut plain, mut tags) = (Vec::new(), Vec::new());
        for _ in 0..COUNT {
            let code = generate();
            tags.push(tag(instance, &code, salt).await?);
            plain.push(code);
        }
        Ok(Self { plain, salt, tags })
    }

    /// Keeps them, in place of those that were there.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn keep(&self, tx: &mut Tx<'_>, user: &UserId, now: Timestamp) -> Result<()> {
        forget(tx, user)?;
        let set = (
            recovery_sets::user_id.eq(user),
            recovery_sets::salt.eq(self.salt.as_slice()),
            recovery_sets::created_at.eq(now),
        );
        diesel::insert_into(recovery_sets::table).values(set).execute(&mut **tx)?;
        for tag in &self.tags {
            let row = (recovery_codes::user_id.eq(user), recovery_codes::tag.eq(tag.as_slice()));
            diesel::insert_into(recovery_codes::table).values(row).execute(&mut **tx)?;
        }
        Ok(())
    }

    /// Gives them away, to the page that answers their making: in groups of four.
    pub fn reveal_for_page(&self) -> Vec<Zeroizing<String>> {
        self.plain.iter().map(|code| in_groups(code)).collect()
    }
}

fn generate() -> Zeroizing<String> {
    let bytes = crate::ids::random::<LENGTH>();
    Zeroizing::new(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())
}

fn in_groups(code: &str) -> Zeroizing<String> {
    let groups: Vec<&str> = (0..LENGTH / 4).map(|group| &code[group * 4..group * 4 + 4]).collect();
    Zeroizing::new(groups.join("-"))
}

/// A code as it was made, from what was typed: without dashes and spaces, in capitals, and with Crockford's pardon for the
/// letters that look like digits. `None` when it can't be one.
pub fn normalize(typed: &str) -> Option<Zeroizing<String>> {
    let mut code = Zeroizing::new(String::with_capacity(LENGTH));
    for character in typed.chars().filter(|character| !character.is_whitespace() && *character != '-') {
        let character = match character.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        if code.len() == LENGTH || !character.is_ascii() || !ALPHABET.contains(&(character as u8)) {
            return None;
        }
        code.push(character);
    }
    (code.len() == LENGTH).then_some(code)
}

/// The same with its dashes, if it can be a code: for the file.
pub fn tidy(typed: &str) -> Option<Zeroizing<String>> {
    normalize(typed).map(|code| in_groups(&code))
}

async fn tag(instance: &Instance, code: &str, salt: [u8; 16]) -> Result<[u8; 32]> {
    let code = Password::new(code).map_err(|problem| Error::Internal(problem.to_string()))?;
    Ok(instance.hasher.tag(code, salt).await?)
}

/// The tag that a typed code would be kept under. Takes as long when there is no set.
pub(super) async fn tag_of(instance: &Instance, user: &UserId, typed: &str) -> Result<Option<[u8; 32]>> {
    let Some(code) = normalize(typed) else { return Ok(None) };
    let owner = user.clone();
    let salt = instance.db.read(move |connection| salt(connection, &owner)).await?;
    let tag = tag(instance, &code, salt.unwrap_or_default()).await?;
    Ok(salt.map(|_| tag))
}

fn salt(connection: &mut Connection, user: &UserId) -> Result<Option<[u8; 16]>> {
    let salt = recovery_sets::table.find(user).select(recovery_sets::salt).get_result::<Vec<u8>>(connection);
    Ok(salt.optional()?.and_then(|salt| salt.try_into().ok()))
}

/// Uses a code up: of many at once, one succeeds.
pub(super) fn spend(tx: &mut Tx<'_>, user: &UserId, tag: &[u8; 32]) -> Result<bool> {
    let row = recovery_codes::table.find((user, tag.as_slice()));
    Ok(diesel::delete(row).execute(&mut **tx)? == 1)
}

/// Takes an account's codes away.
pub(super) fn forget(tx: &mut Tx<'_>, user: &UserId) -> Result<()> {
    diesel::delete(recovery_sets::table.find(user)).execute(&mut **tx)?;
    Ok(())
}

/// How many codes an account has left; `None` where there never were any.
///
/// # Errors
/// When the database refuses.
pub fn codes_left(connection: &mut Connection, user: &UserId) -> Result<Option<i64>> {
    if salt(connection, user)?.is_none() {
        return Ok(None);
    }
    let mine = recovery_codes::table.filter(recovery_codes::user_id.eq(user));
    Ok(Some(mine.count().get_result(connection)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers: AC-048
    #[test]
    fn what_people_type_is_the_code_that_was_made() {
        let code = generate();
        assert_eq!(code.len(), LENGTH);
        assert_ne!(code, generate());
        let shown = in_groups(&code);
        assert_eq!(shown.len(), 19);
        for typed in [shown.to_string(), code.to_string(), shown.to_lowercase(), shown.replace('-', " ")] {
            assert_eq!(normalize(&typed).unwrap(), code);
        }
        assert_eq!(*normalize("oOiIlL2345678901").unwrap(), "0011112345678901");
        for bad in ["", "123", "0123456789ABCDEFG", "0123456789ABCDE", "0123456789ABCDEU", "0123456789ABCDEé"] {
            assert!(normalize(bad).is_none(), "{bad}");
        }
    }
}
