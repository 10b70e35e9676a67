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
use crate::job_info::JobInfo;
use crate::problem::Problem;

/// The caller's newest jobs that the queue shows.
const SHOWN: usize = 50;

/// The caller's waiting and running jobs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueueInfo {
    /// Whether a job is running.
    running: bool,
    /// How many jobs are waiting.
    queue_size: u64,
    /// The newest 50 jobs.
    #[schema(value_type = std::collections::HashMap<String, JobInfo>)]
    jobs: Map<String, Value>,
}

/// Show the queue
#[utoipa::path(get, path = "/data-prep/system/queue", tag = "system", responses(
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
pub(crate) struct HealthInfo {
    /// `healthy`, or `degraded` while submissions are refused.
    status: &'static str,
    /// Why it is degraded.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// `connected` if the bucket responds, otherwise `missing`.
    s3: &'static str,
    /// The version of the service.
    version: &'static str,
}

/// Check the health of the service
#[utoipa::path(get, path = "/data-prep/system/health", tag = "system", responses(
    (status = OK, body = HealthInfo),
))]
pub(crate) async fn health(State(api): State<Api>) -> Json<HealthInfo> {
    let answer = api.health.bucket_answers();
    let answered = tokio::time::timeout(Duration::from_secs(2), answer)
        .await
        .unwrap_or(false);
    let reason = api.health.obstacle(&api.configuration.model_id).await;
    Json(HealthInfo {
        status: if reason.is_none() {
            "healthy"
        } else {
            "degraded"
        },
        reason,
        s3: if answered { "connected" } else { "missing" },
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
#[utoipa::path(get, path = "/data-prep/openapi.json", tag = "system", responses(
    (status = OK, body = serde_json::Value),
))]
pub(crate) async fn openapi_json(Extension(description): Extension<Description>) -> Response {
    Json(&**description.0).into_response()
}
