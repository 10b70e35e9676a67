//! How long things may take, and how much of them one owner may have.

use std::time::Duration;

use jiff::Timestamp;

use crate::elapsed::elapsed;
use crate::record::{JobRecord, JobStatus, Limit, SECONDS_OF_A_DAY};

/// The times that a job's life is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// How long a claim holds without being extended.
    pub lease: Duration,
    /// How often a worker extends its claim and notes progress, and at least four times while the claim holds.
    pub beat: Duration,
    /// How often a job may be claimed.
    pub max_attempts: u32,
    /// The pause before the second attempt; each further one is twice as long.
    pub first_pause: Duration,
    /// The longest pause between attempts.
    pub longest_pause: Duration,
    /// A queued job gets a message if none is known to have been sent after this time.
    pub send_after: Duration,
    /// A queued job whose message was sent is looked at after this time, then after twice as long, and
    /// so on. It gets another message if the queue is empty, so that its own must be lost.
    pub look_after: Duration,
    /// A queued job whose message was sent this long ago gets another in any case.
    pub resend_after: Duration,
    /// How long a payload may be stored without a record.
    pub reservation: Duration,
    /// How soon a job that is waiting for room is checked; later less often, down to once in `look_after`. The
    /// room that a check finds goes to the job that has waited longest.
    pub admission: Duration,
    /// How long an attempt that was given up may still store outputs: what it left is looked for once
    /// after this time.
    pub leftovers: Duration,
    /// How long an upload may take to come.
    pub upload_deadline: Duration,
    /// How long the URLs of an upload work at most.
    pub signed_urls: Duration,
    /// How long records and objects are kept.
    pub retention: Duration,
    /// How long an idempotency key is remembered.
    pub idempotency: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            lease: Duration::from_mins(1),
            beat: Duration::from_secs(15),
            max_attempts: 3,
            first_pause: Duration::from_secs(5),
            longest_pause: Duration::from_mins(5),
            send_after: Duration::from_mins(1),
            look_after: Duration::from_mins(15),
            resend_after: Duration::from_hours(24),
            reservation: Duration::from_hours(1),
            admission: Duration::from_mins(2),
            // A function of Lambda runs no longer, and its upload goes on while it does.
            leftovers: Duration::from_mins(15),
            upload_deadline: Duration::from_hours(24),
            signed_urls: Duration::from_hours(1),
            retention: Duration::from_hours(7 * 24),
            idempotency: Duration::from_hours(24),
        }
    }
}

impl Timings {
    /// The pause after that many attempts.
    pub(crate) fn pause(&self, attempts: u32) -> Duration {
        let doubled = 1_u32
            .checked_shl(attempts.saturating_sub(1))
            .unwrap_or(u32::MAX);
        self.first_pause
            .saturating_mul(doubled)
            .min(self.longest_pause)
    }
}

impl Timings {
    /// When a record that is written now has to be looked at, if nobody else writes it before.
    pub(crate) fn due(&self, record: &JobRecord, now: Timestamp) -> Timestamp {
        let since = |time| elapsed(time, now);
        let due = match record.status {
            JobStatus::AwaitingUpload => {
                let look = now + self.look_after.max(since(record.created_at));
                look.min(record.created_at + self.upload_deadline)
            }
            JobStatus::Queued if record.is_held() => {
                let pause = self.admission.max(since(record.created_at) / 8);
                let look = now + pause.min(self.look_after);
                match record.held_by {
                    // The day that begins has room for those that waited for it.
                    Some(Limit::BytesPerDay) => look.min(now + left_of_day(now)),
                    Some(Limit::ActiveJobs) | None => look,
                }
            }
            JobStatus::Queued => match record.sent_at {
                None => now + self.send_after,
                Some(sent_at) => now + self.look_after.max(since(sent_at)),
            },
            // The worker's own message comes back when its lease ends; a moment is left for it.
            JobStatus::Running => record.lease_end().unwrap_or(now) + self.send_after,
            JobStatus::Completed | JobStatus::Failed => {
                record.settle_at.unwrap_or(record.expires_at)
            }
            JobStatus::Deleting => {
                let Some(deleted_at) = record.deleted_at else {
                    return now + self.send_after;
                };
                // A worker that was at it finds out when it wants to extend its lease; an upload may come
                // for as long as its URLs work.
                let upload_ends = record
                    .awaits_payload()
                    .then(|| deleted_at + self.signed_urls);
                let end = record.lease_end().max(upload_ends).max(record.settle_at);
                return end.unwrap_or(deleted_at) + self.send_after;
            }
        };
        due.min(record.expires_at)
    }
}

