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
    /// The password was changed.
    PasswordChanged, "mail/password_changed.txt", "mail/password_changed.html",
    { product, first_name, at, browser, address, url },
    |facts| format!("{}: your password was changed", facts.product)
}
