//! Settings: from `keystead.toml`, then the environment; every one of them stands in [`SETTINGS`].
//!
//! A bad value stops the start with one line that names the key, where it was set, and how to mend it.

mod providers;
mod settings;
mod values;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

pub use providers::{PROVIDER_KEYS, ProviderConfig, ProviderKey, is_safe};
pub use settings::{SETTINGS, Setting};

use crate::auth::password::PasswordPolicy;
use crate::catalogue::Catalogue;

/// All settings of an instance, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// How people reach it: scheme, host and port.
    pub base_url: url::Url,
    base_url_is_set: bool,
    /// The database; `None` means the SQLite file in the data folder.
    pub database_url: Option<Password>,
    /// Where the SQLite file, the key and the mails lie.
    pub data_dir: PathBuf,
    /// The file with the instance's key; `None` means `secret.key` in the data folder.
    pub secret_key_file: Option<PathBuf>,
    /// What the pages call the product.
    pub product_name: String,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<crate::web::client::Network>,
    /// Threads that serve requests.
    pub workers: usize,
    /// How long requests under way may go on after a SIGTERM, in seconds.
    pub drain_seconds: u64,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines are written, as `tracing` filters.
    pub log_filter: String,
    /// Mail.
    pub mail: MailConfig,
    /// Who may make an account.
    pub sign_up: SignUpMode,
    /// Whether people sign in with a password.
    pub password_sign_in: bool,
    /// The OpenID providers with which people sign in.
    pub providers: Vec<ProviderConfig>,
    /// Whether people may change the address that they sign in with.
    pub email_change: bool,
    /// Who must have a second factor.
    pub require_second_factor: SecondFactorRule,
    /// Sessions.
    pub sessions: SessionConfig,
    /// Passwords.
    pub passwords: PasswordPolicy,
    /// Tokens.
    pub tokens: TokenConfig,
    /// What scopes are made of.
    pub catalogue: Catalogue,
}

/// How mails leave.
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// An SMTP server; `None` means .eml files in the data folder.
    pub smtp_url: Option<Password>,
    /// The sender.
    pub from: lettre::message::Mailbox,
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUpMode {
    /// Anybody.
    Open,
    /// Whom an administrator invites, or a member of an organization to it.
    Invitation,
    /// Nobody but whom an administrator invites.
    Closed,
}

impl SignUpMode {
    /// Whether an invitation to an organization lets somebody make an account. Whoever may make an organization could
    /// invite anybody, so where sign-up is closed it does not.
    pub fn takes_whom_members_invite(self) -> bool {
        self != Self::Closed
    }
}

/// Who must have a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondFactorRule {
    /// Nobody; anybody may.
    Nobody,
    /// Administrators of the instance.
    Administrators,
    /// Everybody.
    Everyone,
}

impl SecondFactorRule {
    /// Whether it asks a user for one.
    pub fn asks(self, is_administrator: bool) -> bool {
        match self {
            Self::Nobody => false,
            Self::Administrators => is_administrator,
            Self::Everyone => true,
        }
    }
}

/// How long logins live, in seconds.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Unused for so long, an ordinary session ends.
    pub idle: i64,
    /// However used, an ordinary session ends after so long.
    pub absolute: i64,
    /// As `idle`, for "keep me signed in".
    pub kept_idle: i64,
    /// As `absolute`, for "keep me signed in".
    pub kept_absolute: i64,
    /// How long a confirmation ("prove it is you") holds.
    pub confirmation: i64,
    /// However used, a terminal's login ends after so long.
    pub terminal: i64,
}

/// What tokens may be.
#[derive(Debug, Clone)]
pub struct TokenConfig {
    /// The first part of every secret.
    pub brand: String,
    /// How many a user may have.
    pub max_per_user: i64,
    /// The validity that the form proposes, in days.
    pub default_days: i64,
    /// The longest validity, in days.
    pub max_days: i64,
    /// The validities that the form offers, in days.
    pub preset_days: Vec<i64>,
    /// Whether a token may be valid for ever.
    pub allow_never: bool,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Readable on a terminal, JSON otherwise.
    Auto,
    /// Readable lines.
    Text,
    /// One JSON object a line.
    Json,
}

