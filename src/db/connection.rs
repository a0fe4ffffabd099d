//! Connections: which engine, how each is set up, and when one is of no more use.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use diesel::connection::SimpleConnection;
use diesel::connection::TransactionManager;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::{Connection as _, PgConnection, RunQueryDsl, SqliteConnection};

/// The engines that Keystead runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file inside the data folder; one process.
    Sqlite,
    /// A server; any number of processes.
    Postgres,
}

impl Engine {
    /// The engine that a database URL names.
    ///
    /// # Errors
    /// When the URL begins with neither `sqlite:` nor `postgres:`.
    pub fn of(url: &str) -> anyhow::Result<Self> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Ok(Self::Sqlite),
            Some("postgres" | "postgresql") => Ok(Self::Postgres),
            _ => bail!("it begins with neither \"sqlite:\" nor \"postgres://\""),
        }
    }
}

/// A connection to either engine. Queries are written once, against this.
#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    /// To the SQLite file.
    Sqlite(SqliteConnection),
    /// To a PostgreSQL server.
    Postgres(PgConnection),
}

/// Every SQLite connection: wait for a lock, keep foreign keys, trust no function named in the schema, overwrite what is
/// deleted (an erased person leaves no bytes behind), and sync each commit before it is acknowledged.
const SQLITE: &str = "PRAGMA busy_timeout = 2500; PRAGMA synchronous = FULL; \
    PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA secure_delete = ON; PRAGMA cache_size = -16000;";

/// Every PostgreSQL connection: nothing may wait for ever.
const POSTGRES: &str = "SET statement_timeout = '5s'; SET lock_timeout = '3s'; \
    SET idle_in_transaction_session_timeout = '10s';";

/// Opens one connection.
///
/// # Errors
/// When the file or server can't be reached; the message names it without its password.
pub fn establish(engine: Engine, url: &str, read_only: bool) -> anyhow::Result<AnyConnection> {
    match engine {
        Engine::Sqlite => {
            let file = url.strip_prefix("sqlite:").unwrap_or(url);
            let mut connection =
                SqliteConnection::establish(file).with_context(|| format!("opening the database file {file}"))?;
            connection.batch_execute(SQLITE).with_context(|| format!("setting up the database file {file}"))?;
            if read_only {
                connection.batch_execute("PRAGMA query_only = ON")?;
            } else {
                write_ahead(&mut connection).with_context(|| format!("setting up the database file {file}"))?;
            }
            Ok(AnyConnection::Sqlite(connection))
        }
        Engine::Postgres => {
            let mut connection = PgConnection::establish(&with_defaults(url)).context("connecting to PostgreSQL")?;
            connection.batch_execute(POSTGRES).context("setting up the PostgreSQL connection")?;
            Ok(AnyConnection::Postgres(connection))
        }
    }
}

/// Turns the write-ahead log on, for good: the file remembers. SQLite does not wait for a busy file here, whatever the busy
/// timeout says, so two processes that start at the same moment would meet "database is locked".
fn write_ahead(connection: &mut SqliteConnection) -> diesel::QueryResult<()> {
    let begun = Instant::now();
    loop {
        match connection.batch_execute("PRAGMA journal_mode = WAL") {
            Err(error) if error.to_string().contains("locked") && begun.elapsed() < Duration::from_secs(10) => {
                std::thread::sleep(Duration::from_millis(20));
            }
            outcome => return outcome,
        }
    }
}

/// Where systems keep the certificates that they trust; the OpenSSL inside the binary does not know.
const TRUSTED: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Gives libpq what the operator did not set: limits, to connect and to notice a dead peer; and for a server on another
/// machine TLS with its name checked, since libpq by itself would do without when asked to.
fn with_defaults(url: &str) -> String {
    let Ok(mut parsed) = url::Url::parse(url) else {
        return url.to_owned();
    };
    let host = parsed.query_pairs().find(|(key, _)| key == "host").map(|(_, host)| host.into_owned());
    let host = host.or_else(|| parsed.host_str().map(str::to_owned)).unwrap_or_default();
    let is_near =
        host.is_empty() || host.starts_with('/') || matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
    if !is_near && !parsed.query_pairs().any(|(key, _)| key == "sslmode") {
        parsed.query_pairs_mut().append_pair("sslmode", "verify-full");
        if let Some(bundle) =
            TRUSTED.iter().find(|file| std::path::Path::new(file).exists()).filter(|_| !url.contains("sslrootcert="))
        {
            parsed.query_pairs_mut().append_pair("sslrootcert", bundle);
        }
    }
    for (key, value) in [
        ("connect_timeout", "3"),
        ("keepalives_idle", "10"),
        ("tcp_user_timeout", "10000"),
        ("target_session_attrs", "read-write"),
        ("application_name", "keystead"),
    ] {
        if !parsed.query_pairs().any(|(present, _)| present == key) {
            parsed.query_pairs_mut().append_pair(key, value);
        }
    }
    parsed.into()
}

/// Whether a failure means that the connection should not be used again.
pub fn is_fatal(error: &DieselError) -> bool {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::ReadOnlyTransaction, _)
        | DieselError::BrokenTransactionManager => true,
        DieselError::DatabaseError(DatabaseErrorKind::Unknown | DatabaseErrorKind::UnableToSendCommand, info) => {
            let message = info.message();
            [
                "server closed the connection",
                "no connection to the server",
                "terminating connection",
                "could not receive data",
            ]
            .iter()
            .any(|sign| message.contains(sign))
        }
        _ => false,
    }
}

/// A connection in the pool, and what is known of its health.
pub struct Pooled {
    pub(super) connection: AnyConnection,
    pub(super) dead: bool,
    checked: Instant,
}

/// Makes connections for r2d2 and judges them.
pub struct Manager {
    engine: Engine,
    url: String,
    read_only: bool,
}

impl Manager {
    pub(super) fn new(engine: Engine, url: &str, read_only: bool) -> Self {
        Self { engine, url: url.to_owned(), read_only }
    }
}

impl r2d2::ManageConnection for Manager {
    type Connection = Pooled;
    type Error = std::io::Error;

    fn connect(&self) -> Result<Pooled, Self::Error> {
        let connection = establish(self.engine, &self.url, self.read_only)
            .map_err(|error| std::io::Error::other(format!("{error:#}")))?;
        Ok(Pooled { connection, dead: false, checked: Instant::now() })
    }

    /// Free for a connection that was in use a moment ago; one that rested is asked whether it still may write, since
    /// after a failover an old primary answers `SELECT 1` and refuses every change.
    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), Self::Error> {
        if self.engine == Engine::Postgres && pooled.checked.elapsed() > Duration::from_secs(1) {
            let answer = diesel::select(diesel::dsl::sql::<diesel::sql_types::Bool>("NOT pg_is_in_recovery()"))
                .get_result::<bool>(&mut pooled.connection)
                .map_err(std::io::Error::other)?;
            if !answer {
                return Err(std::io::Error::other("the server became read-only"));
            }
            pooled.checked = Instant::now();
        }
        Ok(())
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        pooled.dead || std::thread::panicking() || AnyConnection::is_broken_transaction_manager(&mut pooled.connection)
    }
}