/// How long the current day still lasts.
pub(crate) fn left_of_day(now: Timestamp) -> Duration {
    let passed = now.as_second().rem_euclid(SECONDS_OF_A_DAY);
    Duration::from_secs(u64::try_from(SECONDS_OF_A_DAY - passed).unwrap_or(1))
}

/// What one owner may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Jobs that are not finished.
    pub active_jobs: usize,
    /// Bytes uploaded on one day.
    pub bytes_per_day: u64,
    /// Bytes of one upload.
    pub upload_bytes: u64,
}

impl Limits {
    /// No limits: for a service that one person runs for their own use.
    pub const NONE: Self = Self {
        active_jobs: usize::MAX,
        bytes_per_day: u64::MAX,
        upload_bytes: u64::MAX,
    };
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::record::{DirectUpload, Lease};
    use crate::testkit::record;

    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// A job of the first second of 1970, kept for a week.
    fn job(status: JobStatus) -> JobRecord {
        JobRecord {
            status,
            expires_at: at(7 * DAY),
            ..record("ann", 0)
        }
    }

    /// When it is looked at after a write at `now`.
    fn due(job: &JobRecord, now: i64) -> i64 {
        Timings::default().due(job, at(now)).as_second()
    }

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let pauses =
            [1, 2, 3, 8, 40, 400].map(|attempts| Timings::default().pause(attempts).as_secs());
        assert_eq!(pauses, [5, 10, 20, 300, 300, 300]);
    }

    #[test]
    fn an_upload_is_looked_for_at_twice_its_age_and_at_its_deadline() {
        let job = job(JobStatus::AwaitingUpload);
        let looks = [0, 15 * MINUTE, HOUR, 23 * HOUR].map(|now| due(&job, now));
        assert_eq!(looks, [15 * MINUTE, 30 * MINUTE, 2 * HOUR, DAY]);
    }

    #[test]
    fn a_queued_job_is_looked_at_soon_if_it_was_not_sent_and_rarely_if_it_was() {
        let mut job = job(JobStatus::Queued);
        assert_eq!(due(&job, 0), 15 * MINUTE);
        assert_eq!(due(&job, HOUR), 2 * HOUR);
        job.sent_at = None;
        assert_eq!(due(&job, HOUR), HOUR + MINUTE);
    }

    #[test]
    fn what_waits_for_room_is_looked_at_more_rarely_the_longer_it_waits() {
        let mut job = job(JobStatus::Queued);
        (job.counted, job.held_by) = (false, Some(Limit::ActiveJobs));
        let pauses = [0, 40 * MINUTE, 20 * HOUR].map(|now| due(&job, now) - now);
        assert_eq!(pauses, [2 * MINUTE, 5 * MINUTE, 15 * MINUTE]);
    }

    #[test]
    fn what_waits_for_the_next_day_is_looked_at_when_it_begins() {
        let mut job = job(JobStatus::Queued);
        (job.counted, job.held_by) = (false, Some(Limit::BytesPerDay));
        assert_eq!(due(&job, DAY - 100), DAY);
        assert_eq!(due(&job, DAY), DAY + 15 * MINUTE);
        assert_eq!(left_of_day(at(DAY - 100)).as_secs(), 100);
        assert_eq!(left_of_day(at(DAY)).as_secs(), 86_400);
    }

    #[test]
    fn a_running_job_is_looked_at_a_moment_after_its_lease() {
        let mut job = job(JobStatus::Running);
        job.lease = Some(Lease {
            token: Uuid::nil(),
            expires_at: at(100),
        });
        assert_eq!(due(&job, 40), 100 + MINUTE);
    }

    #[test]
    fn a_finished_job_is_looked_at_when_it_expires_or_may_have_left_something() {
        let mut job = job(JobStatus::Failed);
        assert_eq!(due(&job, 40), 7 * DAY);
        job.settle_at = Some(at(500));
        assert_eq!(due(&job, 40), 500);
        job.settle_at = Some(at(8 * DAY));
        assert_eq!(due(&job, 40), 7 * DAY, "never after it expires");
    }

    #[test]
    fn a_deletion_is_finished_once_nothing_can_come_any_more() {
        let mut job = job(JobStatus::Deleting);
        assert_eq!(due(&job, 40), 40 + MINUTE, "its objects were not removed");
        job.deleted_at = Some(at(40));
        assert_eq!(due(&job, 50), 40 + MINUTE);
        job.lease = Some(Lease {
            token: Uuid::nil(),
            expires_at: at(90),
        });
        assert_eq!(due(&job, 50), 90 + MINUTE);
        job.payload.upload = Some(DirectUpload::default());
        assert_eq!(due(&job, 50), 40 + HOUR + MINUTE);
        job.settle_at = Some(at(8 * DAY));
        assert_eq!(due(&job, 50), 8 * DAY + MINUTE);
    }
}
