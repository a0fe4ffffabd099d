//! `/organizations/{slug}/roles` and below.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::views::{
    OwnMatrix, RoleFormPage, RoleOption, RolePage, RoleRow, RolesPage, built_in_roles, held_lines, right_lines,
};
use super::{Choice, Holders, MOST, NewRole, Outcome, OwnRole, find, holders};
use crate::catalogue::Role;
use crate::error::{Error, Result};
use crate::ids::RoleId;
use crate::organizations::forms::RoleForm;
use crate::organizations::member::{ConfirmedMemberPost, Member, MemberConfirmed, MemberPost};
use crate::organizations::pages::{answer, done};
use crate::organizations::policy::{Grant, Right, Rights};
use crate::organizations::views::{ConfirmPage, Place};
use crate::organizations::{Acts, Kind};
use crate::tokens::ScopeMatrix;
use crate::urls;
use crate::web::{Notice, Pressed, Problems, Visitor, html};

/// `GET /organizations/{slug}/roles`.
///
/// # Errors
/// When the database refuses.
pub async fn list(member: Member, visitor: Visitor) -> Result<HttpResponse> {
    let id = member.organization().id.clone();
    let own = member.instance().db.read(move |connection| super::list(connection, &id)).await?;
    let place = Place::of(&member);
    let row = |role: OwnRole| RoleRow {
        url: urls::role(&place.slug, &role.id),
        count: role.rights.split_ascii_whitespace().count(),
        name: role.name,
        description: role.description,
    };
    let page = RolesPage {
        shell: visitor.shell_in(&place, "Roles", "org-roles"),
        built_in: built_in_roles()
            .into_iter()
            .map(|role| {
                let url = urls::role(&place.slug, &RoleId::from(role.word.clone()));
                (role, url)
            })
            .collect(),
        rows: own.into_iter().map(row).collect(),
        may_create: member.rights().may(Right::CreateRoles),
        place,
    };
    html(StatusCode::OK, &page)
}

async fn the_role(member: &Member, id: RoleId) -> Result<(OwnRole, Holders)> {
    let organization = member.organization().id.clone();
    let work = move |connection: &mut crate::db::Connection| {
        let role = find(connection, &organization, &id)?;
        Ok((role, holders(connection, &organization, &Choice::own(id))?))
    };
    member.instance().db.read(work).await
}

/// One of the four that every organization has, if the address names one.
async fn a_built_in(member: &Member, id: &RoleId) -> Result<Option<(RoleOption, Grant, Holders)>> {
    let Some(option) = built_in_roles().into_iter().find(|known| known.word == id.as_str()) else { return Ok(None) };
    let Some(role) = Role::from_word(&option.word) else { return Ok(None) };
    let organization = member.organization().id.clone();
    let reading =
        member.instance().db.read(move |connection| holders(connection, &organization, &Choice::built_in(role)));
    Ok(Some((option, Grant { role, rights: None, role_name: None, team: None }, reading.await?)))
}

fn covers(member: &Member, role: &OwnRole) -> bool {
    let rights = Rights::of_role(Role::Own, Some(&role.rights), &member.instance().config.catalogue);
    member.rights().covers(&rights)
}

