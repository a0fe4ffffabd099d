//! Capabilities: what a handler must hold to call a verb. Their fields are private here, so nobody else can make one.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};

use super::secret::{Presented, SecretKind, present};
use super::session::{Account, account, still_holds};
use crate::api::{self, caller};
use crate::app::Instance;
use crate::audit::{Actor, Origin};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::routes::{ROUTES, WHILE_ENROLLING};
use crate::urls;

/// The instance that a request runs in.
///
/// # Panics
/// Never: `app::build` hands the instance to every worker.
pub fn instance(request: &HttpRequest) -> &Instance {
    request.app_data::<web::Data<Instance>>().expect("the instance is part of the application")
}

/// Somebody is signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    account: Arc<Account>,
    origin: Origin,
    /// Whether what is done with it needs the confirmation to hold still when it is done.
    confirmed: bool,
}

impl SignedIn {
    /// Who is signed in, where a page answers strangers, too.
    ///
    /// # Errors
    /// [`Error::SignIn`] when nobody is; [`Error::Enrol`].
    pub fn of(request: &HttpRequest) -> Result<Self> {
        let account = if api::is_call(request.path()) { caller::account(request)? } else { account(request) };
        let Some(account) = account else { return Err(Error::SignIn { back: back(request) }) };
        let rule = instance(request).config.require_second_factor;
        if rule.asks(account.is_administrator) && !account.second_factor {
            let pattern = request.match_pattern().unwrap_or_default();
            if !WHILE_ENROLLING.contains(&pattern.as_str()) {
                return Err(Error::Enrol);
            }
        }
        Ok(Self { account, origin: Origin::of(request), confirmed: false })
    }

    /// Who, and how.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Whose things the services may touch.
    pub fn owner(&self) -> Owner<'_> {
        Owner(&self.account.user_id)
    }

    /// Where the request came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Who was refused, for the entry that says so: it is written whether or not the session still holds, since a refusal
    /// may be what ended it.
    pub fn refused(&self) -> Actor {
        self.as_actor()
    }

    fn as_actor(&self) -> Actor {
        let through = if self.account.is_terminal { Actor::terminal } else { Actor::session };
        through(&self.account.user_id, &self.account.session_id, self.origin.clone())
    }

    /// Who makes a change, for its entry in the log: had only within the change's transaction, and only if the session
    /// still holds there. Since [`crate::audit::record`] wants an actor, no change goes without asking.
    ///
    /// # Errors
    /// As [`still_holds`]; [`Error::Confirm`] where a confirmation was needed, and ran out while the form was on its way.
    pub fn actor(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Actor> {
        still_holds(tx, &self.account, now)?;
        // The session's key is the same, so its confirmation is the one that was read with it.
        if self.confirmed && now >= self.account.confirmed_until {
            return Err(Error::Confirm { back: urls::home() });
        }
        Ok(self.as_actor())
    }
}

/// Whose things a service may touch; got from a capability alone. Every query for them begins here, so somebody else's
/// id is not found rather than forbidden.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a>(&'a UserId);

impl<'a> Owner<'a> {
    /// The user.
    pub fn user_id(&self) -> &UserId {
        self.0
    }

    /// The user, for as long as the capability lasts.
    pub fn into_user_id(self) -> &'a UserId {
        self.0
    }
}

/// Somebody is signed in, and proved it again within the last minutes.
#[derive(Debug, Clone)]
pub struct Confirmed(SignedIn);

impl Confirmed {
    fn of(request: &HttpRequest) -> Result<Self> {
        let signed_in = SignedIn::of(request)?;
        if instance(request).clock.now() < signed_in.account.confirmed_until {
            Ok(Self(SignedIn { confirmed: true, ..signed_in }))
        } else {
            Err(Error::Confirm { back: back_to_button(request, back(request)) })
        }
    }

    /// Them, still held to the proof.
    pub fn into_signed_in(self) -> SignedIn {
        self.0
    }
}

impl std::ops::Deref for Confirmed {
    type Target = SignedIn;

    fn deref(&self) -> &SignedIn {
        &self.0
    }
}

/// An administrator proves it again after so many seconds, however busy,
const ADMINISTRATOR_AGE: i64 = 12 * 60 * 60;
/// and after so many without a page.
const ADMINISTRATOR_IDLE: i64 = 15 * 60;

