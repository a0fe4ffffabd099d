//! What a provider's word is worth here. Pure.

use super::provider::Claims;
use crate::clock::Timestamp;
use crate::config::{ProviderConfig, SignUpMode};
use crate::text;

/// How recent a proof at the provider must be to count as "confirm it is you", in seconds.
const FRESH: i64 = 5 * 60;

/// Why somebody whom the provider knows is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Their address, or their Workspace, is none of those that the operator lets in.
    Elsewhere,
    /// Their account here was closed.
    Suspended,
}

/// What becomes of somebody whom nobody here knows by this identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stranger {
    /// They get an account.
    SignsUp,
    /// The address has an account: its owner can connect the two.
    IsKnown,
    /// The provider does not say that the address is theirs.
    IsUnproved,
    /// New accounts are not made, or not for them.
    IsNotInvited,
}

/// What that depends on.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    /// Who may make an account.
    pub sign_up: SignUpMode,
    /// Whether there is an account with this address.
    pub address_is_known: bool,
    /// Whether there is an invitation for this address.
    pub is_invited: bool,
}

/// The address, if it is theirs: the provider says so, or the operator takes its silence for it.
pub fn proved_email<'a>(provider: &ProviderConfig, claims: &'a Claims) -> Option<&'a str> {
    let proved = claims.email_verified.unwrap_or(provider.trust_email);
    claims.email.as_deref().filter(|email| proved && text::email(email).is_ok())
}

/// Whether the operator lets them in at all.
///
/// # Errors
/// [`Refusal::Elsewhere`].
pub fn admissible(provider: &ProviderConfig, claims: &Claims) -> Result<(), Refusal> {
    let domain = proved_email(provider, claims)
        .and_then(|email| email.rsplit_once('@'))
        .map(|(_, domain)| domain.to_lowercase());
    let right_domain =
        provider.email_domains.is_empty() || domain.is_some_and(|domain| provider.email_domains.contains(&domain));
    let right_workspace = provider
        .hosted_domain
        .as_ref()
        .is_none_or(|wanted| claims.hosted_domain.as_ref().is_some_and(|theirs| theirs.to_lowercase() == *wanted));
    if right_domain && right_workspace { Ok(()) } else { Err(Refusal::Elsewhere) }
}

/// What becomes of a stranger.
pub fn stranger(provider: &ProviderConfig, claims: &Claims, here: Circumstances) -> Stranger {
    if proved_email(provider, claims).is_none() {
        Stranger::IsUnproved
    } else if here.address_is_known {
        Stranger::IsKnown
    } else if provider.allow_sign_up && (here.is_invited || here.sign_up == SignUpMode::Open) {
        Stranger::SignsUp
    } else {
        Stranger::IsNotInvited
    }
}

/// Whether the provider asked for a second factor, as far as the operator believes it.
pub fn second_factor_proved(provider: &ProviderConfig, claims: &Claims) -> bool {
    let by_method = claims.methods.iter().any(|method| matches!(method.as_str(), "mfa" | "otp" | "hwk"));
    let by_context = claims.context.as_ref().is_some_and(|acr| provider.second_factor_acr.contains(acr));
    provider.trust_second_factor && (by_method || by_context)
}

/// Whether they proved to the provider who they are just now.
pub fn is_fresh(claims: &Claims, now: Timestamp) -> bool {
    claims.authenticated_at.is_some_and(|at| (-FRESH..=FRESH).contains(&at.until(now)))
}

