//! How a login is read at the start of each request, and what actix-session sees of the table.

use std::collections::HashMap;
use std::sync::Arc;

use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use actix_web::cookie::time::Duration;
use diesel::dsl::exists;
use diesel::prelude::*;

use super::{ACCOUNT, Account, KEY, SessionKind};
use crate::app::Instance;
use crate::auth::secret::SecretHash;
use crate::clock::Timestamp;
use crate::db::schema::{members, organizations, sessions, token_secrets, users};
use crate::db::{Connection, on};
use crate::error::Result;
use crate::ids::{SessionId, UserId};
use crate::organizations::{Choice, choices};
use crate::tokens::expiring_at;
use crate::users::{Theme, UserStatus};

/// The account of a login that lives, by the hash of its key.
async fn load(instance: &Instance, kind: SessionKind, hash: SecretHash) -> Result<Option<Account>> {
    let now = instance.clock.now();
    let reading = instance.db.read(move |connection| {
        let Some(row) = find(connection, kind, hash, now)? else { return Ok(None) };
        let offered = if row.has_others { choices(connection, &row.user_id)? } else { Vec::new() };
        Ok(Some((row, offered)))
    });
    let Some((row, offered)) = reading.await? else { return Ok(None) };
    let config = &instance.config.sessions;
    let idle = if row.persistent { config.kept_idle } else { config.idle };
    // A terminal's is short, and rests between two commands.
    let is_idle = kind == SessionKind::Browser && row.seen_at.until(now) >= idle;
    if row.status != UserStatus::Active || now >= row.expires_at || is_idle {
        return Ok(None);
    }
    instance.seen.used(&row.id, row.seen_at, now);
    Ok(Some(row.account(kind, hash, offered)))
}

/// The account of a terminal's login, by the hash of the secret that it sends.
///
/// # Errors
/// When the database refuses.
pub async fn of_terminal(instance: &Instance, hash: SecretHash) -> Result<Option<Account>> {
    load(instance, SessionKind::Terminal, hash).await
}

/// actix-session's view of the table.
pub struct Store(pub Arc<Instance>);

impl SessionStore for Store {
    async fn load(&self, key: &SessionKey) -> Result<Option<HashMap<String, String>>, LoadError> {
        let hash = SecretHash::of(key.as_ref());
        let found = load(&self.0, SessionKind::Browser, hash).await.map_err(|error| LoadError::Other(error.into()))?;
        let Some(account) = found else { return Ok(None) };
        let json = serde_json::to_string(&account).map_err(|error| LoadError::Deserialization(error.into()))?;
        Ok(Some(HashMap::from([(ACCOUNT.to_owned(), json)])))
    }

    /// Adopts the row that [`super::begin`] or [`super::renew`] wrote.
    async fn save(&self, state: HashMap<String, String>, _: &Duration) -> Result<SessionKey, SaveError> {
        let key: Option<String> = state.get(KEY).and_then(|json| serde_json::from_str(json).ok());
        let key =
            key.ok_or_else(|| SaveError::Other(anyhow::anyhow!("a session is begun with session::begin alone")))?;
        SessionKey::try_from(key).map_err(|error| SaveError::Other(error.into()))
    }

    async fn update(
        &self,
        _: SessionKey,
        state: HashMap<String, String>,
        ttl: &Duration,
    ) -> Result<SessionKey, UpdateError> {
        self.save(state, ttl).await.map_err(|error| UpdateError::Other(error.into()))
    }

    /// The verbs decide how long a session lives.
    async fn update_ttl(&self, _: &SessionKey, _: &Duration) -> Result<(), anyhow::Error> {
        Ok(())
    }

    /// [`super::end`] and [`super::renew`] have already made the old key worthless.
    async fn delete(&self, _: &SessionKey) -> Result<(), anyhow::Error> {
        Ok(())
    }
}

