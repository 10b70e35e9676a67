//! From bytes to messages: sources, the sliding window, and the structure of an export.

pub(crate) mod ahead;
pub(crate) mod capture;
pub(crate) mod chats;
mod entities;
pub(crate) mod export;
#[cfg(test)]
mod failing;
mod fields;
mod interrupt;
mod media;
mod message;
mod open_chat;
mod read_message;
pub(crate) mod reader;
#[cfg(test)]
mod reading_ahead;
pub(crate) mod rules;
mod segment;
mod senders;
pub(crate) mod sink;
pub(crate) mod source;
mod stretch;
mod text;
mod text_end;
pub(crate) mod window;
