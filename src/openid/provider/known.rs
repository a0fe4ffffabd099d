//! What is known of a provider: its endpoints and keys, asked for when somebody wants them, and kept for a while.

use std::sync::Arc;

use openidconnect::{IssuerUrl, JsonWebKeySet};
use tokio::sync::Mutex;

use super::Trouble;
use super::dialect::Metadata;
use super::wire::{PATIENCE, Wire, reason};
use crate::clock::Timestamp;
use crate::config::ProviderConfig;

/// For how many seconds its discovery document and keys are kept,
const KEPT: i64 = 60 * 60;
/// after how many a failed look is repeated,
const RETRY: i64 = 10;
/// and how many lie between two looks for a new key.
const KEY_LOOK: i64 = 60;

/// Behind one lock, which is held while it is asked: whoever comes meanwhile gets the same answer.
#[derive(Default)]
pub struct Known(Mutex<Looked>);

#[derive(Default)]
struct Looked {
    metadata: Option<Arc<Metadata>>,
    fetched_at: Option<Timestamp>,
    failed_at: Option<Timestamp>,
    keys_looked_for_at: Option<Timestamp>,
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
        let mut known = self.0.lock().await;
        let within = |at: Option<Timestamp>, seconds| at.is_some_and(|at| (0..seconds).contains(&at.until(now)));
        if within(known.fetched_at, KEPT) || within(known.failed_at, RETRY) {
            let why = || Trouble::NotAnswering("it did not a moment ago".to_owned());
            return known.metadata.clone().ok_or_else(why);
        }
        let issuer = IssuerUrl::new(config.issuer.clone()).expect("the settings were checked");
        let http = |request| wire.fetch(request);
        let asked = tokio::time::timeout(PATIENCE, Metadata::discover_async(issuer, &http)).await;
        let fault = match asked {
            Ok(Ok(metadata)) if wire.may_talk_to(metadata.authorization_endpoint().url()) => {
                let metadata = Arc::new(metadata);
                *known = Looked { metadata: Some(Arc::clone(&metadata)), fetched_at: Some(now), ..Looked::default() };
                return Ok(metadata);
            }
            Ok(Ok(_)) => "its authorization endpoint is not https".to_owned(),
            Ok(Err(error)) => reason(&error),
            Err(_) => "no answer in time".to_owned(),
        };
        known.failed_at = Some(now);
        tracing::warn!(provider = config.id, reason = ?fault, "a provider's discovery document cannot be had");
        // What was known until now may well still hold.
        known.metadata.clone().ok_or(Trouble::NotAnswering(fault))
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
        let mut known = self.0.lock().await;
        if known.keys_looked_for_at.is_some_and(|at| (0..KEY_LOOK).contains(&at.until(now))) {
            return Ok(known.metadata.clone().unwrap_or_else(|| Arc::clone(metadata)));
        }
        known.keys_looked_for_at = Some(now);
        let http = |request| wire.fetch(request);
        let keys = JsonWebKeySet::fetch_async(metadata.jwks_uri(), &http)
            .await
            .map_err(|error| Trouble::NotAnswering(format!("keys: {}", reason(&error))))?;
        let fresh = Arc::new(Metadata::clone(metadata).set_jwks(keys));
        known.metadata = Some(Arc::clone(&fresh));
        Ok(fresh)
    }
}
