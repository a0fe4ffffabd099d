//! What members may do: pure, of their role, their teams' roles, and the catalogue.

use std::collections::{BTreeSet, HashSet};

use super::Kind;
use super::queries::Policy;
use crate::catalogue::{Catalogue, Role, Scope, covers};
use crate::text_enum;

text_enum! {
    /// A right over an organization's own matters. Its word stands in a role's list beside the scopes; the dot keeps it
    /// apart from the operator's entity types, which can hold none.
    pub enum Right {
        /// Any member's, whatever their role.
        Belong = "belong",
        /// Any member's, where there can be others.
        BelongWithOthers = "belong-with-others",
        /// The owners' alone: making somebody else the owner.
        HandOver = "hand-over",
        /// The overview and the license.
        SeeOrganization = "org.organization:read",
        /// Name, address, policy.
        ChangeOrganization = "org.organization:update",
        /// Ending the organization.
        DeleteOrganization = "org.organization:delete",
        /// Who is there, with which rights.
        SeeMembers = "org.members:read",
        /// Inviting.
        InviteMembers = "org.members:create",
        /// Giving members another role.
        ChangeMembers = "org.members:update",
        /// Removing members.
        RemoveMembers = "org.members:delete",
        /// The teams and who is in them.
        SeeTeams = "org.teams:read",
        /// New teams.
        CreateTeams = "org.teams:create",
        /// A team's name, role and members.
        ChangeTeams = "org.teams:update",
        /// Ending teams.
        DeleteTeams = "org.teams:delete",
        /// What each role allows.
        SeeRoles = "org.roles:read",
        /// New roles.
        CreateRoles = "org.roles:create",
        /// What a role allows.
        ChangeRoles = "org.roles:update",
        /// Ending roles.
        DeleteRoles = "org.roles:delete",
        /// Everybody's keys.
        SeeKeys = "org.api-keys:read",
        /// Keys of one's own.
        CreateKeys = "org.api-keys:create",
        /// Ending others' keys.
        DeleteKeys = "org.api-keys:delete",
        /// The service accounts.
        SeeServiceAccounts = "org.service-accounts:read",
        /// New service accounts.
        CreateServiceAccounts = "org.service-accounts:create",
        /// Their role and tokens.
        ChangeServiceAccounts = "org.service-accounts:update",
        /// Ending service accounts.
        DeleteServiceAccounts = "org.service-accounts:delete",
        /// The log.
        SeeLogs = "org.logs:read",
    }
}

/// The operations on an organization's own matters, in the order of the matrix.
pub const OPERATIONS: [&str; 4] = ["read", "create", "update", "delete"];

/// The matters, and what people read.
pub const MATTERS: [(&str, &str); 7] = [
    ("org.organization", "Organization"),
    ("org.members", "Members"),
    ("org.teams", "Teams"),
    ("org.roles", "Roles"),
    ("org.api-keys", "API keys"),
    ("org.service-accounts", "Service accounts"),
    ("org.logs", "Logs"),
];

/// How a sentence calls a matter.
pub fn matter_words(matter: &str) -> Option<&'static str> {
    Some(match matter {
        "org.organization" => "The organization itself",
        "org.members" => "The organization’s members",
        "org.teams" => "The organization’s teams",
        "org.roles" => "The organization’s roles",
        "org.api-keys" => "The organization’s API keys",
        "org.service-accounts" => "The organization’s service accounts",
        "org.logs" => "The organization’s log",
        _ => return None,
    })
}

impl Right {
    /// The matter and the operation, for those that a role can give.
    pub fn parts(self) -> Option<(&'static str, &'static str)> {
        self.as_str().split_once(':')
    }

    /// The right to do that with that matter, if there is one.
    pub fn of(matter: &str, operation: &str) -> Option<Self> {
        Self::from_word(&format!("{matter}:{operation}"))
    }

