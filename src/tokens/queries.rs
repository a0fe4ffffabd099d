//! Reading tokens. Every query begins at the owner.

use diesel::dsl::auto_type;
use diesel::prelude::*;

use super::Holder;
use super::policy::{Rule, Status, TokenPolicy, expires_soon, status};
use crate::auth::capability::Owner;
use crate::auth::secret::SecretHash;
use crate::clock::Timestamp;
use crate::config::TokenConfig;
use crate::db::schema::{members, organizations, token_addresses, token_policies, token_secrets, tokens};
use crate::db::{Connection, Tx, on};
use crate::error::{Error, Result};
use crate::ids::{OrganizationId, SecretId, ServiceAccountId, TokenId, UserId};
use crate::organizations::Organization;

/// A token with its current secret's facts; never the secret.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = tokens)]
pub struct Record {
    /// Its id.
    pub id: TokenId,
    /// Its kind.
    pub kind: super::TokenKind,
    /// The user that it acts for; of a key, its maker.
    pub user_id: Option<UserId>,
    /// The service account that it acts for, if not for a user.
    pub service_account_id: Option<ServiceAccountId>,
    /// The one organization that it is for; `None` is all of its owner's.
    pub organization_id: Option<OrganizationId>,
    /// What its owner calls it.
    pub name: String,
    /// The name as it is searched and sorted by.
    pub name_key: String,
    /// What its owner says of it.
    pub description: String,
    /// Everything that its owner may do, rather than `scopes`.
    pub everything: bool,
    /// What it was given, RFC 6749's list.
    pub scopes: String,
    /// Whether its holder may renew it.
    pub may_rotate: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Record {
    /// Whether its holder may renew it. Only a personal token can: one that acts for an organization makes no secrets, its own
    /// next one included, whatever stands in its row.
    pub fn renews_itself(&self) -> bool {
        self.may_rotate && self.kind == super::TokenKind::Personal
    }
}

/// One of a token's secrets, as far as it is kept.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = token_secrets)]
pub struct Secret {
    /// Its id.
    pub id: SecretId,
    /// For telling tokens apart.
    pub last_four: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; `None` is never.
    pub expires_at: Option<Timestamp>,
    /// When it was ended.
    pub revoked_at: Option<Timestamp>,
    /// When it was last good for something.
    pub last_used_at: Option<Timestamp>,
    /// From where.
    pub last_used_address: String,
    /// With what.
    pub last_used_agent: String,
    /// How often it was good for something since a newer one took its place.
    pub later_uses: i64,
    /// When it was first tried after it ended that way.
    pub late_at: Option<Timestamp>,
}

/// A token and its current secret.
#[derive(Debug, Clone)]
pub struct Token {
    /// The record.
    pub record: Record,
    /// The secret's facts.
    pub secret: Secret,
}

impl Token {
    /// What it is at a moment.
    pub fn status(&self, now: Timestamp) -> Status {
        status(self.secret.expires_at, self.secret.revoked_at, now)
    }

    /// Whether it works, and not for long any more.
    pub fn expires_soon(&self, now: Timestamp) -> bool {
        self.status(now) == Status::Active && expires_soon(self.secret.created_at, self.secret.expires_at, now)
    }

    /// The same without where it was last used from, and with what.
    pub(crate) fn without_origins(mut self) -> Self {
        self.secret.last_used_address.clear();
        self.secret.last_used_agent.clear();
        self
    }
}

impl From<(Record, Secret)> for Token {
    fn from((record, secret): (Record, Secret)) -> Self {
        Self { record, secret }
    }
}

/// In SQL, what [`status`] calls active; a test holds the two together.
#[auto_type(no_type_alias)]
pub fn active_at(now: Timestamp) -> _ {
    let unrevoked: diesel::dsl::IsNull<token_secrets::revoked_at> = token_secrets::revoked_at.is_null();
    let unending: diesel::dsl::IsNull<token_secrets::expires_at> = token_secrets::expires_at.is_null();
    unrevoked.and(unending.or(token_secrets::expires_at.gt(now)))
}

/// In SQL, what [`Token::expires_soon`] says of current secrets; a test holds the two together.
macro_rules! expiring_at {
    ($now:expr) => {{
        use $crate::clock::DAY;
        use $crate::db::schema::token_secrets as s;
        let now: $crate::clock::Timestamp = $now;
        // A fifth of the lifetime is left: 5 × (end − now) ≤ end − beginning.
        let fifth = (s::ends_at * 4 + s::created_at).le(now.unix().saturating_mul(5));
        s::is_current
            .and(s::revoked_at.is_null())
            .and(s::ends_at.gt(now).and(s::ends_at.le(now.plus($crate::tokens::policy::WARNING))))
            .and(s::ends_at.le(now.plus(DAY)).or(fifth))
    }};
}
pub(crate) use expiring_at;

/// One of the holder's tokens.
///
/// # Errors
/// [`Error::NotFound`] when there is none with this id, or it is somebody else's.
pub fn find<'a>(connection: &mut Connection, holder: impl Into<Holder<'a>>, id: &TokenId) -> Result<Token> {
    let holder = holder.into();
    let row: (Record, Secret) = tokens::table
        .inner_join(token_secrets::table)
        .filter(tokens::id.eq(id).and(tokens::holder.eq(holder.id())).and(token_secrets::is_current))
        .select((Record::as_select(), Secret::as_select()))
        .get_result(connection)?;
    if holder.holds(&row.0) { Ok(row.into()) } else { Err(Error::NotFound) }
}

