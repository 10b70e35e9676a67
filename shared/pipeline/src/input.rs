//! From bytes to messages: sources, the sliding window, and the structure of an export.

pub(crate) mod capture;
pub(crate) mod date;
pub(crate) mod export;
pub(crate) mod message;
pub(crate) mod position;
pub(crate) mod reader;
pub(crate) mod source;
pub(crate) mod window;
