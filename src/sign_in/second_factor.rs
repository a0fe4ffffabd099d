//! `/login/second-factor`: between the first factor and the session.

use actix_session::Session;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::StatusCode;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::admission::{self, Next, Outcome, PATIENCE, PendingKey};
use crate::app::Instance;
use crate::audit::Origin;
use crate::auth::session::NewKey;
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::passkeys::{Answer, Purpose, Way};
use crate::second_factor::{self, Overview, Typed, wrong};
use crate::urls;
use crate::web::front::KeepSignedIn;
use crate::web::page::cookie_name;
use crate::web::{
    Field, FieldError, Notice, Posted, Problems, Shell, Visitor, errors, filters, html, returning, see_other,
};

const COOKIE: &str = "keystead_pending";

/// Goes on after a proof: into the account, or to the second factor.
///
/// # Errors
/// Never in practice; actix-session's signature has one.
pub fn go_on(
    visitor: &Visitor,
    instance: &Instance,
    session: &Session,
    next: Next,
    keep: bool,
    back: &str,
) -> Result<HttpResponse> {
    match next {
        Next::In(key) => {
            welcome(visitor, instance, session, key, keep, &returning::safe(back, &urls::settings_profile()))
        }
        Next::SecondFactor(key) => {
            let mut response = see_other(&urls::second_factor_returning(&returning::safe(back, "")));
            drop(response.add_cookie(&cookie(instance, Some(&key))));
            Ok(response)
        }
    }
}

fn welcome(
    visitor: &Visitor,
    instance: &Instance,
    session: &Session,
    key: NewKey,
    keep: bool,
    to: &str,
) -> Result<HttpResponse> {
    key.give(session)?;
    if keep {
        visitor.request().extensions_mut().insert(KeepSignedIn(instance.config.sessions.kept_absolute));
    }
    Ok(see_other(to))
}

fn cookie(instance: &Instance, key: Option<&PendingKey>) -> Cookie<'static> {
    let secure = instance.config.is_https();
    let value = key.map_or_else(String::new, |key| key.reveal_for_cookie().to_owned());
    let mut cookie = Cookie::build(cookie_name(secure, COOKIE), value)
        .path("/")
        .http_only(true)
        .secure(secure)
        .same_site(SameSite::Lax)
        .max_age(actix_web::cookie::time::Duration::seconds(PATIENCE))
        .finish();
    if key.is_none() {
        cookie.make_removal();
    }
    cookie
}

fn held(request: &HttpRequest, instance: &Instance) -> Option<String> {
    let cookie = request.cookie(&cookie_name(instance.config.is_https(), COOKIE))?;
    (cookie.value().len() == 64).then(|| cookie.value().to_owned())
}

#[derive(Template)]
#[template(path = "sign_in/second_factor.html")]
struct SecondFactorPage {
    shell: Shell,
    errors: Vec<FieldError>,
    code: Field,
    recovery_code: Field,
    has_app: bool,
    passkey: Option<Way>,
    failure: Option<String>,
    next: String,
}

/// What either of the page's forms sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct SecondFactorForm {
    code: Zeroizing<String>,
    recovery_code: Zeroizing<String>,
    credential: String,
    next: String,
}

impl SecondFactorForm {
    fn typed(self, visitor: &Visitor) -> Typed {
        if !self.credential.is_empty() {
            Typed::Passkey(Answer::of(visitor, Purpose::SecondFactor, self.credential))
        } else if self.recovery_code.trim().is_empty() {
            Typed::Code(self.code)
        } else {
            Typed::RecoveryCode(self.recovery_code)
        }
    }
}

fn page(
    visitor: &Visitor,
    status: StatusCode,
    next: &str,
    has: &Overview,
    problems: &Problems,
    failure: Option<&str>,
) -> Result<HttpResponse> {
    html(
        status,
        &SecondFactorPage {
            shell: visitor.shell("Second factor", ""),
            errors: problems.list(),
            code: problems.secret("code"),
            recovery_code: problems.secret("recovery_code"),
            has_app: has.app_since.is_some(),
            passkey: Way::of_second_factor(visitor).filter(|_| has.passkeys),
            failure: failure.map(str::to_owned),
            next: next.to_owned(),
        },
    )
}

/// Back to the beginning: it took too long, or there was nothing to go on with.
fn begin_anew(instance: &Instance, next: &str, why: Notice) -> HttpResponse {
    let to = if next.is_empty() { urls::login() } else { urls::login_returning(next) };
    let mut response = see_other(&to);
    drop(response.add_cookie(&cookie(instance, None)));
    why.send(&mut response, instance.config.is_https());
    response
}

