//! The list.

use askama::Template;

use super::TokenRow;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::tokens::list::{Filter, Slice, Sort, Wanted};
use crate::tokens::queries::Place;
use crate::urls;
use crate::web::{Field, FieldError, Shell, filters};

#[derive(Template)]
#[template(path = "tokens/list.html")]
pub struct ListPage {
    pub shell: Shell,
    pub rows: Vec<TokenRow>,
    pub view: ListView,
    pub limit: i64,
    /// How many there are, where the page shows them all.
    pub total: Option<usize>,
    pub may_create: bool,
}

/// What stands around the rows: search, filters, heads, pages.
pub struct ListView {
    pub q: String,
    pub status: &'static str,
    pub sort: &'static str,
    pub filters: Vec<FilterLink>,
    pub heads: Vec<Head>,
    pub before: Option<String>,
    pub after: Option<String>,
    /// Something is searched or filtered, or it is a later page.
    pub narrowed: bool,
}

pub struct FilterLink {
    pub label: &'static str,
    pub url: String,
    pub current: bool,
}

/// A column that the list can be sorted by.
pub struct Head {
    pub label: &'static str,
    pub url: String,
    /// `ascending`, `descending`, or nothing.
    pub sorted: &'static str,
}

/// The address of a list.
fn address(base: &str, q: &str, status: Filter, sort: Sort, cursor: Option<(&str, &str)>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if !q.is_empty() {
        query.append_pair("q", q);
    }
    if status != Filter::default() {
        query.append_pair("status", status.word());
    }
    if sort != Sort::default() {
        query.append_pair("sort", sort.word());
    }
    if let Some((name, value)) = cursor {
        query.append_pair(name, value);
    }
    match query.finish().as_str() {
        "" => base.to_owned(),
        query => format!("{base}?{query}"),
    }
}

impl ListView {
    /// The personal tokens'.
    pub fn of(wanted: &Wanted, slice: &Slice) -> Self {
        Self::at(&urls::settings_tokens(), "Token", wanted, slice)
    }

    /// Another list's; `first` is the head of its names.
    pub fn at(base: &str, first: &'static str, wanted: &Wanted, slice: &Slice) -> Self {
        let q = wanted.q.trim();
        let at = |name, cursor: &Option<String>| {
            cursor.as_ref().map(|cursor| address(base, q, wanted.status, wanted.sort, Some((name, cursor))))
        };
        let label = |filter| match filter {
            Filter::All => "All",
            Filter::Active => "Active",
            Filter::Expiring => "Expires soon",
            Filter::Expired => "Expired",
            Filter::Revoked => "Revoked",
        };
        let filters = Filter::ALL.map(|filter| FilterLink {
            label: label(filter),
            url: address(base, q, filter, wanted.sort, None),
            current: filter == wanted.status,
        });
        // The order that a first press gives, and the one that a second gives.
        let columns = [
            (first, Sort::Name, Sort::NameBack),
            ("Created", Sort::CreatedBack, Sort::Created),
            ("Expires", Sort::Expires, Sort::ExpiresBack),
            ("Last used", Sort::UsedBack, Sort::Used),
        ];
        let heads = columns.map(|(label, once, twice)| Head {
            label,
            url: address(base, q, wanted.status, if wanted.sort == once { twice } else { once }, None),
            sorted: match () {
                () if wanted.sort.column() != once.column() => "",
                () if wanted.sort.is_back() => "descending",
                () => "ascending",
            },
        });
        Self {
            q: q.to_owned(),
            status: wanted.status.word(),
            sort: wanted.sort.word(),
            filters: filters.into(),
            heads: heads.into(),
            before: at("before", &slice.before),
            after: at("after", &slice.after),
            narrowed: !q.is_empty()
                || wanted.status != Filter::All
                || !wanted.after.is_empty()
                || !wanted.before.is_empty(),
        }
    }
}

/// The rows of a page.
pub fn rows(slice: &Slice, places: &[Place], config: &Config, now: Timestamp) -> Vec<TokenRow> {
    slice.tokens.iter().map(|token| TokenRow::of(token, places, config, now)).collect()
}

/// "Revoke these?"
#[derive(Template)]
#[template(path = "tokens/selection.html")]
pub struct SelectionPage {
    pub shell: Shell,
    pub rows: Vec<TokenRow>,
    pub live: usize,
}

/// "Delete all?"
#[derive(Template)]
#[template(path = "tokens/delete_all.html")]
pub struct AllGonePage {
    pub shell: Shell,
    pub errors: Vec<FieldError>,
    pub phrase: Field,
    pub total: i64,
    pub active: i64,
}
