//! The verbs of tokens: making, changing, ending. A new secret for an old record is [`super::regenerate()`].

use diesel::prelude::*;

use super::policy::{Status, TokenPolicy, may_create};
use super::queries::{self, Token, find};
use super::{TokenKind, words};
use crate::app::Instance;
use crate::audit::{Action, Actor, Event, record};
use crate::auth::capability::{Confirmed, Owner, SignedIn};
use crate::auth::secret::PlainSecret;
use crate::auth::{session, throttle};
use crate::catalogue::{Catalogue, Scope, Scopes};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::db::Tx;
use crate::db::schema::{form_uses, token_secrets, tokens};
use crate::error::{Error, Result};
use crate::ids::{OrganizationId, SecretId, TokenId, UserId};
use crate::mail::letters::TokenNotice;
use crate::mail::queue;
use crate::organizations::{self, Standing};
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

/// A token as it shall be from now on.
struct After {
    name: String,
    description: String,
    rights: Rights,
    may_rotate: bool,
}

impl After {
    fn of(token: &Token, change: Change, catalogue: &Catalogue) -> Self {
        let (record, before) = (&token.record, rights_of(token));
        let rights = match change.rights {
            None => before,
            Some(NewRights::These(rights)) => rights,
            // Whoever may do everything may do these.
            Some(NewRights::And(_)) if before.everything => before,
            Some(NewRights::And(more)) => {
                let all = before.scopes.iter().chain(more.iter()).cloned();
                Rights { everything: false, scopes: Scopes::filled_in(all, catalogue) }
            }
        };
        Self {
            name: change.name.unwrap_or_else(|| record.name.clone()),
            description: change.description.unwrap_or_else(|| record.description.clone()),
            rights,
            may_rotate: change.may_rotate.unwrap_or(record.may_rotate),
        }
    }
}

/// Why a token can't be had, or can't be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// There are as many as the policy allows: so many.
    TooMany(i64),
    /// A live token of the owner's has this name.
    NameTaken,
    /// These rights are more than the owner has in that organization.
    Beyond(Vec<String>),
    /// The owner is no member of that organization.
    NoMember,
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

