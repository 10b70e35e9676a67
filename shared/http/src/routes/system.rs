//! `/data-prep/system`: how the service is.

use std::time::Duration;

use axum::extract::State;
use axum::{Extension, Json};
use resonare_jobs::{JobStatus, Owner};
use serde_json::{Value, json};

use super::jobs::by_name;
use crate::api::Api;
use crate::problem::Problem;

/// The caller's newest jobs that the queue shows.
const SHOWN: usize = 50;
/// The most queued jobs that are counted.
const COUNTED: usize = 1000;

pub(crate) async fn queue(
    State(api): State<Api>,
    Extension(owner): Extension<Owner>,
) -> Result<Json<Value>, Problem> {
    let count = async |status, limit| -> Result<usize, Problem> {
        Ok(api
            .jobs
            .list(&owner, Some(status), None, limit)
            .await?
            .records
            .len())
    };
    let running = count(JobStatus::Running, 1).await? > 0;
    let queue_size = count(JobStatus::Queued, COUNTED).await?;
    let jobs = by_name(&api, api.jobs.list(&owner, None, None, SHOWN).await?).await?;
    Ok(Json(
        json!({"running": running, "queue_size": queue_size, "jobs": jobs}),
    ))
}

pub(crate) async fn health(State(api): State<Api>) -> Json<Value> {
    let answer = api.health.objects_answer();
    let answered = tokio::time::timeout(Duration::from_secs(2), answer)
        .await
        .unwrap_or(false);
    let s3 = if answered { "connected" } else { "missing" };
    Json(json!({"status": "healthy", "s3": s3, "version": env!("CARGO_PKG_VERSION")}))
}
