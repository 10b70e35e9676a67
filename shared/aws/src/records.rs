//! Records in one table of `DynamoDB`.
//!
//! Items, by the beginning of their key `pk`: `job#<run_id>` (a record as JSON, with what the indexes
//! need beside it), `key#…` (an idempotency key), `uploads#…` (what an owner uploaded on a day).
//! Every write that decides something is conditional.
//!
//! The index `by-owner` has an owner's jobs by time. The index `by-work` is sharded by the last digit
//! of the run's name (`lane`), and ordered by `work`: what is not finished (`0#<status>#<time>`), then what is
//! finished by the moment at which it expires (`9#<time>`).

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, Select, TransactWriteItem};
use futures_util::future::join_all;
use jiff::Timestamp;
use resonare_jobs::ports::{
    Created, IdempotencyKey, JobStore, KeyedRun, Page, Unavailable, Written,
};
use resonare_jobs::{JobRecord, JobStatus, Owner, RunId};
use sha2::{Digest as _, Sha256};

use crate::failure::unavailable;

const PORT: &str = "records";

/// The index of an owner's jobs.
const BY_OWNER: &str = "by-owner";
/// The index of work to do.
const BY_WORK: &str = "by-work";

/// Parts of the index of work, so that no one partition takes every write.
const SHARDS: u8 = 4;

/// Records stay this much longer than they are shown, so that the sweeper comes first.
const TTL_GRACE_SECS: i64 = 2 * 86_400;

type Item = HashMap<String, AttributeValue>;

/// Records in a table of `DynamoDB`.
#[derive(Clone, Debug)]
pub struct DynamoJobStore {
    client: Client,
    table: String,
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn pk(run_id: RunId) -> AttributeValue {
    text(format!("job#{run_id}"))
}

/// The place of a job among others, by time.
fn created(record: &JobRecord) -> String {
    format!(
        "{:020}_{}",
        record.created_at.as_microsecond(),
        record.run_id
    )
}

/// The moment and the run of a place.
fn parse_created(created: &str) -> Option<(Timestamp, RunId)> {
    let (micros, run_id) = created.split_once('_')?;
    let moment = Timestamp::from_microsecond(micros.parse().ok()?).ok()?;
    Some((moment, run_id.parse().ok()?))
}

fn shard(run_id: RunId) -> String {
    let digit = run_id.to_string().bytes().last().unwrap_or_default();
    (digit % SHARDS).to_string()
}

fn finished_before(now: Timestamp) -> String {
    format!("9#{:012}", now.as_second())
}

fn work(record: &JobRecord) -> String {
    if record.status.is_finished() {
        let expires = finished_before(record.expires_at);
        format!("{expires}_{}", record.run_id)
    } else {
        format!("0#{}#{}", record.status.name(), created(record))
    }
}

fn item(record: &JobRecord) -> Result<Item, Unavailable> {
    let json = serde_json::to_string(record).map_err(|error| unavailable(PORT, error))?;
    let ttl = record.expires_at.as_second() + TTL_GRACE_SECS;
    Ok(HashMap::from([
        ("pk".to_owned(), pk(record.run_id)),
        ("revision".to_owned(), number(record.revision)),
        ("record".to_owned(), text(json)),
        ("status".to_owned(), text(record.status.name())),
        ("owner".to_owned(), text(&record.owner.0)),
        ("created".to_owned(), text(created(record))),
        ("lane".to_owned(), text(shard(record.run_id))),
        ("work".to_owned(), text(work(record))),
        ("ttl".to_owned(), number(ttl)),
    ]))
}

/// The key of an owner's idempotency key, which is no secret of theirs.
fn key_pk(owner: &Owner, key: &str) -> AttributeValue {
    let digest = Sha256::digest(format!("{}\n{key}", owner.0));
    text(format!("key#{}", base16ct::lower::encode_string(&digest)))
}

fn string<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

fn record(item: &Item) -> Result<JobRecord, Unavailable> {
    let json = string(item, "record").unwrap_or_default();
    serde_json::from_str(json).map_err(|error| unavailable(PORT, error))
}

/// What became of a conditional write.
macro_rules! written {
    ($sent:expr) => {
        match $sent {
            Ok(_) => Ok(Written::Done),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(Written::Conflict)
            }
            Err(error) => Err(unavailable(PORT, error)),
        }
    };
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
            .item("pk", key_pk(&record.owner, &key.key))
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

    /// An owner's jobs whose work begins like that, counted up to `cap`.
    async fn count_work(
        &self,
        beginning: &str,
        owner: &Owner,
        cap: usize,
    ) -> Result<usize, Unavailable> {
        let shards = (0..SHARDS).map(|shard| self.count_in(shard, beginning, owner, cap));
        let mut count = 0;
        for counted in join_all(shards).await {
            count += counted?;
        }
        Ok(count.min(cap))
    }

