//! Teams: groups of members, each of which adds a role to what its members may do.

pub mod api;
pub mod pages;
mod queries;
pub(crate) mod views;

use diesel::prelude::*;

pub use queries::{PAGE, Team, all, count, find, list, of_member, people};

use super::license::{Full, Limited, room};
use super::member::Acting;
use super::policy::Rights;
use super::roles::Choice;
use crate::audit::{Action, renamed, went};
use crate::catalogue::{Catalogue, Role};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::db::schema::{members, team_members, teams};
use crate::error::Result;
use crate::ids::{OrganizationId, TeamId, UserId};
use crate::users::email_key;

/// A team to be, checked.
#[derive(Debug, Clone)]
pub struct NewTeam {
    /// What it is called.
    pub name: String,
    /// What is said of it.
    pub description: String,
    /// The role that it adds; `None` adds nothing.
    pub role: Option<(Choice, Rights)>,
}

impl NewTeam {
    fn role(&self) -> Option<&Choice> {
        self.role.as_ref().map(|(choice, _)| choice)
    }
}

/// What came of a wish to change teams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is done, to so many.
    Done(usize),
    /// It gives, or would give, more than whoever asks may do.
    Beyond,
    /// A team can't own the organization: owners are people, so that there is always one.
    Owner,
    /// Another team has this name.
    NameTaken,
    /// The license has no room for another.
    Full(Full),
}

/// Whether whoever acts may have a team with this role.
fn may_give(acting: &Acting, role: Option<&(Choice, Rights)>) -> Result<(), Outcome> {
    match role {
        Some((choice, _)) if choice.role == Role::Owner => Err(Outcome::Owner),
        Some((_, rights)) if !acting.rights().covers(rights) => Err(Outcome::Beyond),
        _ => Ok(()),
    }
}

fn role_columns(
    new: &NewTeam,
) -> (diesel::dsl::Eq<teams::role, Option<Role>>, diesel::dsl::Eq<teams::role_id, Option<crate::ids::RoleId>>) {
    let choice = new.role();
    (teams::role.eq(choice.map(|choice| choice.role)), teams::role_id.eq(choice.and_then(|choice| choice.id.clone())))
}

/// Makes a team, with nobody in it.
///
/// # Errors
/// When the database refuses.
pub fn create(tx: &mut Tx<'_>, acting: &Acting, now: Timestamp, new: &NewTeam) -> Result<(TeamId, Outcome)> {
    let (id, organization) = (TeamId::new(), &acting.organization().id);
    if let Err(refusal) = may_give(acting, new.role.as_ref()) {
        return Ok((id, refusal));
    }
    if let Err(full) = room(tx, organization, Limited::Teams, now)? {
        return Ok((id, Outcome::Full(full)));
    }
    if queries::is_named(tx, organization, &new.name, None)? {
        return Ok((id, Outcome::NameTaken));
    }
    diesel::insert_into(teams::table)
        .values((
            teams::id.eq(&id),
            teams::organization_id.eq(organization),
            teams::name.eq(&new.name),
            teams::name_key.eq(email_key(&new.name)),
            teams::description.eq(&new.description),
            role_columns(new),
            teams::created_at.eq(now),
        ))
        .execute(&mut **tx)?;
    let detail = role_called(tx, organization, new.role(), "no role")?;
    acting.record(tx, now, Action::TeamCreated, None, (id.as_str(), &new.name, &detail))?;
    Ok((id, Outcome::Done(1)))
}

/// A team's role, for the log.
fn role_called(tx: &mut Tx<'_>, organization: &OrganizationId, role: Option<&Choice>, none: &str) -> Result<String> {
    role.map_or_else(|| Ok(none.to_owned()), |role| super::roles::called(tx, organization, role))
}

