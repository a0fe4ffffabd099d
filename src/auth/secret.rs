//! Token secrets: `<brand>_<kind>_<30 base62><6 base62>`, shown once, stored as SHA-256.
//!
//! The last six characters are the CRC-32 (ISO-HDLC) of all before them, so that a slip of the finger or noise from a
//! scanner is refused before any query. Only letters, digits and underscores: a double click takes all of it.
//! A secret carries 178 random bits, so a plain fast hash is enough; there is nothing to guess (OWASP ASVS 5.0, 11.4).

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Binary;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::text_enum;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM: usize = 30;
const CHECKSUM: usize = 6;

text_enum! {
    /// What a secret opens.
    pub enum SecretKind {
        /// A personal access token: acts as its user.
        Personal = "pat",
        /// An organization's API key.
        ApiKey = "key",
        /// A service account's token.
        ServiceAccount = "svc",
        /// A terminal's login.
        Terminal = "cli",
        /// A service that checks tokens.
        Verifier = "ver",
    }
}

/// A secret in the clear, between its making and the one answer that shows it.
///
/// It has no `Debug` content, no `Display`, no `Serialize` and no `Clone`, so it cannot slip into a log, a template or a
/// row; the two methods that give it away are named to be found.
pub struct PlainSecret(Zeroizing<String>);

impl std::fmt::Debug for PlainSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PlainSecret")
    }
}

impl PlainSecret {
    /// A new secret from the operating system's randomness.
    pub fn generate(brand: &str, kind: SecretKind) -> Self {
        let mut text = Zeroizing::new(format!("{brand}_{}_", kind.as_str()));
        let mut left = RANDOM;
        while left > 0 {
            for byte in crate::ids::random::<48>() {
                // 248 is the last multiple of 62 that fits a byte: beyond it the first characters would come more often.
                if left > 0 && byte < 248 {
                    text.push(char::from(ALPHABET[usize::from(byte % 62)]));
                    left -= 1;
                }
            }
        }
        let sum = checksum(&text);
        text.push_str(&sum);
        Self(text)
    }

    /// What the database keeps of it.
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(&self.0)
    }

    /// The end of it, by which people tell their tokens apart.
    pub fn last_four(&self) -> &str {
        &self.0[self.0.len() - 4..]
    }

    /// Gives it away, to the page that answers its making.
    pub fn reveal_for_page(&self) -> &str {
        &self.0
    }

    /// Gives it away, to the terminal or the JSON that answers its making.
    pub fn reveal_for_machine(&self) -> &str {
        &self.0
    }
}

/// The SHA-256 of a secret; compares in constant time and prints as its name.
#[derive(Clone, Copy, AsExpression, FromSqlRow)]
#[diesel(sql_type = Binary)]
pub struct SecretHash([u8; 32]);

impl From<[u8; 32]> for SecretHash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl From<SecretHash> for [u8; 32] {
    fn from(hash: SecretHash) -> Self {
        hash.0
    }
}

impl SecretHash {
    /// The hash of a text.
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }
}

impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretHash {}

impl std::fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretHash")
    }
}

impl<DB: Backend> FromSql<Binary, DB> for SecretHash
where
    Vec<u8>: FromSql<Binary, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let bytes = Vec::<u8>::from_sql(bytes)?;
        Ok(Self(bytes.as_slice().try_into()?))
    }
}

impl<DB: Backend> ToSql<Binary, DB> for SecretHash
where
    [u8]: ToSql<Binary, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.0.as_slice().to_sql(out)
    }
}

/// A presented secret whose form and checksum are right, and which may therefore be looked up.
#[derive(Debug, Clone, Copy)]
pub struct Presented {
    /// What it claims to open.
    pub kind: SecretKind,
    /// What to look it up by.
    pub hash: SecretHash,
}

/// Reads a presented secret; `None` for everything that this instance can't have made.
pub fn present(brand: &str, text: &str) -> Option<Presented> {
    let rest = text.strip_prefix(brand)?.strip_prefix('_')?;
    let (kind, body) = rest.split_once('_')?;
    let kind = SecretKind::from_word(kind)?;
    if body.len() != RANDOM + CHECKSUM || !body.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let (covered, sum) = text.split_at(text.len() - CHECKSUM);
    (checksum(covered) == sum).then(|| Presented { kind, hash: SecretHash::of(text) })
}

fn checksum(text: &str) -> String {
    let mut left = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(left % 62) as usize];
        left /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

/// How a secret is shown after its day: brand, kind and last four.
pub fn masked(brand: &str, kind: SecretKind, last_four: &str) -> String {
    format!("{brand}_{}_…{last_four}", kind.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_published_form() {
        for kind in SecretKind::ALL {
            let secret = PlainSecret::generate("kst", *kind);
            let text = secret.reveal_for_machine();
            let presented = present("kst", text).unwrap();
            assert_eq!((presented.kind, presented.hash), (*kind, secret.hash()));
            assert_eq!(text.len(), 3 + 1 + 3 + 1 + 36);
            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
            assert_eq!(secret.last_four(), &text[text.len() - 4..]);
        }
    }

    /// The check value of CRC-32/ISO-HDLC is 0xCBF43926 for "123456789".
    #[test]
    fn the_checksum_is_the_standard_one_in_base62() {
        let value = checksum("123456789")
            .bytes()
            .fold(0u64, |value, digit| value * 62 + ALPHABET.iter().position(|known| *known == digit).unwrap() as u64);
        assert_eq!(value, 0xCBF4_3926);
        assert_eq!(checksum("").as_str(), "000000");
    }

    /// Covers: AC-066
    #[test]
    fn noise_is_refused_without_a_look_up() {
        let secret = PlainSecret::generate("kst", SecretKind::Personal);
        let good = secret.reveal_for_machine();
        let mut slipped = good.to_owned();
        let last = if good.ends_with('A') { "B" } else { "A" };
        slipped.replace_range(good.len() - 1.., last);
        let swapped = good.replacen("_pat_", "_key_", 1);
        let padded = format!("{good} ");
        let long = format!("{good}{}", "a".repeat(10_000));
        for bad in [
            "",
            "kst_pat_",
            "kst",
            &slipped,
            &swapped,
            &padded,
            &long,
            &good[1..],
            &good[..good.len() - 1],
            "kst_pat_\0",
            "kst_pat_éééééééééééééééééé",
        ] {
            assert!(present("kst", bad).is_none(), "{bad:?}");
        }
        assert!(present("acme", good).is_none());
    }

    /// Covers: AC-039
    #[test]
    fn prints_as_its_name() {
        let secret = PlainSecret::generate("kst", SecretKind::Personal);
        assert_eq!(format!("{secret:?} {:?}", secret.hash()), "PlainSecret SecretHash");
        assert!(masked("kst", SecretKind::Personal, secret.last_four()).starts_with("kst_pat_…"));
    }
}
