//! Tokens: a record (name, scopes, owner) and its secrets, in two tables. The database itself keeps at most one secret of
//! a record current. What a token may do is its scopes *and* what its owner may do at that moment.

pub mod forms;
pub mod pages;
pub mod policy;
mod queries;
mod service;
mod views;

pub use policy::Status;
pub use queries::{Token, active_at, count_active, find, list};
pub use service::{Created, NewToken, create, delete, revoke, revoke_all};

use crate::text_enum;

text_enum! {
    /// Whose a token is, and so what it can be used for.
    pub enum TokenKind {
        /// A user's own; acts as the user.
        Personal = "pat",
    }
}

impl TokenKind {
    /// The kind of its secrets.
    pub fn secret(self) -> crate::auth::SecretKind {
        match self {
            Self::Personal => crate::auth::SecretKind::Personal,
        }
    }
}
