//! The route table: every path, its methods, what each needs, and its handler. A route that is not here does not exist.
//!
//! The same rows register the handlers and describe them, so the sweeps in the tests walk what is really served. A path's
//! rows make one resource: another method is 405 with `Allow`, and `GET` answers `HEAD`.

use actix_web::guard::{self, Guard};
use actix_web::http::header;
use actix_web::{HttpResponse, web};

use crate::organizations::Right;
use crate::{
    administration, api, api_keys, appearance, audit, avatars, email_change, openid, organizations, passkeys, profile,
    recovery, second_factor, security, service_accounts, setup, sign_in, sign_up, terminals, tokens, verification,
    web as shell,
};

/// What a route needs of whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// A session.
    SignedIn,
    /// A session whose owner proved it again a few minutes ago.
    Confirmed,
    /// An administrator's session.
    Administrator,
    /// An administrator's session, confirmed.
    AdministratorConfirmed,
    /// A session of a member with a right in the organization of the address; where it names none, in that of the key in it, or
    /// else in the one worked in.
    Member(Right),
    /// The same, confirmed.
    MemberConfirmed(Right),
    /// A member with a right, or a service account with it and a token of its own.
    Caller(Right),
    /// The same; a member confirmed.
    CallerConfirmed(Right),
    /// A verifier's credential.
    Verifier,
    /// A token.
    Token,
}

/// Whom a route answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// Programs: no cookies, no sessions.
    Calls,
    /// People's programs: sessions, JSON, CSRF.
    Api,
    /// People: sessions, forms, CSRF.
    Pages,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// Whom it answers.
    pub area: Area,
    /// The path, with `{names}` for its variable parts.
    pub path: &'static str,
    /// `GET`, `POST` …
    pub method: &'static str,
    /// What it needs.
    pub needs: Needs,
}

/// What opens to somebody who must have a second factor and has none yet: setting one up, which wants a confirmation in one
/// of the ways of those who have none, and the way out.
pub const WHILE_ENROLLING: &[&str] = &[
    "/logout",
    "/step-up",
    "/step-up/mail",
    "/step-up/with/{provider}",
    "/login/{provider}/callback",
    "/settings/security/second-factor",
    "/settings/security/passkeys/new",
    "/settings/security/passkeys/options",
    "/settings/security/recovery-codes/file",
];

/// What opens of an organization that requires a second factor to members who have none: the page that says so, and leaving.
pub const OPEN_WITHOUT: &[&str] =
    &["/organizations/{slug}/second-factor", "/organizations/{slug}/leave", "/api/v1/organizations/{slug}/leave"];

macro_rules! routes {
    ($($area:ident as $register:ident { $($path:literal { $($method:ident $needs:ident $(($right:ident))? $handler:path;)+ })+ })+) => {
        /// Every row.
        pub const ROUTES: &[Route] = &[$($($(
            Route { area: Area::$area, path: $path, method: stringify!($method), needs: Needs::$needs $((Right::$right))? },
        )+)+)+];

        $(
            /// Registers the routes of one area.
            pub fn $register(config: &mut web::ServiceConfig) {
                $({
                    let allow = [$(stringify!($method)),+].join(", ").replace("GET", "GET, HEAD");
                    let refuse = move || {
                        let allow = allow.clone();
                        async move { HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, allow)).finish() }
                    };
                    config.service(
                        web::resource($path)
                            $(.route(web::route().guard(taking(stringify!($method))).to($handler)))+
                            .default_service(web::to(refuse)),
                    );
                })+
            }
        )+
    };
}

/// Which of the pages' rows an address belongs to.
pub fn page_pattern(path: &str) -> Option<&'static str> {
    let is = |pattern: &str| {
        pattern.split('/').count() == path.split('/').count()
            && pattern.split('/').zip(path.split('/')).all(|(known, there)| known.starts_with('{') || known == there)
    };
    ROUTES.iter().filter(|route| route.area == Area::Pages).map(|route| route.path).find(|pattern| is(pattern))
}

/// Whether a request has this method; `GET` takes `HEAD`, too.
fn taking(method: &'static str) -> impl Guard {
    guard::fn_guard(move |context| {
        let asked = context.head().method.as_str();
        asked == method || (method == "GET" && asked == "HEAD")
    })
}

