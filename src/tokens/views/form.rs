//! The forms: expiry, rights, and the pages that hold them.

use std::collections::BTreeSet;

use askama::Template;

use crate::catalogue::Catalogue;
use crate::clock::{DAY, Timestamp};
use crate::ids::OrganizationId;
use crate::organizations::license::Full;
use crate::tokens::policy::{Overlap, TokenPolicy, presets};
use crate::tokens::queries::Place;
use crate::web::{Field, FieldError, Problems, Shell, filters};

#[derive(Template)]
#[template(path = "tokens/new.html")]
pub struct NewTokenPage {
    pub shell: Shell,
    pub errors: Vec<FieldError>,
    /// There are as many tokens as there may be: how many, and what to do.
    pub full: Option<String>,
    pub name: Field,
    pub description: Field,
    pub expiry: ExpiryView,
    pub organization: Field,
    pub places: Vec<PlaceChoice>,
    /// Where a token for all of them does not work, or not for long.
    pub exceptions: Vec<String>,
    pub rights: Rights,
    pub may_rotate: bool,
}

#[derive(Template)]
#[template(path = "tokens/edit.html")]
pub struct EditTokenPage {
    pub shell: Shell,
    pub errors: Vec<FieldError>,
    pub token_name: String,
    pub place: String,
    pub name: Field,
    pub description: Field,
    pub rights: Rights,
    pub may_rotate: bool,
    pub action_url: String,
    pub back_url: String,
}

#[derive(Template)]
#[template(path = "tokens/regenerate.html")]
pub struct RegeneratePage {
    pub shell: Shell,
    pub errors: Vec<FieldError>,
    pub token_name: String,
    pub live: bool,
    pub name_taken: bool,
    pub old_end: Option<String>,
    pub expiry: ExpiryView,
    pub old: Field,
    pub overlaps: Vec<Choice>,
    /// The organization that the form is made for; none.
    pub made_for: Option<String>,
    pub action_url: String,
    pub edit_url: String,
    pub back_url: String,
}

/// A radio button.
pub struct Choice {
    pub value: &'static str,
    pub label: &'static str,
}

impl RegeneratePage {
    /// What can become of the old secret.
    pub fn overlaps() -> Vec<Choice> {
        Overlap::ALL.iter().map(|overlap| Choice { value: overlap.as_str(), label: overlap.words() }).collect()
    }
}

/// An organization to choose.
pub struct PlaceChoice {
    pub value: String,
    pub label: String,
    pub hint: String,
    /// It can't be chosen, and the hint says why.
    pub closed: bool,
}

impl PlaceChoice {
    pub fn all(places: &[Place], full: &[(OrganizationId, Full)]) -> Vec<Self> {
        let one = |place: &Place| {
            let full = full.iter().find(|(id, _)| *id == place.id).map(|(_, full)| full.count());
            Self {
                value: place.slug.clone(),
                label: place.name.clone(),
                closed: !place.takes_personal || full.is_some(),
                hint: match (full, place.rule.max_days) {
                    _ if !place.takes_personal => "takes no personal access tokens".to_owned(),
                    (Some(count), _) => format!("{count}: ask an administrator of this service for more"),
                    (None, None) => "only this one".to_owned(),
                    (None, Some(1)) => "only this one, for 1 day at most".to_owned(),
                    (None, Some(days)) => format!("only this one, for {days} days at most"),
                },
            }
        };
        places.iter().map(one).collect()
    }

    /// What the rules of organizations keep from a token for all of them, a sentence each.
    pub fn exceptions(places: &[Place]) -> Vec<String> {
        /// As many as are read.
        const NAMED: usize = 3;
        let one = |place: &Place| {
            let Place { name, rule, .. } = place;
            match rule.max_days {
                _ if !place.takes_personal => Some(format!("{name} takes no personal access tokens.")),
                Some(1) => Some(format!("{name} takes only tokens of 1 day.")),
                Some(days) => Some(format!("{name} takes only tokens of {days} days or less.")),
                None if rule.allow_never == Some(false) => Some(format!("{name} takes only tokens that end.")),
                None => None,
            }
        };
        let mut all: Vec<String> = places.iter().filter_map(one).collect();
        if let more @ 1.. = all.len().saturating_sub(NAMED) {
            all.truncate(NAMED);
            all.push(format!("{more} more have rules of their own."));
        }
        all
    }
}

/// The choice of an expiry.
pub struct ExpiryView {
    pub choice: Field,
    pub hint: &'static str,
    pub presets: Vec<ExpiryPreset>,
    /// Whether a date of one's own is among them.
    pub own_date: bool,
    pub date: Field,
    pub date_min: String,
    pub date_max: String,
}

pub struct ExpiryPreset {
    pub value: String,
    pub label: String,
    pub until: String,
}

