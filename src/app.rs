//! The application, built once from its settings; `main`, the tests and the benches build the same.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_session::SessionMiddleware;
use actix_session::config::{BrowserSession, CookieContentSecurity};
use actix_web::cookie::{Key, SameSite};
use actix_web::dev::Server;
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App as ActixApp, HttpServer, web};
use diesel::prelude::*;

use crate::auth::InstanceKey;
use crate::auth::password::{Cost, Hasher};
use crate::auth::session::{Seen, Store};
use crate::avatars::Maker;
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::db::Db;
use crate::db::schema::facts;
use crate::error::Error;
use crate::jobs::Background;
use crate::mail::{Carrier, Notices};
use crate::openid::Providers;
use crate::verification::Uses;
use crate::web::page::cookie_name;
use crate::web::{errors, front};
use crate::{routes, second_factor, setup};

/// The session cookie, before its `__Host-`.
pub const SESSION_COOKIE: &str = "keystead_session";

/// Everything that requests and jobs share.
pub struct Instance {
    /// The settings.
    pub config: Config,
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// Signs cookies and forms.
    pub key: InstanceKey,
    /// Hashes passwords, on threads of its own.
    pub hasher: Hasher,
    /// Sessions that were seen and not yet written.
    pub seen: Seen,
    /// Uses of tokens that are not yet written.
    pub uses: Uses,
    /// The way out of the outbox.
    pub carrier: Carrier,
    /// Writes notices about sign-ins.
    pub notices: Arc<Notices>,
    /// The providers with which people sign in.
    pub providers: Providers,
    /// Makes pictures of what people send.
    pub pictures: Maker,
    /// The `Host` headers that are answered.
    pub hosts: Vec<String>,
}

/// An application that listens.
pub struct App {
    /// What it shares.
    pub instance: Arc<Instance>,
    /// Where it listens, the port filled in.
    pub address: SocketAddr,
    /// To be awaited.
    pub server: Server,
    /// The way to `/setup`, while there is no administrator.
    pub setup_link: Option<String>,
    /// The jobs; they end when this is dropped.
    pub background: Background,
}

impl Instance {
    /// Opens the data folder, the key and the database.
    ///
    /// # Errors
    /// One line that says what to mend.
    pub fn open(config: Config, clock: Clock) -> anyhow::Result<Arc<Self>> {
        let named = |key: &str, error: &dyn std::fmt::Display| ConfigError(format!("{key}: {error}"));
        let folder = &config.data_dir;
        make_private_folder(folder).map_err(|error| {
            named(
                "data_dir",
                &format!(
                    "the folder {} cannot be made ({error}); mend its permissions, or name another",
                    folder.display()
                ),
            )
        })?;
        let key = InstanceKey::load_or_make(&config.key_file())
            .map_err(|error| named("secret_key_file", &format!("{error:#}")))?;
        let db = Db::open(&config.database()).map_err(|error| {
            // Not a ConfigError: a database that is down comes back, and whoever supervises the program may try again.
            anyhow::anyhow!("database_url: {}", format!("{error:#}").replace('\n', " "))
        })?;
        same_key(&db, &key).map_err(|error| named("secret_key_file", &error))?;
        let carrier = Carrier::of(&config)?;
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let hasher = Hasher::start(threads, Cost::default())?;
        let providers = Providers::of(&config).map_err(ConfigError)?;
        let hosts = hosts(&config);
        Ok(Arc::new(Self {
            db,
            clock,
            key,
            hasher,
            seen: Seen::default(),
            uses: Uses::default(),
            carrier,
            notices: Arc::new(Notices::of(&config)),
            providers,
            pictures: Maker::default(),
            hosts,
            config,
        }))
    }
}

