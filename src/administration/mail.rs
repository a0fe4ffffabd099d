//! `/admin/mail`: the outbox, so that nothing is lost where there is no mail server.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use crate::app::Instance;
use crate::audit::{Action, Event, record};
use crate::auth::Administrator;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::ids::MailId;
use crate::mail::{self, MailState, Queued};
use crate::organizations::{Pager, Part, split};
use crate::urls;
use crate::web::form::AdministratorPost;
use crate::web::{Badge, Moment, Pressed, Shell, Visitor, filters, html};

#[derive(Template)]
#[template(path = "admin/mail.html")]
struct OutboxPage {
    shell: Shell,
    folder: Option<String>,
    rows: Vec<MailRow>,
    search: String,
    pager: Pager,
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

fn row(mail: Queued, now: Timestamp) -> MailRow {
    MailRow {
        at: Moment::new(mail.created_at, now),
        state: badge(&mail),
        id: mail.id,
        to: mail.recipient,
        subject: mail.subject,
        reason: mail.reason,
    }
}

/// `GET /admin/mail`.
///
/// # Errors
/// When the database refuses.
pub async fn list(
    _: Administrator,
    visitor: Visitor,
    instance: web::Data<Instance>,
    part: web::Query<Part>,
) -> Result<HttpResponse> {
    let part = part.into_inner().tidy();
    let (search, page, now) = (part.search.clone(), part.page, instance.clock.now());
    let mails = instance.db.read(move |connection| mail::page(connection, &search, page)).await?;
    let (mails, pager) = split(mails, mail::PAGE, &part, &urls::admin_mail());
    let page = OutboxPage {
        shell: visitor.shell("Mail", "admin-mail"),
        folder: instance.carrier.folder().map(|folder| folder.display().to_string()),
        rows: mails.into_iter().map(|mail| row(mail, now)).collect(),
        search: part.search,
        pager,
    };
    html(StatusCode::OK, &page)
}

#[derive(Template)]
#[template(path = "admin/mail_message.html")]
struct MessagePage {
    shell: Shell,
    row: MailRow,
    /// Whether the link in it is over, and its text gone with it.
    is_over: bool,
    /// What the reading brings out, once it is in the log.
    read: Option<Opened>,
}

struct Opened {
    text: String,
    link: Option<String>,
}

fn message_page(visitor: &Visitor, mail: Queued, open: bool) -> Result<HttpResponse> {
    let (now, base) = (visitor.now(), visitor.base());
    let is_over = mail.is_over(now) || mail.text_body.is_empty();
    let read = (open && !is_over).then(|| Opened {
        link: mail.text_body.lines().find(|line| line.starts_with(&base)).map(str::to_owned),
        text: mail.text_body.clone(),
    });
    let page = MessagePage { shell: visitor.shell("One mail", "admin-mail"), row: row(mail, now), is_over, read };
    html(StatusCode::OK, &page)
}

/// `GET /admin/mail/{id}`: whose it is and where it is on its way; not what it says.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when there is none.
pub async fn message(
    _: Administrator,
    visitor: Visitor,
    instance: web::Data<Instance>,
    id: web::Path<MailId>,
) -> Result<HttpResponse> {
    let id = id.into_inner();
    let mail = instance.db.read(move |connection| mail::find(connection, &id)).await?;
    message_page(&visitor, mail, false)
}

/// `POST /admin/mail/{id}`: shows one mail, its link included, which may be as good as a password: so whoever reads it is
/// in the log, their own and that of the person whose mail it is.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when there is none.
pub async fn read(
    visitor: Visitor,
    instance: web::Data<Instance>,
    id: web::Path<MailId>,
    posted: AdministratorPost<Pressed>,
) -> Result<HttpResponse> {
    let (who, id, now) = (posted.who, id.into_inner(), instance.clock.now());
    let mail = instance
        .db
        .write(move |tx| {
            let (actor, mail) = (who.actor(tx, now)?, mail::find(tx, &id)?);
            let reader = &who.account().user_id;
            let event = Event {
                action: Action::MailRead,
                user: Some(reader),
                organization: None,
                subject_id: id.as_str(),
                subject_name: "",
                detail: &mail.subject,
            };
            record(tx, &actor, now, &event)?;
            if let Some(owner) = mail.user_id.as_ref().filter(|owner| *owner != reader) {
                record(tx, &actor, now, &Event { user: Some(owner), ..event })?;
            }
            Ok(mail)
        })
        .await?;
    message_page(&visitor, mail, true)
}
