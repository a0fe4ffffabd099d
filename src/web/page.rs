//! Pages: the shell around each, and the answers that carry them.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse};
use askama::Template;

use super::notice::{Notice, NoticeView};
use crate::auth::capability::instance;
use crate::auth::key::hex;
use crate::auth::session::account;
use crate::auth::{Account, SignedIn, csrf};
use crate::avatars::Face;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::organizations::{Choice, Place};
use crate::users::Theme;

/// What every page shows around its content.
pub struct Shell {
    /// The page's title, without the product's name.
    pub title: String,
    /// The product's name.
    pub product: String,
    /// `light`, `dark` or `system`.
    pub theme: &'static str,
    /// For the hidden field of every form.
    pub csrf: String,
    /// What was just done.
    pub notice: Option<NoticeView>,
    /// Who is signed in.
    pub user: Option<ShellUser>,
    /// Which menu item is this page; empty where no menu is shown.
    pub current: &'static str,
    /// A one-time name for a form that makes something.
    pub nonce_form: String,
    /// Whether mail travels from here; else it is filed, and links are handed on by people.
    pub sends_mail: bool,
}

/// Who is signed in, as the header shows it.
pub struct ShellUser {
    /// First and last name, or the e-mail.
    pub name: String,
    /// The sign-in name.
    pub email: String,
    /// Their picture, or initials.
    pub face: Face,
    /// May they administer the instance?
    pub is_administrator: bool,
    /// The organization being worked in; on an organization's own pages, that one.
    pub organization: String,
    /// Its picture, if it has one.
    pub organization_picture: Option<String>,
    /// Whether one of their tokens ends soon.
    pub token_ends_soon: bool,
    /// Those that the switch offers.
    pub organizations: Vec<SwitchRow>,
}

/// One organization of the header's switch.
pub struct SwitchRow {
    /// Its name.
    pub name: String,
    /// Its picture, if it has one.
    pub picture: Option<String>,
    /// Its id, for the form.
    pub id: String,
    /// Where the form goes.
    pub url: String,
    /// Is it the one being worked in?
    pub current: bool,
}

/// A word with a colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge {
    /// `good`, `attention`, `danger` or `quiet`.
    pub kind: &'static str,
    /// The word.
    pub word: &'static str,
}

impl Shell {
    /// The shell of a page of which nobody knows who asked for it; it can hold no form.
    pub fn for_stranger(product: &str, title: &str) -> Self {
        Self {
            title: title.to_owned(),
            product: product.to_owned(),
            theme: Theme::Light.as_str(),
            csrf: String::new(),
            notice: None,
            user: None,
            current: "",
            nonce_form: String::new(),
            sends_mail: true,
        }
    }
}

impl ShellUser {
    fn of(account: &Account) -> Self {
        let name = account.name();
        let picture_of = |choice: &Choice| Face::of(&choice.name, choice.avatar.as_deref()).picture;
        Self {
            face: Face::of(&name, account.avatar.as_deref()),
            email: account.email.clone(),
            is_administrator: account.is_administrator,
            organization: account.organization.name.clone(),
            organization_picture: picture_of(&account.organization),
            organizations: account
                .organizations
                .iter()
                .map(|choice| SwitchRow {
                    name: choice.name.clone(),
                    picture: picture_of(choice),
                    id: choice.id.to_string(),
                    url: crate::urls::organization_switch(&choice.slug),
                    current: choice.id == account.organization.id,
                })
                .collect(),
            token_ends_soon: account.token_ends_soon,
            name,
        }
    }
}

/// Whoever asks for a page, signed in or not.
pub struct Visitor {
    request: HttpRequest,
    account: Option<Arc<Account>>,
}

impl FromRequest for Visitor {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

impl Visitor {
    /// Whoever made this request.
    pub fn of(request: &HttpRequest) -> Self {
        Self { account: account(request), request: request.clone() }
    }

    /// Who is signed in, if anybody is.
    pub fn account(&self) -> Option<&Account> {
        self.account.as_deref()
    }

    /// Who is signed in.
    ///
    /// # Errors
    /// [`Error::SignIn`] when nobody is.
    pub fn signed_in(&self) -> Result<SignedIn> {
        SignedIn::of(&self.request)
    }