/// Builds the application and binds its port.
///
/// # Errors
/// One line that says what to mend.
pub fn build(mut config: Config, clock: Clock) -> anyhow::Result<App> {
    let listener = listener(&config)?;
    let address = listener.local_addr()?;
    if config.listen.port() == 0 {
        config.listens_on(address.port());
    }
    let instance = Instance::open(config, clock)?;
    second_factor::reseal(&instance.db, &instance.key)?;
    let setup_link = setup::link(&instance)?;
    let shared = web::Data::from(Arc::clone(&instance));
    let cookies = Key::derive_from(&instance.key.derive("session cookie"));
    let (workers, drain) = (instance.config.workers, instance.config.drain_seconds);
    let for_workers = Arc::clone(&instance);
    let server = HttpServer::new(move || {
        let secure = for_workers.config.is_https();
        let sessions = SessionMiddleware::builder(Store(Arc::clone(&for_workers)), cookies.clone())
            .cookie_name(cookie_name(secure, SESSION_COOKIE))
            .cookie_secure(secure)
            .cookie_http_only(true)
            .cookie_same_site(SameSite::Lax)
            .cookie_path("/".to_owned())
            .cookie_content_security(CookieContentSecurity::Signed)
            .session_lifecycle(BrowserSession::default())
            .build();
        ActixApp::new()
            .app_data(shared.clone())
            .configure(routes::calls)
            .service(
                web::scope("")
                    .wrap(from_fn(front::pages))
                    .wrap(sessions)
                    // Static files come compressed already; the token in every form is masked against BREACH.
                    .wrap(Compress::default())
                    .configure(routes::api)
                    .configure(routes::pages)
                    .default_service(web::to(errors::not_found)),
            )
            .wrap(from_fn(front::front))
    })
    .workers(workers)
    .shutdown_timeout(drain)
    .client_request_timeout(Duration::from_secs(5))
    .client_disconnect_timeout(Duration::from_secs(5))
    .keep_alive(Duration::from_secs(15))
    .max_connections(10_000)
    .disable_signals()
    .listen(listener)?
    .run();
    let background = Background::start(&instance)?;
    Ok(App { instance, address, server, setup_link, background })
}

/// Takes the port.
///
/// # Errors
/// When something else has it, or it may not be taken.
pub fn listener(config: &Config) -> Result<std::net::TcpListener, ConfigError> {
    std::net::TcpListener::bind(config.listen).map_err(|error| {
        ConfigError(format!(
            "listen: {} cannot be used ({error}); stop whatever uses it, or name another address",
            config.listen
        ))
    })
}

/// Says whether an instance with these settings could start, and changes nothing: no folder, key or table is made.
///
/// # Errors
/// What `serve` would say.
pub fn check(config: &Config) -> anyhow::Result<()> {
    let folder = &config.data_dir;
    if folder.exists() && !folder.is_dir() {
        let why = format!("data_dir: {} is no folder; name another", folder.display());
        return Err(ConfigError(why).into());
    }
    let key = config.key_file();
    if key.exists() {
        InstanceKey::load_or_make(&key).map_err(|error| ConfigError(format!("secret_key_file: {error:#}")))?;
    }
    Db::reach(&config.database()).map_err(|error| anyhow::anyhow!("database_url: {error:#}"))
}

/// One database, one key: a node with another would know nobody's session and none of the forms that the others gave out.
/// A key that was put before the known one takes its place.
fn same_key(db: &Db, key: &InstanceKey) -> anyhow::Result<()> {
    const NAME: &str = "key fingerprint";
    let (ours, older) = (key.fingerprint(), key.older());
    let mine = ours.clone();
    let noted = db.write_here(move |tx| {
        let known = facts::table.find(NAME).select(facts::value).get_result::<String>(&mut **tx).optional()?;
        match known {
            None => {
                let row = (facts::name.eq(NAME), facts::value.eq(&mine));
                diesel::insert_into(facts::table).values(row).execute(&mut **tx)?;
            }
            Some(known) if older.contains(&known) => {
                diesel::update(facts::table.find(NAME)).set(facts::value.eq(&mine)).execute(&mut **tx)?;
            }
            Some(_) => {}
        }
        Ok(())
    });
    match noted {
        // Of two that start together on PostgreSQL, one inserts.
        Ok(()) | Err(Error::Taken(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let known: String = db.read_here(|tx| Ok(facts::table.find(NAME).select(facts::value).get_result(tx)?))?;
    anyhow::ensure!(
        known == ours,
        "this is not the key that the database was set up with; copy the key file of the first node, or from the backup"
    );
    Ok(())
}

/// The hosts that are answered: the base URL's; on a developer's own machine under each of its names.
fn hosts(config: &Config) -> Vec<String> {
    let port = config.base_url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let host = config.base_url.host_str().unwrap_or_default();
    let names: &[&str] = if matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
        &["localhost", "127.0.0.1", "[::1]"]
    } else {
        &[host]
    };
    names.iter().map(|name| format!("{name}{port}")).collect()
}

fn make_private_folder(folder: &PathBuf) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
