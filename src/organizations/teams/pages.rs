//! `/organizations/{slug}/teams` and below.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::views::{TeamAddPage, TeamFormPage, TeamPage, TeamRow, TeamsPage, for_teams};
use super::{NewTeam, Outcome, PAGE, Team};
use crate::catalogue::Catalogue;
use crate::error::{Error, Result};
use crate::ids::{TeamId, UserId};
use crate::organizations::forms::{PickedForm, TeamForm};
use crate::organizations::license::Limited;
use crate::organizations::license::pages::full;
use crate::organizations::member::{Acting, ConfirmedMemberPost, Member, MemberConfirmed, MemberPost};
use crate::organizations::members::views::MemberRow;
use crate::organizations::pages::{answer, done, done_with};
use crate::organizations::policy::Right;
use crate::organizations::roles::views::{role_name, role_options};
use crate::organizations::views::{ConfirmPage, Part, Place, split};
use crate::organizations::{Acts, roles};
use crate::urls;
use crate::web::{Notice, Pressed, Problems, Visitor, html};

/// So many can be put in at once: a page of them.
pub(super) const MOST: usize = 50;
pub(super) const BEYOND: &str =
    "The team gives, or would give, more than you may do yourself. Ask somebody who may do as much";

fn row(slug: &str, team: &Team, members: i64) -> TeamRow {
    TeamRow {
        url: urls::team(slug, &team.id),
        name: team.name.clone(),
        description: team.description.clone(),
        role: team.role.map(|role| role_name(role, team.role_name.as_deref())),
        members,
    }
}

/// `GET /organizations/{slug}/teams`.
///
/// # Errors
/// When the database refuses.
pub async fn list(member: Member, visitor: Visitor, part: web::Query<Part>) -> Result<HttpResponse> {
    let part = part.into_inner().tidy();
    let (id, search, page) = (member.organization().id.clone(), part.search.clone(), part.page);
    let rows = member.instance().db.read(move |connection| super::list(connection, &id, &search, page)).await?;
    let place = Place::of(&member);
    let (rows, pager) = split(rows, PAGE, &part, &urls::teams(&place.slug));
    let page = TeamsPage {
        shell: visitor.shell_in(&place, "Teams", "org-teams"),
        rows: rows.iter().map(|(team, members)| row(&place.slug, team, *members)).collect(),
        may_create: member.rights().may(Right::CreateTeams),
        search: part.search,
        pager,
        place,
    };
    html(StatusCode::OK, &page)
}

async fn the_team(member: &Member, id: TeamId) -> Result<(Team, i64)> {
    let organization = member.organization().id.clone();
    let work = move |connection: &mut crate::db::Connection| {
        let team = super::find(connection, &organization, &id)?;
        Ok((team, super::count(connection, &id)?))
    };
    member.instance().db.read(work).await
}

fn covers(member: &Member, team: &Team) -> bool {
    member.rights().covers(&team.rights(&member.instance().config.catalogue))
}

/// `GET /organizations/{slug}/teams/{id}`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn show(
    member: Member,
    visitor: Visitor,
    path: web::Path<(String, TeamId)>,
    part: web::Query<Part>,
) -> Result<HttpResponse> {
    show_page(&member, &visitor, path.into_inner().1, part.into_inner().tidy(), None).await
}

async fn show_page(
    member: &Member,
    visitor: &Visitor,
    id: TeamId,
    part: Part,
    refused: Option<&'static str>,
) -> Result<HttpResponse> {
    let (team, members) = the_team(member, id.clone()).await?;
    let place = Place::of(member);
    let sees_members = member.rights().may(Right::SeeMembers);
    let rows = if sees_members {
        let (organization, search, page) = (member.organization().id.clone(), part.search.clone(), part.page);
        let work = move |connection: &mut crate::db::Connection| {
            super::people(connection, &organization, &id, true, (&search, page))
        };
        member.instance().db.read(work).await?
    } else {
        Vec::new()
    };
    let (rows, pager) = split(rows, PAGE, &part, &urls::team(&place.slug, &team.id));
    let covered = covers(member, &team);
    let may = |right| covered && member.rights().may(right);
    let (now, me) = (member.now(), &member.account().user_id);
    let page = TeamPage {
        shell: visitor.shell_in(&place, &team.name, "org-teams"),
        rows: rows.iter().map(|listed| MemberRow::of(listed, me, &place.slug, now)).collect(),
        team: row(&place.slug, &team, members),
        sees_members,
        refused,
        search: part.search,
        pager,
        edit_url: may(Right::ChangeTeams).then(|| urls::team_edit(&place.slug, &team.id)),
        add_url: (sees_members && may(Right::ChangeTeams)).then(|| urls::team_members(&place.slug, &team.id)),
        remove_url: may(Right::ChangeTeams).then(|| urls::team_remove(&place.slug, &team.id)),
        delete_url: may(Right::DeleteTeams).then(|| urls::team_delete(&place.slug, &team.id)),
        place,
    };
    let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(status, &page)
}

