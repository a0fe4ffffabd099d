//! Whom a policy would hit.

use diesel::prelude::*;

use super::Allowance;
use crate::catalogue::{Catalogue, Role};
use crate::clock::Timestamp;
use crate::db::Connection;
use crate::db::schema::{members, roles, team_members, teams, token_secrets, tokens, users};
use crate::error::Result;
use crate::ids::{OrganizationId, RoleId};
use crate::organizations::policy::{Right, Rights};
use crate::tokens::{TokenKind, active_at};
use crate::users::called;

/// So many are named; the rest is counted.
const NAMED: i64 = 10;

/// What would be hit, were it allowed no longer.
#[derive(Debug, Clone, Default)]
pub struct Hit {
    /// How many members.
    pub members: i64,
    /// How many tokens would stop altogether, being for this organization alone; of the members' keys, how many there are,
    /// which go on.
    pub tokens: i64,
    /// How many tokens for all of their owners' organizations would have nothing here any more.
    pub elsewhere: i64,
    /// The first of them: a member, and what it is called or how many they have.
    pub named: Vec<(String, String)>,
}

type Person = (String, String, String);

/// Whom it would hit.
///
/// # Errors
/// When the database refuses.
pub fn hits(
    connection: &mut Connection,
    organization: &OrganizationId,
    what: Allowance,
    catalogue: &Catalogue,
    now: Timestamp,
) -> Result<Hit> {
    match what {
        Allowance::PersonalTokens => personal_tokens(connection, organization, now),
        Allowance::MembersKeys => members_keys(connection, organization, catalogue, now),
    }
}

fn personal_tokens(connection: &mut Connection, organization: &OrganizationId, now: Timestamp) -> Result<Hit> {
    // The live personal tokens of this organization's members.
    macro_rules! theirs {
        () => {
            tokens::table
                .inner_join(token_secrets::table)
                .inner_join(users::table)
                .inner_join(members::table.on(members::user_id.nullable().eq(tokens::user_id)))
                .filter(members::organization_id.eq(organization))
                .filter(tokens::kind.eq(TokenKind::Personal).and(token_secrets::is_current))
                .filter(active_at(now))
        };
    }
    let bound = theirs!().filter(tokens::organization_id.eq(organization));
    let unbound = theirs!().filter(tokens::organization_id.is_null());
    let named: Vec<(Person, String)> = bound
        .order((members::name_key, tokens::id))
        .limit(NAMED)
        .select(((users::first_name, users::last_name, users::email), tokens::name))
        .load(connection)?;
    let counted = |connection: &mut Connection| -> Result<i64> {
        let either = tokens::organization_id.eq(organization).or(tokens::organization_id.is_null());
        let distinct = diesel::dsl::count(members::user_id).aggregate_distinct();
        Ok(theirs!().filter(either).select(distinct).get_result(connection)?)
    };
    Ok(Hit {
        tokens: theirs!().filter(tokens::organization_id.eq(organization)).count().get_result(connection)?,
        elsewhere: unbound.count().get_result(connection)?,
        members: counted(connection)?,
        named: named.into_iter().map(|((first, last, email), token)| (called(&first, &last, &email), token)).collect(),
    })
}

/// Those whose roles, their own or their teams', make keys and don't manage everybody's.
fn members_keys(
    connection: &mut Connection,
    organization: &OrganizationId,
    catalogue: &Catalogue,
    now: Timestamp,
) -> Result<Hit> {
    let own: Vec<(RoleId, String)> = roles::table
        .filter(roles::organization_id.eq(organization))
        .select((roles::id, roles::rights))
        .load(connection)?;
    // Which roles give a right: built-in ones, and the organization's own.
    let giving = |right: Right| {
        let has = |role: Role, list: Option<&str>| Rights::of_role(role, list, catalogue).may(right);
        let built_in: Vec<&str> = Role::ALL.iter().filter(|role| has(**role, None)).map(|role| role.as_str()).collect();
        let own: Vec<&str> =
            own.iter().filter(|(_, list)| has(Role::Own, Some(list))).map(|(id, _)| id.as_str()).collect();
        (built_in, own)
    };
    let (makes, manages) = (giving(Right::CreateKeys), giving(Right::DeleteKeys));
    // Whether one of those roles is a member's own, or that of a team that they are in.
    macro_rules! with {
        ($roles:expr) => {{
            let (built_in, own) = $roles;
            let of_team = teams::role
                .assume_not_null()
                .eq_any(built_in)
                .and(teams::role.is_not_null())
                .or(teams::role_id.assume_not_null().eq_any(own).and(teams::role_id.is_not_null()));
            let in_teams = team_members::table
                .inner_join(teams::table)
                .filter(teams::organization_id.eq(organization).and(of_team))
                .select(team_members::user_id);
            let own_role = members::role
                .eq_any(built_in)
                .or(members::role_id.assume_not_null().eq_any(own).and(members::role_id.is_not_null()));
            own_role.or(members::user_id.eq_any(in_teams))
        }};
    }
    macro_rules! those {
        () => {
            members::table
                .inner_join(users::table)
                .filter(members::organization_id.eq(organization))
                .filter(with!(&makes).and(diesel::dsl::not(with!(&manages))))
        };
    }
    let keys = tokens::organization_id.eq(organization).and(tokens::kind.eq(TokenKind::ApiKey));
    let live: i64 = tokens::table
        .inner_join(token_secrets::table)
        .filter(keys.and(token_secrets::is_current))
        .filter(active_at(now))
        .filter(tokens::user_id.eq_any(those!().select(users::id.nullable())))
        .count()
        .get_result(connection)?;
    let named: Vec<(Person, String)> = those!()
        .order((members::name_key, members::user_id))
        .limit(NAMED)
        .select(((users::first_name, users::last_name, users::email), users::email))
        .load(connection)?;
    Ok(Hit {
        members: those!().count().get_result(connection)?,
        tokens: live,
        elsewhere: 0,
        named: named.into_iter().map(|((first, last, email), of)| (called(&first, &last, &email), of)).collect(),
    })
}
