//! The reads of a check: few, each by a unique index.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::Binary;

use super::verdict::{Code, judge};
use crate::auth::capability::BearerProblem;
use crate::auth::secret::Presented;
use crate::auth::session::SessionKind;
use crate::auth::{SecretHash, SecretKind};
use crate::catalogue::{Catalogue, Role};
use crate::clock::Timestamp;
use crate::db::schema::{organizations as places, sessions, users, verifiers};
use crate::db::{Connection, on};
use crate::error::{Error, Result};
use crate::ids::{OrganizationId, SecretId, ServiceAccountId, SessionId, TokenId, UserId, VerifierId};
use crate::organizations::policy::Grant;
use crate::organizations::{self, Kind, Standing, Which};
use crate::tokens::{TokenKind, rule};
use crate::users::UserStatus;

/// All that is known of a token when its secret is presented.
#[derive(Debug, Clone)]
pub struct Found {
    /// The secret.
    pub secret_id: SecretId,
    /// Its end.
    pub last_four: String,
    /// Whether it is the token's current one; else a newer one took its place, and it has a while left, or had.
    pub is_current: bool,
    /// When it was first tried after it ended because a newer one took its place.
    pub late_at: Option<Timestamp>,
    /// When it was made.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was ended.
    pub revoked_at: Option<Timestamp>,
    /// When it was last good for something, as far as it is written.
    pub last_used_at: Option<Timestamp>,
    /// The record; a terminal's login has none, and is known by its own id.
    pub token_id: TokenId,
    /// Whose it is, in kind.
    pub kind: SecretKind,
    /// Its name.
    pub name: String,
    /// Everything that whoever it acts for may do.
    pub everything: bool,
    /// What it was given.
    pub scopes: String,
    /// For whom it acts.
    pub subject: Subject,
    /// The one organization that it is for; `None` is all of its owner's.
    pub bound: Option<Bound>,
}

/// For whom a token acts.
#[derive(Debug, Clone)]
pub enum Subject {
    /// A person: a personal token's owner, a key's maker.
    User {
        /// Who.
        id: UserId,
        /// Their sign-in name.
        email: String,
        /// Whether their account may be used.
        status: UserStatus,
        /// Their private organization.
        private: Option<OrganizationId>,
    },
    /// A member that is no person.
    ServiceAccount {
        /// Which.
        id: ServiceAccountId,
        /// Its name.
        name: String,
        /// Whether it may be used.
        is_enabled: bool,
    },
    /// Nobody: such a token is good for nothing.
    Nobody,
}

impl Subject {
    /// Whether what acts for it may be used at all.
    pub fn is_enabled(&self) -> bool {
        match self {
            Self::User { status, .. } => *status == UserStatus::Active,
            Self::ServiceAccount { is_enabled, .. } => *is_enabled,
            Self::Nobody => false,
        }
    }
}

/// The one organization that a token is for.
#[derive(Debug, Clone)]
pub struct Bound {
    /// Which.
    pub id: OrganizationId,
    /// Its name in addresses.
    pub slug: String,
    /// Whether it can have members.
    pub kind: Kind,
    /// Whether personal tokens may act there.
    pub allows_personal: bool,
    /// What whoever the token acts for has there at this moment; `None` when they are no member.
    pub standing: Option<Standing>,
}

type Caller = (VerifierId, Option<Timestamp>);
type Secret = (SecretId, String, bool, Option<Timestamp>);
type Times = (Timestamp, Option<Timestamp>, Option<Timestamp>, Option<Timestamp>);
type Token = (TokenId, TokenKind, String, bool, String);
type User = (UserId, String, UserStatus, Option<OrganizationId>);
type Account = (ServiceAccountId, String, bool, Role, Option<String>);
type Home = (OrganizationId, String, Kind, bool);
type OwnRole = (Role, Option<String>);
type TeamRole = (Option<Role>, Option<String>);

/// What is selected of a token, in groups. Two levels of tuples and no more: each further one takes the compiler ten times as
/// long.
type Row = (Secret, Times, Token, Option<User>, Option<Account>, Option<Home>, Option<OwnRole>, TeamRole);
/// The same beside who asks; there may be no token.
type AskedRow = (
    Caller,
    Option<Secret>,
    Option<Times>,
    Option<Token>,
    Option<User>,
    Option<Account>,
    Option<Home>,
    Option<OwnRole>,
    TeamRole,
);
/// Who asks, the personal token that they ask about, and the one organization that it is for.
type PersonalRow = (Caller, Option<Secret>, Option<Times>, Option<Token>, Option<User>, Option<OrganizationId>);

fn grant((role, rights): OwnRole) -> Grant {
    Grant { role, rights: rights.filter(|_| role == Role::Own), role_name: None, team: None }
}

