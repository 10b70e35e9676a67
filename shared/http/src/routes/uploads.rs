//! `/data-prep/uploads`: large exports go straight to storage.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use jiff::Timestamp;
use resonare_jobs::ports::{Completion, UploadPart};
use resonare_jobs::{JobError, JobRecord, JobStatus, Owner, RunId, Upload, UploadArrival};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Number, Value};
use utoipa::ToSchema;

use super::accepted::AcceptedResponse;
use super::extract::{JsonBody, PathRunId};
use super::to_the_end::to_the_end;
use crate::api::Api;
use crate::key_schemas::RequestConfiguration;
use crate::problem::Problem;
use crate::readiness;
use crate::request_configuration::{merge, of_body};
use crate::url::absolute;

/// The largest object of S3: 5 TiB.
const LARGEST_OBJECT: u64 = 5 << 40;

/// An upload to begin.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UploadRequest {
    /// The size of the file as it will be sent.
    #[schema(minimum = 1, maximum = 5_497_558_138_880_u64)]
    #[serde(deserialize_with = "whole_number")]
    size_bytes: u64,
    /// `gzip` if the file is compressed.
    #[serde(default)]
    content_encoding: Option<ContentEncoding>,
    /// Configuration keys and their values, as in the query of `/data-prep/process`, and
    /// `system_prompt`.
    #[serde(default)]
    #[schema(value_type = Option<RequestConfiguration>)]
    config: Option<Map<String, Value>>,
}

/// Also reads `1.0`, which is a whole number in JSON Schema.
fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = Number::deserialize(deserializer)?;
    let whole = number.as_u64().or_else(|| {
        let text = number.to_string();
        text.strip_suffix(".0")?.parse().ok()
    });
    whole.filter(|size| *size <= LARGEST_OBJECT).ok_or_else(|| {
        Error::custom(format!(
            "{number} is not a whole number of bytes up to {LARGEST_OBJECT}"
        ))
    })
}

/// How a file is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ContentEncoding {
    Gzip,
    Identity,
}

/// How to send an upload.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UploadPlan)]
pub(crate) struct UploadInfo {
    /// The job, which starts when the upload is complete.
    #[schema(value_type = String, format = Uuid)]
    run_id: RunId,
    /// `AWAITING_UPLOAD`.
    #[schema(value_type = crate::job_info::Status)]
    status: &'static str,
    /// The file's parts, in order: each is sent with one PUT.
    parts: Vec<PartInfo>,
    /// The URL to POST to once all parts are sent; null if the upload has a single part, which completes it.
    #[schema(required = true)]
    complete_url: Option<String>,
    /// When the URLs stop working. `/data-prep/uploads/{run_id}/parts` gives new ones.
    expires_at: Timestamp,
}

/// A part of a file.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UploadPart)]
pub(crate) struct PartInfo {
    /// Its number, from 1.
    part_number: u32,
    /// Its size. All parts but the last have the same size.
    size_bytes: u64,
    /// The method to send it with: `PUT`.
    method: &'static str,
    /// The URL to send it to.
    url: String,
    /// The headers to send with it, unchanged.
    headers: BTreeMap<String, String>,
}

