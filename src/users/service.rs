//! Making users.

use diesel::prelude::*;

use super::{Theme, UserStatus, email_key, search_key};
use crate::catalogue::Role;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::db::schema::{members, organizations, users};
use crate::error::Result;
use crate::ids::{OrganizationId, UserId};

/// An account to be.
pub struct NewUser {
    /// The sign-in name, checked.
    pub email: String,
    /// First name, checked.
    pub first_name: String,
    /// Last name, checked; may be empty.
    pub last_name: String,
    /// PHC string; `None` for an account without a password.
    pub password_hash: Option<String>,
    /// May they administer the instance?
    pub is_administrator: bool,
}

/// Makes a user and their private organization, which they own.
///
/// # Errors
/// [`crate::error::Error::Taken`] when the e-mail has an account.
pub fn create(tx: &mut Tx<'_>, new: &NewUser, now: Timestamp) -> Result<UserId> {
    let (user_id, organization_id) = (UserId::new(), OrganizationId::new());
    diesel::insert_into(users::table)
        .values((
            users::id.eq(&user_id),
            users::email.eq(new.email.trim()),
            users::email_key.eq(email_key(&new.email)),
            users::first_name.eq(&new.first_name),
            users::last_name.eq(&new.last_name),
            users::password_hash.eq(&new.password_hash),
            users::password_changed_at.eq(new.password_hash.as_ref().map(|_| now)),
            users::is_administrator.eq(new.is_administrator),
            users::status.eq(UserStatus::Active),
            users::theme.eq(Theme::Light),
            users::created_at.eq(now),
        ))
        .execute(&mut **tx)?;
    diesel::insert_into(organizations::table)
        .values((
            organizations::id.eq(&organization_id),
            organizations::kind.eq(crate::organizations::Kind::Private),
            // No person chose this name, so none can have taken it: ids and chosen slugs never look alike.
            organizations::slug.eq(format!("private-{organization_id}")),
            organizations::name.eq("Private"),
            organizations::private_to.eq(Some(&user_id)),
            organizations::created_at.eq(now),
        ))
        .execute(&mut **tx)?;
    diesel::insert_into(members::table)
        .values((
            members::organization_id.eq(&organization_id),
            members::user_id.eq(&user_id),
            members::role.eq(Role::Owner),
            members::name_key.eq(search_key(&new.first_name, &new.last_name, &new.email)),
            members::created_at.eq(now),
        ))
        .execute(&mut **tx)?;
    Ok(user_id)
}
