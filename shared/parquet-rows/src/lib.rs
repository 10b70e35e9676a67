//! Conversations as rows of Parquet files: the column `messages`, a list of structures with `role` and
//! `content`, as `datasets` and pyarrow read and write it.
//!
//! A crate of its own, so that only what writes or reads such files compiles the `parquet` crate. What a
//! row has to say is left to others.

mod read;
mod write;

pub use read::{ReadError, for_each_row, is_parquet};
pub use write::ParquetWriter;