/// A setting that holds a password (a database's, a mail server's): it prints as dots.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// The text itself; for the one who connects.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("••••")
    }
}

/// Why an instance does not start: one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            base_url: local_url(8080),
            base_url_is_set: false,
            database_url: None,
            data_dir: PathBuf::from("data"),
            secret_key_file: None,
            product_name: "Keystead".to_owned(),
            trusted_proxies: Vec::new(),
            workers: std::thread::available_parallelism().map_or(2, usize::from),
            drain_seconds: 15,
            log_format: LogFormat::Auto,
            log_filter: "info".to_owned(),
            mail: MailConfig {
                smtp_url: None,
                from: "Keystead <keystead@localhost>".parse().expect("a constant mailbox"),
            },
            sign_up: SignUpMode::Open,
            password_sign_in: true,
            providers: Vec::new(),
            require_second_factor: SecondFactorRule::Nobody,
            email_change: true,
            sessions: SessionConfig {
                idle: 60 * 60,
                absolute: 24 * 60 * 60,
                kept_idle: 14 * 86_400,
                kept_absolute: 30 * 86_400,
                confirmation: 10 * 60,
                terminal: 60 * 60,
            },
            passwords: PasswordPolicy::default(),
            tokens: TokenConfig {
                brand: "kst".to_owned(),
                max_per_user: 50,
                default_days: 90,
                max_days: 365,
                preset_days: vec![7, 30, 60, 90, 365],
                allow_never: false,
            },
            catalogue: Catalogue::default(),
        }
    }
}

