//! What stands before every route: the host, the headers, the time limit, panics, and how failures are answered.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use actix_session::SessionExt;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::cookie::{self, Cookie, SameSite};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use futures_util::FutureExt;

use super::errors::{self, Failure, Finished, failure_of, is_api, wants_json};
use super::notice::Notice;
use super::page::{FormCookie, Visitor, cookie_name};
use crate::api;
use crate::app::{Instance, SESSION_COOKIE};
use crate::auth::{device, session};
use crate::error::Error;

/// No request may take longer, whatever its handler waits for.
const HANDLER_LIMIT: Duration = Duration::from_secs(30);

const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
const BARE_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// Set by a sign-in that is to outlive the browser: for how many seconds its cookie is kept.
pub struct KeepSignedIn(pub i64);

/// The outermost layer.
///
/// # Errors
/// Only with an answer that is finished already.
pub async fn front(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let instance = request.app_data::<web::Data<Instance>>().expect("the instance is part of the application").clone();
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let json = wants_json(&path, request.headers().get(header::ACCEPT));
    if !host_is_ours(&instance, &request) {
        let (request, _) = request.into_parts();
        let response = finish(&instance, &request, HttpResponse::new(StatusCode::MISDIRECTED_REQUEST), json);
        return Ok(ServiceResponse::new(request, response));
    }
    if let Some(status) = refuse_head(&request) {
        let (request, _) = request.into_parts();
        let response = finish(&instance, &request, HttpResponse::new(status), json);
        return Ok(ServiceResponse::new(request, response));
    }
    drop_doubled_sessions(&instance, &mut request);
    let work = AssertUnwindSafe(tokio::time::timeout(HANDLER_LIMIT, next.call(request))).catch_unwind();
    let trouble = match work.await {
        Ok(Ok(Ok(response))) => {
            let (request, response) = response.map_into_boxed_body().into_parts();
            let response = finish(&instance, &request, response, json);
            if response.status().is_server_error() {
                tracing::warn!(%method, route = request.match_pattern().unwrap_or_default(), status = response.status().as_u16(), "answered");
            } else {
                tracing::debug!(%method, route = request.match_pattern().unwrap_or_default(), status = response.status().as_u16(), "answered");
            }
            return Ok(ServiceResponse::new(request, response));
        }
        // Raised by a layer within, before there was a handler: the session could not be read, say.
        Ok(Ok(Err(error))) => {
            tracing::warn!(%method, %error, "refused by a layer");
            if error.as_error::<Finished>().is_some() {
                return Err(error);
            }
            Error::Unavailable("a layer refused")
        }
        Ok(Err(_)) => Error::Unavailable("the handler took too long"),
        Err(panic) => {
            let message = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            Error::Internal(format!("panic: {message}"))
        }
    };
    // The request is gone with the layer that dropped it, so this answer is built without knowing who asked.
    Err(Finished::new(bare_failure(&instance, &trouble, json)).into())
}

/// The layer of pages: knows who is signed in, and that a state-changing request must come from one of our own pages.
///
/// # Errors
/// Those of the layers within.
pub async fn pages(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    session::remember(&request);
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
    if !safe && !comes_from_us(&request) {
        return Ok(request.error_response(Error::Forbidden("the form came from another site")).map_into_boxed_body());
    }
    let session = request.get_session();
    let mut response = next.call(request).await?.map_into_boxed_body();
    // Whoever has just signed in does so from a browser that is known from now on.
    if let Some(value) = session::device_cookie(&session) {
        let secure = response.request().app_data::<web::Data<Instance>>().is_some_and(|app| app.config.is_https());
        let cookie = Cookie::build(cookie_name(secure, device::COOKIE), value)
            .path("/")
            .http_only(true)
            .secure(secure)
            .same_site(SameSite::Lax)
            .max_age(cookie::time::Duration::seconds(device::LIFETIME))
            .finish();
        drop(response.response_mut().add_cookie(&cookie));
    }
    Ok(response)
}

