//! Reading changes.

use diesel::prelude::*;

use crate::auth::capability::Owner;
use crate::auth::secret::SecretHash;
use crate::clock::Timestamp;
use crate::db::Connection;
use crate::db::schema::email_changes;
use crate::error::Result;
use crate::ids::{EmailChangeId, UserId};

/// A change that was asked for, or made.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = email_changes)]
pub struct Change {
    /// Its id.
    pub id: EmailChangeId,
    /// Whose address it is about.
    pub user_id: UserId,
    /// The address until then.
    pub old_email: String,
    /// The address from then on.
    pub new_email: String,
    /// Whether the old mailbox must allow it.
    pub needs_old: bool,
    /// When the new mailbox was proved.
    pub new_proved_at: Option<Timestamp>,
    /// When the old mailbox allowed it.
    pub old_proved_at: Option<Timestamp>,
    /// When it was made.
    pub made_at: Option<Timestamp>,
    /// Until when it can be made.
    pub expires_at: Timestamp,
    /// Until when the old mailbox can undo it.
    pub undo_until: Timestamp,
}

impl Change {
    /// Whether it can still be made.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.made_at.is_none() && now < self.expires_at
    }

    /// Whether it still waits for the old mailbox.
    pub fn waits_for_old(&self) -> bool {
        self.needs_old && self.old_proved_at.is_none()
    }
}

/// The change that a user's page tells of.
///
/// # Errors
/// When the database refuses.
pub fn pending(connection: &mut Connection, owner: Owner<'_>, now: Timestamp) -> Result<Option<Change>> {
    let mine = email_changes::user_id.eq(owner.user_id());
    let open = mine.and(email_changes::made_at.is_null()).and(email_changes::expires_at.gt(now));
    Ok(email_changes::table.filter(open).select(Change::as_select()).first(connection).optional()?)
}

/// The change behind the link that the new mailbox got, while it can be made.
pub(super) fn by_new(connection: &mut Connection, code: &str, now: Timestamp) -> Result<Option<Change>> {
    let open = email_changes::made_at.is_null().and(email_changes::expires_at.gt(now));
    let row = email_changes::table.filter(email_changes::new_hash.eq(SecretHash::of(code))).filter(open);
    Ok(row.select(Change::as_select()).get_result(connection).optional()?)
}

/// The change behind the link that the old mailbox got, while it can be undone.
pub(super) fn by_old(connection: &mut Connection, code: &str, now: Timestamp) -> Result<Option<Change>> {
    let row = email_changes::table.filter(email_changes::old_hash.eq(SecretHash::of(code)));
    let row = row.filter(email_changes::undo_until.gt(now)).select(Change::as_select());
    Ok(row.get_result(connection).optional()?)
}
