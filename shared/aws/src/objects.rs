//! Objects in a bucket of S3.
//!
//! Reading is ranged and read ahead, each range of the same version of the object; writing is
//! multipart, completed last. Both block, beside tasks that do the transfers.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read, Write};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::head_object::{HeadObjectError, HeadObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use resonare_jobs::ports::{ObjectReader, ObjectStore, ObjectWriter, StoredObject, Unavailable};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tracing::warn;

use crate::failure::{self, has_code, unavailable};

const PORT: &str = "objects";

/// The tag of every object of a job, by which the bucket expires them.
pub(crate) const JOB_TAG: &str = "resonare=job";

/// Bytes of one range.
const RANGE: u64 = 4 << 20;
/// Ranges that are fetched at the same time.
const RANGES_AHEAD: usize = 8;
/// Attempts at one range: the SDK repeats requests, not bodies that break off.
const RANGE_ATTEMPTS: u32 = 5;
/// The pause before the second of them; each further one is twice as long.
const RANGE_PAUSE: Duration = Duration::from_millis(100);

/// Bytes of one of the first parts.
const PART: usize = 8 << 20;

/// After as many parts, parts are twice as large: S3 takes 10,000 parts of an object, and the largest
/// object has 5 TiB. Memory grows with what is written, slowly: at 56 GB a part has 64 MiB.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const PARTS_OF_A_SIZE: usize = 1000;

/// Bytes of the part that comes after `sent` others.
fn part_size(sent: usize) -> usize {
    PART << (sent / PARTS_OF_A_SIZE).min(9)
}

/// Parts that are sent at the same time: while one is on its way, the next one's checksums are computed.
const PARTS_UNDER_WAY: usize = 2;

/// What is not larger is not likely to fill a part.
const SMALL: usize = 1 << 20;

/// Objects in a bucket.
#[derive(Clone, Debug)]
pub struct S3ObjectStore {
    pub(crate) client: Client,
    pub(crate) bucket: String,
    /// Put on what is written.
    tags: Option<&'static str>,
}

/// What is known about an object that someone put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectDescription {
    /// The names and values that came with it.
    pub metadata: HashMap<String, String>,
    /// When it was stored.
    pub last_modified: Option<Timestamp>,
}

/// An object's `ETag`, as the version that a record names.
pub(crate) fn etag_version(etag: &str) -> String {
    format!("\"{}\"", etag.trim_matches('"'))
}

pub(crate) fn failed<E>(error: SdkError<E, HttpResponse>) -> Unavailable
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    failure::failed(PORT, &error)
}

/// When an object was stored; S3 tells it to the second.
fn last_modified(head: &HeadObjectOutput) -> Option<Timestamp> {
    Timestamp::from_second(head.last_modified()?.secs()).ok()
}

/// A range of an object whose bytes are on their way.
struct Range {
    body: ByteStream,
    /// How many bytes come.
    length: Option<u64>,
    etag: String,
    /// The size of the whole object.
    total: u64,
}

impl Range {
    /// All its bytes.
    async fn bytes(mut self) -> Result<Bytes, Unavailable> {
        let expected = self.length.unwrap_or(RANGE).min(RANGE);
        let mut bytes = BytesMut::with_capacity(usize::try_from(expected).unwrap_or_default());
        while let Some(piece) = self
            .body
            .try_next()
            .await
            .map_err(|error| unavailable(PORT, error))?
        {
            bytes.extend_from_slice(&piece);
        }
        if self
            .length
            .is_some_and(|length| length != bytes.len() as u64)
        {
            return Err(unavailable(PORT, "a body ended early"));
        }
        Ok(bytes.freeze())
    }
}

impl S3ObjectStore {
    /// The objects of jobs in a bucket, which expires them by their tag.
    pub fn new(client: Client, bucket: String) -> Self {
        Self {
            client,
            bucket,
            tags: Some(JOB_TAG),
        }
    }

    /// The objects of a bucket, without anything that is particular to jobs.
    pub fn plain(client: Client, bucket: String) -> Self {
        Self {
            client,
            bucket,
            tags: None,
        }
    }

    /// Whether the bucket answers.
    pub async fn answers(&self) -> bool {
        let head = self.client.head_bucket().bucket(&self.bucket).send();
        head.await.is_ok()
    }

