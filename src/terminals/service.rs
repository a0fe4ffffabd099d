//! The verbs of terminals: asking to be let in, answering that, and fetching the login.

use std::sync::Arc;

use diesel::prelude::*;

use super::policy::{PATIENCE, PAUSE, Refusal, State, UserCode, Wish, judge};
use crate::app::Instance;
use crate::audit::{Action, Actor, Event, Origin, record};
use crate::auth::link::new_code;
use crate::auth::session;
use crate::auth::throttle::{self, Door, Passed};
use crate::auth::{Confirmed, InstanceKey, PlainSecret, SecretHash, SignedIn};
use crate::clock::Timestamp;
use crate::db::schema::{terminal_logins, users};
use crate::db::{Connection, Tx};
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::mail::SecurityNotice;
use crate::users::UserStatus;

/// What a terminal that asks to be let in is given.
pub struct Asked {
    /// By which it asks how that stands; 256 random bits.
    pub device_code: String,
    /// What it shows to its owner.
    pub user_code: UserCode,
}

/// The hash of a code that people type. It is short, so that it takes the instance's key to try them all.
fn hash(key: &InstanceKey, code: &UserCode) -> SecretHash {
    SecretHash::from(key.sign("terminal's code", &[code.plain().as_bytes()]))
}

/// Notes a terminal's wish.
///
/// # Errors
/// [`Error::TooMany`]; when the database refuses.
pub async fn ask(instance: &Instance, client: &str, origin: &Origin) -> Result<Asked> {
    let now = instance.clock.now();
    let wide = throttle::wide_network(&origin.address);
    let doors: Vec<Door> = vec![
        (format!("terminals {}", throttle::of_origin(origin)), throttle::TERMINALS),
        (format!("terminals {wide}"), throttle::TERMINALS_WIDE),
    ];
    throttle::enter(&instance.db, doors, now).await?;
    for _ in 0..3 {
        let (device_code, user_code) = (new_code(), UserCode::generate());
        let (kept, code_hash) = (SecretHash::of(&device_code), hash(&instance.key, &user_code));
        let (client, origin) = (client.to_owned(), origin.clone());
        let noted = instance.db.write(move |tx| {
            diesel::insert_into(terminal_logins::table)
                .values((
                    terminal_logins::hash.eq(kept),
                    terminal_logins::code_hash.eq(code_hash),
                    terminal_logins::client.eq(client),
                    terminal_logins::address.eq(&origin.address),
                    terminal_logins::agent.eq(&origin.agent),
                    terminal_logins::state.eq(State::Waiting),
                    terminal_logins::pause.eq(PAUSE),
                    terminal_logins::created_at.eq(now),
                    terminal_logins::expires_at.eq(now.plus(PATIENCE)),
                ))
                .execute(&mut **tx)?;
            Ok(())
        });
        match noted.await {
            Ok(()) => return Ok(Asked { device_code, user_code }),
            // Another terminal shows that code just now.
            Err(Error::Taken(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::Unavailable("there was no free code"))
}

/// A terminal that waits, as the page that lets it in shows it.
#[derive(Debug, Clone, Queryable)]
pub struct Waiting {
    /// What the tool calls itself.
    pub client: String,
    /// Where it asked from.
    pub address: String,
    /// Its `User-Agent`.
    pub agent: String,
    /// When it asked.
    pub asked_at: Timestamp,
}

/// The terminal that shows a code and waits. Each look is a try at the doors of its user and their network, given back when
/// there is such a terminal.
///
/// # Errors
/// [`Error::TooMany`]; when the database refuses.
pub async fn find(instance: &Instance, who: &SignedIn, code: &UserCode) -> Result<Option<Waiting>> {
    let (now, origin, user) = (instance.clock.now(), who.origin(), &who.account().user_id);
    let wide = throttle::wide_network(&origin.address);
    let doors: Vec<Door> = vec![
        (format!("terminal code {user}"), throttle::TERMINAL_CODE),
        (format!("terminal code {}", throttle::of_origin(origin)), throttle::TERMINAL_CODE),
        (format!("terminal code {wide}"), throttle::TERMINAL_CODE_WIDE),
    ];
    let shared = doors.iter().map(|(door, _)| door.clone()).collect();
    throttle::enter(&instance.db, doors, now).await?;
    let hash = hash(&instance.key, code);
    let found = instance.db.read(move |connection| {
        let waits = terminal_logins::state.eq(State::Waiting).and(terminal_logins::expires_at.gt(now));
        let row = terminal_logins::table.filter(terminal_logins::code_hash.eq(hash).and(waits)).select((
            terminal_logins::client,
            terminal_logins::address,
            terminal_logins::agent,
            terminal_logins::created_at,
        ));
        Ok(row.get_result::<Waiting>(connection).optional()?)
    });
    let found = found.await?;
    if found.is_some() {
        // Not forgotten: whoever has a code of their own could else guess without end.
        throttle::pass(&instance.db, Passed { shared, ..Passed::default() }).await;
    }
    Ok(found)
}

/// Lets the terminal that shows a code act for whoever approves it; `false` when it no longer waits.
///
/// # Errors
/// When the session ended meanwhile; when the database refuses.
pub async fn approve(instance: &Instance, who: &Confirmed, code: &UserCode) -> Result<bool> {
    answer(instance, who, code, State::Approved).await
}

/// Keeps the terminal that shows a code out; `false` when it no longer waits.
///
/// # Errors
/// When the session ended meanwhile; when the database refuses.
pub async fn deny(instance: &Instance, who: &SignedIn, code: &UserCode) -> Result<bool> {
    answer(instance, who, code, State::Denied).await
}

async fn answer(instance: &Instance, who: &SignedIn, code: &UserCode, state: State) -> Result<bool> {
    let (now, who, hash) = (instance.clock.now(), who.clone(), hash(&instance.key, code));
    // The terminal's login is as confirmed as the one that approves it: what counts is when its owner proved it.
    let proved_at = who.account().confirmed_until.plus(-instance.config.sessions.confirmation);
    let writing = instance.db.write(move |tx| {
        let (actor, user) = (who.actor(tx, now)?, &who.account().user_id);
        let waits = terminal_logins::state.eq(State::Waiting).and(terminal_logins::expires_at.gt(now));
        let this = terminal_logins::table.filter(terminal_logins::code_hash.eq(hash));
        // Of two answers the first holds.
        let answered = diesel::update(this.filter(waits))
            .set((
                terminal_logins::state.eq(state),
                terminal_logins::user_id.eq(user),
                terminal_logins::answered_at.eq(proved_at.min(now)),
            ))
            .execute(&mut **tx)?;
        if answered != 1 {
            return Ok(false);
        }
        let columns = (terminal_logins::client, terminal_logins::address);
        let (client, address): (String, String) = this.select(columns).get_result(&mut **tx)?;
        let action = if state == State::Approved { Action::TerminalApproved } else { Action::TerminalDenied };
        let detail = format!("asked from {address}");
        record(tx, &actor, now, &Event { subject_name: &client, detail: &detail, ..Event::of_user(action, user) })?;
        Ok(true)
    });
    writing.await
}

/// A wish, as its terminal asks for it.
struct Row {
    wish: Wish,
    user: Option<UserId>,
    answered_at: Option<Timestamp>,
}

fn row(connection: &mut Connection, hash: SecretHash, client: &str) -> Result<Option<Row>> {
    type Columns = ((State, Timestamp, Option<Timestamp>, i64), (Option<UserId>, Option<Timestamp>));
    let row = terminal_logins::table.filter(terminal_logins::hash.eq(hash).and(terminal_logins::client.eq(client)));
    let row = row.select((
        (terminal_logins::state, terminal_logins::expires_at, terminal_logins::polled_at, terminal_logins::pause),
        (terminal_logins::user_id, terminal_logins::answered_at),
    ));
    let found = row.get_result::<Columns>(connection).optional()?;
    Ok(found.map(|((state, expires_at, polled_at, pause), (user, answered_at))| Row {
        wish: Wish { state, expires_at, polled_at, pause },
        user,
        answered_at,
    }))
}

/// Gives a terminal the login that its owner approved, once; else says how it stands.
///
/// # Errors
/// When the database refuses.
pub async fn fetch(
    instance: &Instance,
    device_code: &str,
    client: &str,
    origin: Origin,
) -> Result<Result<PlainSecret, Refusal>> {
    let (now, hash, client) = (instance.clock.now(), SecretHash::of(device_code), client.to_owned());
    let named = client.clone();
    // Looked at once before, so that noise does not stand in the queue of those who write.
    let known = instance.db.read(move |connection| Ok(row(connection, hash, &named)?.is_some()));
    if !known.await? {
        return Ok(Err(Refusal::Unknown));
    }
    let (sessions, brand) = (instance.config.sessions.clone(), instance.config.tokens.brand.clone());
    let notices = Arc::clone(&instance.notices);
    instance
        .db
        .write(move |tx| {
            let Some(row) = row(tx, hash, &client)? else { return Ok(Err(Refusal::Unknown)) };
            if let Some(refusal) = judge(row.wish, now) {
                note_question(tx, hash, refusal, now)?;
                return Ok(Err(refusal));
            }
            let (Some(user), Some(proved_at)) = (row.user, row.answered_at) else {
                return Ok(Err(Refusal::Unknown));
            };
            if !take(tx, hash, &user)? {
                return Ok(Err(Refusal::Unknown));
            }
            let status: UserStatus = users::table.find(&user).select(users::status).get_result(&mut **tx)?;
            if status != UserStatus::Active {
                return Ok(Err(Refusal::Denied));
            }
            let (id, secret) =
                session::begin_terminal(tx, &user, &client, proved_at, &origin, &sessions, &brand, now)?;
            let event = Event {
                subject_id: id.as_str(),
                subject_name: &client,
                ..Event::of_user(Action::TerminalSignedIn, &user)
            };
            record(tx, &Actor::arriving(&user, origin.clone()), now, &event)?;
            let more = format!(
                "It calls itself “{client}”, and was approved in a browser that is signed in to your account. It acts for you \
                 until it ends, {} minutes from now at the latest.",
                sessions.terminal / 60
            );
            let notice = SecurityNotice::new("A terminal was signed in to your account", more);
            notices.send(tx, &user, &notice, &origin, now)?;
            Ok(Ok(secret))
        })
        .await
}

fn note_question(tx: &mut Tx<'_>, hash: SecretHash, refusal: Refusal, now: Timestamp) -> Result<()> {
    let slower = match refusal {
        Refusal::TooFast => PAUSE,
        Refusal::Pending => 0,
        Refusal::Denied | Refusal::Expired | Refusal::Unknown => return Ok(()),
    };
    let asked = (terminal_logins::polled_at.eq(now), terminal_logins::pause.eq(terminal_logins::pause + slower));
    diesel::update(terminal_logins::table.find(hash)).set(asked).execute(&mut **tx)?;
    Ok(())
}

/// Uses an approval up: of many questions at once, one finds it. The user's row is locked first, as by whatever ends sessions
/// and with them what was approved and not yet fetched.
fn take(tx: &mut Tx<'_>, hash: SecretHash, user: &UserId) -> Result<bool> {
    if !session::lock_if_there(tx, user)? {
        return Ok(false);
    }
    let approved = terminal_logins::table.find(hash).filter(terminal_logins::state.eq(State::Approved));
    Ok(diesel::delete(approved).execute(&mut **tx)? == 1)
}

/// Takes away wishes that are over; for the hourly job.
///
/// # Errors
/// When the database refuses.
pub fn forget_old(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize> {
    Ok(diesel::delete(terminal_logins::table.filter(terminal_logins::expires_at.le(now))).execute(&mut **tx)?)
}
