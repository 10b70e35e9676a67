//! Records in one table of `DynamoDB`, the counters of their owners, and reservations.
//!
//! Items, by the beginning of their key `pk`: `job#<run_id>` (a record as JSON, with what the indexes
//! need beside it), `owner#…` (an owner's counters: unfinished jobs, and the bytes of each day),
//! `key#…` (an idempotency key), `reservation#<run_id>` (a payload without a record, yet). Every write
//! that decides something is conditional, and counters change in the transaction that changes what they
//! count.
//!
//! The indexes hold keys alone: `by-owner` an owner's jobs by time, `by-status` the same of one status,
//! `by-due` what has to be looked at, by the moment at which it has to be, in lanes that are read in
//! parallel.

mod items;
mod keys;
mod takeover;
mod writes;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, KeysAndAttributes, Put};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use resonare_jobs::ports::{
    AdmissionOutcome, Creation, CreationOutcome, DueItem, DuePage, IdempotencyKey, JobStore,
    KeyedRun, Page, Unavailable, WriteOutcome,
};
use resonare_jobs::{JobRecord, JobStatus, Limits, Owner, RunId, Tally};

use crate::failure::{failed, has_code, unavailable};
use items::{Item, PORT, integer, item, number, record, string, text};
use keys::LANES;
pub use takeover::TakeoverReport;
use writes::{Charge, Writes};

/// The index of an owner's jobs.
const BY_OWNER: &str = "by-owner";
/// The index of an owner's jobs of one status.
const BY_STATUS: &str = "by-status";
/// The index of what has to be looked at.
const BY_DUE: &str = "by-due";

/// Items that are read in one call, as many as there may be.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>
const BATCH: usize = 100;

/// Attempts at a batch whose items the table gives only a part of.
const BATCH_ATTEMPTS: u32 = 5;

/// The pause before the second of them; each further one is twice as long.
const BATCH_PAUSE: Duration = Duration::from_millis(50);

/// Records in a table of `DynamoDB`.
#[derive(Clone, Debug)]
pub struct DynamoJobStore {
    client: Client,
    table: String,
}

/// What became of a conditional write.
fn written<T, E>(sent: Result<T, SdkError<E, HttpResponse>>) -> Result<WriteOutcome, Unavailable>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match sent {
        Ok(_) => Ok(WriteOutcome::Done),
        // Where a transaction on the same item is under way, somebody else gets ahead.
        Err(error)
            if has_code(
                &error,
                &[
                    "ConditionalCheckFailedException",
                    "TransactionConflictException",
                ],
            ) =>
        {
            Ok(WriteOutcome::Conflict)
        }
        Err(error) => Err(failed(PORT, &error)),
    }
}

impl DynamoJobStore {
    /// The records of a table.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// The write that binds a key to a record's run, unless it is bound to another.
    fn bind(&self, record: &JobRecord, key: &IdempotencyKey) -> Result<Put, Unavailable> {
        let run_id = text(record.run_id.to_string());
        let bind = Put::builder()
            .table_name(&self.table)
            .item("pk", text(keys::idempotency(&record.owner, &key.key)))
            .item("run_id", run_id.clone())
            .item("fingerprint", text(&key.fingerprint))
            .item("ttl", number(key.expires_at.as_second()))
            .condition_expression("attribute_not_exists(pk) OR #ttl <= :now OR run_id = :run_id")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", number(record.created_at.as_second()))
            .expression_attribute_values(":run_id", run_id)
            .build();
        bind.map_err(|error| unavailable(PORT, error))
    }

