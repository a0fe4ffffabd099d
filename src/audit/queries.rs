//! Reading the log.

use diesel::prelude::*;

use super::{Action, ActorKind};
use crate::auth::capability::Owner;
use crate::clock::Timestamp;
use crate::db::Connection;
use crate::db::schema::audit_events;
use crate::error::Result;

/// One entry, as it was written.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = audit_events)]
pub struct Entry {
    /// Orders the log; the page's cursor.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: Action,
    /// By what kind of somebody.
    pub actor_kind: ActorKind,
    /// Through what.
    pub through: String,
    /// From where.
    pub address: String,
    /// With what.
    pub agent: String,
    /// To what.
    pub subject_name: String,
    /// More.
    pub detail: String,
}

/// A user's own log, newest first: up to `count` entries older than the cursor, or, looking back, newer than it.
///
/// # Errors
/// When the database refuses.
pub fn for_user(connection: &mut Connection, owner: Owner<'_>, before: Option<&str>, count: i64) -> Result<Vec<Entry>> {
    let mut query = audit_events::table
        .filter(audit_events::user_id.eq(owner.user_id()))
        .order(audit_events::id.desc())
        .limit(count)
        .select(Entry::as_select())
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(audit_events::id.lt(before));
    }
    Ok(query.load(connection)?)
}