/// `Sec-Fetch-Site` decides where the browser sends it, else `Origin`; where there is neither, the form's token alone does.
fn comes_from_us(request: &ServiceRequest) -> bool {
    let text = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => {
            let instance = request.app_data::<web::Data<Instance>>().expect("the instance is part of the application");
            let scheme = instance.config.base_url.scheme();
            // The host was checked already: it is one of ours.
            text("host").is_some_and(|host| origin.eq_ignore_ascii_case(&format!("{scheme}://{host}")))
        }
        (None, None) => true,
    }
}

/// Only the configured host is answered, so that no link can be made with another (health checks excepted). On a
/// developer's machine, `localhost` and `127.0.0.1` are one.
fn host_is_ours(instance: &Instance, request: &ServiceRequest) -> bool {
    if matches!(request.path(), "/healthz" | "/readyz") {
        return true;
    }
    let mut hosts = request.headers().get_all(header::HOST);
    let (Some(host), None) = (hosts.next().and_then(|host| host.to_str().ok()), hosts.next()) else {
        return false;
    };
    instance.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(host))
}

/// The longest address, and the largest head, in bytes.
const ADDRESS_LIMIT: usize = 8 * 1024;
const HEAD_LIMIT: usize = 32 * 1024;

/// What no route should see: an address or a head beyond the limits.
fn refuse_head(request: &ServiceRequest) -> Option<StatusCode> {
    let address = request.uri().path_and_query().map_or("", |address| address.as_str());
    // PostgreSQL takes no NUL in text, and no address of ours has one.
    if address.contains("%00") {
        return Some(StatusCode::BAD_REQUEST);
    }
    let head: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if address.len() > ADDRESS_LIMIT {
        Some(StatusCode::URI_TOO_LONG)
    } else if head > HEAD_LIMIT {
        Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
    } else {
        None
    }
}

/// Two session cookies in one request: somebody planted one. Neither counts.
fn drop_doubled_sessions(instance: &Instance, request: &mut ServiceRequest) {
    let Some(cookies) = request.headers().get(header::COOKIE) else {
        return;
    };
    let name = cookie_name(instance.config.is_https(), SESSION_COOKIE);
    let count = request
        .headers()
        .get_all(header::COOKIE)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter(|pair| pair.split('=').next().is_some_and(|key| key.trim() == name))
        .count();
    if count > 1 || cookies.to_str().is_err() {
        request.headers_mut().remove(header::COOKIE);
    }
}

/// Fills in a bare failure, and sets the headers that every answer has.
fn finish(instance: &Instance, request: &HttpRequest, mut response: HttpResponse, json: bool) -> HttpResponse {
    let status = response.status();
    let ready = response.headers().contains_key(header::CONTENT_TYPE)
        && failure_of(&response).is_none()
        && !foreign_text(&response);
    if (status.is_client_error() || status.is_server_error()) && !ready {
        response = fill_in(request, &response, json);
    } else if let Some(told) = in_place_of_a_page(instance, request, &response) {
        response = told;
    } else if json && status == StatusCode::SEE_OTHER && !is_api(request.path()) && failure_leads_to_sign_in(&response)
    {
        // A script asked, and a redirect to a page would look like success to it.
        response = errors::problem(StatusCode::UNAUTHORIZED, None, &crate::ids::ulid());
    }
    let secure = instance.config.is_https();
    if let Some(cookie) = request.extensions().get::<FormCookie>() {
        drop(response.add_cookie(&cookie.cookie(secure)));
    }
    if let Some(KeepSignedIn(seconds)) = request.extensions().get::<KeepSignedIn>() {
        keep_session(response.headers_mut(), &cookie_name(secure, SESSION_COOKIE), *seconds);
    }
    let is_page =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if is_page && Notice::received(request).is_some() {
        Notice::clear(&mut response);
    }
    set_headers(response.headers_mut(), is_page, secure);
    response
}

