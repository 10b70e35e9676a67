//! The Lambda function `upload`: objects that are put under `uploads/` become jobs.

use std::collections::HashMap;

use anyhow::Context as _;
use aws_lambda_events::s3::{S3Event, S3EventRecord};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use resonare_aws::uploaded_run;
use resonare_functions::{Home, of_principal, start_log};
use resonare_jobs::ports::ObjectStore as _;
use resonare_jobs::{Arrived, JobError, Jobs, Owner, Payload, RunId, Submission};
use serde_json::{Map, Value};
use tracing::info;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_log();
    let home = Home::from_env().await?;
    let uploads = Uploads {
        jobs: home.jobs(),
        home,
    };
    run(service_fn(|event: LambdaEvent<S3Event>| {
        uploads.take(event.payload, event.context.invoked_function_arn)
    }))
    .await
}

struct Uploads {
    home: Home,
    jobs: Jobs,
}

/// An object that an event names.
struct Put {
    key: String,
    size_bytes: u64,
    etag: String,
    /// Tells this version of the object from others.
    version: String,
    principal: String,
}

impl Put {
    fn of(record: S3EventRecord) -> anyhow::Result<Self> {
        let object = record.s3.object;
        let key = object.key.context("the event names no key")?;
        // A space comes as a plus sign, everything else percent-encoded.
        let key = urlencoding::decode(&key.replace('+', " "))?.into_owned();
        let etag = object.e_tag.unwrap_or_default();
        let version = object.version_id.filter(|version| !version.is_empty());
        let version = version.or(object.sequencer).unwrap_or_else(|| etag.clone());
        Ok(Self {
            key,
            size_bytes: u64::try_from(object.size.unwrap_or_default()).unwrap_or_default(),
            etag: format!("\"{}\"", etag.trim_matches('"')),
            version,
            principal: record.principal_id.principal_id.unwrap_or_default(),
        })
    }

    fn payload(&self) -> Payload {
        Payload {
            key: self.key.clone(),
            version: Some(self.etag.clone()),
            size_bytes: self.size_bytes,
            upload: None,
        }
    }
}

impl Uploads {
    async fn take(&self, event: S3Event, function_arn: String) -> Result<(), Error> {
        // arn:aws:lambda:<region>:<account>:function:<name>
        let account = function_arn.split(':').nth(4).unwrap_or_default();
        for record in event.records {
            let put = Put::of(record)?;
            match uploaded_run(&put.key) {
                Some(run_id) => self.arrived(run_id, &put).await?,
                None => self.dropped(&put, account).await?,
            }
        }
        Ok(())
    }

    /// The upload of a job that awaits it.
    async fn arrived(&self, run_id: RunId, put: &Put) -> anyhow::Result<()> {
        let payload = put.payload();
        if self.jobs.upload_arrived(run_id, &payload).await? == Arrived::Unwanted {
            info!(job.id = %run_id, "nobody awaits the upload of job {run_id}: it is removed");
            let removed = self.home.objects.remove(&payload.key, Some(&put.etag));
            removed.await?;
        }
        Ok(())
    }

    /// An object that somebody put without asking.
    async fn dropped(&self, put: &Put, account: &str) -> anyhow::Result<()> {
        let environment = &self.home.environment;
        let Some(metadata) = self.home.objects.metadata(&put.key).await? else {
            info!("an object was removed before its event came");
            return Ok(());
        };
        let run_id = RunId::of_object(&environment.bucket, &put.key, &put.version);
        let owner = of_principal(&put.principal, account, environment.authorization);
        let config = configuration(&environment.configuration, &metadata);
        let submission = |config| Submission {
            run_id,
            owner: owner.clone(),
            config,
            payload: put.payload(),
            idempotency: None,
        };
        let operators = environment.configuration.to_json();
        match config {
            Ok(config) => self.submit(&owner, submission(config), operators).await,
            Err(reason) => {
                let rejected = self.jobs.reject(submission(operators), &reason).await;
                Ok(rejected?)
            }
        }
    }

    async fn submit(
        &self,
        owner: &Owner,
        submission: Submission,
        operators: Map<String, Value>,
    ) -> anyhow::Result<()> {
        let admitted = self.jobs.admit_upload(owner, submission.payload.size_bytes);
        let rejected = Submission {
            config: operators,
            ..submission.clone()
        };
        let submitted = match admitted.await {
            Ok(()) => self.jobs.submit(submission).await.map(|_| ()),
            Err(error) => Err(error),
        };
        match submitted {
            Ok(()) => Ok(()),
            Err(JobError::Unavailable(error)) => Err(error.into()),
            // Nobody waits for an answer: the job says it.
            Err(error) => Ok(self.jobs.reject(rejected, &error.to_string()).await?),
        }
    }
}

/// The configuration of an object's metadata (`x-amz-meta-target-name: …`, percent-encoded UTF-8).
fn configuration(
    operator: &resonare_settings::Configuration,
    metadata: &HashMap<String, String>,
) -> Result<Map<String, Value>, String> {
    let mut values = Vec::new();
    for (name, value) in metadata {
        let value = urlencoding::decode(value)
            .map_err(|_| format!("the metadata {name} is no percent-encoded UTF-8"))?;
        values.push((name.replace('-', "_"), value.into_owned()));
    }
    resonare_http::merge(operator, values).map_err(|problem| problem.detail)
}
