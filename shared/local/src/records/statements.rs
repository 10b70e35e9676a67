//! What is asked of the database about records, each in a transaction.

use jiff::Timestamp;
use resonare_jobs::ports::{
    Creation, CreationOutcome, DueItem, DuePage, KeyedRun, Limit, Page, WriteOutcome,
};
use resonare_jobs::{JobRecord, JobStatus, Limits, Owner, RunId, Tally};
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use crate::database::DatabaseError;

pub(super) fn written(rows: usize) -> WriteOutcome {
    if rows == 1 {
        WriteOutcome::Done
    } else {
        WriteOutcome::Conflict
    }
}

/// `SQLite`'s integers are signed; revisions and sizes are far below the difference.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn parse(json: &str) -> Result<JobRecord, DatabaseError> {
    Ok(serde_json::from_str(json)?)
}

fn write(
    transaction: &Transaction<'_>,
    statement: &str,
    record: &JobRecord,
) -> Result<WriteOutcome, DatabaseError> {
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
pub(super) fn write_over(
    transaction: &Transaction<'_>,
    record: &JobRecord,
) -> Result<WriteOutcome, DatabaseError> {
    const STATEMENT: &str = "UPDATE jobs SET revision = ?2, owner = ?3, status = ?4, \
        created_at = ?5, expires_at = ?6, finished = ?7, record = ?8, due_at = ?9, \
        is_deleted = ?10 WHERE run_id = ?1 AND revision = ?2 - 1";
    write(transaction, STATEMENT, record)
}

/// Changes an owner's counters.
pub(super) fn count(
    transaction: &Transaction<'_>,
    owner: &Owner,
    change: Tally,
) -> Result<(), DatabaseError> {
    const STATEMENT: &str = "INSERT INTO owners (owner, active, queued, running, held) \
        VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET active = active + ?2, \
        queued = queued + ?3, running = running + ?4, held = held + ?5";
    if change != Tally::default() {
        let Tally {
            active,
            queued,
            running,
            held,
        } = change;
        let parameters = params![owner.0, active, queued, running, held];
        transaction.prepare_cached(STATEMENT)?.execute(parameters)?;
    }
    Ok(())
}

pub(super) fn counters(
    transaction: &Transaction<'_>,
    owner: &Owner,
) -> Result<Tally, DatabaseError> {
    let query = "SELECT active, queued, running, held FROM owners WHERE owner = ?1";
    let tally = |row: &Row<'_>| {
        Ok(Tally {
            active: row.get(0)?,
            queued: row.get(1)?,
            running: row.get(2)?,
            held: row.get(3)?,
        })
    };
    let mut statement = transaction.prepare_cached(query)?;
    let found = statement.query_row([&owner.0], tally).optional()?;
    Ok(found.unwrap_or_default())
}

/// Charges an owner for a job that begins to count; which limit refuses it, if one does.
pub(super) fn charge(
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
pub(super) fn bound(
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

pub(super) fn exists(
    transaction: &Transaction<'_>,
    query: &str,
    run_id: RunId,
) -> Result<bool, DatabaseError> {
    Ok(transaction
        .prepare_cached(query)?
        .exists([run_id.to_string()])?)
}

pub(super) fn create(
    transaction: &Transaction<'_>,
    creation: Creation<'_>,
) -> Result<CreationOutcome, DatabaseError> {
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
        return Ok(CreationOutcome::Conflict);
    }
    let reservation = "SELECT 1 FROM reservations WHERE run_id = ?1 AND NOT is_abandoned";
    if reserved && !exists(transaction, reservation, run_id)? {
        return Ok(CreationOutcome::NotReserved);
    }
    if let Some(key) = key
        && let Some(run) = bound(transaction, &record.owner, &key.key, record.created_at)?
    {
        return Ok(CreationOutcome::Before(run));
    }
    if record.counted
        && let Some(limit) = charge(transaction, record, limits)?
    {
        return Ok(CreationOutcome::Refused(limit));
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
    Ok(CreationOutcome::Done)
}

/// A time and a run that stand for a place in an order.
fn place(cursor: Option<&str>) -> Option<(i64, String)> {
    let (time, run_id) = cursor?.split_once('_')?;
    Some((time.parse().ok()?, run_id.to_owned()))
}

/// One bad record does not hide the others.
fn readable(json: &str) -> Option<JobRecord> {
    parse(json)
        .inspect_err(|error| tracing::error!("skipping an unreadable record: {error}"))
        .ok()
}

/// Which of an owner's jobs are listed.
pub(super) struct Listing {
    pub(super) owner: Owner,
    pub(super) status: Option<JobStatus>,
    pub(super) cursor: Option<String>,
    pub(super) limit: usize,
}

pub(super) fn list(
    transaction: &Transaction<'_>,
    listing: &Listing,
) -> Result<Page, DatabaseError> {
    let limit = listing.limit;
    // Each condition has an index of its own.
    let (condition, status) = match listing.status {
        Some(status) => ("status = ?2", status.name()),
        None => ("?2 = ''", ""),
    };
    let (time, run_id) = place(listing.cursor.as_deref()).unwrap_or((i64::MAX, "~".to_owned()));
    let query = format!(
        "SELECT record FROM jobs WHERE owner = ?1 AND {condition} AND NOT is_deleted \
         AND (created_at, run_id) < (?3, ?4) ORDER BY created_at DESC, run_id DESC LIMIT ?5"
    );
    let wanted = integer(limit as u64).saturating_add(1);
    let mut statement = transaction.prepare_cached(&query)?;
    let parameters = params![listing.owner.0, status, time, run_id, wanted];
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

pub(super) fn due(
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
            Some(record) => Some(DueItem::Job(Box::new(readable(&record)?))),
            None => Some(DueItem::Reservation(run_id.parse().ok()?)),
        });
    Ok(DuePage {
        due: due.collect(),
        oldest: oldest.and_then(|micros| Timestamp::from_microsecond(micros).ok()),
        next,
    })
}
