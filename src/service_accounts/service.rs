//! The verbs of service accounts. None gives an account, or through it anybody, more than whoever asks may do at that
//! moment; ending what it has needs no more than the right to.

use diesel::prelude::*;

use super::queries::{Account, find};
use crate::audit::{Action, renamed, went};
use crate::auth::secret::PlainSecret;
use crate::catalogue::{Catalogue, Role, Scope};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::db::schema::{members, service_accounts, tokens as records, users};
use crate::error::{Error, Result};
use crate::ids::{OrganizationId, ServiceAccountId, TokenId, UserId};
use crate::organizations::invitations;
use crate::organizations::license::{Full, Limited, room};
use crate::organizations::{Acting, MemberConfirmed, Right, roles};
use crate::text;
use crate::tokens::policy::Overlap;
use crate::tokens::{self, Created, For, Holder, Made, NewToken, Refused, Regenerated, Rights, Token, TokenKind, Wish};
use crate::users::{UserStatus, email_key};

/// A service account to be, as its form says it.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// What it is called.
    pub name: String,
    /// What is said of it.
    pub description: String,
    /// Its role: a built-in one's word, or the id of one of the organization's own.
    pub role: String,
    /// The address of the member who is responsible for it; empty is nobody.
    pub responsible: String,
}

/// What came of a wish about a service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done(ServiceAccountId),
    /// It has, or would get, more than whoever asks may do.
    Beyond,
    /// There is no such role here, or none that an account can have.
    NoRole,
    /// Another one has this name.
    NameTaken,
    /// No member has this address.
    NoMember,
    /// The organization's license has no room for another one.
    License(Full),
}

/// What is written of one, once its form is understood.
struct Understood {
    role: roles::Choice,
    responsible: Option<UserId>,
}

fn understand(
    tx: &mut Tx<'_>,
    acting: &Acting,
    but: Option<&ServiceAccountId>,
    new: &NewAccount,
    catalogue: &Catalogue,
) -> Result<std::result::Result<Understood, Outcome>> {
    let organization = &acting.organization().id;
    let (role, rights) = match roles::chosen(tx, organization, &new.role, catalogue) {
        // An owner is a person.
        Ok((role, _)) if role.role == Role::Owner => return Ok(Err(Outcome::NoRole)),
        Ok(chosen) => chosen,
        Err(Error::NotFound) => return Ok(Err(Outcome::NoRole)),
        Err(error) => return Err(error),
    };
    if !acting.rights().covers(&rights) {
        return Ok(Err(Outcome::Beyond));
    }
    let same = service_accounts::organization_id
        .eq(organization)
        .and(service_accounts::name_key.eq(text::search_key(&new.name)));
    let taken: Option<ServiceAccountId> =
        service_accounts::table.filter(same).select(service_accounts::id).get_result(&mut **tx).optional()?;
    if taken.is_some_and(|id| Some(&id) != but) {
        return Ok(Err(Outcome::NameTaken));
    }
    let responsible = if new.responsible.is_empty() {
        None
    } else {
        let member: Option<UserId> = members::table
            .inner_join(users::table)
            .filter(members::organization_id.eq(organization).and(users::email_key.eq(email_key(&new.responsible))))
            .filter(users::status.eq(UserStatus::Active))
            .select(users::id)
            .get_result(&mut **tx)
            .optional()?;
        match member {
            Some(member) => Some(member),
            None => return Ok(Err(Outcome::NoMember)),
        }
    };
    Ok(Ok(Understood { role, responsible }))
}

/// Makes a service account.
///
/// # Errors
/// When the database refuses.
pub fn create(
    tx: &mut Tx<'_>,
    acting: &Acting,
    now: Timestamp,
    new: &NewAccount,
    catalogue: &Catalogue,
) -> Result<Outcome> {
    let understood = match understand(tx, acting, None, new, catalogue)? {
        Ok(understood) => understood,
        Err(outcome) => return Ok(outcome),
    };
    if let Err(full) = room(tx, &acting.organization().id, Limited::ServiceAccounts, now)? {
        return Ok(Outcome::License(full));
    }
    let id = ServiceAccountId::new();
    diesel::insert_into(service_accounts::table)
        .values((
            service_accounts::id.eq(&id),
            service_accounts::organization_id.eq(&acting.organization().id),
            service_accounts::name.eq(&new.name),
            service_accounts::name_key.eq(text::search_key(&new.name)),
            service_accounts::description.eq(&new.description),
            service_accounts::role.eq(understood.role.role),
            service_accounts::role_id.eq(&understood.role.id),
            service_accounts::responsible_id.eq(&understood.responsible),
            service_accounts::is_enabled.eq(true),
            service_accounts::created_at.eq(now),
        ))
        .execute(&mut **tx)?;
    acting.record(tx, now, Action::ServiceAccountCreated, None, (id.as_str(), &new.name, ""))?;
    Ok(Outcome::Done(id))
}

