//! `/api/v1/organizations/{slug}/license`. An administrator of the instance sets it, on their page.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

use super::usage;
use crate::api::json;
use crate::error::Result;
use crate::organizations::caller::{Acts, Caller};

/// What a plan allows, beside what there is.
#[derive(Serialize)]
struct LicenseView {
    plan: String,
    limits: BTreeMap<&'static str, LimitView>,
}

#[derive(Serialize)]
struct LimitView {
    used: i64,
    /// `null` is no limit.
    limit: Option<i64>,
}

/// `GET /api/v1/organizations/{slug}/license`.
///
/// # Errors
/// When the database refuses.
pub async fn show(caller: Caller) -> Result<HttpResponse> {
    let (id, now) = (caller.organization().id.clone(), caller.now());
    let (license, used) = caller.instance().db.read(move |connection| usage(connection, &id, now)).await?;
    let limit = |(what, used): (super::Limited, i64)| (what.as_str(), LimitView { used, limit: license.limit(what) });
    let limits = used.into_iter().map(limit).collect();
    json(StatusCode::OK, &LicenseView { plan: license.plan.clone(), limits })
}
