//! The outputs of a run in a bucket: `<run id>/data/<name>`, each whole or not there.
//!
//! Several keys can't be replaced in one step, so all uploads are sent before the first is completed; if a
//! run dies in between, the next run with its id puts everything in order.

use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use resonare_jobs::output_key;
use resonare_pipeline::OutputName;
use resonare_settings::{Configuration, OutputMode};

use super::folder::RunFolder;
use super::s3::{S3, Target, Upload};
use crate::error::{CommandError, Result};

/// Where in S3 the outputs of a run go.
pub(crate) struct BucketOutputs<'a> {
    s3: &'a S3,
    bucket: &'a str,
    region: Option<&'a str>,
    run_id: &'a str,
    /// There may be outputs of an earlier run of the same name.
    replaces: bool,
}

impl<'a> BucketOutputs<'a> {
    /// The outputs of a run, if the configuration sends them to S3.
    ///
    /// # Errors
    /// If it does not name a bucket.
    pub(crate) fn of(
        configuration: &'a Configuration,
        s3: &'a S3,
        run_id: &'a str,
        replaces: bool,
    ) -> Result<Option<Self>> {
        if !configuration.output_modes.contains(&OutputMode::S3) {
            return Ok(None);
        }
        let Some(bucket) = &configuration.output_s3_bucket else {
            return Err(CommandError::usage(
                "output.modes includes s3, but output.s3_bucket is not set; set it in the configuration \
                 or as RESONARE_OUTPUT__S3_BUCKET",
            ));
        };
        Ok(Some(Self {
            s3,
            bucket,
            region: configuration.output_s3_region.as_deref(),
            run_id,
            replaces,
        }))
    }

    fn target(&self, output: OutputName) -> Target<'_> {
        Target {
            bucket: self.bucket,
            region: self.region,
            key: output_key(self.run_id, output.as_str()),
        }
    }

    /// The URL of an output.
    pub(crate) fn address(&self, output: OutputName) -> String {
        self.target(output).to_string()
    }

    /// Copies these outputs into the bucket, in place of those of an earlier run with this id.
    ///
    /// # Errors
    /// If one can't be sent, or work was cancelled: then the earlier outputs stay. If one can't be
    /// completed: then some may be the earlier run's, until the next run.
    pub(crate) fn publish(
        &self,
        folder: &RunFolder,
        outputs: &[OutputName],
        cancelled: &AtomicBool,
    ) -> anyhow::Result<()> {
        let mut uploads = Vec::new();
        for output in outputs {
            let target = self.target(*output);
            let upload = self.s3.upload(&folder.file(*output), &target, cancelled);
            uploads.push(upload.with_context(|| format!("failed to write {target}"))?);
        }
        let completed = uploads
            .into_iter()
            .zip(outputs)
            .try_for_each(|(upload, output)| {
                let completed = upload.complete();
                completed.with_context(|| format!("failed to write {}", self.target(*output)))
            });
        match completed {
            Ok(()) if self.replaces => self.remove(|output| !outputs.contains(&output)),
            Err(error) if !self.replaces => {
                if let Err(left) = self.remove(|output| outputs.contains(&output)) {
                    tracing::warn!("{left:#}");
                }
                Err(error)
            }
            completed => completed,
        }
    }

    fn remove(&self, is_chosen: impl Fn(OutputName) -> bool) -> anyhow::Result<()> {
        let chosen = OutputName::ALL.iter().copied();
        let mut chosen = chosen.filter(|output| is_chosen(*output));
        chosen.try_for_each(|output| {
            let target = self.target(output);
            let removed = self.s3.remove(&target);
            removed.with_context(|| format!("failed to remove {target}"))
        })
    }

    /// Whether an earlier run of this id left what can be trained on.
    ///
    /// # Errors
    /// If the bucket can't be asked.
    pub(crate) fn has_earlier_outputs(&self) -> anyhow::Result<bool> {
        Ok(self.replaces && self.s3.exists(&self.target(OutputName::Train))?)
    }

    /// Puts the statistics of a failed run beside the outputs of an earlier one.
    ///
    /// # Errors
    /// If they can't be sent, or work was cancelled.
    pub(crate) fn publish_beside_earlier(
        &self,
        folder: &RunFolder,
        cancelled: &AtomicBool,
    ) -> anyhow::Result<()> {
        let target = self.target(OutputName::FailedStats);
        let file = folder.file(OutputName::Stats);
        let upload = self.s3.upload(&file, &target, cancelled);
        let published = upload.and_then(Upload::complete);
        published.with_context(|| format!("failed to write {target}"))
    }
}
