//! Organizations: the tenants that rights are held in.
//!
//! A private one is made with each account and never shared; a shared one has members, each with a role, and teams that
//! add a role to theirs. What somebody may do there is [`policy`]'s business alone. A page or verb of an organization
//! wants a [`Member`], which only this module makes, of the address, the route's row and the member's present rights; a
//! change wants [`Acting`], which asks the same again within its transaction, the organization's row locked. A call that
//! takes a [`Caller`] in its place opens to the organization's service accounts, too.

pub mod admin;
pub mod api;
pub(crate) mod caller;
pub(crate) mod calls;
mod forms;
pub mod invitations;
pub mod license;
pub mod logs;
pub(crate) mod member;
pub mod members;
pub mod pages;
pub mod policies;
pub mod policy;
mod queries;
pub mod roles;
pub mod second_factor;
mod service;
pub mod teams;
pub(crate) mod views;

pub use caller::{Acts, Caller, CallerConfirmed};
pub(crate) use license::views::LicenseView;
pub(crate) use member::lock;
pub use member::{Acting, ConfirmedMemberPost, Member, MemberConfirmed, MemberPost};
pub use policy::{Right, Rights, Standing};
pub use queries::{Choice, Found, Organization, Policy, Which, choices, names, requiring, standing};
pub use service::{begin_in, join, know_as};
pub(crate) use views::{Pager, Part, Place, split};

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
