//! `/.well-known/passkey-endpoints`: by which password managers lead people to the right pages.

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::policy::address;
use crate::app::Instance;
use crate::error::{Error, Result};
use crate::urls;

/// `GET /.well-known/passkey-endpoints`.
///
/// # Errors
/// [`Error::NotFound`] where passkeys can't be.
pub async fn endpoints(instance: web::Data<Instance>) -> Result<HttpResponse> {
    let config = &instance.config;
    address(config).ok_or(Error::NotFound)?;
    Ok(HttpResponse::Ok().json(json!({
        "enroll": config.absolute(&urls::settings_passkeys_new()),
        "manage": config.absolute(&urls::settings_security()),
    })))
}
