//! Reading organizations and what a member may do there.

use diesel::prelude::*;

use super::Kind;
use super::policy::{Grant, Standing};
use crate::auth::capability::Owner;
use crate::catalogue::Role;
use crate::clock::{DAY, Timestamp};
use crate::db::Connection;
use crate::db::schema::{
    invitations, members, organizations, roles, service_accounts, team_members, teams, token_secrets, tokens, users,
};
use crate::error::Result;
use crate::ids::{OrganizationId, RoleId, ServiceAccountId, TokenId, UserId};
use crate::tokens::{TokenKind, active_at};
use crate::users::UserStatus;

/// An organization, as far as everybody in it may know.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Private or shared.
    pub kind: Kind,
    /// Its name in addresses.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Whether its members must have a second factor.
    pub requires_second_factor: bool,
    /// Whether personal access tokens may act in it.
    allows_personal_tokens: bool,
    /// Whether members who don't manage everybody's keys may make some.
    allows_members_keys: bool,
    /// Its picture, if it has one.
    pub avatar: Option<String>,
}

impl Organization {
    /// One for tests of what asks for nothing else.
    #[cfg(test)]
    pub(super) fn called(kind: Kind, slug: &str, name: &str) -> Self {
        Self {
            id: OrganizationId::new(),
            kind,
            slug: slug.to_owned(),
            name: name.to_owned(),
            requires_second_factor: false,
            allows_personal_tokens: true,
            allows_members_keys: true,
            avatar: None,
        }
    }

    /// What it allows.
    pub fn policy(&self) -> Policy {
        Policy { personal_tokens: self.allows_personal_tokens, members_keys: self.allows_members_keys }
    }
}

/// What an organization allows beside its roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Whether personal access tokens may act in it.
    pub personal_tokens: bool,
    /// Whether members who don't manage everybody's keys may make some.
    pub members_keys: bool,
}

/// An organization and what somebody has there.
#[derive(Debug, Clone)]
pub struct Found {
    /// Which.
    pub organization: Organization,
    /// Their roles.
    pub standing: Standing,
    /// Whether they have a second factor.
    has_second_factor: bool,
}

impl Found {
    /// Whether nothing of it opens to them, nor to what acts for them, until they have a second factor.
    pub fn is_closed(&self) -> bool {
        self.organization.requires_second_factor && !self.has_second_factor
    }
}

