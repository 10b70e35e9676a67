//! What is used of an export that ends early.

use serde::Serialize;

/// What was used of an export that ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Salvage {
    /// How many bytes of the input there were, after decompression.
    pub byte_offset: u64,
    /// The last complete message, if there was one.
    pub last_message: Option<LastMessage>,
}

/// A message, identified by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LastMessage {
    /// Its `id`, where it was read.
    pub id: Option<i64>,
    /// Its place among its chat's messages, from 1.
    pub number: u64,
    /// Its chat's place in the list, from 1.
    pub chat: u64,
}
