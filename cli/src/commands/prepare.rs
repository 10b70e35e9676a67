//! `resonare prepare`: files in, files out.

use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::path::Path;

use anyhow::Context as _;
use resonare_job_tokenizers::find_model;
use resonare_jobs::FoundModel;
use resonare_pipeline::{
    Gain, Outcome, OutputName, Run, RunFiles, Statistics, StatsFile, run_outputs,
};
use resonare_settings::{Configuration, Key, OutputMode};
use resonare_tokenizer::ModelTokenizer;
use serde_json::json;

use crate::advice;
use crate::arguments::{OutputArguments, PrepareArguments};
use crate::browser;
use crate::error::{self, CommandError, Result};
use crate::inputs::Inputs;
use crate::interruption::Interruption;
use crate::next;
use crate::processors::processors;
use crate::report::{self, Example, RunReport};
use crate::storage::bucket::BucketOutputs;
use crate::storage::folder::{OutputFile, RunFolder, is_run_id};
use crate::storage::s3::S3;
use crate::tokenizers;

const NOTHING_TO_READ: &str = "\
Export your chats with Telegram Desktop (Settings > Advanced > Export Telegram data, format
\"Machine-readable JSON\"), then run

    resonare prepare path/to/result.json

`resonare inspect path/to/result.json` lists the chats and senders of an export. To see what the
outputs look like, try the made-up sample in the repository:

    resonare prepare sample/result.json --tokenizer=o200k_base";

pub(crate) fn run(arguments: &PrepareArguments, interruption: &Interruption) -> Result<()> {
    let result = prepare(arguments, interruption);
    error::as_json_too(arguments.output.json, result)
}

fn prepare(arguments: &PrepareArguments, interruption: &Interruption) -> Result<()> {
    let configuration = Configuration::load(arguments.settings.layers())?;
    let run_id = match &arguments.run_id {
        Some(run_id) if !is_run_id(run_id) => {
            return Err(CommandError::usage(format!(
                "--run-id {run_id:?} is not allowed; expected up to 128 letters, digits, `.`, `_` and `-`"
            )));
        }
        Some(run_id) => run_id.clone(),
        None => uuid::Uuid::now_v7().to_string(),
    };
    let is_local = configuration.output_modes.contains(&OutputMode::Local);
    if arguments.open && !(configuration.output_report && is_local) {
        return Err(CommandError::usage(
            "--open needs a report on this machine: output.report must be true, and output.modes must include local",
        ));
    }
    let s3 = S3::default();
    let replaces = arguments.run_id.is_some();
    let bucket = BucketOutputs::of(&configuration, &s3, &run_id, replaces)?;
    let inputs = Inputs::choose(&arguments.paths, &configuration, &s3)?;
    let Some(inputs) = inputs else {
        return Err(CommandError::WrongUsage {
            message: Inputs::nothing_at(&configuration),
            help: NOTHING_TO_READ.lines().map(str::to_owned).collect(),
        });
    };
    let checked = inputs.check(&interruption.cancelled);
    checked.map_err(|error| CommandError::Failed {
        message: advice::explained(&error),
        details: error.private_details(),
    })?;
    let folder = Path::new(tokenizers::FOLDER);
    let lookup = tokenizers::lookup(&configuration, folder, &s3)?;
    let model = find_model(&lookup, &configuration);
    let model = model.map_err(|error| tokenizers::not_found(&error))?;
    let configuration = model.configure(configuration.clone())?;
    let prepared = PreparedRun {
        configuration: &configuration,
        inputs: &inputs,
        bucket,
        model,
        threads: arguments.threads.unwrap_or_else(processors),
        interruption,
        opens_report: arguments.open,
        output: &arguments.output,
        chose_model: arguments.settings.gives(Key::ModelId)
            || Key::ModelId.entry().default != Some(&configuration.model_id),
    };
    prepared.run(&run_id)
}

struct PreparedRun<'a> {
    configuration: &'a Configuration,
    inputs: &'a Inputs,
    bucket: Option<BucketOutputs<'a>>,
    model: FoundModel<ModelTokenizer>,
    threads: NonZeroUsize,
    interruption: &'a Interruption,
    opens_report: bool,
    output: &'a OutputArguments,
    /// Whether the model is not just the default.
    chose_model: bool,
}

