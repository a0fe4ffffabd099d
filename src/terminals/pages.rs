//! `/device`: the code that a terminal shows, and the question whether to let it in. The code in an address only fills the
//! form in, and whatever is shown of a terminal is shown before anything is done.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::policy::UserCode;
use super::service::{self, Waiting};
use crate::app::Instance;
use crate::auth::{SignedIn, throttle};
use crate::error::{Error, Result};
use crate::text::shown;
use crate::urls;
use crate::web::form::ConfirmedPost;
use crate::web::{
    Field, FieldError, Moment, Notice, Posted, Problems, Shell, Visitor, agent, errors, filters, html, see_other,
};

const NO_CODE: &str = "Enter the eight letters that your terminal shows, such as BCDF-GHJK";
const UNKNOWN: &str =
    "No terminal waits with this code. It may have been answered, or taken longer than ten minutes: start again there.";

#[derive(Template)]
#[template(path = "terminals/code.html")]
struct CodePage {
    shell: Shell,
    errors: Vec<FieldError>,
    user_code: Field,
    failure: Option<String>,
}

#[derive(Template)]
#[template(path = "terminals/terminal.html")]
struct TerminalPage {
    shell: Shell,
    code: String,
    client: String,
    address: String,
    device: String,
    asked: Moment,
    /// Whether it asked from the network that this browser is in.
    is_near: bool,
    /// For how many minutes it is signed in, and may do what needs a confirmation.
    minutes: i64,
    confirmed_minutes: i64,
}

/// What the forms send.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct CodeForm {
    user_code: String,
}

fn code_page(visitor: &Visitor, typed: &str, error: Option<&str>, failure: Option<&str>) -> Result<HttpResponse> {
    let mut problems = Problems::none();
    if let Some(message) = error {
        problems.add("user_code", message);
    }
    let right = error.is_none() && failure.is_none();
    let value = UserCode::read(typed).map_or_else(|| shown(typed, 20), |code| code.to_string());
    html(
        if right { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY },
        &CodePage {
            shell: visitor.shell("Sign a terminal in", ""),
            errors: problems.list(),
            user_code: problems.field("user_code", &value),
            failure: failure.map(str::to_owned),
        },
    )
}

/// The terminal that shows what was typed; else the page that says why there is none.
async fn look(
    visitor: &Visitor,
    instance: &Instance,
    who: &SignedIn,
    typed: &str,
) -> Result<Result<(UserCode, Waiting), HttpResponse>> {
    let Some(code) = UserCode::read(typed) else { return code_page(visitor, typed, Some(NO_CODE), None).map(Err) };
    match service::find(instance, who, &code).await {
        Ok(Some(waiting)) => Ok(Ok((code, waiting))),
        Ok(None) => code_page(visitor, typed, Some(UNKNOWN), None).map(Err),
        Err(Error::TooMany { after, .. }) => {
            errors::closed(after, |wait| code_page(visitor, typed, None, Some(&wait))).map(Err)
        }
        Err(error) => Err(error),
    }
}

/// `GET /device`. What stands in the address only fills the field in.
///
/// # Errors
/// Never.
pub async fn show(_: SignedIn, visitor: Visitor, form: web::Query<CodeForm>) -> Result<HttpResponse> {
    code_page(&visitor, &form.user_code, None, None)
}

/// `POST /device`.
///
/// # Errors
/// When the database refuses.
pub async fn enter(
    who: SignedIn,
    visitor: Visitor,
    instance: web::Data<Instance>,
    Posted(form): Posted<CodeForm>,
) -> Result<HttpResponse> {
    Ok(match look(&visitor, &instance, &who, &form.user_code).await? {
        Ok((code, _)) => see_other(&urls::device_terminal_with(&code.to_string())),
        Err(page) => page,
    })
}

/// `GET /device/terminal`: is it yours?
///
/// # Errors
/// When the database refuses.
pub async fn ask(
    who: SignedIn,
    visitor: Visitor,
    instance: web::Data<Instance>,
    form: web::Query<CodeForm>,
) -> Result<HttpResponse> {
    if form.user_code.is_empty() {
        return code_page(&visitor, "", None, None);
    }
    let (code, waiting) = match look(&visitor, &instance, &who, &form.user_code).await? {
        Ok(found) => found,
        Err(page) => return Ok(page),
    };
    let sessions = &instance.config.sessions;
    html(
        StatusCode::OK,
        &TerminalPage {
            shell: visitor.shell("Sign this terminal in?", ""),
            code: code.to_string(),
            is_near: throttle::network_of(&waiting.address) == throttle::of_origin(who.origin()),
            client: waiting.client,
            address: waiting.address,
            device: agent::words(&waiting.agent),
            asked: Moment::new(waiting.asked_at, instance.clock.now()),
            minutes: sessions.terminal / 60,
            confirmed_minutes: sessions.confirmation / 60,
        },
    )
}

fn answered(instance: &Instance, notice: Notice) -> HttpResponse {
    let mut response = see_other(&urls::settings_security());
    notice.send(&mut response, instance.config.is_https());
    response
}

/// `POST /device/terminal`: it is, and may act for whoever approves it.
///
/// # Errors
/// When the database refuses.
pub async fn approve(
    visitor: Visitor,
    instance: web::Data<Instance>,
    posted: ConfirmedPost<CodeForm>,
) -> Result<HttpResponse> {
    let typed = &posted.form.user_code;
    let (code, _) = match look(&visitor, &instance, &posted.who, typed).await? {
        Ok(found) => found,
        Err(page) => return Ok(page),
    };
    if service::approve(&instance, &posted.who, &code).await? {
        return Ok(answered(&instance, Notice::TerminalApproved));
    }
    code_page(&visitor, typed, Some(UNKNOWN), None)
}

/// `POST /device/terminal/deny`: it is not.
///
/// # Errors
/// When the database refuses.
pub async fn deny(
    who: SignedIn,
    visitor: Visitor,
    instance: web::Data<Instance>,
    Posted(form): Posted<CodeForm>,
) -> Result<HttpResponse> {
    let (code, _) = match look(&visitor, &instance, &who, &form.user_code).await? {
        Ok(found) => found,
        Err(page) => return Ok(page),
    };
    if service::deny(&instance, &who, &code).await? {
        return Ok(answered(&instance, Notice::TerminalDenied));
    }
    code_page(&visitor, &form.user_code, Some(UNKNOWN), None)
}
