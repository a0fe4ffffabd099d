//! The table of all settings: the one place where each is named, described and read.

use toml::Value;

use super::providers::providers;
use super::values::{list, number, parsed, table, text, truth, word};
use super::{Config, LogFormat, Password, SecondFactorRule, SignUpMode};
use crate::auth::password::ShortPasswords;
use crate::clock::DAY;
use crate::db::Engine;

/// One setting.
pub struct Setting {
    /// Its key in `keystead.toml`; a dot stands for a table: `mail.from` is `from` under `[mail]`.
    pub key: &'static str,
    /// What holds when it is not set.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
    pub(super) set: fn(&mut Config, Value) -> Result<(), String>,
}

impl Setting {
    /// Its name in the environment: `mail.from` is `KEYSTEAD_MAIL_FROM`.
    pub fn variable(&self) -> String {
        format!("KEYSTEAD_{}", self.key.to_ascii_uppercase().replace('.', "_"))
    }
}

const fn setting(
    key: &'static str,
    default: &'static str,
    meaning: &'static str,
    set: fn(&mut Config, Value) -> Result<(), String>,
) -> Setting {
    Setting { key, default, meaning, set }
}

/// Whether a mail server's address would have mails travel unencrypted between machines.
fn sends_in_the_clear(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| {
        let is_near = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let is_required =
            url.query_pairs().any(|(key, value)| key == "tls" && matches!(&*value, "required" | "wrapper"));
        url.scheme() == "smtp" && !is_near && !is_required
    })
}

const DAYS: &str = "a whole number of days";

