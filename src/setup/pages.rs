//! `/setup`.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use validator::Validate;
use zeroize::Zeroizing;

use super::{admits, done, make_first_administrator};
use crate::app::Instance;
use crate::audit::Origin;
use crate::auth::password::{Context, Password, PasswordRules};
use crate::error::{Error, Result};
use crate::openid::ProviderButton;
use crate::text;
use crate::urls;
use crate::users::NewUser;
use crate::web::{Field, FieldError, Notice, Posted, Problems, Shell, Visitor, filters, html, see_other};

const WRONG_CODE: &str = "Copy the code from the line that Keystead printed when it started";

#[derive(Template)]
#[template(path = "setup/setup.html")]
struct SetupPage {
    shell: Shell,
    errors: Vec<FieldError>,
    code: Field,
    email: Field,
    first_name: Field,
    last_name: Field,
    password: Field,
    confirm: Field,
    rules: PasswordRules,
    passwords: bool,
    providers: Vec<ProviderButton>,
}

/// What the form sends.
#[derive(Default, Deserialize, Validate)]
#[serde(default)]
pub struct SetupForm {
    code: String,
    #[validate(custom(function = text::email))]
    email: String,
    #[validate(custom(function = text::first_name))]
    first_name: String,
    #[validate(custom(function = text::last_name))]
    last_name: String,
    password: Zeroizing<String>,
    confirm: Zeroizing<String>,
}

impl SetupForm {
    fn context<'a>(&'a self, instance: &'a Instance) -> Context<'a> {
        Context::of(&instance.config.product_name, &self.email, &self.first_name, &self.last_name)
    }
}

fn page(
    visitor: &Visitor,
    instance: &Instance,
    status: StatusCode,
    form: &SetupForm,
    problems: &Problems,
) -> Result<HttpResponse> {
    html(
        status,
        &SetupPage {
            shell: visitor.shell("Set up", ""),
            errors: problems.list(),
            code: problems.field("code", &form.code),
            email: problems.field("email", &form.email),
            first_name: problems.field("first_name", &form.first_name),
            last_name: problems.field("last_name", &form.last_name),
            password: problems.secret("password"),
            confirm: problems.secret("confirm"),
            rules: PasswordRules::new(&form.context(instance), &instance.config.passwords),
            passwords: instance.config.password_sign_in,
            providers: instance.providers.set_up_buttons(&form.code),
        },
    )
}

/// `GET /setup`.
///
/// # Errors
/// When the database refuses.
pub async fn show(
    visitor: Visitor,
    instance: web::Data<Instance>,
    form: web::Query<SetupForm>,
) -> Result<HttpResponse> {
    if instance.db.read(done).await? {
        return Ok(see_other(&urls::home()));
    }
    if instance.config.password_sign_in || form.code.is_empty() {
        return page(&visitor, &instance, StatusCode::OK, &form, &Problems::none());
    }
    // Then the code is all that is asked for here, and the providers come next.
    let mut found = Problems::none();
    if admits(&instance, &visitor, &form.code).await? {
        return page(&visitor, &instance, StatusCode::OK, &form, &found);
    }
    found.add("code", WRONG_CODE);
    page(&visitor, &instance, StatusCode::UNPROCESSABLE_ENTITY, &form, &found)
}

/// `POST /setup`.
///
/// # Errors
/// [`Error::TooMany`] when codes are being guessed; when the database refuses.
pub async fn submit(
    visitor: Visitor,
    instance: web::Data<Instance>,
    session: Session,
    Posted(form): Posted<SetupForm>,
) -> Result<HttpResponse> {
    if instance.db.read(done).await? {
        return Ok(see_other(&urls::home()));
    }
    if !instance.config.password_sign_in {
        return Ok(see_other(&urls::setup_with_code(&form.code)));
    }
    let now = instance.clock.now();
    let mut found = Problems::of(&form);
    if !admits(&instance, &visitor, &form.code).await? {
        found.add("code", WRONG_CODE);
    }
    found.add_new_password(&form.password, &form.confirm, &form.context(&instance), &instance.config.passwords);
    if !found.is_empty() {
        return page(&visitor, &instance, StatusCode::UNPROCESSABLE_ENTITY, &form, &found);
    }
    let password = Password::new(&form.password).map_err(|problem| Error::Internal(problem.to_string()))?;
    let new = NewUser {
        email: form.email.trim().to_owned(),
        first_name: text::tidy(&form.first_name),
        last_name: text::tidy(&form.last_name),
        password_hash: Some(instance.hasher.hash(password).await?),
        is_administrator: true,
    };
    let (code, origin, sessions) = (form.code.clone(), Origin::of(visitor.request()), instance.config.sessions.clone());
    match instance.db.write(move |tx| make_first_administrator(tx, &code, &new, origin, &sessions, now)).await {
        Ok(key) => {
            key.give(&session)?;
            let mut response = see_other(&urls::settings_profile());
            Notice::SetUp.send(&mut response, instance.config.is_https());
            Ok(response)
        }
        Err(Error::NotFound) => Ok(see_other(&urls::home())),
        Err(error) => Err(error),
    }
}
