//! `resonare inspect`: what is in an export.

use resonare_pipeline::PipelineError;
use resonare_settings::Configuration;
use serde_json::json;

use crate::advice;
use crate::arguments::{InspectArguments, layers};
use crate::error::{CommandError, Result};
use crate::inputs::Inputs;
use crate::interruption::Interruption;
use crate::report;
use crate::storage::s3::S3;

pub(crate) fn run(arguments: &InspectArguments, interruption: &Interruption) -> Result<()> {
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
        Ok(inspection) => Ok(report::inspection(&inspection)?),
        Err(PipelineError::Cancelled) => Err(CommandError::INTERRUPTED),
        Err(error) => Err(CommandError::Failed {
            message: advice::explained(&error),
            details: error.private_details(),
        }),
    }
}
