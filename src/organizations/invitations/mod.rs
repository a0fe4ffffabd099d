//! Invitations to an organization: to an address, with a role and teams, for seven days. They are rows of the table of
//! all invitations; those without an organization are invitations to the instance, and belong to [`crate::sign_up`].
//!
//! Two links lead to one. The mailed one proves the mailbox, so it can make an account. The one that the inviter copies
//! proves nothing: with it, and with none at all, only an account that has the address can accept.

pub mod answer;
pub mod api;
pub mod pages;
pub(crate) mod views;

use diesel::dsl::auto_type;
use diesel::prelude::*;

use super::license::{Full, Limited, room};
use super::member::{Acting, lock};
use super::policy::{Right, Rights, capped};
use super::queries::{Organization, Which, by_id, standing};
use super::roles::Choice;
use super::service::join;
use super::views::role_name;
use super::{Kind, roles, teams};
use crate::audit::{Action, Actor, Event, record};
use crate::auth::link::new_code;
use crate::auth::secret::SecretHash;
use crate::catalogue::{Catalogue, Role};
use crate::clock::{DAY, Timestamp};
use crate::config::Config;
use crate::db::schema::{
    invitation_teams, invitations, members, organizations, service_accounts, token_secrets, users,
};
use crate::db::{Connection, Tx};
use crate::error::{Error, Result};
use crate::ids::{InvitationId, OrganizationId, RoleId, ServiceAccountId, TeamId, TokenId, UserId, is_ulid};
use crate::mail::letters::OrganizationInvitation;
use crate::mail::{Notices, SecurityNotice, queue};
use crate::text::plain_name;
use crate::urls;
use crate::users::{UserStatus, called, email_key};

/// For how long an invitation is good.
const LIFETIME: i64 = 7 * DAY;
/// How long one that is over stays listed, to be sent again.
const KEPT: i64 = 30 * DAY;

/// An invitation to be, checked.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    /// To whom.
    pub email: String,
    /// A role's word.
    pub role: String,
    /// Into which teams.
    pub teams: Vec<TeamId>,
}

/// What came of a wish to invite somebody.
#[derive(Debug, Clone)]
pub enum Invited {
    /// They are invited, and this is the code of the link to copy.
    Yes {
        /// As the list tells it.
        told: Pending,
        /// For the link.
        code: String,
    },
    /// There is no such role.
    NoRole,
    /// There is no such team.
    NoTeam,
    /// The role, or a team, gives more than whoever asks may do.
    Beyond,
    /// They are a member.
    Member,
    /// The license has no room for another.
    Full(Full),
}

/// What stands in the row of an invitation to an organization.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = invitations)]
struct Row {
    id: InvitationId,
    email: String,
    email_key: String,
    created_at: Timestamp,
    expires_at: Timestamp,
    organization_id: Option<OrganizationId>,
    invited_by: Option<UserId>,
    role: Option<Role>,
    role_id: Option<RoleId>,
    invited_by_account: Option<ServiceAccountId>,
    invited_by_token: Option<TokenId>,
}

impl Row {
    fn choice(&self) -> Choice {
        Choice { role: self.role.unwrap_or(Role::Viewer), id: self.role_id.clone() }
    }
}

/// An invitation in an organization's list.
#[derive(Debug, Clone)]
pub struct Pending {
    /// Its id.
    pub id: InvitationId,
    /// To whom.
    pub email: String,
    /// As what.
    pub role: String,
    /// Into which teams.
    pub teams: Vec<String>,
    /// By whom; nobody who is still here.
    pub by: Option<String>,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
}

/// First name, last name and e-mail of a user.
type Person = (String, String, String);

fn named((first, last, email): &Person) -> String {
    called(first, last, email)
}

/// The roles beside their invitations.
macro_rules! roles_of_it {
    () => {
        crate::db::schema::roles::table.on(crate::db::schema::roles::id.nullable().eq(invitations::role_id))
    };
}

/// An organization's open invitations, and those that ended lately, the newest first.
///
/// # Errors
/// When the database refuses.
pub fn list(connection: &mut Connection, organization: &OrganizationId) -> Result<Vec<Pending>> {
    pending(connection, organization, None)
}

