//! The catalogue: the operator's entity types and operations, which scopes are made of, and their ranking. Pure.

mod scope;

use std::collections::BTreeSet;

pub use scope::{Scope, ScopeProblem, Scopes, covers};

use crate::text_enum;

text_enum! {
    /// What a member may do in an organization.
    pub enum Role {
        /// Everything, and the organization itself.
        Owner = "owner",
        /// Everything.
        Admin = "admin",
        /// What `catalogue.member` says.
        Member = "member",
        /// What `catalogue.viewer` says.
        Viewer = "viewer",
        /// What one of the organization's own roles says; the catalogue alone allows it nothing.
        Own = "own",
    }
}

/// A name in the catalogue, and what people read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name in scopes: lower-case letters, digits and hyphens.
    pub name: String,
    /// What people read: an entity type's title, an operation's description.
    pub text: String,
}

/// Entity types, operations, and which operation fills in which.
#[derive(Debug, Clone)]
pub struct Catalogue {
    entity_types: Vec<Entry>,
    operations: Vec<Entry>,
    /// For each operation, by its place, the places of all that it outranks.
    implied: Vec<BTreeSet<usize>>,
    ranking: Vec<String>,
    /// The operations of the role "member".
    pub member: Vec<String>,
    /// The operations of the role "viewer".
    pub viewer: Vec<String>,
}

const DEFAULT_RANKING: [&str; 4] = ["delete > update > read > list", "create > read", "share > read", "unshare > read"];

impl Default for Catalogue {
    fn default() -> Self {
        let entries = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, text)| Entry { name: (*name).to_owned(), text: (*text).to_owned() }).collect()
        };
        let mut catalogue = Self {
            entity_types: entries(&[("channels", "Channels"), ("clients", "Clients"), ("groups", "Groups")]),
            operations: entries(&[
                ("create", "Create a new entity"),
                ("read", "Read or view an entity"),
                ("list", "List entities"),
                ("update", "Update or modify an entity"),
                ("delete", "Delete an entity"),
                ("share", "Share an entity with others"),
                ("unshare", "Take back that an entity is shared"),
                ("publish", "Publish messages to an entity"),
                ("subscribe", "Subscribe to messages from an entity"),
            ]),
            implied: Vec::new(),
            ranking: DEFAULT_RANKING.map(str::to_owned).to_vec(),
            member: ["create", "read", "list", "update", "publish", "subscribe"].map(str::to_owned).to_vec(),
            viewer: ["read", "list", "subscribe"].map(str::to_owned).to_vec(),
        };
        catalogue.rank().expect("the default ranking is sound");
        catalogue
    }
}

impl Catalogue {
    /// The entity types, in the operator's order.
    pub fn entity_types(&self) -> &[Entry] {
        &self.entity_types
    }

    /// The operations, in the operator's order.
    pub fn operations(&self) -> &[Entry] {
        &self.operations
    }

    /// Whether there is such an entity type.
    pub fn has_entity_type(&self, name: &str) -> bool {
        self.entity_types.iter().any(|entry| entry.name == name)
    }

    /// Whether there is such an operation.
    pub fn has_operation(&self, name: &str) -> bool {
        self.place(name).is_some()
    }

    /// The operations that `operation` fills in, itself left out.
    pub fn implied_by(&self, operation: &str) -> impl Iterator<Item = &str> {
        self.place(operation)
            .into_iter()
            .flat_map(|place| &self.implied[place])
            .map(|place| self.operations[*place].name.as_str())
    }

    /// Whether a role allows an operation.
    pub fn role_allows(&self, role: Role, operation: &str) -> bool {
        match role {
            Role::Owner | Role::Admin => true,
            Role::Member => self.member.iter().any(|name| name == operation),
            Role::Viewer => self.viewer.iter().any(|name| name == operation),
            Role::Own => false,
        }
    }

    /// Replaces the entity types.
    ///
    /// # Errors
    /// In words, when a name can't stand in a scope.
    pub fn set_entity_types(&mut self, pairs: Vec<(String, String)>) -> Result<(), String> {
        self.entity_types = entries(pairs)?;
        Ok(())
    }

    /// Replaces the operations; the default ranking is kept as far as its operations are still there.
    ///
    /// # Errors
    /// In words, when a name can't stand in a scope.
    pub fn set_operations(&mut self, pairs: Vec<(String, String)>) -> Result<(), String> {
        self.operations = entries(pairs)?;
        self.rank()
    }

