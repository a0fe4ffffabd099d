//! The forms of tokens: what is sent, and what it means.

use std::collections::BTreeSet;

use serde::Deserialize;
use validator::Validate;

use super::policy::{Overlap, Status, TokenPolicy, expiry};
use super::queries::{Place, Token};
use super::service::{Change, NewRights, NewToken, Rights};
use crate::catalogue::{Catalogue, Scope, Scopes};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::organizations::Right;
use crate::text;
use crate::web::Problems;

/// More scopes than a catalogue can have boxes are not a form's.
const MOST_SCOPES: usize = 500;

/// What the form of a new token sends; an address with the same names fills it in.
#[derive(Debug, Clone, Default, Deserialize, Validate)]
#[serde(default)]
pub struct NewTokenForm {
    /// The form's one-time name.
    pub form_id: String,
    /// What the token shall be called.
    #[validate(custom(function = text::title))]
    pub name: String,
    /// What it is for.
    #[validate(custom(function = text::description))]
    pub description: String,
    /// Days, `date` or `never`.
    pub expiry: String,
    /// The day, where `expiry` is `date`.
    pub date: String,
    /// An organization's slug or id, or `all`.
    pub organization: String,
    /// `selected` or `everything`.
    pub access: String,
    /// The ticked boxes.
    pub scope: Vec<String>,
    /// The same in an address that somebody wrote: with commas between them.
    pub scopes: String,
    /// Those over the organization's own matters; a service account's token alone can have them.
    pub right: Vec<String>,
    /// Single things that have a row of boxes, as `type:id`,
    pub entity: Vec<String>,
    /// and one that shall get a row:
    pub entity_type: String,
    /// its id.
    pub entity_id: String,
    /// Its holder may renew it; `yes`, or nothing.
    pub may_rotate: String,
    /// The button that adds the row was pressed; then the row.
    pub more: String,
}

/// What the form of a token's page sends.
#[derive(Debug, Clone, Default, Deserialize, Validate)]
#[serde(default)]
pub struct EditForm {
    /// What the token shall be called.
    #[validate(custom(function = text::title))]
    pub name: String,
    /// What it is for.
    #[validate(custom(function = text::description))]
    pub description: String,
    /// `selected` or `everything`.
    pub access: String,
    /// The ticked boxes.
    pub scope: Vec<String>,
    /// As in [`NewTokenForm`].
    pub entity: Vec<String>,
    /// As in [`NewTokenForm`].
    pub entity_type: String,
    /// As in [`NewTokenForm`].
    pub entity_id: String,
    /// As in [`NewTokenForm`].
    pub may_rotate: String,
    /// As in [`NewTokenForm`].
    pub more: String,
}

/// What the dialog of "Regenerate" sends.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RegenerateForm {
    /// The form's one-time name.
    pub form_id: String,
    /// Days, `date` or `never`.
    pub expiry: String,
    /// The day, where `expiry` is `date`.
    pub date: String,
    /// What becomes of the old secret; an [`Overlap`].
    pub old: String,
}

/// The moment that a choice of expiry means; what is wrong with it goes to its field.
pub(crate) fn end(
    choice: &str,
    date: &str,
    now: Timestamp,
    policy: &TokenPolicy,
    problems: &mut Problems,
) -> Option<Timestamp> {
    expiry(choice, date, now, policy).unwrap_or_else(|problem| {
        problems.add(problem.field(), problem.to_string());
        None
    })
}

/// The rights that were chosen, with all that they fill in; what is wrong with them goes to their fields.
pub(crate) fn rights(access: &str, ticked: &[String], catalogue: &Catalogue, problems: &mut Problems) -> Rights {
    let everything = match access {
        "everything" => true,
        "selected" => false,
        _ => {
            problems.add("access", "Choose what the token may do");
            false
        }
    };
    let scopes = scopes(ticked, catalogue).unwrap_or_else(|problem| {
        problems.add("scope", problem);
        Scopes::default()
    });
    Rights { everything, scopes: if everything { Scopes::default() } else { scopes } }
}

/// The ticked boxes and all that they fill in.
///
/// # Errors
/// What is wrong with them, in words.
pub fn scopes(ticked: &[String], catalogue: &Catalogue) -> Result<Scopes, String> {
    if ticked.len() > MOST_SCOPES {
        return Err(format!("Choose {MOST_SCOPES} rights or fewer"));
    }
    let unknown =
        |text: &str| format!("“{}” does not exist here; tick the rights that you need", text::shown(text, 60));
    let read = |text: &String| Scope::parse(text, catalogue).map_err(|_| unknown(text));
    let scopes = ticked.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    // No page sends one twice; whatever does is not sure of what it asks for.
    if ticked.iter().collect::<BTreeSet<_>>().len() < ticked.len() {
        return Err("One of the rights is there twice; tick the ones that you need".to_owned());
    }
    Ok(Scopes::filled_in(scopes, catalogue))
}