/// An administrator of the instance. To everybody else these pages do not exist.
#[derive(Debug, Clone)]
pub struct Administrator(SignedIn);

impl Administrator {
    fn of(request: &HttpRequest) -> Result<Self> {
        let signed_in = SignedIn::of(request)?;
        if !signed_in.account.is_administrator {
            return Err(Error::NotFound);
        }
        let instance = instance(request);
        let (account, now) = (&signed_in.account, instance.clock.now());
        let confirmed_at = account.confirmed_until.plus(-instance.config.sessions.confirmation);
        if confirmed_at.until(now) >= ADMINISTRATOR_AGE || account.administered_at.until(now) >= ADMINISTRATOR_IDLE {
            return Err(Error::Confirm { back: back_to_button(request, back(request)) });
        }
        instance.seen.administered(account, now);
        Ok(Self(signed_in))
    }
}

impl std::ops::Deref for Administrator {
    type Target = SignedIn;

    fn deref(&self) -> &SignedIn {
        &self.0
    }
}

/// An administrator who proved it again within the last minutes: for every change.
#[derive(Debug, Clone)]
pub struct AdministratorConfirmed(Administrator);

impl AdministratorConfirmed {
    fn of(request: &HttpRequest) -> Result<Self> {
        let administrator = Administrator::of(request)?;
        let Confirmed(signed_in) = Confirmed::of(request)?;
        Ok(Self(Administrator(SignedIn { confirmed: signed_in.confirmed, ..administrator.0 })))
    }
}

impl std::ops::Deref for AdministratorConfirmed {
    type Target = SignedIn;

    fn deref(&self) -> &SignedIn {
        &self.0.0
    }
}

/// The command line: whoever can run it on the instance's own data may administer it.
#[derive(Debug, Clone, Copy)]
pub struct Operator(());

impl Operator {
    /// For the command line alone: there is no way here from a request.
    pub(crate) fn at_the_command_line() -> Self {
        Self(())
    }
}

/// Who may administer: an administrator who confirmed it, or the operator at the command line.
pub trait Administers {
    /// For the audit log, within the change's transaction.
    ///
    /// # Errors
    /// [`Error::SignIn`] when the administrator's session ended meanwhile.
    fn as_actor(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Actor>;
}

impl Administers for AdministratorConfirmed {
    fn as_actor(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Actor> {
        self.actor(tx, now)
    }
}

impl Administers for Operator {
    fn as_actor(&self, _: &mut Tx<'_>, _: Timestamp) -> Result<Actor> {
        Ok(Actor::command_line())
    }
}

/// A caller that presented a verifier's credential of the right form; whether it is one, the look-up says that the check
/// itself makes, in the same read.
#[derive(Debug, Clone, Copy)]
pub struct VerifierCaller(Presented);

impl VerifierCaller {
    /// What to look the credential up by.
    pub fn presented(&self) -> Presented {
        self.0
    }
}

/// A caller that presented a token of the right form; whether it is good, the look-up says.
#[derive(Debug, Clone, Copy)]
pub struct TokenBearer {
    presented: Presented,
    now: Timestamp,
}

impl TokenBearer {
    /// A caller that gives a token back, and shows it in a form (RFC 7009); `None` when this instance can't have made it.
    pub fn giving_back(instance: &Instance, token: &str) -> Option<Self> {
        let presented = present(&instance.config.tokens.brand, token).filter(|presented| is_token(presented.kind))?;
        Some(Self { presented, now: instance.clock.now() })
    }

    /// What to look the token up by.
    pub fn presented(&self) -> Presented {
        self.presented
    }

