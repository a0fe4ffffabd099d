//! The reads of a check: few, each by a unique index.

use diesel::prelude::*;

use crate::auth::SecretHash;
use crate::clock::Timestamp;
use crate::db::schema::{organizations as tenants, token_secrets, tokens, users, verifiers};
use crate::db::{Connection, on};
use crate::error::Result;
use crate::ids::{OrganizationId, SecretId, TokenId, UserId, VerifierId};
use crate::organizations::{self, Standing, Which};
use crate::tokens::{TokenKind, rule};
use crate::users::UserStatus;

/// All that is known of a token when its secret is presented.
#[derive(Debug, Clone)]
pub struct Found {
    /// The secret.
    pub secret_id: SecretId,
    /// Its end.
    pub last_four: String,
    /// Whether it is the token's current one; else a newer one took its place, and it has a while left, or had.
    pub is_current: bool,
    /// When it was first tried after it ended because a newer one took its place.
    pub late_at: Option<Timestamp>,
    /// When it was made.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was ended.
    pub revoked_at: Option<Timestamp>,
    /// When it was last good for something, as far as it is written.
    pub last_used_at: Option<Timestamp>,
    /// The record.
    pub token_id: TokenId,
    /// Whose it is, in kind.
    pub kind: TokenKind,
    /// Its name.
    pub name: String,
    /// Everything that its owner may do.
    pub everything: bool,
    /// What it was given.
    pub scopes: String,
    /// The one organization that it is for; `None` is all of its owner's.
    pub token_organization: Option<OrganizationId>,
    /// Its owner.
    pub user_id: UserId,
    /// Their sign-in name.
    pub email: String,
    /// Whether their account may be used.
    pub user_status: UserStatus,
    /// Their private organization.
    pub private_organization: OrganizationId,
}

type Caller = (VerifierId, Option<Timestamp>);
type Secret = (SecretId, String, bool, Option<Timestamp>);
type Times = (Timestamp, Option<Timestamp>, Option<Timestamp>, Option<Timestamp>);
type Token = (TokenId, TokenKind, String, bool, String, Option<OrganizationId>);
type User = (UserId, String, UserStatus, OrganizationId);

impl Found {
    fn of(secret: Secret, times: Times, token: Token, user: User) -> Self {
        let (secret_id, last_four, is_current, late_at) = secret;
        let (issued_at, expires_at, revoked_at, last_used_at) = times;
        let (token_id, kind, name, everything, scopes, token_organization) = token;
        let (user_id, email, user_status, private_organization) = user;
        Self {
            secret_id,
            last_four,
            is_current,
            late_at,
            issued_at,
            expires_at,
            revoked_at,
            last_used_at,
            token_id,
            kind,
            name,
            everything,
            scopes,
            token_organization,
            user_id,
            email,
            user_status,
            private_organization,
        }
    }
}

/// The tables that say whose a secret is, each joined through a unique index.
macro_rules! owned_secrets {
    () => {
        token_secrets::table
            .inner_join(tokens::table.on(tokens::id.eq(token_secrets::token_id)))
            .inner_join(users::table.on(users::id.eq(tokens::user_id)))
            .inner_join(tenants::table.on(tenants::private_to.eq(users::id.nullable())))
    };
}

/// Everything that is selected of a token, in groups. Two levels of tuples and no more: each further one takes the compiler
/// ten times as long.
macro_rules! columns {
    ($($first:expr)?) => {
        (
            $($first,)?
            (token_secrets::id, token_secrets::last_four, token_secrets::is_current, token_secrets::late_at),
            (
                token_secrets::created_at,
                token_secrets::expires_at,
                token_secrets::revoked_at,
                token_secrets::last_used_at,
            ),
            (tokens::id, tokens::kind, tokens::name, tokens::everything, tokens::scopes, tokens::organization_id),
            (users::id, users::email, users::status, tenants::id),
        )
    };
}

/// The token that a secret belongs to.
///
/// # Errors
/// When the database refuses; an unknown secret is `None`.
pub fn by_secret(connection: &mut Connection, hash: SecretHash) -> Result<Option<Found>> {
    let row = on!(connection, c => owned_secrets!()
        .filter(token_secrets::hash.eq(hash))
        .select(columns!())
        .get_result::<(Secret, Times, Token, User)>(c));
    Ok(row.optional()?.map(|(secret, times, token, user)| Found::of(secret, times, token, user)))
}

/// Who asks, and the token that they ask about.
pub struct Asked {
    /// The service.
    pub verifier: VerifierId,
    /// When it last asked, as far as it is written.
    pub last_used_at: Option<Timestamp>,
    /// The token.
    pub found: Option<Found>,
}

/// The service that a credential belongs to, and the token that it asks about. A known token costs one statement, since a
/// check is one round trip; an unknown one costs a second.
///
/// # Errors
/// When the database refuses; an unknown credential is `None`.
pub fn asked(connection: &mut Connection, credential: SecretHash, token: SecretHash) -> Result<Option<Asked>> {
    let row = on!(connection, c => owned_secrets!()
        .inner_join(verifiers::table.on(verifiers::hash.eq(credential)))
        .filter(token_secrets::hash.eq(token))
        .select(columns!((verifiers::id, verifiers::last_used_at)))
        .get_result::<(Caller, Secret, Times, Token, User)>(c));
    if let Some(((verifier, last_used_at), secret, times, token, user)) = row.optional()? {
        return Ok(Some(Asked { verifier, last_used_at, found: Some(Found::of(secret, times, token, user)) }));
    }
    let known = verifier(connection, credential)?;
    Ok(known.map(|(verifier, last_used_at)| Asked { verifier, last_used_at, found: None }))
}

/// The organization that a check is about, and what the owner has there at this moment.
///
/// It is the one that the service names, by id or slug; else the one that the token is for; else the owner's private one,
/// which nobody else can be in. A token for one organization has nothing in another, nor in one that requires a second
/// factor, while its owner has none; and one that outlives what an organization allows has nothing there.
///
/// # Errors
/// When the database refuses.
pub fn place(connection: &mut Connection, found: &Found, asked: Option<&str>) -> Result<Option<Place>> {
    let which = match (asked, &found.token_organization) {
        (Some(asked), _) => Which::Either(asked),
        (None, Some(bound)) => Which::Id(bound),
        (None, None) => return Ok(Some((found.private_organization.clone(), Standing::private()))),
    };
    let place = organizations::standing(connection, &found.user_id, which)?.filter(|place| !place.is_closed());
    let Some(place) = place else { return Ok(None) };
    let organization = place.organization.id;
    let works = match &found.token_organization {
        Some(bound) => *bound == organization,
        // One that was made for it keeps to its rule; one for all of somebody's works where it does.
        None => rule(connection, organization.as_str())?.allows(found.issued_at, found.expires_at),
    };
    Ok(works.then_some((organization, place.standing)))
}

/// An organization, and what somebody has there.
pub type Place = (OrganizationId, Standing);

/// The service that a credential belongs to, and when it last used it.
///
/// # Errors
/// When the database refuses; an unknown credential is `None`.
pub fn verifier(connection: &mut Connection, hash: SecretHash) -> Result<Option<(VerifierId, Option<Timestamp>)>> {
    let row = on!(connection, c => verifiers::table
        .filter(verifiers::hash.eq(hash))
        .select((verifiers::id, verifiers::last_used_at))
        .get_result(c));
    Ok(row.optional()?)
}
