//! `/data-prep/system`: the state of the service.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use resonare_jobs::Owner;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;

use super::jobs::by_name;
use crate::api::Api;
use crate::problem::Problem;

/// How long the bucket may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The caller's newest jobs that the queue shows.
const SHOWN: usize = 50;

/// The caller's waiting and running jobs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Queue)]
pub(crate) struct QueueInfo {
    /// Whether a job is running.
    running: bool,
    /// How many jobs are waiting.
    queue_size: u64,
    /// The newest 50 jobs.
    #[schema(value_type = super::jobs::JobsByRunId)]
    jobs: Map<String, Value>,
}

/// Show the queue
#[utoipa::path(get, operation_id = "getQueue", path = "/data-prep/system/queue", tag = "system", responses(
    (status = OK, body = QueueInfo),
    (status = SERVICE_UNAVAILABLE, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn queue(
    State(api): State<Api>,
    Extension(owner): Extension<Owner>,
) -> Result<Json<QueueInfo>, Problem> {
    let counted = api.jobs.counters(&owner).await?;
    let jobs = if api.lists_jobs {
        by_name(&api, api.jobs.list(&owner, None, None, SHOWN).await?).await?
    } else {
        Map::new()
    };
    Ok(Json(QueueInfo {
        running: counted.running > 0,
        queue_size: u64::try_from(counted.queued).unwrap_or_default(),
        jobs,
    }))
}

/// The state of the service.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Health)]
pub(crate) struct HealthInfo {
    /// `healthy`, or `degraded` if something is wrong that its operator has to see to.
    status: HealthStatus,
    /// `connected` if the bucket answers, otherwise `missing`: so it is, too, where `storage` is `local`, which
    /// needs no bucket.
    s3: BucketStatus,
    /// What is wrong, a sentence each; none if the service is healthy.
    reasons: Vec<String>,
    /// Where exports and outputs are kept.
    storage: Storage,
    /// The version of the service.
    version: &'static str,
}

/// Whether something is wrong.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HealthStatus {
    Healthy,
    Degraded,
}

/// Whether the bucket answers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BucketStatus {
    Connected,
    Missing,
}

/// Where exports and outputs are kept.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Storage {
    Local,
    S3,
}

/// Check the health of the service
///
/// The status is always 200.
#[utoipa::path(get, operation_id = "getHealth", path = "/data-prep/system/health", tag = "system", responses(
    (status = OK, body = HealthInfo),
))]
pub(crate) async fn health(State(api): State<Api>) -> Json<HealthInfo> {
    let answers = tokio::time::timeout(PATIENCE, api.health.bucket_answers()).await;
    let (bucket, storage) = match answers {
        Ok(Some(true)) => (BucketStatus::Connected, Storage::S3),
        Ok(Some(false)) | Err(_) => (BucketStatus::Missing, Storage::S3),
        Ok(None) => (BucketStatus::Missing, Storage::Local),
    };
    let faults = api.health.all_faults(&api.configuration.model_id).await;
    Json(HealthInfo {
        status: if faults.is_empty() {
            HealthStatus::Healthy
        } else {
            HealthStatus::Degraded
        },
        s3: bucket,
        reasons: faults.into_iter().map(|fault| fault.reason).collect(),
        storage,
        version: env!("CARGO_PKG_VERSION"),
    })
}

type MakeDescription = Box<dyn FnOnce() -> OpenApi + Send>;

/// The description of the API, made when it is first asked for: a cold start does not wait for it.
#[derive(Clone)]
pub(crate) struct Description(Arc<LazyLock<OpenApi, MakeDescription>>);

impl Description {
    pub(crate) fn new(make: impl FnOnce() -> OpenApi + Send + 'static) -> Self {
        Self(Arc::new(LazyLock::new(Box::new(make))))
    }
}

/// Get this API description
#[utoipa::path(get, operation_id = "getDescription", path = "/data-prep/openapi.json", tag = "system", responses(
    (status = OK, body = serde_json::Value),
))]
pub(crate) async fn openapi_json(Extension(description): Extension<Description>) -> Response {
    Json(&**description.0).into_response()
}