/// The same, or one of them alone.
fn pending(
    connection: &mut Connection,
    organization: &OrganizationId,
    only: Option<&InvitationId>,
) -> Result<Vec<Pending>> {
    let inviter = members::table.inner_join(users::table);
    let mut these = invitations::table
        .left_join(roles_of_it!())
        .filter(invitations::organization_id.eq(organization))
        .order(invitations::id.desc())
        .select((Row::as_select(), crate::db::schema::roles::name.nullable()))
        .into_boxed();
    if let Some(id) = only {
        these = these.filter(invitations::id.eq(id));
    }
    let rows: Vec<(Row, Option<String>)> = these.load(connection)?;
    let here: Vec<(UserId, Person)> = inviter
        .filter(members::organization_id.eq(organization))
        .filter(members::user_id.eq_any(rows.iter().filter_map(|(row, _)| row.invited_by.as_ref())))
        .select((users::id, (users::first_name, users::last_name, users::email)))
        .load(connection)?;
    let into: Vec<(InvitationId, String)> = invitation_teams::table
        .inner_join(crate::db::schema::teams::table)
        .filter(invitation_teams::invitation_id.eq_any(rows.iter().map(|(row, _)| &row.id)))
        .order(crate::db::schema::teams::name_key)
        .select((invitation_teams::invitation_id, crate::db::schema::teams::name))
        .load(connection)?;
    let accounts: Vec<(ServiceAccountId, String)> = service_accounts::table
        .filter(service_accounts::id.eq_any(rows.iter().filter_map(|(row, _)| row.invited_by_account.as_ref())))
        .filter(service_accounts::is_enabled)
        .select((service_accounts::id, service_accounts::name))
        .load(connection)?;
    let by = |row: &Row| {
        let person = here.iter().find(|(id, _)| Some(id) == row.invited_by.as_ref());
        let account = accounts.iter().find(|(id, _)| Some(id) == row.invited_by_account.as_ref());
        person.map(|(_, person)| named(person)).or_else(|| account.map(|(_, name)| name.clone()))
    };
    let pending = |(row, own): (Row, Option<String>)| Pending {
        role: role_name(row.choice().role, own.as_deref()),
        teams: into.iter().filter(|(id, _)| *id == row.id).map(|(_, name)| name.clone()).collect(),
        by: by(&row),
        id: row.id,
        email: row.email,
        created_at: row.created_at,
        expires_at: row.expires_at,
    };
    Ok(rows.into_iter().map(pending).collect())
}

/// What a letter of invitation needs besides.
#[derive(Debug, Clone)]
pub struct Letterhead {
    product: String,
    base: String,
    from: String,
    strangers: bool,
}

impl Letterhead {
    /// Of this instance, from somebody.
    pub fn new(config: &Config, from: String) -> Self {
        Self {
            product: config.product_name.clone(),
            base: config.absolute(""),
            from,
            strangers: config.sign_up.takes_whom_members_invite(),
        }
    }
}