    /// When it was presented.
    pub fn now(&self) -> Timestamp {
        self.now
    }
}

/// Why a bearer credential was not even looked up (RFC 6750, 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BearerProblem {
    /// There is none.
    Missing,
    /// There are two, or it is not `Bearer <one word>`.
    Malformed,
    /// This instance can't have made it, or it is of another kind.
    Invalid,
}

/// The bearer credential of a request: in the `Authorization` header, and nowhere else.
fn bearer(request: &HttpRequest, takes: impl Fn(SecretKind) -> bool) -> Result<Presented, BearerProblem> {
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    let Some(first) = headers.next() else {
        return Err(BearerProblem::Missing);
    };
    if headers.next().is_some() {
        return Err(BearerProblem::Malformed);
    }
    let text = first.to_str().map_err(|_| BearerProblem::Malformed)?;
    let Some((scheme, credential)) = text.split_once(' ') else {
        return Err(BearerProblem::Malformed);
    };
    let brand = &instance(request).config.tokens.brand;
    if scheme.eq_ignore_ascii_case("basic") {
        // RFC 7662 leaves open how the caller authenticates; many clients only know HTTP Basic. The user name is not used.
        return basic_password(credential)
            .and_then(|password| present(brand, &password))
            .filter(|presented| takes(presented.kind))
            .ok_or(BearerProblem::Invalid);
    }
    if !scheme.eq_ignore_ascii_case("bearer") || credential.trim().is_empty() || credential.trim().contains(' ') {
        return Err(BearerProblem::Malformed);
    }
    present(brand, credential.trim()).filter(|presented| takes(presented.kind)).ok_or(BearerProblem::Invalid)
}

fn is_token(kind: SecretKind) -> bool {
    kind != SecretKind::Verifier
}

/// The credential that a request brings in its `Authorization` header; `None` when it brings none.
///
/// # Errors
/// [`Error::Bearer`] when it brings something that is none.
pub fn presented(request: &HttpRequest) -> Result<Option<Presented>> {
    match bearer(request, |_| true) {
        Ok(presented) => Ok(Some(presented)),
        Err(BearerProblem::Missing) => Ok(None),
        Err(problem) => Err(Error::Bearer(problem)),
    }
}

/// The same, where it does not come as a password of HTTP Basic: a browser may keep such a one, and send it by itself.
///
/// # Errors
/// As [`presented`].
pub fn presented_as_bearer(request: &HttpRequest) -> Result<Option<Presented>> {
    let scheme = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.split(' ').next());
    let is_bearer = scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"));
    Ok(presented(request)?.filter(|_| is_bearer))
}

fn basic_password(credential: &str) -> Option<zeroize::Zeroizing<String>> {
    use base64::Engine;
    let decoded = zeroize::Zeroizing::new(base64::engine::general_purpose::STANDARD.decode(credential.trim()).ok()?);
    let (_, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some(zeroize::Zeroizing::new(password.to_owned()))
}

/// The same after a confirmation: which of the page's buttons it was stands in the fragment.
pub fn back_to_button(request: &HttpRequest, page: String) -> String {
    match request.path().strip_prefix(page_of(request).as_str()) {
        Some(button) if button.starts_with('/') => format!("{page}#{button}"),
        _ => page,
    }
}

/// Where to come back to after signing in or confirming: the page that was asked for, with its query.
pub fn back(request: &HttpRequest) -> String {
    let page = page_of(request);
    match request.uri().query() {
        Some(query) if page == request.path() => format!("{page}?{query}"),
        _ => page,
    }
}

/// The page that an address belongs to: itself, or, where it takes forms alone, the nearest one above it.
pub fn page_of(request: &HttpRequest) -> String {
    let pattern = request.match_pattern().unwrap_or_default();
    let (mut pattern, mut path) = (pattern.as_str(), request.path());
    while !ROUTES.iter().any(|route| route.path == pattern && route.method == "GET") {
        let (Some((above, _)), Some((place, _))) = (pattern.rsplit_once('/'), path.rsplit_once('/')) else {
            return urls::home();
        };
        (pattern, path) = (above, place);
    }
    path.to_owned()
}

macro_rules! capability {
    ($($name:ident by $of:expr;)+) => {$(
        impl FromRequest for $name {
            type Error = Error;
            type Future = Ready<Result<Self>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                ready($of(request))
            }
        }
    )+};
}

capability! {
    SignedIn by SignedIn::of;
    Confirmed by Confirmed::of;
    Administrator by Administrator::of;
    AdministratorConfirmed by AdministratorConfirmed::of;
    VerifierCaller by |request| bearer(request, |kind| kind == SecretKind::Verifier).map(VerifierCaller).map_err(Error::Bearer);
    TokenBearer by |request: &HttpRequest| bearer(request, is_token)
        .map(|presented| TokenBearer { presented, now: instance(request).clock.now() })
        .map_err(Error::Bearer);
}
