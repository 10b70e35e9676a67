//! The pipeline as a job's processor: payload in, outputs out.

use std::io::{self, Read, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use resonare_consumers::NextStep;
use resonare_pipeline::{
    Failure, Outcome, OutputName, PipelineError, Run, RunFiles, Statistics, StatsFile, Tokenizer,
    causes, run_outputs,
};
use resonare_settings::Configuration;
use tokio::runtime::Handle;
use tracing::warn;

use crate::advice::explained;
use crate::events::FailureKind;
use crate::jobs::output_key;
use crate::model::FoundModel;
use crate::payload_exports::PayloadExports;
use crate::ports::{ObjectStore, ObjectWriter, Unavailable};
use crate::record::{JobRecord, Output, RunId, StatsSummary};
use crate::work::{Attempt, Processor, Verdict};

/// Why there is no tokenizer for a job.
#[derive(Clone, Debug)]
pub struct NoTokenizer {
    /// A sentence for the job's owner.
    pub message: String,
    /// Whether another attempt may find it.
    pub is_retryable: bool,
}

/// Finds the tokenizers of models, and their chat templates.
#[async_trait]
pub trait ModelSource: Send + Sync {
    /// What counts.
    type Tokenizer: Tokenizer + Send + Sync + 'static;

    /// What a configuration asks for.
    async fn find(
        &self,
        configuration: &Configuration,
    ) -> Result<FoundModel<Self::Tokenizer>, NoTokenizer>;
}

/// Runs the pipeline over a job's payload.
pub struct PipelineProcessor<S> {
    /// Where payloads and outputs are.
    pub objects: Arc<dyn ObjectStore>,
    /// Where tokenizers and chat templates come from.
    pub models: S,
    /// How many threads one job may use.
    pub threads: NonZeroUsize,
    /// Where temporary files may be made.
    pub scratch_dir: PathBuf,
    /// Whether the outputs go to S3.
    pub outputs_are_on_s3: bool,
}

fn failed(kind: FailureKind, message: impl Into<String>) -> Verdict {
    Verdict::Failed {
        kind,
        message: message.into(),
        stats: None,
        outputs: Vec::new(),
    }
}

fn retry(error: &dyn std::error::Error) -> Verdict {
    Verdict::Retry {
        message: causes(error),
    }
}

#[async_trait]
impl<S: ModelSource> Processor for PipelineProcessor<S> {
    async fn process(&self, job: &JobRecord, attempt: &Attempt) -> Verdict {
        match self.prepare(job, attempt).await {
            Ok(work) => {
                let running = tokio::task::spawn_blocking(move || work.run());
                running.await.unwrap_or_else(|error| {
                    warn!(run_id = %job.run_id, "the processing of a job panicked");
                    retry(&error)
                })
            }
            Err(verdict) => verdict,
        }
    }
}

impl<S: ModelSource> PipelineProcessor<S> {
    /// Everything that has to be asked for, before the blocking part.
    async fn prepare(
        &self,
        job: &JobRecord,
        attempt: &Attempt,
    ) -> Result<Work<S::Tokenizer>, Verdict> {
        let unavailable = |error: Unavailable| retry(&error);
        let configuration = Configuration::from_json(&job.config).map_err(|error| {
            let message = format!("the job's configuration cannot be read: {error}");
            failed(FailureKind::Input, message)
        })?;
        let model = self.models.find(&configuration).await.map_err(|none| {
            let message = none.message;
            if none.is_retryable {
                Verdict::Retry { message }
            } else {
                failed(FailureKind::Tokenizer, message)
            }
        })?;
        let frozen = job.tokenizer.as_ref().map(|info| &info.fingerprint);
        if frozen.is_some_and(|fingerprint| *fingerprint != model.info.fingerprint) {
            return Err(failed(
                FailureKind::Tokenizer,
                "the tokenizer changed between two attempts; submit the job again",
            ));
        }
        if let Ok(mut known) = attempt.tokenizer.lock() {
            *known = Some(model.info.clone());
        }
        let configuration = model
            .configure(configuration)
            .map_err(|error| failed(FailureKind::Tokenizer, error.to_string()))?;
        if let Ok(mut applied) = attempt.config.lock() {
            *applied = Some(configuration.to_json());
        }
        let payload = self
            .objects
            .open(&job.payload.key, job.payload.version.as_deref());
        let Some(payload) = payload.await.map_err(unavailable)? else {
            let message = "the payload is no longer there";
            return Err(failed(FailureKind::Payload, message));
        };
        let raw = configuration.output_raw.is_written(self.outputs_are_on_s3);
        let place = OutputPlace {
            objects: Arc::clone(&self.objects),
            run_id: job.run_id,
            runtime: Handle::current(),
        };
        let mut files = Vec::new();
        for name in run_outputs(raw, &configuration.output_formats, &configuration.pipeline) {
            files.push((name, place.create(name).await.map_err(unavailable)?));
        }
        Ok(Work {
            files: RunFiles::new(files),
            place,
            payload: payload.reader,
            configuration,
            model,
            threads: self.threads,
            scratch_dir: self.scratch_dir.clone(),
            attempt: attempt.clone(),
        })
    }
}

/// Where the outputs of a run are written to.
struct OutputPlace {
    objects: Arc<dyn ObjectStore>,
    run_id: RunId,
    runtime: Handle,
}

impl OutputPlace {
    async fn create(&self, name: OutputName) -> Result<OutputObject, Unavailable> {
        let key = output_key(self.run_id, name.as_str());
        Ok(OutputObject {
            name,
            writer: self.objects.create(&key).await?,
            size_bytes: 0,
        })
    }

    /// A whole output, which is yet to be finished.
    fn write(
        &self,
        name: OutputName,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<OutputObject> {
        let output = self.runtime.block_on(self.create(name));
        let mut output = io::BufWriter::new(output.map_err(io::Error::other)?);
        write(&mut output)?;
        output.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

/// An output in the making, which knows its size.
struct OutputObject {
    name: OutputName,
    writer: Box<dyn ObjectWriter>,
    size_bytes: u64,
}

impl Write for OutputObject {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes)?;
        self.size_bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl OutputObject {
    fn finish(self) -> io::Result<Output> {
        self.writer.finish()?;
        Ok(Output {
            name: self.name.to_string(),
            size_bytes: self.size_bytes,
        })
    }
}

/// The message in the record of a job that failed, which names nobody.
fn error_message(error: &PipelineError) -> String {
    let names_senders = if error.private_details().is_empty() {
        ""
    } else {
        " (stats.json names the senders)"
    };
    format!("{}{names_senders}", explained(error))
}

/// Finishes outputs at once: each waits for a store more than it works. Where one fails, the others may
/// be there; another attempt writes the same bytes in their places.
fn finish_all(outputs: impl Iterator<Item = OutputObject>) -> io::Result<Vec<Output>> {
    std::thread::scope(|scope| {
        let finishing: Vec<_> = outputs
            .map(|output| {
                let thread = std::thread::Builder::new();
                thread.spawn_scoped(scope, move || output.finish())
            })
            .collect::<io::Result<_>>()?;
        let finished = finishing.into_iter().map(|finished| match finished.join() {
            Ok(finished) => finished,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        finished.collect()
    })
}

/// Counts what is read, and fails as what may pass.
struct CountingReader {
    reader: Box<dyn Read + Send>,
    bytes_read: Arc<AtomicU64>,
}

impl Read for CountingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Of another kind, it could pass for one of the payload itself.
        let count = self
            .reader
            .read(buffer)
            .map_err(|error| match error.kind() {
                io::ErrorKind::Interrupted => error,
                _ => io::Error::other(error),
            })?;
        self.bytes_read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// The blocking part of a job.
struct Work<T> {
    files: RunFiles<OutputObject>,
    place: OutputPlace,
    payload: Box<dyn Read + Send>,
    configuration: Configuration,
    model: FoundModel<T>,
    threads: NonZeroUsize,
    scratch_dir: PathBuf,
    attempt: Attempt,
}

impl<T: Tokenizer> Work<T> {
    fn run(mut self) -> Verdict {
        let run = Run {
            settings: &self.configuration.pipeline,
            tokenizer: &*self.model.tokenizer,
            tokenizer_info: self.model.info.clone(),
            chat_template: self.model.chat_template(&self.configuration),
            special_tokens: &self.model.special_tokens(&self.configuration),
            threads: self.threads,
            scratch_dir: &self.scratch_dir,
            cancelled: &self.attempt.cancelled,
        };
        let reader = Box::new(CountingReader {
            reader: self.payload,
            bytes_read: Arc::clone(&self.attempt.bytes_read),
        });
        let exports = PayloadExports::of(reader, &self.scratch_dir, &self.attempt.cancelled);
        let result = run.execute(exports, self.files.outputs());
        let ending = Ending {
            place: self.place,
            configuration: self.configuration,
            model: self.model,
        };
        match Outcome::of(result, &self.attempt.cancelled) {
            Outcome::Completed(mut statistics) => {
                let leaves: Vec<_> = self
                    .files
                    .named()
                    .filter(|(name, _)| statistics.leaves(*name))
                    .map(|(_, file)| file)
                    .collect();
                match ending.complete(leaves.into_iter(), &mut statistics) {
                    Ok(outputs) => Verdict::Completed {
                        stats: StatsSummary::of(&statistics),
                        outputs,
                    },
                    Err(error) => retry(&error),
                }
            }
            Outcome::FailedWithStatistics(failure) => match ending.explain(&failure) {
                Ok(outputs) => Verdict::Failed {
                    kind: FailureKind::Input,
                    message: error_message(&failure.error),
                    stats: Some(StatsSummary::of(&failure.statistics)),
                    outputs,
                },
                Err(error) => retry(&error),
            },
            Outcome::Failed(failure) => failed(FailureKind::Input, explained(&failure.error)),
            Outcome::Retry(failure) => retry(&failure.error),
            Outcome::Cancelled => Verdict::Cancelled,
        }
    }
}

/// What is left to write when a run has ended.
struct Ending<T> {
    place: OutputPlace,
    configuration: Configuration,
    model: FoundModel<T>,
}

impl<T> Ending<T> {
    /// Writes the statistics and what the consumer needs, and completes these and the files of the run.
    fn complete(
        &self,
        files: impl Iterator<Item = OutputObject>,
        statistics: &mut Statistics,
    ) -> io::Result<Vec<Output>> {
        let folder = self.place.run_id.to_string();
        let kit = self.model.kit(&self.configuration, statistics, &folder);
        let mut outputs: Vec<_> = files.collect();
        let next = kit.as_ref().map(|kit| &kit.next);
        outputs.extend(self.findings(statistics, next, None)?);
        for file in kit.into_iter().flat_map(|kit| kit.files) {
            let name = OutputName::of_kit_file(file.name);
            let written = self
                .place
                .write(name, |out| out.write_all(file.content.as_bytes()));
            outputs.push(written?);
        }
        finish_all(outputs.into_iter())
    }

    /// Leaves the statistics and the report alone, which say why there is nothing else.
    fn explain(&self, failure: &Failure) -> io::Result<Vec<Output>> {
        let findings = self.findings(&failure.statistics, None, Some(&failure.error))?;
        finish_all(findings.into_iter())
    }

    /// The statistics and, if it is wanted, the report.
    fn findings(
        &self,
        statistics: &Statistics,
        next: Option<&NextStep>,
        error: Option<&PipelineError>,
    ) -> io::Result<Vec<OutputObject>> {
        let text = error.map(explained);
        let details = error.map(PipelineError::private_details);
        let template = self.model.template_words();
        let file = StatsFile {
            statistics,
            config: &self.configuration.to_public_json(),
            training_length: self.model.training_length(&self.configuration, statistics),
            next,
            preset: &self.configuration.preset(),
            chat_template: template.as_deref(),
            error: text.as_deref(),
            error_details: details.as_deref().unwrap_or_default(),
            senders: error.map(PipelineError::senders).unwrap_or_default(),
        };
        let place = &self.place;
        let mut findings = vec![place.write(OutputName::Stats, |out| file.write(out))?];
        if self.configuration.output_report {
            let report = place.write(OutputName::Report, |out| resonare_report::write(&file, out));
            findings.push(report?);
        }
        Ok(findings)
    }
}
