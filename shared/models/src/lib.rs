//! The tokenizers that jobs count with: a few in memory, over a folder, over what is behind it.

mod shelf;
mod tokenizers;

pub use shelf::{NoShelf, Shelf};
pub use tokenizers::ModelTokenizers;
