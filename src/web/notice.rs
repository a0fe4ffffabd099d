//! Notices: what the next page says after something was done. Only a code travels, in a cookie of its own, so a notice
//! can hold neither a secret nor anything that somebody typed.

use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpRequest, HttpResponse};

use crate::text_enum;

const COOKIE: &str = "keystead_notice";

text_enum! {
    /// Everything that a page can say about what was just done.
    pub enum Notice {
        /// After a form without scripts.
        ProfileSaved = "profile-saved",
        /// After a form without scripts.
        AppearanceSaved = "appearance-saved",
        /// The other sessions ended.
        PasswordChanged = "password-changed",
        /// It stopped working.
        TokenRevoked = "token-revoked",
        /// It is gone.
        TokenDeleted = "token-deleted",
        /// The same form came twice.
        TokenAlreadyCreated = "token-already-created",
        /// The same form came twice, and what it made is gone.
        TokenFormUsed = "token-form-used",
        /// It stopped working.
        VerifierDeleted = "verifier-deleted",
        /// Signed out.
        SignedOut = "signed-out",
        /// Proved it again.
        Confirmed = "confirmed",
        /// The account is made.
        SignedUp = "signed-up",
        /// A new password, through a mailed link.
        PasswordReset = "password-reset",
        /// One other session ended.
        SessionEnded = "session-ended",
        /// Every session ended.
        SignedOutEverywhere = "signed-out-everywhere",
        /// It no longer opens anything.
        InvitationCancelled = "invitation-cancelled",
        /// Setup is done.
        SetUp = "set-up",
    }
}

/// A notice as the shell shows it.
#[derive(Debug, Clone)]
pub struct NoticeView {
    /// `good`, `attention` or `danger`.
    pub kind: &'static str,
    /// One or two sentences.
    pub text: String,
}

impl Notice {
    fn view(self, count: usize) -> NoticeView {
        if self == Self::SignedOutEverywhere {
            let sessions =
                if count == 1 { "1 session has ended".to_owned() } else { format!("{count} sessions have ended") };
            return NoticeView {
                kind: "good",
                text: format!("You are signed out everywhere: {sessions}, this one too."),
            };
        }
        let (kind, text) = match self {
            Self::ProfileSaved => ("good", "Your profile is saved."),
            Self::AppearanceSaved => ("good", "Your choice is saved."),
            Self::PasswordChanged => (
                "good",
                "Your password is changed. Everywhere else you were signed out, and we sent you a mail about it.",
            ),
            Self::TokenRevoked => ("good", "The token is revoked. It stopped working at once, for good."),
            Self::TokenDeleted => ("good", "The token is deleted. Whatever used it needs a new one."),
            Self::TokenAlreadyCreated => (
                "attention",
                "This token was created already, and its secret is shown only once. If you did not copy it, delete the token and create a new one.",
            ),
            Self::TokenFormUsed => (
                "attention",
                "That form had made a token already, which has been deleted since. Nothing was created now.",
            ),
            Self::VerifierDeleted => ("good", "The verifier is deleted. Its credential stopped working at once."),
            Self::SignedOut => ("good", "You are signed out."),
            Self::Confirmed => ("good", "Thank you. Nothing was done yet: go on where you were."),
            Self::SignedUp => ("good", "Welcome. Your account is made; have a look whether your profile is right."),
            Self::PasswordReset => {
                ("good", "Your new password is set, and every earlier session has ended. Sign in with it.")
            }
            Self::SignedOutEverywhere | Self::SessionEnded => {
                ("good", "That session has ended. Its browser has to sign in again.")
            }
            Self::InvitationCancelled => ("good", "The invitation is taken back. Its link no longer opens anything."),
            Self::SetUp => ("good", "Keystead is set up, and you are its first administrator."),
        };
        NoticeView { kind, text: text.to_owned() }
    }

    /// Hands the notice to the next page, with how many things it is about.
    pub fn send_with(self, response: &mut HttpResponse, secure: bool, count: usize) {
        Self::send_word(response, secure, &format!("{}.{count}", self.as_str()));
    }

    /// Hands the notice to the next page.
    pub fn send(self, response: &mut HttpResponse, secure: bool) {
        Self::send_word(response, secure, self.as_str());
    }

    fn send_word(response: &mut HttpResponse, secure: bool, word: &str) {
        let cookie = Cookie::build(COOKIE, word)
            .path("/")
            .http_only(true)
            .secure(secure)
            .same_site(SameSite::Lax)
            .max_age(actix_web::cookie::time::Duration::minutes(1))
            .finish();
        drop(response.add_cookie(&cookie));
    }

    /// The notice that an earlier answer handed on, if there is one.
    pub fn received(request: &HttpRequest) -> Option<NoticeView> {
        let cookie = request.cookie(COOKIE)?;
        let (word, count) =
            cookie.value().split_once('.').map_or((cookie.value(), None), |(word, count)| (word, Some(count)));
        let count = count.and_then(|count| count.parse().ok()).unwrap_or(0);
        Self::from_word(word).map(|notice| notice.view(count))
    }

    /// Takes the notice back once a page showed it.
    pub fn clear(response: &mut HttpResponse) {
        let mut cookie = Cookie::build(COOKIE, "").path("/").finish();
        cookie.make_removal();
        drop(response.add_cookie(&cookie));
    }
}
