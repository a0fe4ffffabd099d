//! `/api/v1/organizations/{slug}/license`: read by whoever may see the organization, set by an administrator of the instance.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::{License, Limited, MOST, set, usage};
use crate::api::{Problem, Sent, Wrong, json};
use crate::app::Instance;
use crate::auth::AdministratorConfirmed;
use crate::error::Result;
use crate::ids::OrganizationId;
use crate::organizations::caller::{Acts, Caller};
use crate::organizations::queries::id_of;
use crate::text;

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

async fn tell(instance: &Instance, id: OrganizationId) -> Result<HttpResponse> {
    let now = instance.clock.now();
    let (license, used) = instance.db.read(move |connection| usage(connection, &id, now)).await?;
    let limit = |(what, used): (Limited, i64)| (what.as_str(), LimitView { used, limit: license.limit(what) });
    let limits = used.into_iter().map(limit).collect();
    json(StatusCode::OK, &LicenseView { plan: license.plan.clone(), limits })
}

/// `GET /api/v1/organizations/{slug}/license`.
///
/// # Errors
/// When the database refuses.
pub async fn show(caller: Caller) -> Result<HttpResponse> {
    tell(caller.instance(), caller.organization().id.clone()).await
}

/// `PUT /api/v1/organizations/{slug}/license`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LicenseBody {
    plan: String,
    limits: LimitsBody,
}

/// `null`, or nothing, is no limit.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LimitsBody {
    members: Option<i64>,
    teams: Option<i64>,
    api_keys: Option<i64>,
    service_accounts: Option<i64>,
    tokens: Option<i64>,
}

impl LicenseBody {
    fn check(&self) -> Result<License> {
        let LimitsBody { members, teams, api_keys, service_accounts, tokens } = self.limits;
        let mut license = License::named(text::tidy(&self.plan));
        let mut wrong = Vec::new();
        if let Err(error) = text::title(&self.plan) {
            wrong.push(Wrong::at("#/plan", error.message.unwrap_or_default()));
        }
        for (what, limit) in [
            (Limited::Members, members),
            (Limited::Teams, teams),
            (Limited::ApiKeys, api_keys),
            (Limited::ServiceAccounts, service_accounts),
            (Limited::Tokens, tokens),
        ] {
            if limit.is_some_and(|limit| !(0..=MOST).contains(&limit)) {
                let detail = format!("Send a whole number from 0 to {MOST}, or null for no limit.");
                wrong.push(Wrong::at(format!("#/limits/{}", what.as_str()), detail));
            }
            license = license.with(what, limit);
        }
        if wrong.is_empty() { Ok(license) } else { Err(Problem::invalid(wrong).into()) }
    }
}

/// `PUT /api/v1/organizations/{slug}/license`: this in place of what was set before. An administrator need not be a member.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when there is no such organization; [`crate::error::Error::Problem`].
pub async fn put(
    instance: web::Data<Instance>,
    slug: web::Path<String>,
    sent: Sent<AdministratorConfirmed, LicenseBody>,
) -> Result<HttpResponse> {
    let (Sent { who, body }, slug) = (sent, slug.into_inner());
    let id = instance.db.read(move |connection| id_of(connection, &slug)).await?;
    let (license, now, this) = (body.check()?, instance.clock.now(), id.clone());
    instance.db.write(move |tx| set(tx, &who, now, &this, &license)).await?;
    tell(&instance, id).await
}
