//! Terminals: a tool without a browser asks to be let in, its owner approves that in theirs, and it fetches its login
//! (OAuth 2.0 Device Authorization Grant, RFC 8628).
//!
//! What it gets is a session as a browser's is one (`auth::session`), so it is listed, ended and counted with the others. It
//! is short, and has nothing to renew itself with.

pub mod calls;
pub mod pages;
pub mod policy;
mod service;

pub use service::forget_old;