/// How an organization is named.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// By its id.
    Id(&'a OrganizationId),
    /// By its name in addresses.
    Slug(&'a str),
    /// By one of the two: a slug never looks like an id.
    Either(&'a str),
    /// By the id of one of its API keys.
    OfKey(&'a str),
}

diesel::alias!(roles as team_roles: TeamRoles);

type OwnRole = (Role, Option<String>, Option<String>);
type TeamRole = (Option<String>, Option<Role>, Option<String>, Option<String>);
type Row = (Organization, bool, OwnRole, TeamRole);

/// What is selected of an organization.
macro_rules! columns {
    () => {
        (
            organizations::id,
            organizations::kind,
            organizations::slug,
            organizations::name,
            organizations::requires_second_factor,
            organizations::allows_personal_tokens,
            organizations::allows_members_keys,
            organizations::avatar,
        )
    };
}

/// What somebody has in an organization at this moment, in one statement: their role, and a row more for each team.
///
/// # Errors
/// When the database refuses; whoever is no member finds what they find where there is no organization: `None`.
pub fn standing(connection: &mut Connection, user: &UserId, which: Which<'_>) -> Result<Option<Found>> {
    let mine = members::table
        .inner_join(organizations::table)
        .inner_join(users::table.on(users::id.eq(members::user_id)))
        .left_join(roles::table.on(roles::id.nullable().eq(members::role_id)))
        .left_join(team_members::table.on(
            team_members::organization_id.eq(members::organization_id).and(team_members::user_id.eq(members::user_id)),
        ))
        .left_join(teams::table.on(teams::id.eq(team_members::team_id)))
        .left_join(team_roles.on(team_roles.field(roles::id).nullable().eq(teams::role_id)))
        .filter(members::user_id.eq(user))
        .select((
            columns!(),
            users::second_factor,
            (members::role, roles::rights.nullable(), roles::name.nullable()),
            (
                teams::name.nullable(),
                teams::role.nullable(),
                team_roles.field(roles::rights).nullable(),
                team_roles.field(roles::name).nullable(),
            ),
        ));
    let rows: Vec<Row> = match which {
        Which::Id(id) => mine.filter(organizations::id.eq(id)).load(connection)?,
        Which::Slug(slug) => mine.filter(organizations::slug.eq(slug)).load(connection)?,
        Which::Either(text) => {
            mine.filter(organizations::id.eq(text).or(organizations::slug.eq(text))).load(connection)?
        }
        Which::OfKey(id) => {
            let this = tokens::id.eq(id).and(tokens::kind.eq(TokenKind::ApiKey));
            let its = tokens::table.filter(this).select(tokens::organization_id);
            mine.filter(organizations::id.nullable().eq_any(its)).load(connection)?
        }
    };
    let Some((organization, has_second_factor, (role, rights, role_name), _)) = rows.first().cloned() else {
        return Ok(None);
    };
    let own = Grant { role, rights: rights.filter(|_| role == Role::Own), role_name, team: None };
    let of_team = |(_, _, _, (team, role, rights, role_name)): Row| {
        let role = role?;
        Some(Grant { role, rights: rights.filter(|_| role == Role::Own), role_name, team })
    };
    let grants = std::iter::once(own).chain(rows.into_iter().filter_map(of_team)).collect();
    Ok(Some(Found { organization, standing: Standing(grants), has_second_factor }))
}

/// An organization, for whoever has found it in another way than as its member.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when it is gone.
pub(super) fn by_id(connection: &mut Connection, id: &OrganizationId) -> Result<Organization> {
    Ok(organizations::table.find(id).select(columns!()).get_result(connection)?)
}

/// The id of an organization that an address names by its slug or its id, for an administrator.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when there is none.
pub(super) fn id_of(connection: &mut Connection, name: &str) -> Result<OrganizationId> {
    let this = organizations::id.eq(name).or(organizations::slug.eq(name));
    Ok(organizations::table.filter(this).select(organizations::id).get_result(connection)?)
}

/// One that the header's switch offers.
#[derive(Debug, Clone, Queryable, serde::Serialize, serde::Deserialize)]
pub struct Choice {
    /// Its id.
    pub id: OrganizationId,
    /// Its name in addresses.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Its picture, if it has one.
    pub avatar: Option<String>,
}

/// So many does the switch offer; the list has all.
const CHOICES: i64 = 8;

/// The organizations that a user's header offers, their private one first.
///
/// # Errors
/// When the database refuses.
pub fn choices(connection: &mut Connection, user: &UserId) -> Result<Vec<Choice>> {
    Ok(members::table
        .inner_join(organizations::table)
        .filter(members::user_id.eq(user))
        .order((organizations::kind, organizations::name, organizations::id))
        .limit(CHOICES)
        .select((organizations::id, organizations::slug, organizations::name, organizations::avatar))
        .load(connection)?)
}

/// So many names count in a password's judging; nobody is in more, but programs.
const NAMES: i64 = 500;

/// What a user's shared organizations are called.
///
/// # Errors
/// When the database refuses.
pub fn names(connection: &mut Connection, user: &UserId) -> Result<Vec<String>> {
    Ok(members::table
        .inner_join(organizations::table)
        .filter(members::user_id.eq(user).and(organizations::kind.eq(Kind::Shared)))
        .limit(NAMES)
        .select(organizations::name)
        .load(connection)?)
}

/// An organization in the list of one's own.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Which.
    pub organization: Organization,
    /// One's role there.
    pub role: Role,
    /// Which, where it is one of the organization's own,
    pub role_id: Option<RoleId>,
    /// and its name.
    pub role_name: Option<String>,
}

/// All the organizations that somebody is in, their private one first, and how many members each has.
///
/// # Errors
/// When the database refuses.
pub fn mine(connection: &mut Connection, owner: Owner<'_>) -> Result<Vec<(Listed, i64)>> {
    type Row = (Organization, Role, Option<RoleId>, Option<String>, i64);
    let listed: Vec<Row> = members::table
        .inner_join(organizations::table)
        .left_join(roles::table.on(roles::id.nullable().eq(members::role_id)))
        .filter(members::user_id.eq(owner.user_id()))
        .order((organizations::kind, organizations::name, organizations::id))
        .select((columns!(), members::role, members::role_id, roles::name.nullable(), organizations::member_count))
        .load(connection)?;
    let row =
        |(organization, role, role_id, role_name, count)| (Listed { organization, role, role_id, role_name }, count);
    Ok(listed.into_iter().map(row).collect())
}

/// How many owners an organization has, if `whom` is one: they, and the others whose accounts are open.
///
/// # Errors
/// When the database refuses.
pub fn owners(connection: &mut Connection, organization: &OrganizationId, whom: &UserId) -> Result<i64> {
    let those = members::organization_id.eq(organization).and(members::role.eq(Role::Owner));
    let counts = users::id.eq(whom).or(users::status.eq(UserStatus::Active));
    Ok(members::table.inner_join(users::table).filter(those.and(counts)).count().get_result(connection)?)
}

/// How many members an organization has, as the database keeps count of it.
///
/// # Errors
/// When the database refuses.
pub fn count_members(connection: &mut Connection, organization: &OrganizationId) -> Result<i64> {
    Ok(organizations::table.find(organization).select(organizations::member_count).get_result(connection)?)
}

/// What ends within so many days is told of on the overview,
const SOON: i64 = 30 * DAY;
/// so many of it.
const ENDING: i64 = 5;

/// A key or token that ends soon.
#[derive(Debug, Clone, Queryable)]
pub struct Ending {
    /// Its id.
    pub id: TokenId,
    /// Which of them it is.
    pub kind: TokenKind,
    /// What it is called.
    pub name: String,
    /// The user that it acts for, and what they are called,
    pub user: Option<(UserId, String, String, String)>,
    /// or the service account.
    pub account: Option<(ServiceAccountId, String)>,
    /// When.
    pub at: Timestamp,
}

/// The keys and tokens for this organization alone that end soon, the first first: one's own personal ones, and all the
/// others where one may see keys, service accounts' tokens where one may see those accounts, too.
///
/// # Errors
/// When the database refuses.
pub fn ending(
    connection: &mut Connection,
    organization: &OrganizationId,
    (user, sees_keys, sees_accounts): (&UserId, bool, bool),
    now: Timestamp,
) -> Result<Vec<Ending>> {
    // In whose lists they stand, so that one index finds them by their end, however many there are.
    let mut holders = vec![user.to_string()];
    if sees_keys && sees_accounts {
        let here = service_accounts::table.filter(service_accounts::organization_id.eq(organization));
        holders.extend(here.select(service_accounts::id).load::<String>(connection)?);
    }
    if sees_keys {
        holders.push(organization.to_string());
    }
    Ok(token_secrets::table
        .inner_join(tokens::table)
        .left_join(users::table.on(users::id.nullable().eq(tokens::user_id)))
        .left_join(service_accounts::table.on(service_accounts::id.nullable().eq(tokens::service_account_id)))
        .filter(token_secrets::holder.eq_any(holders))
        .filter(token_secrets::is_current.and(token_secrets::revoked_at.is_null()))
        .filter(token_secrets::expires_at.gt(now).and(token_secrets::expires_at.le(now.plus(SOON))))
        .filter(tokens::organization_id.eq(organization))
        .order((token_secrets::expires_at, tokens::id))
        .limit(ENDING)
        .select((
            tokens::id,
            tokens::kind,
            tokens::name,
            (users::id, users::first_name, users::last_name, users::email).nullable(),
            (service_accounts::id, service_accounts::name).nullable(),
            token_secrets::expires_at.assume_not_null(),
        ))
        .load(connection)?)
}

/// What goes with an organization, in numbers; of keys and tokens those that work.
#[derive(Debug, Clone)]
pub struct Goes {
    /// Its members, who stay people.
    pub members: i64,
    /// Its teams.
    pub teams: i64,
    /// Its API keys.
    pub keys: i64,
    /// Its service accounts,
    pub accounts: i64,
    /// and their tokens.
    pub account_tokens: i64,
    /// People's tokens for it alone.
    pub personal_tokens: i64,
    /// Invitations that can still be accepted.
    pub invitations: i64,
}

/// What goes with an organization: in one statement, so that it is of one moment.
///
/// # Errors
/// When the database refuses.
pub fn goes(connection: &mut Connection, organization: &OrganizationId, now: Timestamp) -> Result<Goes> {
    let working = |kind: TokenKind| {
        tokens::table
            .inner_join(token_secrets::table)
            .filter(tokens::organization_id.eq(organization).and(tokens::kind.eq(kind)))
            .filter(token_secrets::is_current.and(active_at(now)))
            .count()
            .single_value()
            .assume_not_null()
    };
    let open = invitations::organization_id.eq(organization).and(invitations::expires_at.gt(now));
    let (members, teams, keys, accounts, account_tokens, personal_tokens, invitations) = diesel::select((
        members::table.filter(members::organization_id.eq(organization)).count().single_value().assume_not_null(),
        teams::table.filter(teams::organization_id.eq(organization)).count().single_value().assume_not_null(),
        working(TokenKind::ApiKey),
        service_accounts::table
            .filter(service_accounts::organization_id.eq(organization))
            .count()
            .single_value()
            .assume_not_null(),
        working(TokenKind::ServiceAccount),
        working(TokenKind::Personal),
        invitations::table.filter(open).count().single_value().assume_not_null(),
    ))
    .get_result(connection)?;
    Ok(Goes { members, teams, keys, accounts, account_tokens, personal_tokens, invitations })
}

/// The organizations of a user's that require a second factor, by name.
///
/// # Errors
/// When the database refuses.
pub fn requiring(connection: &mut Connection, user: &UserId) -> Result<Vec<String>> {
    Ok(members::table
        .inner_join(organizations::table)
        .filter(members::user_id.eq(user).and(organizations::requires_second_factor))
        .order((organizations::name, organizations::id))
        .select(organizations::name)
        .load(connection)?)
}

/// The members of an organization who have no second factor: how many there are, and the first of them.
#[derive(Debug, Clone, Default)]
pub struct Without {
    /// How many.
    pub count: i64,
    /// The first few, by name: who, and what they are called.
    pub first: Vec<(UserId, String)>,
}

/// Those members, of whom at most so many are named.
///
/// # Errors
/// When the database refuses.
pub fn without_second_factor(
    connection: &mut Connection,
    organization: &OrganizationId,
    named: i64,
) -> Result<Without> {
    let those = || {
        let lacking = members::organization_id.eq(organization).and(users::second_factor.eq(false));
        members::table.inner_join(users::table).filter(lacking)
    };
    let first: Vec<(UserId, String, String, String)> = those()
        .order((members::name_key, users::id))
        .limit(named)
        .select((users::id, users::first_name, users::last_name, users::email))
        .load(connection)?;
    let name = |(id, first, last, email): (UserId, String, String, String)| {
        let name = format!("{first} {last}").trim().to_owned();
        (id, if name.is_empty() { email } else { format!("{name} ({email})") })
    };
    Ok(Without { count: those().count().get_result(connection)?, first: first.into_iter().map(name).collect() })
}