/// `GET /organizations/{slug}/roles/{id}`.
///
/// # Errors
/// [`Error::NotFound`] when it is neither a built-in role nor one of this organization's.
pub async fn show(member: Member, visitor: Visitor, path: web::Path<(String, RoleId)>) -> Result<HttpResponse> {
    let id = path.into_inner().1;
    let place = Place::of(&member);
    let catalogue = &member.instance().config.catalogue;
    let page = |name: String, description: String, grant: Grant, holders: Holders| {
        let (_, matters, catalogue) = right_lines(&[grant], Kind::Shared, catalogue);
        RolePage {
            shell: visitor.shell_in(&place, &name, "org-roles"),
            held: held_lines(holders, &place),
            is_built_in: false,
            matters,
            catalogue,
            edit_url: None,
            delete_url: None,
            name,
            description,
            place: Place::of(&member),
        }
    };
    if let Some((option, grant, holders)) = a_built_in(&member, &id).await? {
        return html(
            StatusCode::OK,
            &RolePage { is_built_in: true, ..page(option.name, option.words, grant, holders) },
        );
    }
    let (role, holders) = the_role(&member, id).await?;
    let covered = covers(&member, &role);
    let may = |right| covered && member.rights().may(right);
    let grant = Grant { role: Role::Own, rights: Some(role.rights), role_name: None, team: None };
    let page = RolePage {
        edit_url: may(Right::ChangeRoles).then(|| urls::role_edit(&place.slug, &role.id)),
        delete_url: may(Right::DeleteRoles).then(|| urls::role_delete(&place.slug, &role.id)),
        ..page(role.name, role.description, grant, holders)
    };
    html(StatusCode::OK, &page)
}

fn form_page(
    member: &Member,
    visitor: &Visitor,
    form: &RoleForm,
    problems: &Problems,
    of: Option<(&OwnRole, &Holders)>,
) -> Result<HttpResponse> {
    let place = Place::of(member);
    let (title, action_url, back_url, button) = match of {
        Some((role, _)) => {
            ("Change a role", urls::role_edit(&place.slug, &role.id), urls::role(&place.slug, &role.id), "Save role")
        }
        None => ("Create a role", urls::roles_new(&place.slug), urls::roles(&place.slug), "Create role"),
    };
    let page = RoleFormPage {
        shell: visitor.shell_in(&place, title, "org-roles"),
        errors: problems.list(),
        name: problems.field("name", &form.name),
        description: problems.field("description", &form.description),
        own: OwnMatrix::new(&form.right, problems.at("right")),
        matrix: ScopeMatrix::new(&member.instance().config.catalogue, &form.scope, problems.at("scope")),
        action_url,
        button,
        back_url,
        holders: of.map_or(0, |(_, holders)| holders.total()),
        place,
    };
    answer(problems, &page)
}

fn from_address(visitor: &Visitor) -> Result<RoleForm> {
    serde_html_form::from_str(visitor.request().query_string())
        .map_err(|_| Error::BadRequest("the address could not be read"))
}

/// `GET /organizations/{slug}/roles/new`; what stands in the address fills the form in.
///
/// # Errors
/// [`Error::BadRequest`] when the address can't be read.
pub async fn new(member: MemberConfirmed, visitor: Visitor) -> Result<HttpResponse> {
    form_page(&member, &visitor, &from_address(&visitor)?, &Problems::none(), None)
}

/// What is wrong with a role that was not written.
fn refusal(outcome: &Outcome) -> Problems {
    let mut problems = Problems::none();
    match outcome {
        Outcome::Done(_) => {}
        Outcome::Beyond => {
            problems.add("right", "A role can only allow what you may do yourself. Take out what you may not");
        }
        Outcome::NameTaken => problems.add("name", "Another role has this name. Choose another one"),
        Outcome::TooMany => problems.add("name", format!("There are {MOST} roles, which is as many as there may be")),
        Outcome::InUse(_) => problems.add("name", "It is in use"),
    }
    problems
}

/// `POST /organizations/{slug}/roles/new`.
///
/// # Errors
/// When the database refuses.
pub async fn create(visitor: Visitor, posted: ConfirmedMemberPost<RoleForm>) -> Result<HttpResponse> {
    let (member, form) = (posted.who, posted.form);
    let new = match form.check(&member.instance().config.catalogue) {
        Ok(new) => new,
        Err(problems) => return form_page(&member, &visitor, &form, &problems, None),
    };
    let made = member.change(move |tx, acting, now, _| super::create(tx, acting, now, &new));
    match made.await? {
        Outcome::Done(_) => Ok(done(member.instance(), &urls::roles(&member.organization().slug), Notice::RoleCreated)),
        outcome => form_page(&member, &visitor, &form, &refusal(&outcome), None),
    }
}

