//! The verbs.

use diesel::prelude::*;

use super::invitations;
use crate::app::Instance;
use crate::audit::{Action, Actor, Event, Origin, record};
use crate::auth::password::{Password, Verdict};
use crate::auth::secret::SecretHash;
use crate::auth::session::{self, NewKey};
use crate::auth::{link, throttle};
use crate::clock::{DAY, Timestamp};
use crate::config::SignUpMode;
use crate::db::schema::sign_ups;
use crate::db::{Connection, Tx};
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::mail::letters::{AddressKnown, ConfirmAddress};
use crate::mail::queue;
use crate::organizations;
use crate::setup;
use crate::urls;
use crate::users::{NewUser, by_email, create, email_key};

/// For how long the mailed link is good.
const LIFETIME: i64 = DAY;

/// An account that somebody would like, checked.
pub struct NewSignUp {
    /// The sign-in name to be.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name; may be empty.
    pub last_name: String,
    /// The password, which satisfies the policy.
    pub password: Password,
}

/// A wish whose link was opened.
#[derive(Debug, Clone, Queryable)]
pub struct Wish {
    /// The sign-in name to be.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// PHC string.
    pub password_hash: String,
}

/// What became of proving an address.
pub enum Confirmation {
    /// The account is made, with this address, and somebody signed in to it.
    Done(NewKey, String),
    /// That is not the password that was chosen.
    WrongPassword,
}

/// Notes the wish and mails the link; or, if the address has an account, mails that.
///
/// # Errors
/// [`Error::TooMany`]; when the database refuses.
pub async fn ask(instance: &Instance, new: NewSignUp, origin: Origin) -> Result<()> {
    let now = instance.clock.now();
    let (network, address) = (throttle::of_origin(&origin), throttle::of_address(&instance.key, &new.email));
    let doors = vec![
        (format!("sign-up {network}"), throttle::SIGN_UP),
        (format!("sign-up {}", throttle::wide_network(&origin.address)), throttle::SIGN_UP_WIDE),
        (format!("mail sign-up {address}"), throttle::MAILS),
        ("mail sign-up everybody".to_owned(), throttle::MAILS_ALL),
    ];
    throttle::enter(&instance.db, doors, now).await?;
    // Hashed in any case, so that an address with an account takes as long as one without.
    let password_hash = instance.hasher.hash(new.password).await?;
    let code = link::new_code();
    let product = instance.config.product_name.clone();
    let fresh = ConfirmAddress { product: product.clone(), url: instance.config.absolute(&urls::email_confirm(&code)) }
        .letter()?
        .good_for(LIFETIME);
    let known = AddressKnown {
        product,
        sign_in_url: instance.config.absolute(&urls::login()),
        forgot_url: instance.config.absolute(&urls::password_forgot()),
    }
    .letter()?;
    instance
        .db
        .write(move |tx| {
            let account = by_email(tx, &new.email)?;
            let letter = if account.is_some() { &known } else { &fresh };
            if account.is_none() {
                diesel::insert_into(sign_ups::table)
                    .values((
                        sign_ups::hash.eq(SecretHash::of(&code)),
                        sign_ups::email.eq(new.email.trim()),
                        sign_ups::email_key.eq(email_key(&new.email)),
                        sign_ups::first_name.eq(&new.first_name),
                        sign_ups::last_name.eq(&new.last_name),
                        sign_ups::password_hash.eq(&password_hash),
                        sign_ups::created_at.eq(now),
                        sign_ups::expires_at.eq(now.plus(LIFETIME)),
                    ))
                    .execute(&mut **tx)?;
            }
            let user = account.map(|account| account.id);
            let event = Event {
                action: Action::SignUpAsked,
                user: user.as_ref(),
                organization: None,
                subject_id: "",
                subject_name: "",
                detail: "",
            };
            record(tx, &Actor::stranger(origin), now, &event)?;
            queue(tx, user.as_ref(), new.email.trim(), letter, now)
        })
        .await
}