impl Found {
    /// Of the rows of one token: one, or one for each of the teams that add to its maker's rights.
    fn of(rows: impl IntoIterator<Item = Row>) -> Option<Self> {
        let mut rows = rows.into_iter();
        let (secret, times, token, user, account, home, member, team) = rows.next()?;
        let of_team = |(role, rights): (Option<Role>, Option<String>)| role.map(|role| grant((role, rights)));
        let teams = of_team(team).into_iter().chain(rows.filter_map(|row| of_team(row.7)));
        let own = match (&account, member) {
            (Some((_, _, _, role, rights)), _) => Some((*role, rights.clone())),
            (None, member) => member,
        };
        let standing = own.map(|own| Standing(std::iter::once(grant(own)).chain(teams).collect()));
        let subject = match (user, account) {
            (Some((id, email, status, private)), None) => Subject::User { id, email, status, private },
            (None, Some((id, name, is_enabled, ..))) => Subject::ServiceAccount { id, name, is_enabled },
            _ => Subject::Nobody,
        };
        let (secret_id, last_four, is_current, late_at) = secret;
        let (issued_at, expires_at, revoked_at, last_used_at) = times;
        let (token_id, kind, name, everything, scopes) = token;
        Some(Self {
            secret_id,
            last_four,
            is_current,
            late_at,
            issued_at,
            expires_at,
            revoked_at,
            last_used_at,
            token_id,
            kind: kind.secret(),
            name,
            everything,
            scopes,
            subject,
            bound: home.map(|(id, slug, kind, allows_personal)| Bound { id, slug, kind, allows_personal, standing }),
        })
    }
}

/// The groups of a token and of a person whom it acts for, in SQL.
macro_rules! own_columns {
    () => {
        "s.id, s.last_four, s.is_current, s.late_at, \
         s.created_at, s.expires_at, s.revoked_at, s.last_used_at, \
         t.id, t.kind, t.name, t.everything, t.scopes, \
         u.id, u.email, u.status, p.id, "
    };
}

/// The further groups of [`Row`].
macro_rules! columns_there {
    () => {
        "a.id, a.name, a.is_enabled, a.role, ar.rights, \
         o.id, o.slug, o.kind, o.allows_personal_tokens, \
         m.role, r.rights, \
         g.role, gr.rights "
    };
}

/// The person for whom the token `t` acts: each table through a unique index.
macro_rules! person {
    () => {
        "LEFT JOIN users u ON u.id = t.user_id LEFT JOIN organizations p ON p.private_to = u.id "
    };
}

/// A service account that it acts for, and what either has where it is for: each table through a unique index. Of a member's
/// teams each gives a row.
macro_rules! there {
    () => {
        "LEFT JOIN service_accounts a ON a.id = t.service_account_id \
         LEFT JOIN roles ar ON ar.id = a.role_id \
         LEFT JOIN organizations o ON o.id = t.organization_id \
         LEFT JOIN members m ON m.organization_id = t.organization_id AND m.user_id = t.user_id \
           AND (u.second_factor OR NOT o.requires_second_factor) \
         LEFT JOIN roles r ON r.id = m.role_id \
         LEFT JOIN team_members tm ON tm.organization_id = m.organization_id AND tm.user_id = m.user_id \
         LEFT JOIN teams g ON g.id = tm.team_id \
         LEFT JOIN roles gr ON gr.id = g.role_id "
    };
}

/// The types of the groups.
mod typed {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};

    pub type Caller = (Text, Nullable<BigInt>);
    pub type Secret = (Text, Text, Bool, Nullable<BigInt>);
    pub type Times = (BigInt, Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>);
    pub type Token = (Text, Text, Text, Bool, Text);
    pub type User = Nullable<(Text, Text, Text, Nullable<Text>)>;
    pub type Account = Nullable<(Text, Text, Bool, Text, Nullable<Text>)>;
    pub type Home = Nullable<(Text, Text, Text, Bool)>;
    pub type OwnRole = Nullable<(Text, Nullable<Text>)>;
    pub type TeamRole = (Nullable<Text>, Nullable<Text>);

    pub type Row = (Secret, Times, Token, User, Account, Home, OwnRole, TeamRole);
    pub type AskedRow =
        (Caller, Nullable<Secret>, Nullable<Times>, Nullable<Token>, User, Account, Home, OwnRole, TeamRole);
    pub type PersonalRow = (Caller, Nullable<Secret>, Nullable<Times>, Nullable<Token>, User, Nullable<Text>);
}

