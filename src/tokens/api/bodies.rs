//! What calls send, judged by the rules of the forms; and what they are told that was wrong.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use crate::api::{Problem, Wrong, given};
use crate::catalogue::{Catalogue, Scope, Scopes};
use crate::error::{Error, Result};
use crate::text;
use crate::tokens::forms::{NewTokenForm, RegenerateForm, scopes as read_scopes};
use crate::tokens::pages::explain;
use crate::tokens::policy::{ExpiryProblem, Overlap};
use crate::tokens::service::{Change, NewRights, Refused, Rights};
use crate::tokens::words;
use crate::web::Problems;

/// When a token ends: a number of days, a day, or `"never"`. In the words of the forms: which choice, and which day.
pub(crate) fn expiry(said: &Value) -> (String, String) {
    match said {
        Value::Number(days) => (days.to_string(), String::new()),
        Value::String(never) if never == "never" => (never.clone(), String::new()),
        Value::String(day) if day.contains('-') => ("date".to_owned(), day.clone()),
        // Never a default: least of all "never".
        _ => (String::new(), String::new()),
    }
}

/// Where in a body the problem of a form's field is.
fn pointer(field: &str) -> &'static str {
    match field {
        "name" => "#/name",
        "description" => "#/description",
        "expiry" | "date" => "#/expires",
        "organization" => "#/organization",
        "access" | "scope" => "#/scopes",
        "old" => "#/old_secret",
        _ => "#",
    }
}

/// What is wrong with the scopes of a body, each at its place.
pub(super) fn wrong_scopes(scopes: &[String], catalogue: &Catalogue) -> Vec<Wrong> {
    wrong_among(scopes, catalogue, |_| false)
}

/// The same where there are others, too, that are no operations of the catalogue.
fn wrong_among(scopes: &[String], catalogue: &Catalogue, is_other: fn(&str) -> bool) -> Vec<Wrong> {
    let mut seen = BTreeSet::new();
    let wrong = scopes.iter().enumerate().filter_map(|(place, scope)| {
        let detail = if Scope::parse(scope, catalogue).is_err() && !is_other(scope) {
            "There is no such scope here; they are entity_type:operation or entity_type:operation:entity."
        } else if !seen.insert(scope) {
            "This scope is there already; leave it out."
        } else {
            return None;
        };
        Some(Wrong::at(format!("#/scopes/{place}"), detail))
    });
    // So many are enough to mend a program by.
    let each: Vec<Wrong> = wrong.take(20).collect();
    let read: Vec<String> = scopes.iter().filter(|scope| !is_other(scope)).cloned().collect();
    match read_scopes(&read, catalogue) {
        Err(problem) if each.is_empty() => vec![Wrong::at("#/scopes", problem)],
        _ => each,
    }
}

/// What a checked form has come to, unless something is wrong with what the body says of rights: everything, or these scopes.
pub(crate) fn judged<T>(
    checked: Result<T, Problems>,
    (everything, scopes): (bool, &[String]),
    catalogue: &Catalogue,
    is_other: fn(&str) -> bool,
) -> Result<T> {
    let wrong = if everything && !scopes.is_empty() {
        vec![EVERYTHING_AND.at()]
    } else if !everything && scopes.is_empty() {
        vec![NO_SCOPES.at()]
    } else {
        wrong_among(scopes, catalogue, is_other)
    };
    match checked {
        Ok(new) if wrong.is_empty() => Ok(new),
        checked => Err(invalid(&checked.err().unwrap_or_else(Problems::none), wrong)),
    }
}

/// The same choice as a form sends it.
pub(crate) fn access(everything: bool) -> String {
    if everything { "everything" } else { "selected" }.to_owned()
}

pub(crate) fn invalid(problems: &Problems, mut wrong: Vec<Wrong>) -> Error {
    // What is said of each scope goes before what is said of all of them.
    let at_scopes = !wrong.is_empty();
    let others = Wrong::all(problems, pointer).into_iter().filter(|other| !at_scopes || other.pointer != "#/scopes");
    // A program does not choose from a list.
    let unknown = ExpiryProblem::Unknown.to_string();
    let in_json = |other: Wrong| if other.detail == unknown { Wrong::at(other.pointer, EXPIRES) } else { other };
    wrong.splice(0..0, others.map(in_json));
    Problem::invalid(wrong).into()
}

pub(crate) fn refused(why: &Refused) -> Error {
    let wrong = Wrong::all(&explain(why), pointer);
    match why {
        Refused::TooMany(_) | Refused::TooManyThere(_) | Refused::License(_) => {
            Problem::conflict(wrong.into_iter().map(|wrong| wrong.detail).collect::<String>(), Vec::new()).into()
        }
        Refused::NameTaken => Problem::conflict("Nothing was done. “errors” says what is there already.", wrong).into(),
        Refused::Beyond(_) | Refused::NoMember | Refused::TooLong(_) | Refused::TooManyRights(_) => {
            Problem::invalid(wrong).into()
        }
    }
}

