//! `/organizations/{slug}/policy/…`: what is allowed, and whom it hits if it is no longer.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use serde::Deserialize;

use super::{Allowance, Hit, hits, set};
use crate::error::{Error, Result};
use crate::organizations::member::{ConfirmedMemberPost, Member};
use crate::organizations::pages::done;
use crate::organizations::views::Place;
use crate::organizations::{Acts, Kind};
use crate::urls;
use crate::web::{Notice, Shell, Visitor, filters, html};

#[derive(Template)]
#[template(path = "organizations/policy.html")]
struct PolicyPage {
    shell: Shell,
    place: Place,
    /// It is about personal tokens; else about members' keys.
    is_personal: bool,
    allowed: bool,
    hit: Hit,
    more: i64,
    action_url: String,
}

/// Whether it shall be allowed from now on.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct AllowForm {
    allow: String,
}

async fn page(member: Member, visitor: &Visitor, what: Allowance) -> Result<HttpResponse> {
    if member.organization().kind == Kind::Private {
        return Err(Error::NotFound);
    }
    let (id, now, catalogue) =
        (member.organization().id.clone(), member.now(), member.instance().config.catalogue.clone());
    let hit = member.instance().db.read(move |connection| hits(connection, &id, what, &catalogue, now)).await?;
    let place = Place::of(&member);
    let is_personal = what == Allowance::PersonalTokens;
    let page = PolicyPage {
        shell: visitor.shell_in(
            &place,
            if is_personal { "Personal access tokens here" } else { "Members’ API keys" },
            "org-settings",
        ),
        is_personal,
        allowed: what.holds(member.organization().policy()),
        more: (if is_personal { hit.tokens } else { hit.members }) - i64::try_from(hit.named.len()).unwrap_or(i64::MAX),
        hit,
        action_url: address(&place.slug, what),
        place,
    };
    html(StatusCode::OK, &page)
}

fn address(slug: &str, what: Allowance) -> String {
    match what {
        Allowance::PersonalTokens => urls::policy_personal_tokens(slug),
        Allowance::MembersKeys => urls::policy_members_keys(slug),
    }
}

async fn save(posted: ConfirmedMemberPost<AllowForm>, what: Allowance) -> Result<HttpResponse> {
    let member = &*posted.who;
    if member.organization().kind == Kind::Private {
        return Err(Error::NotFound);
    }
    let allowed = match posted.form.allow.as_str() {
        "yes" => true,
        "no" => false,
        _ => return Err(Error::BadRequest("it is allowed, yes or no")),
    };
    member.change(move |tx, acting, now, _| set(tx, acting, now, what, allowed)).await?;
    let back = urls::organization_settings(&member.organization().slug);
    Ok(done(member.instance(), &back, Notice::OrganizationPolicySaved))
}

/// `GET /organizations/{slug}/policy/personal-tokens`.
///
/// # Errors
/// [`Error::NotFound`] for a private organization.
pub async fn personal_tokens(member: Member, visitor: Visitor) -> Result<HttpResponse> {
    page(member, &visitor, Allowance::PersonalTokens).await
}

/// `POST /organizations/{slug}/policy/personal-tokens`.
///
/// # Errors
/// [`Error::NotFound`] for a private organization.
pub async fn set_personal_tokens(posted: ConfirmedMemberPost<AllowForm>) -> Result<HttpResponse> {
    save(posted, Allowance::PersonalTokens).await
}

/// `GET /organizations/{slug}/policy/api-keys`.
///
/// # Errors
/// [`Error::NotFound`] for a private organization.
pub async fn members_keys(member: Member, visitor: Visitor) -> Result<HttpResponse> {
    page(member, &visitor, Allowance::MembersKeys).await
}

/// `POST /organizations/{slug}/policy/api-keys`.
///
/// # Errors
/// [`Error::NotFound`] for a private organization.
pub async fn set_members_keys(posted: ConfirmedMemberPost<AllowForm>) -> Result<HttpResponse> {
    save(posted, Allowance::MembersKeys).await
}
