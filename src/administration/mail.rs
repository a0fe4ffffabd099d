//! `/admin/mail`: the outbox, so that nothing is lost where there is no mail server.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, web};
use askama::Template;

use crate::app::Instance;
use crate::auth::Administrator;
use crate::error::Result;
use crate::ids::MailId;
use crate::mail::{self, MailState, Queued};
use crate::web::{Badge, Moment, Shell, Visitor, filters, html};

const SHOWN: i64 = 200;

#[derive(Template)]
#[template(path = "admin/mail.html")]
struct OutboxPage {
    shell: Shell,
    folder: Option<String>,
    rows: Vec<MailRow>,
}

struct MailRow {
    id: MailId,
    to: String,
    subject: String,
    at: Moment,
    state: Badge,
    reason: String,
}

fn badge(mail: &Queued) -> Badge {
    match mail.state {
        MailState::Waiting if mail.reason.is_empty() => Badge { kind: "quiet", word: "Waiting" },
        MailState::Waiting => Badge { kind: "attention", word: "Will be tried again" },
        MailState::Filed => Badge { kind: "good", word: "Filed" },
        MailState::Failed => Badge { kind: "danger", word: "Failed" },
    }
}

/// `GET /admin/mail`.
///
/// # Errors
/// When the database refuses.
pub async fn list(_: Administrator, visitor: Visitor, instance: web::Data<Instance>) -> Result<HttpResponse> {
    let now = instance.clock.now();
    let mails = instance.db.read(|connection| mail::page(connection, SHOWN)).await?;
    let rows = mails
        .into_iter()
        .map(|mail| MailRow {
            at: Moment::new(mail.created_at, now),
            state: badge(&mail),
            id: mail.id,
            to: mail.recipient,
            subject: mail.subject,
            reason: mail.reason,
        })
        .collect();
    let folder = instance.carrier.folder().map(|folder| folder.display().to_string());
    html(StatusCode::OK, &OutboxPage { shell: visitor.shell("Mail", "admin-mail"), folder, rows })
}

/// `GET /admin/mail/{id}`: one mail's text.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when there is none.
pub async fn message(_: Administrator, instance: web::Data<Instance>, id: web::Path<MailId>) -> Result<HttpResponse> {
    let id = id.into_inner();
    let mail = instance.db.read(move |connection| mail::find(connection, &id)).await?;
    Ok(HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8")).body(mail.text_body))
}
