//! Users: the people with accounts, and each one's private organization, which is made with the account.

mod queries;
mod service;
mod suspension;

pub use queries::{Credentials, by_email, credentials, email_key, search_key};
pub use service::{NewUser, create};
pub use suspension::{reactivate, suspend};

use crate::text_enum;

/// How a person is called: first and last name, as far as they are known; else the e-mail.
pub fn called(first: &str, last: &str, email: &str) -> String {
    let name = format!("{first} {last}").trim().to_owned();
    if name.is_empty() { email.to_owned() } else { name }
}

text_enum! {
    /// Whether an account may be used.
    pub enum UserStatus {
        /// It may.
        Active = "active",
        /// An administrator closed it: no door opens, no token is good.
        Suspended = "suspended",
    }
}

text_enum! {
    /// How the pages look.
    pub enum Theme {
        /// Light; the default.
        Light = "light",
        /// Dark.
        Dark = "dark",
        /// As the system says.
        System = "system",
    }
}
