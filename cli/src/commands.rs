//! The commands, a file each.

pub(crate) mod inspect;
pub(crate) mod prepare;
pub(crate) mod serve;
pub(crate) mod submit;
