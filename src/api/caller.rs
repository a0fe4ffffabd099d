//! Whose a JSON call is, of those that are people's alone. A token is nobody here: whoever has got hold of one must not be able to make more of them.
//!
//! A browser sends its session's cookie by itself, whoever wrote the page that makes it call. So the cookie counts only
//! together with what another site's page can't send: the token of the session's forms, in a header. The header alone would do,
//! since it needs a preflight, which nothing here answers; that it holds what a page of ours gave out does not rest on how
//! browsers treat headers. Beside it stand the same look at `Sec-Fetch-Site` and `Origin` as before every form, and JSON as the
//! only kind of body.
//!
//! A terminal's login acts for its user as a browser's session does. No browser sends it by itself, so it needs nothing else.

use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use actix_web::{HttpMessage, HttpRequest};

use super::{Problem, is_call};
use crate::auth::capability::{BearerProblem, instance, presented, presented_as_bearer};
use crate::auth::secret::Presented;
use crate::auth::{Account, SecretKind, csrf, session};
use crate::error::{Error, Result};
use crate::web::page::form_binding;

/// The header that holds what stands in the field `csrf` of every form.
pub const CSRF_HEADER: &str = "X-CSRF-Token";

/// Looks up the terminal's login that a call brings, before there is a handler: capabilities are made without waiting.
///
/// # Errors
/// When the database refuses.
pub async fn recognise(request: &ServiceRequest) -> Result<()> {
    let terminal = |presented: &Presented| is_call(request.path()) && presented.kind == SecretKind::Terminal;
    let Some(presented) = presented_as_bearer(request.request()).ok().flatten().filter(terminal) else { return Ok(()) };
    if let Some(account) = session::of_terminal(instance(request.request()), presented.hash).await? {
        request.extensions_mut().insert(Arc::new(account));
    }
    Ok(())
}

/// The account that a call is made for; `None` when nobody is signed in.
///
/// # Errors
/// [`Error::Bearer`] when it brings a credential that is none; [`Error::Problem`] when it brings a token;
/// [`Error::Forbidden`] when a page of another site may have made it.
pub fn account(request: &HttpRequest) -> Result<Option<Arc<Account>>> {
    // The header decides, also where there is a cookie: two ways at once would be one too many.
    match presented(request)?.map(|presented| presented.kind) {
        None => from_a_page(request),
        Some(SecretKind::Terminal) => {
            let login = session::account(request).filter(|account| account.is_terminal);
            login.map(Some).ok_or(Error::Bearer(BearerProblem::Invalid))
        }
        Some(SecretKind::Personal | SecretKind::ApiKey | SecretKind::ServiceAccount | SecretKind::Verifier) => {
            Err(Problem::not_for_tokens().into())
        }
    }
}

fn from_a_page(request: &HttpRequest) -> Result<Option<Arc<Account>>> {
    let Some(account) = session::account(request) else { return Ok(None) };
    let site = request.headers().get("sec-fetch-site").map(|value| value.to_str().unwrap_or("unreadable"));
    // Of a change `web::front` asks more; this is for what is only read.
    if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return Err(Error::Forbidden("the call came from another site"));
    }
    if !request.method().is_safe() && !has_form_token(request) {
        return Err(Error::Forbidden("the header X-CSRF-Token is missing, or not of this session"));
    }
    Ok(Some(account))
}

fn has_form_token(request: &HttpRequest) -> bool {
    let mut headers = request.headers().get_all(CSRF_HEADER);
    let (Some(token), None) = (headers.next().and_then(|value| value.to_str().ok()), headers.next()) else {
        return false;
    };
    form_binding(request).is_some_and(|binding| csrf::holds(&instance(request).key, &binding, token))
}
