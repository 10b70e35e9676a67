//! The tokenizers of jobs: looked up on threads that may be blocked, a few kept in memory.
//!
//! Where a tokenizer is looked for is the business of `resonare-tokenizer`, when a job needs it that of
//! `resonare-jobs`. Neither knows the other; this crate connects them.

mod job_tokenizers;

pub use job_tokenizers::{JobTokenizers, wanted};
