//! Records of jobs in the embedded database.

use async_trait::async_trait;
use jiff::Timestamp;
use resonare_jobs::ports::{
    Created, IdempotencyKey, JobStore, KeyedRun, Page, Unavailable, Written,
};
use resonare_jobs::{JobRecord, JobStatus, Owner, RunId};
use rusqlite::{OptionalExtension as _, Row, ToSql, Transaction, params};

use crate::database::{Database, DatabaseError};

const PORT: &str = "records";

/// Records in a [`Database`].
#[derive(Clone, Debug)]
pub struct SqliteJobStore(Database);

impl SqliteJobStore {
    /// The records of this database.
    pub fn new(database: Database) -> Self {
        Self(database)
    }
}

fn written(rows: usize) -> Written {
    if rows == 1 {
        Written::Done
    } else {
        Written::Conflict
    }
}

/// `SQLite`'s integers are signed; revisions and sizes are far below the difference.
fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn parse(json: &str) -> Result<JobRecord, DatabaseError> {
    Ok(serde_json::from_str(json)?)
}

fn write(
    transaction: &Transaction<'_>,
    statement: &str,
    record: &JobRecord,
) -> Result<Written, DatabaseError> {
    let json = serde_json::to_string(record)?;
    let rows = transaction.prepare_cached(statement)?.execute(params![
        record.run_id.to_string(),
        integer(record.revision),
        record.owner.0,
        record.status.name(),
        record.created_at.as_microsecond(),
        record.expires_at.as_microsecond(),
        record.status.is_finished(),
        json,
    ])?;
    Ok(written(rows))
}

