//! The verdict over a token: pure, of what was found, what is asked, and the moment.

use serde::Serialize;

use super::queries::Found;
use crate::auth::SecretKind;
use crate::catalogue::{Catalogue, Scope, Scopes, covers};
use crate::clock::Timestamp;
use crate::organizations::{Right, Rights, Standing};
use crate::tokens::{Status, policy};

/// The answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// It is good, and may do what was asked.
    Valid,
    /// There is no such token.
    NotFound,
    /// Its time is over.
    Expired,
    /// It was ended.
    Revoked,
    /// A newer secret of the same token took its place.
    Superseded,
    /// Its owner's account is suspended, or the service account that it acts for is disabled.
    Disabled,
    /// It is good, and may not do what was asked.
    InsufficientPermissions,
}

/// What a service wants to know beside whether the token is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish<'a> {
    /// On what.
    pub entity_type: &'a str,
    /// To do what.
    pub operation: &'a str,
    /// A single one; `None` asks for all.
    pub entity: Option<&'a str>,
}

/// Judges what was found. `standing` is what whoever it acts for has in the organization that is asked about; `None` when
/// they have nothing there.
pub fn judge(
    found: &Found,
    standing: Option<&Standing>,
    wish: Option<Wish<'_>>,
    catalogue: &Catalogue,
    now: Timestamp,
) -> Code {
    match policy::status(found.expires_at, found.revoked_at, now) {
        Status::Revoked => return Code::Revoked,
        Status::Expired if !found.is_current => return Code::Superseded,
        Status::Expired => return Code::Expired,
        // An old secret, too, works as long as its owner let it when the new one was made.
        Status::Active => {}
    }
    if !found.subject.is_enabled() {
        return Code::Disabled;
    }
    let Some(standing) = standing else {
        return Code::InsufficientPermissions;
    };
    let Some(wish) = wish else { return Code::Valid };
    // What a token may do is its scopes and what whoever it acts for may do at this moment.
    let given = if found.everything {
        catalogue.has_entity_type(wish.entity_type) && catalogue.has_operation(wish.operation)
    } else {
        covers(&found.scopes, wish.entity_type, wish.operation, wish.entity)
    };
    let allowed = given && standing.allows(catalogue, wish.entity_type, wish.operation);
    if allowed { Code::Valid } else { Code::InsufficientPermissions }
}

/// What the token may do in that organization at this moment, as RFC 6749's list.
pub fn effective_scopes(found: &Found, standing: Option<&Standing>, catalogue: &Catalogue) -> Vec<String> {
    let Some(standing) = standing else { return Vec::new() };
    let all: Vec<Scope> = if found.everything {
        let each = |entity_type: &str| {
            catalogue
                .operations()
                .iter()
                .map(|operation| Scope {
                    entity_type: entity_type.to_owned(),
                    operation: operation.name.clone(),
                    entity: None,
                })
                .collect::<Vec<_>>()
        };
        catalogue.entity_types().iter().flat_map(|entry| each(&entry.name)).collect()
    } else {
        Scopes::from_text(&found.scopes).iter().cloned().collect()
    };
    let held = own_matters(found, standing, catalogue);
    let allows = |scope: &&Scope| match Right::of(&scope.entity_type, &scope.operation) {
        Some(right) => held.may(right),
        None => standing.allows(catalogue, &scope.entity_type, &scope.operation),
    };
    let own = Right::ALL.iter().filter(|right| found.everything && right.parts().is_some() && held.may(**right));
    own.map(|right| right.as_str().to_owned()).chain(all.iter().filter(allows).map(Scope::to_string)).collect()
}

