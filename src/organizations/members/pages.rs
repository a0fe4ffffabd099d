//! `/organizations/{slug}/members` and below, and what a member does about themselves: leaving, being a target.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::views::{MemberPage, MemberRolePage, MemberRow, MembersPage, OutPage, Stop};
use super::{Listed, PAGE, count, find, list as listed};
use crate::auth::secret::masked;
use crate::error::{Error, Result};
use crate::ids::{ServiceAccountId, UserId};
use crate::organizations::forms::ChoiceForm;
use crate::organizations::member::{ConfirmedMemberPost, Member, MemberConfirmed, MemberPost};
use crate::organizations::pages::{answer, done};
use crate::organizations::policy::{Refusal, Right, Rights, may_change};
use crate::organizations::queries::{self, Which};
use crate::organizations::roles::views::{right_lines, role_options, role_word};
use crate::organizations::views::{Part, Place, TARGETS, split};
use crate::organizations::{Acts, Found, roles, standing, teams};
use crate::service_accounts;
use crate::tokens;
use crate::urls;
use crate::web::{Notice, Pressed, Problems, Visitor, html};

/// Nobody but an owner changes one, and where there are two none is the last: so it is whoever asks.
const LAST_OWNER: &str = "You are its only owner. Make somebody else an owner first, or delete the organization";
const BEYOND: &str = "They may do more here than you, or would then. Ask somebody who may do as much";
const BEYOND_FOR_ONESELF: &str =
    "You can't give yourself more than you may do here now. Ask somebody who may do as much";
const LEAVING: &str = "Who leaves hands no keys over. Ask somebody else to remove you, and to hand them over then";

/// Why not, in words to whoever asks, about themselves or another.
pub fn words(refusal: Refusal, oneself: bool) -> &'static str {
    match refusal {
        Refusal::LastOwner => LAST_OWNER,
        Refusal::Beyond if oneself => BEYOND_FOR_ONESELF,
        Refusal::Beyond => BEYOND,
        Refusal::Leaving => LEAVING,
    }
}

/// `GET /organizations/{slug}/members`.
///
/// # Errors
/// When the database refuses.
pub async fn list(member: Member, visitor: Visitor, part: web::Query<Part>) -> Result<HttpResponse> {
    let part = part.into_inner().tidy();
    let (id, search, page) = (member.organization().id.clone(), part.search.clone(), part.page);
    let targets = part.only == TARGETS;
    let work = move |connection: &mut crate::db::Connection| {
        let rows = listed(connection, &id, (&search, targets, page))?;
        let found =
            if search.is_empty() && !targets { None } else { Some(count(connection, &id, (&search, targets))?) };
        Ok((rows, found, queries::count_members(connection, &id)?))
    };
    let (rows, found, total) = member.instance().db.read(work).await?;
    let place = Place::of(&member);
    let (now, me) = (member.now(), &member.account().user_id);
    let (rows, pager) = split(rows, PAGE, &part, &urls::members(&place.slug));
    let view = MembersPage {
        shell: visitor.shell_in(&place, "Members", "org-members"),
        rows: rows.iter().map(|row| MemberRow::of(row, me, &place.slug, now)).collect(),
        total,
        found,
        targets,
        pager,
        search: part.search,
        place,
    };
    html(StatusCode::OK, &view)
}

/// A member of the organization in the address, and all that they have there.
async fn the_member(member: &Member, user: UserId) -> Result<(Listed, Found)> {
    let id = member.organization().id.clone();
    let work = move |connection: &mut crate::db::Connection| {
        let listed = find(connection, &id, &user)?;
        Ok((listed, standing(connection, &user, Which::Id(&id))?.ok_or(Error::NotFound)?))
    };
    member.instance().db.read(work).await
}

