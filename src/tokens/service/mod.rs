//! The verbs of tokens: making, changing, ending. A new secret for an old record is [`super::regenerate()`].

mod change;
mod create;
mod end;

pub use change::{change, take_scope};
pub use create::create;
pub(super) use end::end_secrets;
pub use end::{delete, delete_all, end_in_organization, revoke, revoke_all, revoke_selected};

use diesel::prelude::*;

use super::policy::TokenPolicy;
use super::queries::{self, Record, Token, find};
use super::{Holder, TokenKind, words};
use crate::api::Problem;
use crate::app::Instance;
use crate::audit::{Action, Actor, Event, record};
use crate::auth::capability::{Owner, SignedIn};
use crate::auth::secret::PlainSecret;
use crate::auth::throttle;
use crate::catalogue::{Catalogue, Scope, Scopes};
use crate::clock::Timestamp;
use crate::config::{Config, TokenConfig};
use crate::db::schema::{form_uses, token_secrets, tokens};
use crate::db::{Connection, Tx};
use crate::error::{Error, Result};
use crate::ids::{OrganizationId, SecretId, ServiceAccountId, TokenId, UserId};
use crate::mail::letters::TokenNotice;
use crate::mail::queue;
use crate::organizations::{self, Standing, license::Full};
use crate::web::agent;
use crate::{text, urls};

/// What a token is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    /// Everything that its owner may do, rather than `scopes`.
    pub everything: bool,
    /// What it is given, with what that implies.
    pub scopes: Scopes,
}

/// A token to be, checked.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What its owner calls it.
    pub name: String,
    /// What its owner says of it.
    pub description: String,
    /// When it ends; `None` is never.
    pub expires_at: Option<Timestamp>,
    /// The one organization that it is for; `None` is all of its owner's.
    pub organization: Option<OrganizationId>,
    /// What it may do.
    pub rights: Rights,
    /// Whether its holder may renew it.
    pub may_rotate: bool,
}

/// What shall be different about a token; whatever is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// What its owner calls it.
    pub name: Option<String>,
    /// What its owner says of it.
    pub description: Option<String>,
    /// What it may do.
    pub rights: Option<NewRights>,
    /// Whether its holder may renew it.
    pub may_rotate: Option<bool>,
}

/// Other rights.
#[derive(Debug, Clone)]
pub enum NewRights {
    /// These in place of those that it has.
    These(Rights),
    /// These beside those that it has.
    And(Scopes),
}

/// Why a token can't be had, or can't be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// There are as many as the policy allows: so many.
    TooMany(i64),
    /// There are as many for this organization as it allows: so many.
    TooManyThere(i64),
    /// A live token of the owner's has this name.
    NameTaken,
    /// These rights are more than the owner has in that organization.
    Beyond(Vec<String>),
    /// It would have more rights than a token can have, with all that they bring with them: more than so many.
    TooManyRights(usize),
    /// The owner is no member of that organization.
    NoMember,
    /// It would be valid for longer than the rules allow: so many days.
    TooLong(i64),
    /// The organization's license has no room for another one.
    License(Full),
}

/// What became of a wish for a token.
pub enum Created {
    /// It was made; the secret is in hand this once.
    Now(TokenId, PlainSecret),
    /// The same form made one already; `None` where that has been deleted since.
    Before(Option<TokenId>),
    /// It was not.
    Refused(Refused),
}

/// What a form made when it was sent before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// It was not.
    Nothing,
    /// This token.
    Token(TokenId),
    /// One that has been deleted since.
    Gone,
}

/// What a wish for a secret needs to know: where it came from, and the limit on such wishes.
pub(crate) struct Wish {
    pub(crate) who: SignedIn,
    form_id: String,
    /// What a call sent, in short; nothing of a form, which has an id of its own.
    asked: String,
    door: String,
    pub(crate) now: Timestamp,
    pub(crate) config: Config,
}

impl Wish {
    /// Counts one more secret for this user in this hour.
    pub(crate) async fn begin(instance: &Instance, who: &SignedIn, form_id: &str) -> Result<Self> {
        let (now, user) = (instance.clock.now(), &who.account().user_id);
        let door = format!("tokens {user}");
        throttle::enter(&instance.db, vec![(door.clone(), throttle::TOKENS)], now).await?;
        let (form_id, asked) = form_id.split_once('\n').unwrap_or((form_id, ""));
        let (form_id, asked) = (format!("{user} {form_id}"), asked.to_owned());
        Ok(Self { who: who.clone(), form_id, asked, door, now, config: instance.config.clone() })
    }

