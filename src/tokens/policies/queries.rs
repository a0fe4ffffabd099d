//! What is set and what holds; and which tokens a policy would cut.

use diesel::IntoSql;
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::Realm;
use crate::clock::{DAY, Timestamp};
use crate::config::TokenConfig;
use crate::db::Connection;
use crate::db::schema::{members, token_policies, token_secrets, tokens, users};
use crate::error::Result;
use crate::ids::{OrganizationId, TokenId, UserId};
use crate::tokens::TokenKind;
use crate::tokens::policy::{Rule, TokenPolicy};
use crate::tokens::queries::{active_at, rule};

/// A live token that outlives what the rules allow.
#[derive(Debug, Clone, Queryable)]
pub struct Beyond {
    /// Which.
    pub id: TokenId,
    /// What its owner calls it.
    pub name: String,
    /// Whose.
    pub user: UserId,
    /// Their first name, last name and address.
    pub owner: (String, String, String),
    /// When its secret was made.
    pub made: Timestamp,
    /// When it ends; `None` is never.
    pub expires: Option<Timestamp>,
    /// The one organization that it is for.
    pub organization: Option<OrganizationId>,
    /// When it was last used.
    pub last_used: Option<Timestamp>,
}

impl Beyond {
    /// When it ends once it is cut: as if it had been made under these rules, but not before now.
    pub fn cut_to(&self, policy: &TokenPolicy, now: Timestamp) -> Timestamp {
        policy.end_of(self.made).max(now)
    }
}

/// In SQL, the live secrets that [`TokenPolicy::allows`] refuses; a test holds the two together. What never ends comes after
/// every end, so it needs a question of its own only where "never" is allowed.
macro_rules! beyond {
    ($policy:expr, $now:expr) => {{
        let policy: &TokenPolicy = $policy;
        let ends = token_secrets::expires_at.is_not_null().or((!policy.allow_never).into_sql::<Bool>());
        token_secrets::ends_at.gt(token_secrets::created_at + policy.max_days * DAY).and(active_at($now)).and(ends)
    }};
}

/// The tokens of a realm of whose secrets a policy refuses the current one, or the one before it.
macro_rules! tokens_beyond {
    ($realm:expr, $policy:expr, $now:expr) => {
        tokens_beyond!($realm, $policy, $now, token_secrets::is_current)
    };
    ($realm:expr, $policy:expr, $now:expr, $which:expr) => {{
        let mut query = tokens::table
            .inner_join(token_secrets::table)
            .inner_join(users::table.on(users::id.nullable().eq(tokens::user_id)))
            .filter(tokens::kind.eq(TokenKind::Personal).and($which))
            .filter(beyond!($policy, $now))
            .into_boxed();
        if let Some(organization) = $realm.organization() {
            query = query.filter(tokens::organization_id.eq(organization));
        }
        query
    }};
}

pub(super) use beyond;

/// How many of them a page shows.
pub const PAGE: i64 = 50;

/// How many tokens a policy would cut.
///
/// # Errors
/// When the database refuses.
pub fn count_beyond(connection: &mut Connection, realm: &Realm, policy: &TokenPolicy, now: Timestamp) -> Result<i64> {
    Ok(tokens_beyond!(realm, policy, now).count().get_result(connection)?)
}

/// The names of the tokens whose old secret, which works beside its new one for a while, a policy would cut.
pub(super) fn old_beyond(
    connection: &mut Connection,
    realm: &Realm,
    policy: &TokenPolicy,
    now: Timestamp,
) -> Result<Vec<String>> {
    let query = tokens_beyond!(realm, policy, now, diesel::dsl::not(token_secrets::is_current));
    Ok(query.order(tokens::id).select(tokens::name).load(connection)?)
}

/// How many of those would end at once: what they may live is over.
pub(super) fn count_over(
    connection: &mut Connection,
    realm: &Realm,
    policy: &TokenPolicy,
    now: Timestamp,
) -> Result<i64> {
    let over = token_secrets::created_at.le(now.plus(-policy.max_days * DAY));
    Ok(tokens_beyond!(realm, policy, now).filter(over).count().get_result(connection)?)
}

