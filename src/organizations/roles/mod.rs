//! Roles: the built-in ones, and an organization's own, each a list of rights over the catalogue and over the
//! organization's own matters.

pub mod api;
mod holders;
pub mod pages;
pub(crate) mod views;

use diesel::prelude::*;

pub use holders::{Held, Holders, holders};

use super::member::Acting;
use super::policy::Rights;
use crate::audit::{Action, renamed};
use crate::catalogue::{Catalogue, Role};
use crate::clock::Timestamp;
use crate::db::schema::roles;
use crate::db::{Connection, Tx};
use crate::error::Result;
use crate::ids::{OrganizationId, RoleId};
use crate::users::email_key;

/// How many roles of its own an organization may have.
pub const MOST: i64 = 50;

/// A role that can be held: a built-in one, or one of the organization's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Which; [`Role::Own`] with an id, and only with one.
    pub role: Role,
    /// Which of the organization's own.
    pub id: Option<RoleId>,
}

impl Choice {
    /// One of the four.
    pub fn built_in(role: Role) -> Self {
        Self { role, id: None }
    }

    /// One of the organization's own.
    pub fn own(id: RoleId) -> Self {
        Self { role: Role::Own, id: Some(id) }
    }

    /// As forms write it: the built-in role's word, or the own one's id.
    pub fn word(&self) -> &str {
        self.id.as_ref().map_or(self.role.as_str(), RoleId::as_str)
    }
}

/// One of an organization's own roles.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = roles)]
pub struct OwnRole {
    /// Its id.
    pub id: RoleId,
    /// What it is called.
    pub name: String,
    /// What is said of it.
    pub description: String,
    /// What it allows.
    pub rights: String,
}

/// A role to be, checked.
#[derive(Debug, Clone)]
pub struct NewRole {
    /// What it is called.
    pub name: String,
    /// What is said of it.
    pub description: String,
    /// What it allows.
    pub rights: Rights,
}

/// What came of a wish to change roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is done, to this role.
    Done(RoleId),
    /// It allows, or would allow, more than whoever asks may do.
    Beyond,
    /// Another role has this name.
    NameTaken,
    /// There are as many as there may be.
    TooMany,
    /// So many members, teams and service accounts have it.
    InUse(i64),
}

/// Why a role can't go that so many have.
pub(super) fn in_use(holders: i64) -> String {
    let who = if holders == 1 {
        "One member, team or service account has it"
    } else {
        &format!("{holders} members, teams and service accounts have it")
    };
    format!("{who}. Give them another role first")
}

/// An organization's own roles, by name.
///
/// # Errors
/// When the database refuses.
pub fn list(connection: &mut Connection, organization: &OrganizationId) -> Result<Vec<OwnRole>> {
    Ok(roles::table
        .filter(roles::organization_id.eq(organization))
        .order((roles::name_key, roles::id))
        .select(OwnRole::as_select())
        .load(connection)?)
}

/// What the log calls a role: a built-in one's word, or its name.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub fn called(tx: &mut Tx<'_>, organization: &OrganizationId, choice: &Choice) -> Result<String> {
    match &choice.id {
        Some(id) => Ok(find(tx, organization, id)?.name),
        None => Ok(choice.word().to_owned()),
    }
}

/// One of an organization's own roles.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub fn find(connection: &mut Connection, organization: &OrganizationId, id: &RoleId) -> Result<OwnRole> {
    let this = roles::table.find(id).filter(roles::organization_id.eq(organization));
    Ok(this.select(OwnRole::as_select()).get_result(connection)?)
}

/// The role that a form names, and what it allows.
///
/// # Errors
/// [`Error::NotFound`] when there is no such role in this organization.
pub fn chosen(
    connection: &mut Connection,
    organization: &OrganizationId,
    word: &str,
    catalogue: &Catalogue,
) -> Result<(Choice, Rights)> {
    if let Some(role) = Role::from_word(word).filter(|role| *role != Role::Own) {
        return Ok((Choice::built_in(role), Rights::of_role(role, None, catalogue)));
    }
    let own = find(connection, organization, &RoleId::from(word.to_owned()))?;
    let rights = Rights::of_role(Role::Own, Some(&own.rights), catalogue);
    Ok((Choice::own(own.id), rights))
}