    /// The write of a record over another revision of it.
    fn put_over(&self, before: &JobRecord, after: &JobRecord) -> Result<Put, Unavailable> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item(after)?))
            .condition_expression("revision = :before")
            .expression_attribute_values(":before", number(before.revision))
            .build();
        put.map_err(|error| unavailable(PORT, error))
    }

    /// The removal of a reservation that stands.
    fn use_reservation(&self, run_id: RunId) -> Result<Delete, Unavailable> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("pk", text(keys::reservation(run_id)))
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(abandoned)")
            .build();
        delete.map_err(|error| unavailable(PORT, error))
    }

    async fn get_item(&self, key: String) -> Result<Option<Item>, Unavailable> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(key))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| failed(PORT, &error))?;
        Ok(found.item)
    }

    fn query(&self, index: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .index_name(index)
    }

    /// The records of these runs, as far as there are any, in this order. They may be a moment behind.
    async fn records_of(&self, runs: &[RunId]) -> Result<Vec<JobRecord>, Unavailable> {
        let batches = runs.chunks(BATCH).map(|runs| self.batch(runs));
        let mut found: HashMap<RunId, JobRecord> = try_join_all(batches)
            .await?
            .into_iter()
            .flatten()
            .map(|record| (record.run_id, record))
            .collect();
        Ok(runs
            .iter()
            .filter_map(|run_id| found.remove(run_id))
            .collect())
    }

    async fn batch(&self, runs: &[RunId]) -> Result<Vec<JobRecord>, Unavailable> {
        let key = |run_id: &RunId| HashMap::from([("pk".to_owned(), text(keys::job(*run_id)))]);
        let wanted = KeysAndAttributes::builder().set_keys(Some(runs.iter().map(key).collect()));
        let wanted = wanted.build().map_err(|error| unavailable(PORT, error))?;
        let mut left = HashMap::from([(self.table.clone(), wanted)]);
        let (mut records, mut pause) = (Vec::new(), BATCH_PAUSE);
        for _ in 0..BATCH_ATTEMPTS {
            let got = self
                .client
                .batch_get_item()
                .set_request_items(Some(left))
                .send()
                .await
                .map_err(|error| failed(PORT, &error))?;
            for item in got
                .responses
                .into_iter()
                .flat_map(HashMap::into_values)
                .flatten()
            {
                // One bad record does not hide the others.
                match record(&item) {
                    Ok(record) => records.push(record),
                    Err(error) => tracing::error!("skipping an unreadable record: {}", error.cause),
                }
            }
            left = got.unprocessed_keys.unwrap_or_default();
            if left.is_empty() {
                return Ok(records);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Err(unavailable(PORT, "the table did not return all items"))
    }

    /// Places in a lane that are due, from after `after` on, and whether there may be more.
    async fn due_in(
        &self,
        lane: u8,
        end: &str,
        after: &str,
        limit: usize,
    ) -> Result<(Vec<String>, bool), Unavailable> {
        let page = self
            .query(BY_DUE)
            .key_condition_expression("lane = :lane AND due BETWEEN :after AND :end")
            .expression_attribute_values(":lane", text(lane.to_string()))
            // The place right after it.
            .expression_attribute_values(":after", text(format!("{after} ")))
            .expression_attribute_values(":end", text(end))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| failed(PORT, &error))?;
        let items = page.items.unwrap_or_default();
        let places = items.iter().filter_map(|item| string(item, "due"));
        Ok((
            places.map(str::to_owned).collect(),
            page.last_evaluated_key.is_some(),
        ))
    }
}

#[async_trait]
impl JobStore for DynamoJobStore {
    async fn reserve(&self, run_id: RunId, due_at: Timestamp) -> Result<(), Unavailable> {
        let key = keys::reservation(run_id);
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("lane", text(keys::lane(run_id)))
            .item("due", text(keys::due(due_at, &key)))
            .item("pk", text(key));
        put.send().await.map_err(|error| failed(PORT, &error))?;
        Ok(())
    }