    /// Replaces the ranking by chains, strongest first: `"delete > update > read"`.
    ///
    /// # Errors
    /// In words, when a chain goes in a circle.
    pub fn set_ranking(&mut self, chains: &[String]) -> Result<(), String> {
        self.ranking = chains.to_vec();
        self.rank()
    }

    /// What is wrong with lists that name operations which there aren't, and under which setting. The defaults may: an
    /// operator who replaces the operations need not repeat them.
    pub fn problem(&self) -> Option<String> {
        let default = Self::default();
        let chained: Vec<String> =
            self.ranking.iter().flat_map(|chain| chain.split('>')).map(|name| name.trim().to_owned()).collect();
        let lists = [
            ("catalogue.ranking", &chained, self.ranking != default.ranking),
            ("catalogue.member", &self.member, self.member != default.member),
            ("catalogue.viewer", &self.viewer, self.viewer != default.viewer),
        ];
        lists.into_iter().filter(|(_, _, chosen)| *chosen).find_map(|(key, names, _)| {
            let unknown = names.iter().find(|name| !self.has_operation(name))?;
            Some(format!(
                "{key}: there is no operation \"{unknown}\" in catalogue.operations; add it there, or mend its name"
            ))
        })
    }

    fn rank(&mut self) -> Result<(), String> {
        let mut implied = vec![BTreeSet::new(); self.operations.len()];
        for chain in &self.ranking {
            // An operation that the operator took out of the catalogue leaves its chain: its neighbours still rank.
            let places: Vec<usize> = chain.split('>').filter_map(|name| self.place(name.trim())).collect();
            for pair in places.windows(2) {
                implied[pair[0]].insert(pair[1]);
            }
        }
        // Ranks pass on: as often as there are operations, each takes over what those below it imply.
        for _ in 0..implied.len() {
            let before = implied.clone();
            for set in &mut implied {
                let below: Vec<usize> = set.iter().flat_map(|place| before[*place].iter().copied()).collect();
                set.extend(below);
            }
        }
        if let Some(place) = (0..implied.len()).find(|place| implied[*place].contains(place)) {
            return Err(format!(
                "\"{}\" would outrank itself; take it out of one of the chains",
                self.operations[place].name
            ));
        }
        self.implied = implied;
        Ok(())
    }

    fn place(&self, operation: &str) -> Option<usize> {
        self.operations.iter().position(|entry| entry.name == operation)
    }
}

fn entries(pairs: Vec<(String, String)>) -> Result<Vec<Entry>, String> {
    if pairs.is_empty() {
        return Err("it is empty; give one at least".to_owned());
    }
    let plain = |name: &str| {
        (1..=40).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    match pairs.iter().find(|(name, _)| !plain(name)) {
        Some((name, _)) => Err(format!("\"{name}\" is not 1 to 40 lower-case letters, digits and hyphens; rename it")),
        None => Ok(pairs.into_iter().map(|(name, text)| Entry { name, text }).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers: S0-15, S3-9
    #[test]
    fn a_superior_operation_fills_in_the_lower_ones() {
        let catalogue = Catalogue::default();
        let implied = |operation| catalogue.implied_by(operation).collect::<Vec<_>>();
        assert_eq!(implied("delete"), ["read", "list", "update"]);
        assert_eq!(implied("update"), ["read", "list"]);
        assert_eq!(implied("create"), ["read", "list"]);
        assert_eq!(implied("list"), Vec::<&str>::new());
        assert_eq!(implied("publish"), Vec::<&str>::new());
        assert_eq!(catalogue.operations().len(), 9);
    }

    #[test]
    fn a_circle_is_refused() {
        let mut catalogue = Catalogue::default();
        let problem = catalogue.set_ranking(&["read > list".to_owned(), "list > read".to_owned()]).unwrap_err();
        assert_eq!(problem, "\"read\" would outrank itself; take it out of one of the chains");
    }

    #[test]
    fn roles_allow_what_the_catalogue_says() {
        let catalogue = Catalogue::default();
        let allowed =
            |role| catalogue.operations().iter().filter(|entry| catalogue.role_allows(role, &entry.name)).count();
        assert_eq!([Role::Owner, Role::Admin, Role::Member, Role::Viewer, Role::Own].map(allowed), [9, 9, 6, 3, 0]);
    }
}
