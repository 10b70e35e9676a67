//! What the routes work with.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use resonare_jobs::ports::Unavailable;
use resonare_jobs::{JobRecord, Jobs, Output};
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
    /// What a body that is too large is to do instead.
    pub instead: &'static str,
}

/// Where an output can be downloaded for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// An absolute address, or a path on this server.
    pub url: String,
}

/// Gives out addresses of outputs.
#[async_trait]
pub trait Downloads: Send + Sync {
    /// The address of an output; `None` if it is gone.
    async fn address(
        &self,
        job: &JobRecord,
        output: &Output,
    ) -> Result<Option<Download>, Unavailable>;
}

/// Whether what the service stands on is there.
#[async_trait]
pub trait Health: Send + Sync {
    /// Whether the object store answers.
    async fn objects_answer(&self) -> bool;
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
    /// Where outputs are downloaded.
    pub downloads: Arc<dyn Downloads>,
    /// Whether the service is well.
    pub health: Arc<dyn Health>,
}
