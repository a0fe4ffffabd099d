//! The calls that services and tools make: verify, introspect, "whose token am I".

use std::borrow::Cow;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::queries::{self, Found, Place, Subject, look_up};
use super::verdict::{Code, Wish, effective_scopes, judge};
use crate::app::Instance;
use crate::auth::capability::BearerProblem;
use crate::auth::secret::{Presented, SecretKind, masked, present};
use crate::auth::{TokenBearer, VerifierCaller};
use crate::clock::Timestamp;
use crate::db::Connection;
use crate::error::{Error, Result};
use crate::ids::SessionId;
use crate::text::shown;
use crate::web::form::read_body;

/// The largest body of a call, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// What may be left out, but is no `null` where it is there: a client whose variable is unset means no wish to be asked about
/// less than it thinks.
fn said<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    #[derive(Deserialize)]
    struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);
    Borrowed::deserialize(reader).map(|Borrowed(text)| Some(text))
}

/// `POST /api/v1/verify`: what is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question<'a> {
    #[serde(borrow)]
    token: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "said")]
    organization: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "said")]
    entity_type: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "said")]
    operation: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "said")]
    entity: Option<Cow<'a, str>>,
    /// Where the service got the token from, for the owner's "last used".
    #[serde(borrow, default)]
    client_address: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    client_agent: Option<Cow<'a, str>>,
}

/// `POST /api/v1/verify`: the answer. What is not known is left out.
#[derive(Serialize)]
struct Answer<'a> {
    valid: bool,
    code: Code,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_account_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    required_scope: Option<String>,
}

impl Answer<'_> {
    const NOT_FOUND: Self = Self {
        valid: false,
        code: Code::NotFound,
        token_id: None,
        name: None,
        kind: None,
        user_id: None,
        service_account_id: None,
        organization_id: None,
        expires_at: None,
        required_scope: None,
    };
}

/// A token's text as it is looked up: of the right form, and none of a verifier's own.
fn presented(instance: &Instance, token: &str) -> Option<Presented> {
    present(&instance.config.tokens.brand, token).filter(|presented| presented.kind != SecretKind::Verifier)
}

/// What one read finds: who asks, and what they ask about.
struct Look {
    found: Option<Found>,
    place: Option<Place>,
}

fn look(
    connection: &mut Connection,
    instance: &Instance,
    caller: VerifierCaller,
    token: Option<Presented>,
    organization: Option<&str>,
    now: Timestamp,
) -> Result<Look> {
    let asked = queries::asked(connection, caller.presented().hash, token)?;
    let asked = asked.ok_or(Error::Bearer(BearerProblem::Invalid))?;
    instance.uses.note_verifier(&asked.verifier, asked.last_used_at, now);
    let found = asked.found;
    let place = match &found {
        Some(found) => queries::place(connection, found, organization)?,
        None => None,
    };
    Ok(Look { found, place })
}

/// `POST /api/v1/verify`.
///
/// # Errors
/// [`Error::Bearer`] when the caller is no verifier; [`Error::BadRequest`] when the question can't be read.
pub async fn verify(
    request: HttpRequest,
    caller: VerifierCaller,
    instance: web::Data<Instance>,
    payload: web::Payload,
) -> Result<HttpResponse> {
    let body = read_body(&request, &mut payload.into_inner(), BODY_LIMIT).await?;
    let question: Question<'_> = serde_json::from_slice(&body).map_err(|_| Error::BadRequest("the body is JSON: {\"token\", organization?, entity_type?, operation?, entity?, client_address?, client_agent?}"))?;
    let wish = match (question.entity_type.as_deref(), question.operation.as_deref()) {
        (Some(entity_type), Some(operation)) => {
            Some(Wish { entity_type, operation, entity: question.entity.as_deref() })
        }
        (None, None) if question.entity.is_none() => None,
        _ => {
            return Err(Error::BadRequest("entity_type and operation are asked together, entity with both"));
        }
    };
    // A slip of the service's, or a catalogue that changed under it: neither is a no to this token.
    let catalogue = &instance.config.catalogue;
    if wish.as_ref().is_some_and(|wish| !catalogue.has_entity_type(wish.entity_type)) {
        return Err(Error::BadRequest("the catalogue has no such entity_type"));
    }
    if wish.as_ref().is_some_and(|wish| !catalogue.has_operation(wish.operation)) {
        return Err(Error::BadRequest("the catalogue has no such operation"));
    }
    if question.organization.as_deref().is_some_and(|organization| organization.contains('\0')) {
        return Err(Error::BadRequest("the organization holds a NUL character"));
    }
    let now = instance.clock.now();
    let token = presented(&instance, &question.token);
    let (shared, asked) = (instance.clone(), question.organization.as_deref().map(str::to_owned));
    let look =
        instance.db.read(move |connection| look(connection, &shared, caller, token, asked.as_deref(), now)).await?;
    let Some(found) = &look.found else {
        return Ok(reply(&Answer::NOT_FOUND));
    };
    let code = judge(found, look.place.as_ref().map(|(_, standing)| standing), wish, &instance.config.catalogue, now);
    note(&instance, found, code, now, || {
        (
            shown(question.client_address.as_deref().unwrap_or_default(), 64),
            shown(question.client_agent.as_deref().unwrap_or_default(), 300),
        )
    });
    let required_scope = (code == Code::InsufficientPermissions)
        .then(|| wish.map(|wish| format!("{}:{}", wish.entity_type, wish.operation)))
        .flatten();
    Ok(reply(&Answer {
        valid: code == Code::Valid,
        code,
        token_id: Some(found.token_id.as_str()),
        name: Some(&found.name),
        kind: Some(found.kind.as_str()),
        user_id: match &found.subject {
            Subject::User { id, .. } => Some(id.as_str()),
            _ => None,
        },
        service_account_id: match &found.subject {
            Subject::ServiceAccount { id, .. } => Some(id.as_str()),
            _ => None,
        },
        organization_id: look.place.as_ref().map(|(id, _)| id.as_str()),
        expires_at: found.expires_at.map(Timestamp::rfc3339),
        required_scope,
    }))
}

