//! How many jobs and messages there are, for those who watch the service.

use std::collections::HashMap;

use jiff::Timestamp;
use resonare_jobs::JobStatus;
use resonare_jobs::ports::Unavailable;
use rusqlite::Transaction;

use crate::database::{Database, DatabaseError};

/// The jobs and messages of a service, counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Census {
    /// How many jobs are in each state.
    pub jobs: [(JobStatus, u64); JobStatus::ALL.len()],
    /// When the oldest queued job was created.
    pub oldest_queued: Option<Timestamp>,
    /// Messages in the queue, hidden ones included.
    pub messages: u64,
}

impl Census {
    /// How many jobs are in a state.
    pub fn count(&self, wanted: JobStatus) -> u64 {
        let mut jobs = self.jobs.iter();
        jobs.find(|(status, _)| *status == wanted)
            .map_or(0, |(_, count)| *count)
    }

    /// Counts what is in a database. An index answers, without reading the jobs: 100,000 of them take a tenth of
    /// a second.
    ///
    /// # Errors
    /// If the database can't be used.
    pub async fn take(database: &Database) -> Result<Self, Unavailable> {
        database.run("records", take).await
    }
}

fn take(transaction: &Transaction<'_>) -> Result<Census, DatabaseError> {
    const QUERY: &str = "SELECT status, count(*), min(created_at) \
        FROM jobs INDEXED BY jobs_of_owner_by_status GROUP BY status";
    let mut counts: HashMap<String, (u64, i64)> = HashMap::new();
    let mut statement = transaction.prepare_cached(QUERY)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        counts.insert(row.get(0)?, (number(row.get(1)?), row.get(2)?));
    }
    let messages = transaction.query_row("SELECT count(*) FROM messages", [], |row| row.get(0))?;
    let oldest = counts.get(JobStatus::Queued.name());
    let oldest_queued = oldest.and_then(|(_, micros)| Timestamp::from_microsecond(*micros).ok());
    let of_status = |status: JobStatus| counts.get(status.name()).map_or(0, |(count, _)| *count);
    Ok(Census {
        jobs: JobStatus::ALL.map(|status| (status, of_status(status))),
        oldest_queued,
        messages: number(messages),
    })
}

fn number(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}
