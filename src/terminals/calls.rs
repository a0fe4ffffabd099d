//! What tools without a browser call: RFC 8628, RFC 7009, RFC 8414. Bodies are forms; refusals are OAuth's, in JSON.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use zeroize::Zeroizing;

use super::policy::{PATIENCE, PAUSE, Refusal, is_client};
use super::service;
use crate::api::json;
use crate::app::Instance;
use crate::audit::Origin;
use crate::auth::TokenBearer;
use crate::error::{Error, Result};
use crate::tokens;
use crate::urls;
use crate::web::form::read_body;

/// The largest body, in bytes.
const BODY_LIMIT: usize = 16 * 1024;
/// The one grant that there is.
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const CLIENT: &str = "client_id is a short name of the tool: up to 40 letters, digits, dots, dashes and underscores";

/// A refusal (RFC 6749, 5.2).
fn refused(error: &str, description: &str) -> Result<HttpResponse> {
    json(StatusCode::BAD_REQUEST, &json!({ "error": error, "error_description": description }))
}

/// A form; `None` when it is none, or says something twice.
async fn form<T: DeserializeOwned>(request: &HttpRequest, payload: web::Payload) -> Result<Option<T>> {
    let body = read_body(request, &mut payload.into_inner(), BODY_LIMIT).await?;
    Ok(serde_html_form::from_bytes(&body).ok())
}

/// `POST /oauth2/device_authorization`: what is sent.
#[derive(Deserialize)]
pub struct AskForm {
    client_id: String,
}

/// `POST /oauth2/device_authorization` (RFC 8628, 3.1).
///
/// # Errors
/// [`Error::TooMany`]; when the database refuses.
pub async fn ask(request: HttpRequest, instance: web::Data<Instance>, payload: web::Payload) -> Result<HttpResponse> {
    let client = form::<AskForm>(&request, payload).await?.map(|form| form.client_id);
    let Some(client) = client.filter(|client| is_client(client)) else { return refused("invalid_request", CLIENT) };
    let asked = service::ask(&instance, &client, &Origin::of(&request)).await?;
    let code = asked.user_code.to_string();
    let answer = json!({
        "device_code": asked.device_code,
        "user_code": code,
        "verification_uri": instance.config.absolute(&urls::device()),
        "verification_uri_complete": instance.config.absolute(&urls::device_with(&code)),
        "expires_in": PATIENCE,
        "interval": PAUSE,
    });
    json(StatusCode::OK, &answer)
}

/// `POST /oauth2/token`: what is sent.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct FetchForm {
    grant_type: String,
    device_code: Zeroizing<String>,
    client_id: String,
}

/// `POST /oauth2/token` (RFC 8628, 3.4).
///
/// # Errors
/// When the database refuses.
pub async fn fetch(request: HttpRequest, instance: web::Data<Instance>, payload: web::Payload) -> Result<HttpResponse> {
    let Some(form) = form::<FetchForm>(&request, payload).await? else {
        return refused("invalid_request", "The body is a form, and says each thing once");
    };
    match form.grant_type.as_str() {
        DEVICE_CODE => {}
        "" => return refused("invalid_request", "grant_type is missing"),
        _ => return refused("unsupported_grant_type", &format!("The one grant_type here is {DEVICE_CODE}")),
    }
    if form.device_code.is_empty() {
        return refused("invalid_request", "device_code is missing");
    }
    if !is_client(&form.client_id) {
        return refused("invalid_request", CLIENT);
    }
    let fetched = service::fetch(&instance, &form.device_code, &form.client_id, Origin::of(&request)).await?;
    let (error, description) = match fetched {
        Ok(secret) => {
            let answer = json!({
                "access_token": secret.reveal_for_machine(),
                "token_type": "Bearer",
                "expires_in": instance.config.sessions.terminal,
            });
            return json(StatusCode::OK, &answer);
        }
        Err(Refusal::Pending) => ("authorization_pending", "Nobody has answered yet. Ask again"),
        Err(Refusal::TooFast) => ("slow_down", "Leave five seconds more between two questions from now on"),
        Err(Refusal::Denied) => ("access_denied", "It was denied"),
        Err(Refusal::Expired) => ("expired_token", "It took too long. Begin anew"),
        Err(Refusal::Unknown) => ("invalid_grant", "There is no such device_code for this client_id, or it was used"),
    };
    refused(error, description)
}

/// `POST /oauth2/revoke`: what is sent.
#[derive(Deserialize)]
pub struct GiveBackForm {
    token: Zeroizing<String>,
}

/// `POST /oauth2/revoke` (RFC 7009): whoever has a token may end it. Of one that is none, or none any more, the answer is the
/// same.
///
/// # Errors
/// When the database refuses; then it has not ended.
pub async fn give_back(
    request: HttpRequest,
    instance: web::Data<Instance>,
    payload: web::Payload,
) -> Result<HttpResponse> {
    let Some(form) = form::<GiveBackForm>(&request, payload).await?.filter(|form| !form.token.is_empty()) else {
        return refused("invalid_request", "The body is a form with one token");
    };
    if let Some(bearer) = TokenBearer::giving_back(&instance, &form.token) {
        match tokens::end_itself(&instance, bearer, Origin::of(&request)).await {
            Ok(()) | Err(Error::Bearer(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(HttpResponse::Ok().finish())
}

/// `GET /.well-known/oauth-authorization-server` (RFC 8414).
///
/// # Errors
/// Never.
pub async fn discover(instance: web::Data<Instance>) -> Result<HttpResponse> {
    let at = |path: String| instance.config.absolute(&path);
    let answer = json!({
        "issuer": at(String::new()),
        "token_endpoint": at(urls::oauth_token()),
        "device_authorization_endpoint": at(urls::oauth_device_authorization()),
        "revocation_endpoint": at(urls::oauth_revoke()),
        "introspection_endpoint": at(urls::oauth_introspect()),
        "grant_types_supported": [DEVICE_CODE],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "introspection_endpoint_auth_methods_supported": ["Bearer", "client_secret_basic"],
    });
    json(StatusCode::OK, &answer)
}
