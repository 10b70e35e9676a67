//! Uploads and downloads through the same server, where objects have no URLs of their own.

use std::sync::Arc;

use async_trait::async_trait;
use resonare_jobs::ports::{
    Clock, Completion, Downloads, ObjectStore, Unavailable, UploadPart, UploadPlan, Uploads,
};
use resonare_jobs::{DirectUpload, JobRecord, Jobs, Output, Payload, RunId, Timings, output_key};

use crate::tickets::Tickets;

/// URLs of uploads and downloads on the server itself, which [`crate::all`] serves.
#[derive(Clone)]
pub struct ServerTransfers {
    /// Where outputs are.
    pub objects: Arc<dyn ObjectStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How long an upload may take to arrive.
    pub timings: Timings,
    /// How downloads are let through without the secret, where there is one.
    pub tickets: Option<Tickets>,
}

#[async_trait]
impl Uploads for ServerTransfers {
    async fn begin(
        &self,
        run_id: RunId,
        size_bytes: u64,
        content_encoding: Option<String>,
    ) -> Result<Payload, Unavailable> {
        Ok(Payload {
            key: Jobs::payload_key(run_id),
            version: None,
            size_bytes,
            last_modified: None,
            upload: Some(DirectUpload {
                id: None,
                content_encoding,
            }),
        })
    }

    async fn plan(&self, run_id: RunId, payload: &Payload) -> Result<UploadPlan, Unavailable> {
        let encoding = payload.content_encoding();
        let headers = encoding.map(|encoding| ("content-encoding".to_owned(), encoding.to_owned()));
        let part = UploadPart {
            number: 1,
            size_bytes: payload.size_bytes,
            url: format!("/data-prep/uploads/{run_id}/content"),
            headers: headers.into_iter().collect(),
        };
        Ok(UploadPlan {
            parts: vec![part],
            needs_completion: false,
            expires_at: self.clock.now() + self.timings.upload_deadline,
        })
    }

    async fn complete(&self, _payload: &Payload) -> Result<Completion, Unavailable> {
        // The one part is the whole upload, and would have been taken when it came.
        Ok(Completion::Incomplete)
    }
}

#[async_trait]
impl Downloads for ServerTransfers {
    async fn address(
        &self,
        job: &JobRecord,
        output: &Output,
    ) -> Result<Option<String>, Unavailable> {
        let (run_id, name) = (job.run_id, &output.name);
        let found = self.objects.find(&output_key(run_id, name)).await?;
        let path = format!("/data-prep/jobs/{run_id}/outputs/{name}/content");
        Ok(found.map(|_| match &self.tickets {
            Some(tickets) => tickets.url(&path),
            None => path,
        }))
    }
}
