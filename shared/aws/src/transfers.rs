//! Uploads into the bucket and downloads from it, by signed URLs that work for a while.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use jiff::Timestamp;
use resonare_jobs::ports::{Completion, Downloads, Unavailable, UploadPart, UploadPlan, Uploads};
use resonare_jobs::{DirectUpload, JobRecord, Jobs, Output, Payload, RunId, output_key};

use crate::failure::unavailable;
use crate::objects::{JOB_TAG, S3ObjectStore, etag_version, failed};

const PORT: &str = "objects";

/// How long an upload's URLs work. New ones can be requested for as long as the upload may take.
const UPLOAD_LASTS: Duration = Duration::from_hours(1);
/// How long a download's URL works.
const DOWNLOAD_LASTS: Duration = Duration::from_mins(5);

/// The largest object that one PUT can make.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html>
const LARGEST_PUT: u64 = 5_000_000_000;
/// The smallest part that is worth a URL of its own.
const SMALLEST_PART: u64 = 64 << 20;
/// The maximum number of parts: their URLs have to fit into one answer.
const MOST_PARTS: u64 = 1000;

/// Where uploads are put.
const PREFIX: &str = "uploads/";

/// The run whose upload this key is; none for an object that was put without a call.
pub fn uploaded_run(key: &str) -> Option<RunId> {
    Jobs::run_of_payload(key.strip_prefix(PREFIX)?)
}

fn part_size(size_bytes: u64) -> u64 {
    size_bytes.div_ceil(MOST_PARTS).max(SMALLEST_PART)
}

/// The store's name of an upload of several parts.
fn multipart_id(payload: &Payload) -> Option<&str> {
    payload.upload.as_ref()?.id.as_deref()
}

fn lasting(time: Duration) -> Result<PresigningConfig, Unavailable> {
    PresigningConfig::expires_in(time).map_err(|error| unavailable(PORT, error))
}

fn part(number: u32, size_bytes: u64, signed: &PresignedRequest) -> UploadPart {
    let headers = signed
        .headers()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("host"))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    UploadPart {
        number,
        size_bytes,
        url: signed.uri().to_owned(),
        headers: headers.collect::<BTreeMap<_, _>>(),
    }
}

impl S3ObjectStore {
    async fn single(&self, payload: &Payload) -> Result<UploadPart, Unavailable> {
        let size = i64::try_from(payload.size_bytes).unwrap_or(i64::MAX);
        let signed = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(&payload.key)
            .content_length(size)
            .set_content_encoding(payload.content_encoding().map(str::to_owned))
            .if_none_match("*")
            .tagging(JOB_TAG)
            .presigned(lasting(UPLOAD_LASTS)?)
            .await
            .map_err(failed)?;
        Ok(part(1, payload.size_bytes, &signed))
    }

    async fn parts(&self, payload: &Payload, id: &str) -> Result<Vec<UploadPart>, Unavailable> {
        let each = part_size(payload.size_bytes);
        let mut parts = Vec::new();
        let mut left = payload.size_bytes;
        while left > 0 {
            let size = left.min(each);
            left -= size;
            let number = u32::try_from(parts.len() + 1).unwrap_or(u32::MAX);
            let signed = self
                .client
                .upload_part()
                .bucket(&self.bucket)
                .key(&payload.key)
                .upload_id(id)
                .part_number(i32::try_from(number).unwrap_or(i32::MAX))
                .content_length(i64::try_from(size).unwrap_or(i64::MAX))
                .presigned(lasting(UPLOAD_LASTS)?)
                .await
                .map_err(failed)?;
            parts.push(part(number, size, &signed));
        }
        Ok(parts)
    }

    /// The object at the payload's key, if it is there and has the size that was announced.
    async fn stored(&self, payload: &Payload) -> Result<Completion, Unavailable> {
        let found = self.head(&payload.key).await?;
        Ok(found.map_or(Completion::Incomplete, |head| {
            Completion::Done(Payload {
                version: head.e_tag().map(etag_version),
                ..payload.clone()
            })
        }))
    }
}

