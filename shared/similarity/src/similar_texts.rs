//! Finding the texts that are similar to one.

use hashbrown::HashTable;

use crate::mixing::mixed;
use crate::signature::{BANDS, Signature, fewest_agreeing};

/// Texts that are found by one band with the same content. Those that come later are found by other bands, where
/// they differ from the first.
const MOST_OF_A_BAND: usize = 32;

/// The signatures of texts, by which similar ones are found.
#[derive(Clone, Debug, Default)]
pub struct SimilarTexts {
    signatures: Vec<Signature>,
    /// The numbers of the texts, by the content of each band.
    bands: [HashTable<u32>; BANDS],
}

impl SimilarTexts {
    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.signatures.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.signatures.is_empty()
    }

    /// The numbers of texts whose estimated similarity to this one is `least` or more, in no particular order; one
    /// may come more than once. Below 0.7 more and more are missing, and some of hundreds that resemble each
    /// other.
    pub fn similar(&self, signature: &Signature, least: f64) -> impl Iterator<Item = u32> {
        let fewest = fewest_agreeing(least);
        (0..BANDS)
            .flat_map(move |band| self.with_band(band, signature.band(band)))
            .filter(move |&number| self.signatures[number as usize].agreeing(signature) >= fewest)
    }

    /// Adds a text; its number, from 0.
    ///
    /// # Panics
    /// If there are 2^32 of them.
    pub fn insert(&mut self, signature: Signature) -> u32 {
        let number = u32::try_from(self.signatures.len()).expect("memory ends before 2^32 texts");
        self.signatures.push(signature);
        for band in 0..BANDS {
            let content = signature.band(band);
            if self.with_band(band, content).count() < MOST_OF_A_BAND {
                let signatures = &self.signatures;
                self.bands[band].insert_unique(hash(content), number, |&number| {
                    hash(signatures[number as usize].band(band))
                });
            }
        }
        number
    }

    /// A table may offer others as well, and other ones on other machines.
    fn with_band(&self, band: usize, content: u32) -> impl Iterator<Item = u32> {
        let offered = self.bands[band].iter_hash(hash(content)).copied();
        offered.filter(move |&number| self.signatures[number as usize].band(band) == content)
    }
}

fn hash(content: u32) -> u64 {
    mixed(content.into())
}
