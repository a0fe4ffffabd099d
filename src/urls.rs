//! Every path, as a function; templates, redirects and mails use these alone.

use crate::ids::{
    IdentityId, InvitationId, MailId, OrganizationId, PasskeyId, RoleId, ServiceAccountId, SessionId, TeamId, TokenId,
    UserId, VerifierId,
};

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
    /// Between the first factor and the session.
    second_factor = "/login/second-factor";
    /// Make an account.
    signup = "/signup";
    /// A forgotten password.
    password_forgot = "/password/forgot";
    /// Sign out; POST.
    logout = "/logout";
    /// Prove it is you.
    step_up = "/step-up";
    /// Prove it is you by mail; POST.
    step_up_mail = "/step-up/mail";
    /// My profile.
    settings_profile = "/settings/profile";
    /// My picture.
    settings_picture = "/settings/profile/picture";
    /// Removes it; POST.
    settings_picture_remove = "/settings/profile/picture/remove";
    /// Another e-mail address.
    settings_email = "/settings/profile/email";
    /// Takes a change of the address back; POST.
    settings_email_cancel = "/settings/profile/email/cancel";
    /// Security.
    settings_security = "/settings/security";
    /// A new password; POST.
    settings_password = "/settings/security/password";
    /// Setting up an authenticator app.
    settings_second_factor = "/settings/security/second-factor";
    /// Asking whether to remove it, and doing so.
    settings_second_factor_remove = "/settings/security/second-factor/remove";
    /// Making new recovery codes.
    settings_recovery_codes = "/settings/security/recovery-codes";
    /// The codes as a file; POST, with the codes in the body.
    settings_recovery_codes_file = "/settings/security/recovery-codes/file";
    /// Asking what "everywhere" means, and ending it all.
    settings_logout_all = "/settings/security/logout-all";
    /// A new passkey.
    settings_passkeys_new = "/settings/security/passkeys/new";
    /// What a browser needs to make a passkey; POST, for scripts.
    settings_passkeys_options = "/settings/security/passkeys/options";
    /// Sign in with a passkey; POST.
    login_passkey = "/login/passkey";
    /// What a browser needs to sign in with a passkey; POST, for scripts.
    login_passkey_options = "/login/passkey/options";
    /// What a browser needs to give a passkey as a second factor; POST, for scripts.
    second_factor_options = "/login/second-factor/options";
    /// Confirm with a passkey; POST.
    step_up_passkey = "/step-up/passkey";
    /// What a browser needs to confirm with a passkey; POST, for scripts.
    step_up_passkey_options = "/step-up/passkey/options";
    /// Appearance.
    settings_appearance = "/settings/appearance";
    /// My log.
    settings_logs = "/settings/logs";
    /// The license of the organization that is worked in.
    settings_license = "/settings/license";
    /// My tokens.
    settings_tokens = "/settings/tokens";
    /// Those of my tokens that end soon.
    settings_tokens_expiring = "/settings/tokens?status=expiring";
    /// A new token.
    settings_tokens_new = "/settings/tokens/new";
    /// Asking whether to revoke those that are selected, and doing so.
    settings_tokens_revoke = "/settings/tokens/revoke";
    /// Asking whether to delete all of them, and doing so.
    settings_tokens_delete_all = "/settings/tokens/delete-all";
    /// The keys of the organization being worked in.
    settings_api_keys = "/settings/api-keys";
    /// A new one.
    settings_api_keys_new = "/settings/api-keys/new";
    /// My organizations.
    organizations = "/organizations";
    /// A new organization.
    organizations_new = "/organizations/new";
    /// Administration.
    admin = "/admin";
    /// Services that check tokens.
    admin_verifiers = "/admin/verifiers";
    /// Invitations to this instance.
    admin_invitations = "/admin/invitations";
    /// The organizations of this instance.
    admin_organizations = "/admin/organizations";
    /// Helping somebody back in.
    admin_recovery = "/admin/recovery";
    /// What tokens may be.
    admin_policy = "/admin/policy";
    /// What other rules for them would do.
    admin_policy_review = "/admin/policy/review";
    /// The outbox.
    admin_mail = "/admin/mail";
    /// Check a token; POST.
    api_verify = "/api/v1/verify";
    /// The token that asks.
    api_self = "/api/v1/tokens/self";
    /// My tokens, in JSON.
    api_tokens = "/api/v1/tokens";
}