#[async_trait]
impl Uploads for S3ObjectStore {
    async fn begin(
        &self,
        run_id: RunId,
        size_bytes: u64,
        content_encoding: Option<String>,
    ) -> Result<Payload, Unavailable> {
        let key = format!("{PREFIX}{}", Jobs::payload_key(run_id));
        let id = if size_bytes > LARGEST_PUT {
            let created = self
                .client
                .create_multipart_upload()
                .bucket(&self.bucket)
                .key(&key)
                .set_content_encoding(content_encoding.clone())
                .tagging(JOB_TAG)
                .send()
                .await
                .map_err(failed)?;
            created.upload_id
        } else {
            None
        };
        Ok(Payload {
            key,
            version: None,
            size_bytes,
            last_modified: None,
            upload: Some(DirectUpload {
                id,
                content_encoding,
            }),
        })
    }

    async fn plan(&self, _run_id: RunId, payload: &Payload) -> Result<UploadPlan, Unavailable> {
        let expires_at = Timestamp::now() + UPLOAD_LASTS;
        let id = multipart_id(payload);
        let parts = match id {
            None => vec![self.single(payload).await?],
            Some(id) => self.parts(payload, id).await?,
        };
        Ok(UploadPlan {
            parts,
            needs_completion: id.is_some(),
            expires_at,
        })
    }

    async fn complete(&self, payload: &Payload) -> Result<Completion, Unavailable> {
        let Some(id) = multipart_id(payload) else {
            return self.stored(payload).await;
        };
        let mut parts = Vec::new();
        let (mut marker, mut size) = (None, 0);
        loop {
            let listed = self
                .client
                .list_parts()
                .bucket(&self.bucket)
                .key(&payload.key)
                .upload_id(id)
                .set_part_number_marker(marker)
                .send()
                .await;
            let listed = match listed {
                Ok(listed) => listed,
                // It was completed before.
                Err(error) if error.code() == Some("NoSuchUpload") => {
                    return self.stored(payload).await;
                }
                Err(error) => return Err(failed(error)),
            };
            for part in listed.parts() {
                size += u64::try_from(part.size().unwrap_or_default()).unwrap_or_default();
                parts.push(
                    CompletedPart::builder()
                        .set_part_number(part.part_number())
                        .set_e_tag(part.e_tag().map(str::to_owned))
                        .build(),
                );
            }
            marker = listed.next_part_number_marker;
            if listed.is_truncated != Some(true) {
                break;
            }
        }
        if size != payload.size_bytes {
            return Ok(Completion::Incomplete);
        }
        let completed = self
            .client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(&payload.key)
            .upload_id(id)
            .multipart_upload(
                CompletedMultipartUpload::builder()
                    .set_parts(Some(parts))
                    .build(),
            )
            .send()
            .await;
        match completed {
            Ok(_) => self.stored(payload).await,
            Err(error) if error.code() == Some("NoSuchUpload") => self.stored(payload).await,
            Err(error) => Err(failed(error)),
        }
    }
}

#[async_trait]
impl Downloads for S3ObjectStore {
    async fn address(
        &self,
        job: &JobRecord,
        output: &Output,
    ) -> Result<Option<String>, Unavailable> {
        let key = output_key(job.run_id, &output.name);
        if self.head(&key).await?.is_none() {
            return Ok(None);
        }
        let (media_type, disposition) = if output.is_report() {
            (Some("text/html; charset=utf-8".to_owned()), "inline")
        } else {
            (None, "attachment")
        };
        let signed = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(&key)
            .set_response_content_type(media_type)
            .response_content_disposition(disposition)
            .presigned(lasting(DOWNLOAD_LASTS)?)
            .await
            .map_err(failed)?;
        Ok(Some(signed.uri().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_the_run_that_it_was_signed_for() {
        let run_id = RunId::generate(Timestamp::now());
        assert_eq!(
            uploaded_run(&format!("uploads/{run_id}/payload")),
            Some(run_id)
        );
        for other in ["uploads/result.json", "uploads/x/payload", "x"] {
            assert_eq!(uploaded_run(other), None);
        }
    }

    #[test]
    fn no_upload_has_too_many_parts() {
        for size in [LARGEST_PUT + 1, 100_000_000_000, 5_000_000_000_000] {
            let each = part_size(size);
            assert!(size.div_ceil(each) <= MOST_PARTS && each <= 5 << 30);
        }
    }
}
