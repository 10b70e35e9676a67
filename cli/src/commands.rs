//! The commands, a file each.

pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod inspect;
pub(crate) mod man;
pub(crate) mod prepare;
pub(crate) mod serve;
pub(crate) mod submit;
