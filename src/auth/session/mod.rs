//! Logins: rows in the database, an opaque key in a browser's signed cookie, or in a terminal's hand.
//!
//! actix-session keeps the cookie; the rows are this module's own, because a login, its audit entry and its mail belong
//! into one transaction. So a verb here writes the row and hands the new key to actix-session, whose [`Store`] only adopts
//! it. The cookie's value opens the session; the database keeps its SHA-256 (NIST SP 800-63B-4, 5.1).
//!
//! A terminal's key is a secret that it sends as a bearer. Its row says that it is a terminal's: no cookie opens it, and no
//! bearer a browser's.

mod seen;
mod store;

pub use seen::Seen;
pub use store::{Store, of_terminal};

use std::sync::Arc;

use actix_session::{Session, SessionExt};
use actix_web::dev::ServiceRequest;
use actix_web::{HttpMessage, HttpRequest};
use diesel::dsl::auto_type;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::device::{self, Codes};
use super::key::hex;
use super::secret::{PlainSecret, SecretHash, SecretKind};
use crate::audit::{Action, Actor, Event, Origin, record};
use crate::clock::Timestamp;
use crate::config::SessionConfig;
use crate::db::schema::{members, pending_logins, sessions, terminal_logins, users};
use crate::db::{Connection, Db, Tx};
use crate::error::{Error, Result};
use crate::ids::{OrganizationId, SessionId, UserId};
use crate::mail::SecurityNotice;
use crate::organizations::Choice;
use crate::text_enum;
use crate::urls;
use crate::users::{UserStatus, called};

/// How many live sessions a user may have; the oldest ends.
const MAX_PER_USER: usize = 50;
/// The one entry of actix-session's state that a loaded session has.
const ACCOUNT: &str = "account";
/// The one entry that a new or renewed session has: the key that its row was written under.
const KEY: &str = "key";
/// Beside it after a sign-in: what the browser's own cookie shall hold. No row keeps it.
const DEVICE: &str = "device";

text_enum! {
    /// Where a login is.
    pub enum SessionKind {
        /// In a browser, with a cookie.
        Browser = "browser",
        /// In a terminal, with a secret.
        Terminal = "terminal",
    }
}

/// What "everywhere" means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Browsers alone.
    Browsers,
    /// Terminals, too.
    All,
}

impl Reach {
    fn kinds(self) -> &'static [SessionKind] {
        match self {
            Self::Browsers => &[SessionKind::Browser],
            Self::All => SessionKind::ALL,
        }
    }
}

/// Who is signed in, and how: what one query knows at the start of each request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is another fact of the row")]
pub struct Account {
    /// The login.
    pub session_id: SessionId,
    /// The hash of the key that it was opened with.
    key_hash: [u8; 32],
    /// The user.
    pub user_id: UserId,
    /// Their sign-in name.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name; may be empty.
    pub last_name: String,
    /// May they administer the instance?
    pub is_administrator: bool,
    /// Have they a second factor?
    pub second_factor: bool,
    /// Light, dark, or as the system.
    pub theme: String,
    /// Their picture, if they have one.
    pub avatar: Option<String>,
    /// The organization being worked in.
    pub organization: Choice,
    /// Those that the header offers; none where there is only the private one.
    pub organizations: Vec<Choice>,
    /// Until when "confirm it is you" holds.
    pub confirmed_until: Timestamp,
    /// When this session last opened a page of the administration, to the minute.
    pub administered_at: Timestamp,
    /// Whether one of their tokens ends soon.
    pub token_ends_soon: bool,
    /// Whether it is a terminal's login, not a browser's.
    pub is_terminal: bool,
}

impl Account {
    /// First and last name, as far as they are known; else the e-mail.
    pub fn name(&self) -> String {
        called(&self.first_name, &self.last_name, &self.email)
    }
}

/// The account of a request, if somebody is signed in.
pub fn account(request: &HttpRequest) -> Option<Arc<Account>> {
    request.extensions().get::<Arc<Account>>().cloned()
}

/// Reads the account out of the loaded session, once, for all who ask for it; the error pages among them, which are
/// written when actix-session has taken the session back already.
pub fn remember(request: &ServiceRequest) {
    let session = request.get_session();
    let account = session.entries().get(ACCOUNT).and_then(|json| serde_json::from_str::<Account>(json).ok());
    if let Some(account) = account {
        request.extensions_mut().insert(Arc::new(account));
    }
}