/// `GET /organizations/{slug}/roles/{id}/edit`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn edit(
    member: MemberConfirmed,
    visitor: Visitor,
    path: web::Path<(String, RoleId)>,
) -> Result<HttpResponse> {
    let (role, holders) = the_role(&member, path.into_inner().1).await?;
    let typed = from_address(&visitor)?;
    let words = |own: bool| {
        let those = role.rights.split_ascii_whitespace().filter(|word| Right::from_word(word).is_some() == own);
        those.map(str::to_owned).collect()
    };
    let form = if visitor.request().query_string().is_empty() {
        RoleForm {
            name: role.name.clone(),
            description: role.description.clone(),
            right: words(true),
            scope: words(false),
        }
    } else {
        typed
    };
    form_page(&member, &visitor, &form, &Problems::none(), Some((&role, &holders)))
}

/// `POST /organizations/{slug}/roles/{id}/edit`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn save(
    visitor: Visitor,
    path: web::Path<(String, RoleId)>,
    posted: ConfirmedMemberPost<RoleForm>,
) -> Result<HttpResponse> {
    let (member, form) = (posted.who, posted.form);
    let (role, holders) = the_role(&member, path.into_inner().1).await?;
    let of = Some((&role, &holders));
    let new: NewRole = match form.check(&member.instance().config.catalogue) {
        Ok(new) => new,
        Err(problems) => return form_page(&member, &visitor, &form, &problems, of),
    };
    let id = role.id.clone();
    let changed = member.change(move |tx, acting, now, catalogue| super::change(tx, acting, now, &id, &new, catalogue));
    match changed.await? {
        Outcome::Done(_) => {
            let back = urls::role(&member.organization().slug, &role.id);
            Ok(done(member.instance(), &back, Notice::RoleSaved))
        }
        outcome => form_page(&member, &visitor, &form, &refusal(&outcome), of),
    }
}

fn delete_page(
    member: &Member,
    visitor: &Visitor,
    (role, holders): (&OwnRole, i64),
    refused: Option<&str>,
) -> Result<HttpResponse> {
    let place = Place::of(member);
    let in_use = super::in_use(holders);
    let page = ConfirmPage {
        shell: visitor.shell_in(&place, "Delete a role", "org-roles"),
        heading: format!("Delete the role {}?", role.name),
        text: "Nobody has it. It can't be given any more, and can't be brought back.".to_owned(),
        stops: Vec::new(),
        refused: refused.map(str::to_owned).or((holders > 0).then_some(in_use)),
        action_url: urls::role_delete(&place.slug, &role.id),
        back_url: urls::role(&place.slug, &role.id),
        keep: "Keep role",
        button: "Delete role",
        above: (urls::roles(&place.slug), "Roles"),
        place,
    };
    let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(status, &page)
}

/// `GET /organizations/{slug}/roles/{id}/delete`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn ask_delete(member: Member, visitor: Visitor, path: web::Path<(String, RoleId)>) -> Result<HttpResponse> {
    let (role, holders) = the_role(&member, path.into_inner().1).await?;
    delete_page(&member, &visitor, (&role, holders.total()), None)
}

/// `POST /organizations/{slug}/roles/{id}/delete`.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub async fn delete(
    visitor: Visitor,
    path: web::Path<(String, RoleId)>,
    posted: MemberPost<Pressed>,
) -> Result<HttpResponse> {
    let member = posted.who;
    let (role, _) = the_role(&member, path.into_inner().1).await?;
    let id = role.id.clone();
    let deleted = member.change(move |tx, acting, now, catalogue| super::delete(tx, acting, now, &id, catalogue));
    match deleted.await? {
        Outcome::Done(_) => Ok(done(member.instance(), &urls::roles(&member.organization().slug), Notice::RoleDeleted)),
        Outcome::InUse(holders) => delete_page(&member, &visitor, (&role, holders), Some(&super::in_use(holders))),
        _ => delete_page(&member, &visitor, (&role, 0), Some("It allows more than you may do yourself")),
    }
}
