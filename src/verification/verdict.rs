//! The verdict over a token: pure, of what was found, what is asked, and the moment.

use serde::Serialize;

use super::queries::Found;
use crate::catalogue::{Catalogue, Role, Scope, Scopes, covers};
use crate::clock::Timestamp;
use crate::tokens::{Status, policy};
use crate::users::UserStatus;

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
    /// Its owner's account is suspended.
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

/// Judges what was found. `role` is the owner's in the organization that is asked about; `None` when they have none there.
pub fn judge(found: &Found, role: Option<Role>, wish: Option<Wish<'_>>, catalogue: &Catalogue, now: Timestamp) -> Code {
    match policy::status(found.expires_at, found.revoked_at, now) {
        Status::Revoked => return Code::Revoked,
        Status::Expired => return Code::Expired,
        Status::Active if !found.is_current => return Code::Superseded,
        Status::Active => {}
    }
    if found.user_status != UserStatus::Active {
        return Code::Disabled;
    }
    let Some(role) = role else {
        return Code::InsufficientPermissions;
    };
    let Some(wish) = wish else { return Code::Valid };
    // What a token may do is its scopes and what its owner may do at this moment.
    let given = if found.everything {
        catalogue.has_entity_type(wish.entity_type) && catalogue.has_operation(wish.operation)
    } else {
        covers(&found.scopes, wish.entity_type, wish.operation, wish.entity)
    };
    if given && catalogue.role_allows(role, wish.operation) { Code::Valid } else { Code::InsufficientPermissions }
}

/// What the token may do in that organization at this moment, as RFC 6749's list.
pub fn effective_scopes(found: &Found, role: Option<Role>, catalogue: &Catalogue) -> Vec<String> {
    let Some(role) = role else { return Vec::new() };
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
    all.iter().filter(|scope| catalogue.role_allows(role, &scope.operation)).map(Scope::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{OrganizationId, SecretId, TokenId, UserId};
    use crate::tokens::TokenKind;

    const NOW: Timestamp = Timestamp::from_unix(1_795_305_960);

    fn found() -> Found {
        Found {
            secret_id: SecretId::new(),
            last_four: "a1B2".into(),
            is_current: true,
            issued_at: NOW,
            expires_at: Some(NOW.plus(60)),
            revoked_at: None,
            last_used_at: None,
            token_id: TokenId::new(),
            kind: TokenKind::Personal,
            name: "deploy bot".into(),
            everything: false,
            scopes: "channels:delete channels:read clients:read:7".into(),
            token_organization: None,
            user_id: UserId::new(),
            email: "ada@example.com".into(),
            user_status: UserStatus::Active,
            private_organization: OrganizationId::new(),
        }
    }

    fn wish(entity_type: &'static str, operation: &'static str, entity: Option<&'static str>) -> Wish<'static> {
        Wish { entity_type, operation, entity }
    }

    /// Covers: S3-8, AC-065
    #[test]
    fn a_token_may_do_its_scopes_and_what_its_owner_may_do() {
        let catalogue = Catalogue::default();
        let code = |role, wish| judge(&found(), role, wish, &catalogue, NOW);
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

    #[test]
    fn everything_is_what_the_catalogue_has_and_the_role_allows() {
        let catalogue = Catalogue::default();
        let all = Found { everything: true, scopes: String::new(), ..found() };
        let code = |role, wish| judge(&all, role, wish, &catalogue, NOW);
        assert_eq!(code(Some(Role::Owner), Some(wish("groups", "delete", None))), Code::Valid);
        assert_eq!(code(Some(Role::Owner), Some(wish("boats", "delete", None))), Code::InsufficientPermissions);
        assert_eq!(code(Some(Role::Viewer), Some(wish("groups", "delete", None))), Code::InsufficientPermissions);
        assert_eq!(effective_scopes(&all, Some(Role::Owner), &catalogue).len(), 27);
        assert_eq!(effective_scopes(&all, Some(Role::Viewer), &catalogue).len(), 9);
        assert_eq!(effective_scopes(&found(), Some(Role::Viewer), &catalogue), ["channels:read", "clients:read:7"]);
    }

    /// Covers: S0-16, S1-19, S3-18, AC-022, AC-060
    #[test]
    fn what_is_over_stays_over() {
        let catalogue = Catalogue::default();
        let code = |found: Found| judge(&found, Some(Role::Owner), None, &catalogue, NOW);
        assert_eq!(code(Found { expires_at: Some(NOW), ..found() }), Code::Expired);
        assert_eq!(code(Found { expires_at: None, ..found() }), Code::Valid);
        assert_eq!(code(Found { revoked_at: Some(NOW), ..found() }), Code::Revoked);
        assert_eq!(code(Found { is_current: false, ..found() }), Code::Superseded);
        assert_eq!(code(Found { user_status: UserStatus::Suspended, ..found() }), Code::Disabled);
    }
}
