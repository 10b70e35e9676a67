//! Ports that tell of every step, so that a test can end the process between any two.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::ports::{
    Created, IdempotencyKey, JobStore, KeyedRun, Message, ObjectReader, ObjectStore, ObjectWriter,
    Page, Queue, Unavailable, Written,
};
use crate::record::{JobRecord, JobStatus, Owner, RunId};

/// A port that calls `step` before and after each of its calls.
#[derive(Clone)]
pub struct Stepped<P> {
    /// The port.
    pub port: P,
    /// What is called.
    pub step: Arc<dyn Fn() + Send + Sync>,
}

impl<P> Stepped<P> {
    async fn call<T>(&self, call: impl Future<Output = T>) -> T {
        (self.step)();
        let result = call.await;
        (self.step)();
        result
    }
}

struct SteppedWriter {
    writer: Box<dyn ObjectWriter>,
    step: Arc<dyn Fn() + Send + Sync>,
}

impl Write for SteppedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl ObjectWriter for SteppedWriter {
    fn finish(self: Box<Self>) -> io::Result<()> {
        (self.step)();
        let result = self.writer.finish();
        (self.step)();
        result
    }
}

#[async_trait]
impl<P: ObjectStore> ObjectStore for Stepped<P> {
    async fn create(&self, key: &str) -> Result<Box<dyn ObjectWriter>, Unavailable> {
        let writer = self.call(self.port.create(key)).await?;
        let step = Arc::clone(&self.step);
        Ok(Box::new(SteppedWriter { writer, step }))
    }

    async fn open(
        &self,
        key: &str,
        version: Option<&str>,
    ) -> Result<Option<ObjectReader>, Unavailable> {
        self.call(self.port.open(key, version)).await
    }

    async fn remove(&self, key: &str, version: Option<&str>) -> Result<(), Unavailable> {
        self.call(self.port.remove(key, version)).await
    }

    async fn remove_all(&self, prefix: &str) -> Result<(), Unavailable> {
        self.call(self.port.remove_all(prefix)).await
    }

    async fn runs_older_than(&self, age: Duration) -> Result<Vec<RunId>, Unavailable> {
        self.call(self.port.runs_older_than(age)).await
    }
}

#[async_trait]
impl<P: JobStore> JobStore for Stepped<P> {
    async fn create(
        &self,
        record: &JobRecord,
        key: Option<&IdempotencyKey>,
        active_limit: usize,
    ) -> Result<Created, Unavailable> {
        self.call(self.port.create(record, key, active_limit)).await
    }

    async fn run_of_key(
        &self,
        owner: &Owner,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<KeyedRun>, Unavailable> {
        self.call(self.port.run_of_key(owner, key, now)).await
    }

    async fn get(&self, run_id: RunId) -> Result<Option<JobRecord>, Unavailable> {
        self.call(self.port.get(run_id)).await
    }

    async fn replace(&self, record: &JobRecord) -> Result<Written, Unavailable> {
        self.call(self.port.replace(record)).await
    }

    async fn remove(&self, record: &JobRecord) -> Result<Written, Unavailable> {
        self.call(self.port.remove(record)).await
    }

    async fn list(
        &self,
        owner: &Owner,
        status: Option<JobStatus>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page, Unavailable> {
        self.call(self.port.list(owner, status, cursor, limit))
            .await
    }

    async fn due(
        &self,
        now: Timestamp,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page, Unavailable> {
        self.call(self.port.due(now, cursor, limit)).await
    }

    async fn count(
        &self,
        owner: &Owner,
        status: JobStatus,
        cap: usize,
    ) -> Result<usize, Unavailable> {
        self.call(self.port.count(owner, status, cap)).await
    }

    async fn oldest_queued(&self, limit: usize) -> Result<Vec<(Timestamp, RunId)>, Unavailable> {
        self.call(self.port.oldest_queued(limit)).await
    }

    async fn add_upload(
        &self,
        owner: &Owner,
        day: i64,
        bytes: u64,
        limit: u64,
    ) -> Result<Written, Unavailable> {
        self.call(self.port.add_upload(owner, day, bytes, limit))
            .await
    }
}

#[async_trait]
impl<P: Queue> Queue for Stepped<P> {
    async fn send(&self, run_id: RunId, delay: Duration) -> Result<(), Unavailable> {
        self.call(self.port.send(run_id, delay)).await
    }

    async fn receive(&self, visibility: Duration) -> Result<Option<Message>, Unavailable> {
        self.call(self.port.receive(visibility)).await
    }

    async fn hide(&self, receipt: &str, visibility: Duration) -> Result<(), Unavailable> {
        self.call(self.port.hide(receipt, visibility)).await
    }

    async fn acknowledge(&self, receipt: &str) -> Result<(), Unavailable> {
        self.call(self.port.acknowledge(receipt)).await
    }
}
