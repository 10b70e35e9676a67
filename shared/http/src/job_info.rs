//! A job as its owner sees it.

use jiff::Timestamp;
use resonare_jobs::{JobRecord, JobStatus, Output, Progress, RunId, StatsSummary};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A job as the API shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct JobInfo {
    /// Its name.
    #[schema(value_type = String, format = Uuid)]
    pub run_id: RunId,
    /// Where it is in its life.
    #[schema(value_type = Status)]
    pub status: JobStatus,
    /// 1 for the caller's job that is next, counted up to 100; 0 for one that does not wait. It may be a
    /// moment behind.
    pub position_in_queue: usize,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When work on it first began.
    #[schema(required = true)]
    pub started_at: Option<Timestamp>,
    /// When it was completed or failed.
    #[schema(required = true)]
    pub completed_at: Option<Timestamp>,
    /// Why it failed, or why it waits.
    #[schema(required = true)]
    pub error_message: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// How far it is.
    #[schema(value_type = Option<ProgressInfo>, required = true)]
    pub progress: Option<Progress>,
    /// The configuration that it is done with.
    #[schema(value_type = std::collections::HashMap<String, Value>)]
    pub config: Map<String, Value>,
    /// What it found out.
    #[schema(value_type = Option<std::collections::HashMap<String, Value>>, required = true)]
    pub stats: Option<StatsSummary>,
    /// What can be downloaded.
    #[schema(value_type = Vec<OutputInfo>)]
    pub outputs: Vec<Output>,
}

/// [`JobStatus`], as the API describes it.
#[derive(ToSchema)]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(dead_code, reason = "it describes another type")]
pub(crate) enum Status {
    /// Its payload is yet to be uploaded.
    AwaitingUpload,
    /// It waits for a worker.
    Queued,
    /// It is worked on.
    Running,
    /// Its outputs are there.
    Completed,
    /// It will not be tried again.
    Failed,
    /// It and everything stored for it is being removed.
    Deleting,
}

/// [`Progress`], as the API describes it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes another type")]
struct ProgressInfo {
    /// What the attempt is at: `preparing`, `reading`, `writing` or `done`.
    stage: String,
    /// Bytes of the payload that were read.
    bytes_read: u64,
    /// Bytes of the payload.
    bytes_total: u64,
}

/// [`Output`], as the API describes it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes another type")]
struct OutputInfo {
    /// Its file name.
    name: String,
    /// Its size.
    size_bytes: u64,
}

impl JobInfo {
    pub(crate) fn new(record: JobRecord, position_in_queue: usize) -> Self {
        Self {
            run_id: record.run_id,
            status: record.status,
            position_in_queue,
            created_at: record.created_at,
            updated_at: record.updated_at,
            started_at: record.started_at,
            completed_at: record.completed_at,
            error_message: record.error_message,
            attempts: record.attempts,
            progress: record.progress,
            config: record.config,
            stats: record.stats,
            outputs: record.outputs,
        }
    }
}
