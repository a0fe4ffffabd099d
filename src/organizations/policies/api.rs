//! `/api/v1/organizations/{slug}/policy`: what is allowed, whom it would hit were it otherwise, and setting it. The rules for
//! tokens are [`crate::tokens::policies`]'.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{Allowance, Hit, hits, set};
use crate::api::{Sent, given, json};
use crate::error::Result;
use crate::organizations::caller::{Acts, Caller};
use crate::organizations::calls::{conflict, shared};
use crate::organizations::queries::{by_id, without_second_factor};
use crate::organizations::{MemberConfirmed, second_factor};

/// What is allowed, and whom it would hit.
#[derive(Serialize)]
struct PolicyView {
    second_factor: bool,
    personal_tokens: bool,
    members_keys: bool,
    hits: HitsView,
}

/// Whom each would hit, were it made stricter.
#[derive(Serialize)]
struct HitsView {
    /// So many members have no second factor.
    second_factor: i64,
    personal_tokens: HitView,
    members_keys: HitView,
}

#[derive(Serialize)]
struct HitView {
    members: i64,
    tokens: i64,
    tokens_elsewhere: i64,
}

impl From<Hit> for HitView {
    fn from(hit: Hit) -> Self {
        Self { members: hit.members, tokens: hit.tokens, tokens_elsewhere: hit.elsewhere }
    }
}

async fn tell(caller: &impl Acts) -> Result<HttpResponse> {
    let (id, now) = (caller.organization().id.clone(), caller.now());
    let catalogue = caller.instance().config.catalogue.clone();
    let reading = caller.instance().db.read(move |connection| {
        let organization = by_id(connection, &id)?;
        let policy = organization.policy();
        let mut hit = |what: Allowance| hits(connection, &id, what, &catalogue, now).map(HitView::from);
        let (personal_tokens, members_keys) = (hit(Allowance::PersonalTokens)?, hit(Allowance::MembersKeys)?);
        let without = without_second_factor(connection, &id, 0)?;
        Ok(PolicyView {
            second_factor: organization.requires_second_factor,
            personal_tokens: policy.personal_tokens,
            members_keys: policy.members_keys,
            hits: HitsView { second_factor: without.count, personal_tokens, members_keys },
        })
    });
    json(StatusCode::OK, &reading.await?)
}

/// `GET /api/v1/organizations/{slug}/policy`.
///
/// # Errors
/// [`crate::error::Error::NotFound`] for a private organization.
pub async fn show(caller: Caller) -> Result<HttpResponse> {
    shared(&caller)?;
    tell(&caller).await
}

/// `PATCH /api/v1/organizations/{slug}/policy`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyBody {
    #[serde(deserialize_with = "given")]
    second_factor: Option<bool>,
    #[serde(deserialize_with = "given")]
    personal_tokens: Option<bool>,
    #[serde(deserialize_with = "given")]
    members_keys: Option<bool>,
}

/// `PATCH /api/v1/organizations/{slug}/policy`: what is left out stays as it is; it holds from the next request on. For people
/// alone: it can shut everybody out, those among them who have more than whoever asks.
///
/// # Errors
/// [`crate::error::Error::NotFound`] for a private organization; [`crate::error::Error::Problem`] for somebody who would shut themselves out.
pub async fn change(sent: Sent<MemberConfirmed, PolicyBody>) -> Result<HttpResponse> {
    let Sent { who: member, body } = sent;
    shared(&*member)?;
    if body.second_factor == Some(true) && !member.account().second_factor {
        return Err(conflict("You have no second factor yourself, and would shut yourself out. Set one up first."));
    }
    let notices = Arc::clone(&member.instance().notices);
    let changing = member.change(move |tx, acting, now, _| {
        if let Some(require) = body.second_factor {
            second_factor::set(tx, acting, require, &notices, now)?;
        }
        for (what, allowed) in
            [(Allowance::PersonalTokens, body.personal_tokens), (Allowance::MembersKeys, body.members_keys)]
        {
            if let Some(allowed) = allowed {
                set(tx, acting, now, what, allowed)?;
            }
        }
        Ok(())
    });
    changing.await?;
    tell(&*member).await
}
