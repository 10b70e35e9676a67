//! Contract suites for the ports, and adapters in memory that keep them.
//!
//! Every adapter runs the suite of its port. A suite needs an adapter of its own: an empty one.

mod contracts;
mod memory;
mod stepped;

pub use contracts::{job_store_contract, object_store_contract, queue_contract, record};
pub use memory::{ManualClock, MemoryJobStore, MemoryObjectStore, MemoryQueue};
pub use stepped::Stepped;
