//! Ceremonies: what a browser is asked to sign, kept until it is answered, and the answer judged.

use diesel::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential,
    WebauthnError,
};

use super::policy::{BEGUN, LIFETIME, handle, read, site};
use super::queries::{self, Record};
use super::{Purpose, service};
use crate::app::Instance;
use crate::audit::Origin;
use crate::auth::{Account, SecretHash, throttle};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::db::schema::{passkey_ceremonies, passkeys};
use crate::error::{Error, Result};
use crate::ids::{PasskeyId, UserId};

/// What a ceremony is held for. Its answer counts only where all of this is the same again.
#[derive(Clone)]
pub struct Occasion {
    /// What for.
    pub purpose: Purpose,
    /// In whose browser: what its forms are bound to.
    pub binding: String,
    /// Whose passkeys count, where that is known.
    pub user: Option<UserId>,
    /// Where the browser is.
    pub origin: Origin,
}

/// A passkey that has just proved who is there. Only [`verify`] makes one.
pub struct Proof {
    passkey: PasskeyId,
    before: String,
    after: String,
    /// Whose it is.
    pub user: UserId,
    /// What its owner calls it.
    pub name: String,
}

impl Proof {
    /// Uses the proof, in the transaction of what it opens. `false` when the passkey was removed or used in between: then it
    /// opens nothing.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn spend(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<bool> {
        let unchanged = passkeys::table.find(&self.passkey).filter(passkeys::passkey.eq(&self.before));
        let set = (passkeys::passkey.eq(&self.after), passkeys::last_used_at.eq(now));
        Ok(diesel::update(unchanged).set(set).execute(&mut **tx)? == 1)
    }
}

fn fault(error: impl std::fmt::Display) -> Error {
    Error::Internal(format!("passkey: {error}"))
}

/// Begins the making of a passkey; the options for the browser.
///
/// # Errors
/// [`Error::NotFound`] where passkeys can't be; [`Error::TooMany`].
pub async fn begin_adding(instance: &Instance, occasion: &Occasion, account: &Account) -> Result<Value> {
    let site = site(&instance.config).ok_or(Error::NotFound)?;
    let user = account.user_id.clone();
    let known = instance.db.read(move |connection| queries::credential_ids(connection, &user)).await?;
    let id = handle(&account.user_id).ok_or_else(|| fault("the user's id is no ULID"))?;
    let (options, state) =
        site.start_passkey_registration(id, &account.email, &account.name(), Some(known)).map_err(fault)?;
    let mut options = serde_json::to_value(options).map_err(fault)?["publicKey"].take();
    // Kept by the authenticator together with the user's name, so that signing in needs neither name nor password.
    options["authenticatorSelection"] =
        json!({ "residentKey": "required", "requireResidentKey": true, "userVerification": "required" });
    keep(instance, occasion, &options, &state).await?;
    Ok(options)
}

/// Begins the proof of who is there; the options for the browser.
///
/// # Errors
/// [`Error::NotFound`] where passkeys can't be, or the user has none; [`Error::TooMany`].
pub async fn begin_proving(instance: &Instance, occasion: &Occasion) -> Result<Value> {
    use base64::Engine;
    let site = site(&instance.config).ok_or(Error::NotFound)?;
    let (options, state) = site.start_discoverable_authentication().map_err(fault)?;
    let mut options = serde_json::to_value(options).map_err(fault)?["publicKey"].take();
    if let Some(user) = occasion.user.clone() {
        let known = instance.db.read(move |connection| queries::credential_ids(connection, &user)).await?;
        if known.is_empty() {
            return Err(Error::NotFound);
        }
        let named =
            |id| json!({ "type": "public-key", "id": base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(id) });
        options["allowCredentials"] = known.into_iter().map(named).collect();
    }
    keep(instance, occasion, &options, &state).await?;
    Ok(options)
}

async fn keep(instance: &Instance, occasion: &Occasion, options: &Value, state: &impl Serialize) -> Result<()> {
    let now = instance.clock.now();
    let door = format!("passkeys begun {}", throttle::of_origin(&occasion.origin));
    throttle::enter(&instance.db, vec![(door, BEGUN)], now).await?;
    let challenge = options["challenge"].as_str().ok_or_else(|| fault("no challenge"))?;
    let (hash, state) = (SecretHash::of(challenge), serde_json::to_string(state).map_err(fault)?);
    let (occasion, binding) = (occasion.clone(), SecretHash::of(&occasion.binding));
    instance
        .db
        .write(move |tx| {
            diesel::insert_into(passkey_ceremonies::table)
                .values((
                    passkey_ceremonies::hash.eq(hash),
                    passkey_ceremonies::purpose.eq(occasion.purpose),
                    passkey_ceremonies::binding.eq(binding),
                    passkey_ceremonies::user_id.eq(occasion.user),
                    passkey_ceremonies::state.eq(state),
                    passkey_ceremonies::expires_at.eq(now.plus(LIFETIME)),
                ))
                .execute(&mut **tx)?;
            Ok(())
        })
        .await
}

