//! A page of a list.

use actix_web::HttpRequest;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Problem;
use crate::error::Result;
use crate::text::shown;
use crate::tokens::words;

/// What the address of a list asks for.
///
/// # Errors
/// [`crate::error::Error::Problem`] when it can't be read.
pub fn asked<T: DeserializeOwned>(request: &HttpRequest) -> Result<T> {
    let read = serde_html_form::from_str(request.query_string());
    read.map_err(|error| Problem::unreadable_address(unread(&error.to_string())).into())
}

/// What of an address can't be read. A name that is not known is told with those that are; of all else the reader's own words
/// are told, as of bodies.
fn unread(words: &str) -> String {
    let unknown = words.strip_prefix("unknown field `").and_then(|rest| rest.rsplit_once("`, expected "));
    let Some((name, known)) = unknown else { return format!("{}.", shown(words, 300)) };
    let known: Vec<String> = known.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    format!("There is no parameter “{}” here; there are {}.", shown(name, 60), words::list(&known))
}

/// Some of a list, and where the rest is.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    items: Vec<T>,
    /// The address of the page after this one.
    next: Option<String>,
    /// The address of the page before it.
    previous: Option<String>,
}

impl<T> Page<T> {
    /// A page that was asked for by `request`; `before` and `after` are the cursors of those beside it.
    pub fn of(request: &HttpRequest, items: Vec<T>, before: Option<&str>, after: Option<&str>) -> Self {
        let next = after.map(|cursor| turned(request.path(), request.query_string(), "after", cursor));
        let previous = before.map(|cursor| turned(request.path(), request.query_string(), "before", cursor));
        Self { items, next, previous }
    }

    /// A page of a list whose pages are counted, from 0.
    pub fn numbered(request: &HttpRequest, items: Vec<T>, page: i64, more: bool) -> Self {
        let at = |page: i64| turned(request.path(), request.query_string(), "page", &page.to_string());
        Self { items, next: more.then(|| at(page + 1)), previous: (page > 0).then(|| at(page - 1)) }
    }

    /// A list that is never long, and so has no parameters.
    ///
    /// # Errors
    /// [`crate::error::Error::Problem`] where the address has one.
    pub fn whole(request: &HttpRequest, items: Vec<T>) -> Result<Self> {
        if let Some((name, _)) = url::form_urlencoded::parse(request.query_string().as_bytes()).next() {
            let detail = format!("There is no parameter “{}” here: the list is never long.", shown(&name, 60));
            return Err(Problem::unreadable_address(detail).into());
        }
        Ok(Self { items, next: None, previous: None })
    }
}

/// The same list from another place on.
fn turned(path: &str, query: &str, name: &str, cursor: &str) -> String {
    let kept = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| !matches!(name.as_ref(), "after" | "before" | "page"));
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(kept).append_pair(name, cursor);
    format!("{path}?{}", query.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_told_with_those_that_are_known() {
        for (words, told) in [
            ("unknown field `a`, expected `q` or `page`", "There is no parameter “a” here; there are q and page."),
            (
                "unknown field `a`, expected `b`, expected one of `q`, `sort`, `after`",
                "There is no parameter “a`, expected `b” here; there are q, sort and after.",
            ),
            ("duplicate field `q`", "duplicate field `q`."),
        ] {
            assert_eq!(unread(words), told);
        }
    }

    #[test]
    fn a_link_keeps_what_was_asked_for() {
        assert_eq!(turned("/api/v1/tokens", "", "after", "a~b c"), "/api/v1/tokens?after=a%7Eb+c");
        assert_eq!(
            turned("/api/v1/tokens", "q=a%26b&after=x&sort=-name", "before", "y"),
            "/api/v1/tokens?q=a%26b&sort=-name&before=y"
        );
    }
}
