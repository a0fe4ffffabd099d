//! The database: one handle for both engines, and the only two ways to use it.
//!
//! [`Db::read`] and [`Db::write`] hide where the work runs. A SQLite read takes microseconds and runs in the caller's
//! own thread, since a hop would cost more than the read; SQLite writes go one after another to one writer thread.
//! PostgreSQL blocks on the network and runs on the blocking pool.

mod connection;
mod migrate;
#[expect(missing_docs, reason = "generated; migrations/ documents the tables")]
pub mod schema;

use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use tokio::sync::oneshot;

pub use connection::{AnyConnection as Connection, Engine};
use connection::{Manager, Pooled};

use crate::error::{Error, Result};

/// How long a request waits for a connection or for its turn to write before it answers 503.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many writes may wait for the SQLite writer.
const WRITE_QUEUE: usize = 512;

/// Runs a query on whichever connection it is, chosen before the query is built. For the few hot ones: through the enum,
/// diesel writes the SQL text anew at every call, though the prepared statement is there already.
///
/// For a look-up by a unique key use `get_result`, not `first`: `first` binds a LIMIT, and SQLite prepares a statement with
/// a bound LIMIT anew each time.
macro_rules! on {
    ($connection:expr, $c:ident => $query:expr) => {
        match $connection {
            $crate::db::Connection::Sqlite($c) => $query,
            $crate::db::Connection::Postgres($c) => $query,
        }
    };
}
pub(crate) use on;

/// A write transaction. Holding one is the only way to call a verb that changes something.
pub struct Tx<'c>(&'c mut Connection);

impl std::ops::Deref for Tx<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0
    }
}

impl std::ops::DerefMut for Tx<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        self.0
    }
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The database of this instance; cheap to clone.
#[derive(Clone)]
pub struct Db {
    engine: Engine,
    readers: r2d2::Pool<Manager>,
    writer: Option<SyncSender<Job>>,
}

impl Db {
    /// Opens the database at `url` (`sqlite:FILE`, or `postgres://…`), and brings its tables up to date.
    ///
    /// # Errors
    /// When it cannot be reached or migrated, or was written by a newer version.
    pub fn open(url: &str) -> anyhow::Result<Self> {
        let engine = Engine::of(url)?;
        let mut first = connection::establish(engine, url, false)
            .map_err(|error| anyhow::anyhow!("{error:#}; check that it is right and can be reached"))?;
        migrate::run(&mut first)?;
        let readers = r2d2::Pool::builder()
            .max_size(10)
            // No spare PostgreSQL connection is opened behind one's back: a command that ends while one is being opened would
            // meet OpenSSL cleaning up under it.
            .min_idle(Some(if engine == Engine::Sqlite { 2 } else { 0 }))
            .test_on_check_out(true)
            .connection_timeout(PATIENCE)
            .error_handler(Box::new(r2d2::NopErrorHandler))
            .build(Manager::new(engine, url, engine == Engine::Sqlite))?;
        let writer = match engine {
            Engine::Sqlite => Some(start_writer(first)?),
            Engine::Postgres => None,
        };
        Ok(Self { engine, readers, writer })
    }

    /// Whether the database at `url` can be reached. A SQLite file that is not there yet will be made.
    ///
    /// # Errors
    /// Why not.
    pub fn reach(url: &str) -> anyhow::Result<()> {
        let engine = Engine::of(url)?;
        let file = url.strip_prefix("sqlite:").map(std::path::Path::new);
        if let Some(file) = file.filter(|file| !file.exists()) {
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
            // The data folder is made at the start; any other must be there.
            anyhow::ensure!(
                folder.is_none_or(|folder| folder.exists() || file.ends_with("keystead.sqlite")),
                "the folder of {} is not there; make it, or name another",
                file.display()
            );
            return Ok(());
        }
        connection::establish(engine, url, true).map(drop).map_err(|error| {
            anyhow::anyhow!("{}; check that it is right and can be reached", format!("{error:#}").replace('\n', " "))
        })
    }

    /// Which engine this is.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Reads. What it sees is committed.
    ///
    /// # Errors
    /// What `work` returns, or [`Error::Unavailable`] when no connection was free in time.
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    {
        match self.engine {
            Engine::Sqlite => self.read_here(work),
            Engine::Postgres => {
                let db = self.clone();
                hop(move || db.read_here(work)).await
            }
        }
    }

