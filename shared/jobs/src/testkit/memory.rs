//! Adapters in memory.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Cursor, Write};
use std::ops::Add as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::limits::Limits;
use crate::ports::{
    AdmissionOutcome, Clock, Creation, CreationOutcome, DueItem, DuePage, IdempotencyKey, JobStore,
    KeyedRun, Limit, Message, ObjectReader, ObjectStore, ObjectWriter, Page, Queue, StoredObject,
    Unavailable, WriteOutcome,
};
use crate::record::{JobRecord, JobStatus, Owner, RunId, Tally};

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

type Object = (Arc<[u8]>, Timestamp);

/// Objects in memory. Each is stored a second after the one before, from 1970 on.
#[derive(Clone, Debug, Default)]
pub struct MemoryObjectStore {
    objects: Arc<Mutex<BTreeMap<String, Object>>>,
    writes: Arc<AtomicU64>,
    listings: Arc<AtomicU64>,
}

impl MemoryObjectStore {
    /// Stores an object as somebody does who has the store, and not this service.
    pub fn put(&self, key: &str, bytes: &[u8]) {
        let second = Duration::from_secs(self.writes.fetch_add(1, Ordering::Relaxed));
        let stored_at = Timestamp::UNIX_EPOCH + second;
        lock(&self.objects).insert(key.to_owned(), (bytes.into(), stored_at));
    }

    /// How often objects were looked for by the beginning of their keys.
    pub fn listings(&self) -> u64 {
        self.listings.load(Ordering::Relaxed)
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
        self.store.put(&self.key, &self.bytes);
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
        let found = lock(&self.objects).get(key).cloned();
        Ok(found.map(|(bytes, _)| ObjectReader {
            size_bytes: bytes.len() as u64,
            reader: Box::new(Cursor::new(bytes)),
        }))
    }

    async fn remove(&self, key: &str, _version: Option<&str>) -> Result<(), Unavailable> {
        lock(&self.objects).remove(key);
        Ok(())
    }

    async fn remove_all(&self, prefix: &str) -> Result<(), Unavailable> {
        self.listings.fetch_add(1, Ordering::Relaxed);
        lock(&self.objects).retain(|key, _| !key.starts_with(prefix));
        Ok(())
    }

    async fn find(&self, key: &str) -> Result<Option<StoredObject>, Unavailable> {
        let found = lock(&self.objects).get(key).cloned();
        Ok(found.map(|(bytes, stored_at)| StoredObject {
            size_bytes: bytes.len() as u64,
            version: None,
            last_modified: Some(stored_at),
        }))
    }
}

/// A reservation: when it is due, and whether it was abandoned.
type Reservation = (Timestamp, bool);

#[derive(Debug, Default)]
struct Records {
    by_run: BTreeMap<RunId, JobRecord>,
    keys: HashMap<(Owner, String), (KeyedRun, Timestamp)>,
    uploads: HashMap<(Owner, i64), u64>,
    reservations: BTreeMap<RunId, Reservation>,
    completions: HashMap<RunId, u32>,
}

impl Records {
    /// What an owner's jobs add up to: the oracle of every store's counters.
    fn tally(&self, owner: &Owner) -> Tally {
        let own = self.by_run.values().filter(|record| record.owner == *owner);
        own.map(JobRecord::tally).fold(Tally::default(), Tally::add)
    }

    /// Counts a record if its owner has room for it.
    fn count(&mut self, record: &JobRecord, limits: Limits) -> Result<(), Limit> {
        let active = usize::try_from(self.tally(&record.owner).active).unwrap_or_default();
        if active >= limits.active_jobs {
            return Err(Limit::ActiveJobs);
        }
        let name = (record.owner.clone(), record.day());
        let sum = self.uploads.entry(name).or_default();
        let bytes = sum.saturating_add(record.payload.size_bytes);
        if bytes > limits.bytes_per_day {
            return Err(Limit::BytesPerDay);
        }
        *sum = bytes;
        Ok(())
    }

    fn replace(&mut self, before: &JobRecord, after: &JobRecord) -> WriteOutcome {
        match self.by_run.get_mut(&after.run_id) {
            Some(stored) if stored.revision == before.revision => *stored = after.clone(),
            _ => return WriteOutcome::Conflict,
        }
        if after.status == JobStatus::Completed {
            *self.completions.entry(after.run_id).or_default() += 1;
        }
        WriteOutcome::Done
    }
}

