//! `resonare submit`: an export goes to a running service, and its outputs come back.

mod client;
mod credentials;
mod export;
mod transfer;

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use indicatif::ProgressBar;
use resonare_consumers::NextStep;
use resonare_pipeline::{OutputName, TurnCounts};
use resonare_settings::Key;
use serde_json::{Value, json};

use crate::advice;
use crate::arguments::SubmitArguments;
use crate::error::{self, CommandError, Result};
use crate::interruption::Interruption;
use crate::next;
use crate::progress;
use crate::report::{self, Example, Next, RunReport};
use crate::storage::folder::RunFolder;
use client::{Client, Refusal};
use export::Export;
use transfer::OutputDownload;

/// What every service takes as a body; larger exports are uploaded.
const LARGEST_BODY: u64 = 4_000_000;

/// What is shown while bytes are moved, and while nothing is.
const BYTES: &str = "{msg} {wide_bar} {bytes} of {total_bytes}";
const WAITING: &str = "{spinner} {msg}";

/// The first and the longest pause between two requests for a job's state.
const FIRST_LOOK: Duration = Duration::from_millis(200);
const LONGEST_LOOK: Duration = Duration::from_secs(2);

pub(crate) fn run(arguments: &SubmitArguments, interruption: &Arc<Interruption>) -> Result<()> {
    let result = submit(arguments, interruption);
    error::as_json_too(arguments.output.json, result)
}

fn submit(arguments: &SubmitArguments, interruption: &Arc<Interruption>) -> Result<()> {
    let (token, region) = (
        arguments.token.token.as_deref(),
        arguments.aws_region.as_deref(),
    );
    let client = Client::new(&arguments.api, token, region, Arc::clone(interruption))
        .map_err(|error| CommandError::usage(format!("--api: {error:#}")))?;
    let submission = Submission {
        arguments,
        client,
        interruption,
    };
    let done = submission.run();
    if interruption.is_told() && done.is_err() {
        return Err(interruption.error());
    }
    done
}

struct Submission<'a> {
    arguments: &'a SubmitArguments,
    client: Client,
    interruption: &'a Interruption,
}

