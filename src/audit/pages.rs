//! `/settings/logs`: what happened to one's own account.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::{Action, ActorKind, Entry, for_user};
use crate::app::Instance;
use crate::auth::SignedIn;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::ids::UserId;
use crate::urls;
use crate::web::{Moment, Shell, Visitor, agent, filters, html};

const PAGE: usize = 50;

#[derive(Template)]
#[template(path = "logs/logs.html")]
struct LogsPage {
    shell: Shell,
    rows: Vec<LogRow>,
    older: Option<String>,
    newer: Option<String>,
}

/// One line of the page.
pub struct LogRow {
    /// When.
    pub at: Moment,
    /// What.
    pub what: String,
    /// To what.
    pub detail: String,
    /// By whom, through what.
    pub how: String,
    /// From where.
    pub address: String,
    /// With what.
    pub agent: String,
}

/// Which part of the log.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Cursor {
    before: Option<String>,
}

fn row(entry: Entry, owner: &UserId, now: Timestamp) -> LogRow {
    // Where an administrator sits, and with what, is not this person's business.
    let somebody_else =
        matches!(entry.actor_kind, ActorKind::User | ActorKind::ServiceAccount) && entry.actor_id != owner.as_str();
    let how = match entry.actor_kind {
        ActorKind::User if somebody_else => "An administrator",
        ActorKind::User if entry.action == Action::SignedIn => "Sign-in page",
        ActorKind::User => match entry.through.split(' ').next() {
            Some("terminal") => "Terminal",
            Some("token") => "The token itself",
            Some("mailed") => "Mailed link",
            Some("sign-in") => "Before sign-in",
            _ => "Browser session",
        },
        ActorKind::ServiceAccount => "A service account",
        ActorKind::Operator => "Command line",
        ActorKind::System => "System",
        ActorKind::Stranger => "Somebody not signed in",
    };
    let detail =
        [entry.subject_name, entry.detail].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
    LogRow {
        at: Moment::new(entry.at, now),
        what: entry.action.words().to_owned(),
        detail,
        how: how.to_owned(),
        address: if somebody_else { String::new() } else { entry.address },
        agent: if somebody_else { String::new() } else { agent::words(&entry.agent) },
    }
}

/// `GET /settings/logs`.
///
/// # Errors
/// When the database refuses.
pub async fn show(
    who: SignedIn,
    visitor: Visitor,
    instance: web::Data<Instance>,
    cursor: web::Query<Cursor>,
) -> Result<HttpResponse> {
    let now = instance.clock.now();
    let before = cursor.into_inner().before;
    let deeper = before.is_some();
    // One more than is shown tells whether there is another page.
    let count = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let owner = who.account().user_id.clone();
    let mut entries =
        instance.db.read(move |connection| for_user(connection, who.owner(), before.as_deref(), count)).await?;
    let more = entries.len() > PAGE;
    entries.truncate(PAGE);
    let older = entries.last().filter(|_| more).map(|last| format!("{}?before={}", urls::settings_logs(), last.id));
    let rows = entries.into_iter().map(|entry| row(entry, &owner, now)).collect();
    html(
        StatusCode::OK,
        &LogsPage { shell: visitor.shell("Logs", "logs"), rows, older, newer: deeper.then(urls::settings_logs) },
    )
}
