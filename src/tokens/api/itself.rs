//! `/api/v1/tokens/self`: what a token does about itself.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use super::bodies::old_word;
use super::views::issued;
use crate::api::{done, given, json, read_optional};
use crate::app::Instance;
use crate::audit::Origin;
use crate::auth::TokenBearer;
use crate::error::Result;
use crate::tokens::{end_itself, renew_itself};

/// `DELETE /api/v1/tokens/self`: the token that asks is revoked.
///
/// # Errors
/// [`crate::error::Error::Bearer`] when it is none.
pub async fn end_self(
    request: HttpRequest,
    bearer: TokenBearer,
    instance: web::Data<Instance>,
) -> Result<HttpResponse> {
    end_itself(&instance, bearer, Origin::of(&request)).await?;
    Ok(done())
}

/// `POST /api/v1/tokens/self/rotate`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RenewBody {
    #[serde(deserialize_with = "given")]
    old_secret: Option<String>,
}

/// `POST /api/v1/tokens/self/rotate`: the token that asks gets a new secret, if its owner allowed that.
///
/// # Errors
/// [`crate::error::Error::Bearer`] when it is none; [`crate::error::Error::Problem`] when it may not.
pub async fn renew_self(
    request: HttpRequest,
    bearer: TokenBearer,
    instance: web::Data<Instance>,
    payload: web::Payload,
) -> Result<HttpResponse> {
    let body: RenewBody = read_optional(&request, &mut payload.into_inner()).await?;
    let overlap = old_word(body.old_secret.as_deref())?;
    let renewed = renew_itself(&instance, bearer, Origin::of(&request), overlap).await?;
    json(StatusCode::OK, &issued(&instance, &renewed.token, &renewed.secret))
}
