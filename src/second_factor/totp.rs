//! Codes of an authenticator app: TOTP (RFC 6238) with what every app understands, SHA-1, six digits, thirty seconds.
//!
//! A code is good in its own thirty seconds and the ones beside them, once: the last accepted step is kept.

use diesel::prelude::*;
use qrcode::QrCode;
use qrcode::render::svg;
use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

use crate::auth::InstanceKey;
use crate::auth::key::Sealed;
use crate::clock::Timestamp;
use crate::db::schema::totp;
use crate::db::{Connection, Tx};
use crate::error::{Error, Result};
use crate::ids::UserId;

/// How long a code is shown, in seconds.
pub const STEP: i64 = 30;
/// What the secrets are sealed for.
const PURPOSE: &str = "totp";

/// An authenticator app's secret: 160 bits.
pub struct TotpSecret(Zeroizing<Vec<u8>>);

impl std::fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TotpSecret")
    }
}

impl TotpSecret {
    /// A new one.
    pub fn generate() -> Self {
        Self(Zeroizing::new(crate::ids::random::<20>().to_vec()))
    }

    /// One that was sealed.
    pub fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// Its bytes, to be sealed.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn totp(&self, product: &str, email: &str) -> Totp {
        // The address keeps issuer and account apart by a colon, so neither may hold one.
        let plain = |text: &str| text.replace(':', " ");
        Builder::new()
            .with_secret(Secret::from(self.0.to_vec()))
            .with_skew(1)
            .with_issuer(Some(plain(product)))
            .with_account_name(plain(email))
            .build_noncompliant()
    }

    /// The step that a code belongs to, if it is one of those good now. Spaces that people type are no matter.
    pub fn step_of(&self, typed: &str, now: Timestamp) -> Option<i64> {
        let digits: String =
            typed.chars().filter(|character| !character.is_whitespace() && *character != '-').collect();
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let step = self.totp("", "").check(&digits, u64::try_from(now.unix()).ok()?)?;
        i64::try_from(step).ok()
    }

    /// For typing it into an app by hand, in groups of four.
    pub fn reveal_in_groups(&self) -> String {
        let text = self.totp("", "").secret().to_base32();
        text.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
    }

    /// The QR code for an app's camera, as an SVG element.
    ///
    /// # Errors
    /// When product and address make too long a text.
    pub fn reveal_as_qr_code(&self, product: &str, email: &str) -> Result<String> {
        let failed = |error: &dyn std::fmt::Display| Error::Internal(format!("QR code: {error}"));
        let address = self.totp(product, email).to_url().map_err(|error| failed(&error))?;
        let code = QrCode::new(address.as_bytes()).map_err(|error| failed(&error))?;
        let svg = code.render::<svg::Color<'_>>().min_dimensions(200, 200).build();
        // In a page, without the prologue of a file of its own.
        Ok(svg.split_once("?>").map_or(svg.clone(), |(_, element)| element.to_owned()))
    }
}

/// An account's app, as it is kept.
pub(super) struct Kept {
    pub sealed: Sealed,
    pub last_step: i64,
}

impl Kept {
    /// The secret; `None` when the key is gone or the row was altered: then no code is good.
    pub fn open(&self, key: &InstanceKey, user: &UserId) -> Option<TotpSecret> {
        let secret = key.open(&self.sealed, PURPOSE, user.as_str());
        if secret.is_none() {
            tracing::error!(%user, "an authenticator app's secret can't be opened: is the key that sealed it in the key file?");
        }
        secret.map(TotpSecret)
    }
}

/// The account's app, if there is one.
pub(super) fn find(connection: &mut Connection, user: &UserId) -> Result<Option<Kept>> {
    let row = totp::table
        .find(user)
        .select((totp::key_id, totp::sealed, totp::last_step))
        .get_result::<(String, Vec<u8>, i64)>(connection)
        .optional()?;
    Ok(row.map(|(key, bytes, last_step)| Kept { sealed: Sealed { key, bytes }, last_step }))
}

/// Since when the account has an app.
pub(super) fn since(connection: &mut Connection, user: &UserId) -> Result<Option<Timestamp>> {
    Ok(totp::table.find(user).select(totp::created_at).get_result(connection).optional()?)
}