/// Every setting there is.
pub const SETTINGS: &[Setting] = &[
    setting("listen", "127.0.0.1:8080", "The address and port to listen on.", |config, value| {
        let mend = "is no address; give an address and a port, such as \"127.0.0.1:8080\"";
        config.listen = parsed(&value, mend)?;
        Ok(())
    }),
    setting(
        "base_url",
        "http://127.0.0.1 with the port of listen",
        "How people reach it: scheme, host and port. Links in mails begin with it, and no other host is answered. Needs https, except for localhost.",
        |config, value| {
            let mend = "is no address; give scheme and host, such as \"https://accounts.example.com\"";
            let url: url::Url = parsed(&value, mend)?;
            if !matches!(url.scheme(), "http" | "https")
                || url.host().is_none()
                || url.path() != "/"
                || url.query().is_some()
                || !url.username().is_empty()
                || url.password().is_some()
            {
                return Err(format!("{value} {mend}"));
            }
            config.base_url = url;
            config.base_url_is_set = true;
            Ok(())
        },
    ),
    setting(
        "database_url",
        "the file keystead.sqlite in data_dir",
        "The database: `sqlite:FILE`, or `postgres://user:password@host/name` with libpq's parameters.",
        |config, value| {
            let url = text(&value)?;
            if matches!(url.strip_prefix("sqlite:"), Some("" | ":memory:")) {
                return Err(
                    "it names no file; give one, such as \"sqlite:/var/lib/keystead/keystead.sqlite\"".to_owned()
                );
            }
            Engine::of(&url).map_err(|error| format!("{error}; give one of the two"))?;
            config.database_url = Some(Password::from(url));
            Ok(())
        },
    ),
    setting(
        "data_dir",
        "data",
        "The folder for the SQLite file, the instance's key and the mails. It is made if it is not there.",
        |config, value| {
            config.data_dir = text(&value)?.into();
            Ok(())
        },
    ),
    setting(
        "secret_key_file",
        "the file secret.key in data_dir",
        "The file with the instance's key, which signs cookies and forms. It is made if it is not there; several nodes share one.",
        |config, value| {
            config.secret_key_file = Some(text(&value)?.into());
            Ok(())
        },
    ),
    setting(
        "product_name",
        "Keystead",
        "What the pages and mails call the product. At most 60 characters.",
        |config, value| {
            config.product_name = text(&value)?;
            if config.product_name.chars().count() > 60 || config.product_name.chars().any(char::is_control) {
                return Err("it is longer than 60 characters, or holds control characters; give a shorter, plain name"
                    .to_owned());
            }
            Ok(())
        },
    ),
    setting(
        "trusted_proxies",
        "none",
        "Networks of the proxies before it, such as [\"10.0.0.0/8\"]. Only their `X-Forwarded-For` is believed.",
        |config, value| {
            let mend = "is no network; give an address or a network, such as \"10.0.0.0/8\"";
            config.trusted_proxies = list(value)?.iter().map(|item| parsed(item, mend)).collect::<Result<_, _>>()?;
            Ok(())
        },
    ),
    setting("workers", "one for each processor", "Threads that serve requests.", |config, value| {
        config.workers = number(&value, 1usize, 1024, "a whole number")?;
        Ok(())
    }),
    setting("drain_seconds", "15", "How long requests under way may go on after SIGTERM.", |config, value| {
        config.drain_seconds = number(&value, 0u64, 600, "a whole number of seconds")?;
        Ok(())
    }),
    setting("log_format", "auto", "`text`, `json`, or `auto`: text on a terminal, JSON otherwise.", |config, value| {
        config.log_format =
            word(&value, &[("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)])?;
        Ok(())
    }),
    setting(
        "log_filter",
        "info",
        "Which lines are written: a level, or `target=level` pairs between commas.",
        |config, value| {
            let filter = text(&value)?;
            if tracing_subscriber::EnvFilter::try_new(&filter).is_err() {
                return Err(format!(
                    "{value} is no filter; give a level, such as \"info\", or pairs, such as \"info,keystead=debug\""
                ));
            }
            config.log_filter = filter;
            Ok(())
        },
    ),
    setting(
        "mail.smtp_url",
        "none: mails are kept as files in data_dir/mail",
        "The mail server: `smtps://user:password@host`, or `smtp://user:password@host?tls=required`.",
        |config, value| {
            let url = text(&value)?;
            if sends_in_the_clear(&url) {
                let mend = "give smtps://, or add ?tls=required";
                return Err(format!("it would send mails, and its password, unencrypted to another machine; {mend}"));
            }
            lettre::SmtpTransport::from_url(&url).map_err(|_| {
                "it is no mail server's address; give one such as \"smtps://user:password@mail.example.com\"".to_owned()
            })?;
            config.mail.smtp_url = Some(Password::from(url));
            Ok(())
        },
    ),
    setting("mail.from", "Keystead <keystead@localhost>", "The sender of every mail.", |config, value| {
        let mend = "is no sender; give an address, such as \"Accounts <accounts@example.com>\"";
        config.mail.from = parsed(&value, mend)?;
        Ok(())
    }),
    setting(
        "sign_up",
        "open",
        "Who may make an account: `open` (anybody), `invitation` (whom an administrator invites, or an organization), or `closed` (whom an administrator invites, and nobody else).",
        |config, value| {
            let modes =
                [("open", SignUpMode::Open), ("invitation", SignUpMode::Invitation), ("closed", SignUpMode::Closed)];
            config.sign_up = word(&value, &modes)?;
            Ok(())
        },
    ),
    setting(
        "password_sign_in",
        "on",
        "`on`, or `off`: people then sign in with a provider or a passkey alone, and there are no passwords to set or forget.",
        |config, value| {
            config.password_sign_in = word(&value, &[("on", true), ("off", false)])?;
            Ok(())
        },
    ),
    setting(
        "providers",
        "none",
        "OpenID providers to sign in with, in this order: Google, or any other. What a provider takes stands [below](#providers).",
        |config, value| {
            config.providers = providers(value)?;
            Ok(())
        },
    ),
    setting(
        "email_change",
        "on",
        "Whether people may change the address that they sign in with: `on` or `off`.",
        |config, value| {
            config.email_change = word(&value, &[("on", true), ("off", false)])?;
            Ok(())
        },
    ),
    setting(
        "require_second_factor",
        "nobody",
        "Who must have a second factor: `nobody`, `administrators` or `everyone`. Until they have one, nothing else opens to them.",
        |config, value| {
            let rules = [
                ("nobody", SecondFactorRule::Nobody),
                ("administrators", SecondFactorRule::Administrators),
                ("everyone", SecondFactorRule::Everyone),
            ];
            config.require_second_factor = word(&value, &rules)?;
            Ok(())
        },
    ),
    setting("sessions.idle_minutes", "60", "A session that is not used for so long ends.", |config, value| {
        config.sessions.idle = number(&value, 1i64, 60 * 24 * 30, "a whole number of minutes")? * 60;
        Ok(())
    }),
    setting(
        "sessions.absolute_hours",
        "24",
        "A session ends after so long, however much it is used.",
        |config, value| {
            config.sessions.absolute = number(&value, 1i64, 24 * 365, "a whole number of hours")? * 60 * 60;
            Ok(())
        },
    ),
    setting(
        "sessions.kept_idle_days",
        "14",
        "As `idle_minutes`, for people who chose \"Keep me signed in\".",
        |config, value| {
            config.sessions.kept_idle = number(&value, 1i64, 365, DAYS)? * DAY;
            Ok(())
        },
    ),
    setting(
        "sessions.kept_absolute_days",
        "30",
        "As `absolute_hours`, for people who chose \"Keep me signed in\".",
        |config, value| {
            config.sessions.kept_absolute = number(&value, 1i64, 365, DAYS)? * DAY;
            Ok(())
        },
    ),
    setting(
        "sessions.confirmation_minutes",
        "10",
        "How long \"confirm it is you\" holds before it is asked again.",
        |config, value| {
            config.sessions.confirmation = number(&value, 1i64, 60, "a whole number of minutes")? * 60;
            Ok(())
        },
    ),
    setting(
        "sessions.terminal_minutes",
        "60",
        "How long a terminal stays signed in. Then it signs in again: it has nothing to renew its login with.",
        |config, value| {
            config.sessions.terminal = number(&value, 1i64, 60 * 24, "a whole number of minutes")? * 60;
            Ok(())
        },
    ),
    setting(
        "passwords.short",
        "allowed",
        "`allowed`: 8 to 14 characters are enough when capital and lower-case letter, number and special character are among them. `off`: 15 characters at least, of any kind, as NIST SP 800-63B-4 asks.",
        |config, value| {
            config.passwords.short_passwords =
                word(&value, &[("allowed", ShortPasswords::Allowed), ("off", ShortPasswords::Off)])?;
            Ok(())
        },
    ),
    setting(
        "tokens.brand",
        "kst",
        "The first part of every secret, by which leak scanners know it. 2 to 12 lower-case letters and digits.",
        |config, value| {
            let brand = text(&value)?;
            if !(2..=12).contains(&brand.len())
                || !brand.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            {
                return Err(format!("{value} is not 2 to 12 lower-case letters and digits; such as \"kst\""));
            }
            config.tokens.brand = brand;
            Ok(())
        },
    ),
    setting("tokens.max_per_user", "50", "How many personal access tokens a user may have.", |config, value| {
        config.tokens.max_per_user = number(&value, 1i64, 10_000, "a whole number")?;
        Ok(())
    }),
    setting("tokens.default_days", "90", "The validity that the form proposes.", |config, value| {
        config.tokens.default_days = number(&value, 1i64, 36_500, DAYS)?;
        Ok(())
    }),
    setting("tokens.max_days", "365", "The longest validity.", |config, value| {
        config.tokens.max_days = number(&value, 1i64, 36_500, DAYS)?;
        Ok(())
    }),
    setting(
        "tokens.preset_days",
        "[7, 30, 60, 90, 365]",
        "The validities that the form offers beside a date; those above the maximum are left out.",
        |config, value| {
            config.tokens.preset_days =
                list(value)?.iter().map(|item| number(item, 1i64, 36_500, DAYS)).collect::<Result<_, _>>()?;
            Ok(())
        },
    ),
    setting("tokens.allow_never", "false", "Whether a token may be valid for ever.", |config, value| {
        config.tokens.allow_never = truth(&value)?;
        Ok(())
    }),
    setting(
        "catalogue.entity_types",
        "{ channels = \"Channels\", clients = \"Clients\", groups = \"Groups\" }",
        "What rights are about: each name and what people call it.",
        |config, value| config.catalogue.set_entity_types(table(value)?),
    ),
    setting(
        "catalogue.operations",
        "create, read, list, update, delete, share, unshare, publish, subscribe",
        "What can be done: each name and one line that describes it.",
        |config, value| config.catalogue.set_operations(table(value)?),
    ),
    setting(
        "catalogue.ranking",
        "[\"delete > update > read > list\", \"create > read\", \"share > read\", \"unshare > read\"]",
        "Which operation fills in which: chains, strongest first.",
        |config, value| {
            let chains = list(value)?.iter().map(text).collect::<Result<Vec<_>, _>>()?;
            config.catalogue.set_ranking(&chains)
        },
    ),
    setting(
        "catalogue.member",
        "[\"create\", \"read\", \"list\", \"update\", \"publish\", \"subscribe\"]",
        "What the role \"member\" may do; owners and admins may do everything.",
        |config, value| {
            config.catalogue.member = list(value)?.iter().map(text).collect::<Result<_, _>>()?;
            Ok(())
        },
    ),
    setting(
        "catalogue.viewer",
        "[\"read\", \"list\", \"subscribe\"]",
        "What the role \"viewer\" may do.",
        |config, value| {
            config.catalogue.viewer = list(value)?.iter().map(text).collect::<Result<_, _>>()?;
            Ok(())
        },
    ),
];