impl ExpiryView {
    /// The radio buttons: the presets, what was chosen though it is none of them, a date, and "never" where it is allowed.
    pub fn new(chosen: &str, date: &str, problems: &Problems, policy: &TokenPolicy, now: Timestamp) -> Self {
        let proposed = policy.proposed_days().to_string();
        let chosen = if chosen.trim().is_empty() { &proposed } else { chosen.trim() };
        let mut days = presets(policy);
        if let Some(own) = chosen.parse().ok().filter(|own| (1..=policy.max_days).contains(own)) {
            days.push(own);
            days.sort_unstable();
            days.dedup();
        }
        let mut presets: Vec<ExpiryPreset> = days
            .into_iter()
            .map(|days| ExpiryPreset {
                value: days.to_string(),
                label: format!("{days} day{}", if days == 1 { "" } else { "s" }),
                until: format!("until {}", now.plus(days * DAY).day_in_words()),
            })
            .collect();
        let more = |value: &str, label: &str, until: &str| ExpiryPreset {
            value: value.to_owned(),
            label: label.to_owned(),
            until: until.to_owned(),
        };
        presets.push(more("date", "On a date", "that you choose"));
        if policy.allow_never {
            presets.push(more("never", "Never", "until you revoke it"));
        }
        Self {
            choice: problems.field("expiry", chosen),
            hint: "The token works until then, and to the end of a day that you choose (UTC). Shorter is safer.",
            presets,
            own_date: true,
            date: problems.field("date", date),
            date_min: now.date(),
            date_max: now.plus(policy.max_days * DAY).date(),
        }
    }

    /// The same without a date of one's own.
    pub fn presets_alone(mut self) -> Self {
        self.presets.retain(|preset| preset.value != "date");
        Self { own_date: false, hint: "The token works until then. Shorter is safer.", ..self }
    }
}

/// What the choice of rights says.
pub struct AccessWords {
    pub hint: &'static str,
    pub selected: &'static str,
    pub everything: &'static str,
    pub everything_hint: &'static str,
}

impl AccessWords {
    const PERSONAL: Self = Self {
        hint: "What the token may do. It can never do more than you may yourself at that moment.",
        selected: "Recommended. The less it may do, the less can happen.",
        everything: "Everything that I may do",
        everything_hint: "Whoever holds the token can do all that you can, also what you are allowed later.",
    };
    pub const KEY: Self = Self {
        hint: "The key has your rights in this organization at any moment, never more. Narrow it to what its program needs.",
        selected: "Less than your rights: only what you tick. Safer if the key gets into wrong hands.",
        everything: "Everything that I may do here",
        everything_hint: "The key inherits your rights: when your role changes, so does what it may do.",
    };
    pub const SERVICE: Self = Self {
        hint: "What the token may do. It can never do more than the service account’s role allows at that moment; what that does not allow now is out of reach.",
        selected: "Recommended. The less it may do, the less can happen.",
        everything: "Everything that its role allows",
        everything_hint: "When the role changes, so does what the token may do.",
    };
}

/// The choice of rights.
pub struct Rights {
    pub words: AccessWords,
    pub access: Field,
    pub matrix: ScopeMatrix,
    /// What a single thing can be,
    pub kinds: Vec<Kind>,
    /// and the id of one that shall get a row.
    pub entity_id: Field,
}

impl Rights {
    /// As they were chosen.
    pub fn new(catalogue: &Catalogue, access: Field, ticked: &Ticked<'_>, problems: &Problems) -> Self {
        let kinds = catalogue.entity_types().iter().map(|entry| Kind {
            name: entry.name.clone(),
            label: entry.text.clone(),
            chosen: entry.name == ticked.entity_type,
        });
        Self {
            words: AccessWords::PERSONAL,
            access,
            matrix: ScopeMatrix::with(catalogue, ticked, problems.at("scope")),
            kinds: kinds.collect(),
            entity_id: problems.field("entity_id", ticked.entity_id),
        }
    }

    /// The same in other words.
    #[must_use]
    pub fn saying(self, words: AccessWords) -> Self {
        Self { words, ..self }
    }

    /// The same, with what is not allowed out of reach.
    #[must_use]
    pub fn within(mut self, allows: impl Fn(&str, &str) -> bool) -> Self {
        for cell in self.matrix.rows.iter_mut().flat_map(|row| &mut row.cells) {
            let mut parts = cell.value.splitn(3, ':');
            let (kind, operation) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            cell.refused = !cell.checked && !allows(kind, operation);
        }
        self
    }
}

pub struct ScopeMatrix {
    pub operations: Vec<OperationView>,
    pub rows: Vec<MatrixRow>,
    pub error: Option<String>,
}

pub struct OperationView {
    pub label: String,
    pub description: String,
}

