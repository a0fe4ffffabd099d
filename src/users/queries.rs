//! Reading users.

use diesel::prelude::*;

use super::UserStatus;
use crate::clock::Timestamp;
use crate::db::Connection;
use crate::db::schema::users;
use crate::error::Result;
use crate::ids::UserId;

/// What a sign-in needs to know of an account.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct Credentials {
    /// The user.
    pub id: UserId,
    /// Their sign-in name, as they wrote it.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// PHC string; `None` when the account has no password.
    pub password_hash: Option<String>,
    /// The one that was taken away since somebody else knew it.
    pub withdrawn_hash: Option<String>,
    /// When it was last changed.
    pub password_changed_at: Option<Timestamp>,
    /// Whether the account may be used.
    pub status: UserStatus,
    /// Whether it has a second factor.
    pub second_factor: bool,
}

/// The form under which an e-mail is unique and looked up: NFC, trimmed, lower case.
///
/// Done here and kept in its own column, because the databases disagree on what lower case is.
pub fn email_key(email: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    email.trim().nfc().collect::<String>().to_lowercase()
}

/// What a list of people is searched in and sorted by: name and e-mail, in one case, for the same reason.
pub fn search_key(first_name: &str, last_name: &str, email: &str) -> String {
    email_key(&format!("{} {email}", format!("{first_name} {last_name}").trim()))
}

/// The account with that sign-in name.
///
/// # Errors
/// When the database refuses; an unknown name is `None`.
pub fn by_email(connection: &mut Connection, email: &str) -> Result<Option<Credentials>> {
    Ok(users::table
        .filter(users::email_key.eq(email_key(email)))
        .select(Credentials::as_select())
        .get_result(connection)
        .optional()?)
}

/// A user's own credentials.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when the account is gone.
pub fn credentials(connection: &mut Connection, id: &UserId) -> Result<Credentials> {
    Ok(users::table.find(id).select(Credentials::as_select()).get_result(connection)?)
}
