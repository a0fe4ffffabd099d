//! My profile: first and last name; the e-mail is the sign-in name and stands there locked.

pub mod pages;

use diesel::prelude::*;

use crate::audit::{Action, Actor, Event, record};
use crate::auth::capability::Owner;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::db::schema::users;
use crate::error::Result;

/// New names; `None` leaves one as it is.
#[derive(Debug, Clone, Default)]
pub struct NewNames {
    /// Checked.
    pub first_name: Option<String>,
    /// Checked.
    pub last_name: Option<String>,
}

/// Changes the names, field by field or both.
///
/// # Errors
/// When the database refuses.
pub fn rename(tx: &mut Tx<'_>, owner: Owner<'_>, actor: &Actor, now: Timestamp, new: &NewNames) -> Result<()> {
    let user = users::table.find(owner.user_id());
    let (first, last): (String, String) = user.select((users::first_name, users::last_name)).get_result(&mut **tx)?;
    let (new_first, new_last) = (new.first_name.as_ref().unwrap_or(&first), new.last_name.as_ref().unwrap_or(&last));
    let changed: Vec<&str> = [("first name", *new_first != first), ("last name", *new_last != last)]
        .iter()
        .filter(|(_, differs)| *differs)
        .map(|(what, _)| *what)
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    diesel::update(user).set((users::first_name.eq(new_first), users::last_name.eq(new_last))).execute(&mut **tx)?;
    crate::organizations::know_as(tx, owner.user_id())?;
    // Which field changed is worth a line; the name itself would outlive its owner in the log.
    record(
        tx,
        actor,
        now,
        &Event { detail: &changed.join(", "), ..Event::of_user(Action::ProfileChanged, owner.user_id()) },
    )
}
