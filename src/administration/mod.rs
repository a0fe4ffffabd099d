//! Administration of the instance: services that check tokens, invitations, and the outbox.

pub mod invitations;
pub mod mail;
pub mod organizations;
pub mod pages;
pub mod recovery;
pub mod verifiers;