    /// The request itself.
    pub fn request(&self) -> &HttpRequest {
        &self.request
    }

    /// Scheme, host and port under which this instance's links lead to it.
    pub fn base(&self) -> String {
        instance(&self.request).config.absolute("")
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        instance(&self.request).clock.now()
    }

    /// The shell of a page of an organization: whatever else one works in, the header names the one in the address.
    pub fn shell_in(&self, place: &Place, title: &str, current: &'static str) -> Shell {
        let mut shell = self.shell(title, current);
        if let Some(user) = &mut shell.user {
            user.organization.clone_from(&place.name);
            user.organization_picture.clone_from(&place.face.picture);
        }
        shell
    }

    /// What this visitor's forms are bound to: their session, or the cookie that came with the first form.
    pub fn binding(&self) -> Option<String> {
        form_binding(&self.request)
    }

    /// The shell of a page with this title, marked as this item of the menu.
    pub fn shell(&self, title: &str, current: &'static str) -> Shell {
        let instance = instance(&self.request);
        let rule = instance.config.require_second_factor;
        let must_enrol =
            self.account().is_some_and(|account| rule.asks(account.is_administrator) && !account.second_factor);
        let binding = form_binding(&self.request).unwrap_or_else(|| fresh_form_cookie(&self.request));
        Shell {
            title: title.to_owned(),
            product: instance.config.product_name.clone(),
            theme: self.theme().as_str(),
            csrf: csrf::token(&instance.key, &binding),
            notice: Notice::received(&self.request),
            user: self.account.as_deref().map(ShellUser::of),
            // Nothing of the menu opens before there is a second factor.
            current: if must_enrol { "" } else { current },
            nonce_form: crate::ids::ulid(),
            sends_mail: instance.carrier.folder().is_none(),
        }
    }

    fn theme(&self) -> Theme {
        let chosen = match &self.account {
            Some(account) => Theme::from_word(&account.theme),
            None => self.request.cookie(THEME_COOKIE).and_then(|cookie| Theme::from_word(cookie.value())),
        };
        chosen.unwrap_or(Theme::Light)
    }
}

/// Remembers the theme in the browser, for the pages before the sign-in.
pub const THEME_COOKIE: &str = "keystead_theme";
const FORM_COOKIE: &str = "keystead_form";

/// A cookie of this instance: bound to the host and to https, where there is https.
pub fn cookie_name(secure: bool, name: &str) -> String {
    if secure { format!("__Host-{name}") } else { name.to_owned() }
}

/// What a form's CSRF token is bound to: the session, or the cookie that a stranger's form got.
pub(crate) fn form_binding(request: &HttpRequest) -> Option<String> {
    if let Some(account) = account(request) {
        return Some(format!("session {}", account.session_id));
    }
    let name = cookie_name(instance(request).config.is_https(), FORM_COOKIE);
    request
        .cookie(&name)
        .filter(|cookie| cookie.value().len() == 32)
        .map(|cookie| format!("stranger {}", cookie.value()))
}

/// A cookie that the answer to this request shall set.
pub struct FormCookie(pub String);

fn fresh_form_cookie(request: &HttpRequest) -> String {
    let mut extensions = request.extensions_mut();
    if extensions.get::<FormCookie>().is_none() {
        extensions.insert(FormCookie(hex(&crate::ids::random::<16>())));
    }
    extensions.get::<FormCookie>().map(|cookie| format!("stranger {}", cookie.0)).unwrap_or_default()
}

impl FormCookie {
    /// As it is sent.
    pub fn cookie(&self, secure: bool) -> Cookie<'static> {
        Cookie::build(cookie_name(secure, FORM_COOKIE), self.0.clone())
            .path("/")
            .http_only(true)
            .secure(secure)
            .same_site(SameSite::Lax)
            .finish()
    }
}

/// An answer with a page.
///
/// # Errors
/// When the template fails.
pub fn html(status: StatusCode, page: &impl Template) -> Result<HttpResponse> {
    Ok(HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .body(page.render()?))
}

/// An answer that leads on after a form: 303, so that a reload repeats nothing.
pub fn see_other(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, path)).finish()
}
