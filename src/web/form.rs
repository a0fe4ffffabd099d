//! Forms that come back: what was typed is kept (never secrets), and each problem stands at its field.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::web::BytesMut;
use actix_web::{FromRequest, HttpMessage, HttpRequest, http::header};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use validator::{Validate, ValidationErrors};

use super::page::form_binding;
use crate::auth::capability::{back_to_button, instance, page_of};
use crate::auth::password::{Context, PasswordPolicy, mismatch, problems};
use crate::auth::{AdministratorConfirmed, Confirmed, SignedIn, csrf};
use crate::error::{Error, Result};

/// The largest form, in bytes.
pub(super) const FORM_LIMIT: usize = 32 * 1024;
/// A body may take this long, and a second more for each [`BODY_PACE`] bytes of it.
const BODY_SECONDS: u64 = 15;
const BODY_PACE: usize = 16 * 1024;
/// What is thrown away of a body that is too large, so that the answer reaches a browser that is still sending.
const THROWN_AWAY: usize = 32 * 1024 * 1024;
/// Fields that never travel with a form that is carried over a confirmation: they would stand in an address.
const NEVER_CARRIED: &[&str] = &[
    "csrf",
    "form_id",
    "made_for",
    "password",
    "current",
    "confirm",
    "secret",
    "code",
    "recovery_code",
    "setup",
    "codes",
    "credential",
    "next",
];

/// Where a problem stands that is no field's: the form itself is refused.
pub const NO_FIELD: &str = "";

/// The page of the form that a request sent, for the page of a failure.
pub struct SentFrom(pub String);

/// A form field as a template sees it.
#[derive(Debug, Clone, Default)]
pub struct Field {
    /// Its name, and the id of its control.
    pub name: &'static str,
    /// What was typed; empty for a secret.
    pub value: String,
    /// What is wrong, and how to mend it.
    pub error: Option<String>,
}

/// A line of the summary at the top of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Which field it leads to.
    pub field: &'static str,
    /// What is wrong, and how to mend it.
    pub message: String,
}

/// All that is wrong with a form.
#[derive(Debug, Clone, Default)]
pub struct Problems(Vec<FieldError>);

impl Problems {
    /// None so far.
    pub fn none() -> Self {
        Self::default()
    }

    /// What `validator` found.
    pub fn of(form: &impl Validate) -> Self {
        match form.validate() {
            Ok(()) => Self::none(),
            Err(errors) => Self::from(&errors),
        }
    }

    /// One more.
    pub fn add(&mut self, field: &'static str, message: impl Into<String>) {
        self.0.push(FieldError { field, message: message.into() });
    }

    /// These, and others.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// What is wrong with a new password and its repetition. An empty field is one problem, not all of them.
    pub fn add_new_password(&mut self, typed: &str, repeated: &str, context: &Context<'_>, policy: &PasswordPolicy) {
        if typed.is_empty() {
            return self.add("password", "Enter a new password");
        }
        for problem in problems(typed, context, policy) {
            self.add("password", problem.to_string());
        }
        if let Some(problem) = mismatch(typed, repeated) {
            self.add("confirm", problem.to_string());
        }
    }

