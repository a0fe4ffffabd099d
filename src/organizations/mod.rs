//! Organizations: the tenants that rights are held in.

use crate::text_enum;

text_enum! {
    /// Whether an organization can have members.
    pub enum Kind {
        /// One user's own, made with the account and never shared.
        Private = "private",
        /// Has members.
        Shared = "shared",
    }
}
