//! The sessions on `/settings/security`: each browser and each terminal that is signed in, ending one, and ending all.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use diesel::prelude::*;
use serde::Deserialize;

use super::Ending;
use crate::app::Instance;
use crate::audit::{Action, Actor, Event, record};
use crate::auth::capability::Owner;
use crate::auth::session::{self, Reach, SessionKind};
use crate::auth::{Confirmed, SignedIn};
use crate::clock::Timestamp;
use crate::db::schema::sessions;
use crate::db::{Connection, Tx};
use crate::error::{Error, Result};
use crate::ids::SessionId;
use crate::tokens;
use crate::urls;
use crate::web::form::ConfirmedPost;
use crate::web::{Moment, Notice, Pressed, Shell, Visitor, agent, client, filters, html, see_other};

/// A login, as the page shows it. Its id is no secret: it opens nothing.
pub struct SessionRow {
    /// "Firefox on Linux"; of a terminal, the tool's own name.
    pub device: String,
    /// From where.
    pub address: String,
    /// What that is, where the address alone says so.
    pub place: Option<&'static str>,
    /// When it began.
    pub signed_in: Moment,
    /// When it was last used.
    pub seen: Moment,
    /// Whether it is this one.
    pub is_this: bool,
    /// Where to end it.
    pub end_url: String,
}

/// Somebody's logins, the last used first.
pub struct Sessions {
    /// In browsers.
    pub browsers: Vec<SessionRow>,
    /// In terminals.
    pub terminals: Vec<SessionRow>,
}

type Row = ((SessionId, SessionKind, String), (String, String, Timestamp, Timestamp));

impl Sessions {
    /// The owner's.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn of(connection: &mut Connection, owner: Owner<'_>, this: &SessionId, now: Timestamp) -> Result<Self> {
        let mine: Vec<Row> = sessions::table
            .filter(sessions::user_id.eq(owner.user_id()).and(sessions::expires_at.gt(now)))
            .order((sessions::seen_at.desc(), sessions::id.desc()))
            .select((
                (sessions::id, sessions::kind, sessions::client),
                (sessions::agent, sessions::address, sessions::created_at, sessions::seen_at),
            ))
            .load(connection)?;
        let (mut browsers, mut terminals) = (Vec::new(), Vec::new());
        for ((id, kind, client), (user_agent, address, created_at, seen_at)) in mine {
            let (list, device) = match kind {
                SessionKind::Browser => (&mut browsers, agent::words(&user_agent)),
                SessionKind::Terminal => (&mut terminals, client),
            };
            list.push(SessionRow {
                device,
                place: client::place(&address),
                address,
                signed_in: Moment::new(created_at, now),
                seen: Moment::new(if id == *this { now } else { seen_at }, now),
                is_this: id == *this,
                end_url: urls::settings_session_end(&id),
            });
        }
        Ok(Self { browsers, terminals })
    }

    /// How many there are beside this one.
    pub fn elsewhere(&self) -> usize {
        (self.browsers.len() + self.terminals.len()).saturating_sub(1)
    }
}

/// Ends every login but this one, where somebody ticked that beside a changed way in.
///
/// # Errors
/// When the database refuses.
pub fn end_elsewhere(tx: &mut Tx<'_>, who: &SignedIn, actor: &Actor, now: Timestamp) -> Result<()> {
    let account = who.account();
    let ended = session::end_others(tx, &account.user_id, &account.session_id, Reach::All)?;
    let detail = format!("the {ended} others");
    record(tx, actor, now, &Event { detail: &detail, ..Event::of_user(Action::SessionsEnded, &account.user_id) })
}

/// `POST /settings/security/sessions/{id}/end`.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs.
pub async fn end_one(
    instance: web::Data<Instance>,
    id: web::Path<SessionId>,
    posted: ConfirmedPost<Pressed>,
) -> Result<HttpResponse> {
    let (who, id, now) = (posted.who, id.into_inner(), instance.clock.now());
    instance
        .db
        .write(move |tx| {
            let (owner, actor) = (who.owner(), who.actor(tx, now)?);
            let mine = sessions::table.find(&id).filter(sessions::user_id.eq(owner.user_id()));
            if diesel::delete(mine).execute(&mut **tx)? != 1 {
                return Err(Error::NotFound);
            }
            let event = Event { detail: "one", ..Event::of_user(Action::SessionsEnded, owner.user_id()) };
            record(tx, &actor, now, &event)
        })
        .await?;
    let mut response = see_other(&urls::settings_security());
    Notice::SessionEnded.send(&mut response, instance.config.is_https());
    Ok(response)
}

#[derive(Template)]
#[template(path = "security/logout_all.html")]
struct LogoutAllPage {
    shell: Shell,
    browsers: usize,
    terminals: usize,
    tokens: usize,
}

/// `GET /settings/security/logout-all`: what does "everywhere" mean?
///
/// # Errors
/// When the database refuses.
pub async fn ask_all(who: Confirmed, visitor: Visitor, instance: web::Data<Instance>) -> Result<HttpResponse> {
    let now = instance.clock.now();
    let counts = instance.db.read(move |connection| {
        let sessions = Sessions::of(connection, who.owner(), &who.account().session_id, now)?;
        let tokens = tokens::count_active(connection, who.owner(), now)?;
        Ok((sessions, usize::try_from(tokens).unwrap_or_default()))
    });
    let (sessions, tokens) = counts.await?;
    let (browsers, terminals) = (sessions.browsers.len(), sessions.terminals.len());
    let shell = visitor.shell("Logout all sessions", "security");
    html(StatusCode::OK, &LogoutAllPage { shell, browsers, terminals, tokens })
}

/// What the page sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct LogoutAllForm {
    terminals: Option<String>,
    tokens: Option<String>,
}

/// `POST /settings/security/logout-all`: ends every session in a browser, this one too, and what was ticked beside.
///
/// # Errors
/// When the database refuses; then none has ended.
pub async fn end_all(
    instance: web::Data<Instance>,
    session: Session,
    posted: ConfirmedPost<LogoutAllForm>,
) -> Result<HttpResponse> {
    let (who, now, form) = (posted.who, instance.clock.now(), posted.form);
    let ending = Ending::of(form.terminals.as_deref(), form.tokens.as_deref());
    let ended = instance
        .db
        .write(move |tx| {
            let (owner, actor) = (who.owner(), who.actor(tx, now)?);
            let ended = session::end_all(tx, owner.user_id(), ending.reach)?;
            let revoked = if ending.tokens { tokens::revoke_all(tx, owner.user_id(), &actor, now)? } else { 0 };
            let of = if ending.terminals() { "" } else { " in browsers" };
            let detail = format!("all {ended}{of}, and {revoked} tokens revoked");
            record(
                tx,
                &actor,
                now,
                &Event { detail: &detail, ..Event::of_user(Action::SessionsEnded, owner.user_id()) },
            )?;
            Ok(ended)
        })
        .await?;
    session.purge();
    let mut response = see_other(&urls::login());
    Notice::SignedOutEverywhere.send_with(&mut response, instance.config.is_https(), ended);
    Ok(response)
}
