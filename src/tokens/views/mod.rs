//! What the pages of tokens show: everything in the form in which it is printed.

mod file;
mod form;
mod home;
mod list;
mod one;
mod token;

pub use file::{TokenFile, file_name};
pub use form::{
    AccessWords, Choice, EditTokenPage, ExpiryView, NewTokenPage, PlaceChoice, RegeneratePage, Rights, ScopeMatrix,
    Ticked,
};
pub use home::Home;
pub use list::{AllGonePage, ListPage, ListView, SelectionPage, rows};
pub use one::OnePage;
pub use token::{AddressRow, ConfirmTokenPage, HistoryRow, IssuedPage, OldSecret, TokenDetail, TokenPage};

use super::policy::Status;
use super::queries::{Place, Token};
use crate::auth::secret::masked;
use crate::catalogue::Scopes;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::urls;
use crate::web::{Badge, Moment};

/// A token in a line of the list.
pub struct TokenRow {
    pub id: String,
    pub name: String,
    pub description: String,
    pub masked: String,
    pub status: Badge,
    pub rights: String,
    pub place: String,
    pub created: Moment,
    pub expires: Option<Moment>,
    pub soon: bool,
    pub last_used: Option<Moment>,
    pub last_used_from: String,
    pub url: String,
    pub edit_url: String,
    pub regenerate_url: String,
    pub revoke_url: String,
    pub delete_url: String,
    pub live: bool,
}

impl TokenRow {
    /// A personal token's.
    pub fn of(token: &Token, places: &[Place], config: &Config, now: Timestamp) -> Self {
        Self::at(&Home::Personal, token, places, config, now)
    }

    pub fn at(home: &Home, token: &Token, places: &[Place], config: &Config, now: Timestamp) -> Self {
        let (record, secret) = (&token.record, &token.secret);
        let id = &record.id;
        Self {
            id: id.to_string(),
            name: record.name.clone(),
            description: record.description.clone(),
            masked: masked(&config.tokens.brand, record.kind.secret(), &secret.last_four),
            status: badge(token, now),
            rights: super::words::short(
                record.everything,
                &Scopes::from_text(&record.scopes),
                home.bound(),
                &config.catalogue,
            ),
            place: place_name(token, places).unwrap_or_else(|| "All of mine".to_owned()),
            created: Moment::new(record.created_at, now),
            expires: secret.expires_at.map(|end| Moment::end(end, now)),
            soon: token.expires_soon(now),
            last_used: secret.last_used_at.map(|used| Moment::new(used, now)),
            last_used_from: token::used_from(secret),
            url: home.token(id),
            edit_url: urls::settings_token_edit(id),
            regenerate_url: home.regenerate(id),
            revoke_url: home.revoke(id),
            delete_url: home.delete(id),
            live: token.status(now) == Status::Active,
        }
    }
}

/// The one organization that a token is for.
fn place_name(token: &Token, places: &[Place]) -> Option<String> {
    let bound = token.record.organization_id.as_ref()?;
    let known = places.iter().find(|place| place.id == *bound);
    Some(known.map_or_else(|| "an organization that you are no member of".to_owned(), |place| place.name.clone()))
}

fn badge(token: &Token, now: Timestamp) -> Badge {
    match token.status(now) {
        Status::Active if token.expires_soon(now) => Badge { kind: "attention", word: "Expires soon" },
        Status::Active => Badge { kind: "good", word: "Active" },
        Status::Expired => Badge { kind: "quiet", word: "Expired" },
        Status::Revoked => Badge { kind: "danger", word: "Revoked" },
    }
}