/// Invites an address, in place of an earlier invitation to this organization.
///
/// # Errors
/// When the database refuses.
pub fn invite(
    tx: &mut Tx<'_>,
    acting: &Acting,
    now: Timestamp,
    new: &NewInvitation,
    catalogue: &Catalogue,
    head: &Letterhead,
) -> Result<Invited> {
    let organization = acting.organization();
    let (role, rights) = match roles::chosen(tx, &organization.id, &new.role, catalogue) {
        Ok(role) => role,
        Err(Error::NotFound) => return Ok(Invited::NoRole),
        Err(error) => return Err(error),
    };
    let mut into = Vec::new();
    for id in &new.teams {
        match teams::find(tx, &organization.id, id) {
            Ok(team) => into.push(team),
            Err(Error::NotFound) => return Ok(Invited::NoTeam),
            Err(error) => return Err(error),
        }
    }
    if !acting.rights().covers(&rights) || into.iter().any(|team| !acting.rights().covers(&team.rights(catalogue))) {
        return Ok(Invited::Beyond);
    }
    let key = email_key(&new.email);
    let same = members::organization_id.eq(&organization.id).and(users::email_key.eq(&key));
    let there = members::table.inner_join(users::table).filter(same);
    if diesel::select(diesel::dsl::exists(there)).get_result(&mut **tx)? {
        return Ok(Invited::Member);
    }
    if let Err(full) = room(tx, &organization.id, Limited::Members, now)? {
        return Ok(Invited::Full(full));
    }
    // It takes the place of an earlier one, which whoever asks must be able to take back.
    let earlier = invitations::organization_id.eq(&organization.id).and(invitations::email_key.eq(&key));
    let earlier: Vec<InvitationId> = invitations::table.filter(earlier).select(invitations::id).load(&mut **tx)?;
    for id in &earlier {
        if !cancel(tx, acting, now, id, catalogue)? {
            return Ok(Invited::Beyond);
        }
    }
    let (account, token) = acting.service_account().unzip();
    let (id, mailed, shown) = (InvitationId::new(), new_code(), new_code());
    diesel::insert_into(invitations::table)
        .values((
            invitations::id.eq(&id),
            invitations::hash.eq(SecretHash::of(&mailed)),
            invitations::shown_hash.eq(Some(SecretHash::of(&shown))),
            invitations::email.eq(new.email.trim()),
            invitations::email_key.eq(key),
            invitations::organization_id.eq(Some(&organization.id)),
            invitations::invited_by.eq(acting.user()),
            invitations::invited_by_account.eq(account),
            invitations::invited_by_token.eq(token),
            invitations::role.eq(Some(role.role)),
            invitations::role_id.eq(&role.id),
            invitations::created_at.eq(now),
            invitations::expires_at.eq(now.plus(LIFETIME)),
        ))
        .execute(&mut **tx)?;
    let mut names = Vec::new();
    for team in &into {
        diesel::insert_into(invitation_teams::table)
            .values((invitation_teams::invitation_id.eq(&id), invitation_teams::team_id.eq(&team.id)))
            .execute(&mut **tx)?;
        names.push(team.name.as_str());
    }
    let own = match &role.id {
        Some(id) => Some(roles::find(tx, &organization.id, id)?.name),
        None => None,
    };
    let called = role_name(role.role, own.as_deref());
    // Not the address: it would outlive its owner's account in the log.
    let detail = if names.is_empty() { called.clone() } else { format!("{called}; teams: {}", names.join(", ")) };
    acting.record(tx, now, Action::Invited, None, (id.as_str(), "", &detail))?;
    mail(tx, organization, new.email.trim(), (&called, &mailed), head, now)?;
    let told = pending(tx, &organization.id, Some(&id))?.pop().ok_or(Error::NotFound)?;
    Ok(Invited::Yes { told, code: shown })
}

fn mail(
    tx: &mut Tx<'_>,
    organization: &Organization,
    email: &str,
    (role, code): (&str, &str),
    head: &Letterhead,
    now: Timestamp,
) -> Result<()> {
    let strangers = if head.strangers {
        "If you have no account yet, you make one there."
    } else {
        "You need an account: new ones are not made here at the moment, so if you have none, ask whoever runs this service."
    };
    // Anybody can make an organization and have it write to strangers: no name of theirs becomes a link in that mail.
    let plain = |name: &str, otherwise: &str| plain_name(name, otherwise).to_owned();
    let letter = OrganizationInvitation {
        product: head.product.clone(),
        from: plain(&head.from, "Somebody"),
        organization: plain(&organization.name, &organization.slug),
        role: plain(role, "a role of its own"),
        strangers: strangers.to_owned(),
        url: format!("{}{}", head.base, urls::invitation(code)),
    };
    queue(tx, None, email, &letter.letter()?.good_for(LIFETIME), now)
}

/// An invitation as it was made, to be made again.
///
/// # Errors
/// [`Error::NotFound`] when it is not one of this organization's.
pub fn as_made(connection: &mut Connection, organization: &OrganizationId, id: &InvitationId) -> Result<NewInvitation> {
    let row = find_in(connection, organization, id)?;
    let into = invitation_teams::table.filter(invitation_teams::invitation_id.eq(id));
    let teams = into.select(invitation_teams::team_id).load(connection)?;
    Ok(NewInvitation { role: row.choice().word().to_owned(), email: row.email, teams })
}

fn find_in(connection: &mut Connection, organization: &OrganizationId, id: &InvitationId) -> Result<Row> {
    let this = invitations::table.find(id).filter(invitations::organization_id.eq(organization));
    Ok(this.select(Row::as_select()).get_result(connection)?)
}

