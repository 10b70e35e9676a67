//! `resonare prepare`: files in, files out.

use std::num::NonZeroUsize;
use std::path::Path;

use anyhow::Context as _;
use resonare_pipeline::{
    Failure, Outputs, PipelineError, Run, Statistics, StatsFile, TokenizerInfo,
};
use resonare_settings::{Configuration, OutputMode};
use resonare_tokenizer::{Lookup, LookupError, ModelTokenizer};
use serde_json::json;
use tempfile::TempDir;

use crate::Outcome;
use crate::arguments::PrepareArguments;
use crate::bucket::BucketOutputs;
use crate::hub;
use crate::inputs::{self, Inputs, NothingThere};
use crate::interruption::Interruption;
use crate::outputs::{self, PROCESSED, RAW, RunFolder, STATS, TRAIN};
use crate::report;
use crate::s3::{Address, S3};

/// The name of a tokenizer that was copied from S3, in a folder of its own.
const TOKENIZER_COPY: &str = "tokenizer.json";

/// Holds `<model_id>/tokenizer.json`.
const TOKENIZER_FOLDER: &str = "./data/tokenizers";

const NOTHING_TO_READ: &str = "\
Export your chats with Telegram Desktop (Settings > Advanced > Export Telegram data, format
\"Machine-readable JSON\"), then run

    resonare prepare path/to/result.json

`resonare inspect path/to/result.json` lists the chats and senders of an export. To see what comes
out, try the made-up sample of the repository:

    resonare prepare sample/result.json --tokenizer=o200k_base";

pub(crate) fn run(
    arguments: &PrepareArguments,
    interruption: &Interruption,
) -> anyhow::Result<Outcome> {
    let configuration = match Configuration::load(arguments.settings.layers()) {
        Ok(configuration) => configuration,
        Err(error) => {
            report::error(&error.to_string(), &[]);
            return Ok(Outcome::WrongUsage);
        }
    };
    let run_id = arguments
        .run_id
        .clone()
        .unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    if !outputs::is_run_id(&run_id) {
        let error = format!(
            "--run-id {run_id:?} is not allowed; expected up to 128 letters, digits, `.`, `_` and `-`"
        );
        report::error(&error, &[]);
        return Ok(Outcome::WrongUsage);
    }
    let s3 = S3::default();
    let replaces = arguments.run_id.is_some();
    let bucket = match BucketOutputs::of(&configuration, &s3, &run_id, replaces) {
        Ok(bucket) => bucket,
        Err(error) => {
            report::error(error, &[]);
            return Ok(Outcome::WrongUsage);
        }
    };
    let inputs = match inputs::choose(&arguments.paths, &configuration, &s3)? {
        Ok(inputs) => inputs,
        Err(NothingThere(path)) => {
            let error = format!(
                "no path was given, and there is no export at {}",
                path.display()
            );
            let next: Vec<String> = NOTHING_TO_READ.lines().map(str::to_owned).collect();
            report::error(&error, &next);
            return Ok(Outcome::WrongUsage);
        }
    };
    let (tokenizer, tokenizer_info) = match find_tokenizer(&configuration, &s3)? {
        Ok(found) => found,
        Err(error @ (LookupError::NoSuchTokenizer { .. } | LookupError::ModelId(_))) => {
            report::error(&format!("{:#}", anyhow::Error::from(error)), &[]);
            return Ok(Outcome::WrongUsage);
        }
        Err(error) => return Err(error.into()),
    };
    let prepared = Prepared {
        configuration: &configuration,
        inputs: &inputs,
        bucket,
        tokenizer: &tokenizer,
        tokenizer_info,
        threads: arguments.threads.unwrap_or_else(processors),
        interruption,
    };
    prepared.run(&run_id, arguments.json)
}

fn processors() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

fn find_tokenizer(
    configuration: &Configuration,
    s3: &S3,
) -> anyhow::Result<Result<(ModelTokenizer, TokenizerInfo), LookupError>> {
    let hub = hub::from_environment();
    let copied = match &configuration.tokenizer {
        Some(tokenizer) => copy_of_object(Path::new(tokenizer), s3)?,
        None => None,
    };
    let copy = copied.as_ref().map(|copy| copy.path().join(TOKENIZER_COPY));
    let copy = copy.as_ref().map(|copy| copy.to_string_lossy());
    let lookup = Lookup {
        model_id: &configuration.model_id,
        tokenizer: copy.as_deref().or(configuration.tokenizer.as_deref()),
        require_exact: configuration.require_exact_tokenizer,
        folder: Path::new(TOKENIZER_FOLDER),
        hub: &hub,
    };
    Ok(lookup.find())
}

/// A copy of what a path names in S3; none if it names a file.
fn copy_of_object(path: &Path, s3: &S3) -> anyhow::Result<Option<TempDir>> {
    let Some(address) = Address::parse(path)? else {
        return Ok(None);
    };
    let object = s3.find(address)?;
    let copy = tempfile::tempdir()?;
    let copied = s3.open(&object).and_then(|mut reader| {
        let mut file = std::fs::File::create(copy.path().join(TOKENIZER_COPY))?;
        std::io::copy(&mut reader, &mut file)?;
        Ok(())
    });
    copied.with_context(|| format!("failed to read {object}"))?;
    Ok(Some(copy))
}

struct Prepared<'a> {
    configuration: &'a Configuration,
    inputs: &'a Inputs,
    bucket: Option<BucketOutputs<'a>>,
    tokenizer: &'a ModelTokenizer,
    tokenizer_info: TokenizerInfo,
    threads: NonZeroUsize,
    interruption: &'a Interruption,
}

