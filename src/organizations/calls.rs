//! What the calls about an organization share.

use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

use super::Kind;
use super::caller::Acts;
use super::policy::Rights;
use crate::api::{Problem, Wrong, asked, created};
use crate::error::{Error, Result};
use crate::urls;
use crate::web::Problems;

/// A private organization has its owner alone: what is about others is not there.
///
/// # Errors
/// [`Error::NotFound`] for a private one.
pub fn shared(caller: &impl Acts) -> Result<()> {
    if caller.organization().kind == Kind::Shared { Ok(()) } else { Err(Error::NotFound) }
}

/// Where in a body the problem of a form's field is.
pub fn pointer(field: &str) -> &'static str {
    match field {
        "name" => "#/name",
        "slug" => "#/slug",
        "description" => "#/description",
        "right" | "scope" => "#/rights",
        "role" => "#/role",
        "email" => "#/email",
        "team" => "#/teams",
        "user" => "#/users",
        "plan" => "#/plan",
        _ => "#",
    }
}

pub fn invalid(problems: &Problems) -> Error {
    Problem::invalid(Wrong::all(problems, pointer)).into()
}

pub fn wrong(pointer: &str, detail: &str) -> Error {
    Problem::invalid(vec![Wrong::at(pointer, detail)]).into()
}

pub fn taken(pointer: &str, detail: &str) -> Error {
    Problem::conflict("Nothing was done. “errors” says what is there already.", vec![Wrong::at(pointer, detail)]).into()
}

/// There is no room, or something stands in the way.
pub fn conflict(detail: impl Into<String>) -> Error {
    Problem::conflict(detail, Vec::new()).into()
}

/// A list of rights as a program reads it, each spelled out.
pub fn list_of(rights: &Rights) -> Vec<String> {
    rights.to_text().split_ascii_whitespace().map(str::to_owned).collect()
}

/// The answer to a call that made something, which is at `place` below the organization.
///
/// # Errors
/// Never in practice.
pub fn made(caller: &impl Acts, place: &str, body: &impl Serialize) -> Result<HttpResponse> {
    created(&format!("{}{place}", urls::api_organization(&caller.organization().id)), body)
}

/// Which part of a list.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Part {
    /// What names contain.
    #[serde(alias = "search")]
    pub q: String,
    /// Which page, from 0.
    pub page: i64,
}

impl Part {
    /// What an address asks for.
    ///
    /// # Errors
    /// [`Error::Problem`] when it can't be read.
    pub fn of(request: &HttpRequest) -> Result<Self> {
        let part: Self = asked(request)?;
        in_range(part.page)?;
        Ok(part)
    }
}

/// Whether there can be such a page.
///
/// # Errors
/// [`Error::Problem`] when there can't.
pub fn in_range(page: i64) -> Result<()> {
    if (0..=1_000_000).contains(&page) {
        Ok(())
    } else {
        Err(Problem::unreadable_address(format!("There is no page {page}; the first is 0.")).into())
    }
}

/// The rows of a page, of which one more than stand on it was read; and whether it was there.
pub fn split<T>(mut rows: Vec<T>, page: i64) -> (Vec<T>, bool) {
    let size = usize::try_from(page).unwrap_or(usize::MAX);
    let more = rows.len() > size;
    rows.truncate(size);
    (rows, more)
}
