//! What the templates print.

use actix_web::http::header;
use askama::Template;

use super::policy::{MOST, address};
use super::queries;
use super::queries::Record;
use crate::auth::capability::{Owner, instance};
use crate::clock::Timestamp;
use crate::db::Connection;
use crate::error::Result;
use crate::urls;
use crate::web::{Field, FieldError, Moment, Shell, Visitor, filters};

/// Where passkeys can be made and used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// At the address that was asked for.
    Here,
    /// Under the instance's name only: this page there.
    Elsewhere(String),
    /// Nowhere: the instance has no name.
    Nowhere,
}

impl Place {
    /// As seen from a visitor's page.
    pub fn of(visitor: &Visitor) -> Self {
        let request = visitor.request();
        let Some(address) = address(&instance(request).config) else { return Self::Nowhere };
        let asked = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let ours = address.port().map_or_else(String::new, |port| format!(":{port}"));
        let ours = format!("{}{ours}", address.host_str().unwrap_or_default());
        if asked.eq_ignore_ascii_case(&ours) {
            Self::Here
        } else {
            let there = address.join(request.path()).map_or_else(|_| address.to_string(), String::from);
            Self::Elsewhere(there)
        }
    }
}

/// The way in by passkey, on a page that has other ways, too.
pub struct Way {
    /// Where the form goes.
    pub action: String,
    /// Where the script asks for its options.
    pub options: String,
}

impl Way {
    /// Signing in; `None` where passkeys can't be.
    pub fn of_sign_in(visitor: &Visitor) -> Option<Self> {
        (Place::of(visitor) == Place::Here)
            .then(|| Self { action: urls::login_passkey(), options: urls::login_passkey_options() })
    }

    /// The second factor; `None` where passkeys can't be.
    pub fn of_second_factor(visitor: &Visitor) -> Option<Self> {
        (Place::of(visitor) == Place::Here)
            .then(|| Self { action: urls::second_factor(), options: urls::second_factor_options() })
    }

    /// The second factor beside a mailed link to a new password; `None` where passkeys can't be.
    pub fn of_reset(visitor: &Visitor, code: &str) -> Option<Self> {
        (Place::of(visitor) == Place::Here)
            .then(|| Self { action: urls::password_reset(code), options: urls::password_reset_options(code) })
    }

    /// Confirming; `None` where passkeys can't be.
    pub fn of_confirmation(visitor: &Visitor) -> Option<Self> {
        (Place::of(visitor) == Place::Here)
            .then(|| Self { action: urls::step_up_passkey(), options: urls::step_up_passkey_options() })
    }
}

/// A passkey of the list.
pub struct PasskeyRow {
    /// What its owner calls it.
    pub name: String,
    /// When it was added.
    pub added: Moment,
    /// When it was last used.
    pub last_used: Option<Moment>,
    /// Where to rename it.
    pub rename_url: String,
    /// Where to remove it.
    pub remove_url: String,
}

impl PasskeyRow {
    fn of(record: Record, now: Timestamp) -> Self {
        Self {
            rename_url: urls::settings_passkey_rename(&record.id),
            remove_url: urls::settings_passkey_remove(&record.id),
            name: record.name,
            added: Moment::new(record.created_at, now),
            last_used: record.last_used_at.map(|at| Moment::new(at, now)),
        }
    }
}

/// The section of the security page.
pub struct Section {
    /// The list, the newest first.
    pub rows: Vec<PasskeyRow>,
    /// Where they can be made.
    pub place: Place,
    /// Whether one more may be added.
    pub may_add: bool,
}

impl Section {
    /// The owner's.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn read(connection: &mut Connection, owner: Owner<'_>, place: Place, now: Timestamp) -> Result<Self> {
        let rows: Vec<_> =
            queries::list(connection, owner)?.into_iter().map(|record| PasskeyRow::of(record, now)).collect();
        Ok(Self { may_add: rows.len() < MOST, rows, place })
    }
}

/// `/settings/security/passkeys/new`.
#[derive(Template)]
#[template(path = "passkeys/new.html")]
pub struct NewPage {
    pub shell: Shell,
    pub errors: Vec<FieldError>,
    pub failure: Option<&'static str>,
    pub name: Field,
    pub place: Place,
    /// Where one goes on afterwards.
    pub next: String,
}

/// `/settings/security/passkeys/{id}/rename`.
#[derive(Template)]
#[template(path = "passkeys/rename.html")]
pub struct RenamePage {
    pub shell: Shell,
    pub errors: Vec<FieldError>,
    pub name: Field,
    pub action: String,
}

/// `/settings/security/passkeys/{id}/remove`.
#[derive(Template)]
#[template(path = "passkeys/remove.html")]
pub struct RemovePage {
    pub shell: Shell,
    pub name: String,
    pub action: String,
    pub others: usize,
    /// The organizations that close without it.
    pub closes: Vec<String>,
}