/// actix-session knows one lifetime for all; a kept session's cookie gets its own here. The server's row decides anyway.
fn keep_session(headers: &mut HeaderMap, name: &str, seconds: i64) {
    let mut cookies: Vec<HeaderValue> = headers.remove(header::SET_COOKIE).collect();
    for cookie in &mut cookies {
        let kept = cookie
            .to_str()
            .ok()
            .filter(|text| text.starts_with(&format!("{name}=")))
            .map(|text| format!("{text}; Max-Age={seconds}"));
        if let Some(kept) = kept.and_then(|text| HeaderValue::from_str(&text).ok()) {
            *cookie = kept;
        }
    }
    for cookie in cookies {
        headers.append(header::SET_COOKIE, cookie);
    }
}

/// actix-web answers some broken requests by itself, in plain text.
fn foreign_text(response: &HttpResponse) -> bool {
    response.status().is_client_error()
        && response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"))
}

/// A call is no page's: whoever would be led somewhere is told instead.
fn in_place_of_a_page(instance: &Instance, request: &HttpRequest, response: &HttpResponse) -> Option<HttpResponse> {
    let error = response.error().filter(|_| api::is_call(request.path()))?.as_error::<Error>()?;
    api::in_place_of_a_page(error, |path| instance.config.absolute(path))
}

fn failure_leads_to_sign_in(response: &HttpResponse) -> bool {
    response.headers().get(header::LOCATION).is_some_and(|to| {
        let to = to.to_str().unwrap_or_default();
        ["/login?", "/step-up?", "/settings/security/second-factor"].iter().any(|page| to.starts_with(page))
            || (to.starts_with("/organizations/") && to.contains("/second-factor?"))
    })
}

fn fill_in(request: &HttpRequest, bare: &HttpResponse, json: bool) -> HttpResponse {
    let (status, failure, request_id) = (bare.status(), failure_of(bare), crate::ids::ulid());
    if let Some(error) = bare.error() {
        let route = request.match_pattern().unwrap_or_default();
        if status.is_server_error() {
            tracing::error!(%request_id, method = %request.method(), route, %error, "failed");
        } else {
            tracing::debug!(%request_id, method = %request.method(), route, %error, "refused");
        }
    }
    let mut response = if json {
        errors::problem(status, failure, &request_id)
    } else {
        errors::error_page(&Visitor::of(request), status, failure, &request_id)
            .unwrap_or_else(|_| errors::problem(status, failure, &request_id))
    };
    mark(&mut response, bare.headers().get(header::ALLOW), failure, &request_id);
    response
}

/// The same without a request: after a panic, or a time limit.
fn bare_failure(instance: &Instance, error: &Error, json: bool) -> HttpResponse {
    use actix_web::ResponseError;
    let (bare, request_id) = (error.error_response(), crate::ids::ulid());
    tracing::error!(%request_id, %error, "failed");
    let (status, failure) = (bare.status(), failure_of(&bare));
    let mut response = if json {
        errors::problem(status, failure, &request_id)
    } else {
        errors::stranger_page(instance, status, failure, &request_id)
    };
    mark(&mut response, None, failure, &request_id);
    set_headers(response.headers_mut(), !json, instance.config.is_https());
    response
}

fn mark(response: &mut HttpResponse, allow: Option<&HeaderValue>, failure: Option<Failure>, request_id: &str) {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    if let Some(allow) = allow {
        headers.insert(header::ALLOW, allow.clone());
    }
    if let Some(after) = failure.and_then(|failure| failure.after) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(after.max(1)));
    }
}

fn set_headers(headers: &mut HeaderMap, is_page: bool, secure: bool) {
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // Not no-referrer: with it, browsers send `Origin: null` from our own forms.
    set(header::REFERRER_POLICY, "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    if is_page {
        set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
        set(header::X_FRAME_OPTIONS, "DENY");
        set(
            HeaderName::from_static("permissions-policy"),
            "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
        );
        set(header::VARY, "Cookie");
    }
    if secure {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains");
    }
    // What is neither page nor bare may have one of its own.
    if is_page || !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        let policy = HeaderValue::from_static(if is_page { PAGE_POLICY } else { BARE_POLICY });
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