impl Submission<'_> {
    fn run(&self) -> Result<()> {
        self.interruption
            .leaves(vec!["nothing was submitted".to_owned()]);
        let export = Export::open(&self.arguments.paths, &self.arguments.output_dir)?;
        self.client.check()?;
        let config = self.arguments.request.values();
        // URLs end up in logs, so nothing private belongs in one.
        let fits_query = config.iter().all(|(key, _)| key.is_for_queries());
        let progress = transfer_bar(export.size_bytes, "sending");
        let is_small = export.size_bytes <= LARGEST_BODY && !export.is_archive;
        let run_id = if is_small && fits_query {
            self.client.process(&export, config, &progress)
        } else {
            self.client.upload(&export, config, &progress)
        };
        progress.finish_and_clear();
        let run_id = run_id?;
        tracing::info!(%run_id, "job {run_id} was accepted");
        let place = format!("{}/data-prep/jobs/{run_id}", self.client.base());
        let goes_on =
            format!("the job was accepted and continues while the service runs; see {place}");
        self.interruption.leaves(vec![
            goes_on.clone(),
            format!("its outputs will be at {place}/outputs/train.jsonl and beside it"),
        ]);
        match self.wait(&run_id) {
            Ok(Some(job)) => {
                self.interruption.leaves(vec![format!(
                    "job {run_id} is finished; its outputs are at {place}/outputs/train.jsonl and beside it"
                )]);
                self.finish(&export, &run_id, &job)
            }
            Ok(None) => Err(self.interruption.error()),
            Err(error) if error.is::<Refusal>() => Err(error.into()),
            Err(error) => Err(CommandError::Failed {
                message: format!("{error:#}"),
                details: vec![goes_on],
            }),
        }
    }

    /// Waits until the job is finished; `None` if that was interrupted.
    fn wait(&self, run_id: &str) -> anyhow::Result<Option<Value>> {
        let path = format!("/data-prep/jobs/{run_id}");
        let bar = progress::bar(None, WAITING).with_message("waiting");
        let mut pause = FIRST_LOOK;
        loop {
            let job = self.client.get(&path)?;
            match job["status"].as_str() {
                Some("COMPLETED" | "FAILED") => {
                    bar.finish_and_clear();
                    return Ok(Some(job));
                }
                Some("DELETING") => bail!("job {run_id} was deleted"),
                Some("QUEUED") => {
                    let position = job["position_in_queue"].as_u64().unwrap_or_default();
                    bar.set_style(progress::style(WAITING));
                    bar.set_message(format!("queued, number {position}"));
                }
                Some("RUNNING") => {
                    let done = &job["progress"];
                    bar.set_style(progress::style(BYTES));
                    bar.set_length(done["bytes_total"].as_u64().unwrap_or(1));
                    bar.set_position(done["bytes_read"].as_u64().unwrap_or(0));
                    bar.set_message("working");
                }
                _ => bar.set_message("waiting for the upload to be noticed"),
            }
            bar.tick();
            self.interruption.pause(pause);
            pause = LONGEST_LOOK.min(pause * 5 / 4);
            if self.interruption.is_told() {
                bar.finish_and_clear();
                return Ok(None);
            }
        }
    }

    /// Downloads what the job has, and tells how it ended.
    fn finish(&self, export: &Export, run_id: &str, job: &Value) -> Result<()> {
        let outputs = outputs(job)?;
        let paths = self.download(export, run_id, &outputs)?;
        let stats = paths
            .iter()
            .find(|path| path.ends_with(OutputName::Stats.as_str()));
        let stats: Value = match stats {
            Some(path) => serde_json::from_reader(std::io::BufReader::new(File::open(path)?))
                .context("stats.json cannot be read")?,
            None => Value::Null,
        };
        if job["status"] == "FAILED" {
            let message = job["error_message"].as_str().unwrap_or("the job failed");
            let message = advice::with_options_of_jobs(message);
            // What is only read may give no block either.
            let kept = stats["remedies"].as_array().into_iter().flatten();
            let kept = kept
                .filter(|remedy| remedy["gain"] == "kept")
                .cloned()
                .collect();
            let details = stats["error_details"].as_array().into_iter().flatten();
            let details = details.filter_map(|line| Some(line.as_str()?.to_owned()));
            let error = CommandError::Failed {
                message: message.clone(),
                details: details
                    .chain(sentences(&kept).into_iter().take(1))
                    .collect(),
            };
            if !self.arguments.output.json {
                return Err(error);
            }
            report::json(&json!({
                "run_id": run_id, "job": job, "outputs": paths, "stats": stats, "error": message,
            }))?;
            return Err(CommandError::Told(Box::new(error)));
        }
        let places: Vec<_> = paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let next = next(&stats, &paths);
        if self.arguments.output.json {
            report::json(&json!({
                "run_id": run_id, "job": job, "outputs": places, "stats": stats,
                "next": stats.get("next").and_then(|_| next.sentence()),
            }))?;
            return Ok(());
        }
        let train = paths
            .iter()
            .find(|path| path.ends_with(OutputName::Train.as_str()));
        let train = train.filter(|_| self.arguments.output.shows_example());
        let report = RunReport {
            stats: &stats,
            warnings: sentences(&stats["warnings"]),
            remedies: sentences(&stats["remedies"]),
            places: &places,
            example: train.and_then(|train| Example::of(train)),
            model: self.model(&stats),
            next,
        };
        Ok(report::of_run(&report, self.arguments.output.detail())?)
    }

    /// The model that the files name, where the service chose it.
    fn model(&self, stats: &Value) -> Option<String> {
        let config = &stats["config"];
        let consumer = config["consumer"].as_str()?.parse().ok();
        let is_chosen = self.arguments.request.gives(Key::ModelId);
        next::model_not_chosen(consumer, config["model_id"].as_str()?, is_chosen)
    }

    fn download(
        &self,
        export: &Export,
        run_id: &str,
        outputs: &[JobOutput],
    ) -> anyhow::Result<Vec<PathBuf>> {
        if outputs.is_empty() {
            return Ok(Vec::new());
        }
        let inputs: Vec<_> = export.files.iter().map(PathBuf::as_path).collect();
        let folder = RunFolder::create(&self.arguments.output_dir, run_id, &inputs)?;
        self.interruption.guard(folder.unfinished());
        let result = self.download_into(&folder, run_id, outputs);
        drop(folder);
        self.interruption.release();
        result
    }

    fn download_into(
        &self,
        folder: &RunFolder,
        run_id: &str,
        outputs: &[JobOutput],
    ) -> anyhow::Result<Vec<PathBuf>> {
        let total = outputs.iter().map(|output| output.size_bytes).sum();
        let progress = transfer_bar(total, "receiving");
        for JobOutput { name, size_bytes } in outputs {
            let create = || folder.create_file(*name);
            let output = OutputDownload {
                run_id,
                name: name.as_str(),
                size_bytes: *size_bytes,
            };
            let downloaded = self.client.download(output, &progress, create);
            let file =
                downloaded.with_context(|| format!("failed to download {name} of job {run_id}"))?;
            file.close()
                .with_context(|| format!("failed to write {name}"))?;
        }
        progress.finish_and_clear();
        let place = folder.publish()?;
        let paths = outputs
            .iter()
            .map(|output| place.join(output.name.as_str()));
        Ok(paths.collect())
    }
}

/// Sentences of the statistics, in the words of the command line.
fn sentences(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    let sentences = list.filter_map(|entry| entry["message"].as_str());
    sentences.map(advice::with_options_of_jobs).collect()
}

/// What comes next with the outputs of a job.
fn next(stats: &Value, paths: &[PathBuf]) -> Next {
    if let Ok(step) = serde_json::from_value::<NextStep>(stats["next"].clone()) {
        let folder = paths.first().and_then(|path| path.parent());
        let folder = folder.map(|folder| folder.display().to_string());
        return next::with_kit(&step, folder.as_deref());
    }
    let turns = serde_json::from_value::<TurnCounts>(stats["turns"].clone());
    let blocks = stats["num_blocks"].as_u64().unwrap_or_default();
    turns.map_or_else(
        |_| Next::default(),
        |turns| next::for_a_trainer(&turns, blocks),
    )
}

/// An output that a job has.
struct JobOutput {
    name: OutputName,
    size_bytes: u64,
}

/// The outputs of a job. Their names become files here, so only known ones are taken.
fn outputs(job: &Value) -> anyhow::Result<Vec<JobOutput>> {
    let mut outputs = Vec::new();
    for output in job["outputs"].as_array().into_iter().flatten() {
        let name = output["name"].as_str().unwrap_or_default();
        let Some(name) = OutputName::parse(name) else {
            bail!("the service lists an unknown output, {name:?}");
        };
        let size = output["size_bytes"].as_u64();
        let size_bytes = size.with_context(|| format!("{name} has no size"))?;
        outputs.push(JobOutput { name, size_bytes });
    }
    Ok(outputs)
}

fn transfer_bar(total: u64, message: &'static str) -> ProgressBar {
    progress::bar(Some(total), BYTES).with_message(message)
}
