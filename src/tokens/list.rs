//! A page of a holder's tokens: searched, filtered, sorted, and cut by key rather than by number, so that the last page
//! costs what the first does.

use diesel::prelude::*;
use serde::Deserialize;

use super::Holder;
use super::queries::{Record, Secret, Token, active_at, expiring_at};
use crate::clock::Timestamp;
use crate::db::Connection;
use crate::db::schema::{token_secrets, tokens};
use crate::error::{Error, Result};
use crate::ids::TokenId;
use crate::text;

/// How many rows a page has.
pub const PAGE: usize = 50;
/// One more than is shown tells whether there is another page.
const MORE: i64 = 51;

/// Which tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// All of them.
    #[default]
    #[serde(alias = "")]
    All,
    /// Those that work.
    Active,
    /// Those that work, and not for long any more.
    Expiring,
    /// Those whose time is over.
    Expired,
    /// Those that were ended.
    Revoked,
}

impl Filter {
    /// Every one, in the order of the page.
    pub const ALL: [Self; 5] = [Self::All, Self::Active, Self::Expiring, Self::Expired, Self::Revoked];

    /// As it stands in the address.
    pub fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Active => "active",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// In which order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum Sort {
    /// By name.
    #[serde(rename = "name")]
    Name,
    /// By name, from behind.
    #[serde(rename = "-name")]
    NameBack,
    /// The oldest first.
    #[serde(rename = "created")]
    Created,
    /// The newest first.
    #[default]
    #[serde(rename = "-created", alias = "")]
    CreatedBack,
    /// What ends first comes first.
    #[serde(rename = "expires")]
    Expires,
    /// What ends last comes first.
    #[serde(rename = "-expires")]
    ExpiresBack,
    /// What was not used for longest comes first.
    #[serde(rename = "used")]
    Used,
    /// What was used last comes first.
    #[serde(rename = "-used")]
    UsedBack,
}

impl Sort {
    /// As it stands in the address.
    pub fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::NameBack => "-name",
            Self::Created => "created",
            Self::CreatedBack => "-created",
            Self::Expires => "expires",
            Self::ExpiresBack => "-expires",
            Self::Used => "used",
            Self::UsedBack => "-used",
        }
    }

    /// The column, as [`Sort::word`] names it.
    pub fn column(self) -> &'static str {
        self.word().trim_start_matches('-')
    }

    /// Whether the greatest comes first.
    pub fn is_back(self) -> bool {
        self.word().starts_with('-')
    }
}

/// What the address of a list says. Unknown words are refused, never taken for a default.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wanted {
    /// Part of the name.
    pub q: String,
    /// Which.
    pub status: Filter,
    /// In which order.
    pub sort: Sort,
    /// The page after this token, as [`cursor`] writes it,
    pub after: String,
    /// or the page before it.
    pub before: String,
}

impl Wanted {
    /// The same, if it can be: there is no page before one place and after another.
    ///
    /// # Errors
    /// [`Error::BadRequest`].
    pub fn checked(self) -> Result<Self> {
        if !self.after.is_empty() && !self.before.is_empty() { Err(UNREADABLE) } else { Ok(self) }
    }
}

/// A page of the list.
#[derive(Debug, Clone)]
pub struct Slice {
    /// The tokens.
    pub tokens: Vec<Token>,
    /// The cursor of the page before, if there is one.
    pub before: Option<String>,
    /// The cursor of the page after, if there is one.
    pub after: Option<String>,
}

/// Where a token stands in an order: its id and the value that it is sorted by, so that a page is found again when the
/// token is gone.
fn cursor(token: &Token, sort: Sort) -> String {
    const NEVER: i64 = 253_402_300_800;
    let value = match sort.column() {
        "name" => token.record.name_key.clone(),
        "expires" => token.secret.expires_at.map_or(NEVER, Timestamp::unix).to_string(),
        "used" => token.secret.last_used_at.map_or(0, Timestamp::unix).to_string(),
        _ => String::new(),
    };
    format!("{}~{value}", token.record.id)
}

const UNREADABLE: Error = Error::BadRequest("the address of the list could not be read");

/// What an address's query says.
///
/// # Errors
/// [`Error::BadRequest`] for whatever can't be read.
pub fn wanted(query: &str) -> Result<Wanted> {
    serde_html_form::from_str(query).map_err(|_| UNREADABLE).and_then(Wanted::checked)
}

/// Orders by a column and the id, and begins behind a place.
macro_rules! from_place {
    ($query:ident, $column:expr, $id:expr, $place:expr, $back:expr) => {{
        if let Some((id, value)) = $place {
            // The first half is what the index is searched by.
            $query = if $back {
                $query.filter($column.le(value.clone())).filter($column.lt(value).or($id.lt(id)))
            } else {
                $query.filter($column.ge(value.clone())).filter($column.gt(value).or($id.gt(id)))
            };
        }
        if $back { $query.order(($column.desc(), $id.desc())) } else { $query.order(($column.asc(), $id.asc())) }
    }};
}

