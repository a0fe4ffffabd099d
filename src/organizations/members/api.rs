//! `/api/v1/organizations/{slug}/members` and below.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::pages::{Stopping, stopping, words};
use super::{Listed, PAGE};
use crate::api::{Page, Problem, Sent, asked, done, json};
use crate::auth::secret::masked;
use crate::error::{Error, Result};
use crate::ids::{ServiceAccountId, UserId};
use crate::organizations::caller::{Acts, Caller, CallerConfirmed};
use crate::organizations::calls::{in_range, list_of, split, wrong};
use crate::organizations::member::Member;
use crate::organizations::policy::{Grant, Refusal, Rights, may_change};
use crate::organizations::queries::{Which, owners, standing};
use crate::organizations::roles;
use crate::organizations::views::{role_name, role_word};
use crate::service_accounts;
use crate::tokens::Token;

/// What was refused, of a member.
fn refused(refusal: Refusal, oneself: bool) -> Error {
    let why = words(refusal, oneself);
    match refusal {
        Refusal::Beyond => Error::Forbidden(why),
        Refusal::LastOwner => Problem::conflict(format!("{why}."), Vec::new()).into(),
        Refusal::Leaving => wrong("#/keys_to", &format!("{why}.")),
    }
}

/// A member.
#[derive(Serialize)]
pub struct MemberView {
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

impl From<Listed> for MemberView {
    fn from(listed: Listed) -> Self {
        Self {
            user_id: listed.user_id.to_string(),
            email: listed.email,
            first_name: listed.first_name,
            last_name: listed.last_name,
            role: role_word(listed.role, listed.role_id.as_ref()),
            role_name: role_name(listed.role, listed.role_name.as_deref()),
            is_target: listed.is_target,
            joined_at: listed.joined_at.rfc3339(),
        }
    }
}

/// Which part of the members.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PartOfThem {
    #[serde(alias = "search")]
    q: String,
    targets: bool,
    page: i64,
}

/// `GET /api/v1/organizations/{slug}/members`.
///
/// # Errors
/// [`Error::Problem`] when the address can't be read.
pub async fn list(request: HttpRequest, caller: Caller) -> Result<HttpResponse> {
    let part: PartOfThem = asked(&request)?;
    in_range(part.page)?;
    let (id, q, page) = (caller.organization().id.clone(), part.q, part.page);
    let rows =
        caller.instance().db.read(move |connection| super::list(connection, &id, (&q, part.targets, page))).await?;
    let (rows, more) = split(rows, PAGE);
    let items: Vec<MemberView> = rows.into_iter().map(MemberView::from).collect();
    json(StatusCode::OK, &Page::numbered(&request, items, page, more))
}

