//! Licenses: what an organization's plan allows it to have, and what it has. An administrator of the instance sets the
//! numbers; nothing is paid here.

pub mod api;
pub mod pages;
pub(crate) mod views;

use std::fmt;

use diesel::prelude::*;

use super::member::lock;
use crate::audit::{Action, Event, record};
use crate::auth::AdministratorConfirmed;
use crate::clock::Timestamp;
use crate::db::schema::{licenses, members, organizations, service_accounts, teams, token_secrets, tokens};
use crate::db::{Connection, Tx};
use crate::error::Result;
use crate::ids::OrganizationId;
use crate::text_enum;
use crate::tokens::{TokenKind, active_at};

/// What the plan of an organization is called until an administrator says otherwise.
pub const STANDARD: &str = "Standard";

/// A larger limit than this is a slip of the hand.
pub const MOST: i64 = 1_000_000;

text_enum! {
    /// What a license counts.
    pub enum Limited {
        /// People.
        Members = "members",
        /// Teams.
        Teams = "teams",
        /// API keys that work.
        ApiKeys = "api_keys",
        /// Service accounts.
        ServiceAccounts = "service_accounts",
        /// Tokens that work, and are for this organization alone.
        Tokens = "tokens",
    }
}

impl Limited {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Members => "Members",
            Self::Teams => "Teams",
            Self::ApiKeys => "API keys",
            Self::ServiceAccounts => "Service accounts",
            Self::Tokens => "Tokens for this organization alone",
        }
    }

    /// As it stands within a sentence.
    fn noun(self, count: i64) -> &'static str {
        match (self, count) {
            (Self::Members, 1) => "member",
            (Self::Members, _) => "members",
            (Self::Teams, 1) => "team",
            (Self::Teams, _) => "teams",
            (Self::ApiKeys, 1) => "API key",
            (Self::ApiKeys, _) => "API keys",
            (Self::ServiceAccounts, 1) => "service account",
            (Self::ServiceAccounts, _) => "service accounts",
            (Self::Tokens, 1) => "token of its own",
            (Self::Tokens, _) => "tokens of its own",
        }
    }
}

/// The license has no room for one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    /// Of what.
    pub what: Limited,
    /// How many there are.
    pub used: i64,
    /// How many there may be.
    pub limit: i64,
}

impl Full {
    /// In a few words: "12 of 12 teams are used".
    pub fn count(self) -> String {
        let Self { what, used, limit } = self;
        format!("{used} of {limit} {} {} used", what.noun(limit), if limit == 1 { "is" } else { "are" })
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, limit, .. } = self;
        write!(f, "The license of this organization allows {limit} {}, and there are as many. ", what.noun(*limit))?;
        f.write_str("Remove one first, or ask whoever runs this service for more")
    }
}

/// The plan of an organization.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = licenses)]
pub struct License {
    /// What it is called.
    pub plan: String,
    members: Option<i64>,
    teams: Option<i64>,
    api_keys: Option<i64>,
    service_accounts: Option<i64>,
    tokens: Option<i64>,
}

impl Default for License {
    fn default() -> Self {
        let plan = STANDARD.to_owned();
        Self { plan, members: None, teams: None, api_keys: None, service_accounts: None, tokens: None }
    }
}

impl License {
    /// One without limits.
    pub fn named(plan: String) -> Self {
        Self { plan, ..Self::default() }
    }

    /// How many of something it allows; `None` is no limit.
    pub fn limit(&self, what: Limited) -> Option<i64> {
        match what {
            Limited::Members => self.members,
            Limited::Teams => self.teams,
            Limited::ApiKeys => self.api_keys,
            Limited::ServiceAccounts => self.service_accounts,
            Limited::Tokens => self.tokens,
        }
    }

    /// With another number.
    #[must_use]
    pub fn with(mut self, what: Limited, limit: Option<i64>) -> Self {
        match what {
            Limited::Members => self.members = limit,
            Limited::Teams => self.teams = limit,
            Limited::ApiKeys => self.api_keys = limit,
            Limited::ServiceAccounts => self.service_accounts = limit,
            Limited::Tokens => self.tokens = limit,
        }
        self
    }
}

/// An organization's license.
///
/// # Errors
/// When the database refuses.
pub fn find(connection: &mut Connection, organization: &OrganizationId) -> Result<License> {
    let row = licenses::table.find(organization).select(License::as_select()).get_result(connection).optional()?;
    Ok(row.unwrap_or_default())
}

