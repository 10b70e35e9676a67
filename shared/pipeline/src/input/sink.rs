//! Where chunks go as they fill.

use crate::chunk::Chunk;
use crate::error::PipelineError;

/// Takes chunks as they fill.
pub(crate) trait ChunkSink {
    /// Takes a chunk, and gives an empty one to be filled next.
    ///
    /// # Errors
    /// If the run is to stop.
    fn accept(&mut self, chunk: Chunk) -> Result<Chunk, PipelineError>;
}
