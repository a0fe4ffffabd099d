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
use super::queries::{self, Token, find};
use super::{TokenKind, words};
use crate::app::Instance;
use crate::audit::{Action, Actor, Event, record};
use crate::auth::capability::{Confirmed, Owner, SignedIn};
use crate::auth::secret::PlainSecret;
use crate::auth::throttle;
use crate::catalogue::{Catalogue, Scope, Scopes};
use crate::clock::Timestamp;
use crate::config::{Config, TokenConfig};
use crate::db::Tx;
use crate::db::schema::{form_uses, token_secrets, tokens};
use crate::error::{Error, Result};
use crate::ids::{OrganizationId, SecretId, TokenId, UserId};
use crate::mail::letters::TokenNotice;
use crate::mail::queue;
use crate::organizations::{self, Standing};
use crate::urls;

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
    /// The owner is no member of that organization.
    NoMember,
    /// It would be valid for longer than the rules allow: so many days.
    TooLong(i64),
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
pub(super) enum Made {
    /// It was not.
    Nothing,
    /// This token.
    Token(TokenId),
    /// One that has been deleted since.
    Gone,
}

/// What a wish for a secret needs to know: where it came from, and the limit on such wishes.
pub(super) struct Wish {
    pub(super) who: SignedIn,
    pub(super) form_id: String,
    pub(super) door: String,
    pub(super) now: Timestamp,
    pub(super) config: Config,
}

impl Wish {
    /// Counts one more secret for this user in this hour.
    pub(super) async fn begin(instance: &Instance, who: &Confirmed, form_id: &str) -> Result<Self> {
        let (now, user) = (instance.clock.now(), &who.account().user_id);
        let door = format!("tokens {user}");
        throttle::enter(&instance.db, vec![(door.clone(), throttle::TOKENS)], now).await?;
        let form_id = format!("{user} {form_id}");
        Ok(Self { who: (**who).clone(), form_id, door, now, config: instance.config.clone() })
    }

    /// What the same form made before, if it was sent before: nothing is made twice.
    pub(super) fn made_before(&self, tx: &mut Tx<'_>) -> Result<Made> {
        let owner = self.who.owner();
        let mine = form_uses::table.find(&self.form_id).filter(form_uses::user_id.eq(owner.user_id()));
        let Some(made) = mine.select(form_uses::made).get_result::<String>(&mut **tx).optional()? else {
            return Ok(Made::Nothing);
        };
        throttle::give_back(tx, &self.door)?;
        match find(tx, owner, &TokenId::from(made)) {
            Ok(token) => Ok(Made::Token(token.record.id)),
            Err(Error::NotFound) => Ok(Made::Gone),
            Err(error) => Err(error),
        }
    }

    /// Nothing came of it.
    pub(super) fn refuse(&self, tx: &mut Tx<'_>, why: Refused) -> Result<Refused> {
        throttle::give_back(tx, &self.door)?;
        Ok(why)
    }

    /// Notes what was made of the form.
    pub(super) fn done(&self, tx: &mut Tx<'_>, made: &TokenId) -> Result<()> {
        diesel::insert_into(form_uses::table)
            .values((
                form_uses::form_id.eq(&self.form_id),
                form_uses::user_id.eq(self.who.owner().user_id()),
                form_uses::made.eq(made.as_str()),
                form_uses::used_at.eq(self.now),
            ))
            .execute(&mut **tx)?;
        Ok(())
    }
}

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
    // For all of one's organizations: among them is one's own, where one may do everything.
    let Some(organization) = organization else { return Ok(None) };
    let Some(standing) = standing_in(tx, owner, organization)? else { return Ok(Some(Refused::NoMember)) };
    let beyond = beyond(&standing, before, after, catalogue);
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

/// What is newly given and more than the owner has there.
fn beyond(standing: &Standing, before: &Rights, after: &Rights, catalogue: &Catalogue) -> Vec<String> {
    let had = |scope: &Scope| before.everything || before.scopes.iter().any(|known| known == scope);
    let more = after
        .scopes
        .iter()
        .filter(|scope| !had(scope) && !standing.allows(catalogue, &scope.entity_type, &scope.operation));
    more.map(Scope::to_string).collect()
}

/// Whether another live token of the owner's has this name.
pub(super) fn is_taken(
    tx: &mut Tx<'_>,
    owner: Owner<'_>,
    id: Option<&TokenId>,
    name: &str,
    now: Timestamp,
) -> Result<bool> {
    let same = tokens::user_id
        .eq(owner.user_id())
        .and(tokens::kind.eq(TokenKind::Personal))
        .and(tokens::name.eq(name))
        .and(tokens::id.ne(id.map(TokenId::as_str).unwrap_or_default()))
        .and(token_secrets::is_current);
    let live = tokens::table.inner_join(token_secrets::table).filter(same).filter(queries::active_at(now));
    Ok(live.count().get_result::<i64>(&mut **tx)? > 0)
}

/// Makes a secret a token's current one; the database refuses a second.
pub(super) fn insert_secret(
    tx: &mut Tx<'_>,
    user: &UserId,
    id: &TokenId,
    secret: &PlainSecret,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<()> {
    diesel::insert_into(token_secrets::table)
        .values((
            token_secrets::id.eq(SecretId::new()),
            token_secrets::token_id.eq(id),
            token_secrets::user_id.eq(user.as_str()),
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
    let can =
        words::can(record.everything, &scopes, place.as_ref().map(|place| place.name.as_str()), &config.catalogue);
    let letter = TokenNotice {
        product: config.product_name.clone(),
        first_name: account.first_name.clone(),
        event: event.to_owned(),
        token_name: record.name.clone(),
        can,
        expires: token.secret.expires_at.map_or_else(|| "never".to_owned(), Timestamp::exact),
        at: now.exact(),
        browser: origin.agent.clone(),
        address: origin.address.clone(),
        url: config.absolute(&urls::settings_token(&record.id)),
    }
    .letter()?;
    queue(tx, Some(&account.user_id), &account.email, &letter, now)
}

#[expect(clippy::too_many_arguments, reason = "each is another fact of the entry")]
pub(super) fn log(
    tx: &mut Tx<'_>,
    actor: &Actor,
    user: &UserId,
    now: Timestamp,
    action: Action,
    id: &TokenId,
    name: &str,
    detail: &str,
) -> Result<()> {
    let event =
        Event { action, user: Some(user), organization: None, subject_id: id.as_str(), subject_name: name, detail };
    record(tx, actor, now, &event)
}

/// Whether a secret made now would outlive what the rules allow, which stay as they are to the end of the transaction.
pub(super) fn too_long(
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
pub async fn policy_in(instance: &Instance, organization: Option<&OrganizationId>) -> Result<TokenPolicy> {
    let (config, organization) = (instance.config.tokens.clone(), organization.cloned());
    instance.db.read(move |connection| queries::policy_in(connection, &config, organization.as_ref())).await
}
