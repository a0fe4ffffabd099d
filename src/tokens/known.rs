//! All that is known of one token, for whoever asks for it alone.

use super::queries::{Secret, Seen, Token, addresses, find, old_secret};
use super::{Holder, TokenKind};
use crate::audit::{self, Entry};
use crate::clock::Timestamp;
use crate::db::Connection;
use crate::error::Result;
use crate::ids::TokenId;

/// So many of the newest events are told; all of them stand in the log.
const HISTORY: i64 = 20;

/// A token, with what stands on its page alone.
pub(crate) struct Known {
    pub(crate) token: Token,
    /// The secret before the present one, while it still works.
    pub(crate) old: Option<Secret>,
    pub(crate) addresses: Vec<Seen>,
    pub(crate) history: Vec<Entry>,
}

impl Known {
    /// One of a list.
    ///
    /// # Errors
    /// [`crate::error::Error::NotFound`] when it does not stand there.
    pub(crate) fn read<'a>(
        connection: &mut Connection,
        holder: impl Into<Holder<'a>>,
        id: &TokenId,
        now: Timestamp,
    ) -> Result<Self> {
        let token = find(connection, holder, id)?;
        let (record, id) = (&token.record, id.as_str());
        // As of `log`, which says in whose log it is written.
        let history = match (record.kind, &record.user_id, &record.organization_id) {
            (TokenKind::Personal, Some(user), _) => audit::of_subject(connection, user, id, HISTORY)?,
            (_, _, Some(organization)) => audit::of_key(connection, organization, id, HISTORY)?,
            _ => Vec::new(),
        };
        let (old, addresses) = (old_secret(connection, &token, now)?, addresses(connection, &token)?);
        Ok(Self { token, old, addresses, history })
    }

    /// The same without what tells where people and their programs are.
    pub(crate) fn without_origins(self) -> Self {
        let history = self.history.into_iter();
        Self {
            token: self.token.without_origins(),
            addresses: Vec::new(),
            history: history.map(|entry| Entry { address: String::new(), agent: String::new(), ..entry }).collect(),
            ..self
        }
    }
}