    /// Those of some fields alone.
    #[must_use]
    pub fn only(&self, fields: &[&str]) -> Self {
        Self(self.0.iter().filter(|problem| fields.contains(&problem.field)).cloned().collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// For the summary, in the order of the page.
    pub fn list(&self) -> Vec<FieldError> {
        let mut list = self.0.clone();
        list.sort_by_key(|problem| FIELD_NAMES.iter().position(|name| *name == problem.field));
        list
    }

    /// What is wrong with one field.
    pub fn at(&self, field: &str) -> Option<String> {
        self.0.iter().find(|problem| problem.field == field).map(|problem| problem.message.clone())
    }

    /// A field with what was typed.
    pub fn field(&self, name: &'static str, value: &str) -> Field {
        Field { name, value: value.to_owned(), error: self.at(name) }
    }

    /// A field whose content is not given back.
    pub fn secret(&self, name: &'static str) -> Field {
        Field { name, value: String::new(), error: self.at(name) }
    }
}

impl From<&ValidationErrors> for Problems {
    fn from(errors: &ValidationErrors) -> Self {
        let list = errors
            .field_errors()
            .iter()
            .flat_map(|(field, problems)| problems.iter().map(|problem| (field.clone(), problem)))
            .filter_map(|(field, problem)| {
                let message = problem.message.as_deref().unwrap_or("This is not valid").to_owned();
                FIELD_NAMES.iter().find(|known| **known == field).map(|field| FieldError { field, message })
            })
            .collect();
        Self(list)
    }
}

/// Every field that can have a problem, in the order in which pages show them.
const FIELD_NAMES: &[&str] = &[
    "email",
    "new_email",
    "first_name",
    "last_name",
    "name",
    "slug",
    "picture",
    "description",
    "role",
    "team",
    "user",
    "plan",
    "members",
    "teams",
    "api_keys",
    "service_accounts",
    "tokens",
    "right",
    "max_days",
    "default_days",
    "preset_days",
    "allow_never",
    "max_per_user",
    "expiry",
    "date",
    "organization",
    "access",
    "scope",
    "entity_id",
    "old",
    "phrase",
    "current",
    "password",
    "confirm",
    "code",
    "recovery_code",
    "user_code",
    "what",
    "theme",
    "from",
    "to",
];

/// A form that says nothing but that its button was pressed.
#[derive(serde::Deserialize)]
pub struct Pressed {}

/// A posted form whose CSRF token holds.
pub struct Posted<T>(pub T);

/// A posted form from somebody who holds a confirmed capability. Where the confirmation, or the session, ran out while the
/// form was being filled in, it is carried over: what was typed comes back, and nothing is done by itself.
pub struct PostedBy<C, T> {
    /// Who.
    pub who: C,
    /// What they sent.
    pub form: T,
}

/// A capability that forms come from.
pub trait Sender {
    /// Whether a form is one that this capability may send; most may send any.
    ///
    /// # Errors
    /// Why not.
    fn sends(&self, _: &[(String, String)]) -> Result<()> {
        Ok(())
    }
}

impl Sender for SignedIn {}
impl Sender for Confirmed {}
impl Sender for AdministratorConfirmed {}

/// A form from somebody who confirmed within the last minutes.
pub type ConfirmedPost<T> = PostedBy<Confirmed, T>;
/// A form from an administrator who confirmed within the last minutes.
pub type AdministratorPost<T> = PostedBy<AdministratorConfirmed, T>;

impl<T: DeserializeOwned> FromRequest for Posted<T> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let pairs = pairs(&request, &mut payload).await?;
            // What is typed into a page before the sign-in does not go into its address.
            request.extensions_mut().insert(SentFrom(page_of(&request)));
            decode(&request, &pairs).map(Self)
        })
    }
}

impl<C: FromRequest<Error = Error> + Sender + 'static, T: DeserializeOwned> FromRequest for PostedBy<C, T> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let who = C::extract(&request).await;
            match who {
                Ok(who) => {
                    let pairs = pairs(&request, &mut payload).await?;
                    let form = decode(&request, &pairs)?;
                    who.sends(&pairs)?;
                    request.extensions_mut().insert(SentFrom(carried(&page_of(&request), &pairs)));
                    Ok(Self { who, form })
                }
                Err(Error::Confirm { .. }) => {
                    let pairs = pairs(&request, &mut payload).await?;
                    decode::<T>(&request, &pairs)?;
                    Err(Error::Confirm { back: back_to_button(&request, carried(&page_of(&request), &pairs)) })
                }
                // The session ended while the form was being filled in. Its token died with it, so nothing is believed of
                // the form; it only comes back, as if it had been typed into the address.
                Err(Error::SignIn { .. }) => {
                    let pairs = pairs(&request, &mut payload).await?;
                    Err(Error::SignIn { back: carried(&page_of(&request), &pairs) })
                }
                Err(error) => Err(error),
            }
        })
    }
}

