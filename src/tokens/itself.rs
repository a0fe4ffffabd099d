//! What a token may do with itself: end, and, where its owner allowed it, take a new secret. Whoever holds the secret is
//! believed to be whom it was given to, so nothing here makes more of it than it is.

use diesel::prelude::*;

use super::Holder;
use super::policy::{Overlap, Status, renewed, status};
use super::queries::{self, Record, Secret, Token};
use super::regenerate::supersede;
use super::service::{end_secrets, insert_secret, log};
use crate::api::Problem;
use crate::app::Instance;
use crate::audit::{Action, Actor, Origin};
use crate::auth::capability::{BearerProblem, TokenBearer};
use crate::auth::secret::{PlainSecret, SecretKind};
use crate::auth::{session, throttle};
use crate::clock::Timestamp;
use crate::db::schema::{service_accounts, token_secrets, tokens, users};
use crate::db::{Connection, Tx};
use crate::error::{Error, Result};
use crate::organizations;
use crate::users::UserStatus;

/// A token as its secret finds it.
struct Presented {
    /// Whether whoever it acts for may be acted for.
    is_enabled: bool,
    is_current: bool,
    token: Token,
}

/// The token as who acts: for its user, or its service account.
fn actor(record: &Record, origin: Origin) -> Actor {
    match (&record.user_id, &record.service_account_id) {
        (None, Some(account)) => Actor::service_account(account, &record.id, origin),
        (user, _) => Actor::token(user.as_ref(), &record.id, origin),
    }
}

/// The user, the service account, whether it is the current secret; the token; the secret.
type Row = ((Option<UserStatus>, Option<bool>, bool), Record, Secret);

const INVALID: Error = Error::Bearer(BearerProblem::Invalid);

fn find(connection: &mut Connection, bearer: TokenBearer) -> Result<Presented> {
    let shown = bearer.presented();
    let row = token_secrets::table
        .inner_join(tokens::table)
        .left_join(users::table.on(users::id.nullable().eq(tokens::user_id)))
        .left_join(service_accounts::table.on(service_accounts::id.nullable().eq(tokens::service_account_id)))
        .filter(token_secrets::hash.eq(shown.hash))
        .select((
            (users::status.nullable(), service_accounts::is_enabled.nullable(), token_secrets::is_current),
            Record::as_select(),
            Secret::as_select(),
        ));
    let row: Option<Row> = row.get_result(connection).optional()?;
    let ((user, account, is_current), record, secret) =
        row.filter(|(_, record, _)| record.kind.secret() == shown.kind).ok_or(INVALID)?;
    let is_enabled = user == Some(UserStatus::Active) || account == Some(true);
    Ok(Presented { is_enabled, is_current, token: Token { record, secret } })
}

impl Presented {
    /// The same within a change: the owner's row is locked first, as by every other change of their tokens, and then that of
    /// the organization, as by their removal from it.
    fn within(tx: &mut Tx<'_>, bearer: TokenBearer) -> Result<Self> {
        let found = find(tx, bearer)?;
        if let Some(user) = &found.token.record.user_id
            && !session::lock_if_there(tx, user)?
        {
            return Err(INVALID);
        }
        if let Some(organization) = &found.token.record.organization_id {
            organizations::lock(tx, organization).map_err(|error| match error {
                Error::NotFound => INVALID,
                other => other,
            })?;
        }
        find(tx, bearer)
    }

    /// Whether it may renew itself at this moment.
    fn may_renew(&self, now: Timestamp) -> Result<()> {
        let secret = &self.token.secret;
        if status(secret.expires_at, secret.revoked_at, now) != Status::Active || !self.is_enabled {
            return Err(INVALID);
        }
        if !self.token.record.renews_itself() {
            return Err(Problem::may_not_rotate().into());
        }
        // Else whoever found an old secret would have the newest.
        if !self.is_current {
            let detail = "A newer secret has taken this one's place, and only the newest can renew the token.";
            return Err(Problem::conflict(detail, Vec::new()).into());
        }
        Ok(())
    }
}

/// Revokes the token that asks, with every secret of it. It may ask again: what it wants is so then. A terminal's login ends,
/// and is no token any more.
///
/// # Errors
/// [`Error::Bearer`] when it is none, or its time was over.
pub async fn end_itself(instance: &Instance, bearer: TokenBearer, origin: Origin) -> Result<()> {
    let (now, shown) = (bearer.now(), bearer.presented());
    // Looked at once before, so that noise does not stand in the queue of those who write.
    let known = instance.db.read(move |connection| match shown.kind {
        SecretKind::Terminal => session::is_terminal(connection, shown.hash),
        _ => find(connection, bearer).map(|_| true),
    });
    if !known.await? {
        return Err(INVALID);
    }
    instance
        .db
        .write(move |tx| {
            if shown.kind == SecretKind::Terminal {
                return session::end_terminal(tx, shown.hash, &origin, now)?.then_some(()).ok_or(INVALID);
            }
            let Presented { token, .. } = Presented::within(tx, bearer)?;
            match token.status(now) {
                Status::Revoked => return Ok(()),
                Status::Expired => return Err(INVALID),
                Status::Active => {}
            }
            end_secrets(tx, &[&token.record.id], now)?;
            let actor = actor(&token.record, origin);
            log(tx, &actor, &token.record, now, Action::TokenRevoked, "by the token itself")
        })
        .await
}

/// What became of a token's wish for a new secret.
pub struct Renewed {
    /// The token, as it is now.
    pub token: Token,
    /// It is in hand this once.
    pub secret: PlainSecret,
}

/// Gives the token that asks a new secret, with as long a life as the present one had.
///
/// # Errors
/// [`Error::Bearer`] when it is none; [`Error::Problem`] when it may not; [`Error::TooMany`] when it asks too often.
pub async fn renew_itself(
    instance: &Instance,
    bearer: TokenBearer,
    origin: Origin,
    overlap: Overlap,
) -> Result<Renewed> {
    let now = bearer.now();
    if bearer.presented().kind == SecretKind::Terminal {
        return Err(Problem::terminals_do_not_rotate().into());
    }
    // Looked at once before, so that one that may not do this fills nobody's count.
    let reading = instance.db.read(move |connection| {
        let shown = find(connection, bearer)?;
        shown.may_renew(now).map(|()| shown.token.record.id)
    });
    let door = format!("token {}", reading.await?);
    throttle::enter(&instance.db, vec![(door, throttle::TOKENS)], now).await?;
    let config = instance.config.tokens.clone();
    instance
        .db
        .write(move |tx| {
            let shown = Presented::within(tx, bearer)?;
            shown.may_renew(now)?;
            let Token { record, secret: old } = shown.token;
            queries::hold_policy(tx)?;
            let policy = queries::policy_in(tx, &config, record.organization_id.as_ref())?;
            let expires_at = renewed(old.created_at, old.expires_at, now, &policy);
            let detail = supersede(tx, &record.id, overlap, expires_at, now)?;
            let secret = PlainSecret::generate(&config.brand, record.kind.secret());
            insert_secret(tx, Holder::of(&record)?, &record.id, &secret, expires_at, now)?;
            let detail = format!("by the token itself; {detail}");
            log(tx, &actor(&record, origin), &record, now, Action::TokenRegenerated, &detail)?;
            let current = token_secrets::token_id.eq(&record.id).and(token_secrets::is_current);
            let newest = token_secrets::table.filter(current).select(Secret::as_select()).get_result(&mut **tx)?;
            Ok(Renewed { token: Token { record, secret: newest }, secret })
        })
        .await
}
