//! The verbs.

use diesel::prelude::*;

use crate::app::Instance;
use crate::audit::{Action, Actor, Event, Origin, record};
use crate::auth::capability::Administers;
use crate::auth::link::{self, Purpose};
use crate::auth::password::Password;
use crate::auth::{session, throttle};
use crate::clock::Timestamp;
use crate::db::schema::users;
use crate::db::{Connection, Tx};
use crate::error::{Error, Result};
use crate::mail::letters::{PasswordReset, ResetPassword};
use crate::mail::queue;
use crate::tokens;
use crate::urls;
use crate::users::{Credentials, UserStatus, by_email, credentials};

/// Mails a link to whoever has this address, if they have an account that may be used.
///
/// # Errors
/// [`crate::error::Error::TooMany`]; when the database refuses.
pub async fn ask(instance: &Instance, email: &str, origin: Origin) -> Result<()> {
    let now = instance.clock.now();
    let doors = vec![
        (format!("mail {}", throttle::of_address(&instance.key, email)), throttle::MAILS),
        (format!("mail {}", throttle::of_origin(&origin)), throttle::MAILS_NETWORK),
    ];
    throttle::enter(&instance.db, doors, now).await?;
    let (email, product) = (email.to_owned(), instance.config.product_name.clone());
    let base = instance.config.absolute("");
    instance
        .db
        .write(move |tx| {
            let known = by_email(tx, &email)?.filter(|known| known.status == UserStatus::Active);
            let event = Event {
                action: Action::PasswordForgotten,
                user: known.as_ref().map(|known| &known.id),
                organization: None,
                subject_id: "",
                subject_name: "",
                detail: "",
            };
            // An entry in any case: for an address without an account, this takes as long.
            record(tx, &Actor::stranger(origin.clone()), now, &event)?;
            let Some(known) = known else { return Ok(()) };
            let code = link::make(tx, Purpose::ResetPassword, &known.id, now)?;
            let letter = ResetPassword {
                product,
                first_name: known.first_name,
                at: now.exact(),
                browser: origin.agent,
                address: origin.address,
                url: format!("{base}{}", urls::password_reset(&code)),
            }
            .letter()?;
            queue(tx, Some(&known.id), &known.email, &letter, now)
        })
        .await
}

/// Makes a link for whoever gets no mail, by the operator's or an administrator's hand, who gives it to them.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when there is no account with this address that may be used.
pub fn make_link(tx: &mut Tx<'_>, who: &impl Administers, email: &str, now: Timestamp) -> Result<String> {
    let actor = who.as_actor(tx, now)?;
    let known = by_email(tx, email)?.filter(|known| known.status == UserStatus::Active).ok_or(Error::NotFound)?;
    record(tx, &actor, now, &Event::of_user(Action::PasswordForgotten, &known.id))?;
    link::make(tx, Purpose::ResetPassword, &known.id, now)
}

/// Whose link it is, if it is still good.
///
/// # Errors
/// When the database refuses.
pub fn find(connection: &mut Connection, code: &str, now: Timestamp) -> Result<Option<Credentials>> {
    match link::find(connection, Purpose::ResetPassword, code, now)? {
        Some(user) => Ok(Some(credentials(connection, &user)?).filter(|known| known.status == UserStatus::Active)),
        None => Ok(None),
    }
}

/// Sets a new password: uses up the link and every other, ends every session, mails a notice, and revokes the personal
/// access tokens where that is asked for.
///
/// # Errors
/// [`crate::error::Error::NotFound`] when the link is used or over.
pub async fn reset(
    instance: &Instance,
    code: String,
    new: Password,
    revoke_tokens: bool,
    origin: Origin,
) -> Result<()> {
    let (now, hash) = (instance.clock.now(), instance.hasher.hash(new).await?);
    let (product, url) = (instance.config.product_name.clone(), instance.config.absolute(&urls::settings_security()));
    instance
        .db
        .write(move |tx| {
            let user = link::consume(tx, Purpose::ResetPassword, &code, now)?;
            session::lock(tx, &user)?;
            let known = credentials(tx, &user)?;
            let changed = (users::password_hash.eq(hash), users::password_changed_at.eq(now));
            let active = users::table.find(&user).filter(users::status.eq(UserStatus::Active));
            if diesel::update(active).set(changed).execute(&mut **tx)? != 1 {
                return Err(Error::NotFound);
            }
            link::end_all(tx, &user)?;
            let ended = session::end_all(tx, &user)?;
            let actor = Actor::mailed_link(&user, origin);
            let revoked = if revoke_tokens { tokens::revoke_all(tx, &user, &actor, now)? } else { 0 };
            let detail = format!("{ended} sessions ended, {revoked} tokens revoked");
            record(tx, &actor, now, &Event { detail: &detail, ..Event::of_user(Action::PasswordReset, &user) })?;
            let letter = PasswordReset {
                product,
                first_name: known.first_name,
                at: now.exact(),
                browser: actor.origin().agent.clone(),
                address: actor.origin().address.clone(),
                url,
            }
            .letter()?;
            queue(tx, Some(&user), &known.email, &letter, now)
        })
        .await
}
