//! `/api/v1/organizations` and below: what the pages do, in JSON, with the rights of whoever calls. As on the pages, the route's row
//! says which right it needs, [`Member`] asks for it, and a change asks again within its transaction ([`Acting`]).
//!
//! An organization is named by its slug or, which never changes, by its id.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::forms::{OrganizationForm, RoleForm};
use super::member::{Acting, Member, MemberConfirmed};
use super::members::{self, PAGE};
use super::policy::{Refusal, Right, Rights, Standing};
use super::queries::{self, Listed, Organization, Which, standing};
use super::roles::{self, Outcome, OwnRole};
use super::service::{self, HandedOver};
use super::views::role_name;
use super::{Kind, members::pages::words};
use crate::api::{Page, Problem, Sent, Wrong, done, given, json};
use crate::app::Instance;
use crate::auth::SignedIn;
use crate::catalogue::{Catalogue, Role};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::ids::{RoleId, UserId};
use crate::urls;
use crate::web::Problems;

/// Runs a verb as whoever called.
async fn act<T: Send + 'static>(
    member: &Member,
    verb: impl FnOnce(&mut Tx<'_>, &Acting, Timestamp, &Catalogue) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (now, by) = (member.now(), member.clone());
    let writing = member.instance().db.write(move |tx| {
        let acting = by.act(tx, now)?;
        verb(tx, &acting, now, &by.instance().config.catalogue)
    });
    writing.await
}

/// Where in a body the problem of a form's field is.
fn pointer(field: &str) -> &'static str {
    match field {
        "name" => "#/name",
        "slug" => "#/slug",
        "description" => "#/description",
        "right" | "scope" => "#/rights",
        "email" => "#/email",
        _ => "#",
    }
}

fn invalid(problems: &Problems) -> Error {
    Problem::invalid(Wrong::all(problems, pointer)).into()
}

fn wrong(pointer: &str, detail: &str) -> Error {
    Problem::invalid(vec![Wrong::at(pointer, detail)]).into()
}

fn taken(pointer: &str, detail: &str) -> Error {
    Problem::conflict("Nothing was done. “errors” says what is there already.", vec![Wrong::at(pointer, detail)]).into()
}

/// What was refused, of a member.
fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Beyond => Error::Forbidden(words(refusal)),
        Refusal::LastOwner => Problem::conflict(format!("{}.", words(refusal)), Vec::new()).into(),
    }
}

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

/// A list of rights as a program reads it, each spelled out.
fn list_of(rights: &Rights) -> Vec<String> {
    rights.to_text().split_ascii_whitespace().map(str::to_owned).collect()
}

/// `GET /api/v1/organizations`: those that one is in.
///
/// # Errors
/// When the database refuses.
pub async fn list(who: SignedIn, instance: web::Data<Instance>) -> Result<HttpResponse> {
    let mine = instance.db.read(move |connection| queries::mine(connection, who.owner())).await?;
    let view = |(listed, members): (Listed, i64)| MineView {
        organization: (&listed.organization).into(),
        role: role_name(listed.role, listed.role_name.as_deref()),
        members,
    };
    json(StatusCode::OK, &Page::whole(mine.into_iter().map(view).collect()))
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
    let named = form.check(None).map_err(|problems| invalid(&problems))?;
    let now = instance.clock.now();
    let made = instance.db.write(move |tx| {
        let id = service::create(tx, &who, now, &named)?;
        standing(tx, &who.account().user_id, Which::Id(&id))?.ok_or(Error::NotFound)
    });
    let made = made.await.map_err(|error| match error {
        Error::Taken(_) => taken("#/slug", SLUG_TAKEN),
        other => other,
    })?;
    let mut answer = json(StatusCode::CREATED, &whole(&made.organization, &made.standing, 1, &instance))?;
    if let Ok(place) = header::HeaderValue::from_str(&urls::api_organization(&made.organization.id)) {
        answer.headers_mut().insert(header::LOCATION, place);
    }
    Ok(answer)
}

fn whole(organization: &Organization, standing: &Standing, members: i64, instance: &Instance) -> WholeView {
    let rights = Rights::of(standing, organization.kind, &instance.config.catalogue);
    WholeView { organization: organization.into(), members, rights: list_of(&rights) }
}

/// `GET /api/v1/organizations/{slug}`.
///
/// # Errors
/// [`Error::NotFound`] when they are no member.
pub async fn show(member: Member) -> Result<HttpResponse> {
    let id = member.organization().id.clone();
    let count = member.instance().db.read(move |connection| queries::count_members(connection, &id)).await?;
    json(StatusCode::OK, &whole(member.organization(), member.standing(), count, member.instance()))
}