/// Seals a secret for its account.
pub(super) fn seal(key: &InstanceKey, user: &UserId, secret: &TotpSecret) -> Sealed {
    key.seal(PURPOSE, user.as_str(), secret.bytes())
}

/// Adds an app, whose first code was of `step`; it takes the place of none.
pub(super) fn add(tx: &mut Tx<'_>, user: &UserId, sealed: &Sealed, step: i64, now: Timestamp) -> Result<()> {
    diesel::insert_into(totp::table)
        .values((
            totp::user_id.eq(user),
            totp::key_id.eq(&sealed.key),
            totp::sealed.eq(&sealed.bytes),
            totp::last_step.eq(step),
            totp::created_at.eq(now),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// Accepts a step, if no later one was accepted: of many at once, one.
pub(super) fn accept(tx: &mut Tx<'_>, user: &UserId, step: i64) -> Result<bool> {
    let earlier = totp::table.find(user).filter(totp::last_step.lt(step));
    Ok(diesel::update(earlier).set(totp::last_step.eq(step)).execute(&mut **tx)? == 1)
}

/// Takes the app away; says whether there was one.
pub(super) fn remove(tx: &mut Tx<'_>, user: &UserId) -> Result<bool> {
    Ok(diesel::delete(totp::table.find(user)).execute(&mut **tx)? == 1)
}

/// What an older key sealed.
pub(super) fn sealed_before(connection: &mut Connection, key: &InstanceKey) -> Result<Vec<(UserId, Sealed)>> {
    let rows: Vec<(UserId, String, Vec<u8>)> = totp::table
        .filter(totp::key_id.ne(key.fingerprint()))
        .select((totp::user_id, totp::key_id, totp::sealed))
        .load(connection)?;
    Ok(rows.into_iter().map(|(user, key, bytes)| (user, Sealed { key, bytes })).collect())
}

/// The same secret under the present key; `None` when no key here opens it.
pub(super) fn seal_anew(key: &InstanceKey, user: &UserId, old: &Sealed) -> Option<Sealed> {
    Some(key.seal(PURPOSE, user.as_str(), &key.open(old, PURPOSE, user.as_str())?))
}

/// Puts what was sealed anew in the place of the old, if that is still there.
pub(super) fn replace(tx: &mut Tx<'_>, user: &UserId, old: &Sealed, fresh: &Sealed) -> Result<usize> {
    let row = totp::table.find(user).filter(totp::sealed.eq(&old.bytes));
    Ok(diesel::update(row).set((totp::key_id.eq(&fresh.key), totp::sealed.eq(&fresh.bytes))).execute(&mut **tx)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: the secret of its SHA-1 vectors, and their codes cut to six digits.
    #[test]
    fn agrees_with_the_standard() {
        let secret = TotpSecret(Zeroizing::new(b"12345678901234567890".to_vec()));
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret.step_of(code, Timestamp::from_unix(time)), Some(time / STEP), "{time}");
        }
        assert_eq!(secret.reveal_in_groups(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
    }

    /// Covers: AC-040
    #[test]
    fn a_code_is_good_beside_its_time_and_not_beyond() {
        let secret = TotpSecret(Zeroizing::new(b"12345678901234567890".to_vec()));
        let at = |time: i64| secret.step_of("005924", Timestamp::from_unix(time));
        let start = 1_234_567_890 / STEP * STEP;
        assert_eq!(at(start - 30), at(start));
        assert_eq!(at(start + 59), at(start));
        assert_eq!((at(start - 31), at(start + 60)), (None, None));
        let typed = |text: &str| secret.step_of(text, Timestamp::from_unix(start)).is_some();
        assert!(typed(" 005 924 ") && typed("005-924"));
        for bad in ["", "5924", "0059240", "00592a", "٠٠٥٩٢٤", "+05924"] {
            assert!(!typed(bad), "{bad}");
        }
    }

    #[test]
    fn the_qr_code_is_an_element_for_a_page() {
        let svg = TotpSecret::generate().reveal_as_qr_code("Acme: accounts", &"a".repeat(254)).unwrap();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>") && !svg.contains("style"));
    }
}
