//! Notices: what the next page says after something was done. Only a code travels, in a cookie of its own, so a notice
//! can hold neither a secret nor anything that somebody typed.

use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpRequest, HttpResponse};

use crate::text_enum;

const COOKIE: &str = "keystead_notice";

text_enum! {
    /// Everything that a page can say about what was just done.
    pub enum Notice {
        /// After a form without scripts.
        ProfileSaved = "profile-saved",
        /// A picture is there.
        PictureSaved = "picture-saved",
        /// It is gone.
        PictureRemoved = "picture-removed",
        /// A new address waits for its mailbox.
        EmailChangeAsked = "email-change-asked",
        /// The same where no mail travels.
        EmailChangeAskedHere = "email-change-asked-here",
        /// It no longer waits.
        EmailChangeTakenBack = "email-change-taken-back",
        /// One mailbox said yes, the other has still to.
        EmailChangeWaits = "email-change-waits",
        /// The same where no mail travels.
        EmailChangeWaitsHere = "email-change-waits-here",
        /// Signed in with another address from now on.
        EmailChanged = "email-changed",
        /// Back to the old address; a new password is to be chosen.
        EmailChangeUndone = "email-change-undone",
        /// The same where there are no passwords.
        EmailChangeUndoneHere = "email-change-undone-here",
        /// After a form without scripts.
        AppearanceSaved = "appearance-saved",
        /// The other sessions ended.
        PasswordChanged = "password-changed",
        /// It stopped working.
        TokenRevoked = "token-revoked",
        /// Those of a selection stopped working.
        TokensRevoked = "tokens-revoked",
        /// It is gone.
        TokenDeleted = "token-deleted",
        /// They are gone.
        TokensDeleted = "tokens-deleted",
        /// Name, description or rights are as they were sent.
        TokenUpdated = "token-updated",
        /// It may do less.
        TokenScopeRemoved = "token-scope-removed",
        /// It may do nothing.
        TokenScopesCleared = "token-scopes-cleared",
        /// The same form came twice.
        TokenAlreadyRegenerated = "token-already-regenerated",
        /// The old secret stopped working.
        TokenOldSecretEnded = "token-old-secret-ended",
        /// The same form came twice.
        TokenAlreadyCreated = "token-already-created",
        /// The same form came twice, and what it made is gone.
        TokenFormUsed = "token-form-used",
        /// The same form came twice.
        KeyAlreadyCreated = "key-already-created",
        /// The same form came twice, and what it made is gone.
        KeyFormUsed = "key-form-used",
        /// It stopped working.
        KeyDeleted = "key-deleted",
        /// It is there, without a token.
        ServiceAccountCreated = "service-account-created",
        /// Its name, role or responsible member.
        ServiceAccountSaved = "service-account-saved",
        /// Its tokens stopped working.
        ServiceAccountDisabled = "service-account-disabled",
        /// They work again.
        ServiceAccountEnabled = "service-account-enabled",
        /// It is gone.
        ServiceAccountDeleted = "service-account-deleted",
        /// What an organization allows.
        OrganizationPolicySaved = "organization-policy-saved",
        /// A member is out, and their keys act for a service account.
        MemberRemovedKeysKept = "member-removed-keys-kept",
        /// What tokens may be.
        TokenPolicySet = "token-policy-set",
        /// It stopped working.
        VerifierDeleted = "verifier-deleted",
        /// Passwords are taken from unknown browsers again.
        SignInUnlocked = "sign-in-unlocked",
        /// Signed out.
        SignedOut = "signed-out",
        /// Proved it again.
        Confirmed = "confirmed",
        /// The account is made.
        SignedUp = "signed-up",
        /// The same, and an invitation waits.
        SignedUpInvited = "signed-up-invited",
        /// A new password, through a mailed link.
        PasswordReset = "password-reset",
        /// It may fetch its login.
        TerminalApproved = "terminal-approved",
        /// It stays out.
        TerminalDenied = "terminal-denied",
        /// One other session ended.
        SessionEnded = "session-ended",
        /// Every session ended.
        SignedOutEverywhere = "signed-out-everywhere",
        /// From now on it signs in.
        PasskeyAdded = "passkey-added",
        /// It has another name.
        PasskeyRenamed = "passkey-renamed",
        /// It no longer signs in.
        PasskeyRemoved = "passkey-removed",
        /// It no longer opens anything.
        InvitationCancelled = "invitation-cancelled",
        /// A provider's account was connected.
        Connected = "connected",
        /// It opens another account here.
        ConnectionTaken = "connection-taken",
        /// It took too long, or was finished already.
        ConnectionOver = "connection-over",
        /// A provider's account was disconnected.
        Disconnected = "disconnected",
        /// It would have been the last way in.
        LastWayIn = "last-way-in",
        /// The same of a passkey.
        LastPasskey = "last-passkey",
        /// It is there, and one works in it.
        OrganizationCreated = "organization-created",
        /// From now on, of every member.
        SecondFactorRequired = "second-factor-required",
        /// Of nobody any more.
        SecondFactorNotRequired = "second-factor-not-required",
        /// Its name or address.
        OrganizationSaved = "organization-saved",
        /// It is gone.
        OrganizationDeleted = "organization-deleted",
        /// It has another owner.
        OrganizationHandedOver = "organization-handed-over",
        /// One is out.
        OrganizationLeft = "organization-left",
        /// One is in.
        OrganizationJoined = "organization-joined",
        /// One was in already.
        AlreadyMember = "already-member",
        /// One said no.
        InvitationDeclined = "invitation-declined",
        /// An organization may have more, or less.
        LicenseSaved = "license-saved",
        /// What the header shows.
        OrganizationSwitched = "organization-switched",
        /// One is a target, or none any more.
        TargetSaved = "target-saved",
        /// A member has another role.
        MemberRoleSaved = "member-role-saved",
        /// A member is out.
        MemberRemoved = "member-removed",
        /// A role is there.
        RoleCreated = "role-created",
        /// A role allows something else.
        RoleSaved = "role-saved",
        /// A role is gone.
        RoleDeleted = "role-deleted",
        /// A team is there.
        TeamCreated = "team-created",
        /// A team's name or role.
        TeamSaved = "team-saved",
        /// A team is gone.
        TeamDeleted = "team-deleted",
        /// Somebody is in a team.
        TeamMemberAdded = "team-member-added",
        /// Somebody is out of a team.
        TeamMemberRemoved = "team-member-removed",
        /// A sign-in took too long before its second factor.
        SignInAnew = "sign-in-anew",
        /// A sign-in ended before its second factor.
        TooManyWrongCodes = "too-many-wrong-codes",
        /// A recovery code opened the session.
        RecoveryCodeUsed = "recovery-code-used",
        /// An authenticator app was added, to an account that had recovery codes.
        SecondFactorAdded = "second-factor-added",
        /// Gone, through an administrator's link.
        SecondFactorTakenAway = "second-factor-taken-away",
        /// It is gone.
        SecondFactorRemoved = "second-factor-removed",
        /// Setup is done.
        SetUp = "set-up",
    }
}

