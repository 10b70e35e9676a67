//! The job that Bedrock is asked for.

use serde_json::json;

use super::training::{Kit, KitFile, NextStep, Training};
use crate::consumer::Consumer;

pub(super) fn kit(consumer: Consumer, training: &Training<'_>) -> Kit {
    let object = |name: &str| format!("s3://YOUR-BUCKET/{name}");
    let mut job = json!({
        "jobName": "resonare",
        "customModelName": "resonare",
        "roleArn": "arn:aws:iam::111122223333:role/YOUR-ROLE",
        "baseModelIdentifier": base_model(consumer, training.model_id),
        "customizationType": "FINE_TUNING",
        "trainingDataConfig": {"s3Uri": object(training.train_file)},
    });
    if let Some(file) = training.validation_file {
        job["validationDataConfig"] = json!({"validators": [{"s3Uri": object(file)}]});
    }
    job["outputDataConfig"] = json!({"s3Uri": object("output/")});
    job["hyperParameters"] = json!({"epochCount": "2"});
    Kit {
        files: vec![KitFile {
            name: "bedrock-job.json",
            content: format!("{job:#}\n"),
        }],
        next: NextStep {
            by_hand: Some(
                "upload the files to S3, and set the bucket and the role in bedrock-job.json"
                    .to_owned(),
            ),
            ..NextStep::command(
                "aws bedrock create-model-customization-job --cli-input-json file://bedrock-job.json",
            )
        },
    }
}

/// Bedrock's name of the model, or of the smallest that the consumer has.
pub(super) fn base_model(consumer: Consumer, model_id: &str) -> &str {
    if model_id.starts_with("amazon.") || model_id.starts_with("meta.") {
        return model_id;
    }
    match consumer {
        Consumer::BedrockNova => "amazon.nova-micro-v1:0:128k",
        _ if model_id.contains("3.2-3B") => "meta.llama3-2-3b-instruct-v1:0:128k",
        _ => "meta.llama3-2-1b-instruct-v1:0:128k",
    }
}
