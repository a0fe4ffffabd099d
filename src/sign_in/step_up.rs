//! `/step-up`: confirm it is you, before a sensitive act. Nothing runs by itself afterwards: one comes back to the page,
//! with the filled form in it, and presses its button.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::service::{self, Reproof};
use crate::app::Instance;
use crate::auth::SignedIn;
use crate::auth::session::NewKey;
use crate::error::{Error, Result};
use crate::openid::{ProviderButton, proofs};
use crate::passkeys::{self, Way};
use crate::second_factor::{self, Overview, Typed, wrong};
use crate::urls;
use crate::web::{Field, FieldError, Notice, Posted, Problems, Shell, Visitor, filters, html, returning, see_other};

#[derive(Template)]
#[template(path = "sign_in/step_up.html")]
struct StepUpPage {
    shell: Shell,
    errors: Vec<FieldError>,
    password: Field,
    code: Field,
    recovery_code: Field,
    second_factor: bool,
    has_app: bool,
    passwords: bool,
    providers: Vec<ProviderButton>,
    /// The code of what was proved elsewhere; the rest is asked for here.
    proved: String,
    act: String,
    next: String,
    cancel: String,
    failure: Option<String>,
    passkey: Option<Way>,
}

/// What the form sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct StepUpForm {
    password: Zeroizing<String>,
    code: Zeroizing<String>,
    recovery_code: Zeroizing<String>,
    proved: String,
    next: String,
}

/// What one is about to do, by where one goes on.
fn act(next: &str) -> &'static str {
    match next.split('?').next().unwrap_or_default() {
        path if path == urls::settings_tokens_new() => "create a personal access token",
        path if path.starts_with("/settings/security/passkeys") => "change your passkeys",
        path if path == urls::settings_email() => "change your e-mail address",
        path if path == urls::admin_verifiers() => "create a verifier",
        path if path == urls::settings_second_factor() => "set up an authenticator app",
        path if path == urls::settings_second_factor_remove() => "remove your authenticator app",
        path if path == urls::settings_recovery_codes() => "make new recovery codes",
        path if path.starts_with("/admin/verifiers/") => "delete a verifier",
        path if path.starts_with("/organizations/") && path.ends_with("/settings/second-factor") => {
            "change who must have a second factor"
        }
        path if path == urls::device_terminal() => "sign a terminal in",
        path if path.starts_with("/admin/mail/") => "read somebody's mail",
        _ => "go on",
    }
}

/// Where one goes who would rather not.
fn cancel(next: &str) -> String {
    // Not to the administration: its pages may be what asked.
    match next {
        next if next.starts_with("/settings/tokens") => urls::settings_tokens(),
        next if next.starts_with("/settings/security") => urls::settings_security(),
        next if next.starts_with("/device") => urls::device(),
        _ => urls::settings_profile(),
    }
}

async fn page(
    visitor: &Visitor,
    instance: &web::Data<Instance>,
    who: &SignedIn,
    next: &str,
    proved: &str,
    problems: &Problems,
    failure: Option<&str>,
) -> Result<HttpResponse> {
    let (owner, shared, back) = (who.clone(), instance.clone(), next.to_owned());
    let reading = instance.db.read(move |connection| {
        let passkeys = passkeys::are_there(connection, &owner.account().user_id)?;
        let account = owner.account();
        let has = if account.second_factor {
            second_factor::overview(connection, &account.user_id)?
        } else {
            Overview::default()
        };
        Ok((passkeys, has, proofs::ways(connection, &shared, &owner, &back)?))
    });
    let (passkeys, has, ways) = reading.await?;
    let right = problems.is_empty() && failure.is_none();
    html(
        if right { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY },
        &StepUpPage {
            shell: visitor.shell("Confirm it is you", ""),
            errors: problems.list(),
            password: problems.secret("password"),
            code: problems.secret("code"),
            recovery_code: problems.secret("recovery_code"),
            second_factor: who.account().second_factor,
            has_app: has.app_since.is_some(),
            passwords: ways.password,
            providers: ways.providers,
            proved: proved.to_owned(),
            act: act(next).to_owned(),
            next: next.to_owned(),
            cancel: cancel(next),
            failure: failure.map(str::to_owned),
            passkey: Way::of_confirmation(visitor).filter(|_| passkeys),
        },
    )
}