/// A notice as the shell shows it.
#[derive(Debug, Clone)]
pub struct NoticeView {
    /// `good`, `attention` or `danger`.
    pub kind: &'static str,
    /// One or two sentences.
    pub text: String,
}

impl Notice {
    /// Those that say how many.
    fn counted(self, count: usize) -> Option<NoticeView> {
        let many = |one: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") };
        let (kind, text) = match self {
            Self::TokensRevoked if count == 0 => {
                ("good", "None of them worked any more, so nothing was revoked.".to_owned())
            }
            Self::TokensRevoked => {
                ("good", format!("You revoked {}. What uses them stopped working at once, for good.", many("token")))
            }
            Self::TokensDeleted => {
                ("good", format!("You deleted {}. Whatever used them needs new ones.", many("token")))
            }
            Self::TokenPolicySet if count == 0 => ("good", "The rules hold from now on. No token was cut.".to_owned()),
            Self::TokenPolicySet => {
                let told = if count == 1 { "Its owner is told" } else { "Their owners are told" };
                (
                    "good",
                    format!(
                        "The rules hold from now on, and {} cut. {told} by mail.",
                        if count == 1 { "1 token is".to_owned() } else { format!("{count} tokens are") }
                    ),
                )
            }
            Self::SignedOutEverywhere => {
                let ended = if count == 1 { "has ended" } else { "have ended" };
                ("good", format!("You are signed out everywhere: {} {ended}, this one too.", many("session")))
            }
            Self::TeamMemberAdded if count == 0 => (
                "good",
                "Nobody was added: whom you selected was in the team already, or is in as many as can be.".to_owned(),
            ),
            Self::TeamMemberAdded => {
                let are = if count == 1 { "is" } else { "are" };
                ("good", format!("{} {are} in the team now.", many("member")))
            }
            Self::RecoveryCodeUsed => {
                let left = match count {
                    0 => "it was the last one. Make new ones now".to_owned(),
                    1 => "1 is left. Make new ones soon".to_owned(),
                    _ => format!("{count} are left"),
                };
                let text = format!(
                    "You signed in with a recovery code, {left}. If your app is lost, remove it here and set up another one."
                );
                ("attention", text)
            }
            _ => return None,
        };
        Some(NoticeView { kind, text })
    }

