//! Exports on their way to a service, outputs on their way back.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use indicatif::ProgressBar;
use resonare_settings::Key;
use serde_json::{Map, Value, json};
use ureq::SendBody;
use ureq::http::{StatusCode, header};

use super::client::{Client, Refusal, is_passing, json as json_of};
use super::export::Export;
use crate::interruption::Interruption;

/// How often an output is downloaded where that is cut.
const DOWNLOAD_ATTEMPTS: u32 = 3;
/// What a download may take beside the time for its bytes, and how many of these come at least.
const STALL: Duration = Duration::from_mins(1);
const LEAST_BYTES_PER_SEC: u64 = 64 << 10;

/// An output that is downloaded.
#[derive(Clone, Copy)]
pub(crate) struct OutputDownload<'a> {
    /// The job that it is of.
    pub(crate) run_id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) size_bytes: u64,
}

fn run_id(answer: &Value) -> anyhow::Result<String> {
    let run_id = answer["run_id"].as_str();
    // It becomes part of paths.
    let run_id = run_id.filter(|run_id| uuid::Uuid::try_parse(run_id).is_ok());
    Ok(run_id
        .context("the service's answer has no run_id; is --api the right URL?")?
        .to_owned())
}

/// A key in a query, where a list is one value with commas.
fn in_query(key: Key, value: &Value) -> String {
    let text = match value {
        Value::Array(texts) => {
            let texts: Vec<_> = texts.iter().filter_map(Value::as_str).collect();
            texts.join(",")
        }
        text => text.as_str().unwrap_or_default().to_owned(),
    };
    format!("{}={}", key.name(), urlencoding::encode(&text))
}

/// A reader that fails once the user wants to stop.
struct UntilInterrupted<R> {
    reader: R,
    interruption: Arc<Interruption>,
}

impl<R: Read> Read for UntilInterrupted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.interruption.is_told() {
            // `Interrupted` would be tried again.
            return Err(io::Error::other("interrupted"));
        }
        self.reader.read(buffer)
    }
}

impl Client {
    fn until_interrupted<R: Read>(&self, reader: R) -> UntilInterrupted<R> {
        UntilInterrupted {
            reader,
            interruption: Arc::clone(self.interruption()),
        }
    }

    /// Sends an export as a body; the name of its job.
    pub(crate) fn process(
        &self,
        export: &Export,
        config: &[(Key, Value)],
        progress: &ProgressBar,
    ) -> anyhow::Result<String> {
        let query: Vec<String> = config
            .iter()
            .map(|(key, value)| in_query(*key, value))
            .collect();
        let url = self.url(&format!("/data-prep/process?{}", query.join("&")))?;
        // Trying again after a lost answer is the same job.
        let key = uuid::Uuid::new_v4().to_string();
        // Small enough to be in memory, and signatures cover it.
        let mut body = Vec::new();
        export.part(0, export.size_bytes).read_to_end(&mut body)?;
        // API Gateway treats JSON as text, whatever its encoding.
        let media_type = if export.is_gzip {
            "application/gzip"
        } else {
            "application/json"
        };
        let response = self.repeat(|| {
            progress.reset();
            let request = self
                .agent()
                .post(&url)
                .header(header::CONTENT_TYPE, media_type)
                .header(header::CONTENT_LENGTH, body.len() as u64)
                .header("idempotency-key", &key);
            let request = self.authorized(request, "POST", &url, &body)?;
            let mut body = progress.wrap_read(&body[..]);
            Ok(request.send(SendBody::from_reader(&mut body))?)
        })?;
        run_id(&json_of(response)?)
    }

    /// Uploads an export straight to where the service keeps it; the name of its job.
    pub(crate) fn upload(
        &self,
        export: &Export,
        config: &[(Key, Value)],
        progress: &ProgressBar,
    ) -> anyhow::Result<String> {
        let config: Map<String, Value> = config
            .iter()
            .map(|(key, value)| (key.name().to_owned(), value.clone()))
            .collect();
        let encoding = export.is_gzip.then_some("gzip");
        let begin = json!({
            "size_bytes": export.size_bytes,
            "content_encoding": encoding,
            "config": config,
        });
        let upload = self.post("/data-prep/uploads", &begin)?;
        let run_id = run_id(&upload)?;
        let interruption = self.interruption();
        interruption.leaves(vec![format!(
            "the upload of job {run_id} is not complete; the service gives up on it within a day"
        )]);
        let sent = self.send_parts(export, &run_id, upload, progress);
        if sent.is_err() && interruption.is_told() && self.remove(&run_id).is_ok() {
            interruption.leaves(vec![
                "nothing was submitted: the upload was broken off".to_owned(),
            ]);
        }
        sent.map(|()| run_id)
    }

