//! Records of jobs in the embedded database, the counters of their owners, and reservations.

use async_trait::async_trait;
use jiff::Timestamp;
use resonare_jobs::ports::{
    Admitted, Created, Creation, Due, DuePage, JobStore, KeyedRun, Limit, Page, Unavailable,
    Written,
};
use resonare_jobs::{JobRecord, JobStatus, Limits, Owner, RunId, Tally};
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

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
        record.due().as_microsecond(),
        record.deleted_at.is_some(),
    ])?;
    Ok(written(rows))
}

/// Writes a record over the revision that it was made of.
fn write_over(transaction: &Transaction<'_>, record: &JobRecord) -> Result<Written, DatabaseError> {
    const STATEMENT: &str = "UPDATE jobs SET revision = ?2, owner = ?3, status = ?4, \
        created_at = ?5, expires_at = ?6, finished = ?7, record = ?8, due_at = ?9, \
        is_deleted = ?10 WHERE run_id = ?1 AND revision = ?2 - 1";
    write(transaction, STATEMENT, record)
}

/// Changes an owner's counters.
fn count(transaction: &Transaction<'_>, owner: &Owner, change: Tally) -> Result<(), DatabaseError> {
    const STATEMENT: &str = "INSERT INTO owners VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET \
        active = active + ?2, queued = queued + ?3, running = running + ?4";
    if change != Tally::default() {
        let Tally {
            active,
            queued,
            running,
        } = change;
        let parameters = params![owner.0, active, queued, running];
        transaction.prepare_cached(STATEMENT)?.execute(parameters)?;
    }
    Ok(())
}

fn counters(transaction: &Transaction<'_>, owner: &Owner) -> Result<Tally, DatabaseError> {
    let query = "SELECT active, queued, running FROM owners WHERE owner = ?1";
    let tally = |row: &Row<'_>| {
        Ok(Tally {
            active: row.get(0)?,
            queued: row.get(1)?,
            running: row.get(2)?,
        })
    };
    let mut statement = transaction.prepare_cached(query)?;
    let found = statement.query_row([&owner.0], tally).optional()?;
    Ok(found.unwrap_or_default())
}

/// Charges an owner for a job that begins to count; which limit refuses it, if one does.
fn charge(
    transaction: &Transaction<'_>,
    record: &JobRecord,
    limits: Limits,
) -> Result<Option<Limit>, DatabaseError> {
    let active = counters(transaction, &record.owner)?.active;
    if usize::try_from(active).unwrap_or_default() >= limits.active_jobs {
        return Ok(Some(Limit::ActiveJobs));
    }
    let day = record.day();
    transaction.execute("DELETE FROM uploads WHERE day < ?1", [day])?;
    let query = "SELECT bytes FROM uploads WHERE owner = ?1 AND day = ?2";
    let so_far: Option<i64> = transaction
        .query_row(query, params![record.owner.0, day], |row| row.get(0))
        .optional()?;
    let sum = u64::try_from(so_far.unwrap_or(0))
        .unwrap_or_default()
        .saturating_add(record.payload.size_bytes);
    if sum > limits.bytes_per_day {
        return Ok(Some(Limit::BytesPerDay));
    }
    transaction.execute(
        "INSERT OR REPLACE INTO uploads VALUES (?1, ?2, ?3)",
        params![record.owner.0, day, integer(sum)],
    )?;
    Ok(None)
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

fn exists(
    transaction: &Transaction<'_>,
    query: &str,
    run_id: RunId,
) -> Result<bool, DatabaseError> {
    Ok(transaction
        .prepare_cached(query)?
        .exists([run_id.to_string()])?)
}

fn create(transaction: &Transaction<'_>, creation: Creation<'_>) -> Result<Created, DatabaseError> {
    const STATEMENT: &str = "INSERT INTO jobs (run_id, revision, owner, status, created_at, \
        expires_at, finished, record, due_at, is_deleted) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let Creation {
        record,
        key,
        limits,
        reserved,
    } = creation;
    let run_id = record.run_id;
    if exists(transaction, "SELECT 1 FROM jobs WHERE run_id = ?1", run_id)? {
        return Ok(Created::Conflict);
    }
    let reservation = "SELECT 1 FROM reservations WHERE run_id = ?1 AND NOT is_abandoned";
    if reserved && !exists(transaction, reservation, run_id)? {
        return Ok(Created::NotReserved);
    }
    if let Some(key) = key
        && let Some(run) = bound(transaction, &record.owner, &key.key, record.created_at)?
    {
        return Ok(Created::Before(run));
    }
    if record.counted
        && let Some(limit) = charge(transaction, record, limits)?
    {
        return Ok(Created::Refused(limit));
    }
    write(transaction, STATEMENT, record)?;
    count(transaction, &record.owner, record.tally())?;
    transaction.execute(
        "DELETE FROM reservations WHERE run_id = ?1",
        [run_id.to_string()],
    )?;
    if let Some(key) = key {
        transaction.execute(
            "INSERT OR REPLACE INTO idempotency_keys VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                record.owner.0,
                key.key,
                run_id.to_string(),
                key.fingerprint,
                key.expires_at.as_microsecond()
            ],
        )?;
    }
    Ok(Created::Done)
}