/// Takes the ceremony that an answer is for. It is gone with that, whatever comes of it: of many answers one is looked at,
/// and one from the wrong place spoils it.
async fn take<T: DeserializeOwned>(instance: &Instance, occasion: &Occasion, challenge: &str) -> Result<Option<T>> {
    type Kept = (Purpose, SecretHash, Option<UserId>, Timestamp, String);
    let (hash, now) = (SecretHash::of(challenge), instance.clock.now());
    let (occasion, binding) = (occasion.clone(), SecretHash::of(&occasion.binding));
    let state = instance.db.write(move |tx| {
        use passkey_ceremonies as c;
        let row = c::table.find(hash);
        let columns = (c::purpose, c::binding, c::user_id, c::expires_at, c::state);
        let kept = row.select(columns).get_result::<Kept>(&mut **tx).optional()?;
        let mine = diesel::delete(row).execute(&mut **tx)? == 1;
        Ok(kept.and_then(|(purpose, kept_binding, user, expires_at, state)| {
            let fits = purpose == occasion.purpose && kept_binding == binding && user == occasion.user;
            (mine && fits && now < expires_at).then_some(state)
        }))
    });
    state.await?.map(|state| serde_json::from_str(&state).map_err(fault)).transpose()
}

/// The passkey that an authenticator made, if its answer is right in every part.
///
/// # Errors
/// When the database refuses.
pub async fn made(instance: &Instance, occasion: &Occasion, credential: &str) -> Result<Option<Passkey>> {
    let Some((answer, challenge)) = read::<RegisterPublicKeyCredential>(credential) else { return Ok(None) };
    let Some(state) = take::<PasskeyRegistration>(instance, occasion, &challenge).await? else { return Ok(None) };
    let site = site(&instance.config).ok_or(Error::NotFound)?;
    let made = site.finish_passkey_registration(&answer, &state);
    Ok(made.inspect_err(|error| tracing::info!(%error, "a new passkey was refused")).ok())
}

/// Who is there, if a passkey's answer is right in every part.
///
/// # Errors
/// When the database refuses.
pub async fn verify(instance: &Instance, occasion: &Occasion, credential: &str) -> Result<Option<Proof>> {
    let Some((answer, challenge)) = read::<PublicKeyCredential>(credential) else { return Ok(None) };
    let Some(state) = take::<DiscoverableAuthentication>(instance, occasion, &challenge).await? else {
        return Ok(None);
    };
    let id = answer.raw_id.clone();
    let known = instance.db.read(move |connection| queries::by_credential(connection, &id)).await?;
    let Some(known) = known.filter(|known| is_theirs(known, &answer, occasion.user.as_ref())) else { return Ok(None) };
    let mut passkey: Passkey = serde_json::from_str(&known.passkey).map_err(fault)?;
    let site = site(&instance.config).ok_or(Error::NotFound)?;
    match site.finish_discoverable_authentication_v2(&answer, state, &passkey) {
        Ok(result) => {
            passkey.update_credential(&result);
            let after = serde_json::to_string(&passkey).map_err(fault)?;
            let Record { id, user_id, passkey: before, name, .. } = known;
            Ok(Some(Proof { passkey: id, before, after, user: user_id, name }))
        }
        Err(WebauthnError::CredentialPossibleCompromise) => {
            service::warn_of_copy(instance, known, occasion.origin.clone()).await?;
            Ok(None)
        }
        Err(error) => {
            tracing::info!(%error, "a passkey was refused");
            Ok(None)
        }
    }
}

/// Whether a passkey is of the user who is expected. Where nobody is, the authenticator has to say who it is.
fn is_theirs(known: &Record, answer: &PublicKeyCredential, expected: Option<&UserId>) -> bool {
    let says = answer.get_user_unique_id();
    let right = handle(&known.user_id).is_some_and(|handle| says == Some(handle.as_bytes()));
    expected.map_or(right, |user| *user == known.user_id && (right || says.is_none()))
}

/// Takes away the ceremonies that nobody answered; for the hourly job.
///
/// # Errors
/// When the database refuses.
pub fn forget_old(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize> {
    Ok(diesel::delete(passkey_ceremonies::table.filter(passkey_ceremonies::expires_at.le(now))).execute(&mut **tx)?)
}
