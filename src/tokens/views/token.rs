//! One token: the page that shows it, the page that shows its secret, and the questions before its end.

use askama::Template;

use super::{Home, TokenRow, place_name};
use crate::audit::Entry;
use crate::auth::secret::{PlainSecret, masked};
use crate::catalogue::{Catalogue, Scopes};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::ids::TokenId;
use crate::tokens::policy::{Overlap, Status};
use crate::tokens::queries::{Place, Secret, Seen, Token};
use crate::tokens::words;
use crate::urls;
use crate::web::{Badge, Moment, Shell, agent, filters};

#[derive(Template)]
#[template(path = "tokens/issued.html")]
pub struct IssuedPage {
    pub shell: Shell,
    pub home: Home,
    pub token: TokenDetail,
    pub secret: PlainSecret,
    pub self_url: String,
    /// In place of an older secret.
    pub again: bool,
    /// Until when that one works.
    pub old_until: Option<Moment>,
}

#[derive(Template)]
#[template(path = "tokens/detail.html")]
pub struct TokenPage {
    pub shell: Shell,
    pub token: TokenDetail,
    pub old: Option<OldSecret>,
    pub addresses: Vec<AddressRow>,
    pub history: Vec<HistoryRow>,
}

#[expect(clippy::struct_excessive_bools, reason = "each is another thing that the page says or leaves out")]
pub struct TokenDetail {
    pub id: TokenId,
    pub row: TokenRow,
    /// Its secret was made just now, and nothing used it yet: whoever did not copy it is told what to do.
    pub is_fresh: bool,
    pub status_line: String,
    /// What follows "It can".
    pub can: String,
    pub scopes: Vec<ScopeLine>,
    pub everything: bool,
    /// The organizations that allow less time than this token has, where it is for all of them.
    pub kept_out: Vec<String>,
    pub may_rotate: bool,
    pub revoked: bool,
    pub scopes_remove_url: String,
    pub scopes_clear_url: String,
}

impl TokenDetail {
    pub fn status(&self) -> &Badge {
        &self.row.status
    }
}

pub struct ScopeLine {
    pub value: String,
    pub entity_type: String,
    pub entity: String,
    pub operation: String,
    /// The right that would bring it back, if there is one.
    pub implied_by: String,
}

/// The secret before the present one, which still works.
pub struct OldSecret {
    pub masked: String,
    pub until: Moment,
    pub uses: i64,
    pub last_used: Option<Moment>,
    pub last_used_from: String,
    /// As the program called itself.
    pub last_used_agent: String,
    pub end_url: String,
}

pub struct AddressRow {
    pub address: String,
    pub program: String,
    /// As the program called itself.
    pub agent: String,
    pub used: Moment,
}

pub struct HistoryRow {
    pub at: Moment,
    pub what: &'static str,
    pub detail: String,
    pub address: String,
    pub agent: String,
    /// Whether it is others' business from where, and with what.
    pub hidden: bool,
}

/// So long after a secret was made its page says what to do without it.
const FRESH: i64 = 60 * 60;

impl TokenDetail {
    /// A personal token's.
    pub fn of(token: &Token, places: &[Place], config: &Config, now: Timestamp) -> Self {
        Self::at(&Home::Personal, token, places, config, now)
    }

    pub fn at(home: &Home, token: &Token, places: &[Place], config: &Config, now: Timestamp) -> Self {
        let (record, secret) = (&token.record, &token.secret);
        let end = secret.expires_at.map(Timestamp::day_in_words);
        let status = token.status(now);
        let status_line = match (status, end) {
            (Status::Active, Some(end)) => format!("Active until {end}"),
            (Status::Active, None) => "Active until you revoke it".to_owned(),
            (Status::Expired, end) => format!("Expired on {}", end.unwrap_or_default()),
            (Status::Revoked, _) => {
                format!("Revoked on {}", secret.revoked_at.map(Timestamp::day_in_words).unwrap_or_default())
            }
        };
        let scopes = Scopes::from_text(&record.scopes);
        let place = place_name(token, places);
        Self {
            id: record.id.clone(),
            row: TokenRow::at(home, token, places, config, now),
            is_fresh: status == Status::Active && secret.last_used_at.is_none() && secret.created_at.until(now) < FRESH,
            status_line,
            can: words::can(record.everything, &scopes, place.as_deref(), home.bound(), &config.catalogue),
            scopes: scope_lines(&scopes, &config.catalogue),
            everything: record.everything,
            kept_out: places
                .iter()
                .filter(|place| match &record.organization_id {
                    Some(id) => place.id == *id && !place.takes_personal,
                    None => !place.takes_personal || !place.rule.allows(secret.created_at, secret.expires_at),
                })
                .map(|place| place.name.clone())
                .collect(),
            may_rotate: record.renews_itself(),
            revoked: status == Status::Revoked,
            scopes_remove_url: urls::settings_token_scopes_remove(&record.id),
            scopes_clear_url: urls::settings_token_scopes_clear(&record.id),
        }
    }
}

