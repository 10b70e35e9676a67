//! Jobs on AWS: objects in S3, records in `DynamoDB`, messages in SQS.
//!
//! Each adapter keeps the contract of its port, which its tests check against a server over HTTP.
//! Clients are built once, by [`Clients`]; credentials come from the SDK's default chain.

mod clients;
mod failure;
mod objects;
mod queue;
mod records;
mod transfers;

pub use clients::Clients;
pub use objects::S3ObjectStore;
pub use queue::SqsQueue;
pub use records::DynamoJobStore;
pub use transfers::uploaded_run;
