//! Security: the password, and what is signed in.

pub mod pages;
pub mod sessions;

use std::sync::Arc;

use diesel::prelude::*;

use crate::app::Instance;
use crate::audit::{Action, Event, record};
use crate::auth::SignedIn;
use crate::auth::link;
use crate::auth::password::Password;
use crate::auth::session::{self, NewKey, Reach};
use crate::db::schema::users;
use crate::error::Result;
use crate::mail::SecurityNotice;
use crate::tokens;

/// What ends beside the sessions in other browsers.
#[derive(Debug, Clone, Copy)]
pub struct Ending {
    /// How far the end of sessions reaches.
    pub reach: Reach,
    /// Personal access tokens are revoked.
    pub tokens: bool,
}

impl Ending {
    /// As two ticks say.
    pub fn of(terminals: Option<&str>, tokens: Option<&str>) -> Self {
        Self { reach: if terminals.is_some() { Reach::All } else { Reach::Browsers }, tokens: tokens.is_some() }
    }

    /// What a form proposes before anybody ticks: terminals come back with an approval, tokens don't.
    pub fn proposed() -> Self {
        Self { reach: Reach::All, tokens: false }
    }

    /// Whether terminals are signed out.
    pub fn terminals(self) -> bool {
        self.reach == Reach::All
    }
}

/// Changes the password of whoever is signed in: ends their other sessions, gives this one a new key, mails a notice, and
/// revokes the personal access tokens where that is asked for.
///
/// The caller has checked the current password and the policy.
///
/// # Errors
/// When the database refuses; then nothing changed.
pub async fn change_password(instance: &Instance, who: &SignedIn, new: Password, ending: Ending) -> Result<NewKey> {
    let (hash, now, who, sessions) =
        (instance.hasher.hash(new).await?, instance.clock.now(), who.clone(), instance.config.sessions.clone());
    let notices = Arc::clone(&instance.notices);
    let more = if ending.terminals() {
        "Everywhere else you were signed out."
    } else {
        "In all other browsers you were signed out. Terminals stay signed in."
    };
    let tokens = if ending.tokens { " Your personal access tokens were revoked." } else { "" };
    let notice = SecurityNotice::new("Your password was changed", format!("{more}{tokens}"));
    instance
        .db
        .write(move |tx| {
            let (account, actor) = (who.account(), who.actor(tx, now)?);
            diesel::update(users::table.find(&account.user_id))
                .set((users::password_hash.eq(hash), users::password_changed_at.eq(now)))
                .execute(&mut **tx)?;
            link::end_all(tx, &account.user_id)?;
            let ended = session::end_others(tx, &account.user_id, &account.session_id, ending.reach)?;
            let mut detail =
                if ended == 1 { "1 other session ended".to_owned() } else { format!("{ended} other sessions ended") };
            if ending.tokens {
                let revoked = tokens::revoke_all(tx, &account.user_id, &actor, now)?;
                detail = format!("{detail}, {revoked} tokens revoked");
            }
            record(
                tx,
                &actor,
                now,
                &Event { detail: &detail, ..Event::of_user(Action::PasswordChanged, &account.user_id) },
            )?;
            notices.send(tx, &account.user_id, &notice, actor.origin(), now)?;
            session::renew(tx, &account.session_id, &sessions, now)
        })
        .await
}
