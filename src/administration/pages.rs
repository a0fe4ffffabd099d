//! `/admin`.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use diesel::prelude::*;

use crate::app::Instance;
use crate::auth::Administrator;
use crate::db::schema::{token_secrets, users};
use crate::error::Result;
use crate::mail;
use crate::tokens::active_at;
use crate::web::{Shell, Visitor, filters, html};

#[derive(Template)]
#[template(path = "admin/home.html")]
struct AdminPage {
    shell: Shell,
    users: usize,
    tokens: usize,
    waiting_mails: usize,
}

/// `GET /admin`.
///
/// # Errors
/// When the database refuses.
pub async fn home(_: Administrator, visitor: Visitor, instance: web::Data<Instance>) -> Result<HttpResponse> {
    let now = instance.clock.now();
    let counts = instance.db.read(move |connection| {
        let users: i64 = users::table.count().get_result(connection)?;
        let tokens: i64 = token_secrets::table
            .filter(token_secrets::is_current)
            .filter(active_at(now))
            .count()
            .get_result(connection)?;
        Ok([users, tokens, mail::waiting(connection)?].map(|count| usize::try_from(count).unwrap_or_default()))
    });
    let [users, tokens, waiting_mails] = counts.await?;
    html(StatusCode::OK, &AdminPage { shell: visitor.shell("Administration", "admin"), users, tokens, waiting_mails })
}
