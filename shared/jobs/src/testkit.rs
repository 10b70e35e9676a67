//! Contract suites for the ports, and adapters in memory that keep them.
//!
//! Every adapter runs the suite of its port. A suite needs an adapter of its own: an empty one.

mod contracts;
mod intercepted;
mod job_store;
mod memory;

pub use contracts::{object_store_contract, queue_contract};
pub use intercepted::{InterceptedPort, Interceptor};
pub use job_store::{job_store_contract, record};
pub use memory::{ManualClock, MemoryJobStore, MemoryObjectStore, MemoryQueue};
