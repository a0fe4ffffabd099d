//! What the pages of roles show, and what others tell of roles: names, choices, and where rights come from.

use askama::Template;

use super::OwnRole;
use crate::catalogue::{Catalogue, Role};
use crate::ids::RoleId;
use crate::organizations::policy::{Grant, MATTERS, OPERATIONS, Right, Rights};
use crate::organizations::views::Place;
use crate::organizations::{Kind, policy};
use crate::tokens::ScopeMatrix;
use crate::web::{Field, FieldError, Shell, filters};

/// How forms and calls name a role: a built-in one's word, or the id of an own one.
pub fn role_word(role: Role, own: Option<&RoleId>) -> String {
    own.map_or_else(|| role.as_str().to_owned(), ToString::to_string)
}

/// What a role is called.
pub fn role_name(role: Role, own: Option<&str>) -> String {
    match role {
        Role::Owner => "Owner",
        Role::Admin => "Admin",
        Role::Member => "Member",
        Role::Viewer => "Viewer",
        Role::Own => own.unwrap_or("A role that is gone"),
    }
    .to_owned()
}

fn role_words(role: Role) -> &'static str {
    match role {
        Role::Owner => "May do everything here, and hand over or delete the organization.",
        Role::Admin => "May do everything but touch owners, hand over or delete the organization.",
        Role::Member => "Works with what the organization has, and may make API keys.",
        Role::Viewer => "Sees what the organization has, and changes nothing.",
        Role::Own => "",
    }
}

/// Where rights come from.
pub struct SourceLine {
    pub role: String,
    pub from: String,
}

/// One operation on one kind of thing, and which roles give it.
pub struct RightLine {
    pub what: String,
    pub operation: String,
    pub from: String,
}

/// Every right that a member has, and where each comes from.
pub fn right_lines(
    grants: &[Grant],
    kind: Kind,
    catalogue: &Catalogue,
) -> (Vec<SourceLine>, Vec<RightLine>, Vec<RightLine>) {
    let named: Vec<(String, Rights)> = grants
        .iter()
        .map(|grant| {
            let role = role_name(grant.role, grant.role_name.as_deref());
            let name = match &grant.team {
                Some(team) => format!("{role}, of the team {team}"),
                None => role,
            };
            (name, Rights::of(&policy::Standing(vec![grant.clone()]), kind, catalogue))
        })
        .collect();
    let from = |has: &dyn Fn(&Rights) -> bool| {
        named.iter().filter(|(_, rights)| has(rights)).map(|(name, _)| name.as_str()).collect::<Vec<_>>().join("; ")
    };
    let sources = grants.iter().map(|grant| SourceLine {
        role: role_name(grant.role, grant.role_name.as_deref()),
        from: grant.team.as_ref().map_or_else(|| "Their own role".to_owned(), |team| format!("The team {team}")),
    });
    let mut matters = Vec::new();
    for (matter, what) in MATTERS {
        for right in OPERATIONS.iter().filter_map(|operation| Right::of(matter, operation)) {
            let from = from(&|rights| rights.may(right));
            if !from.is_empty() {
                let operation = right.parts().map(|(_, operation)| operation).unwrap_or_default().to_owned();
                matters.push(RightLine { what: what.to_owned(), operation, from });
            }
        }
    }
    let mut own = Vec::new();
    for entity in catalogue.entity_types() {
        for operation in catalogue.operations() {
            let from = from(&|rights| rights.allows(&entity.name, &operation.name));
            if !from.is_empty() {
                own.push(RightLine { what: entity.text.clone(), operation: operation.name.clone(), from });
            }
        }
    }
    (sources.collect(), matters, own)
}

/// The roles that a form offers.
pub struct RoleOption {
    pub word: String,
    pub name: String,
    pub words: String,
    pub chosen: bool,
}

/// All roles that whoever asks may give, `chosen` ticked.
pub fn role_options(own: &[OwnRole], rights: &Rights, chosen: &str, catalogue: &Catalogue) -> Vec<RoleOption> {
    let built_in = [Role::Owner, Role::Admin, Role::Member, Role::Viewer].into_iter().map(|role| {
        let option = (role.as_str().to_owned(), role_name(role, None), role_words(role).to_owned());
        (option, Rights::of_role(role, None, catalogue))
    });
    let own = own.iter().map(|role| {
        let option = (role.id.to_string(), role.name.clone(), role.description.clone());
        (option, Rights::of_role(Role::Own, Some(&role.rights), catalogue))
    });
    let may_give = built_in.chain(own).filter(|(_, given)| rights.covers(given));
    may_give.map(|((word, name, words), _)| RoleOption { chosen: word == chosen, word, name, words }).collect()
}

