//! What keeps an owner from having more.

use serde::{Deserialize, Serialize};

/// A limit that an owner has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// As many unfinished jobs as there may be.
    ActiveJobs,
    /// As many bytes on one day as there may be.
    BytesPerDay,
}