fn is_named(tx: &mut Tx<'_>, organization: &OrganizationId, name: &str, but: Option<&RoleId>) -> Result<bool> {
    let same = roles::organization_id.eq(organization).and(roles::name_key.eq(email_key(name)));
    let found: Option<RoleId> = roles::table.filter(same).select(roles::id).get_result(&mut **tx).optional()?;
    Ok(found.is_some_and(|id| Some(&id) != but))
}

/// Makes a role.
///
/// # Errors
/// When the database refuses.
pub fn create(tx: &mut Tx<'_>, acting: &Acting, now: Timestamp, new: &NewRole) -> Result<Outcome> {
    let organization = &acting.organization().id;
    if !acting.rights().covers(&new.rights) {
        return Ok(Outcome::Beyond);
    }
    let count: i64 = roles::table.filter(roles::organization_id.eq(organization)).count().get_result(&mut **tx)?;
    if count >= MOST {
        return Ok(Outcome::TooMany);
    }
    if is_named(tx, organization, &new.name, None)? {
        return Ok(Outcome::NameTaken);
    }
    let id = RoleId::new();
    diesel::insert_into(roles::table)
        .values((
            roles::id.eq(&id),
            roles::organization_id.eq(organization),
            roles::name.eq(&new.name),
            roles::name_key.eq(email_key(&new.name)),
            roles::description.eq(&new.description),
            roles::rights.eq(new.rights.to_text()),
            roles::created_at.eq(now),
        ))
        .execute(&mut **tx)?;
    acting.record(tx, now, Action::RoleCreated, None, (id.as_str(), &new.name, ""))?;
    Ok(Outcome::Done(id))
}

/// Changes a role, for everybody who has it. Where nothing is different, nothing is done or logged.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub fn change(
    tx: &mut Tx<'_>,
    acting: &Acting,
    now: Timestamp,
    id: &RoleId,
    new: &NewRole,
    catalogue: &Catalogue,
) -> Result<Outcome> {
    let organization = &acting.organization().id;
    let before = find(tx, organization, id)?;
    let held = Rights::of_role(Role::Own, Some(&before.rights), catalogue);
    if !acting.rights().covers(&held) || !acting.rights().covers(&new.rights) {
        return Ok(Outcome::Beyond);
    }
    if is_named(tx, organization, &new.name, Some(id))? {
        return Ok(Outcome::NameTaken);
    }
    let rights = new.rights.to_text();
    let mut parts = renamed((&before.name, &before.description), (&new.name, &new.description));
    parts.extend(Some(difference(&before.rights, &rights)).filter(|rights| !rights.is_empty()));
    if parts.is_empty() {
        return Ok(Outcome::Done(before.id));
    }
    diesel::update(roles::table.find(id))
        .set((
            roles::name.eq(&new.name),
            roles::name_key.eq(email_key(&new.name)),
            roles::description.eq(&new.description),
            roles::rights.eq(&rights),
        ))
        .execute(&mut **tx)?;
    acting.record(tx, now, Action::RoleChanged, None, (id.as_str(), &new.name, &parts.join("; ")))?;
    Ok(Outcome::Done(before.id))
}

/// What was added and taken away, for the log.
fn difference(before: &str, after: &str) -> String {
    let missing = |from: &str, other: &str, sign: &str| {
        let not_there =
            from.split(' ').filter(|word| !word.is_empty() && !other.split(' ').any(|known| known == *word));
        not_there.map(|word| format!("{sign}{word}")).collect::<Vec<_>>()
    };
    [missing(after, before, "+"), missing(before, after, "-")].concat().join(" ")
}

/// Ends a role that nobody has.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub fn delete(tx: &mut Tx<'_>, acting: &Acting, now: Timestamp, id: &RoleId, catalogue: &Catalogue) -> Result<Outcome> {
    let organization = &acting.organization().id;
    let role = find(tx, organization, id)?;
    if !acting.rights().covers(&Rights::of_role(Role::Own, Some(&role.rights), catalogue)) {
        return Ok(Outcome::Beyond);
    }
    let holders = holders(tx, organization, &Choice::own(id.clone()))?.total();
    if holders > 0 {
        return Ok(Outcome::InUse(holders));
    }
    diesel::delete(roles::table.find(id)).execute(&mut **tx)?;
    acting.record(tx, now, Action::RoleDeleted, None, (id.as_str(), &role.name, ""))?;
    Ok(Outcome::Done(role.id))
}
