//! Who asks, and what that lets them do.
//!
//! A handler takes a capability ([`SignedIn`], [`Confirmed`], [`Administrator`] …) as an argument, and only this module
//! can make one. A handler that forgot to ask has nothing to hand to the services.

pub mod capability;
pub mod csrf;
pub mod device;
pub mod key;
pub mod link;
pub mod password;
pub mod secret;
pub mod session;
pub mod throttle;

pub use capability::{Administrator, AdministratorConfirmed, Confirmed, SignedIn, TokenBearer, VerifierCaller};
pub use key::InstanceKey;
pub use secret::{PlainSecret, SecretHash, SecretKind};
pub use session::Account;
