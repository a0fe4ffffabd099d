//! The audit log: what happened, by whom, through what, from where.
//!
//! [`record`] takes the write transaction of the change itself, so that neither stands without the other, and an
//! [`Actor`], so that no verb can forget to say who acted. It keeps ids, names of things, and words of its own; never a
//! secret, never what was typed into a password field.

pub mod pages;
mod queries;

pub use queries::{Entry, Sought, Told, for_organization, for_user, of_key, of_subject};

use std::sync::Arc;

use actix_web::HttpRequest;
use diesel::prelude::*;

use crate::auth::capability::instance;
use crate::auth::device::{self, Codes};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::db::schema::audit_events;
use crate::error::Result;
use crate::ids::{OrganizationId, ServiceAccountId, SessionId, TokenId, UserId, ulid};
use crate::mail::Notices;
use crate::text_enum;
use crate::users::email_key;
use crate::web::page::cookie_name;

text_enum! {
    /// What can happen.
    pub enum Action {
        /// The first administrator was made.
        InstanceSetUp = "instance.set_up",
        /// A sign-in.
        SignedIn = "session.signed_in",
        /// A sign-in that was refused.
        SignInRefused = "session.sign_in_refused",
        /// Far more wrong passwords than people type, over the whole instance.
        SignInFlood = "session.sign_in_flood",
        /// Passwords are taken from unknown browsers again.
        SignInUnlocked = "session.sign_in_unlocked",
        /// A sign-out.
        SignedOut = "session.signed_out",
        /// A terminal's login was approved.
        TerminalApproved = "terminal.approved",
        /// A terminal's login was denied.
        TerminalDenied = "terminal.denied",
        /// A terminal fetched the login that was approved.
        TerminalSignedIn = "terminal.signed_in",
        /// Sessions were ended without their browsers' doing.
        SessionsEnded = "session.ended",
        /// "Confirm it is you" was answered.
        Confirmed = "session.confirmed",
        /// "Confirm it is you" was answered wrongly.
        ConfirmRefused = "session.confirm_refused",
        /// The first factor was right, and the second one asked for.
        SecondFactorAsked = "second_factor.asked",
        /// A wrong second factor.
        SecondFactorRefused = "second_factor.refused",
        /// A second factor was added.
        SecondFactorAdded = "second_factor.added",
        /// A second factor was taken away.
        SecondFactorRemoved = "second_factor.removed",
        /// A link to take the second factor away was made, by an administrator or the operator.
        SecondFactorResetOffered = "second_factor.reset_offered",
        /// The second factor was taken away through such a link.
        SecondFactorReset = "second_factor.reset",
        /// New recovery codes were made.
        RecoveryCodesMade = "recovery_codes.made",
        /// A recovery code was used.
        RecoveryCodeUsed = "recovery_codes.used",
        /// First or last name changed.
        ProfileChanged = "profile.changed",
        /// Light, dark or as the system.
        AppearanceChanged = "appearance.changed",
        /// The password changed; the other sessions ended.
        PasswordChanged = "password.changed",
        /// Another address to sign in with was asked for.
        EmailChangeAsked = "email.change_asked",
        /// That was taken back.
        EmailChangeTakenBack = "email.change_taken_back",
        /// The address to sign in with changed; other sessions ended.
        EmailChanged = "email.changed",
        /// The old mailbox said that it was somebody else.
        EmailChangeUndone = "email.change_undone",
        /// A link to a new password was asked for.
        PasswordForgotten = "password.forgotten",
        /// The password was set anew through a mailed link; every session ended.
        PasswordReset = "password.reset",
        /// Somebody asked for an account.
        SignUpAsked = "sign_up.asked",
        /// An account was closed by an administrator.
        AccountSuspended = "account.suspended",
        /// It was opened again.
        AccountReactivated = "account.reactivated",
        /// An account was made, its address proved.
        SignedUp = "sign_up.confirmed",
        /// A provider's account was connected with somebody's own.
        IdentityConnected = "identity.connected",
        /// It was disconnected.
        IdentityDisconnected = "identity.disconnected",
        /// An invitation was made.
        Invited = "invitation.created",
        /// One to an organization was made anew, with another link.
        InvitedAgain = "invitation.sent_again",
        /// An invitation was taken back.
        InvitationCancelled = "invitation.cancelled",
        /// Whoever was invited to an organization declined.
        InvitationDeclined = "invitation.declined",
        /// A passkey was added.
        PasskeyAdded = "passkey.added",
        /// A passkey got another name.
        PasskeyRenamed = "passkey.renamed",
        /// A passkey was removed.
        PasskeyRemoved = "passkey.removed",
        /// A passkey was refused, since there may be a copy of it.
        PasskeyCopied = "passkey.copied",
        /// An administrator read somebody's mail in the outbox, its link included.
        MailRead = "mail.read",
        /// A token was made.
        TokenCreated = "token.created",
        /// A token's name, description or rights changed.
        TokenChanged = "token.changed",
        /// A token got a new secret.
        TokenRegenerated = "token.regenerated",
        /// A token's old secret was ended before its time.
        TokenOldSecretEnded = "token.old_secret_ended",
        /// A token's old secret was tried after it had ended.
        TokenOldSecretUsed = "token.old_secret_used",
        /// A token was revoked.
        TokenRevoked = "token.revoked",
        /// A token was deleted.
        TokenDeleted = "token.deleted",
        /// An organization's key was made.
        KeyCreated = "api_key.created",
        /// A key stopped, since its maker is no longer a member.
        KeyStopped = "api_key.stopped",
        /// A key acts for a service account from now on.
        KeyHandedOver = "api_key.handed_over",
        /// A key was deleted.
        KeyDeleted = "api_key.deleted",
        /// A service account was made.
        ServiceAccountCreated = "service_account.created",
        /// Its name, description, role or responsible member changed.
        ServiceAccountChanged = "service_account.changed",
        /// Its tokens and keys stopped working until it is enabled.
        ServiceAccountDisabled = "service_account.disabled",
        /// They work again.
        ServiceAccountEnabled = "service_account.enabled",
        /// It ended, its tokens and keys with it.
        ServiceAccountDeleted = "service_account.deleted",
        /// Something else is allowed in an organization.
        OrganizationPolicyChanged = "organization.policy_changed",
        /// A token ends earlier than it did, since the rules are stricter.
        TokenCut = "token.cut",
        /// What tokens may be changed, for the instance or an organization.
        TokenPolicyChanged = "token_policy.changed",
        /// A shared organization was made.
        OrganizationCreated = "organization.created",
        /// Its name or address changed.
        OrganizationChanged = "organization.changed",
        /// It ended.
        OrganizationDeleted = "organization.deleted",
        /// It has another owner.
        OrganizationHandedOver = "organization.handed_over",
        /// Somebody became a member.
        MemberJoined = "member.joined",
        /// A member got another role.
        MemberRoleChanged = "member.role_changed",
        /// A member was removed.
        MemberRemoved = "member.removed",
        /// A member left.
        MemberLeft = "member.left",
        /// A member became a target, or is none any more.
        MemberTargetChanged = "member.target_changed",
        /// An organization's own role was made.
        RoleCreated = "role.created",
        /// What it allows changed.
        RoleChanged = "role.changed",
        /// It ended.
        RoleDeleted = "role.deleted",
        /// A team was made.
        TeamCreated = "team.created",
        /// Its name or role changed.
        TeamChanged = "team.changed",
        /// It ended.
        TeamDeleted = "team.deleted",
        /// A member came into a team.
        TeamMemberAdded = "team.member_added",
        /// A member was taken out of a team.
        TeamMemberRemoved = "team.member_removed",
        /// What an organization may have changed.
        LicenseChanged = "license.changed",
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
            Self::SignInFlood => "Far more wrong passwords than people type",
            Self::SignInUnlocked => "Sign-in with the password turned on again",
            Self::SignedOut => "Signed out",
            Self::TerminalApproved => "Terminal approved",
            Self::TerminalDenied => "Terminal denied",
            Self::TerminalSignedIn => "Terminal signed in",
            Self::SessionsEnded => "Sessions ended",
            Self::Confirmed => "Confirmed it was you",
            Self::ConfirmRefused => "Confirmation refused",
            Self::SecondFactorAsked => "Second factor asked for",
            Self::SecondFactorRefused => "Second factor refused",
            Self::SecondFactorAdded => "Second factor added",
            Self::SecondFactorRemoved => "Second factor removed",
            Self::SecondFactorResetOffered => "Link to remove the second factor made",
            Self::SecondFactorReset => "Second factor removed through a link",
            Self::RecoveryCodesMade => "Recovery codes made",
            Self::RecoveryCodeUsed => "Recovery code used",
            Self::ProfileChanged => "Profile changed",
            Self::AppearanceChanged => "Appearance changed",
            Self::PasswordChanged => "Password changed",
            Self::EmailChangeAsked => "Change of the e-mail address asked for",
            Self::EmailChangeTakenBack => "Change of the e-mail address taken back",
            Self::EmailChanged => "E-mail address changed",
            Self::EmailChangeUndone => "Change of the e-mail address undone from the old mailbox",
            Self::PasswordForgotten => "Link to a new password asked for",
            Self::PasswordReset => "Password set anew through a mailed link",
            Self::SignUpAsked => "Account asked for",
            Self::AccountSuspended => "Account suspended",
            Self::AccountReactivated => "Account opened again",
            Self::SignedUp => "Account made",
            Self::IdentityConnected => "Sign-in account connected",
            Self::IdentityDisconnected => "Sign-in account disconnected",
            Self::Invited => "Invitation sent",
            Self::InvitedAgain => "Invitation sent again",
            Self::InvitationCancelled => "Invitation taken back",
            Self::InvitationDeclined => "Invitation declined",
            Self::PasskeyAdded => "Passkey added",
            Self::PasskeyRenamed => "Passkey renamed",
            Self::PasskeyRemoved => "Passkey removed",
            Self::PasskeyCopied => "Passkey refused, there may be a copy of it",
            Self::MailRead => "A mail read by an administrator",
            Self::TokenCreated => "Access token created",
            Self::TokenChanged => "Access token changed",
            Self::TokenRegenerated => "Access token regenerated",
            Self::TokenOldSecretEnded => "Old secret of a token ended",
            Self::TokenOldSecretUsed => "Ended secret tried, and refused",
            Self::TokenRevoked => "Access token revoked",
            Self::TokenDeleted => "Access token deleted",
            Self::TokenCut => "Access token ends earlier",
            Self::TokenPolicyChanged => "Rules for tokens changed",
            Self::KeyCreated => "API key created",
            Self::KeyStopped => "API key stopped",
            Self::KeyHandedOver => "API key handed to a service account",
            Self::KeyDeleted => "API key deleted",
            Self::ServiceAccountCreated => "Service account created",
            Self::ServiceAccountChanged => "Service account changed",
            Self::ServiceAccountDisabled => "Service account disabled",
            Self::ServiceAccountEnabled => "Service account enabled",
            Self::ServiceAccountDeleted => "Service account deleted",
            Self::OrganizationPolicyChanged => "Organization policy changed",
            Self::OrganizationCreated => "Organization created",
            Self::OrganizationChanged => "Organization changed",
            Self::OrganizationDeleted => "Organization deleted",
            Self::OrganizationHandedOver => "Organization handed over",
            Self::MemberJoined => "Member joined",
            Self::MemberRoleChanged => "Member's role changed",
            Self::MemberRemoved => "Member removed",
            Self::MemberLeft => "Member left",
            Self::MemberTargetChanged => "Being a target changed",
            Self::RoleCreated => "Role created",
            Self::RoleChanged => "Role changed",
            Self::RoleDeleted => "Role deleted",
            Self::TeamCreated => "Team created",
            Self::TeamChanged => "Team changed",
            Self::TeamDeleted => "Team deleted",
            Self::TeamMemberAdded => "Member added to a team",
            Self::TeamMemberRemoved => "Member removed from a team",
            Self::LicenseChanged => "License changed",
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
        /// An organization's member that is no person.
        ServiceAccount = "service_account",
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
    /// What the browser's cookie says about earlier sign-ins. Not logged.
    pub device: Codes,
    /// What tells the owner of a sign-in from here, where it is one of this instance's own pages that was asked.
    pub notices: Option<Arc<Notices>>,
}

impl Origin {
    /// That of a request.
    pub fn of(request: &HttpRequest) -> Self {
        let agent = request
            .headers()
            .get(actix_web::http::header::USER_AGENT)
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .unwrap_or_default();
        let instance = instance(request);
        let cookie = request.cookie(&cookie_name(instance.config.is_https(), device::COOKIE));
        Self {
            address: crate::web::client::address(request).to_string(),
            agent: crate::text::shown(&agent, 300),
            device: cookie.map(|cookie| Codes::of(cookie.value())).unwrap_or_default(),
            notices: Some(Arc::clone(&instance.notices)),
        }
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

    /// A user in a terminal.
    pub fn terminal(user: &UserId, session: &SessionId, origin: Origin) -> Self {
        Self { kind: ActorKind::User, id: user.to_string(), through: format!("terminal {session}"), origin }
    }

    /// A user who has no session yet: at sign-in and at setup.
    pub fn arriving(user: &UserId, origin: Origin) -> Self {
        Self { kind: ActorKind::User, id: user.to_string(), through: "sign-in".to_owned(), origin }
    }

    /// A user who came through a mailed link.
    pub fn mailed_link(user: &UserId, origin: Origin) -> Self {
        Self { kind: ActorKind::User, id: user.to_string(), through: "mailed link".to_owned(), origin }
    }

    /// A user's token.
    pub fn token(user: Option<&UserId>, token: &TokenId, origin: Origin) -> Self {
        let id = user.map(ToString::to_string).unwrap_or_default();
        Self { kind: ActorKind::User, id, through: format!("token {token}"), origin }
    }

    /// A service account, with a token of its own or a key that was handed to it.
    pub fn service_account(account: &ServiceAccountId, token: &TokenId, origin: Origin) -> Self {
        Self { kind: ActorKind::ServiceAccount, id: account.to_string(), through: format!("token {token}"), origin }
    }

    /// Somebody unknown.
    pub fn stranger(origin: Origin) -> Self {
        Self { kind: ActorKind::Stranger, id: String::new(), through: "sign-in".to_owned(), origin }
    }

    /// The instance itself, on account of a request from somewhere.
    pub fn system(origin: Origin) -> Self {
        Self { kind: ActorKind::System, id: String::new(), through: "system".to_owned(), origin }
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

/// What changes about what something is called and what is said of it, in words for an entry; both as (name, description).
pub fn renamed(before: (&str, &str), after: (&str, &str)) -> Vec<String> {
    let name = (before.0 != after.0).then(|| format!("called {} before", before.0));
    let description = (before.1 != after.1).then(|| "description".to_owned());
    name.into_iter().chain(description).collect()
}

/// From what to what something went, in words for an entry.
pub fn went(before: &str, after: &str) -> String {
    format!("from {before} to {after}")
}

/// Writes one entry, in the transaction of the change it tells of.
///
/// # Errors
/// When the database refuses; then the change is rolled back with it.
pub fn record(tx: &mut Tx<'_>, actor: &Actor, now: Timestamp, event: &Event<'_>) -> Result<()> {
    // Only an organization's log is searched by words.
    let searched = event.organization.map(|_| email_key(&format!("{} {}", event.subject_name, event.detail)));
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
            audit_events::search_key.eq(searched.unwrap_or_default()),
        ))
        .execute(&mut **tx)?;
    Ok(())
}