impl Config {
    /// Reads the settings: `file` if given, else `keystead.toml` in the working folder if there is one; then `environment`.
    ///
    /// # Errors
    /// One line, for the first setting that is wrong.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        let usual = Path::new("keystead.toml");
        match file {
            Some(file) => config.take_file(file)?,
            None if usual.exists() => config.take_file(usual)?,
            None => {}
        }
        config.take_environment(environment)?;
        config.check()?;
        config.listens_on(config.listen.port());
        Ok(config)
    }

    /// Where nothing else is set, people reach it on this machine, at the port that it listens on.
    pub fn listens_on(&mut self, port: u16) {
        if !self.base_url_is_set {
            self.base_url = local_url(port);
        }
    }

    fn take_file(&mut self, file: &Path) -> Result<(), ConfigError> {
        let shown = file.display();
        let text = std::fs::read_to_string(file).map_err(|error| {
            ConfigError(format!("{shown} cannot be read ({error}); check its path and permissions"))
        })?;
        let table: Table = toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
            ConfigError(format!("{shown}, line {line}: {}; mend the TOML there", error.message().replace('\n', " ")))
        })?;
        let mut flat = BTreeMap::new();
        flatten("", table, &mut flat);
        for (key, value) in flat {
            self.set(&key, value, &format!("{shown}"))?;
        }
        Ok(())
    }

    fn take_environment(&mut self, environment: impl IntoIterator<Item = (String, String)>) -> Result<(), ConfigError> {
        let ours = |name: &str| name.starts_with("KEYSTEAD_") && !name.starts_with("KEYSTEAD_TEST_");
        // In order, so that of two that are wrong it is always the same one that is named.
        let ours: BTreeMap<String, String> = environment.into_iter().filter(|(name, _)| ours(name)).collect();
        for (name, text) in ours {
            let Some(setting) = SETTINGS.iter().find(|setting| setting.variable() == name) else {
                return Err(ConfigError(format!(
                    "{name}: there is no such setting in the environment; {}",
                    nearest(&name, SETTINGS.iter().map(Setting::variable))
                )));
            };
            (setting.set)(self, Value::String(text))
                .map_err(|why| ConfigError(format!("{} (from {name} in the environment): {why}", setting.key)))?;
        }
        Ok(())
    }

    fn set(&mut self, key: &str, value: Value, source: &str) -> Result<(), ConfigError> {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
            return Err(ConfigError(format!(
                "{key} (in {source}): there is no such setting; {}",
                nearest(key, SETTINGS.iter().map(|setting| setting.key.to_owned()))
            )));
        };
        (setting.set)(self, value).map_err(|why| ConfigError(format!("{key} (in {source}): {why}")))
    }

    /// What no single setting can see.
    fn check(&self) -> Result<(), ConfigError> {
        if self.tokens.default_days > self.tokens.max_days {
            return Err(ConfigError(format!(
                "tokens.default_days: {} is more than tokens.max_days, which is {}; lower the one or raise the other",
                self.tokens.default_days, self.tokens.max_days
            )));
        }
        if let Some(problem) = self.catalogue.problem() {
            return Err(ConfigError(problem));
        }
        if !self.password_sign_in && self.providers.is_empty() {
            return Err(ConfigError(
                "password_sign_in: it is off, and there are no providers, so nobody could sign in; add one under [[providers]], or turn it on"
                    .to_owned(),
            ));
        }
        let local = matches!(self.base_url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if self.base_url.scheme() == "http" && !local {
            return Err(ConfigError(format!(
                "base_url: {} is not https, and only localhost may do without; put a proxy with TLS before it and give its https address",
                self.base_url
            )));
        }
        Ok(())
    }

    /// The database's URL, the default filled in.
    pub fn database(&self) -> String {
        self.database_url.as_ref().map_or_else(
            || format!("sqlite:{}", self.data_dir.join("keystead.sqlite").display()),
            |url| url.reveal().to_owned(),
        )
    }

    /// The file with the instance's key, the default filled in.
    pub fn key_file(&self) -> PathBuf {
        self.secret_key_file.clone().unwrap_or_else(|| self.data_dir.join("secret.key"))
    }

    /// Whether cookies may be marked `Secure`.
    pub fn is_https(&self) -> bool {
        self.base_url.scheme() == "https"
    }

    /// The absolute address of a path.
    pub fn absolute(&self, path: &str) -> String {
        format!("{}{path}", self.base_url.as_str().trim_end_matches('/'))
    }
}

/// How one reaches a port of this machine.
fn local_url(port: u16) -> url::Url {
    url::Url::parse(&format!("http://127.0.0.1:{port}")).expect("a number makes a valid URL")
}

/// Turns `[mail] from = …` into `mail.from`; the catalogue's own tables stay whole.
fn flatten(prefix: &str, table: Table, into: &mut BTreeMap<String, Value>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) if !SETTINGS.iter().any(|setting| setting.key == key) => flatten(&key, inner, into),
            other => drop(into.insert(key, other)),
        }
    }
}

fn nearest(wrong: &str, known: impl Iterator<Item = String>) -> String {
    known
        .map(|name| (distance(wrong, &name), name))
        .min()
        .filter(|(distance, name)| *distance <= name.len() / 3)
        .map_or_else(
            || "see docs/configuration.md for all of them".to_owned(),
            |(_, name)| format!("did you mean {name}?"),
        )
}

