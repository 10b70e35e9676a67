//! `resonare inspect`: what is in an export.

use resonare_pipeline::PipelineError;
use resonare_settings::Configuration;
use serde_json::json;

use crate::Outcome;
use crate::arguments::{InspectArguments, layers};
use crate::inputs::{self, NothingThere};
use crate::interruption::Interruption;
use crate::report;
use crate::s3::S3;

pub(crate) fn run(
    arguments: &InspectArguments,
    interruption: &Interruption,
) -> anyhow::Result<Outcome> {
    let layers = layers(arguments.config.clone(), Vec::new());
    let configuration = match Configuration::load(layers) {
        Ok(configuration) => configuration,
        Err(error) => {
            report::error(&error.to_string(), &[]);
            return Ok(Outcome::WrongUsage);
        }
    };
    let inputs = match inputs::choose(&arguments.paths, &configuration, &S3::default())? {
        Ok(inputs) => inputs,
        Err(NothingThere(path)) => {
            let path = path.display();
            report::error(
                &format!("no path was given, and there is no export at {path}"),
                &[],
            );
            return Ok(Outcome::WrongUsage);
        }
    };
    let progress = inputs.progress();
    let salvage = arguments.salvage || configuration.pipeline.salvage;
    let result = resonare_pipeline::inspect(
        inputs.sources(progress.clone()),
        salvage,
        &interruption.cancelled,
    );
    progress.finish_and_clear();
    match result {
        Ok(inspection) if arguments.json => report::json(&json!(inspection))?,
        Ok(inspection) => report::inspection(&inspection)?,
        Err(PipelineError::Cancelled) => return Ok(Outcome::Interrupted),
        Err(error) => {
            let details = error.private_details();
            report::error(&format!("{:#}", anyhow::Error::from(error)), &details);
            return Ok(Outcome::Failed);
        }
    }
    Ok(Outcome::Done)
}
