//! What the forms of organizations send, and what is made of it.

use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;
use validator::{Validate, ValidationError};

use super::policy::Rights;
use super::roles::{self, NewRole};
use super::service::Named;
use super::teams::NewTeam;
use super::{Kind, Organization};
use crate::app::Instance;
use crate::auth::SignedIn;
use crate::catalogue::{Catalogue, Role};
use crate::db::Connection;
use crate::error::Error;
use crate::ids::{OrganizationId, is_ulid};
use crate::text;
use crate::web::Problems;

/// Names in addresses that lead elsewhere.
const ADDRESSES: [&str; 4] = ["new", "admin", "settings", "api"];
/// Names that would speak for whoever runs the service. Invitations carry them into strangers' mailboxes.
const OFFICIAL: [&str; 9] = [
    "admin",
    "admins",
    "administrator",
    "administrators",
    "administration",
    "support",
    "security",
    "helpdesk",
    "keystead",
];

/// Words that make nothing else of such a name.
const BESIDE: [&str; 19] = [
    "account", "accounts", "alert", "alerts", "center", "centre", "customer", "desk", "help", "inc", "login", "notice",
    "notices", "official", "service", "services", "sign", "team", "the",
];

/// Whether a name would be taken for that of whoever runs the service, however it is spelt: "Support", "The Keystead Team".
pub(super) fn is_official(name: &str, product: &str) -> bool {
    let tidied = |text: &str| -> String {
        let folded = text::search_key(text);
        let plain = folded.nfd().filter(|c| !unicode_normalization::char::is_combining_mark(*c));
        let apart: String = plain.map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
        apart.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let (name, product) = (tidied(name), tidied(product));
    // A product of two words counts as one; and "a d m i n" is a word.
    let text = if product.is_empty() { name } else { name.replace(&product, "keystead") };
    let is_one = |word: &str| OFFICIAL.contains(&word) || word == product.replace(' ', "");
    is_one(&text.replace(' ', ""))
        || (text.split(' ').any(is_one) && text.split(' ').all(|word| is_one(word) || BESIDE.contains(&word)))
}

const SLUG: &str = "Use 3 to 40 lower-case letters, digits and single hyphens, beginning with a letter";

/// The product whose names are closed to somebody; to an administrator of the instance none is.
pub fn closed_to<'a>(instance: &'a Instance, who: &SignedIn) -> Option<&'a str> {
    (!who.account().is_administrator).then_some(instance.config.product_name.as_str())
}

/// A name in addresses. It never looks like an id or a private organization's, which nobody chose.
fn slug(typed: &str) -> Result<(), ValidationError> {
    let typed = typed.trim();
    let plain = (3..=40).contains(&typed.len())
        && typed.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && typed.starts_with(|first: char| first.is_ascii_lowercase())
        && !typed.ends_with('-')
        && !typed.contains("--")
        && !is_ulid(typed);
    if !plain {
        return Err(ValidationError::new("slug").with_message(SLUG.into()));
    }
    if ADDRESSES.contains(&typed) || typed.starts_with("private-") {
        return Err(ValidationError::new("reserved")
            .with_message("This address is kept for Keystead itself. Choose another one".into()));
    }
    Ok(())
}

/// A slug made of a name: its letters without their marks, hyphens between the words.
pub fn slug_of(name: &str) -> String {
    let letters: String = name
        .nfd()
        .filter(|c| !unicode_normalization::char::is_combining_mark(*c))
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' })
        .collect();
    let slug = letters.split_whitespace().collect::<Vec<_>>().join("-");
    slug.trim_start_matches(|c: char| !c.is_ascii_lowercase())
        .chars()
        .take(40)
        .collect::<String>()
        .trim_end_matches('-')
        .to_owned()
}

/// A new organization, or another name for one.
#[derive(Default, Deserialize, Validate)]
#[serde(default)]
pub struct OrganizationForm {
    /// For people.
    #[validate(custom(function = text::title))]
    pub name: String,
    /// In addresses; empty is made of the name.
    pub slug: String,
}

impl OrganizationForm {
    /// What it says of a new organization, or of the one that there is `present`. A private one keeps the address that nobody
    /// chose. To all but an administrator of the instance, names are closed that speak for the `product`; what stays as it is
    /// was somebody's to choose.
    ///
    /// # Errors
    /// What is wrong, at the fields.
    pub fn check(&self, present: Option<&Organization>, product: Option<&str>) -> Result<Named, Problems> {
        let official = |name: &str| product.is_some_and(|product| is_official(name, product));
        let stays = |present: &&Organization| present.kind == Kind::Private || present.slug == self.slug.trim();
        let kept = present.filter(stays).map(|present| present.slug.as_str());
        let mut problems = Problems::of(self);
        if present.is_none_or(|present| present.name != self.name) && official(&self.name) {
            problems.add("name", "This name is kept for whoever runs this service. Choose another one");
        }
        let typed = self.slug.trim();
        let wished = match kept {
            Some(kept) => kept.to_owned(),
            None if typed.is_empty() => slug_of(&self.name),
            None => typed.to_owned(),
        };
        if let Some(error) =
            slug(&wished).err().filter(|_| kept.is_none() && (problems.is_empty() || !typed.is_empty()))
        {
            problems.add("slug", error.message.unwrap_or_default());
        } else if kept.is_none() && problems.at("name").is_none() && official(&wished) {
            problems.add("slug", "This address is kept for whoever runs this service. Choose another one");
        }
        if problems.is_empty() { Ok(Named { name: text::tidy(&self.name), slug: wished }) } else { Err(problems) }
    }
}

