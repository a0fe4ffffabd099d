//! The form of a new token: what is sent, and what it means.

use serde::Deserialize;
use validator::Validate;

use super::policy::expiry;
use super::service::NewToken;
use crate::catalogue::{Scope, ScopeProblem, Scopes};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::text;
use crate::web::Problems;

/// More scopes than a catalogue can have boxes are not a form's.
const MOST_SCOPES: usize = 500;

/// What the form sends; an address with the same names fills it in.
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct NewTokenForm {
    /// The form's one-time name.
    pub form_id: String,
    /// What the token shall be called.
    #[validate(custom(function = text::title))]
    pub name: String,
    /// What it is for.
    #[validate(custom(function = text::description))]
    pub description: String,
    /// Days, `date` or `never`.
    pub expiry: String,
    /// The day, where `expiry` is `date`.
    pub date: String,
    /// `selected` or `everything`.
    pub access: String,
    /// The ticked boxes.
    pub scope: Vec<String>,
}

impl NewTokenForm {
    /// The token that is meant.
    ///
    /// # Errors
    /// All that is wrong with it, field by field.
    pub fn check(&self, now: Timestamp, config: &Config) -> Result<NewToken, Problems> {
        let mut problems = Problems::of(self);
        let expires_at = expiry(&self.expiry, &self.date, now, &config.tokens).unwrap_or_else(|problem| {
            problems.add(problem.field(), problem.to_string());
            None
        });
        let everything = match self.access.as_str() {
            "everything" => true,
            "selected" => false,
            _ => {
                problems.add("access", "Choose what the token may do");
                false
            }
        };
        let scopes = self.scopes(config).unwrap_or_else(|problem| {
            problems.add("scope", problem);
            Scopes::default()
        });
        if self.access == "selected" && self.scope.is_empty() {
            problems.add("scope", "Tick at least one right, or choose everything that you may do");
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let scopes = if everything { Scopes::default() } else { scopes };
        Ok(NewToken {
            name: text::tidy(&self.name),
            description: text::tidy(&self.description),
            expires_at,
            everything,
            scopes,
        })
    }

    /// The ticked boxes and all that they fill in.
    fn scopes(&self, config: &Config) -> Result<Scopes, String> {
        if self.scope.len() > MOST_SCOPES {
            return Err(format!("Choose {MOST_SCOPES} rights or fewer"));
        }
        let read = self.scope.iter().map(|text| Scope::parse(text, &config.catalogue)).collect::<Result<Vec<_>, _>>();
        read.map(|scopes| Scopes::filled_in(scopes, &config.catalogue)).map_err(|problem| match problem {
            ScopeProblem::Malformed(_) | ScopeProblem::Unknown(_) => {
                "One of the rights does not exist here; tick the ones that you need".to_owned()
            }
        })
    }
}
