//! Signing in and out, and proving oneself again.
//!
//! Every refusal looks and takes alike, whatever the reason: a password is hashed and one entry is written whether or
//! not there is such an account.

pub mod pages;
mod service;
pub mod step_up;

pub use service::{SignIn, check_password, confirm, sign_in, sign_out};