/// The teams that somebody is in, each with its page, where whoever asks may see teams.
async fn teams_of(member: &Member, user: &UserId) -> Result<Vec<(String, String)>> {
    if !member.rights().may(Right::SeeTeams) {
        return Ok(Vec::new());
    }
    let (id, user) = (member.organization().id.clone(), user.clone());
    let those = member.instance().db.read(move |connection| teams::of_member(connection, &id, &user)).await?;
    let slug = &member.organization().slug;
    Ok(those.into_iter().map(|(id, name)| (name, urls::team(slug, &id))).collect())
}

fn rights_of(member: &Member, found: &Found) -> Rights {
    Rights::of(&found.standing, found.organization.kind, &member.instance().config.catalogue)
}

/// `GET /organizations/{slug}/members/{id}`: what they may do, and where each right comes from.
///
/// # Errors
/// [`Error::NotFound`] when they are no member.
pub async fn show(member: Member, visitor: Visitor, path: web::Path<(String, UserId)>) -> Result<HttpResponse> {
    let (listed, found) = the_member(&member, path.into_inner().1).await?;
    let place = Place::of(&member);
    let teams = teams_of(&member, &listed.user_id).await?;
    let (sources, matters, catalogue) =
        right_lines(&found.standing.0, found.organization.kind, &member.instance().config.catalogue);
    let touches = member.rights().covers(&rights_of(&member, &found));
    let row = MemberRow::of(&listed, &member.account().user_id, &place.slug, member.now());
    let may = |right| touches && member.rights().may(right);
    let page = MemberPage {
        shell: visitor.shell_in(&place, &row.name, "org-members"),
        teams,
        sources,
        matters,
        catalogue,
        is_beyond: !touches
            && [Right::ChangeMembers, Right::RemoveMembers].iter().any(|right| member.rights().may(*right)),
        role_url: may(Right::ChangeMembers).then(|| urls::member_role(&place.slug, &listed.user_id)),
        remove_url: (may(Right::RemoveMembers) && !row.is_me)
            .then(|| urls::member_remove(&place.slug, &listed.user_id)),
        member: row,
        place,
    };
    html(StatusCode::OK, &page)
}

async fn role_page(
    member: &Member,
    visitor: &Visitor,
    listed: &Listed,
    chosen: &str,
    problems: &Problems,
) -> Result<HttpResponse> {
    let id = member.organization().id.clone();
    let own = member.instance().db.read(move |connection| roles::list(connection, &id)).await?;
    let place = Place::of(member);
    let page = MemberRolePage {
        shell: visitor.shell_in(&place, "Change role", "org-members"),
        errors: problems.list(),
        member: MemberRow::of(listed, &member.account().user_id, &place.slug, member.now()),
        role: problems.field("role", chosen),
        options: role_options(&own, member.rights(), chosen, &member.instance().config.catalogue),
        action_url: urls::member_role(&place.slug, &listed.user_id),
        place,
    };
    answer(problems, &page)
}

/// `GET /organizations/{slug}/members/{id}/role`.
///
/// # Errors
/// [`Error::NotFound`] when they are no member.
pub async fn role(
    member: MemberConfirmed,
    visitor: Visitor,
    path: web::Path<(String, UserId)>,
) -> Result<HttpResponse> {
    let (listed, _) = the_member(&member, path.into_inner().1).await?;
    role_page(&member, &visitor, &listed, &role_word(listed.role, listed.role_id.as_ref()), &Problems::none()).await
}