/// Several of the owner's tokens, in the order of their ids; `ids` names each once.
///
/// # Errors
/// [`Error::NotFound`] when one of them is none, or somebody else's.
pub fn find_all(connection: &mut Connection, owner: Owner<'_>, ids: &[TokenId]) -> Result<Vec<Token>> {
    let rows: Vec<(Record, Secret)> = tokens::table
        .inner_join(token_secrets::table)
        .filter(tokens::id.eq_any(ids).and(tokens::holder.eq(owner.user_id())).and(token_secrets::is_current))
        .order(tokens::id)
        .select((Record::as_select(), Secret::as_select()))
        .load(connection)?;
    if rows.len() == ids.len() { Ok(rows.into_iter().map(Token::from).collect()) } else { Err(Error::NotFound) }
}

/// The secret before the present one, while it still works.
///
/// # Errors
/// When the database refuses.
pub fn old_secret(connection: &mut Connection, token: &Token, now: Timestamp) -> Result<Option<Secret>> {
    let older = token_secrets::token_id.eq(&token.record.id).and(diesel::dsl::not(token_secrets::is_current));
    let row = token_secrets::table.filter(older).filter(active_at(now)).select(Secret::as_select());
    Ok(row.get_result(connection).optional()?)
}

/// An address that a token was used from.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = token_addresses)]
pub struct Seen {
    /// The address.
    pub address: String,
    /// With what, last.
    pub agent: String,
    /// When, last.
    pub used_at: Timestamp,
}

/// How many addresses are kept of a token.
pub const ADDRESSES: i64 = 5;

/// The addresses that a token was last used from, the newest first.
///
/// # Errors
/// When the database refuses.
pub fn addresses(connection: &mut Connection, token: &Token) -> Result<Vec<Seen>> {
    Ok(token_addresses::table
        .filter(token_addresses::token_id.eq(&token.record.id))
        .order((token_addresses::used_at.desc(), token_addresses::address))
        .limit(ADDRESSES)
        .select(Seen::as_select())
        .load(connection)?)
}

/// How many tokens the owner has.
///
/// # Errors
/// When the database refuses.
pub fn count(connection: &mut Connection, owner: Owner<'_>) -> Result<i64> {
    let mine = tokens::holder.eq(owner.user_id());
    Ok(tokens::table.filter(mine).count().get_result(connection)?)
}

/// The one that the owner made last.
///
/// # Errors
/// When the database refuses.
pub fn newest(connection: &mut Connection, owner: Owner<'_>) -> Result<Option<Token>> {
    let mine = tokens::holder.eq(owner.user_id());
    let row: Option<(Record, Secret)> = tokens::table
        .inner_join(token_secrets::table)
        .filter(mine.and(token_secrets::is_current))
        .order(tokens::id.desc())
        .limit(1)
        .select((Record::as_select(), Secret::as_select()))
        .get_result(connection)
        .optional()?;
    Ok(row.map(Token::from))
}

/// How many of the owner's tokens are for this organization alone.
///
/// # Errors
/// When the database refuses.
pub fn count_in(connection: &mut Connection, owner: Owner<'_>, organization: &OrganizationId) -> Result<i64> {
    let mine = tokens::holder.eq(owner.user_id());
    let there = tokens::table.filter(mine.and(tokens::organization_id.eq(organization)));
    Ok(there.count().get_result(connection)?)
}

/// How many of the owner's tokens work now.
///
/// # Errors
/// When the database refuses.
pub fn count_active(connection: &mut Connection, owner: Owner<'_>, now: Timestamp) -> Result<i64> {
    let mine = token_secrets::holder.eq(owner.user_id()).and(token_secrets::is_current);
    Ok(token_secrets::table.filter(mine).filter(active_at(now)).count().get_result(connection)?)
}

/// How many of the owner's tokens end soon.
///
/// # Errors
/// When the database refuses.
pub fn count_expiring(connection: &mut Connection, owner: Owner<'_>, now: Timestamp) -> Result<i64> {
    let mine = token_secrets::holder.eq(owner.user_id());
    Ok(token_secrets::table.filter(mine).filter(expiring_at!(now)).count().get_result(connection)?)
}

/// Whether this is the token's current secret.
///
/// # Errors
/// When the database refuses.
pub fn has_secret(connection: &mut Connection, id: &TokenId, hash: SecretHash) -> Result<bool> {
    let this = token_secrets::token_id.eq(id).and(token_secrets::is_current).and(token_secrets::hash.eq(hash));
    Ok(diesel::select(diesel::dsl::exists(token_secrets::table.filter(this))).get_result(connection)?)
}

