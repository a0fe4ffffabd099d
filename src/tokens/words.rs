//! What a token may do, in words.

use std::collections::BTreeMap;

use crate::catalogue::{Catalogue, Scopes};
use crate::organizations::policy::matter_words;

/// A kind of thing, one of them or all, and what may be done with it.
struct Group {
    things: String,
    /// One of the organization's own matters, rather than a kind of thing.
    is_matter: bool,
    entity: Option<String>,
    operations: Vec<String>,
}

/// One group for each entity type and entity, both in the catalogue's order.
fn groups(scopes: &Scopes, catalogue: &Catalogue) -> Vec<Group> {
    let place = |name: &str| catalogue.operations().iter().position(|entry| entry.name == name);
    let mut found: BTreeMap<(usize, String, Option<String>), Vec<String>> = BTreeMap::new();
    for scope in scopes.iter() {
        let kind = catalogue.entity_types().iter().position(|entry| entry.name == scope.entity_type);
        let key = (kind.unwrap_or(usize::MAX), scope.entity_type.clone(), scope.entity.clone());
        found.entry(key).or_default().push(scope.operation.clone());
    }
    let title = |kind: usize, name: String| match catalogue.entity_types().get(kind) {
        Some(entry) => entry.text.clone(),
        None => matter_words(&name).map_or(name, str::to_owned),
    };
    found
        .into_iter()
        .map(|((kind, name, entity), mut operations)| {
            operations.sort_by_key(|operation| place(operation));
            Group { is_matter: matter_words(&name).is_some(), things: title(kind, name), entity, operations }
        })
        .collect()
}

/// "a, b and c".
pub fn list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The first few of them, and how many more there are: hundreds are for the token's own table.
fn few(mut parts: Vec<String>, between: &str) -> String {
    const SHOWN: usize = 12;
    if let more @ 1.. = parts.len().saturating_sub(SHOWN) {
        parts.truncate(SHOWN);
        parts.push(format!("{more} more"));
    }
    parts.join(between)
}

/// For a column: "Channels: read, list". `bound` ends "Everything that": "you may do".
pub fn short(everything: bool, scopes: &Scopes, bound: &str, catalogue: &Catalogue) -> String {
    if everything {
        return format!("Everything that {bound}");
    }
    if scopes.is_empty() {
        return "Nothing".to_owned();
    }
    let part = |group: &Group| {
        let entity = group.entity.as_ref().map(|entity| format!(" {entity}")).unwrap_or_default();
        format!("{}{entity}: {}", group.things, group.operations.join(", "))
    };
    few(groups(scopes, catalogue).iter().map(part).collect(), " · ")
}

/// For a sentence that begins with "It can": "read and publish to all channels of Acme"; `bound` as in [`short`].
pub fn can(everything: bool, scopes: &Scopes, place: Option<&str>, bound: &str, catalogue: &Catalogue) -> String {
    let of = place.map(|name| format!(" of {name}")).unwrap_or_default();
    if everything {
        let where_ = place.map_or_else(|| "all your organizations".to_owned(), str::to_owned);
        return format!("do everything that {bound} in {where_}");
    }
    if scopes.is_empty() {
        return "do nothing but prove that it is yours".to_owned();
    }
    let part = |group: &Group| {
        let to = if group.operations.last().is_some_and(|last| matches!(last.as_str(), "publish" | "subscribe")) {
            " to"
        } else {
            ""
        };
        let things = group.things.to_lowercase();
        let which = match (group.things.strip_prefix("The ").filter(|_| group.is_matter), &group.entity) {
            (Some(matter), _) => format!("the {matter}"),
            (None, None) => format!("all {things}"),
            (None, Some(entity)) => format!("{things} {entity}"),
        };
        format!("{}{to} {which}", list(&group.operations))
    };
    format!("{}{of}", few(groups(scopes, catalogue).iter().map(part).collect(), "; "))
}

/// What was given and what was taken, for the log: "+ channels:read − groups:list".
pub fn difference(before: &Scopes, after: &Scopes) -> String {
    let only = |one: &Scopes, other: &Scopes| -> Vec<String> {
        one.iter().filter(|scope| !other.contains(scope)).map(ToString::to_string).collect()
    };
    let (given, taken) = (only(after, before), only(before, after));
    let mut parts = Vec::new();
    if !given.is_empty() {
        parts.push(format!("+ {}", given.join(" ")));
    }
    if !taken.is_empty() {
        parts.push(format!("− {}", taken.join(" ")));
    }
    crate::text::shown(&parts.join(" "), 500)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_read_as_a_sentence() {
        let catalogue = Catalogue::default();
        for (scopes, place, sentence) in [
            ("channels:read channels:publish", Some("Acme"), "read and publish to all channels of Acme"),
            ("channels:read channels:list groups:list:42", None, "read and list all channels; list groups 42"),
            ("", None, "do nothing but prove that it is yours"),
            ("boats:sail", None, "sail all boats"),
            ("org.members:read groups:list", None, "list all groups; read the organization’s members"),
        ] {
            assert_eq!(can(false, &Scopes::from_text(scopes), place, "you may do", &catalogue), sentence);
        }
        assert_eq!(
            can(true, &Scopes::default(), None, "you may do", &catalogue),
            "do everything that you may do in all your organizations"
        );
        let scopes = Scopes::from_text("groups:list:42 channels:read channels:list");
        assert_eq!(short(false, &scopes, "you may do", &catalogue), "Channels: read, list · Groups 42: list");
        let many = (1..=500).map(|id| format!("channels:read:{id}")).collect::<Vec<_>>().join(" ");
        let many = short(false, &Scopes::from_text(&many), "you may do", &catalogue);
        assert!(many.len() < 500 && many.ends_with(" · 488 more"), "{many}");
        assert_eq!(
            difference(&Scopes::from_text("channels:read a:b"), &Scopes::from_text("channels:read c:d")),
            "+ c:d − a:b"
        );
    }
}
