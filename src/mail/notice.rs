//! Security notices: one shape of letter for every change that a thief would make, too. When, with what browser, from
//! where, and what to do if it was somebody else.

use diesel::prelude::*;

use super::letters::SecurityNoticeLetter as Words;
use super::{Letter, queue};
use crate::audit::Origin;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::db::Tx;
use crate::db::schema::users;
use crate::error::Result;
use crate::ids::UserId;
use crate::urls;
use crate::web::agent;

/// What most notices fear, and advise.
const FEAR: &str = "someone else may be in your account. ";
const ADVICE: &str = "Change your password, and log out all sessions";

/// What happened, in words; the rest of the letter writes itself.
#[derive(Debug, Clone)]
pub struct SecurityNotice {
    /// "Your password was changed": the subject, and the first sentence.
    what: String,
    /// The sentences after it: what it was about, and what it brings with it.
    more: String,
    /// How "If it was not you," goes on, up to what to do.
    fear: String,
    /// What to do; the words of the link.
    advice: String,
    /// The page that helps, below the base URL.
    path: String,
    /// Whether the advice is good whoever it was.
    always: bool,
    /// For how many seconds the link is good, if it opens something.
    good_for: Option<i64>,
    /// Who did it, where it was not the user in a browser of theirs.
    by: String,
}

impl SecurityNotice {
    /// "Your password was changed" (no full stop), and the sentences that follow it.
    pub fn new(what: impl Into<String>, more: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            more: more.into(),
            fear: FEAR.to_owned(),
            advice: ADVICE.to_owned(),
            path: urls::settings_security(),
            always: false,
            good_for: None,
            by: String::new(),
        }
    }

    /// With advice that is good whoever it was; the link to a path follows.
    #[must_use]
    pub fn saying(mut self, advice: &str, path: String) -> Self {
        (self.fear, self.advice, self.path, self.always) = (String::new(), advice.to_owned(), path, true);
        self
    }

    /// With a link that opens something for so many seconds.
    #[must_use]
    pub fn good_for(mut self, seconds: i64) -> Self {
        self.good_for = Some(seconds);
        self
    }

    /// With advice of its own after "If it was not you,": what is to be feared (may be empty; a sentence with a space after
    /// it), and what to do, which becomes the words of a link to a path.
    #[must_use]
    pub fn advising(mut self, fear: &str, advice: &str, path: String) -> Self {
        (self.fear, self.advice, self.path) = (fear.to_owned(), advice.to_owned(), path);
        self
    }

    /// By an administrator, or the operator: then their browser and address are nobody else's business.
    #[must_use]
    pub fn by(mut self, whom: impl Into<String>) -> Self {
        self.by = whom.into();
        self
    }
}

/// Writes security notices. Made outside of the transaction, since it needs the settings; used within.
#[derive(Debug, Clone)]
pub struct Notices {
    product: String,
    base: String,
}

impl Notices {
    /// With the product's name and address.
    pub fn of(config: &Config) -> Self {
        Self { product: config.product_name.clone(), base: config.absolute("") }
    }

    /// Mails a notice to a user, in the transaction of the change that it tells of.
    ///
    /// # Errors
    /// When there is no such user; when the database refuses.
    pub fn send(
        &self,
        tx: &mut Tx<'_>,
        user: &UserId,
        notice: &SecurityNotice,
        origin: &Origin,
        now: Timestamp,
    ) -> Result<()> {
        let email: String = users::table.find(user).select(users::email).get_result(&mut **tx)?;
        self.send_to(tx, user, &email, notice, origin, now)
    }

    /// The same to another address of theirs: the one that they had, or are about to have.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn send_to(
        &self,
        tx: &mut Tx<'_>,
        user: &UserId,
        email: &str,
        notice: &SecurityNotice,
        origin: &Origin,
        now: Timestamp,
    ) -> Result<()> {
        let first_name: String = users::table.find(user).select(users::first_name).get_result(&mut **tx)?;
        let letter = Words {
            product: self.product.clone(),
            first_name,
            what: notice.what.clone(),
            more: notice.more.clone(),
            by: notice.by.clone(),
            at: now.exact(),
            browser: agent::words(&origin.agent),
            address: origin.address.clone(),
            always: if notice.always { "always".to_owned() } else { String::new() },
            fear: notice.fear.clone(),
            advice: notice.advice.clone(),
            url: format!("{}{}", self.base, notice.path),
        }
        .letter()?;
        let letter = Letter { good_for: notice.good_for, ..letter };
        queue(tx, Some(user), email, &letter, now)
    }
}
