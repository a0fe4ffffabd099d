//! The second factor: an authenticator app's codes, passkeys, and recovery codes.
//!
//! Whether an account has one is a single fact, `users.second_factor`, which [`refresh`] keeps right, so that a sign-in and
//! a session need no further query. Recovery codes come with the first factor and go with the last. What was typed is
//! checked in two steps: [`check`] counts the try and evaluates it, [`Evidence::spend`] uses it up within the transaction
//! of what it proves, so that of many at once with the same code one gets through.

mod evidence;
pub mod pages;
pub mod recovery_codes;
mod service;
pub mod totp;

pub use evidence::{Evidence, Typed, check, wrong};
pub use recovery_codes::{NewCodes, codes_left};
pub use service::{Overview, enrolled, first_codes, has_since, overview, refresh, remove_all, remove_since, reseal};
