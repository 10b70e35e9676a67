//! What tells a message from others, beside what is kept of it.

use serde::{Deserialize, Serialize};

use crate::funnel::MessageDrop;

/// A message of a chat that was kept, or that has an id and was not. Those of a chat come in the order in which
/// they were read, so that the kept ones are in the order of the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MessageNote {
    pub(crate) id: Option<i64>,
    /// The message of the same chat that it answers.
    pub(crate) reply_to: Option<i64>,
    /// Equal where sender and date are, in all likelihood; 0 where no other input has messages to compare.
    pub(crate) fingerprint: u64,
    /// Why it was not kept.
    pub(crate) dropped: Option<MessageDrop>,
}
