//! Reading members.

use diesel::dsl::count_star;
use diesel::prelude::*;

use crate::catalogue::Role;
use crate::clock::Timestamp;
use crate::db::Connection;
use crate::db::schema::members;
use crate::error::Result;
use crate::ids::{OrganizationId, RoleId, UserId};
use crate::text;
use crate::users::{UserStatus, email_key};

/// So many stand on a page.
pub const PAGE: i64 = 50;

/// A member, as lists show them.
#[derive(Debug, Clone, Queryable)]
pub struct Listed {
    /// Who.
    pub user_id: UserId,
    /// First name.
    pub first_name: String,
    /// Last name; may be empty.
    pub last_name: String,
    /// Their sign-in name.
    pub email: String,
    /// Their picture, if they have one.
    pub avatar: Option<String>,
    /// Whether their account may be used.
    pub status: UserStatus,
    /// Their role.
    pub role: Role,
    /// Which of the organization's own.
    pub role_id: Option<RoleId>,
    /// What that is called.
    pub role_name: Option<String>,
    /// Are they a target?
    pub is_target: bool,
    /// Since when.
    pub joined_at: Timestamp,
}

/// What is read of each; whoever uses it has the tables' names at hand.
macro_rules! listed {
    () => {{
        use $crate::db::schema::{members, roles, users};
        members::table
            .inner_join(users::table)
            .left_join(roles::table.on(roles::id.nullable().eq(members::role_id)))
            .select((
                users::id,
                users::first_name,
                users::last_name,
                users::email,
                users::avatar,
                users::status,
                members::role,
                members::role_id,
                roles::name.nullable(),
                members::is_target,
                members::created_at,
            ))
    }};
}
pub(crate) use listed;

/// What `LIKE` takes for "contains this", its own signs taken literally.
pub fn containing(typed: &str) -> String {
    text::containing(&email_key(typed))
}

/// Those whose name or e-mail contains what was typed, or of those the targets alone.
macro_rules! narrowed {
    ($those:expr, $search:expr, $targets:expr) => {{
        let (mut those, search): (_, &str) = ($those, $search);
        if $targets {
            those = those.filter(members::is_target);
        }
        if !search.trim().is_empty() {
            those = those.filter(members::name_key.like(containing(search)).escape('\\'));
        }
        those
    }};
}

/// The members whose name or e-mail contains what was typed, or of those the targets alone, by name, one page; one more than that tells of another.
///
/// # Errors
/// When the database refuses.
pub fn list(
    connection: &mut Connection,
    organization: &OrganizationId,
    (search, targets, page): (&str, bool, i64),
) -> Result<Vec<Listed>> {
    let those = listed!()
        .filter(members::organization_id.eq(organization))
        .order((members::name_key, members::user_id))
        .limit(PAGE + 1)
        .offset(page.saturating_mul(PAGE))
        .into_boxed();
    Ok(narrowed!(those, search, targets).load(connection)?)
}

/// How many those are.
///
/// # Errors
/// When the database refuses.
pub fn count(
    connection: &mut Connection,
    organization: &OrganizationId,
    (search, targets): (&str, bool),
) -> Result<i64> {
    let those = members::table.filter(members::organization_id.eq(organization)).select(count_star()).into_boxed();
    Ok(narrowed!(those, search, targets).get_result(connection)?)
}

/// One member.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when they are none.
pub fn find(connection: &mut Connection, organization: &OrganizationId, user: &UserId) -> Result<Listed> {
    let this = members::organization_id.eq(organization).and(members::user_id.eq(user));
    Ok(listed!().filter(this).get_result(connection)?)
}