    /// What the same form made before, if it was sent before: nothing is made twice.
    pub(crate) fn made_before<'a>(&self, tx: &mut Tx<'_>, holder: impl Into<Holder<'a>>) -> Result<Made> {
        let owner = self.who.owner();
        let mine = form_uses::table.find(&self.form_id).filter(form_uses::user_id.eq(owner.user_id()));
        let known: Option<(String, String)> =
            mine.select((form_uses::made, form_uses::asked)).get_result(&mut **tx).optional()?;
        let Some((made, asked)) = known else { return Ok(Made::Nothing) };
        if asked != self.asked {
            return Err(Problem::idempotency_key_used().into());
        }
        throttle::give_back(tx, &self.door)?;
        match find(tx, holder, &TokenId::from(made)) {
            Ok(token) => Ok(Made::Token(token.record.id)),
            Err(Error::NotFound) => Ok(Made::Gone),
            Err(error) => Err(error),
        }
    }

    /// Nothing came of it.
    pub(crate) fn refuse(&self, tx: &mut Tx<'_>, why: Refused) -> Result<Refused> {
        throttle::give_back(tx, &self.door)?;
        Ok(why)
    }

    /// Notes what was made of the form.
    pub(crate) fn done(&self, tx: &mut Tx<'_>, made: &TokenId) -> Result<()> {
        diesel::insert_into(form_uses::table)
            .values((
                form_uses::form_id.eq(&self.form_id),
                form_uses::user_id.eq(self.who.owner().user_id()),
                form_uses::made.eq(made.as_str()),
                form_uses::asked.eq(&self.asked),
                form_uses::used_at.eq(self.now),
            ))
            .execute(&mut **tx)?;
        Ok(())
    }
}

/// So many rights can a token have, with all that they bring with them: each check, list and page reads them.
const MOST_RIGHTS: usize = 2000;

/// Why the owner can't have a token with this name and these rights. `id` is the token that it is, if there is one;
/// `before` what it may do already.
#[expect(clippy::too_many_arguments, reason = "each is another fact")]
fn refused(
    tx: &mut Tx<'_>,
    owner: Owner<'_>,
    id: Option<&TokenId>,
    name: &str,
    organization: Option<&OrganizationId>,
    before: &Rights,
    after: &Rights,
    catalogue: &Catalogue,
    now: Timestamp,
) -> Result<Option<Refused>> {
    if is_taken(tx, owner, id, name, now)? {
        return Ok(Some(Refused::NameTaken));
    }
    if after.scopes.len() > MOST_RIGHTS {
        return Ok(Some(Refused::TooManyRights(MOST_RIGHTS)));
    }
    // For all of one's organizations: among them is one's own, where one may do everything.
    let Some(organization) = organization else { return Ok(None) };
    let Some(standing) = standing_in(tx, owner, organization)? else { return Ok(Some(Refused::NoMember)) };
    let allows = |scope: &Scope| standing.allows(catalogue, &scope.entity_type, &scope.operation);
    let beyond = beyond(allows, before, after);
    Ok(if beyond.is_empty() { None } else { Some(Refused::Beyond(beyond)) })
}

/// What the owner has in an organization, and keeps to the end of the transaction: whoever takes it from them waits, and
/// then ends what was made meanwhile. `None` when they are no member.
pub(super) fn standing_in(
    tx: &mut Tx<'_>,
    owner: Owner<'_>,
    organization: &OrganizationId,
) -> Result<Option<Standing>> {
    match organizations::lock(tx, organization) {
        Err(Error::NotFound) => return Ok(None),
        locked => locked?,
    }
    let found = organizations::standing(tx, owner.user_id(), organizations::Which::Id(organization))?;
    Ok(found.map(|found| found.standing))
}

/// What is newly given and more than what is allowed there.
pub(crate) fn beyond(allows: impl Fn(&Scope) -> bool, before: &Rights, after: &Rights) -> Vec<String> {
    // Whoever had everything had no list: what they list now is new.
    let is_new = |scope: &&Scope| !before.scopes.contains(scope);
    after.scopes.iter().filter(is_new).filter(|scope| !allows(scope)).map(Scope::to_string).collect()
}

/// Whether another live token of the holder's has this name.
pub(crate) fn is_taken<'a>(
    connection: &mut Connection,
    holder: impl Into<Holder<'a>>,
    id: Option<&TokenId>,
    name: &str,
    now: Timestamp,
) -> Result<bool> {
    let same = tokens::holder
        .eq(holder.into().id())
        .and(tokens::name.eq(name))
        .and(tokens::id.ne(id.map(TokenId::as_str).unwrap_or_default()))
        .and(token_secrets::is_current);
    let live = tokens::table.inner_join(token_secrets::table).filter(same).filter(queries::active_at(now));
    Ok(live.count().get_result::<i64>(connection)? > 0)
}

