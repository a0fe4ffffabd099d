//! `/api/v1/organizations/{slug}/teams` and below.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::pages::{BEYOND, MOST};
use super::{NewTeam, Outcome, PAGE, Team};
use crate::api::{Page, Sent, done, given, json};
use crate::catalogue::Catalogue;
use crate::db::{Connection, Tx};
use crate::error::{Error, Result};
use crate::ids::{OrganizationId, TeamId, UserId};
use crate::organizations::caller::{Acts, Caller, CallerConfirmed};
use crate::organizations::calls::{Part, conflict, invalid, made, split, taken, wrong};
use crate::organizations::forms::TeamForm;
use crate::organizations::member::{Acting, LACKING};
use crate::organizations::members::api::MemberView;
use crate::organizations::policy::Right;
use crate::organizations::views::role_name;
use crate::web::Problems;

type Id = web::Path<(String, TeamId)>;

/// A team.
#[derive(Serialize)]
struct TeamView {
    id: String,
    name: String,
    description: String,
    /// The role that it adds; nothing where it adds none.
    role: Option<String>,
    role_name: Option<String>,
    members: i64,
}

impl TeamView {
    fn of((team, members): (Team, i64)) -> Self {
        Self {
            id: team.id.to_string(),
            role: Some(team.role_word()).filter(|word| !word.is_empty()),
            role_name: team.role.map(|role| role_name(role, team.role_name.as_deref())),
            name: team.name,
            description: team.description,
            members,
        }
    }
}

/// After people were put into it.
#[derive(Serialize)]
struct FilledView {
    #[serde(flatten)]
    team: TeamView,
    /// How many of those named were not in it before and could be put in.
    added: usize,
}

fn found(connection: &mut Connection, organization: &OrganizationId, id: &TeamId) -> Result<TeamView> {
    let team = super::find(connection, organization, id)?;
    Ok(TeamView::of((team, super::count(connection, id)?)))
}

/// `GET /api/v1/organizations/{slug}/teams`.
///
/// # Errors
/// [`Error::Problem`] when the address can't be read.
pub async fn list(request: HttpRequest, caller: Caller) -> Result<HttpResponse> {
    let Part { q, page } = Part::of(&request)?;
    let id = caller.organization().id.clone();
    let reading = caller.instance().db.read(move |connection| super::list(connection, &id, &q, page));
    let (rows, more) = split(reading.await?, PAGE);
    json(StatusCode::OK, &Page::numbered(&request, rows.into_iter().map(TeamView::of).collect(), page, more))
}

/// `GET /api/v1/organizations/{slug}/teams/{id}`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn show(caller: Caller, path: Id) -> Result<HttpResponse> {
    let (organization, id) = (caller.organization().id.clone(), path.into_inner().1);
    let reading = caller.instance().db.read(move |connection| found(connection, &organization, &id));
    json(StatusCode::OK, &reading.await?)
}

/// `POST /api/v1/organizations/{slug}/teams`, and what `PATCH` changes.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TeamBody {
    #[serde(deserialize_with = "given")]
    name: Option<String>,
    #[serde(deserialize_with = "given")]
    description: Option<String>,
    /// A role's word; `null` adds none.
    #[serde(deserialize_with = "given")]
    #[expect(clippy::option_option, reason = "left out, null, and a word are three things")]
    role: Option<Option<String>>,
}

impl TeamBody {
    /// The team that is meant; what is left out is as `before` has it.
    fn check(self, tx: &mut Tx<'_>, acting: &Acting, before: Option<&Team>, catalogue: &Catalogue) -> Result<NewTeam> {
        let or = |said: Option<String>, known: fn(&Team) -> &str| {
            said.unwrap_or_else(|| before.map(known).unwrap_or_default().to_owned())
        };
        let role = match self.role {
            None => before.map(Team::role_word).unwrap_or_default(),
            Some(None) => String::new(),
            Some(Some(word)) if word.is_empty() => return Err(wrong("#/role", NO_ROLE)),
            Some(Some(word)) => word,
        };
        let form = TeamForm {
            name: or(self.name, |team| &team.name),
            description: or(self.description, |team| &team.description),
            role,
        };
        let problems = Problems::of(&form);
        if !problems.is_empty() {
            return Err(invalid(&problems));
        }
        match form.understood(tx, &acting.organization().id, catalogue)? {
            Some(new) => Ok(new),
            None => Err(wrong("#/role", NO_ROLE)),
        }
    }
}

const NO_ROLE: &str =
    "There is no such role here: a built-in one's word, the id of one of its own, or null for a team that adds none.";

