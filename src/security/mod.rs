//! Security: the password, for now with the way to the tokens.

pub mod pages;
pub mod sessions;

use diesel::prelude::*;

use crate::app::Instance;
use crate::audit::{Action, Event, record};
use crate::auth::SignedIn;
use crate::auth::link;
use crate::auth::password::Password;
use crate::auth::session::{self, NewKey};
use crate::db::schema::users;
use crate::error::Result;
use crate::mail::letters::PasswordChanged;
use crate::mail::queue;
use crate::urls;

/// Changes the password of whoever is signed in: ends their other sessions, gives this one a new key, and mails a notice.
///
/// The caller has checked the current password and the policy.
///
/// # Errors
/// When the database refuses; then nothing changed.
pub async fn change_password(instance: &Instance, who: &SignedIn, new: Password) -> Result<NewKey> {
    let (hash, now, who, sessions) =
        (instance.hasher.hash(new).await?, instance.clock.now(), who.clone(), instance.config.sessions.clone());
    let (account, origin) = (who.account(), who.origin());
    let letter = PasswordChanged {
        product: instance.config.product_name.clone(),
        first_name: account.first_name.clone(),
        at: now.exact(),
        browser: origin.agent.clone(),
        address: origin.address.clone(),
        url: instance.config.absolute(&urls::settings_security()),
    }
    .letter()?;
    instance
        .db
        .write(move |tx| {
            let (account, actor) = (who.account(), who.actor(tx, now)?);
            diesel::update(users::table.find(&account.user_id))
                .set((users::password_hash.eq(hash), users::password_changed_at.eq(now)))
                .execute(&mut **tx)?;
            link::end_all(tx, &account.user_id)?;
            let ended = session::end_others(tx, &account.user_id, &account.session_id)?;
            let detail =
                if ended == 1 { "1 other session ended".to_owned() } else { format!("{ended} other sessions ended") };
            record(
                tx,
                &actor,
                now,
                &Event { detail: &detail, ..Event::of_user(Action::PasswordChanged, &account.user_id) },
            )?;
            queue(tx, Some(&account.user_id), &account.email, &letter, now)?;
            session::renew(tx, &account.session_id, &sessions, now)
        })
        .await
}