/// What a token has of the organization's own matters: a service account's alone has any.
fn own_matters(found: &Found, standing: &Standing, catalogue: &Catalogue) -> Rights {
    match (found.kind, &found.bound) {
        (SecretKind::ServiceAccount, Some(bound)) => Rights::of(standing, bound.kind, catalogue),
        _ => Rights::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::queries::Subject;
    use super::*;

    use crate::catalogue::Role;
    use crate::ids::{SecretId, ServiceAccountId, TokenId, UserId};
    use crate::organizations::policy::Grant;
    use crate::users::UserStatus;

    const NOW: Timestamp = Timestamp::from_unix(1_795_305_960);

    fn found() -> Found {
        Found {
            secret_id: SecretId::new(),
            last_four: "a1B2".into(),
            is_current: true,
            late_at: None,
            issued_at: NOW,
            expires_at: Some(NOW.plus(60)),
            revoked_at: None,
            last_used_at: None,
            token_id: TokenId::new(),
            kind: SecretKind::Personal,
            name: "deploy bot".into(),
            everything: false,
            scopes: "channels:delete channels:read clients:read:7".into(),
            subject: user(UserStatus::Active),
            bound: None,
        }
    }

    fn user(status: UserStatus) -> Subject {
        Subject::User { id: UserId::new(), email: "ada@example.com".into(), status, private: None }
    }

    fn standing(role: Role) -> Standing {
        Standing(vec![Grant { role, rights: None, role_name: None, team: None }])
    }

    fn wish(entity_type: &'static str, operation: &'static str, entity: Option<&'static str>) -> Wish<'static> {
        Wish { entity_type, operation, entity }
    }

    /// Covers: S3-8, AC-065
    #[test]
    fn a_token_may_do_its_scopes_and_what_its_owner_may_do() {
        let catalogue = Catalogue::default();
        let code = |role: Option<Role>, wish| judge(&found(), role.map(standing).as_ref(), wish, &catalogue, NOW);
        let owner = Some(Role::Owner);
        assert_eq!(code(owner, None), Code::Valid);
        assert_eq!(code(owner, Some(wish("channels", "delete", None))), Code::Valid);
        assert_eq!(code(owner, Some(wish("channels", "delete", Some("9")))), Code::Valid);
        assert_eq!(code(owner, Some(wish("clients", "read", Some("7")))), Code::Valid);
        assert_eq!(code(owner, Some(wish("clients", "read", None))), Code::InsufficientPermissions);
        assert_eq!(code(owner, Some(wish("channels", "update", None))), Code::InsufficientPermissions);
        assert_eq!(code(Some(Role::Member), Some(wish("channels", "delete", None))), Code::InsufficientPermissions);
        assert_eq!(code(Some(Role::Viewer), Some(wish("channels", "read", None))), Code::Valid);
        assert_eq!(code(None, None), Code::InsufficientPermissions, "their membership is over");
    }

    /// Covers: AC-061, S4-27
    #[test]
    fn what_the_owner_may_do_is_all_of_their_roles_together() {
        let catalogue = Catalogue::default();
        let own = |rights: &str| Grant {
            role: Role::Own,
            rights: Some(rights.to_owned()),
            role_name: None,
            team: Some("Deploy".to_owned()),
        };
        let code = |grants: Vec<Grant>| {
            judge(&found(), Some(&Standing(grants)), Some(wish("channels", "delete", None)), &catalogue, NOW)
        };
        let viewer = standing(Role::Viewer).0.remove(0);
        assert_eq!(code(vec![viewer.clone()]), Code::InsufficientPermissions);
        assert_eq!(code(vec![viewer.clone(), own("channels:delete")]), Code::Valid);
        assert_eq!(code(vec![viewer, own("clients:delete org.members:delete")]), Code::InsufficientPermissions);
    }

    #[test]
    fn everything_is_what_the_catalogue_has_and_the_role_allows() {
        let catalogue = Catalogue::default();
        let all = Found { everything: true, scopes: String::new(), ..found() };
        let code = |role: Option<Role>, wish| judge(&all, role.map(standing).as_ref(), wish, &catalogue, NOW);
        assert_eq!(code(Some(Role::Owner), Some(wish("groups", "delete", None))), Code::Valid);
        assert_eq!(code(Some(Role::Owner), Some(wish("boats", "delete", None))), Code::InsufficientPermissions);
        assert_eq!(code(Some(Role::Viewer), Some(wish("groups", "delete", None))), Code::InsufficientPermissions);
        assert_eq!(effective_scopes(&all, Some(&standing(Role::Owner)), &catalogue).len(), 27);
        assert_eq!(effective_scopes(&all, Some(&standing(Role::Viewer)), &catalogue).len(), 9);
        assert_eq!(
            effective_scopes(&found(), Some(&standing(Role::Viewer)), &catalogue),
            ["channels:read", "clients:read:7"]
        );
    }

    /// Covers: S0-16, S1-19, S3-18, AC-022, AC-060
    #[test]
    fn what_is_over_stays_over() {
        let catalogue = Catalogue::default();
        let code = |found: Found| judge(&found, Some(&Standing::private()), None, &catalogue, NOW);
        assert_eq!(code(Found { expires_at: Some(NOW), ..found() }), Code::Expired);
        assert_eq!(code(Found { expires_at: None, ..found() }), Code::Valid);
        assert_eq!(code(Found { revoked_at: Some(NOW), ..found() }), Code::Revoked);
        let old = Found { is_current: false, ..found() };
        assert_eq!(code(old.clone()), Code::Valid, "an old secret works while it may");
        assert_eq!(code(Found { expires_at: Some(NOW), ..old.clone() }), Code::Superseded);
        assert_eq!(code(Found { expires_at: Some(NOW), revoked_at: Some(NOW), ..old }), Code::Revoked);
        let of = |subject: Subject| code(Found { subject, ..found() });
        assert_eq!(of(user(UserStatus::Suspended)), Code::Disabled);
        let account =
            |is_enabled| Subject::ServiceAccount { id: ServiceAccountId::new(), name: "ci".into(), is_enabled };
        assert_eq!((of(account(true)), of(account(false))), (Code::Valid, Code::Disabled));
        assert_eq!(of(Subject::Nobody), Code::Disabled);
    }
}
