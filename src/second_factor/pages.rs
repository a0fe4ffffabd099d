//! `/settings/security/second-factor`, `/settings/security/recovery-codes`.

use std::sync::Arc;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, web};
use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::recovery_codes::{COUNT, NewCodes, tidy};
use super::service;
use super::totp::TotpSecret;
use crate::app::Instance;
use crate::auth::key::Sealed;
use crate::auth::{Confirmed, SignedIn};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::organizations::requiring;
use crate::security::sessions::Sessions;
use crate::urls;
use crate::web::form::ConfirmedPost;
use crate::web::{
    Field, FieldError, Notice, Posted, Pressed, Problems, Shell, Visitor, filters, html, returning, see_other,
};

/// For how long a page that shows a secret may be answered, in seconds.
const SETUP_LASTS: i64 = 60 * 60;

#[derive(Template)]
#[template(path = "second_factor/app.html")]
struct AppPage {
    shell: Shell,
    errors: Vec<FieldError>,
    code: Field,
    qr_code: String,
    secret: String,
    setup: String,
    /// Where one goes on afterwards.
    next: String,
    /// Nothing else opens before.
    required: bool,
    /// Signed in so often beside here.
    others: usize,
}

#[derive(Template)]
#[template(path = "second_factor/codes.html")]
struct CodesPage {
    shell: Shell,
    codes: Vec<Zeroizing<String>>,
    app_added: bool,
    next: String,
}

#[derive(Template)]
#[template(path = "second_factor/ask_codes.html")]
struct AskCodesPage {
    shell: Shell,
    left: i64,
}

#[derive(Template)]
#[template(path = "second_factor/ask_remove.html")]
struct AskRemovePage {
    shell: Shell,
    /// The organizations that close without it.
    closes: Vec<String>,
    /// Signed in so often beside here.
    others: usize,
}

/// What the page before a removal sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct RemoveForm {
    others: Option<String>,
}

/// What the page sends. The secret that it shows comes back sealed, for this session alone: until its first code was right,
/// the server keeps nothing.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct AppForm {
    setup: String,
    code: Zeroizing<String>,
    next: String,
    others: Option<String>,
}

impl AppForm {
    /// Where one goes on afterwards.
    fn next(&self) -> String {
        returning::safe(&self.next, &urls::settings_security())
    }
}

fn owner(who: &SignedIn) -> String {
    format!("{} {}", who.account().user_id, who.account().session_id)
}

fn seal(instance: &Instance, who: &SignedIn, secret: &TotpSecret, now: Timestamp) -> String {
    let mut plain = Zeroizing::new(now.unix().to_be_bytes().to_vec());
    plain.extend_from_slice(secret.bytes());
    URL_SAFE_NO_PAD.encode(instance.key.seal("totp setup", &owner(who), &plain).bytes)
}

fn open(instance: &Instance, who: &SignedIn, setup: &str, now: Timestamp) -> Option<TotpSecret> {
    let sealed = Sealed { key: instance.key.fingerprint(), bytes: URL_SAFE_NO_PAD.decode(setup).ok()? };
    let plain = instance.key.open(&sealed, "totp setup", &owner(who))?;
    let (made, secret) = plain.split_first_chunk::<8>()?;
    let fresh = (0..SETUP_LASTS).contains(&Timestamp::from_unix(i64::from_be_bytes(*made)).until(now));
    fresh.then(|| TotpSecret::from_bytes(Zeroizing::new(secret.to_vec())))
}

async fn app_page(
    visitor: &Visitor,
    instance: &Instance,
    who: &SignedIn,
    secret: &TotpSecret,
    next: String,
    problems: &Problems,
) -> Result<HttpResponse> {
    let (owner, now) = (who.clone(), instance.clock.now());
    let others = instance.db.read(move |connection| {
        Sessions::of(connection, owner.owner(), &owner.account().session_id, now).map(|sessions| sessions.elsewhere())
    });
    let others = others.await?;
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let account = who.account();
    let required = !account.second_factor && instance.config.require_second_factor.asks(account.is_administrator);
    html(
        status,
        &AppPage {
            shell: visitor.shell("Set up an authenticator app", "security"),
            errors: problems.list(),
            code: problems.secret("code"),
            qr_code: secret.reveal_as_qr_code(&instance.config.product_name, &who.account().email)?,
            secret: secret.reveal_in_groups(),
            setup: seal(instance, who, secret, now),
            next,
            others,
            required,
        },
    )
}

async fn has_app(instance: &Instance, who: &SignedIn) -> Result<bool> {
    let user = who.account().user_id.clone();
    Ok(instance.db.read(move |connection| service::overview(connection, &user)).await?.app_since.is_some())
}

/// `GET /settings/security/second-factor`: a new secret each time.
///
/// # Errors
/// When the database refuses.
pub async fn show(
    who: Confirmed,
    visitor: Visitor,
    instance: web::Data<Instance>,
    form: web::Query<AppForm>,
) -> Result<HttpResponse> {
    if has_app(&instance, &who).await? {
        return Ok(see_other(&form.next()));
    }
    app_page(&visitor, &instance, &who, &TotpSecret::generate(), form.next(), &Problems::none()).await
}

