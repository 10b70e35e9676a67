//! From texts to signatures.

use crate::shingles::Shingles;
use crate::signature::Signature;
use crate::sketch::Sketch;
use crate::words::Words;

/// Makes texts into signatures. It may be used for many, and keeps nothing of them.
#[derive(Clone, Debug, Default)]
pub struct Signer {
    words: Words,
    sketch: Sketch,
}

impl Signer {
    /// The signature of a text that comes in parts, each of which ends a word; nothing where it has no word.
    pub fn sign<'t>(&mut self, parts: impl IntoIterator<Item = &'t str>) -> Option<Signature> {
        let Self { words, sketch } = self;
        sketch.clear();
        let mut shingles = Shingles::default();
        for part in parts {
            words.for_each(part, |word| {
                if let Some(shingle) = shingles.push(word) {
                    sketch.add(shingle);
                }
            });
        }
        if let Some(shingle) = shingles.short() {
            sketch.add(shingle);
        }
        sketch.signature()
    }
}
