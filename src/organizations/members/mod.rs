//! Members: who is in an organization, with which role.

pub mod api;
pub mod pages;
mod queries;
pub(crate) mod views;

use diesel::prelude::*;

pub(crate) use queries::listed;
pub use queries::{Listed, PAGE, containing, count, find, list};

use super::member::Acting;
use super::policy::{Refusal, Rights};
use super::roles::Choice;
use super::service::{check_change, set_role};
use crate::audit::{Action, went};
use crate::auth::throttle;
use crate::catalogue::{Catalogue, Role};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::db::schema::{members, sessions};
use crate::error::{Error, Result};
use crate::ids::{OrganizationId, RoleId, ServiceAccountId, UserId};
use crate::mail::SecurityNotice;
use crate::organizations::invitations;
use crate::service_accounts::{self, HandedOver};
use crate::text::plain_name;
use crate::tokens;
use crate::urls;

/// Gives a member another role.
///
/// # Errors
/// [`Error::NotFound`] when they are no member.
pub fn change_role(
    tx: &mut Tx<'_>,
    acting: &Acting,
    now: Timestamp,
    user: &UserId,
    (role, rights): (&Choice, &Rights),
    catalogue: &Catalogue,
) -> Result<Result<(), Refusal>> {
    if let Err(refusal) = check_change(tx, acting, user, Some(rights), catalogue)? {
        return Ok(Err(refusal));
    }
    let before = held(tx, &acting.organization().id, user)?;
    if before == *role {
        return Ok(Ok(()));
    }
    if acting.user() != Some(user) {
        let door = format!("telling {user} of {} by {}", acting.organization().id, acting.counted_as());
        throttle::enter_with(tx, &(door, throttle::TELLING), now)?;
    }
    set_role(tx, &acting.organization().id, user, role)?;
    let name = super::roles::called(tx, &acting.organization().id, role)?;
    let detail = went(&super::roles::called(tx, &acting.organization().id, &before)?, &name);
    acting.record(tx, now, Action::MemberRoleChanged, Some(user), (user.as_str(), "", &detail))?;
    let more = format!("It is “{}” now, and holds at once, for your tokens, too.", plain_name(&name, "another role"));
    tell(tx, acting, now, user, ("Your role in", "changed", &more))?;
    Ok(Ok(()))
}

/// The role that they have. Where it is the new one, nothing changes, and nobody is told.
fn held(tx: &mut Tx<'_>, organization: &OrganizationId, user: &UserId) -> Result<Choice> {
    let member = members::table.find((organization, user)).select((members::role, members::role_id));
    let (role, id): (Role, Option<RoleId>) = member.get_result(&mut **tx)?;
    Ok(Choice { role, id })
}

/// Removes a member; everything that they had for this organization stops in the same moment, and for good: who is
/// invited again begins anew.
///
/// # Errors
/// [`Error::NotFound`] when they are no member.
pub fn remove(
    tx: &mut Tx<'_>,
    acting: &Acting,
    now: Timestamp,
    user: &UserId,
    catalogue: &Catalogue,
) -> Result<Result<(), Refusal>> {
    remove_handing(tx, acting, now, user, None, catalogue)
}

/// The same, but their keys go on for a service account: from now on they have its rights. Who leaves hands nothing over.
///
/// # Errors
/// [`Error::NotFound`] when they are no member, or there is no such service account in this organization.
pub fn remove_handing(
    tx: &mut Tx<'_>,
    acting: &Acting,
    now: Timestamp,
    user: &UserId,
    heir: Option<&ServiceAccountId>,
    catalogue: &Catalogue,
) -> Result<Result<(), Refusal>> {
    if let Err(refusal) = check_change(tx, acting, user, None, catalogue)? {
        return Ok(Err(refusal));
    }
    if let Some(heir) = heir {
        if acting.user() == Some(user) {
            return Ok(Err(Refusal::Leaving));
        }
        match service_accounts::hand_over(tx, acting, now, user, heir, catalogue)? {
            HandedOver::Keys(_) => {}
            HandedOver::Refused => return Ok(Err(Refusal::Beyond)),
        }
    }
    service_accounts::stand_down(tx, &acting.organization().id, user)?;
    invitations::end_of_member(tx, user, &acting.organization().id)?;
    let organization = &acting.organization().id;
    let stopped = tokens::end_in_organization(tx, user, organization, acting.actor(), now)?;
    let member = members::table.find((organization, user));
    if diesel::delete(member).execute(&mut **tx)? != 1 {
        return Err(Error::NotFound);
    }
    let working = sessions::table.filter(sessions::user_id.eq(user).and(sessions::organization_id.eq(organization)));
    diesel::update(working).set(sessions::organization_id.eq(None::<String>)).execute(&mut **tx)?;
    let action = if acting.user() == Some(user) { Action::MemberLeft } else { Action::MemberRemoved };
    let detail = match stopped {
        0 => String::new(),
        1 => "1 token or key stopped".to_owned(),
        many => format!("{many} tokens and keys stopped"),
    };
    acting.record(tx, now, action, Some(user), (user.as_str(), "", &detail))?;
    let more = "Your role there is gone, and what you had for it alone stopped working.";
    tell(tx, acting, now, user, ("Your membership of", "ended", more))?;
    Ok(Ok(()))
}

/// Tells a member by mail what somebody else did about them: what of the organization's, how, and what follows.
pub(super) fn tell(
    tx: &mut Tx<'_>,
    acting: &Acting,
    now: Timestamp,
    user: &UserId,
    (what, how, more): (&str, &str, &str),
) -> Result<()> {
    let origin = acting.actor().origin();
    let Some(notices) = origin.notices.as_ref().filter(|_| acting.user() != Some(user)) else { return Ok(()) };
    let organization = acting.organization();
    let what = format!("{what} {} {how}", plain_name(&organization.name, &organization.slug));
    let notice =
        SecurityNotice::new(what, more).saying("See your organizations", urls::organizations()).by(acting.called(tx)?);
    notices.send(tx, user, &notice, origin, now)
}

/// Lists a member as somebody to whom the organization's work can be directed, or no longer. Their own choice.
///
/// # Errors
/// [`Error::Problem`] for a service account; when the database refuses.
pub fn be_target(tx: &mut Tx<'_>, acting: &Acting, now: Timestamp, is_target: bool) -> Result<()> {
    let user = acting.person()?;
    let me = members::table.find((&acting.organization().id, user));
    let changed = diesel::update(me.filter(members::is_target.ne(is_target))).set(members::is_target.eq(is_target));
    if changed.execute(&mut **tx)? == 1 {
        let detail = if is_target { "is a target" } else { "is no target" };
        acting.record(tx, now, Action::MemberTargetChanged, Some(user), (user.as_str(), "", detail))?;
    }
    Ok(())
}
