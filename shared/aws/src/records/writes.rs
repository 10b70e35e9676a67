//! Writes of several items that happen together or not at all.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{
    CancellationReason, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use resonare_jobs::ports::{Limit, Unavailable};
use resonare_jobs::{JobRecord, Limits, Tally};
use uuid::Uuid;

use super::items::{PORT, number, text};
use super::keys;
use crate::failure::{failed, unavailable};

/// Attempts at a transaction that met another one: the SDK repeats other failures, not these.
const ATTEMPTS: u32 = 8;
/// The longest pause before the second attempt; each further one may be twice as long.
const PAUSE: Duration = Duration::from_millis(20);

/// Counters stay this much longer than the last job that they counted.
const COUNTERS_GRACE_SECS: i64 = 30 * 86_400;

/// Days whose bytes are forgotten: somebody who comes once a week leaves none.
const PAST_DAYS: i64 = 7;

/// Which of the writes did not happen since their conditions do not hold, by their numbers.
pub(super) struct TransactionRefusal(Vec<CancellationReason>);

impl TransactionRefusal {
    /// Whether the write of that number is among them.
    pub(super) fn is(&self, number: usize) -> bool {
        let reason = self.0.get(number);
        reason.is_some_and(|reason| reason.code() == Some("ConditionalCheckFailed"))
    }

    /// The limit that kept a job from counting, by the counters that refused it.
    pub(super) fn limit(&self, charge: usize, limits: Limits) -> Option<Limit> {
        let counters = self.0.get(charge)?.item()?;
        let active = counters.get("active").and_then(|active| active.as_n().ok());
        let active = active.and_then(|active| active.parse().ok());
        Some(if active.unwrap_or(0) >= limits.active_jobs {
            Limit::ActiveJobs
        } else {
            Limit::BytesPerDay
        })
    }
}

/// Writes that happen together.
#[derive(Default)]
pub(super) struct Writes(Vec<TransactWriteItem>);

impl Writes {
    /// Adds a write; its number.
    pub(super) fn put(&mut self, put: Put) -> usize {
        self.add(TransactWriteItem::builder().put(put).build())
    }

    pub(super) fn update(&mut self, update: Update) -> usize {
        self.add(TransactWriteItem::builder().update(update).build())
    }

    pub(super) fn delete(&mut self, delete: Delete) -> usize {
        self.add(TransactWriteItem::builder().delete(delete).build())
    }

    fn add(&mut self, write: TransactWriteItem) -> usize {
        self.0.push(write);
        self.0.len() - 1
    }

    /// Makes them happen; which were refused, if any were.
    pub(super) async fn send(
        self,
        client: &Client,
    ) -> Result<Option<TransactionRefusal>, Unavailable> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let sent = client
                .transact_write_items()
                .set_transact_items(Some(self.0.clone()))
                .send()
                .await;
            let Err(error) = sent else {
                return Ok(None);
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
                error.as_service_error()
            else {
                return Err(failed(PORT, &error));
            };
            let reasons = cancelled.cancellation_reasons();
            let has = |code| reasons.iter().any(|reason| reason.code() == Some(code));
            if has("ConditionalCheckFailed") {
                return Ok(Some(TransactionRefusal(reasons.to_vec())));
            }
            // Another job of the same owner was faster, or the table has to grow.
            let may_pass = [
                "TransactionConflict",
                "ThrottlingError",
                "ProvisionedThroughputExceeded",
            ];
            if !may_pass.into_iter().any(has) || attempt == ATTEMPTS {
                let codes: Vec<_> = reasons
                    .iter()
                    .filter_map(CancellationReason::code)
                    .collect();
                return Err(unavailable(
                    PORT,
                    format!("cancelled: {}", codes.join(", ")),
                ));
            }
            tokio::time::sleep(pause.mul_f64(share())).await;
            pause *= 2;
        }
        unreachable!("the last attempt returns")
    }
}

