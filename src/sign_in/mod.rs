//! Signing in and out, and proving oneself again.
//!
//! Every refusal looks and takes alike, whatever the reason: a password is hashed and one entry is written whether or
//! not there is such an account.

mod admission;
mod guard;
pub mod pages;
pub mod second_factor;
mod service;
pub mod step_up;
pub mod unlock;

pub use admission::{Admission, Next, Proof, admit, forget_old};
pub use second_factor::go_on;
pub use service::{
    Reproof, SignIn, check_password, check_password_at_link, confirm, enter_confirmation, refuse_confirmation, sign_in,
    sign_out,
};
