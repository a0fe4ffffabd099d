//! The outbox's rows.

use diesel::prelude::*;

use super::Letter;
use crate::clock::Timestamp;
use crate::db::schema::{outbox, users};
use crate::db::{Connection, Tx};
use crate::error::Result;
use crate::ids::{MailId, UserId};
use crate::text::containing;
use crate::text_enum;
use crate::users::{UserStatus, email_key};

#[declare_sql_function]
extern "SQL" {
    /// Small letters; SQLite knows those of ASCII alone.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

text_enum! {
    /// Where a mail is on its way.
    pub enum MailState {
        /// Not sent yet, or to be tried again.
        Waiting = "waiting",
        /// Kept as a file, since no mail server is set up.
        Filed = "filed",
        /// Given up, with a reason.
        Failed = "failed",
    }
}

/// A mail in the outbox.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = outbox)]
pub struct Queued {
    /// Its id, and the stable part of its Message-ID.
    pub id: MailId,
    /// To whom.
    pub recipient: String,
    /// Subject.
    pub subject: String,
    /// Plain text.
    pub text_body: String,
    /// The same in HTML.
    pub html_body: String,
    /// Where it is.
    pub state: MailState,
    /// How often it was tried.
    pub attempts: i64,
    /// Why it is not sent yet.
    pub reason: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// When the link in it is over, if there is one that opens something.
    pub ends_at: Option<Timestamp>,
    /// Whose account it is about.
    pub user_id: Option<UserId>,
}

impl Queued {
    /// Whether its link opens nothing any more.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.ends_at.is_some_and(|ends_at| ends_at <= now)
    }
}

/// Puts a mail into the outbox, in the transaction of the change that it tells of. None goes to a suspended account.
///
/// # Errors
/// When the database refuses; then the change is rolled back with it.
pub fn queue(tx: &mut Tx<'_>, user: Option<&UserId>, recipient: &str, letter: &Letter, now: Timestamp) -> Result<()> {
    let theirs = users::email_key.eq(email_key(recipient)).nullable().or(users::id.nullable().eq(user));
    let closed = users::table.filter(theirs).filter(users::status.eq(UserStatus::Suspended));
    if diesel::select(diesel::dsl::exists(closed)).get_result(&mut **tx)? {
        return Ok(());
    }
    diesel::insert_into(outbox::table)
        .values((
            outbox::id.eq(MailId::new()),
            outbox::user_id.eq(user),
            outbox::recipient.eq(recipient),
            outbox::subject.eq(&letter.subject),
            outbox::text_body.eq(&letter.text),
            outbox::html_body.eq(&letter.html),
            outbox::state.eq(MailState::Waiting),
            outbox::attempts.eq(0),
            outbox::reason.eq(""),
            outbox::created_at.eq(now),
            outbox::due_at.eq(now),
            outbox::ends_at.eq(letter.good_for.map(|seconds| now.plus(seconds))),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// Takes away what waits to be sent to somebody.
///
/// # Errors
/// When the database refuses.
pub fn forget_waiting(tx: &mut Tx<'_>, user: &UserId) -> Result<()> {
    let theirs = outbox::user_id.eq(user).and(outbox::state.eq(MailState::Waiting));
    diesel::delete(outbox::table.filter(theirs)).execute(&mut **tx)?;
    Ok(())
}

/// How many wait to be sent.
///
/// # Errors
/// When the database refuses.
pub fn waiting(connection: &mut Connection) -> Result<i64> {
    Ok(outbox::table.filter(outbox::state.eq(MailState::Waiting)).count().get_result(connection)?)
}

/// Whether one is to be sent by now.
///
/// # Errors
/// When the database refuses.
pub fn is_due(connection: &mut Connection, now: Timestamp) -> Result<bool> {
    let due = outbox::table.filter(outbox::state.eq(MailState::Waiting)).filter(outbox::due_at.le(now));
    Ok(diesel::select(diesel::dsl::exists(due)).get_result(connection)?)
}

/// So many mails stand on a page.
pub const PAGE: i64 = 50;

/// The mails to addresses that contain what was typed, newest first, one page; one more than that tells of another.
///
/// # Errors
/// When the database refuses.
pub fn page(connection: &mut Connection, search: &str, page: i64) -> Result<Vec<Queued>> {
    let mut those =
        outbox::table.order(outbox::id.desc()).limit(PAGE + 1).offset(page.saturating_mul(PAGE)).into_boxed();
    if !search.is_empty() {
        those = those.filter(lower(outbox::recipient).like(containing(&email_key(search))).escape('\\'));
    }
    Ok(those.select(Queued::as_select()).load(connection)?)
}

/// One mail.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when there is none.
pub fn find(connection: &mut Connection, id: &MailId) -> Result<Queued> {
    Ok(outbox::table.find(id).select(Queued::as_select()).get_result(connection)?)
}

/// A mail that was due at `begun`, claimed until another moment.
pub(super) fn claim(tx: &mut Tx<'_>, begun: Timestamp, until: Timestamp) -> Result<Option<Queued>> {
    let due = outbox::table.filter(outbox::state.eq(MailState::Waiting)).filter(outbox::due_at.le(begun));
    // Those whose link is waited for come before those that only tell, so that nobody's changes hold up anybody's way in.
    let Some((mail, due_at)) = due
        .order((outbox::ends_at.is_null(), outbox::due_at, outbox::id))
        .select((Queued::as_select(), outbox::due_at))
        .first::<(Queued, Timestamp)>(&mut **tx)
        .optional()?
    else {
        return Ok(None);
    };
    // Another node may have read the same row: only one of the two finds the due time unchanged.
    let mine = diesel::update(outbox::table.find(&mail.id).filter(outbox::due_at.eq(due_at)))
        .set((outbox::due_at.eq(until), outbox::attempts.eq(outbox::attempts + 1)))
        .execute(&mut **tx)?;
    Ok((mine == 1).then_some(mail))
}

pub(super) fn sent(tx: &mut Tx<'_>, id: &MailId) -> Result<()> {
    diesel::delete(outbox::table.find(id)).execute(&mut **tx)?;
    Ok(())
}

pub(super) fn set_state(tx: &mut Tx<'_>, id: &MailId, state: MailState, reason: &str, due_at: Timestamp) -> Result<()> {
    diesel::update(outbox::table.find(id))
        .set((outbox::state.eq(state), outbox::reason.eq(reason), outbox::due_at.eq(due_at)))
        .execute(&mut **tx)?;
    Ok(())
}

/// Takes away what was filed or given up before `moment`, and the texts of mails whose links are over by `now`.
pub(crate) fn forget_old(tx: &mut Tx<'_>, moment: Timestamp, now: Timestamp) -> Result<usize> {
    let over = outbox::table.filter(outbox::ends_at.le(now)).filter(outbox::state.ne(MailState::Waiting));
    diesel::update(over.filter(outbox::text_body.ne("")))
        .set((outbox::text_body.eq(""), outbox::html_body.eq("")))
        .execute(&mut **tx)?;
    Ok(diesel::delete(outbox::table.filter(outbox::state.ne(MailState::Waiting)).filter(outbox::created_at.lt(moment)))
        .execute(&mut **tx)?)
}
