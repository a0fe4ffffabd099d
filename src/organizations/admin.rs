//! What administrators of the instance see of organizations: their names and sizes, nothing within them.

use diesel::prelude::*;

use super::Kind;
use super::members::containing;
use crate::clock::Timestamp;
use crate::db::Connection;
use crate::db::schema::{licenses, members, organizations, users};
use crate::error::Result;
use crate::ids::OrganizationId;

/// So many stand on a page.
pub const PAGE: i64 = 50;

/// An organization from outside.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Its id.
    pub id: OrganizationId,
    /// Private or shared.
    pub kind: Kind,
    /// Its name in addresses.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// The sign-in name of whose private one it is.
    pub private_to: Option<String>,
    /// What its plan is called, where an administrator set one.
    pub plan: Option<String>,
    /// How many members it has.
    pub members: i64,
    /// Since when.
    pub created_at: Timestamp,
}

type Row = (OrganizationId, Kind, String, String, Option<String>, Option<String>, Timestamp);

macro_rules! facts {
    () => {
        organizations::table
            .left_join(users::table.on(users::id.nullable().eq(organizations::private_to)))
            .left_join(licenses::table)
            .select((
                organizations::id,
                organizations::kind,
                organizations::slug,
                organizations::name,
                users::email.nullable(),
                licenses::plan.nullable(),
                organizations::created_at,
            ))
    };
}

fn counted(connection: &mut Connection, rows: Vec<Row>) -> Result<Vec<Facts>> {
    let counts: Vec<(OrganizationId, i64)> = members::table
        .filter(members::organization_id.eq_any(rows.iter().map(|row| &row.0)))
        .group_by(members::organization_id)
        .select((members::organization_id, diesel::dsl::count_star()))
        .load(connection)?;
    let facts = |(id, kind, slug, name, private_to, plan, created_at): Row| Facts {
        members: counts.iter().find(|(known, _)| *known == id).map_or(0, |(_, count)| *count),
        id,
        kind,
        slug,
        name,
        private_to,
        plan,
        created_at,
    };
    Ok(rows.into_iter().map(facts).collect())
}

/// The organizations whose address or owner contains what was typed, shared ones first, one page and one more than that.
///
/// # Errors
/// When the database refuses.
pub fn list(connection: &mut Connection, search: &str, page: i64) -> Result<Vec<Facts>> {
    let mut those = facts!()
        .order((organizations::kind.desc(), organizations::slug))
        .limit(PAGE + 1)
        .offset(page.saturating_mul(PAGE))
        .into_boxed();
    if !search.trim().is_empty() {
        let pattern = containing(search);
        let of = users::email_key.nullable().like(pattern.clone()).escape('\\');
        those = those.filter(organizations::slug.like(pattern).escape('\\').nullable().or(of));
    }
    let rows = those.load(connection)?;
    counted(connection, rows)
}

/// One of them.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when there is none.
pub fn find(connection: &mut Connection, id: &OrganizationId) -> Result<Facts> {
    let row: Row = facts!().filter(organizations::id.eq(id)).get_result(connection)?;
    Ok(counted(connection, vec![row])?.remove(0))
}
