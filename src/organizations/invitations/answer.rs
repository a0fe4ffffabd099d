//! `/invitations/{code}` for whoever is invited to an organization: join, decline, or the way to an account that can.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::{Answered, Offer, accept, decline, offer};
use crate::app::Instance;
use crate::auth::SignedIn;
use crate::error::Result;
use crate::organizations::pages::done;
use crate::organizations::queries::Organization;
use crate::organizations::service::work_in;
use crate::urls;
use crate::users::email_key;
use crate::web::{Moment, Notice, Posted, Pressed, Shell, Visitor, filters, html};

#[derive(Template)]
#[template(path = "organizations/join.html")]
struct JoinPage {
    shell: Shell,
    organization: String,
    by: String,
    role: String,
    teams: Vec<String>,
    email: String,
    ends: Moment,
    action_url: String,
    decline_url: String,
    state: State,
}

/// Who looks at it.
#[derive(PartialEq, Eq)]
enum State {
    /// The account that it is for.
    Theirs,
    /// Another account.
    Elsewhere,
    /// Nobody who is signed in; there is an account with the address.
    SignIn,
    /// Nobody who is signed in, where no accounts are made; the link does not tell whether there is one.
    SignInAlone,
    /// Nobody who is signed in, where no accounts are made; there is none.
    NoAccount,
}

/// The open invitation behind a code, if it is one to an organization.
///
/// # Errors
/// When the database refuses.
pub async fn find(instance: &Instance, code: &str) -> Result<Option<Offer>> {
    let (code, now, catalogue) = (code.to_owned(), instance.clock.now(), instance.config.catalogue.clone());
    instance.db.read(move |connection| offer(connection, &code, now, &catalogue)).await
}

fn page(visitor: &Visitor, offer: Offer, code: &str, state: State, status: StatusCode) -> Result<HttpResponse> {
    let title = format!("Join {}", offer.organization.name);
    html(
        status,
        &JoinPage {
            shell: visitor.shell(&title, ""),
            by: offer.by,
            role: offer.role,
            teams: offer.teams,
            email: offer.email,
            ends: Moment::new(offer.expires_at, visitor.now()),
            action_url: urls::invitation(code),
            decline_url: urls::invitation_decline(&offer.id),
            organization: offer.organization.name,
            state,
        },
    )
}

/// Its page for somebody who is signed in: theirs, or kindly not. By its id alone it is nobody else's.
///
/// # Errors
/// When the template fails.
pub fn for_account(visitor: &Visitor, offer: Offer, code: &str) -> Result<Option<HttpResponse>> {
    let Some(account) = visitor.account() else { return Ok(None) };
    let theirs = email_key(&account.email) == email_key(&offer.email);
    if !theirs && crate::ids::is_ulid(code) {
        return Ok(None);
    }
    let state = if theirs { State::Theirs } else { State::Elsewhere };
    page(visitor, offer, code, state, StatusCode::OK).map(Some)
}

/// Its page for a stranger with the mailbox of an address that has an account: sign in first.
///
/// # Errors
/// When the template fails.
pub fn to_sign_in(visitor: &Visitor, offer: Offer, code: &str) -> Result<HttpResponse> {
    page(visitor, offer, code, State::SignIn, StatusCode::OK)
}

/// Its page for a stranger where an invitation to an organization makes no account. Only whoever has the mailbox learns
/// whether there is one.
///
/// # Errors
/// When the template fails.
pub fn to_the_operator(visitor: &Visitor, offer: Offer, code: &str) -> Result<HttpResponse> {
    let (state, status) = if offer.has_mailbox {
        (State::NoAccount, StatusCode::FORBIDDEN)
    } else {
        (State::SignInAlone, StatusCode::OK)
    };
    page(visitor, offer, code, state, status)
}

/// Where whoever is in goes on: the overview, or where one sees that one is in.
pub fn home(organization: &Organization, sees: bool) -> String {
    if sees { urls::organization(&organization.slug) } else { urls::organizations() }
}

/// Accepts it, for whoever is signed in.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is over.
pub async fn join(visitor: &Visitor, instance: &Instance, code: &str) -> Result<HttpResponse> {
    let (who, now) = (visitor.signed_in()?, instance.clock.now());
    let (text, catalogue, notices) = (code.to_owned(), instance.config.catalogue.clone(), instance.notices.clone());
    let answered = instance
        .db
        .write(move |tx| {
            let actor = who.actor(tx, now)?;
            let answered = accept(tx, (&who.account().user_id, &actor), &text, now, &catalogue, Some(&notices))?;
            if let Answered::Joined(organization, _) = &answered {
                work_in(tx, &who, &organization.id)?;
            }
            Ok(answered)
        })
        .await?;
    match answered {
        Answered::Joined(organization, sees) => {
            Ok(done(instance, &home(&organization, sees), Notice::OrganizationJoined))
        }
        Answered::Member(_) => Ok(done(instance, &urls::organizations(), Notice::AlreadyMember)),
        Answered::Elsewhere(offer) => page(visitor, *offer, code, State::Elsewhere, StatusCode::FORBIDDEN),
        Answered::Full(organization) => full(visitor, &organization),
    }
}

/// There is no room; the invitation stays open.
///
/// # Errors
/// When the template fails.
pub fn full(visitor: &Visitor, organization: &Organization) -> Result<HttpResponse> {
    let heading = format!("{} is full", organization.name);
    let text = "Its license allows no more members at the moment. Ask whoever invited you to make room; your invitation stays open until it ends.";
    crate::sign_up::pages::said(
        visitor,
        StatusCode::CONFLICT,
        &heading,
        text,
        "",
        urls::organizations(),
        "My organizations",
    )
}

/// `POST /invitations/{id}/decline`.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is over, or for another address.
pub async fn say_no(
    who: SignedIn,
    instance: web::Data<Instance>,
    id: web::Path<String>,
    _: Posted<Pressed>,
) -> Result<HttpResponse> {
    let (id, now) = (id.into_inner(), instance.clock.now());
    instance
        .db
        .write(move |tx| {
            let actor = who.actor(tx, now)?;
            decline(tx, (&who.account().user_id, &actor), &id, now)
        })
        .await?;
    Ok(done(&instance, &urls::organizations(), Notice::InvitationDeclined))
}
