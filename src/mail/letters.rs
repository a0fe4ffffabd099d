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
    /// For how many seconds the link in it is good, if there is one that opens something.
    pub good_for: Option<i64>,
}

impl Letter {
    /// Renders both bodies.
    ///
    /// # Errors
    /// When a template fails.
    pub fn write(subject: String, text: &impl Template, html: &impl Template) -> Result<Self> {
        Ok(Self { subject, text: text.render()?, html: html.render()?, good_for: None })
    }

    /// With a link that opens something for so many seconds. When they are over, the mail is not sent any more, and its text
    /// is taken out of the outbox.
    #[must_use]
    pub fn good_for(mut self, seconds: i64) -> Self {
        self.good_for = Some(seconds);
        self
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
    /// A token was made, or something about it changed.
    TokenNotice, "mail/token_notice.txt", "mail/token_notice.html",
    { product, first_name, event, token_name, can, expires, at, browser, address, url },
    |facts| format!("{}: a personal access token {}", facts.product, facts.event)
}

letter! {
    /// A token's old secret was tried after it had ended; `kind` is what the token is called.
    OldSecretUsed, "mail/old_secret_used.txt", "mail/old_secret_used.html",
    { product, first_name, kind, token_name, secret, ended, at, browser, address, url },
    |facts| format!("{}: an ended secret of a {} was tried", facts.product, facts.kind)
}

letter! {
    /// Somebody would like an account: prove the address.
    ConfirmAddress, "mail/confirm_address.txt", "mail/confirm_address.html",
    { product, url },
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
    /// A member invites to their organization.
    OrganizationInvitation, "mail/organization_invitation.txt", "mail/organization_invitation.html",
    { product, from, organization, role, strangers, url },
    |facts| format!("You are invited to {} on {}", facts.organization, facts.product)
}

letter! {
    /// A link to choose a new password.
    ResetPassword, "mail/reset_password.txt", "mail/reset_password.html",
    { product, first_name, at, browser, address, url },
    |facts| format!("{}: choose a new password", facts.product)
}

letter! {
    /// A link to confirm who somebody is.
    ConfirmByMail, "mail/confirm_by_mail.txt", "mail/confirm_by_mail.html",
    { product, first_name, at, browser, address, url },
    |facts| format!("{}: confirm it is you", facts.product)
}

letter! {
    /// To the mailbox that an account would like to have: prove it.
    ConfirmNewAddress, "mail/confirm_new_address.txt", "mail/confirm_new_address.html",
    { product, old_email, url },
    |facts| format!("{}: confirm your new e-mail address", facts.product)
}

letter! {
    /// To a mailbox that has an account, and that another account would like to have.
    AddressTaken, "mail/address_taken.txt", "mail/address_taken.html",
    { product, sign_in_url },
    |facts| format!("{}: this address has an account already", facts.product)
}

letter! {
    /// To the mailbox that an account has: somebody asked for another one. `wait` is empty where it need not say yes.
    ChangeAddress, "mail/change_address.txt", "mail/change_address.html",
    { product, first_name, new_email, wait, at, browser, address, url },
    |facts| format!("{}: your e-mail address is to be changed", facts.product)
}

letter! {
    /// Something that a thief would do, too; [`super::SecurityNotice`] writes it.
    SecurityNoticeLetter, "mail/security_notice.txt", "mail/security_notice.html",
    { product, first_name, what, more, by, at, browser, address, always, fear, advice, url },
    |facts| format!("{}: {}", facts.product, lower_first(&facts.what))
}

/// A heading as the end of a subject: "Your password …" becomes "your password …".
fn lower_first(heading: &str) -> String {
    let mut letters = heading.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
