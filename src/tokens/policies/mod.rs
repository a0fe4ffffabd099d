//! What tokens may be, as an administrator sets it for the instance, in place of the configuration file, and a member for an
//! organization, which can only be stricter. First one looks what a change would cut; then it is made, with the cut, in one
//! transaction, and only if all is still as it was looked at.

pub mod api;
mod forms;
pub mod pages;
mod views;

use std::collections::BTreeMap;

use diesel::IntoSql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::TokenKind;
use super::policy::{Rule, TokenPolicy};
use super::queries::{INSTANCE, active_at, policy, rule};
use crate::audit::{Action, Actor, Event, record};
use crate::auth::capability::Administers;
use crate::clock::{DAY, Timestamp};
use crate::config::TokenConfig;
use crate::db::schema::{members, token_policies, token_secrets, tokens, users};
use crate::db::{Connection, Tx};
use crate::error::Result;
use crate::ids::{OrganizationId, TokenId, UserId};
use crate::mail::{Notices, SecurityNotice};
use crate::organizations::Acting;
use crate::{text, urls};

/// Whose rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Realm {
    /// The instance's, for every token.
    Instance,
    /// An organization's, for the tokens that are for it.
    Organization(OrganizationId),
}

impl Realm {
    /// The id of its row.
    fn id(&self) -> &str {
        match self {
            Self::Instance => INSTANCE,
            Self::Organization(id) => id.as_str(),
        }
    }

    fn organization(&self) -> Option<&OrganizationId> {
        match self {
            Self::Instance => None,
            Self::Organization(id) => Some(id),
        }
    }

    /// What holds where nothing is set.
    fn base(&self, connection: &mut Connection, config: &TokenConfig) -> Result<TokenPolicy> {
        match self {
            Self::Instance => Ok(TokenPolicy::from(config)),
            Self::Organization(_) => policy(connection, config),
        }
    }

    /// What holds once a rule is set.
    fn with(&self, base: TokenPolicy, rule: Rule) -> TokenPolicy {
        match self {
            Self::Instance => base.replaced(rule),
            // Its number counts beside the instance's, which `tightened` leaves alone; here it is what is set and looked at.
            Self::Organization(_) => {
                TokenPolicy { max_per_user: rule.max_per_user.unwrap_or(base.max_per_user), ..base.tightened(rule) }
            }
        }
    }
}

/// A live token that outlives what the rules allow.
#[derive(Debug, Clone, Queryable)]
pub struct Beyond {
    /// Which.
    pub id: TokenId,
    /// What its owner calls it.
    pub name: String,
    /// Whose.
    pub user: UserId,
    /// Their first name, last name and address.
    pub owner: (String, String, String),
    /// When its secret was made.
    pub made: Timestamp,
    /// When it ends; `None` is never.
    pub expires: Option<Timestamp>,
    /// The one organization that it is for.
    pub organization: Option<OrganizationId>,
}

impl Beyond {
    /// When it ends once it is cut: as if it had been made under these rules, but not before now.
    pub fn cut_to(&self, policy: &TokenPolicy, now: Timestamp) -> Timestamp {
        policy.end_of(self.made).max(now)
    }
}

/// In SQL, the live secrets that [`TokenPolicy::allows`] refuses; a test holds the two together. What never ends comes after
/// every end, so it needs a question of its own only where "never" is allowed.
macro_rules! beyond {
    ($policy:expr, $now:expr) => {{
        let policy: &TokenPolicy = $policy;
        let ends = token_secrets::expires_at.is_not_null().or((!policy.allow_never).into_sql::<Bool>());
        token_secrets::ends_at.gt(token_secrets::created_at + policy.max_days * DAY).and(active_at($now)).and(ends)
    }};
}

/// The tokens of a realm whose current secret a policy refuses.
macro_rules! tokens_beyond {
    ($realm:expr, $policy:expr, $now:expr) => {{
        let mut query = tokens::table
            .inner_join(token_secrets::table)
            .inner_join(users::table.on(users::id.nullable().eq(tokens::user_id)))
            .filter(tokens::kind.eq(TokenKind::Personal).and(token_secrets::is_current))
            .filter(beyond!($policy, $now))
            .into_boxed();
        if let Some(organization) = $realm.organization() {
            query = query.filter(tokens::organization_id.eq(organization));
        }
        query
    }};
}

/// How many of them a page shows.
pub const PAGE: i64 = 50;

