//! The parts of the report, in the order in which they are read.

pub(crate) mod advice;
pub(crate) mod blocks;
pub(crate) mod chats;
pub(crate) mod funnel;
pub(crate) mod overview;
pub(crate) mod samples;
pub(crate) mod settings;
pub(crate) mod time;
pub(crate) mod voices;
