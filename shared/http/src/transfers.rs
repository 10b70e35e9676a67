//! Uploads and downloads through the same server, where objects have no addresses of their own.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, put};
use axum::{Extension, Json, Router};
use futures_util::stream;
use resonare_jobs::ports::{
    Clock, Completion, Downloads, ObjectStore, Unavailable, UploadPart, UploadPlan, Uploads,
};
use resonare_jobs::{
    DirectUpload, JobError, JobRecord, JobStatus, Jobs, Output, Owner, Payload, RunId, Timings,
    UploadArrival, output_key,
};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::api::{Api, BodyLimits};
use crate::body;
use crate::problem::Problem;
use crate::routes::extract::Path;
use crate::routes::{Accepted, run_id, to_the_end};

/// Bytes that are read from an object at once.
const CHUNK: usize = 64 << 10;

/// Addresses of uploads and downloads on the server itself.
#[derive(Clone)]
pub struct ServerTransfers {
    /// Where outputs are.
    pub objects: Arc<dyn ObjectStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How long an upload may take to come.
    pub timings: Timings,
}

#[async_trait]
impl Uploads for ServerTransfers {
    async fn begin(
        &self,
        run_id: RunId,
        size_bytes: u64,
        content_encoding: Option<String>,
    ) -> Result<Payload, Unavailable> {
        Ok(Payload {
            key: Jobs::payload_key(run_id),
            version: None,
            size_bytes,
            last_modified: None,
            upload: Some(DirectUpload {
                id: None,
                content_encoding,
            }),
        })
    }

    async fn plan(&self, run_id: RunId, payload: &Payload) -> Result<UploadPlan, Unavailable> {
        let encoding = payload.content_encoding();
        let headers = encoding.map(|encoding| ("content-encoding".to_owned(), encoding.to_owned()));
        let part = UploadPart {
            number: 1,
            size_bytes: payload.size_bytes,
            url: format!("/data-prep/uploads/{run_id}/content"),
            headers: headers.into_iter().collect(),
        };
        Ok(UploadPlan {
            parts: vec![part],
            needs_completion: false,
            expires_at: self.clock.now() + self.timings.upload_deadline,
        })
    }

    async fn complete(&self, _payload: &Payload) -> Result<Completion, Unavailable> {
        // The one part is the whole upload, and would have been taken when it came.
        Ok(Completion::Incomplete)
    }
}

#[async_trait]
impl Downloads for ServerTransfers {
    async fn address(
        &self,
        job: &JobRecord,
        output: &Output,
    ) -> Result<Option<String>, Unavailable> {
        let (run_id, name) = (job.run_id, &output.name);
        let found = self.objects.open(&output_key(run_id, name), None).await?;
        Ok(found.map(|_| format!("/data-prep/jobs/{run_id}/outputs/{name}/content")))
    }
}

/// The routes that [`ServerTransfers`] gives out. How long a sender may pause is what the limits of
/// the API say, how large an upload is what its job says.
pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/data-prep/uploads/{run_id}/content", put(upload))
        .route(
            "/data-prep/jobs/{run_id}/outputs/{name}/content",
            get(download),
        )
}

async fn upload(
    State(api): State<Api>,
    Extension(owner): Extension<Owner>,
    Path(id): Path<String>,
    request: Request,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let run_id = run_id(&id)?;
    let awaited = api.jobs.awaiting_upload(&owner, run_id).await?;
    let announced = awaited.payload.size_bytes;
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if let Some(length) = length.filter(|&length| length != announced) {
        return Err(wrong_size(length, announced));
    }
    let limits = BodyLimits {
        bytes: announced,
        instead: "as many were announced",
        total: api.jobs.timings.upload_deadline,
        ..api.limits
    };
    // Each upload has a key of its own, so that a second one cannot change the first.
    let payload = Payload {
        key: format!("{}-{}", Jobs::payload_key(run_id), Uuid::new_v4()),
        ..awaited.payload
    };
    let body = request.into_body();
    to_the_end(async move {
        let stored = store(&api, &payload, body, limits).await;
        if stored.is_err() {
            // It may have been deleted, or uploaded by another request, meanwhile.
            api.jobs.awaiting_upload(&owner, run_id).await?;
        }
        stored?;
        match api
            .jobs
            .upload_arrived(run_id, &payload)
            .await
            .map_err(JobError::from)?
        {
            UploadArrival::Queued | UploadArrival::Before => {
                Ok((StatusCode::OK, Json(Accepted::queued(run_id))))
            }
            UploadArrival::Unwanted | UploadArrival::Unknown => {
                let removed = api.jobs.objects.remove(&payload.key, None).await;
                removed.map_err(JobError::from)?;
                let record = api.jobs.get(&owner, run_id).await?;
                Err(JobError::NotAwaited(record.status).into())
            }
        }
    })
    .await
}

/// Stores an upload of exactly the size that was announced.
async fn store(
    api: &Api,
    payload: &Payload,
    body: Body,
    limits: BodyLimits,
) -> Result<(), Problem> {
    let writer = api.jobs.objects.create(&payload.key).await;
    let mut writer = writer.map_err(JobError::from)?;
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

async fn download(
    State(api): State<Api>,
    Extension(owner): Extension<Owner>,
    Path((id, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let record = api.jobs.get(&owner, run_id(&id)?).await?;
    let is_output = record.outputs.iter().any(|output| output.name == name);
    if !is_output || record.status == JobStatus::Deleting {
        return Err(Problem::not_found());
    }
    let key = output_key(record.run_id, &name);
    let found = api.jobs.objects.open(&key, None);
    let Some(mut object) = found.await.map_err(JobError::from)? else {
        return Err(JobError::Gone(name).into());
    };
    let size_bytes = object.size_bytes;
    let (sender, receiver) = mpsc::channel::<std::io::Result<Bytes>>(4);
    tokio::task::spawn_blocking(move || {
        let mut buffer = vec![0; CHUNK];
        loop {
            let part = match object.reader.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => Ok(Bytes::copy_from_slice(&buffer[..count])),
                Err(error) => Err(error),
            };
            let failed = part.is_err();
            if sender.blocking_send(part).is_err() || failed {
                return;
            }
        }
    });
    let parts = stream::unfold(receiver, async |mut receiver| {
        Some((receiver.recv().await?, receiver))
    });
    let media_type = if name.rsplit('.').next() == Some("jsonl") {
        "application/jsonl"
    } else {
        "application/json"
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CONTENT_LENGTH, HeaderValue::from(size_bytes)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment"),
        ),
    ];
    Ok((headers, Body::from_stream(parts)).into_response())
}
