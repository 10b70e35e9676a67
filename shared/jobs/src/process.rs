//! The pipeline as a job's processor: payload in, outputs out.

use std::io::{self, Read, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use resonare_pipeline::{
    Outcome, OutputName, PipelineError, Run, RunFiles, Source, Statistics, StatsFile, Tokenizer,
    TokenizerInfo, causes,
};
use resonare_settings::Configuration;
use tracing::warn;

use crate::advice::explained;
use crate::events::FailureKind;
use crate::jobs::output_key;
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

/// Finds the tokenizers of models.
#[async_trait]
pub trait TokenizerSource: Send + Sync {
    /// What it finds.
    type Tokenizer: Tokenizer + Send + Sync + 'static;

    /// The tokenizer that a configuration asks for.
    async fn find(
        &self,
        configuration: &Configuration,
    ) -> Result<(Arc<Self::Tokenizer>, TokenizerInfo), NoTokenizer>;
}

/// Runs the pipeline over a job's payload.
pub struct PipelineProcessor<S> {
    /// Where payloads and outputs are.
    pub objects: Arc<dyn ObjectStore>,
    /// Where tokenizers come from.
    pub tokenizers: S,
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
impl<S: TokenizerSource> Processor for PipelineProcessor<S> {
    async fn process(&self, job: &JobRecord, attempt: &Attempt) -> Verdict {
        match self.prepare(job, attempt).await {
            Ok(work) => {
                let running = tokio::task::spawn_blocking(move || work.run());
                running.await.unwrap_or_else(|error| {
                    warn!(run_id = %job.run_id, "processing job {} panicked", job.run_id);
                    retry(&error)
                })
            }
            Err(verdict) => verdict,
        }
    }
}

impl<S: TokenizerSource> PipelineProcessor<S> {
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
        let (tokenizer, info) = self.tokenizers.find(&configuration).await.map_err(|none| {
            let message = none.message;
            if none.is_retryable {
                Verdict::Retry { message }
            } else {
                failed(FailureKind::Tokenizer, message)
            }
        })?;
        let frozen = job.tokenizer.as_ref().map(|info| &info.fingerprint);
        if frozen.is_some_and(|fingerprint| *fingerprint != info.fingerprint) {
            return Err(failed(
                FailureKind::Tokenizer,
                "the tokenizer changed between two attempts; submit the job again",
            ));
        }
        if let Ok(mut known) = attempt.tokenizer.lock() {
            *known = Some(info.clone());
        }
        let payload = self
            .objects
            .open(&job.payload.key, job.payload.version.as_deref());
        let Some(payload) = payload.await.map_err(unavailable)? else {
            let message = "the payload is no longer there";
            return Err(failed(FailureKind::Payload, message));
        };
        let output = |name| self.output(job.run_id, name);
        let raw = if configuration.output_raw.is_written(self.outputs_are_on_s3) {
            Some(output(OutputName::Raw).await.map_err(unavailable)?)
        } else {
            None
        };
        let files = RunFiles {
            train: output(OutputName::Train).await.map_err(unavailable)?,
            processed: output(OutputName::Processed).await.map_err(unavailable)?,
            raw,
        };
        Ok(Work {
            files,
            stats: output(OutputName::Stats).await.map_err(unavailable)?,
            payload: payload.reader,
            configuration,
            tokenizer,
            info,
            threads: self.threads,
            scratch_dir: self.scratch_dir.clone(),
            attempt: attempt.clone(),
        })
    }

    async fn output(&self, run_id: RunId, name: OutputName) -> Result<OutputObject, Unavailable> {
        let key = output_key(run_id, name.as_str());
        Ok(OutputObject {
            name,
            writer: self.objects.create(&key).await?,
            size_bytes: 0,
        })
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

/// Writes `stats.json`, and completes it and the files of a run.
fn finish(
    files: impl IntoIterator<Item = OutputObject>,
    stats: OutputObject,
    configuration: &Configuration,
    statistics: &Statistics,
    error: Option<&PipelineError>,
) -> io::Result<Vec<Output>> {
    let text = error.map(explained);
    let details = error.map(PipelineError::private_details);
    let file = StatsFile {
        statistics,
        config: &configuration.to_json(),
        error: text.as_deref(),
        error_details: details.as_deref().unwrap_or_default(),
    };
    let mut stats = io::BufWriter::new(stats);
    file.write(&mut stats)?;
    let stats = stats.into_inner().map_err(io::IntoInnerError::into_error)?;
    finish_all(files.into_iter().chain([stats]))
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

/// Counts what is read.
struct CountingReader {
    reader: Box<dyn Read + Send>,
    bytes_read: Arc<AtomicU64>,
}

impl Read for CountingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.bytes_read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// The blocking part of a job.
struct Work<T> {
    files: RunFiles<OutputObject>,
    stats: OutputObject,
    payload: Box<dyn Read + Send>,
    configuration: Configuration,
    tokenizer: Arc<T>,
    info: TokenizerInfo,
    threads: NonZeroUsize,
    scratch_dir: PathBuf,
    attempt: Attempt,
}

impl<T: Tokenizer> Work<T> {
    fn run(mut self) -> Verdict {
        let run = Run {
            settings: &self.configuration.pipeline,
            tokenizer: &*self.tokenizer,
            tokenizer_info: self.info.clone(),
            threads: self.threads,
            scratch_dir: &self.scratch_dir,
            cancelled: &self.attempt.cancelled,
        };
        let reader = Box::new(CountingReader {
            reader: self.payload,
            bytes_read: Arc::clone(&self.attempt.bytes_read),
        });
        let source = Source {
            name: "the export".to_owned(),
            reader,
        };
        let result = run.execute([Ok(source)], self.files.outputs());
        match Outcome::of(result, &self.attempt.cancelled) {
            Outcome::Completed(statistics) => {
                let files = self.files.named().map(|(_, file)| file);
                match finish(files, self.stats, &self.configuration, &statistics, None) {
                    Ok(outputs) => Verdict::Completed {
                        stats: StatsSummary::of(&statistics),
                        outputs,
                    },
                    Err(error) => retry(&error),
                }
            }
            Outcome::FailedWithStatistics(failure) => {
                let statistics = &failure.statistics;
                let error = Some(&failure.error);
                match finish([], self.stats, &self.configuration, statistics, error) {
                    Ok(outputs) => Verdict::Failed {
                        kind: FailureKind::Input,
                        message: error_message(&failure.error),
                        stats: Some(StatsSummary::of(statistics)),
                        outputs,
                    },
                    Err(error) => retry(&error),
                }
            }
            Outcome::Failed(failure) => failed(FailureKind::Input, explained(&failure.error)),
            Outcome::Retry(failure) => retry(&failure.error),
            Outcome::Cancelled => Verdict::Cancelled,
        }
    }
}