/// One organization, in JSON.
pub fn api_organization(id: &OrganizationId) -> String {
    format!("/api/v1/organizations/{id}")
}

/// One token, in JSON.
pub fn api_token(id: &TokenId) -> String {
    format!("/api/v1/tokens/{id}")
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

/// The form that changes it.
pub fn settings_token_edit(id: &TokenId) -> String {
    format!("/settings/tokens/{id}/edit")
}

/// The form that gives it a new secret.
pub fn settings_token_regenerate(id: &TokenId) -> String {
    format!("/settings/tokens/{id}/regenerate")
}

/// Takes one scope from it; POST.
pub fn settings_token_scopes_remove(id: &TokenId) -> String {
    format!("/settings/tokens/{id}/scopes/remove")
}

/// Asking whether to take all its scopes, and doing so.
pub fn settings_token_scopes_clear(id: &TokenId) -> String {
    format!("/settings/tokens/{id}/scopes/clear")
}

/// Ends its old secret; POST.
pub fn settings_token_old_end(id: &TokenId) -> String {
    format!("/settings/tokens/{id}/old-secret/end")
}

/// The token file; POST, with the secret in the body.
pub fn settings_token_file(id: &TokenId) -> String {
    format!("/settings/tokens/{id}/file")
}

/// One key.
pub fn settings_api_key(id: &TokenId) -> String {
    format!("/settings/api-keys/{id}")
}

/// Asking whether to delete it, and doing so.
pub fn settings_api_key_delete(id: &TokenId) -> String {
    format!("/settings/api-keys/{id}/delete")
}

/// Its file; POST, with the secret in the body.
pub fn settings_api_key_file(id: &TokenId) -> String {
    format!("/settings/api-keys/{id}/file")
}

macro_rules! organization_paths {
    ($($(#[$doc:meta])* $name:ident = $below:literal $(, $id:ident: $kind:ty)?;)+) => {$(
        $(#[$doc])*
        pub fn $name(slug: &str $(, $id: &$kind)?) -> String {
            format!(concat!("/organizations/{}", $below), slug $(, $id)?)
        }
    )+};
}

organization_paths! {
    /// An organization's overview.
    organization = "";
    /// Works in it from now on; POST.
    organization_switch = "/switch";
    /// Its name and address.
    organization_settings = "/settings";
    /// Its picture.
    organization_picture = "/picture";
    /// Removes it; POST.
    organization_picture_remove = "/picture/remove";
    /// Asking whether its members must have a second factor, and saying so.
    organization_settings_second_factor = "/settings/second-factor";
    /// Says to a member that it wants a second factor.
    organization_second_factor = "/second-factor";
    /// What tokens for it may be.
    organization_policy = "/policy";
    /// What other rules for them would do.
    organization_policy_review = "/policy/review";
    /// Makes somebody else the owner.
    organization_hand_over = "/hand-over";
    /// Ends it.
    organization_delete = "/delete";
    /// Leaves it.
    organization_leave = "/leave";
    /// Being a target; POST.
    organization_target = "/target";
    /// Its members.
    members = "/members";
    /// One member.
    member = "/members/{}", user: UserId;
    /// Another role for a member.
    member_role = "/members/{}/role", user: UserId;
    /// Removes a member.
    member_remove = "/members/{}/remove", user: UserId;
    /// Who is invited to it.
    member_invitations = "/invitations";
    /// Inviting somebody.
    member_invitations_new = "/invitations/new";
    /// Sends an invitation again, with another link; POST.
    member_invitation_resend = "/invitations/{}/resend", invitation: InvitationId;
    /// Takes an invitation back; POST.
    member_invitation_cancel = "/invitations/{}/cancel", invitation: InvitationId;
    /// Its teams.
    teams = "/teams";
    /// A new team.
    teams_new = "/teams/new";
    /// One team.
    team = "/teams/{}", team: TeamId;
    /// Its name and role.
    team_edit = "/teams/{}/edit", team: TeamId;
    /// Puts members into it.
    team_members = "/teams/{}/members", team: TeamId;
    /// Takes a member out of it; POST.
    team_remove = "/teams/{}/remove", team: TeamId;
    /// Ends it.
    team_delete = "/teams/{}/delete", team: TeamId;
    /// What its plan allows, and what it has.
    organization_license = "/license";
    /// What happened in it.
    organization_logs = "/logs";
    /// The same as a file.
    organization_logs_export = "/logs/export";
    /// Its members that are no people.
    service_accounts = "/service-accounts";
    /// A new one.
    service_accounts_new = "/service-accounts/new";
    /// One of them.
    service_account = "/service-accounts/{}", account: ServiceAccountId;
    /// Its name, description, role and responsible member.
    service_account_edit = "/service-accounts/{}/edit", account: ServiceAccountId;
    /// Asking whether to disable it, and doing so.
    service_account_disable = "/service-accounts/{}/disable", account: ServiceAccountId;
    /// Enables it; POST.
    service_account_enable = "/service-accounts/{}/enable", account: ServiceAccountId;
    /// Ends it.
    service_account_delete = "/service-accounts/{}/delete", account: ServiceAccountId;
    /// A new token of its.
    service_tokens_new = "/service-accounts/{}/tokens/new", account: ServiceAccountId;
    /// Whether personal tokens may act in it.
    policy_personal_tokens = "/policy/personal-tokens";
    /// Whether members may make keys.
    policy_members_keys = "/policy/api-keys";
    /// Its roles.
    roles = "/roles";
    /// A new role.
    roles_new = "/roles/new";
    /// One of its own roles.
    role = "/roles/{}", role: RoleId;
    /// What a role allows.
    role_edit = "/roles/{}/edit", role: RoleId;
    /// Ends a role.
    role_delete = "/roles/{}/delete", role: RoleId;
}

macro_rules! service_token_paths {
    ($($(#[$doc:meta])* $name:ident = $below:literal;)+) => {$(
        $(#[$doc])*
        pub fn $name(slug: &str, account: &ServiceAccountId, id: &TokenId) -> String {
            format!(concat!("/organizations/{}/service-accounts/{}/tokens/{}", $below), slug, account, id)
        }
    )+};
}

service_token_paths! {
    /// A service account's token.
    service_token = "";
    /// A new secret for it.
    service_token_regenerate = "/regenerate";
    /// Ends its old secret before its time; POST.
    service_token_old_end = "/old-secret/end";
    /// Asking whether to revoke it, and doing so.
    service_token_revoke = "/revoke";
    /// Asking whether to delete it, and doing so.
    service_token_delete = "/delete";
    /// Its file; POST.
    service_token_file = "/file";
}

/// Asking whether to delete a verifier, and doing so.
pub fn admin_verifier_delete(id: &VerifierId) -> String {
    format!("/admin/verifiers/{id}/delete")
}

/// One mail of the outbox.
pub fn admin_mail_message(id: &MailId) -> String {
    format!("/admin/mail/{id}")
}

/// The page of a mailed link that has passwords taken from unknown browsers again.
pub fn login_unlock(code: &str) -> String {
    format!("/login/unlock/{code}")
}

/// The page of a mailed link that proves an address.
pub fn email_confirm(code: &str) -> String {
    format!("/email/confirm/{code}")
}

/// The page of a mailed link that proves a new address of an account.
pub fn email_new(code: &str) -> String {
    format!("/email/new/{code}")
}

/// The page of a mailed link with which the old address allows or undoes a change.
pub fn email_old(code: &str) -> String {
    format!("/email/old/{code}")
}

/// The page of a mailed link that lets one choose a new password.
pub fn password_reset(code: &str) -> String {
    format!("/password/reset/{code}")
}

/// What a browser needs to ask for a passkey beside that; POST.
pub fn password_reset_options(code: &str) -> String {
    format!("/password/reset/{code}/options")
}

/// The page of a link that takes a lost second factor away.
pub fn second_factor_remove(code: &str) -> String {
    format!("/second-factor/remove/{code}")
}

/// The page of an invitation.
pub fn invitation(code: &str) -> String {
    format!("/invitations/{code}")
}

/// The same invitation for whoever it is for, signed in; an id opens nothing else.
pub fn invitation_here(id: &InvitationId) -> String {
    format!("/invitations/{id}")
}

/// Says no to it; POST.
pub fn invitation_decline(id: &InvitationId) -> String {
    format!("/invitations/{id}/decline")
}

/// An organization's license, for administrators.
pub fn admin_organization(id: &OrganizationId) -> String {
    format!("/admin/organizations/{id}")
}

/// Takes an invitation back; POST.
pub fn admin_invitation_cancel(id: &InvitationId) -> String {
    format!("/admin/invitations/{id}/cancel")
}

/// Ends one session; POST.
pub fn settings_session_end(id: &SessionId) -> String {
    format!("/settings/security/sessions/{id}/end")
}

/// A new name for a passkey.
pub fn settings_passkey_rename(id: &PasskeyId) -> String {
    format!("/settings/security/passkeys/{id}/rename")
}

/// Asking whether to remove a passkey, and doing so.
pub fn settings_passkey_remove(id: &PasskeyId) -> String {
    format!("/settings/security/passkeys/{id}/remove")
}

/// The sign-in page, which leads back to a path.
pub fn login_returning(back: &str) -> String {
    format!("/login?{}", next(back))
}

/// On to a provider, and back to a path.
pub fn login_with(provider: &str, back: &str) -> String {
    returning(format!("/login/{provider}"), back)
}

/// The first start, its code filled in.
pub fn setup_with_code(code: &str) -> String {
    format!("/setup?{}", url::form_urlencoded::Serializer::new(String::new()).append_pair("code", code).finish())
}

/// The same for the first administrator.
pub fn set_up_with(provider: &str, code: &str) -> String {
    let code = url::form_urlencoded::Serializer::new(String::new()).append_pair("code", code).finish();
    format!("/login/{provider}?{code}")
}

/// Where a provider sends people back to.
pub fn login_callback(provider: &str) -> String {
    format!("/login/{provider}/callback")
}

/// Asks whose account it is that came from a provider.
pub fn login_connect(code: &str) -> String {
    format!("/login/connect/{code}")
}

/// On to a provider, to connect an account there.
pub fn connect_with(provider: &str) -> String {
    format!("/settings/security/connections/with/{provider}")
}

/// Asking whether to connect what came from there, and doing so.
pub fn connection_offer(code: &str) -> String {
    format!("/settings/security/connections/offers/{code}")
}

/// Disconnects it; POST.
pub fn connection_disconnect(id: &IdentityId) -> String {
    format!("/settings/security/connections/{id}/disconnect")
}

/// On to a provider, to confirm who one is.
pub fn confirm_with(provider: &str, back: &str) -> String {
    format!("/step-up/with/{provider}?{}", next(back))
}

/// The second factor, which leads back to a path; or, without one, to where one begins.
pub fn second_factor_returning(back: &str) -> String {
    returning(second_factor(), back)
}

/// The bytes of a picture.
pub fn avatar(name: &str, size: &str) -> String {
    format!("/avatars/{name}/{size}")
}

/// A new organization, as the last step of a sign-up.
pub fn organizations_new_welcome() -> String {
    format!("{}?welcome=1", organizations_new())
}

/// Setting up an authenticator app, and back to a path.
pub fn settings_second_factor_returning(back: &str) -> String {
    returning(settings_second_factor(), back)
}

/// A new passkey, and back to a path.
pub fn settings_passkeys_new_returning(back: &str) -> String {
    returning(settings_passkeys_new(), back)
}

/// Says to a member that an organization wants a second factor, and leads back to a path.
pub fn organization_second_factor_returning(slug: &str, back: &str) -> String {
    returning(organization_second_factor(slug), back)
}

/// A page that leads back to a path, where there is one to lead back to.
fn returning(page: String, back: &str) -> String {
    if back.is_empty() { page } else { format!("{page}?{}", next(back)) }
}

/// The confirmation, half of which was proved elsewhere.
pub fn step_up_proved(code: &str) -> String {
    format!("/step-up?proved={code}")
}

/// The confirmation, which leads back to a path.
pub fn step_up_returning(back: &str) -> String {
    format!("/step-up?{}", next(back))
}

fn next(back: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new()).append_pair("next", back).finish()
}
