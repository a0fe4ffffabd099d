//! The audit log: what happened, by whom, through what, from where.
//!
//! [`record`] takes the write transaction of the change itself, so that neither stands without the other, and an
//! [`Actor`], so that no verb can forget to say who acted. It keeps ids, names of things, and words of its own; never a
//! secret, never what was typed into a password field.

pub mod pages;
mod queries;

pub use queries::{Entry, for_user};

use actix_web::HttpRequest;
use diesel::prelude::*;

use crate::clock::Timestamp;
use crate::db::Tx;
use crate::db::schema::audit_events;
use crate::error::Result;
use crate::ids::{OrganizationId, SessionId, UserId, ulid};
use crate::text_enum;

text_enum! {
    /// What can happen.
    pub enum Action {
        /// The first administrator was made.
        InstanceSetUp = "instance.set_up",
        /// A sign-in.
        SignedIn = "session.signed_in",
        /// A sign-in that was refused.
        SignInRefused = "session.sign_in_refused",
        /// A sign-out.
        SignedOut = "session.signed_out",
        /// Sessions were ended without their browsers' doing.
        SessionsEnded = "session.ended",
        /// "Confirm it is you" was answered.
        Confirmed = "session.confirmed",
        /// "Confirm it is you" was answered wrongly.
        ConfirmRefused = "session.confirm_refused",
        /// First or last name changed.
        ProfileChanged = "profile.changed",
        /// Light, dark or as the system.
        AppearanceChanged = "appearance.changed",
        /// The password changed; the other sessions ended.
        PasswordChanged = "password.changed",
        /// A link to a new password was asked for.
        PasswordForgotten = "password.forgotten",
        /// The password was set anew through a mailed link; every session ended.
        PasswordReset = "password.reset",
        /// Somebody asked for an account.
        SignUpAsked = "sign_up.asked",
        /// An account was made, its address proved.
        SignedUp = "sign_up.confirmed",
        /// An invitation was made.
        Invited = "invitation.created",
        /// An invitation was taken back.
        InvitationCancelled = "invitation.cancelled",
        /// A token was made.
        TokenCreated = "token.created",
        /// A token was revoked.
        TokenRevoked = "token.revoked",
        /// A token was deleted.
        TokenDeleted = "token.deleted",
        /// A verifier was made.
        VerifierCreated = "verifier.created",
        /// A verifier was deleted.
        VerifierDeleted = "verifier.deleted",
    }
}

impl Action {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::InstanceSetUp => "Keystead set up, first administrator made",
            Self::SignedIn => "Signed in",
            Self::SignInRefused => "Sign-in refused",
            Self::SignedOut => "Signed out",
            Self::SessionsEnded => "Sessions ended",
            Self::Confirmed => "Confirmed it was you",
            Self::ConfirmRefused => "Confirmation refused",
            Self::ProfileChanged => "Profile changed",
            Self::AppearanceChanged => "Appearance changed",
            Self::PasswordChanged => "Password changed",
            Self::PasswordForgotten => "Link to a new password asked for",
            Self::PasswordReset => "Password set anew through a mailed link",
            Self::SignUpAsked => "Account asked for",
            Self::SignedUp => "Account made",
            Self::Invited => "Invitation sent",
            Self::InvitationCancelled => "Invitation taken back",
            Self::TokenCreated => "Personal access token created",
            Self::TokenRevoked => "Personal access token revoked",
            Self::TokenDeleted => "Personal access token deleted",
            Self::VerifierCreated => "Verifier created",
            Self::VerifierDeleted => "Verifier deleted",
        }
    }
}

text_enum! {
    /// What kind of somebody acted.
    pub enum ActorKind {
        /// A person.
        User = "user",
        /// The operator at the command line.
        Operator = "operator",
        /// The instance itself.
        System = "system",
        /// Somebody who is not signed in.
        Stranger = "stranger",
    }
}

/// Where a request came from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The client's address, as far as proxies are trusted.
    pub address: String,
    /// The `User-Agent`, cut to a sensible length, without control characters.
    pub agent: String,
}

impl Origin {
    /// That of a request.
    pub fn of(request: &HttpRequest) -> Self {
        let agent = request
            .headers()
            .get(actix_web::http::header::USER_AGENT)
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .unwrap_or_default();
        Self { address: crate::web::client::address(request).to_string(), agent: crate::text::shown(&agent, 300) }
    }
}

/// Who acted, through what, from where. Required by every verb.
#[derive(Debug, Clone)]
pub struct Actor {
    kind: ActorKind,
    id: String,
    through: String,
    origin: Origin,
}

impl Actor {
    /// A user in a browser.
    pub fn session(user: &UserId, session: &SessionId, origin: Origin) -> Self {
        Self { kind: ActorKind::User, id: user.to_string(), through: format!("session {session}"), origin }
    }

    /// A user who has no session yet: at sign-in and at setup.
    pub fn arriving(user: &UserId, origin: Origin) -> Self {
        Self { kind: ActorKind::User, id: user.to_string(), through: "sign-in".to_owned(), origin }
    }

    /// A user who came through a mailed link.
    pub fn mailed_link(user: &UserId, origin: Origin) -> Self {
        Self { kind: ActorKind::User, id: user.to_string(), through: "mailed link".to_owned(), origin }
    }

    /// Somebody unknown.
    pub fn stranger(origin: Origin) -> Self {
        Self { kind: ActorKind::Stranger, id: String::new(), through: "sign-in".to_owned(), origin }
    }

    /// The operator.
    pub fn command_line() -> Self {
        Self {
            kind: ActorKind::Operator,
            id: String::new(),
            through: "command line".to_owned(),
            origin: Origin::default(),
        }
    }

    /// Who acted, if it was somebody signed in.
    pub fn user(&self) -> Option<UserId> {
        (self.kind == ActorKind::User).then(|| UserId::from(self.id.clone()))
    }

    /// Where the request came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// One thing that happened.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    /// What.
    pub action: Action,
    /// Whose security log it belongs to.
    pub user: Option<&'a UserId>,
    /// Whose organization's log it belongs to.
    pub organization: Option<&'a OrganizationId>,
    /// The id of what it happened to.
    pub subject_id: &'a str,
    /// The name of what it happened to, at that moment.
    pub subject_name: &'a str,
    /// More, in words of Keystead's own.
    pub detail: &'a str,
}

impl<'a> Event<'a> {
    /// Something that happened to a user's own account.
    pub fn of_user(action: Action, user: &'a UserId) -> Self {
        Self { action, user: Some(user), organization: None, subject_id: user.as_str(), subject_name: "", detail: "" }
    }
}

/// Writes one entry, in the transaction of the change it tells of.
///
/// # Errors
/// When the database refuses; then the change is rolled back with it.
pub fn record(tx: &mut Tx<'_>, actor: &Actor, now: Timestamp, event: &Event<'_>) -> Result<()> {
    diesel::insert_into(audit_events::table)
        .values((
            audit_events::id.eq(ulid()),
            audit_events::at.eq(now),
            audit_events::action.eq(event.action),
            audit_events::actor_kind.eq(actor.kind),
            audit_events::actor_id.eq(&actor.id),
            audit_events::through.eq(&actor.through),
            audit_events::address.eq(&actor.origin.address),
            audit_events::agent.eq(&actor.origin.agent),
            audit_events::user_id.eq(event.user),
            audit_events::organization_id.eq(event.organization),
            audit_events::subject_id.eq(event.subject_id),
            audit_events::subject_name.eq(event.subject_name),
            audit_events::detail.eq(event.detail),
        ))
        .execute(&mut **tx)?;
    Ok(())
}