/// How many tokens a policy would cut.
///
/// # Errors
/// When the database refuses.
pub fn count_beyond(connection: &mut Connection, realm: &Realm, policy: &TokenPolicy, now: Timestamp) -> Result<i64> {
    Ok(tokens_beyond!(realm, policy, now).count().get_result(connection)?)
}

/// The tokens that a policy would cut, in the order of their ids: those after one, as many as a page shows and one more; or
/// all of them.
fn list_beyond(
    connection: &mut Connection,
    realm: &Realm,
    policy: &TokenPolicy,
    page_after: Option<&str>,
    now: Timestamp,
) -> Result<Vec<Beyond>> {
    let mut query = tokens_beyond!(realm, policy, now).order(tokens::id).select((
        tokens::id,
        tokens::name,
        users::id,
        (users::first_name, users::last_name, users::email),
        token_secrets::created_at,
        token_secrets::expires_at,
        tokens::organization_id,
    ));
    if let Some(after) = page_after {
        query = query.filter(tokens::id.gt(after.to_owned())).limit(PAGE + 1);
    }
    Ok(query.load(connection)?)
}

/// How many of its members' tokens for all of their organizations outlive what an organization allows: they stay as they
/// are, and do not work there.
fn count_kept_out(
    connection: &mut Connection,
    organization: &OrganizationId,
    policy: &TokenPolicy,
    now: Timestamp,
) -> Result<i64> {
    let theirs = members::table.filter(members::organization_id.eq(organization)).select(members::user_id.nullable());
    let query = tokens::table
        .inner_join(token_secrets::table)
        .filter(tokens::kind.eq(TokenKind::Personal).and(token_secrets::is_current))
        .filter(tokens::organization_id.is_null().and(tokens::user_id.eq_any(theirs)))
        .filter(beyond!(policy, now));
    Ok(query.count().get_result(connection)?)
}

/// What is set, and what holds.
#[derive(Debug, Clone)]
pub struct Present {
    /// What holds where nothing is set.
    pub base: TokenPolicy,
    /// What is set.
    pub rule: Rule,
    /// What holds.
    pub policy: TokenPolicy,
    /// How often it was changed.
    pub version: i64,
}

impl Present {
    /// What holds, for the page that leads to the rules: "Valid for 30 days at most, 2 for each person".
    pub fn in_words(&self) -> String {
        let mut words = match (self.policy.allow_never, self.policy.max_days) {
            (true, days) => format!("Valid for {days} days at most, or for ever"),
            (false, 1) => "Valid for 1 day at most".to_owned(),
            (false, days) => format!("Valid for {days} days at most"),
        };
        if let Some(most) = self.rule.max_per_user {
            words = format!("{words}, {most} for each person");
        }
        if self.rule == Rule::default() { format!("{words}, as everywhere on this instance") } else { words }
    }
}

/// The rules of a realm as they are.
///
/// # Errors
/// When the database refuses.
pub fn present(connection: &mut Connection, config: &TokenConfig, realm: &Realm) -> Result<Present> {
    let (base, rule) = (realm.base(connection, config)?, rule(connection, realm.id())?);
    let version = version(connection, realm)?.unwrap_or_default();
    Ok(Present { policy: realm.with(base.clone(), rule.clone()), base, rule, version })
}

fn version(connection: &mut Connection, realm: &Realm) -> Result<Option<i64>> {
    let row = token_policies::table.find(realm.id()).select(token_policies::changes);
    Ok(row.get_result(connection).optional()?)
}

/// What a change would do: the dry run.
#[derive(Debug, Clone)]
pub struct Review {
    /// The rules as they are.
    pub present: Present,
    /// What would hold.
    pub after: TokenPolicy,
    /// How many tokens it would cut,
    pub count: i64,
    /// a page of them,
    pub page: Vec<Beyond>,
    /// and whether there are more.
    pub more: bool,
    /// How many tokens would no longer work in the organization, without being cut.
    pub kept_out: i64,
}

/// Looks what a rule would do. Nothing is changed.
///
/// # Errors
/// When the database refuses.
pub fn review(
    connection: &mut Connection,
    config: &TokenConfig,
    realm: &Realm,
    rule: &Rule,
    page_after: &str,
    now: Timestamp,
) -> Result<Review> {
    let present = present(connection, config, realm)?;
    let after = realm.with(present.base.clone(), rule.clone());
    let mut page = list_beyond(connection, realm, &after, Some(page_after), now)?;
    let shown = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let more = page.len() > shown;
    page.truncate(shown);
    Ok(Review {
        count: count_beyond(connection, realm, &after, now)?,
        kept_out: match realm.organization() {
            Some(organization) => count_kept_out(connection, organization, &after, now)?,
            None => 0,
        },
        page,
        more,
        present,
        after,
    })
}

