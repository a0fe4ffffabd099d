//! What an organization allows beside its roles: personal tokens in it, keys made by members. Each says whom it would hit
//! before it is set.

pub mod api;
pub mod pages;
mod queries;

use diesel::prelude::*;

pub use queries::{Hit, hits};

use super::member::Acting;
use super::queries::Policy;
use crate::audit::Action;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::db::schema::organizations;
use crate::error::Result;

/// One thing that an organization allows, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// Personal access tokens act in it.
    PersonalTokens,
    /// Members who don't manage everybody's keys make some.
    MembersKeys,
}

impl Allowance {
    /// Whether a policy allows it.
    pub fn holds(self, policy: Policy) -> bool {
        match self {
            Self::PersonalTokens => policy.personal_tokens,
            Self::MembersKeys => policy.members_keys,
        }
    }
}

/// Allows it, or no longer; it holds from the next request and the next check on.
///
/// # Errors
/// When the database refuses.
pub fn set(tx: &mut Tx<'_>, acting: &Acting, now: Timestamp, what: Allowance, allowed: bool) -> Result<()> {
    let organization = acting.organization();
    if what.holds(organization.policy()) == allowed {
        return Ok(());
    }
    let this = organizations::table.find(&organization.id);
    let detail = match (what, allowed) {
        (Allowance::PersonalTokens, true) => "personal access tokens may act here",
        (Allowance::PersonalTokens, false) => "personal access tokens may not act here",
        (Allowance::MembersKeys, true) => "members may make API keys",
        (Allowance::MembersKeys, false) => "members may not make API keys",
    };
    match what {
        Allowance::PersonalTokens => {
            diesel::update(this).set(organizations::allows_personal_tokens.eq(allowed)).execute(&mut **tx)?
        }
        Allowance::MembersKeys => {
            diesel::update(this).set(organizations::allows_members_keys.eq(allowed)).execute(&mut **tx)?
        }
    };
    let subject = (organization.id.as_str(), organization.name.as_str(), detail);
    acting.record(tx, now, Action::OrganizationPolicyChanged, None, subject)
}
