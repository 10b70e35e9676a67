//! The tokenizers of jobs: looked up on threads that may be blocked, a few kept in memory.
//!
//! Where to look for a tokenizer is up to `resonare-tokenizer`, when a job needs one is up to
//! `resonare-jobs`. Neither knows the other; this crate connects them.

mod job_tokenizers;

pub use job_tokenizers::{JobTokenizers, find_model, wanted};