    async fn abandon(&self, run_id: RunId) -> Result<WriteOutcome, Unavailable> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(keys::reservation(run_id)))
            .update_expression("SET abandoned = :true")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":true", AttributeValue::Bool(true));
        written(update.send().await)
    }

    async fn release(&self, run_id: RunId) -> Result<(), Unavailable> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("pk", text(keys::reservation(run_id)));
        delete.send().await.map_err(|error| failed(PORT, &error))?;
        Ok(())
    }

    async fn create(&self, creation: Creation<'_>) -> Result<CreationOutcome, Unavailable> {
        let Creation {
            record,
            key,
            limits,
            reserved,
        } = creation;
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item(record)?))
            .condition_expression("attribute_not_exists(pk)")
            .build();
        let mut writes = Writes::default();
        let created = writes.put(put.map_err(|error| unavailable(PORT, error))?);
        let mut reservation = usize::MAX;
        if reserved {
            reservation = writes.delete(self.use_reservation(record.run_id)?);
        }
        let mut bound = usize::MAX;
        if let Some(key) = key {
            bound = writes.put(self.bind(record, key)?);
        }
        let mut charged = usize::MAX;
        if record.counted {
            match writes::charge(&self.table, record, record.tally(), limits)? {
                Charge::Update(charge) => charged = writes.update(*charge),
                Charge::Never(limit) => return Ok(CreationOutcome::Refused(limit)),
            }
        } else if let Some(count) = writes::count(&self.table, record, record.tally())? {
            writes.update(count);
        }
        let Some(refused) = writes.send(&self.client).await? else {
            return Ok(CreationOutcome::Done);
        };
        if refused.is(created) {
            return Ok(CreationOutcome::Conflict);
        }
        if refused.is(reservation) {
            return Ok(CreationOutcome::NotReserved);
        }
        match key.filter(|_| refused.is(bound)) {
            Some(key) => {
                let found = self.run_of_key(&record.owner, &key.key, record.created_at);
                found
                    .await?
                    .map(CreationOutcome::Before)
                    .ok_or_else(|| unavailable(PORT, "a key is both bound and free"))
            }
            None => refused
                .limit(charged, limits)
                .map(CreationOutcome::Refused)
                .ok_or_else(|| unavailable(PORT, "a write was refused for no reason")),
        }
    }

    async fn run_of_key(
        &self,
        owner: &Owner,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<KeyedRun>, Unavailable> {
        let found = self.get_item(keys::idempotency(owner, key)).await?;
        Ok(found.and_then(|item| {
            let run = KeyedRun {
                run_id: string(&item, "run_id")?.parse().ok()?,
                fingerprint: string(&item, "fingerprint")?.to_owned(),
            };
            (integer(&item, "ttl")? > now.as_second()).then_some(run)
        }))
    }

    async fn get(&self, run_id: RunId) -> Result<Option<JobRecord>, Unavailable> {
        let found = self.get_item(keys::job(run_id)).await?;
        found.as_ref().map(record).transpose()
    }

    async fn replace(
        &self,
        before: &JobRecord,
        after: &JobRecord,
    ) -> Result<WriteOutcome, Unavailable> {
        let put = self.put_over(before, after)?;
        let change = after.tally() - before.tally();
        let Some(count) = writes::count(&self.table, after, change)? else {
            // One item needs no transaction, which costs twice as much.
            let put = self
                .client
                .put_item()
                .table_name(&self.table)
                .set_item(Some(put.item))
                .set_condition_expression(put.condition_expression)
                .set_expression_attribute_values(put.expression_attribute_values);
            return written(put.send().await);
        };
        let mut writes = Writes::default();
        writes.put(put);
        writes.update(count);
        Ok(match writes.send(&self.client).await? {
            None => WriteOutcome::Done,
            Some(_) => WriteOutcome::Conflict,
        })
    }

    async fn admit(
        &self,
        before: &JobRecord,
        after: &JobRecord,
        limits: Limits,
    ) -> Result<AdmissionOutcome, Unavailable> {
        let mut writes = Writes::default();
        let put = writes.put(self.put_over(before, after)?);
        let change = after.tally() - before.tally();
        let charged = match writes::charge(&self.table, after, change, limits)? {
            Charge::Update(charge) => writes.update(*charge),
            Charge::Never(limit) => return Ok(AdmissionOutcome::Refused(limit)),
        };
        let Some(refused) = writes.send(&self.client).await? else {
            return Ok(AdmissionOutcome::Done);
        };
        if refused.is(put) {
            return Ok(AdmissionOutcome::Conflict);
        }
        refused
            .limit(charged, limits)
            .map(AdmissionOutcome::Refused)
            .ok_or_else(|| unavailable(PORT, "a write was refused for no reason"))
    }

    async fn remove(&self, record: &JobRecord) -> Result<WriteOutcome, Unavailable> {
        // The key goes first: with the record, nothing would say any more that there is one.
        if let Some(key) = &record.idempotency_key {
            let forget = self
                .client
                .delete_item()
                .table_name(&self.table)
                .key("pk", text(keys::idempotency(&record.owner, key)))
                .condition_expression("run_id = :run_id")
                .expression_attribute_values(":run_id", text(record.run_id.to_string()));
            // Another job's key stays.
            let _forgotten = written(forget.send().await)?;
        }
        let key = text(keys::job(record.run_id));
        let revision = number(record.revision);
        let change = Tally::default() - record.tally();
        let Some(count) = writes::count(&self.table, record, change)? else {
            let delete = self
                .client
                .delete_item()
                .table_name(&self.table)
                .key("pk", key)
                .condition_expression("attribute_not_exists(pk) OR revision = :revision")
                .expression_attribute_values(":revision", revision);
            return written(delete.send().await);
        };
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("pk", key)
            .condition_expression("revision = :revision")
            .expression_attribute_values(":revision", revision)
            .build();
        let mut writes = Writes::default();
        writes.delete(delete.map_err(|error| unavailable(PORT, error))?);
        writes.update(count);
        if writes.send(&self.client).await?.is_none() || self.get(record.run_id).await?.is_none() {
            Ok(WriteOutcome::Done)
        } else {
            Ok(WriteOutcome::Conflict)
        }
    }

    async fn list(
        &self,
        owner: &Owner,
        status: Option<JobStatus>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page, Unavailable> {
        let (index, attribute, value) = match status {
            None => (BY_OWNER, "owner", owner.0.clone()),
            Some(status) => (BY_STATUS, "owner_status", keys::owner_status(owner, status)),
        };
        let start = cursor.and_then(|created| {
            let (_, run_id) = keys::parse_created(created)?;
            Some(HashMap::from([
                ("pk".to_owned(), text(keys::job(run_id))),
                (attribute.to_owned(), text(&value)),
                ("created".to_owned(), text(created)),
            ]))
        });
        let page = self
            .query(index)
            .key_condition_expression("#key = :value")
            .expression_attribute_names("#key", attribute)
            .expression_attribute_values(":value", text(value))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| failed(PORT, &error))?;
        let next = page.last_evaluated_key.as_ref();
        let next = next.and_then(|key| string(key, "created").map(str::to_owned));
        let items = page.items.unwrap_or_default();
        let places = items.iter().filter_map(|item| string(item, "created"));
        let runs: Vec<_> = places
            .filter_map(|place| Some(keys::parse_created(place)?.1))
            .collect();
        let mut records = self.records_of(&runs).await?;
        // The index may be behind the records.
        records.retain(|record| {
            record.deleted_at.is_none() && status.is_none_or(|status| record.status == status)
        });
        Ok(Page { records, next })
    }

    async fn due(
        &self,
        now: Timestamp,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<DuePage, Unavailable> {
        let end = keys::end_of_due(now);
        let mut places: Vec<String> = match cursor {
            Some(cursor) => cursor.split('/').map(str::to_owned).collect(),
            None => Vec::new(),
        };
        places.resize(usize::from(LANES), String::new());
        // All lanes at the same time: each gives a part of the page.
        let share = limit.div_ceil(usize::from(LANES)).max(1);
        let lanes = (0..LANES).zip(&places);
        let lanes = lanes.map(|(lane, after)| self.due_in(lane, &end, after, share));
        let lanes = try_join_all(lanes).await?;
        // What comes after the last of a lane that has more may be older than the rest of that lane.
        let horizon = lanes.iter().filter(|(_, has_more)| *has_more);
        let horizon = horizon.filter_map(|(found, _)| found.last()).min().cloned();
        let has_more = horizon.is_some();
        let mut found: Vec<(String, usize)> = lanes
            .into_iter()
            .enumerate()
            .flat_map(|(lane, (found, _))| found.into_iter().map(move |place| (place, lane)))
            .filter(|(place, _)| horizon.as_ref().is_none_or(|horizon| place <= horizon))
            .collect();
        found.sort_unstable();
        for (place, lane) in &found {
            places[*lane].clone_from(place);
        }
        let keys = found.iter().filter_map(|(place, _)| keys::parse_due(place));
        // While the index follows a change, a record may be in two places.
        let mut seen = HashSet::new();
        let keys: Vec<_> = keys
            .filter_map(|(since, key)| Some((since, keys::parse(key)?)))
            .filter(|(_, found)| seen.insert(*found))
            .collect();
        let jobs: Vec<_> = keys
            .iter()
            .filter(|(_, (_, is_reservation))| !is_reservation)
            .map(|(_, (run_id, _))| *run_id)
            .collect();
        let records = self.records_of(&jobs).await?;
        let mut records: HashMap<_, _> = records
            .into_iter()
            .map(|record| (record.run_id, record))
            .collect();
        let due = keys.iter().filter_map(|(_, (run_id, is_reservation))| {
            if *is_reservation {
                return Some(DueItem::Reservation(*run_id));
            }
            // The index may be behind the records.
            let record = records.remove(run_id).filter(|record| record.due() <= now);
            Some(DueItem::Job(Box::new(record?)))
        });
        Ok(DuePage {
            due: due.collect(),
            oldest: keys.first().map(|(since, _)| *since),
            next: has_more.then(|| places.join("/")),
        })
    }

    async fn counters(&self, owner: &Owner) -> Result<Tally, Unavailable> {
        let found = self.get_item(keys::owner(owner)).await?.unwrap_or_default();
        let counter = |name| integer(&found, name).unwrap_or_default();
        Ok(Tally {
            active: counter("active"),
            queued: counter("queued"),
            running: counter("running"),
            held: counter("held"),
        })
    }

    async fn oldest_queued(
        &self,
        owner: &Owner,
        limit: usize,
    ) -> Result<Vec<(Timestamp, RunId)>, Unavailable> {
        let page = self
            .query(BY_STATUS)
            .key_condition_expression("owner_status = :value")
            .expression_attribute_values(
                ":value",
                text(keys::owner_status(owner, JobStatus::Queued)),
            )
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| failed(PORT, &error))?;
        let items = page.items.unwrap_or_default();
        let places = items.iter().filter_map(|item| string(item, "created"));
        Ok(places.filter_map(keys::parse_created).collect())
    }
}
