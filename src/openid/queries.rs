//! Reading identities.

use diesel::prelude::*;

use super::provider::Claims;
use crate::auth::capability::Owner;
use crate::clock::Timestamp;
use crate::db::Connection;
use crate::db::schema::{identities, users};
use crate::error::Result;
use crate::ids::{IdentityId, UserId};
use crate::users::UserStatus;

/// A provider's account that opens one here.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = identities)]
pub struct Identity {
    /// Its id.
    pub id: IdentityId,
    /// The provider's id when it was connected.
    pub provider: String,
    /// Who vouches for it.
    pub issuer: String,
    /// The address that the provider last gave for it.
    pub email: String,
    /// When it was connected.
    pub created_at: Timestamp,
    /// When somebody last signed in with it.
    pub last_used_at: Option<Timestamp>,
}

/// The owner's identities, in the order in which they were connected.
///
/// # Errors
/// When the database refuses.
pub fn list(connection: &mut Connection, owner: Owner<'_>) -> Result<Vec<Identity>> {
    Ok(identities::table
        .filter(identities::user_id.eq(owner.user_id()))
        .order(identities::id)
        .select(Identity::as_select())
        .load(connection)?)
}

/// Whose an identity is, and whether their account may be used.
///
/// # Errors
/// When the database refuses.
pub fn find(
    connection: &mut Connection,
    issuer: &str,
    claims: &Claims,
) -> Result<Option<(IdentityId, UserId, UserStatus)>> {
    Ok(identities::table
        .inner_join(users::table)
        .filter(identities::issuer.eq(issuer).and(identities::subject.eq(&claims.subject)))
        .select((identities::id, users::id, users::status))
        .get_result(connection)
        .optional()?)
}
