//! The capability of an organization's pages. What a route needs stands in its row of the table, and is asked here: a
//! handler can neither forget it nor ask for something else.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};

use super::policy::{Right, Rights, Standing, may_make_keys};
use super::queries::{Organization, Which, standing};
use crate::api::{Problem, is_call};
use crate::app::Instance;
use crate::audit::{Action, Actor, Event, record};
use crate::auth::capability::back;
use crate::auth::{Confirmed, SignedIn};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::db::schema::{organizations, service_accounts, users};
use crate::error::{Error, Result};
use crate::ids::{OrganizationId, ServiceAccountId, TokenId, UserId, is_ulid};
use crate::routes::{Needs, OPEN_WITHOUT, ROUTES};
use crate::text::plain_name;
use crate::urls;
use crate::web::form::{PostedBy, Sender};
use diesel::prelude::*;

/// What a member who lacks a right is told; to everybody else there is nothing at that address.
pub(crate) const LACKING: &str = "Your role in this organization does not allow this.";

/// Somebody signed in, a member of the organization in the address, with the right that the route needs. Where the address
/// names none, it is that of the key in it, or else the one being worked in.
#[derive(Clone)]
pub struct Member {
    who: SignedIn,
    instance: web::Data<Instance>,
    organization: Organization,
    standing: Standing,
    rights: Rights,
    needed: Right,
    /// Whether it opens without a second factor that the organization requires.
    open: bool,
}

/// A [`Member`] who proved it again within the last minutes.
#[derive(Clone)]
pub struct MemberConfirmed(Member);

/// A form from a member.
pub type MemberPost<T> = PostedBy<Member, T>;
/// A form from a member who confirmed within the last minutes.
pub type ConfirmedMemberPost<T> = PostedBy<MemberConfirmed, T>;

/// Where members go who lack the second factor that their organization requires.
fn closed(slug: String, back: String) -> Error {
    Error::EnrolFor { slug, back }
}

/// What the route of a request needs.
pub(super) fn needs(request: &HttpRequest) -> Option<Needs> {
    let pattern = request.match_pattern().unwrap_or_default();
    let method = if request.method() == "HEAD" { "GET" } else { request.method().as_str() };
    ROUTES.iter().find(|route| route.path == pattern && route.method == method).map(|route| route.needs)
}

/// A row that asks for somebody else than its handler does is a mistake of ours.
pub(super) fn no_route_of(whose: &str) -> Error {
    Error::Internal(format!("this is no route of a {whose}'s"))
}

/// The instance that a request runs in.
pub(super) fn shared(request: &HttpRequest) -> Result<web::Data<Instance>> {
    let instance = request.app_data::<web::Data<Instance>>().cloned();
    instance.ok_or_else(|| Error::Internal("no instance".to_owned()))
}

/// How the address names the organization.
pub(super) fn named(request: &HttpRequest) -> Result<Option<String>> {
    let slug = request.match_info().get("slug").map(str::to_owned);
    if slug.as_ref().is_some_and(|slug| slug.contains('\0')) { Err(Error::NotFound) } else { Ok(slug) }
}

/// Whether these rights are enough for a route. Whoever lacks one is told so, since they know that the organization is there.
pub(super) fn holds(needed: Right, rights: &Rights, organization: &Organization) -> Result<()> {
    let allowed = match needed {
        Right::CreateKeys => may_make_keys(rights, organization.policy()),
        needed => rights.may(needed),
    };
    if allowed {
        return Ok(());
    }
    let is_there = organization.kind == super::Kind::Shared || !needed.is_for_shared();
    Err(if is_there { Error::Forbidden(LACKING) } else { Error::NotFound })
}

impl Member {
    async fn of(request: HttpRequest) -> Result<Self> {
        match needs(&request) {
            Some(Needs::Member(right) | Needs::MemberConfirmed(right)) => Self::with(request, right).await,
            _ => Err(no_route_of("member")),
        }
    }