    fn send_parts(
        &self,
        export: &Export,
        run_id: &str,
        mut upload: Value,
        progress: &ProgressBar,
    ) -> anyhow::Result<()> {
        let count = upload["parts"].as_array().map_or(0, Vec::len);
        let mut offset = 0;
        for number in 0..count {
            let size = upload["parts"][number]["size_bytes"].as_u64();
            let size = size.context("the service's answer has a part without a size")?;
            let sent = self.put(export, &upload["parts"][number], offset, size, progress);
            if sent.as_ref().is_err_and(is_outdated) {
                // The URLs have expired.
                upload = self.get(&format!("/data-prep/uploads/{run_id}/parts"))?;
                self.put(export, &upload["parts"][number], offset, size, progress)?;
            } else {
                sent?;
            }
            offset += size;
        }
        if offset != export.size_bytes {
            bail!(
                "the service asked for {offset} of {} bytes",
                export.size_bytes
            );
        }
        if let Some(complete) = upload["complete_url"].as_str() {
            self.post(complete, &json!({}))?;
        }
        Ok(())
    }

    fn put(
        &self,
        export: &Export,
        part: &Value,
        offset: u64,
        size: u64,
        progress: &ProgressBar,
    ) -> anyhow::Result<()> {
        let url = part["url"].as_str();
        let url = self.url(url.context("the service's answer has a part without a URL")?)?;
        let is_own = self.is_own(&url);
        // S3's 409 says that another request for the same object is under way; 412 that it is there.
        // https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
        let may_pass = |status| is_passing(status) || (status == StatusCode::CONFLICT && !is_own);
        let sent = self.repeat_while(may_pass, || {
            progress.set_position(offset);
            let mut request = self.agent().put(&url).header(header::CONTENT_LENGTH, size);
            for (name, value) in part["headers"].as_object().into_iter().flatten() {
                if !name.eq_ignore_ascii_case("content-length") {
                    request = request.header(name, value.as_str().unwrap_or_default());
                }
            }
            // A service that keeps uploads itself takes them with its secret; none wants them signed.
            let request = self.authorized(request, "PUT", &url, b"")?;
            let part = self.until_interrupted(export.part(offset, size));
            let mut body = progress.wrap_read(part);
            Ok(request.send(SendBody::from_reader(&mut body))?)
        });
        match sent {
            // An earlier attempt arrived, and its answer was lost.
            Err(error)
                if (has_status(&error, StatusCode::CONFLICT) && is_own)
                    || has_status(&error, StatusCode::PRECONDITION_FAILED) =>
            {
                Ok(())
            }
            sent => sent.map(|_| ()),
        }
    }

    /// Downloads an output into a file that `create` makes, anew where a download is cut.
    pub(crate) fn download<W: Write>(
        &self,
        output: OutputDownload<'_>,
        progress: &ProgressBar,
        create: impl Fn() -> io::Result<W>,
    ) -> anyhow::Result<W> {
        let before = progress.position();
        for attempt in 1.. {
            progress.set_position(before);
            match self.download_once(output, progress, create()?) {
                Err(error)
                    if attempt < DOWNLOAD_ATTEMPTS
                        && !error.is::<Refusal>()
                        && !self.interruption().is_told() =>
                {
                    tracing::warn!("trying again: {error:#}");
                }
                result => return result,
            }
        }
        unreachable!("the last attempt returns")
    }

    fn download_once<W: Write>(
        &self,
        output: OutputDownload<'_>,
        progress: &ProgressBar,
        mut target: W,
    ) -> anyhow::Result<W> {
        let OutputDownload {
            run_id,
            name,
            size_bytes,
        } = output;
        let path = format!("/data-prep/jobs/{run_id}/outputs/{name}?redirect=false");
        let answer = self.get(&path)?;
        let url = answer["url"].as_str();
        let url = self.url(url.context("the service's answer has no URL")?)?;
        // What comes more slowly than that does not come.
        let patience = STALL + Duration::from_secs(size_bytes / LEAST_BYTES_PER_SEC);
        let response = self.repeat(|| self.get_within(&url, Some(patience)))?;
        let body = response.into_body().into_with_config().limit(u64::MAX);
        let mut body = progress.wrap_read(self.until_interrupted(body.reader()));
        let copied = io::copy(&mut body, &mut target)?;
        if copied != size_bytes {
            bail!("only {copied} of {size_bytes} bytes arrived");
        }
        Ok(target)
    }
}

fn has_status(error: &anyhow::Error, status: StatusCode) -> bool {
    error
        .downcast_ref::<Refusal>()
        .is_some_and(|refusal| refusal.status == status)
}

/// A signed URL is refused like this once it has expired.
fn is_outdated(error: &anyhow::Error) -> bool {
    has_status(error, StatusCode::FORBIDDEN)
}
