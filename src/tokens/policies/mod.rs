//! What tokens may be, as an administrator sets it for the instance, in place of the configuration file, and a member for an
//! organization, which can only be stricter. First one looks what a change would cut; then it is made, with the cut, in one
//! transaction, and only if all is still as it was looked at.

pub mod api;
mod forms;
pub mod pages;
mod queries;
mod service;
mod views;

pub use queries::{Beyond, PAGE, Present, count_beyond, present};
pub use service::{Looked, Outcome, forget, set_for_instance, set_for_organization};

use queries::{count_above, count_kept_out, count_over, list_beyond, old_beyond};

use super::policy::{Rule, TokenPolicy};
use super::queries::{INSTANCE, policy};
use crate::clock::Timestamp;
use crate::config::TokenConfig;
use crate::db::Connection;
use crate::error::Result;
use crate::ids::OrganizationId;

/// Whose rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Realm {
    /// The instance's, for every token.
    Instance,
    /// An organization's, for the tokens that are for it.
    Organization(OrganizationId),
}

impl Realm {
    /// The id of its row.
    fn id(&self) -> &str {
        match self {
            Self::Instance => INSTANCE,
            Self::Organization(id) => id.as_str(),
        }
    }

    fn organization(&self) -> Option<&OrganizationId> {
        match self {
            Self::Instance => None,
            Self::Organization(id) => Some(id),
        }
    }

    /// What holds where nothing is set.
    fn base(&self, connection: &mut Connection, config: &TokenConfig) -> Result<TokenPolicy> {
        match self {
            Self::Instance => Ok(TokenPolicy::from(config)),
            Self::Organization(_) => policy(connection, config),
        }
    }

    /// What holds once a rule is set.
    fn with(&self, base: TokenPolicy, rule: Rule) -> TokenPolicy {
        match self {
            Self::Instance => base.replaced(rule),
            // Its number counts beside the instance's, which `tightened` leaves alone; here it is what is set and looked at.
            Self::Organization(_) => {
                TokenPolicy { max_per_user: rule.max_per_user.unwrap_or(base.max_per_user), ..base.tightened(rule) }
            }
        }
    }
}

/// What a change would do: the dry run.
#[derive(Debug, Clone)]
pub struct Review {
    /// The rules as they are.
    pub present: Present,
    /// What would hold.
    pub after: TokenPolicy,
    /// What would change, each in a line.
    pub differences: Vec<String>,
    /// How many tokens it would cut,
    pub count: i64,
    /// how many of them at once,
    pub over: i64,
    /// a page of them,
    pub page: Vec<Beyond>,
    /// and whether there are more.
    pub more: bool,
    /// The names of those of which it would cut an old secret.
    pub old: Vec<String>,
    /// How many tokens would no longer work in the organization, without being cut.
    pub kept_out: i64,
    /// Where there may be fewer: how many people have more.
    pub above: i64,
}

impl Review {
    /// For somebody who may not see the members: how many tokens, but not which and whose.
    #[must_use]
    pub fn counts_only(self) -> Self {
        Self { page: Vec::new(), more: false, old: Vec::new(), ..self }
    }
}

/// Looks what a rule would do. Nothing is changed.
///
/// # Errors
/// When the database refuses.
pub fn review(
    connection: &mut Connection,
    config: &TokenConfig,
    realm: &Realm,
    rule: &Rule,
    page_after: &str,
    now: Timestamp,
) -> Result<Review> {
    let present = present(connection, config, realm)?;
    let after = realm.with(present.base.clone(), rule.clone());
    let mut page = list_beyond(connection, realm, &after, Some(page_after), now)?;
    let shown = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let more = page.len() > shown;
    page.truncate(shown);
    Ok(Review {
        count: count_beyond(connection, realm, &after, now)?,
        over: count_over(connection, realm, &after, now)?,
        above: if after.max_per_user < present.policy.max_per_user {
            count_above(connection, realm, after.max_per_user)?
        } else {
            0
        },
        kept_out: match realm.organization() {
            Some(organization) => count_kept_out(connection, organization, &after, now)?,
            None => 0,
        },
        old: old_beyond(connection, realm, &after, now)?,
        page,
        more,
        differences: differences(&present, rule, &after),
        present,
        after,
    })
}

/// What a rule changes, each in a line.
pub fn differences(present: &Present, rule: &Rule, after: &TokenPolicy) -> Vec<String> {
    let before = &present.policy;
    let mut lines = Vec::new();
    let mut line = |what: &str, before: String, after: String| {
        if before != after {
            lines.push(format!("{what}: {before} → {after}"));
        }
    };
    let list = |days: &[i64]| days.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
    let word = |allowed: bool| if allowed { "allowed" } else { "not allowed" }.to_owned();
    line("Longest validity in days", before.max_days.to_string(), after.max_days.to_string());
    line("Proposed validity in days", before.proposed_days().to_string(), after.proposed_days().to_string());
    line("Offered validities in days", list(&before.preset_days), list(&after.preset_days));
    line("Never expiring", word(before.allow_never), word(after.allow_never));
    line("Tokens a person may have", before.max_per_user.to_string(), after.max_per_user.to_string());
    if lines.is_empty() && *rule != present.rule {
        lines.push("What is set here, and no more: this instance itself is as strict at the moment".to_owned());
    }
    lines
}
