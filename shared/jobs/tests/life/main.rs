//! The life of jobs over adapters in memory, with crashes, duplicates, lost answers and faults.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected has failed"
)]

mod attempts;
mod contracts;
mod crashes;
mod drops;
mod leftovers;
mod lookups;
mod pipeline;
mod rules;
mod sweeps;
mod uploads;
mod world;