/// One that whoever acts may touch: it has no more than they have.
fn touched(
    tx: &mut Tx<'_>,
    acting: &Acting,
    id: &ServiceAccountId,
    catalogue: &Catalogue,
) -> Result<std::result::Result<Account, Outcome>> {
    let account = find(tx, &acting.organization().id, id)?;
    let covered = acting.rights().covers(&account.rights(catalogue));
    Ok(if covered { Ok(account) } else { Err(Outcome::Beyond) })
}

/// Changes what an account is called, its role and who is responsible. The role holds from the next check on. Where nothing is
/// different, nothing is done or logged.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub fn change(
    tx: &mut Tx<'_>,
    acting: &Acting,
    now: Timestamp,
    id: &ServiceAccountId,
    new: &NewAccount,
    catalogue: &Catalogue,
) -> Result<Outcome> {
    let before = match touched(tx, acting, id, catalogue)? {
        Ok(account) => account,
        Err(outcome) => return Ok(outcome),
    };
    let understood = match understand(tx, acting, Some(id), new, catalogue)? {
        Ok(understood) => understood,
        Err(outcome) => return Ok(outcome),
    };
    let mut parts = renamed((&before.name, &before.description), (&new.name, &new.description));
    let had = before.choice();
    if had != understood.role {
        let mut called = |role| roles::called(tx, &acting.organization().id, role);
        parts.push(format!("role {}", went(&called(&had)?, &called(&understood.role)?)));
    }
    if before.responsible.as_ref().map(|(user, ..)| user) != understood.responsible.as_ref() {
        parts.push("responsible member".to_owned());
    }
    if parts.is_empty() {
        return Ok(Outcome::Done(id.clone()));
    }
    diesel::update(service_accounts::table.find(id))
        .set((
            service_accounts::name.eq(&new.name),
            service_accounts::name_key.eq(text::search_key(&new.name)),
            service_accounts::description.eq(&new.description),
            service_accounts::role.eq(understood.role.role),
            service_accounts::role_id.eq(&understood.role.id),
            service_accounts::responsible_id.eq(&understood.responsible),
        ))
        .execute(&mut **tx)?;
    acting.record(tx, now, Action::ServiceAccountChanged, None, (id.as_str(), &new.name, &parts.join("; ")))?;
    Ok(Outcome::Done(id.clone()))
}

/// Lets an account be used, or no longer. Nothing of it is lost.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub fn set_enabled(
    tx: &mut Tx<'_>,
    acting: &Acting,
    now: Timestamp,
    id: &ServiceAccountId,
    is_enabled: bool,
    catalogue: &Catalogue,
) -> Result<Outcome> {
    let account = match touched(tx, acting, id, catalogue)? {
        Ok(account) => account,
        Err(outcome) => return Ok(outcome),
    };
    if account.is_enabled != is_enabled {
        let this = service_accounts::table.find(id);
        diesel::update(this).set(service_accounts::is_enabled.eq(is_enabled)).execute(&mut **tx)?;
        if !is_enabled {
            invitations::end_of_account(tx, id)?;
        }
        let action = if is_enabled { Action::ServiceAccountEnabled } else { Action::ServiceAccountDisabled };
        acting.record(tx, now, action, None, (id.as_str(), &account.name, ""))?;
    }
    Ok(Outcome::Done(id.clone()))
}

