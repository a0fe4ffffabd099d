//! Changing the address that one signs in with: asked for by somebody who has just proved who they are, proved by the new
//! mailbox, allowed by the old one unless a second factor has guarded the account for a week, and undone from the old one for
//! as long.
//!
//! Whoever has somebody's open browser for a moment must not come away with the account. And no page tells whether the new
//! address has an account: its mailbox alone is told.

pub mod pages;
mod queries;
mod service;

pub use queries::{Change, pending};
pub use service::{forget_old, take_back};