/// How many of something an organization has: what counts against its license.
///
/// # Errors
/// When the database refuses.
pub fn used(connection: &mut Connection, organization: &OrganizationId, what: Limited, now: Timestamp) -> Result<i64> {
    Ok(match what {
        Limited::Members => {
            members::table.filter(members::organization_id.eq(organization)).count().get_result(connection)?
        }
        Limited::Teams => {
            teams::table.filter(teams::organization_id.eq(organization)).count().get_result(connection)?
        }
        Limited::ApiKeys => token_secrets::table
            .filter(token_secrets::holder.eq(organization.as_str()).and(token_secrets::is_current))
            .filter(active_at(now))
            .count()
            .get_result(connection)?,
        Limited::ServiceAccounts => service_accounts::table
            .filter(service_accounts::organization_id.eq(organization))
            .count()
            .get_result(connection)?,
        Limited::Tokens => tokens::table
            .inner_join(token_secrets::table)
            .filter(tokens::organization_id.eq(organization).and(tokens::kind.eq_any(TOKENS)))
            .filter(token_secrets::is_current.and(active_at(now)))
            .count()
            .get_result(connection)?,
    })
}

/// The kinds that are no API keys, by which the index finds them among thousands of keys.
const TOKENS: [TokenKind; 2] = [TokenKind::Personal, TokenKind::ServiceAccount];

/// Whether an organization may have one more of something. Counted with its row locked, in the transaction that adds the
/// one, so that of two who take the last place one gets it.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when the organization is gone.
pub fn room(
    tx: &mut Tx<'_>,
    organization: &OrganizationId,
    what: Limited,
    now: Timestamp,
) -> Result<std::result::Result<(), Full>> {
    lock(tx, organization)?;
    Ok(full(tx, organization, what, now)?.map_or(Ok(()), Err))
}

/// Whether there is no room for one more of something at this moment, for pages: whatever adds one asks for [`room`].
///
/// # Errors
/// When the database refuses.
pub fn full(
    connection: &mut Connection,
    organization: &OrganizationId,
    what: Limited,
    now: Timestamp,
) -> Result<Option<Full>> {
    let Some(limit) = find(connection, organization)?.limit(what) else { return Ok(None) };
    let used = used(connection, organization, what, now)?;
    Ok((used >= limit).then_some(Full { what, used, limit }))
}

/// Those of some organizations in which there is no room for one more token.
///
/// # Errors
/// When the database refuses.
pub fn full_of_tokens(
    connection: &mut Connection,
    organizations: &[&OrganizationId],
    now: Timestamp,
) -> Result<Vec<(OrganizationId, Full)>> {
    let limited: Vec<OrganizationId> = licenses::table
        .filter(licenses::organization_id.eq_any(organizations).and(licenses::tokens.is_not_null()))
        .select(licenses::organization_id)
        .load(connection)?;
    let mut those = Vec::new();
    for id in limited {
        those.extend(full(connection, &id, Limited::Tokens, now)?.map(|full| (id, full)));
    }
    Ok(those)
}

/// What a license counts, beside what there is of it.
///
/// # Errors
/// When the database refuses.
pub fn usage(
    connection: &mut Connection,
    organization: &OrganizationId,
    now: Timestamp,
) -> Result<(License, Vec<(Limited, i64)>)> {
    let license = find(connection, organization)?;
    let count = |what: &Limited| used(connection, organization, *what, now).map(|used| (*what, used));
    Ok((license, Limited::ALL.iter().map(count).collect::<Result<_>>()?))
}

/// Sets an organization's license. What there is beyond it stays; only nothing is added.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when there is no such organization.
pub fn set(
    tx: &mut Tx<'_>,
    who: &AdministratorConfirmed,
    now: Timestamp,
    organization: &OrganizationId,
    license: &License,
) -> Result<()> {
    let actor = who.actor(tx, now)?;
    lock(tx, organization)?;
    if find(tx, organization)? == *license {
        return Ok(());
    }
    let values = (
        licenses::plan.eq(&license.plan),
        licenses::members.eq(license.members),
        licenses::teams.eq(license.teams),
        licenses::api_keys.eq(license.api_keys),
        licenses::service_accounts.eq(license.service_accounts),
        licenses::tokens.eq(license.tokens),
        licenses::changed_at.eq(now),
    );
    if diesel::update(licenses::table.find(organization)).set(values).execute(&mut **tx)? == 0 {
        let row = (licenses::organization_id.eq(organization), values);
        diesel::insert_into(licenses::table).values(row).execute(&mut **tx)?;
    }
    let name: String = organizations::table.find(organization).select(organizations::name).get_result(&mut **tx)?;
    let limits = Limited::ALL.iter().map(|what| {
        let limit = license.limit(*what).map_or_else(|| "no limit".to_owned(), |limit| limit.to_string());
        format!("{}: {limit}", what.as_str())
    });
    let detail = format!("{}; {}", license.plan, limits.collect::<Vec<_>>().join(", "));
    let event = Event {
        action: Action::LicenseChanged,
        user: None,
        organization: Some(organization),
        subject_id: organization.as_str(),
        subject_name: &name,
        detail: &detail,
    };
    record(tx, &actor, now, &event)
}
