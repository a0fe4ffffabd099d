//! The verbs of organizations themselves.

use diesel::prelude::*;

use super::Kind;
use super::member::Acting;
use super::members::tell;
use super::policy::{Rights, may_change};
use super::queries::{Which, owners, standing};
use super::roles::Choice;
use crate::audit::{Action, Event, record};
use crate::auth::SignedIn;
use crate::auth::throttle::{self, Door};
use crate::catalogue::{Catalogue, Role};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::db::schema::{members, organizations, sessions, users};
use crate::error::{Error, Result};
use crate::ids::{OrganizationId, UserId};
use crate::tokens;
use crate::users::{UserStatus, email_key, search_key};

/// What an organization is called: checked.
#[derive(Debug, Clone)]
pub struct Named {
    /// For people.
    pub name: String,
    /// In addresses.
    pub slug: String,
}

/// Where organizations that somebody makes are counted.
pub fn door(who: &SignedIn) -> Door {
    (format!("organizations by {}", who.account().user_id), throttle::ORGANIZATIONS)
}

/// Makes a shared organization, owned by whoever asks, and has them work in it.
///
/// # Errors
/// [`Error::Taken`] when the slug is; when the database refuses.
pub fn create(tx: &mut Tx<'_>, who: &SignedIn, now: Timestamp, new: &Named) -> Result<OrganizationId> {
    let actor = who.actor(tx, now)?;
    let (id, user) = (OrganizationId::new(), &who.account().user_id);
    diesel::insert_into(organizations::table)
        .values((
            organizations::id.eq(&id),
            organizations::kind.eq(Kind::Shared),
            organizations::slug.eq(&new.slug),
            organizations::name.eq(&new.name),
            organizations::created_at.eq(now),
        ))
        .execute(&mut **tx)?;
    join(tx, &id, user, &Choice::built_in(Role::Owner), now)?;
    work_in(tx, who, &id)?;
    let event = Event {
        action: Action::OrganizationCreated,
        user: Some(user),
        organization: Some(&id),
        subject_id: id.as_str(),
        subject_name: &new.name,
        detail: "",
    };
    record(tx, &actor, now, &event)?;
    Ok(id)
}

