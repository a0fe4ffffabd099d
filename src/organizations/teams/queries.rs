//! Reading teams and who is in them.

use diesel::prelude::*;

use crate::catalogue::{Catalogue, Role};
use crate::db::Connection;
use crate::db::schema::{members, roles, team_members, teams};
use crate::error::Result;
use crate::ids::{OrganizationId, RoleId, TeamId, UserId};
use crate::organizations::members::{Listed, containing, listed};
use crate::organizations::policy::Rights;
use crate::organizations::roles::Choice;
use crate::users::email_key;

/// So many teams, or members of one, stand on a page.
pub const PAGE: i64 = 50;

/// A team.
#[derive(Debug, Clone, Queryable)]
pub struct Team {
    /// Its id.
    pub id: TeamId,
    /// What it is called.
    pub name: String,
    /// What is said of it.
    pub description: String,
    /// The role that it adds to those of its members; `None` adds nothing.
    pub role: Option<Role>,
    /// Which of the organization's own.
    pub role_id: Option<RoleId>,
    /// What that is called.
    pub role_name: Option<String>,
    /// What that allows.
    rights: Option<String>,
}

impl Team {
    /// What it adds to its members' rights.
    pub fn rights(&self, catalogue: &Catalogue) -> Rights {
        match self.role {
            Some(role) => Rights::of_role(role, self.rights.as_deref().filter(|_| role == Role::Own), catalogue),
            None => Rights::default(),
        }
    }

    /// Its role, if it has one.
    pub fn choice(&self) -> Option<Choice> {
        self.role.map(|role| Choice { role, id: self.role_id.clone() })
    }

    /// Its role as forms write it; nothing for none.
    pub fn role_word(&self) -> String {
        self.choice().map(|choice| choice.word().to_owned()).unwrap_or_default()
    }
}

macro_rules! team {
    ($organization:expr) => {
        teams::table
            .left_join(roles::table.on(roles::id.nullable().eq(teams::role_id)))
            .filter(teams::organization_id.eq($organization))
            .select((
                teams::id,
                teams::name,
                teams::description,
                teams::role,
                teams::role_id,
                roles::name.nullable(),
                roles::rights.nullable(),
            ))
    };
}

/// The teams whose name contains what was typed, by name, one page, with how many are in each; one more than that tells of
/// another.
///
/// # Errors
/// When the database refuses.
pub fn list(
    connection: &mut Connection,
    organization: &OrganizationId,
    search: &str,
    page: i64,
) -> Result<Vec<(Team, i64)>> {
    let mut those = team!(organization)
        .order((teams::name_key, teams::id))
        .limit(PAGE + 1)
        .offset(page.saturating_mul(PAGE))
        .into_boxed();
    if !search.trim().is_empty() {
        those = those.filter(teams::name_key.like(containing(search)).escape('\\'));
    }
    let those: Vec<Team> = those.load(connection)?;
    let counts: Vec<(TeamId, i64)> = team_members::table
        .filter(team_members::team_id.eq_any(those.iter().map(|team| &team.id)))
        .group_by(team_members::team_id)
        .select((team_members::team_id, diesel::dsl::count_star()))
        .load(connection)?;
    let count = |id: &TeamId| counts.iter().find(|(known, _)| known == id).map_or(0, |(_, count)| *count);
    Ok(those.into_iter().map(|team| (team.clone(), count(&team.id))).collect())
}

/// All of an organization's teams, by name: for a form that offers them.
///
/// # Errors
/// When the database refuses.
pub fn all(connection: &mut Connection, organization: &OrganizationId) -> Result<Vec<Team>> {
    Ok(team!(organization).order((teams::name_key, teams::id)).load(connection)?)
}

/// One of an organization's teams.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is not one of this organization's.
pub fn find(connection: &mut Connection, organization: &OrganizationId, id: &TeamId) -> Result<Team> {
    Ok(team!(organization).filter(teams::id.eq(id)).get_result(connection)?)
}

/// The teams that a member is in, by name.
///
/// # Errors
/// When the database refuses.
pub fn of_member(
    connection: &mut Connection,
    organization: &OrganizationId,
    user: &UserId,
) -> Result<Vec<(TeamId, String)>> {
    let theirs = team_members::organization_id.eq(organization).and(team_members::user_id.eq(user));
    Ok(team_members::table
        .inner_join(teams::table)
        .filter(theirs)
        .order((teams::name_key, teams::id))
        .select((teams::id, teams::name))
        .load(connection)?)
}

/// How many are in a team.
///
/// # Errors
/// When the database refuses.
pub fn count(connection: &mut Connection, id: &TeamId) -> Result<i64> {
    Ok(team_members::table.filter(team_members::team_id.eq(id)).count().get_result(connection)?)
}

/// Those in a team, or, without `inside`, those in the organization but not in it; by name, one page, and one more than that.
///
/// # Errors
/// When the database refuses.
pub fn people(
    connection: &mut Connection,
    organization: &OrganizationId,
    id: &TeamId,
    inside: bool,
    (search, page): (&str, i64),
) -> Result<Vec<Listed>> {
    let in_it = team_members::table.filter(team_members::team_id.eq(id)).select(team_members::user_id);
    let mut those = listed!()
        .filter(members::organization_id.eq(organization))
        .order((members::name_key, members::user_id))
        .limit(PAGE + 1)
        .offset(page.saturating_mul(PAGE))
        .into_boxed();
    those = if inside {
        those.filter(members::user_id.eq_any(in_it))
    } else {
        those.filter(diesel::dsl::not(members::user_id.eq_any(in_it)))
    };
    if !search.trim().is_empty() {
        those = those.filter(members::name_key.like(containing(search)).escape('\\'));
    }
    Ok(those.load(connection)?)
}

/// Whether another team of the organization has this name.
pub(super) fn is_named(
    connection: &mut Connection,
    organization: &OrganizationId,
    name: &str,
    but: Option<&TeamId>,
) -> Result<bool> {
    let same = teams::organization_id.eq(organization).and(teams::name_key.eq(email_key(name)));
    let found: Option<TeamId> = teams::table.filter(same).select(teams::id).get_result(connection).optional()?;
    Ok(found.is_some_and(|id| Some(&id) != but))
}
