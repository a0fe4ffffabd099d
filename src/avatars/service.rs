//! Setting, removing and finding pictures. Who may is the caller's: they hold the person's or the organization's capability.

use diesel::prelude::*;

use super::picture::{Picture, Size};
use crate::auth::capability::Owner;
use crate::auth::key::hex;
use crate::clock::Timestamp;
use crate::db::schema::{avatars, members, organizations, users};
use crate::db::{Connection, Tx};
use crate::error::{Error, Result};
use crate::ids::{OrganizationId, UserId};

diesel::alias!(members as theirs: Theirs);

/// Whose picture.
#[derive(Debug, Clone, Copy)]
pub enum Whose<'a> {
    /// A person's.
    User(&'a UserId),
    /// An organization's.
    Organization(&'a OrganizationId),
}

/// Puts a picture in the place of the one before.
///
/// # Errors
/// When the database refuses.
pub fn set(tx: &mut Tx<'_>, whose: Whose<'_>, picture: &Picture, now: Timestamp) -> Result<()> {
    remove(tx, whose)?;
    let name = hex(&crate::ids::random::<16>());
    let (user, organization) = match whose {
        Whose::User(id) => (Some(id), None),
        Whose::Organization(id) => (None, Some(id)),
    };
    diesel::insert_into(avatars::table)
        .values((
            avatars::name.eq(&name),
            avatars::user_id.eq(user),
            avatars::organization_id.eq(organization),
            avatars::large.eq(&picture.large),
            avatars::small.eq(&picture.small),
            avatars::created_at.eq(now),
        ))
        .execute(&mut **tx)?;
    point(tx, whose, Some(&name))
}

/// Removes a picture, and says whether there was one.
///
/// # Errors
/// When the database refuses.
pub fn remove(tx: &mut Tx<'_>, whose: Whose<'_>) -> Result<bool> {
    let gone = match whose {
        Whose::User(id) => diesel::delete(avatars::table.filter(avatars::user_id.eq(id))).execute(&mut **tx)?,
        Whose::Organization(id) => {
            diesel::delete(avatars::table.filter(avatars::organization_id.eq(id))).execute(&mut **tx)?
        }
    };
    point(tx, whose, None)?;
    Ok(gone > 0)
}

/// Notes beside the name which picture it is, so that lists need not look for it.
fn point(tx: &mut Tx<'_>, whose: Whose<'_>, name: Option<&str>) -> Result<()> {
    match whose {
        Whose::User(id) => diesel::update(users::table.find(id)).set(users::avatar.eq(name)).execute(&mut **tx)?,
        Whose::Organization(id) => {
            diesel::update(organizations::table.find(id)).set(organizations::avatar.eq(name)).execute(&mut **tx)?
        }
    };
    Ok(())
}

/// The bytes of a picture that somebody may see: their own, one of an organization of theirs, or one of somebody in such.
///
/// # Errors
/// [`Error::NotFound`] for all others.
pub(super) fn find(connection: &mut Connection, owner: Owner<'_>, name: &str, size: Size) -> Result<Vec<u8>> {
    let me = owner.user_id();
    let (user, organization) = avatars::table
        .find(name)
        .select((avatars::user_id, avatars::organization_id))
        .get_result::<(Option<UserId>, Option<OrganizationId>)>(connection)?;
    let mine = members::table.filter(members::user_id.eq(me));
    let may_see = match (user, organization) {
        (Some(user), _) if user == *me => true,
        (Some(user), _) => {
            let shared = theirs.on(theirs.field(members::organization_id).eq(members::organization_id));
            let together = mine.inner_join(shared).filter(theirs.field(members::user_id).eq(user));
            diesel::select(diesel::dsl::exists(together)).get_result(connection)?
        }
        (None, Some(organization)) => {
            let member = mine.filter(members::organization_id.eq(organization));
            diesel::select(diesel::dsl::exists(member)).get_result(connection)?
        }
        (None, None) => false,
    };
    if !may_see {
        return Err(Error::NotFound);
    }
    let row = avatars::table.find(name);
    Ok(match size {
        Size::Large => row.select(avatars::large).get_result(connection)?,
        Size::Small => row.select(avatars::small).get_result(connection)?,
    })
}
