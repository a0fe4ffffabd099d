//! Tokens as calls tell them.

use serde::Serialize;

use crate::app::Instance;
use crate::audit::Entry;
use crate::auth::secret::{PlainSecret, masked};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::tokens::Known;
use crate::tokens::policy::Status;
use crate::tokens::queries::{Secret, Seen, Token};

/// A token as it is told; never its secret, but in the answer to its making.
#[derive(Serialize)]
pub(crate) struct TokenView {
    id: String,
    kind: &'static str,
    name: String,
    description: String,
    token: String,
    status: &'static str,
    expires_soon: bool,
    organization_id: Option<String>,
    everything: bool,
    scopes: Vec<String>,
    may_rotate: bool,
    created_at: String,
    issued_at: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    last_used: Option<UseView>,
}

#[derive(Serialize)]
pub(crate) struct UseView {
    at: String,
    address: String,
    agent: String,
}

/// With the secret, this once.
#[derive(Serialize)]
pub(crate) struct IssuedView<'a, T: Serialize> {
    #[serde(flatten)]
    token: T,
    secret: &'a str,
}

impl<'a, T: Serialize> IssuedView<'a, T> {
    pub(crate) fn of(token: T, secret: &'a PlainSecret) -> Self {
        Self { token, secret: secret.reveal_for_machine() }
    }
}

/// With what stands on its page alone.
#[derive(Serialize)]
pub(crate) struct WholeView {
    #[serde(flatten)]
    token: TokenView,
    old_secret: Option<OldView>,
    addresses: Vec<UseView>,
    history: Vec<EventView>,
}

/// The secret before the present one, while it still works.
#[derive(Serialize)]
pub(crate) struct OldView {
    token: String,
    expires_at: Option<String>,
    uses: i64,
    last_used: Option<UseView>,
}

#[derive(Serialize)]
pub(crate) struct EventView {
    at: String,
    action: &'static str,
    detail: String,
    address: String,
    agent: String,
}

impl TokenView {
    pub(crate) fn of(token: &Token, config: &Config, now: Timestamp) -> Self {
        let (record, secret) = (&token.record, &token.secret);
        Self {
            id: record.id.to_string(),
            kind: record.kind.as_str(),
            name: record.name.clone(),
            description: record.description.clone(),
            token: masked(&config.tokens.brand, record.kind.secret(), &secret.last_four),
            status: match token.status(now) {
                Status::Active => "active",
                Status::Expired => "expired",
                Status::Revoked => "revoked",
            },
            expires_soon: token.expires_soon(now),
            organization_id: record.organization_id.as_ref().map(ToString::to_string),
            everything: record.everything,
            scopes: record.scopes.split_ascii_whitespace().map(str::to_owned).collect(),
            may_rotate: record.renews_itself(),
            created_at: record.created_at.rfc3339(),
            issued_at: secret.created_at.rfc3339(),
            expires_at: secret.expires_at.map(Timestamp::rfc3339),
            revoked_at: secret.revoked_at.map(Timestamp::rfc3339),
            last_used: UseView::of(secret),
        }
    }
}

impl TokenView {
    /// A key has one text that people know it by, which they call its description.
    pub(crate) fn described_by_its_name(self) -> Self {
        Self { description: self.name.clone(), ..self }
    }
}

impl WholeView {
    /// As of [`TokenView`].
    pub(crate) fn described_by_its_name(self) -> Self {
        Self { token: self.token.described_by_its_name(), ..self }
    }

    pub(crate) fn of(known: Known, config: &Config, now: Timestamp) -> Self {
        let Known { token, old, addresses, history } = known;
        let old_secret = old.map(|old| OldView {
            token: masked(&config.tokens.brand, token.record.kind.secret(), &old.last_four),
            expires_at: old.expires_at.map(Timestamp::rfc3339),
            uses: old.later_uses,
            last_used: UseView::of(&old).filter(|_| old.later_uses > 0),
        });
        Self {
            token: TokenView::of(&token, config, now),
            old_secret,
            addresses: addresses.into_iter().map(UseView::from).collect(),
            history: history.into_iter().map(EventView::from).collect(),
        }
    }
}

impl UseView {
    fn of(secret: &Secret) -> Option<Self> {
        secret.last_used_at.map(|at| Self {
            at: at.rfc3339(),
            address: secret.last_used_address.clone(),
            agent: secret.last_used_agent.clone(),
        })
    }
}

impl From<Seen> for UseView {
    fn from(seen: Seen) -> Self {
        Self { at: seen.used_at.rfc3339(), address: seen.address, agent: seen.agent }
    }
}

impl From<Entry> for EventView {
    fn from(entry: Entry) -> Self {
        let Entry { at, action, detail, address, agent, .. } = entry;
        Self { at: at.rfc3339(), action: action.as_str(), detail, address, agent }
    }
}

/// A token with its secret.
pub(super) fn issued<'a>(instance: &Instance, token: &Token, secret: &'a PlainSecret) -> IssuedView<'a, TokenView> {
    IssuedView::of(TokenView::of(token, &instance.config, instance.clock.now()), secret)
}
