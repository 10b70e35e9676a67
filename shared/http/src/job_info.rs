//! A job as its owner sees it.

use std::borrow::Cow;

use jiff::Timestamp;
use resonare_jobs::{JobRecord, JobStatus, Output, Progress, RunId, StatsSummary};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// A job as the API shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct JobInfo {
    /// Its id.
    #[schema(value_type = String, format = Uuid)]
    pub run_id: RunId,
    /// Its state.
    #[schema(value_type = Status)]
    pub status: JobStatus,
    /// Its position among the caller's waiting jobs, from 1 for the next up to 100; 0 if it is not waiting.
    /// It may be a moment out of date.
    pub position_in_queue: usize,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was first started.
    #[schema(required = true)]
    pub started_at: Option<Timestamp>,
    /// When it was completed or failed.
    #[schema(required = true)]
    pub completed_at: Option<Timestamp>,
    /// Why it failed, or why it is waiting.
    #[schema(required = true)]
    pub error_message: Option<String>,
    /// How many times it was started.
    pub attempts: u32,
    /// Its progress.
    #[schema(value_type = Option<ProgressInfo>, required = true)]
    pub progress: Option<Progress>,
    /// Its configuration.
    #[schema(value_type = std::collections::HashMap<String, Value>)]
    pub config: Map<String, Value>,
    /// Its statistics.
    #[schema(value_type = Option<std::collections::HashMap<String, Value>>, required = true)]
    pub stats: Option<StatsSummary>,
    /// Its outputs, which can be downloaded.
    #[schema(value_type = Vec<OutputInfo>)]
    pub outputs: Vec<Output>,
}

/// [`JobStatus`] for the description of the API, since its own crate knows no HTTP.
pub(crate) struct Status;

impl PartialSchema for Status {
    fn schema() -> RefOr<Schema> {
        let names = JobStatus::ALL.map(JobStatus::name);
        let schema = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("The state of a job."))
            .enum_values(Some(names));
        schema.into()
    }
}

impl ToSchema for Status {
    fn name() -> Cow<'static, str> {
        "JobStatus".into()
    }
}

/// The progress of a job.
#[derive(ToSchema)]
#[schema(as = Progress)]
#[expect(dead_code, reason = "it describes another type")]
struct ProgressInfo {
    /// What it is doing.
    stage: StageInfo,
    /// Bytes of the export that have been read.
    bytes_read: u64,
    /// Size of the export in bytes.
    bytes_total: u64,
}

/// What a job is doing.
#[derive(ToSchema)]
#[schema(as = Stage, rename_all = "lowercase")]
#[expect(dead_code, reason = "it describes another type")]
enum StageInfo {
    Preparing,
    Reading,
    Writing,
    Done,
}

/// An output of a job.
#[derive(ToSchema)]
#[schema(as = Output)]
#[expect(dead_code, reason = "it describes another type")]
struct OutputInfo {
    /// Its file name.
    name: String,
    /// Its size in bytes.
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
            config: resonare_settings::public(record.config),
            stats: record.stats,
            outputs: record.outputs,
        }
    }
}