/// What somebody looked at before they set it, and what shall become of the tokens that are there.
#[derive(Debug, Clone, Copy)]
pub struct Looked {
    /// How often it had been changed.
    pub version: i64,
    /// How many tokens it would cut.
    pub count: i64,
    /// Whether they are to be cut; otherwise it holds for new ones alone.
    pub cut: bool,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It holds, and so many tokens were cut.
    Set(usize),
    /// Something is not as it was looked at: the rules, or how many tokens there are to cut.
    LookAgain,
}

/// Sets the instance's rules.
///
/// # Errors
/// When the database refuses; when the administrator's session ended meanwhile.
pub fn set_for_instance(
    tx: &mut Tx<'_>,
    who: &impl Administers,
    config: &TokenConfig,
    notices: &Notices,
    rule: &Rule,
    looked: Looked,
    now: Timestamp,
) -> Result<Outcome> {
    let actor = who.as_actor(tx, now)?;
    set(tx, &actor, config, notices, (&Realm::Instance, ""), rule, looked, now)
}

/// Sets an organization's rules.
///
/// # Errors
/// When the database refuses.
pub fn set_for_organization(
    tx: &mut Tx<'_>,
    acting: &Acting,
    config: &TokenConfig,
    notices: &Notices,
    rule: &Rule,
    looked: Looked,
    now: Timestamp,
) -> Result<Outcome> {
    let organization = acting.organization();
    let realm = Realm::Organization(organization.id.clone());
    set(tx, acting.actor(), config, notices, (&realm, &organization.name), rule, looked, now)
}

/// Takes an organization's rules away with it.
///
/// # Errors
/// When the database refuses.
pub fn forget(tx: &mut Tx<'_>, organization: &OrganizationId) -> Result<()> {
    diesel::delete(token_policies::table.find(organization.as_str())).execute(&mut **tx)?;
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "each is another fact")]
fn set(
    tx: &mut Tx<'_>,
    actor: &Actor,
    config: &TokenConfig,
    notices: &Notices,
    (realm, name): (&Realm, &str),
    rule: &Rule,
    looked: Looked,
    now: Timestamp,
) -> Result<Outcome> {
    // Whoever makes a token holds the row; this waits for them, and they for this.
    let row = token_policies::table.find(realm.id());
    diesel::update(row).set(token_policies::changes.eq(token_policies::changes)).execute(&mut **tx)?;
    let present = present(tx, config, realm)?;
    let after = realm.with(present.base.clone(), rule.clone());
    if present.version != looked.version {
        return Ok(Outcome::LookAgain);
    }
    let beyond = if looked.cut { list_beyond(tx, realm, &after, None, now)? } else { Vec::new() };
    if i64::try_from(beyond.len()).unwrap_or(i64::MAX) > looked.count {
        return Ok(Outcome::LookAgain);
    }
    write(tx, realm, rule, now)?;
    cut(tx, realm, &after, now, &beyond)?;
    let user = actor.user();
    let mut detail = differences(&present.policy, &after);
    if !beyond.is_empty() {
        let plural = if beyond.len() == 1 { "" } else { "s" };
        detail.push(format!("{} token{plural} cut", beyond.len()));
    }
    let event = Event {
        action: Action::TokenPolicyChanged,
        user: user.as_ref(),
        organization: realm.organization(),
        subject_id: realm.id(),
        subject_name: name,
        detail: &text::shown(&detail.join("; "), 500),
    };
    record(tx, actor, now, &event)?;
    tell(tx, actor, notices, (realm, name), &after, &beyond, now)?;
    Ok(Outcome::Set(beyond.len()))
}

fn write(tx: &mut Tx<'_>, realm: &Realm, rule: &Rule, now: Timestamp) -> Result<()> {
    let words = |days: &Vec<i64>| days.iter().map(i64::to_string).collect::<Vec<_>>().join(" ");
    let values = (
        token_policies::max_days.eq(rule.max_days),
        token_policies::default_days.eq(rule.default_days),
        token_policies::preset_days.eq(rule.preset_days.as_ref().map(words)),
        token_policies::allow_never.eq(rule.allow_never),
        token_policies::max_per_user.eq(rule.max_per_user),
        token_policies::changed_at.eq(now),
    );
    let row = token_policies::table.find(realm.id());
    let changed = diesel::update(row).set((values.clone(), token_policies::changes.eq(token_policies::changes + 1)));
    if changed.execute(&mut **tx)? == 0 {
        // An organization's first; its own row is locked, so nobody else makes one.
        diesel::insert_into(token_policies::table)
            .values((token_policies::id.eq(realm.id()), values, token_policies::changes.eq(1)))
            .execute(&mut **tx)?;
    }
    Ok(())
}