/// `POST /api/v1/tokens`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewTokenBody {
    name: String,
    description: String,
    expires: Value,
    #[serde(deserialize_with = "given")]
    organization: Option<String>,
    pub(super) scopes: Vec<String>,
    pub(super) everything: bool,
    pub(super) may_rotate: bool,
}

impl NewTokenBody {
    /// The same as the page's form would send it.
    pub(super) fn form(&self) -> NewTokenForm {
        let (expiry, date) = expiry(&self.expires);
        let organization = match self.organization.as_deref() {
            None => "all",
            // What a form calls all of them is no organization's name.
            Some("all") => "-",
            Some(name) => name,
        };
        NewTokenForm {
            name: self.name.clone(),
            description: self.description.clone(),
            expiry,
            date,
            organization: organization.to_owned(),
            access: access(self.everything),
            scope: self.scopes.clone(),
            ..NewTokenForm::default()
        }
    }
}

/// What a body says twice, or not at all.
struct Said(&'static str);

const EVERYTHING_AND: Said = Said("With “everything” there are no others; leave them out.");

const EXPIRES: &str = "Give a number of days without quotes, a date such as “2027-03-01”, or “never”.";

const NO_SCOPES: Said = Said("Give at least one scope, or “everything”.");

const NOT_EVERYTHING: Said = Said("Say which scopes it shall have instead of everything; [] is none.");

impl Said {
    fn at(&self) -> Wrong {
        Wrong::at("#/scopes", self.0)
    }
}

/// `PATCH /api/v1/tokens/{id}`: what is left out stays as it is.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChangeBody {
    #[serde(deserialize_with = "given")]
    name: Option<String>,
    #[serde(deserialize_with = "given")]
    description: Option<String>,
    #[serde(deserialize_with = "given")]
    scopes: Option<Vec<String>>,
    #[serde(deserialize_with = "given")]
    everything: Option<bool>,
    #[serde(deserialize_with = "given")]
    may_rotate: Option<bool>,
}

impl ChangeBody {
    pub(super) fn check(self, catalogue: &Catalogue) -> Result<Change> {
        let mut wrong = Vec::new();
        let mut judge = |pointer: &str, verdict: Result<(), validator::ValidationError>| {
            if let Err(error) = verdict {
                wrong.push(Wrong::at(pointer, error.message.unwrap_or_default()));
            }
        };
        judge("#/name", self.name.as_deref().map_or(Ok(()), text::title));
        judge("#/description", self.description.as_deref().map_or(Ok(()), text::description));
        let scopes = self.scopes.as_deref();
        let rights = match (self.everything, scopes) {
            (None, None) => None,
            (Some(true), None | Some([])) => Some(Rights { everything: true, scopes: Scopes::default() }),
            (Some(true), Some(_)) => {
                wrong.push(EVERYTHING_AND.at());
                None
            }
            (Some(false), None) => {
                wrong.push(NOT_EVERYTHING.at());
                None
            }
            (Some(false) | None, Some(scopes)) => {
                wrong.extend(wrong_scopes(scopes, catalogue));
                read_scopes(scopes, catalogue).ok().map(|scopes| Rights { everything: false, scopes })
            }
        };
        if !wrong.is_empty() {
            return Err(Problem::invalid(wrong).into());
        }
        Ok(Change {
            name: self.name.as_deref().map(text::tidy),
            description: self.description.as_deref().map(text::tidy),
            rights: rights.map(NewRights::These),
            may_rotate: self.may_rotate,
        })
    }
}

/// `POST /api/v1/tokens/{id}/scopes`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScopesBody {
    pub(super) scopes: Vec<String>,
}

/// `POST /api/v1/tokens/{id}/regenerate`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegenerateBody {
    expires: Value,
    #[serde(deserialize_with = "given")]
    old_secret: Option<String>,
}

impl RegenerateBody {
    /// The same as the page's form would send it.
    pub(crate) fn form(&self) -> Result<RegenerateForm> {
        let (expiry, date) = expiry(&self.expires);
        let old = old_word(self.old_secret.as_deref())?.as_str().to_owned();
        Ok(RegenerateForm { expiry, date, old, ..RegenerateForm::default() })
    }
}

/// What becomes of the old secret; it ends at once where nothing else is said.
pub(super) fn old_word(said: Option<&str>) -> Result<Overlap> {
    said.map_or(Some(Overlap::Now), Overlap::from_word).ok_or_else(|| {
        let words: Vec<String> = Overlap::ALL.iter().map(|overlap| format!("“{}”", overlap.as_str())).collect();
        let detail = format!("Choose what becomes of the old secret: {}.", words::list(&words));
        Problem::invalid(vec![Wrong::at("#/old_secret", detail)]).into()
    })
}
