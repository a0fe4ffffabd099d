//! Passkeys: keys that a device keeps and opens with a finger, a face or its PIN. One alone proves who is there, so it
//! signs in without a password and confirms.
//!
//! What a browser is to sign is a row of its own, good for five minutes and for one try, whatever comes of it.

mod ceremony;
pub mod doors;
mod forms;
pub mod pages;
mod policy;
mod queries;
mod service;
mod views;
pub mod well_known;

pub use ceremony::{Proof, forget_old};
pub use queries::{are_there, are_there_since, others};
pub use service::{Answer, prove_factor, remove_all, remove_since};
pub use views::{Place, Section, Way};

use crate::text_enum;

text_enum! {
    /// What a ceremony is for. The answer to one is no answer to another.
    pub enum Purpose {
        /// Adding a passkey.
        Add = "add",
        /// Signing in.
        SignIn = "sign_in",
        /// The second factor after a password.
        SecondFactor = "second_factor",
        /// The second factor beside a mailed link to a new password.
        Reset = "reset",
        /// "Confirm it is you".
        Confirm = "confirm",
    }
}
