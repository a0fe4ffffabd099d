//! What an invitation gives at this moment, by whoever invited as they are now; and answering it.

use diesel::prelude::*;

use super::{Person, Row, named};
use crate::audit::{Action, Actor, Event, record};
use crate::auth::secret::SecretHash;
use crate::catalogue::Catalogue;
use crate::clock::Timestamp;
use crate::db::schema::{invitation_teams, invitations, organizations, tokens, users};
use crate::db::{Connection, Tx};
use crate::error::{Error, Result};
use crate::ids::{InvitationId, OrganizationId, ServiceAccountId, TeamId, TokenId, UserId, is_ulid};
use crate::mail::{Notices, SecurityNotice};
use crate::organizations::license::{Limited, room};
use crate::organizations::member::lock;
use crate::organizations::policy::{Right, Rights, capped};
use crate::organizations::queries::{Organization, Which, by_id, standing};
use crate::organizations::roles::Choice;
use crate::organizations::service::join;
use crate::organizations::views::role_name;
use crate::organizations::{Kind, roles, teams};
use crate::text::plain_name;
use crate::urls;
use crate::users::{UserStatus, email_key};

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
            // What the token could not give now, nothing that it sent out gives either.
            let token: Option<(bool, String)> = tokens::table
                .filter(tokens::id.nullable().eq(&row.invited_by_token))
                .select((tokens::everything, tokens::scopes))
                .get_result(connection)
                .optional()?;
            let Some((everything, scopes)) = token else { return Ok(None) };
            let held = account.rights(catalogue);
            let rights = if everything { held } else { held.narrowed_to(&scopes) };
            let organization = by_id(connection, organization)?;
            Ok(account.is_enabled.then_some(Inviter { by: account.name, organization, rights, user: None }))
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

/// Whether an address may make an account because somebody who may still invite it to their organization did.
///
/// # Errors
/// When the database refuses.
pub fn is_invited(connection: &mut Connection, email: &str, now: Timestamp, catalogue: &Catalogue) -> Result<bool> {
    Ok(!open_for(connection, email, now, catalogue)?.is_empty())
}

/// Nobody stands behind some invitations any more, for good: they open nothing, and are listed to be sent again by somebody else.
macro_rules! disown {
    ($tx:ident, $those:expr) => {{
        let nobody = (
            invitations::invited_by.eq(None::<UserId>),
            invitations::invited_by_account.eq(None::<ServiceAccountId>),
            invitations::invited_by_token.eq(None::<TokenId>),
        );
        diesel::update(invitations::table.filter(invitations::organization_id.is_not_null()).filter($those))
            .set(nobody)
            .execute(&mut **$tx)?;
        Ok(())
    }};
}

/// Ends what a user sent out from an organization.
///
/// # Errors
/// When the database refuses.
pub fn end_of_member(tx: &mut Tx<'_>, user: &UserId, organization: &OrganizationId) -> Result<()> {
    disown!(tx, invitations::invited_by.eq(user).and(invitations::organization_id.eq(organization)))
}

/// Ends what a user sent out from wherever.
///
/// # Errors
/// When the database refuses.
pub fn end_of_user(tx: &mut Tx<'_>, user: &UserId) -> Result<()> {
    disown!(tx, invitations::invited_by.eq(user))
}

/// Ends what a service account sent out.
///
/// # Errors
/// When the database refuses.
pub fn end_of_account(tx: &mut Tx<'_>, account: &ServiceAccountId) -> Result<()> {
    disown!(tx, invitations::invited_by_account.eq(account))
}

/// Ends what some tokens sent out. One that is revoked, or of which a working secret is ended at once, may have leaked; one that
/// ended in time did no harm. With which of a token's secrets something was sent is not kept, so all of it ends.
///
/// # Errors
/// When the database refuses.
pub fn end_of_tokens(tx: &mut Tx<'_>, ids: &[&TokenId]) -> Result<()> {
    disown!(tx, invitations::invited_by_token.eq_any(ids.iter().copied()))
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
        let what = format!("Your invitation to {} was accepted", plain_name(&organization.name, &organization.slug));
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
        detail: &row.email,
    };
    record(tx, actor, now, &event)
}