impl Prepared<'_> {
    fn run(self, run_id: &str, as_json: bool) -> anyhow::Result<Outcome> {
        let local_dir = &self.configuration.output_local_dir;
        let read: Vec<_> = self.inputs.files().collect();
        let folder = RunFolder::create(local_dir, run_id, &read)?;
        self.interruption.guard(folder.scratch_dir());
        let outcome = self.run_in(folder, run_id, as_json);
        self.interruption.release();
        outcome
    }

    fn run_in(&self, folder: RunFolder, run_id: &str, as_json: bool) -> anyhow::Result<Outcome> {
        let config = self.configuration.to_json();
        match self.execute(&folder)? {
            Ok(statistics) => {
                let stats = StatsFile {
                    statistics: &statistics,
                    config: &config,
                    error: None,
                    error_details: &[],
                };
                write_stats(&folder, &stats)?;
                let raw = self.writes_raw().then_some(RAW);
                let names = [Some(TRAIN), Some(PROCESSED), raw, Some(STATS)];
                let names: Vec<_> = names.into_iter().flatten().collect();
                let (outputs, published) = self.publish(folder, &names)?;
                if as_json {
                    report::json(&json!({"run_id": run_id, "outputs": outputs, "stats": stats}))?;
                } else {
                    report::statistics(&serde_json::to_value(statistics.overview())?)?;
                    report::outputs(&outputs)?;
                }
                // What is local is there all the same.
                published.map(|()| Outcome::Done)
            }
            Err(Failure {
                error: PipelineError::Cancelled,
                ..
            }) => Ok(Outcome::Interrupted),
            Err(Failure { error, statistics }) => {
                let details = error.private_details();
                let was_read_whole = error.is_about_the_whole();
                let text = format!("{:#}", anyhow::Error::from(error));
                report::error(&text, &details);
                if as_json {
                    report::json(&json!({"run_id": run_id, "error": text, "details": details}))?;
                }
                if was_read_whole {
                    let stats = StatsFile {
                        statistics: &statistics,
                        config: &config,
                        error: Some(&text),
                        error_details: &details,
                    };
                    write_stats(&folder, &stats)?;
                    self.publish(folder, &[STATS])?.1?;
                } else {
                    if let Some(bucket) = &self.bucket {
                        bucket.discard()?;
                    }
                    folder.discard()?;
                }
                Ok(Outcome::Failed)
            }
        }
    }

    /// Puts outputs in their places: those that they have now, and whether the bucket has them too.
    fn publish(
        &self,
        folder: RunFolder,
        names: &[&str],
    ) -> anyhow::Result<(Vec<String>, anyhow::Result<()>)> {
        let mut places = Vec::new();
        let published = match &self.bucket {
            Some(bucket) => bucket.publish(&folder, names, &self.interruption.cancelled),
            None => Ok(()),
        };
        if self.writes_locally() {
            if !self.writes_raw_locally() {
                folder.remove_file(RAW)?;
            }
            let place = folder.publish()?;
            let local = names
                .iter()
                .filter(|name| **name != RAW || self.writes_raw_locally());
            places.extend(local.map(|name| place.join(name).display().to_string()));
        }
        if let (Some(bucket), Ok(())) = (&self.bucket, &published) {
            places.extend(names.iter().map(|name| bucket.address(name)));
        }
        Ok((places, published))
    }

    fn writes_locally(&self) -> bool {
        self.configuration.output_modes.contains(&OutputMode::Local)
    }

    fn writes_raw_locally(&self) -> bool {
        self.configuration.output_raw.is_written(false)
    }

    fn writes_raw(&self) -> bool {
        self.configuration
            .output_raw
            .is_written(self.bucket.is_some())
    }

    fn execute(&self, folder: &RunFolder) -> anyhow::Result<Result<Statistics, Failure>> {
        let create = |name: &str| {
            folder
                .create_file(name)
                .with_context(|| format!("failed to create {name}"))
        };
        let (mut train, mut processed) = (create(TRAIN)?, create(PROCESSED)?);
        let mut raw = if self.writes_raw() {
            Some(create(RAW)?)
        } else {
            None
        };
        let run = Run {
            settings: &self.configuration.pipeline,
            tokenizer: self.tokenizer,
            tokenizer_info: self.tokenizer_info.clone(),
            threads: self.threads,
            scratch_dir: folder.scratch_dir(),
            cancelled: &self.interruption.cancelled,
        };
        let progress = self.inputs.progress();
        let result = run.execute(
            self.inputs.sources(progress.clone()),
            Outputs {
                train: &mut train,
                processed: &mut processed,
                raw: raw
                    .as_mut()
                    .map(|raw| raw as &mut (dyn std::io::Write + Send)),
            },
        );
        progress.finish_and_clear();
        if result.is_err() {
            for name in [TRAIN, PROCESSED, RAW] {
                folder.remove_file(name)?;
            }
            return Ok(result);
        }
        for (name, file) in [
            (TRAIN, Some(train)),
            (PROCESSED, Some(processed)),
            (RAW, raw),
        ] {
            if let Some(file) = file {
                file.close()
                    .with_context(|| format!("failed to write {name}"))?;
            }
        }
        Ok(result)
    }
}

fn write_stats(folder: &RunFolder, stats: &StatsFile<'_>) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = folder.create_file(STATS)?;
        stats.write(&mut file)?;
        file.close()
    };
    write().with_context(|| format!("failed to write {STATS}"))
}
