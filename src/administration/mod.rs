//! Administration of the instance: services that check tokens, and the outbox.

pub mod mail;
pub mod pages;
pub mod verifiers;