/// Takes an invitation back. Says whether whoever asks may do what it would have given.
///
/// # Errors
/// [`Error::NotFound`] when it is used, or not one of this organization's.
pub fn cancel(
    tx: &mut Tx<'_>,
    acting: &Acting,
    now: Timestamp,
    id: &InvitationId,
    catalogue: &Catalogue,
) -> Result<bool> {
    let organization = &acting.organization().id;
    let row = find_in(tx, organization, id)?;
    let (_, rights) = roles::chosen(tx, organization, row.choice().word(), catalogue)?;
    if !acting.rights().covers(&rights) {
        return Ok(false);
    }
    diesel::delete(invitations::table.find(id)).execute(&mut **tx)?;
    acting.record(tx, now, Action::InvitationCancelled, None, (id.as_str(), "", ""))?;
    Ok(true)
}

/// An invitation as it is now: what would come of accepting it.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Its id.
    pub id: InvitationId,
    /// To whom.
    pub email: String,
    /// To which organization.
    pub organization: Organization,
    /// By whom.
    pub by: String,
    /// As what: no more than whoever invited has now.
    pub role: String,
    /// Into which teams.
    pub teams: Vec<String>,
    /// Whether whoever came has its mailbox.
    pub has_mailbox: bool,
    /// Until when.
    pub expires_at: Timestamp,
    choice: Choice,
    team_ids: Vec<TeamId>,
    inviter: Option<UserId>,
    key: String,
}

/// The open invitation behind a link's code or an id. Whose inviter is gone, or may nothing any more, is over.
///
/// # Errors
/// When the database refuses.
pub fn offer(connection: &mut Connection, text: &str, now: Timestamp, catalogue: &Catalogue) -> Result<Option<Offer>> {
    // An id opens it for the account with its address alone, which has to be shown by then.
    let (by_id, hash) = (is_ulid(text), SecretHash::of(text));
    let open = invitations::table
        .filter(invitations::expires_at.gt(now).and(invitations::organization_id.is_not_null()))
        .select((Row::as_select(), invitations::hash));
    let found: Option<(Row, SecretHash)> = if by_id {
        open.filter(invitations::id.eq(text)).get_result(connection).optional()?
    } else {
        let either = invitations::hash.eq(hash).nullable().or(invitations::shown_hash.eq(Some(hash)));
        open.filter(either).get_result(connection).optional()?
    };
    let Some((row, mailed)) = found else { return Ok(None) };
    weigh(connection, row, !by_id && mailed == hash, catalogue)
}

/// Who invited, as they are now.
struct Inviter {
    by: String,
    organization: Organization,
    rights: Rights,
    /// Who is told; a service account is not.
    user: Option<UserId>,
}

/// The current secrets that nobody revoked. A token that was revoked may have leaked, and what it sent out ends with it; one
/// that ended in time did no harm.
#[auto_type(no_type_alias)]
fn unrevoked() -> _ {
    token_secrets::table.filter(token_secrets::is_current).filter(token_secrets::revoked_at.is_null())
}

/// Who invited, if they are still here and may be acted for.
fn inviter(
    connection: &mut Connection,
    row: &Row,
    organization: &OrganizationId,
    catalogue: &Catalogue,
) -> Result<Option<Inviter>> {
    match (&row.invited_by, &row.invited_by_account) {
        (Some(user), _) => {
            let person: Option<(UserStatus, Person)> = users::table
                .find(user)
                .select((users::status, (users::first_name, users::last_name, users::email)))
                .get_result(connection)
                .optional()?;
            let Some((UserStatus::Active, person)) = person else { return Ok(None) };
            let found = standing(connection, user, Which::Id(organization))?;
            let Some(found) = found.filter(|found| !found.is_closed()) else { return Ok(None) };
            let rights = Rights::of(&found.standing, Kind::Shared, catalogue);
            let (by, user) = (named(&person), Some(user.clone()));
            Ok(Some(Inviter { by, organization: found.organization, rights, user }))
        }
        (None, Some(account)) => {
            let account = match crate::service_accounts::find(connection, organization, account) {
                Err(Error::NotFound) => return Ok(None),
                found => found?,
            };
            let (rights, organization) = (account.rights(catalogue), by_id(connection, organization)?);
            let this = unrevoked().filter(token_secrets::token_id.nullable().eq(&row.invited_by_token));
            let still = account.is_enabled && diesel::select(diesel::dsl::exists(this)).get_result(connection)?;
            Ok(still.then_some(Inviter { by: account.name, organization, rights, user: None }))
        }
        (None, None) => Ok(None),
    }
}

