//! Tokens: a record (name, scopes, owner) and its secrets, in two tables. The database itself keeps at most one secret of
//! a record current; the one before it can go on working for a while. What a token may do is its scopes *and* what its
//! owner may do at that moment.
//!
//! Personal tokens have their pages here. API keys and service accounts' tokens are the same records in other lists (see
//! [`Holder`]); their pages and what is theirs alone stand in [`crate::api_keys`] and [`crate::service_accounts`].

pub mod api;
pub mod forms;
mod holder;
mod itself;
mod known;
pub mod list;
pub mod pages;
pub mod policies;
pub mod policy;
mod queries;
mod regenerate;
mod service;
pub(crate) mod views;
pub mod words;

pub use holder::Holder;
pub use itself::{Renewed, end_itself, renew_itself};
pub(crate) use known::Known;
pub use policy::{Rule, Status, TokenPolicy};
pub(crate) use queries::{ADDRESSES, expiring_at, live_of_service_account};
pub use queries::{
    Place, Record, Secret, Token, active_at, count_active, count_expiring, find, live_in_organization, rule,
};
pub(crate) use regenerate::renew;
pub use regenerate::{Regenerated, end_old, regenerate};
pub use service::{
    Change, Created, NewRights, NewToken, Refused, Rights, change, create, delete, delete_all, end_in_organization,
    revoke, revoke_all, revoke_selected, take_scope,
};
pub(crate) use service::{For, Made, Wish, beyond, is_taken, issue, log, policy_in, too_long};
pub(crate) use views::ScopeMatrix;

use crate::text_enum;

text_enum! {
    /// Whose a token is, and so what it can be used for.
    pub enum TokenKind {
        /// A user's own; acts as the user.
        Personal = "pat",
        /// An organization's; acts as the member who made it, or the service account that it was handed to.
        ApiKey = "key",
        /// A service account's own.
        ServiceAccount = "svc",
    }
}

impl TokenKind {
    /// The kind of its secrets.
    pub fn secret(self) -> crate::auth::SecretKind {
        match self {
            Self::Personal => crate::auth::SecretKind::Personal,
            Self::ApiKey => crate::auth::SecretKind::ApiKey,
            Self::ServiceAccount => crate::auth::SecretKind::ServiceAccount,
        }
    }
}
