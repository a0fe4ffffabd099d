//! The sign-in providers: `[[providers]]` in the file, or all of them in one variable; each key stands in [`PROVIDER_KEYS`].

use std::path::PathBuf;

use toml::{Table, Value};

use super::Password;
use super::values::{list, parsed, text, truth};

/// An OpenID provider, as the operator set it up.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the operator's")]
pub struct ProviderConfig {
    /// Its place in the addresses.
    pub id: String,
    /// What the button says.
    pub name: String,
    /// Its issuer identifier, to the letter.
    pub issuer: String,
    /// What it knows Keystead as.
    pub client_id: String,
    /// The password to that; a public client has none.
    pub client_secret: Option<Password>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// Whether it may make accounts, as far as `sign_up` lets anybody.
    pub allow_sign_up: bool,
    /// Where addresses must lie; empty for anywhere.
    pub email_domains: Vec<String>,
    /// The Google Workspace that an account must belong to (`hd`).
    pub hosted_domain: Option<String>,
    /// Whether an address counts as verified where the provider says nothing of it.
    pub trust_email: bool,
    /// Whether its second factor stands for Keystead's.
    pub trust_second_factor: bool,
    /// The values of `acr` that tell of a second factor.
    pub second_factor_acr: Vec<String>,
    /// Whether it can be told to have people sign in anew, and says when they did.
    pub fresh_sign_in: bool,
    /// More about accounts there, for people.
    pub help_url: Option<url::Url>,
    /// A certificate authority besides the public ones, PEM.
    pub ca_pem: Option<Vec<u8>>,
    is_google: bool,
}

impl ProviderConfig {
    /// Whether the preset for Google made it.
    pub fn is_google(&self) -> bool {
        self.is_google
    }
}

/// One key of a provider.
pub struct ProviderKey {
    /// Its name.
    pub key: &'static str,
    /// What holds when it is not set.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
    set: fn(&mut ProviderConfig, &Value) -> Result<(), String>,
}

const fn key(
    key: &'static str,
    default: &'static str,
    meaning: &'static str,
    set: fn(&mut ProviderConfig, &Value) -> Result<(), String>,
) -> ProviderKey {
    ProviderKey { key, default, meaning, set }
}

const SECRET: &str = "client_secret";
const SECRET_FILE: &str = "client_secret_file";

