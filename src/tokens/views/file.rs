//! The token file.

use crate::app::Instance;
use crate::clock::Timestamp;
use crate::tokens::{Token, TokenKind};

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
pub fn file_name(token: &Token) -> String {
    let (kind, name) = match token.record.kind {
        TokenKind::Personal => ("personal-token", &token.record.name),
        TokenKind::ApiKey => ("api-key", &token.record.name),
        TokenKind::ServiceAccount => ("service-token", &token.record.name),
    };
    let safe: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' })
        .take(80)
        .collect();
    let safe = safe.trim_matches(['.', '-']);
    format!("{kind}-{}.json", if safe.is_empty() { "token" } else { safe })
}
