//! A request's body on its way to storage: never whole in memory, limited in size and in time.

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use futures_util::StreamExt as _;
use resonare_jobs::explained;
use resonare_jobs::ports::ObjectWriter;
use resonare_pipeline::{CheckedExport, PipelineError, Source, check};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tracing::{Span, error};

use crate::api::BodyLimits;
use crate::problem::Problem;
use crate::request_configuration;

/// Parts of a body that wait for storage.
const WAITING: usize = 8;

/// After a while, a body that arrives more slowly than this is refused.
const LEAST_BYTES_PER_SEC: u64 = 4096;
const FIRST_PATIENCE: Duration = Duration::from_secs(30);

/// A part of a body; `None` at its end. A sender that vanishes before that has not sent all of it.
type Part = io::Result<Option<Bytes>>;

/// How gzip begins after it was treated as UTF-8: its second byte is invalid, and was replaced by U+FFFD. API
/// Gateway does that to `application/json`.
const DAMAGED_GZIP: [u8; 4] = [0x1f, 0xef, 0xbf, 0xbd];

/// The parts of a body, for a consumer that blocks.
pub(crate) struct Parts {
    receiver: mpsc::Receiver<Part>,
    /// One that was put back.
    first: Option<Bytes>,
    ended: bool,
}

impl Parts {
    /// The same parts, after one that was taken from them.
    fn before(self, part: Bytes) -> Self {
        Self {
            first: Some(part).filter(|part| !part.is_empty()),
            ..self
        }
    }

    fn next_part(&mut self) -> io::Result<Option<Bytes>> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        if self.ended {
            return Ok(None);
        }
        let part = self.receiver.blocking_recv();
        let part = part.unwrap_or_else(|| Err(io::ErrorKind::ConnectionAborted.into()))?;
        self.ended = part.is_none();
        Ok(part)
    }

    /// The next part; `None` once the body has ended.
    ///
    /// # Errors
    /// If the rest does not arrive. The sender's own error is what the caller is told.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        self.next_part().map_err(|_| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "the body ended before it was complete",
            )
        })
    }
}

/// Passes a body on to a consumer that blocks.
///
/// # Errors
/// If the body is too large, too slow or incomplete, or if the consumer fails.
pub(crate) async fn consume<T: Send + 'static>(
    body: Body,
    limits: BodyLimits,
    consumer: impl FnOnce(Parts) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let (sender, receiver) = mpsc::channel::<Part>(WAITING);
    let parts = Parts {
        receiver,
        first: None,
        ended: false,
    };
    let span = Span::current();
    let consuming = tokio::task::spawn_blocking(move || span.in_scope(|| consumer(parts)));
    let sent = send_parts(body, sender, limits).await;
    let consumed = consuming.await.map_err(|_| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the body could not be read",
        )
    })?;
    // If the sender failed, that is the reason, not the error that it caused in the consumer.
    sent.and(consumed)
}

async fn send_parts(
    body: Body,
    sender: mpsc::Sender<Part>,
    limits: BodyLimits,
) -> Result<(), Problem> {
    let mut stream = body.into_data_stream();
    let mut left = limits.bytes;
    let begun = tokio::time::Instant::now();
    let problem = loop {
        // A sender that trickles bytes without pausing would hold a connection forever.
        let received = limits.bytes - left;
        let patience = FIRST_PATIENCE + Duration::from_secs(received / LEAST_BYTES_PER_SEC);
        let end = begun + limits.total.min(patience);
        let deadline = end.min(tokio::time::Instant::now() + limits.pause);
        let part = match tokio::time::timeout_at(deadline, stream.next()).await {
            Ok(None) => {
                // A consumer that is gone has seen enough, and says why.
                let _read = sender.send(Ok(None)).await;
                return Ok(());
            }
            Ok(Some(Ok(part))) => part,
            Ok(Some(Err(_))) => {
                break Problem::new(
                    StatusCode::BAD_REQUEST,
                    "the body ended before it was complete",
                );
            }
            Err(_) => {
                let (pause, total) = (limits.pause.as_secs(), limits.total.as_secs());
                let detail = format!(
                    "the body arrived too slowly: nothing came for {pause} seconds, or it took more than \
                     {total} seconds, or fewer than {LEAST_BYTES_PER_SEC} bytes a second came"
                );
                break Problem::new(StatusCode::REQUEST_TIMEOUT, detail);
            }
        };
        match left.checked_sub(part.len() as u64) {
            Some(rest) => left = rest,
            None => break too_large(limits),
        }
        if sender.send(Ok(Some(part))).await.is_err() {
            // The consumer has seen enough, and says why.
            return Ok(());
        }
    };
    // The consumer ends with an error, so that nothing is stored.
    let _ended = sender
        .send(Err(io::ErrorKind::ConnectionAborted.into()))
        .await;
    Err(problem)
}

