//! `/settings/appearance`: light, dark, or as the system.

use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, web};
use askama::Template;
use diesel::prelude::*;
use serde::Deserialize;
use serde_json::json;

use crate::app::Instance;
use crate::audit::{Action, Event, record};
use crate::auth::SignedIn;
use crate::db::schema::users;
use crate::error::{Error, Result};
use crate::urls;
use crate::users::Theme;
use crate::web::page::THEME_COOKIE;
use crate::web::{Notice, Posted, Shell, Visitor, errors, filters, html, see_other};

#[derive(Template)]
#[template(path = "appearance/appearance.html")]
struct AppearancePage {
    shell: Shell,
    choice: &'static str,
}

/// What the form sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct AppearanceForm {
    theme: String,
}

/// `GET /settings/appearance`.
///
/// # Errors
/// When the template fails.
pub async fn show(_: SignedIn, visitor: Visitor) -> Result<HttpResponse> {
    let shell = visitor.shell("Appearance", "appearance");
    let choice = shell.theme;
    html(StatusCode::OK, &AppearancePage { shell, choice })
}

/// `POST /settings/appearance`.
///
/// # Errors
/// [`Error::BadRequest`] for a theme that there isn't; when the database refuses.
pub async fn save(
    who: SignedIn,
    visitor: Visitor,
    instance: web::Data<Instance>,
    Posted(form): Posted<AppearanceForm>,
) -> Result<HttpResponse> {
    let theme = Theme::from_word(&form.theme).ok_or(Error::BadRequest("there is no such theme"))?;
    let now = instance.clock.now();
    instance
        .db
        .write(move |tx| {
            let (user, actor) = (who.owner(), who.actor(tx, now)?);
            diesel::update(users::table.find(user.user_id())).set(users::theme.eq(theme)).execute(&mut **tx)?;
            let event = Event { detail: theme.as_str(), ..Event::of_user(Action::AppearanceChanged, user.user_id()) };
            record(tx, &actor, now, &event)
        })
        .await?;
    let secure = instance.config.is_https();
    let mut response = if errors::wants_json(visitor.request().path(), visitor.request().headers().get(header::ACCEPT))
    {
        HttpResponse::Ok().json(json!({ "saved": true }))
    } else {
        let mut response = see_other(&urls::settings_appearance());
        Notice::AppearanceSaved.send(&mut response, secure);
        response
    };
    // So that the sign-in page wears it, too.
    let cookie = Cookie::build(THEME_COOKIE, theme.as_str())
        .path("/")
        .http_only(true)
        .secure(secure)
        .same_site(SameSite::Lax)
        .max_age(Duration::days(365))
        .finish();
    response.add_cookie(&cookie).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(response)
}