/// Every key there is.
pub const PROVIDER_KEYS: &[ProviderKey] = &[
    key(
        "preset",
        "none",
        "`google` fills in `id`, `name`, `issuer` and what is particular about Google.",
        |to, value| match text(value)?.as_str() {
            "google" => {
                to.is_google = true;
                Ok(())
            }
            _ => Err(format!("{value} is no preset; the only one is \"google\"")),
        },
    ),
    key(
        "id",
        "none: needed",
        "Its place in the addresses, `/login/ID/callback` among them: lower-case letters, digits and hyphens.",
        |to, value| {
            to.id = text(value)?;
            let fits = to.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            // A page of its own stands there already.
            let place = format!("/login/{}", to.id);
            let below = format!("{place}/");
            let taken = crate::routes::ROUTES.iter().any(|route| route.path == place || route.path.starts_with(&below));
            if fits && !taken && to.id.len() <= 32 {
                Ok(())
            } else if taken {
                Err(format!("{value} is taken by a page of Keystead's; choose another"))
            } else {
                Err(format!("{value} is not up to 32 lower-case letters, digits and hyphens; such as \"keycloak\""))
            }
        },
    ),
    key("name", "the id", "What its button says: \"Continue with …\". At most 40 characters.", |to, value| {
        to.name = text(value)?;
        if to.name.chars().count() > 40 || to.name.chars().any(char::is_control) {
            return Err(
                "it is longer than 40 characters, or holds control characters; give a shorter, plain name".to_owned()
            );
        }
        Ok(())
    }),
    key(
        "issuer",
        "none: needed",
        "Its issuer identifier, to the letter as its discovery document has it. Needs https, except for localhost.",
        |to, value| {
            let url: url::Url = parsed(value, "is no address; give one such as \"https://id.example.com\"")?;
            if url.query().is_some() || url.fragment().is_some() || url.host().is_none() {
                return Err(format!("{value} is no issuer; it has neither query nor fragment"));
            }
            if !is_safe(&url) {
                return Err(format!("{value} is not https, and only localhost may do without; give its https address"));
            }
            to.issuer = text(value)?;
            Ok(())
        },
    ),
    key("client_id", "none: needed", "What the provider knows this instance as.", |to, value| {
        to.client_id = text(value)?;
        Ok(())
    }),
    key(SECRET, "none", "The secret that the provider gave with it. A public client has none.", |to, value| {
        to.client_secret = Some(Password::from(text(value)?));
        Ok(())
    }),
    key(SECRET_FILE, "none", "A file that holds the secret, in place of `client_secret`.", |to, value| {
        let secret = read(value)?;
        let secret = String::from_utf8(secret).map_err(|_| format!("the file {value} is no text"))?;
        if secret.trim().is_empty() {
            return Err(format!("the file {value} is empty; put the secret into it"));
        }
        to.client_secret = Some(Password::from(secret.trim().to_owned()));
        Ok(())
    }),
    key("scopes", "[\"openid\", \"email\", \"profile\"]", "What is asked for; `openid` in any case.", |to, value| {
        to.scopes = list(value.clone())?.iter().map(text).collect::<Result<_, _>>()?;
        Ok(())
    }),
    key(
        "allow_sign_up",
        "true",
        "Whether it makes accounts: for anybody where `sign_up` is `open`, else for those who are invited as `sign_up` says.",
        |to, value| {
            to.allow_sign_up = truth(value)?;
            Ok(())
        },
    ),
    key(
        "email_domains",
        "any",
        "Domains such as `[\"example.com\"]`: whoever has a verified address in none of them is turned away, at each sign-in.",
        |to, value| {
            to.email_domains = list(value.clone())?
                .iter()
                .map(|item| {
                    let domain = text(item)?.to_lowercase();
                    if domain.contains(['@', '/', ' ']) || !domain.contains('.') {
                        return Err(format!("{item} is no domain; give one such as \"example.com\""));
                    }
                    Ok(domain)
                })
                .collect::<Result<_, _>>()?;
            Ok(())
        },
    ),
    key(
        "hosted_domain",
        "any",
        "A Google Workspace domain: accounts outside of that Workspace are turned away, private ones with such an address too.",
        |to, value| {
            to.hosted_domain = Some(text(value)?.to_lowercase());
            Ok(())
        },
    ),
    key(
        "trust_email",
        "false",
        "Takes an address as verified where the provider does not say whether it is. Where it says no, that holds.",
        |to, value| {
            to.trust_email = truth(value)?;
            Ok(())
        },
    ),
    key(
        "trust_second_factor",
        "false",
        "Asks for no second factor here when the provider says that it asked for one (`amr` with `mfa`, `otp` or `hwk`, or an `acr` of `second_factor_acr`).",
        |to, value| {
            to.trust_second_factor = truth(value)?;
            Ok(())
        },
    ),
    key("second_factor_acr", "none", "Values of `acr` that tell of a second factor.", |to, value| {
        to.second_factor_acr = list(value.clone())?.iter().map(text).collect::<Result<_, _>>()?;
        Ok(())
    }),
    key(
        "fresh_sign_in",
        "true; false for Google",
        "Whether it heeds `prompt=login` and answers with `auth_time`, so that it can confirm who somebody is.",
        |to, value| {
            to.fresh_sign_in = truth(value)?;
            Ok(())
        },
    ),
    key(
        "help_url",
        "none; Google's own page for Google",
        "A page about accounts there, linked from the sign-in page.",
        |to, value| {
            let url: url::Url = parsed(value, "is no address; give one such as \"https://example.com/help\"")?;
            if url.scheme() != "https" {
                return Err(format!("{value} is not https; give an https address"));
            }
            to.help_url = Some(url);
            Ok(())
        },
    ),
    key("ca_file", "none", "A certificate authority of your own (PEM), besides the public ones.", |to, value| {
        to.ca_pem = Some(read(value)?);
        Ok(())
    }),
];

