//! The verbs.

use std::sync::Arc;

use diesel::prelude::*;

use super::flows::{self, Flow, Purpose};
use super::policy::{self, Circumstances, Refusal, Stranger};
use super::provider::{Claims, Provider};
use super::queries;
use crate::app::Instance;
use crate::audit::{Action, Actor, Event, Origin, record};
use crate::auth::capability::Owner;
use crate::auth::{Confirmed, link};
use crate::clock::Timestamp;
use crate::db::schema::{identities, users};
use crate::db::{Connection, Tx};
use crate::error::{Error, Result};
use crate::ids::{IdentityId, PasskeyId, SessionId, UserId};
use crate::mail::SecurityNotice;
use crate::sign_in::{Admission, Next, Proof, admit};
use crate::users::{NewUser, UserStatus, by_email};
use crate::{passkeys, setup, sign_up};

/// What becomes of somebody who comes back from a provider.
pub enum Arrival {
    /// They have proved who they are.
    In {
        /// The session, or the second factor before it.
        next: Next,
        /// Whether their account was just made.
        is_new: bool,
    },
    /// Nobody here knows them by this identity; whoever signs in to an account in another way may connect it.
    Offer {
        /// The code of the page that asks.
        code: String,
    },
    /// They are turned away.
    Turned(Refusal),
}

/// Somebody who comes back from a provider, its answer checked.
pub struct Arriving {
    /// What it says of them.
    pub claims: Claims,
    /// What they began.
    pub flow: Flow,
    /// The cookie of the browser that did.
    pub browser: String,
    /// The session that this browser has already; it ends.
    pub instead_of: Option<SessionId>,
}

/// Signs somebody in, up, or neither.
///
/// # Errors
/// When the database refuses; [`Error::NotFound`] when the instance was set up by somebody else meanwhile.
pub async fn arrive(instance: &Instance, provider: &Provider, arriving: Arriving, origin: Origin) -> Result<Arrival> {
    let (now, sessions, rules) = (instance.clock.now(), instance.config.sessions.clone(), provider.config.clone());
    let (sign_up_mode, catalogue) = (instance.config.sign_up, instance.config.catalogue.clone());
    let detail = format!("with {}", rules.name);
    instance
        .db
        .write(move |tx| {
            let Arriving { claims, flow, browser, instead_of } = arriving;
            let refuse = |tx: &mut Tx<'_>, user: Option<&UserId>, why: &str| {
                let action = Action::SignInRefused;
                let detail = format!("{detail}: {why}");
                let nobody =
                    Event { action, user, organization: None, subject_id: "", subject_name: "", detail: &detail };
                record(tx, &Actor::stranger(origin.clone()), now, &nobody)
            };
            if let Err(refusal) = policy::admissible(&rules, &claims) {
                refuse(tx, None, "not of the domains that are let in")?;
                return Ok(Arrival::Turned(refusal));
            }
            let known = queries::find(tx, &rules.issuer, &claims)?;
            let (user, is_new) = match known {
                Some((_, user, UserStatus::Suspended)) => {
                    refuse(tx, Some(&user), "the account is closed")?;
                    return Ok(Arrival::Turned(Refusal::Suspended));
                }
                Some((identity, user, UserStatus::Active)) => {
                    used(tx, &identity, &claims, now)?;
                    (user, false)
                }
                None => {
                    let email = policy::proved_email(&rules, &claims).unwrap_or_default().to_owned();
                    let owner = if email.is_empty() { None } else { by_email(tx, &email)?.map(|known| known.id) };
                    let is_invited = !email.is_empty()
                        && sign_up::invitations::is_invited(tx, &email, sign_up_mode, now, &catalogue)?;
                    let here = Circumstances { sign_up: sign_up_mode, address_is_known: owner.is_some(), is_invited };
                    let is_first = flow.purpose == Purpose::SetUp;
                    let verdict = policy::stranger(&rules, &claims, here);
                    let gets_in = verdict == Stranger::SignsUp || (is_first && !email.is_empty());
                    if !gets_in {
                        refuse(tx, owner.as_ref(), "not connected with an account")?;
                        return offer(tx, &rules.issuer, &claims, &flow, &browser, now);
                    }
                    let (first_name, last_name) = policy::names(&claims, &email);
                    let new = NewUser { email, first_name, last_name, password_hash: None, is_administrator: is_first };
                    let user = if is_first {
                        setup::make_administrator(tx, &new, &origin, now)?
                    } else {
                        sign_up::make_account(tx, &new, origin.clone(), now)?
                    };
                    let identity = keep(tx, &user, &rules.id, &rules.issuer, &claims.subject, &new.email, now)?;
                    used(tx, &identity, &claims, now)?;
                    (user, true)
                }
            };
            let is_strong = policy::second_factor_proved(&rules, &claims);
            let proof = if is_strong { Proof::ProviderWithSecondFactor } else { Proof::Provider };
            let admission = Admission { user, proof, keep: flow.keep, instead_of };
            let next = admit(tx, &admission, &origin, &sessions, now)?;
            Ok(Arrival::In { next, is_new })
        })
        .await
}

