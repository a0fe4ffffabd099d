//! "Confirm it is you" for whoever has no password: half of it is proved elsewhere, at a provider or with the mailbox, and
//! waits for the page that asks for the rest.

use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::connected::confirm_buttons;
use super::flows::{self, Flow, Purpose};
use super::pages::{browser, cookie};
use super::{Provider, ProviderButton};
use crate::app::Instance;
use crate::auth::{SignedIn, link, throttle};
use crate::config::Config;
use crate::db::Connection;
use crate::error::{Error, Result};
use crate::mail::letters::ConfirmByMail;
use crate::mail::queue;
use crate::sign_up::pages::check_mail;
use crate::urls;
use crate::users::credentials;
use crate::web::{Posted, Visitor, returning};

/// How somebody can prove it again.
pub struct Ways {
    /// With their password.
    pub password: bool,
    /// With these providers.
    pub providers: Vec<ProviderButton>,
}

/// What somebody who is asked to confirm can do.
///
/// # Errors
/// When the database refuses.
pub fn ways(connection: &mut Connection, instance: &Instance, who: &SignedIn, next: &str) -> Result<Ways> {
    Ok(Ways {
        password: has_password(connection, &instance.config, who)?,
        providers: confirm_buttons(connection, instance, who.owner(), next)?,
    })
}

/// Whether they have a password, and passwords count here.
///
/// # Errors
/// When the database refuses.
pub fn has_password(connection: &mut Connection, config: &Config, who: &SignedIn) -> Result<bool> {
    Ok(config.password_sign_in && credentials(connection, &who.account().user_id)?.password_hash.is_some())
}

fn proof(who: &SignedIn, next: &str, instance: &Instance) -> Flow {
    let new = Flow::new(Purpose::Proved, "", next.to_owned(), instance.clock.now());
    Flow { session_id: Some(who.account().session_id.clone()), ..new }
}

/// Keeps what was just proved, for the page that asks for the second factor; says the code of that page.
///
/// # Errors
/// When the database refuses.
pub async fn keep(instance: &Instance, who: &SignedIn, next: &str, browser: String) -> Result<String> {
    let (code, proof) = (link::new_code(), proof(who, next, instance));
    let kept = code.clone();
    instance.db.write(move |tx| flows::begin(tx, &kept, &browser, &proof)).await?;
    Ok(code)
}

/// Where somebody goes on who proved half of it: `None` when that is over, or not theirs.
///
/// # Errors
/// When the database refuses.
pub async fn find(instance: &Instance, visitor: &Visitor, who: &SignedIn, code: &str) -> Result<Option<String>> {
    let Some(browser) = browser(visitor.request(), instance) else { return Ok(None) };
    let (code, now) = (code.to_owned(), instance.clock.now());
    let found = instance.db.read(move |connection| flows::find(connection, &code, &browser, now)).await?;
    Ok(found.filter(|flow| holds(flow, who)).map(|flow| flow.next))
}

fn holds(flow: &Flow, who: &SignedIn) -> bool {
    flow.purpose == Purpose::Proved && flow.session_id.as_ref() == Some(&who.account().session_id)
}

/// Uses it up.
///
/// # Errors
/// [`Error::Confirm`] when it is over, or not theirs: then it begins anew.
pub async fn take(instance: &Instance, visitor: &Visitor, who: &SignedIn, code: String, next: &str) -> Result<()> {
    let anew = || Error::Confirm { back: next.to_owned() };
    let browser = browser(visitor.request(), instance).ok_or_else(anew)?;
    let (now, owner) = (instance.clock.now(), who.clone());
    let taken = instance.db.write(move |tx| {
        let flow = flows::take(tx, &code, &browser, now)?;
        if holds(&flow, &owner) { Ok(()) } else { Err(Error::NotFound) }
    });
    taken.await.map_err(|error| if matches!(error, Error::NotFound) { anew() } else { error })
}

/// What the form sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ByMail {
    next: String,
}

/// `POST /step-up/mail`: mails a link that confirms, to whoever has no password. It works in this session alone.
///
/// # Errors
/// [`Error::Confirm`] for whoever has one; [`Error::TooMany`].
pub async fn by_mail(
    who: SignedIn,
    visitor: Visitor,
    instance: web::Data<Instance>,
    Posted(form): Posted<ByMail>,
) -> Result<HttpResponse> {
    let (now, next) = (instance.clock.now(), returning::safe(&form.next, &urls::home()));
    let (owner, config) = (who.clone(), instance.config.clone());
    if instance.db.read(move |connection| has_password(connection, &config, &owner)).await? {
        return Err(Error::Confirm { back: next });
    }
    let account = who.account();
    let door = format!("confirm mail {}", account.user_id);
    throttle::enter(&instance.db, vec![(door, throttle::CONFIRM_MAILS)], now).await?;
    let code = link::new_code();
    let letter = ConfirmByMail {
        product: instance.config.product_name.clone(),
        first_name: account.first_name.clone(),
        at: now.exact(),
        browser: crate::web::agent::words(&who.origin().agent),
        address: who.origin().address.clone(),
        url: instance.config.absolute(&urls::step_up_proved(&code)),
    }
    .letter()?;
    let browser = browser(visitor.request(), &instance).unwrap_or_else(link::new_code);
    let (proof, cookie) = (proof(&who, &next, &instance), cookie(&instance, browser.clone()));
    let (user, email) = (account.user_id.clone(), account.email.clone());
    let writing = instance.db.write(move |tx| {
        flows::begin(tx, &code, &browser, &proof)?;
        queue(tx, Some(&user), &email, &letter, now)
    });
    writing.await?;
    let mut response = check_mail(&visitor, &account.email, "ten minutes, in this browser")?;
    drop(response.add_cookie(&cookie));
    Ok(response)
}

/// Whether a provider can be asked to have people sign in anew.
pub(super) fn can_confirm(provider: &Provider) -> bool {
    provider.config.fresh_sign_in
}
