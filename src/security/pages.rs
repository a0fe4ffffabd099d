//! `/settings/security`.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::Ending;
use super::sessions::Sessions;
use crate::app::Instance;
use crate::auth::SignedIn;
use crate::auth::password::{Context, Password, PasswordRules, mismatch};
use crate::error::{Error, Result};
use crate::openid::connected::{ConnectedSection, section};
use crate::openid::proofs::has_password;
use crate::organizations::names;
use crate::passkeys;
use crate::recovery;
use crate::second_factor;
use crate::second_factor::recovery_codes::FEW;
use crate::sign_in::{self, pages::no_passwords};
use crate::tokens;
use crate::urls;
use crate::users::credentials;
use crate::web::{Field, FieldError, Moment, Notice, Posted, Problems, Shell, Visitor, filters, html, see_other};

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
    tokens_expiring: i64,
    sessions: Sessions,
    passkeys: passkeys::Section,
    password_open: bool,
    /// What goes with the password.
    ending: Ending,
    /// Whether there are passwords here at all.
    passwords: bool,
    connected: ConnectedSection,
    factor: FactorView,
}

/// What the section on the second factor says.
struct FactorView {
    on: bool,
    /// Whoever has one confirms with it before the form for the password opens: a password alone does not change itself.
    locks_password: bool,
    app_since: Option<Moment>,
    codes_left: Option<i64>,
    few_codes: bool,
}

/// What the form sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct PasswordForm {
    current: Zeroizing<String>,
    password: Zeroizing<String>,
    confirm: Zeroizing<String>,
    terminals: Option<String>,
    tokens: Option<String>,
}

/// Does something with what whoever is signed in chooses a password in.
fn in_context<T>(
    instance: &Instance,
    who: &SignedIn,
    organizations: &[String],
    work: impl FnOnce(&Context<'_>) -> T,
) -> T {
    let account = who.account();
    let organizations: Vec<&str> = organizations.iter().map(String::as_str).collect();
    let person = Context::of(&instance.config.product_name, &account.email, &account.first_name, &account.last_name);
    work(&Context { organizations: &organizations, second_factor: account.second_factor, ..person })
}

async fn page(
    visitor: &Visitor,
    instance: &web::Data<Instance>,
    who: &SignedIn,
    status: StatusCode,
    ending: Ending,
    problems: &Problems,
) -> Result<HttpResponse> {
    let (owner, now, shared) = (who.clone(), instance.clock.now(), instance.clone());
    let place = passkeys::Place::of(visitor);
    let reading = instance.db.read(move |connection| {
        let active = tokens::count_active(connection, owner.owner(), now)?;
        let expiring = tokens::count_expiring(connection, owner.owner(), now)?;
        let sessions = Sessions::of(connection, owner.owner(), &owner.account().session_id, now)?;
        let passkeys = passkeys::Section::read(connection, owner.owner(), place, now)?;
        let factor = second_factor::overview(connection, owner.owner().user_id())?;
        let connected = section(connection, &shared, owner.owner(), now)?;
        let passwords = has_password(connection, &shared.config, &owner)?;
        let active = usize::try_from(active).unwrap_or_default();
        let organizations = names(connection, &owner.account().user_id)?;
        Ok(((active, expiring), sessions, passkeys, factor, connected, passwords, organizations))
    });
    let ((tokens_active, tokens_expiring), sessions, passkeys, factor, connected, passwords, organizations) =
        reading.await?;
    html(
        status,
        &SecurityPage {
            shell: visitor.shell("Security", "security"),
            errors: problems.list(),
            current: problems.secret("current"),
            password: problems.secret("password"),
            confirm: problems.secret("confirm"),
            rules: in_context(instance, who, &organizations, |person| {
                PasswordRules::new(person, &instance.config.passwords)
            }),
            email: who.account().email.clone(),
            tokens_active,
            tokens_expiring,
            sessions,
            passkeys,
            password_open: !problems.is_empty(),
            ending,
            passwords,
            connected,
            factor: FactorView {
                locks_password: password_locked(instance, who),
                on: who.account().second_factor,
                app_since: factor.app_since.map(|since| Moment::new(since, now)),
                codes_left: factor.codes_left,
                few_codes: factor.codes_left.is_some_and(|left| left <= FEW),
            },
        },
    )
}

/// `GET /.well-known/change-password` (W3C): where password managers find the form; by way of the sign-in, where needed.
///
/// # Errors
/// Never.
pub async fn well_known() -> Result<HttpResponse> {
    Ok(see_other(&urls::settings_security()))
}

fn password_locked(instance: &Instance, who: &SignedIn) -> bool {
    who.account().second_factor && instance.clock.now() >= who.account().confirmed_until
}

/// `GET /settings/security`.
///
/// # Errors
/// When the database refuses.
pub async fn show(who: SignedIn, visitor: Visitor, instance: web::Data<Instance>) -> Result<HttpResponse> {
    page(&visitor, &instance, &who, StatusCode::OK, Ending::proposed(), &Problems::none()).await
}

/// `POST /settings/security/password`.
///
/// # Errors
/// [`Error::Confirm`] for an account with a second factor; [`Error::SignIn`] after too many wrong current passwords; when the database refuses.
pub async fn change_password(
    who: SignedIn,
    visitor: Visitor,
    instance: web::Data<Instance>,
    session: Session,
    Posted(form): Posted<PasswordForm>,
) -> Result<HttpResponse> {
    if !instance.config.password_sign_in {
        return no_passwords(&visitor);
    }
    if password_locked(&instance, &who) {
        return Err(Error::Confirm { back: format!("{}#/password", urls::settings_security()) });
    }
    let ending = Ending::of(form.terminals.as_deref(), form.tokens.as_deref());
    let mut found = Problems::none();
    let user = who.account().user_id.clone();
    let reading = instance.db.read(move |connection| Ok((names(connection, &user)?, credentials(connection, &user)?)));
    let (organizations, known) = reading.await?;
    in_context(&instance, &who, &organizations, |person| {
        found.add_new_password(&form.password, &form.confirm, person, &instance.config.passwords);
    });
    if form.current.is_empty() {
        found.add("current", "Enter your current password");
    } else if found.is_empty() && !sign_in::check_password(&instance, &who, &form.current).await? {
        // Asked last and only for an otherwise good form: each time costs one of the tries.
        found.add("current", "That is not your current password. Try again.");
    } else if found.is_empty() && mismatch(&form.current, &form.password).is_none() {
        found.add("password", "That is your current password. Choose another one.");
    } else if found.is_empty() && recovery::is_withdrawn(&instance, &known, &form.password).await? {
        found.add("password", recovery::WITHDRAWN);
    }
    if !found.is_empty() {
        return page(&visitor, &instance, &who, StatusCode::UNPROCESSABLE_ENTITY, ending, &found).await;
    }
    let new = Password::new(&form.password).map_err(|problem| Error::Internal(problem.to_string()))?;
    super::change_password(&instance, &who, new, ending).await?.give(&session)?;
    let mut response = see_other(&urls::settings_security());
    Notice::PasswordChanged.send(&mut response, instance.config.is_https());
    Ok(response)
}
