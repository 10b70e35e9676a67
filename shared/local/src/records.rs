//! Records of jobs in the embedded database, the counters of their owners, and reservations.

mod statements;

use async_trait::async_trait;
use jiff::Timestamp;
use resonare_jobs::ports::{
    AdmissionOutcome, Creation, CreationOutcome, DuePage, JobStore, KeyedRun, Page, Unavailable,
    WriteOutcome,
};
use resonare_jobs::{JobRecord, JobStatus, Limits, Owner, RunId, Tally};
use rusqlite::{OptionalExtension as _, Transaction, params};

use crate::database::Database;
use statements::{
    Listing, bound, charge, count, counters, create, due, exists, integer, list, parse, write_over,
    written,
};

const PORT: &str = "records";

/// Records in a [`Database`].
#[derive(Clone, Debug)]
pub struct SqliteJobStore(Database);

impl SqliteJobStore {
    /// The records of this database.
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// Makes every unfinished job and every reservation due that an earlier process left. Only for a
    /// service with a single process.
    ///
    /// # Errors
    /// If the database can't be used.
    pub async fn recover(&self, now: Timestamp) -> Result<(), Unavailable> {
        let now = now.as_microsecond();
        let recover = move |transaction: &Transaction<'_>| {
            transaction.execute(
                "UPDATE jobs SET due_at = min(due_at, ?1) WHERE finished = 0",
                [now],
            )?;
            transaction.execute("UPDATE reservations SET due_at = min(due_at, ?1)", [now])?;
            Ok(())
        };
        self.0.run(PORT, recover).await
    }
}

