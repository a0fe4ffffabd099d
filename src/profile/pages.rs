//! `/settings/profile`. One handler for the field that saves itself and for the Save button.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use serde_json::json;

use super::{NewNames, rename};
use crate::app::Instance;
use crate::auth::SignedIn;
use crate::email_change::{self, Change};
use crate::error::Result;
use crate::text;
use crate::urls;
use crate::web::{Field, FieldError, Notice, Posted, Problems, Shell, Visitor, errors, filters, html, see_other};

#[derive(Template)]
#[template(path = "profile/profile.html")]
struct ProfilePage {
    shell: Shell,
    errors: Vec<FieldError>,
    email: String,
    /// Whether it may be changed here.
    email_change: bool,
    /// The address that waits to be confirmed.
    pending: Option<Change>,
    first_name: Field,
    last_name: Field,
    /// Just signed up: the page leads on.
    welcome: bool,
}

/// What the form sends: both fields, or the one that changed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ProfileForm {
    first_name: Option<String>,
    last_name: Option<String>,
    /// Whether it is a step of a sign-up, which leads on.
    welcome: Option<String>,
}

impl ProfileForm {
    fn check(&self) -> Result<NewNames, Problems> {
        let mut problems = Problems::none();
        let mut check =
            |name: &'static str, typed: Option<&String>, rule: fn(&str) -> Result<(), validator::ValidationError>| {
                if let Some(Err(error)) = typed.map(|typed| rule(typed)) {
                    problems.add(name, error.message.unwrap_or_default());
                }
                typed.map(|typed| text::tidy(typed))
            };
        let first_name = check("first_name", self.first_name.as_ref(), text::first_name);
        let last_name = check("last_name", self.last_name.as_ref(), text::last_name);
        if problems.is_empty() { Ok(NewNames { first_name, last_name }) } else { Err(problems) }
    }
}

async fn page(
    visitor: &Visitor,
    instance: &Instance,
    who: &SignedIn,
    status: StatusCode,
    form: &ProfileForm,
    problems: &Problems,
) -> Result<HttpResponse> {
    let (account, owner, now) = (who.account(), who.clone(), instance.clock.now());
    let pending = instance.db.read(move |connection| email_change::pending(connection, owner.owner(), now)).await?;
    html(
        status,
        &ProfilePage {
            shell: visitor.shell("My profile", "profile"),
            errors: problems.list(),
            email: account.email.clone(),
            email_change: instance.config.email_change,
            pending: pending.filter(|_| instance.config.email_change),
            first_name: problems.field("first_name", form.first_name.as_deref().unwrap_or(&account.first_name)),
            last_name: problems.field("last_name", form.last_name.as_deref().unwrap_or(&account.last_name)),
            welcome: form.welcome.is_some() || Notice::SignedUp.is_received(visitor.request()),
        },
    )
}

/// `GET /settings`: the first of its pages.
///
/// # Errors
/// Never.
pub async fn settings() -> Result<HttpResponse> {
    Ok(see_other(&urls::settings_profile()))
}

/// `GET /settings/profile`.
///
/// # Errors
/// When the database refuses.
pub async fn show(who: SignedIn, visitor: Visitor, instance: web::Data<Instance>) -> Result<HttpResponse> {
    page(&visitor, &instance, &who, StatusCode::OK, &ProfileForm::default(), &Problems::none()).await
}

/// `POST /settings/profile`.
///
/// # Errors
/// When the database refuses.
pub async fn save(
    who: SignedIn,
    visitor: Visitor,
    instance: web::Data<Instance>,
    Posted(form): Posted<ProfileForm>,
) -> Result<HttpResponse> {
    let script = errors::wants_json(visitor.request().path(), visitor.request().headers().get(header::ACCEPT));
    match form.check() {
        Ok(names) => {
            let (doer, now) = (who.clone(), instance.clock.now());
            instance
                .db
                .write(move |tx| {
                    let actor = doer.actor(tx, now)?;
                    rename(tx, doer.owner(), &actor, now, &names)
                })
                .await?;
            if script {
                return Ok(HttpResponse::Ok().json(json!({ "saved": true })));
            }
            let place =
                if form.welcome.is_some() { urls::organizations_new_welcome() } else { urls::settings_profile() };
            let mut response = see_other(&place);
            Notice::ProfileSaved.send(&mut response, instance.config.is_https());
            Ok(response)
        }
        Err(problems) if script => {
            let list: Vec<_> = problems
                .list()
                .iter()
                .map(|problem| json!({ "field": problem.field, "message": problem.message }))
                .collect();
            Ok(HttpResponse::UnprocessableEntity().json(json!({ "errors": list })))
        }
        Err(problems) => page(&visitor, &instance, &who, StatusCode::UNPROCESSABLE_ENTITY, &form, &problems).await,
    }
}
