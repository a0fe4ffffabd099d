//! Where a token's pages are.

use crate::ids::{OrganizationId, ServiceAccountId, TokenId};
use crate::urls;

/// The list that a token stands in, and what its pages say of it.
pub enum Home {
    /// A person's own.
    Personal,
    /// The keys of the organization being worked in.
    Keys { organization: OrganizationId },
    /// A service account's.
    ServiceAccount { organization: OrganizationId, slug: String, account: ServiceAccountId },
}

impl Home {
    /// What a person calls one.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Keys { .. } => "key",
            _ => "token",
        }
    }

    /// The same with a capital letter.
    pub fn copied(&self) -> &'static str {
        match self {
            Self::Keys { .. } => "Key",
            _ => "Token",
        }
    }

    /// Ends "everything that".
    pub fn bound(&self) -> &'static str {
        match self {
            Self::Personal => "you may do",
            Self::Keys { .. } => "its maker may do",
            Self::ServiceAccount { .. } => "its role allows",
        }
    }

    /// The organization that forms are made for.
    pub fn made_for(&self) -> Option<&OrganizationId> {
        match self {
            Self::Personal => None,
            Self::Keys { organization } | Self::ServiceAccount { organization, .. } => Some(organization),
        }
    }

    /// The list itself.
    pub fn list(&self) -> String {
        match self {
            Self::Personal => urls::settings_tokens(),
            Self::Keys { .. } => urls::settings_api_keys(),
            Self::ServiceAccount { slug, account, .. } => urls::service_account(slug, account),
        }
    }

    /// What the list is called.
    pub fn list_name(&self) -> &'static str {
        match self {
            Self::Personal => "Personal access tokens",
            Self::Keys { .. } => "API keys",
            Self::ServiceAccount { .. } => "Service account",
        }
    }

    pub fn token(&self, id: &TokenId) -> String {
        match self {
            Self::Personal => urls::settings_token(id),
            Self::Keys { .. } => urls::settings_api_key(id),
            Self::ServiceAccount { slug, account, .. } => urls::service_token(slug, account, id),
        }
    }

    pub fn file(&self, id: &TokenId) -> String {
        match self {
            Self::Personal => urls::settings_token_file(id),
            Self::Keys { .. } => urls::settings_api_key_file(id),
            Self::ServiceAccount { slug, account, .. } => urls::service_token_file(slug, account, id),
        }
    }

    pub fn delete(&self, id: &TokenId) -> String {
        match self {
            Self::Personal => urls::settings_token_delete(id),
            Self::Keys { .. } => urls::settings_api_key_delete(id),
            Self::ServiceAccount { slug, account, .. } => urls::service_token_delete(slug, account, id),
        }
    }

    /// Keys have no such page: theirs is empty.
    pub fn revoke(&self, id: &TokenId) -> String {
        match self {
            Self::Personal => urls::settings_token_revoke(id),
            Self::Keys { .. } => String::new(),
            Self::ServiceAccount { slug, account, .. } => urls::service_token_revoke(slug, account, id),
        }
    }

    /// As [`Self::revoke`].
    pub fn regenerate(&self, id: &TokenId) -> String {
        match self {
            Self::Personal => urls::settings_token_regenerate(id),
            Self::Keys { .. } => String::new(),
            Self::ServiceAccount { slug, account, .. } => urls::service_token_regenerate(slug, account, id),
        }
    }

    /// As [`Self::revoke`].
    pub fn end_old(&self, id: &TokenId) -> String {
        match self {
            Self::Personal => urls::settings_token_old_end(id),
            Self::Keys { .. } => String::new(),
            Self::ServiceAccount { slug, account, .. } => urls::service_token_old_end(slug, account, id),
        }
    }
}