/// Declares a statement that is written out, since as diesel's own type a join of so many tables takes the compiler minutes.
/// Prepared once on each connection, like any other.
macro_rules! statement {
    ($(#[$doc:meta])* $name:ident gives $columns:ty: $($sql:expr, $hash:ident;)+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, QueryId)]
        struct $name { $($hash: SecretHash),+ }

        impl Query for $name {
            type SqlType = $columns;
        }

        impl<C> RunQueryDsl<C> for $name {}

        impl<DB: Backend> QueryFragment<DB> for $name
        where
            SecretHash: ToSql<Binary, DB>,
        {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
                $(
                    out.push_sql($sql);
                    out.push_bind_param::<Binary, _>(&self.$hash)?;
                )+
                Ok(())
            }
        }
    };
}

statement! {
    /// The token that a secret belongs to.
    BySecret gives typed::Row:
    concat!(
        "SELECT ", own_columns!(), columns_there!(), "FROM token_secrets s JOIN tokens t ON t.id = s.token_id ",
        person!(), there!(), "WHERE s.hash = "
    ), token;
}

statement! {
    /// The service that a credential belongs to, and the token that it asks about.
    ByVerifier gives typed::AskedRow:
    concat!(
        "SELECT v.id, v.last_used_at, ", own_columns!(), columns_there!(),
        "FROM verifiers v LEFT JOIN token_secrets s ON s.hash = "
    ), token;
    concat!(" LEFT JOIN tokens t ON t.id = s.token_id ", person!(), there!(), "WHERE v.hash = "), credential;
}

statement! {
    /// The same of a personal token, without what its owner has where it is for: most are for all of their owner's, and tables
    /// that give nothing cost, too: each is opened, and its absent columns are decoded.
    ByVerifierOfPersonal gives typed::PersonalRow:
    concat!(
        "SELECT v.id, v.last_used_at, ", own_columns!(), "t.organization_id ",
        "FROM verifiers v LEFT JOIN token_secrets s ON s.hash = "
    ), token;
    concat!(" LEFT JOIN tokens t ON t.id = s.token_id ", person!(), "WHERE v.hash = "), credential;
}

/// The token that a secret belongs to.
///
/// # Errors
/// When the database refuses; an unknown secret is `None`.
pub fn by_secret(connection: &mut Connection, presented: Presented) -> Result<Option<Found>> {
    if presented.kind == SecretKind::Terminal {
        return by_terminal(connection, presented.hash);
    }
    let rows = on!(connection, c => BySecret { token: presented.hash }.load::<Row>(c))?;
    Ok(Found::of(rows).filter(|found| found.kind == presented.kind))
}

type TerminalRow = (SessionId, String, String, Timestamp, Timestamp, Timestamp);

/// A terminal's login, as the token that it is: it acts for its user, wherever they may act and with all that they may do.
fn by_terminal(connection: &mut Connection, hash: SecretHash) -> Result<Option<Found>> {
    let row = on!(connection, c => sessions::table
        .inner_join(users::table)
        .inner_join(places::table.on(places::private_to.eq(users::id.nullable())))
        .filter(sessions::key_hash.eq(hash).and(sessions::kind.eq(SessionKind::Terminal)))
        .select((
            (
                sessions::id,
                sessions::last_four,
                sessions::client,
                sessions::created_at,
                sessions::expires_at,
                sessions::seen_at,
            ),
            (users::id, users::email, users::status, places::id.nullable()),
        ))
        .get_result::<(TerminalRow, User)>(c));
    Ok(row.optional()?.map(|(login, user)| {
        let (id, last_four, client, issued_at, expires_at, seen_at) = login;
        let (user, email, status, private) = user;
        Found {
            secret_id: SecretId::from(id.to_string()),
            last_four,
            is_current: true,
            late_at: None,
            issued_at,
            expires_at: Some(expires_at),
            revoked_at: None,
            last_used_at: Some(seen_at),
            token_id: TokenId::from(id.to_string()),
            kind: SecretKind::Terminal,
            name: client,
            everything: true,
            scopes: String::new(),
            subject: Subject::User { id: user, email, status, private },
            bound: None,
        }
    }))
}

/// Who asks, and the token that they ask about: one statement, since a check is one round trip; two of a personal token for
/// one organization alone.
pub struct Asked {
    /// The service.
    pub verifier: VerifierId,
    /// When it last asked, as far as it is written.
    pub last_used_at: Option<Timestamp>,
    /// The token.
    pub found: Option<Found>,
}