/// Begin an upload
///
/// For exports that are too large for `/data-prep/process`, and for several at once: then the file is a tar archive of
/// them, and messages that more than one of them has are used once. The job starts when the upload is complete.
#[utoipa::path(post, operation_id = "beginUpload", path = "/data-prep/uploads", tag = "submission", request_body = UploadRequest,
    responses(
    (status = CREATED, body = UploadInfo),
    (status = BAD_REQUEST, body = Problem, content_type = "application/problem+json"),
    (status = REQUEST_TIMEOUT, body = Problem, content_type = "application/problem+json"),
    (status = PAYLOAD_TOO_LARGE, body = Problem, content_type = "application/problem+json"),
    (status = UNSUPPORTED_MEDIA_TYPE, body = Problem, content_type = "application/problem+json"),
    (status = UNPROCESSABLE_ENTITY, body = Problem, content_type = "application/problem+json"),
    (status = TOO_MANY_REQUESTS, body = Problem, content_type = "application/problem+json"),
    (status = SERVICE_UNAVAILABLE, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn begin(
    State(api): State<Api>,
    Extension(owner): Extension<Owner>,
    headers: HeaderMap,
    JsonBody(request): JsonBody<UploadRequest>,
) -> Result<(StatusCode, Json<UploadInfo>), Problem> {
    let values = of_body(request.config.unwrap_or_default());
    let config = merge(&api.configuration, values)?;
    if request.size_bytes == 0 {
        return Err(Problem::unprocessable("size_bytes must be at least 1"));
    }
    readiness::check_model(&api, &config).await?;
    api.jobs.admit_upload(&owner, request.size_bytes).await?;
    readiness::check_room(&api, request.size_bytes).await?;
    let run_id = api.jobs.new_run_id();
    let encoding = request.content_encoding;
    let encoding = (encoding == Some(ContentEncoding::Gzip)).then(|| "gzip".to_owned());
    let payload = api.uploads.begin(run_id, request.size_bytes, encoding);
    let upload = Upload {
        run_id,
        owner,
        config,
        payload: payload.await.map_err(JobError::from)?,
    };
    let record = api.jobs.await_upload(upload).await?;
    Ok((
        StatusCode::CREATED,
        Json(info(&api, &record, &headers).await?),
    ))
}

/// Get new URLs for an upload
#[utoipa::path(get, operation_id = "getUploadParts", path = "/data-prep/uploads/{run_id}/parts", tag = "submission",
    params(("run_id" = String, Path, format = Uuid)), responses(
    (status = OK, body = UploadInfo),
    (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    (status = CONFLICT, body = Problem, content_type = "application/problem+json",
        description = "The upload has already arrived, or is no longer expected"),
    (status = SERVICE_UNAVAILABLE, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn parts(
    State(api): State<Api>,
    Extension(owner): Extension<Owner>,
    headers: HeaderMap,
    PathRunId(run_id): PathRunId,
) -> Result<Json<UploadInfo>, Problem> {
    let record = api.jobs.awaiting_upload(&owner, run_id).await?;
    Ok(Json(info(&api, &record, &headers).await?))
}

/// Complete an upload of several parts
///
/// The job is then queued. Calling this again changes nothing.
#[utoipa::path(post, operation_id = "completeUpload", path = "/data-prep/uploads/{run_id}/complete", tag = "submission",
    params(("run_id" = String, Path, format = Uuid)), responses(
    (status = OK, body = AcceptedResponse),
    (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    (status = CONFLICT, body = Problem, content_type = "application/problem+json",
        description = "Parts are missing, or the upload is no longer expected"),
    (status = SERVICE_UNAVAILABLE, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn complete(
    State(api): State<Api>,
    Extension(owner): Extension<Owner>,
    PathRunId(run_id): PathRunId,
) -> Result<Json<AcceptedResponse>, Problem> {
    let record = api.jobs.get(&owner, run_id).await?;
    match record.status {
        JobStatus::AwaitingUpload => {}
        JobStatus::Queued | JobStatus::Running | JobStatus::Completed => {
            return Ok(Json(AcceptedResponse::queued(run_id)));
        }
        // A job that was started had its upload.
        JobStatus::Failed if record.started_at.is_some() => {
            return Ok(Json(AcceptedResponse::queued(run_id)));
        }
        status => return Err(JobError::NotAwaited(status).into()),
    }
    let completion = api.uploads.complete(&record.payload).await;
    let payload = match completion.map_err(JobError::from)? {
        Completion::Done(payload) => payload,
        Completion::Incomplete => {
            let detail = "parts of the upload are missing";
            return Err(Problem::new(StatusCode::CONFLICT, detail));
        }
    };
    let jobs = api.jobs.clone();
    let arrived = async move {
        let arrived = jobs.upload_arrived(run_id, &payload).await;
        Ok(arrived.map_err(JobError::from)?)
    };
    match to_the_end(arrived).await? {
        UploadArrival::Queued | UploadArrival::Before => Ok(Json(AcceptedResponse::queued(run_id))),
        UploadArrival::Unwanted | UploadArrival::Unknown => Err(JobError::NotFound.into()),
    }
}

async fn info(api: &Api, record: &JobRecord, headers: &HeaderMap) -> Result<UploadInfo, Problem> {
    let run_id = record.run_id;
    let plan = api.uploads.plan(run_id, &record.payload).await;
    let plan = plan.map_err(JobError::from)?;
    let part = |part: UploadPart| PartInfo {
        part_number: part.number,
        size_bytes: part.size_bytes,
        method: "PUT",
        url: absolute(&part.url, headers),
        headers: part.headers,
    };
    let complete = format!("/data-prep/uploads/{run_id}/complete");
    Ok(UploadInfo {
        run_id,
        status: record.status.name(),
        parts: plan.parts.into_iter().map(part).collect(),
        complete_url: plan.needs_completion.then(|| absolute(&complete, headers)),
        expires_at: plan.expires_at,
    })
}