/// A new session's key: 256 random bits, to be given to the browser once its row is committed.
pub struct NewKey {
    key: String,
    /// What the browser is known by from now on, after a sign-in.
    device: Option<Codes>,
}

impl NewKey {
    fn generate() -> Self {
        Self { key: hex(&crate::ids::random::<32>()), device: None }
    }

    fn hash(&self) -> SecretHash {
        SecretHash::of(&self.key)
    }

    /// Gives the browser this key in place of whatever it had.
    ///
    /// # Errors
    /// Never in practice; actix-session's signature has one.
    pub fn give(self, session: &Session) -> Result<()> {
        session.clear();
        session.renew();
        if let Some(device) = self.device {
            session.insert(DEVICE, device.reveal_for_cookie()).map_err(|error| Error::Internal(error.to_string()))?;
        }
        session.insert(KEY, self.key).map_err(|error| Error::Internal(error.to_string()))
    }
}

/// What the cookie of a browser that has just signed in shall hold.
pub fn device_cookie(session: &Session) -> Option<String> {
    session.get(DEVICE).ok().flatten()
}

/// Begins a login, within the transaction that records it, after the entry in the log; `confirmed` when it counts as "confirm
/// it is you", too.
///
/// # Errors
/// When the database refuses.
pub fn begin(
    tx: &mut Tx<'_>,
    user: &UserId,
    persistent: bool,
    confirmed: bool,
    origin: &Origin,
    config: &SessionConfig,
    now: Timestamp,
) -> Result<(SessionId, NewKey)> {
    make_room(tx, user, origin, now)?;
    let mut key = NewKey::generate();
    key.device = Some(device::welcome(tx, user, origin, now)?);
    let login = NewLogin {
        kind: SessionKind::Browser,
        hash: key.hash(),
        persistent,
        client: "",
        last_four: "",
        lifetime: if persistent { config.kept_absolute } else { config.absolute },
        confirmed_until: if confirmed { now.plus(config.confirmation) } else { now },
    };
    Ok((insert(tx, user, &login, origin, now)?, key))
}

/// Begins a terminal's login, within the transaction that records it. Whoever approved it had confirmed that it was them; that
/// holds here for as long as where they did.
///
/// # Errors
/// When the database refuses.
#[expect(clippy::too_many_arguments, reason = "a login is what it is made of")]
pub fn begin_terminal(
    tx: &mut Tx<'_>,
    user: &UserId,
    client: &str,
    confirmed_at: Timestamp,
    origin: &Origin,
    config: &SessionConfig,
    brand: &str,
    now: Timestamp,
) -> Result<(SessionId, PlainSecret)> {
    make_room(tx, user, origin, now)?;
    let secret = PlainSecret::generate(brand, SecretKind::Terminal);
    let login = NewLogin {
        kind: SessionKind::Terminal,
        hash: secret.hash(),
        persistent: false,
        client,
        last_four: secret.last_four(),
        lifetime: config.terminal,
        confirmed_until: confirmed_at.plus(config.confirmation),
    };
    Ok((insert(tx, user, &login, origin, now)?, secret))
}

/// Ends the oldest login of a user who has as many as there may be.
fn make_room(tx: &mut Tx<'_>, user: &UserId, origin: &Origin, now: Timestamp) -> Result<()> {
    let mine = sessions::table.filter(sessions::user_id.eq(user).and(sessions::expires_at.gt(now)));
    let live: Vec<SessionId> = mine.order(sessions::id.desc()).select(sessions::id).load(&mut **tx)?;
    if live.len() < MAX_PER_USER {
        return Ok(());
    }
    diesel::delete(sessions::table.filter(sessions::id.eq_any(&live[MAX_PER_USER - 1..]))).execute(&mut **tx)?;
    let event =
        Event { detail: "the oldest, since there were too many", ..Event::of_user(Action::SessionsEnded, user) };
    record(tx, &Actor::arriving(user, origin.clone()), now, &event)?;
    let Some(notices) = &origin.notices else { return Ok(()) };
    let notice = SecurityNotice::new(
        "Your oldest session was ended",
        format!("You may be signed in {MAX_PER_USER} times at once, and there was one more now."),
    );
    notices.send(tx, user, &notice, origin, now)
}

/// A login that is about to begin.
struct NewLogin<'a> {
    kind: SessionKind,
    hash: SecretHash,
    persistent: bool,
    client: &'a str,
    last_four: &'a str,
    /// For how many seconds, however it is used.
    lifetime: i64,
    confirmed_until: Timestamp,
}

