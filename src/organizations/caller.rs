//! Whose a call about an organization is: a member's, who is signed in, or a service account's, with a token of its own. A handler
//! that takes a [`Caller`] opens to both, and its row in the route table says so; one that takes a
//! [`Member`](super::Member) opens to people alone.
//!
//! A token that leaked must not become more than it is. So nothing here makes a secret, a token has no more than its account's
//! role at that moment and its own scopes both allow, and a change asks for all of it again in its transaction.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};

use super::member::{Acting, By, Member, holds, lock, named, needs, no_route_of, shared};
use super::policy::{Right, Rights};
use super::queries::{Organization, by_id};
use crate::app::Instance;
use crate::audit::{Actor, Origin};
use crate::auth::capability::{self, BearerProblem};
use crate::auth::secret::Presented;
use crate::auth::{Confirmed, SecretKind, throttle};
use crate::catalogue::Catalogue;
use crate::clock::Timestamp;
use crate::db::{Connection, Tx};
use crate::error::{Error, Result};
use crate::ids::{ServiceAccountId, TokenId, UserId};
use crate::routes::Needs;
use crate::verification::{Code, Look, Subject, look_up};

/// Whoever can act in an organization.
pub trait Acts: Clone + Send + 'static {
    /// Asks everything once more within the transaction of a change.
    ///
    /// # Errors
    /// [`Error::SignIn`], [`Error::Bearer`], [`Error::NotFound`] or [`Error::Forbidden`] when something of it no longer holds.
    fn act(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Acting>;
    /// The organization in the address.
    fn organization(&self) -> &Organization;
    /// What they may do there, as of the request's beginning: for what is only shown.
    fn rights(&self) -> &Rights;
    /// The instance.
    fn instance(&self) -> &Instance;
    /// The present moment.
    fn now(&self) -> Timestamp {
        self.instance().clock.now()
    }

    /// Runs a verb as them, in one transaction with what [`Self::act`] asks.
    ///
    /// # Errors
    /// Of [`Self::act`], and the verb's own.
    fn change<T: Send + 'static>(
        &self,
        verb: impl FnOnce(&mut Tx<'_>, &Acting, Timestamp, &Catalogue) -> Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<T>> {
        let (now, by) = (self.now(), self.clone());
        self.instance().db.write(move |tx| {
            let acting = by.act(tx, now)?;
            verb(tx, &acting, now, &by.instance().config.catalogue)
        })
    }
}

impl Acts for Member {
    fn act(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Acting> {
        Self::act(self, tx, now)
    }

    fn organization(&self) -> &Organization {
        Self::organization(self)
    }

    fn rights(&self) -> &Rights {
        Self::rights(self)
    }

    fn instance(&self) -> &Instance {
        Self::instance(self)
    }
}

/// A member, or a service account, with the right that the route needs.
#[derive(Clone)]
pub enum Caller {
    /// A member, who is signed in.
    Person(Member),
    /// A service account, with a token of its own.
    ServiceAccount(Bearing),
}

/// The same; a person proved within the last minutes that it is them. A token has nobody to ask.
#[derive(Clone)]
pub struct CallerConfirmed(Caller);

/// A service account with the token that it presented.
#[derive(Clone)]
pub struct Bearing {
    presented: Presented,
    account: ServiceAccountId,
    origin: Origin,
    instance: web::Data<Instance>,
    organization: Organization,
    rights: Rights,
    needed: Right,
}

/// A service account as its token finds it.
struct Known {
    token: TokenId,
    account: ServiceAccountId,
    organization: Organization,
    rights: Rights,
}

/// The service account that a token acts for, and what it may do at this moment, where the token is good.
fn known(connection: &mut Connection, look: Look, catalogue: &Catalogue) -> Result<Known> {
    let Look { found, place, code } = look;
    let refused = Err(Error::Bearer(BearerProblem::Invalid));
    let (Some((organization, standing)), Code::Valid, SecretKind::ServiceAccount) = (place, code, found.kind) else {
        return refused;
    };
    let Subject::ServiceAccount { id: account, .. } = &found.subject else { return refused };
    let organization = by_id(connection, &organization)?;
    let held = Rights::of(&standing, organization.kind, catalogue);
    let rights = if found.everything { held } else { held.narrowed_to(&found.scopes) };
    Ok(Known { token: found.token_id, account: account.clone(), organization, rights })
}

/// The same refusal in a token's case, whose account's role may well allow what the token does not list.
fn of_token(refusal: Error) -> Error {
    match refusal {
        Error::Forbidden(_) => Error::Forbidden("This token, or the role of its service account, does not allow this."),
        other => other,
    }
}

impl Bearing {
    async fn of(request: &HttpRequest, presented: Presented, needed: Right) -> Result<Self> {
        let (instance, slug) = (shared(request)?, named(request)?.ok_or(Error::NotFound)?);
        let (now, origin, inner) = (instance.clock.now(), Origin::of(request), instance.clone());
        let from = (origin.address.clone(), origin.agent.clone());
        let reading = instance.db.read(move |connection| {
            let look = look_up(connection, presented, &inner.config.catalogue, now)?;
            // Of one that is no longer good, too: its owner is told when an old secret is tried.
            inner.uses.note(&look.found, look.code, now, || from);
            known(connection, look, &inner.config.catalogue)
        });
        let Known { account, organization, rights, .. } = reading.await?;
        if slug != organization.slug && slug != organization.id.as_str() {
            return Err(Error::NotFound);
        }
        holds(needed, &rights, &organization).map_err(of_token)?;
        if !request.method().is_safe() {
            let door = (format!("changes by {account}"), throttle::CHANGES);
            throttle::enter(&instance.db, vec![door], now).await?;
        }
        Ok(Self { presented, account, origin, instance, organization, rights, needed })
    }

