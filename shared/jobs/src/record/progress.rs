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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_prepares_until_it_reads_and_writes_once_everything_is_read() {
        let stages = [0, 1, 9, 10].map(|bytes_read| Progress::of(bytes_read, 10).stage);
        let expected = [
            Stage::Preparing,
            Stage::Reading,
            Stage::Reading,
            Stage::Writing,
        ];
        assert_eq!(stages, expected);
        let progress = Progress::of(3, 10);
        assert_eq!((progress.bytes_read, progress.bytes_total), (3, 10));
    }
}
