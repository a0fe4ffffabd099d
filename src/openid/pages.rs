//! `/login/{provider}`, its callback, and what comes of it.
//!
//! The way to a provider begins with a link: a form that is answered with a redirect to another site is what our
//! `form-action` policy forbids. A link changes nothing here; what could, asks first on a page of its own.

use actix_session::Session;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::flows::{self, Flow, LIFETIME, Purpose};
use super::policy::{self, Refusal};
use super::proofs;
use super::provider::{Claims, Provider, Trouble, Wish};
use super::service::{self, Arrival, Arriving};
use crate::app::Instance;
use crate::audit::Origin;
use crate::auth::{link, throttle};
use crate::config::SignUpMode;
use crate::error::{Error, Result};
use crate::sign_in::{self, Reproof, go_on};
use crate::web::page::cookie_name;
use crate::web::{Notice, Shell, Visitor, filters, html, returning, see_other};
use crate::{setup, urls};

const COOKIE: &str = "keystead_flow";
/// In the address of a way to a provider: go there though it does not answer us.
const ANYWAY: &str = "anyway";

/// What the link to a provider carries.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Begin {
    next: String,
    keep: Option<String>,
    /// The code that makes the first administrator.
    code: String,
}

/// What a provider sends back. What it says about an error is not shown: anybody could have written it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Back {
    state: String,
    code: String,
    error: String,
    iss: Option<String>,
}

/// `GET /login/{provider}`: on to the provider.
///
/// # Errors
/// [`Error::NotFound`] when there is no such provider; [`Error::TooMany`]; when the database refuses.
pub async fn begin(
    visitor: Visitor,
    instance: web::Data<Instance>,
    id: web::Path<String>,
    asked: web::Query<Begin>,
) -> Result<HttpResponse> {
    let provider = instance.providers.get(&id).ok_or(Error::NotFound)?;
    let next = returning::safe(&asked.next, "");
    if visitor.account().is_some() {
        return Ok(see_other(if next.is_empty() { "/" } else { &next }));
    }
    let purpose = if instance.db.read(setup::done).await? {
        Purpose::SignIn
    } else if setup::admits(&instance, &visitor, &asked.code).await? {
        Purpose::SetUp
    } else {
        return Ok(see_other(&urls::setup()));
    };
    let now = instance.clock.now();
    let flow = Flow { keep: asked.keep.is_some(), ..Flow::new(purpose, &provider.config.id, next, now) };
    leave(&visitor, &instance, provider, flow, &Wish::default()).await
}

/// Notes a flow and sends its browser to the provider.
///
/// # Errors
/// [`Error::TooMany`]; when the database refuses.
pub(super) async fn leave(
    visitor: &Visitor,
    instance: &Instance,
    provider: &Provider,
    flow: Flow,
    wish: &Wish,
) -> Result<HttpResponse> {
    let (now, code) = (instance.clock.now(), link::new_code());
    let door = format!("provider {}", throttle::of_origin(&Origin::of(visitor.request())));
    throttle::enter(&instance.db, vec![(door, throttle::PROVIDER)], now).await?;
    let query = visitor.request().query_string();
    let anyway = url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == ANYWAY);
    let url = match provider.authorization_url(&flows::secrets(&instance.key, &code), wish, anyway, now).await {
        Ok(url) => url,
        // They may see it where we don't; it was there before, so there is a place to lead to.
        Err(trouble @ Trouble::NotAnswering(_)) if provider.is_known() && !anyway => {
            return unanswered(visitor, provider, &trouble, Some(urls::also(visitor.request().uri(), ANYWAY)));
        }
        Err(trouble) => return in_trouble(visitor, provider, &trouble),
    };
    // The cookie of an earlier flow goes on: people begin in two tabs, and either may come back first.
    let browser = browser(visitor.request(), instance).unwrap_or_else(link::new_code);
    let cookie = cookie(instance, browser.clone());
    instance.db.write(move |tx| flows::begin(tx, &code, &browser, &flow)).await?;
    let mut response = see_other(url.as_str());
    drop(response.add_cookie(&cookie));
    Ok(response)
}

