//! What the pages of service accounts show.

use askama::Template;

use super::queries::{Account, Listed};
use crate::auth::secret::PlainSecret;
use crate::clock::Timestamp;
use crate::organizations::roles::views::OwnMatrix;
use crate::organizations::views::{Place, RoleOption, role_name};
use crate::tokens::views::{
    AddressRow, Choice, ExpiryView, HistoryRow, Home, ListView, OldSecret, Rights, TokenDetail, TokenRow,
};
use crate::urls;
use crate::web::{Badge, Field, FieldError, Moment, Shell, filters};

#[derive(Template)]
#[template(path = "service_accounts/list.html")]
pub struct AccountsPage {
    pub shell: Shell,
    pub place: Place,
    pub rows: Vec<AccountRow>,
    pub search: String,
    pub newer: Option<String>,
    pub older: Option<String>,
    pub may_create: bool,
}

/// One in the list.
pub struct AccountRow {
    pub name: String,
    pub description: String,
    pub role: String,
    pub responsible: String,
    pub status: Badge,
    pub live: i64,
    pub created: Moment,
    pub url: String,
}

impl AccountRow {
    pub fn of(listed: &Listed, slug: &str, now: Timestamp) -> Self {
        let account = &listed.account;
        Self {
            name: account.name.clone(),
            description: account.description.clone(),
            role: role_name(account.role.0, account.role.2.as_deref()),
            responsible: account.responsible_name().unwrap_or_default(),
            status: badge(account),
            live: listed.live,
            created: Moment::new(account.created_at, now),
            url: urls::service_account(slug, &account.id),
        }
    }
}

fn badge(account: &Account) -> Badge {
    if account.is_enabled { Badge { kind: "good", word: "Active" } } else { Badge { kind: "danger", word: "Disabled" } }
}

#[derive(Template)]
#[template(path = "service_accounts/form.html")]
pub struct AccountFormPage {
    pub shell: Shell,
    pub place: Place,
    pub errors: Vec<FieldError>,
    pub name: Field,
    pub description: Field,
    pub role: Field,
    pub options: Vec<RoleOption>,
    pub email: Field,
    pub action_url: String,
    pub back_url: String,
    pub button: &'static str,
    /// The account that is changed.
    pub of: Option<String>,
}

#[derive(Template)]
#[template(path = "service_accounts/show.html")]
pub struct AccountPage {
    pub shell: Shell,
    pub place: Place,
    pub account: AccountRow,
    pub responsible_url: Option<String>,
    pub tokens: Vec<TokenRow>,
    pub view: ListView,
    pub keys: Vec<TokenRow>,
    /// What may be done with it by whoever asks.
    pub edit_url: Option<String>,
    pub new_token_url: Option<String>,
    pub disable_url: Option<String>,
    pub enable_url: Option<String>,
    pub delete_url: Option<String>,
    /// They may change service accounts, but this one has more than they have.
    pub beyond: bool,
}

impl AccountPage {
    pub fn row(account: &Account, live: i64, slug: &str, now: Timestamp) -> AccountRow {
        AccountRow::of(&Listed { account: account.clone(), live }, slug, now)
    }
}

#[derive(Template)]
#[template(path = "service_accounts/new_token.html")]
pub struct NewTokenPage {
    pub shell: Shell,
    pub place: Place,
    pub account: String,
    pub role: String,
    pub errors: Vec<FieldError>,
    pub name: Field,
    pub description: Field,
    pub expiry: ExpiryView,
    pub rights: Rights,
    /// Over the organization's own matters.
    pub own: OwnMatrix,
    pub action_url: String,
    pub back_url: String,
}

#[derive(Template)]
#[template(path = "service_accounts/issued.html")]
pub struct IssuedPage {
    pub shell: Shell,
    pub place: Place,
    pub account: String,
    pub home: Home,
    pub token: TokenDetail,
    pub secret: PlainSecret,
    pub self_url: String,
    pub again: bool,
    pub old_until: Option<Moment>,
}

#[derive(Template)]
#[template(path = "service_accounts/token.html")]
pub struct TokenPage {
    pub shell: Shell,
    pub place: Place,
    pub account: String,
    pub account_url: String,
    pub is_enabled: bool,
    pub token: TokenDetail,
    pub old: Option<OldSecret>,
    pub addresses: Vec<AddressRow>,
    pub history: Vec<HistoryRow>,
    pub may_change: bool,
    pub may_renew: bool,
}

#[derive(Template)]
#[template(path = "service_accounts/regenerate.html")]
pub struct RegeneratePage {
    pub shell: Shell,
    pub place: Place,
    pub account: String,
    pub account_url: String,
    pub errors: Vec<FieldError>,
    pub token_name: String,
    pub live: bool,
    pub name_taken: bool,
    pub old_end: Option<String>,
    pub expiry: ExpiryView,
    pub old: Field,
    pub overlaps: Vec<Choice>,
    pub made_for: Option<String>,
    pub action_url: String,
    /// There is none here.
    pub edit_url: String,
    pub back_url: String,
}