/// A time and a run that stand for a place in an order.
fn place(cursor: Option<&str>) -> Option<(i64, String)> {
    let (time, run_id) = cursor?.split_once('_')?;
    Some((time.parse().ok()?, run_id.to_owned()))
}

/// One bad record does not hide the others.
fn readable(json: &str) -> Option<JobRecord> {
    parse(json)
        .inspect_err(|error| tracing::error!("a record is passed over: {error}"))
        .ok()
}

fn list(
    transaction: &Transaction<'_>,
    condition: &str,
    (owner, status): (&str, &str),
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page, DatabaseError> {
    let (time, run_id) = place(cursor).unwrap_or((i64::MAX, "~".to_owned()));
    let query = format!(
        "SELECT record FROM jobs WHERE owner = ?1 AND {condition} AND NOT is_deleted \
         AND (created_at, run_id) < (?3, ?4) ORDER BY created_at DESC, run_id DESC LIMIT ?5"
    );
    let wanted = integer(limit as u64).saturating_add(1);
    let mut statement = transaction.prepare_cached(&query)?;
    let parameters = params![owner, status, time, run_id, wanted];
    let texts = statement.query_map(parameters, |row| row.get::<_, String>(0))?;
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    let more = texts.len() > limit;
    let texts = texts.iter().take(limit);
    let records: Vec<_> = texts.filter_map(|text| readable(text)).collect();
    let place =
        |record: &JobRecord| format!("{}_{}", record.created_at.as_microsecond(), record.run_id);
    let next = records.last().filter(|_| more).map(place);
    Ok(Page { records, next })
}

fn due(
    transaction: &Transaction<'_>,
    now: i64,
    cursor: Option<&str>,
    limit: usize,
) -> Result<DuePage, DatabaseError> {
    const QUERY: &str = "SELECT due_at, run_id, record FROM jobs \
        WHERE due_at <= ?1 AND (due_at, run_id) > (?2, ?3) \
        UNION ALL SELECT due_at, run_id, NULL FROM reservations \
        WHERE due_at <= ?1 AND (due_at, run_id) > (?2, ?3) \
        ORDER BY due_at, run_id LIMIT ?4";
    let (time, run_id) = place(cursor).unwrap_or((i64::MIN, String::new()));
    let wanted = integer(limit as u64).saturating_add(1);
    let mut statement = transaction.prepare_cached(QUERY)?;
    let parameters = params![now, time, run_id, wanted];
    let rows = statement.query_map(parameters, |row| {
        Ok((
            row.get::<_, i64>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, Option<String>>(2)?,
        ))
    })?;
    let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let oldest = rows.first().map(|(due_at, ..)| *due_at);
    let last = rows.last().filter(|_| more);
    let next = last.map(|(due_at, run_id, _)| format!("{due_at}_{run_id}"));
    let due = rows
        .into_iter()
        .filter_map(|(_, run_id, record)| match record {
            Some(record) => Some(Due::Job(Box::new(readable(&record)?))),
            None => Some(Due::Reservation(run_id.parse().ok()?)),
        });
    Ok(DuePage {
        due: due.collect(),
        oldest: oldest.and_then(|micros| Timestamp::from_microsecond(micros).ok()),
        next,
    })
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

    async fn abandon(&self, run_id: RunId) -> Result<Written, Unavailable> {
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

    async fn create(&self, creation: Creation<'_>) -> Result<Created, Unavailable> {
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

    async fn replace(&self, before: &JobRecord, after: &JobRecord) -> Result<Written, Unavailable> {
        let change = after.tally() - before.tally();
        let after = after.clone();
        let replace = move |transaction: &Transaction<'_>| {
            let written = write_over(transaction, &after)?;
            if written == Written::Done {
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
    ) -> Result<Admitted, Unavailable> {
        let change = after.tally() - before.tally();
        let (before, after) = (before.clone(), after.clone());
        let admit = move |transaction: &Transaction<'_>| {
            let unchanged = "SELECT 1 FROM jobs WHERE run_id = ?1 AND revision = ?2";
            let parameters = params![before.run_id.to_string(), integer(before.revision)];
            if !transaction.prepare_cached(unchanged)?.exists(parameters)? {
                return Ok(Admitted::Conflict);
            }
            if let Some(limit) = charge(transaction, &after, limits)? {
                return Ok(Admitted::Refused(limit));
            }
            write_over(transaction, &after)?;
            count(transaction, &after.owner, change)?;
            Ok(Admitted::Done)
        };
        self.0.run(PORT, admit).await
    }

    async fn remove(&self, record: &JobRecord) -> Result<Written, Unavailable> {
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
            // Each condition has an index of its own.
            let (condition, name) = match status {
                Some(status) => ("status = ?2", status.name()),
                None => ("?2 = ''", ""),
            };
            list(
                transaction,
                condition,
                (&owner, name),
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
