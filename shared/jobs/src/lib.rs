//! The life of a job: submission, claims, processing, look-up, deletion, sweeping.
//!
//! Everything outside is behind [`ports`]: objects, records, a queue and a clock, for which this
//! crate knows no technology. Every change of a record is a conditional write on its revision, and a
//! worker's changes are fenced by its lease. No order of retries, duplicates and crashes loses a job,
//! commits two results for it or leaves it running forever.

mod advice;
mod clock;
mod drops;
mod elapsed;
mod error;
mod events;
mod jobs;
mod limits;
mod model;
mod outputs;
mod payload_exports;
pub mod ports;
mod process;
mod record;
mod remove;
mod submit;
mod sweep;
mod tar_extension;
mod tar_files;
#[cfg(feature = "testkit")]
pub mod testkit;
mod twice_read;
mod upload;
mod work;

pub use advice::explained;
pub use clock::SystemClock;
pub use drops::DropArrival;
pub use error::JobError;
pub use events::{FailureKind, NoObserver, Observer, Step};
pub use jobs::{Jobs, Ports, output_key};
pub use limits::{Limits, Timings};
pub use model::{FoundModel, FoundTemplate};
pub use process::{ModelSource, NoTokenizer, PipelineProcessor};
pub use record::{
    DirectUpload, JobRecord, JobStatus, LARGEST_RECORD, Lease, Output, Owner, Payload, Progress,
    RunId, RunIdError, SCHEMA_VERSION, Stage, StatsSummary, Tally,
};
pub use resonare_pipeline::causes;
pub use submit::{AcceptedJob, Submission};
pub use sweep::SweepReport;
pub use upload::{Upload, UploadArrival};
pub use work::{Attempt, DeliveryOutcome, Processor, Verdict};
