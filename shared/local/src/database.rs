//! The embedded database that records and queue share.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use resonare_jobs::ports::Unavailable;
use rusqlite::{Connection, Transaction, TransactionBehavior};

/// The tables of version 0.1, in which every database begins.
const FIRST_SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS jobs (
    run_id TEXT PRIMARY KEY,
    revision INTEGER NOT NULL,
    owner TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    finished INTEGER NOT NULL,
    record TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS jobs_of_owner ON jobs (owner, created_at DESC, run_id DESC);
CREATE TABLE IF NOT EXISTS idempotency_keys (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    run_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
    owner TEXT NOT NULL,
    day INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (owner, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL,
    visible_at INTEGER NOT NULL,
    receipt TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS messages_by_time ON messages (visible_at, id);
CREATE INDEX IF NOT EXISTS messages_by_receipt ON messages (receipt);
";

/// What each later version adds, in order. A database says in `user_version` how many it has had.
///
/// 1: when a job is due, counters of owners, reservations. Jobs that version 0.1 left unfinished are due
/// at once, and counted when they are looked at.
///
/// 2: a counter of jobs that wait for room.
const MIGRATIONS: [&str; 2] = [
    "
DROP INDEX IF EXISTS jobs_by_status;
DROP INDEX IF EXISTS jobs_of_owner_by_status;
DROP INDEX IF EXISTS jobs_by_expiry;
ALTER TABLE jobs ADD COLUMN due_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN is_deleted INTEGER NOT NULL DEFAULT 0;
UPDATE jobs SET due_at = expires_at WHERE finished = 1;
CREATE INDEX jobs_of_owner_by_status ON jobs (owner, status, created_at DESC, run_id DESC);
CREATE INDEX jobs_by_due ON jobs (due_at, run_id);
CREATE TABLE owners (
    owner TEXT PRIMARY KEY,
    active INTEGER NOT NULL,
    queued INTEGER NOT NULL,
    running INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE reservations (
    run_id TEXT PRIMARY KEY,
    due_at INTEGER NOT NULL,
    is_abandoned INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX reservations_by_due ON reservations (due_at, run_id);
",
    "
ALTER TABLE owners ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
",
];

/// The database can't be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// An error from `SQLite`.
    #[error("the database cannot be used")]
    Sqlite(#[from] rusqlite::Error),
    /// A record that neither this version nor an earlier one wrote.
    #[error("a record of the database cannot be read")]
    Record(#[from] serde_json::Error),
    /// A later version has changed its tables.
    #[error("the database was written by a later version of resonare; use that one")]
    TooNew,
}

/// Creates what a database does not have yet.
fn migrate(connection: &mut Connection) -> Result<(), DatabaseError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(FIRST_SCHEMA)?;
    let done: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let done = usize::try_from(done).unwrap_or(usize::MAX);
    let missing = MIGRATIONS.get(done..).ok_or(DatabaseError::TooNew)?;
    for migration in missing {
        transaction.execute_batch(migration)?;
    }
    note_version(&transaction)?;
    Ok(transaction.commit()?)
}

/// Writes how many migrations this version knows.
fn note_version(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let version = format!("PRAGMA user_version = {}", MIGRATIONS.len());
    transaction.execute_batch(&version)
}

/// An open database. Clones share it.
#[derive(Clone, Debug)]
pub struct Database(Arc<Mutex<Connection>>);

impl Database {
    /// Opens the database at `path`, or creates it.
    ///
    /// # Errors
    /// If it can't be opened, or is not a database.
    pub fn open(path: &Path) -> Result<Self, DatabaseError> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        // A write-ahead log, flushed at each commit: what was answered survives a power cut.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // What is removed is private: its bytes do not stay in free pages.
        connection.pragma_update(None, "secure_delete", "ON")?;
        migrate(&mut connection)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Writes, without changing anything, to find out whether that is possible.
    ///
    /// # Errors
    /// If it is not: the disk is full or read-only, or another process holds the database.
    pub async fn check_writable(&self) -> Result<(), Unavailable> {
        let write = |transaction: &Transaction<'_>| Ok(note_version(transaction)?);
        self.run("records", write).await
    }

    /// Moves what was written into the database's file and empties the log, in which what was removed
    /// would stay.
    ///
    /// # Errors
    /// If the database can't be used.
    pub async fn tidy(&self) -> Result<(), Unavailable> {
        let database = self.clone();
        let tidy = move || {
            let connection = database.0.lock().unwrap_or_else(PoisonError::into_inner);
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        };
        match tokio::task::spawn_blocking(tidy).await {
            Ok(result) => result.map_err(|cause| unavailable("records", cause)),
            Err(cause) => Err(unavailable("records", cause)),
        }
    }

    /// Runs `action` in a transaction, away from async code.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        port: &'static str,
        action: impl FnOnce(&Transaction<'_>) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let database = self.clone();
        let run = move || {
            let mut connection = database.0.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = action(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        match tokio::task::spawn_blocking(run).await {
            Ok(result) => result.map_err(|cause: DatabaseError| unavailable(port, cause)),
            Err(cause) => Err(unavailable(port, cause)),
        }
    }
}

fn unavailable(
    port: &'static str,
    cause: impl std::error::Error + Send + Sync + 'static,
) -> Unavailable {
    Unavailable {
        port,
        cause: Box::new(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whether_it_can_be_written_is_found_out_by_writing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs.sqlite");
        let database = Database::open(&path).unwrap();
        database.tidy().await.unwrap();
        let log = || std::fs::metadata(folder.path().join("jobs.sqlite-wal")).unwrap();
        assert_eq!(log().len(), 0);
        database.check_writable().await.unwrap();
        assert!(log().len() > 0, "it wrote");
        Database::open(&path).unwrap();

        {
            let connection = database.0.lock().unwrap();
            connection.pragma_update(None, "query_only", true).unwrap();
        }
        database.check_writable().await.unwrap_err();
    }
}