fn insert(tx: &mut Tx<'_>, user: &UserId, login: &NewLogin<'_>, origin: &Origin, now: Timestamp) -> Result<SessionId> {
    let id = SessionId::new();
    // Where they worked last, if they may still.
    let works_in = users::table
        .inner_join(members::table.on(members::user_id.eq(users::id)))
        .filter(users::id.eq(user).and(members::organization_id.nullable().eq(users::works_in)))
        .select(members::organization_id);
    let works_in: Option<OrganizationId> = works_in.get_result(&mut **tx).optional()?;
    diesel::insert_into(sessions::table)
        .values((
            (
                sessions::id.eq(&id),
                sessions::kind.eq(login.kind),
                sessions::key_hash.eq(login.hash),
                sessions::user_id.eq(user),
                sessions::persistent.eq(login.persistent),
                sessions::client.eq(login.client),
                sessions::last_four.eq(login.last_four),
            ),
            (
                sessions::address.eq(&origin.address),
                sessions::agent.eq(&origin.agent),
                sessions::created_at.eq(now),
                sessions::seen_at.eq(now),
                sessions::expires_at.eq(now.plus(login.lifetime)),
                sessions::confirmed_until.eq(login.confirmed_until),
                sessions::administered_at.eq(now),
                sessions::organization_id.eq(works_in),
            ),
        ))
        .execute(&mut **tx)?;
    Ok(id)
}

/// Gives a login a new key, and lets "confirm it is you" hold from now on: after a confirmation, or a changed password.
///
/// # Errors
/// [`Error::SignIn`] when the session ended meanwhile.
pub fn renew(tx: &mut Tx<'_>, id: &SessionId, config: &SessionConfig, now: Timestamp) -> Result<NewKey> {
    let confirmed = (sessions::confirmed_until.eq(now.plus(config.confirmation)), sessions::administered_at.eq(now));
    diesel::update(sessions::table.find(id)).set(confirmed).execute(&mut **tx)?;
    rekey(tx, id, now)
}

/// Gives a login a new key, and confirms nothing: after something that changed the account, and proved less.
///
/// # Errors
/// [`Error::SignIn`] when the session ended meanwhile.
pub fn rekey(tx: &mut Tx<'_>, id: &SessionId, now: Timestamp) -> Result<NewKey> {
    let key = NewKey::generate();
    let renewed = diesel::update(sessions::table.find(id))
        .set((sessions::key_hash.eq(key.hash()), sessions::seen_at.eq(now)))
        .execute(&mut **tx)?;
    if renewed == 1 { Ok(key) } else { Err(ended()) }
}

fn ended() -> Error {
    Error::SignIn { back: urls::home() }
}

/// Asks once more, within the transaction of a change, whether the login that asked for it still holds. Between the head of
/// a request and its change lie its body, a password being hashed, a place in a queue: enough for its owner to sign out.
///
/// The user's row is locked first, here and by everything that ends sessions: of a change and an end, one comes after the
/// other, and no two of them wait for each other. So what a verb counts of a user's things still holds when it writes.
///
/// # Errors
/// [`Error::SignIn`] when the session ended, has another key by now, or its account was closed or lost its rank.
pub fn still_holds(tx: &mut Tx<'_>, account: &Account, now: Timestamp) -> Result<()> {
    lock(tx, &account.user_id)?;
    let this = sessions::id.eq(&account.session_id).and(sessions::key_hash.eq(SecretHash::from(account.key_hash)));
    let holds = this.and(sessions::expires_at.gt(now)).and(users::status.eq(UserStatus::Active));
    let row = sessions::table.inner_join(users::table).filter(holds).select(users::is_administrator);
    match row.get_result::<bool>(&mut **tx).optional()? {
        Some(rank) if rank || !account.is_administrator => Ok(()),
        _ => Err(ended()),
    }
}

/// Lets one change of a user's things through at a time.
///
/// # Errors
/// [`Error::SignIn`] when the user is gone.
pub fn lock(tx: &mut Tx<'_>, user: &UserId) -> Result<()> {
    let locked =
        diesel::update(users::table.find(user)).set(users::changes.eq(users::changes + 1)).execute(&mut **tx)?;
    if locked == 1 { Ok(()) } else { Err(ended()) }
}

