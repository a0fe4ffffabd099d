//! What the pages of tokens show: everything in the form in which it is printed.

use askama::Template;

use super::Token;
use super::policy::{Status, expires_soon, presets};
use crate::app::Instance;
use crate::auth::secret::{PlainSecret, masked};
use crate::catalogue::{Catalogue, Scopes};
use crate::clock::{DAY, Timestamp};
use crate::config::{Config, TokenConfig};
use crate::urls;
use crate::web::{Badge, Field, FieldError, Moment, Shell, filters};

#[derive(Template)]
#[template(path = "tokens/list.html")]
pub struct TokensPage {
    pub shell: Shell,
    pub rows: Vec<TokenRow>,
    pub limit: usize,
    pub may_create: bool,
}

pub struct TokenRow {
    pub name: String,
    pub description: String,
    pub masked: String,
    pub status: Badge,
    pub created: Moment,
    pub expires: Option<Moment>,
    pub last_used: Option<Moment>,
    pub url: String,
    pub revoke_url: String,
    pub delete_url: String,
    pub live: bool,
}

impl TokenRow {
    pub fn of(token: &Token, config: &TokenConfig, now: Timestamp) -> Self {
        let id = &token.record.id;
        Self {
            name: token.record.name.clone(),
            description: token.record.description.clone(),
            masked: masked(&config.brand, token.record.kind.secret(), &token.secret.last_four),
            status: badge(token, now),
            created: Moment::new(token.record.created_at, now),
            expires: token.secret.expires_at.map(|end| Moment::new(end, now)),
            last_used: token.secret.last_used_at.map(|used| Moment::new(used, now)),
            url: urls::settings_token(id),
            revoke_url: urls::settings_token_revoke(id),
            delete_url: urls::settings_token_delete(id),
            live: token.status(now) == Status::Active,
        }
    }
}

fn badge(token: &Token, now: Timestamp) -> Badge {
    match token.status(now) {
        Status::Active if expires_soon(token.secret.created_at, token.secret.expires_at, now) => {
            Badge { kind: "attention", word: "Expires soon" }
        }
        Status::Active => Badge { kind: "good", word: "Active" },
        Status::Expired => Badge { kind: "quiet", word: "Expired" },
        Status::Revoked => Badge { kind: "danger", word: "Revoked" },
    }
}

#[derive(Template)]
#[template(path = "tokens/new.html")]
pub struct NewTokenPage {
    pub shell: Shell,
    pub errors: Vec<FieldError>,
    pub name: Field,
    pub description: Field,
    pub expiry: Field,
    pub presets: Vec<ExpiryPreset>,
    pub date: Field,
    pub date_min: String,
    pub date_max: String,
    pub access: Field,
    pub matrix: ScopeMatrix,
}

pub struct ExpiryPreset {
    pub value: String,
    pub label: String,
    pub until: String,
}

impl ExpiryPreset {
    /// The radio buttons: the presets, a date, and "never" where it is allowed.
    pub fn all(config: &TokenConfig, now: Timestamp) -> Vec<Self> {
        let mut all: Vec<Self> = presets(config)
            .into_iter()
            .map(|days| Self {
                value: days.to_string(),
                label: format!("{days} day{}", if days == 1 { "" } else { "s" }),
                until: format!("until {}", now.plus(days * DAY).day_in_words()),
            })
            .collect();
        all.push(Self { value: "date".to_owned(), label: "On a date".to_owned(), until: String::new() });
        if config.allow_never {
            all.push(Self {
                value: "never".to_owned(),
                label: "Never".to_owned(),
                until: "until you revoke it".to_owned(),
            });
        }
        all
    }
}

pub struct ScopeMatrix {
    pub operations: Vec<OperationView>,
    pub rows: Vec<MatrixRow>,
    pub error: Option<String>,
}

pub struct OperationView {
    pub label: String,
    pub description: String,
}

pub struct MatrixRow {
    pub label: String,
    pub cells: Vec<Cell>,
}

pub struct Cell {
    pub id: String,
    pub value: String,
    pub label: String,
    pub checked: bool,
    pub implied_by: String,
    pub implies: String,
}

impl ScopeMatrix {
    /// The boxes, ticked as they were sent; what they fill in is marked with the first that does.
    pub fn new(catalogue: &Catalogue, ticked: &[String], error: Option<String>) -> Self {
        let operations = catalogue
            .operations()
            .iter()
            .map(|entry| OperationView { label: entry.name.clone(), description: entry.text.clone() })
            .collect();
        let is_ticked = |entity_type: &str, operation: &str| {
            ticked.iter().any(|text| text.split_once(':') == Some((entity_type, operation)))
        };
        let cell = |entity_type: &str, operation: &str| {
            let fills = |other: &str| catalogue.implied_by(other).any(|implied| implied == operation);
            // What was filled in is posted, too; the strongest of them is what the person ticked.
            let superior = catalogue
                .operations()
                .iter()
                .map(|other| other.name.as_str())
                .filter(|other| is_ticked(entity_type, other) && fills(other))
                .max_by_key(|other| catalogue.implied_by(other).count());
            Cell {
                id: format!("scope-{entity_type}-{operation}"),
                value: format!("{entity_type}:{operation}"),
                label: format!("{entity_type}: {operation}"),
                checked: superior.is_some() || is_ticked(entity_type, operation),
                implied_by: superior.unwrap_or_default().to_owned(),
                implies: catalogue
                    .implied_by(operation)
                    .map(|implied| format!("{entity_type}:{implied}"))
                    .collect::<Vec<_>>()
                    .join(" "),
            }
        };
        let rows = catalogue
            .entity_types()
            .iter()
            .map(|entry| MatrixRow {
                label: entry.text.clone(),
                cells: catalogue.operations().iter().map(|operation| cell(&entry.name, &operation.name)).collect(),
            })
            .collect();
        Self { operations, rows, error }
    }
}