pub(super) fn cookie(instance: &Instance, browser: String) -> Cookie<'static> {
    let secure = instance.config.is_https();
    Cookie::build(cookie_name(secure, COOKIE), browser)
        .path("/")
        .http_only(true)
        .secure(secure)
        .same_site(SameSite::Lax)
        .max_age(actix_web::cookie::time::Duration::seconds(LIFETIME))
        .finish()
}

/// Which browser this is, if it has begun something.
pub(crate) fn browser(request: &HttpRequest, instance: &Instance) -> Option<String> {
    let cookie = request.cookie(&cookie_name(instance.config.is_https(), COOKIE))?;
    (cookie.value().len() == 64).then(|| cookie.value().to_owned())
}

/// `GET /login/{provider}/callback`: back from the provider. Without a flow that this browser began, it does nothing.
///
/// # Errors
/// [`Error::NotFound`] when there is no such provider; when the database refuses.
pub async fn back(
    visitor: Visitor,
    instance: web::Data<Instance>,
    session: Session,
    id: web::Path<String>,
    back: web::Query<Back>,
) -> Result<HttpResponse> {
    let provider = instance.providers.get(&id).ok_or(Error::NotFound)?;
    let (now, back) = (instance.clock.now(), back.into_inner());
    let Some(browser) = browser(visitor.request(), &instance) else { return over(&visitor) };
    let (state, mine) = (back.state.clone(), browser.clone());
    // Used up before anything is asked of the provider: of many at once, one asks.
    let flow = match instance.db.write(move |tx| flows::take(tx, &state, &mine, now)).await {
        Ok(flow) if flow.provider == provider.config.id && !flow.purpose.is_here() => flow,
        Ok(_) | Err(Error::NotFound) => return over(&visitor),
        Err(error) => return Err(error),
    };
    if flow.session_id.is_some() && flow.session_id.as_ref() != visitor.account().map(|account| &account.session_id) {
        return over(&visitor);
    }
    let claims = match said(&instance, provider, back, &flow).await {
        Ok(Some(claims)) => claims,
        Ok(None) => return cancelled(&visitor, provider),
        Err(trouble) => return in_trouble(&visitor, provider, &trouble),
    };
    match flow.purpose {
        Purpose::Confirm => confirmed(&visitor, &instance, &session, provider, claims, &flow, browser).await,
        Purpose::Connect => {
            let arriving = Arriving { claims, flow, browser, instead_of: None };
            arrived(
                &visitor,
                &instance,
                &session,
                provider,
                service::fetched(&instance, provider, arriving).await?,
                false,
                "",
            )
        }
        Purpose::SignIn | Purpose::SetUp | Purpose::Proved | Purpose::Offer => {
            let instead_of = visitor.account().map(|account| account.session_id.clone());
            let (keep, next) = (flow.keep, flow.next.clone());
            let arriving = Arriving { claims, flow, browser, instead_of };
            let outcome = service::arrive(&instance, provider, arriving, Origin::of(visitor.request())).await;
            match outcome {
                Ok(arrival) => arrived(&visitor, &instance, &session, provider, arrival, keep, &next),
                // Somebody else made the same account, or set up the same instance, a moment before.
                Err(Error::Taken(_) | Error::NotFound) => over(&visitor),
                Err(error) => Err(error),
            }
        }
    }
}

/// What the provider says; nothing when it, or somebody there, would rather not.
async fn said(instance: &Instance, provider: &Provider, back: Back, flow: &Flow) -> Result<Option<Claims>, Trouble> {
    let now = instance.clock.now();
    provider.check_issuer(back.iss.as_deref(), now).await?;
    if !back.error.is_empty() || back.code.is_empty() {
        return Ok(None);
    }
    let secrets = flows::secrets(&instance.key, &back.state);
    provider.identify(back.code, secrets, flow.created_at, now).await.map(Some)
}

