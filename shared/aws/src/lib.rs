//! Jobs on AWS: objects in S3, records in `DynamoDB`, messages in SQS.
//!
//! Each adapter keeps the contract of its port, which its tests check against a server over HTTP.
//! Clients are built once, from one [`configuration`]; credentials come from the SDK's default chain.

mod address;
mod clients;
mod failure;
#[cfg(feature = "tokenizers")]
mod model_files;
mod objects;
#[cfg(feature = "jobs")]
mod queue;
#[cfg(feature = "jobs")]
mod records;
mod transfers;

pub use address::{ObjectAddress, UnknownAddress};
#[cfg(feature = "jobs")]
pub use clients::Clients;
pub use clients::{configuration, s3};
#[cfg(feature = "tokenizers")]
pub use model_files::{S3ModelFiles, S3UrlReader};
pub use objects::{ObjectDescription, S3ObjectStore};
#[cfg(feature = "jobs")]
pub use queue::SqsQueue;
#[cfg(feature = "jobs")]
pub use records::{DynamoJobStore, TakeoverReport};
pub use transfers::uploaded_run;
