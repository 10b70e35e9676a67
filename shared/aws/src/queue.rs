//! Messages in SQS.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::QueueAttributeName;
use resonare_jobs::ports::{Message, Queue, Unavailable};
use resonare_jobs::{Owner, RunId};
use serde_json::{Value, json};

use crate::failure::failed;

const PORT: &str = "queue";

/// The longest that SQS delays a message.
const LONGEST_DELAY: Duration = Duration::from_mins(15);

/// The longest that SQS hides a message.
const LONGEST_HIDDEN: Duration = Duration::from_hours(12);

/// A standard queue of SQS: messages come at least once, in no order.
#[derive(Clone, Debug)]
pub struct SqsQueue {
    client: Client,
    url: String,
}

impl SqsQueue {
    /// The queue at a URL.
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// The run that a message's body names; none if the message is not one of ours.
    pub fn run_of(body: &str) -> Option<RunId> {
        let body: Value = serde_json::from_str(body).ok()?;
        body["run_id"].as_str()?.parse().ok()
    }
}

/// Whole seconds, none of the time lost.
fn seconds(duration: Duration, longest: Duration) -> i32 {
    let rounded_up = duration.min(longest).as_millis().div_ceil(1000);
    i32::try_from(rounded_up).unwrap_or(i32::MAX)
}

/// A receipt that is no longer good: the message was acknowledged, or is visible again.
fn is_outdated<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    let code = error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code);
    code.is_some_and(|code| {
        [
            "ReceiptHandleIsInvalid",
            "MessageNotInflight",
            "InvalidParameterValue",
        ]
        .iter()
        .any(|outdated| code.ends_with(outdated))
    })
}

#[async_trait]
impl Queue for SqsQueue {
    async fn send(&self, run_id: RunId, owner: &Owner, delay: Duration) -> Result<(), Unavailable> {
        let body = json!({"run_id": run_id}).to_string();
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            // Fair queues: one owner's backlog does not keep the others waiting.
            // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
            .message_group_id(owner.digest())
            .delay_seconds(seconds(delay, LONGEST_DELAY))
            .send()
            .await
            .map_err(|error| failed(PORT, &error))?;
        Ok(())
    }

    async fn receive(&self, visibility: Duration) -> Result<Option<Message>, Unavailable> {
        let received = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(1)
            .visibility_timeout(seconds(visibility, LONGEST_HIDDEN))
            .send()
            .await
            .map_err(|error| failed(PORT, &error))?;
        let Some(message) = received.messages.unwrap_or_default().into_iter().next() else {
            return Ok(None);
        };
        let receipt = message.receipt_handle.unwrap_or_default();
        match message.body.as_deref().and_then(Self::run_of) {
            Some(run_id) => Ok(Some(Message { receipt, run_id })),
            None => Ok(None),
        }
    }

    async fn hide(&self, receipt: &str, visibility: Duration) -> Result<(), Unavailable> {
        let hidden = self
            .client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt)
            .visibility_timeout(seconds(visibility, LONGEST_HIDDEN))
            .send()
            .await;
        match hidden {
            Err(error) if !is_outdated(&error) => Err(failed(PORT, &error)),
            _ => Ok(()),
        }
    }

    async fn acknowledge(&self, receipt: &str) -> Result<(), Unavailable> {
        let deleted = self
            .client
            .delete_message()
            .queue_url(&self.url)
            .receipt_handle(receipt)
            .send()
            .await;
        match deleted {
            Err(error) if !is_outdated(&error) => Err(failed(PORT, &error)),
            _ => Ok(()),
        }
    }

    async fn is_empty(&self) -> Result<bool, Unavailable> {
        // All kinds of messages. These numbers may be a minute behind.
        let kinds = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let got = self
            .client
            .get_queue_attributes()
            .queue_url(&self.url)
            .set_attribute_names(Some(kinds.to_vec()))
            .send()
            .await
            .map_err(|error| failed(PORT, &error))?;
        let counts = got.attributes.unwrap_or_default();
        Ok(kinds
            .iter()
            .all(|kind| counts.get(kind).is_some_and(|count| count == "0")))
    }
}
