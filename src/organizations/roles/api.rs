//! `/api/v1/organizations/{slug}/roles` and below.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::{Outcome, OwnRole};
use crate::api::{Page, Problem, Sent, done, given, json};
use crate::catalogue::{Catalogue, Role};
use crate::error::{Error, Result};
use crate::ids::RoleId;
use crate::organizations::caller::{Acts, Caller, CallerConfirmed};
use crate::organizations::calls::{invalid, list_of, made, taken};
use crate::organizations::forms::RoleForm;
use crate::organizations::policy::{Right, Rights};
use crate::organizations::views::built_in_roles;

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
    built_in_roles().into_iter().map(|role| RoleView {
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
/// [`Error::Problem`] when the address has a parameter.
pub async fn list(request: HttpRequest, caller: Caller) -> Result<HttpResponse> {
    let id = caller.organization().id.clone();
    let own = caller.instance().db.read(move |connection| super::list(connection, &id)).await?;
    let all = built_in(&caller.instance().config.catalogue).chain(own.into_iter().map(RoleView::from));
    json(StatusCode::OK, &Page::whole(&request, all.collect())?)
}

/// `GET /api/v1/organizations/{slug}/roles/{id}`.
///
/// # Errors
/// [`Error::NotFound`] when there is none here.
pub async fn show(caller: Caller, path: web::Path<(String, RoleId)>) -> Result<HttpResponse> {
    let (id, role) = (caller.organization().id.clone(), path.into_inner().1);
    if let Some(built_in) = built_in(&caller.instance().config.catalogue).find(|known| known.id == role.as_str()) {
        return json(StatusCode::OK, &built_in);
    }
    let own = caller.instance().db.read(move |connection| super::find(connection, &id, &role)).await?;
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

fn outcome(outcome: Outcome) -> Result<RoleId> {
    match outcome {
        Outcome::Done(id) => Ok(id),
        Outcome::Beyond => Err(Error::Forbidden("A role can only allow what you may do yourself")),
        Outcome::NameTaken => Err(taken("#/name", "Another role has this name. Choose another one.")),
        Outcome::TooMany => {
            let detail = format!("There are {} roles, which is as many as there may be.", super::MOST);
            Err(Problem::conflict(detail, Vec::new()).into())
        }
        Outcome::InUse(holders) => Err(Problem::conflict(format!("{}.", super::in_use(holders)), Vec::new()).into()),
    }
}

/// `POST /api/v1/organizations/{slug}/roles`.
///
/// # Errors
/// [`Error::Problem`].
pub async fn create(sent: Sent<CallerConfirmed, RoleBody>) -> Result<HttpResponse> {
    let Sent { who: caller, body } = sent;
    let making = caller.change(move |tx, acting, now, catalogue| {
        let new = body.form(None).check(catalogue).map_err(|problems| invalid(&problems))?;
        let id = outcome(super::create(tx, acting, now, &new)?)?;
        super::find(tx, &acting.organization().id, &id)
    });
    let role = making.await?;
    made(&*caller, &format!("/roles/{}", role.id), &RoleView::from(role.clone()))
}

/// `PATCH /api/v1/organizations/{slug}/roles/{id}`: what is left out stays as it is.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's own; [`Error::Problem`].
pub async fn change(path: web::Path<(String, RoleId)>, sent: Sent<CallerConfirmed, RoleBody>) -> Result<HttpResponse> {
    let (Sent { who: caller, body }, id) = (sent, path.into_inner().1);
    let changed = caller.change(move |tx, acting, now, catalogue| {
        let before = super::find(tx, &acting.organization().id, &id)?;
        let new = body.form(Some(&before)).check(catalogue).map_err(|problems| invalid(&problems))?;
        outcome(super::change(tx, acting, now, &id, &new, catalogue)?)?;
        super::find(tx, &acting.organization().id, &id)
    });
    json(StatusCode::OK, &RoleView::from(changed.await?))
}

/// `DELETE /api/v1/organizations/{slug}/roles/{id}`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's own; [`Error::Problem`] while somebody has it.
pub async fn delete(caller: Caller, path: web::Path<(String, RoleId)>) -> Result<HttpResponse> {
    let id = path.into_inner().1;
    let deleted = caller
        .change(move |tx, acting, now, catalogue| super::delete(tx, acting, now, &id, catalogue).and_then(outcome));
    deleted.await?;
    Ok(done())
}