pub(crate) fn too_large(limits: BodyLimits) -> Problem {
    let BodyLimits { bytes, instead, .. } = limits;
    let detail = format!("the body has more than {bytes} bytes; {instead}");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

pub(crate) fn storage_failed(error: &io::Error) -> Problem {
    error!("a body could not be stored: {error}");
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "the body could not be stored; try again in a moment",
    )
}

/// An export that was stored.
pub(crate) struct StoredExport {
    pub(crate) checked: CheckedExport,
    pub(crate) size_bytes: u64,
    pub(crate) sha256: String,
}

/// Stores a body, and checks on its way that it is an export.
///
/// # Errors
/// If it is too large, too slow, incomplete or not an export; then nothing is stored.
pub(crate) async fn store_export(
    body: Body,
    writer: Box<dyn ObjectWriter>,
    limits: BodyLimits,
) -> Result<StoredExport, Problem> {
    // A small body may take long once it is decompressed.
    let out_of_time = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&out_of_time);
    let clock = tokio::spawn(async move {
        tokio::time::sleep(limits.total).await;
        told.store(true, Ordering::Relaxed);
    });
    let stored = consume(body, limits, move |parts| {
        store_blocking(parts, writer, limits, &out_of_time)
    })
    .await;
    clock.abort();
    stored
}

/// What was stored so far.
struct Progress {
    writer: Box<dyn ObjectWriter>,
    hash: Sha256,
    size_bytes: u64,
    write_error: Option<io::Error>,
}

/// Reads parts of a body, and stores what it reads.
struct Tee {
    parts: Parts,
    part: Bytes,
    progress: Arc<Mutex<Progress>>,
}

impl Read for Tee {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.part.is_empty() {
            let Some(part) = self.parts.next_part()? else {
                return Ok(0);
            };
            self.part = part;
            let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
            progress.hash.update(&self.part);
            progress.size_bytes += self.part.len() as u64;
            if let Err(error) = progress.writer.write_all(&self.part) {
                progress.write_error = Some(error);
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        let count = buffer.len().min(self.part.len());
        buffer[..count].copy_from_slice(&self.part.split_to(count));
        Ok(count)
    }
}

fn store_blocking(
    parts: Parts,
    writer: Box<dyn ObjectWriter>,
    limits: BodyLimits,
    out_of_time: &AtomicBool,
) -> Result<StoredExport, Problem> {
    let progress = Progress {
        writer,
        hash: Sha256::new(),
        size_bytes: 0,
        write_error: None,
    };
    let progress = Arc::new(Mutex::new(progress));
    let mut parts = parts;
    let part = parts.next()?.unwrap_or_default();
    if part.starts_with(&DAMAGED_GZIP) {
        let detail = format!(
            "the body is compressed and was damaged on the way, where it was taken for text: send it as \
             application/gzip, or use POST /data-prep/uploads; {}",
            limits.instead
        );
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let tee = Tee {
        parts: parts.before(part),
        part: Bytes::new(),
        progress: Arc::clone(&progress),
    };
    let source = Source {
        name: "the body".to_owned(),
        reader: Box::new(tee),
    };
    let keys = request_configuration::names();
    let checked = check(source, &keys, limits.decompressed_bytes, out_of_time);
    let progress =
        Arc::into_inner(progress).expect("the reader is gone, and nobody else shares it");
    let progress = progress
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = progress.write_error {
        return Err(storage_failed(&error));
    }
    let checked = checked.map_err(|error| refusal(&error, limits))?;
    let finished = progress.writer.finish();
    finished.map_err(|error| storage_failed(&error))?;
    let sha256 = base16ct::lower::encode_string(&progress.hash.finalize());
    Ok(StoredExport {
        checked,
        size_bytes: progress.size_bytes,
        sha256,
    })
}

fn refusal(error: &PipelineError, limits: BodyLimits) -> Problem {
    match error {
        PipelineError::Cancelled => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!(
                "the body could not be read in {} seconds; {}",
                limits.total.as_secs(),
                limits.instead
            ),
        ),
        PipelineError::TooLarge { .. } => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("{error}; {}", limits.instead),
        ),
        PipelineError::Read { cause, .. } => {
            Problem::new(StatusCode::BAD_REQUEST, format!("{error}: {cause}"))
        }
        error => Problem::new(StatusCode::BAD_REQUEST, explained(error)),
    }
}