pub struct MatrixRow {
    pub label: String,
    /// How a sentence calls it.
    pub things: String,
    /// The single thing that the row is for, as the form sends it.
    pub entity: String,
    /// It has just been added: the page goes on there.
    pub is_added: bool,
    pub cells: Vec<Cell>,
}

pub struct Cell {
    pub id: String,
    pub value: String,
    pub label: String,
    pub checked: bool,
    pub implied_by: String,
    pub implies: String,
    /// Whoever the token acts for may not do it; what is ticked all the same can be taken out.
    pub refused: bool,
}

pub struct Kind {
    pub name: String,
    pub label: String,
    pub chosen: bool,
}

/// What was ticked and typed into the choice of rights.
#[derive(Default)]
pub struct Ticked<'a> {
    pub scope: &'a [String],
    pub entity: &'a [String],
    pub entity_type: &'a str,
    pub entity_id: &'a str,
    /// Of the single things the one that has just been added.
    pub added: &'a str,
}

impl ScopeMatrix {
    /// The boxes, ticked as they were sent, for all things of each kind.
    pub fn new(catalogue: &Catalogue, scope: &[String], error: Option<String>) -> Self {
        Self::with(catalogue, &Ticked { scope, ..Ticked::default() }, error)
    }

    /// With rows for single things, too; what the boxes fill in is marked with the first that does.
    fn with(catalogue: &Catalogue, ticked: &Ticked<'_>, error: Option<String>) -> Self {
        let operations = catalogue
            .operations()
            .iter()
            .map(|entry| OperationView { label: entry.name.clone(), description: entry.text.clone() })
            .collect();
        // Hundreds can be ticked, and each box asks for several: looked up, not searched for.
        let chosen: BTreeSet<&str> = ticked.scope.iter().map(String::as_str).collect();
        let mut rows = Vec::new();
        for kind in catalogue.entity_types() {
            rows.push(row(catalogue, &chosen, &kind.name, &kind.text, None));
            for (number, id) in singles(ticked, &kind.name).into_iter().enumerate() {
                let mut row = row(catalogue, &chosen, &kind.name, &kind.text, Some((number, id)));
                row.is_added = row.entity == ticked.added;
                rows.push(row);
            }
        }
        Self { operations, rows, error }
    }
}

/// The single things of a kind that have a row: those that were added, and those that something is ticked for.
fn singles<'a>(ticked: &Ticked<'a>, kind: &str) -> Vec<&'a str> {
    let added = ticked.entity.iter().filter_map(|text| text.split_once(':')).filter(|(of, _)| *of == kind);
    let given = ticked.scope.iter().filter_map(|text| {
        let mut parts = text.splitn(3, ':');
        let (of, _, id) = (parts.next()?, parts.next()?, parts.next()?);
        (of == kind).then_some(id)
    });
    let sound = |id: &&str| (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    let mut all: Vec<&str> = given.chain(added.map(|(_, id)| id)).filter(sound).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn row(
    catalogue: &Catalogue,
    ticked: &BTreeSet<&str>,
    kind: &str,
    title: &str,
    single: Option<(usize, &str)>,
) -> MatrixRow {
    let value = |operation: &str| match single {
        Some((_, id)) => format!("{kind}:{operation}:{id}"),
        None => format!("{kind}:{operation}"),
    };
    let label = single.map_or_else(|| title.to_owned(), |(_, id)| format!("{title} {id}"));
    let is_ticked = |operation: &str| ticked.contains(value(operation).as_str());
    let cell = |operation: &str| {
        let fills = |other: &str| catalogue.implied_by(other).any(|implied| implied == operation);
        // What was filled in is posted, too; the strongest of them is what the person ticked.
        let superior = catalogue
            .operations()
            .iter()
            .map(|other| other.name.as_str())
            .filter(|other| is_ticked(other) && fills(other))
            .max_by_key(|other| catalogue.implied_by(other).count());
        Cell {
            id: match single {
                Some((number, _)) => format!("scope-{kind}-{number}-{operation}"),
                None => format!("scope-{kind}-{operation}"),
            },
            value: value(operation),
            label: match single {
                Some((_, id)) => format!("{kind} {id}: {operation}"),
                None => format!("{kind}: {operation}"),
            },
            checked: superior.is_some() || is_ticked(operation),
            implied_by: superior.unwrap_or_default().to_owned(),
            implies: catalogue.implied_by(operation).map(value).collect::<Vec<_>>().join(" "),
            refused: false,
        }
    };
    MatrixRow {
        things: match single {
            Some((_, id)) => format!("{} {id}", title.to_lowercase()),
            None => format!("all {}", title.to_lowercase()),
        },
        entity: single.map(|(_, id)| format!("{kind}:{id}")).unwrap_or_default(),
        is_added: false,
        cells: catalogue.operations().iter().map(|operation| cell(&operation.name)).collect(),
        label,
    }
}
