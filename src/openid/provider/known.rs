//! What is known of a provider: its endpoints and keys, asked for when somebody wants them, and kept for a while.

use std::sync::{Arc, Mutex, MutexGuard};

use openidconnect::{IssuerUrl, JsonWebKeySet};

use super::Trouble;
use super::dialect::Metadata;
use super::wire::{PATIENCE, Wire, reason};
use crate::clock::Timestamp;
use crate::config::ProviderConfig;

/// For how many seconds its discovery document and keys are kept,
const KEPT: i64 = 60 * 60;
/// for how many they show that it is there,
const ALIVE: i64 = 60;
/// after how many a failed look is repeated,
const RETRY: i64 = 10;
/// and how many lie between two looks for a new key.
const KEY_LOOK: i64 = 60;

/// Only one asks at a time: whoever comes meanwhile gets the same answer. What is known can be had without waiting for that.
#[derive(Default)]
pub struct Known {
    looked: Mutex<Looked>,
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Looked {
    metadata: Option<Arc<Metadata>>,
    fetched_at: Option<Timestamp>,
    failed_at: Option<Timestamp>,
    keys_looked_for_at: Option<Timestamp>,
}

/// Whether something is so recent. Whoever waited for their turn began before what they waited for.
fn within(at: Option<Timestamp>, seconds: i64, now: Timestamp) -> bool {
    at.is_some_and(|at| (-RETRY..seconds).contains(&at.until(now)))
}

impl Known {
    /// Its endpoints and keys; from memory, as a rule.
    ///
    /// # Errors
    /// [`Trouble::NotAnswering`].
    pub async fn metadata(
        &self,
        config: &ProviderConfig,
        wire: &Wire,
        now: Timestamp,
    ) -> Result<Arc<Metadata>, Trouble> {
        match self.asked(config, wire, now, KEPT).await {
            // What was known until now may well still hold.
            Err(trouble) => self.looked().metadata.clone().ok_or(trouble),
            answered => answered,
        }
    }

    /// The same from a provider that answered just now: before somebody is sent there, who could not be told afterwards
    /// that it is down.
    ///
    /// # Errors
    /// [`Trouble::NotAnswering`].
    pub async fn answering(
        &self,
        config: &ProviderConfig,
        wire: &Wire,
        now: Timestamp,
    ) -> Result<Arc<Metadata>, Trouble> {
        self.asked(config, wire, now, ALIVE).await
    }

    /// Whether it ever answered.
    pub fn is_known(&self) -> bool {
        self.looked().metadata.is_some()
    }

    fn looked(&self) -> MutexGuard<'_, Looked> {
        self.looked.lock().expect("nobody panics while they hold it")
    }

    fn remembered(&self, now: Timestamp, age: i64) -> Option<Result<Arc<Metadata>, Trouble>> {
        let known = self.looked();
        match &known.metadata {
            Some(metadata) if within(known.fetched_at, age, now) => Some(Ok(Arc::clone(metadata))),
            _ => within(known.failed_at, RETRY, now)
                .then(|| Err(Trouble::NotAnswering("it did not a moment ago".to_owned()))),
        }
    }

    async fn asked(
        &self,
        config: &ProviderConfig,
        wire: &Wire,
        now: Timestamp,
        age: i64,
    ) -> Result<Arc<Metadata>, Trouble> {
        if let Some(answer) = self.remembered(now, age) {
            return answer;
        }
        let _turn = self.turn.lock().await;
        if let Some(answer) = self.remembered(now, age) {
            return answer;
        }
        let issuer = IssuerUrl::new(config.issuer.clone()).expect("the settings were checked");
        let http = |request| wire.fetch(request);
        let asked = tokio::time::timeout(PATIENCE, Metadata::discover_async(issuer, &http)).await;
        let fault = match asked {
            Ok(Ok(metadata)) if wire.may_talk_to(metadata.authorization_endpoint().url()) => {
                let metadata = Arc::new(metadata);
                *self.looked() =
                    Looked { metadata: Some(Arc::clone(&metadata)), fetched_at: Some(now), ..Looked::default() };
                return Ok(metadata);
            }
            Ok(Ok(_)) => "its authorization endpoint is not https".to_owned(),
            Ok(Err(error)) => reason(&error),
            Err(_) => "no answer in time".to_owned(),
        };
        self.looked().failed_at = Some(now);
        tracing::warn!(provider = config.id, reason = ?fault, "a provider's discovery document cannot be had");
        Err(Trouble::NotAnswering(fault))
    }

    /// The same with the keys that it has now. It is asked for them once a minute at most, whatever tokens come.
    ///
    /// # Errors
    /// [`Trouble::NotAnswering`].
    pub async fn newer_keys(
        &self,
        metadata: &Arc<Metadata>,
        wire: &Wire,
        now: Timestamp,
    ) -> Result<Arc<Metadata>, Trouble> {
        let _turn = self.turn.lock().await;
        {
            let mut known = self.looked();
            if within(known.keys_looked_for_at, KEY_LOOK, now) {
                return Ok(known.metadata.clone().unwrap_or_else(|| Arc::clone(metadata)));
            }
            known.keys_looked_for_at = Some(now);
        }
        let http = |request| wire.fetch(request);
        let keys = JsonWebKeySet::fetch_async(metadata.jwks_uri(), &http)
            .await
            .map_err(|error| Trouble::NotAnswering(format!("keys: {}", reason(&error))))?;
        let fresh = Arc::new(Metadata::clone(metadata).set_jwks(keys));
        self.looked().metadata = Some(Arc::clone(&fresh));
        Ok(fresh)
    }
}
