//! What the forms send.

use serde::Deserialize;
use validator::Validate;

use crate::web::returning;
use crate::{text, urls};

/// A new passkey, or a new name for one.
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct PasskeyForm {
    /// What it shall be called.
    #[validate(custom(function = text::title))]
    pub name: String,
    /// What the authenticator answered, as JSON.
    pub credential: String,
    /// Where to go on.
    pub next: String,
}

impl PasskeyForm {
    /// Where one goes on afterwards.
    pub fn next(&self) -> String {
        returning::safe(&self.next, &urls::settings_security())
    }
}

/// Removing one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RemoveForm {
    /// Shall all other browsers sign in again?
    pub others: Option<String>,
}

/// Signing in, and confirming.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct DoorForm {
    /// What the authenticator answered, as JSON.
    pub credential: String,
    /// "Keep me signed in".
    pub keep: Option<String>,
    /// Where to go on.
    pub next: String,
}
