//! A request's body on its way to storage: checked while it streams, never whole in memory.

use std::io::{self, Read, Write};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use futures_util::StreamExt as _;
use resonare_jobs::ports::ObjectWriter;
use resonare_pipeline::{Checked, PipelineError, Source, check};
use resonare_settings::REQUEST_KEYS;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use crate::api::BodyLimits;
use crate::problem::Problem;

/// Parts of a body that wait for storage.
const WAITING: usize = 8;

/// A part of a body; none at its end. A sender that vanishes without one has not sent it whole.
type Part = io::Result<Option<Bytes>>;

/// A body that was stored.
pub(crate) struct Stored {
    pub(crate) checked: Checked,
    pub(crate) size_bytes: u64,
    pub(crate) sha256: String,
}

/// Stores a body and checks that it is an export.
///
/// # Errors
/// If it is too large, too slow, broken off or no export; then nothing is stored.
pub(crate) async fn store(
    body: Body,
    writer: Box<dyn ObjectWriter>,
    limits: BodyLimits,
) -> Result<Stored, Problem> {
    let (parts, waiting) = mpsc::channel::<Part>(WAITING);
    let storing = tokio::task::spawn_blocking(move || store_blocking(waiting, writer, limits));
    let ended = send_parts(body, parts, limits).await;
    let stored = storing.await.map_err(|_| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the body could not be stored",
        )
    })?;
    // Where the sender failed, what the reader made of it is no news.
    ended.and(stored)
}

async fn send_parts(
    body: Body,
    parts: mpsc::Sender<Part>,
    limits: BodyLimits,
) -> Result<(), Problem> {
    let mut stream = body.into_data_stream();
    let mut left = limits.bytes;
    let problem = loop {
        let part = match tokio::time::timeout(limits.pause, stream.next()).await {
            Ok(None) => {
                // A reader that is gone has seen enough, and says why.
                let _read = parts.send(Ok(None)).await;
                return Ok(());
            }
            Ok(Some(Ok(part))) => part,
            Ok(Some(Err(_))) => break Problem::new(StatusCode::BAD_REQUEST, "the body broke off"),
            Err(_) => {
                let seconds = limits.pause.as_secs();
                let detail = format!("nothing of the body came for {seconds} seconds");
                break Problem::new(StatusCode::REQUEST_TIMEOUT, detail);
            }
        };
        match left.checked_sub(part.len() as u64) {
            Some(rest) => left = rest,
            None => break too_large(limits),
        }
        if parts.send(Ok(Some(part))).await.is_err() {
            // The reader has seen enough, and says why.
            return Ok(());
        }
    };
    // The reader ends with an error, so that nothing is stored.
    let _ended = parts
        .send(Err(io::ErrorKind::ConnectionAborted.into()))
        .await;
    Err(problem)
}

pub(crate) fn too_large(limits: BodyLimits) -> Problem {
    let BodyLimits { bytes, instead, .. } = limits;
    let detail = format!("the body has more than {bytes} bytes; {instead}");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
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
    parts: mpsc::Receiver<Part>,
    part: Bytes,
    ended: bool,
    progress: Arc<Mutex<Progress>>,
}

impl Read for Tee {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.part.is_empty() && !self.ended {
            match self.parts.blocking_recv() {
                None => return Err(io::ErrorKind::ConnectionAborted.into()),
                Some(part) => match part? {
                    Some(part) => self.part = part,
                    None => self.ended = true,
                },
            }
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
    parts: mpsc::Receiver<Part>,
    writer: Box<dyn ObjectWriter>,
    limits: BodyLimits,
) -> Result<Stored, Problem> {
    let progress = Progress {
        writer,
        hash: Sha256::new(),
        size_bytes: 0,
        write_error: None,
    };
    let progress = Arc::new(Mutex::new(progress));
    let tee = Tee {
        parts,
        part: Bytes::new(),
        ended: false,
        progress: Arc::clone(&progress),
    };
    let source = Source {
        name: "the body".to_owned(),
        reader: Box::new(tee),
    };
    let mut keys = REQUEST_KEYS.to_vec();
    keys.push("convo_block_thereshold_secs");
    let never = AtomicBool::new(false);
    let checked = check(source, &keys, limits.decompressed_bytes, &never);
    let progress = Arc::into_inner(progress).map(|progress| {
        progress
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    });
    let storage_failed = || {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the body could not be stored; try again in a moment",
        )
    };
    let Some(progress) = progress else {
        return Err(storage_failed());
    };
    if progress.write_error.is_some() {
        return Err(storage_failed());
    }
    let checked = checked.map_err(|error| refusal(&error, limits))?;
    progress.writer.finish().map_err(|_| storage_failed())?;
    let sha256 = base16ct::lower::encode_string(&progress.hash.finalize());
    Ok(Stored {
        checked,
        size_bytes: progress.size_bytes,
        sha256,
    })
}

fn refusal(error: &PipelineError, limits: BodyLimits) -> Problem {
    match error {
        PipelineError::TooLarge { .. } => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("{error}; {}", limits.instead),
        ),
        // A gzip stream that is none, for example.
        PipelineError::Read { cause, .. } => {
            Problem::new(StatusCode::BAD_REQUEST, format!("{error}: {cause}"))
        }
        error => Problem::new(StatusCode::BAD_REQUEST, error.to_string()),
    }
}
