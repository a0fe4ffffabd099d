//! Making an account. It is made when its address is proved, not before: until then there is only a wish, with nothing
//! that could be signed in to, used, or taken over.
//!
//! Nothing here tells whether an address has an account: the page is the same, and so is the work.

pub mod invitations;
pub mod pages;
mod service;

pub use service::{Confirmation, NewSignUp, ask, confirm, find, forget_old, make_account};