/// For whom a new token acts, which says of what kind it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum For<'a> {
    /// A user, with a personal token.
    User(&'a UserId),
    /// A member, with an organization's key.
    Member(&'a UserId),
    /// A service account, with a token of its own.
    ServiceAccount(&'a ServiceAccountId),
}

/// Writes a new token and its first secret. The rules have been asked by now.
pub(crate) fn issue<'a>(
    tx: &mut Tx<'_>,
    holder: impl Into<Holder<'a>>,
    acts_for: For<'_>,
    config: &Config,
    new: &NewToken,
    now: Timestamp,
) -> Result<(TokenId, PlainSecret)> {
    let (kind, user, account) = match acts_for {
        For::User(user) => (TokenKind::Personal, Some(user), None),
        For::Member(user) => (TokenKind::ApiKey, Some(user), None),
        For::ServiceAccount(account) => (TokenKind::ServiceAccount, None, Some(account)),
    };
    let id = TokenId::new();
    diesel::insert_into(tokens::table)
        .values((
            tokens::id.eq(&id),
            tokens::kind.eq(kind),
            tokens::user_id.eq(user),
            tokens::service_account_id.eq(account),
            tokens::organization_id.eq(&new.organization),
            tokens::name.eq(&new.name),
            tokens::name_key.eq(text::search_key(&new.name)),
            tokens::description.eq(&new.description),
            tokens::everything.eq(new.rights.everything),
            tokens::scopes.eq(new.rights.scopes.to_text()),
            tokens::may_rotate.eq(new.may_rotate),
            tokens::created_at.eq(now),
        ))
        .execute(&mut **tx)?;
    let secret = PlainSecret::generate(&config.tokens.brand, kind.secret());
    insert_secret(tx, holder, &id, &secret, new.expires_at, now)?;
    Ok((id, secret))
}

/// Makes a secret a token's current one; the database refuses a second.
pub(super) fn insert_secret<'a>(
    tx: &mut Tx<'_>,
    holder: impl Into<Holder<'a>>,
    id: &TokenId,
    secret: &PlainSecret,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<()> {
    diesel::insert_into(token_secrets::table)
        .values((
            token_secrets::id.eq(SecretId::new()),
            token_secrets::token_id.eq(id),
            token_secrets::holder.eq(holder.into().id()),
            token_secrets::hash.eq(secret.hash()),
            token_secrets::last_four.eq(secret.last_four()),
            token_secrets::is_current.eq(true),
            token_secrets::created_at.eq(now),
            token_secrets::expires_at.eq(expires_at),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// Mails the owner what happened to a token: "was created".
pub(super) fn tell(
    tx: &mut Tx<'_>,
    who: &SignedIn,
    config: &Config,
    token: &Token,
    event: &str,
    now: Timestamp,
) -> Result<()> {
    let (account, origin, record) = (who.account(), who.origin(), &token.record);
    let place = match &record.organization_id {
        Some(id) => queries::places(tx, &account.user_id)?.into_iter().find(|place| place.id == *id),
        None => None,
    };
    let scopes = Scopes::from_text(&record.scopes);
    let place = place.as_ref().map(|place| place.name.as_str());
    let can = words::can(record.everything, &scopes, place, "you may do", &config.catalogue);
    let letter = TokenNotice {
        product: config.product_name.clone(),
        first_name: account.first_name.clone(),
        event: event.to_owned(),
        token_name: record.name.clone(),
        can,
        expires: token.secret.expires_at.map_or_else(|| "never".to_owned(), Timestamp::exact),
        at: now.exact(),
        browser: agent::words(&origin.agent),
        address: origin.address.clone(),
        url: config.absolute(&urls::settings_token(&record.id)),
    }
    .letter()?;
    queue(tx, Some(&account.user_id), &account.email, &letter, now)
}

/// Writes an entry: a personal token's belongs to its owner's log, a service account's to the organization's, a key's to both.
pub(crate) fn log(
    tx: &mut Tx<'_>,
    actor: &Actor,
    of: &Record,
    now: Timestamp,
    action: Action,
    detail: &str,
) -> Result<()> {
    let action = match (of.kind, action) {
        (TokenKind::ApiKey, Action::TokenCreated) => Action::KeyCreated,
        (TokenKind::ApiKey, Action::TokenRevoked) => Action::KeyStopped,
        (TokenKind::ApiKey, Action::TokenDeleted) => Action::KeyDeleted,
        (_, action) => action,
    };
    let event = Event {
        action,
        user: of.user_id.as_ref(),
        organization: of.organization_id.as_ref().filter(|_| of.kind != TokenKind::Personal),
        subject_id: of.id.as_str(),
        subject_name: &of.name,
        detail,
    };
    record(tx, actor, now, &event)
}

/// Whether a secret made now would outlive what the rules allow, which stay as they are to the end of the transaction.
pub(crate) fn too_long(
    tx: &mut Tx<'_>,
    config: &TokenConfig,
    organization: Option<&OrganizationId>,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<Refused>> {
    queries::hold_policy(tx)?;
    let policy = queries::policy_in(tx, config, organization)?;
    Ok((!policy.allows(now, expires_at)).then_some(Refused::TooLong(policy.max_days)))
}

/// What tokens for all of one's organizations may be, for a form.
///
/// # Errors
/// When the database refuses.
pub async fn policy(instance: &Instance) -> Result<TokenPolicy> {
    policy_in(instance, None).await
}

/// What tokens for an organization, or for all of one's own, may be, for a form.
///
/// # Errors
/// When the database refuses.
pub(crate) async fn policy_in(instance: &Instance, organization: Option<&OrganizationId>) -> Result<TokenPolicy> {
    let (config, organization) = (instance.config.tokens.clone(), organization.cloned());
    instance.db.read(move |connection| queries::policy_in(connection, &config, organization.as_ref())).await
}
