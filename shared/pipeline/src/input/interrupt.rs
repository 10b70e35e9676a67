//! Why reading an export stops before its end.

use super::reader::ReadError;
use crate::error::PipelineError;

/// Why reading an export stopped.
pub(super) enum Interrupt {
    Read(ReadError),
    Run(PipelineError),
}

impl From<ReadError> for Interrupt {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<PipelineError> for Interrupt {
    fn from(error: PipelineError) -> Self {
        Self::Run(error)
    }
}