/// Makes somebody a member.
///
/// # Errors
/// [`Error::Taken`] when they are one.
pub fn join(tx: &mut Tx<'_>, to: &OrganizationId, user: &UserId, role: &Choice, now: Timestamp) -> Result<()> {
    let (first, last, email): (String, String, String) =
        users::table.find(user).select((users::first_name, users::last_name, users::email)).get_result(&mut **tx)?;
    diesel::insert_into(members::table)
        .values((
            members::organization_id.eq(to),
            members::user_id.eq(user),
            members::role.eq(role.role),
            members::role_id.eq(&role.id),
            members::name_key.eq(search_key(&first, &last, &email)),
            members::created_at.eq(now),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// Has a login work in an organization: what the header shows, and what pages without an organization in their address
/// are about. Their next login begins there, too.
pub(super) fn work_in(tx: &mut Tx<'_>, who: &SignedIn, organization: &OrganizationId) -> Result<()> {
    let login = sessions::table.find(&who.account().session_id);
    diesel::update(login).set(sessions::organization_id.eq(organization)).execute(&mut **tx)?;
    begin_in(tx, &who.account().user_id, organization)
}

/// Has somebody's next login begin in an organization.
///
/// # Errors
/// When the database refuses.
pub fn begin_in(tx: &mut Tx<'_>, user: &UserId, organization: &OrganizationId) -> Result<()> {
    diesel::update(users::table.find(user)).set(users::works_in.eq(organization.as_str())).execute(&mut **tx)?;
    Ok(())
}

/// Has a member's login work in this organization.
///
/// # Errors
/// When the database refuses.
pub fn switch(tx: &mut Tx<'_>, who: &SignedIn, acting: &Acting) -> Result<()> {
    work_in(tx, who, &acting.organization().id)
}

/// Renames it.
///
/// # Errors
/// [`Error::Taken`] when the slug is; when the database refuses.
pub fn rename(tx: &mut Tx<'_>, acting: &Acting, now: Timestamp, new: &Named) -> Result<()> {
    let organization = acting.organization();
    if (&organization.name, &organization.slug) == (&new.name, &new.slug) {
        return Ok(());
    }
    diesel::update(organizations::table.find(&organization.id))
        .set((organizations::name.eq(&new.name), organizations::slug.eq(&new.slug)))
        .execute(&mut **tx)?;
    let detail = if organization.slug == new.slug { "name" } else { "name or address" };
    let subject = (organization.id.as_str(), new.name.as_str(), detail);
    acting.record(tx, now, Action::OrganizationChanged, None, subject)
}

/// Ends it, with everything that it has. What happened in it stays in the instance's log.
///
/// # Errors
/// [`Error::Problem`] for a service account; when the database refuses.
pub fn delete(tx: &mut Tx<'_>, acting: &Acting, now: Timestamp) -> Result<()> {
    let organization = acting.organization();
    let subject = (organization.id.as_str(), organization.name.as_str(), "");
    acting.record(tx, now, Action::OrganizationDeleted, Some(acting.person()?), subject)?;
    tokens::policies::forget(tx, &organization.id)?;
    diesel::delete(organizations::table.find(&organization.id)).execute(&mut **tx)?;
    Ok(())
}

/// What came of handing over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandedOver {
    /// They own it now.
    Yes,
    /// Nobody with this address is a member.
    NoMember,
    /// That is oneself.
    Oneself,
}

/// Makes another member the owner; whoever asks stays, as an administrator of it.
///
/// # Errors
/// [`Error::Problem`] for a service account; when the database refuses.
pub fn hand_over(tx: &mut Tx<'_>, acting: &Acting, now: Timestamp, email: &str) -> Result<HandedOver> {
    let (organization, owner) = (&acting.organization().id, acting.person()?);
    let heir: Option<UserId> = members::table
        .inner_join(users::table)
        .filter(members::organization_id.eq(organization).and(users::email_key.eq(email_key(email))))
        .filter(users::status.eq(UserStatus::Active))
        .select(users::id)
        .get_result(&mut **tx)
        .optional()?;
    let Some(heir) = heir else { return Ok(HandedOver::NoMember) };
    if heir == *owner {
        return Ok(HandedOver::Oneself);
    }
    for (user, role) in [(&heir, Role::Owner), (owner, Role::Admin)] {
        set_role(tx, organization, user, &Choice::built_in(role))?;
    }
    acting.record(tx, now, Action::OrganizationHandedOver, Some(&heir), (heir.as_str(), "", ""))?;
    let more = "You are its owner now: you can change everything there, hand it on, and delete it.";
    tell(tx, acting, now, &heir, ("The organization", "was handed over to you", more))?;
    Ok(HandedOver::Yes)
}

/// Writes a member's role.
pub(super) fn set_role(tx: &mut Tx<'_>, organization: &OrganizationId, user: &UserId, role: &Choice) -> Result<()> {
    let member = members::table.find((organization, user));
    let set = (members::role.eq(role.role), members::role_id.eq(&role.id));
    if diesel::update(member).set(set).execute(&mut **tx)? == 1 { Ok(()) } else { Err(Error::NotFound) }
}

/// What a member has at this moment, and whether `acting` may take them to `after`; `None` is out.
pub(super) fn check_change(
    tx: &mut Tx<'_>,
    acting: &Acting,
    user: &UserId,
    after: Option<&Rights>,
    catalogue: &Catalogue,
) -> Result<std::result::Result<(), super::policy::Refusal>> {
    let organization = &acting.organization().id;
    let found = standing(tx, user, Which::Id(organization))?.ok_or(Error::NotFound)?;
    let before = Rights::of(&found.standing, Kind::Shared, catalogue);
    Ok(may_change(acting.rights(), &before, after, owners(tx, organization, user)?))
}

/// Follows a user's new name or address into the lists of members.
///
/// # Errors
/// When the database refuses.
pub fn know_as(tx: &mut Tx<'_>, user: &UserId) -> Result<()> {
    let (first, last, email): (String, String, String) =
        users::table.find(user).select((users::first_name, users::last_name, users::email)).get_result(&mut **tx)?;
    diesel::update(members::table.filter(members::user_id.eq(user)))
        .set(members::name_key.eq(search_key(&first, &last, &email)))
        .execute(&mut **tx)?;
    Ok(())
}