/// Levenshtein's distance.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut before = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.bytes().enumerate() {
            let cost = before + usize::from(a != b);
            before = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(before + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_text(text: &str) -> Result<Config, String> {
        let folder = std::env::temp_dir().join(format!("keystead-config-{}", crate::ids::ulid()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("keystead.toml");
        std::fs::write(&file, text).unwrap();
        let outcome = Config::load(Some(&file), [])
            .map_err(|error| error.to_string().replace(&format!("{}/", folder.display()), ""));
        std::fs::remove_dir_all(folder).unwrap();
        outcome
    }

    fn from_variables(pairs: &[(&str, &str)]) -> Result<Config, String> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut config = Config::default();
        config.take_environment(pairs).and_then(|()| config.check()).map(|()| config).map_err(|error| error.to_string())
    }

    /// Covers: FC-41
    #[test]
    fn a_bad_setting_is_one_line_that_names_key_source_and_mend() {
        for (text, wanted) in [
            ("lisen = \"x\"", "lisen (in keystead.toml): there is no such setting; did you mean listen?"),
            (
                "listen = 5",
                "listen (in keystead.toml): 5 is no address; give an address and a port, such as \"127.0.0.1:8080\"",
            ),
            (
                "[tokens]\nmax_days = 0",
                "tokens.max_days (in keystead.toml): 0 is not from 1 to 36500; give a whole number of days",
            ),
            (
                "[tokens]\nbrand = \"K_\"",
                "tokens.brand (in keystead.toml): \"K_\" is not 2 to 12 lower-case letters and digits; such as \"kst\"",
            ),
            (
                "[tokens]\nmax_days = 30",
                "tokens.default_days: 90 is more than tokens.max_days, which is 30; lower the one or raise the other",
            ),
            (
                "base_url = \"http://accounts.example.com\"",
                "base_url: http://accounts.example.com/ is not https, and only localhost may do without; put a proxy with TLS before it and give its https address",
            ),
            (
                "[catalogue]\nviewer = [\"raed\"]",
                "catalogue.viewer: there is no operation \"raed\" in catalogue.operations; add it there, or mend its name",
            ),
            (
                "[mail]\nsmtp_url = \"smtp://u:p@mail.example.com\"",
                "mail.smtp_url (in keystead.toml): it would send mails, and its password, unencrypted to another machine; give smtps://, or add ?tls=required",
            ),
            (
                "database_url = \"mysql://x\"",
                "database_url (in keystead.toml): it begins with neither \"sqlite:\" nor \"postgres://\"; give one of the two",
            ),
        ] {
            assert_eq!(from_text(text).unwrap_err(), wanted);
        }
        assert!(from_text("listen = ").unwrap_err().starts_with("keystead.toml, line 1: "));
        assert_eq!(
            from_variables(&[("KEYSTEAD_TOKENS_MAX_PERUSER", "1")]).unwrap_err(),
            "KEYSTEAD_TOKENS_MAX_PERUSER: there is no such setting in the environment; did you mean KEYSTEAD_TOKENS_MAX_PER_USER?"
        );
        assert_eq!(
            from_variables(&[("KEYSTEAD_TOKENS_MAX_PER_USER", "some")]).unwrap_err(),
            "tokens.max_per_user (from KEYSTEAD_TOKENS_MAX_PER_USER in the environment): \"some\" is not from 1 to 10000; give a whole number"
        );
    }

    #[test]
    fn reads_file_then_environment() {
        let config = from_text("product_name = \"Acme\"\ntrusted_proxies = [\"10.0.0.0/8\"]\n[tokens]\npreset_days = [1, 2]\ndefault_days = 2").unwrap();
        assert_eq!((config.product_name.as_str(), config.tokens.preset_days.as_slice()), ("Acme", [1, 2].as_slice()));
        let config = from_variables(&[
            ("KEYSTEAD_DATABASE_URL", "postgres://u:pw@h/d"),
            ("KEYSTEAD_TOKENS_PRESET_DAYS", "7, 30"),
            ("KEYSTEAD_TOKENS_ALLOW_NEVER", "true"),
        ])
        .unwrap();
        assert_eq!(
            (config.database().as_str(), config.tokens.preset_days.as_slice(), config.tokens.allow_never),
            ("postgres://u:pw@h/d", [7, 30].as_slice(), true)
        );
        assert!(!format!("{config:?}").contains("pw@"), "a password in a setting never prints");
    }
}
