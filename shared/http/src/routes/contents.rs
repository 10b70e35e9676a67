//! Contents of uploads and outputs that pass through the server itself.

use std::io::{self, Read as _, Write as _};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use futures_util::{Stream, stream};
use resonare_jobs::ports::ObjectReader;
use resonare_jobs::{JobError, Jobs, Owner, Payload, UploadArrival};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::accepted::AcceptedResponse;
use super::extract::{OutputName, Path, PathRunId};
use super::to_the_end::to_the_end;
use crate::api::{Api, BodyLimits};
use crate::body;
use crate::problem::Problem;

/// Bytes that are read from an object at once.
const CHUNK: usize = 64 << 10;

/// Takes the content of an upload. How long a sender may pause is what the limits of the API say, how
/// large an upload is what its job says.
pub(crate) async fn upload(
    State(api): State<Api>,
    Extension(owner): Extension<Owner>,
    PathRunId(run_id): PathRunId,
    request: Request,
) -> Result<(StatusCode, Json<AcceptedResponse>), Problem> {
    let awaited = api.jobs.awaiting_upload(&owner, run_id).await?;
    let announced = awaited.payload.size_bytes;
    if let Some(length) = content_length(request.headers()).filter(|&length| length != announced) {
        return Err(wrong_size(length, announced));
    }
    let limits = BodyLimits {
        bytes: announced,
        instead: "that is the size that was announced",
        total: api.jobs.upload_deadline(),
        ..api.limits
    };
    // Each upload has a key of its own, so that a second one cannot change the first.
    let payload = Payload {
        key: format!("{}-{}", Jobs::payload_key(run_id), Uuid::new_v4()),
        ..awaited.payload
    };
    let jobs = api.jobs;
    let body = request.into_body();
    to_the_end(async move {
        let stored = store(&jobs, &payload, body, limits).await;
        if stored.is_err() {
            // It may have been deleted, or uploaded by another request, meanwhile.
            jobs.awaiting_upload(&owner, run_id).await?;
        }
        stored?;
        let arrival = jobs.upload_arrived(run_id, &payload).await;
        match arrival.map_err(JobError::from)? {
            UploadArrival::Queued | UploadArrival::Before => {
                Ok((StatusCode::OK, Json(AcceptedResponse::queued(run_id))))
            }
            UploadArrival::Unwanted | UploadArrival::Unknown => {
                let discarded = jobs.discard_upload(&payload).await;
                discarded.map_err(JobError::from)?;
                let record = jobs.get(&owner, run_id).await?;
                Err(JobError::NotAwaited(record.status).into())
            }
        }
    })
    .await
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// Stores an upload of exactly the size that was announced.
async fn store(
    jobs: &Jobs,
    payload: &Payload,
    body: Body,
    limits: BodyLimits,
) -> Result<(), Problem> {
    let mut writer = jobs.create_payload(&payload.key).await?;
    let announced = payload.size_bytes;
    let consume = move |mut parts: body::Parts| {
        let mut size = 0;
        while let Some(part) = parts.next()? {
            size += part.len() as u64;
            let written = writer.write_all(&part);
            written.map_err(|error| body::storage_failed(&error))?;
        }
        if size != announced {
            return Err(wrong_size(size, announced));
        }
        let finished = writer.finish();
        finished.map_err(|error| body::storage_failed(&error))
    };
    body::consume(body, limits, consume).await
}

fn wrong_size(size: u64, announced: u64) -> Problem {
    let detail = format!("the upload has {size} bytes; {announced} were announced");
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

/// Sends the content of an output.
pub(crate) async fn download(
    State(api): State<Api>,
    Extension(owner): Extension<Owner>,
    PathRunId(run_id): PathRunId,
    Path(OutputName { name }): Path<OutputName>,
) -> Result<Response, Problem> {
    let object = api.jobs.open_output(&owner, run_id, &name).await?;
    let disposition = format!("{}; filename=\"{name}\"", shown(&name));
    let disposition = HeaderValue::from_str(&disposition);
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(media_type(&name)),
        ),
        (header::CONTENT_LENGTH, HeaderValue::from(object.size_bytes)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::CONTENT_DISPOSITION,
            disposition.unwrap_or(HeaderValue::from_static("attachment")),
        ),
    ];
    Ok((headers, Body::from_stream(chunks(object))).into_response())
}

/// An output that a browser shows is a document of its own, apart from the service: it runs no scripts, asks for
/// nothing, and only the service's own page may frame it.
const POLICY: &str = "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

fn ending(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(_, ending)| ending)
}

/// Whether browsers show an output or save it.
fn shown(name: &str) -> &'static str {
    match ending(name) {
        Some("html") => "inline",
        _ => "attachment",
    }
}

fn media_type(name: &str) -> &'static str {
    match ending(name) {
        Some("jsonl") => "application/jsonl",
        Some("json") => "application/json",
        Some("html") => "text/html; charset=utf-8",
        Some("yaml") => "application/yaml",
        Some("md" | "py" | "sh" | "jinja") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// An object's bytes. It is read on a thread that may block.
fn chunks(mut object: ObjectReader) -> impl Stream<Item = io::Result<Bytes>> {
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(4);
    tokio::task::spawn_blocking(move || {
        let mut buffer = vec![0; CHUNK];
        loop {
            let chunk = match object.reader.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => Ok(Bytes::copy_from_slice(&buffer[..count])),
                Err(error) => Err(error),
            };
            let failed = chunk.is_err();
            if sender.blocking_send(chunk).is_err() || failed {
                return;
            }
        }
    });
    stream::unfold(receiver, async |mut receiver| {
        Some((receiver.recv().await?, receiver))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_report_is_shown() {
        assert_eq!(media_type("train.jsonl"), "application/jsonl");
        assert_eq!(shown("train.jsonl"), "attachment");
        assert_eq!(media_type("train.parquet"), "application/octet-stream");
        assert_eq!(media_type("report.html"), "text/html; charset=utf-8");
        assert_eq!(shown("report.html"), "inline");
    }
}