/// Ends an account, with its tokens and the keys that were handed to it, each with its entry in the log.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub fn delete(
    tx: &mut Tx<'_>,
    acting: &Acting,
    now: Timestamp,
    id: &ServiceAccountId,
    catalogue: &Catalogue,
) -> Result<Outcome> {
    let account = match touched(tx, acting, id, catalogue)? {
        Ok(account) => account,
        Err(outcome) => return Ok(outcome),
    };
    let theirs: Vec<tokens::Record> = records::table
        .filter(records::service_account_id.eq(id))
        .order(records::id)
        .select(tokens::Record::as_select())
        .load(&mut **tx)?;
    for record in &theirs {
        tokens::log(tx, acting.actor(), record, now, Action::TokenDeleted, "with its service account")?;
    }
    diesel::delete(service_accounts::table.find(id)).execute(&mut **tx)?;
    acting.record(tx, now, Action::ServiceAccountDeleted, None, (id.as_str(), &account.name, ""))?;
    Ok(Outcome::Done(id.clone()))
}

/// Whoever leaves an organization is responsible for nothing there.
///
/// # Errors
/// When the database refuses.
pub fn stand_down(tx: &mut Tx<'_>, organization: &OrganizationId, user: &UserId) -> Result<()> {
    let theirs = service_accounts::organization_id.eq(organization).and(service_accounts::responsible_id.eq(user));
    diesel::update(service_accounts::table.filter(theirs))
        .set(service_accounts::responsible_id.eq(None::<String>))
        .execute(&mut **tx)?;
    Ok(())
}

/// What came of handing keys over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandedOver {
    /// So many act for the account now.
    Keys(usize),
    /// Whoever asks may not give the account anything: it has more than they have, or is not theirs to change.
    Refused,
}

/// Hands a member's live keys to a service account: from now on they act for it, with its role, and no longer for the
/// member. Secrets, descriptions, expiries and scopes stay as they are; so whoever has a key goes on having it.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub fn hand_over(
    tx: &mut Tx<'_>,
    acting: &Acting,
    now: Timestamp,
    user: &UserId,
    to: &ServiceAccountId,
    catalogue: &Catalogue,
) -> Result<HandedOver> {
    let account = find(tx, &acting.organization().id, to)?;
    let rights = acting.rights();
    if !rights.may(Right::ChangeServiceAccounts) || !rights.covers(&account.rights(catalogue)) {
        return Ok(HandedOver::Refused);
    }
    let live = tokens::live_in_organization(tx, user, &acting.organization().id, now)?;
    let keys: Vec<Token> = live.into_iter().filter(|token| token.record.kind == TokenKind::ApiKey).collect();
    for key in &keys {
        let detail = format!("to {}", account.name);
        tokens::log(tx, acting.actor(), &key.record, now, Action::KeyHandedOver, &detail)?;
        diesel::update(records::table.find(&key.record.id))
            .set((records::user_id.eq(None::<String>), records::service_account_id.eq(to)))
            .execute(&mut **tx)?;
    }
    Ok(HandedOver::Keys(keys.len()))
}

/// Makes a token of an account's.
///
/// # Errors
/// [`Error::TooMany`] when this user makes too many secrets in an hour; [`Error::NotFound`] when the account is not one of
/// this organization's; [`Error::Forbidden`] when it has more than whoever asks.
pub async fn create_token(
    member: &MemberConfirmed,
    form_id: &str,
    id: &ServiceAccountId,
    new: NewToken,
) -> Result<Created> {
    let wish = Wish::begin(member.instance(), member, form_id).await?;
    let (by, id) = ((**member).clone(), id.clone());
    let work = move |tx: &mut Tx<'_>| {
        let (now, acting) = (wish.now, by.act(tx, wish.now)?);
        let account = covered(tx, &acting, &id, &wish.config.catalogue)?;
        let holder = Holder::service_account(&id);
        match wish.made_before(tx, holder)? {
            Made::Nothing => {}
            Made::Token(id) => return Ok(Created::Before(Some(id))),
            Made::Gone => return Ok(Created::Before(None)),
        }
        let held = account.rights(&wish.config.catalogue);
        let beyond = tokens::beyond(|scope: &Scope| held.allows_scope(scope), &Rights::default(), &new.rights);
        let refused = if tokens::is_taken(tx, holder, None, &new.name, now)? {
            Some(Refused::NameTaken)
        } else if !beyond.is_empty() {
            Some(Refused::Beyond(beyond))
        } else {
            room(tx, &acting.organization().id, Limited::Tokens, now)?.err().map(Refused::License)
        };
        let organization = Some(acting.organization().id.clone());
        // Asked last, and held from then on: what is made keeps to the rules of this moment, not to those of the form's.
        let refused = match refused {
            None => tokens::too_long(tx, &wish.config.tokens, organization.as_ref(), new.expires_at, now)?,
            why => why,
        };
        if let Some(why) = refused {
            return Ok(Created::Refused(wish.refuse(tx, why)?));
        }
        // Whatever a form sent: whoever holds it makes no secrets with it, its own next one included.
        let new = NewToken { organization, may_rotate: false, ..new };
        let (token, secret) = tokens::issue(tx, holder, For::ServiceAccount(&id), &wish.config, &new, now)?;
        wish.done(tx, &token)?;
        let token = tokens::find(tx, holder, &token)?;
        let detail = format!("of {}", account.name);
        tokens::log(tx, acting.actor(), &token.record, now, Action::TokenCreated, &detail)?;
        Ok(Created::Now(token.record.id, secret))
    };
    member.instance().db.write(work).await
}