/// The page that the form stands on, with what was typed in its address.
fn carried(path: &str, pairs: &[(String, String)]) -> String {
    let kept = pairs.iter().filter(|(name, value)| !NEVER_CARRIED.contains(&name.as_str()) && !value.is_empty());
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
    if query.is_empty() || query.len() > 6000 { path.to_owned() } else { format!("{path}?{query}") }
}

/// Whether a form came as most do.
pub(super) fn is_urlencoded(request: &HttpRequest) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

pub(super) async fn pairs(request: &HttpRequest, payload: &mut Payload) -> Result<Vec<(String, String)>> {
    if !is_urlencoded(request) {
        return Err(Error::BadRequest("a form is sent as application/x-www-form-urlencoded"));
    }
    let body = read_body(request, payload, FORM_LIMIT).await?;
    let text = std::str::from_utf8(&body).map_err(|_| Error::BadRequest("a form is UTF-8"))?;
    let pairs: Vec<(String, String)> =
        serde_html_form::from_str(text).map_err(|_| Error::BadRequest("the form could not be read"))?;
    // PostgreSQL takes no NUL in text, and nobody types one.
    if pairs.iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
        return Err(Error::BadRequest("the form holds a NUL character"));
    }
    Ok(pairs)
}

pub(super) fn decode<T: DeserializeOwned>(request: &HttpRequest, pairs: &[(String, String)]) -> Result<T> {
    let posted = pairs.iter().filter(|(name, _)| name == "csrf").map(|(_, value)| value.as_str()).collect::<Vec<_>>();
    let binding = form_binding(request).unwrap_or_default();
    if binding.is_empty() || posted.len() != 1 || !csrf::holds(&instance(request).key, &binding, posted[0]) {
        return Err(Error::Forbidden("the form was too old, or came from another page"));
    }
    let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    serde_html_form::from_str(&text).map_err(|_| Error::BadRequest("the form could not be read"))
}

/// Reads a body within its limits of size and time; actix-web itself has none of the latter.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::TooSlow`], or a broken body.
pub async fn read_body(request: &HttpRequest, payload: &mut Payload, limit: usize) -> Result<BytesMut> {
    match read(request, payload, limit, limit).await? {
        (body, true) => Ok(body),
        (_, false) => Err(Error::TooLarge),
    }
}

/// The beginning of a body, up to `limit`, and whether that is all of it: for forms that are answered all the same.
///
/// # Errors
/// As [`read_body`], where there is far too much.
pub(super) async fn read_up_to(request: &HttpRequest, payload: &mut Payload, limit: usize) -> Result<(BytesMut, bool)> {
    read(request, payload, limit, limit + THROWN_AWAY).await
}

async fn read(request: &HttpRequest, payload: &mut Payload, kept: usize, most: usize) -> Result<(BytesMut, bool)> {
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<usize>().ok());
    if announced.is_some_and(|length| length > most) {
        return Err(Error::TooLarge);
    }
    let whole = async {
        let mut body = BytesMut::with_capacity(announced.unwrap_or(0).min(kept));
        let mut length = 0;
        while let Some(piece) = payload.next().await {
            let piece = piece.map_err(|_| Error::BadRequest("the body broke off"))?;
            length += piece.len();
            if length > most {
                return Err(Error::TooLarge);
            }
            body.extend_from_slice(&piece[..piece.len().min(kept - body.len())]);
        }
        Ok((body, length <= kept))
    };
    let allowed = Duration::from_secs(BODY_SECONDS + (most / BODY_PACE) as u64);
    tokio::time::timeout(allowed, whole).await.map_err(|_| Error::TooSlow)?
}
