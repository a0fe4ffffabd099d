//! Scopes: what a token was given, as a set, and how it is written down.

use std::collections::BTreeSet;

use super::Catalogue;

/// One right: an entity type, an operation, and all entities of that type or a single one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// From the catalogue.
    pub entity_type: String,
    /// From the catalogue.
    pub operation: String,
    /// A single entity's id, opaque to Keystead; `None` means all of them.
    pub entity: Option<String>,
}

/// Why a scope can't be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScopeProblem {
    /// It is not `entity_type:operation` or `entity_type:operation:entity`.
    Malformed(String),
    /// The catalogue has no such entity type or operation.
    Unknown(String),
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.entity_type, self.operation)?;
        match &self.entity {
            Some(entity) => write!(f, ":{entity}"),
            None => Ok(()),
        }
    }
}

impl Scope {
    /// Reads `channels:update` or `channels:update:42`, against the catalogue.
    ///
    /// # Errors
    /// [`ScopeProblem`], with the text that could not be read.
    pub fn parse(text: &str, catalogue: &Catalogue) -> Result<Self, ScopeProblem> {
        let scope = Self::read(text).ok_or_else(|| ScopeProblem::Malformed(text.to_owned()))?;
        if catalogue.has_entity_type(&scope.entity_type) && catalogue.has_operation(&scope.operation) {
            Ok(scope)
        } else {
            Err(ScopeProblem::Unknown(text.to_owned()))
        }
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let (entity_type, operation, entity) = (parts.next()?, parts.next()?, parts.next());
        // An entity's id stands in a space-separated list, so it can hold no space; nothing invisible may hide in it.
        let sound =
            entity.is_none_or(|id| (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()));
        sound.then(|| Self {
            entity_type: entity_type.to_owned(),
            operation: operation.to_owned(),
            entity: entity.map(str::to_owned),
        })
    }
}