#[expect(clippy::struct_excessive_bools, reason = "a row has the columns that it has")]
struct Row {
    id: SessionId,
    persistent: bool,
    seen_at: Timestamp,
    expires_at: Timestamp,
    confirmed_until: Timestamp,
    administered_at: Timestamp,
    user_id: UserId,
    email: String,
    first_name: String,
    last_name: String,
    is_administrator: bool,
    second_factor: bool,
    status: UserStatus,
    theme: Theme,
    avatar: Option<String>,
    private: Choice,
    chosen: Option<Choice>,
    has_others: bool,
    token_ends_soon: bool,
}

impl Row {
    fn account(self, kind: SessionKind, hash: SecretHash, organizations: Vec<Choice>) -> Account {
        Account {
            session_id: self.id,
            key_hash: hash.into(),
            user_id: self.user_id,
            email: self.email,
            first_name: self.first_name,
            last_name: self.last_name,
            is_administrator: self.is_administrator,
            second_factor: self.second_factor,
            theme: self.theme.as_str().to_owned(),
            avatar: self.avatar,
            organization: self.chosen.unwrap_or(self.private),
            organizations,
            confirmed_until: self.confirmed_until,
            administered_at: self.administered_at,
            token_ends_soon: self.token_ends_soon,
            is_terminal: kind == SessionKind::Terminal,
        }
    }
}

mod aliases {
    diesel::alias!(crate::db::schema::organizations as chosen: Chosen);
}
use aliases::chosen;

type Login = (SessionId, bool, Timestamp, Timestamp, Timestamp, Timestamp);
type User = (UserId, String, String, String, bool, bool, UserStatus, Theme, Option<String>);

/// One query for all that a page's shell needs; the banner about tokens is one more look into an index.
fn find(connection: &mut Connection, kind: SessionKind, hash: SecretHash, now: Timestamp) -> Result<Option<Row>> {
    // Groups, since a tuple has sixteen places; none within a group, which would take the compiler ten times as long.
    let row = on!(connection, c => sessions::table
        .inner_join(users::table)
        .inner_join(organizations::table.on(organizations::private_to.eq(users::id.nullable())))
        .left_join(chosen.on(chosen.field(organizations::id).nullable().eq(sessions::organization_id)))
        .filter(sessions::key_hash.eq(hash).and(sessions::kind.eq(kind)))
        .select((
            (
                sessions::id,
                sessions::persistent,
                sessions::seen_at,
                sessions::expires_at,
                sessions::confirmed_until,
                sessions::administered_at,
            ),
            (
                users::id,
                users::email,
                users::first_name,
                users::last_name,
                users::is_administrator,
                users::second_factor,
                users::status,
                users::theme,
                users::avatar,
            ),
            (organizations::id, organizations::slug, organizations::name, organizations::avatar),
            chosen
                .fields((organizations::id, organizations::slug, organizations::name, organizations::avatar))
                .nullable(),
            exists(members::table.filter(
                members::user_id.eq(users::id).and(members::organization_id.ne(organizations::id)),
            )),
            exists(
                token_secrets::table
                    .filter(token_secrets::holder.eq(sessions::user_id.nullable()).and(expiring_at!(now))),
            ),
        ))
        .get_result::<(Login, User, Choice, Option<Choice>, bool, bool)>(c));
    Ok(row.optional()?.map(|(login, user, private, elsewhere, has_others, token_ends_soon)| {
        let (id, persistent, seen_at, expires_at, confirmed_until, administered_at) = login;
        let (user_id, email, first_name, last_name, is_administrator, second_factor, status, theme, avatar) = user;
        Row {
            id,
            persistent,
            seen_at,
            expires_at,
            confirmed_until,
            administered_at,
            user_id,
            email,
            first_name,
            last_name,
            is_administrator,
            second_factor,
            status,
            theme,
            avatar,
            private,
            chosen: elsewhere,
            has_others,
            token_ends_soon,
        }
    }))
}
