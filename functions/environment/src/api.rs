//! The HTTP API on AWS.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use resonare_aws::S3ObjectStore;
use resonare_http::{Api, BodyLimits, CallerProof, Health};

use crate::environment::Deployment;
use crate::owner::Authorization;

/// The largest body that Lambda passes on, with room for its encoding.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const LARGEST_BODY: u64 = 4_000_000;

/// The largest size of a compressed body after decompression, if there is time for it.
const DECOMPRESSED_BYTES: u64 = 1 << 30;

struct Bucket(S3ObjectStore);

#[async_trait]
impl Health for Bucket {
    async fn bucket_answers(&self) -> Option<bool> {
        Some(self.0.answers().await)
    }
}

/// What the routes work with.
pub fn api(deployment: &Deployment) -> Api {
    let transfers = Arc::new(deployment.objects.clone());
    Api {
        jobs: deployment.jobs(),
        configuration: Arc::clone(&deployment.environment.configuration),
        limits: BodyLimits {
            bytes: LARGEST_BODY,
            decompressed_bytes: DECOMPRESSED_BYTES,
            pause: Duration::from_secs(10),
            total: Duration::from_secs(20),
            instead: "send larger exports with POST /data-prep/uploads, as `resonare submit` does",
        },
        uploads: transfers.clone(),
        downloads: transfers,
        health: Arc::new(Bucket(deployment.objects.clone())),
        proof: match deployment.environment.owners.authorization {
            Authorization::Iam => CallerProof::Signature,
            Authorization::Jwt => CallerProof::JsonWebToken,
            Authorization::Open => CallerProof::None,
        },
        lists_jobs: deployment.environment.owners.authorization != Authorization::Open,
    }
}
