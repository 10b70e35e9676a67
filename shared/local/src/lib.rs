//! Jobs on one machine: objects as files, records and queue in an embedded database.
//!
//! Everything is durable once it is answered: a process that is killed at any moment finds, when it
//! starts again, every write that was answered and no half of any other.

mod census;
mod database;
mod objects;
mod queue;
mod records;

pub use census::Census;
pub use database::{Database, DatabaseError};
pub use objects::FileObjectStore;
pub use queue::SqliteQueue;
pub use records::SqliteJobStore;
