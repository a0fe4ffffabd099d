//! `/api/v1/organizations` and below: what the pages do, in JSON, with the rights of whoever calls. As on the pages, the route's row
//! says which right it needs, [`Member`] asks for it, and a change asks again within its transaction ([`Acting`]).
//!
//! An organization is named by its slug or, which never changes, by its id.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::Kind;
use super::caller::{Acts, Caller};
use super::calls::{invalid, list_of, taken, wrong};
use super::forms::{OrganizationForm, closed_to};
use super::member::MemberConfirmed;
use super::policy::Rights;
use super::queries::{self, Listed, Organization, Which, by_id, standing};
use super::service::{self, HandedOver};
use super::views::{role_name, role_word};
use crate::api::{Page, Sent, created, done, given, json};
use crate::app::Instance;
use crate::auth::{SignedIn, throttle};
use crate::error::{Error, Result};
use crate::urls;

/// An organization, to a member.
#[derive(Serialize)]
struct OrganizationView {
    id: String,
    kind: &'static str,
    slug: String,
    name: String,
}

impl From<&Organization> for OrganizationView {
    fn from(organization: &Organization) -> Self {
        Self {
            id: organization.id.to_string(),
            kind: organization.kind.as_str(),
            slug: organization.slug.clone(),
            name: organization.name.clone(),
        }
    }
}

/// In the list of one's own.
#[derive(Serialize)]
struct MineView {
    #[serde(flatten)]
    organization: OrganizationView,
    role: String,
    role_name: String,
    members: i64,
}

/// With what the caller may do there.
#[derive(Serialize)]
struct WholeView {
    #[serde(flatten)]
    organization: OrganizationView,
    members: i64,
    rights: Vec<String>,
}

/// `GET /api/v1/organizations`: those that one is in.
///
/// # Errors
/// [`Error::Problem`] when the address has a parameter.
pub async fn list(request: HttpRequest, who: SignedIn, instance: web::Data<Instance>) -> Result<HttpResponse> {
    let mine = instance.db.read(move |connection| queries::mine(connection, who.owner())).await?;
    let view = |(listed, members): (Listed, i64)| MineView {
        organization: (&listed.organization).into(),
        role: role_word(listed.role, listed.role_id.as_ref()),
        role_name: role_name(listed.role, listed.role_name.as_deref()),
        members,
    };
    json(StatusCode::OK, &Page::whole(&request, mine.into_iter().map(view).collect())?)
}

/// `POST /api/v1/organizations`, and what `PATCH` changes.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OrganizationBody {
    #[serde(deserialize_with = "given")]
    name: Option<String>,
    #[serde(deserialize_with = "given")]
    slug: Option<String>,
}

const SLUG_TAKEN: &str = "This address is taken. Choose another one.";

/// `POST /api/v1/organizations`.
///
/// # Errors
/// [`Error::Problem`].
pub async fn create(instance: web::Data<Instance>, sent: Sent<SignedIn, OrganizationBody>) -> Result<HttpResponse> {
    let Sent { who, body } = sent;
    let form = OrganizationForm { name: body.name.unwrap_or_default(), slug: body.slug.unwrap_or_default() };
    let named = form.check(None, closed_to(&instance, &who)).map_err(|problems| invalid(&problems))?;
    throttle::enter(&instance.db, vec![service::door(&who)], instance.clock.now()).await?;
    let now = instance.clock.now();
    let made = instance.db.write(move |tx| {
        let id = service::create(tx, &who, now, &named)?;
        standing(tx, &who.account().user_id, Which::Id(&id))?.ok_or(Error::NotFound)
    });
    let made = made.await.map_err(|error| match error {
        Error::Taken(_) => taken("#/slug", SLUG_TAKEN),
        other => other,
    })?;
    let rights = Rights::of(&made.standing, made.organization.kind, &instance.config.catalogue);
    created(&urls::api_organization(&made.organization.id), &whole(&made.organization, &rights, 1))
}

fn whole(organization: &Organization, rights: &Rights, members: i64) -> WholeView {
    WholeView { organization: organization.into(), members, rights: list_of(rights) }
}

/// `GET /api/v1/organizations/{slug}`.
///
/// # Errors
/// [`Error::NotFound`] when they are no member.
pub async fn show(caller: Caller) -> Result<HttpResponse> {
    let id = caller.organization().id.clone();
    let count = caller.instance().db.read(move |connection| queries::count_members(connection, &id)).await?;
    json(StatusCode::OK, &whole(caller.organization(), caller.rights(), count))
}

/// `PATCH /api/v1/organizations/{slug}`: what is left out stays as it is.
///
/// # Errors
/// [`Error::Problem`].
pub async fn change(sent: Sent<Caller, OrganizationBody>) -> Result<HttpResponse> {
    let Sent { who: caller, body } = sent;
    let product = match &caller {
        Caller::Person(member) => closed_to(member.instance(), member),
        Caller::ServiceAccount(_) => Some(caller.instance().config.product_name.as_str()),
    };
    let product = product.map(str::to_owned);
    let changed = caller.change(move |tx, acting, now, _| {
        let organization = acting.organization();
        let is_private = organization.kind == Kind::Private;
        if is_private && body.slug.as_ref().is_some_and(|slug| *slug != organization.slug) {
            return Err(wrong("#/slug", "A private organization keeps its address."));
        }
        let name = body.name.unwrap_or_else(|| organization.name.clone());
        let form = OrganizationForm { name, slug: body.slug.unwrap_or_else(|| organization.slug.clone()) };
        // One that is made of the name is for new ones: a program that says none means none.
        if form.slug.trim().is_empty() {
            return Err(wrong("#/slug", "Say the address, or leave it out."));
        }
        let named = form.check(Some(organization), product.as_deref()).map_err(|problems| invalid(&problems))?;
        service::rename(tx, acting, now, &named)?;
        let id = &organization.id;
        Ok(whole(&by_id(tx, id)?, acting.rights(), queries::count_members(tx, id)?))
    });
    let view = changed.await.map_err(|error| match error {
        Error::Taken(_) => taken("#/slug", SLUG_TAKEN),
        other => other,
    })?;
    json(StatusCode::OK, &view)
}

/// `DELETE /api/v1/organizations/{slug}`.
///
/// # Errors
/// When the database refuses.
pub async fn delete(member: MemberConfirmed) -> Result<HttpResponse> {
    member.change(|tx, acting, now, _| service::delete(tx, acting, now)).await?;
    Ok(done())
}

/// `POST /api/v1/organizations/{slug}/hand-over`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeirBody {
    email: String,
}

/// `POST /api/v1/organizations/{slug}/hand-over`: makes another member the owner.
///
/// # Errors
/// [`Error::Problem`].
pub async fn hand_over(sent: Sent<MemberConfirmed, HeirBody>) -> Result<HttpResponse> {
    let Sent { who: member, body } = sent;
    if body.email.trim().is_empty() {
        return Err(wrong("#/email", "Enter an address."));
    }
    match member.change(move |tx, acting, now, _| service::hand_over(tx, acting, now, &body.email)).await? {
        HandedOver::Yes => Ok(done()),
        HandedOver::NoMember => Err(wrong("#/email", "No member of this organization has this address.")),
        HandedOver::Oneself => Err(wrong("#/email", "You own it already. Say somebody else's address.")),
    }
}
