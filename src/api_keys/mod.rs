//! API keys: an organization's own, each made by a member, for programs.
//!
//! A key is a token (see [`crate::tokens`]) in the organization's list. It inherits its maker's present rights there and
//! nothing else: no right is kept in it, only, if its maker wants, the scopes that it is narrowed to. So a lowered role
//! holds for it from the next check on, and it stops in the same transaction in which its maker's membership ends.

pub mod api;
mod forms;
pub mod pages;
pub mod policy;
mod queries;
mod service;
mod views;

pub use service::{NewKey, create, delete};

/// How long a key is valid, in days.
pub const DAYS: i64 = 365;