/// Makes a personal access token, with its audit entry and the mail to its owner.
///
/// `form_id` names the form that asked: the same one makes one token, however often it is sent.
///
/// # Errors
/// [`Error::TooMany`] when this user makes too many in an hour; when the database refuses.
pub async fn create(instance: &Instance, who: &Confirmed, form_id: &str, new: NewToken) -> Result<Created> {
    let wish = Wish::begin(instance, who, form_id).await?;
    instance
        .db
        .write(move |tx| {
            let (owner, actor, now) = (wish.who.owner(), wish.who.actor(tx, wish.now)?, wish.now);
            match wish.made_before(tx)? {
                Made::Nothing => {}
                Made::Token(id) => return Ok(Created::Before(Some(id))),
                Made::Gone => return Ok(Created::Before(None)),
            }
            let policy = queries::policy(tx, &wish.config.tokens)?;
            let none = Rights::default();
            let refused = if may_create(queries::count(tx, owner)?, &policy) {
                let place = new.organization.as_ref();
                refused(tx, owner, None, &new.name, place, &none, &new.rights, &wish.config.catalogue, now)?
            } else {
                Some(Refused::TooMany(policy.max_per_user))
            };
            if let Some(why) = refused {
                return Ok(Created::Refused(wish.refuse(tx, why)?));
            }
            let id = insert(tx, owner, &new, now)?;
            let secret = PlainSecret::generate(&wish.config.tokens.brand, TokenKind::Personal.secret());
            insert_secret(tx, owner.user_id(), &id, &secret, new.expires_at, now)?;
            wish.done(tx, &id)?;
            log(tx, &actor, owner.user_id(), now, Action::TokenCreated, &id, &new.name, "")?;
            let token = find(tx, owner, &id)?;
            tell(tx, &wish.who, &wish.config, &token, "was created", now)?;
            Ok(Created::Now(id, secret))
        })
        .await
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
    let Some(place) = organizations::standing(tx, owner.user_id(), organizations::Which::Id(organization))? else {
        return Ok(Some(Refused::NoMember));
    };
    let beyond = beyond(&place.standing, before, after, catalogue);
    Ok(if beyond.is_empty() { None } else { Some(Refused::Beyond(beyond)) })
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

/// Changes name, description and rights; where the rights grow, the owner is told.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs.
pub async fn change(instance: &Instance, who: &Confirmed, id: &TokenId, change: Change) -> Result<Option<Refused>> {
    let (who, id, now, config) = ((**who).clone(), id.clone(), instance.clock.now(), instance.config.clone());
    instance
        .db
        .write(move |tx| {
            let (owner, actor) = (who.owner(), who.actor(tx, now)?);
            let token = find(tx, owner, &id)?;
            let change = After::of(&token, change, &config.catalogue);
            let (before, after) = (rights_of(&token), &change.rights);
            let place = token.record.organization_id.as_ref();
            let refused = refused(tx, owner, Some(&id), &change.name, place, &before, after, &config.catalogue, now)?;
            // An ended token's name does no harm until it is given a new secret.
            let refused = refused.filter(|why| *why != Refused::NameTaken || token.status(now) == Status::Active);
            if refused.is_some() {
                return Ok(refused);
            }
            let detail = what_changed(&token, &before, &change);
            if detail.is_empty() {
                return Ok(None);
            }
            diesel::update(tokens::table.find(&id))
                .set((
                    tokens::name.eq(&change.name),
                    tokens::name_key.eq(text::search_key(&change.name)),
                    tokens::description.eq(&change.description),
                    tokens::everything.eq(after.everything),
                    tokens::scopes.eq(after.scopes.to_text()),
                    tokens::may_rotate.eq(change.may_rotate),
                ))
                .execute(&mut **tx)?;
            log(tx, &actor, owner.user_id(), now, Action::TokenChanged, &id, &change.name, &detail)?;
            let renews = change.may_rotate && !token.record.may_rotate;
            if (renews || widens(&before, after)) && token.status(now) == Status::Active {
                let token = find(tx, owner, &id)?;
                tell(tx, &who, &config, &token, "may do more than before", now)?;
            }
            Ok(None)
        })
        .await
}

fn rights_of(token: &Token) -> Rights {
    Rights { everything: token.record.everything, scopes: Scopes::from_text(&token.record.scopes) }
}

fn widens(before: &Rights, after: &Rights) -> bool {
    !before.everything
        && (after.everything || after.scopes.iter().any(|scope| !before.scopes.iter().any(|known| known == scope)))
}

/// For the log; empty when nothing changed.
fn what_changed(token: &Token, before: &Rights, change: &After) -> String {
    let mut parts = Vec::new();
    if token.record.name != change.name {
        parts.push(format!("called {} before", token.record.name));
    }
    if token.record.description != change.description {
        parts.push("description".to_owned());
    }
    if before.everything != change.rights.everything {
        parts.push(if change.rights.everything { "+ everything" } else { "− everything" }.to_owned());
    }
    if before.scopes != change.rights.scopes {
        parts.push(words::difference(&before.scopes, &change.rights.scopes));
    }
    if token.record.may_rotate != change.may_rotate {
        parts.push(if change.may_rotate { "may renew itself" } else { "may not renew itself" }.to_owned());
    }
    parts.join("; ")
}

/// Takes scopes from a token, and with each all those that would imply it; `None` takes every one. What is left is
/// less, so nobody is told.
///
/// # Errors
/// [`Error::NotFound`] when the token is not the owner's, or has no such scope.
pub fn take_scope(
    tx: &mut Tx<'_>,
    owner: Owner<'_>,
    actor: &Actor,
    now: Timestamp,
    id: &TokenId,
    scope: Option<&str>,
    catalogue: &Catalogue,
) -> Result<()> {
    let token = find(tx, owner, id)?;
    let before = rights_of(&token);
    let left = match scope {
        None => Scopes::default(),
        Some(text) => before.scopes.without(text, catalogue),
    };
    if left == before.scopes && !(scope.is_none() && before.everything) {
        return if scope.is_none() { Ok(()) } else { Err(Error::NotFound) };
    }
    let after = Rights { everything: before.everything && scope.is_some(), scopes: left };
    diesel::update(tokens::table.find(id))
        .set((tokens::everything.eq(after.everything), tokens::scopes.eq(after.scopes.to_text())))
        .execute(&mut **tx)?;
    let after = After { rights: after, ..After::of(&token, Change::default(), catalogue) };
    let detail = what_changed(&token, &before, &after);
    log(tx, actor, owner.user_id(), now, Action::TokenChanged, id, &token.record.name, &detail)
}

/// Ends a token's secrets, for good. Ending it again changes nothing.
///
/// # Errors
/// [`Error::NotFound`] when it is not the owner's.
pub fn revoke(tx: &mut Tx<'_>, owner: Owner<'_>, actor: &Actor, now: Timestamp, id: &TokenId) -> Result<()> {
    let token = find(tx, owner, id)?;
    if token.status(now) == Status::Revoked {
        return Ok(());
    }
    end_secrets(tx, id, now)?;
    log(tx, actor, owner.user_id(), now, Action::TokenRevoked, id, &token.record.name, "")
}

/// Revokes those of a selection that still work, and says how many those were. If one of them is not the owner's, none is.
///
/// # Errors
/// [`Error::NotFound`] when one is not the owner's.
pub fn revoke_selected(
    tx: &mut Tx<'_>,
    owner: Owner<'_>,
    actor: &Actor,
    now: Timestamp,
    ids: &[TokenId],
) -> Result<usize> {
    let found = ids.iter().map(|id| find(tx, owner, id)).collect::<Result<Vec<Token>>>()?;
    let live: Vec<&Token> = found.iter().filter(|token| token.status(now) == Status::Active).collect();
    for token in &live {
        revoke(tx, owner, actor, now, &token.record.id)?;
    }
    Ok(live.len())
}

/// Ends every live personal token of a user, each with its entry in the log, and says how many.
///
/// # Errors
/// When the database refuses.
pub fn revoke_all(tx: &mut Tx<'_>, user: &UserId, actor: &Actor, now: Timestamp) -> Result<usize> {
    session::lock(tx, user)?;
    let mine = tokens::user_id.eq(user).and(tokens::kind.eq(TokenKind::Personal)).and(token_secrets::is_current);
    let live: Vec<(TokenId, String)> = tokens::table
        .inner_join(token_secrets::table)
        .filter(mine)
        .filter(queries::active_at(now))
        .select((tokens::id, tokens::name))
        .load(&mut **tx)?;
    for (id, name) in &live {
        end_secrets(tx, id, now)?;
        log(tx, actor, user, now, Action::TokenRevoked, id, name, "")?;
    }
    Ok(live.len())
}

pub(super) fn end_secrets(tx: &mut Tx<'_>, id: &TokenId, now: Timestamp) -> Result<()> {
    let live = token_secrets::token_id.eq(id).and(token_secrets::revoked_at.is_null());
    diesel::update(token_secrets::table.filter(live)).set(token_secrets::revoked_at.eq(now)).execute(&mut **tx)?;
    Ok(())
}

/// Takes a token away, its secrets with it.
///
/// # Errors
/// [`Error::NotFound`] when it is not the owner's.
pub fn delete(tx: &mut Tx<'_>, owner: Owner<'_>, actor: &Actor, now: Timestamp, id: &TokenId) -> Result<()> {
    let token = find(tx, owner, id)?;
    if diesel::delete(tokens::table.find(id).filter(tokens::user_id.eq(owner.user_id()))).execute(&mut **tx)? != 1 {
        return Err(Error::NotFound);
    }
    log(tx, actor, owner.user_id(), now, Action::TokenDeleted, id, &token.record.name, "")
}

/// Takes all of the owner's personal tokens away, each with its entry in the log, and says how many.
///
/// # Errors
/// When the database refuses; then none is gone.
pub fn delete_all(tx: &mut Tx<'_>, owner: Owner<'_>, actor: &Actor, now: Timestamp) -> Result<usize> {
    let mine = tokens::user_id.eq(owner.user_id()).and(tokens::kind.eq(TokenKind::Personal));
    let all: Vec<(TokenId, String)> =
        tokens::table.filter(mine).order(tokens::id).select((tokens::id, tokens::name)).load(&mut **tx)?;
    for (id, name) in &all {
        log(tx, actor, owner.user_id(), now, Action::TokenDeleted, id, name, "")?;
    }
    diesel::delete(tokens::table.filter(mine)).execute(&mut **tx)?;
    Ok(all.len())
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

fn insert(tx: &mut Tx<'_>, owner: Owner<'_>, new: &NewToken, now: Timestamp) -> Result<TokenId> {
    let id = TokenId::new();
    diesel::insert_into(tokens::table)
        .values((
            tokens::id.eq(&id),
            tokens::kind.eq(TokenKind::Personal),
            tokens::user_id.eq(owner.user_id()),
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
    Ok(id)
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

/// What tokens may be, for a form.
///
/// # Errors
/// When the database refuses.
pub async fn policy(instance: &Instance) -> Result<TokenPolicy> {
    let config = instance.config.tokens.clone();
    instance.db.read(move |connection| queries::policy(connection, &config)).await
}

/// Ends whatever a user has for one organization: their keys, and their personal tokens that are for it alone. Says how
/// many of them were live.
///
/// # Errors
/// When the database refuses.
pub fn end_in_organization(
    tx: &mut Tx<'_>,
    user: &UserId,
    organization: &OrganizationId,
    actor: &Actor,
    now: Timestamp,
) -> Result<usize> {
    let theirs = tokens::user_id.eq(user).and(tokens::organization_id.eq(organization)).and(token_secrets::is_current);
    let live: Vec<(TokenId, String)> = tokens::table
        .inner_join(token_secrets::table)
        .filter(theirs)
        .filter(queries::active_at(now))
        .select((tokens::id, tokens::name))
        .load(&mut **tx)?;
    for (id, name) in &live {
        end_secrets(tx, id, now)?;
        let event = Event {
            action: Action::TokenRevoked,
            user: Some(user),
            organization: Some(organization),
            subject_id: id.as_str(),
            subject_name: name,
            detail: "no longer a member",
        };
        record(tx, actor, now, &event)?;
    }
    Ok(live.len())
}
