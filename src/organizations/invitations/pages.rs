//! `/organizations/{slug}/invitations` and below.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::views::{InvitationRow, InvitationsPage, InvitePage};
use super::{Invited, Letterhead, NewInvitation, Pending};
use crate::auth::throttle::{self, Door};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{InvitationId, TeamId};
use crate::organizations::caller::{Acts, Caller};
use crate::organizations::forms::InvitationForm;
use crate::organizations::license::Limited;
use crate::organizations::license::pages::full;
use crate::organizations::member::{ConfirmedMemberPost, Member, MemberConfirmed, MemberPost};
use crate::organizations::pages::{answer, done};
use crate::organizations::roles::views::role_options;
use crate::organizations::views::Place;
use crate::organizations::{roles, teams};
use crate::urls;
use crate::web::{Badge, Moment, Notice, Pressed, Problems, Visitor, errors, html};

fn row(slug: &str, pending: Pending, now: Timestamp) -> InvitationRow {
    let status = match &pending.by {
        _ if pending.expires_at <= now => Badge { kind: "quiet", word: "Expired" },
        None => Badge { kind: "attention", word: "Inviter has left" },
        Some(_) => Badge { kind: "good", word: "Open" },
    };
    InvitationRow {
        role: pending.role_name,
        teams: pending.teams.join(", "),
        by: pending.by.unwrap_or_default(),
        sent: Moment::new(pending.created_at, now),
        ends: Moment::new(pending.expires_at, now),
        status,
        resend_url: urls::member_invitation_resend(slug, &pending.id),
        cancel_url: urls::member_invitation_cancel(slug, &pending.id),
        email: pending.email,
    }
}

/// The list; `made` is a link to show, once.
async fn page(
    member: &Member,
    visitor: &Visitor,
    made: Option<(String, String)>,
    refused: Option<String>,
) -> Result<HttpResponse> {
    let (id, now) = (member.organization().id.clone(), member.now());
    let pending = member.instance().db.read(move |connection| super::list(connection, &id)).await?;
    let place = Place::of(member);
    let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = InvitationsPage {
        shell: visitor.shell_in(&place, "Invitations", "org-members"),
        rows: pending.into_iter().map(|pending| row(&place.slug, pending, now)).collect(),
        made,
        refused,
        place,
    };
    html(status, &page)
}

/// `GET /organizations/{slug}/invitations`.
///
/// # Errors
/// When the database refuses.
pub async fn list(member: Member, visitor: Visitor) -> Result<HttpResponse> {
    page(&member, &visitor, None, None).await
}

async fn form_page(
    member: &Member,
    visitor: &Visitor,
    form: &InvitationForm,
    problems: &Problems,
) -> Result<HttpResponse> {
    let id = member.organization().id.clone();
    let work =
        move |connection: &mut crate::db::Connection| Ok((roles::list(connection, &id)?, teams::all(connection, &id)?));
    let (own, teams) = member.instance().db.read(work).await?;
    let (place, catalogue) = (Place::of(member), &member.instance().config.catalogue);
    let offered = teams.into_iter().filter(|team| member.rights().covers(&team.rights(catalogue)));
    let team = |team: teams::Team| (team.id.to_string(), team.name, form.team.contains(&team.id.to_string()));
    let page = InvitePage {
        shell: visitor.shell_in(&place, "Invite somebody", "org-members"),
        errors: problems.list(),
        email: problems.field("email", &form.email),
        role: problems.field("role", &form.role),
        options: role_options(&own, member.rights(), &form.role, catalogue),
        team: problems.field("team", ""),
        teams: offered.map(team).collect(),
        strangers: member.instance().config.sign_up.takes_whom_members_invite(),
        place,
    };
    answer(problems, &page)
}

/// `GET /organizations/{slug}/invitations/new`; what stands in the address fills the form in.
///
/// # Errors
/// [`Error::BadRequest`] when the address can't be read.
pub async fn new(member: MemberConfirmed, visitor: Visitor) -> Result<HttpResponse> {
    let mut form: InvitationForm = serde_html_form::from_str(visitor.request().query_string())
        .map_err(|_| Error::BadRequest("the address could not be read"))?;
    if form.role.is_empty() {
        "member".clone_into(&mut form.role);
    }
    let (called, back) = (("Invite somebody", "org-members"), urls::member_invitations(&member.organization().slug));
    match full(&member, &visitor, Limited::Members, called, back).await? {
        Some(page) => Ok(page),
        None => form_page(&member, &visitor, &form, &Problems::none()).await,
    }
}

/// What somebody is told who would give more than they have,
pub(super) const BEYOND: &str =
    "It would let them do more than you may. Ask somebody who may do as much to invite them";
/// or take it back.
pub(super) const TAKE_BACK: &str =
    "It would let them do more than you may, so you can't take it back. Ask somebody who may do as much";

