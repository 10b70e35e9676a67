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

/// Something without which the service does less than it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is affected, in a word: `disk`, `database`, `tokenizer`.
    pub kind: &'static str,
    /// What is wrong, in words for the operator, without naming anyone.
    pub reason: String,
}

/// Whether what the service needs is there.
#[async_trait]
pub trait Health: Send + Sync {
    /// Whether the bucket answers; `None` where there is none.
    async fn bucket_answers(&self) -> Option<bool>;

    /// Why jobs for a model can't be worked on now, in words for the operator; `None` if they can, as far as
    /// is known.
    async fn obstacle(&self, _model_id: &str) -> Option<String> {
        None
    }

    /// Whether there is room for an export of that many bytes, as far as is known.
    async fn has_room(&self, _size_bytes: u64) -> bool {
        true
    }

    /// What else is wrong, whatever the job.
    async fn faults(&self) -> Vec<Fault> {
        Vec::new()
    }
}

impl dyn Health {
    /// Everything that is wrong for jobs for a model.
    pub async fn all_faults(&self, model_id: &str) -> Vec<Fault> {
        let obstacle = self.obstacle(model_id).await;
        let tokenizer = obstacle.map(|reason| Fault {
            kind: "tokenizer",
            reason,
        });
        let mut faults = self.faults().await;
        faults.extend(tokenizer);
        faults
    }
}

/// How callers prove who they are, for the description of the API: the deployment checks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerProof {
    /// They don't.
    None,
    /// By the service's secret.
    Secret,
    /// By an AWS signature.
    Signature,
    /// By a JSON web token.
    JsonWebToken,
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
    /// How callers prove who they are.
    pub proof: CallerProof,
    /// Whether callers may list their jobs. Where callers are not known, a job's name is its key.
    pub lists_jobs: bool,
}