    /// What it fills in: who may delete may update and read, who may create may read.
    pub fn implied(self) -> impl Iterator<Item = Self> {
        let (matter, operation) = self.parts().unwrap_or_default();
        let lower: &[&str] = match operation {
            "delete" => &["update", "read"],
            "update" | "create" => &["read"],
            _ => &[],
        };
        lower.iter().filter_map(move |lower| Self::of(matter, lower))
    }

    /// Those that a service account's token is given, and what they fill in, beside its scopes over the catalogue.
    ///
    /// # Errors
    /// The one that can't be read.
    pub fn scopes<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Vec<Scope>, String> {
        let mut scopes = Vec::new();
        for word in words {
            let right = Self::from_word(word).ok_or_else(|| word.to_owned())?;
            for (matter, operation) in std::iter::once(right)
                .chain(right.implied())
                .map(Self::parts)
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| word.to_owned())?
            {
                scopes.push(Scope { entity_type: matter.to_owned(), operation: operation.to_owned(), entity: None });
            }
        }
        Ok(scopes)
    }

    /// Whether it means nothing in a private organization, where nobody else can be.
    pub fn is_for_shared(self) -> bool {
        matches!(self, Self::BelongWithOthers | Self::HandOver | Self::DeleteOrganization)
            || matches!(self.parts(), Some(("org.members" | "org.teams" | "org.roles", _)))
    }
}

/// One source of rights: a role, held by oneself or by a team that one is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Which role.
    pub role: Role,
    /// What it allows, where it is one of the organization's own.
    pub rights: Option<String>,
    /// Its name, where it is one of the organization's own.
    pub role_name: Option<String>,
    /// The team that has it; `None` is the member's own.
    pub team: Option<String>,
}

impl Grant {
    /// Whether it allows this on all entities of a type.
    fn allows(&self, catalogue: &Catalogue, entity_type: &str, operation: &str) -> bool {
        match &self.rights {
            Some(rights) => covers(rights, entity_type, operation, None),
            None => catalogue.role_allows(self.role, operation),
        }
    }
}

/// What a member has at a moment: their own role first, then their teams'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing(pub Vec<Grant>);

impl Standing {
    /// The owner of a private organization.
    pub fn private() -> Self {
        Self(vec![Grant { role: Role::Owner, rights: None, role_name: None, team: None }])
    }

    /// Whether any of it allows this; asked at every check, so it builds nothing.
    pub fn allows(&self, catalogue: &Catalogue, entity_type: &str, operation: &str) -> bool {
        self.0.iter().any(|grant| grant.allows(catalogue, entity_type, operation))
    }
}

/// Rights as a set, to be compared with others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    is_owner: bool,
    own: HashSet<Right>,
    catalogue: BTreeSet<(String, String)>,
}

impl Rights {
    /// Whether they allow a scope: an operation of the catalogue, or a right over the organization's own matters.
    pub fn allows_scope(&self, scope: &Scope) -> bool {
        match Right::of(&scope.entity_type, &scope.operation) {
            Some(right) => self.may(right),
            None => self.allows(&scope.entity_type, &scope.operation),
        }
    }

    /// What a role gives; `own` is the list of one of the organization's own.
    pub fn of_role(role: Role, own: Option<&str>, catalogue: &Catalogue) -> Self {
        let everything = |operations: &dyn Fn(&str) -> bool| {
            let each = |entity_type: &str| {
                let allowed = catalogue.operations().iter().filter(|entry| operations(&entry.name));
                allowed.map(|entry| (entity_type.to_owned(), entry.name.clone())).collect::<Vec<_>>()
            };
            catalogue.entity_types().iter().flat_map(|entry| each(&entry.name)).collect()
        };
        let of = |own: &[Right]| Self {
            is_owner: role == Role::Owner,
            own: own.iter().copied().chain([Right::Belong, Right::BelongWithOthers]).collect(),
            catalogue: everything(&|operation| catalogue.role_allows(role, operation)),
        };
        match role {
            Role::Owner => of(Right::ALL),
            Role::Admin => {
                let mut all = of(Right::ALL);
                all.own.retain(|right| !matches!(right, Right::HandOver | Right::DeleteOrganization));
                all
            }
            Role::Member => of(&[
                Right::SeeOrganization,
                Right::SeeMembers,
                Right::SeeTeams,
                Right::SeeRoles,
                Right::SeeKeys,
                Right::CreateKeys,
            ]),
            Role::Viewer => of(&[Right::SeeOrganization, Right::SeeMembers, Right::SeeTeams]),
            Role::Own => {
                let mut rights = of(&[]);
                for word in own.unwrap_or_default().split_ascii_whitespace() {
                    rights.add(word, catalogue);
                }
                rights
            }
        }
    }

