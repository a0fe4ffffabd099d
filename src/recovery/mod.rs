//! Getting back in with a forgotten password: a mailed link, good once and for an hour, that lets one choose a new one.
//!
//! It never makes a session, so it never leads around what the sign-in asks beside the password. Nothing here tells whether
//! an address has an account.

pub mod pages;
pub mod second_factor;
mod service;

pub use service::{WITHDRAWN, ask, find, is_withdrawn, make_link, reset};
