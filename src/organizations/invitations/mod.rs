//! Invitations to an organization: to an address, with a role and teams, for seven days. They are rows of the table of
//! all invitations; those without an organization are invitations to the instance, and belong to [`crate::sign_up`].
//!
//! Two links lead to one. The mailed one proves the mailbox, so it can make an account. The one that the inviter copies
//! proves nothing: with it, and with none at all, only an account that has the address can accept.

pub mod answer;
pub mod api;
mod offer;
pub mod pages;
pub(crate) mod views;

pub use offer::{
    Answered, Offer, accept, decline, end_of_account, end_of_member, end_of_tokens, end_of_user, is_invited, offer,
    open_for,
};

use diesel::prelude::*;

use super::forms::is_official;
use super::license::{Full, Limited, room};
use super::member::Acting;
use super::queries::Organization;
use super::roles::Choice;
use super::views::{role_name, role_word};
use super::{roles, teams};
use crate::audit::Action;
use crate::auth::link::new_code;
use crate::auth::secret::SecretHash;
use crate::catalogue::{Catalogue, Role};
use crate::clock::{DAY, Timestamp};
use crate::config::Config;
use crate::db::schema::{invitation_teams, invitations, members, service_accounts, users};
use crate::db::{Connection, Tx};
use crate::error::{Error, Result};
use crate::ids::{InvitationId, OrganizationId, RoleId, ServiceAccountId, TeamId, TokenId, UserId};
use crate::mail::letters::OrganizationInvitation;
use crate::mail::queue;
use crate::text::plain_name;
use crate::urls;
use crate::users::{called, email_key};

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
    /// As what: a built-in role's word, or the id of an own one,
    pub role: String,
    /// and what it is called.
    pub role_name: String,
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
        role: role_word(row.choice().role, row.role_id.as_ref()),
        role_name: role_name(row.choice().role, own.as_deref()),
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
    let earlier: Vec<Row> = invitations::table.filter(earlier).select(Row::as_select()).load(&mut **tx)?;
    for row in &earlier {
        if !take_away(tx, acting, row, catalogue)? {
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
    let detail = if names.is_empty() { called.clone() } else { format!("{called}; teams: {}", names.join(", ")) };
    let action = if earlier.is_empty() { Action::Invited } else { Action::InvitedAgain };
    acting.record(tx, now, action, None, (id.as_str(), new.email.trim(), &detail))?;
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
    // Nor does the inviter's speak for whoever runs the service.
    let from = if is_official(&head.from, &head.product) { "Somebody" } else { &head.from };
    let letter = OrganizationInvitation {
        product: head.product.clone(),
        from: plain(from, "Somebody"),
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
    let row = find_in(tx, &acting.organization().id, id)?;
    let may = take_away(tx, acting, &row, catalogue)?;
    if may {
        acting.record(tx, now, Action::InvitationCancelled, None, (id.as_str(), &row.email, ""))?;
    }
    Ok(may)
}

/// Ends an invitation, if whoever asks may do what it would have given.
fn take_away(tx: &mut Tx<'_>, acting: &Acting, row: &Row, catalogue: &Catalogue) -> Result<bool> {
    let (_, rights) = roles::chosen(tx, &acting.organization().id, row.choice().word(), catalogue)?;
    let may = acting.rights().covers(&rights);
    if may {
        diesel::delete(invitations::table.find(&row.id)).execute(&mut **tx)?;
    }
    Ok(may)
}

/// Takes away what is long over; for the hourly job.
///
/// # Errors
/// When the database refuses.
pub fn forget_old(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize> {
    let over = invitations::organization_id.is_not_null().and(invitations::expires_at.lt(now.plus(-KEPT)));
    Ok(diesel::delete(invitations::table.filter(over)).execute(&mut **tx)?)
}
