//! What the routes work with.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use resonare_jobs::Jobs;
use resonare_jobs::ports::{Downloads, Uploads};
use resonare_settings::Configuration;

/// How much of a body is taken, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// The largest body.
    pub bytes: u64,
    /// The largest after decompression.
    pub decompressed_bytes: u64,
    /// The longest pause between two parts of a body.
    pub pause: Duration,
    /// The longest time that a whole body may take.
    pub total: Duration,
    /// What the sender of a larger body is told.
    pub instead: &'static str,
}

/// Whether what the service needs is there.
#[async_trait]
pub trait Health: Send + Sync {
    /// Whether the bucket answers; `false` where there is none.
    async fn bucket_answers(&self) -> bool;

    /// Why jobs for a model can't be worked on now, in words for the operator; `None` if they can, as far as
    /// is known.
    async fn obstacle(&self, _model_id: &str) -> Option<String> {
        None
    }
}

/// Everything that the routes need.
#[derive(Clone)]
pub struct Api {
    /// The use cases.
    pub jobs: Jobs,
    /// What the operator has configured.
    pub configuration: Arc<Configuration>,
    /// How much of a body is taken.
    pub limits: BodyLimits,
    /// Where large payloads are uploaded.
    pub uploads: Arc<dyn Uploads>,
    /// Where outputs are downloaded.
    pub downloads: Arc<dyn Downloads>,
    /// Whether what the service needs is there.
    pub health: Arc<dyn Health>,
    /// Whether callers may list their jobs. Where callers are not known, a job's name is its key.
    pub lists_jobs: bool,
}