    /// Somebody signed in who has this right there.
    pub(super) async fn with(request: HttpRequest, needed: Right) -> Result<Self> {
        let who = SignedIn::extract(&request).await?;
        let (instance, slug) = (shared(&request)?, named(&request)?);
        // The pages without an organization in their address are those of keys, each of which has its own.
        let key = request.match_info().get("id").filter(|id| is_ulid(id)).map(str::to_owned);
        let (user, chosen) = (who.account().user_id.clone(), who.account().organization.id.clone());
        // A program may keep to the id, which never changes.
        let called = is_call(request.path());
        let asked = move |connection: &mut crate::db::Connection| {
            let which = match (slug.as_deref(), key.as_deref()) {
                (None, None) => Which::Id(&chosen),
                (None, Some(key)) => Which::OfKey(key),
                (Some(slug), _) if called => Which::Either(slug),
                (Some(slug), _) => Which::Slug(slug),
            };
            standing(connection, &user, which)
        };
        let found = instance.db.read(asked).await?;
        let found = found.ok_or(Error::NotFound)?;
        let open = OPEN_WITHOUT.contains(&request.match_pattern().unwrap_or_default().as_str());
        if found.is_closed() && !open {
            return Err(closed(found.organization.slug, back(&request)));
        }
        let rights = Rights::of(&found.standing, found.organization.kind, &instance.config.catalogue);
        let member =
            Self { who, organization: found.organization, standing: found.standing, rights, needed, open, instance };
        holds(needed, &member.rights, &member.organization)?;
        Ok(member)
    }

    /// The same, who proved that it is them: a change asks for that again in its transaction.
    pub(super) fn confirmed(&mut self, proof: Confirmed) {
        self.who = proof.into_signed_in();
    }

    /// The organization in the address, or the one being worked in.
    pub fn organization(&self) -> &Organization {
        &self.organization
    }

    /// What they may do there, as of the request's beginning: for what a page shows.
    pub fn rights(&self) -> &Rights {
        &self.rights
    }

    /// Where their rights come from.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The instance.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.instance.clock.now()
    }

    /// Asks everything once more within the transaction of a change: the session, the membership, the right. The
    /// organization's row is locked, so that of two changes one comes after the other; always after the user's own.
    ///
    /// # Errors
    /// [`Error::SignIn`], [`Error::NotFound`] or [`Error::Forbidden`] when something of it no longer holds.
    pub fn act(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Acting> {
        let actor = self.who.actor(tx, now)?;
        lock(tx, &self.organization.id)?;
        let user = &self.who.account().user_id;
        let found = standing(tx, user, Which::Id(&self.organization.id))?.ok_or(Error::NotFound)?;
        if found.is_closed() && !self.open {
            return Err(closed(found.organization.slug, urls::home()));
        }
        let rights = Rights::of(&found.standing, found.organization.kind, &self.instance.config.catalogue);
        holds(self.needed, &rights, &found.organization)?;
        Ok(Acting { actor, by: By::Person(user.clone()), organization: found.organization, rights })
    }
}

/// Lets one change of an organization through at a time.
///
/// # Errors
/// [`Error::NotFound`] when it is gone.
pub fn lock(tx: &mut Tx<'_>, organization: &OrganizationId) -> Result<()> {
    let row = diesel::update(organizations::table.find(organization));
    let locked = row.set(organizations::changes.eq(organizations::changes + 1)).execute(&mut **tx)?;
    if locked == 1 { Ok(()) } else { Err(Error::NotFound) }
}

impl std::ops::Deref for Member {
    type Target = SignedIn;

    fn deref(&self) -> &SignedIn {
        &self.who
    }
}

impl std::ops::Deref for MemberConfirmed {
    type Target = Member;

    fn deref(&self) -> &Member {
        &self.0
    }
}

impl FromRequest for Member {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        Box::pin(Self::of(request.clone()))
    }
}

impl FromRequest for MemberConfirmed {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let mut member = Member::of(request.clone()).await?;
            member.confirmed(Confirmed::extract(&request).await?);
            Ok(Self(member))
        })
    }
}