/// Where invitations are counted: what they cost is mail to strangers.
fn doors(caller: &Caller, email: &str) -> Vec<Door> {
    let address = throttle::of_address(&caller.instance().key, email);
    vec![
        (format!("invite in {}", caller.organization().id), throttle::INVITATIONS),
        (format!("invite by {}", caller.counted_as()), throttle::INVITATIONS_USER),
        (format!("invite {address}"), throttle::INVITATIONS_ADDRESS),
    ]
}

/// Whoever sent a form is a person.
fn person(member: &Member) -> Caller {
    Caller::Person(member.clone())
}

pub(super) async fn invite(caller: &Caller, new: NewInvitation) -> Result<Invited> {
    let (by, doors) = (caller.clone(), doors(caller, &new.email));
    throttle::enter(&caller.instance().db, doors.clone(), caller.now()).await?;
    let inviting = caller.change(move |tx, acting, now, catalogue| {
        let head = Letterhead::new(&by.instance().config, acting.called(tx)?);
        let invited = super::invite(tx, acting, now, &new, catalogue, &head)?;
        // What was refused sent no mail.
        if !matches!(invited, Invited::Yes { .. }) {
            for (door, _) in &doors {
                throttle::give_back(tx, door)?;
            }
        }
        Ok(invited)
    });
    inviting.await
}

/// What is wrong with an invitation that was not made: at which field, and why.
fn refusal(invited: &Invited) -> (&'static str, String) {
    match invited {
        Invited::Yes { .. } => ("email", String::new()),
        Invited::NoRole => ("role", "Choose one of the roles".to_owned()),
        Invited::NoTeam => ("team", "One of these teams is gone. Choose again".to_owned()),
        Invited::Beyond => ("role", BEYOND.to_owned()),
        Invited::Member => ("email", "Whoever has this address is a member already".to_owned()),
        Invited::Full(full) => ("email", full.to_string()),
    }
}

/// `POST /organizations/{slug}/invitations/new`. The link is in the answer, for where mail does not work.
///
/// # Errors
/// [`Error::TooMany`]; when the database refuses.
pub async fn create(visitor: Visitor, posted: ConfirmedMemberPost<InvitationForm>) -> Result<HttpResponse> {
    let (member, form) = (posted.who, posted.form);
    let mut problems = Problems::of(&form);
    if problems.is_empty() {
        let new = NewInvitation {
            email: form.email.trim().to_owned(),
            role: form.role.clone(),
            teams: form.team.iter().cloned().map(TeamId::from).collect(),
        };
        let invited = match invite(&person(&member), new).await {
            Ok(invited) => invited,
            Err(error) => {
                return errors::too_often(error, async |problems| form_page(&member, &visitor, &form, problems).await)
                    .await;
            }
        };
        match invited {
            Invited::Yes { told, code } => {
                let link = member.instance().config.absolute(&urls::invitation(&code));
                return page(&member, &visitor, Some((told.email, link)), None).await;
            }
            refused => {
                let (field, why) = refusal(&refused);
                problems.add(field, why);
            }
        }
    }
    form_page(&member, &visitor, &form, &problems).await
}

/// `POST /organizations/{slug}/invitations/{id}/resend`: the same once more, from whoever asks, with another link.
///
/// # Errors
/// [`Error::NotFound`] when it is used, or not one of this organization's; [`Error::TooMany`].
pub async fn resend(
    visitor: Visitor,
    path: web::Path<(String, InvitationId)>,
    posted: ConfirmedMemberPost<Pressed>,
) -> Result<HttpResponse> {
    let (member, id) = (posted.who, path.into_inner().1);
    let organization = member.organization().id.clone();
    let work = move |connection: &mut crate::db::Connection| super::as_made(connection, &organization, &id);
    let again = member.instance().db.read(work).await?;
    match invite(&person(&member), again).await? {
        Invited::Yes { told, code } => {
            let link = member.instance().config.absolute(&urls::invitation(&code));
            page(&member, &visitor, Some((told.email, link)), None).await
        }
        refused => page(&member, &visitor, None, Some(refusal(&refused).1)).await,
    }
}

/// `POST /organizations/{slug}/invitations/{id}/cancel`.
///
/// # Errors
/// [`Error::NotFound`] when it is used, or not one of this organization's.
pub async fn cancel(
    visitor: Visitor,
    path: web::Path<(String, InvitationId)>,
    posted: MemberPost<Pressed>,
) -> Result<HttpResponse> {
    let (member, id) = (posted.who, path.into_inner().1);
    let cancelled = member.change(move |tx, acting, now, catalogue| super::cancel(tx, acting, now, &id, catalogue));
    if cancelled.await? {
        let back = urls::member_invitations(&member.organization().slug);
        return Ok(done(member.instance(), &back, Notice::InvitationCancelled));
    }
    page(&member, &visitor, None, Some(TAKE_BACK.to_owned())).await
}
