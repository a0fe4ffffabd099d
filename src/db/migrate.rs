//! Bringing the tables up to date, once, whoever starts first.

use anyhow::{Context, anyhow, bail};
use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Connection, transaction};
use crate::error::Error;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Any constant will do, as long as every version of Keystead takes the same one.
const LOCK: i64 = 0x6b65_7973_7465_6164;

/// Applies what is pending, in one transaction and under a lock, so that two processes that start together on an empty
/// database don't both try, and a failure leaves everything as it was.
///
/// # Errors
/// When a step fails, or the database knows steps that this version doesn't.
pub fn run(connection: &mut Connection) -> anyhow::Result<()> {
    let steps = match connection {
        Connection::Sqlite(_) => SQLITE,
        Connection::Postgres(_) => POSTGRES,
    };
    let mut trouble = None;
    let outcome = transaction(connection, |tx| {
        if let Connection::Postgres(_) = **tx {
            let lock = format!(
                "SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock({LOCK})"
            );
            tx.batch_execute(&lock)?;
        }
        apply(tx, steps).map_err(|error| {
            trouble = Some(error);
            Error::Unavailable("migration failed")
        })
    });
    match (outcome, trouble) {
        (_, Some(error)) => Err(error),
        (Err(error), None) => Err(anyhow!(error)).context("migrating the database"),
        (Ok(()), None) => Ok(()),
    }
}

fn apply(connection: &mut Connection, steps: EmbeddedMigrations) -> anyhow::Result<()> {
    let known: Vec<String> = MigrationSource::<<Connection as diesel::Connection>::Backend>::migrations(&steps)
        .map_err(|error| anyhow!(error))?
        .iter()
        .map(|step| step.name().version().to_string())
        .collect();
    let applied =
        connection.applied_migrations().map_err(|error| anyhow!(error)).context("reading which migrations ran")?;
    if let Some(newer) = applied.iter().find(|version| !known.contains(&version.to_string())) {
        bail!(
            "the database was written by a newer version of Keystead (migration {newer}); start that version, or restore a backup"
        );
    }
    for step in
        connection.run_pending_migrations(steps).map_err(|error| anyhow!(error)).context("migrating the database")?
    {
        tracing::info!(migration = %step, "database migrated");
    }
    Ok(())
}
