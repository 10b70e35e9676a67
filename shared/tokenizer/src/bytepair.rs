//! Byte-pair encoding as several families share it: what they split text by, and what they merge with.
//!
//! From the bottom up: [`hash`] lays out tables, before most of which stands a [`filter`]; [`vocabulary`] finds
//! tokens by their bytes, and [`pair_table`] finds merges by pairs of tokens; [`rank_merger`] and
//! [`pair_merger`] count the tokens of one piece with these, and [`cache`] remembers what they counted. [`classes`] tells characters apart, [`scanner`] reads runs
//! of them, and [`splitting`] cuts text into pieces as the pattern of a family does. Without a pattern, [`joins`] cuts
//! where no merge reaches across, and [`characters`] tells the tokens that are joined. [`lines`] counts with either.

pub(crate) mod cache;
pub(crate) mod characters;
pub(crate) mod classes;
pub(crate) mod filter;
pub(crate) mod hash;
pub(crate) mod joins;
pub(crate) mod lines;
pub(crate) mod pair_merger;
pub(crate) mod pair_table;
pub(crate) mod rank_merger;
mod scanner;
pub(crate) mod splitting;
pub(crate) mod vocabulary;
