//! A job as its owner sees it.

use jiff::Timestamp;
use resonare_jobs::{JobRecord, JobStatus, Output, Progress, RunId, StatsSummary};
use serde::Serialize;
use serde_json::{Map, Value};

/// A job as the API shows it.
#[derive(Clone, Debug, Serialize)]
pub struct JobInfo {
    /// Its name.
    pub run_id: RunId,
    /// Where it is in its life.
    pub status: JobStatus,
    /// 1 for the job that is next; 0 for one that does not wait.
    pub position_in_queue: usize,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When work on it first began.
    pub started_at: Option<Timestamp>,
    /// When it was completed or failed.
    pub completed_at: Option<Timestamp>,
    /// Why it failed.
    pub error_message: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// How far it is.
    pub progress: Option<Progress>,
    /// The configuration that it is done with.
    pub config: Map<String, Value>,
    /// What it found out.
    pub stats: Option<StatsSummary>,
    /// What can be downloaded.
    pub outputs: Vec<Output>,
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