#[derive(Template)]
#[template(path = "tokens/issued.html")]
pub struct IssuedPage {
    pub shell: Shell,
    pub token: TokenDetail,
    pub secret: PlainSecret,
    pub self_url: String,
}

#[derive(Template)]
#[template(path = "tokens/detail.html")]
pub struct TokenPage {
    pub shell: Shell,
    pub token: TokenDetail,
}

pub struct TokenDetail {
    pub id: crate::ids::TokenId,
    pub name: String,
    pub description: String,
    pub masked: String,
    pub status: Badge,
    pub status_line: String,
    pub live: bool,
    pub created: Moment,
    pub expires: Option<Moment>,
    pub last_used: Option<Moment>,
    pub last_used_from: String,
    pub scopes: Vec<ScopeLine>,
    pub everything: bool,
    pub revoke_url: String,
    pub delete_url: String,
}

pub struct ScopeLine {
    pub entity_type: String,
    pub operations: String,
    pub entity: String,
}

impl TokenDetail {
    pub fn of(token: &Token, config: &Config, now: Timestamp) -> Self {
        let row = TokenRow::of(token, &config.tokens, now);
        let end = token.secret.expires_at.map(Timestamp::day_in_words);
        let status_line = match (token.status(now), end) {
            (Status::Active, Some(end)) => format!("Active until {end}"),
            (Status::Active, None) => "Active until you revoke it".to_owned(),
            (Status::Expired, end) => format!("Expired on {}", end.unwrap_or_default()),
            (Status::Revoked, _) => {
                format!("Revoked on {}", token.secret.revoked_at.map(Timestamp::day_in_words).unwrap_or_default())
            }
        };
        let from = [token.secret.last_used_address.as_str(), token.secret.last_used_agent.as_str()];
        Self {
            id: token.record.id.clone(),
            name: row.name,
            description: row.description,
            masked: row.masked,
            status: row.status,
            status_line,
            live: row.live,
            created: row.created,
            expires: row.expires,
            last_used: row.last_used,
            last_used_from: from.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", "),
            scopes: scope_lines(&token.record.scopes, &config.catalogue),
            everything: token.record.everything,
            revoke_url: row.revoke_url,
            delete_url: row.delete_url,
        }
    }
}

/// One line for each entity type and entity, its operations in the catalogue's order.
fn scope_lines(text: &str, catalogue: &Catalogue) -> Vec<ScopeLine> {
    let place = |operation: &str| catalogue.operations().iter().position(|entry| entry.name == operation);
    let mut groups: std::collections::BTreeMap<(String, Option<String>), Vec<String>> =
        std::collections::BTreeMap::new();
    for scope in Scopes::from_text(text).iter() {
        groups.entry((scope.entity_type.clone(), scope.entity.clone())).or_default().push(scope.operation.clone());
    }
    groups
        .into_iter()
        .map(|((entity_type, entity), mut operations)| {
            operations.sort_by_key(|operation| place(operation));
            ScopeLine {
                entity_type,
                operations: operations.join(", "),
                entity: entity.unwrap_or_else(|| "all".to_owned()),
            }
        })
        .collect()
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
}

/// The token file: four members that tools know, then ours.
#[derive(serde::Serialize)]
pub struct TokenFile<'a> {
    name: &'a str,
    token: &'a str,
    created: String,
    expires: Option<String>,
    id: &'a str,
    host: String,
    scopes: Vec<String>,
}

impl<'a> TokenFile<'a> {
    pub fn of(token: &'a Token, secret: &'a str, instance: &Instance) -> Self {
        Self {
            name: &token.record.name,
            token: secret,
            created: token.secret.created_at.rfc3339(),
            expires: token.secret.expires_at.map(Timestamp::date),
            id: token.record.id.as_str(),
            host: instance.config.absolute(""),
            scopes: if token.record.everything {
                vec!["*".to_owned()]
            } else {
                token.record.scopes.split_ascii_whitespace().map(str::to_owned).collect()
            },
        }
    }
}

/// `personal-token-<name>.json`, with only what every file system takes.
pub fn file_name(name: &str) -> String {
    let safe: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' })
        .take(80)
        .collect();
    let safe = safe.trim_matches(['.', '-']);
    format!("personal-token-{}.json", if safe.is_empty() { "token" } else { safe })
}
