//! Ports whose calls go through a test's hands: it can let them fail, lose their answers, or end the
//! process before and after any of them.

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
pub struct Intercepted<P, I> {
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
impl<P: ObjectStore, I: Interceptor> ObjectStore for Intercepted<P, I> {
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

    async fn runs_older_than(&self, age: Duration) -> Result<Vec<RunId>, Unavailable> {
        self.interceptor
            .call("objects", self.port.runs_older_than(age))
            .await
    }
}

#[async_trait]
impl<P: JobStore, I: Interceptor> JobStore for Intercepted<P, I> {
    async fn create(
        &self,
        record: &JobRecord,
        key: Option<&IdempotencyKey>,
        active_limit: usize,
    ) -> Result<Created, Unavailable> {
        self.interceptor
            .call("records", self.port.create(record, key, active_limit))
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

    async fn replace(&self, record: &JobRecord) -> Result<Written, Unavailable> {
        self.interceptor
            .call("records", self.port.replace(record))
            .await
    }

    async fn remove(&self, record: &JobRecord) -> Result<Written, Unavailable> {
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
    ) -> Result<Page, Unavailable> {
        self.interceptor
            .call("records", self.port.due(now, cursor, limit))
            .await
    }

    async fn count(
        &self,
        owner: &Owner,
        status: JobStatus,
        cap: usize,
    ) -> Result<usize, Unavailable> {
        self.interceptor
            .call("records", self.port.count(owner, status, cap))
            .await
    }

    async fn oldest_queued(&self, limit: usize) -> Result<Vec<(Timestamp, RunId)>, Unavailable> {
        self.interceptor
            .call("records", self.port.oldest_queued(limit))
            .await
    }

    async fn add_upload(
        &self,
        owner: &Owner,
        day: i64,
        bytes: u64,
        limit: u64,
    ) -> Result<Written, Unavailable> {
        self.interceptor
            .call("records", self.port.add_upload(owner, day, bytes, limit))
            .await
    }
}

#[async_trait]
impl<P: Queue, I: Interceptor> Queue for Intercepted<P, I> {
    async fn send(&self, run_id: RunId, delay: Duration) -> Result<(), Unavailable> {
        self.interceptor
            .call("queue", self.port.send(run_id, delay))
            .await
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
