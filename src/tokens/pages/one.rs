//! The page of those who have one token at a time. It makes and deletes by the same ways as the list and the long form.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use crate::app::Instance;
use crate::auth::secret::PlainSecret;
use crate::error::Result;
use crate::tokens::policy::TokenPolicy;
use crate::tokens::queries::Token;
use crate::tokens::views::{ExpiryView, Home, OnePage, TokenRow};
use crate::urls;
use crate::web::{Problems, Visitor, html};

/// What the page says beside the token itself.
#[derive(Default)]
pub struct Said<'a> {
    /// What was chosen.
    pub expiry: &'a str,
    /// What was wrong with it.
    pub problems: Problems,
    /// The secret, in the answer that made it.
    pub secret: Option<PlainSecret>,
    /// Another one was asked for.
    pub refused: bool,
}

/// The page, with the one token that there is, if there is one.
pub fn page(
    visitor: &Visitor,
    instance: &Instance,
    policy: &TokenPolicy,
    token: Option<&Token>,
    said: Said<'_>,
) -> Result<HttpResponse> {
    let now = visitor.now();
    let status =
        if said.refused || !said.problems.is_empty() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = OnePage {
        shell: visitor.shell("Personal access token", "tokens"),
        errors: said.problems.list(),
        expiry: ExpiryView::new(said.expiry, "", &said.problems, policy, now).presets_alone(),
        token: token.map(|token| TokenRow::of(token, &[], &instance.config, now)),
        secret: said.secret,
        home: Home::Personal,
        self_url: instance.config.absolute(&urls::api_self()),
        refused: said.refused,
        file_url: token.map(|token| urls::settings_token_file(&token.record.id)).unwrap_or_default(),
    };
    html(status, &page)
}
