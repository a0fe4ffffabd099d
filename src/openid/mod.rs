//! Signing in with Google or any other OpenID provider.
//!
//! A provider's account is known by its issuer and subject, never by an address. It opens an account here that it was
//! connected with, makes a new one where that is allowed, and is connected with one that is there already only by somebody
//! who is signed in to it.

pub mod connected;
mod flows;
pub mod pages;
mod policy;
pub mod proofs;
mod provider;
mod queries;
mod service;

pub use flows::forget_old;
pub use provider::{Claims, Provider, Secrets, Trouble, Wish};
pub use service::{Doors, Way, disconnect_since};

use std::collections::BTreeMap;

use crate::config::Config;
use crate::urls;

/// All providers of an instance, in the operator's order.
pub struct Providers(Vec<Provider>);

impl Providers {
    /// Makes them ready; asks none of them anything.
    ///
    /// # Errors
    /// One line about the setting that is wrong.
    pub fn of(config: &Config) -> Result<Self, String> {
        let make = |provider: &crate::config::ProviderConfig| {
            Provider::new(provider.clone(), config.absolute(&urls::login_callback(&provider.id)))
        };
        config.providers.iter().map(make).collect::<Result<_, _>>().map(Self)
    }

    /// The one with this id.
    pub fn get(&self, id: &str) -> Option<&Provider> {
        self.0.iter().find(|provider| provider.config.id == id)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter()
    }

    /// Whose word opens accounts.
    fn issuers(&self) -> Vec<String> {
        self.iter().map(|provider| provider.config.issuer.clone()).collect()
    }

    /// What people call each issuer.
    fn names(&self) -> BTreeMap<String, String> {
        self.iter().map(|provider| (provider.config.issuer.clone(), provider.config.name.clone())).collect()
    }
}

/// A button that leads to a provider.
pub struct ProviderButton {
    /// What it says after "Continue with".
    pub name: String,
    /// Where it leads.
    pub url: String,
}

impl Providers {
    /// The buttons of a sign-in page that leads on to `next`.
    pub fn buttons(&self, next: &str) -> Vec<ProviderButton> {
        let button = |provider: &Provider| ProviderButton {
            name: provider.config.name.clone(),
            url: urls::login_with(&provider.config.id, next),
        };
        self.iter().map(button).collect()
    }

    /// The buttons of a page that is about a new account.
    pub fn sign_up_buttons(&self) -> Vec<ProviderButton> {
        let makes = |provider: &&Provider| provider.config.allow_sign_up;
        let button = |provider: &Provider| ProviderButton {
            name: provider.config.name.clone(),
            url: urls::login_with(&provider.config.id, ""),
        };
        self.iter().filter(makes).map(button).collect()
    }

    /// The buttons with which the first administrator shows who they are.
    pub fn set_up_buttons(&self, code: &str) -> Vec<ProviderButton> {
        let button = |provider: &Provider| ProviderButton {
            name: provider.config.name.clone(),
            url: urls::set_up_with(&provider.config.id, code),
        };
        self.iter().map(button).collect()
    }

    /// Help on getting an account at Google with a business address, where Google is among them: the page to read.
    pub fn google_help(&self) -> Option<String> {
        let google = self.iter().find(|provider| provider.config.is_google())?;
        google.config.help_url.as_ref().map(ToString::to_string)
    }
}