    #[expect(clippy::too_many_lines, reason = "a table, one line for each notice")]
    fn view(self, count: usize) -> NoticeView {
        if let Some(view) = self.counted(count) {
            return view;
        }
        let (kind, text) = match self {
            Self::RecoveryCodeUsed => ("attention", "You signed in with a recovery code."),
            Self::SignInAnew => ("attention", "That took too long. Sign in once more."),
            Self::TooManyWrongCodes => ("attention", "Too many wrong codes. Sign in once more."),
            Self::SecondFactorAdded => (
                "good",
                "Your authenticator app is set up. From now on, signing in asks for its code. Your recovery codes still work.",
            ),
            Self::SecondFactorTakenAway => {
                ("good", "Your second factor is removed. Sign in with your password, then set up another one.")
            }
            Self::SecondFactorRemoved => {
                ("attention", "The authenticator app is removed. We sent you a mail about it.")
            }
            Self::ProfileSaved => ("good", "Your profile is saved."),
            Self::PictureSaved => ("good", "The picture is saved."),
            Self::PictureRemoved => ("good", "The picture is removed. Initials stand in its place."),
            Self::EmailChangeAsked => (
                "good",
                "We wrote to both addresses. Nothing has changed yet: open the link in the mail to the new one.",
            ),
            Self::EmailChangeAskedHere => (
                "good",
                "No mail server is set up here, so ask an administrator of this service for the links: they wait under Administration, Mail. Nothing has changed yet.",
            ),
            Self::EmailChangeWaitsHere => (
                "good",
                "Thank you. The link for the other address has still to be opened: ask an administrator of this service for it.",
            ),
            Self::EmailChangeTakenBack => ("good", "The change is taken back. Your e-mail address stays as it is."),
            Self::EmailChangeWaits => (
                "good",
                "Thank you. The other mailbox has still to say yes: open the link in the mail that we sent there.",
            ),
            Self::EmailChanged => (
                "good",
                "Your e-mail address is changed: you sign in with it from now on. All other sessions have ended.",
            ),
            Self::EmailChangeUndone => (
                "good",
                "The address is as it was, everybody is signed out, and the old password no longer works. Choose a new one.",
            ),
            Self::EmailChangeUndoneHere => (
                "good",
                "The address is as it was, and everybody is signed out. Sign in, then look through your passkeys and connected accounts under Security. Can't sign in? Ask an administrator of this service.",
            ),
            Self::AppearanceSaved | Self::TargetSaved => ("good", "Your choice is saved."),
            Self::PasswordChanged => (
                "good",
                "Your password is changed. In all other browsers you were signed out, and we sent you a mail about it.",
            ),
            Self::TokenRevoked => (
                "good",
                "The token is revoked. Its secret never works again; regenerate it to use the token with a new one.",
            ),
            Self::TokenDeleted => ("good", "The token is deleted. Whatever used it needs a new one."),
            Self::SignedOutEverywhere | Self::TokensRevoked | Self::TokensDeleted | Self::TokenPolicySet => {
                ("good", "It is done.")
            }
            Self::TokenUpdated => ("good", "The token is updated. What it may do holds from its next use."),
            Self::TokenScopeRemoved => ("good", "The right is taken from the token, from its next use."),
            Self::TokenScopesCleared => ("good", "The token may do nothing any more. It only proves that it is yours."),
            Self::TokenAlreadyRegenerated => (
                "attention",
                "This token was regenerated already, and its secret is shown only once. If you did not copy it, regenerate it again.",
            ),
            Self::TokenOldSecretEnded => ("good", "The old secret stopped working. Only the new one is good."),
            Self::TokenAlreadyCreated => (
                "attention",
                "This token was created already, and its secret is shown only once. If you did not copy it, regenerate the token.",
            ),
            Self::TokenFormUsed => (
                "attention",
                "That form had made a token already, which has been deleted since. Nothing was created now.",
            ),
            Self::KeyAlreadyCreated => (
                "attention",
                "This key was created already, and it is shown only once. If you did not copy it, delete it and create a new one.",
            ),
            Self::KeyFormUsed => (
                "attention",
                "That form had made a key already, which has been deleted since. Nothing was created now.",
            ),
            Self::KeyDeleted => ("good", "The key is deleted. What used it stopped working at once."),
            Self::ServiceAccountCreated => ("good", "The service account is there. Create its first token."),
            Self::ServiceAccountSaved => {
                ("good", "The service account is saved. What its tokens may do holds from their next use.")
            }
            Self::ServiceAccountDisabled => {
                ("good", "The service account is disabled. What uses its tokens stopped working at once.")
            }
            Self::ServiceAccountEnabled => ("good", "The service account is enabled. Its tokens work again."),
            Self::ServiceAccountDeleted => {
                ("good", "The service account is deleted. What used its tokens stopped working at once.")
            }
            Self::OrganizationPolicySaved => ("good", "It is saved, and holds from the next request on."),
            Self::MemberRemovedKeysKept => (
                "good",
                "The member is removed. Their keys act for the service account now; replace those whose secret they know.",
            ),
            Self::VerifierDeleted => ("good", "The verifier is deleted. Its credential stopped working at once."),
            Self::SignInUnlocked => ("good", "Passwords are taken again. Sign in."),
            Self::SignedOut => ("good", "You are signed out."),
            Self::Confirmed => ("good", "Thank you. Nothing was done yet: go on where you were."),
            Self::SignedUpInvited => {
                ("good", "Welcome. Your account is made; your invitation waits for your answer below.")
            }
            Self::SignedUp => ("good", "Welcome. Your account is made; have a look whether your profile is right."),
            Self::PasswordReset => {
                ("good", "Your new password is set, and every earlier session has ended. Sign in with it.")
            }
            Self::TerminalApproved => (
                "good",
                "Approved. Go back to your terminal: it signs in within seconds, and then stands below, under Terminals.",
            ),
            Self::TerminalDenied => ("good", "Denied. That terminal stays out."),
            Self::SessionEnded => ("good", "That session has ended. Its browser has to sign in again."),
            Self::PasskeyAdded => ("good", "Your passkey is added. From now on you can sign in with it."),
            Self::PasskeyRenamed => ("good", "Your passkey has its new name."),
            Self::PasskeyRemoved => (
                "good",
                "The passkey is removed here. Delete it on your device as well, so that it is no longer offered.",
            ),
            Self::InvitationCancelled => ("good", "The invitation is taken back. Its link no longer opens anything."),
            Self::Connected => {
                ("good", "The account is connected. From now on it signs you in here, and we sent you a mail about it.")
            }
            Self::ConnectionTaken => (
                "attention",
                "That account signs somebody in here already, so it was not connected. Disconnect it there first, or choose another.",
            ),
            Self::ConnectionOver => {
                ("attention", "That took longer than ten minutes, or was finished already. Nothing was connected now.")
            }
            Self::Disconnected => {
                ("good", "The account is disconnected and no longer signs you in. We sent you a mail about it.")
            }
            Self::LastWayIn => (
                "attention",
                "It is your only way in, so it stays connected. Connect another account or add a passkey first.",
            ),
            Self::LastPasskey => (
                "attention",
                "This passkey is your only way in, so it stays. Add another passkey, connect an account or set a password first.",
            ),
            Self::OrganizationCreated => ("good", "The organization is there, and you own it. You work in it now."),
            Self::SecondFactorRequired => {
                ("good", "A second factor is required of every member now. Those who have none were told by mail.")
            }
            Self::SecondFactorNotRequired => ("good", "A second factor is no longer required here."),
            Self::OrganizationSaved => ("good", "The organization is saved."),
            Self::OrganizationDeleted => ("good", "The organization is deleted, with everything that it had."),
            Self::OrganizationHandedOver => ("good", "The organization is handed over. You are one of its admins now."),
            Self::OrganizationLeft => ("good", "You have left the organization. What you had for it stopped working."),
            Self::OrganizationSwitched => ("good", "You work in this organization now."),
            Self::OrganizationJoined => ("good", "Welcome. You are a member of this organization now."),
            Self::AlreadyMember => ("good", "You are a member of that organization already."),
            Self::InvitationDeclined => ("good", "The invitation is declined. Nobody else can use it."),
            Self::LicenseSaved => ("good", "The license is saved. It holds for what is made from now on."),
            Self::MemberRoleSaved => {
                ("good", "The new role is saved. It holds from the next request on, for tokens, too.")
            }
            Self::MemberRemoved => {
                ("good", "The member is removed. What they had for this organization stopped working.")
            }
            Self::RoleCreated => ("good", "The role is there. Give it to members or teams."),
            Self::RoleSaved => {
                ("good", "The role is saved. It holds from the next request on, for everybody who has it.")
            }
            Self::RoleDeleted => ("good", "The role is deleted."),
            Self::TeamCreated => ("good", "The team is there. Add its members."),
            Self::TeamSaved => ("good", "The team is saved."),
            Self::TeamDeleted => ("good", "The team is deleted. Its members keep their own roles."),
            Self::TeamMemberAdded => ("good", "The member is in the team."),
            Self::TeamMemberRemoved => ("good", "The member is out of the team."),
            Self::SetUp => ("good", "Keystead is set up, and you are its first administrator."),
        };
        NoticeView { kind, text: text.to_owned() }
    }

