//! Security: the password, for now with the way to the tokens.

pub mod pages;
pub mod sessions;

use std::sync::Arc;

use diesel::prelude::*;

use crate::app::Instance;
use crate::audit::{Action, Event, record};
use crate::auth::SignedIn;
use crate::auth::link;
use crate::auth::password::Password;
use crate::auth::session::{self, NewKey};
use crate::db::schema::users;
use crate::error::Result;
use crate::mail::SecurityNotice;
use crate::tokens;

/// Changes the password of whoever is signed in: ends their other sessions, gives this one a new key, mails a notice, and
/// revokes the personal access tokens where that is asked for.
///
/// The caller has checked the current password and the policy.
///
/// # Errors
/// When the database refuses; then nothing changed.
pub async fn change_password(instance: &Instance, who: &SignedIn, new: Password, tokens_too: bool) -> Result<NewKey> {
    let (hash, now, who, sessions) =
        (instance.hasher.hash(new).await?, instance.clock.now(), who.clone(), instance.config.sessions.clone());
    let notices = Arc::clone(&instance.notices);
    let notice = SecurityNotice::new("Your password was changed", "Everywhere else you were signed out.");
    instance
        .db
        .write(move |tx| {
            let (account, actor) = (who.account(), who.actor(tx, now)?);
            diesel::update(users::table.find(&account.user_id))
                .set((users::password_hash.eq(hash), users::password_changed_at.eq(now)))
                .execute(&mut **tx)?;
            link::end_all(tx, &account.user_id)?;
            let ended = session::end_others(tx, &account.user_id, &account.session_id)?;
            let mut detail =
                if ended == 1 { "1 other session ended".to_owned() } else { format!("{ended} other sessions ended") };
            if tokens_too {
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