routes! {
    Calls as calls {
        "/api/v1/verify" {
            POST Verifier verification::calls::verify;
        }
        "/oauth2/introspect" {
            POST Verifier verification::calls::introspect;
        }
        "/oauth2/device_authorization" {
            POST Nothing terminals::calls::ask;
        }
        "/oauth2/token" {
            POST Nothing terminals::calls::fetch;
        }
        "/oauth2/revoke" {
            POST Nothing terminals::calls::give_back;
        }
        "/.well-known/oauth-authorization-server" {
            GET Nothing terminals::calls::discover;
        }
        "/api/v1/tokens/self" {
            GET Token verification::calls::token_self;
            DELETE Token tokens::api::end_self;
        }
        "/api/v1/tokens/self/rotate" {
            POST Token tokens::api::renew_self;
        }
        "/api/openapi.json" {
            GET Nothing api::openapi::show;
        }
        "/healthz" {
            GET Nothing verification::health::alive;
        }
        "/readyz" {
            GET Nothing verification::health::ready;
        }
        "/.well-known/passkey-endpoints" {
            GET Nothing passkeys::well_known::endpoints;
        }
        "/static/{hash}/{path:.*}" {
            GET Nothing shell::assets::serve;
        }
    }
    Api as api {
        "/api/v1/tokens" {
            GET SignedIn tokens::api::list;
            POST Confirmed tokens::api::create;
        }
        "/api/v1/tokens/{id}" {
            GET SignedIn tokens::api::show;
            PATCH Confirmed tokens::api::change;
            DELETE SignedIn tokens::api::delete;
        }
        "/api/v1/tokens/{id}/scopes" {
            POST Confirmed tokens::api::add_scopes;
            DELETE Confirmed tokens::api::clear_scopes;
        }
        "/api/v1/tokens/{id}/scopes/{scope}" {
            DELETE Confirmed tokens::api::remove_scope;
        }
        "/api/v1/tokens/{id}/revoke" {
            POST SignedIn tokens::api::revoke;
        }
        "/api/v1/tokens/{id}/regenerate" {
            POST Confirmed tokens::api::regenerate;
        }
        "/api/v1/tokens/{id}/old-secret" {
            DELETE SignedIn tokens::api::end_old;
        }
        "/api/v1/organizations" {
            GET SignedIn organizations::api::list;
            POST SignedIn organizations::api::create;
        }
        "/api/v1/organizations/{slug}" {
            GET Caller(SeeOrganization) organizations::api::show;
            PATCH Caller(ChangeOrganization) organizations::api::change;
            DELETE MemberConfirmed(DeleteOrganization) organizations::api::delete;
        }
        "/api/v1/organizations/{slug}/hand-over" {
            POST MemberConfirmed(HandOver) organizations::api::hand_over;
        }
        "/api/v1/organizations/{slug}/leave" {
            POST Member(BelongWithOthers) organizations::members::api::leave;
        }
        "/api/v1/organizations/{slug}/target" {
            POST Member(BelongWithOthers) organizations::members::api::be_target;
        }
        "/api/v1/organizations/{slug}/members" {
            GET Caller(SeeMembers) organizations::members::api::list;
        }
        "/api/v1/organizations/{slug}/members/{id}" {
            GET Caller(SeeMembers) organizations::members::api::show;
            PATCH CallerConfirmed(ChangeMembers) organizations::members::api::change;
            DELETE Caller(RemoveMembers) organizations::members::api::remove;
        }
        "/api/v1/organizations/{slug}/members/{id}/removal" {
            GET Caller(RemoveMembers) organizations::members::api::preview_removal;
            POST Caller(RemoveMembers) organizations::members::api::remove_handing;
        }
        "/api/v1/organizations/{slug}/teams" {
            GET Caller(SeeTeams) organizations::teams::api::list;
            POST CallerConfirmed(CreateTeams) organizations::teams::api::create;
        }
        "/api/v1/organizations/{slug}/teams/{id}" {
            GET Caller(SeeTeams) organizations::teams::api::show;
            PATCH CallerConfirmed(ChangeTeams) organizations::teams::api::change;
            DELETE Caller(DeleteTeams) organizations::teams::api::delete;
        }
        "/api/v1/organizations/{slug}/teams/{id}/members" {
            GET Caller(SeeTeams) organizations::teams::api::list_members;
            POST CallerConfirmed(ChangeTeams) organizations::teams::api::add_members;
        }
        "/api/v1/organizations/{slug}/teams/{id}/members/{user}" {
            DELETE Caller(ChangeTeams) organizations::teams::api::remove_member;
        }
        "/api/v1/organizations/{slug}/invitations" {
            GET Caller(InviteMembers) organizations::invitations::api::list;
            POST CallerConfirmed(InviteMembers) organizations::invitations::api::create;
        }
        "/api/v1/organizations/{slug}/invitations/{id}" {
            DELETE Caller(InviteMembers) organizations::invitations::api::cancel;
        }
        "/api/v1/organizations/{slug}/invitations/{id}/resend" {
            POST CallerConfirmed(InviteMembers) organizations::invitations::api::resend;
        }
        "/api/v1/organizations/{slug}/roles" {
            GET Caller(SeeRoles) organizations::roles::api::list;
            POST CallerConfirmed(CreateRoles) organizations::roles::api::create;
        }
        "/api/v1/organizations/{slug}/roles/{id}" {
            GET Caller(SeeRoles) organizations::roles::api::show;
            PATCH CallerConfirmed(ChangeRoles) organizations::roles::api::change;
            DELETE Caller(DeleteRoles) organizations::roles::api::delete;
        }
        "/api/v1/organizations/{slug}/api-keys" {
            GET Member(Belong) api_keys::api::list;
            POST MemberConfirmed(CreateKeys) api_keys::api::create;
        }
        "/api/v1/organizations/{slug}/api-keys/{id}" {
            GET Member(Belong) api_keys::api::show;
            DELETE Member(Belong) api_keys::api::delete;
        }
        "/api/v1/organizations/{slug}/service-accounts" {
            GET Caller(SeeServiceAccounts) service_accounts::api::list;
            POST CallerConfirmed(CreateServiceAccounts) service_accounts::api::create;
        }
        "/api/v1/organizations/{slug}/service-accounts/{id}" {
            GET Caller(SeeServiceAccounts) service_accounts::api::show;
            PATCH CallerConfirmed(ChangeServiceAccounts) service_accounts::api::change;
            DELETE Caller(DeleteServiceAccounts) service_accounts::api::delete;
        }
        "/api/v1/organizations/{slug}/service-accounts/{id}/disable" {
            POST Caller(ChangeServiceAccounts) service_accounts::api::disable;
        }
        "/api/v1/organizations/{slug}/service-accounts/{id}/enable" {
            POST CallerConfirmed(ChangeServiceAccounts) service_accounts::api::enable;
        }
        "/api/v1/organizations/{slug}/service-accounts/{id}/tokens" {
            GET Caller(SeeServiceAccounts) service_accounts::api::list_tokens;
            POST MemberConfirmed(ChangeServiceAccounts) service_accounts::api::create_token;
        }
        "/api/v1/organizations/{slug}/service-accounts/{id}/tokens/{token}" {
            GET Caller(SeeServiceAccounts) service_accounts::api::show_token;
            DELETE Caller(ChangeServiceAccounts) service_accounts::api::delete_token;
        }
        "/api/v1/organizations/{slug}/service-accounts/{id}/tokens/{token}/revoke" {
            POST Caller(ChangeServiceAccounts) service_accounts::api::revoke_token;
        }
        "/api/v1/organizations/{slug}/service-accounts/{id}/tokens/{token}/regenerate" {
            POST MemberConfirmed(ChangeServiceAccounts) service_accounts::api::regenerate_token;
        }
        "/api/v1/organizations/{slug}/service-accounts/{id}/tokens/{token}/old-secret" {
            DELETE Caller(ChangeServiceAccounts) service_accounts::api::end_old;
        }
        "/api/v1/organizations/{slug}/policy" {
            GET Caller(ChangeOrganization) organizations::policies::api::show;
            PATCH MemberConfirmed(ChangeOrganization) organizations::policies::api::change;
        }
        "/api/v1/organizations/{slug}/policy/tokens" {
            GET Caller(ChangeOrganization) tokens::policies::api::show;
            PUT MemberConfirmed(ChangeOrganization) tokens::policies::api::set;
        }
        "/api/v1/organizations/{slug}/policy/tokens/review" {
            GET Caller(ChangeOrganization) tokens::policies::api::review;
        }
        "/api/v1/organizations/{slug}/license" {
            GET Caller(SeeOrganization) organizations::license::api::show;
            PUT AdministratorConfirmed organizations::license::api::put;
        }
        "/api/v1/organizations/{slug}/logs" {
            GET Caller(SeeLogs) organizations::logs::list;
        }
    }
    Pages as pages {
        "/" {
            GET Nothing sign_in::pages::home;
        }
        "/.well-known/change-password" {
            GET Nothing security::pages::well_known;
        }
        "/settings" {
            GET Nothing profile::pages::settings;
        }
        "/setup" {
            GET Nothing setup::pages::show;
            POST Nothing setup::pages::submit;
        }
        "/login" {
            GET Nothing sign_in::pages::show;
            POST Nothing sign_in::pages::submit;
        }
        "/login/unlock/{code}" {
            GET Nothing sign_in::unlock::show;
            POST Nothing sign_in::unlock::unlock;
        }
        "/login/second-factor" {
            GET Nothing sign_in::second_factor::show;
            POST Nothing sign_in::second_factor::submit;
        }
        "/login/second-factor/options" {
            POST Nothing passkeys::doors::second_factor_options;
        }
        "/login/passkey" {
            POST Nothing passkeys::doors::sign_in;
        }
        "/login/passkey/options" {
            POST Nothing passkeys::doors::sign_in_options;
        }
        "/logout" {
            POST SignedIn sign_in::pages::sign_out;
        }
        "/signup" {
            GET Nothing sign_up::pages::show;
            POST Nothing sign_up::pages::submit;
        }
        "/email/confirm/{code}" {
            GET Nothing sign_up::pages::show_confirm;
            POST Nothing sign_up::pages::confirm;
        }
        "/email/new/{code}" {
            GET Nothing email_change::pages::show_new;
            POST Nothing email_change::pages::prove_new;
        }
        "/email/old/{code}" {
            GET Nothing email_change::pages::show_old;
            POST Nothing email_change::pages::answer_old;
        }
        "/invitations/{code}" {
            GET Nothing sign_up::pages::show_invitation;
            POST Nothing sign_up::pages::accept;
        }
        "/invitations/{code}/decline" {
            POST SignedIn organizations::invitations::answer::say_no;
        }
        "/password/forgot" {
            GET Nothing recovery::pages::show;
            POST Nothing recovery::pages::submit;
        }
        "/password/reset/{code}" {
            GET Nothing recovery::pages::show_reset;
            POST Nothing recovery::pages::reset;
        }
        "/password/reset/{code}/options" {
            POST Nothing recovery::pages::passkey_options;
        }
        "/second-factor/remove/{code}" {
            GET Nothing recovery::second_factor::show;
            POST Nothing recovery::second_factor::remove;
        }
        "/step-up" {
            GET SignedIn sign_in::step_up::show;
            POST SignedIn sign_in::step_up::submit;
        }
        "/step-up/passkey" {
            POST SignedIn passkeys::doors::confirm;
        }
        "/step-up/passkey/options" {
            POST SignedIn passkeys::doors::confirm_options;
        }
        "/step-up/mail" {
            POST SignedIn openid::proofs::by_mail;
        }
        "/step-up/with/{provider}" {
            GET SignedIn openid::connected::confirm;
        }
        "/login/connect/{code}" {
            GET Nothing openid::pages::offered;
        }
        "/login/{provider}" {
            GET Nothing openid::pages::begin;
        }
        "/login/{provider}/callback" {
            GET Nothing openid::pages::back;
        }
        "/device" {
            GET SignedIn terminals::pages::show;
            POST SignedIn terminals::pages::enter;
        }
        "/device/terminal" {
            GET SignedIn terminals::pages::ask;
            POST Confirmed terminals::pages::approve;
        }
        "/device/terminal/deny" {
            POST SignedIn terminals::pages::deny;
        }
        "/settings/profile" {
            GET SignedIn profile::pages::show;
            POST SignedIn profile::pages::save;
        }
        "/settings/profile/picture" {
            GET SignedIn avatars::pages::own;
            POST SignedIn avatars::pages::set_own;
        }
        "/settings/profile/picture/remove" {
            POST SignedIn avatars::pages::remove_own;
        }
        "/avatars/{name}/{size}" {
            GET SignedIn avatars::pages::show;
        }
        "/settings/profile/email" {
            GET Confirmed email_change::pages::ask;
            POST Confirmed email_change::pages::submit;
        }
        "/settings/profile/email/cancel" {
            POST SignedIn email_change::pages::cancel;
        }
        "/settings/security" {
            GET SignedIn security::pages::show;
        }
        "/settings/security/password" {
            POST SignedIn security::pages::change_password;
        }
        "/settings/security/second-factor" {
            GET Confirmed second_factor::pages::show;
            POST Confirmed second_factor::pages::add;
        }
        "/settings/security/second-factor/remove" {
            GET Confirmed second_factor::pages::ask_remove;
            POST Confirmed second_factor::pages::remove;
        }
        "/settings/security/recovery-codes" {
            GET Confirmed second_factor::pages::ask_codes;
            POST Confirmed second_factor::pages::renew_codes;
        }
        "/settings/security/recovery-codes/file" {
            POST SignedIn second_factor::pages::file;
        }
        "/settings/security/sessions/{id}/end" {
            POST Confirmed security::sessions::end_one;
        }
        "/settings/security/logout-all" {
            GET Confirmed security::sessions::ask_all;
            POST Confirmed security::sessions::end_all;
        }
        "/settings/security/connections/with/{provider}" {
            GET Confirmed openid::connected::begin;
        }
        "/settings/security/connections/offers/{code}" {
            GET Confirmed openid::connected::ask;
            POST Confirmed openid::connected::connect;
        }
        "/settings/security/connections/{id}/disconnect" {
            POST Confirmed openid::connected::disconnect;
        }
        "/settings/security/passkeys/new" {
            GET Confirmed passkeys::pages::new;
            POST Confirmed passkeys::pages::add;
        }
        "/settings/security/passkeys/options" {
            POST Confirmed passkeys::pages::options;
        }
        "/settings/security/passkeys/{id}/rename" {
            GET Confirmed passkeys::pages::ask_rename;
            POST Confirmed passkeys::pages::rename;
        }
        "/settings/security/passkeys/{id}/remove" {
            GET Confirmed passkeys::pages::ask_remove;
            POST Confirmed passkeys::pages::remove;
        }
        "/settings/appearance" {
            GET SignedIn appearance::show;
            POST SignedIn appearance::save;
        }
        "/settings/logs" {
            GET SignedIn audit::pages::show;
        }
        "/settings/license" {
            GET SignedIn organizations::license::pages::worked_in;
        }
        "/settings/tokens" {
            GET SignedIn tokens::pages::list;
        }
        "/settings/tokens/new" {
            GET Confirmed tokens::pages::new;
            POST Confirmed tokens::pages::create;
        }
        "/settings/tokens/revoke" {
            GET SignedIn tokens::pages::ask_revoke_selected;
            POST SignedIn tokens::pages::revoke_selected;
        }
        "/settings/tokens/delete-all" {
            GET SignedIn tokens::pages::ask_delete_all;
            POST SignedIn tokens::pages::delete_all;
        }
        "/settings/tokens/{id}" {
            GET SignedIn tokens::pages::detail;
        }
        "/settings/tokens/{id}/edit" {
            GET Confirmed tokens::pages::edit;
            POST Confirmed tokens::pages::update;
        }
        "/settings/tokens/{id}/regenerate" {
            GET Confirmed tokens::pages::ask_regenerate;
            POST Confirmed tokens::pages::regenerate;
        }
        "/settings/tokens/{id}/old-secret/end" {
            POST SignedIn tokens::pages::end_old;
        }
        "/settings/tokens/{id}/scopes/remove" {
            POST Confirmed tokens::pages::remove_scope;
        }
        "/settings/tokens/{id}/scopes/clear" {
            GET Confirmed tokens::pages::ask_clear_scopes;
            POST Confirmed tokens::pages::clear_scopes;
        }
        "/settings/tokens/{id}/revoke" {
            GET SignedIn tokens::pages::ask_revoke;
            POST SignedIn tokens::pages::revoke;
        }
        "/settings/tokens/{id}/delete" {
            GET SignedIn tokens::pages::ask_delete;
            POST SignedIn tokens::pages::delete;
        }
        "/settings/tokens/{id}/file" {
            POST SignedIn tokens::pages::file;
        }
        "/settings/api-keys" {
            GET Member(Belong) api_keys::pages::list;
        }
        "/settings/api-keys/new" {
            GET MemberConfirmed(CreateKeys) api_keys::pages::new;
            POST MemberConfirmed(CreateKeys) api_keys::pages::create;
        }
        "/settings/api-keys/{id}" {
            GET Member(Belong) api_keys::pages::show;
        }
        "/settings/api-keys/{id}/delete" {
            GET Member(Belong) api_keys::pages::ask_delete;
            POST Member(Belong) api_keys::pages::delete;
        }
        "/settings/api-keys/{id}/file" {
            POST Member(Belong) api_keys::pages::file;
        }
        "/organizations" {
            GET SignedIn organizations::pages::list;
        }
        "/organizations/new" {
            GET SignedIn organizations::pages::new;
            POST SignedIn organizations::pages::create;
        }
        "/organizations/{slug}" {
            GET Member(SeeOrganization) organizations::pages::show;
        }
        "/organizations/{slug}/switch" {
            POST Member(Belong) organizations::pages::switch;
        }
        "/organizations/{slug}/settings" {
            GET Member(ChangeOrganization) organizations::pages::settings;
            POST Member(ChangeOrganization) organizations::pages::save;
        }
        "/organizations/{slug}/picture" {
            GET Member(ChangeOrganization) avatars::pages::of_organization;
            POST Member(ChangeOrganization) avatars::pages::set_of_organization;
        }
        "/organizations/{slug}/picture/remove" {
            POST Member(ChangeOrganization) avatars::pages::remove_of_organization;
        }
        "/organizations/{slug}/settings/second-factor" {
            GET MemberConfirmed(ChangeOrganization) organizations::second_factor::ask;
            POST MemberConfirmed(ChangeOrganization) organizations::second_factor::save;
        }
        "/organizations/{slug}/second-factor" {
            GET Member(Belong) organizations::second_factor::show;
        }
        "/organizations/{slug}/policy" {
            GET Member(ChangeOrganization) tokens::policies::pages::show_there;
            POST MemberConfirmed(ChangeOrganization) tokens::policies::pages::set_there;
        }
        "/organizations/{slug}/policy/review" {
            GET Member(ChangeOrganization) tokens::policies::pages::ask_there;
        }
        "/organizations/{slug}/hand-over" {
            GET MemberConfirmed(HandOver) organizations::pages::ask_hand_over;
            POST MemberConfirmed(HandOver) organizations::pages::hand_over;
        }
        "/organizations/{slug}/delete" {
            GET MemberConfirmed(DeleteOrganization) organizations::pages::ask_delete;
            POST MemberConfirmed(DeleteOrganization) organizations::pages::delete;
        }
        "/organizations/{slug}/leave" {
            GET Member(BelongWithOthers) organizations::members::pages::ask_leave;
            POST Member(BelongWithOthers) organizations::members::pages::leave;
        }
        "/organizations/{slug}/target" {
            POST Member(BelongWithOthers) organizations::members::pages::be_target;
        }
        "/organizations/{slug}/members" {
            GET Member(SeeMembers) organizations::members::pages::list;
        }
        "/organizations/{slug}/members/{id}" {
            GET Member(SeeMembers) organizations::members::pages::show;
        }
        "/organizations/{slug}/members/{id}/role" {
            GET MemberConfirmed(ChangeMembers) organizations::members::pages::role;
            POST MemberConfirmed(ChangeMembers) organizations::members::pages::change_role;
        }
        "/organizations/{slug}/members/{id}/remove" {
            GET Member(RemoveMembers) organizations::members::pages::ask_remove;
            POST Member(RemoveMembers) organizations::members::pages::remove;
        }
        "/organizations/{slug}/invitations" {
            GET Member(InviteMembers) organizations::invitations::pages::list;
        }
        "/organizations/{slug}/invitations/new" {
            GET MemberConfirmed(InviteMembers) organizations::invitations::pages::new;
            POST MemberConfirmed(InviteMembers) organizations::invitations::pages::create;
        }
        "/organizations/{slug}/invitations/{id}/resend" {
            POST MemberConfirmed(InviteMembers) organizations::invitations::pages::resend;
        }
        "/organizations/{slug}/invitations/{id}/cancel" {
            POST Member(InviteMembers) organizations::invitations::pages::cancel;
        }
        "/organizations/{slug}/teams" {
            GET Member(SeeTeams) organizations::teams::pages::list;
        }
        "/organizations/{slug}/teams/new" {
            GET MemberConfirmed(CreateTeams) organizations::teams::pages::new;
            POST MemberConfirmed(CreateTeams) organizations::teams::pages::create;
        }
        "/organizations/{slug}/teams/{id}" {
            GET Member(SeeTeams) organizations::teams::pages::show;
        }
        "/organizations/{slug}/teams/{id}/edit" {
            GET MemberConfirmed(ChangeTeams) organizations::teams::pages::edit;
            POST MemberConfirmed(ChangeTeams) organizations::teams::pages::save;
        }
        "/organizations/{slug}/teams/{id}/members" {
            GET MemberConfirmed(ChangeTeams) organizations::teams::pages::ask_add;
            POST MemberConfirmed(ChangeTeams) organizations::teams::pages::add;
        }
        "/organizations/{slug}/teams/{id}/remove" {
            POST Member(ChangeTeams) organizations::teams::pages::remove;
        }
        "/organizations/{slug}/teams/{id}/delete" {
            GET Member(DeleteTeams) organizations::teams::pages::ask_delete;
            POST Member(DeleteTeams) organizations::teams::pages::delete;
        }
        "/organizations/{slug}/license" {
            GET Member(SeeOrganization) organizations::license::pages::show;
        }
        "/organizations/{slug}/logs" {
            GET Member(SeeLogs) organizations::logs::show;
        }
        "/organizations/{slug}/logs/export" {
            GET MemberConfirmed(SeeLogs) organizations::logs::export;
        }
        "/organizations/{slug}/policy/personal-tokens" {
            GET Member(ChangeOrganization) organizations::policies::pages::personal_tokens;
            POST MemberConfirmed(ChangeOrganization) organizations::policies::pages::set_personal_tokens;
        }
        "/organizations/{slug}/policy/api-keys" {
            GET Member(ChangeOrganization) organizations::policies::pages::members_keys;
            POST MemberConfirmed(ChangeOrganization) organizations::policies::pages::set_members_keys;
        }
        "/organizations/{slug}/service-accounts" {
            GET Member(SeeServiceAccounts) service_accounts::pages::list;
        }
        "/organizations/{slug}/service-accounts/new" {
            GET MemberConfirmed(CreateServiceAccounts) service_accounts::pages::new;
            POST MemberConfirmed(CreateServiceAccounts) service_accounts::pages::create;
        }
        "/organizations/{slug}/service-accounts/{id}" {
            GET Member(SeeServiceAccounts) service_accounts::pages::show;
        }
        "/organizations/{slug}/service-accounts/{id}/edit" {
            GET MemberConfirmed(ChangeServiceAccounts) service_accounts::pages::edit;
            POST MemberConfirmed(ChangeServiceAccounts) service_accounts::pages::save;
        }
        "/organizations/{slug}/service-accounts/{id}/disable" {
            GET Member(ChangeServiceAccounts) service_accounts::pages::ask_disable;
            POST Member(ChangeServiceAccounts) service_accounts::pages::disable;
        }
        "/organizations/{slug}/service-accounts/{id}/enable" {
            POST MemberConfirmed(ChangeServiceAccounts) service_accounts::pages::enable;
        }
        "/organizations/{slug}/service-accounts/{id}/delete" {
            GET Member(DeleteServiceAccounts) service_accounts::pages::ask_delete;
            POST Member(DeleteServiceAccounts) service_accounts::pages::delete;
        }
        "/organizations/{slug}/service-accounts/{id}/tokens/new" {
            GET MemberConfirmed(ChangeServiceAccounts) service_accounts::tokens::new;
            POST MemberConfirmed(ChangeServiceAccounts) service_accounts::tokens::create;
        }
        "/organizations/{slug}/service-accounts/{id}/tokens/{token}" {
            GET Member(SeeServiceAccounts) service_accounts::tokens::show;
        }
        "/organizations/{slug}/service-accounts/{id}/tokens/{token}/regenerate" {
            GET MemberConfirmed(ChangeServiceAccounts) service_accounts::tokens::ask_regenerate;
            POST MemberConfirmed(ChangeServiceAccounts) service_accounts::tokens::regenerate;
        }
        "/organizations/{slug}/service-accounts/{id}/tokens/{token}/old-secret/end" {
            POST Member(ChangeServiceAccounts) service_accounts::tokens::end_old;
        }
        "/organizations/{slug}/service-accounts/{id}/tokens/{token}/revoke" {
            GET Member(ChangeServiceAccounts) service_accounts::tokens::ask_revoke;
            POST Member(ChangeServiceAccounts) service_accounts::tokens::revoke;
        }
        "/organizations/{slug}/service-accounts/{id}/tokens/{token}/delete" {
            GET Member(ChangeServiceAccounts) service_accounts::tokens::ask_delete;
            POST Member(ChangeServiceAccounts) service_accounts::tokens::delete;
        }
        "/organizations/{slug}/service-accounts/{id}/tokens/{token}/file" {
            POST Member(ChangeServiceAccounts) service_accounts::tokens::file;
        }
        "/organizations/{slug}/roles" {
            GET Member(SeeRoles) organizations::roles::pages::list;
        }
        "/organizations/{slug}/roles/new" {
            GET MemberConfirmed(CreateRoles) organizations::roles::pages::new;
            POST MemberConfirmed(CreateRoles) organizations::roles::pages::create;
        }
        "/organizations/{slug}/roles/{id}" {
            GET Member(SeeRoles) organizations::roles::pages::show;
        }
        "/organizations/{slug}/roles/{id}/edit" {
            GET MemberConfirmed(ChangeRoles) organizations::roles::pages::edit;
            POST MemberConfirmed(ChangeRoles) organizations::roles::pages::save;
        }
        "/organizations/{slug}/roles/{id}/delete" {
            GET Member(DeleteRoles) organizations::roles::pages::ask_delete;
            POST Member(DeleteRoles) organizations::roles::pages::delete;
        }
        "/admin" {
            GET Administrator administration::pages::home;
        }
        "/admin/verifiers" {
            GET Administrator administration::verifiers::list;
            POST AdministratorConfirmed administration::verifiers::create;
        }
        "/admin/verifiers/{id}/delete" {
            GET Administrator administration::verifiers::ask_delete;
            POST AdministratorConfirmed administration::verifiers::delete;
        }
        "/admin/invitations" {
            GET Administrator administration::invitations::list;
            POST AdministratorConfirmed administration::invitations::create;
        }
        "/admin/invitations/{id}/cancel" {
            POST AdministratorConfirmed administration::invitations::cancel;
        }
        "/admin/organizations" {
            GET Administrator administration::organizations::list;
        }
        "/admin/organizations/{id}" {
            GET Administrator administration::organizations::show;
            POST AdministratorConfirmed administration::organizations::save;
        }
        "/admin/recovery" {
            GET Administrator administration::recovery::show;
            POST AdministratorConfirmed administration::recovery::make;
        }
        "/admin/policy" {
            GET Administrator tokens::policies::pages::show;
            POST AdministratorConfirmed tokens::policies::pages::set;
        }
        "/admin/policy/review" {
            GET Administrator tokens::policies::pages::ask;
        }
        "/admin/mail" {
            GET Administrator administration::mail::list;
        }
        "/admin/mail/{id}" {
            GET Administrator administration::mail::message;
            POST AdministratorConfirmed administration::mail::read;
        }
    }
}