    /// Reads in this thread.
    ///
    /// # Errors
    /// As [`Db::read`].
    pub fn read_here<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        let mut pooled = self.connection()?;
        pooled.watch(work)
    }

    /// Changes something: one transaction, kept whole or not at all.
    ///
    /// # Errors
    /// What `work` returns (and then nothing was changed), or [`Error::Unavailable`] when its turn did not come in time.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let Some(writer) = &self.writer else {
            let db = self.clone();
            return hop(move || db.write_here(work)).await;
        };
        let (answer, answered) = oneshot::channel::<Result<T>>();
        queue(writer, move |turn| {
            // Whoever asked may have gone; then nothing is begun that nobody would hear of.
            if !answer.is_closed() {
                drop(answer.send(turn.take(work)));
            }
        })?;
        answered.await.map_err(|_| Error::Unavailable("the database writer stopped"))?
    }

    /// Changes something, from a thread that may wait: the command line and the jobs.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub fn write_here<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let Some(writer) = &self.writer else {
            let mut pooled = self.connection()?;
            return pooled.watch(|connection| transaction(connection, work));
        };
        let (answer, answered) = std::sync::mpsc::channel();
        queue(writer, move |turn| drop(answer.send(turn.take(work))))?;
        answered.recv().map_err(|_| Error::Unavailable("the database writer stopped"))?
    }

    /// Writes the write-ahead log back into the SQLite file, so that the file alone is the whole database once the program
    /// has stopped. PostgreSQL sees to its own.
    ///
    /// # Errors
    /// When a reader of another process is in the way; then nothing is lost, and the log stays beside the file.
    pub fn settle(&self) -> Result<()> {
        let Some(writer) = &self.writer else { return Ok(()) };
        let (answer, answered) = std::sync::mpsc::channel();
        let job: Job = Box::new(move |connection| {
            use diesel::connection::SimpleConnection;
            drop(answer.send(connection.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")));
        });
        writer.send(job).map_err(|_| Error::Unavailable("the database writer stopped"))?;
        Ok(answered.recv().map_err(|_| Error::Unavailable("the database writer stopped"))??)
    }

    fn connection(&self) -> Result<r2d2::PooledConnection<Manager>> {
        self.readers.get().map_err(|error| {
            tracing::warn!(%error, "no database connection");
            Error::Unavailable("no database connection was free")
        })
    }
}

impl Pooled {
    /// Runs `work`, and remembers when its failure says that this connection is of no more use.
    fn watch<T>(&mut self, work: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        let outcome = work(&mut self.connection);
        if let Err(Error::Database(error)) = &outcome {
            self.dead |= connection::is_fatal(error);
        }
        outcome
    }
}

/// One's turn at the writer.
struct Turn<'c> {
    connection: &'c mut Connection,
    came_too_late: bool,
}

impl Turn<'_> {
    fn take<T>(self, work: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        if self.came_too_late {
            return Err(Error::Unavailable("the turn to write came too late"));
        }
        transaction(self.connection, work)
    }
}

fn queue(writer: &SyncSender<Job>, work: impl FnOnce(Turn<'_>) + Send + 'static) -> Result<()> {
    let queued = Instant::now();
    let job: Job = Box::new(move |connection| {
        let came_too_late = queued.elapsed() > PATIENCE;
        work(Turn { connection, came_too_late });
    });
    writer.try_send(job).map_err(|error| match error {
        TrySendError::Full(_) => Error::Unavailable("too many writes are waiting"),
        TrySendError::Disconnected(_) => Error::Unavailable("the database writer stopped"),
    })
}

fn start_writer(mut connection: Connection) -> anyhow::Result<SyncSender<Job>> {
    let (sender, jobs) = sync_channel::<Job>(WRITE_QUEUE);
    std::thread::Builder::new().name("db-writer".into()).spawn(move || {
        for job in jobs {
            // A panicking verb answers nobody (its caller sees the dropped channel) and must not end the writer.
            let survived = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(&mut connection)));
            if survived.is_err() {
                tracing::error!("a write panicked; it was rolled back");
                drop(Connection::rollback_transaction(&mut connection));
            }
        }
    })?;
    Ok(sender)
}

/// Runs `work` in one transaction that holds the write lock from its start.
///
/// SQLite must begin IMMEDIATE: a transaction that reads first and then writes fails at once when another writer came
/// between, whatever the busy timeout says.
fn transaction<T>(connection: &mut Connection, work: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
    match connection {
        Connection::Sqlite(sqlite) => AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN IMMEDIATE")?,
        Connection::Postgres(_) => Connection::begin_transaction(connection)?,
    }
    match work(&mut Tx(connection)) {
        Ok(done) => {
            Connection::commit_transaction(connection)?;
            Ok(done)
        }
        Err(error) => {
            Connection::rollback_transaction(connection)?;
            Err(error)
        }
    }
}

async fn hop<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        if error.is_panic() {
            Error::Internal("database work panicked".to_owned())
        } else {
            Error::Unavailable("stopping")
        }
    })?
}