/// `POST /settings/security/second-factor`.
///
/// # Errors
/// As [`service::add_app`].
pub async fn add(
    visitor: Visitor,
    instance: web::Data<Instance>,
    posted: ConfirmedPost<AppForm>,
) -> Result<HttpResponse> {
    let (who, form, now) = (posted.who, posted.form, instance.clock.now());
    let next = form.next();
    if has_app(&instance, &who).await? {
        return Ok(see_other(&next));
    }
    let mut problems = Problems::none();
    let Some(secret) = open(&instance, &who, &form.setup, now) else {
        problems.add("code", "This page was too old. Remove the entry from your app, and scan the new code.");
        return app_page(&visitor, &instance, &who, &TotpSecret::generate(), next, &problems).await;
    };
    let Some(step) = secret.step_of(&form.code, now) else {
        problems.add(
            "code",
            if form.code.trim().is_empty() {
                "Enter the code that your app shows"
            } else {
                "That is not the code for this secret. Is the clock of your phone right? Wait for the next code and try again."
            },
        );
        return app_page(&visitor, &instance, &who, &secret, next, &problems).await;
    };
    match service::add_app(&instance, who, (&secret, step), form.others.is_some()).await {
        Ok(Some(codes)) => codes_page(&visitor, &codes, true, next),
        Ok(None) => Ok(leave(&instance, &next, Notice::SecondFactorAdded)),
        // The same form came twice.
        Err(Error::Taken(_)) => Ok(see_other(&next)),
        Err(error) => Err(error),
    }
}

fn leave(instance: &Instance, to: &str, notice: Notice) -> HttpResponse {
    let mut response = see_other(to);
    notice.send(&mut response, instance.config.is_https());
    response
}

/// The page that shows new recovery codes, once.
///
/// # Errors
/// When the template fails.
pub fn codes_page(visitor: &Visitor, codes: &NewCodes, app_added: bool, next: String) -> Result<HttpResponse> {
    let shell = visitor.shell("Your recovery codes", "security");
    html(StatusCode::OK, &CodesPage { shell, codes: codes.reveal_for_page(), app_added, next })
}

/// `GET /settings/security/second-factor/remove`.
///
/// # Errors
/// [`Error::NotFound`] when there is no app.
pub async fn ask_remove(who: Confirmed, visitor: Visitor, instance: web::Data<Instance>) -> Result<HttpResponse> {
    let now = instance.clock.now();
    let reading = instance.db.read(move |connection| {
        let user = &who.account().user_id;
        let has = service::overview(connection, user)?;
        let closes = if has.passkeys { Vec::new() } else { requiring(connection, user)? };
        let sessions = Sessions::of(connection, who.owner(), &who.account().session_id, now)?;
        Ok(has.app_since.map(|_| (closes, sessions.elsewhere())))
    });
    let Some((closes, others)) = reading.await? else { return Ok(see_other(&urls::settings_security())) };
    let shell = visitor.shell("Remove the authenticator app", "security");
    html(StatusCode::OK, &AskRemovePage { shell, closes, others })
}

/// `POST /settings/security/second-factor/remove`.
///
/// # Errors
/// When the database refuses.
pub async fn remove(instance: web::Data<Instance>, posted: ConfirmedPost<RemoveForm>) -> Result<HttpResponse> {
    let (now, notices, others) = (instance.clock.now(), Arc::clone(&instance.notices), posted.form.others.is_some());
    match instance.db.write(move |tx| service::remove_app(tx, &posted.who, others, &notices, now)).await {
        Ok(()) => Ok(leave(&instance, &urls::settings_security(), Notice::SecondFactorRemoved)),
        Err(Error::NotFound) => Ok(see_other(&urls::settings_security())),
        Err(error) => Err(error),
    }
}

/// `GET /settings/security/recovery-codes`: changes nothing.
///
/// # Errors
/// When the database refuses.
pub async fn ask_codes(who: Confirmed, visitor: Visitor, instance: web::Data<Instance>) -> Result<HttpResponse> {
    let user = who.account().user_id.clone();
    let overview = instance.db.read(move |connection| service::overview(connection, &user)).await?;
    match overview.codes_left {
        Some(left) => {
            html(StatusCode::OK, &AskCodesPage { shell: visitor.shell("Make new recovery codes", "security"), left })
        }
        None => Ok(see_other(&urls::settings_security())),
    }
}

/// `POST /settings/security/recovery-codes`.
///
/// # Errors
/// As [`service::renew_codes`].
pub async fn renew_codes(
    visitor: Visitor,
    instance: web::Data<Instance>,
    posted: ConfirmedPost<Pressed>,
) -> Result<HttpResponse> {
    match service::renew_codes(&instance, posted.who).await {
        Ok(codes) => codes_page(&visitor, &codes, false, urls::settings_security()),
        Err(Error::NotFound) => Ok(see_other(&urls::settings_security())),
        Err(error) => Err(error),
    }
}

/// What the page of new codes sends back to get them as a file.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct FileForm {
    codes: Vec<Zeroizing<String>>,
}

/// `POST /settings/security/recovery-codes/file`: the page that shows the codes sends them back and gets them as a file, so
/// nothing keeps them in between.
///
/// # Errors
/// [`Error::BadRequest`] when they are no codes.
pub async fn file(
    who: SignedIn,
    instance: web::Data<Instance>,
    Posted(form): Posted<FileForm>,
) -> Result<HttpResponse> {
    let codes: Vec<_> = form.codes.iter().filter_map(|code| tidy(code)).collect();
    if codes.len() != COUNT || form.codes.len() != COUNT {
        return Err(Error::BadRequest("these are no recovery codes"));
    }
    let lines = codes.iter().map(|code| code.as_str()).collect::<Vec<_>>().join("\n");
    let text = Zeroizing::new(format!(
        "Recovery codes of {} at {}\nMade {}. Each works once, instead of the second factor.\n\n{lines}\n",
        who.account().email,
        instance.config.absolute(""),
        instance.clock.now().day_in_words(),
    ));
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"recovery-codes.txt\""))
        .body(text.as_str().to_owned()))
}
