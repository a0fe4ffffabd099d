//! Reading the log.

use diesel::prelude::*;

use super::{Action, ActorKind};
use crate::auth::capability::Owner;
use crate::clock::Timestamp;
use crate::db::Connection;
use crate::db::schema::{audit_events, service_accounts, users};
use crate::error::Result;
use crate::ids::{OrganizationId, UserId};
use crate::text::{containing, search_key};
use crate::users::{called, email_key};

/// One entry, as it was written.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = audit_events)]
pub struct Entry {
    /// Orders the log; the page's cursor.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: Action,
    /// By what kind of somebody.
    pub actor_kind: ActorKind,
    /// By whom, if it was a user or a service account.
    pub actor_id: String,
    /// Through what.
    pub through: String,
    /// From where.
    pub address: String,
    /// With what.
    pub agent: String,
    /// To what: its id,
    pub subject_id: String,
    /// and its name at that moment.
    pub subject_name: String,
    /// More.
    pub detail: String,
}

/// A user's own log, newest first: up to `count` entries older than the cursor.
///
/// # Errors
/// When the database refuses.
pub fn for_user(connection: &mut Connection, owner: Owner<'_>, before: Option<&str>, count: i64) -> Result<Vec<Entry>> {
    let mut query = audit_events::table
        .filter(audit_events::user_id.eq(owner.user_id()))
        .order(audit_events::id.desc())
        .limit(count)
        .select(Entry::as_select())
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(audit_events::id.lt(before));
    }
    Ok(query.load(connection)?)
}

/// What happened to one of a user's things, newest first.
///
/// # Errors
/// When the database refuses.
pub fn of_subject(connection: &mut Connection, user: &UserId, subject: &str, count: i64) -> Result<Vec<Entry>> {
    Ok(audit_events::table
        .filter(audit_events::subject_id.eq(subject).and(audit_events::user_id.eq(user)))
        .order(audit_events::id.desc())
        .limit(count)
        .select(Entry::as_select())
        .load(connection)?)
}

/// What happened to one of an organization's tokens or keys, newest first.
///
/// # Errors
/// When the database refuses.
pub fn of_key(
    connection: &mut Connection,
    organization: &OrganizationId,
    subject: &str,
    count: i64,
) -> Result<Vec<Entry>> {
    Ok(audit_events::table
        .filter(audit_events::subject_id.eq(subject).and(audit_events::organization_id.eq(organization)))
        .order(audit_events::id.desc())
        .limit(count)
        .select(Entry::as_select())
        .load(connection)?)
}

/// First name, last name and e-mail of a user.
type Person = (String, String, String);

/// An entry of an organization's log, with the people in it as they are called today; who is erased has no name.
#[derive(Debug, Clone)]
pub struct Told {
    /// What was written.
    pub entry: Entry,
    /// Who acted.
    pub actor: Option<String>,
    /// To whom it happened, if to a person.
    pub subject: Option<String>,
}

/// An entry, who acted and to whom it happened if those are people, and the service account that acted.
type Row = (Entry, Option<Person>, Option<Person>, Option<String>);

diesel::alias!(users as subjects: Subjects);

/// What an organization's log is searched for.
#[derive(Debug, Clone, Default)]
pub struct Sought {
    /// Entries older than this one.
    pub before: Option<String>,
    /// Of this kind.
    pub action: Option<Action>,
    /// By somebody whose e-mail contains this, or a service account whose name does.
    pub actor: Option<String>,
    /// Whose subject, its e-mail, or whose detail contains this.
    pub text: Option<String>,
    /// Not before this moment,
    pub from: Option<Timestamp>,
    /// and before this one.
    pub until: Option<Timestamp>,
}

/// An organization's log, newest first, up to `count` entries.
///
/// # Errors
/// When the database refuses.
pub fn for_organization(
    connection: &mut Connection,
    organization: &OrganizationId,
    sought: &Sought,
    count: i64,
) -> Result<Vec<Told>> {
    let subject = subjects.fields((users::first_name, users::last_name, users::email));
    let mut those = audit_events::table
        .left_join(users::table.on(users::id.eq(audit_events::actor_id)))
        .left_join(subjects.on(subjects.field(users::id).eq(audit_events::subject_id)))
        .left_join(service_accounts::table.on(service_accounts::id.eq(audit_events::actor_id)))
        .filter(audit_events::organization_id.eq(organization))
        .order(audit_events::id.desc())
        .limit(count)
        .select((
            Entry::as_select(),
            (users::first_name, users::last_name, users::email).nullable(),
            subject.nullable(),
            service_accounts::name.nullable(),
        ))
        .into_boxed();
    if let Some(before) = &sought.before {
        those = those.filter(audit_events::id.lt(before));
    }
    if let Some(action) = sought.action {
        those = those.filter(audit_events::action.eq(action));
    }
    if let Some(actor) = &sought.actor {
        let person = users::email_key.nullable().like(containing(&email_key(actor))).escape('\\');
        let account = service_accounts::name_key.nullable().like(containing(&search_key(actor))).escape('\\');
        those = those.filter(person.or(account));
    }
    if let Some(text) = &sought.text {
        let pattern = containing(&email_key(text));
        let of_person = subjects.field(users::email_key).nullable().like(pattern.clone()).escape('\\');
        let told = audit_events::search_key.like(pattern).escape('\\');
        those = those.filter(told.nullable().or(of_person));
    }
    if let Some(from) = sought.from {
        those = those.filter(audit_events::at.ge(from));
    }
    if let Some(until) = sought.until {
        those = those.filter(audit_events::at.lt(until));
    }
    let rows: Vec<Row> = those.load(connection)?;
    let called = |person: Option<Person>| person.map(|(first, last, email)| called(&first, &last, &email));
    let told =
        |(entry, actor, subject, account)| Told { entry, actor: called(actor).or(account), subject: called(subject) };
    Ok(rows.into_iter().map(told).collect())
}