/// How many people have more tokens than one may have: of all their own, or of those for an organization.
pub(super) fn count_above(connection: &mut Connection, realm: &Realm, most: i64) -> Result<i64> {
    /// Those who have more of some tokens.
    macro_rules! people_above {
        ($tokens:expr) => {
            users::table.filter(
                users::id.nullable().eq_any(
                    $tokens
                        .filter(tokens::kind.eq(TokenKind::Personal))
                        .group_by(tokens::user_id)
                        .having(count_star().gt(most))
                        .select(tokens::user_id),
                ),
            )
        };
    }
    Ok(match realm.organization() {
        None => people_above!(tokens::table).count().get_result(connection)?,
        Some(organization) => {
            let there = tokens::table.filter(tokens::organization_id.eq(organization));
            people_above!(there).count().get_result(connection)?
        }
    })
}

/// The tokens that a policy would cut, in the order of their ids: those after one, as many as a page shows and one more; or
/// all of them.
pub(super) fn list_beyond(
    connection: &mut Connection,
    realm: &Realm,
    policy: &TokenPolicy,
    page_after: Option<&str>,
    now: Timestamp,
) -> Result<Vec<Beyond>> {
    let mut query = tokens_beyond!(realm, policy, now).order(tokens::id).select((
        tokens::id,
        tokens::name,
        users::id,
        (users::first_name, users::last_name, users::email),
        token_secrets::created_at,
        token_secrets::expires_at,
        tokens::organization_id,
        token_secrets::last_used_at,
    ));
    if let Some(after) = page_after {
        query = query.filter(tokens::id.gt(after.to_owned())).limit(PAGE + 1);
    }
    Ok(query.load(connection)?)
}

/// How many of its members' tokens for all of their organizations outlive what an organization allows: they stay as they
/// are, and do not work there.
pub(super) fn count_kept_out(
    connection: &mut Connection,
    organization: &OrganizationId,
    policy: &TokenPolicy,
    now: Timestamp,
) -> Result<i64> {
    let theirs = members::table.filter(members::organization_id.eq(organization)).select(members::user_id.nullable());
    let query = tokens::table
        .inner_join(token_secrets::table)
        .filter(tokens::kind.eq(TokenKind::Personal).and(token_secrets::is_current))
        .filter(tokens::organization_id.is_null().and(tokens::user_id.eq_any(theirs)))
        .filter(beyond!(policy, now));
    Ok(query.count().get_result(connection)?)
}

/// What is set, and what holds.
#[derive(Debug, Clone)]
pub struct Present {
    /// What holds where nothing is set.
    pub base: TokenPolicy,
    /// What is set.
    pub rule: Rule,
    /// What holds.
    pub policy: TokenPolicy,
    /// How often it was changed.
    pub version: i64,
}

impl Present {
    /// What holds, for the page that leads to the rules: "Valid for 30 days at most, 2 for each person".
    pub fn in_words(&self) -> String {
        let mut words = match (self.policy.allow_never, self.policy.max_days) {
            (true, days) => format!("Valid for {days} days at most, or for ever"),
            (false, 1) => "Valid for 1 day at most".to_owned(),
            (false, days) => format!("Valid for {days} days at most"),
        };
        if let Some(most) = self.rule.max_per_user {
            words = format!("{words}, {most} for each person");
        }
        if self.rule == Rule::default() { format!("{words}, as everywhere on this instance") } else { words }
    }
}

/// The rules of a realm as they are.
///
/// # Errors
/// When the database refuses.
pub fn present(connection: &mut Connection, config: &TokenConfig, realm: &Realm) -> Result<Present> {
    let (base, rule) = (realm.base(connection, config)?, rule(connection, realm.id())?);
    let version = version(connection, realm)?.unwrap_or_default();
    Ok(Present { policy: realm.with(base.clone(), rule.clone()), base, rule, version })
}

fn version(connection: &mut Connection, realm: &Realm) -> Result<Option<i64>> {
    let row = token_policies::table.find(realm.id()).select(token_policies::changes);
    Ok(row.get_result(connection).optional()?)
}