async fn form_page(
    member: &Member,
    visitor: &Visitor,
    form: &TeamForm,
    problems: &Problems,
    of: Option<(&Team, i64)>,
) -> Result<HttpResponse> {
    let id = member.organization().id.clone();
    let own = member.instance().db.read(move |connection| roles::list(connection, &id)).await?;
    let place = Place::of(member);
    let (title, action_url, back_url, button) = match of {
        Some((team, _)) => {
            ("Edit a team", urls::team_edit(&place.slug, &team.id), urls::team(&place.slug, &team.id), "Save team")
        }
        None => ("Create a team", urls::teams_new(&place.slug), urls::teams(&place.slug), "Create team"),
    };
    let options = role_options(&own, member.rights(), &form.role, &member.instance().config.catalogue);
    let page = TeamFormPage {
        shell: visitor.shell_in(&place, title, "org-teams"),
        errors: problems.list(),
        name: problems.field("name", &form.name),
        description: problems.field("description", &form.description),
        role: problems.field("role", &form.role),
        options: for_teams(options, &form.role),
        action_url,
        button,
        back_url,
        members: of.map_or(0, |(_, members)| members),
        place,
    };
    answer(problems, &page)
}

fn from_address(visitor: &Visitor) -> Result<TeamForm> {
    serde_html_form::from_str(visitor.request().query_string())
        .map_err(|_| Error::BadRequest("the address could not be read"))
}

/// `GET /organizations/{slug}/teams/new`; what stands in the address fills the form in.
///
/// # Errors
/// When the database refuses.
pub async fn new(member: MemberConfirmed, visitor: Visitor) -> Result<HttpResponse> {
    let (called, back) = (("Create a team", "org-teams"), urls::teams(&member.organization().slug));
    match full(&member, &visitor, Limited::Teams, called, back).await? {
        Some(page) => Ok(page),
        None => form_page(&member, &visitor, &from_address(&visitor)?, &Problems::none(), None).await,
    }
}

/// What is wrong with a team that was not written.
fn refusal(outcome: Outcome) -> Problems {
    let mut problems = Problems::none();
    match outcome {
        Outcome::Done(_) => {}
        Outcome::Beyond => problems.add("role", BEYOND),
        Outcome::Owner => problems.add("role", "A team can't own the organization. Make its members owners themselves"),
        Outcome::NameTaken => problems.add("name", "Another team has this name. Choose another one"),
        Outcome::Full(full) => problems.add("name", full.to_string()),
    }
    problems
}

/// The team that a form describes; its role is looked up within the transaction.
fn wished(
    tx: &mut crate::db::Tx<'_>,
    acting: &Acting,
    form: &TeamForm,
    catalogue: &Catalogue,
) -> Result<std::result::Result<NewTeam, Problems>> {
    let new = form.understood(tx, &acting.organization().id, catalogue)?;
    Ok(new.ok_or_else(|| {
        let mut problems = Problems::none();
        problems.add("role", "Choose one of the roles");
        problems
    }))
}

/// `POST /organizations/{slug}/teams/new`.
///
/// # Errors
/// When the database refuses.
pub async fn create(visitor: Visitor, posted: ConfirmedMemberPost<TeamForm>) -> Result<HttpResponse> {
    let (member, form) = (posted.who, posted.form);
    let problems = Problems::of(&form);
    if !problems.is_empty() {
        return form_page(&member, &visitor, &form, &problems, None).await;
    }
    let typed = form.clone();
    let made = member.change(move |tx, acting, now, catalogue| match wished(tx, acting, &typed, catalogue)? {
        Ok(new) => super::create(tx, acting, now, &new).map(Ok),
        Err(problems) => Ok(Err(problems)),
    });
    match made.await? {
        Ok((id, Outcome::Done(_))) => {
            Ok(done(member.instance(), &urls::team(&member.organization().slug, &id), Notice::TeamCreated))
        }
        Ok((_, outcome)) => form_page(&member, &visitor, &form, &refusal(outcome), None).await,
        Err(problems) => form_page(&member, &visitor, &form, &problems, None).await,
    }
}

