//! How many threads can work at once.

use std::num::NonZeroUsize;

/// The processors that this process may use; one where that is not known.
pub(crate) fn processors() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}