    /// Those of them that are in a shard.
    async fn count_in(
        &self,
        shard: u8,
        beginning: &str,
        owner: &Owner,
        cap: usize,
    ) -> Result<usize, Unavailable> {
        let mut count = 0;
        let mut start = None;
        loop {
            let page = self
                .work_in(shard, beginning)
                .filter_expression("#owner = :owner")
                .expression_attribute_names("#owner", "owner")
                .expression_attribute_values(":owner", text(&owner.0))
                .select(Select::Count)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| unavailable(PORT, error))?;
            count += usize::try_from(page.count).unwrap_or_default();
            start = page.last_evaluated_key;
            if count >= cap || start.is_none() {
                return Ok(count.min(cap));
            }
        }
    }

    fn query(&self, index: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .index_name(index)
    }

    /// A shard's part of the work whose key begins like that.
    fn work_in(&self, shard: u8, beginning: &str) -> QueryFluentBuilder {
        self.query(BY_WORK)
            .key_condition_expression("lane = :lane AND begins_with(#work, :beginning)")
            .expression_attribute_names("#work", "work")
            .expression_attribute_values(":lane", text(shard.to_string()))
            .expression_attribute_values(":beginning", text(beginning))
    }

    /// Runs in a shard that a sweeper has to look at, from behind `after` on.
    async fn due_in(
        &self,
        shard: u8,
        now: Timestamp,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, RunId)>, Unavailable> {
        let mut found = Vec::new();
        let mut start = None;
        // What is finished and not expired lies behind everything that is due.
        let end = format!("{}_~", finished_before(now));
        loop {
            let page = self
                .query(BY_WORK)
                .key_condition_expression("lane = :lane AND #work BETWEEN :after AND :end")
                .expression_attribute_names("#work", "work")
                .expression_attribute_values(":lane", text(shard.to_string()))
                .expression_attribute_values(":after", text(format!("{after} ")))
                .expression_attribute_values(":end", text(&end))
                .limit(i32::try_from(limit).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| unavailable(PORT, error))?;
            for item in page.items.unwrap_or_default() {
                let run = string(&item, "pk").and_then(|pk| pk.strip_prefix("job#")?.parse().ok());
                found.extend(string(&item, "work").map(str::to_owned).zip(run));
            }
            start = page.last_evaluated_key;
            if start.is_none() || found.len() >= limit {
                found.truncate(limit);
                return Ok(found);
            }
        }
    }
}

