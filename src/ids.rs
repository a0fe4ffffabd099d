//! Identifiers and randomness.
//!
//! Records are named by ULIDs: 48 bits of time and 80 random bits, 26 characters, sorted by the moment they were made.
//! An id is no secret and opens nothing; secrets come from [`random`].

use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

/// Fills an array from the operating system's generator.
///
/// # Panics
/// When the operating system has no randomness to give: nothing may go on without it.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A new ULID; within one process each is greater than the one before.
pub fn ulid() -> String {
    static LAST: Mutex<u128> = Mutex::new(0);
    #[expect(clippy::disallowed_methods, reason = "the time inside an id only orders ids, no rule depends on it")]
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_millis());
    let mut tail = [0; 16];
    tail[6..].copy_from_slice(&random::<10>());
    let fresh = (millis << 80) | u128::from_be_bytes(tail);
    let mut last = LAST.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // Two ids of one millisecond keep their order; an audit trail must not shuffle what one transaction wrote.
    *last = if fresh >> 80 > *last >> 80 { fresh } else { *last + 1 };
    base32(*last)
}

/// Whether a text could be a ULID.
pub fn is_ulid(text: &str) -> bool {
    text.len() == 26 && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The 128 bits that a ULID is written with.
pub fn bits(ulid: &str) -> Option<u128> {
    let digit = |byte| ALPHABET.iter().position(|letter| *letter == byte).map(|place| place as u128);
    let value = ulid.bytes().try_fold(0_u128, |value, byte| Some(value << 5 | digit(byte)?))?;
    (ulid.len() == 26).then_some(value)
}

fn base32(value: u128) -> String {
    (0..26).rev().map(|place| char::from(ALPHABET[(value >> (place * 5)) as usize & 31])).collect()
}

/// Declares the text newtypes that keep one kind of id from being taken for another.
macro_rules! id_types {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, diesel::expression::AsExpression, diesel::deserialize::FromSqlRow, serde::Serialize, serde::Deserialize)]
        #[diesel(sql_type = diesel::sql_types::Text)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// A new id of this kind.
            #[expect(clippy::new_without_default, reason = "a new id is never a default")]
            pub fn new() -> Self {
                Self($crate::ids::ulid())
            }

            /// The id as it stands in paths and columns.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<DB: diesel::backend::Backend> diesel::deserialize::FromSql<diesel::sql_types::Text, DB> for $name
        where
            String: diesel::deserialize::FromSql<diesel::sql_types::Text, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
                <String as diesel::deserialize::FromSql<diesel::sql_types::Text, DB>>::from_sql(bytes).map(Self)
            }
        }

        impl<DB: diesel::backend::Backend> diesel::serialize::ToSql<diesel::sql_types::Text, DB> for $name
        where
            String: diesel::serialize::ToSql<diesel::sql_types::Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, DB>) -> diesel::serialize::Result {
                self.0.to_sql(out)
            }
        }
    )+};
}

id_types! {
    /// A person's account.
    UserId,
    /// A tenant, private or shared.
    OrganizationId,
    /// One browser login. Not the cookie's secret.
    SessionId,
    /// A token's record.
    TokenId,
    /// One secret of a token.
    SecretId,
    /// A service that checks tokens.
    VerifierId,
    /// An invitation to make an account here.
    InvitationId,
    /// A member that is no person.
    ServiceAccountId,
    /// An organization's own role.
    RoleId,
    /// A team of an organization's members.
    TeamId,
    /// A mail in the outbox.
    MailId,
    /// A provider's account that somebody signs in with.
    IdentityId,
    /// A passkey.
    PasskeyId,
    /// A browser that signed in before. Not its cookie's secret.
    DeviceId,
    /// A change of an e-mail address, asked for or made.
    EmailChangeId,
}

/// Declares an enum that is stored as, and read from, fixed words.
#[macro_export]
macro_rules! text_enum {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)]
        #[diesel(sql_type = diesel::sql_types::Text)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that is stored and shown to machines.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value that a word names, if any.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl<DB: diesel::backend::Backend> diesel::deserialize::FromSql<diesel::sql_types::Text, DB> for $name
        where
            String: diesel::deserialize::FromSql<diesel::sql_types::Text, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
                let word = <String as diesel::deserialize::FromSql<diesel::sql_types::Text, DB>>::from_sql(bytes)?;
                Self::from_word(&word).ok_or_else(|| format!("{word:?} is no {}", stringify!($name)).into())
            }
        }

        impl<DB: diesel::backend::Backend> diesel::serialize::ToSql<diesel::sql_types::Text, DB> for $name
        where
            str: diesel::serialize::ToSql<diesel::sql_types::Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, DB>) -> diesel::serialize::Result {
                <str as diesel::serialize::ToSql<diesel::sql_types::Text, DB>>::to_sql(self.as_str(), out)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ulids_are_short_distinct_and_ordered() {
        let made: Vec<String> = (0..1000).map(|_| ulid()).collect();
        let mut sorted = made.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(made, sorted);
        assert!(made.iter().all(|id| id.len() == 26));
        assert!(made.iter().all(|id| bits(id).map(base32).as_ref() == Some(id)));
        assert_eq!((bits("short"), bits(&"u".repeat(26))), (None, None));
    }
}