/// `PATCH /api/v1/organizations/{slug}`: what is left out stays as it is.
///
/// # Errors
/// [`Error::Problem`].
pub async fn change(sent: Sent<Member, OrganizationBody>) -> Result<HttpResponse> {
    let Sent { who: member, body } = sent;
    let changed = act(&member, move |tx, acting, now, _| {
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
        let kept = (form.slug == organization.slug).then_some(organization.slug.as_str());
        let named = form.check(kept).map_err(|problems| invalid(&problems))?;
        service::rename(tx, acting, now, &named)?;
        let id = &organization.id;
        let found = standing(tx, acting.user(), Which::Id(id))?.ok_or(Error::NotFound)?;
        Ok((found, queries::count_members(tx, id)?))
    });
    let (found, count) = changed.await.map_err(|error| match error {
        Error::Taken(_) => taken("#/slug", SLUG_TAKEN),
        other => other,
    })?;
    json(StatusCode::OK, &whole(&found.organization, &found.standing, count, member.instance()))
}

/// `DELETE /api/v1/organizations/{slug}`.
///
/// # Errors
/// When the database refuses.
pub async fn delete(member: MemberConfirmed) -> Result<HttpResponse> {
    act(&member, |tx, acting, now, _| service::delete(tx, acting, now)).await?;
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
    match act(&member, move |tx, acting, now, _| service::hand_over(tx, acting, now, &body.email)).await? {
        HandedOver::Yes => Ok(done()),
        HandedOver::NoMember => Err(wrong("#/email", "No member of this organization has this address.")),
        HandedOver::Oneself => Err(wrong("#/email", "You own it already. Say somebody else's address.")),
    }
}

/// A member.
#[derive(Serialize)]
struct MemberView {
    user_id: String,
    email: String,
    first_name: String,
    last_name: String,
    role: String,
    role_name: String,
    is_target: bool,
    joined_at: String,
}

/// With what they may do, and through which roles.
#[derive(Serialize)]
struct WholeMemberView {
    #[serde(flatten)]
    member: MemberView,
    rights: Vec<String>,
    roles: Vec<SourceView>,
}

/// One role that somebody has.
#[derive(Serialize)]
struct SourceView {
    role_name: String,
    team: Option<String>,
}

impl From<members::Listed> for MemberView {
    fn from(listed: members::Listed) -> Self {
        Self {
            user_id: listed.user_id.to_string(),
            email: listed.email,
            first_name: listed.first_name,
            last_name: listed.last_name,
            role: listed.role_id.map_or_else(|| listed.role.as_str().to_owned(), |id| id.to_string()),
            role_name: role_name(listed.role, listed.role_name.as_deref()),
            is_target: listed.is_target,
            joined_at: listed.joined_at.rfc3339(),
        }
    }
}

/// Which part of the members.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Part {
    search: String,
    targets: bool,
    page: i64,
}

/// `GET /api/v1/organizations/{slug}/members`.
///
/// # Errors
/// [`Error::BadRequest`] when the address can't be read.
pub async fn list_members(request: HttpRequest, member: Member) -> Result<HttpResponse> {
    let part: Part = serde_html_form::from_str(request.query_string())
        .map_err(|_| Error::BadRequest("the address of the list could not be read"))?;
    if !(0..=1_000_000).contains(&part.page) {
        return Err(Error::BadRequest("the address of the list could not be read"));
    }
    let (id, search, page) = (member.organization().id.clone(), part.search, part.page);
    let mut rows = member
        .instance()
        .db
        .read(move |connection| members::list(connection, &id, (&search, part.targets, page)))
        .await?;
    let size = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let more = rows.len() > size;
    rows.truncate(size);
    let items: Vec<MemberView> = rows.into_iter().map(MemberView::from).collect();
    json(StatusCode::OK, &Page::numbered(&request, items, page, more))
}

async fn tell_member(member: &Member, user: UserId) -> Result<HttpResponse> {
    let id = member.organization().id.clone();
    let reading = member.instance().db.read(move |connection| {
        let listed = members::find(connection, &id, &user)?;
        Ok((listed, standing(connection, &user, Which::Id(&id))?.ok_or(Error::NotFound)?))
    });
    let (listed, found) = reading.await?;
    let rights = Rights::of(&found.standing, found.organization.kind, &member.instance().config.catalogue);
    let source = |grant: super::policy::Grant| SourceView {
        role_name: role_name(grant.role, grant.role_name.as_deref()),
        team: grant.team,
    };
    let view = WholeMemberView {
        member: listed.into(),
        rights: list_of(&rights),
        roles: found.standing.0.into_iter().map(source).collect(),
    };
    json(StatusCode::OK, &view)
}

