//! The form of a service account.

use serde::Deserialize;
use validator::Validate;

use super::queries::Account;
use super::service::NewAccount;
use crate::text;
use crate::web::Problems;

/// What it sends; an address with the same names fills it in.
#[derive(Debug, Clone, Default, Deserialize, Validate)]
#[serde(default)]
pub struct AccountForm {
    /// What it shall be called.
    #[validate(custom(function = text::title))]
    pub name: String,
    /// What it is for.
    #[validate(custom(function = text::description))]
    pub description: String,
    /// A built-in role's word, or an own one's id.
    pub role: String,
    /// The address of the member who is responsible.
    pub email: String,
}

impl AccountForm {
    /// As it stands for an account that there is.
    pub fn of(account: &Account) -> Self {
        Self {
            name: account.name.clone(),
            description: account.description.clone(),
            role: account.role_word().to_owned(),
            email: account.responsible.as_ref().map(|(.., email)| email.clone()).unwrap_or_default(),
        }
    }

    /// What it says.
    ///
    /// # Errors
    /// What is wrong, at the fields.
    pub fn check(&self) -> Result<NewAccount, Problems> {
        let mut problems = Problems::of(self);
        if self.role.trim().is_empty() {
            problems.add("role", "Choose a role");
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(NewAccount {
            name: text::tidy(&self.name),
            description: text::tidy(&self.description),
            role: self.role.clone(),
            responsible: self.email.trim().to_owned(),
        })
    }
}
