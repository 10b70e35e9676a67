//! `resonare inspect`: what is in an export.

use std::path::PathBuf;

use resonare_consumers::shell_word;
use resonare_pipeline::PipelineError;
use resonare_settings::Configuration;
use serde_json::json;

use crate::advice;
use crate::arguments::{InspectArguments, layers};
use crate::error::{self, CommandError, Result};
use crate::inputs::Inputs;
use crate::interruption::Interruption;
use crate::invocation;
use crate::report::{self, InspectionReport};
use crate::storage::s3::S3;
use crate::terminal;

pub(crate) fn run(arguments: &InspectArguments, interruption: &Interruption) -> Result<()> {
    let result = inspect(arguments, interruption);
    error::as_json_too(arguments.json, result)
}

/// The command that makes blocks of what was inspected.
fn next(paths: &[PathBuf]) -> String {
    let paths = paths
        .iter()
        .map(|path| shell_word(&path.display().to_string()));
    let words = [invocation::program(), "prepare".to_owned()];
    words.into_iter().chain(paths).collect::<Vec<_>>().join(" ")
}

fn inspect(arguments: &InspectArguments, interruption: &Interruption) -> Result<()> {
    let configuration = Configuration::load(layers(arguments.config.clone(), Vec::new()))?;
    let inputs = Inputs::choose(&arguments.paths, &configuration, &S3::default())?;
    let Some(inputs) = inputs else {
        return Err(CommandError::usage(Inputs::nothing_at(&configuration)));
    };
    let progress = inputs.progress();
    let salvage = arguments.salvage || configuration.pipeline.salvage;
    let result = resonare_pipeline::inspect(
        inputs.sources(progress.clone()),
        configuration.pipeline.limits,
        salvage,
        &interruption.cancelled,
    );
    progress.finish_and_clear();
    match result {
        Ok(inspection) if arguments.json => Ok(report::json(&json!(inspection))?),
        Ok(inspection) => {
            let report = InspectionReport {
                inspection: &inspection,
                all: arguments.all,
                next: next(&arguments.paths),
            };
            Ok(report::lines(&report.lines(terminal::width()))?)
        }
        Err(PipelineError::Cancelled) => Err(CommandError::INTERRUPTED),
        Err(error) => Err(CommandError::Failed {
            message: advice::explained(&error),
            details: error.private_details(),
        }),
    }
}