/// `GET /api/v1/organizations/{slug}/members/{id}`: what they may do, and through which roles.
///
/// # Errors
/// [`Error::NotFound`] when they are no member.
pub async fn show_member(member: Member, path: web::Path<(String, UserId)>) -> Result<HttpResponse> {
    tell_member(&member, path.into_inner().1).await
}

/// `PATCH /api/v1/organizations/{slug}/members/{id}`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MemberBody {
    role: String,
}

/// `PATCH /api/v1/organizations/{slug}/members/{id}`: gives them another role.
///
/// # Errors
/// [`Error::NotFound`] when they are no member; [`Error::Problem`].
pub async fn change_member(
    path: web::Path<(String, UserId)>,
    sent: Sent<MemberConfirmed, MemberBody>,
) -> Result<HttpResponse> {
    let (Sent { who: member, body }, user) = (sent, path.into_inner().1);
    let whom = user.clone();
    let changed = act(&member, move |tx, acting, now, catalogue| {
        let organization = &acting.organization().id;
        members::find(tx, organization, &whom)?;
        let role = match roles::chosen(tx, organization, &body.role, catalogue) {
            Err(Error::NotFound) => {
                return Err(wrong(
                    "#/role",
                    "There is no such role here: a built-in one's word, or the id of one of its own.",
                ));
            }
            chosen => chosen?,
        };
        members::change_role(tx, acting, now, &whom, (&role.0, &role.1), catalogue)
    });
    changed.await?.map_err(refused)?;
    tell_member(&member, user).await
}

async fn take_out(member: &Member, user: UserId) -> Result<HttpResponse> {
    let removed = act(member, move |tx, acting, now, catalogue| members::remove(tx, acting, now, &user, catalogue));
    removed.await?.map_err(refused)?;
    Ok(done())
}

/// `DELETE /api/v1/organizations/{slug}/members/{id}`: what they had for the organization stops in the same moment.
///
/// # Errors
/// [`Error::NotFound`] when they are no member; [`Error::Problem`].
pub async fn remove_member(member: Member, path: web::Path<(String, UserId)>) -> Result<HttpResponse> {
    take_out(&member, path.into_inner().1).await
}

/// `POST /api/v1/organizations/{slug}/leave`.
///
/// # Errors
/// [`Error::Problem`] for the only owner.
pub async fn leave(member: Member) -> Result<HttpResponse> {
    take_out(&member, member.account().user_id.clone()).await
}

/// `POST /api/v1/organizations/{slug}/target`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetBody {
    is_target: bool,
}

/// `POST /api/v1/organizations/{slug}/target`: whether one is listed as somebody to whom its work can be directed.
///
/// # Errors
/// When the database refuses.
pub async fn be_target(sent: Sent<Member, TargetBody>) -> Result<HttpResponse> {
    let Sent { who: member, body } = sent;
    act(&member, move |tx, acting, now, _| members::be_target(tx, acting, now, body.is_target)).await?;
    Ok(done())
}

/// A role.
#[derive(Serialize)]
struct RoleView {
    id: String,
    name: String,
    description: String,
    is_built_in: bool,
    rights: Vec<String>,
}

impl From<OwnRole> for RoleView {
    fn from(role: OwnRole) -> Self {
        Self {
            id: role.id.to_string(),
            name: role.name,
            description: role.description,
            is_built_in: false,
            rights: role.rights.split_ascii_whitespace().map(str::to_owned).collect(),
        }
    }
}

fn built_in(catalogue: &Catalogue) -> impl Iterator<Item = RoleView> {
    super::views::built_in_roles().into_iter().map(|role| RoleView {
        rights: Role::from_word(&role.word)
            .map(|word| list_of(&Rights::of_role(word, None, catalogue)))
            .unwrap_or_default(),
        id: role.word,
        name: role.name,
        description: role.words,
        is_built_in: true,
    })
}

/// `GET /api/v1/organizations/{slug}/roles`: the built-in ones, then its own.
///
/// # Errors
/// When the database refuses.
pub async fn list_roles(member: Member) -> Result<HttpResponse> {
    let id = member.organization().id.clone();
    let own = member.instance().db.read(move |connection| roles::list(connection, &id)).await?;
    let all = built_in(&member.instance().config.catalogue).chain(own.into_iter().map(RoleView::from));
    json(StatusCode::OK, &Page::whole(all.collect()))
}