#[derive(Template)]
#[template(path = "organizations/roles.html")]
pub struct RolesPage {
    pub shell: Shell,
    pub place: Place,
    pub built_in: Vec<RoleOption>,
    pub rows: Vec<RoleRow>,
    pub may_create: bool,
}

pub struct RoleRow {
    pub name: String,
    pub description: String,
    pub count: usize,
    pub url: String,
}

/// The four that every organization has.
pub fn built_in_roles() -> Vec<RoleOption> {
    [Role::Owner, Role::Admin, Role::Member, Role::Viewer]
        .into_iter()
        .map(|role| RoleOption {
            word: role.as_str().to_owned(),
            name: role_name(role, None),
            words: role_words(role).to_owned(),
            chosen: false,
        })
        .collect()
}

#[derive(Template)]
#[template(path = "organizations/role.html")]
pub struct RolePage {
    pub shell: Shell,
    pub place: Place,
    pub name: String,
    pub description: String,
    pub holders: i64,
    pub matters: Vec<RightLine>,
    pub catalogue: Vec<RightLine>,
    pub edit_url: Option<String>,
    pub delete_url: Option<String>,
}

#[derive(Template)]
#[template(path = "organizations/role_form.html")]
pub struct RoleFormPage {
    pub shell: Shell,
    pub place: Place,
    pub errors: Vec<FieldError>,
    pub name: Field,
    pub description: Field,
    pub own: OwnMatrix,
    pub matrix: ScopeMatrix,
    pub action_url: String,
    pub button: &'static str,
    pub back_url: String,
    /// How many have it: the change holds for all of them.
    pub holders: i64,
}

/// The matrix over the organization's own matters; not every matter knows every operation.
pub struct OwnMatrix {
    pub operations: [&'static str; 4],
    pub rows: Vec<OwnRow>,
    pub error: Option<String>,
}

pub struct OwnRow {
    pub label: &'static str,
    pub cells: Vec<Option<OwnCell>>,
}

pub struct OwnCell {
    pub value: &'static str,
    pub label: String,
    pub operation: &'static str,
    pub checked: bool,
    pub implied_by: &'static str,
    pub implies: String,
    /// Whoever gets the right may not have it; what is ticked all the same can be taken out.
    pub refused: bool,
}

impl OwnMatrix {
    /// The boxes, ticked as they were sent; what they fill in is marked with the strongest that does.
    pub fn new(ticked: &[String], error: Option<String>) -> Self {
        let is_ticked = |right: Right| ticked.iter().any(|word| word == right.as_str());
        let cell = |label: &'static str, right: Right| {
            let operation = right.parts().map(|(_, operation)| operation).unwrap_or_default();
            let stronger =
                Right::ALL.iter().filter(|other| is_ticked(**other) && other.implied().any(|low| low == right));
            let implied_by = stronger.max_by_key(|other| other.implied().count()).and_then(|other| other.parts());
            OwnCell {
                value: right.as_str(),
                label: format!("{label}: {operation}"),
                operation,
                checked: is_ticked(right) || implied_by.is_some(),
                implied_by: implied_by.map(|(_, operation)| operation).unwrap_or_default(),
                implies: right.implied().map(Right::as_str).collect::<Vec<_>>().join(" "),
                refused: false,
            }
        };
        let rows = MATTERS
            .iter()
            .map(|(matter, label)| OwnRow {
                label,
                cells: OPERATIONS.iter().map(|name| Right::of(matter, name).map(|right| cell(label, right))).collect(),
            })
            .collect();
        Self { operations: OPERATIONS, rows, error }
    }

    /// The same, with what is not allowed out of reach.
    #[must_use]
    pub fn within(mut self, rights: &Rights) -> Self {
        for cell in self.rows.iter_mut().flat_map(|row| row.cells.iter_mut().flatten()) {
            cell.refused =
                !cell.checked && !Right::ALL.iter().any(|right| right.as_str() == cell.value && rights.may(*right));
        }
        self
    }
}
