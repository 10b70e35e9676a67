//! The keys of the table's items, and what its indexes order them by.

use jiff::Timestamp;
use resonare_jobs::{JobRecord, JobStatus, Owner, RunId};
use sha2::{Digest as _, Sha256};

/// Parts of the index of what is due, so that no one partition takes every write: each takes a thousand
/// write units a second.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>
pub(super) const LANES: u8 = 8;

const JOB: &str = "job#";
const RESERVATION: &str = "reservation#";

/// The key of a run's record.
pub(super) fn job(run_id: RunId) -> String {
    format!("{JOB}{run_id}")
}

/// The key of a run's reservation.
pub(super) fn reservation(run_id: RunId) -> String {
    format!("{RESERVATION}{run_id}")
}

fn digest(text: &str) -> String {
    base16ct::lower::encode_string(&Sha256::digest(text))
}

/// The key of an owner's counters.
pub(super) fn owner(owner: &Owner) -> String {
    format!("owner#{}", digest(&owner.0))
}

/// The key of the item for an idempotency key: a digest, since owners may put anything into theirs.
pub(super) fn idempotency(owner: &Owner, key: &str) -> String {
    format!("key#{}", digest(&format!("{}\n{key}", owner.0)))
}

/// Where an owner's jobs of one status are in their index.
pub(super) fn owner_status(owner: &Owner, status: JobStatus) -> String {
    format!("{}#{}", owner.0, status.name())
}

/// The place of a job among its owner's, by time.
pub(super) fn created(record: &JobRecord) -> String {
    let micros = record.created_at.as_microsecond();
    format!("{micros:020}_{}", record.run_id)
}

/// The moment and the run of such a place.
pub(super) fn parse_created(created: &str) -> Option<(Timestamp, RunId)> {
    let (micros, run_id) = created.split_once('_')?;
    let moment = Timestamp::from_microsecond(micros.parse().ok()?).ok()?;
    Some((moment, run_id.parse().ok()?))
}

/// The lane in which a run is looked for when it is due.
pub(super) fn lane(run_id: RunId) -> String {
    let digit = run_id.to_string().bytes().last().unwrap_or_default();
    (digit % LANES).to_string()
}

/// The place of an item among what is due.
pub(super) fn due(due_at: Timestamp, key: &str) -> String {
    format!("{:020}_{key}", due_at.as_microsecond().max(0))
}

/// The place after everything that is due at a moment.
pub(super) fn end_of_due(now: Timestamp) -> String {
    format!("{:020}_~", now.as_microsecond().max(0))
}

/// What is due at a place: since when, and the key of its item.
pub(super) fn parse_due(due: &str) -> Option<(Timestamp, &str)> {
    let (micros, key) = due.split_once('_')?;
    Some((Timestamp::from_microsecond(micros.parse().ok()?).ok()?, key))
}

/// The run that a key is about, and whether it is a reservation's.
pub(super) fn parse(key: &str) -> Option<(RunId, bool)> {
    match key.strip_prefix(RESERVATION) {
        Some(run_id) => Some((run_id.parse().ok()?, true)),
        None => Some((key.strip_prefix(JOB)?.parse().ok()?, false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_order_by_time_and_say_what_they_stand_for() {
        let run_id = RunId::generate(Timestamp::UNIX_EPOCH);
        let at = |second| Timestamp::from_second(second).unwrap();
        let [first, second] = [9, 10].map(|second| due(at(second), &job(run_id)));
        assert!(first < second && second < end_of_due(at(10)) && second > end_of_due(at(9)));
        let (since, key) = parse_due(&second).unwrap();
        assert_eq!((since, parse(key)), (at(10), Some((run_id, false))));
        assert_eq!(parse(&reservation(run_id)), Some((run_id, true)));
        assert!(lane(run_id).parse::<u8>().unwrap() < LANES);
    }
}