#[async_trait]
impl JobStore for DynamoJobStore {
    async fn create(
        &self,
        record: &JobRecord,
        key: Option<&IdempotencyKey>,
        active_limit: usize,
    ) -> Result<Created, Unavailable> {
        if record.status.is_active()
            && active_limit < usize::MAX
            && self.active(&record.owner, active_limit).await? >= active_limit
        {
            return Ok(Created::TooMany);
        }
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item(record)?))
            .condition_expression("attribute_not_exists(pk)")
            .build();
        let put = put.map_err(|error| unavailable(PORT, error))?;
        let mut writes = vec![TransactWriteItem::builder().put(put).build()];
        if let Some(key) = key {
            let bind = self.bind(record, key)?;
            writes.push(TransactWriteItem::builder().put(bind).build());
        }
        let written = self
            .client
            .transact_write_items()
            .set_transact_items(Some(writes))
            .send()
            .await;
        let Err(error) = written else {
            return Ok(Created::Done);
        };
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
            error.as_service_error()
        else {
            return Err(unavailable(PORT, error));
        };
        let failed = |index: usize| {
            let reason = cancelled.cancellation_reasons().get(index);
            reason.is_some_and(|reason| reason.code() == Some("ConditionalCheckFailed"))
        };
        if failed(0) {
            return Ok(Created::Conflict);
        }
        match key.filter(|_| failed(1)) {
            Some(key) => {
                let bound = self.run_of_key(&record.owner, &key.key, record.created_at);
                let bound = bound.await?;
                bound
                    .map(Created::Before)
                    .ok_or_else(|| unavailable(PORT, "a key is bound and free at once"))
            }
            None => Err(unavailable(PORT, error)),
        }
    }

    async fn run_of_key(
        &self,
        owner: &Owner,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<KeyedRun>, Unavailable> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", key_pk(owner, key))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable(PORT, error))?;
        Ok(found.item.and_then(|item| {
            let expires_at: i64 = item.get("ttl")?.as_n().ok()?.parse().ok()?;
            let run = KeyedRun {
                run_id: string(&item, "run_id")?.parse().ok()?,
                fingerprint: string(&item, "fingerprint")?.to_owned(),
            };
            (expires_at > now.as_second()).then_some(run)
        }))
    }

    async fn get(&self, run_id: RunId) -> Result<Option<JobRecord>, Unavailable> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", pk(run_id))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable(PORT, error))?;
        found.item.as_ref().map(record).transpose()
    }

    async fn replace(&self, record: &JobRecord) -> Result<Written, Unavailable> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item(record)?))
            .condition_expression("revision = :before")
            .expression_attribute_values(":before", number(record.revision.saturating_sub(1)));
        written!(put.send().await)
    }

    async fn remove(&self, record: &JobRecord) -> Result<Written, Unavailable> {
        // The key goes first: with the record, nothing would say any more that there is one.
        if let Some(key) = &record.idempotency_key {
            let forget = self
                .client
                .delete_item()
                .table_name(&self.table)
                .key("pk", key_pk(&record.owner, key))
                .condition_expression("run_id = :run_id")
                .expression_attribute_values(":run_id", text(record.run_id.to_string()));
            // Another job's key stays.
            let _forgotten: Written = written!(forget.send().await)?;
        }
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("pk", pk(record.run_id))
            .condition_expression("attribute_not_exists(pk) OR revision = :revision")
            .expression_attribute_values(":revision", number(record.revision));
        written!(delete.send().await)
    }

    async fn list(
        &self,
        owner: &Owner,
        status: Option<JobStatus>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page, Unavailable> {
        let mut start = cursor.and_then(|created| {
            Some(HashMap::from([
                ("pk".to_owned(), pk(parse_created(created)?.1)),
                ("owner".to_owned(), text(&owner.0)),
                ("created".to_owned(), text(created)),
            ]))
        });
        let mut records = Vec::new();
        loop {
            let mut query = self
                .query(BY_OWNER)
                .key_condition_expression("#owner = :owner")
                .expression_attribute_names("#owner", "owner")
                .expression_attribute_values(":owner", text(&owner.0))
                .scan_index_forward(false)
                .limit(i32::try_from(limit.saturating_add(1)).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start);
            if let Some(status) = status {
                query = query
                    .filter_expression("#status = :status")
                    .expression_attribute_names("#status", "status")
                    .expression_attribute_values(":status", text(status.name()));
            }
            let page = query
                .send()
                .await
                .map_err(|error| unavailable(PORT, error))?;
            for item in page.items.unwrap_or_default() {
                records.push(record(&item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() || records.len() > limit {
                break;
            }
        }
        let more = records.len() > limit;
        records.truncate(limit);
        let next = records.last().filter(|_| more).map(created);
        Ok(Page { records, next })
    }

    async fn due(
        &self,
        now: Timestamp,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page, Unavailable> {
        let place = cursor.and_then(|cursor| cursor.split_once('/'));
        let (first, mut after) = place.map_or((0, ""), |(shard, after)| {
            (shard.parse().unwrap_or(SHARDS), after)
        });
        let mut page = Page::default();
        for shard in first..SHARDS {
            let wanted = limit - page.records.len();
            let found = self.due_in(shard, now, after, wanted).await?;
            after = "";
            let last = found.last().map(|(work, _)| format!("{shard}/{work}"));
            for (_, run_id) in &found {
                // The index is a moment behind, and has no records.
                page.records.extend(self.get(*run_id).await?);
            }
            if found.len() == wanted {
                page.next = last;
                break;
            }
        }
        Ok(page)
    }

    async fn count(
        &self,
        owner: &Owner,
        status: JobStatus,
        cap: usize,
    ) -> Result<usize, Unavailable> {
        if status.is_finished() {
            return Ok(self
                .list(owner, Some(status), None, cap)
                .await?
                .records
                .len());
        }
        let beginning = format!("0#{}#", status.name());
        self.count_work(&beginning, owner, cap).await
    }

    async fn active(&self, owner: &Owner, cap: usize) -> Result<usize, Unavailable> {
        self.count_work("0#", owner, cap).await
    }

    async fn oldest_queued(&self, limit: usize) -> Result<Vec<(Timestamp, RunId)>, Unavailable> {
        let beginning = format!("0#{}#", JobStatus::Queued.name());
        let mut queued = Vec::new();
        for shard in 0..SHARDS {
            let page = self
                .work_in(shard, &beginning)
                .limit(i32::try_from(limit).unwrap_or(i32::MAX))
                .send()
                .await
                .map_err(|error| unavailable(PORT, error))?;
            let items = page.items.unwrap_or_default();
            queued.extend(
                items
                    .iter()
                    .filter_map(|item| string(item, "work").map(str::to_owned)),
            );
        }
        queued.sort_unstable();
        queued.truncate(limit);
        let created = queued
            .iter()
            .filter_map(|work| work.strip_prefix(&beginning));
        Ok(created.filter_map(parse_created).collect())
    }

    async fn add_upload(
        &self,
        owner: &Owner,
        day: i64,
        bytes: u64,
        limit: u64,
    ) -> Result<Written, Unavailable> {
        const DAY: i64 = 86_400;
        let Some(room) = limit.checked_sub(bytes) else {
            return Ok(Written::Conflict);
        };
        let digest = Sha256::digest(&owner.0);
        let owner = base16ct::lower::encode_string(&digest);
        let add = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(format!("uploads#{owner}#{day}")))
            .update_expression("ADD #bytes :bytes SET #ttl = :ttl")
            .condition_expression("attribute_not_exists(#bytes) OR #bytes <= :room")
            .expression_attribute_names("#bytes", "bytes")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":bytes", number(bytes))
            .expression_attribute_values(":room", number(room))
            .expression_attribute_values(":ttl", number((day + 2) * DAY));
        written!(add.send().await)
    }
}