/// A role of one's own.
#[derive(Default, Deserialize, Validate)]
#[serde(default)]
pub struct RoleForm {
    #[validate(custom(function = text::title))]
    pub name: String,
    #[validate(custom(function = text::description))]
    pub description: String,
    /// Over the catalogue.
    pub scope: Vec<String>,
    /// Over the organization's own matters.
    pub right: Vec<String>,
}

impl RoleForm {
    /// What it says.
    ///
    /// # Errors
    /// What is wrong, at the fields.
    pub fn check(&self, catalogue: &Catalogue) -> Result<NewRole, Problems> {
        let mut problems = Problems::of(self);
        // Where roles are given, the two would stand beside each other.
        if Role::ALL.iter().any(|role| *role != Role::Own && role.as_str() == text::search_key(&self.name)) {
            problems.add("name", "A built-in role has this name. Choose another one");
        }
        let mut rights = Rights::default();
        for (field, words) in [("right", &self.right), ("scope", &self.scope)] {
            match Rights::chosen(words.iter().map(String::as_str), catalogue) {
                Ok(chosen) => rights.take(chosen),
                Err(unknown) => problems.add(field, format!("There is no right “{}”", text::shown(&unknown, 80))),
            }
        }
        if self.right.is_empty() && self.scope.is_empty() {
            problems.add("right", "Select what the role allows");
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(NewRole { name: text::tidy(&self.name), description: text::tidy(&self.description), rights })
    }
}

/// A team.
#[derive(Clone, Default, Deserialize, Validate)]
#[serde(default)]
pub struct TeamForm {
    #[validate(custom(function = text::title))]
    pub name: String,
    #[validate(custom(function = text::description))]
    pub description: String,
    /// A role's word, or nothing.
    pub role: String,
}

impl TeamForm {
    /// The team, with its role looked up; `None` when there is no such role.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn understood(
        &self,
        connection: &mut Connection,
        organization: &OrganizationId,
        catalogue: &Catalogue,
    ) -> Result<Option<NewTeam>, Error> {
        let role = match Some(self.role.as_str()).filter(|word| !word.is_empty()) {
            None => None,
            Some(word) => match roles::chosen(connection, organization, word, catalogue) {
                Err(Error::NotFound) => return Ok(None),
                chosen => Some(chosen?),
            },
        };
        Ok(Some(NewTeam { name: text::tidy(&self.name), description: text::tidy(&self.description), role }))
    }
}

/// Members who were ticked.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct PickedForm {
    pub user: Vec<String>,
}

/// An invitation.
#[derive(Clone, Default, Deserialize, Validate)]
#[serde(default)]
pub struct InvitationForm {
    #[validate(custom(function = text::email))]
    pub email: String,
    /// A role's word.
    pub role: String,
    /// Teams' ids.
    pub team: Vec<String>,
}

/// A role chosen for somebody.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ChoiceForm {
    /// A built-in role's word, or an own one's id.
    pub role: String,
}

/// Whom an organization is handed to, and its name typed again.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct HandOverForm {
    pub email: String,
    pub phrase: String,
}

/// The name of what shall end, typed again.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct PhraseForm {
    pub phrase: String,
}

/// Whether a name was typed again as it is.
pub fn is_phrase(typed: &str, name: &str) -> bool {
    text::tidy(typed) == name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_plain_and_never_look_like_ids() {
        for good in ["acme", "acme-2", "a1b", &"x".repeat(40)] {
            assert!(slug(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ab",
            "Acme",
            "acme_2",
            "-acme",
            "acme-",
            "ac--me",
            "1acme",
            "new",
            "admin",
            "private-01",
            "a/b",
            "acme\u{e9}",
            "abcdefghjkmnpqrstvwxyz0123",
            &"x".repeat(41),
        ] {
            assert!(slug(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_is_made_of_the_name() {
        for (name, wanted) in [
            ("Acme Robotics", "acme-robotics"),
            ("  Äcme & Söhne GmbH ", "acme-sohne-gmbh"),
            ("42 Acme", "acme"),
            ("東京", ""),
            (&"long name ".repeat(9), "long-name-long-name-long-name-long-name"),
        ] {
            assert_eq!(slug_of(name), wanted);
        }
        let form = |name: &str, slug: &str| OrganizationForm { name: name.into(), slug: slug.into() };
        assert_eq!(form("Acme", "").check(None, Some("Keystead")).unwrap().slug, "acme");
        assert_eq!(form("Acme", " acme-2 ").check(None, Some("Keystead")).unwrap().slug, "acme-2");
        assert!(form("東京", "").check(None, Some("Keystead")).unwrap_err().at("slug").is_some());
        assert!(form("", "").check(None, Some("Keystead")).unwrap_err().at("slug").is_none());
        for (name, slug, field) in [
            ("Admin", "", "name"),
            ("  S U P P O R T ", "acme", "name"),
            ("ＡＤＭＩＮ", "acme", "name"),
            ("My-Accounts", "", "name"),
            ("Ádmin", "acme", "name"),
            ("The My Accounts Team", "acme", "name"),
            ("my accounts: support", "acme", "name"),
            ("Support team", "acme", "name"),
            ("Acme", "support", "slug"),
            ("Acme", "my-accounts", "slug"),
        ] {
            let problems = form(name, slug).check(None, Some("My Accounts")).unwrap_err();
            assert_eq!(problems.list().iter().map(|one| one.field).collect::<Vec<_>>(), [field], "{name} {slug}");
        }
        assert!(form("My Accounts", "").check(None, None).is_ok());
        assert!(form("Acme Support", "").check(None, Some("Keystead")).is_ok());
        let private = Organization::called(Kind::Private, "private-01", "Private");
        assert_eq!(form("Mine", "taken-over").check(Some(&private), None).unwrap().slug, "private-01");
    }
}
