//! `resonare inspect`: what is in an export.

use std::path::PathBuf;

use resonare_consumers::shell_word;
use resonare_pipeline::{CHAT_TYPES, Inspection, PipelineError, Setting, Settings};
use resonare_settings::Configuration;
use serde_json::json;

use crate::advice;
use crate::arguments::{InspectArguments, layers};
use crate::error::{self, CommandError, Result};
use crate::inputs::Inputs;
use crate::interruption::Interruption;
use crate::invocation;
use crate::processors::processors;
use crate::report::{self, InspectionReport};
use crate::storage::s3::S3;
use crate::terminal;

pub(crate) fn run(arguments: &InspectArguments, interruption: &Interruption) -> Result<()> {
    let result = inspect(arguments, interruption);
    error::as_json_too(arguments.json, result)
}

/// The command that makes blocks of what was inspected. Where nothing there is of the types that are read, it selects
/// those that are.
fn next(paths: &[PathBuf], inspection: &Inspection) -> String {
    let paths = paths
        .iter()
        .map(|path| shell_word(&path.display().to_string()));
    let words = [invocation::program(), "prepare".to_owned()];
    let types = types_to_select(inspection);
    let option = advice::option(Setting::ChatTypes);
    let selection = (!types.is_empty()).then(|| format!("{option} {}", types.join(",")));
    let words = words.into_iter().chain(paths).chain(selection);
    words.collect::<Vec<_>>().join(" ")
}

/// The known types of the chats that have usable messages, where none is of a type that is read.
fn types_to_select(inspection: &Inspection) -> Vec<&'static str> {
    let has = |name: &&str| {
        let mut chats = inspection.chats.iter();
        chats.any(|chat| chat.is_usable() && chat.chat_type == *name)
    };
    let selected = inspection.selected.chats;
    let types = CHAT_TYPES.into_iter().filter(|_| selected == 0);
    types.filter(has).collect()
}

fn inspect(arguments: &InspectArguments, interruption: &Interruption) -> Result<()> {
    let configuration = Configuration::load(layers(arguments.config.clone(), Vec::new()))?;
    let inputs = Inputs::choose(&arguments.paths, &configuration, &S3::default())?;
    let Some(inputs) = inputs else {
        return Err(CommandError::usage(Inputs::nothing_at(&configuration)));
    };
    let progress = inputs.progress();
    let settings = Settings {
        salvage: arguments.salvage || configuration.pipeline.salvage,
        ..configuration.pipeline
    };
    let result = resonare_pipeline::inspect(
        inputs.sources(progress.clone()),
        &settings,
        processors(),
        &std::env::temp_dir(),
        &interruption.cancelled,
    );
    progress.finish_and_clear();
    match result {
        Ok(inspection) if arguments.json => Ok(report::json(&json!(inspection))?),
        Ok(inspection) => {
            let report = InspectionReport {
                inspection: &inspection,
                all: arguments.all,
                chat_types: &settings.chat_types,
                next: next(&arguments.paths, &inspection),
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