/// The page after another way to confirm was refused.
///
/// # Errors
/// When the database refuses.
pub async fn refused(
    visitor: &Visitor,
    instance: &web::Data<Instance>,
    who: &SignedIn,
    next: &str,
    why: &str,
) -> Result<HttpResponse> {
    page(visitor, instance, who, next, "", &Problems::none(), Some(why)).await
}

/// `GET /step-up`.
///
/// # Errors
/// When the database refuses.
pub async fn show(
    who: SignedIn,
    visitor: Visitor,
    instance: web::Data<Instance>,
    form: web::Query<StepUpForm>,
) -> Result<HttpResponse> {
    let half = match form.proved.as_str() {
        "" => None,
        code => proofs::find(&instance, &visitor, &who, code).await?.map(|next| (next, code)),
    };
    let (next, proved) = half.unwrap_or_else(|| (returning::safe(&form.next, &urls::home()), ""));
    page(&visitor, &instance, &who, &next, proved, &Problems::none(), None).await
}

/// `POST /step-up`.
///
/// # Errors
/// As [`service::check_password`].
pub async fn submit(
    who: SignedIn,
    visitor: Visitor,
    instance: web::Data<Instance>,
    session: Session,
    Posted(form): Posted<StepUpForm>,
) -> Result<HttpResponse> {
    let next = returning::safe(&form.next, &urls::home());
    let proved = form.proved.clone();
    match prove(&instance, &visitor, &who, form, &next).await? {
        Ok(key) => {
            key.give(&session)?;
            let mut response = see_other(&next);
            Notice::Confirmed.send(&mut response, instance.config.is_https());
            Ok(response)
        }
        Err(problems) => page(&visitor, &instance, &who, &next, &proved, &problems, None).await,
    }
}

/// The new key of a session whose owner proved it again, or what is wrong with what they typed.
async fn prove(
    instance: &web::Data<Instance>,
    visitor: &Visitor,
    who: &SignedIn,
    form: StepUpForm,
    next: &str,
) -> Result<Result<NewKey, Problems>> {
    let mut problems = Problems::none();
    let by_code = form.recovery_code.trim().is_empty();
    let field = if by_code { "code" } else { "recovery_code" };
    let elsewhere = !form.proved.is_empty();
    if !elsewhere && !instance.config.password_sign_in {
        return Err(Error::Confirm { back: next.to_owned() });
    }
    if !elsewhere && form.password.is_empty() {
        problems.add("password", "Enter your password");
    }
    if who.account().second_factor && by_code && form.code.trim().is_empty() {
        let user = who.account().user_id.clone();
        let has = instance.db.read(move |connection| second_factor::overview(connection, &user)).await?;
        match has.app_since {
            Some(_) => problems.add("code", "Enter the code of your authenticator app"),
            None => problems.add("recovery_code", "Enter a recovery code, or use a passkey"),
        }
    }
    if !problems.is_empty() {
        return Ok(Err(problems));
    }
    if !elsewhere && !service::check_password(instance, who, &form.password).await? {
        problems.add("password", "That is not your password. Try again.");
        return Ok(Err(problems));
    }
    let proof = if who.account().second_factor {
        let typed = if by_code { Typed::Code(form.code) } else { Typed::RecoveryCode(form.recovery_code) };
        second_factor::check(instance, &who.account().user_id, &typed)
            .await?
            .map(|evidence| Reproof::Factor(Box::new(evidence)))
    } else {
        Some(if elsewhere { Reproof::Elsewhere } else { Reproof::Password })
    };
    if elsewhere && proof.is_some() {
        proofs::take(instance, visitor, who, form.proved, next).await?;
    }
    let key = if let Some(proof) = proof {
        service::confirm(instance, who, proof).await?
    } else {
        service::refuse_confirmation(instance, who).await?;
        None
    };
    Ok(key.ok_or_else(|| {
        problems.add(field, wrong(field));
        problems
    }))
}