/// Notes a use, and the address that people know the identity by.
fn used(tx: &mut Tx<'_>, identity: &IdentityId, claims: &Claims, now: Timestamp) -> Result<()> {
    let row = identities::table.find(identity);
    diesel::update(row).set(identities::last_used_at.eq(now)).execute(&mut **tx)?;
    if let Some(email) = &claims.email {
        diesel::update(row).set(identities::email.eq(crate::text::shown(email, 254))).execute(&mut **tx)?;
    }
    Ok(())
}

fn keep(
    tx: &mut Tx<'_>,
    user: &UserId,
    provider: &str,
    issuer: &str,
    subject: &str,
    email: &str,
    now: Timestamp,
) -> Result<IdentityId> {
    let id = IdentityId::new();
    diesel::insert_into(identities::table)
        .values((
            identities::id.eq(&id),
            identities::user_id.eq(user),
            identities::provider.eq(provider),
            identities::issuer.eq(issuer),
            identities::subject.eq(subject),
            identities::email.eq(email),
            identities::created_at.eq(now),
            identities::last_used_at.eq(None::<Timestamp>),
        ))
        .execute(&mut **tx)?;
    Ok(id)
}

/// Keeps an identity for the page that asks whether to connect it.
fn offer(
    tx: &mut Tx<'_>,
    issuer: &str,
    claims: &Claims,
    flow: &Flow,
    browser: &str,
    now: Timestamp,
) -> Result<Arrival> {
    let code = link::new_code();
    let offer = Flow {
        session_id: flow.session_id.clone(),
        issuer: issuer.to_owned(),
        subject: claims.subject.clone(),
        email: crate::text::shown(claims.email.as_deref().unwrap_or_default(), 254),
        ..Flow::new(Purpose::Offer, &flow.provider, flow.next.clone(), now)
    };
    flows::begin(tx, &code, browser, &offer)?;
    Ok(Arrival::Offer { code })
}

/// Somebody who is signed in fetched an identity: the page that asks about it comes next.
///
/// # Errors
/// When the database refuses.
pub async fn fetched(instance: &Instance, provider: &Provider, arriving: Arriving) -> Result<Arrival> {
    let (now, rules) = (instance.clock.now(), provider.config.clone());
    if let Err(refusal) = policy::admissible(&rules, &arriving.claims) {
        return Ok(Arrival::Turned(refusal));
    }
    instance
        .db
        .write(move |tx| offer(tx, &rules.issuer, &arriving.claims, &arriving.flow, &arriving.browser, now))
        .await
}

/// Connects an identity that was fetched with the account of whoever is signed in, and says so by mail.
///
/// # Errors
/// [`Error::NotFound`] when the offer is over; [`Error::Taken`] when the identity opens another account.
pub async fn connect(instance: &Instance, who: Confirmed, code: String, browser: String, name: String) -> Result<()> {
    let (now, notices) = (instance.clock.now(), Arc::clone(&instance.notices));
    instance
        .db
        .write(move |tx| {
            let (account, actor) = (who.account(), who.actor(tx, now)?);
            let offer = flows::take(tx, &code, &browser, now)?;
            if !is_for(&offer, &account.session_id) {
                return Err(Error::NotFound);
            }
            let user = &account.user_id;
            keep(tx, user, &offer.provider, &offer.issuer, &offer.subject, &offer.email, now)?;
            let event = Event { subject_name: &name, ..Event::of_user(Action::IdentityConnected, user) };
            record(tx, &actor, now, &event)?;
            let more = format!("Whoever can sign in to {} as {} can now sign in to your account.", name, offer.email);
            let notice = SecurityNotice::new(format!("{name} was connected with your account"), more);
            notices.send(tx, user, &notice, actor.origin(), now)
        })
        .await
}

