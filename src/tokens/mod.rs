//! Tokens: a record (name, scopes, owner) and its secrets, in two tables. The database itself keeps at most one secret of
//! a record current; the one before it can go on working for a while. What a token may do is its scopes *and* what its
//! owner may do at that moment.

pub mod api;
pub mod forms;
mod itself;
pub mod list;
pub mod pages;
pub mod policies;
pub mod policy;
mod queries;
mod regenerate;
mod service;
mod views;
pub mod words;

pub use itself::{Renewed, end_itself, renew_itself};
pub use policy::{Rule, Status, TokenPolicy};
pub(crate) use queries::{ADDRESSES, expiring_at};
pub use queries::{Place, Secret, Token, active_at, count_active, count_expiring, find, live_in_organization, rule};
pub use regenerate::{Regenerated, end_old, regenerate};
pub use service::{
    Change, Created, NewRights, NewToken, Refused, Rights, change, create, delete, delete_all, end_in_organization,
    revoke, revoke_all, revoke_selected, take_scope,
};
pub(crate) use views::ScopeMatrix;

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