/// Adds the single thing that was asked for to those that have a row, which are there where rights are selected. What can't be
/// one is said at its field.
pub(crate) fn add_row(
    access: &mut String,
    entity: &mut Vec<String>,
    kind: &mut String,
    id: &mut String,
    added: &mut String,
    catalogue: &Catalogue,
    problems: &mut Problems,
) {
    let typed = id.trim();
    let operation = catalogue.operations().first().map_or("", |entry| entry.name.as_str());
    if typed.is_empty() {
        problems.add("entity_id", "Enter the id of the single thing");
    } else if !catalogue.has_entity_type(kind) {
        problems.add("entity_id", "Choose what kind of thing it is");
    } else if Scope::parse(&format!("{kind}:{operation}:{typed}"), catalogue).is_err() {
        problems.add("entity_id", "Use 1 to 128 letters, digits and signs, without spaces");
    } else {
        let row = format!("{kind}:{typed}");
        if !entity.contains(&row) {
            entity.push(row.clone());
        }
        *added = row;
        *id = String::new();
        *kind = String::new();
        "selected".clone_into(access);
    }
}

/// Whether a box was ticked.
fn ticked(sent: &str) -> bool {
    sent == "yes"
}

/// Of some fields those that are filled in.
pub(crate) fn given(fields: &[(&'static str, bool)]) -> Vec<&'static str> {
    fields.iter().filter(|(_, given)| *given).map(|(field, _)| *field).collect()
}

/// A thing was typed and not added: what was meant is not known.
pub(crate) fn left_over(id: &str, problems: &mut Problems) {
    if !id.trim().is_empty() {
        problems.add("entity_id", "Add it with the button beside it and tick its rights, or leave the field empty");
    }
}

impl NewTokenForm {
    /// What an address fills in.
    ///
    /// # Errors
    /// [`Error::BadRequest`] when it can't be read.
    pub fn of_address(query: &str) -> Result<Self, Error> {
        let mut form: Self =
            serde_html_form::from_str(query).map_err(|_| Error::BadRequest("the address could not be read"))?;
        let listed = std::mem::take(&mut form.scopes);
        form.scope.extend(listed.split(',').map(str::trim).filter(|scope| !scope.is_empty()).map(str::to_owned));
        Ok(form)
    }

    /// The fields that an address filled in: what is wrong with them is said at once, and what is still to be typed is not.
    pub fn given(&self) -> Vec<&'static str> {
        let fields = [
            ("name", !self.name.is_empty()),
            ("description", !self.description.is_empty()),
            ("expiry", !self.expiry.is_empty()),
            ("date", !self.date.is_empty()),
            ("organization", !self.organization.is_empty()),
            ("access", !self.access.is_empty()),
            ("scope", !self.scope.is_empty() || !self.right.is_empty()),
            ("entity_id", !self.entity_id.is_empty()),
        ];
        given(&fields)
    }

    /// Does what the button beside "single things" asks for.
    pub fn add_row(&mut self, catalogue: &Catalogue) -> Problems {
        let mut problems = Problems::none();
        let (access, kind, id) = (&mut self.access, &mut self.entity_type, &mut self.entity_id);
        add_row(access, &mut self.entity, kind, id, &mut self.more, catalogue, &mut problems);
        problems
    }

    /// The token that is meant.
    ///
    /// # Errors
    /// All that is wrong with it, field by field.
    pub fn check(
        &self,
        now: Timestamp,
        policy: &TokenPolicy,
        places: &[Place],
        catalogue: &Catalogue,
    ) -> Result<NewToken, Problems> {
        self.judged(now, policy, place(&self.organization, places), catalogue, false)
    }

    /// The token of a service account that is meant, which is for its organization alone: it can have rights over that one's
    /// own matters, too.
    ///
    /// # Errors
    /// All that is wrong with it, field by field.
    pub fn check_for_account(
        &self,
        now: Timestamp,
        policy: &TokenPolicy,
        place: &Place,
        catalogue: &Catalogue,
    ) -> Result<NewToken, Problems> {
        self.judged(now, policy, Some(Some(place)), catalogue, true)
    }

    #[expect(clippy::option_option, reason = "as `place` answers: of all of them, and of none of theirs")]
    fn judged(
        &self,
        now: Timestamp,
        policy: &TokenPolicy,
        place: Option<Option<&Place>>,
        catalogue: &Catalogue,
        own_matters: bool,
    ) -> Result<NewToken, Problems> {
        let mut problems = Problems::of(self);
        let policy = match place.flatten() {
            Some(place) => &policy.clone().tightened(place.rule.clone()),
            None => policy,
        };
        let expires_at = end(&self.expiry, &self.date, now, policy, &mut problems);
        let mut rights = rights(&self.access, &self.scope, catalogue, &mut problems);
        match Right::scopes(self.right.iter().map(String::as_str)) {
            Ok(own) if own.is_empty() => {}
            Ok(_) if own_matters && rights.everything => {}
            Ok(own) if own_matters => rights.scopes = rights.scopes.and(own),
            _ => problems.add("scope", "One of the rights does not exist here; tick the ones that you need"),
        }
        if self.access == "selected" && self.scope.is_empty() && self.right.is_empty() {
            problems.add("scope", "Tick at least one right, or choose everything that you may do");
        }
        left_over(&self.entity_id, &mut problems);
        if place.is_none() {
            problems.add("organization", "Choose one of your organizations, or all of them");
        } else if place.flatten().is_some_and(|place| !place.takes_personal) {
            problems.add("organization", "This organization takes no personal access tokens. Choose another one");
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(NewToken {
            name: text::tidy(&self.name),
            description: text::tidy(&self.description),
            expires_at,
            organization: place.flatten().map(|place| place.id.clone()),
            rights,
            may_rotate: ticked(&self.may_rotate),
        })
    }
}

/// The organization that a form names: `Some(None)` is all of them, `None` is none of theirs. Nothing chosen is not all of them.
pub fn place<'a>(typed: &str, places: &'a [Place]) -> Option<Option<&'a Place>> {
    if typed == "all" {
        return Some(None);
    }
    places.iter().find(|place| place.slug == typed || place.id.as_str() == typed).map(Some)
}

impl EditForm {
    /// The form as a token has it.
    pub fn of(token: &Token) -> Self {
        Self {
            name: token.record.name.clone(),
            description: token.record.description.clone(),
            access: if token.record.everything { "everything" } else { "selected" }.to_owned(),
            scope: token.record.scopes.split_ascii_whitespace().map(str::to_owned).collect(),
            may_rotate: if token.record.may_rotate { "yes" } else { "" }.to_owned(),
            ..Self::default()
        }
    }

    /// Does what the button beside "single things" asks for.
    pub fn add_row(&mut self, catalogue: &Catalogue) -> Problems {
        let mut problems = Problems::none();
        let (access, kind, id) = (&mut self.access, &mut self.entity_type, &mut self.entity_id);
        add_row(access, &mut self.entity, kind, id, &mut self.more, catalogue, &mut problems);
        problems
    }

    /// The change that is meant. No box ticked is no right at all.
    ///
    /// # Errors
    /// All that is wrong with it, field by field.
    pub fn check(&self, catalogue: &Catalogue) -> Result<Change, Problems> {
        let mut problems = Problems::of(self);
        let rights = rights(&self.access, &self.scope, catalogue, &mut problems);
        left_over(&self.entity_id, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Change {
            name: Some(text::tidy(&self.name)),
            description: Some(text::tidy(&self.description)),
            rights: Some(NewRights::These(rights)),
            may_rotate: Some(ticked(&self.may_rotate)),
        })
    }
}

impl RegenerateForm {
    /// The end of the new secret, and what becomes of the old one, which is only asked where it still works.
    ///
    /// # Errors
    /// All that is wrong with it, field by field.
    pub fn check(
        &self,
        status: Status,
        now: Timestamp,
        policy: &TokenPolicy,
    ) -> Result<(Option<Timestamp>, Overlap), Problems> {
        let mut problems = Problems::none();
        let expires_at = end(&self.expiry, &self.date, now, policy, &mut problems);
        let overlap = match Overlap::from_word(&self.old) {
            _ if status != Status::Active => Overlap::Now,
            Some(overlap) => overlap,
            None => {
                problems.add("old", "Choose what becomes of the old secret");
                Overlap::Now
            }
        };
        if problems.is_empty() { Ok((expires_at, overlap)) } else { Err(problems) }
    }
}
