//! The mails that Keystead writes, each with a subject, plain text and simple HTML. No link in them comes from a user.

use askama::Template;

use crate::error::Result;

/// A mail, written.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Subject.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The same in HTML.
    pub html: String,
}

impl Letter {
    /// Renders both bodies.
    ///
    /// # Errors
    /// When a template fails.
    pub fn write(subject: String, text: &impl Template, html: &impl Template) -> Result<Self> {
        Ok(Self { subject, text: text.render()?, html: html.render()? })
    }
}

/// Declares a letter: one struct for its facts, rendered as text and as HTML.
macro_rules! letter {
    ($(#[$doc:meta])* $name:ident, $text:literal, $html:literal, { $($field:ident),+ $(,)? }, |$facts:ident| $subject:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name { $(#[allow(missing_docs)] pub $field: String),+ }

        const _: () = {
            #[derive(Template)]
            #[template(path = $text, escape = "none")]
            struct Text<'a> { $($field: &'a str),+ }

            #[derive(Template)]
            #[template(path = $html)]
            struct Html<'a> { $($field: &'a str),+ }

            impl $name {
                /// The letter, rendered.
                ///
                /// # Errors
                /// When a template fails.
                pub fn letter(&self) -> Result<Letter> {
                    let $facts = self;
                    Letter::write($subject, &Text { $($field: &self.$field),+ }, &Html { $($field: &self.$field),+ })
                }
            }
        };
    };
}

letter! {
    /// A token was made.
    TokenCreated, "mail/token_created.txt", "mail/token_created.html",
    { product, first_name, token_name, expires, at, browser, address, url },
    |facts| format!("{}: a personal access token was created", facts.product)
}

letter! {
    /// Somebody would like an account: prove the address.
    ConfirmAddress, "mail/confirm_address.txt", "mail/confirm_address.html",
    { product, first_name, url },
    |facts| format!("{}: confirm your e-mail address", facts.product)
}

letter! {
    /// Somebody would like an account, and the address has one.
    AddressKnown, "mail/address_known.txt", "mail/address_known.html",
    { product, sign_in_url, forgot_url },
    |facts| format!("{}: you have an account already", facts.product)
}

letter! {
    /// An administrator invites to make an account.
    Invitation, "mail/invitation.txt", "mail/invitation.html",
    { product, from, url },
    |facts| format!("You are invited to {}", facts.product)
}

letter! {
    /// A link to choose a new password.
    ResetPassword, "mail/reset_password.txt", "mail/reset_password.html",
    { product, first_name, at, browser, address, url },
    |facts| format!("{}: choose a new password", facts.product)
}

letter! {
    /// The password was set anew through a mailed link.
    PasswordReset, "mail/password_reset.txt", "mail/password_reset.html",
    { product, first_name, at, browser, address, url },
    |facts| format!("{}: your password was set anew", facts.product)
}

letter! {
    /// The password was changed.
    PasswordChanged, "mail/password_changed.txt", "mail/password_changed.html",
    { product, first_name, at, browser, address, url },
    |facts| format!("{}: your password was changed", facts.product)
}
