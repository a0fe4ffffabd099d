//! The page of those who have one token at a time.

use askama::Template;

use super::{ExpiryView, Home, TokenRow};
use crate::auth::secret::PlainSecret;
use crate::web::{FieldError, Shell, filters};

#[derive(Template)]
#[template(path = "tokens/one.html")]
pub struct OnePage {
    pub shell: Shell,
    pub errors: Vec<FieldError>,
    pub expiry: ExpiryView,
    /// The one that there is.
    pub token: Option<TokenRow>,
    /// Its secret, in the answer that made it.
    pub secret: Option<PlainSecret>,
    pub home: Home,
    /// Whom to ask whose it is.
    pub self_url: String,
    /// Another one was asked for while there was one.
    pub refused: bool,
    pub file_url: String,
}