    /// What is known of an object beside its bytes; `None` if there is no such object.
    pub(crate) async fn head(&self, key: &str) -> Result<Option<HeadObjectOutput>, Unavailable> {
        let head = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(key)
            .send();
        match head.await {
            Ok(head) => Ok(Some(head)),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(HeadObjectError::is_not_found) =>
            {
                Ok(None)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// What an object was put with, and when; `None` if there is no such object.
    ///
    /// # Errors
    /// If the bucket can't be asked.
    pub async fn description(&self, key: &str) -> Result<Option<ObjectDescription>, Unavailable> {
        let head = self.head(key).await?;
        Ok(head.map(|head| ObjectDescription {
            last_modified: last_modified(&head),
            metadata: head.metadata.unwrap_or_default(),
        }))
    }

    /// Aborts every multipart upload to a key that begins with `prefix`. Nothing is left of one that
    /// its writer still sends parts of.
    async fn abort_unfinished(&self, prefix: &str) -> Result<(), Unavailable> {
        let (mut key, mut id) = (None, None);
        loop {
            let page = self
                .client
                .list_multipart_uploads()
                .bucket(&self.bucket)
                .prefix(prefix)
                .set_key_marker(key)
                .set_upload_id_marker(id)
                .send()
                .await
                .map_err(failed)?;
            for upload in page.uploads() {
                let aborted = self
                    .client
                    .abort_multipart_upload()
                    .bucket(&self.bucket)
                    .set_key(upload.key.clone())
                    .set_upload_id(upload.upload_id.clone())
                    .send()
                    .await;
                match aborted {
                    Ok(_) => {}
                    Err(error) if has_code(&error, &["NoSuchUpload"]) => {}
                    Err(error) => return Err(failed(error)),
                }
            }
            (key, id) = (page.next_key_marker, page.next_upload_id_marker);
            if page.is_truncated != Some(true) {
                return Ok(());
            }
        }
    }

    /// The bytes of a range, which is `begun` or to be requested; again where its body breaks off.
    /// `None` if there is no such object.
    async fn range(
        &self,
        key: &str,
        version: &str,
        from: u64,
        mut begun: Option<Range>,
    ) -> Result<Option<Bytes>, Unavailable> {
        let mut pause = RANGE_PAUSE;
        for attempt in 1.. {
            let bytes = async {
                let range = match begun.take() {
                    Some(range) => Some(range),
                    None => self.request(key, Some(version), from).await?,
                };
                match range {
                    Some(range) => range.bytes().await.map(Some),
                    None => Ok(None),
                }
            };
            match bytes.await {
                Err(error) if attempt < RANGE_ATTEMPTS => {
                    warn!("fetching a range again: {}", error.cause);
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                result => return result,
            }
        }
        unreachable!("the last attempt returns")
    }

    /// Requests a range; `None` if there is no such object.
    async fn request(
        &self,
        key: &str,
        version: Option<&str>,
        from: u64,
    ) -> Result<Option<Range>, Unavailable> {
        let range = format!("bytes={from}-{}", from + RANGE - 1);
        let got = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .range(range)
            .set_if_match(version.map(str::to_owned))
            .send()
            .await;
        let got = match got {
            Ok(got) => got,
            Err(error) if has_code(&error, &["NoSuchKey", "PreconditionFailed"]) => {
                return Ok(None);
            }
            // An empty object has no range at all.
            Err(error) if has_code(&error, &["InvalidRange"]) && from == 0 => {
                return Ok(Some(Range {
                    body: ByteStream::default(),
                    length: Some(0),
                    etag: String::new(),
                    total: 0,
                }));
            }
            Err(error) => return Err(failed(error)),
        };
        let total = got
            .content_range()
            .and_then(|range| range.rsplit('/').next()?.parse().ok());
        let length = got
            .content_length()
            .and_then(|size| u64::try_from(size).ok());
        Ok(Some(Range {
            total: total.or(length).unwrap_or_default(),
            etag: got.e_tag().map(etag_version).unwrap_or_default(),
            length,
            body: got.body,
        }))
    }
}

/// An object that is read range by range.
struct RangeReader {
    part: Bytes,
    parts: mpsc::Receiver<io::Result<Bytes>>,
    /// Bytes that are yet to come.
    left: u64,
    fetching: JoinHandle<()>,
}

impl Read for RangeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.part.is_empty() {
            match self.parts.blocking_recv() {
                Some(part) => {
                    self.part = part?;
                    self.left = self.left.saturating_sub(self.part.len() as u64);
                }
                None if self.left == 0 => return Ok(0),
                // Not the end of the object, but of whoever fetches it.
                None => return Err(io::Error::other("the transfer ended early")),
            }
        }
        let count = buffer.len().min(self.part.len());
        buffer[..count].copy_from_slice(&self.part.split_to(count));
        Ok(count)
    }
}

impl Drop for RangeReader {
    fn drop(&mut self) {
        self.fetching.abort();
    }
}

/// A part of an upload on its way.
type PartTransfer = JoinHandle<Result<CompletedPart, Unavailable>>;

/// An object that is written part by part.
struct PartWriter {
    store: S3ObjectStore,
    runtime: Handle,
    key: String,
    buffer: BytesMut,
    upload_id: Option<String>,
    /// In the order of their numbers.
    sending: VecDeque<PartTransfer>,
    sent: Vec<CompletedPart>,
    finished: bool,
}

impl PartWriter {
    /// Sends what is in the buffer, once there is room for another part under way.
    fn send_part(&mut self) -> Result<(), Unavailable> {
        let runtime = self.runtime.clone();
        let id = if let Some(id) = &self.upload_id {
            id.clone()
        } else {
            let created = self
                .store
                .client
                .create_multipart_upload()
                .bucket(&self.store.bucket)
                .key(&self.key)
                .set_tagging(self.store.tags.map(str::to_owned))
                .send();
            let created = runtime.block_on(created).map_err(failed)?;
            let id = created.upload_id.unwrap_or_default();
            self.upload_id = Some(id.clone());
            id
        };
        if self.sending.len() == PARTS_UNDER_WAY {
            self.await_part()?;
        }
        let number = i32::try_from(self.parts() + 1).unwrap_or(i32::MAX);
        let part = self
            .store
            .client
            .upload_part()
            .bucket(&self.store.bucket)
            .key(&self.key)
            .upload_id(id)
            .part_number(number)
            .body(ByteStream::from(self.buffer.split().freeze()));
        self.sending.push_back(runtime.spawn(async move {
            let sent = part.send().await.map_err(failed)?;
            Ok(CompletedPart::builder()
                .part_number(number)
                .set_e_tag(sent.e_tag)
                .build())
        }));
        Ok(())
    }

    /// How many parts were sent, or are on their way.
    fn parts(&self) -> usize {
        self.sent.len() + self.sending.len()
    }

    fn await_part(&mut self) -> Result<(), Unavailable> {
        if let Some(sending) = self.sending.pop_front() {
            let sent = self.runtime.block_on(sending);
            self.sent
                .push(sent.map_err(|error| unavailable(PORT, error))??);
        }
        Ok(())
    }

    fn complete(&mut self) -> Result<(), Unavailable> {
        let Some(id) = self.upload_id.clone() else {
            let put = self
                .store
                .client
                .put_object()
                .bucket(&self.store.bucket)
                .key(&self.key)
                .set_tagging(self.store.tags.map(str::to_owned))
                .body(ByteStream::from(self.buffer.split().freeze()));
            self.runtime.block_on(put.send()).map_err(failed)?;
            return Ok(());
        };
        if !self.buffer.is_empty() {
            self.send_part()?;
        }
        while !self.sending.is_empty() {
            self.await_part()?;
        }
        let parts = std::mem::take(&mut self.sent);
        let completed = self
            .store
            .client
            .complete_multipart_upload()
            .bucket(&self.store.bucket)
            .key(&self.key)
            .upload_id(id)
            .multipart_upload(
                CompletedMultipartUpload::builder()
                    .set_parts(Some(parts))
                    .build(),
            );
        self.runtime.block_on(completed.send()).map_err(failed)?;
        Ok(())
    }
}

fn io_error(error: Unavailable) -> io::Error {
    io::Error::other(error)
}

impl Write for PartWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let size = part_size(self.parts());
        let count = bytes.len().min(size - self.buffer.len());
        if self.buffer.len() + count > SMALL {
            // Rather than grow by doubling, past the size of a part.
            self.buffer.reserve(size - self.buffer.len());
        }
        self.buffer.extend_from_slice(&bytes[..count]);
        if self.buffer.len() == size {
            self.send_part().map_err(io_error)?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ObjectWriter for PartWriter {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.complete().map_err(io_error)?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for PartWriter {
    fn drop(&mut self) {
        let Some(id) = self.upload_id.take().filter(|_| !self.finished) else {
            return;
        };
        for sending in &self.sending {
            sending.abort();
        }
        let abort = self
            .store
            .client
            .abort_multipart_upload()
            .bucket(&self.store.bucket)
            .key(&self.key)
            .upload_id(id);
        let abort = async move {
            if let Err(error) = abort.send().await {
                let error = failed(error).cause;
                warn!("an unfinished upload is left until the bucket aborts it: {error}");
            }
        };
        // A process may end with the thread that writes; one that drives tasks must not be held up.
        if Handle::try_current().is_ok() {
            self.runtime.spawn(abort);
        } else {
            self.runtime.block_on(abort);
        }
    }
}

#[async_trait]
impl ObjectStore for S3ObjectStore {
    async fn create(&self, key: &str) -> Result<Box<dyn ObjectWriter>, Unavailable> {
        Ok(Box::new(PartWriter {
            store: self.clone(),
            runtime: Handle::current(),
            key: key.to_owned(),
            buffer: BytesMut::new(),
            upload_id: None,
            sending: VecDeque::new(),
            sent: Vec::new(),
            finished: false,
        }))
    }

    async fn open(
        &self,
        key: &str,
        version: Option<&str>,
    ) -> Result<Option<ObjectReader>, Unavailable> {
        let Some(first) = self.request(key, version, 0).await? else {
            return Ok(None);
        };
        let (store, key) = (self.clone(), key.to_owned());
        let (etag, size_bytes) = (first.etag.clone(), first.total);
        let (sender, parts) = mpsc::channel(1);
        let fetching = tokio::spawn(async move {
            // The next ones are requested while the first one comes.
            let others = (1..)
                .map(|number| number * RANGE)
                .take_while(|&from| from < size_bytes);
            let ranges = std::iter::once((0, Some(first))).chain(others.map(|from| (from, None)));
            let fetch = |(from, begun)| {
                let (store, key, etag) = (store.clone(), key.clone(), etag.clone());
                async move {
                    match store.range(&key, &etag, from, begun).await {
                        Ok(Some(bytes)) => Ok(bytes),
                        Ok(None) => Err(io::Error::other("the object was replaced or removed")),
                        Err(error) => Err(io_error(error)),
                    }
                }
            };
            let fetched = stream::iter(ranges).map(fetch).buffered(RANGES_AHEAD);
            tokio::pin!(fetched);
            while let Some(part) = fetched.next().await {
                let is_last = part.is_err();
                if sender.send(part).await.is_err() || is_last {
                    return;
                }
            }
        });
        let reader = RangeReader {
            part: Bytes::new(),
            parts,
            left: size_bytes,
            fetching,
        };
        Ok(Some(ObjectReader {
            reader: Box::new(reader),
            size_bytes,
        }))
    }

    async fn remove(&self, key: &str, version: Option<&str>) -> Result<(), Unavailable> {
        let removed = self
            .client
            .delete_object()
            .bucket(&self.bucket)
            .key(key)
            .set_if_match(version.map(str::to_owned))
            .send()
            .await;
        match removed {
            Ok(_) => Ok(()),
            // Another version is in its place, which is not ours to remove.
            Err(error) if has_code(&error, &["NoSuchKey", "PreconditionFailed"]) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    async fn remove_all(&self, prefix: &str) -> Result<(), Unavailable> {
        let mut next = None;
        loop {
            let page = self
                .client
                .list_objects_v2()
                .bucket(&self.bucket)
                .prefix(prefix)
                .set_continuation_token(next)
                .send()
                .await
                .map_err(failed)?;
            let keys: Vec<ObjectIdentifier> = page
                .contents()
                .iter()
                .filter_map(|object| ObjectIdentifier::builder().key(object.key()?).build().ok())
                .collect();
            if !keys.is_empty() {
                let delete = Delete::builder()
                    .set_objects(Some(keys))
                    .quiet(true)
                    .build()
                    .map_err(|error| unavailable(PORT, error))?;
                let deleted = self
                    .client
                    .delete_objects()
                    .bucket(&self.bucket)
                    .delete(delete)
                    .send()
                    .await
                    .map_err(failed)?;
                if let Some(error) = deleted.errors().first() {
                    let code = error.code().unwrap_or("unknown").to_owned();
                    return Err(unavailable(
                        PORT,
                        format!("an object could not be removed: {code}"),
                    ));
                }
            }
            next = page.next_continuation_token;
            if next.is_none() {
                break;
            }
        }
        self.abort_unfinished(prefix).await
    }

    async fn find(&self, key: &str) -> Result<Option<StoredObject>, Unavailable> {
        let head = self.head(key).await?;
        Ok(head.map(|head| StoredObject {
            size_bytes: u64::try_from(head.content_length.unwrap_or_default()).unwrap_or_default(),
            version: head.e_tag().map(etag_version),
            last_modified: last_modified(&head),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_enough_for_the_largest_object() {
        let sizes = (0..10_000).map(part_size);
        assert!(sizes.clone().map(|size| size as u64).sum::<u64>() >= 5 << 40);
        // 5 GiB is the largest part.
        assert!(sizes.clone().all(|size| size <= 5 << 30));
        let first: usize = sizes.take(PARTS_OF_A_SIZE).sum();
        assert_eq!(first, PART * PARTS_OF_A_SIZE);
    }
}
