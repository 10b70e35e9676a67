//! The Lambda function `upload`: objects that are put under `uploads/` become jobs.

use std::collections::HashMap;

use anyhow::Context as _;
use aws_lambda_events::s3::{S3Event, S3EventRecord};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use resonare_aws::uploaded_run;
use resonare_functions::{Deployment, begin_request, start_log};
use resonare_jobs::{Jobs, Payload, RunId, Submission, UploadArrival};
use resonare_settings::{Configuration, Key};
use serde_json::{Map, Value};
use tracing::info;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_log();
    let deployment = Deployment::from_env().await?;
    let uploads = Uploads {
        jobs: deployment.jobs(),
        deployment,
    };
    run(service_fn(|event: LambdaEvent<S3Event>| {
        begin_request(&event.context.request_id);
        uploads.take(event.payload, event.context.invoked_function_arn)
    }))
    .await
}

struct Uploads {
    deployment: Deployment,
    jobs: Jobs,
}

/// An object that an event names.
struct NewObject {
    key: String,
    size_bytes: u64,
    etag: String,
    /// Distinguishes this version of the object from others.
    version: String,
    principal: String,
}

impl NewObject {
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

    /// What consoles show as folders are empty objects.
    fn is_folder(&self) -> bool {
        self.key.ends_with('/') && self.size_bytes == 0
    }

    fn payload(&self) -> Payload {
        Payload {
            key: self.key.clone(),
            version: Some(self.etag.clone()),
            size_bytes: self.size_bytes,
            last_modified: None,
            upload: None,
        }
    }
}

impl Uploads {
    async fn take(&self, event: S3Event, function_arn: String) -> Result<(), Error> {
        // arn:aws:lambda:<region>:<account>:function:<name>
        let account = function_arn.split(':').nth(4).unwrap_or_default();
        for record in event.records {
            let object = NewObject::of(record)?;
            match uploaded_run(&object.key) {
                Some(run_id) => self.arrived(run_id, &object).await?,
                None => self.dropped(&object, account).await?,
            }
        }
        Ok(())
    }

    /// The upload of a job that awaits it.
    async fn arrived(&self, run_id: RunId, object: &NewObject) -> anyhow::Result<()> {
        let payload = object.payload();
        let arrival = self.jobs.upload_arrived(run_id, &payload).await?;
        if arrival == UploadArrival::Unwanted {
            info!(%run_id, "removing the upload of job {run_id}, which no job needs");
            self.jobs.discard_upload(&payload).await?;
        }
        Ok(())
    }

    /// An object that someone put without calling the API first.
    async fn dropped(&self, object: &NewObject, account: &str) -> anyhow::Result<()> {
        let environment = &self.deployment.environment;
        if object.is_folder() {
            return Ok(());
        }
        let Some(description) = self.deployment.objects.description(&object.key).await? else {
            info!("an object was removed before its event arrived");
            return Ok(());
        };
        let operators = environment.configuration.to_json();
        let (config, problem) =
            match configuration(&environment.configuration, &description.metadata) {
                Ok(config) => (config, None),
                Err(problem) => (operators.clone(), Some(problem)),
            };
        let submission = Submission {
            run_id: RunId::of_object(&environment.bucket, &object.key, &object.version),
            owner: environment.owners.of_principal(&object.principal, account),
            config,
            payload: Payload {
                last_modified: description.last_modified,
                ..object.payload()
            },
            idempotency: None,
        };
        self.jobs.take_drop(submission, operators, problem).await?;
        Ok(())
    }
}

/// The configuration of an object's metadata (`x-amz-meta-target-name: …`, percent-encoded UTF-8). Metadata
/// that other tools write is ignored.
fn configuration(
    operator: &Configuration,
    metadata: &HashMap<String, String>,
) -> Result<Map<String, Value>, String> {
    let mut values = Vec::new();
    for (name, value) in metadata {
        let key = name.replace('-', "_");
        if Key::named(&key).is_none() {
            continue;
        }
        let value = urlencoding::decode(value)
            .map_err(|_| format!("the metadata {name} is not percent-encoded UTF-8"))?;
        values.push((key, value.into_owned().into()));
    }
    resonare_http::merge(operator, values).map_err(|problem| problem.detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(metadata: &[(&str, &str)]) -> Result<Map<String, Value>, String> {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        let metadata = metadata.iter().map(owned).collect();
        configuration(&Configuration::default(), &metadata)
    }

    #[test]
    fn the_metadata_of_other_tools_is_theirs() {
        let config = of(&[
            ("mtime", "1700000000.123"),
            ("s3cmd-attrs", "atime:1/ctime:1"),
            ("comment", "100%"),
            ("target-name", "%D0%AF"),
        ]);
        assert_eq!(config.unwrap()["target_name"], "Я");
    }

    #[test]
    fn a_wrong_value_and_a_key_of_the_operator_are_named() {
        let wrong = of(&[("min-tokens-per-block", "many")]).unwrap_err();
        assert!(wrong.contains("min_tokens_per_block"), "{wrong}");
        let operators = of(&[("tokenizer", "o200k_base")]).unwrap_err();
        assert!(operators.contains("tokenizer"), "{operators}");
        assert!(
            of(&[("target-name", "%FF")])
                .unwrap_err()
                .contains("target-name")
        );
    }
}