/// Records in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryJobStore(Arc<Mutex<Records>>);

/// The place of a record among others, by time.
fn place(record: &JobRecord) -> String {
    format!(
        "{:020}_{}",
        record.created_at.as_microsecond(),
        record.run_id
    )
}

impl MemoryJobStore {
    /// How often the records of runs were replaced by ones that are completed.
    pub fn completions(&self) -> HashMap<RunId, u32> {
        lock(&self.0).completions.clone()
    }

    /// Makes every unfinished job and every reservation due, as a store does before
    /// [`crate::Jobs::recover`].
    pub fn make_due(&self, now: Timestamp) {
        let mut all = lock(&self.0);
        let records = all.by_run.values_mut();
        for record in records.filter(|record| !record.status.is_finished()) {
            record.due_at = Some(now);
        }
        for (due_at, _) in all.reservations.values_mut() {
            *due_at = now;
        }
    }

    /// The runs that have a reservation.
    pub fn reserved(&self) -> Vec<RunId> {
        lock(&self.0).reservations.keys().copied().collect()
    }
}

#[async_trait]
impl JobStore for MemoryJobStore {
    async fn reserve(&self, run_id: RunId, due_at: Timestamp) -> Result<(), Unavailable> {
        lock(&self.0).reservations.insert(run_id, (due_at, false));
        Ok(())
    }

    async fn abandon(&self, run_id: RunId) -> Result<WriteOutcome, Unavailable> {
        match lock(&self.0).reservations.get_mut(&run_id) {
            Some((_, is_abandoned)) => {
                *is_abandoned = true;
                Ok(WriteOutcome::Done)
            }
            None => Ok(WriteOutcome::Conflict),
        }
    }

    async fn release(&self, run_id: RunId) -> Result<(), Unavailable> {
        lock(&self.0).reservations.remove(&run_id);
        Ok(())
    }

