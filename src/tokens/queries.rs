//! Reading tokens. Every query begins at the owner.

use diesel::dsl::auto_type;
use diesel::prelude::*;

use super::TokenKind;
use super::policy::{Status, status};
use crate::auth::capability::Owner;
use crate::auth::secret::SecretHash;
use crate::clock::Timestamp;
use crate::db::schema::{token_secrets, tokens};
use crate::db::{Connection, on};
use crate::error::Result;
use crate::ids::TokenId;

/// A token with its current secret's facts; never the secret.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = tokens)]
pub struct Record {
    /// Its id.
    pub id: TokenId,
    /// Its kind.
    pub kind: TokenKind,
    /// What its owner calls it.
    pub name: String,
    /// What its owner says of it.
    pub description: String,
    /// Everything that its owner may do, rather than `scopes`.
    pub everything: bool,
    /// What it was given, RFC 6749's list.
    pub scopes: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A token's current secret, as far as it is kept.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = token_secrets)]
pub struct Secret {
    /// For telling tokens apart.
    pub last_four: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; `None` is never.
    pub expires_at: Option<Timestamp>,
    /// When it was ended.
    pub revoked_at: Option<Timestamp>,
    /// When it was last good for something.
    pub last_used_at: Option<Timestamp>,
    /// From where.
    pub last_used_address: String,
    /// With what.
    pub last_used_agent: String,
}

/// A token and its current secret.
#[derive(Debug, Clone)]
pub struct Token {
    /// The record.
    pub record: Record,
    /// The secret's facts.
    pub secret: Secret,
}

impl Token {
    /// What it is at a moment.
    pub fn status(&self, now: Timestamp) -> Status {
        status(self.secret.expires_at, self.secret.revoked_at, now)
    }
}

/// In SQL, what [`status`] calls active; a test holds the two together.
#[auto_type(no_type_alias)]
pub fn active_at(now: Timestamp) -> _ {
    let unrevoked: diesel::dsl::IsNull<token_secrets::revoked_at> = token_secrets::revoked_at.is_null();
    let unending: diesel::dsl::IsNull<token_secrets::expires_at> = token_secrets::expires_at.is_null();
    unrevoked.and(unending.or(token_secrets::expires_at.gt(now)))
}

/// The owner's tokens, newest first.
///
/// # Errors
/// When the database refuses.
pub fn list(connection: &mut Connection, owner: Owner<'_>) -> Result<Vec<Token>> {
    let rows: Vec<(Record, Secret)> = on!(connection, c => tokens::table
        .inner_join(token_secrets::table)
        .filter(
            tokens::user_id
                .eq(owner.user_id())
                .and(tokens::kind.eq(TokenKind::Personal))
                .and(token_secrets::is_current),
        )
        .order(tokens::id.desc())
        .select((Record::as_select(), Secret::as_select()))
        .load(c))?;
    Ok(rows.into_iter().map(|(record, secret)| Token { record, secret }).collect())
}

/// One of the owner's tokens.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when there is none with this id, or it is somebody else's.
pub fn find(connection: &mut Connection, owner: Owner<'_>, id: &TokenId) -> Result<Token> {
    let (record, secret) = tokens::table
        .inner_join(token_secrets::table)
        .filter(tokens::id.eq(id).and(tokens::user_id.eq(owner.user_id())).and(token_secrets::is_current))
        .select((Record::as_select(), Secret::as_select()))
        .get_result(connection)?;
    Ok(Token { record, secret })
}

/// How many of the owner's tokens work now.
///
/// # Errors
/// When the database refuses.
pub fn count_active(connection: &mut Connection, owner: Owner<'_>, now: Timestamp) -> Result<i64> {
    let mine =
        tokens::user_id.eq(owner.user_id()).and(tokens::kind.eq(TokenKind::Personal)).and(token_secrets::is_current);
    Ok(tokens::table
        .inner_join(token_secrets::table)
        .filter(mine)
        .filter(active_at(now))
        .count()
        .get_result(connection)?)
}

/// Whether this is the token's current secret.
///
/// # Errors
/// When the database refuses.
pub fn has_secret(connection: &mut Connection, id: &TokenId, hash: SecretHash) -> Result<bool> {
    let this = token_secrets::token_id.eq(id).and(token_secrets::is_current).and(token_secrets::hash.eq(hash));
    Ok(diesel::select(diesel::dsl::exists(token_secrets::table.filter(this))).get_result(connection)?)
}
