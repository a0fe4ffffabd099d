//! Every path, as a function; templates, redirects and mails use these alone.

use crate::ids::{InvitationId, MailId, SessionId, TokenId, VerifierId};

macro_rules! paths {
    ($($(#[$doc:meta])* $name:ident = $path:literal;)+) => {$(
        $(#[$doc])*
        pub fn $name() -> String {
            $path.to_owned()
        }
    )+};
}

paths! {
    /// Leads on to where one wants to be.
    home = "/";
    /// The first start.
    setup = "/setup";
    /// Sign in.
    login = "/login";
    /// Make an account.
    signup = "/signup";
    /// A forgotten password.
    password_forgot = "/password/forgot";
    /// Sign out; POST.
    logout = "/logout";
    /// Prove it is you.
    step_up = "/step-up";
    /// My profile.
    settings_profile = "/settings/profile";
    /// Security.
    settings_security = "/settings/security";
    /// A new password; POST.
    settings_password = "/settings/security/password";
    /// Asking what "everywhere" means, and ending it all.
    settings_logout_all = "/settings/security/logout-all";
    /// Appearance.
    settings_appearance = "/settings/appearance";
    /// My log.
    settings_logs = "/settings/logs";
    /// My tokens.
    settings_tokens = "/settings/tokens";
    /// A new token.
    settings_tokens_new = "/settings/tokens/new";
    /// Administration.
    admin = "/admin";
    /// Services that check tokens.
    admin_verifiers = "/admin/verifiers";
    /// Invitations to this instance.
    admin_invitations = "/admin/invitations";
    /// The outbox.
    admin_mail = "/admin/mail";
    /// Check a token; POST.
    api_verify = "/api/v1/verify";
    /// The token that asks.
    api_self = "/api/v1/tokens/self";
}

/// One token.
pub fn settings_token(id: &TokenId) -> String {
    format!("/settings/tokens/{id}")
}

/// Asking whether to revoke it, and doing so.
pub fn settings_token_revoke(id: &TokenId) -> String {
    format!("/settings/tokens/{id}/revoke")
}

/// Asking whether to delete it, and doing so.
pub fn settings_token_delete(id: &TokenId) -> String {
    format!("/settings/tokens/{id}/delete")
}

/// The token file; POST, with the secret in the body.
pub fn settings_token_file(id: &TokenId) -> String {
    format!("/settings/tokens/{id}/file")
}

/// Asking whether to delete a verifier, and doing so.
pub fn admin_verifier_delete(id: &VerifierId) -> String {
    format!("/admin/verifiers/{id}/delete")
}

/// One mail of the outbox.
pub fn admin_mail_message(id: &MailId) -> String {
    format!("/admin/mail/{id}")
}

/// The page of a mailed link that proves an address.
pub fn email_confirm(code: &str) -> String {
    format!("/email/confirm/{code}")
}

/// The page of a mailed link that lets one choose a new password.
pub fn password_reset(code: &str) -> String {
    format!("/password/reset/{code}")
}

/// The page of an invitation.
pub fn invitation(code: &str) -> String {
    format!("/invitations/{code}")
}

/// Takes an invitation back; POST.
pub fn admin_invitation_cancel(id: &InvitationId) -> String {
    format!("/admin/invitations/{id}/cancel")
}

/// Ends one session; POST.
pub fn settings_session_end(id: &SessionId) -> String {
    format!("/settings/security/sessions/{id}/end")
}

/// The sign-in page, which leads back to a path.
pub fn login_returning(back: &str) -> String {
    format!("/login?{}", next(back))
}

/// The confirmation, which leads back to a path.
pub fn step_up_returning(back: &str) -> String {
    format!("/step-up?{}", next(back))
}

fn next(back: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new()).append_pair("next", back).finish()
}
