//! The form of a new key.

use serde::Deserialize;
use validator::Validate;

use super::service::NewKey;
use crate::catalogue::Catalogue;
use crate::text;
use crate::tokens::forms::{add_row, given, left_over, rights};
use crate::web::Problems;

/// What it sends; an address with the same names fills it in.
#[derive(Debug, Clone, Default, Deserialize, Validate)]
#[serde(default)]
pub struct KeyForm {
    /// The form's one-time name.
    pub form_id: String,
    /// What the key is for, by which people know it.
    #[validate(custom(function = text::title))]
    pub description: String,
    /// `selected` or `everything`.
    pub access: String,
    /// The ticked boxes.
    pub scope: Vec<String>,
    /// Single things that have a row of boxes, as `type:id`,
    pub entity: Vec<String>,
    /// and one that shall get a row:
    pub entity_type: String,
    /// its id.
    pub entity_id: String,
    /// The button that adds the row was pressed; then the row.
    pub more: String,
}

impl KeyForm {
    /// As of [`NewTokenForm`](crate::tokens::forms::NewTokenForm::given).
    pub fn given(&self) -> Vec<&'static str> {
        let fields = [
            ("description", !self.description.is_empty()),
            ("access", !self.access.is_empty()),
            ("scope", !self.scope.is_empty()),
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

    /// The key that is meant.
    ///
    /// # Errors
    /// All that is wrong with it, field by field.
    pub fn check(&self, catalogue: &Catalogue) -> Result<NewKey, Problems> {
        let mut problems = Problems::none();
        if text::tidy(&self.description).is_empty() {
            problems.add("description", "Say what the key is for, such as “Production API key”");
        } else {
            problems = Problems::of(self);
        }
        let rights = rights(&self.access, &self.scope, catalogue, &mut problems);
        if self.access == "selected" && self.scope.is_empty() {
            problems.add("scope", "Tick at least one right, or choose everything that you may do here");
        }
        left_over(&self.entity_id, &mut problems);
        if problems.is_empty() {
            Ok(NewKey { description: text::tidy(&self.description), rights })
        } else {
            Err(problems)
        }
    }
}