/// The same by the id alone.
macro_rules! from_id {
    ($query:ident, $id:expr, $place:expr, $back:expr) => {{
        if let Some((id, _)) = $place {
            $query = if $back { $query.filter($id.lt(id)) } else { $query.filter($id.gt(id)) };
        }
        if $back { $query.order($id.desc()) } else { $query.order($id.asc()) }
    }};
}

/// A page of the holder's tokens.
///
/// # Errors
/// [`Error::BadRequest`] when the cursor can't be read; when the database refuses.
pub fn page<'a>(
    connection: &mut Connection,
    holder: impl Into<Holder<'a>>,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<Slice> {
    let holder = holder.into();
    let backwards = !wanted.before.is_empty();
    let place = if backwards { &wanted.before } else { &wanted.after };
    let mut found = if wanted.q.trim().is_empty()
        && wanted.status == Filter::All
        && place.is_empty()
        && wanted.sort == Sort::default()
        && holder.only().is_none()
    {
        newest(connection, holder)?
    } else {
        search(connection, holder, wanted, place, now)?
    };
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    if backwards {
        found.reverse();
    }
    let at = |token: Option<&Token>| token.map(|token| cursor(token, wanted.sort));
    let (before, after) = (at(found.first()), at(found.last()));
    Ok(Slice {
        before: before.filter(|_| if backwards { more } else { !place.is_empty() }),
        after: after.filter(|_| backwards || more),
        tokens: found,
    })
}

/// The page that nearly everybody sees. It has no LIMIT, since SQLite prepares a statement with one anew at each call; its
/// rows are taken one by one, and no more than are shown.
fn newest(connection: &mut Connection, holder: Holder<'_>) -> Result<Vec<Token>> {
    let mine = tokens::holder.eq(holder.id());
    let query = tokens::table
        .inner_join(token_secrets::table)
        .filter(mine.and(token_secrets::is_current))
        .order(tokens::id.desc());
    let rows: Vec<(Record, Secret)> = match connection {
        Connection::Sqlite(sqlite) => query
            .select((Record::as_select(), Secret::as_select()))
            .load_iter::<_, diesel::connection::DefaultLoadingMode>(sqlite)?
            .take(PAGE + 1)
            .collect::<QueryResult<_>>()?,
        Connection::Postgres(postgres) => {
            query.select((Record::as_select(), Secret::as_select())).limit(MORE).load(postgres)?
        }
    };
    Ok(rows.into_iter().map(Token::from).collect())
}

fn search(
    connection: &mut Connection,
    holder: Holder<'_>,
    wanted: &Wanted,
    place: &str,
    now: Timestamp,
) -> Result<Vec<Token>> {
    let mut query = tokens::table
        .inner_join(token_secrets::table)
        .filter(token_secrets::is_current)
        .limit(MORE)
        .select((Record::as_select(), Secret::as_select()))
        .into_boxed();
    // A secret's holder is its token's, and each has indexes of its own. PostgreSQL chooses among them; SQLite begins at the tokens
    // whenever it can, and would read and sort all of them where the secrets' index has them in order.
    query = query.filter(token_secrets::holder.eq(holder.id()));
    let by_secret = matches!(wanted.sort.column(), "expires" | "used")
        || wanted.status == Filter::Expiring
        || (wanted.status == Filter::Revoked && wanted.sort.column() == "created");
    if !by_secret {
        query = query.filter(tokens::holder.eq(holder.id()));
    }
    if let Some(user) = holder.only() {
        query = query.filter(tokens::user_id.eq(user));
    }
    let key = text::search_key(&wanted.q);
    if !key.is_empty() {
        query = query.filter(tokens::name_key.like(text::containing(&key)).escape('\\'));
    }
    query = match wanted.status {
        Filter::All => query,
        Filter::Active => query.filter(active_at(now)),
        Filter::Expiring => query.filter(expiring_at!(now)),
        Filter::Expired => query.filter(token_secrets::revoked_at.is_null()).filter(token_secrets::ends_at.le(now)),
        Filter::Revoked => query.filter(token_secrets::revoked_at.is_not_null()),
    };
    let place = match place {
        "" => None,
        place => Some(place.split_once('~').ok_or(UNREADABLE)?),
    };
    let place = place.map(|(id, value)| (TokenId::from(id.to_owned()), value.to_owned()));
    let moment = |place: Option<(TokenId, String)>| {
        place.map(|(id, value)| value.parse().map(|seconds: i64| (id, seconds))).transpose().map_err(|_| UNREADABLE)
    };
    // Backwards, the nearest ones come first; the page turns them round.
    let back = wanted.sort.is_back() == wanted.before.is_empty();
    query = match wanted.sort.column() {
        "name" => from_place!(query, tokens::name_key, tokens::id, place, back),
        "expires" => from_place!(query, token_secrets::ends_at, token_secrets::token_id, moment(place)?, back),
        "used" => from_place!(query, token_secrets::used_at, token_secrets::token_id, moment(place)?, back),
        _ if wanted.status == Filter::Revoked => from_id!(query, token_secrets::token_id, place, back),
        _ => from_id!(query, tokens::id, place, back),
    };
    let rows: Vec<(Record, Secret)> = query.load(connection)?;
    Ok(rows.into_iter().map(Token::from).collect())
}
