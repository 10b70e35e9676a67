//! Ports whose calls go through a test's hands: it can let them fail, lose their answers, or end the
//! process before and after any of them.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::limits::Limits;
use crate::ports::{
    AdmissionOutcome, Creation, CreationOutcome, DuePage, JobStore, KeyedRun, Message,
    ObjectReader, ObjectStore, ObjectWriter, Page, Queue, StoredObject, Unavailable, WriteOutcome,
};
use crate::record::{JobRecord, JobStatus, Owner, RunId, Tally};

/// Stands between a use case and its ports.
pub trait Interceptor: Send + Sync + 'static {
    /// Makes a call of a port, or lets it go wrong.
    fn call<T: Send>(
        &self,
        port: &'static str,
        call: impl Future<Output = Result<T, Unavailable>> + Send,
    ) -> impl Future<Output = Result<T, Unavailable>> + Send;

    /// Finishes an object.
    ///
    /// # Errors
    /// Those of `finish`.
    fn finish(&self, finish: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        finish()
    }
}

/// A port whose calls are intercepted.
pub struct InterceptedPort<P, I> {
    /// The port.
    pub port: P,
    /// What stands before it.
    pub interceptor: Arc<I>,
}

struct InterceptedWriter<I> {
    writer: Box<dyn ObjectWriter>,
    interceptor: Arc<I>,
}

impl<I: Interceptor> Write for InterceptedWriter<I> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl<I: Interceptor> ObjectWriter for InterceptedWriter<I> {
    fn finish(self: Box<Self>) -> io::Result<()> {
        let Self {
            writer,
            interceptor,
        } = *self;
        interceptor.finish(|| writer.finish())
    }
}

#[async_trait]
impl<P: ObjectStore, I: Interceptor> ObjectStore for InterceptedPort<P, I> {
    async fn create(&self, key: &str) -> Result<Box<dyn ObjectWriter>, Unavailable> {
        let writer = self
            .interceptor
            .call("objects", self.port.create(key))
            .await?;
        Ok(Box::new(InterceptedWriter {
            writer,
            interceptor: Arc::clone(&self.interceptor),
        }))
    }

    async fn open(
        &self,
        key: &str,
        version: Option<&str>,
    ) -> Result<Option<ObjectReader>, Unavailable> {
        self.interceptor
            .call("objects", self.port.open(key, version))
            .await
    }

    async fn remove(&self, key: &str, version: Option<&str>) -> Result<(), Unavailable> {
        self.interceptor
            .call("objects", self.port.remove(key, version))
            .await
    }

    async fn remove_all(&self, prefix: &str) -> Result<(), Unavailable> {
        self.interceptor
            .call("objects", self.port.remove_all(prefix))
            .await
    }

    async fn find(&self, key: &str) -> Result<Option<StoredObject>, Unavailable> {
        self.interceptor.call("objects", self.port.find(key)).await
    }
}

#[async_trait]
impl<P: JobStore, I: Interceptor> JobStore for InterceptedPort<P, I> {
    async fn reserve(&self, run_id: RunId, due_at: Timestamp) -> Result<(), Unavailable> {
        self.interceptor
            .call("records", self.port.reserve(run_id, due_at))
            .await
    }

    async fn abandon(&self, run_id: RunId) -> Result<WriteOutcome, Unavailable> {
        self.interceptor
            .call("records", self.port.abandon(run_id))
            .await
    }

    async fn release(&self, run_id: RunId) -> Result<(), Unavailable> {
        self.interceptor
            .call("records", self.port.release(run_id))
            .await
    }

    async fn create(&self, creation: Creation<'_>) -> Result<CreationOutcome, Unavailable> {
        self.interceptor
            .call("records", self.port.create(creation))
            .await
    }

    async fn run_of_key(
        &self,
        owner: &Owner,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<KeyedRun>, Unavailable> {
        self.interceptor
            .call("records", self.port.run_of_key(owner, key, now))
            .await
    }

    async fn get(&self, run_id: RunId) -> Result<Option<JobRecord>, Unavailable> {
        self.interceptor
            .call("records", self.port.get(run_id))
            .await
    }

    async fn replace(
        &self,
        before: &JobRecord,
        after: &JobRecord,
    ) -> Result<WriteOutcome, Unavailable> {
        self.interceptor
            .call("records", self.port.replace(before, after))
            .await
    }

    async fn admit(
        &self,
        before: &JobRecord,
        after: &JobRecord,
        limits: Limits,
    ) -> Result<AdmissionOutcome, Unavailable> {
        self.interceptor
            .call("records", self.port.admit(before, after, limits))
            .await
    }

    async fn remove(&self, record: &JobRecord) -> Result<WriteOutcome, Unavailable> {
        self.interceptor
            .call("records", self.port.remove(record))
            .await
    }

    async fn list(
        &self,
        owner: &Owner,
        status: Option<JobStatus>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page, Unavailable> {
        self.interceptor
            .call("records", self.port.list(owner, status, cursor, limit))
            .await
    }

    async fn due(
        &self,
        now: Timestamp,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<DuePage, Unavailable> {
        self.interceptor
            .call("records", self.port.due(now, cursor, limit))
            .await
    }

    async fn counters(&self, owner: &Owner) -> Result<Tally, Unavailable> {
        self.interceptor
            .call("records", self.port.counters(owner))
            .await
    }

    async fn oldest_queued(
        &self,
        owner: &Owner,
        limit: usize,
    ) -> Result<Vec<(Timestamp, RunId)>, Unavailable> {
        self.interceptor
            .call("records", self.port.oldest_queued(owner, limit))
            .await
    }
}

#[async_trait]
impl<P: Queue, I: Interceptor> Queue for InterceptedPort<P, I> {
    async fn send(&self, run_id: RunId, owner: &Owner, delay: Duration) -> Result<(), Unavailable> {
        self.interceptor
            .call("queue", self.port.send(run_id, owner, delay))
            .await
    }

    async fn is_empty(&self) -> Result<bool, Unavailable> {
        self.interceptor.call("queue", self.port.is_empty()).await
    }

    async fn receive(&self, visibility: Duration) -> Result<Option<Message>, Unavailable> {
        self.interceptor
            .call("queue", self.port.receive(visibility))
            .await
    }

    async fn hide(&self, receipt: &str, visibility: Duration) -> Result<(), Unavailable> {
        self.interceptor
            .call("queue", self.port.hide(receipt, visibility))
            .await
    }

    async fn acknowledge(&self, receipt: &str) -> Result<(), Unavailable> {
        self.interceptor
            .call("queue", self.port.acknowledge(receipt))
            .await
    }
}