/// A number from 0 to 1 that differs from one caller to the next.
fn share() -> f64 {
    let random = Uuid::new_v4().as_u128() >> 96;
    random as f64 / f64::from(u32::MAX)
}

/// What changes the counters of jobs.
const ADD: &str = "ADD active :active, queued :queued, running :running, held :held";

/// The change of an owner's counters; `None` where nothing changes.
pub(super) fn count(
    table: &str,
    record: &JobRecord,
    change: Tally,
) -> Result<Option<Update>, Unavailable> {
    if change == Tally::default() {
        return Ok(None);
    }
    let update = counters(table, record, change)
        .update_expression(format!("{ADD} SET #ttl = :ttl"))
        .build();
    update.map(Some).map_err(|error| unavailable(PORT, error))
}

/// What a job that begins to count does to its owner's counters.
pub(super) enum Charge {
    /// This, if there is room for it.
    Update(Box<Update>),
    /// Nothing: there can't be room for it.
    Never(Limit),
}

/// The change of an owner's counters for a job that begins to count.
pub(super) fn charge(
    table: &str,
    record: &JobRecord,
    change: Tally,
    limits: Limits,
) -> Result<Charge, Unavailable> {
    let bytes = record.payload.size_bytes;
    let Some(room) = limits.bytes_per_day.checked_sub(bytes) else {
        return Ok(Charge::Never(Limit::BytesPerDay));
    };
    let day = record.day();
    let bytes_of = |day: i64| format!("bytes_{day}");
    let past = (1..=PAST_DAYS).map(|ago| (format!("#past{ago}"), bytes_of(day - ago)));
    let removed: Vec<_> = (1..=PAST_DAYS).map(|ago| format!("#past{ago}")).collect();
    let mut update = counters(table, record, change);
    for (name, attribute) in past {
        update = update.expression_attribute_names(name, attribute);
    }
    let update = update
        .update_expression(format!(
            "{ADD}, #today :bytes SET #ttl = :ttl REMOVE {}",
            removed.join(", ")
        ))
        .condition_expression(
            "(attribute_not_exists(active) OR active < :limit) \
             AND (attribute_not_exists(#today) OR #today <= :room)",
        )
        .expression_attribute_names("#today", bytes_of(day))
        .expression_attribute_values(":bytes", number(bytes))
        .expression_attribute_values(":room", number(room))
        .expression_attribute_values(":limit", number(limits.active_jobs))
        // What is read afterwards may be others' counts.
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build();
    update
        .map(|update| Charge::Update(Box::new(update)))
        .map_err(|error| unavailable(PORT, error))
}

fn counters(table: &str, record: &JobRecord, change: Tally) -> UpdateBuilder {
    let ttl = record.expires_at.as_second() + COUNTERS_GRACE_SECS;
    Update::builder()
        .table_name(table)
        .key("pk", text(keys::owner(&record.owner)))
        .expression_attribute_names("#ttl", "ttl")
        .expression_attribute_values(":active", number(change.active))
        .expression_attribute_values(":queued", number(change.queued))
        .expression_attribute_values(":running", number(change.running))
        .expression_attribute_values(":held", number(change.held))
        .expression_attribute_values(":ttl", number(ttl))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_the_one_that_refused_whatever_others_have_done_since() {
        let limits = Limits {
            active_jobs: 2,
            ..Limits::NONE
        };
        let refused = |active: u32| {
            let reason = CancellationReason::builder()
                .code("ConditionalCheckFailed")
                .item("active", number(active));
            TransactionRefusal(vec![CancellationReason::builder().build(), reason.build()])
        };
        assert_eq!(refused(2).limit(1, limits), Some(Limit::ActiveJobs));
        assert_eq!(refused(1).limit(1, limits), Some(Limit::BytesPerDay));
        assert_eq!(refused(1).limit(0, limits), None, "it was not refused");
    }
}