/// The same for somebody who may be gone; says whether they are there.
///
/// # Errors
/// When the database refuses.
pub fn lock_if_there(tx: &mut Tx<'_>, user: &UserId) -> Result<bool> {
    match lock(tx, user) {
        Ok(()) => Ok(true),
        Err(Error::SignIn { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Ends one login.
///
/// # Errors
/// When the database refuses.
pub fn end(tx: &mut Tx<'_>, id: &SessionId) -> Result<()> {
    diesel::delete(sessions::table.find(id)).execute(&mut **tx)?;
    Ok(())
}

/// Ends every login of a user but one, as far as that reaches, and says how many; those that wait for a second factor, or
/// were approved for a terminal, too.
///
/// # Errors
/// When the database refuses.
pub fn end_others(tx: &mut Tx<'_>, user: &UserId, but: &SessionId, reach: Reach) -> Result<usize> {
    end_pending(tx, user)?;
    let others = sessions::user_id.eq(user).and(sessions::id.ne(but)).and(sessions::kind.eq_any(reach.kinds()));
    Ok(diesel::delete(sessions::table.filter(others)).execute(&mut **tx)?)
}

/// Ends every login of a user, as far as that reaches, forgets their browsers, and says how many logins there were; beside
/// them those that wait for a second factor, or were approved for a terminal.
///
/// # Errors
/// When the database refuses.
pub fn end_all(tx: &mut Tx<'_>, user: &UserId, reach: Reach) -> Result<usize> {
    device::forget_all(tx, user)?;
    end_pending(tx, user)?;
    let all = sessions::user_id.eq(user).and(sessions::kind.eq_any(reach.kinds()));
    Ok(diesel::delete(sessions::table.filter(all)).execute(&mut **tx)?)
}

/// What is to become a login and is none yet ends in any case: nobody has it, so nobody misses it.
fn end_pending(tx: &mut Tx<'_>, user: &UserId) -> Result<()> {
    diesel::delete(pending_logins::table.filter(pending_logins::user_id.eq(user))).execute(&mut **tx)?;
    diesel::delete(terminal_logins::table.filter(terminal_logins::user_id.eq(user))).execute(&mut **tx)?;
    Ok(())
}

#[auto_type(no_type_alias)]
fn terminals(hash: SecretHash) -> _ {
    let is_one: diesel::dsl::Eq<sessions::kind, SessionKind> = sessions::kind.eq(SessionKind::Terminal);
    sessions::table.filter(sessions::key_hash.eq(hash)).filter(is_one)
}

/// Whether a secret is of a terminal's login, over or not.
///
/// # Errors
/// When the database refuses.
pub fn is_terminal(connection: &mut Connection, hash: SecretHash) -> Result<bool> {
    Ok(diesel::select(diesel::dsl::exists(terminals(hash))).get_result(connection)?)
}

/// Ends the terminal's login that a secret opens, at that terminal's wish, and says whether there was one.
///
/// # Errors
/// When the database refuses.
pub fn end_terminal(tx: &mut Tx<'_>, hash: SecretHash, origin: &Origin, now: Timestamp) -> Result<bool> {
    let row = terminals(hash).select((sessions::id, sessions::user_id, sessions::client));
    let Some((id, user, client)) = row.get_result::<(SessionId, UserId, String)>(&mut **tx).optional()? else {
        return Ok(false);
    };
    // Of a deleted user's there is none any more.
    if !lock_if_there(tx, &user)? || diesel::delete(sessions::table.find(&id)).execute(&mut **tx)? != 1 {
        return Ok(false);
    }
    let actor = Actor::terminal(&user, &id, origin.clone());
    record(tx, &actor, now, &Event { subject_name: &client, ..Event::of_user(Action::SignedOut, &user) })?;
    Ok(true)
}

/// Takes away the sessions that are over; for the hourly job. Each in a transaction of its own: whoever ends a user's
/// sessions meanwhile holds some of the same rows, and must not be waited for while others are held.
///
/// # Errors
/// When the database refuses.
pub fn forget_old(db: &Db, config: &SessionConfig, now: Timestamp) -> Result<()> {
    let idle = |persistent: bool, idle: i64| {
        let unused = sessions::persistent.eq(persistent).and(sessions::seen_at.le(now.plus(-idle)));
        unused.and(sessions::kind.eq(SessionKind::Browser))
    };
    let over = sessions::expires_at.le(now).or(idle(false, config.idle)).or(idle(true, config.kept_idle));
    let ids: Vec<SessionId> = db.read_here(|c| Ok(sessions::table.filter(over).select(sessions::id).load(c)?))?;
    for id in ids {
        db.write_here(move |tx| Ok(diesel::delete(sessions::table.find(id).filter(over)).execute(&mut **tx)?))?;
    }
    Ok(())
}