    /// What a member may do in an organization of this kind: all of their roles' rights together.
    pub fn of(standing: &Standing, kind: Kind, catalogue: &Catalogue) -> Self {
        let mut all = Self::default();
        for grant in &standing.0 {
            all.take(Self::of_role(grant.role, grant.rights.as_deref(), catalogue));
        }
        if kind == Kind::Private {
            all.own.retain(|right| !right.is_for_shared());
        }
        all
    }

    /// Those that a form ticked, with all that they fill in.
    ///
    /// # Errors
    /// The one that can't be read.
    pub fn chosen<'a>(words: impl IntoIterator<Item = &'a str>, catalogue: &Catalogue) -> Result<Self, String> {
        let mut rights = Self::default();
        for word in words {
            if !rights.add(word, catalogue) {
                return Err(word.to_owned());
            }
        }
        Ok(rights)
    }

    fn add(&mut self, word: &str, catalogue: &Catalogue) -> bool {
        if let Some(right) = Right::from_word(word).filter(|right| right.parts().is_some()) {
            self.own.insert(right);
            self.own.extend(right.implied());
            return true;
        }
        let Some((entity_type, operation)) = word.split_once(':') else { return false };
        let known = catalogue.has_entity_type(entity_type) && catalogue.has_operation(operation);
        if known {
            let implied = catalogue.implied_by(operation).map(str::to_owned);
            self.catalogue.extend(implied.chain([operation.to_owned()]).map(|name| (entity_type.to_owned(), name)));
        }
        known
    }

    /// Takes another's rights in.
    pub fn take(&mut self, other: Self) {
        self.is_owner |= other.is_owner;
        self.own.extend(other.own);
        self.catalogue.extend(other.catalogue);
    }

    /// Of these, those that a token lists; for a single entity is not for all. What everybody has who belongs there stays.
    #[must_use]
    pub fn narrowed_to(mut self, scopes: &str) -> Self {
        let given = |of: &str, operation: &str| covers(scopes, of, operation, None);
        self.is_owner = false;
        self.own.retain(|right| match right.parts() {
            Some((matter, operation)) => given(matter, operation),
            None => matches!(right, Right::Belong | Right::BelongWithOthers),
        });
        self.catalogue.retain(|(entity_type, operation)| given(entity_type, operation));
        self
    }

    /// The list as a role's row keeps it: rights that a role can give, spelled out.
    pub fn to_text(&self) -> String {
        let own = Right::ALL.iter().filter(|right| self.own.contains(right) && right.parts().is_some());
        let catalogue = self.catalogue.iter().map(|(entity_type, operation)| format!("{entity_type}:{operation}"));
        own.map(|right| right.as_str().to_owned()).chain(catalogue).collect::<Vec<_>>().join(" ")
    }

    /// Whether they hold a right over the organization's own matters.
    pub fn may(&self, right: Right) -> bool {
        self.own.contains(&right)
    }

    /// Whether they allow an operation of the catalogue.
    pub fn allows(&self, entity_type: &str, operation: &str) -> bool {
        self.catalogue.contains(&(entity_type.to_owned(), operation.to_owned()))
    }

    /// Whether they are an owner's.
    pub fn is_owner(&self) -> bool {
        self.is_owner
    }

    /// Whether whoever has these may give, or touch somebody who has, those others.
    pub fn covers(&self, other: &Self) -> bool {
        (self.is_owner || !other.is_owner)
            && self.own.is_superset(&other.own)
            && self.catalogue.is_superset(&other.catalogue)
    }
}

