//! The Lambda function `worker`: takes jobs from the queue and runs the pipeline over them.

mod token;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_runtime::{Context, Error, LambdaEvent, run, service_fn};
use resonare_aws::{S3ModelFiles, S3UrlReader, SqsQueue};
use resonare_functions::{Deployment, begin_request, start_log};
use resonare_job_tokenizers::JobTokenizers;
use resonare_jobs::ports::Message;
use resonare_jobs::{DeliveryOutcome, Jobs, PipelineProcessor, causes};
use resonare_tokenizer::{Hub, Lookup};
use tokio::runtime::Handle;
use tokio::time::Instant;
use tracing::{error, warn};

use token::hub_token;

/// Time reserved for recording how a job ended.
const RESERVE: Duration = Duration::from_secs(15);

struct Worker {
    jobs: Jobs,
    processor: PipelineProcessor<JobTokenizers>,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    start_log();
    let deployment = Deployment::from_env().await?;
    let hub = Hub::new(
        std::env::var("HF_ENDPOINT").ok().as_deref(),
        hub_token().await.as_deref(),
    );
    let (s3, runtime) = (&deployment.clients.s3, Handle::current());
    let bucket = deployment.environment.bucket.clone();
    let tokenizers = JobTokenizers::new(Lookup {
        files: Arc::new(S3ModelFiles::new(s3.clone(), bucket, runtime.clone())),
        urls: Arc::new(S3UrlReader::new(s3.clone(), runtime)),
        hub,
    });
    let configuration = &deployment.environment.configuration;
    // A model's tokenizer is looked up when a job needs it; one that is named outright should be there.
    if configuration.tokenizer.is_some()
        && let Err(error) = tokenizers.look_up(configuration).await
    {
        // Jobs that need it will fail with the same error; others work.
        error!("the configured tokenizer can't be used: {}", causes(&error));
    }
    let jobs = deployment.jobs();
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let worker = Worker {
        processor: PipelineProcessor {
            objects: Arc::new(deployment.objects.clone()),
            models: tokenizers,
            threads,
            // The one place where a function may write.
            scratch_dir: std::env::temp_dir(),
            outputs_are_on_s3: true,
        },
        jobs,
    };
    run(service_fn(|event: LambdaEvent<SqsEvent>| {
        worker.take(event.payload, event.context)
    }))
    .await
}

impl Worker {
    /// Handles a batch; the messages that are to come again are reported, and no others.
    async fn take(&self, event: SqsEvent, context: Context) -> Result<SqsBatchResponse, Error> {
        begin_request(&context.request_id);
        let deadline = deadline(&context);
        let mut batch_item_failures = Vec::new();
        for record in event.records {
            let item_identifier = record.message_id.clone().unwrap_or_default();
            if self.handle(record, deadline).await {
                continue;
            }
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = item_identifier;
            batch_item_failures.push(failure);
        }
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures = batch_item_failures;
        Ok(response)
    }

    /// Handles a message; whether it is done with.
    async fn handle(&self, record: SqsMessage, deadline: Instant) -> bool {
        let run_id = record.body.as_deref().and_then(SqsQueue::run_of);
        let (Some(run_id), Some(receipt)) = (run_id, record.receipt_handle) else {
            error!("a message names no job; it will end up in the dead-letter queue");
            return false;
        };
        let message = Message { receipt, run_id };
        let never = AtomicBool::new(false);
        let handled = self
            .jobs
            .handle_until(&message, &self.processor, &never, Some(deadline));
        match handled.await {
            Ok(
                DeliveryOutcome::Completed
                | DeliveryOutcome::Failed
                | DeliveryOutcome::Nothing
                | DeliveryOutcome::Lost,
            ) => true,
            Ok(DeliveryOutcome::Postponed | DeliveryOutcome::Elsewhere) => false,
            Err(failure) => {
                warn!(%run_id, "job {run_id} was left unchanged: {}", causes(&failure));
                // Otherwise it would be out of sight for as long as the queue hides messages.
                self.jobs.hide(&message).await;
                false
            }
        }
    }
}

/// When work has to end so that there is time to write down how.
fn deadline(context: &Context) -> Instant {
    let left = context
        .deadline()
        .duration_since(SystemTime::now())
        .unwrap_or_default();
    Instant::now() + left.saturating_sub(RESERVE)
}
