//! What the pages of organizations themselves show, and what those of everything in them share: everything in the form in
//! which it is printed. What a noun's own pages show stands beside them.

use askama::Template;
use serde::Deserialize;

use super::Kind;
use super::member::Member;
use super::policy::{Right, Rights};
use super::queries::Goes;
pub use super::roles::views::{RoleOption, built_in_roles, role_name, role_options, role_word};
use crate::avatars::Face;
use crate::text;
use crate::web::{Field, FieldError, Moment, Shell, filters};

/// The organization around a page: its name, and which pages its menu has.
pub struct Place {
    pub id: String,
    pub name: String,
    pub slug: String,
    pub face: Face,
    pub is_private: bool,
    /// Whether it is the one being worked in, which pages without an organization in their address are about.
    pub works_here: bool,
    rights: Rights,
}

impl Place {
    pub fn of(member: &Member) -> Self {
        let organization = member.organization();
        Self {
            id: organization.id.to_string(),
            name: organization.name.clone(),
            slug: organization.slug.clone(),
            face: Face::of(&organization.name, organization.avatar.as_deref()),
            is_private: organization.kind == Kind::Private,
            works_here: member.account().organization.id == organization.id,
            rights: member.rights().clone(),
        }
    }

    /// Whether the menu has an entry: whoever lacks the right finds nothing behind it.
    pub fn may(&self, right: Right) -> bool {
        self.rights.may(right)
    }
}

/// Which part of a list: what is searched for, which of those, and which page.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Part {
    pub search: String,
    pub only: String,
    pub page: i64,
}

/// The word for "the targets alone".
pub const TARGETS: &str = "targets";

impl Part {
    /// As far as it makes sense.
    pub fn tidy(self) -> Self {
        let search = text::shown(self.search.trim(), 100);
        let only = if self.only == TARGETS { self.only } else { String::new() };
        Self { search, only, page: self.page.clamp(0, 1_000_000) }
    }

    fn url(&self, path: &str, page: i64) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("search", &self.search), ("only", &self.only)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if page > 0 {
            query.append_pair("page", &page.to_string());
        }
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
}

/// The ways to the pages before and after.
#[derive(Default)]
pub struct Pager {
    pub newer: Option<String>,
    pub older: Option<String>,
}

/// One page of what was read with one row too many, and the ways on.
pub fn split<T>(mut rows: Vec<T>, size: i64, part: &Part, path: &str) -> (Vec<T>, Pager) {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let more = rows.len() > size;
    rows.truncate(size);
    let newer = (part.page > 0).then(|| part.url(path, part.page - 1));
    (rows, Pager { newer, older: more.then(|| part.url(path, part.page + 1)) })
}

#[derive(Template)]
#[template(path = "organizations/list.html")]
pub struct ListPage {
    pub shell: Shell,
    pub offers: Vec<OfferRow>,
    pub rows: Vec<ListRow>,
}

/// An organization that one is invited to.
pub struct OfferRow {
    pub organization: String,
    pub by: String,
    pub role: String,
    pub ends: Moment,
    pub accept_url: String,
    pub decline_url: String,
}

pub struct ListRow {
    pub name: String,
    pub face: Face,
    pub note: String,
    pub role: String,
    pub members: i64,
    pub url: String,
    pub current: bool,
}

#[derive(Template)]
#[template(path = "organizations/new.html")]
pub struct NewPage {
    pub shell: Shell,
    pub errors: Vec<FieldError>,
    pub name: Field,
    pub slug: Field,
    pub slug_hint: String,
    pub picture: Field,
    /// Whether one comes from a sign-up, and may rather not.
    pub skip: bool,
}

#[derive(Template)]
#[template(path = "organizations/show.html")]
pub struct ShowPage {
    pub shell: Shell,
    pub place: Place,
    pub role: String,
    /// What there is: words, number with its limit, and where there is more.
    pub figures: Vec<(&'static str, String, Option<String>)>,
    /// What stops working soon.
    pub ending: Vec<EndingLine>,
    pub is_target: bool,
    pub created: Moment,
    pub events: Vec<EventLine>,
}

/// A key or token that stops working soon.
pub struct EndingLine {
    pub name: String,
    pub url: String,
    /// What it is, and whose.
    pub kind: String,
    pub at: Moment,
}

/// A line of the organization's recent events.
pub struct EventLine {
    pub what: String,
    pub detail: String,
    pub who: String,
    /// From where; nothing where that is unknown.
    pub address: String,
    pub at: Moment,
}

#[derive(Template)]
#[template(path = "organizations/settings.html")]
pub struct SettingsPage {
    pub shell: Shell,
    pub place: Place,
    pub errors: Vec<FieldError>,
    pub name: Field,
    pub slug: Field,
    pub slug_hint: String,
    pub policy: super::Policy,
    /// What tokens may be here, in words; a private one has no rules of its own.
    pub token_rules: Option<String>,
    pub requires_second_factor: bool,
    pub may_hand_over: bool,
    pub may_delete: bool,
}

#[derive(Template)]
#[template(path = "organizations/hand_over.html")]
pub struct HandOverPage {
    pub shell: Shell,
    pub place: Place,
    pub errors: Vec<FieldError>,
    pub email: Field,
    pub phrase: Field,
}

#[derive(Template)]
#[template(path = "organizations/delete.html")]
pub struct DeletePage {
    pub shell: Shell,
    pub place: Place,
    pub errors: Vec<FieldError>,
    pub phrase: Field,
    pub goes: Goes,
}

/// A question before something is done: what stops, then the two ways on.
#[derive(Template)]
#[template(path = "organizations/confirm.html")]
pub struct ConfirmPage {
    pub shell: Shell,
    pub place: Place,
    pub heading: String,
    pub text: String,
    /// What will stop, one by one.
    pub stops: Vec<String>,
    /// Why it can't be done.
    pub refused: Option<String>,
    pub action_url: String,
    pub back_url: String,
    pub keep: &'static str,
    pub button: &'static str,
    pub above: (String, &'static str),
}
