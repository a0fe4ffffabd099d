//! The route table: every path, its methods, what each needs, and its handler. A route that is not here does not exist.
//!
//! The same rows register the handlers and describe them, so the sweeps in the tests walk what is really served. A path's
//! rows make one resource: another method is 405 with `Allow`, and `GET` answers `HEAD`.

use actix_web::guard::{self, Guard};
use actix_web::http::header;
use actix_web::{HttpResponse, web};

use crate::{
    administration, appearance, audit, profile, recovery, security, setup, sign_in, sign_up, tokens, verification,
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

macro_rules! routes {
    ($($area:ident as $register:ident { $($path:literal { $($method:ident $needs:ident $handler:path;)+ })+ })+) => {
        /// Every row.
        pub const ROUTES: &[Route] = &[$($($(
            Route { area: Area::$area, path: $path, method: stringify!($method), needs: Needs::$needs },
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
        "/api/v1/tokens/self" {
            GET Token verification::calls::token_self;
        }
        "/healthz" {
            GET Nothing verification::health::alive;
        }
        "/readyz" {
            GET Nothing verification::health::ready;
        }
        "/static/{hash}/{path:.*}" {
            GET Nothing shell::assets::serve;
        }
    }
    Pages as pages {
        "/" {
            GET Nothing sign_in::pages::home;
        }
        "/setup" {
            GET Nothing setup::pages::show;
            POST Nothing setup::pages::submit;
        }
        "/login" {
            GET Nothing sign_in::pages::show;
            POST Nothing sign_in::pages::submit;
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
        "/invitations/{code}" {
            GET Nothing sign_up::pages::show_invitation;
            POST Nothing sign_up::pages::accept;
        }
        "/password/forgot" {
            GET Nothing recovery::pages::show;
            POST Nothing recovery::pages::submit;
        }
        "/password/reset/{code}" {
            GET Nothing recovery::pages::show_reset;
            POST Nothing recovery::pages::reset;
        }
        "/step-up" {
            GET SignedIn sign_in::step_up::show;
            POST SignedIn sign_in::step_up::submit;
        }
        "/settings/profile" {
            GET SignedIn profile::pages::show;
            POST SignedIn profile::pages::save;
        }
        "/settings/security" {
            GET SignedIn security::pages::show;
        }
        "/settings/security/password" {
            POST SignedIn security::pages::change_password;
        }
        "/settings/security/sessions/{id}/end" {
            POST Confirmed security::sessions::end_one;
        }
        "/settings/security/logout-all" {
            GET Confirmed security::sessions::ask_all;
            POST Confirmed security::sessions::end_all;
        }
        "/settings/appearance" {
            GET SignedIn appearance::show;
            POST SignedIn appearance::save;
        }
        "/settings/logs" {
            GET SignedIn audit::pages::show;
        }
        "/settings/tokens" {
            GET SignedIn tokens::pages::list;
        }
        "/settings/tokens/new" {
            GET Confirmed tokens::pages::new;
            POST Confirmed tokens::pages::create;
        }
        "/settings/tokens/{id}" {
            GET SignedIn tokens::pages::detail;
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
        "/admin/mail" {
            GET Administrator administration::mail::list;
        }
        "/admin/mail/{id}" {
            GET Administrator administration::mail::message;
        }
    }
}
