//! A lenient, incremental JSON scanner over byte slices.
//!
//! It accepts JSON (RFC 8259) and, beside it, exactly what some versions of Telegram Desktop write
//! wrongly ([`mend`]). It never builds values: callers get byte ranges, and decode those that they
//! need. Everything can be restarted at the edge of a slice, so that the same code serves a window
//! that slides over a stream and a message that is whole in memory.

pub(crate) mod cursor;
pub(crate) mod encode;
pub(crate) mod key_order;
mod marks;
pub(crate) mod mend;
pub(crate) mod scalar;
mod spaces;
pub(crate) mod span;
pub(crate) mod value;
pub(crate) mod walk;
pub(crate) mod words;
