//! Setting rules: what is written, what it cuts, and who is told.

use std::collections::BTreeMap;

use diesel::IntoSql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::queries::{Beyond, beyond, list_beyond, present};
use super::{Realm, differences};
use crate::audit::{Action, Actor, Event, record};
use crate::auth::capability::Administers;
use crate::clock::{DAY, Timestamp};
use crate::config::TokenConfig;
use crate::db::Tx;
use crate::db::schema::{token_policies, token_secrets, tokens};
use crate::error::Result;
use crate::ids::OrganizationId;
use crate::mail::{Notices, SecurityNotice};
use crate::organizations::Acting;
use crate::text::plain_name;
use crate::tokens::TokenKind;
use crate::tokens::policy::{Rule, TokenPolicy};
use crate::tokens::queries::active_at;
use crate::{text, urls};

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
    if looked.cut {
        cut_old(tx, realm, &after, now)?;
    }
    let user = actor.user();
    let mut detail = differences(&present, rule, &after);
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

/// Ends secrets of some tokens as if they had been made under a policy; those that would be over already end now.
macro_rules! shorten {
    ($tx:expr, $policy:expr, $now:expr, $those:expr) => {{
        let (policy, now): (&TokenPolicy, Timestamp) = ($policy, $now);
        let lifetime = policy.max_days * DAY;
        let over = $those.and(beyond!(policy, now)).and((token_secrets::created_at + lifetime).le(now));
        diesel::update(token_secrets::table.filter(over)).set(token_secrets::expires_at.eq(now)).execute(&mut **$tx)?;
        diesel::update(token_secrets::table.filter($those.and(beyond!(policy, now))))
            .set(token_secrets::expires_at.eq((token_secrets::created_at + lifetime).nullable()))
            .execute(&mut **$tx)?;
    }};
}

/// Ends what still works of the secrets before those that keep to the rule: nobody is told of them, since their owners have a
/// newer one already.
fn cut_old(tx: &mut Tx<'_>, realm: &Realm, policy: &TokenPolicy, now: Timestamp) -> Result<()> {
    let theirs = || {
        let everywhere = realm.organization().is_none().into_sql::<Bool>();
        let here = everywhere.nullable().or(tokens::organization_id.eq(realm.organization()));
        tokens::table.filter(tokens::kind.eq(TokenKind::Personal)).filter(here).select(tokens::id)
    };
    let old = || diesel::dsl::not(token_secrets::is_current).and(token_secrets::token_id.eq_any(theirs()));
    shorten!(tx, policy, now, old());
    Ok(())
}

/// Ends these tokens' secrets, and logs it.
fn cut(tx: &mut Tx<'_>, realm: &Realm, policy: &TokenPolicy, now: Timestamp, beyond: &[Beyond]) -> Result<()> {
    for piece in beyond.chunks(PIECE) {
        let ids = || piece.iter().map(|token| &token.id);
        shorten!(tx, policy, now, token_secrets::token_id.eq_any(ids()));
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
        Realm::Organization(_) => (
            format!(" in {}", plain_name(name, "one of your organizations")),
            "somebody who may change the organization",
        ),
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
