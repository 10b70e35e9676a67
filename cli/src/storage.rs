//! Where exports and outputs are: files and S3.

pub(crate) mod bucket;
pub(crate) mod folder;
pub(crate) mod lock;
pub(crate) mod s3;
