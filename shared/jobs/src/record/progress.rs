//! How far a job has come.

use serde::{Deserialize, Serialize};

/// What an attempt is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The tokenizer is looked up, and the payload opened.
    #[default]
    Preparing,
    /// The payload is read, and its blocks are written.
    Reading,
    /// Everything is read; the last blocks and the statistics are written.
    Writing,
    /// The outputs are there.
    Done,
}

/// How far a job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What the attempt is at.
    #[serde(default)]
    pub stage: Stage,
    /// Bytes of the payload that were read.
    pub bytes_read: u64,
    /// Bytes of the payload.
    pub bytes_total: u64,
}

impl Progress {
    /// The progress of an attempt that has read that much.
    pub(crate) fn of(bytes_read: u64, bytes_total: u64) -> Self {
        let stage = match bytes_read {
            0 => Stage::Preparing,
            read if read < bytes_total => Stage::Reading,
            _ => Stage::Writing,
        };
        Self {
            stage,
            bytes_read,
            bytes_total,
        }
    }
}
