//! Between two requests of one browser: on the way to a provider, or asked whether to connect what came from there.
//!
//! A row under the hash of a code that travels in the address, good once, for ten minutes, and only together with the
//! cookie of the browser that began. The nonce and PKCE's verifier are made from the code, so that the database holds
//! nothing that is of use to whoever reads it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::prelude::*;

use super::provider::Secrets;
use crate::auth::key::hex;
use crate::auth::{InstanceKey, SecretHash};
use crate::clock::Timestamp;
use crate::db::schema::openid_flows;
use crate::db::{Connection, Tx};
use crate::error::{Error, Result};
use crate::ids::SessionId;
use crate::text_enum;

/// How long one may take, in seconds.
pub const LIFETIME: i64 = 10 * 60;

text_enum! {
    /// What it is for.
    pub enum Purpose {
        /// Signing in.
        SignIn = "sign_in",
        /// Making the first administrator.
        SetUp = "set_up",
        /// Fetching an identity to connect with one's account.
        Connect = "connect",
        /// "Confirm it is you".
        Confirm = "confirm",
        /// The half of "confirm it is you" that was proved elsewhere: at a provider, or with the mailbox.
        Proved = "proved",
        /// An identity that was fetched, and may be connected.
        Offer = "offer",
    }
}

impl Purpose {
    /// Whether it is about a page of ours, with nothing to come from a provider any more.
    pub fn is_here(self) -> bool {
        matches!(self, Self::Proved | Self::Offer)
    }
}

/// What is kept of it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = openid_flows)]
pub struct Flow {
    /// Which provider.
    pub provider: String,
    /// What for.
    pub purpose: Purpose,
    /// The login that it belongs to, where there must be one.
    pub session_id: Option<SessionId>,
    /// Where to go on afterwards.
    pub next: String,
    /// "Keep me signed in".
    pub keep: bool,
    /// Of an offer: who said so,
    pub issuer: String,
    /// about whom,
    pub subject: String,
    /// and their address, for people to recognize it by.
    pub email: String,
    /// When it began.
    pub created_at: Timestamp,
}

impl Flow {
    /// One that begins now.
    pub fn new(purpose: Purpose, provider: &str, next: String, now: Timestamp) -> Self {
        Self {
            provider: provider.to_owned(),
            purpose,
            session_id: None,
            next,
            keep: false,
            issuer: String::new(),
            subject: String::new(),
            email: String::new(),
            created_at: now,
        }
    }
}

/// What binds the provider's answer to our question, made from the code in the address.
pub fn secrets(key: &InstanceKey, code: &str) -> Secrets {
    Secrets {
        state: code.to_owned(),
        nonce: hex(&key.sign("openid nonce", &[code.as_bytes()])),
        verifier: URL_SAFE_NO_PAD.encode(key.sign("openid verifier", &[code.as_bytes()])),
    }
}

/// Begins one under a code, for a browser.
///
/// # Errors
/// When the database refuses.
pub fn begin(tx: &mut Tx<'_>, code: &str, browser: &str, flow: &Flow) -> Result<()> {
    diesel::insert_into(openid_flows::table)
        .values((
            openid_flows::code_hash.eq(SecretHash::of(code)),
            openid_flows::browser_hash.eq(SecretHash::of(browser)),
            flow,
            openid_flows::expires_at.eq(flow.created_at.plus(LIFETIME)),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// The one under a code, while it is good, for the browser that began it.
///
/// # Errors
/// When the database refuses.
pub fn find(connection: &mut Connection, code: &str, browser: &str, now: Timestamp) -> Result<Option<Flow>> {
    let good = openid_flows::browser_hash.eq(SecretHash::of(browser)).and(openid_flows::expires_at.gt(now));
    Ok(openid_flows::table
        .filter(openid_flows::code_hash.eq(SecretHash::of(code)).and(good))
        .select(Flow::as_select())
        .get_result(connection)
        .optional()?)
}

/// Uses one up. Of many at once, one gets it.
///
/// # Errors
/// [`Error::NotFound`] when it is used, over, another browser's, or was never there.
pub fn take(tx: &mut Tx<'_>, code: &str, browser: &str, now: Timestamp) -> Result<Flow> {
    let flow = find(tx, code, browser, now)?.ok_or(Error::NotFound)?;
    let gone = diesel::delete(openid_flows::table.find(SecretHash::of(code))).execute(&mut **tx)?;
    if gone == 1 { Ok(flow) } else { Err(Error::NotFound) }
}

/// Takes away what is over; for the hourly job.
///
/// # Errors
/// When the database refuses.
pub fn forget_old(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize> {
    Ok(diesel::delete(openid_flows::table.filter(openid_flows::expires_at.le(now))).execute(&mut **tx)?)
}
