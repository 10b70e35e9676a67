//! `report.html`: what a run found out, as a page to read.
//!
//! [`write()`] makes one file that asks nobody for anything and has no script: charts are drawn here, as SVG,
//! and colors follow the reader's light or dark scheme. Names and texts come from strangers' chats, and are
//! escaped wherever they stand; a policy in the file forbids everything but its own style besides.
//!
//! The same statistics give the same bytes. What is measured for it, in bounded memory, is
//! [`resonare_pipeline::Profile`]; where the file goes is for others to know.

mod amounts;
mod chart;
mod document;
mod loss;
mod sections;
mod style;
mod text;

pub use document::write;