/// A set of scopes, each once, in a fixed order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// The set of `scopes` and of all that they imply, stored explicitly: what a token may do can be read off its record.
    pub fn filled_in(scopes: impl IntoIterator<Item = Scope>, catalogue: &Catalogue) -> Self {
        let mut set = BTreeSet::new();
        for scope in scopes {
            for operation in catalogue.implied_by(&scope.operation) {
                set.insert(Scope { operation: operation.to_owned(), ..scope.clone() });
            }
            set.insert(scope);
        }
        Self(set)
    }

    /// With others that are no operations of the catalogue, so that it fills nothing in for them.
    #[must_use]
    pub fn and(mut self, others: impl IntoIterator<Item = Scope>) -> Self {
        self.0.extend(others);
        self
    }

    /// The form in which a record keeps them, RFC 6749's: separated by spaces.
    pub fn to_text(&self) -> String {
        self.0.iter().map(Scope::to_string).collect::<Vec<_>>().join(" ")
    }

    /// Reads a record's form.
    pub fn from_text(text: &str) -> Self {
        Self(text.split_ascii_whitespace().filter_map(Scope::read).collect())
    }

    /// The set without one of them, and without all that would bring it back.
    #[must_use]
    pub fn without(&self, text: &str, catalogue: &Catalogue) -> Self {
        let Some(gone) = Scope::read(text) else { return self.clone() };
        let implies = |scope: &Scope| {
            (&scope.entity_type, &scope.entity) == (&gone.entity_type, &gone.entity)
                && catalogue.implied_by(&scope.operation).any(|operation| operation == gone.operation)
        };
        if !self.0.contains(&gone) {
            return self.clone();
        }
        Self(self.0.iter().filter(|scope| **scope != gone && !implies(scope)).cloned().collect())
    }

    /// Which of them would bring this one back: the strongest's operation.
    pub fn implied_by<'a>(&self, scope: &Scope, catalogue: &'a Catalogue) -> Option<&'a str> {
        let brings_back = |other: &&str| {
            catalogue.implied_by(other).any(|operation| operation == scope.operation)
                && self.0.contains(&Scope { operation: (*other).to_owned(), ..scope.clone() })
        };
        let operations = catalogue.operations().iter().map(|entry| entry.name.as_str());
        operations.filter(brings_back).max_by_key(|other| catalogue.implied_by(other).count())
    }

    /// Whether this very one is among them.
    pub fn contains(&self, scope: &Scope) -> bool {
        self.0.contains(scope)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether a record's text covers a wish, without building the set: this is asked at every check.
///
/// A scope for all entities covers a single one; a scope for one entity covers that one alone.
pub fn covers(text: &str, entity_type: &str, operation: &str, entity: Option<&str>) -> bool {
    text.split_ascii_whitespace().any(|scope| {
        let Some(rest) = scope
            .strip_prefix(entity_type)
            .and_then(|rest| rest.strip_prefix(':'))
            .and_then(|rest| rest.strip_prefix(operation))
        else {
            return false;
        };
        rest.is_empty() || rest.strip_prefix(':').is_some_and(|given| Some(given) == entity)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes() {
        let catalogue = Catalogue::default();
        for text in ["channels:update", "channels:update:42", "channels:read:a:b"] {
            assert_eq!(Scope::parse(text, &catalogue).unwrap().to_string(), text);
        }
        assert_eq!(Scope::parse("channels", &catalogue), Err(ScopeProblem::Malformed("channels".into())));
        assert_eq!(
            Scope::parse("channels:update:", &catalogue),
            Err(ScopeProblem::Malformed("channels:update:".into()))
        );
        assert_eq!(
            Scope::parse("channels:update:a b", &catalogue),
            Err(ScopeProblem::Malformed("channels:update:a b".into()))
        );
        for text in ["*", "org:admin:x", "channels:fly", "boats:read"] {
            assert!(Scope::parse(text, &catalogue).is_err(), "{text}");
        }
    }

    #[test]
    fn implied_ones_are_stored() {
        let catalogue = Catalogue::default();
        let wish = Scope::parse("channels:update:42", &catalogue).unwrap();
        let scopes = Scopes::filled_in([wish.clone(), wish], &catalogue);
        assert_eq!(scopes.to_text(), "channels:list:42 channels:read:42 channels:update:42");
        assert_eq!(Scopes::from_text(&scopes.to_text()), scopes);
    }

    #[test]
    fn what_is_taken_away_is_not_brought_back() {
        let catalogue = Catalogue::default();
        let scopes = Scopes::from_text("channels:list channels:read channels:update channels:read:7 groups:list");
        let left = |gone: &str| scopes.without(gone, &catalogue).to_text();
        assert_eq!(left("channels:update"), "channels:list channels:read channels:read:7 groups:list");
        assert_eq!(left("channels:list"), "channels:read:7 groups:list");
        for unknown in ["channels:delete", "channels", "", "groups:list:1"] {
            assert_eq!(left(unknown), scopes.to_text(), "{unknown}");
        }
        let scope = |text: &str| Scope::parse(text, &catalogue).unwrap();
        assert_eq!(scopes.implied_by(&scope("channels:list"), &catalogue), Some("update"));
        assert_eq!(scopes.implied_by(&scope("channels:update"), &catalogue), None);
        assert_eq!(scopes.implied_by(&scope("channels:read:7"), &catalogue), None);
    }

    #[test]
    fn covers_exactly_what_it_says() {
        let text = "channels:read channels:update:42 clients:list";
        for (entity_type, operation, entity, wanted) in [
            ("channels", "read", None, true),
            ("channels", "read", Some("7"), true),
            ("channels", "update", Some("42"), true),
            ("channels", "update", Some("4"), false),
            ("channels", "update", Some("421"), false),
            ("channels", "update", None, false),
            ("channel", "read", None, false),
            ("channels", "rea", None, false),
            ("clients", "read", None, false),
            ("", "", None, false),
        ] {
            assert_eq!(covers(text, entity_type, operation, entity), wanted, "{entity_type}:{operation}:{entity:?}");
        }
    }
}
