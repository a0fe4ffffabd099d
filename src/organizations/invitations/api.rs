//! `/api/v1/organizations/{slug}/invitations` and below.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::pages::{BEYOND, TAKE_BACK, invite};
use super::{Invited, NewInvitation, Pending};
use crate::api::{Page, Sent, done, json};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{InvitationId, TeamId};
use crate::organizations::caller::{Acts, Caller, CallerConfirmed};
use crate::organizations::calls::{conflict, invalid, taken, wrong};
use crate::organizations::forms::InvitationForm;
use crate::urls;
use crate::web::Problems;

type Id = web::Path<(String, InvitationId)>;

/// An invitation.
#[derive(Serialize)]
struct InvitationView {
    id: String,
    email: String,
    role: String,
    role_name: String,
    teams: Vec<String>,
    status: &'static str,
    invited_by: Option<String>,
    created_at: String,
    expires_at: String,
}

impl InvitationView {
    fn of(pending: Pending, now: Timestamp) -> Self {
        Self {
            status: match &pending.by {
                _ if pending.expires_at <= now => "expired",
                None => "inviter_left",
                Some(_) => "open",
            },
            id: pending.id.to_string(),
            email: pending.email,
            role: pending.role,
            role_name: pending.role_name,
            teams: pending.teams,
            invited_by: pending.by,
            created_at: pending.created_at.rfc3339(),
            expires_at: pending.expires_at.rfc3339(),
        }
    }
}

/// With its link, this once.
#[derive(Serialize)]
struct LinkView {
    #[serde(flatten)]
    invitation: InvitationView,
    link: String,
}

/// `GET /api/v1/organizations/{slug}/invitations`: the open ones, and those that ended lately.
///
/// # Errors
/// [`Error::Problem`] when the address has a parameter.
pub async fn list(request: HttpRequest, caller: Caller) -> Result<HttpResponse> {
    let (id, now) = (caller.organization().id.clone(), caller.now());
    let pending = caller.instance().db.read(move |connection| super::list(connection, &id)).await?;
    let items = pending.into_iter().map(|pending| InvitationView::of(pending, now)).collect();
    json(StatusCode::OK, &Page::whole(&request, items)?)
}

/// The answer that tells an invitation with its link.
fn tell(status: StatusCode, caller: &Caller, invited: Invited) -> Result<HttpResponse> {
    let (told, code) = match invited {
        Invited::Yes { told, code } => (told, code),
        Invited::NoRole => {
            let detail = "There is no such role here: a built-in one's word, or the id of one of its own.";
            return Err(wrong("#/role", detail));
        }
        Invited::NoTeam => return Err(wrong("#/teams", "There is no such team here.")),
        Invited::Beyond => return Err(Error::Forbidden(BEYOND)),
        Invited::Member => return Err(taken("#/email", "Whoever has this address is a member already.")),
        Invited::Full(full) => return Err(conflict(format!("{full}."))),
    };
    let link = caller.instance().config.absolute(&urls::invitation(&code));
    json(status, &LinkView { invitation: InvitationView::of(told, caller.now()), link })
}

/// `POST /api/v1/organizations/{slug}/invitations`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InvitationBody {
    email: String,
    role: String,
    teams: Vec<String>,
}

/// `POST /api/v1/organizations/{slug}/invitations`: the mailed link goes to the address; the one in the answer is for where
/// mail does not work.
///
/// # Errors
/// [`Error::Problem`]; [`Error::TooMany`].
pub async fn create(sent: Sent<CallerConfirmed, InvitationBody>) -> Result<HttpResponse> {
    let Sent { who: caller, body } = sent;
    let form = InvitationForm { email: body.email, role: body.role, team: body.teams };
    let problems = Problems::of(&form);
    if !problems.is_empty() {
        return Err(invalid(&problems));
    }
    let new = NewInvitation {
        email: form.email.trim().to_owned(),
        role: form.role,
        teams: form.team.into_iter().map(TeamId::from).collect(),
    };
    let invited = invite(&caller, new).await?;
    tell(StatusCode::CREATED, &caller, invited)
}

/// `POST /api/v1/organizations/{slug}/invitations/{id}/resend`: the same once more, from whoever asks, with another link.
///
/// # Errors
/// [`Error::NotFound`] when it is used, or not one of this organization's; [`Error::TooMany`].
pub async fn resend(caller: CallerConfirmed, path: Id) -> Result<HttpResponse> {
    let (organization, id) = (caller.organization().id.clone(), path.into_inner().1);
    let reading = caller.instance().db.read(move |connection| super::as_made(connection, &organization, &id));
    let invited = invite(&caller, reading.await?).await?;
    tell(StatusCode::OK, &caller, invited)
}

/// `DELETE /api/v1/organizations/{slug}/invitations/{id}`.
///
/// # Errors
/// [`Error::NotFound`] when it is used, or not one of this organization's.
pub async fn cancel(caller: Caller, path: Id) -> Result<HttpResponse> {
    let id = path.into_inner().1;
    let cancelling = caller.change(move |tx, acting, now, catalogue| super::cancel(tx, acting, now, &id, catalogue));
    if cancelling.await? { Ok(done()) } else { Err(Error::Forbidden(TAKE_BACK)) }
}
