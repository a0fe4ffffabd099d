//! `/settings/security`.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::sessions::{self, SessionRow};
use crate::app::Instance;
use crate::auth::SignedIn;
use crate::auth::password::{Context, Password, PasswordRules, mismatch};
use crate::error::{Error, Result};
use crate::sign_in;
use crate::tokens;
use crate::urls;
use crate::web::{Field, FieldError, Notice, Posted, Problems, Shell, Visitor, filters, html, see_other};

#[derive(Template)]
#[template(path = "security/security.html")]
struct SecurityPage {
    shell: Shell,
    errors: Vec<FieldError>,
    current: Field,
    password: Field,
    confirm: Field,
    rules: PasswordRules,
    email: String,
    tokens_active: usize,
    sessions: Vec<SessionRow>,
    password_open: bool,
}

/// What the form sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct PasswordForm {
    current: Zeroizing<String>,
    password: Zeroizing<String>,
    confirm: Zeroizing<String>,
}

fn context<'a>(instance: &'a Instance, who: &'a SignedIn) -> Context<'a> {
    let account = who.account();
    Context {
        product: &instance.config.product_name,
        email: &account.email,
        first_name: &account.first_name,
        last_name: &account.last_name,
        ..Context::default()
    }
}

async fn page(
    visitor: &Visitor,
    instance: &Instance,
    who: &SignedIn,
    status: StatusCode,
    problems: &Problems,
) -> Result<HttpResponse> {
    let (owner, now) = (who.clone(), instance.clock.now());
    let reading = instance.db.read(move |connection| {
        let active = tokens::count_active(connection, owner.owner(), now)?;
        let sessions = sessions::rows(connection, owner.owner(), &owner.account().session_id, now)?;
        Ok((usize::try_from(active).unwrap_or_default(), sessions))
    });
    let (tokens_active, sessions) = reading.await?;
    html(
        status,
        &SecurityPage {
            shell: visitor.shell("Security", "security"),
            errors: problems.list(),
            current: problems.secret("current"),
            password: problems.secret("password"),
            confirm: problems.secret("confirm"),
            rules: PasswordRules::new(&context(instance, who), &instance.config.passwords),
            email: who.account().email.clone(),
            tokens_active,
            sessions,
            password_open: !problems.is_empty(),
        },
    )
}

/// `GET /settings/security`.
///
/// # Errors
/// When the database refuses.
pub async fn show(who: SignedIn, visitor: Visitor, instance: web::Data<Instance>) -> Result<HttpResponse> {
    page(&visitor, &instance, &who, StatusCode::OK, &Problems::none()).await
}

/// `POST /settings/security/password`.
///
/// # Errors
/// [`Error::SignIn`] after too many wrong current passwords; when the database refuses.
pub async fn change_password(
    who: SignedIn,
    visitor: Visitor,
    instance: web::Data<Instance>,
    session: Session,
    Posted(form): Posted<PasswordForm>,
) -> Result<HttpResponse> {
    let mut found = Problems::none();
    found.add_new_password(&form.password, &form.confirm, &context(&instance, &who), &instance.config.passwords);
    if form.current.is_empty() {
        found.add("current", "Enter your current password");
    } else if found.is_empty() && !sign_in::check_password(&instance, &who, &form.current).await? {
        // Asked last and only for an otherwise good form: each time costs one of the tries.
        found.add("current", "That is not your current password. Try again.");
    } else if found.is_empty() && mismatch(&form.current, &form.password).is_none() {
        found.add("password", "That is your current password. Choose another one.");
    }
    if !found.is_empty() {
        return page(&visitor, &instance, &who, StatusCode::UNPROCESSABLE_ENTITY, &found).await;
    }
    let new = Password::new(&form.password).map_err(|problem| Error::Internal(problem.to_string()))?;
    super::change_password(&instance, &who, new).await?.give(&session)?;
    let mut response = see_other(&urls::settings_security());
    Notice::PasswordChanged.send(&mut response, instance.config.is_https());
    Ok(response)
}
