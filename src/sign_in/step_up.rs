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
use crate::routes::page_pattern;
use crate::second_factor::{self, Overview, Typed, wrong};
use crate::urls;
use crate::web::{
    Field, FieldError, Notice, Posted, Problems, Shell, Visitor, errors, filters, html, returning, see_other,
};

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

/// What one is about to do, by where one goes on. The fragment says which of that page's buttons it was.
fn act(next: &str) -> &'static str {
    let (page, button) = next.split_once('#').unwrap_or((next, ""));
    let page = page.split('?').next().unwrap_or_default();
    let named = |path: &str| page_pattern(path).and_then(act_at);
    // Only the start page, where one goes who came from nowhere, has none.
    named(&format!("{page}{button}")).or_else(|| named(page)).unwrap_or("go on")
}

/// What one confirms at an address of the route table.
pub fn act_at(pattern: &str) -> Option<&'static str> {
    Some(match pattern {
        "/device/terminal" => "sign a terminal in",
        "/settings/profile/email" => "change your e-mail address",
        "/settings/security/password" => "change your password",
        "/settings/security/second-factor" => "set up an authenticator app",
        "/settings/security/second-factor/remove" => "remove your authenticator app",
        "/settings/security/recovery-codes" => "make new recovery codes",
        "/settings/security/sessions/{id}/end" => "end another session",
        "/settings/security/logout-all" => "log out all your sessions",
        "/settings/security/connections/with/{provider}" | "/settings/security/connections/offers/{code}" => {
            "connect an account to sign in with"
        }
        "/settings/security/connections/{id}/disconnect" => "disconnect an account that you sign in with",
        "/settings/security/passkeys/new" | "/settings/security/passkeys/options" => "add a passkey",
        "/settings/security/passkeys/{id}/rename" => "rename a passkey",
        "/settings/security/passkeys/{id}/remove" => "remove a passkey",
        "/settings/tokens/new" => "create a personal access token",
        "/settings/tokens/{id}/edit" | "/settings/tokens/{id}/scopes/remove" | "/settings/tokens/{id}/scopes/clear" => {
            "change a personal access token"
        }
        "/settings/tokens/{id}/regenerate" => "regenerate a personal access token",
        "/settings/api-keys/new" => "create an API key",
        "/organizations/{slug}/settings/second-factor" => "change who must have a second factor",
        "/organizations/{slug}/policy"
        | "/organizations/{slug}/policy/personal-tokens"
        | "/organizations/{slug}/policy/api-keys" => "change the organization’s rules",
        "/organizations/{slug}/hand-over" => "hand the organization over",
        "/organizations/{slug}/delete" => "delete the organization",
        "/organizations/{slug}/members/{id}/role" => "change a member’s role",
        "/organizations/{slug}/invitations/new" => "invite somebody",
        "/organizations/{slug}/invitations/{id}/resend" => "send an invitation again",
        "/organizations/{slug}/teams/new" => "create a team",
        "/organizations/{slug}/teams/{id}/edit" => "change a team",
        "/organizations/{slug}/teams/{id}/members" => "add somebody to a team",
        "/organizations/{slug}/logs/export" => "download the organization’s log",
        "/organizations/{slug}/service-accounts/new" => "create a service account",
        "/organizations/{slug}/service-accounts/{id}/edit" => "change a service account",
        "/organizations/{slug}/service-accounts/{id}/enable" => "enable a service account",
        "/organizations/{slug}/service-accounts/{id}/tokens/new" => "create a service account’s token",
        "/organizations/{slug}/service-accounts/{id}/tokens/{token}/regenerate" => {
            "regenerate a service account’s token"
        }
        "/organizations/{slug}/roles/new" => "create a role",
        "/organizations/{slug}/roles/{id}/edit" => "change a role",
        "/admin" => "administer this service",
        "/admin/verifiers" => "look after the verifiers",
        "/admin/verifiers/{id}/delete" => "delete a verifier",
        "/admin/invitations" => "invite people to this service",
        "/admin/invitations/{id}/cancel" => "take an invitation back",
        "/admin/organizations" => "look after the organizations",
        "/admin/organizations/{id}" => "look after an organization’s license",
        "/admin/recovery" => "help somebody back in",
        "/admin/policy" | "/admin/policy/review" => "look after the rules for tokens",
        "/admin/mail" => "see which mails wait",
        "/admin/mail/{id}" => "read somebody’s mail",
        _ => return None,
    })
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
    let outcome = match prove(&instance, &visitor, &who, form, &next).await {
        Ok(outcome) => outcome,
        Err(error) => {
            return errors::too_often(error, async |problems| {
                page(&visitor, &instance, &who, &next, &proved, problems, None).await
            })
            .await;
        }
    };
    match outcome {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_act_is_of_where_one_goes() {
        for (next, named) in [
            ("/settings/security/password", "change your password"),
            ("/settings/security#/sessions/01jd/end", "end another session"),
            ("/settings/tokens/new?name=a#/b", "create a personal access token"),
            ("/organizations/acme/logs#/export", "download the organization’s log"),
            // A fragment that is no button takes no name away.
            ("/device/terminal?user_code=A#x", "sign a terminal in"),
            ("/", "go on"),
        ] {
            assert_eq!(act(next), named, "{next}");
        }
    }
}