fn outcome(outcome: Outcome) -> Result<usize> {
    match outcome {
        Outcome::Done(count) => Ok(count),
        Outcome::Beyond => Err(Error::Forbidden(BEYOND)),
        Outcome::Owner => {
            Err(wrong("#/role", "A team can't own the organization. Make its members owners themselves."))
        }
        Outcome::NameTaken => Err(taken("#/name", "Another team has this name. Choose another one.")),
        Outcome::Full(full) => Err(conflict(format!("{full}."))),
    }
}

/// `POST /api/v1/organizations/{slug}/teams`: with nobody in it.
///
/// # Errors
/// [`Error::Problem`].
pub async fn create(sent: Sent<CallerConfirmed, TeamBody>) -> Result<HttpResponse> {
    let Sent { who: caller, body } = sent;
    let making = caller.change(move |tx, acting, now, catalogue| {
        let new = body.check(tx, acting, None, catalogue)?;
        let (id, came) = super::create(tx, acting, now, &new)?;
        outcome(came)?;
        found(tx, &acting.organization().id, &id)
    });
    let team = making.await?;
    made(&*caller, &format!("/teams/{}", team.id), &team)
}

/// `PATCH /api/v1/organizations/{slug}/teams/{id}`: what is left out stays as it is.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's; [`Error::Problem`].
pub async fn change(path: Id, sent: Sent<CallerConfirmed, TeamBody>) -> Result<HttpResponse> {
    let (Sent { who: caller, body }, id) = (sent, path.into_inner().1);
    let changing = caller.change(move |tx, acting, now, catalogue| {
        let before = super::find(tx, &acting.organization().id, &id)?;
        let new = body.check(tx, acting, Some(&before), catalogue)?;
        outcome(super::change(tx, acting, now, &id, &new, catalogue)?)?;
        found(tx, &acting.organization().id, &id)
    });
    json(StatusCode::OK, &changing.await?)
}

/// `DELETE /api/v1/organizations/{slug}/teams/{id}`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn delete(caller: Caller, path: Id) -> Result<HttpResponse> {
    let id = path.into_inner().1;
    let deleting = caller
        .change(move |tx, acting, now, catalogue| super::delete(tx, acting, now, &id, catalogue).and_then(outcome));
    deleting.await?;
    Ok(done())
}

/// `GET /api/v1/organizations/{slug}/teams/{id}/members`: for those who may see the organization's members.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's; [`Error::Forbidden`].
pub async fn list_members(request: HttpRequest, caller: Caller, path: Id) -> Result<HttpResponse> {
    let Part { q, page } = Part::of(&request)?;
    let (organization, id) = (caller.organization().id.clone(), path.into_inner().1);
    let sees_members = caller.rights().may(Right::SeeMembers);
    let reading = caller.instance().db.read(move |connection| {
        super::find(connection, &organization, &id)?;
        if !sees_members {
            return Err(Error::Forbidden(LACKING));
        }
        super::people(connection, &organization, &id, true, (&q, page))
    });
    let (rows, more) = split(reading.await?, PAGE);
    json(StatusCode::OK, &Page::numbered(&request, rows.into_iter().map(MemberView::from).collect(), page, more))
}

/// `POST /api/v1/organizations/{slug}/teams/{id}/members`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PeopleBody {
    users: Vec<UserId>,
}

/// `POST /api/v1/organizations/{slug}/teams/{id}/members`: who is in it already stays, and who is in as many as can be is passed
/// over; `added` says how many came.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's; [`Error::Problem`] when one of them is no member.
pub async fn add_members(path: Id, sent: Sent<CallerConfirmed, PeopleBody>) -> Result<HttpResponse> {
    let (Sent { who: caller, body }, id) = (sent, path.into_inner().1);
    let adding = caller.change(move |tx, acting, now, catalogue| {
        let organization = &acting.organization().id;
        super::find(tx, organization, &id)?;
        if !(1..=MOST).contains(&body.users.len()) {
            return Err(wrong("#/users", &format!("Say the ids of 1 to {MOST} members.")));
        }
        for (place, user) in body.users.iter().enumerate() {
            match crate::organizations::members::find(tx, organization, user) {
                Err(Error::NotFound) => {
                    return Err(wrong(&format!("#/users/{place}"), "No member of this organization has this id."));
                }
                found => found?,
            };
        }
        let added = outcome(super::add(tx, acting, now, &id, &body.users, catalogue)?)?;
        Ok(FilledView { team: found(tx, organization, &id)?, added })
    });
    json(StatusCode::OK, &adding.await?)
}

/// `DELETE /api/v1/organizations/{slug}/teams/{id}/members/{user}`. Who is not in it is left alone.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn remove_member(caller: Caller, path: web::Path<(String, TeamId, UserId)>) -> Result<HttpResponse> {
    let (_, id, user) = path.into_inner();
    let removing = caller.change(move |tx, acting, now, catalogue| {
        super::take_out(tx, acting, now, &id, &user, catalogue).and_then(outcome)
    });
    removing.await?;
    Ok(done())
}
