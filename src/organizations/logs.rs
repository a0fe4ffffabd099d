//! `/organizations/{slug}/logs`: who did what in an organization; filtered, searched, and exported as it is read.

use actix_web::http::{StatusCode, header};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use futures_util::stream;
use serde::{Deserialize, Serialize};

use super::caller::{Acts, Caller};
use super::member::{Member, MemberConfirmed};
use super::pages::answer;
use super::policy::{Right, Rights};
use super::queries::{Which, standing};
use super::views::{EventLine, Place};
use crate::api::{Page, asked, json};
use crate::app::Instance;
use crate::audit::{self, Action, ActorKind, Entry, Sought, Told};
use crate::clock::{DAY, Timestamp};
use crate::db::Connection;
use crate::error::{Error, Result};
use crate::ids::{OrganizationId, UserId};
use crate::text;
use crate::urls;
use crate::web::{Field, FieldError, Moment, Problems, Shell, Visitor, filters};

/// So many entries stand on a page.
const PAGE: usize = 50;
/// Who is erased has no name.
const GONE: &str = "Somebody whose account is gone";
/// So many are read at a time for an export.
const BATCH: i64 = 500;

/// What is asked of the log.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    before: String,
    action: String,
    who: String,
    search: String,
    from: String,
    to: String,
    format: String,
}

/// Why a day can't be read.
const NO_DAY: &str = "Choose a day, or write one like 2026-11-22";

impl Asked {
    /// What is sought; days are whole ones, in UTC.
    fn sought(&self) -> std::result::Result<Sought, Problems> {
        let some = |text: &str| Some(text::shown(text.trim(), 254)).filter(|text| !text.is_empty());
        let mut problems = Problems::none();
        let mut day = |field, typed: &str| {
            let day = Timestamp::of_day(typed.trim());
            if day.is_none() && !typed.trim().is_empty() {
                problems.add(field, NO_DAY);
            }
            day
        };
        let (from, to) = (day("from", &self.from), day("to", &self.to));
        if from.zip(to).is_some_and(|(from, to)| to < from) {
            problems.add("to", "Choose the same day as the first, or a later one");
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Sought {
            before: some(&self.before),
            action: Action::from_word(&self.action),
            actor: some(&self.who),
            text: some(&self.search),
            from,
            until: to.map(|to| to.plus(DAY)),
        })
    }

    /// The same for whoever has no form to mend.
    fn sought_at_once(&self) -> Result<Sought> {
        self.sought()
            .map_err(|_| Error::BadRequest("the days from and to are written like 2026-11-22, the earlier one first"))
    }

