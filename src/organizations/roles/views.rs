//! What the pages of roles show, and what others tell of roles: names, choices, and where rights come from.

use askama::Template;

use super::{Held, Holders, OwnRole};
use crate::catalogue::{Catalogue, Role};
use crate::ids::RoleId;
use crate::organizations::policy::{Grant, MATTERS, OPERATIONS, Right, Rights};
use crate::organizations::views::Place;
use crate::organizations::{Kind, policy};
use crate::tokens::ScopeMatrix;
use crate::urls;
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

/// What may be done with one kind of thing.
pub struct RightLine {
    pub what: String,
    /// The operations, those together that the same roles give, and which roles those are; nothing where all rights have
    /// one source.
    pub may: Vec<(String, String)>,
}

/// The line of one kind of thing, if anything may be done with it: each operation comes with its sources.
fn right_line<'a>(what: &str, operations: impl Iterator<Item = (&'a str, String)>) -> Option<RightLine> {
    let mut may: Vec<(String, String)> = Vec::new();
    for (operation, from) in operations {
        match may.iter_mut().find(|(_, known)| *known == from) {
            Some((together, _)) => *together = format!("{together}, {operation}"),
            None => may.push((operation.to_owned(), from)),
        }
    }
    (!may.is_empty()).then(|| RightLine { what: what.to_owned(), may })
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
        let those: Vec<&str> = named.iter().filter(|(_, rights)| has(rights)).map(|(name, _)| name.as_str()).collect();
        (!those.is_empty()).then(|| if named.len() > 1 { those.join("; ") } else { String::new() })
    };
    let sources = grants.iter().map(|grant| SourceLine {
        role: role_name(grant.role, grant.role_name.as_deref()),
        from: grant.team.as_ref().map_or_else(|| "Their own role".to_owned(), |team| format!("The team {team}")),
    });
    let matters = MATTERS.iter().filter_map(|(matter, what)| {
        let operations = OPERATIONS.iter().filter_map(|name| {
            let right = Right::of(matter, name)?;
            Some((*name, from(&|rights| rights.may(right))?))
        });
        right_line(what, operations)
    });
    let things = catalogue.entity_types().iter().filter_map(|entity| {
        let operations = catalogue.operations().iter().filter_map(|operation| {
            Some((operation.name.as_str(), from(&|rights| rights.allows(&entity.name, &operation.name))?))
        });
        right_line(&entity.text, operations)
    });
    (sources.collect(), matters.collect(), things.collect())
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
    pub built_in: Vec<(RoleOption, String)>,
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
    pub is_built_in: bool,
    pub held: Vec<HeldLine>,
    pub matters: Vec<RightLine>,
    pub catalogue: Vec<RightLine>,
    pub edit_url: Option<String>,
    pub delete_url: Option<String>,
}

/// Those of one kind that have a role.
pub struct HeldLine {
    /// How many of what.
    pub what: String,
    /// The first, each with its page, as far as the reader may see them.
    pub first: Vec<(String, String)>,
    pub more: i64,
}

/// Who has a role, as far as the reader may see them; of the rest there is the number.
pub fn held_lines(holders: Holders, place: &Place) -> Vec<HeldLine> {
    fn line<T>(held: Held<T>, (one, many): (&str, &str), seen: bool, url: impl Fn(&T) -> String) -> Option<HeldLine> {
        let named = if seen { held.first } else { Vec::new() };
        let what = if held.count == 1 { format!("1 {one}") } else { format!("{} {many}", held.count) };
        let more = if seen { held.count - i64::try_from(named.len()).unwrap_or(i64::MAX) } else { 0 };
        let first = named.into_iter().map(|(id, name)| (name, url(&id))).collect();
        (held.count > 0).then_some(HeldLine { what, first, more })
    }
    let slug = &place.slug;
    let lines = [
        line(holders.members, ("member", "members"), place.may(Right::SeeMembers), |id| urls::member(slug, id)),
        line(holders.teams, ("team", "teams"), place.may(Right::SeeTeams), |id| urls::team(slug, id)),
        line(
            holders.service_accounts,
            ("service account", "service accounts"),
            place.may(Right::SeeServiceAccounts),
            |id| urls::service_account(slug, id),
        ),
    ];
    lines.into_iter().flatten().collect()
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