/// What an invitation gives now.
fn weigh(connection: &mut Connection, row: Row, has_mailbox: bool, catalogue: &Catalogue) -> Result<Option<Offer>> {
    let Some(organization) = row.organization_id.clone() else { return Ok(None) };
    let Some(Inviter { by, organization: there, rights, user }) = inviter(connection, &row, &organization, catalogue)?
    else {
        return Ok(None);
    };
    let wished = row.choice();
    let own = match &wished.id {
        Some(id) => Some(roles::find(connection, &organization, id)?),
        None => None,
    };
    let list = own.as_ref().map(|own| own.rights.as_str());
    let Some(role) = capped(&rights, (wished.role, list), catalogue) else { return Ok(None) };
    let choice = if role == wished.role { wished } else { Choice::built_in(role) };
    let ids: Vec<TeamId> = invitation_teams::table
        .filter(invitation_teams::invitation_id.eq(&row.id))
        .order(invitation_teams::team_id)
        .select(invitation_teams::team_id)
        .load(connection)?;
    let (mut team_ids, mut names) = (Vec::new(), Vec::new());
    for id in ids {
        let team = teams::find(connection, &organization, &id)?;
        if rights.covers(&team.rights(catalogue)) {
            team_ids.push(id);
            names.push(team.name);
        }
    }
    Ok(Some(Offer {
        id: row.id,
        email: row.email,
        organization: there,
        by,
        role: role_name(choice.role, own.filter(|_| choice.id.is_some()).as_ref().map(|own| own.name.as_str())),
        teams: names,
        has_mailbox,
        expires_at: row.expires_at,
        choice,
        team_ids,
        inviter: user,
        key: row.email_key,
    }))
}

/// The open invitations of an address, the newest first: for its owner to answer without a link.
///
/// # Errors
/// When the database refuses.
pub fn open_for(connection: &mut Connection, email: &str, now: Timestamp, catalogue: &Catalogue) -> Result<Vec<Offer>> {
    let theirs = invitations::email_key.eq(email_key(email)).and(invitations::organization_id.is_not_null());
    let rows: Vec<Row> = invitations::table
        .filter(theirs.and(invitations::expires_at.gt(now)))
        .order(invitations::id.desc())
        .limit(20)
        .select(Row::as_select())
        .load(connection)?;
    let mut offers = Vec::new();
    for row in rows {
        offers.extend(weigh(connection, row, false, catalogue)?);
    }
    Ok(offers)
}

/// Whether an address may make an account because somebody who is still a member, or a service account, invited it to their
/// organization.
///
/// # Errors
/// When the database refuses.
pub fn is_invited(connection: &mut Connection, email: &str, now: Timestamp) -> Result<bool> {
    let inviters = members::organization_id
        .nullable()
        .eq(invitations::organization_id)
        .and(members::user_id.nullable().eq(invitations::invited_by));
    let open = || invitations::email_key.eq(email_key(email)).and(invitations::expires_at.gt(now));
    let by_members = invitations::table.inner_join(members::table.on(inviters)).filter(open());
    let their_token = unrevoked().filter(token_secrets::token_id.nullable().eq(invitations::invited_by_token));
    let by_accounts = invitations::table
        .inner_join(service_accounts::table)
        .filter(open().and(service_accounts::is_enabled).and(diesel::dsl::exists(their_token)));
    Ok(diesel::select(diesel::dsl::exists(by_members)).get_result(connection)?
        || diesel::select(diesel::dsl::exists(by_accounts)).get_result(connection)?)
}

/// What came of answering an invitation.
#[derive(Debug, Clone)]
pub enum Answered {
    /// They are a member now, and may see its overview or not.
    Joined(Organization, bool),
    /// They were one already.
    Member(Organization),
    /// It is for another address.
    Elsewhere(Box<Offer>),
    /// The license has no room for another.
    Full(Organization),
}