/// The records of a query, newest first, from behind the cursor on. Its last two parameters are the
/// cursor's time and run.
fn page(
    transaction: &Transaction<'_>,
    condition: &str,
    parameters: &[&dyn ToSql],
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page, DatabaseError> {
    let (time, run_id) = cursor
        .and_then(|cursor| cursor.split_once('_'))
        .and_then(|(time, run_id)| Some((time.parse::<i64>().ok()?, run_id.to_owned())))
        .unwrap_or((i64::MAX, "~".to_owned()));
    let count = parameters.len();
    let query = format!(
        "SELECT record FROM jobs WHERE {condition} AND (created_at, run_id) < (?{}, ?{}) \
         ORDER BY created_at DESC, run_id DESC LIMIT ?{}",
        count + 1,
        count + 2,
        count + 3
    );
    let wanted = integer(limit as u64).saturating_add(1);
    let mut all = parameters.to_vec();
    all.extend([&time as &dyn ToSql, &run_id, &wanted]);
    let mut statement = transaction.prepare_cached(&query)?;
    let texts = statement.query_map(&all[..], |row: &Row<'_>| row.get::<_, String>(0))?;
    let mut records = Vec::new();
    let mut count = 0;
    for text in texts {
        count += 1;
        match parse(&text?) {
            Ok(record) => records.push(record),
            // One bad record does not hide the others.
            Err(error) => tracing::error!("a record is passed over: {error}"),
        }
    }
    let more = count > limit;
    records.truncate(limit);
    let place =
        |record: &JobRecord| format!("{}_{}", record.created_at.as_microsecond(), record.run_id);
    let next = records.last().filter(|_| more).map(place);
    Ok(Page { records, next })
}

/// The run that a key stands for at a moment.
fn bound(
    transaction: &Transaction<'_>,
    owner: &Owner,
    key: &str,
    now: Timestamp,
) -> Result<Option<KeyedRun>, DatabaseError> {
    let query = "SELECT run_id, fingerprint FROM idempotency_keys \
        WHERE owner = ?1 AND key = ?2 AND expires_at > ?3";
    let found: Option<(String, String)> = transaction
        .prepare_cached(query)?
        .query_row(params![owner.0, key, now.as_microsecond()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    Ok(found.and_then(|(run_id, fingerprint)| {
        Some(KeyedRun {
            run_id: run_id.parse().ok()?,
            fingerprint,
        })
    }))
}

/// The unfinished jobs of an owner.
fn active(transaction: &Transaction<'_>, owner: &Owner) -> Result<usize, DatabaseError> {
    let query = "SELECT count(*) FROM jobs WHERE owner = ?1 AND status IN (?2, ?3, ?4)";
    let active = JobStatus::ALL
        .into_iter()
        .filter(|status| status.is_active());
    let names: Vec<_> = active.map(JobStatus::name).collect();
    let count: i64 = transaction
        .prepare_cached(query)?
        .query_row(params![owner.0, names[0], names[1], names[2]], |row| {
            row.get(0)
        })?;
    Ok(usize::try_from(count).unwrap_or_default())
}

#[async_trait]
impl JobStore for SqliteJobStore {
    async fn create(
        &self,
        record: &JobRecord,
        key: Option<&IdempotencyKey>,
        active_limit: usize,
    ) -> Result<Created, Unavailable> {
        const STATEMENT: &str = "INSERT INTO jobs (run_id, revision, owner, status, created_at, \
            expires_at, finished, record) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
            ON CONFLICT DO NOTHING";
        let (record, key) = (record.clone(), key.cloned());
        let create = move |transaction: &Transaction<'_>| {
            if let Some(key) = &key
                && let Some(run) = bound(transaction, &record.owner, &key.key, record.created_at)?
                && run.run_id != record.run_id
            {
                return Ok(Created::Before(run));
            }
            if record.status.is_active() && active(transaction, &record.owner)? >= active_limit {
                return Ok(Created::TooMany);
            }
            if write(transaction, STATEMENT, &record)? == Written::Conflict {
                return Ok(Created::Conflict);
            }
            if let Some(key) = key {
                transaction.execute(
                    "INSERT OR REPLACE INTO idempotency_keys VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![
                        record.owner.0,
                        key.key,
                        record.run_id.to_string(),
                        key.fingerprint,
                        key.expires_at.as_microsecond()
                    ],
                )?;
            }
            Ok(Created::Done)
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

    async fn replace(&self, record: &JobRecord) -> Result<Written, Unavailable> {
        const STATEMENT: &str = "UPDATE jobs SET revision = ?2, owner = ?3, status = ?4, \
            created_at = ?5, expires_at = ?6, finished = ?7, record = ?8 \
            WHERE run_id = ?1 AND revision = ?2 - 1";
        let record = record.clone();
        self.0
            .run(PORT, move |transaction| {
                write(transaction, STATEMENT, &record)
            })
            .await
    }

    async fn remove(&self, record: &JobRecord) -> Result<Written, Unavailable> {
        let (run_id, revision) = (record.run_id.to_string(), integer(record.revision));
        let remove = move |transaction: &Transaction<'_>| {
            transaction.execute(
                "DELETE FROM jobs WHERE run_id = ?1 AND revision = ?2",
                params![run_id, revision],
            )?;
            let mut left = transaction.prepare_cached("SELECT 1 FROM jobs WHERE run_id = ?1")?;
            if left.exists([&run_id])? {
                return Ok(Written::Conflict);
            }
            transaction.execute("DELETE FROM idempotency_keys WHERE run_id = ?1", [&run_id])?;
            Ok(Written::Done)
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
        let (owner, cursor) = (owner.0.clone(), cursor.map(str::to_owned));
        let list = move |transaction: &Transaction<'_>| {
            let status = status.map(JobStatus::name);
            let condition = "owner = ?1 AND (?2 IS NULL OR status = ?2)";
            page(
                transaction,
                condition,
                &[&owner, &status],
                cursor.as_deref(),
                limit,
            )
        };
        self.0.run(PORT, list).await
    }

    async fn due(
        &self,
        now: Timestamp,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page, Unavailable> {
        let cursor = cursor.map(str::to_owned);
        let due = move |transaction: &Transaction<'_>| {
            let now = now.as_microsecond();
            transaction.execute("DELETE FROM idempotency_keys WHERE expires_at <= ?1", [now])?;
            let condition = "(finished = 0 OR expires_at <= ?1)";
            page(transaction, condition, &[&now], cursor.as_deref(), limit)
        };
        self.0.run(PORT, due).await
    }

    async fn count(
        &self,
        owner: &Owner,
        status: JobStatus,
        cap: usize,
    ) -> Result<usize, Unavailable> {
        let owner = owner.0.clone();
        let count = move |transaction: &Transaction<'_>| {
            let query = "SELECT count(*) FROM \
                (SELECT 1 FROM jobs WHERE owner = ?1 AND status = ?2 LIMIT ?3)";
            let count: i64 = transaction
                .prepare_cached(query)?
                .query_row(params![owner, status.name(), integer(cap as u64)], |row| {
                    row.get(0)
                })?;
            Ok(usize::try_from(count).unwrap_or_default())
        };
        self.0.run(PORT, count).await
    }

    async fn oldest_queued(&self, limit: usize) -> Result<Vec<(Timestamp, RunId)>, Unavailable> {
        let list = move |transaction: &Transaction<'_>| {
            let query = "SELECT created_at, run_id FROM jobs WHERE status = ?1 \
                 ORDER BY created_at, run_id LIMIT ?2";
            let mut statement = transaction.prepare_cached(query)?;
            let parameters = params![JobStatus::Queued.name(), integer(limit as u64)];
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

    async fn add_upload(
        &self,
        owner: &Owner,
        day: i64,
        bytes: u64,
        limit: u64,
    ) -> Result<Written, Unavailable> {
        let owner = owner.0.clone();
        let add = move |transaction: &Transaction<'_>| {
            transaction.execute("DELETE FROM uploads WHERE day < ?1", [day])?;
            let query = "SELECT bytes FROM uploads WHERE owner = ?1 AND day = ?2";
            let so_far: Option<i64> = transaction
                .query_row(query, params![owner, day], |row| row.get(0))
                .optional()?;
            let sum = u64::try_from(so_far.unwrap_or(0))
                .unwrap_or_default()
                .saturating_add(bytes);
            if sum > limit {
                return Ok(Written::Conflict);
            }
            transaction.execute(
                "INSERT OR REPLACE INTO uploads VALUES (?1, ?2, ?3)",
                params![owner, day, integer(sum)],
            )?;
            Ok(Written::Done)
        };
        self.0.run(PORT, add).await
    }
}