/// So many ids in one statement.
const PIECE: usize = 1000;

/// Ends these tokens' secrets as if they had been made under the policy; those that would be over already end now.
fn cut(tx: &mut Tx<'_>, realm: &Realm, policy: &TokenPolicy, now: Timestamp, beyond: &[Beyond]) -> Result<()> {
    let lifetime = policy.max_days * DAY;
    for piece in beyond.chunks(PIECE) {
        let those = || token_secrets::token_id.eq_any(piece.iter().map(|token| &token.id)).and(beyond!(policy, now));
        let over = those().and((token_secrets::created_at + lifetime).le(now));
        diesel::update(token_secrets::table.filter(over)).set(token_secrets::expires_at.eq(now)).execute(&mut **tx)?;
        diesel::update(token_secrets::table.filter(those()))
            .set(token_secrets::expires_at.eq((token_secrets::created_at + lifetime).nullable()))
            .execute(&mut **tx)?;
    }
    let actor = Actor::system(crate::audit::Origin::default());
    for token in beyond {
        let end = token.cut_to(policy, now);
        let event = Event {
            action: Action::TokenCut,
            user: Some(&token.user),
            organization: realm.organization().or(token.organization.as_ref()),
            subject_id: token.id.as_str(),
            subject_name: &token.name,
            detail: &if end > now { format!("ends {}", end.exact()) } else { "ended".to_owned() },
        };
        record(tx, &actor, now, &event)?;
    }
    Ok(())
}

/// So many of somebody's tokens a mail names.
const NAMED: usize = 20;

/// One mail to each owner.
fn tell(
    tx: &mut Tx<'_>,
    actor: &Actor,
    notices: &Notices,
    (realm, name): (&Realm, &str),
    policy: &TokenPolicy,
    beyond: &[Beyond],
    now: Timestamp,
) -> Result<()> {
    let mut owners: BTreeMap<&str, Vec<&Beyond>> = BTreeMap::new();
    for token in beyond {
        owners.entry(token.user.as_str()).or_default().push(token);
    }
    let (place, by) = match realm {
        Realm::Instance => (String::new(), "an administrator"),
        Realm::Organization(_) => (format!(" in {name}"), "somebody who may change the organization"),
    };
    for theirs in owners.values() {
        let line = |token: &&Beyond| {
            let end = token.cut_to(policy, now);
            let when = if end > now { format!("ends on {}", end.day_in_words()) } else { "has ended".to_owned() };
            format!("“{}” {when}", token.name)
        };
        let mut lines: Vec<String> = theirs.iter().take(NAMED).map(line).collect();
        if theirs.len() > NAMED {
            lines.push(format!("{} more end earlier, too", theirs.len() - NAMED));
        }
        let what = if theirs.len() == 1 {
            "A personal access token of yours ends earlier"
        } else {
            "Personal access tokens of yours end earlier"
        };
        let days = if policy.max_days == 1 { "1 day".to_owned() } else { format!("{} days", policy.max_days) };
        let more = format!("From now on a token{place} is valid for {days} at most. {}.", lines.join("; "));
        let advice = "Regenerate those that you still need";
        let notice = SecurityNotice::new(what, more).saying(advice, urls::settings_tokens()).by(by);
        notices.send(tx, &theirs[0].user, &notice, actor.origin(), now)?;
    }
    Ok(())
}

/// What changes, each in a line.
pub fn differences(before: &TokenPolicy, after: &TokenPolicy) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = |what: &str, before: String, after: String| {
        if before != after {
            lines.push(format!("{what}: {before} → {after}"));
        }
    };
    let list = |days: &[i64]| days.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
    let word = |allowed: bool| if allowed { "allowed" } else { "not allowed" }.to_owned();
    line("Longest validity in days", before.max_days.to_string(), after.max_days.to_string());
    line("Proposed validity in days", before.proposed_days().to_string(), after.proposed_days().to_string());
    line("Offered validities in days", list(&before.preset_days), list(&after.preset_days));
    line("Never expiring", word(before.allow_never), word(after.allow_never));
    line("Tokens a person may have", before.max_per_user.to_string(), after.max_per_user.to_string());
    lines
}