/// Whether what is sent there can't be read on the way.
pub fn is_safe(url: &url::Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")),
        _ => false,
    }
}

fn read(value: &Value) -> Result<Vec<u8>, String> {
    let path: PathBuf = text(value)?.into();
    std::fs::read(&path)
        .map_err(|error| format!("the file {value} cannot be read ({error}); check its path and permissions"))
}

/// Reads all of them: TOML's tables, or the text of a variable, which is TOML's inline form or JSON.
pub(super) fn providers(value: Value) -> Result<Vec<ProviderConfig>, String> {
    let mend = "it is no list of tables; give [[providers]] tables, or in the environment a list such as [{ preset = \"google\", client_id = \"…\" }], or the same in JSON";
    let value = match value {
        Value::String(text) => serde_json::from_str::<Value>(&text)
            .ok()
            .or_else(|| toml::from_str::<Table>(&format!("it = {text}")).ok()?.remove("it"))
            .ok_or(mend)?,
        other => other,
    };
    let Value::Array(items) = value else { return Err(mend.to_owned()) };
    let mut all: Vec<ProviderConfig> = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let Value::Table(table) = item else { return Err(mend.to_owned()) };
        let id = table.get("id").or_else(|| table.get("preset")).and_then(Value::as_str).map(str::to_owned);
        let named = |why: String| format!("provider {}: {why}", id.clone().unwrap_or_else(|| (index + 1).to_string()));
        let provider = provider(&table).map_err(named)?;
        if all.iter().any(|known| known.id == provider.id) {
            return Err(named("id: another provider has it; choose another".to_owned()));
        }
        all.push(provider);
    }
    Ok(all)
}

fn provider(table: &Table) -> Result<ProviderConfig, String> {
    let mut made = ProviderConfig {
        id: String::new(),
        name: String::new(),
        issuer: String::new(),
        client_id: String::new(),
        client_secret: None,
        scopes: ["openid", "email", "profile"].map(str::to_owned).to_vec(),
        allow_sign_up: true,
        email_domains: Vec::new(),
        hosted_domain: None,
        trust_email: false,
        trust_second_factor: false,
        second_factor_acr: Vec::new(),
        fresh_sign_in: true,
        help_url: None,
        ca_pem: None,
        is_google: false,
    };
    if table.get("preset").is_some_and(|preset| preset.as_str() == Some("google")) {
        made.id = "google".into();
        made.name = "Google".into();
        made.issuer = "https://accounts.google.com".into();
        made.fresh_sign_in = false;
        made.help_url = url::Url::parse("https://support.google.com/accounts/answer/27441").ok();
    }
    for (name, value) in table {
        let Some(known) = PROVIDER_KEYS.iter().find(|known| known.key == name) else {
            let near = super::nearest(name, PROVIDER_KEYS.iter().map(|known| known.key.to_owned()));
            return Err(format!("{name}: there is no such key; {near}"));
        };
        (known.set)(&mut made, value).map_err(|why| format!("{name}: {why}"))?;
    }
    if table.contains_key(SECRET) && table.contains_key(SECRET_FILE) {
        return Err(format!("{SECRET}: {SECRET_FILE} is set, too; give one of the two"));
    }
    for (name, value) in [("id", &made.id), ("issuer", &made.issuer), ("client_id", &made.client_id)] {
        if value.is_empty() {
            return Err(format!("{name}: it is missing; add it"));
        }
    }
    if made.name.is_empty() {
        made.name.clone_from(&made.id);
    }
    Ok(made)
}