impl Sender for Member {
    /// A form says which organization it was made for. The name in the address may be another's by now.
    fn sends(&self, pairs: &[(String, String)]) -> Result<()> {
        let mut made_for = pairs.iter().filter(|(name, _)| name == "made_for").map(|(_, value)| value.as_str());
        match (made_for.next(), made_for.next()) {
            (Some(id), None) if id == self.organization.id.as_str() => Ok(()),
            _ => Err(Error::Forbidden(
                "The form was made for another organization. If you switched in another tab, switch back first, at the top of a page.",
            )),
        }
    }
}

impl Sender for MemberConfirmed {
    fn sends(&self, pairs: &[(String, String)]) -> Result<()> {
        self.0.sends(pairs)
    }
}

/// Who acts.
#[derive(Debug, Clone)]
pub(super) enum By {
    /// A member.
    Person(UserId),
    /// A service account, through a token of its own.
    ServiceAccount(ServiceAccountId, TokenId),
}

/// Whoever acts within the transaction of a change, all asked anew: what every verb of an organization wants. It need not be
/// a person; a verb that is for people says so by asking for one.
#[derive(Debug)]
pub struct Acting {
    pub(super) actor: Actor,
    pub(super) by: By,
    pub(super) organization: Organization,
    pub(super) rights: Rights,
}

impl Acting {
    /// For the log.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The person that acts.
    ///
    /// # Errors
    /// [`Error::Problem`] when it is a service account: what asks for a person is not for tokens.
    pub fn person(&self) -> Result<&UserId> {
        self.user().ok_or_else(|| Problem::not_for_tokens().into())
    }

    /// The person that acts, if it is one.
    pub fn user(&self) -> Option<&UserId> {
        match &self.by {
            By::Person(user) => Some(user),
            By::ServiceAccount(..) => None,
        }
    }

    /// The service account that acts, if it is one, and the token that it acts with.
    pub fn service_account(&self) -> Option<(&ServiceAccountId, &TokenId)> {
        match &self.by {
            By::Person(_) => None,
            By::ServiceAccount(account, token) => Some((account, token)),
        }
    }

    /// By what the changes of one caller are counted: never with others', whom they could keep from theirs.
    pub fn counted_as(&self) -> &str {
        match &self.by {
            By::Person(user) => user.as_str(),
            By::ServiceAccount(account, _) => account.as_str(),
        }
    }

    /// How a mail calls whoever acts.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn called(&self, tx: &mut Tx<'_>) -> Result<String> {
        match &self.by {
            By::Person(user) => {
                let names = (users::first_name, users::last_name);
                let (first, last): (String, String) = users::table.find(user).select(names).get_result(&mut **tx)?;
                Ok(plain_name(format!("{first} {last}").trim(), "Another member").to_owned())
            }
            By::ServiceAccount(account, _) => {
                let name = service_accounts::table.find(account).select(service_accounts::name);
                let name: String = name.get_result(&mut **tx)?;
                Ok(plain_name(&format!("The service account {name}"), "A service account").to_owned())
            }
        }
    }

    /// Where.
    pub fn organization(&self) -> &Organization {
        &self.organization
    }

    /// What they may do at this moment.
    pub fn rights(&self) -> &Rights {
        &self.rights
    }

    /// Writes an entry into the organization's log; into `user`'s own, too, where it is about them.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn record(
        &self,
        tx: &mut Tx<'_>,
        now: Timestamp,
        action: Action,
        user: Option<&UserId>,
        (subject_id, subject_name, detail): (&str, &str, &str),
    ) -> Result<()> {
        let organization = Some(&self.organization.id);
        // In the log of the one whom it is about it says where; the organization's own knows them by their id.
        let subject_name =
            if user.is_some() && subject_name.is_empty() { &self.organization.name } else { subject_name };
        record(tx, &self.actor, now, &Event { action, user, organization, subject_id, subject_name, detail })
    }
}