    /// Hands the notice to the next page, with how many things it is about.
    pub fn send_with(self, response: &mut HttpResponse, secure: bool, count: usize) {
        Self::send_word(response, secure, &format!("{}.{count}", self.as_str()));
    }

    /// Hands the notice to the next page.
    pub fn send(self, response: &mut HttpResponse, secure: bool) {
        Self::send_word(response, secure, self.as_str());
    }

    fn send_word(response: &mut HttpResponse, secure: bool, word: &str) {
        let cookie = Cookie::build(COOKIE, word)
            .path("/")
            .http_only(true)
            .secure(secure)
            .same_site(SameSite::Lax)
            .max_age(actix_web::cookie::time::Duration::minutes(1))
            .finish();
        drop(response.add_cookie(&cookie));
    }

    /// The notice that an earlier answer handed on, if there is one.
    pub fn received(request: &HttpRequest) -> Option<NoticeView> {
        let cookie = request.cookie(COOKIE)?;
        let (word, count) =
            cookie.value().split_once('.').map_or((cookie.value(), None), |(word, count)| (word, Some(count)));
        let count = count.and_then(|count| count.parse().ok()).unwrap_or(0);
        Self::from_word(word).map(|notice| notice.view(count))
    }

    /// Whether this is what an earlier answer handed on.
    pub fn is_received(self, request: &HttpRequest) -> bool {
        request.cookie(COOKIE).is_some_and(|cookie| cookie.value() == self.as_str())
    }

    /// Takes the notice back once a page showed it.
    pub fn clear(response: &mut HttpResponse) {
        let mut cookie = Cookie::build(COOKIE, "").path("/").finish();
        cookie.make_removal();
        drop(response.add_cookie(&cookie));
    }
}