/// `GET /api/v1/organizations/{slug}/roles/{id}`.
///
/// # Errors
/// [`Error::NotFound`] when there is none here.
pub async fn show_role(member: Member, path: web::Path<(String, RoleId)>) -> Result<HttpResponse> {
    let (id, role) = (member.organization().id.clone(), path.into_inner().1);
    if let Some(built_in) = built_in(&member.instance().config.catalogue).find(|known| known.id == role.as_str()) {
        return json(StatusCode::OK, &built_in);
    }
    let own = member.instance().db.read(move |connection| roles::find(connection, &id, &role)).await?;
    json(StatusCode::OK, &RoleView::from(own))
}

/// `POST /api/v1/organizations/{slug}/roles`, and what `PATCH` changes.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoleBody {
    #[serde(deserialize_with = "given")]
    name: Option<String>,
    #[serde(deserialize_with = "given")]
    description: Option<String>,
    #[serde(deserialize_with = "given")]
    rights: Option<Vec<String>>,
}

impl RoleBody {
    /// The form that says the same; what is left out is as `before` has it.
    fn form(self, before: Option<&OwnRole>) -> RoleForm {
        let or = |said: Option<String>, known: fn(&OwnRole) -> &str| {
            said.unwrap_or_else(|| before.map(known).unwrap_or_default().to_owned())
        };
        let known = || before.map(|role| role.rights.split_ascii_whitespace().map(str::to_owned).collect());
        let rights = self.rights.or_else(known).unwrap_or_default();
        let (right, scope) = rights.into_iter().partition(|word| Right::from_word(word).is_some());
        RoleForm {
            name: or(self.name, |role| &role.name),
            description: or(self.description, |role| &role.description),
            scope,
            right,
        }
    }
}

fn outcome(outcome: Outcome) -> Result<()> {
    match outcome {
        Outcome::Done => Ok(()),
        Outcome::Beyond => Err(Error::Forbidden("A role can only allow what you may do yourself")),
        Outcome::NameTaken => Err(taken("#/name", "Another role has this name. Choose another one.")),
        Outcome::TooMany => {
            let detail = format!("There are {} roles, which is as many as there may be.", roles::MOST);
            Err(Problem::conflict(detail, Vec::new()).into())
        }
        Outcome::InUse(holders) => {
            let detail = format!("{holders} members and teams have it. Give them another role first.");
            Err(Problem::conflict(detail, Vec::new()).into())
        }
    }
}

/// `POST /api/v1/organizations/{slug}/roles`.
///
/// # Errors
/// [`Error::Problem`].
pub async fn create_role(sent: Sent<MemberConfirmed, RoleBody>) -> Result<HttpResponse> {
    let Sent { who: member, body } = sent;
    let made = act(&member, move |tx, acting, now, catalogue| {
        let new = body.form(None).check(catalogue).map_err(|problems| invalid(&problems))?;
        outcome(roles::create(tx, acting, now, &new)?)?;
        // Its name is nobody else's.
        let all = roles::list(tx, &acting.organization().id)?;
        all.into_iter().find(|role| role.name == new.name).ok_or(Error::NotFound)
    });
    let role = made.await?;
    let mut answer = json(StatusCode::CREATED, &RoleView::from(role.clone()))?;
    let place = format!("{}/roles/{}", urls::api_organization(&member.organization().id), role.id);
    if let Ok(place) = header::HeaderValue::from_str(&place) {
        answer.headers_mut().insert(header::LOCATION, place);
    }
    Ok(answer)
}

/// `PATCH /api/v1/organizations/{slug}/roles/{id}`: what is left out stays as it is.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's own; [`Error::Problem`].
pub async fn change_role(
    path: web::Path<(String, RoleId)>,
    sent: Sent<MemberConfirmed, RoleBody>,
) -> Result<HttpResponse> {
    let (Sent { who: member, body }, id) = (sent, path.into_inner().1);
    let changed = act(&member, move |tx, acting, now, catalogue| {
        let before = roles::find(tx, &acting.organization().id, &id)?;
        let new = body.form(Some(&before)).check(catalogue).map_err(|problems| invalid(&problems))?;
        outcome(roles::change(tx, acting, now, &id, &new, catalogue)?)?;
        roles::find(tx, &acting.organization().id, &id)
    });
    json(StatusCode::OK, &RoleView::from(changed.await?))
}

/// `DELETE /api/v1/organizations/{slug}/roles/{id}`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's own; [`Error::Problem`] while somebody has it.
pub async fn delete_role(member: Member, path: web::Path<(String, RoleId)>) -> Result<HttpResponse> {
    let id = path.into_inner().1;
    let deleted = act(&member, move |tx, acting, now, catalogue| {
        roles::delete(tx, acting, now, &id, catalogue).and_then(outcome)
    });
    deleted.await?;
    Ok(done())
}