fn arrived(
    visitor: &Visitor,
    instance: &Instance,
    session: &Session,
    provider: &Provider,
    arrival: Arrival,
    keep: bool,
    next: &str,
) -> Result<HttpResponse> {
    match arrival {
        Arrival::In { next: entry, is_new } => {
            let mut response = go_on(visitor, instance, session, entry, keep, next)?;
            if is_new {
                Notice::SignedUp.send(&mut response, instance.config.is_https());
            }
            Ok(response)
        }
        Arrival::Offer { code } if visitor.account().is_some() => Ok(see_other(&urls::connection_offer(&code))),
        Arrival::Offer { code } => Ok(see_other(&urls::login_connect(&code))),
        Arrival::Turned(refusal) => turned(visitor, provider, refusal),
    }
}

async fn confirmed(
    visitor: &Visitor,
    instance: &Instance,
    session: &Session,
    provider: &Provider,
    claims: Claims,
    flow: &Flow,
    browser: String,
) -> Result<HttpResponse> {
    let who = visitor.signed_in()?;
    let (fresh, strong) =
        (policy::is_fresh(&claims, instance.clock.now()), policy::second_factor_proved(&provider.config, &claims));
    let user = who.account().user_id.clone();
    if !fresh || !service::is_theirs(instance, provider, claims, user).await? {
        sign_in::refuse_confirmation(instance, &who).await?;
        let name = &provider.config.name;
        let text = format!(
            "{name} did not confirm that it is you, just now. Sign in there with the account that is connected with this one."
        );
        let again = (urls::step_up_returning(&flow.next), "Try again");
        return said_page(
            visitor,
            StatusCode::FORBIDDEN,
            "That was not confirmed",
            &text,
            "Nothing was changed.",
            again,
        );
    }
    if who.account().second_factor && !strong {
        let code = proofs::keep(instance, &who, &flow.next, browser).await?;
        return Ok(see_other(&urls::step_up_proved(&code)));
    }
    let proof = if strong { Reproof::ElsewhereWithSecondFactor } else { Reproof::Elsewhere };
    match sign_in::confirm(instance, &who, proof).await? {
        Some(key) => {
            key.give(session)?;
            let mut response = see_other(&returning::safe(&flow.next, &urls::home()));
            Notice::Confirmed.send(&mut response, instance.config.is_https());
            Ok(response)
        }
        // They set up a second factor a moment ago.
        None => Ok(see_other(&urls::step_up_returning(&flow.next))),
    }
}

#[derive(Template)]
#[template(path = "openid/connect.html")]
struct ConnectPage {
    shell: Shell,
    provider: String,
    email: String,
    sign_in_url: String,
    sign_up_open: bool,
}

/// `GET /login/connect/{code}`: nobody here is known by this identity; whose is it?
///
/// # Errors
/// When the database refuses.
pub async fn offered(visitor: Visitor, instance: web::Data<Instance>, code: web::Path<String>) -> Result<HttpResponse> {
    let place = urls::connection_offer(&code);
    if visitor.account().is_some() {
        return Ok(see_other(&place));
    }
    let (now, code) = (instance.clock.now(), code.into_inner());
    let Some(browser) = browser(visitor.request(), &instance) else { return over(&visitor) };
    let found = instance.db.read(move |connection| flows::find(connection, &code, &browser, now)).await?;
    let Some(offer) = found.filter(|flow| flow.purpose == Purpose::Offer) else { return over(&visitor) };
    html(
        StatusCode::OK,
        &ConnectPage {
            shell: visitor.shell("Whose account is this?", ""),
            provider: name_of(&instance, &offer),
            email: offer.email,
            sign_in_url: urls::login_returning(&place),
            sign_up_open: instance.config.sign_up == SignUpMode::Open && instance.config.password_sign_in,
        },
    )
}