/// First and last name for a new account, from what the provider says; they can be changed.
pub fn names(claims: &Claims, email: &str) -> (String, String) {
    let part = |name: &str| name.chars().take(60).collect::<String>();
    let (first, last) = (text::tidy(&claims.first_name), text::tidy(&claims.last_name));
    let (first, last) = (part(&first), part(&last));
    if text::first_name(&first).is_ok() && text::last_name(&last).is_ok() {
        return (first, last);
    }
    (part(email.split('@').next().unwrap_or_default()), String::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn provider(more: &str) -> ProviderConfig {
        let text = format!("[{{ \"preset\": \"google\", \"client_id\": \"keystead\"{more} }}]");
        let variable = [("KEYSTEAD_PROVIDERS".to_owned(), text)];
        Config::load(None, variable).expect("right settings").providers.remove(0)
    }

    fn claims() -> Claims {
        Claims {
            subject: "1".to_owned(),
            email: Some("Bob@Example.com".to_owned()),
            email_verified: Some(true),
            first_name: " Bob ".to_owned(),
            last_name: String::new(),
            authenticated_at: None,
            methods: Vec::new(),
            context: None,
            hosted_domain: None,
        }
    }

    const OPEN: Circumstances = Circumstances { sign_up: SignUpMode::Open, address_is_known: false, is_invited: false };

    /// Covers: AC-088
    #[test]
    fn only_a_verified_address_makes_an_account() {
        let google = provider("");
        assert_eq!(stranger(&google, &claims(), OPEN), Stranger::SignsUp);
        for email_verified in [None, Some(false)] {
            let unproved = Claims { email_verified, ..claims() };
            assert_eq!(stranger(&google, &unproved, OPEN), Stranger::IsUnproved, "{email_verified:?}");
        }
        for email in [None, Some("bob"), Some("bob@example.com\r\nBcc: x@example.com")] {
            let odd = Claims { email: email.map(str::to_owned), ..claims() };
            assert_eq!(stranger(&google, &odd, OPEN), Stranger::IsUnproved, "{email:?}");
        }
        let trusting = provider(", \"trust_email\": true");
        assert_eq!(stranger(&trusting, &Claims { email_verified: None, ..claims() }, OPEN), Stranger::SignsUp);
        assert_eq!(
            stranger(&trusting, &Claims { email_verified: Some(false), ..claims() }, OPEN),
            Stranger::IsUnproved
        );
    }

    /// Covers: AC-088
    #[test]
    fn a_known_address_is_never_taken_and_sign_up_is_as_the_operator_says() {
        let (google, none) = (provider(""), provider(", \"allow_sign_up\": false"));
        let known = Circumstances { address_is_known: true, is_invited: true, ..OPEN };
        assert_eq!(stranger(&google, &claims(), known), Stranger::IsKnown);
        for sign_up in [SignUpMode::Invitation, SignUpMode::Closed] {
            let here = Circumstances { sign_up, ..OPEN };
            assert_eq!(stranger(&google, &claims(), here), Stranger::IsNotInvited);
            assert_eq!(stranger(&google, &claims(), Circumstances { is_invited: true, ..here }), Stranger::SignsUp);
        }
        assert_eq!(stranger(&none, &claims(), Circumstances { is_invited: true, ..OPEN }), Stranger::IsNotInvited);
    }

    /// Covers: AC-088
    #[test]
    fn domains_and_workspaces_keep_others_out() {
        let domains = provider(", \"email_domains\": [\"EXAMPLE.com\", \"example.org\"]");
        assert_eq!(admissible(&domains, &claims()), Ok(()));
        for email in ["bob@evil.example", "bob@mail.example.com", "bob@example.com.evil.example"] {
            let other = Claims { email: Some(email.to_owned()), ..claims() };
            assert_eq!(admissible(&domains, &other), Err(Refusal::Elsewhere), "{email}");
        }
        assert_eq!(
            admissible(&domains, &Claims { email_verified: Some(false), ..claims() }),
            Err(Refusal::Elsewhere),
            "anybody can claim an address"
        );
        let workspace = provider(", \"hosted_domain\": \"example.com\"");
        assert_eq!(
            admissible(&workspace, &claims()),
            Err(Refusal::Elsewhere),
            "a private account with such an address"
        );
        let member = Claims { hosted_domain: Some("Example.com".to_owned()), ..claims() };
        assert_eq!(admissible(&workspace, &member), Ok(()));
        let other = Claims { hosted_domain: Some("evil.example".to_owned()), ..claims() };
        assert_eq!(admissible(&workspace, &other), Err(Refusal::Elsewhere));
    }

    /// Covers: AC-047
    #[test]
    fn a_second_factor_elsewhere_counts_only_where_the_operator_says_so() {
        let with = |method: &str| Claims { methods: vec!["pwd".to_owned(), method.to_owned()], ..claims() };
        assert!(!second_factor_proved(&provider(""), &with("mfa")));
        let trusting = provider(", \"trust_second_factor\": true, \"second_factor_acr\": [\"gold\"]");
        for method in ["mfa", "otp", "hwk"] {
            assert!(second_factor_proved(&trusting, &with(method)), "{method}");
        }
        assert!(!second_factor_proved(&trusting, &with("sms")));
        assert!(second_factor_proved(&trusting, &Claims { context: Some("gold".to_owned()), ..claims() }));
        assert!(!second_factor_proved(&trusting, &Claims { context: Some("1".to_owned()), ..claims() }));
    }

    /// Covers: AC-032
    #[test]
    fn a_proof_is_fresh_for_five_minutes() {
        let now = Timestamp::from_unix(1_000_000);
        let proved = |seconds: i64| Claims { authenticated_at: Some(now.plus(-seconds)), ..claims() };
        assert!(is_fresh(&proved(0), now) && is_fresh(&proved(300), now) && is_fresh(&proved(-20), now));
        assert!(!is_fresh(&proved(301), now) && !is_fresh(&proved(-301), now) && !is_fresh(&claims(), now));
    }

    /// Covers: AC-010
    #[test]
    fn names_are_such_as_somebody_could_type() {
        let named =
            |first: &str, last: &str| Claims { first_name: first.to_owned(), last_name: last.to_owned(), ..claims() };
        let made = |claims: Claims| names(&claims, "bob@example.com");
        assert_eq!(made(named(" Zoe\u{308} ", "Lee")), ("Zoë".to_owned(), "Lee".to_owned()));
        for (first, last) in [("", "Lee"), ("a\u{202e}b", ""), ("Zoe", "a\0b")] {
            assert_eq!(made(named(first, last)), ("bob".to_owned(), String::new()));
        }
        assert_eq!(made(named(&"x".repeat(100), "")).0.len(), 60);
    }
}
