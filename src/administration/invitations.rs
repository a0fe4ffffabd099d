//! `/admin/invitations`.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use validator::Validate;

use crate::app::Instance;
use crate::auth::Administrator;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::ids::InvitationId;
use crate::sign_up::invitations::{self, Invitation};
use crate::text;
use crate::urls;
use crate::web::form::AdministratorPost;
use crate::web::{
    Badge, Field, FieldError, Moment, Notice, Pressed, Problems, Shell, Visitor, filters, html, see_other,
};

#[derive(Template)]
#[template(path = "admin/invitations.html")]
struct InvitationsPage {
    shell: Shell,
    errors: Vec<FieldError>,
    email: Field,
    /// A link that was just made: to whom, and where it leads.
    made: Option<(String, String)>,
    rows: Vec<InvitationRow>,
}

struct InvitationRow {
    email: String,
    created: Moment,
    expires: Moment,
    status: Badge,
    cancel_url: String,
}

fn row(invitation: Invitation, now: Timestamp) -> InvitationRow {
    let over = invitation.expires_at <= now;
    InvitationRow {
        created: Moment::new(invitation.created_at, now),
        expires: Moment::new(invitation.expires_at, now),
        status: if over { Badge { kind: "quiet", word: "Expired" } } else { Badge { kind: "good", word: "Open" } },
        cancel_url: urls::admin_invitation_cancel(&invitation.id),
        email: invitation.email,
    }
}

/// What the form sends.
#[derive(Default, Deserialize, Validate)]
#[serde(default)]
pub struct InvitationForm {
    #[validate(custom(function = text::email))]
    email: String,
}

async fn page(
    visitor: &Visitor,
    instance: &Instance,
    status: StatusCode,
    form: &InvitationForm,
    problems: &Problems,
    made: Option<(String, String)>,
) -> Result<HttpResponse> {
    let now = instance.clock.now();
    let rows = instance.db.read(invitations::list).await?;
    html(
        status,
        &InvitationsPage {
            shell: visitor.shell("Invitations", "admin-invitations"),
            errors: problems.list(),
            email: problems.field("email", &form.email),
            made,
            rows: rows.into_iter().map(|invitation| row(invitation, now)).collect(),
        },
    )
}

/// `GET /admin/invitations`.
///
/// # Errors
/// When the database refuses.
pub async fn list(
    _: Administrator,
    visitor: Visitor,
    instance: web::Data<Instance>,
    form: web::Query<InvitationForm>,
) -> Result<HttpResponse> {
    page(&visitor, &instance, StatusCode::OK, &form, &Problems::none(), None).await
}

/// `POST /admin/invitations`. The link is in the answer, for where there is no mail server.
///
/// # Errors
/// When the database refuses.
pub async fn create(
    visitor: Visitor,
    instance: web::Data<Instance>,
    posted: AdministratorPost<InvitationForm>,
) -> Result<HttpResponse> {
    let (who, form) = (posted.who, posted.form);
    let mut problems = Problems::of(&form);
    if problems.is_empty() {
        match invitations::invite(&instance, who, &form.email).await {
            Ok(code) => {
                let made = (form.email.trim().to_owned(), instance.config.absolute(&urls::invitation(&code)));
                let empty = InvitationForm::default();
                return page(&visitor, &instance, StatusCode::OK, &empty, &problems, Some(made)).await;
            }
            Err(Error::Taken(_)) => problems.add("email", "There is an account with this address already."),
            Err(error) => return Err(error),
        }
    }
    page(&visitor, &instance, StatusCode::UNPROCESSABLE_ENTITY, &form, &problems, None).await
}

/// `POST /admin/invitations/{id}/cancel`.
///
/// # Errors
/// [`Error::NotFound`] when it is used or was never there.
pub async fn cancel(
    instance: web::Data<Instance>,
    id: web::Path<InvitationId>,
    posted: AdministratorPost<Pressed>,
) -> Result<HttpResponse> {
    let (id, now) = (id.into_inner(), instance.clock.now());
    instance.db.write(move |tx| invitations::cancel(tx, &posted.who, &id, now)).await?;
    let mut response = see_other(&urls::admin_invitations());
    Notice::InvitationCancelled.send(&mut response, instance.config.is_https());
    Ok(response)
}
