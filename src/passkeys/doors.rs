//! Signing in and confirming with a passkey: what `/login` and `/step-up` offer beside the password.

use actix_session::Session;
use actix_web::{HttpResponse, web};

use super::Purpose;
use super::ceremony::{self, Occasion};
use super::forms::DoorForm;
use super::service::{self, Answer, SignIn};
use crate::app::Instance;
use crate::audit::Origin;
use crate::auth::SignedIn;
use crate::error::{Error, Result};
use crate::sign_in;
use crate::urls;
use crate::web::{Notice, Posted, Pressed, Visitor, errors, returning, see_other};

const REFUSED: &str = "That passkey was not accepted here. Try again, or use your password.";

fn sign_in_occasion(visitor: &Visitor) -> Occasion {
    let (binding, origin) = (visitor.binding().unwrap_or_default(), Origin::of(visitor.request()));
    Occasion { purpose: Purpose::SignIn, binding, user: None, origin }
}

fn confirm_occasion(who: &SignedIn, visitor: &Visitor) -> Occasion {
    let (binding, origin) = (visitor.binding().unwrap_or_default(), who.origin().clone());
    Occasion { purpose: Purpose::Confirm, binding, user: Some(who.account().user_id.clone()), origin }
}

/// `POST /login/passkey/options`: what the browser needs to ask its passkeys who is there.
///
/// # Errors
/// As [`ceremony::begin_proving`].
pub async fn sign_in_options(
    visitor: Visitor,
    instance: web::Data<Instance>,
    _: Posted<Pressed>,
) -> Result<HttpResponse> {
    let options = ceremony::begin_proving(&instance, &sign_in_occasion(&visitor)).await?;
    Ok(HttpResponse::Ok().json(options))
}

/// `POST /login/passkey`.
///
/// # Errors
/// When the database refuses.
pub async fn sign_in(
    visitor: Visitor,
    instance: web::Data<Instance>,
    session: Session,
    Posted(form): Posted<DoorForm>,
) -> Result<HttpResponse> {
    let wish = SignIn {
        answer: form.credential,
        keep: form.keep.is_some(),
        instead_of: visitor.account().map(|account| account.session_id.clone()),
    };
    match service::sign_in(&instance, &sign_in_occasion(&visitor), wish).await {
        Ok(Some(next)) => sign_in::go_on(&visitor, &instance, &session, next, form.keep.is_some(), &form.next),
        Ok(None) => sign_in::pages::refused(&visitor, &form.next, REFUSED),
        Err(Error::TooMany { after, .. }) => {
            errors::closed(after, |wait| sign_in::pages::refused(&visitor, &form.next, &wait))
        }
        Err(error) => Err(error),
    }
}

/// `POST /login/second-factor/options`: what the browser needs to ask the passkeys of whoever has given their password.
///
/// # Errors
/// [`Error::SignIn`] when nobody has; as [`ceremony::begin_proving`].
pub async fn second_factor_options(
    visitor: Visitor,
    instance: web::Data<Instance>,
    _: Posted<Pressed>,
) -> Result<HttpResponse> {
    let user = sign_in::second_factor::waiting(&visitor, &instance).await?;
    let user = user.ok_or_else(|| Error::SignIn { back: urls::home() })?;
    let answer = Answer::of(&visitor, Purpose::SecondFactor, String::new());
    Ok(HttpResponse::Ok().json(answer.options(&instance, &user).await?))
}

/// `POST /step-up/passkey/options`: what the browser needs to ask this user's passkeys.
///
/// # Errors
/// As [`ceremony::begin_proving`].
pub async fn confirm_options(
    who: SignedIn,
    visitor: Visitor,
    instance: web::Data<Instance>,
    _: Posted<Pressed>,
) -> Result<HttpResponse> {
    let options = ceremony::begin_proving(&instance, &confirm_occasion(&who, &visitor)).await?;
    Ok(HttpResponse::Ok().json(options))
}

/// `POST /step-up/passkey`.
///
/// # Errors
/// As [`service::confirm`].
pub async fn confirm(
    who: SignedIn,
    visitor: Visitor,
    instance: web::Data<Instance>,
    session: Session,
    Posted(form): Posted<DoorForm>,
) -> Result<HttpResponse> {
    let next = returning::safe(&form.next, &urls::home());
    let Some(key) = service::confirm(&instance, &who, &confirm_occasion(&who, &visitor), &form.credential).await?
    else {
        return sign_in::step_up::refused(&visitor, &instance, &who, &next, REFUSED).await;
    };
    key.give(&session)?;
    let mut response = see_other(&next);
    Notice::Confirmed.send(&mut response, instance.config.is_https());
    Ok(response)
}