/// The service that a credential belongs to, and the token that it asks about, if what it asks about could be one.
///
/// # Errors
/// When the database refuses; an unknown credential is `None`.
pub fn asked(connection: &mut Connection, credential: SecretHash, token: Option<Presented>) -> Result<Option<Asked>> {
    let Some(token) = token.filter(|token| token.kind != SecretKind::Terminal) else {
        // Noise, of which only the caller is looked up; or a terminal's login, which stands elsewhere.
        let Some((verifier, last_used_at)) = verifier(connection, credential)? else { return Ok(None) };
        let found = token.map(|token| by_terminal(connection, token.hash)).transpose()?.flatten();
        return Ok(Some(Asked { verifier, last_used_at, found }));
    };
    if token.kind == SecretKind::Personal {
        return asked_of_personal(connection, credential, token);
    }
    let asked = ByVerifier { token: token.hash, credential };
    let rows = on!(connection, c => asked.load::<AskedRow>(c))?;
    let Some((verifier, last_used_at)) = rows.first().map(|row| row.0.clone()) else { return Ok(None) };
    let known = |(_, secret, times, token, user, account, home, own, team): AskedRow| -> Option<Row> {
        Some((secret?, times?, token?, user, account, home, own, team))
    };
    let found = Found::of(rows.into_iter().filter_map(known)).filter(|found| found.kind == token.kind);
    Ok(Some(Asked { verifier, last_used_at, found }))
}

fn asked_of_personal(connection: &mut Connection, credential: SecretHash, token: Presented) -> Result<Option<Asked>> {
    let asked = ByVerifierOfPersonal { token: token.hash, credential };
    let row = on!(connection, c => asked.get_result::<PersonalRow>(c)).optional()?;
    let Some(((verifier, last_used_at), secret, times, record, user, organization)) = row else { return Ok(None) };
    let found = match (organization, secret, times, record) {
        // Read anew and whole, so that all of it is of one moment.
        (Some(_), ..) => by_secret(connection, token)?,
        (None, Some(secret), Some(times), Some(record)) => {
            let row = (secret, times, record, user, None, None, None, (None, None));
            Found::of([row]).filter(|found| found.kind == token.kind)
        }
        _ => None,
    };
    Ok(Some(Asked { verifier, last_used_at, found }))
}

/// The organization that a check is about, and what whoever the token acts for has there at this moment.
///
/// It is the one that the service names, by id or slug; else the one that the token is for; else the owner's private one,
/// which nobody else can be in. A token for one organization has nothing in another, a personal one has nothing where the
/// organization wants none or where it outlives what the organization allows, and neither has one whose owner lacks the
/// second factor that it requires.
///
/// # Errors
/// When the database refuses.
pub fn place(connection: &mut Connection, found: &Found, asked: Option<&str>) -> Result<Option<Place>> {
    let welcome = |allows_personal: bool| allows_personal || found.kind != SecretKind::Personal;
    if let Some(bound) = &found.bound {
        let is_it = asked.is_none_or(|asked| asked == bound.id.as_str() || asked == bound.slug);
        let standing = bound.standing.clone().filter(|_| is_it && welcome(bound.allows_personal));
        return Ok(standing.map(|standing| (bound.id.clone(), standing)));
    }
    let Subject::User { id, private, .. } = &found.subject else { return Ok(None) };
    let Some(asked) = asked else { return Ok(private.clone().map(|id| (id, Standing::private()))) };
    let place = organizations::standing(connection, id, Which::Either(asked))?;
    let place = place.filter(|place| !place.is_closed() && welcome(place.organization.policy().personal_tokens));
    let Some(place) = place else { return Ok(None) };
    let organization = place.organization.id;
    // One that was made for it keeps to its rule; one for all of somebody's works where it does.
    let works = rule(connection, organization.as_str())?.allows(found.issued_at, found.expires_at);
    Ok(works.then_some((organization, place.standing)))
}

/// An organization, and what somebody has there.
pub type Place = (OrganizationId, Standing);

/// A token that its holder presented: what is known of it, where it can act, and whether it is good.
pub struct Look {
    /// The token.
    pub found: Found,
    /// Where, and with what.
    pub place: Option<Place>,
    /// Whether.
    pub code: Code,
}

/// A token that its holder presented.
///
/// # Errors
/// [`Error::Bearer`] when there is none with this secret; when the database refuses.
pub fn look_up(
    connection: &mut Connection,
    presented: Presented,
    catalogue: &Catalogue,
    now: Timestamp,
) -> Result<Look> {
    let found = by_secret(connection, presented)?.ok_or(Error::Bearer(BearerProblem::Invalid))?;
    let place = place(connection, &found, None)?;
    let code = judge(&found, place.as_ref().map(|(_, standing)| standing), None, catalogue, now);
    Ok(Look { found, place, code })
}

/// The service that a credential belongs to, and when it last used it.
///
/// # Errors
/// When the database refuses; an unknown credential is `None`.
fn verifier(connection: &mut Connection, hash: SecretHash) -> Result<Option<(VerifierId, Option<Timestamp>)>> {
    let row = on!(connection, c => verifiers::table
        .filter(verifiers::hash.eq(hash))
        .select((verifiers::id, verifiers::last_used_at))
        .get_result(c));
    Ok(row.optional()?)
}