/// The wish that a link belongs to, if it is still good.
///
/// # Errors
/// When the database refuses.
pub fn find(connection: &mut Connection, code: &str, now: Timestamp) -> Result<Option<Wish>> {
    Ok(sign_ups::table
        .find(SecretHash::of(code))
        .filter(sign_ups::expires_at.gt(now))
        .select((sign_ups::email, sign_ups::first_name, sign_ups::last_name, sign_ups::password_hash))
        .get_result(connection)
        .optional()?)
}

/// Makes the account: whoever has both the mailbox and the password that was chosen is the one who asked. The mailbox alone
/// is not enough, since anybody can ask with somebody else's address; their wish must not become the other's account.
///
/// # Errors
/// [`Error::NotFound`] when the link is used or over; [`Error::TooMany`].
pub async fn confirm(instance: &Instance, code: String, typed: &str, origin: Origin) -> Result<Confirmation> {
    let now = instance.clock.now();
    let door = format!("confirm {}", crate::auth::key::hex(&instance.key.sign("door", &[code.as_bytes()])[..12]));
    let asked = code.clone();
    let wish = instance.db.read(move |connection| find(connection, &asked, now)).await?.ok_or(Error::NotFound)?;
    throttle::enter(&instance.db, vec![(door, throttle::CONFIRM)], now).await?;
    let Ok(password) = Password::new(typed) else { return Ok(Confirmation::WrongPassword) };
    if instance.hasher.verify(password, Some(&wish.password_hash)).await? == Verdict::Mismatch {
        return Ok(Confirmation::WrongPassword);
    }
    let (sessions, email) = (instance.config.sessions.clone(), wish.email.clone());
    let (doors, catalogue) = (instance.config.sign_up, instance.config.catalogue.clone());
    let made = instance
        .db
        .write(move |tx| {
            if diesel::delete(sign_ups::table.find(SecretHash::of(&code))).execute(&mut **tx)? != 1 {
                return Err(Error::NotFound);
            }
            // What was wished for while anybody could, or by an invitation that was taken back since, is over.
            if doors != SignUpMode::Open && !invitations::is_invited(tx, &wish.email, doors, now, &catalogue)? {
                return Err(Error::NotFound);
            }
            let new = NewUser {
                email: wish.email,
                first_name: wish.first_name,
                last_name: wish.last_name,
                password_hash: Some(wish.password_hash),
                is_administrator: false,
            };
            make(tx, &new, origin, &sessions, now)
        })
        .await;
    match made {
        Ok(key) => Ok(Confirmation::Done(key, email)),
        // Somebody else proved the same address meanwhile.
        Err(Error::Taken(_)) => Err(Error::NotFound),
        Err(error) => Err(error),
    }
}

/// Makes a user whose address is proved, and begins their first session.
///
/// # Errors
/// [`Error::Taken`] when the address has an account.
pub(super) fn make(
    tx: &mut Tx<'_>,
    new: &NewUser,
    origin: Origin,
    sessions: &crate::config::SessionConfig,
    now: Timestamp,
) -> Result<NewKey> {
    let user = make_account(tx, new, origin.clone(), now)?;
    let actor = Actor::arriving(&user, origin);
    session::begin(tx, &user, false, true, actor.origin(), sessions, now).map(|(_, key)| key)
}

/// Makes a user whose address is proved. All other wishes for the address are over.
///
/// # Errors
/// [`Error::Taken`] when the address has an account; [`Error::NotFound`] while there is none at all: the first one is the
/// administrator's, whatever links are about from before.
pub fn make_account(tx: &mut Tx<'_>, new: &NewUser, origin: Origin, now: Timestamp) -> Result<UserId> {
    if !setup::done(tx)? {
        return Err(Error::NotFound);
    }
    let key = email_key(&new.email);
    diesel::delete(sign_ups::table.filter(sign_ups::email_key.eq(&key))).execute(&mut **tx)?;
    invitations::end_for(tx, &key)?;
    let user = create(tx, new, now)?;
    record(tx, &Actor::arriving(&user, origin), now, &Event::of_user(Action::SignedUp, &user))?;
    Ok(user)
}

/// Takes away what is over; for the hourly job.
///
/// # Errors
/// When the database refuses.
pub fn forget_old(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize> {
    organizations::invitations::forget_old(tx, now)?;
    Ok(diesel::delete(sign_ups::table.filter(sign_ups::expires_at.le(now))).execute(&mut **tx)?)
}
