//! Reading passkeys.

use diesel::prelude::*;

use crate::auth::capability::Owner;
use crate::clock::Timestamp;
use crate::db::Connection;
use crate::db::schema::passkeys;
use crate::error::Result;
use crate::ids::{PasskeyId, UserId};

/// A passkey's row.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = passkeys)]
pub struct Record {
    /// Its id here.
    pub id: PasskeyId,
    /// Whose it is.
    pub user_id: UserId,
    /// The public key and what belongs to it, as webauthn-rs writes it.
    pub passkey: String,
    /// What its owner calls it.
    pub name: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last proved who was there.
    pub last_used_at: Option<Timestamp>,
}

/// The owner's passkeys, the newest first.
///
/// # Errors
/// When the database refuses.
pub fn list(connection: &mut Connection, owner: Owner<'_>) -> Result<Vec<Record>> {
    let mine = passkeys::table.filter(passkeys::user_id.eq(owner.user_id()));
    Ok(mine.order(passkeys::id.desc()).select(Record::as_select()).load(connection)?)
}

/// One of the owner's passkeys.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is not theirs.
pub fn find(connection: &mut Connection, owner: Owner<'_>, id: &PasskeyId) -> Result<Record> {
    let mine = passkeys::table.find(id).filter(passkeys::user_id.eq(owner.user_id()));
    Ok(mine.select(Record::as_select()).get_result(connection)?)
}

/// The passkey that an authenticator names.
///
/// # Errors
/// When the database refuses; an unknown one is `None`.
pub fn by_credential(connection: &mut Connection, credential_id: &[u8]) -> Result<Option<Record>> {
    let row = passkeys::table.filter(passkeys::credential_id.eq(credential_id));
    Ok(row.select(Record::as_select()).get_result(connection).optional()?)
}

/// Whether a user has any.
///
/// # Errors
/// When the database refuses.
pub fn are_there(connection: &mut Connection, user: &UserId) -> Result<bool> {
    let mine = passkeys::table.filter(passkeys::user_id.eq(user));
    Ok(diesel::select(diesel::dsl::exists(mine)).get_result(connection)?)
}

/// Whether a user has any that they had at an earlier moment already.
///
/// # Errors
/// When the database refuses.
pub fn are_there_since(connection: &mut Connection, user: &UserId, moment: Timestamp) -> Result<bool> {
    let mine = passkeys::table.filter(passkeys::user_id.eq(user).and(passkeys::created_at.le(moment)));
    Ok(diesel::select(diesel::dsl::exists(mine)).get_result(connection)?)
}

/// Whether a user has any beside one.
///
/// # Errors
/// When the database refuses.
pub fn others(connection: &mut Connection, user: &UserId, but: &PasskeyId) -> Result<bool> {
    let theirs = passkeys::table.filter(passkeys::user_id.eq(user).and(passkeys::id.ne(but)));
    Ok(diesel::select(diesel::dsl::exists(theirs)).get_result(connection)?)
}

/// How an authenticator knows the passkeys of a user.
///
/// # Errors
/// When the database refuses.
pub fn credential_ids(connection: &mut Connection, user: &UserId) -> Result<Vec<Vec<u8>>> {
    let theirs = passkeys::table.filter(passkeys::user_id.eq(user));
    Ok(theirs.order(passkeys::id).select(passkeys::credential_id).load(connection)?)
}
