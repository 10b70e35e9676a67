//! Contract suites for the ports, and adapters in memory that keep them.
//!
//! Every adapter runs the suite of its port. A suite needs an adapter of its own: an empty one.

mod contracts;
mod intercepted;
mod memory;

pub use contracts::{job_store_contract, object_store_contract, queue_contract, record};
pub use intercepted::{Intercepted, Interceptor};
pub use memory::{ManualClock, MemoryJobStore, MemoryObjectStore, MemoryQueue};
