//! The rules: no database, no clock, no request.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;
use webauthn_rs::prelude::{Uuid, Webauthn, WebauthnBuilder};

use crate::auth::throttle::Limit;
use crate::config::Config;
use crate::ids::{UserId, bits};

/// How many passkeys one user may have.
pub const MOST: usize = 20;
/// For how many seconds a ceremony can be answered.
pub const LIFETIME: i64 = 5 * 60;
/// The longest answer of an authenticator, in bytes. We ask for no attestation, and without one it is a tenth of that.
const MOST_BYTES: usize = 12 * 1024;

const MINUTE: i64 = 60;
/// Refused passkeys, from one network.
pub const NETWORK: Limit = Limit {
    what: "refused passkeys from one network",
    failures: 30,
    window: 15 * MINUTE,
    closed: 15 * MINUTE,
    closed_at_most: 60 * MINUTE,
};
/// The same from the wider network.
pub const WIDE_NETWORK: Limit = Limit { failures: 150, ..NETWORK };
/// Ceremonies begun from one network: each open sign-in page begins one, so that a passkey can be offered in its fields.
pub const BEGUN: Limit = Limit {
    what: "questions for a passkey from one network",
    failures: 300,
    window: 15 * MINUTE,
    closed: MINUTE,
    closed_at_most: 15 * MINUTE,
};

/// The address that passkeys belong to. A passkey knows a name, never a number; on a developer's own machine that is
/// `localhost`, whatever else the machine is called.
pub fn address(config: &Config) -> Option<Url> {
    let mut url = config.base_url.clone();
    if matches!(url.host_str(), Some("127.0.0.1" | "[::1]")) {
        url.set_host(Some("localhost")).ok()?;
    }
    url.domain().is_some().then_some(url)
}

/// The party that passkeys are made for; `None` where the instance has no name.
pub fn site(config: &Config) -> Option<Webauthn> {
    let url = address(config)?;
    WebauthnBuilder::new(url.domain()?, &url).ok()?.rp_name(&config.product_name).build().ok()
}

/// The user as authenticators know them: the 128 bits of the id, which say nothing about the person.
pub fn handle(user: &UserId) -> Option<Uuid> {
    bits(user.as_str()).map(Uuid::from_u128)
}

/// What an authenticator answered, and which challenge it says that it answers. Anything else is `None`.
pub fn read<T: DeserializeOwned>(credential: &str) -> Option<(T, String)> {
    #[derive(Deserialize)]
    struct Answer {
        response: Response,
    }
    #[derive(Deserialize)]
    struct Response {
        #[serde(rename = "clientDataJSON")]
        client_data: String,
    }
    #[derive(Deserialize)]
    struct ClientData {
        challenge: String,
    }
    use base64::Engine;
    if credential.len() > MOST_BYTES {
        return None;
    }
    let answer: Answer = serde_json::from_str(credential).ok()?;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(answer.response.client_data).ok()?;
    let data: ClientData = serde_json::from_slice(&bytes).ok()?;
    Some((serde_json::from_str(credential).ok()?, data.challenge))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(base_url: &str) -> Option<String> {
        let mut config = Config::default();
        config.base_url = Url::parse(base_url).unwrap();
        assert_eq!(site(&config).is_some(), address(&config).is_some());
        address(&config).map(|url| url.to_string())
    }

    #[test]
    fn passkeys_belong_to_a_name() {
        assert_eq!(at("https://accounts.example.com").unwrap(), "https://accounts.example.com/");
        assert_eq!(at("http://127.0.0.1:8080").unwrap(), "http://localhost:8080/");
        assert_eq!(at("http://[::1]:8080").unwrap(), "http://localhost:8080/");
        assert_eq!(at("https://192.0.2.7"), None);
    }

    #[test]
    fn a_handle_is_the_id() {
        let user = UserId::from("01k9qv3m2q7w4x5y6z0a1b2c3d".to_owned());
        assert_eq!(handle(&user).unwrap().as_u128(), bits(user.as_str()).unwrap());
        assert_ne!(handle(&UserId::new()), handle(&UserId::new()));
        assert_eq!(handle(&UserId::from("somebody".to_owned())), None);
    }

    #[test]
    fn what_no_authenticator_says_is_not_read() {
        for bad in
            ["", "{}", "[]", "{\"response\":{\"clientDataJSON\":\"!\"}}", &format!("\"{}\"", "a".repeat(MOST_BYTES))]
        {
            assert!(read::<serde_json::Value>(bad).is_none(), "{bad:.40}");
        }
        // {"challenge":"abc"}
        let (_, challenge) =
            read::<serde_json::Value>("{\"response\":{\"clientDataJSON\":\"eyJjaGFsbGVuZ2UiOiJhYmMifQ\"}}").unwrap();
        assert_eq!(challenge, "abc");
    }
}
