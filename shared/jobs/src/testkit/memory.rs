//! Adapters in memory.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Cursor, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::ports::{
    Clock, Created, IdempotencyKey, JobStore, KeyedRun, Message, ObjectReader, ObjectStore,
    ObjectWriter, Page, Queue, Unavailable, Written,
};
use crate::record::{JobRecord, JobStatus, Owner, RunId};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A clock that is moved by hand.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<Timestamp>>);

impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        *lock(&self.0) += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *lock(&self.0)
    }
}

/// An object and when it was stored.
type Stored = (Arc<[u8]>, Timestamp);

/// Objects in memory.
#[derive(Clone, Debug)]
pub struct MemoryObjectStore {
    objects: Arc<Mutex<BTreeMap<String, Stored>>>,
    clock: ManualClock,
}

impl MemoryObjectStore {
    /// An empty store.
    pub fn new(clock: ManualClock) -> Self {
        Self {
            objects: Arc::default(),
            clock,
        }
    }

    /// The keys of all objects.
    pub fn keys(&self) -> Vec<String> {
        lock(&self.objects).keys().cloned().collect()
    }
}

struct MemoryWriter {
    store: MemoryObjectStore,
    key: String,
    bytes: Vec<u8>,
}

impl Write for MemoryWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ObjectWriter for MemoryWriter {
    fn finish(self: Box<Self>) -> io::Result<()> {
        let now = self.store.clock.now();
        lock(&self.store.objects).insert(self.key, (self.bytes.into(), now));
        Ok(())
    }
}

#[async_trait]
impl ObjectStore for MemoryObjectStore {
    async fn create(&self, key: &str) -> Result<Box<dyn ObjectWriter>, Unavailable> {
        let (store, key) = (self.clone(), key.to_owned());
        Ok(Box::new(MemoryWriter {
            store,
            key,
            bytes: Vec::new(),
        }))
    }

    async fn open(
        &self,
        key: &str,
        _version: Option<&str>,
    ) -> Result<Option<ObjectReader>, Unavailable> {
        let found = lock(&self.objects)
            .get(key)
            .map(|(bytes, _)| Arc::clone(bytes));
        Ok(found.map(|bytes| ObjectReader {
            size_bytes: bytes.len() as u64,
            reader: Box::new(Cursor::new(bytes)),
        }))
    }

    async fn remove(&self, key: &str, _version: Option<&str>) -> Result<(), Unavailable> {
        lock(&self.objects).remove(key);
        Ok(())
    }

    async fn remove_all(&self, prefix: &str) -> Result<(), Unavailable> {
        lock(&self.objects).retain(|key, _| !key.starts_with(prefix));
        Ok(())
    }

    async fn runs_older_than(&self, age: Duration) -> Result<Vec<RunId>, Unavailable> {
        let limit = self.clock.now() - age;
        let objects = lock(&self.objects);
        let old = objects
            .iter()
            .filter(|(_, (_, stored_at))| *stored_at < limit);
        let mut runs: Vec<RunId> = old
            .filter_map(|(key, _)| key.split('/').next()?.parse().ok())
            .collect();
        runs.dedup();
        Ok(runs)
    }
}

#[derive(Debug, Default)]
struct Records {
    by_run: BTreeMap<RunId, JobRecord>,
    keys: HashMap<(Owner, String), (KeyedRun, Timestamp)>,
    uploads: HashMap<(Owner, i64), u64>,
    completions: HashMap<RunId, u32>,
}

/// Records in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryJobStore(Arc<Mutex<Records>>);

/// Orders records newest first, and tells their place in that order.
fn place(record: &JobRecord) -> String {
    format!(
        "{:020}_{}",
        i128::from(i64::MAX) - record.created_at.as_nanosecond() / 1000,
        record.run_id
    )
}

fn page(records: Vec<JobRecord>, cursor: Option<&str>, limit: usize) -> Page {
    let mut records: Vec<_> = records
        .into_iter()
        .map(|record| (place(&record), record))
        .collect();
    records.sort_by(|a, b| a.0.cmp(&b.0));
    records.retain(|(place, _)| cursor.is_none_or(|cursor| &**place > cursor));
    let more = records.len() > limit;
    records.truncate(limit);
    let next = records
        .last()
        .filter(|_| more)
        .map(|(place, _)| place.clone());
    Page {
        records: records.into_iter().map(|(_, record)| record).collect(),
        next,
    }
}

impl MemoryJobStore {
    /// How often the records of runs were replaced by ones that are completed.
    pub fn completions(&self) -> HashMap<RunId, u32> {
        lock(&self.0).completions.clone()
    }
}

#[async_trait]
impl JobStore for MemoryJobStore {
    async fn create(
        &self,
        record: &JobRecord,
        key: Option<&IdempotencyKey>,
        active_limit: usize,
    ) -> Result<Created, Unavailable> {
        let mut all = lock(&self.0);
        if all.by_run.contains_key(&record.run_id) {
            return Ok(Created::Conflict);
        }
        let name = |key: &IdempotencyKey| (record.owner.clone(), key.key.clone());
        let bound = key.and_then(|key| all.keys.get(&name(key)));
        if let Some((run, _)) = bound.filter(|(_, expires_at)| *expires_at > record.created_at) {
            return Ok(Created::Before(run.clone()));
        }
        let is_active =
            |other: &&JobRecord| other.owner == record.owner && other.status.is_active();
        if record.status.is_active()
            && all.by_run.values().filter(is_active).count() >= active_limit
        {
            return Ok(Created::TooMany);
        }
        all.by_run.insert(record.run_id, record.clone());
        if let Some(key) = key {
            let run = KeyedRun {
                run_id: record.run_id,
                fingerprint: key.fingerprint.clone(),
            };
            all.keys.insert(name(key), (run, key.expires_at));
        }
        Ok(Created::Done)
    }

