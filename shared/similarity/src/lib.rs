//! Texts that are nearly the same, found in one pass without keeping them.
//!
//! A text is the set of its *shingles*: each run of five words in it, in lower case and without punctuation. In
//! scripts that are written without spaces each character is a word, and so is each emoji. How similar two texts
//! are is the Jaccard similarity of their sets: the shingles that both have, as a share of those that either has.
//!
//! A [`Signer`] makes a text into a [`Signature`] of 192 bytes, from which the similarity to another can be
//! estimated (`MinHash`, with a standard error of at most 0.036, and 0.029 at a similarity of 0.8).
//! [`SimilarTexts`] keeps signatures, at 240 to 295 bytes a text, and finds those similar to a new one without
//! looking at all of them.
//!
//! The same texts in the same order give the same result on each machine. Nothing grows faster than the number of
//! texts, whatever they say.
//!
//! # Examples
//! ```
//! use resonare_similarity::{Signer, SimilarTexts};
//!
//! let mut signer = Signer::default();
//! let mut texts = SimilarTexts::default();
//! let first = signer.sign(["Are we still on for Friday?", "At eight, at your place"]).unwrap();
//! assert_eq!(texts.similar(&first, 0.8).next(), None);
//! let number = texts.insert(first);
//!
//! let again = signer.sign(["are we still on for friday", "At eight - at your place!"]).unwrap();
//! assert_eq!(texts.similar(&again, 0.8).next(), Some(number));
//! assert_eq!(signer.sign(["?!"]), None);
//! ```

mod folding;
mod mixing;
mod shingles;
mod signature;
mod signer;
mod similar_texts;
mod sketch;
mod words;

pub use signature::Signature;
pub use signer::Signer;
pub use similar_texts::SimilarTexts;