/// Whether somebody may make keys: where the organization does not let its members, only those who manage everybody's.
pub fn may_make_keys(rights: &Rights, policy: Policy) -> bool {
    rights.may(Right::CreateKeys) && (policy.members_keys || rights.may(Right::DeleteKeys))
}

/// Why a member can't be changed so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// They have more, or would get more, than whoever asks.
    Beyond,
    /// There would be no owner left.
    LastOwner,
    /// Whoever leaves would hand their keys over, and nobody else has looked at what goes on.
    Leaving,
}

/// Whether `actor` may take a member from `before` to `after`; `None` is out. `owners` counts those that there are now.
///
/// # Errors
/// [`Refusal`].
pub fn may_change(actor: &Rights, before: &Rights, after: Option<&Rights>, owners: i64) -> Result<(), Refusal> {
    if !actor.covers(before) || after.is_some_and(|after| !actor.covers(after)) {
        return Err(Refusal::Beyond);
    }
    if before.is_owner && !after.is_some_and(Rights::is_owner) && owners <= 1 {
        return Err(Refusal::LastOwner);
    }
    Ok(())
}

/// The role that an invitation gives at last: the one that it names, or the strongest below it that its inviter still
/// covers. Built-in roles only fall to built-in roles.
pub fn capped(inviter: &Rights, wished: (Role, Option<&str>), catalogue: &Catalogue) -> Option<Role> {
    let (role, own) = wished;
    let below = match role {
        Role::Owner => &[Role::Admin, Role::Member, Role::Viewer][..],
        Role::Admin | Role::Own => &[Role::Member, Role::Viewer],
        Role::Member => &[Role::Viewer],
        Role::Viewer => &[],
    };
    let rights = |fallback: Role| Rights::of_role(fallback, own.filter(|_| fallback == role), catalogue);
    let wished = rights(role);
    // An own role may be narrower than any built-in one: nobody gets more than was meant for them.
    let fits =
        |fallback: Role| inviter.covers(&rights(fallback)) && (fallback == role || wished.covers(&rights(fallback)));
    [role].into_iter().chain(below.iter().copied()).find(|fallback| fits(*fallback))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(role: Role) -> Rights {
        Rights::of_role(role, None, &Catalogue::default())
    }

    fn own(list: &str) -> Rights {
        Rights::of_role(Role::Own, Some(list), &Catalogue::default())
    }

    /// Covers: S0-36, S4-26
    #[test]
    fn each_built_in_role_covers_the_ones_below() {
        let order = [Role::Owner, Role::Admin, Role::Member, Role::Viewer];
        for (place, role) in order.iter().enumerate() {
            for (other, below) in order.iter().enumerate() {
                assert_eq!(rights(*role).covers(&rights(*below)), place <= other, "{role:?} {below:?}");
            }
        }
        assert!(
            rights(Role::Owner).may(Right::DeleteOrganization) && !rights(Role::Admin).may(Right::DeleteOrganization)
        );
        assert!(rights(Role::Member).may(Right::CreateKeys) && !rights(Role::Viewer).may(Right::CreateKeys));
        assert!(!rights(Role::Member).may(Right::InviteMembers));
    }

    /// Covers: S0-15
    #[test]
    fn a_right_fills_in_the_lower_ones() {
        let catalogue = Catalogue::default();
        let chosen = Rights::chosen(["org.teams:delete", "org.members:create", "channels:update"], &catalogue).unwrap();
        assert_eq!(
            chosen.to_text(),
            "org.members:read org.members:create org.teams:read org.teams:update org.teams:delete \
             channels:list channels:read channels:update"
        );
        for unknown in ["org.boats:read", "boats:read", "channels:fly", "belong", "hand-over", "owner", ""] {
            assert_eq!(Rights::chosen([unknown], &catalogue), Err(unknown.to_owned()));
        }
    }

    /// Covers: S4-27
    #[test]
    fn rights_come_together_from_role_and_teams() {
        let catalogue = Catalogue::default();
        let team = |list: &str| Grant {
            role: Role::Own,
            rights: Some(list.to_owned()),
            role_name: Some("Deployers".to_owned()),
            team: Some("Deploy".to_owned()),
        };
        let viewer = Grant { role: Role::Viewer, rights: None, role_name: None, team: None };
        let standing = Standing(vec![viewer, team("channels:delete"), team("org.logs:read")]);
        assert!(standing.allows(&catalogue, "channels", "delete") && standing.allows(&catalogue, "groups", "read"));
        assert!(!standing.allows(&catalogue, "groups", "delete") && !standing.allows(&catalogue, "channels", "share"));
        let all = Rights::of(&standing, Kind::Shared, &catalogue);
        assert!(all.may(Right::SeeLogs) && all.allows("channels", "update") && !all.may(Right::InviteMembers));
        // An own role without its list allows nothing, rather than everything.
        assert_eq!(own("").to_text(), "");
        let lost = Grant { role: Role::Own, rights: None, role_name: None, team: None };
        assert!(!Standing(vec![lost]).allows(&catalogue, "channels", "read"));
    }

    /// What is asked at a check and what pages show say the same, right for right.
    #[test]
    fn the_check_and_the_set_agree() {
        let catalogue = Catalogue::default();
        for (role, list) in [
            (Role::Owner, None),
            (Role::Admin, None),
            (Role::Member, None),
            (Role::Viewer, None),
            (Role::Own, Some("channels:update clients:read org.logs:read")),
        ] {
            let rights = list.map(|list| Rights::chosen(list.split(' '), &catalogue).unwrap().to_text());
            let grant = Grant { role, rights, role_name: None, team: None };
            let standing = Standing(vec![grant]);
            let set = Rights::of(&standing, Kind::Shared, &catalogue);
            for entity_type in ["channels", "clients", "groups"] {
                for operation in catalogue.operations() {
                    assert_eq!(
                        standing.allows(&catalogue, entity_type, &operation.name),
                        set.allows(entity_type, &operation.name),
                        "{role:?} {entity_type} {}",
                        operation.name
                    );
                }
            }
        }
    }

    /// Covers: AC-079
    #[test]
    fn nobody_touches_more_than_they_have_and_an_owner_stays() {
        let (owner, admin, member) = (rights(Role::Owner), rights(Role::Admin), rights(Role::Member));
        assert_eq!(may_change(&admin, &member, Some(&admin), 1), Ok(()));
        assert_eq!(may_change(&admin, &member, Some(&owner), 1), Err(Refusal::Beyond));
        assert_eq!(may_change(&admin, &owner, Some(&member), 2), Err(Refusal::Beyond));
        assert_eq!(may_change(&admin, &owner, None, 2), Err(Refusal::Beyond));
        assert_eq!(may_change(&owner, &owner, None, 2), Ok(()));
        assert_eq!(may_change(&owner, &owner, None, 1), Err(Refusal::LastOwner));
        assert_eq!(may_change(&owner, &owner, Some(&admin), 1), Err(Refusal::LastOwner));
        assert_eq!(may_change(&owner, &owner, Some(&owner), 1), Ok(()));
        let narrow = own("org.members:update channels:read");
        assert_eq!(may_change(&narrow, &own("channels:read"), Some(&own("channels:update")), 1), Err(Refusal::Beyond));
        assert_eq!(may_change(&narrow, &own("channels:read"), Some(&own("")), 1), Ok(()));
    }

    /// Covers: AC-077
    #[test]
    fn an_invitation_gives_no_more_than_its_inviter_has() {
        let catalogue = Catalogue::default();
        let cap = |inviter: Role, wished: Role| capped(&rights(inviter), (wished, None), &catalogue);
        assert_eq!(cap(Role::Owner, Role::Owner), Some(Role::Owner));
        assert_eq!(cap(Role::Admin, Role::Owner), Some(Role::Admin));
        assert_eq!(cap(Role::Member, Role::Owner), Some(Role::Member));
        assert_eq!(cap(Role::Viewer, Role::Admin), Some(Role::Viewer));
        assert_eq!(cap(Role::Owner, Role::Viewer), Some(Role::Viewer));
        assert_eq!(capped(&own(""), (Role::Viewer, None), &catalogue), None);
        let wished = (Role::Own, Some("channels:delete"));
        assert_eq!(capped(&rights(Role::Admin), wished, &catalogue), Some(Role::Own));
        assert_eq!(capped(&rights(Role::Member), wished, &catalogue), None, "a member may far more than was meant");
        let wide = rights(Role::Admin).to_text();
        assert_eq!(capped(&rights(Role::Member), (Role::Own, Some(&wide)), &catalogue), Some(Role::Member));
    }

    /// Covers: S4-26
    #[test]
    fn who_makes_keys_follows_from_rights_and_the_organization() {
        let policy = |members_keys| Policy { personal_tokens: true, members_keys };
        for (of, open, closed) in [
            (rights(Role::Owner), true, true),
            (rights(Role::Admin), true, true),
            (rights(Role::Member), true, false),
            (rights(Role::Viewer), false, false),
            (own("org.api-keys:create"), true, false),
            (own("org.api-keys:delete"), false, false),
            (own("org.api-keys:create org.api-keys:delete"), true, true),
        ] {
            assert_eq!((may_make_keys(&of, policy(true)), may_make_keys(&of, policy(false))), (open, closed), "{of:?}");
        }
    }

    #[test]
    fn a_tokens_rights_over_own_matters_fill_in_the_lower_ones() {
        let words = |of: &[&str]| {
            Right::scopes(of.iter().copied())
                .map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(words(&["org.members:delete"]).unwrap(), "org.members:delete org.members:update org.members:read");
        for unknown in ["belong", "hand-over", "channels:read", "org.boats:read", ""] {
            assert_eq!(words(&[unknown]), Err(unknown.to_owned()));
        }
        let matters: Vec<&str> = MATTERS.iter().filter_map(|(matter, _)| matter_words(matter)).collect();
        assert_eq!(matters.len(), MATTERS.len());
    }

    #[test]
    fn a_token_has_of_its_role_what_it_lists() {
        let narrowed = |role: Role, scopes: &str| rights(role).narrowed_to(scopes);
        let some = narrowed(Role::Admin, "org.members:read org.members:update channels:read groups:update:7");
        assert_eq!(some.to_text(), "org.members:read org.members:update channels:read");
        assert!(some.may(Right::Belong) && !some.may(Right::HandOver) && !some.allows("groups", "update"));
        assert_eq!(narrowed(Role::Viewer, "org.members:delete org.members:read").to_text(), "org.members:read");
        let none = narrowed(Role::Owner, "");
        assert!(!none.is_owner() && none.to_text().is_empty() && !none.may(Right::HandOver));
    }

    #[test]
    fn a_private_organization_has_no_one_else() {
        let rights = Rights::of(&Standing::private(), Kind::Private, &Catalogue::default());
        for right in Right::ALL {
            assert_eq!(rights.may(*right), !right.is_for_shared(), "{right:?}");
        }
        assert!(rights.may(Right::SeeLogs) && rights.may(Right::CreateKeys) && !rights.may(Right::InviteMembers));
    }
}