/// One line for each scope, in the catalogue's order.
fn scope_lines(scopes: &Scopes, catalogue: &Catalogue) -> Vec<ScopeLine> {
    let kind = |name: &str| catalogue.entity_types().iter().position(|entry| entry.name == name);
    let operation = |name: &str| catalogue.operations().iter().position(|entry| entry.name == name);
    let mut all: Vec<_> = scopes.iter().collect();
    all.sort_by_key(|scope| (kind(&scope.entity_type), scope.entity.clone(), operation(&scope.operation)));
    let line = |scope: &crate::catalogue::Scope| ScopeLine {
        value: scope.to_string(),
        entity_type: scope.entity_type.clone(),
        entity: scope.entity.clone().unwrap_or_else(|| "all".to_owned()),
        operation: scope.operation.clone(),
        implied_by: scopes.implied_by(scope, catalogue).unwrap_or_default().to_owned(),
    };
    all.into_iter().map(line).collect()
}

impl OldSecret {
    /// A personal token's.
    pub fn of(token: &Token, old: &Secret, config: &Config, now: Timestamp) -> Self {
        Self::at(&Home::Personal, token, old, config, now)
    }

    pub fn at(home: &Home, token: &Token, old: &Secret, config: &Config, now: Timestamp) -> Self {
        Self {
            masked: masked(&config.tokens.brand, token.record.kind.secret(), &old.last_four),
            // A secret with a successor always ends.
            until: Moment::new(old.expires_at.unwrap_or(now), now),
            uses: old.later_uses,
            last_used: old.last_used_at.filter(|_| old.later_uses > 0).map(|used| Moment::new(used, now)),
            last_used_from: used_from(old),
            last_used_agent: old.last_used_agent.clone(),
            end_url: home.end_old(&token.record.id),
        }
    }
}

/// From where a secret was last used, and with what.
pub(super) fn used_from(secret: &Secret) -> String {
    let program = if secret.last_used_agent.is_empty() { String::new() } else { agent::words(&secret.last_used_agent) };
    let parts = [secret.last_used_address.clone(), program];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

impl AddressRow {
    pub fn of(seen: Seen, now: Timestamp) -> Self {
        let program = agent::words(&seen.agent);
        Self { address: seen.address, program, agent: seen.agent, used: Moment::new(seen.used_at, now) }
    }
}

impl HistoryRow {
    pub fn of(entry: Entry, now: Timestamp) -> Self {
        Self {
            at: Moment::new(entry.at, now),
            what: entry.action.words(),
            detail: entry.detail,
            address: entry.address,
            agent: agent::words(&entry.agent),
            hidden: false,
        }
    }
}

#[derive(Template)]
#[template(path = "tokens/confirm.html")]
pub struct ConfirmTokenPage {
    pub shell: Shell,
    pub token_name: String,
    pub act: &'static str,
    pub action_url: String,
    pub back_url: String,
    pub live: bool,
    /// Whether it is the one that its owner may have.
    pub single: bool,
}

impl IssuedPage {
    /// Until when the old secret works, for the page that shows the new one.
    pub fn old_until(old: Overlap, own: Option<Timestamp>, new: Option<Timestamp>, now: Timestamp) -> Option<Moment> {
        Some(old.end(own, new, now)).filter(|end| *end > now).map(|end| Moment::new(end, now))
    }
}