#[async_trait]
impl JobStore for SqliteJobStore {
    async fn reserve(&self, run_id: RunId, due_at: Timestamp) -> Result<(), Unavailable> {
        let reserve = move |transaction: &Transaction<'_>| {
            transaction.execute(
                "INSERT OR REPLACE INTO reservations VALUES (?1, ?2, 0)",
                params![run_id.to_string(), due_at.as_microsecond()],
            )?;
            Ok(())
        };
        self.0.run(PORT, reserve).await
    }

    async fn abandon(&self, run_id: RunId) -> Result<WriteOutcome, Unavailable> {
        let abandon = move |transaction: &Transaction<'_>| {
            let rows = transaction.execute(
                "UPDATE reservations SET is_abandoned = 1 WHERE run_id = ?1",
                [run_id.to_string()],
            )?;
            Ok(written(rows))
        };
        self.0.run(PORT, abandon).await
    }

    async fn release(&self, run_id: RunId) -> Result<(), Unavailable> {
        let release = move |transaction: &Transaction<'_>| {
            transaction.execute(
                "DELETE FROM reservations WHERE run_id = ?1",
                [run_id.to_string()],
            )?;
            Ok(())
        };
        self.0.run(PORT, release).await
    }

    async fn create(&self, creation: Creation<'_>) -> Result<CreationOutcome, Unavailable> {
        let (record, key) = (creation.record.clone(), creation.key.cloned());
        let (limits, reserved) = (creation.limits, creation.reserved);
        let create = move |transaction: &Transaction<'_>| {
            let creation = Creation {
                record: &record,
                key: key.as_ref(),
                limits,
                reserved,
            };
            create(transaction, creation)
        };
        self.0.run(PORT, create).await
    }

    async fn run_of_key(
        &self,
        owner: &Owner,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<KeyedRun>, Unavailable> {
        let (owner, key) = (owner.clone(), key.to_owned());
        let find = move |transaction: &Transaction<'_>| bound(transaction, &owner, &key, now);
        self.0.run(PORT, find).await
    }

    async fn get(&self, run_id: RunId) -> Result<Option<JobRecord>, Unavailable> {
        let get = move |transaction: &Transaction<'_>| {
            let mut statement =
                transaction.prepare_cached("SELECT record FROM jobs WHERE run_id = ?1")?;
            let text: Option<String> = statement
                .query_row([run_id.to_string()], |row| row.get(0))
                .optional()?;
            text.map(|text| parse(&text)).transpose()
        };
        self.0.run(PORT, get).await
    }

    async fn replace(
        &self,
        before: &JobRecord,
        after: &JobRecord,
    ) -> Result<WriteOutcome, Unavailable> {
        let change = after.tally() - before.tally();
        let after = after.clone();
        let replace = move |transaction: &Transaction<'_>| {
            let written = write_over(transaction, &after)?;
            if written == WriteOutcome::Done {
                count(transaction, &after.owner, change)?;
            }
            Ok(written)
        };
        self.0.run(PORT, replace).await
    }

    async fn admit(
        &self,
        before: &JobRecord,
        after: &JobRecord,
        limits: Limits,
    ) -> Result<AdmissionOutcome, Unavailable> {
        let change = after.tally() - before.tally();
        let (before, after) = (before.clone(), after.clone());
        let admit = move |transaction: &Transaction<'_>| {
            let unchanged = "SELECT 1 FROM jobs WHERE run_id = ?1 AND revision = ?2";
            let parameters = params![before.run_id.to_string(), integer(before.revision)];
            if !transaction.prepare_cached(unchanged)?.exists(parameters)? {
                return Ok(AdmissionOutcome::Conflict);
            }
            if let Some(limit) = charge(transaction, &after, limits)? {
                return Ok(AdmissionOutcome::Refused(limit));
            }
            write_over(transaction, &after)?;
            count(transaction, &after.owner, change)?;
            Ok(AdmissionOutcome::Done)
        };
        self.0.run(PORT, admit).await
    }

    async fn remove(&self, record: &JobRecord) -> Result<WriteOutcome, Unavailable> {
        let record = record.clone();
        let remove = move |transaction: &Transaction<'_>| {
            let run_id = record.run_id.to_string();
            let removed = transaction.execute(
                "DELETE FROM jobs WHERE run_id = ?1 AND revision = ?2",
                params![run_id, integer(record.revision)],
            )?;
            if removed == 1 {
                let change = Tally::default() - record.tally();
                count(transaction, &record.owner, change)?;
            } else if exists(
                transaction,
                "SELECT 1 FROM jobs WHERE run_id = ?1",
                record.run_id,
            )? {
                return Ok(WriteOutcome::Conflict);
            }
            transaction.execute("DELETE FROM idempotency_keys WHERE run_id = ?1", [&run_id])?;
            Ok(WriteOutcome::Done)
        };
        self.0.run(PORT, remove).await
    }

    async fn list(
        &self,
        owner: &Owner,
        status: Option<JobStatus>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page, Unavailable> {
        let listing = Listing {
            owner: owner.clone(),
            status,
            cursor: cursor.map(str::to_owned),
            limit,
        };
        let list = move |transaction: &Transaction<'_>| list(transaction, &listing);
        self.0.run(PORT, list).await
    }

    async fn due(
        &self,
        now: Timestamp,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<DuePage, Unavailable> {
        let (now, cursor) = (now.as_microsecond(), cursor.map(str::to_owned));
        let due = move |transaction: &Transaction<'_>| {
            transaction.execute("DELETE FROM idempotency_keys WHERE expires_at <= ?1", [now])?;
            due(transaction, now, cursor.as_deref(), limit)
        };
        self.0.run(PORT, due).await
    }

    async fn counters(&self, owner: &Owner) -> Result<Tally, Unavailable> {
        let owner = owner.clone();
        let find = move |transaction: &Transaction<'_>| counters(transaction, &owner);
        self.0.run(PORT, find).await
    }

    async fn oldest_queued(
        &self,
        owner: &Owner,
        limit: usize,
    ) -> Result<Vec<(Timestamp, RunId)>, Unavailable> {
        let owner = owner.0.clone();
        let list = move |transaction: &Transaction<'_>| {
            let query = "SELECT created_at, run_id FROM jobs WHERE owner = ?1 AND status = ?2 \
                 ORDER BY created_at, run_id LIMIT ?3";
            let mut statement = transaction.prepare_cached(query)?;
            let parameters = params![owner, JobStatus::Queued.name(), integer(limit as u64)];
            let rows = statement.query_map(parameters, |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
            })?;
            let mut runs = Vec::new();
            for row in rows {
                let (created_at, run_id) = row?;
                let created_at = Timestamp::from_microsecond(created_at).ok();
                runs.extend(created_at.zip(run_id.parse::<RunId>().ok()));
            }
            Ok(runs)
        };
        self.0.run(PORT, list).await
    }
}