/// An account whose secrets whoever acts may have: it has no more than they have.
fn covered(tx: &mut Tx<'_>, acting: &Acting, id: &ServiceAccountId, catalogue: &Catalogue) -> Result<Account> {
    touched(tx, acting, id, catalogue)?.map_err(|_| Error::Forbidden(super::pages::BEYOND))
}

/// Gives a token of an account's a new secret.
///
/// # Errors
/// As [`create_token`]; [`Error::NotFound`] when it is no token of this account.
pub async fn regenerate_token(
    member: &MemberConfirmed,
    form_id: &str,
    (account, id): (&ServiceAccountId, &TokenId),
    expires_at: Option<Timestamp>,
    overlap: Overlap,
) -> Result<Regenerated> {
    let wish = Wish::begin(member.instance(), member, form_id).await?;
    let (by, account, id) = ((**member).clone(), account.clone(), id.clone());
    let work = move |tx: &mut Tx<'_>| {
        let (now, acting) = (wish.now, by.act(tx, wish.now)?);
        covered(tx, &acting, &account, &wish.config.catalogue)?;
        let holder = Holder::service_account(&account);
        if wish.made_before(tx, holder)? != Made::Nothing {
            return Ok(Regenerated::Before);
        }
        let token = tokens::find(tx, holder, &id)?;
        let organization = Some(&acting.organization().id);
        // One that was over is one more.
        if token.status(now) != tokens::policy::Status::Active
            && let Err(full) = room(tx, &acting.organization().id, Limited::Tokens, now)?
        {
            return Ok(Regenerated::Refused(wish.refuse(tx, Refused::License(full))?));
        }
        if let Some(why) = tokens::too_long(tx, &wish.config.tokens, organization, expires_at, now)? {
            return Ok(Regenerated::Refused(wish.refuse(tx, why)?));
        }
        let renewed: Option<PlainSecret> =
            tokens::renew(tx, holder, &wish.config, acting.actor(), &token, expires_at, overlap, now)?;
        let Some(secret) = renewed else {
            return Ok(Regenerated::Refused(wish.refuse(tx, Refused::NameTaken)?));
        };
        wish.done(tx, &id)?;
        Ok(Regenerated::Now(secret))
    };
    member.instance().db.write(work).await
}

/// How something of a token ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Its secrets, for good; its record stays.
    Revoke,
    /// All of it.
    Delete,
    /// The secret before the present one.
    OldSecret,
}

/// Ends something of a token of an account's.
///
/// # Errors
/// [`Error::NotFound`] when it is no token of one of this organization's accounts.
pub fn end_token(
    tx: &mut Tx<'_>,
    acting: &Acting,
    now: Timestamp,
    (account, id): (&ServiceAccountId, &TokenId),
    ending: Ending,
) -> Result<()> {
    find(tx, &acting.organization().id, account)?;
    let (holder, actor) = (Holder::service_account(account), acting.actor());
    match ending {
        Ending::Revoke => tokens::revoke(tx, holder, actor, now, id),
        Ending::Delete => tokens::delete(tx, holder, actor, now, id),
        Ending::OldSecret => tokens::end_old(tx, holder, actor, now, id),
    }
}