/// `GET /organizations/{slug}/teams/{id}/edit`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn edit(
    member: MemberConfirmed,
    visitor: Visitor,
    path: web::Path<(String, TeamId)>,
) -> Result<HttpResponse> {
    let (team, members) = the_team(&member, path.into_inner().1).await?;
    let form = if visitor.request().query_string().is_empty() {
        TeamForm { name: team.name.clone(), description: team.description.clone(), role: team.role_word() }
    } else {
        from_address(&visitor)?
    };
    form_page(&member, &visitor, &form, &Problems::none(), Some((&team, members))).await
}

/// `POST /organizations/{slug}/teams/{id}/edit`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn save(
    visitor: Visitor,
    path: web::Path<(String, TeamId)>,
    posted: ConfirmedMemberPost<TeamForm>,
) -> Result<HttpResponse> {
    let (member, form) = (posted.who, posted.form);
    let (team, members) = the_team(&member, path.into_inner().1).await?;
    let of = Some((&team, members));
    let problems = Problems::of(&form);
    if !problems.is_empty() {
        return form_page(&member, &visitor, &form, &problems, of).await;
    }
    let (typed, id) = (form.clone(), team.id.clone());
    let saved = member.change(move |tx, acting, now, catalogue| match wished(tx, acting, &typed, catalogue)? {
        Ok(new) => super::change(tx, acting, now, &id, &new, catalogue).map(Ok),
        Err(problems) => Ok(Err(problems)),
    });
    match saved.await? {
        Ok(Outcome::Done(_)) => {
            Ok(done(member.instance(), &urls::team(&member.organization().slug, &team.id), Notice::TeamSaved))
        }
        Ok(outcome) => form_page(&member, &visitor, &form, &refusal(outcome), of).await,
        Err(problems) => form_page(&member, &visitor, &form, &problems, of).await,
    }
}

fn delete_page(
    member: &Member,
    visitor: &Visitor,
    (team, members): (&Team, i64),
    refused: Option<&str>,
) -> Result<HttpResponse> {
    let place = Place::of(member);
    let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let refused = refused.map(str::to_owned).or_else(|| (!covers(member, team)).then(|| BEYOND.to_owned()));
    let whom = match members {
        0 => "Nobody is in it.".to_owned(),
        1 => "The one member in it stays a member of the organization.".to_owned(),
        count => format!("The {count} members in it stay members of the organization."),
    };
    let loses = match team.role {
        Some(role) if members > 0 => format!(
            " What its role, {}, let them do is gone at once, for their tokens, too.",
            role_name(role, team.role_name.as_deref())
        ),
        _ => String::new(),
    };
    let page = ConfirmPage {
        shell: visitor.shell_in(&place, "Delete a team", "org-teams"),
        heading: format!("Delete the team {}?", team.name),
        text: format!("{whom}{loses} It can't be brought back."),
        stops: Vec::new(),
        refused,
        action_url: urls::team_delete(&place.slug, &team.id),
        back_url: urls::team(&place.slug, &team.id),
        keep: "Keep team",
        button: "Delete team",
        above: (urls::teams(&place.slug), "Teams"),
        place,
    };
    html(status, &page)
}

/// `GET /organizations/{slug}/teams/{id}/delete`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn ask_delete(member: Member, visitor: Visitor, path: web::Path<(String, TeamId)>) -> Result<HttpResponse> {
    let (team, members) = the_team(&member, path.into_inner().1).await?;
    delete_page(&member, &visitor, (&team, members), None)
}

/// `POST /organizations/{slug}/teams/{id}/delete`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn delete(
    visitor: Visitor,
    path: web::Path<(String, TeamId)>,
    posted: MemberPost<Pressed>,
) -> Result<HttpResponse> {
    let member = posted.who;
    let (team, members) = the_team(&member, path.into_inner().1).await?;
    let id = team.id.clone();
    let deleted = member.change(move |tx, acting, now, catalogue| super::delete(tx, acting, now, &id, catalogue));
    match deleted.await? {
        Outcome::Done(_) => Ok(done(member.instance(), &urls::teams(&member.organization().slug), Notice::TeamDeleted)),
        _ => delete_page(&member, &visitor, (&team, members), Some(BEYOND)),
    }
}