    async fn run_of_key(
        &self,
        owner: &Owner,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<KeyedRun>, Unavailable> {
        let all = lock(&self.0);
        let bound = all.keys.get(&(owner.clone(), key.to_owned()));
        let bound = bound.filter(|(_, expires_at)| *expires_at > now);
        Ok(bound.map(|(run, _)| run.clone()))
    }

    async fn get(&self, run_id: RunId) -> Result<Option<JobRecord>, Unavailable> {
        Ok(lock(&self.0).by_run.get(&run_id).cloned())
    }

    async fn replace(&self, record: &JobRecord) -> Result<Written, Unavailable> {
        let mut all = lock(&self.0);
        match all.by_run.get_mut(&record.run_id) {
            Some(stored) if stored.revision + 1 == record.revision => *stored = record.clone(),
            _ => return Ok(Written::Conflict),
        }
        if record.status == JobStatus::Completed {
            *all.completions.entry(record.run_id).or_default() += 1;
        }
        Ok(Written::Done)
    }

    async fn remove(&self, record: &JobRecord) -> Result<Written, Unavailable> {
        let mut all = lock(&self.0);
        match all.by_run.get(&record.run_id) {
            Some(stored) if stored.revision != record.revision => Ok(Written::Conflict),
            _ => {
                all.by_run.remove(&record.run_id);
                all.keys.retain(|_, (run, _)| run.run_id != record.run_id);
                Ok(Written::Done)
            }
        }
    }

    async fn list(
        &self,
        owner: &Owner,
        status: Option<JobStatus>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page, Unavailable> {
        let matches = |record: &&JobRecord| {
            record.owner == *owner && status.is_none_or(|status| record.status == status)
        };
        let records = lock(&self.0)
            .by_run
            .values()
            .filter(matches)
            .cloned()
            .collect();
        Ok(page(records, cursor, limit))
    }

    async fn due(
        &self,
        now: Timestamp,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page, Unavailable> {
        let matches = |record: &&JobRecord| !record.status.is_finished() || record.is_expired(now);
        let records = lock(&self.0)
            .by_run
            .values()
            .filter(matches)
            .cloned()
            .collect();
        Ok(page(records, cursor, limit))
    }

    async fn count(
        &self,
        owner: &Owner,
        status: JobStatus,
        cap: usize,
    ) -> Result<usize, Unavailable> {
        let all = lock(&self.0);
        let matches = |record: &&JobRecord| record.owner == *owner && record.status == status;
        Ok(all.by_run.values().filter(matches).take(cap).count())
    }

    async fn oldest_queued(&self, limit: usize) -> Result<Vec<(Timestamp, RunId)>, Unavailable> {
        let all = lock(&self.0);
        let queued = all
            .by_run
            .values()
            .filter(|record| record.status == JobStatus::Queued);
        let mut queued: Vec<_> = queued
            .map(|record| (record.created_at, record.run_id))
            .collect();
        queued.sort_unstable();
        queued.truncate(limit);
        Ok(queued)
    }

    async fn add_upload(
        &self,
        owner: &Owner,
        day: i64,
        bytes: u64,
        limit: u64,
    ) -> Result<Written, Unavailable> {
        let mut all = lock(&self.0);
        let sum = all.uploads.entry((owner.clone(), day)).or_default();
        if sum.saturating_add(bytes) > limit {
            return Ok(Written::Conflict);
        }
        *sum += bytes;
        Ok(Written::Done)
    }
}

#[derive(Debug)]
struct Waiting {
    run_id: RunId,
    visible_at: Timestamp,
    receipt: u64,
}

/// A queue in memory.
#[derive(Clone, Debug)]
pub struct MemoryQueue {
    messages: Arc<Mutex<(u64, Vec<Waiting>)>>,
    clock: ManualClock,
}

impl MemoryQueue {
    /// An empty queue.
    pub fn new(clock: ManualClock) -> Self {
        Self {
            messages: Arc::default(),
            clock,
        }
    }

    /// How many messages there are, hidden ones included.
    pub fn len(&self) -> usize {
        lock(&self.messages).1.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn send(&self, run_id: RunId, delay: Duration) -> Result<(), Unavailable> {
        let visible_at = self.clock.now() + delay;
        lock(&self.messages).1.push(Waiting {
            run_id,
            visible_at,
            receipt: 0,
        });
        Ok(())
    }

    async fn receive(&self, visibility: Duration) -> Result<Option<Message>, Unavailable> {
        let now = self.clock.now();
        let (last_receipt, messages) = &mut *lock(&self.messages);
        let visible = messages
            .iter_mut()
            .find(|message| message.visible_at <= now);
        Ok(visible.map(|message| {
            *last_receipt += 1;
            message.receipt = *last_receipt;
            message.visible_at = now + visibility;
            Message {
                receipt: message.receipt.to_string(),
                run_id: message.run_id,
            }
        }))
    }

    async fn hide(&self, receipt: &str, visibility: Duration) -> Result<(), Unavailable> {
        let visible_at = self.clock.now() + visibility;
        let messages = &mut lock(&self.messages).1;
        if let Some(message) = messages
            .iter_mut()
            .find(|m| m.receipt.to_string() == receipt)
        {
            message.visible_at = visible_at;
        }
        Ok(())
    }

    async fn acknowledge(&self, receipt: &str) -> Result<(), Unavailable> {
        lock(&self.messages)
            .1
            .retain(|message| message.receipt.to_string() != receipt);
        Ok(())
    }
}