/// What the account of the sign-in under way has; `None` when there is no such sign-in.
async fn has(visitor: &Visitor, instance: &Instance) -> Result<Option<(String, Overview)>> {
    let Some(key) = held(visitor.request(), instance) else { return Ok(None) };
    let (asked, now) = (key.clone(), instance.clock.now());
    let reading = instance.db.read(move |connection| match admission::find(connection, &asked, now)? {
        Some(pending) => second_factor::overview(connection, &pending.user).map(Some),
        None => Ok(None),
    });
    Ok(reading.await?.map(|overview| (key, overview)))
}

/// Who has given their password in this browser, and is asked for their second factor.
///
/// # Errors
/// When the database refuses.
pub async fn waiting(visitor: &Visitor, instance: &Instance) -> Result<Option<UserId>> {
    let Some(key) = held(visitor.request(), instance) else { return Ok(None) };
    let now = instance.clock.now();
    let reading = instance.db.read(move |connection| admission::find(connection, &key, now));
    Ok(reading.await?.map(|pending| pending.user))
}

/// `GET /login/second-factor`.
///
/// # Errors
/// When the database refuses.
pub async fn show(
    visitor: Visitor,
    instance: web::Data<Instance>,
    form: web::Query<SecondFactorForm>,
) -> Result<HttpResponse> {
    let next = returning::safe(&form.next, "");
    match has(&visitor, &instance).await? {
        Some((_, has)) => page(&visitor, StatusCode::OK, &next, &has, &Problems::none(), None),
        // Signed in meanwhile, in another tab or by the back button.
        None if visitor.account().is_some() => Ok(see_other(&returning::safe(&next, &urls::settings_profile()))),
        None => Ok(begin_anew(&instance, &next, Notice::SignInAnew)),
    }
}

/// `POST /login/second-factor`.
///
/// # Errors
/// As [`admission::finish`].
pub async fn submit(
    visitor: Visitor,
    instance: web::Data<Instance>,
    session: Session,
    Posted(form): Posted<SecondFactorForm>,
) -> Result<HttpResponse> {
    let next = returning::safe(&form.next, "");
    let Some((key, has)) = has(&visitor, &instance).await? else {
        return Ok(begin_anew(&instance, &next, Notice::SignInAnew));
    };
    let mut problems = Problems::none();
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    let typed = form.typed(&visitor);
    let field = match &typed {
        Typed::Code(code) if code.trim().is_empty() => {
            problems.add(if has.app_since.is_some() { "code" } else { "recovery_code" }, "Enter a code");
            return page(&visitor, unprocessable, &next, &has, &problems, None);
        }
        Typed::Code(_) => "code",
        Typed::RecoveryCode(_) => "recovery_code",
        Typed::Passkey(_) => "credential",
    };
    let instead_of = visitor.account().map(|account| account.session_id.clone());
    match admission::finish(&instance, key, typed, instead_of, Origin::of(visitor.request())).await {
        Ok(Outcome::In { key, keep, codes_left }) => {
            let to = match codes_left {
                // Whoever had to use one should look after their second factor.
                Some(_) => urls::settings_security(),
                None => returning::safe(&next, &urls::settings_profile()),
            };
            let mut response = welcome(&visitor, &instance, &session, key, keep, &to)?;
            drop(response.add_cookie(&cookie(&instance, None)));
            if let Some(left) = codes_left {
                let left = usize::try_from(left).unwrap_or_default();
                Notice::RecoveryCodeUsed.send_with(&mut response, instance.config.is_https(), left);
            }
            Ok(response)
        }
        Ok(Outcome::Wrong) if field == "credential" => page(
            &visitor,
            unprocessable,
            &next,
            &has,
            &problems,
            Some("That passkey was not accepted here. Try again."),
        ),
        Ok(Outcome::Wrong) => {
            problems.add(field, wrong(field));
            page(&visitor, unprocessable, &next, &has, &problems, None)
        }
        Ok(Outcome::Over) => Ok(begin_anew(&instance, &next, Notice::TooManyWrongCodes)),
        Err(Error::TooMany { after, .. }) => {
            errors::closed(after, |wait| page(&visitor, unprocessable, &next, &has, &problems, Some(&wait)))
        }
        Err(error) => Err(error),
    }
}