    fn act(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Acting> {
        // Whatever ends or narrows it locks this row, too.
        lock(tx, &self.organization.id)?;
        let catalogue = &self.instance.config.catalogue;
        let look = look_up(tx, self.presented, catalogue, now)?;
        let Known { token, account, organization, rights } = known(tx, look, catalogue)?;
        holds(self.needed, &rights, &organization).map_err(of_token)?;
        let actor = Actor::service_account(&account, &token, self.origin.clone());
        Ok(Acting { actor, by: By::ServiceAccount(account, token), organization, rights })
    }
}

impl Caller {
    async fn of(request: HttpRequest, needed: Right) -> Result<Self> {
        let presented = capability::presented_as_bearer(&request)?;
        match presented.filter(|presented| presented.kind == SecretKind::ServiceAccount) {
            Some(presented) => Bearing::of(&request, presented, needed).await.map(Self::ServiceAccount),
            None => Member::with(request, needed).await.map(Self::Person),
        }
    }

    /// Whether it is this person that calls.
    pub fn is(&self, user: &UserId) -> bool {
        matches!(self, Self::Person(member) if member.account().user_id == *user)
    }

    /// By what the calls of one caller are counted.
    pub fn counted_as(&self) -> &str {
        match self {
            Self::Person(member) => member.account().user_id.as_str(),
            Self::ServiceAccount(bearing) => bearing.account.as_str(),
        }
    }
}

impl Acts for Caller {
    fn act(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Acting> {
        match self {
            Self::Person(member) => member.act(tx, now),
            Self::ServiceAccount(bearing) => bearing.act(tx, now),
        }
    }

    fn organization(&self) -> &Organization {
        match self {
            Self::Person(member) => member.organization(),
            Self::ServiceAccount(bearing) => &bearing.organization,
        }
    }

    fn rights(&self) -> &Rights {
        match self {
            Self::Person(member) => member.rights(),
            Self::ServiceAccount(bearing) => &bearing.rights,
        }
    }

    fn instance(&self) -> &Instance {
        match self {
            Self::Person(member) => member.instance(),
            Self::ServiceAccount(bearing) => &bearing.instance,
        }
    }
}

impl std::ops::Deref for CallerConfirmed {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl FromRequest for Caller {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            match needs(&request) {
                Some(Needs::Caller(right) | Needs::CallerConfirmed(right)) => Self::of(request, right).await,
                _ => Err(no_route_of("caller")),
            }
        })
    }
}

impl FromRequest for CallerConfirmed {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, caller) = (request.clone(), Caller::from_request(request, payload));
        Box::pin(async move {
            let mut caller = caller.await?;
            if let Caller::Person(member) = &mut caller {
                member.confirmed(Confirmed::extract(&request).await?);
            }
            Ok(Self(caller))
        })
    }
}