/// Changes a team's name or role, for everybody in it. Where nothing is different, nothing is done or logged.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is not one of this organization's.
pub fn change(
    tx: &mut Tx<'_>,
    acting: &Acting,
    now: Timestamp,
    id: &TeamId,
    new: &NewTeam,
    catalogue: &Catalogue,
) -> Result<Outcome> {
    let organization = &acting.organization().id;
    let before = find(tx, organization, id)?;
    if let Err(refusal) = may_give(acting, new.role.as_ref()) {
        return Ok(refusal);
    }
    if !acting.rights().covers(&before.rights(catalogue)) {
        return Ok(Outcome::Beyond);
    }
    if queries::is_named(tx, organization, &new.name, Some(id))? {
        return Ok(Outcome::NameTaken);
    }
    let mut parts = renamed((&before.name, &before.description), (&new.name, &new.description));
    let had = before.choice();
    if had.as_ref() != new.role() {
        let mut called = |role| role_called(tx, organization, role, "none");
        parts.push(format!("role {}", went(&called(had.as_ref())?, &called(new.role())?)));
    }
    if parts.is_empty() {
        return Ok(Outcome::Done(0));
    }
    diesel::update(teams::table.find(id))
        .set((
            teams::name.eq(&new.name),
            teams::name_key.eq(email_key(&new.name)),
            teams::description.eq(&new.description),
            role_columns(new),
        ))
        .execute(&mut **tx)?;
    acting.record(tx, now, Action::TeamChanged, None, (id.as_str(), &new.name, &parts.join("; ")))?;
    Ok(Outcome::Done(1))
}

/// Ends a team. Its members stay members; what it added to their rights is gone in the same moment.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is not one of this organization's.
pub fn delete(tx: &mut Tx<'_>, acting: &Acting, now: Timestamp, id: &TeamId, catalogue: &Catalogue) -> Result<Outcome> {
    let team = find(tx, &acting.organization().id, id)?;
    if !acting.rights().covers(&team.rights(catalogue)) {
        return Ok(Outcome::Beyond);
    }
    diesel::delete(teams::table.find(id)).execute(&mut **tx)?;
    acting.record(tx, now, Action::TeamDeleted, None, (id.as_str(), &team.name, ""))?;
    Ok(Outcome::Done(1))
}

/// Puts members into a team; who is in it already, in as many as can be, or is no member of the organization, is passed over.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is not one of this organization's.
pub fn add(
    tx: &mut Tx<'_>,
    acting: &Acting,
    now: Timestamp,
    id: &TeamId,
    users: &[UserId],
    catalogue: &Catalogue,
) -> Result<Outcome> {
    let organization = &acting.organization().id;
    let team = find(tx, organization, id)?;
    if !acting.rights().covers(&team.rights(catalogue)) {
        return Ok(Outcome::Beyond);
    }
    let in_it = team_members::table.filter(team_members::team_id.eq(id)).select(team_members::user_id);
    let those: Vec<UserId> = members::table
        .filter(members::organization_id.eq(organization).and(members::user_id.eq_any(users)))
        .filter(diesel::dsl::not(members::user_id.eq_any(in_it)))
        .order(members::user_id)
        .select(members::user_id)
        .load(&mut **tx)?;
    let mut added = 0;
    for user in &those {
        if put_in(tx, organization, id, user, now)? {
            acting.record(tx, now, Action::TeamMemberAdded, Some(user), (user.as_str(), "", &team.name))?;
            added += 1;
        }
    }
    Ok(Outcome::Done(added))
}

/// In so many teams of an organization a member can be: each is a row of every check of what they may do.
pub const MOST_OF_A_MEMBER: i64 = 50;

/// Writes that a member is in a team, unless they are in as many as can be; the organization's row is locked by then.
pub(super) fn put_in(
    tx: &mut Tx<'_>,
    organization: &OrganizationId,
    id: &TeamId,
    user: &UserId,
    now: Timestamp,
) -> Result<bool> {
    let theirs = team_members::organization_id.eq(organization).and(team_members::user_id.eq(user));
    let count: i64 = team_members::table.filter(theirs).count().get_result(&mut **tx)?;
    if count >= MOST_OF_A_MEMBER {
        return Ok(false);
    }
    diesel::insert_into(team_members::table)
        .values((
            team_members::team_id.eq(id),
            team_members::user_id.eq(user),
            team_members::organization_id.eq(organization),
            team_members::created_at.eq(now),
        ))
        .execute(&mut **tx)?;
    Ok(true)
}

/// Takes a member out of a team; who is in none is left alone.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is not one of this organization's.
pub fn take_out(
    tx: &mut Tx<'_>,
    acting: &Acting,
    now: Timestamp,
    id: &TeamId,
    user: &UserId,
    catalogue: &Catalogue,
) -> Result<Outcome> {
    let team = find(tx, &acting.organization().id, id)?;
    if !acting.rights().covers(&team.rights(catalogue)) {
        return Ok(Outcome::Beyond);
    }
    let gone = diesel::delete(team_members::table.find((id, user))).execute(&mut **tx)?;
    if gone == 1 {
        acting.record(tx, now, Action::TeamMemberRemoved, Some(user), (user.as_str(), "", &team.name))?;
    }
    Ok(Outcome::Done(gone))
}