/// Makes an account a member: the one whose address was invited, as what it was invited as, as far as whoever invited them
/// may still give that. The user's row is locked already, by [`Actor`]'s making.
///
/// # Errors
/// [`Error::NotFound`] when it is used, taken back or over, or its inviter is gone.
pub fn accept(
    tx: &mut Tx<'_>,
    (user, actor): (&UserId, &Actor),
    text: &str,
    now: Timestamp,
    catalogue: &Catalogue,
    notices: Option<&Notices>,
) -> Result<Answered> {
    let seen = offer(tx, text, now, catalogue)?.ok_or(Error::NotFound)?;
    // What stands there once nobody else can change it is what counts: the inviter may be on their way out.
    lock(tx, &seen.organization.id)?;
    let offer = offer(tx, text, now, catalogue)?.ok_or(Error::NotFound)?;
    let organization = &offer.organization;
    let (key, person): (String, Person) = users::table
        .find(user)
        .select((users::email_key, (users::first_name, users::last_name, users::email)))
        .get_result(&mut **tx)?;
    if key != offer.key {
        return if is_ulid(text) { Err(Error::NotFound) } else { Ok(Answered::Elsewhere(Box::new(offer))) };
    }
    let is_member = standing(tx, user, Which::Id(&organization.id))?.is_some();
    if !is_member && room(tx, &organization.id, Limited::Members, now)?.is_err() {
        return Ok(Answered::Full(organization.clone()));
    }
    if diesel::delete(invitations::table.find(&offer.id)).execute(&mut **tx)? != 1 {
        return Err(Error::NotFound);
    }
    if is_member {
        return Ok(Answered::Member(organization.clone()));
    }
    join(tx, &organization.id, user, &offer.choice, now)?;
    let mut into = Vec::new();
    for (team, name) in offer.team_ids.iter().zip(&offer.teams) {
        if teams::put_in(tx, &organization.id, team, user, now)? {
            into.push(name.as_str());
        }
    }
    let detail =
        if into.is_empty() { offer.role.clone() } else { format!("{}; teams: {}", offer.role, into.join(", ")) };
    let event = Event {
        action: Action::MemberJoined,
        user: Some(user),
        organization: Some(&organization.id),
        subject_id: user.as_str(),
        subject_name: &organization.name,
        detail: &detail,
    };
    record(tx, actor, now, &event)?;
    if let (Some(notices), Some(inviter)) = (notices, &offer.inviter) {
        let name = plain_name(&named(&person), "Whoever you invited").to_owned();
        let what = format!("Your invitation to {} was accepted", organization.name);
        let more = format!("{name} joined as {}.", offer.role);
        let notice =
            SecurityNotice::new(what, more).saying("See the members", urls::members(&organization.slug)).by(name);
        notices.send(tx, inviter, &notice, actor.origin(), now)?;
    }
    let mine = standing(tx, user, Which::Id(&organization.id))?.ok_or(Error::NotFound)?;
    let may_look = Rights::of(&mine.standing, Kind::Shared, catalogue).may(Right::SeeOrganization);
    Ok(Answered::Joined(organization.clone(), may_look))
}

/// Declines an invitation of one's own address.
///
/// # Errors
/// [`Error::NotFound`] when it is used, taken back or over, or for another address.
pub fn decline(tx: &mut Tx<'_>, (user, actor): (&UserId, &Actor), text: &str, now: Timestamp) -> Result<()> {
    let key: String = users::table.find(user).select(users::email_key).get_result(&mut **tx)?;
    let theirs = invitations::email_key.eq(key).and(invitations::organization_id.is_not_null());
    let mine = invitations::table.filter(theirs.and(invitations::expires_at.gt(now)));
    let row: Row = mine.filter(invitations::id.eq(text)).select(Row::as_select()).get_result(&mut **tx)?;
    let organization = row.organization_id.ok_or(Error::NotFound)?;
    lock(tx, &organization)?;
    if diesel::delete(invitations::table.find(&row.id)).execute(&mut **tx)? != 1 {
        return Err(Error::NotFound);
    }
    let name: String = organizations::table.find(&organization).select(organizations::name).get_result(&mut **tx)?;
    let event = Event {
        action: Action::InvitationDeclined,
        user: Some(user),
        organization: Some(&organization),
        subject_id: row.id.as_str(),
        subject_name: &name,
        detail: "",
    };
    record(tx, actor, now, &event)
}

/// Takes away what is long over; for the hourly job.
///
/// # Errors
/// When the database refuses.
pub fn forget_old(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize> {
    let over = invitations::organization_id.is_not_null().and(invitations::expires_at.lt(now.plus(-KEPT)));
    Ok(diesel::delete(invitations::table.filter(over)).execute(&mut **tx)?)
}