/// An organization that a token can be for.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its id.
    pub id: OrganizationId,
    /// Its name in addresses.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// What it asks of its tokens.
    pub rule: Rule,
    /// Whether personal ones may act there at all.
    pub takes_personal: bool,
}

impl Place {
    /// The only one that there is to choose; its rule has been asked by itself.
    pub(crate) fn only(organization: &Organization) -> Self {
        let Organization { id, slug, name, .. } = organization.clone();
        Self { id, slug, name, rule: Rule::default(), takes_personal: true }
    }
}

/// The owner's organizations.
///
/// # Errors
/// When the database refuses.
pub fn places(connection: &mut Connection, owner: &UserId) -> Result<Vec<Place>> {
    let rows: Vec<(OrganizationId, String, String, bool, Option<PolicyRow>)> = members::table
        .inner_join(organizations::table)
        .left_join(token_policies::table.on(token_policies::id.eq(organizations::id)))
        .filter(members::user_id.eq(owner))
        .order(organizations::id)
        .select((
            organizations::id,
            organizations::slug,
            organizations::name,
            organizations::allows_personal_tokens,
            Option::<PolicyRow>::as_select(),
        ))
        .load(connection)?;
    let place = |(id, slug, name, takes_personal, row): (_, _, _, _, Option<PolicyRow>)| Place {
        id,
        slug,
        name,
        rule: row.map(Rule::from).unwrap_or_default(),
        takes_personal,
    };
    Ok(rows.into_iter().map(place).collect())
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = token_policies)]
struct PolicyRow {
    max_days: Option<i64>,
    default_days: Option<i64>,
    preset_days: Option<String>,
    allow_never: Option<bool>,
    max_per_user: Option<i64>,
}

impl From<PolicyRow> for Rule {
    fn from(row: PolicyRow) -> Self {
        let days = |text: String| text.split(' ').filter_map(|word| word.parse().ok()).collect();
        Self {
            max_days: row.max_days,
            default_days: row.default_days,
            preset_days: row.preset_days.map(days),
            allow_never: row.allow_never,
            max_per_user: row.max_per_user,
        }
    }
}

/// The id of the one row that there is for the instance; all others have an organization's.
pub const INSTANCE: &str = "instance";

/// What was set for the instance or an organization.
///
/// # Errors
/// When the database refuses.
pub fn rule(connection: &mut Connection, realm: &str) -> Result<Rule> {
    let row = on!(connection, c => token_policies::table
        .filter(token_policies::id.eq(realm))
        .select(PolicyRow::as_select())
        .get_result(c));
    Ok(row.optional()?.map(Rule::from).unwrap_or_default())
}

/// What tokens may be on this instance.
///
/// # Errors
/// When the database refuses.
pub fn policy(connection: &mut Connection, config: &TokenConfig) -> Result<TokenPolicy> {
    Ok(TokenPolicy::from(config).replaced(rule(connection, INSTANCE)?))
}

/// What tokens for this organization may be; without one, those for all of somebody's.
///
/// # Errors
/// When the database refuses.
pub fn policy_in(
    connection: &mut Connection,
    config: &TokenConfig,
    organization: Option<&OrganizationId>,
) -> Result<TokenPolicy> {
    let policy = policy(connection, config)?;
    let Some(organization) = organization else { return Ok(policy) };
    Ok(policy.tightened(rule(connection, organization.as_str())?))
}

/// Keeps the instance's rules as they are to the end of the transaction. On SQLite nobody else writes meanwhile anyway; an
/// organization's stay while its row is locked.
///
/// # Errors
/// When the database refuses.
pub fn hold_policy(tx: &mut Tx<'_>) -> Result<()> {
    if let Connection::Postgres(postgres) = &mut **tx {
        let row = token_policies::table.find(INSTANCE).select(token_policies::id).for_share();
        row.get_result::<String>(postgres).optional()?;
    }
    Ok(())
}

/// What of a service account's works now, by name.
///
/// # Errors
/// When the database refuses.
pub(crate) fn live_of_service_account(
    connection: &mut Connection,
    account: &ServiceAccountId,
    now: Timestamp,
) -> Result<Vec<String>> {
    let theirs = tokens::service_account_id.eq(account).and(token_secrets::is_current);
    let live = tokens::table.inner_join(token_secrets::table).filter(theirs).filter(active_at(now));
    Ok(live.order(tokens::id.desc()).select(tokens::name).load(connection)?)
}

/// What a user has for one organization and still works: what stops when they are out.
///
/// # Errors
/// When the database refuses.
pub fn live_in_organization(
    connection: &mut Connection,
    user: &UserId,
    organization: &OrganizationId,
    now: Timestamp,
) -> Result<Vec<Token>> {
    let theirs = tokens::user_id.eq(user).and(tokens::organization_id.eq(organization)).and(token_secrets::is_current);
    let rows: Vec<(Record, Secret)> = tokens::table
        .inner_join(token_secrets::table)
        .filter(theirs)
        .filter(active_at(now))
        .order(tokens::id.desc())
        .select((Record::as_select(), Secret::as_select()))
        .load(connection)?;
    Ok(rows.into_iter().map(|(record, secret)| Token { record, secret }).collect())
}