impl PreparedRun<'_> {
    fn run(self, run_id: &str) -> Result<()> {
        let local_dir = &self.configuration.output_local_dir;
        let read: Vec<_> = self.inputs.files().collect();
        let folder = RunFolder::create(local_dir, run_id, &read)?;
        self.interruption.guard(folder.unfinished());
        let result = self.run_in(&folder, run_id);
        drop(folder);
        self.interruption.release();
        result
    }

    fn run_in(&self, folder: &RunFolder, run_id: &str) -> Result<()> {
        let (failure, explains) = match self.execute(folder)? {
            Outcome::Completed(mut statistics) => {
                return self.complete(folder, run_id, &mut statistics);
            }
            Outcome::Cancelled => return Err(CommandError::INTERRUPTED),
            Outcome::FailedWithStatistics(failure) => (failure, true),
            Outcome::Failed(failure) | Outcome::Retry(failure) => (failure, false),
        };
        let message = advice::explained(&failure.error);
        let mut details = failure.error.private_details();
        let template = self.model.template_words();
        let stats = StatsFile {
            statistics: &failure.statistics,
            config: &self.configuration.to_public_json(),
            training_length: None,
            next: None,
            preset: &self.configuration.preset(),
            chat_template: template.as_deref(),
            error: Some(&message),
            error_details: &details,
            senders: failure.error.senders(),
        };
        // What the run failed for is what has to be said, whatever else fails after it.
        let explained_in = self.place_failure(folder, &stats, explains);
        let explained_in = explained_in.unwrap_or_else(|error| {
            tracing::warn!("the statistics of the failed run are not kept everywhere: {error:#}");
            None
        });
        // What is only read may give no block either.
        let mut remedies = failure.statistics.remedies.iter();
        let remedy = remedies.find(|remedy| matches!(remedy.gain, Gain::Kept { .. }));
        details.extend(remedy.map(|remedy| remedy.words(advice::option)));
        details.extend(explained_in.map(|place| format!("where everything went is in {place}")));
        let told = json!({"run_id": run_id, "error": message, "details": details});
        let error = CommandError::Failed { message, details };
        if self.output.json {
            report::json(&told)?;
            return Err(CommandError::Told(Box::new(error)));
        }
        Err(error)
    }

    /// Runs the pipeline; if it completes, its files are whole.
    fn execute(&self, folder: &RunFolder) -> Result<Outcome> {
        let create = |output| {
            let file = folder.create_file(output);
            file.with_context(|| format!("failed to create {output}"))
        };
        let names = self.run_outputs().into_iter();
        let files = names.map(|name| Ok((name, create(name)?)));
        let mut files = RunFiles::new(files.collect::<anyhow::Result<_>>()?);
        let run = Run {
            settings: &self.configuration.pipeline,
            tokenizer: &*self.model.tokenizer,
            tokenizer_info: self.model.info.clone(),
            chat_template: self.model.chat_template(self.configuration),
            special_tokens: &self.model.special_tokens(self.configuration),
            threads: self.threads,
            scratch_dir: folder.scratch_dir(),
            cancelled: &self.interruption.cancelled,
        };
        let progress = self.inputs.progress();
        let result = run.execute(self.inputs.sources(progress.clone()), files.outputs());
        progress.finish_and_clear();
        let outcome = Outcome::of(result, &self.interruption.cancelled);
        for (output, file) in files.named() {
            match &outcome {
                Outcome::Completed(statistics) if statistics.leaves(output) => close(file, output)?,
                _ => folder.remove_file(output)?,
            }
        }
        Ok(outcome)
    }

    /// Puts the outputs in their places, and prints the statistics.
    fn complete(
        &self,
        folder: &RunFolder,
        run_id: &str,
        statistics: &mut Statistics,
    ) -> Result<()> {
        let kit = self.model.kit(self.configuration, statistics, run_id);
        let statistics = &*statistics;
        let config = self.configuration.to_public_json();
        let preset = self.configuration.preset();
        let template = self.model.template_words();
        let stats = StatsFile {
            statistics,
            config: &config,
            training_length: self.model.training_length(self.configuration, statistics),
            next: kit.as_ref().map(|kit| &kit.next),
            preset: &preset,
            chat_template: template.as_deref(),
            error: None,
            error_details: &[],
            senders: &[],
        };
        let mut outputs = self.run_outputs();
        outputs.retain(|output| statistics.leaves(*output));
        outputs.extend(self.write_findings(folder, &stats)?);
        for file in kit.iter().flat_map(|kit| &kit.files) {
            let name = OutputName::of_kit_file(file.name);
            write_whole(folder, name, |out| out.write_all(file.content.as_bytes()))?;
            outputs.push(name);
        }
        let example = self.output.shows_example();
        let example = example.then(|| Example::of(&folder.file(OutputName::Train)));
        let mut places = Vec::new();
        let mut local_folder = None;
        let published = match &self.bucket {
            Some(bucket) => bucket.publish(folder, &outputs, &self.interruption.cancelled),
            None => Ok(()),
        };
        if self.writes_locally() {
            let mut local = outputs.clone();
            if !self.configuration.output_raw.is_written(false) {
                folder.remove_file(OutputName::Raw)?;
                local.retain(|output| *output != OutputName::Raw);
            }
            let place = folder.publish()?;
            self.show_report(place);
            local_folder = Some(place.display().to_string());
            let paths = local.iter().map(|output| place.join(output.as_str()));
            places.extend(paths.map(|path| path.display().to_string()));
        }
        if let (Some(bucket), Ok(())) = (&self.bucket, &published) {
            places.extend(outputs.iter().map(|output| bucket.address(*output)));
        }
        let next = match &kit {
            Some(kit) => next::with_kit(&kit.next, local_folder.as_deref()),
            None => next::for_a_trainer(&statistics.turns, statistics.num_blocks()),
        };
        if self.output.json {
            report::json(&json!({
                "run_id": run_id, "outputs": places, "stats": stats,
                // What would only be better is for people.
                "next": kit.as_ref().and_then(|_| next.sentence()),
            }))?;
        } else {
            let shown = |place: &str| tokenizers::shown_place(self.configuration, place);
            let mut overview =
                serde_json::to_value(statistics.overview()).map_err(anyhow::Error::from)?;
            overview["tokenizer"]["source"] = json!(shown(&statistics.tokenizer.source));
            overview["config"] = config.into();
            overview["preset"] = json!(preset);
            overview["chat_template"] = json!(template.as_deref().map(shown));
            let warnings = statistics.warnings.iter();
            let remedies = statistics.remedies.iter();
            let report = RunReport {
                stats: &overview,
                warnings: warnings
                    .map(|warning| warning.words(advice::option))
                    .collect(),
                remedies: remedies
                    .map(|remedy| remedy.words(advice::option))
                    .collect(),
                places: &places,
                example: example.flatten(),
                model: next::model_not_chosen(
                    self.configuration.pipeline.consumer,
                    &self.configuration.model_id,
                    self.chose_model,
                ),
                next,
            };
            report::of_run(&report, self.output.detail())?;
        }
        // The local outputs are in place regardless.
        Ok(published?)
    }

    /// Leaves the statistics of a failed run: in place of the outputs if they explain why there are none,
    /// and in any case beside the outputs of an earlier run, which stay.
    fn place_failure(
        &self,
        folder: &RunFolder,
        stats: &StatsFile<'_>,
        explains: bool,
    ) -> anyhow::Result<Option<String>> {
        let findings = self.write_findings(folder, stats)?;
        let findings = explains.then_some(findings);
        let in_bucket = match &self.bucket {
            Some(bucket) => self.place_failure_in(bucket, folder, findings.as_deref()),
            None => Ok(()),
        };
        if self.writes_locally() {
            if folder.has_earlier_outputs() {
                folder.publish_beside_earlier()?;
            } else if explains {
                let place = folder.publish()?;
                self.show_report(place);
                return in_bucket.map(|()| Some(place.display().to_string()));
            }
        }
        in_bucket.map(|()| None)
    }

    fn place_failure_in(
        &self,
        bucket: &BucketOutputs<'_>,
        folder: &RunFolder,
        findings: Option<&[OutputName]>,
    ) -> anyhow::Result<()> {
        let cancelled = &self.interruption.cancelled;
        if bucket.has_earlier_outputs()? {
            return bucket.publish_beside_earlier(folder, cancelled);
        }
        match findings {
            Some(findings) => bucket.publish(folder, findings, cancelled),
            None => Ok(()),
        }
    }

    /// Writes the statistics and, if it is wanted, the report.
    fn write_findings(
        &self,
        folder: &RunFolder,
        stats: &StatsFile<'_>,
    ) -> anyhow::Result<Vec<OutputName>> {
        let mut written = vec![OutputName::Stats];
        write_whole(folder, OutputName::Stats, |out| stats.write(out))?;
        if self.configuration.output_report {
            let report = OutputName::Report;
            write_whole(folder, report, |out| resonare_report::write(stats, out))?;
            written.push(report);
        }
        Ok(written)
    }

    /// Opens the report of this run, if that is asked.
    fn show_report(&self, place: &Path) {
        if self.opens_report {
            let report = place.join(OutputName::Report.as_str());
            browser::show(std::path::absolute(&report).unwrap_or(report));
        }
    }

    fn writes_locally(&self) -> bool {
        self.configuration.output_modes.contains(&OutputMode::Local)
    }

    /// What the pipeline writes.
    fn run_outputs(&self) -> Vec<OutputName> {
        let on_s3 = self.bucket.is_some();
        let raw = self.configuration.output_raw.is_written(on_s3);
        let Configuration {
            output_formats,
            pipeline,
            ..
        } = self.configuration;
        run_outputs(raw, output_formats, pipeline)
    }
}

fn close(file: OutputFile, output: OutputName) -> anyhow::Result<()> {
    let closed = file.close();
    closed.with_context(|| format!("failed to write {output}"))
}

fn write_whole(
    folder: &RunFolder,
    output: OutputName,
    write: impl FnOnce(&mut OutputFile) -> io::Result<()>,
) -> anyhow::Result<()> {
    let failed = || format!("failed to write {output}");
    let mut file = folder.create_file(output).with_context(failed)?;
    write(&mut file).with_context(failed)?;
    close(file, output)
}