    fn parts(&self) -> [(&'static str, &str); 5] {
        let Self { action, who, search, from, to, .. } = self;
        [("action", action), ("who", who), ("search", search), ("from", from), ("to", to)]
    }

    /// A path with what was asked, and what else.
    fn url(&self, path: &str, more: &[(&str, &str)]) -> String {
        let kept = self.parts().into_iter().chain(more.iter().copied());
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(kept.filter(|(_, value)| !value.is_empty()));
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    fn is_narrow(&self) -> bool {
        self.parts().iter().any(|(_, typed)| !typed.is_empty())
    }
}

#[derive(Template)]
#[template(path = "organizations/logs.html")]
struct LogsPage {
    shell: Shell,
    place: Place,
    rows: Vec<EventLine>,
    /// Word, words, and whether it is chosen.
    actions: Vec<(&'static str, &'static str, bool)>,
    who: String,
    search: String,
    errors: Vec<FieldError>,
    from: Field,
    to: Field,
    narrow: bool,
    older: Option<String>,
    newest: Option<String>,
    csv_url: String,
    json_url: String,
}

/// What can stand in an organization's log.
fn actions() -> impl Iterator<Item = Action> {
    let here = [
        "organization.",
        "member.",
        "role.",
        "team.",
        "invitation.",
        "license.",
        "api_key.",
        "service_account.",
        "token.",
        "token_policy.",
    ];
    Action::ALL.iter().copied().filter(move |action| here.iter().any(|start| action.as_str().starts_with(start)))
}

/// Who acted, in words.
fn who(told: &Told) -> String {
    match (told.entry.actor_kind, &told.actor) {
        (ActorKind::User | ActorKind::ServiceAccount, Some(name)) => name.clone(),
        (ActorKind::User, None) => GONE.to_owned(),
        (ActorKind::ServiceAccount, None) => "A service account that is gone".to_owned(),
        (ActorKind::Operator, _) => "Whoever runs this service".to_owned(),
        (ActorKind::System, _) => "The service itself".to_owned(),
        (ActorKind::Stranger, _) => "Somebody not signed in".to_owned(),
    }
}

/// Whether it happened to a person, whose own log it stands in, too.
fn is_about_somebody(action: Action) -> bool {
    let word = action.as_str();
    word.starts_with("member.") || word.starts_with("team.member_") || action == Action::OrganizationHandedOver
}

/// What it happened to: its name then, or the person's name now.
fn subject(told: &Told) -> String {
    match &told.subject {
        Some(person) => person.clone(),
        None if is_about_somebody(told.entry.action) => GONE.to_owned(),
        None => told.entry.subject_name.clone(),
    }
}

/// From where it was done. Who runs the service changes a license, and who declines an invitation does so, without being a
/// member, and where they sit is not the organization's business.
fn address(told: &Told) -> &str {
    if matches!(told.entry.action, Action::LicenseChanged | Action::InvitationDeclined) {
        ""
    } else {
        &told.entry.address
    }
}

/// An entry as a line of a page.
pub(super) fn line(told: &Told, now: Timestamp) -> EventLine {
    let parts = [subject(told), told.entry.detail.clone()];
    EventLine {
        what: told.entry.action.words().to_owned(),
        detail: parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": "),
        who: who(told),
        address: address(told).to_owned(),
        at: Moment::new(told.entry.at, now),
    }
}

/// `GET /organizations/{slug}/logs`.
///
/// # Errors
/// When the database refuses.
pub async fn show(member: Member, visitor: Visitor, asked: web::Query<Asked>) -> Result<HttpResponse> {
    let asked = asked.into_inner();
    let (id, now) = (member.organization().id.clone(), member.now());
    // One more than is shown tells whether there is another page.
    let count = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let (mut told, problems) = match asked.sought() {
        Ok(sought) => {
            let read = move |connection: &mut Connection| audit::for_organization(connection, &id, &sought, count);
            (member.instance().db.read(read).await?, Problems::none())
        }
        Err(problems) => (Vec::new(), problems),
    };
    let more = told.len() > PAGE;
    told.truncate(PAGE);
    let place = Place::of(&member);
    let (path, export) = (urls::organization_logs(&place.slug), urls::organization_logs_export(&place.slug));
    let page = LogsPage {
        shell: visitor.shell_in(&place, "Logs", "org-logs"),
        older: told.last().filter(|_| more).map(|last| asked.url(&path, &[("before", &last.entry.id)])),
        newest: (!asked.before.is_empty()).then(|| asked.url(&path, &[])),
        rows: told.iter().map(|told| line(told, now)).collect(),
        actions: actions().map(|action| (action.as_str(), action.words(), action.as_str() == asked.action)).collect(),
        csv_url: asked.url(&export, &[("format", "csv")]),
        json_url: asked.url(&export, &[("format", "jsonl")]),
        narrow: asked.is_narrow(),
        who: text::shown(&asked.who, 254),
        search: text::shown(&asked.search, 254),
        from: problems.field("from", &text::shown(&asked.from, 20)),
        to: problems.field("to", &text::shown(&asked.to, 20)),
        errors: problems.list(),
        place,
    };
    answer(&problems, &page)
}

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    JsonLines,
}

const COLUMNS: [&str; 11] =
    ["id", "at", "action", "what", "actor_kind", "actor_id", "actor", "subject_id", "subject", "detail", "address"];

/// A cell that no spreadsheet takes for a formula (OWASP, CSV injection).
fn cell(text: &str) -> String {
    let guard =
        if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[derive(Serialize)]
struct Somebody<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct Something<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
}

#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    at: String,
    action: &'static str,
    what: &'static str,
    actor: Somebody<'a>,
    subject: Something<'a>,
    detail: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    address: &'a str,
}

impl<'a> Line<'a> {
    fn of(told: &'a Told, name: &'a str) -> Self {
        let Entry { id, at, action, actor_kind, actor_id, subject_id, detail, .. } = &told.entry;
        Self {
            id,
            at: at.rfc3339(),
            action: action.as_str(),
            what: action.words(),
            actor: Somebody { kind: actor_kind.as_str(), id: actor_id, name: told.actor.as_deref() },
            subject: Something { id: subject_id, name },
            detail,
            address: address(told),
        }
    }
}

impl Format {
    fn of(word: &str) -> Result<Self> {
        match word {
            "" | "csv" => Ok(Self::Csv),
            "jsonl" => Ok(Self::JsonLines),
            _ => Err(Error::BadRequest("a log is exported as csv or jsonl")),
        }
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::JsonLines => "application/jsonl; charset=utf-8",
        }
    }

    fn head(self) -> String {
        match self {
            Self::Csv => COLUMNS.join(",") + "\r\n",
            Self::JsonLines => String::new(),
        }
    }

    fn write(self, told: &Told) -> Result<String> {
        let (Entry { id, at, action, actor_kind, actor_id, subject_id, detail, .. }, name) =
            (&told.entry, subject(told));
        Ok(match self {
            Self::Csv => {
                let (at, actor) = (at.rfc3339(), told.actor.clone().unwrap_or_default());
                let cells: [&str; 11] = [
                    id,
                    &at,
                    action.as_str(),
                    action.words(),
                    actor_kind.as_str(),
                    actor_id,
                    &actor,
                    subject_id,
                    &name,
                    detail,
                    address(told),
                ];
                cells.map(cell).join(",") + "\r\n"
            }
            Self::JsonLines => {
                let line = Line::of(told, &name);
                serde_json::to_string(&line).map_err(|error| Error::Internal(error.to_string()))? + "\n"
            }
        })
    }
}

