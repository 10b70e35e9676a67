//! The blocks so far, by what they say, so that another that says the same is known.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use resonare_similarity::{Signature, Signer, SimilarTexts};

use crate::block::Block;
use crate::lines::Lines;
use crate::split::Split;

/// What a block says: its own messages, and who says them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Print {
    /// A hash with so many bits that no two blocks share it by chance.
    content: u128,
    /// `None` where it has no word, or where nobody asks.
    signature: Option<Signature>,
    /// That of the signature among the earlier ones, if it is one of them.
    number: Option<u32>,
}

/// Makes prints.
#[derive(Debug)]
pub(crate) struct Printer {
    /// Where signatures are asked for.
    signer: Option<Signer>,
}

impl Printer {
    /// Makes prints with signatures, or without.
    pub(crate) fn new(signed: bool) -> Self {
        Self {
            signer: signed.then(Signer::default),
        }
    }

    /// The print of a block.
    pub(crate) fn print(&mut self, lines: Lines<'_>, block: &Block) -> Print {
        // The algorithm is the standard library's to change: what a print is reaches no output.
        let mut hashers = [0, 1].map(|half: u8| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u8(half);
            hasher
        });
        for index in block.messages.clone() {
            let line = (lines.role(index).name(), lines.text(index));
            for hasher in &mut hashers {
                line.hash(hasher);
            }
        }
        let [high, low] = hashers.map(|hasher| u128::from(hasher.finish()));
        let texts = block.messages.clone().map(|index| lines.text(index));
        Print {
            content: high << 64 | low,
            signature: self.signer.as_mut().and_then(|signer| signer.sign(texts)),
            number: None,
        }
    }
}

/// Blocks are nearly equal from this similarity on.
const NEARLY_EQUAL: f64 = 0.8;
/// And give away what is asked in the other split from this one on: low enough that an estimate that is off by three
/// standard errors hides none that are nearly equal.
const RESEMBLING: f64 = 0.7;

/// Blocks by what they say, and which split they are in: 300 bytes for each at most, or 40 where only equal ones
/// are asked for.
#[derive(Debug, Default)]
pub(crate) struct EarlierBlocks {
    contents: HashSet<u128>,
    similar: SimilarTexts,
    /// By the number of the text; `None` while it is not known, or where the block was dropped.
    splits: Vec<Option<Split>>,
    /// What no words tell apart, by its contents.
    wordless: HashMap<u128, Split>,
}

impl EarlierBlocks {
    /// Adds the contents of a block; whether they are new.
    pub(crate) fn add_contents(&mut self, print: &Print) -> bool {
        self.contents.insert(print.content)
    }

    /// Adds the words of a block; whether they are new.
    pub(crate) fn add_words(&mut self, print: &mut Print) -> bool {
        let Some(signature) = print.signature else {
            return true;
        };
        let mut similar = self.similar.similar(&signature, NEARLY_EQUAL);
        let is_new = similar.next().is_none();
        drop(similar);
        if is_new {
            print.number = Some(self.similar.insert(signature));
            self.splits.push(None);
        }
        is_new
    }

    /// Whether one in the other split resembles this one.
    pub(crate) fn resembles_another_split(&self, print: &Print, split: Split) -> bool {
        let is_other = |other: Split| other != split;
        match &print.signature {
            Some(signature) => self
                .similar
                .similar(signature, RESEMBLING)
                .any(|number| self.splits[number as usize].is_some_and(is_other)),
            None => self
                .wordless
                .get(&print.content)
                .copied()
                .is_some_and(is_other),
        }
    }

    /// Adds a block to a split.
    pub(crate) fn add_to(&mut self, split: Split, print: &Print) {
        match (print.signature, print.number) {
            (Some(_), Some(number)) => self.splits[number as usize] = Some(split),
            (Some(signature), None) => {
                self.similar.insert(signature);
                self.splits.push(Some(split));
            }
            (None, _) => {
                self.wordless.insert(print.content, split);
            }
        }
    }
}