/// Remembers that it was used, where that is kept: beside a token's secret, or as when a login was last seen.
fn note(instance: &Instance, found: &Found, code: Code, now: Timestamp, from: impl FnOnce() -> (String, String)) {
    match (found.kind, found.last_used_at) {
        (SecretKind::Terminal, Some(seen_at)) => {
            if code == Code::Valid {
                instance.seen.used(&SessionId::from(found.token_id.to_string()), seen_at, now);
            }
        }
        _ => instance.uses.note(found, code, now, from),
    }
}

fn reply(body: &impl Serialize) -> HttpResponse {
    match serde_json::to_string(body) {
        Ok(json) => {
            HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json; charset=utf-8")).body(json)
        }
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

/// `POST /oauth2/introspect`: what is asked (RFC 7662, 2.1).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Introspection {
    token: String,
}

/// `POST /oauth2/introspect`, RFC 7662. Whatever is not good is `{"active": false}` and nothing else.
///
/// # Errors
/// [`Error::Bearer`] when the caller is no verifier; [`Error::BadRequest`] when there is no token.
pub async fn introspect(
    request: HttpRequest,
    caller: VerifierCaller,
    instance: web::Data<Instance>,
    payload: web::Payload,
) -> Result<HttpResponse> {
    let body = read_body(&request, &mut payload.into_inner(), BODY_LIMIT).await?;
    let question: Introspection =
        serde_html_form::from_bytes(&body).map_err(|_| Error::BadRequest("the body is a form with one token"))?;
    if question.token.is_empty() {
        return Err(Error::BadRequest("the body is a form with one token"));
    }
    let now = instance.clock.now();
    let (token, shared) = (presented(&instance, &question.token), instance.clone());
    let look = instance.db.read(move |connection| look(connection, &shared, caller, token, None, now)).await?;
    let catalogue = &instance.config.catalogue;
    let standing = look.place.as_ref().map(|(_, standing)| standing);
    let Some(found) = look.found.filter(|found| {
        let code = judge(found, standing, None, catalogue, now);
        note(&instance, found, code, now, Default::default);
        code == Code::Valid
    }) else {
        return Ok(reply(&json!({ "active": false })));
    };
    let mut answer = json!({
        "active": true,
        "scope": effective_scopes(&found, standing, catalogue).join(" "),
        "token_type": "Bearer",
        "iat": found.issued_at,
        "iss": instance.config.absolute(""),
        "jti": found.token_id,
    });
    match &found.subject {
        Subject::User { id, email, .. } => (answer["sub"], answer["username"]) = (json!(id), json!(email)),
        // Its name is anybody's to choose; as a user's name it could be taken for somebody else's address.
        Subject::ServiceAccount { id, .. } => answer["sub"] = json!(id),
        Subject::Nobody => {}
    }
    if let Some(end) = found.expires_at {
        answer["exp"] = json!(end);
    }
    if let Some((organization, _)) = look.place {
        answer["org"] = json!(organization);
    }
    Ok(reply(&answer))
}

/// `GET /api/v1/tokens/self`: whose token am I, and what may I do?
///
/// # Errors
/// [`Error::Bearer`] when the token is not good.
pub async fn token_self(
    request: HttpRequest,
    bearer: TokenBearer,
    instance: web::Data<Instance>,
) -> Result<HttpResponse> {
    let (presented, now, inner) = (bearer.presented(), bearer.now(), instance.clone());
    let looking = instance.db.read(move |connection| look_up(connection, presented, &inner.config.catalogue, now));
    let queries::Look { found, place, code } = looking.await?;
    let standing = place.as_ref().map(|(_, standing)| standing);
    let catalogue = &instance.config.catalogue;
    note(&instance, &found, code, now, || {
        let origin = crate::audit::Origin::of(&request);
        (origin.address, origin.agent)
    });
    if code != Code::Valid {
        return Err(Error::Bearer(BearerProblem::Invalid));
    }
    let mut answer = json!({
        "id": found.token_id,
        "kind": found.kind.as_str(),
        "name": found.name,
        "token": masked(&instance.config.tokens.brand, found.kind, &found.last_four),
        "organization_id": found.bound.as_ref().map(|bound| &bound.id),
        "everything": found.everything,
        "scopes": effective_scopes(&found, standing, catalogue),
        "created_at": found.issued_at.rfc3339(),
        "expires_at": found.expires_at.map(Timestamp::rfc3339),
    });
    match &found.subject {
        Subject::User { id, email, .. } => answer["user"] = json!({ "id": id, "email": email }),
        Subject::ServiceAccount { id, name, .. } => answer["service_account"] = json!({ "id": id, "name": name }),
        Subject::Nobody => {}
    }
    Ok(reply(&answer))
}