async fn tell(caller: &Caller, user: UserId) -> Result<HttpResponse> {
    let id = caller.organization().id.clone();
    let reading = caller.instance().db.read(move |connection| {
        let listed = super::find(connection, &id, &user)?;
        Ok((listed, standing(connection, &user, Which::Id(&id))?.ok_or(Error::NotFound)?))
    });
    let (listed, found) = reading.await?;
    let rights = Rights::of(&found.standing, found.organization.kind, &caller.instance().config.catalogue);
    let source =
        |grant: Grant| SourceView { role_name: role_name(grant.role, grant.role_name.as_deref()), team: grant.team };
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
pub async fn show(caller: Caller, path: web::Path<(String, UserId)>) -> Result<HttpResponse> {
    tell(&caller, path.into_inner().1).await
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
pub async fn change(
    path: web::Path<(String, UserId)>,
    sent: Sent<CallerConfirmed, MemberBody>,
) -> Result<HttpResponse> {
    let (Sent { who: caller, body }, user) = (sent, path.into_inner().1);
    let whom = user.clone();
    let changed = caller.change(move |tx, acting, now, catalogue| {
        let organization = &acting.organization().id;
        super::find(tx, organization, &whom)?;
        let role = match roles::chosen(tx, organization, &body.role, catalogue) {
            Err(Error::NotFound) => {
                return Err(wrong(
                    "#/role",
                    "There is no such role here: a built-in one's word, or the id of one of its own.",
                ));
            }
            chosen => chosen?,
        };
        super::change_role(tx, acting, now, &whom, (&role.0, &role.1), catalogue)
    });
    changed.await?.map_err(|refusal| refused(refusal, caller.is(&user)))?;
    tell(&caller, user).await
}

async fn take_out(caller: &impl Acts, user: UserId) -> Result<HttpResponse> {
    let removed = caller.change(move |tx, acting, now, catalogue| super::remove(tx, acting, now, &user, catalogue));
    removed.await?.map_err(|refusal| refused(refusal, false))?;
    Ok(done())
}

/// `DELETE /api/v1/organizations/{slug}/members/{id}`: what they had for the organization stops in the same moment.
///
/// # Errors
/// [`Error::NotFound`] when they are no member; [`Error::Problem`].
pub async fn remove(caller: Caller, path: web::Path<(String, UserId)>) -> Result<HttpResponse> {
    take_out(&caller, path.into_inner().1).await
}

/// What would stop with a member's removal, and who could take their keys over.
#[derive(Serialize)]
struct RemovalView {
    /// Why they can't be removed by whoever asks; `null` where they can.
    refused: Option<&'static str>,
    stops: Vec<StopView>,
    heirs: Vec<HeirView>,
}

#[derive(Serialize)]
struct StopView {
    id: String,
    kind: &'static str,
    name: String,
    token: String,
}

/// A service account.
#[derive(Serialize)]
struct HeirView {
    id: String,
    name: String,
}

/// `GET /api/v1/organizations/{slug}/members/{id}/removal`: what would stop. Nothing is changed.
///
/// # Errors
/// [`Error::NotFound`] when they are no member.
pub async fn preview_removal(caller: Caller, path: web::Path<(String, UserId)>) -> Result<HttpResponse> {
    let (id, user) = (caller.organization().id.clone(), path.into_inner().1);
    let (whom, leaving) = (user.clone(), caller.is(&user));
    let reading = caller.instance().db.read(move |connection| {
        let found = standing(connection, &whom, Which::Id(&id))?.ok_or(Error::NotFound)?;
        Ok((found, owners(connection, &id, &whom)?))
    });
    let (found, owners) = reading.await?;
    let config = &caller.instance().config;
    let before = Rights::of(&found.standing, found.organization.kind, &config.catalogue);
    let refused = may_change(caller.rights(), &before, None, owners).err().map(|refusal| words(refusal, leaving));
    let Stopping { live, heirs } = stopping(&caller, &user, leaving).await?;
    let stop = |token: &Token| StopView {
        id: token.record.id.to_string(),
        kind: token.record.kind.as_str(),
        name: token.record.name.clone(),
        token: masked(&config.tokens.brand, token.record.kind.secret(), &token.secret.last_four),
    };
    let heirs = heirs.into_iter().map(|heir| HeirView { id: heir.id, name: heir.name }).collect();
    json(StatusCode::OK, &RemovalView { refused, stops: live.iter().map(stop).collect(), heirs })
}

/// `POST /api/v1/organizations/{slug}/members/{id}/removal`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemovalBody {
    /// The service account that their keys go on for.
    keys_to: String,
}

/// `POST /api/v1/organizations/{slug}/members/{id}/removal`: removes them, and hands their keys to a service account, for
/// which they go on.
///
/// # Errors
/// [`Error::NotFound`] when they are no member; [`Error::Problem`].
pub async fn remove_handing(
    path: web::Path<(String, UserId)>,
    sent: Sent<Caller, RemovalBody>,
) -> Result<HttpResponse> {
    let (Sent { who: caller, body }, user) = (sent, path.into_inner().1);
    let removing = caller.change(move |tx, acting, now, catalogue| {
        let organization = &acting.organization().id;
        super::find(tx, organization, &user)?;
        let heir = ServiceAccountId::from(body.keys_to);
        match service_accounts::find(tx, organization, &heir) {
            Err(Error::NotFound) => return Err(wrong("#/keys_to", "There is no such service account here.")),
            found => found?,
        };
        super::remove_handing(tx, acting, now, &user, Some(&heir), catalogue)
    });
    removing.await?.map_err(|refusal| refused(refusal, false))?;
    Ok(done())
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
    member.change(move |tx, acting, now, _| super::be_target(tx, acting, now, body.is_target)).await?;
    Ok(done())
}