/// Which part of the log a call asks for.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PartOfIt {
    action: String,
    who: String,
    #[serde(alias = "search")]
    q: String,
    from: String,
    to: String,
    after: String,
}

/// `GET /api/v1/organizations/{slug}/logs`: the newest first.
///
/// # Errors
/// [`Error::Problem`] when the address can't be read.
pub async fn list(request: HttpRequest, caller: Caller) -> Result<HttpResponse> {
    let PartOfIt { action, who, q, from, to, after } = asked(&request)?;
    if !action.is_empty() && Action::from_word(&action).is_none() {
        return Err(Error::BadRequest("there is no such action"));
    }
    let wanted = Asked { before: after, action, who, search: q, from, to, format: String::new() };
    let sought = wanted.sought_at_once()?;
    let (id, count) = (caller.organization().id.clone(), i64::try_from(PAGE + 1).unwrap_or(i64::MAX));
    let reading = caller.instance().db.read(move |connection| audit::for_organization(connection, &id, &sought, count));
    let mut told = reading.await?;
    let more = told.len() > PAGE;
    told.truncate(PAGE);
    let last = told.last().filter(|_| more).map(|last| last.entry.id.clone());
    let names: Vec<String> = told.iter().map(subject).collect();
    let items = told.iter().zip(&names).map(|(told, name)| Line::of(told, name)).collect();
    json(StatusCode::OK, &Page::of(&request, items, None, last.as_deref()))
}

/// An export on its way: where it stands in the log.
struct Export {
    instance: web::Data<Instance>,
    user: UserId,
    organization: OrganizationId,
    sought: Sought,
    format: Format,
}

impl Export {
    /// The next piece, and what is left after it; whoever loses the right meanwhile gets no more.
    async fn next(mut self) -> Result<Option<(Bytes, Option<Self>)>> {
        let (user, organization, sought) = (self.user.clone(), self.organization.clone(), self.sought.clone());
        let instance = self.instance.clone();
        let read = self.instance.db.read(move |connection| {
            let found = standing(connection, &user, Which::Id(&organization))?;
            let found = found.filter(|found| !found.is_closed()).ok_or(Error::NotFound)?;
            let rights = Rights::of(&found.standing, found.organization.kind, &instance.config.catalogue);
            if !rights.may(Right::SeeLogs) {
                return Err(Error::NotFound);
            }
            audit::for_organization(connection, &organization, &sought, BATCH)
        });
        let told = read.await?;
        let mut piece = if self.sought.before.is_none() { self.format.head() } else { String::new() };
        for one in &told {
            piece.push_str(&self.format.write(one)?);
        }
        let last = told.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
        self.sought.before = told.last().map(|one| one.entry.id.clone());
        Ok(Some((Bytes::from(piece), (!last).then_some(self))))
    }
}

/// `GET /organizations/{slug}/logs/export`: as much as there is, piece by piece, so that it is nowhere in memory at once. Whoever
/// has to confirm first comes back to the log, where the page does not stand still as it does for a file.
///
/// # Errors
/// [`Error::BadRequest`] for a format that there is not.
pub async fn export(
    member: Result<MemberConfirmed>,
    slug: web::Path<String>,
    instance: web::Data<Instance>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse> {
    let member = member.map_err(|error| match error {
        Error::Confirm { .. } => {
            Error::Confirm { back: format!("{}#/export", asked.url(&urls::organization_logs(&slug), &[])) }
        }
        other => other,
    })?;
    let format = Format::of(&asked.format)?;
    let name = format!("{}-log-{}.{}", member.organization().slug, member.now().date(), format.ending());
    let export = Export {
        instance,
        user: member.account().user_id.clone(),
        organization: member.organization().id.clone(),
        sought: Sought { before: None, ..asked.sought_at_once()? },
        format,
    };
    let pieces = stream::try_unfold(Some(export), |left| async move {
        match left {
            Some(export) => export.next().await,
            None => Ok(None),
        }
    });
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, format.kind()))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .streaming::<_, Error>(Box::pin(pieces)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (text, wanted) in [
            ("plain", "\"plain\""),
            ("", "\"\""),
            ("say \"hi\", twice", "\"say \"\"hi\"\", twice\""),
            ("=1+1", "\"'=1+1\""),
            ("+channels:update", "\"'+channels:update\""),
            ("-2", "\"'-2\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
        ] {
            assert_eq!(cell(text), wanted);
        }
    }

    #[test]
    fn every_kind_of_event_of_an_organization_can_be_chosen() {
        let words: Vec<&str> = actions().map(Action::as_str).collect();
        for word in ["organization.created", "member.joined", "team.deleted", "invitation.created", "license.changed"] {
            assert!(words.contains(&word), "{word}");
        }
        assert!(!words.contains(&"session.signed_in"));
    }
}