/// What people call the provider of a flow.
pub(super) fn name_of(instance: &Instance, flow: &Flow) -> String {
    instance.providers.get(&flow.provider).map_or_else(|| flow.provider.clone(), |known| known.config.name.clone())
}

fn said_page(
    visitor: &Visitor,
    status: StatusCode,
    heading: &str,
    text: &str,
    more: &str,
    (link, words): (String, &str),
) -> Result<HttpResponse> {
    crate::sign_up::pages::said(visitor, status, heading, text, more, link, words)
}

/// The way on from a page that says that something did not work.
fn way_on(visitor: &Visitor) -> (String, &'static str) {
    if visitor.account().is_some() {
        (urls::settings_security(), "Back to Security")
    } else {
        (urls::login(), "Back to sign in")
    }
}

/// It is used, too late, begun elsewhere, or was never begun: all look alike.
fn over(visitor: &Visitor) -> Result<HttpResponse> {
    let text = "It may have been finished already, taken longer than ten minutes, or begun in another browser.";
    let more = "Nothing was changed. Begin again, and finish in the same browser.";
    said_page(visitor, StatusCode::BAD_REQUEST, "This sign-in is over", text, more, way_on(visitor))
}

fn cancelled(visitor: &Visitor, provider: &Provider) -> Result<HttpResponse> {
    let text = format!("You cancelled at {}, or it did not let you go on. Nothing was changed.", provider.config.name);
    said_page(visitor, StatusCode::FORBIDDEN, "That was cancelled", &text, "", way_on(visitor))
}

fn turned(visitor: &Visitor, provider: &Provider, refusal: Refusal) -> Result<HttpResponse> {
    let name = &provider.config.name;
    let (heading, text) = match refusal {
        Refusal::Elsewhere => (
            "Not with this account",
            format!(
                "Only accounts of certain organizations may be used with {name} here. Choose your business account there, or ask whoever runs this service."
            ),
        ),
        Refusal::Suspended => (
            "This account is closed",
            format!("{name} knows you, but your account here is closed. Ask whoever runs this service."),
        ),
    };
    said_page(visitor, StatusCode::FORBIDDEN, heading, &text, "", way_on(visitor))
}

fn in_trouble(visitor: &Visitor, provider: &Provider, trouble: &Trouble) -> Result<HttpResponse> {
    match trouble {
        Trouble::NotAnswering(_) => unanswered(visitor, provider, trouble, None),
        Trouble::Refused(_) => {
            log_trouble(provider, trouble);
            let heading = format!("{}'s answer was not accepted", provider.config.name);
            let text = "It did not hold what it has to, so nobody was signed in, and nothing was changed.";
            let more = "Try again. If it happens once more, tell whoever runs this service: the reason is in its log.";
            said_page(visitor, StatusCode::FORBIDDEN, &heading, text, more, way_on(visitor))
        }
    }
}

fn log_trouble(provider: &Provider, trouble: &Trouble) {
    tracing::warn!(provider = provider.config.id, reason = %crate::text::shown(&trouble.to_string(), 400), "a sign-in with a provider failed");
}

#[derive(Template)]
#[template(path = "openid/unanswered.html")]
struct UnansweredPage {
    shell: Shell,
    provider: String,
    anyway_url: Option<String>,
    link: String,
    link_words: &'static str,
}

fn unanswered(
    visitor: &Visitor,
    provider: &Provider,
    trouble: &Trouble,
    anyway_url: Option<String>,
) -> Result<HttpResponse> {
    log_trouble(provider, trouble);
    let name = provider.config.name.clone();
    let (link, link_words) = way_on(visitor);
    let shell = visitor.shell(&format!("{name} is not answering"), "");
    let page = UnansweredPage { shell, provider: name, anyway_url, link, link_words };
    let mut response = html(StatusCode::SERVICE_UNAVAILABLE, &page)?;
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("60"));
    Ok(response)
}
