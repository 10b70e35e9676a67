//! The outputs of a run in a bucket: `<run id>/data/<name>`, each whole or not there.

use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use resonare_jobs::output_key;
use resonare_settings::{Configuration, OutputMode};

use crate::outputs::{NAMES, RunFolder};
use crate::s3::{S3, Target};

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
    /// If it does not say to which bucket.
    pub(crate) fn of(
        configuration: &'a Configuration,
        s3: &'a S3,
        run_id: &'a str,
        replaces: bool,
    ) -> Result<Option<Self>, &'static str> {
        if !configuration.output_modes.contains(&OutputMode::S3) {
            return Ok(None);
        }
        let Some(bucket) = &configuration.output_s3_bucket else {
            return Err(
                "output.modes names s3, and output.s3_bucket is not set; set it in the configuration \
                 or as RESONARE_OUTPUT__S3_BUCKET",
            );
        };
        Ok(Some(Self {
            s3,
            bucket,
            region: configuration.output_s3_region.as_deref(),
            run_id,
            replaces,
        }))
    }

    fn target(&self, name: &str) -> Target<'_> {
        Target {
            bucket: self.bucket,
            region: self.region,
            key: output_key(self.run_id, name),
        }
    }

    /// The address of an output.
    pub(crate) fn address(&self, name: &str) -> String {
        self.target(name).to_string()
    }

    /// Copies these outputs into the bucket. None of the run is left there unless all are.
    ///
    /// # Errors
    /// If one can't be written, or work was cancelled.
    pub(crate) fn publish(
        &self,
        folder: &RunFolder,
        names: &[&str],
        cancelled: &AtomicBool,
    ) -> anyhow::Result<()> {
        let upload = |name: &&str| {
            let target = self.target(name);
            let uploaded = self.s3.upload(&folder.file(name), &target, cancelled);
            uploaded.with_context(|| format!("failed to write {target}"))
        };
        if let Err(error) = names.iter().try_for_each(upload) {
            if let Err(left) = self.remove(&NAMES) {
                tracing::warn!("{left:#}");
            }
            return Err(error);
        }
        let others: Vec<_> = NAMES
            .into_iter()
            .filter(|name| !names.contains(name))
            .collect();
        self.remove_earlier(&others)
    }

    /// Leaves nothing of an earlier run of the same name: it would be taken for this one's.
    ///
    /// # Errors
    /// If something can't be removed.
    pub(crate) fn discard(&self) -> anyhow::Result<()> {
        self.remove_earlier(&NAMES)
    }

    fn remove_earlier(&self, names: &[&str]) -> anyhow::Result<()> {
        if self.replaces {
            self.remove(names)
        } else {
            Ok(())
        }
    }

    fn remove(&self, names: &[&str]) -> anyhow::Result<()> {
        names.iter().try_for_each(|name| {
            let target = self.target(name);
            let removed = self.s3.remove(&target);
            removed.with_context(|| format!("failed to remove {target}"))
        })
    }
}