async fn add_page(
    member: &Member,
    visitor: &Visitor,
    team: &Team,
    part: Part,
    picked: &[String],
    problems: &Problems,
) -> Result<HttpResponse> {
    let (organization, id) = (member.organization().id.clone(), team.id.clone());
    let (search, page) = (part.search.clone(), part.page);
    let work = move |connection: &mut crate::db::Connection| {
        super::people(connection, &organization, &id, false, (&search, page))
    };
    // Who may change teams and not see members finds nobody here.
    let sees_members = member.rights().may(Right::SeeMembers);
    let rows = if sees_members { member.instance().db.read(work).await? } else { Vec::new() };
    let place = Place::of(member);
    let action_url = urls::team_members(&place.slug, &team.id);
    let (rows, pager) = split(rows, PAGE, &part, &action_url);
    let (now, me) = (member.now(), &member.account().user_id);
    let row = |listed: &crate::organizations::members::Listed| {
        let row = MemberRow::of(listed, me, &place.slug, now);
        (listed.user_id.to_string(), picked.contains(&listed.user_id.to_string()), row)
    };
    let page = TeamAddPage {
        shell: visitor.shell_in(&place, "Add members", "org-teams"),
        errors: problems.list(),
        rows: rows.iter().map(row).collect(),
        team_name: team.name.clone(),
        team_url: urls::team(&place.slug, &team.id),
        user: problems.field("user", ""),
        sees_members,
        action_url,
        search: part.search,
        pager,
        place,
    };
    answer(problems, &page)
}

/// `GET /organizations/{slug}/teams/{id}/members`: those who are not in it, to be put in.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn ask_add(
    member: MemberConfirmed,
    visitor: Visitor,
    path: web::Path<(String, TeamId)>,
) -> Result<HttpResponse> {
    let (team, _) = the_team(&member, path.into_inner().1).await?;
    let query = visitor.request().query_string();
    let read = |_| Error::BadRequest("the address could not be read");
    let part: Part = serde_html_form::from_str(query).map_err(read)?;
    let picked: PickedForm = serde_html_form::from_str(query).map_err(read)?;
    add_page(&member, &visitor, &team, part.tidy(), &picked.user, &Problems::none()).await
}

/// `POST /organizations/{slug}/teams/{id}/members`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn add(
    visitor: Visitor,
    path: web::Path<(String, TeamId)>,
    posted: ConfirmedMemberPost<PickedForm>,
) -> Result<HttpResponse> {
    let (member, form) = (posted.who, posted.form);
    let (team, _) = the_team(&member, path.into_inner().1).await?;
    let mut problems = Problems::none();
    if form.user.is_empty() {
        problems.add("user", "Select who shall be in the team");
        return add_page(&member, &visitor, &team, Part::default(), &[], &problems).await;
    }
    let users: Vec<UserId> = form.user.iter().cloned().map(UserId::from).take(MOST).collect();
    let id = team.id.clone();
    let added = member.change(move |tx, acting, now, catalogue| super::add(tx, acting, now, &id, &users, catalogue));
    if let Outcome::Done(count) = added.await? {
        let back = urls::team(&member.organization().slug, &team.id);
        return Ok(done_with(member.instance(), &back, Notice::TeamMemberAdded, count));
    }
    problems.add("user", BEYOND);
    add_page(&member, &visitor, &team, Part::default(), &form.user, &problems).await
}

/// Whom to take out.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct OneForm {
    user: String,
}

/// `POST /organizations/{slug}/teams/{id}/remove`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn remove(
    visitor: Visitor,
    path: web::Path<(String, TeamId)>,
    posted: MemberPost<OneForm>,
) -> Result<HttpResponse> {
    let (member, id, user) = (posted.who, path.into_inner().1, UserId::from(posted.form.user));
    let team = id.clone();
    let gone =
        member.change(move |tx, acting, now, catalogue| super::take_out(tx, acting, now, &team, &user, catalogue));
    match gone.await? {
        Outcome::Done(_) => {
            Ok(done(member.instance(), &urls::team(&member.organization().slug, &id), Notice::TeamMemberRemoved))
        }
        _ => show_page(&member, &visitor, id, Part::default(), Some(BEYOND)).await,
    }
}
