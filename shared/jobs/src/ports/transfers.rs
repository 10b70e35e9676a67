//! Transfers that do not pass through the API: uploads into the object store, downloads out of it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::Unavailable;
use crate::record::{JobRecord, Output, Payload, RunId};

/// Where a part of an upload goes, with one PUT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadPart {
    /// Its number, from 1.
    pub number: u32,
    /// Its size, which the store enforces.
    pub size_bytes: u64,
    /// An absolute URL, or a path on the server that was asked.
    pub url: String,
    /// The headers that have to be sent, as they are.
    pub headers: BTreeMap<String, String>,
}

/// How an upload is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadPlan {
    /// Its parts, in order.
    pub parts: Vec<UploadPart>,
    /// Whether it has to be completed when all parts are there. Otherwise the one part does it.
    pub needs_completion: bool,
    /// When the URLs stop working.
    pub expires_at: Timestamp,
}

/// What became of the completion of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The object is there.
    Done(Payload),
    /// Parts are missing.
    Incomplete,
}

/// Uploads that go straight to where objects are stored.
#[async_trait]
pub trait Uploads: Send + Sync {
    /// Prepares the upload of a run's payload. Nothing of it is seen before it is whole.
    async fn begin(
        &self,
        run_id: RunId,
        size_bytes: u64,
        content_encoding: Option<String>,
    ) -> Result<Payload, Unavailable>;

    /// New URLs for an upload that was begun.
    async fn plan(&self, run_id: RunId, payload: &Payload) -> Result<UploadPlan, Unavailable>;

    /// Puts the parts together. Of an upload that was completed before, that is [`Completion::Done`]
    /// again.
    async fn complete(&self, payload: &Payload) -> Result<Completion, Unavailable>;
}

/// Downloads that come straight from where objects are stored.
#[async_trait]
pub trait Downloads: Send + Sync {
    /// Where an output can be downloaded for a while: an absolute URL, or a path on the server
    /// that was asked. `None` if it is gone.
    async fn address(
        &self,
        job: &JobRecord,
        output: &Output,
    ) -> Result<Option<String>, Unavailable>;
}
