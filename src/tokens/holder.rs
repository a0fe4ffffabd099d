//! Whose tokens are meant. Every query and verb begins here, so somebody else's id is not found rather than forbidden.

use super::TokenKind;
use super::queries::Record;
use crate::auth::capability::Owner;
use crate::error::{Error, Result};
use crate::ids::{OrganizationId, ServiceAccountId, UserId};

/// A list of tokens: a user's personal ones, an organization's keys, a service account's tokens. Each record says by itself
/// in which it stands (the column `holder`, which the database makes of its kind and its owner).
#[derive(Debug, Clone, Copy)]
pub struct Holder<'a> {
    id: &'a str,
    /// Of these, only those that act for this user.
    only: Option<&'a UserId>,
}

impl<'a> From<Owner<'a>> for Holder<'a> {
    fn from(owner: Owner<'a>) -> Self {
        Self { id: owner.into_user_id().as_str(), only: None }
    }
}

impl<'a> Holder<'a> {
    /// An organization's keys; `only` those of one member, where whoever asks may not see everybody's.
    pub(crate) fn keys(organization: &'a OrganizationId, only: Option<&'a UserId>) -> Self {
        Self { id: organization.as_str(), only }
    }

    /// A service account's tokens.
    pub(crate) fn service_account(account: &'a ServiceAccountId) -> Self {
        Self { id: account.as_str(), only: None }
    }

    /// The list that a record stands in.
    pub(super) fn of(record: &'a Record) -> Result<Self> {
        let id = match record.kind {
            TokenKind::Personal => record.user_id.as_ref().map(UserId::as_str),
            TokenKind::ApiKey => record.organization_id.as_ref().map(OrganizationId::as_str),
            TokenKind::ServiceAccount => record.service_account_id.as_ref().map(ServiceAccountId::as_str),
        };
        let id = id.ok_or_else(|| Error::Internal(format!("token {} is nobody's", record.id)))?;
        Ok(Self { id, only: None })
    }

    /// What stands in the column `holder`.
    pub(super) fn id(self) -> &'a str {
        self.id
    }

    /// Whose alone are meant.
    pub(super) fn only(self) -> Option<&'a UserId> {
        self.only
    }

    /// Whether a record of this list is one of those that are meant.
    pub(super) fn holds(self, record: &Record) -> bool {
        self.only.is_none_or(|user| record.user_id.as_ref() == Some(user))
    }
}