/// `POST /organizations/{slug}/members/{id}/role`.
///
/// # Errors
/// [`Error::NotFound`] when they are no member.
pub async fn change_role(
    visitor: Visitor,
    path: web::Path<(String, UserId)>,
    posted: ConfirmedMemberPost<ChoiceForm>,
) -> Result<HttpResponse> {
    let (member, form) = (posted.who, posted.form);
    let (listed, _) = the_member(&member, path.into_inner().1).await?;
    let (user, word) = (listed.user_id.clone(), form.role.clone());
    let changed = member.change(move |tx, acting, now, catalogue| {
        let role = match roles::chosen(tx, &acting.organization().id, &word, catalogue) {
            Ok(role) => role,
            Err(Error::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        };
        super::change_role(tx, acting, now, &user, (&role.0, &role.1), catalogue).map(Some)
    });
    let mut problems = Problems::none();
    match changed.await? {
        Some(Ok(())) => {
            let back = urls::member(&member.organization().slug, &listed.user_id);
            return Ok(done(member.instance(), &back, Notice::MemberRoleSaved));
        }
        Some(Err(refusal)) => problems.add("role", words(refusal, listed.user_id == member.account().user_id)),
        None => problems.add("role", "Choose one of the roles"),
    }
    role_page(&member, &visitor, &listed, &form.role, &problems).await
}

/// What stops when somebody is out, and the service accounts that their keys can be handed to: id and name.
pub(super) struct Stopping {
    pub(super) live: Vec<tokens::Token>,
    pub(super) heirs: Vec<service_accounts::pages::Heir>,
}

/// What will stop when somebody is out. Who leaves hands nothing over.
pub(super) async fn stopping(caller: &impl Acts, user: &UserId, leaving: bool) -> Result<Stopping> {
    let (id, user, now) = (caller.organization().id.clone(), user.clone(), caller.now());
    let hands = !leaving && caller.rights().may(Right::ChangeServiceAccounts);
    let work = move |connection: &mut crate::db::Connection| {
        let live = tokens::live_in_organization(connection, &user, &id, now)?;
        let accounts = if hands { service_accounts::enabled(connection, &id)? } else { Vec::new() };
        Ok((live, accounts))
    };
    let (live, accounts) = caller.instance().db.read(work).await?;
    let is_key = |token: &tokens::Token| token.record.kind == tokens::TokenKind::ApiKey;
    let heirs = if live.iter().any(is_key) { service_accounts::pages::heirs(accounts, caller) } else { Vec::new() };
    Ok(Stopping { live, heirs })
}

async fn out_page(
    member: &Member,
    visitor: &Visitor,
    listed: &Listed,
    found: &Found,
    refused: Option<Refusal>,
) -> Result<HttpResponse> {
    let leaving = listed.user_id == member.account().user_id;
    let place = Place::of(member);
    let row = MemberRow::of(listed, &member.account().user_id, &place.slug, member.now());
    let (id, whom) = (member.organization().id.clone(), listed.user_id.clone());
    let owners = member.instance().db.read(move |connection| queries::owners(connection, &id, &whom)).await?;
    let refused = refused.or_else(|| may_change(member.rights(), &rights_of(member, found), None, owners).err());
    let (title, heading, text, button) = if leaving {
        (
            "Leave",
            format!("Leave {}?", place.name),
            "You lose your role here at once. Who comes back begins anew.",
            "Leave organization",
        )
    } else {
        (
            "Remove a member",
            format!("Remove {} from {}?", row.name, place.name),
            "They lose their role here at once. Who comes back begins anew.",
            "Remove member",
        )
    };
    let (action_url, back_url) = if leaving {
        (urls::organization_leave(&place.slug), urls::organization(&place.slug))
    } else {
        (urls::member_remove(&place.slug, &listed.user_id), urls::member(&place.slug, &listed.user_id))
    };
    let status = if refused.is_some() && visitor.request().method() == "POST" {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let Stopping { live, heirs } = stopping(member, &listed.user_id, leaving).await?;
    let brand = &member.instance().config.tokens.brand;
    let stop = |token: &tokens::Token| Stop {
        name: token.record.name.clone(),
        is_key: token.record.kind == tokens::TokenKind::ApiKey,
        masked: masked(brand, token.record.kind.secret(), &token.secret.last_four),
    };
    let page = OutPage {
        shell: visitor.shell_in(&place, title, if leaving { "organization" } else { "org-members" }),
        heading,
        text: text.to_owned(),
        heirs,
        stops: live.iter().map(stop).collect(),
        refused: refused.map(|refusal| words(refusal, false).to_owned()),
        action_url,
        keep: if leaving { "Stay" } else { "Keep member" },
        button,
        above: if leaving {
            (urls::organization(&place.slug), "Overview")
        } else {
            (urls::members(&place.slug), "Members")
        },
        back_url,
        place,
    };
    html(status, &page)
}

/// `GET /organizations/{slug}/members/{id}/remove`.
///
/// # Errors
/// [`Error::NotFound`] when they are no member.
pub async fn ask_remove(member: Member, visitor: Visitor, path: web::Path<(String, UserId)>) -> Result<HttpResponse> {
    let (listed, found) = the_member(&member, path.into_inner().1).await?;
    out_page(&member, &visitor, &listed, &found, None).await
}

async fn take_out(
    member: &Member,
    visitor: &Visitor,
    user: UserId,
    heir: Option<ServiceAccountId>,
    notice: Notice,
) -> Result<HttpResponse> {
    let (listed, found) = the_member(member, user.clone()).await?;
    let leaving = user == member.account().user_id;
    let removed = member.change(move |tx, acting, now, catalogue| {
        super::remove_handing(tx, acting, now, &user, heir.as_ref(), catalogue)
    });
    if let Err(refusal) = removed.await? {
        return out_page(member, visitor, &listed, &found, Some(refusal)).await;
    }
    let back = if leaving { urls::organizations() } else { urls::members(&member.organization().slug) };
    Ok(done(member.instance(), &back, notice))
}

/// Which service account their keys go to; empty is none: they stop.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct HeirForm {
    heir: String,
}

/// `POST /organizations/{slug}/members/{id}/remove`.
///
/// # Errors
/// [`Error::NotFound`] when they are no member.
pub async fn remove(
    visitor: Visitor,
    path: web::Path<(String, UserId)>,
    posted: MemberPost<HeirForm>,
) -> Result<HttpResponse> {
    let user = path.into_inner().1;
    let heir = Some(posted.form.heir).filter(|heir| !heir.is_empty()).map(ServiceAccountId::from);
    let notice = if user == posted.who.account().user_id {
        Notice::OrganizationLeft
    } else if heir.is_some() {
        Notice::MemberRemovedKeysKept
    } else {
        Notice::MemberRemoved
    };
    take_out(&posted.who, &visitor, user, heir, notice).await
}

/// `GET /organizations/{slug}/leave`.
///
/// # Errors
/// When the database refuses.
pub async fn ask_leave(member: Member, visitor: Visitor) -> Result<HttpResponse> {
    let (listed, found) = the_member(&member, member.account().user_id.clone()).await?;
    out_page(&member, &visitor, &listed, &found, None).await
}

/// `POST /organizations/{slug}/leave`.
///
/// # Errors
/// When the database refuses.
pub async fn leave(visitor: Visitor, posted: MemberPost<Pressed>) -> Result<HttpResponse> {
    let user = posted.who.account().user_id.clone();
    take_out(&posted.who, &visitor, user, None, Notice::OrganizationLeft).await
}

/// Whether one is a target.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct TargetForm {
    target: String,
}

/// `POST /organizations/{slug}/target`.
///
/// # Errors
/// When the database refuses.
pub async fn be_target(posted: MemberPost<TargetForm>) -> Result<HttpResponse> {
    let is_target = match posted.form.target.as_str() {
        "yes" => true,
        "no" => false,
        _ => return Err(Error::BadRequest("one is a target, yes or no")),
    };
    posted.who.change(move |tx, acting, now, _| super::be_target(tx, acting, now, is_target)).await?;
    let home = urls::organization(&posted.who.organization().slug);
    Ok(done(posted.who.instance(), &home, Notice::TargetSaved))
}