    async fn create(&self, creation: Creation<'_>) -> Result<CreationOutcome, Unavailable> {
        let Creation { record, key, .. } = creation;
        let mut all = lock(&self.0);
        if all.by_run.contains_key(&record.run_id) {
            return Ok(CreationOutcome::Conflict);
        }
        let reservation = all.reservations.get(&record.run_id);
        if creation.reserved && reservation.is_none_or(|(_, is_abandoned)| *is_abandoned) {
            return Ok(CreationOutcome::NotReserved);
        }
        let name = |key: &IdempotencyKey| (record.owner.clone(), key.key.clone());
        let bound = key.and_then(|key| all.keys.get(&name(key)));
        if let Some((run, _)) = bound.filter(|(_, expires_at)| *expires_at > record.created_at) {
            return Ok(CreationOutcome::Before(run.clone()));
        }
        if record.counted
            && let Err(limit) = all.count(record, creation.limits)
        {
            return Ok(CreationOutcome::Refused(limit));
        }
        all.by_run.insert(record.run_id, record.clone());
        all.reservations.remove(&record.run_id);
        if let Some(key) = key {
            let run = KeyedRun {
                run_id: record.run_id,
                fingerprint: key.fingerprint.clone(),
            };
            all.keys.insert(name(key), (run, key.expires_at));
        }
        Ok(CreationOutcome::Done)
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

    async fn replace(
        &self,
        before: &JobRecord,
        after: &JobRecord,
    ) -> Result<WriteOutcome, Unavailable> {
        Ok(lock(&self.0).replace(before, after))
    }

    async fn admit(
        &self,
        before: &JobRecord,
        after: &JobRecord,
        limits: Limits,
    ) -> Result<AdmissionOutcome, Unavailable> {
        let mut all = lock(&self.0);
        let stored = all.by_run.get(&after.run_id);
        if stored.is_none_or(|stored| stored.revision != before.revision) {
            return Ok(AdmissionOutcome::Conflict);
        }
        if let Err(limit) = all.count(after, limits) {
            return Ok(AdmissionOutcome::Refused(limit));
        }
        Ok(match all.replace(before, after) {
            WriteOutcome::Done => AdmissionOutcome::Done,
            WriteOutcome::Conflict => AdmissionOutcome::Conflict,
        })
    }

    async fn remove(&self, record: &JobRecord) -> Result<WriteOutcome, Unavailable> {
        let mut all = lock(&self.0);
        match all.by_run.get(&record.run_id) {
            Some(stored) if stored.revision != record.revision => Ok(WriteOutcome::Conflict),
            _ => {
                all.by_run.remove(&record.run_id);
                all.keys.retain(|_, (run, _)| run.run_id != record.run_id);
                Ok(WriteOutcome::Done)
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
        let all = lock(&self.0);
        let mut records: Vec<_> = all
            .by_run
            .values()
            .filter(|record| record.owner == *owner && record.deleted_at.is_none())
            .filter(|record| status.is_none_or(|status| record.status == status))
            .filter(|record| cursor.is_none_or(|cursor| &*place(record) < cursor))
            .cloned()
            .collect();
        records.sort_by_key(|record| std::cmp::Reverse(place(record)));
        let more = records.len() > limit;
        records.truncate(limit);
        let next = records.last().filter(|_| more).map(place);
        Ok(Page { records, next })
    }

    async fn due(
        &self,
        now: Timestamp,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<DuePage, Unavailable> {
        let all = lock(&self.0);
        let jobs = all.by_run.values();
        let jobs = jobs.map(|record| {
            (
                record.due(),
                record.run_id,
                DueItem::Job(Box::new(record.clone())),
            )
        });
        let reservations = all.reservations.iter();
        let reservations = reservations
            .map(|(run_id, (due_at, _))| (*due_at, *run_id, DueItem::Reservation(*run_id)));
        let mut due: Vec<_> = jobs
            .chain(reservations)
            .filter(|(due_at, ..)| *due_at <= now)
            .map(|(due_at, run_id, due)| (format!("{due_at:.9}_{run_id}"), due_at, due))
            .filter(|(place, ..)| cursor.is_none_or(|cursor| &**place > cursor))
            .collect();
        due.sort_by(|a, b| a.0.cmp(&b.0));
        let more = due.len() > limit;
        due.truncate(limit);
        Ok(DuePage {
            oldest: due.first().map(|(_, due_at, _)| *due_at),
            next: due.last().filter(|_| more).map(|(place, ..)| place.clone()),
            due: due.into_iter().map(|(.., due)| due).collect(),
        })
    }

    async fn counters(&self, owner: &Owner) -> Result<Tally, Unavailable> {
        Ok(lock(&self.0).tally(owner))
    }

    async fn oldest_queued(
        &self,
        owner: &Owner,
        limit: usize,
    ) -> Result<Vec<(Timestamp, RunId)>, Unavailable> {
        let all = lock(&self.0);
        let queued = all
            .by_run
            .values()
            .filter(|record| record.status == JobStatus::Queued && record.owner == *owner);
        let mut queued: Vec<_> = queued
            .map(|record| (record.created_at, record.run_id))
            .collect();
        queued.sort_unstable();
        queued.truncate(limit);
        Ok(queued)
    }
}

#[derive(Debug)]
struct WaitingMessage {
    run_id: RunId,
    visible_at: Timestamp,
    receipt: u64,
}

/// A queue in memory.
#[derive(Clone, Debug)]
pub struct MemoryQueue {
    messages: Arc<Mutex<(u64, Vec<WaitingMessage>)>>,
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
    async fn send(
        &self,
        run_id: RunId,
        _owner: &Owner,
        delay: Duration,
    ) -> Result<(), Unavailable> {
        let visible_at = self.clock.now() + delay;
        lock(&self.messages).1.push(WaitingMessage {
            run_id,
            visible_at,
            receipt: 0,
        });
        Ok(())
    }

    async fn receive(&self, visibility: Duration) -> Result<Option<Message>, Unavailable> {
        let now = self.clock.now();
        let (last_receipt, messages) = &mut *lock(&self.messages);
        let mut messages = messages.iter_mut();
        let visible = messages.find(|message| message.visible_at <= now);
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
        let mut messages = messages.iter_mut();
        if let Some(message) = messages.find(|m| m.receipt.to_string() == receipt) {
            message.visible_at = visible_at;
        }
        Ok(())
    }

    async fn acknowledge(&self, receipt: &str) -> Result<(), Unavailable> {
        let messages = &mut lock(&self.messages).1;
        messages.retain(|message| message.receipt.to_string() != receipt);
        Ok(())
    }

    async fn is_empty(&self) -> Result<bool, Unavailable> {
        Ok(Self::is_empty(self))
    }
}