/// Whether an offer may be taken up in this session: it came from a sign-in, or from this session.
pub fn is_for(offer: &Flow, session: &SessionId) -> bool {
    offer.purpose == Purpose::Offer && offer.session_id.as_ref().is_none_or(|wanted| wanted == session)
}

/// One of the ways into an account, that is to go.
pub enum Way<'a> {
    /// A provider's account.
    Identity(&'a IdentityId),
    /// A passkey.
    Passkey(&'a PasskeyId),
}

/// What opens accounts, as this instance is set up.
pub struct Doors {
    /// Whose word counts.
    issuers: Vec<String>,
    /// Whether passwords do.
    passwords: bool,
}

impl Doors {
    /// Those of an instance.
    pub fn of(instance: &Instance) -> Self {
        Self { issuers: instance.providers.issuers(), passwords: instance.config.password_sign_in }
    }

    /// Whether somebody still gets in when one way of theirs is gone: with a password, a passkey, or a provider's account.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn open_without(&self, connection: &mut Connection, owner: Owner<'_>, gone: &Way<'_>) -> Result<bool> {
        let user = owner.user_id();
        let hash: Option<String> = users::table.find(user).select(users::password_hash).get_result(connection)?;
        let identities: Vec<IdentityId> = identities::table
            .filter(identities::user_id.eq(user).and(identities::issuer.eq_any(&self.issuers)))
            .select(identities::id)
            .load(connection)?;
        let by_identity = identities.iter().any(|id| !matches!(gone, Way::Identity(gone) if *gone == id));
        let by_passkey = match gone {
            Way::Identity(_) => passkeys::are_there(connection, user)?,
            Way::Passkey(gone) => passkeys::others(connection, user, gone)?,
        };
        Ok((self.passwords && hash.is_some()) || by_identity || by_passkey)
    }
}

/// Disconnects an identity, unless nothing else lets its owner in, and says so by mail.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs; [`Error::Forbidden`] when it is the last way in.
pub async fn disconnect(instance: &Instance, who: Confirmed, id: IdentityId) -> Result<()> {
    let (now, notices, doors) = (instance.clock.now(), Arc::clone(&instance.notices), Doors::of(instance));
    let names = instance.providers.names();
    instance
        .db
        .write(move |tx| {
            let (owner, actor) = (who.owner(), who.actor(tx, now)?);
            let mine = identities::table.find(&id).filter(identities::user_id.eq(owner.user_id()));
            let (issuer, provider, email): (String, String, String) =
                mine.select((identities::issuer, identities::provider, identities::email)).get_result(&mut **tx)?;
            if !doors.open_without(tx, owner, &Way::Identity(&id))? {
                return Err(Error::Forbidden("it is the last way into your account"));
            }
            diesel::delete(mine).execute(&mut **tx)?;
            let name = names.get(&issuer).cloned().unwrap_or(provider);
            let event = Event { subject_name: &name, ..Event::of_user(Action::IdentityDisconnected, owner.user_id()) };
            record(tx, &actor, now, &event)?;
            let more = format!("{email} at {name} no longer signs in to your account.");
            let notice = SecurityNotice::new(format!("{name} was disconnected from your account"), more);
            notices.send(tx, owner.user_id(), &notice, actor.origin(), now)
        })
        .await
}

/// Disconnects what somebody has had connected since a moment: whoever asks for it records and tells it.
///
/// # Errors
/// When the database refuses.
pub fn disconnect_since(tx: &mut Tx<'_>, user: &UserId, since: Timestamp) -> Result<usize> {
    let fresh = identities::table.filter(identities::user_id.eq(user).and(identities::created_at.ge(since)));
    Ok(diesel::delete(fresh).execute(&mut **tx)?)
}

/// Whether an identity is one of somebody's own: then whoever proved to its provider who they are, proved it here.
///
/// # Errors
/// When the database refuses.
pub async fn is_theirs(instance: &Instance, provider: &Provider, claims: Claims, user: UserId) -> Result<bool> {
    let issuer = provider.config.issuer.clone();
    let found = instance.db.read(move |connection| queries::find(connection, &issuer, &claims)).await?;
    Ok(found.is_some_and(|(_, owner, status)| owner == user && status == UserStatus::Active))
}
