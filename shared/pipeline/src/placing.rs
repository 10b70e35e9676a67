//! From the blocks that the limits allow to those that are emitted: without duplicates, and each in its split.

use crate::block::Block;
use crate::earlier_blocks::{EarlierBlocks, Print};
use crate::funnel::MessageDrop;
use crate::settings::{Deduplicate, Settings};
use crate::split::Split;
use crate::statistics::Statistics;

/// Drops duplicates and leaks, and splits the rest.
pub(crate) struct BlockPlacer<'a> {
    settings: &'a Settings,
    earlier: EarlierBlocks,
}

impl<'a> BlockPlacer<'a> {
    pub(crate) fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            earlier: EarlierBlocks::default(),
        }
    }

    fn is_split(&self) -> bool {
        !self.settings.validation_fraction.is_zero()
    }

    /// The blocks of a chat that are emitted, given with their prints; the messages of the others are counted.
    pub(crate) fn place(
        &mut self,
        blocks: Vec<Block>,
        prints: Vec<Print>,
        statistics: &mut Statistics,
    ) -> Vec<Block> {
        let duplicates = self.settings.deduplicate;
        if duplicates == Deduplicate::None && !self.is_split() {
            return blocks;
        }
        let (blocks, prints) = self.without_duplicates(blocks, prints, statistics);
        let Some(counts) = &mut statistics.split else {
            return blocks;
        };
        let sizes: Vec<_> = conversations(&blocks).map(<[Block]>::len).collect();
        let newest = counts.newest_for_validation(&sizes, self.settings.validation_fraction);
        let mut placed = Vec::new();
        let mut prints = prints.as_slice();
        for (number, conversation) in conversations(&blocks).enumerate() {
            let split = if number < sizes.len() - newest {
                Split::Train
            } else {
                Split::Validation
            };
            let (own, rest) = prints.split_at(conversation.len());
            prints = rest;
            if self.leaks(own, split) {
                for block in conversation {
                    let messages = block.messages.len() as u64;
                    let dropped = &mut statistics.funnel.messages.dropped;
                    dropped.add(MessageDrop::SplitLeak, messages);
                    statistics.profile.dropped_tokens.add(block.tokens);
                }
                counts.add_leaking(conversation.len());
            } else {
                counts.add(split, conversation.len());
                let blocks = conversation.iter().cloned();
                placed.extend(blocks.map(|block| Block { split, ..block }));
            }
        }
        placed
    }

    /// The blocks whose contents were not there before, with their prints.
    fn without_duplicates(
        &mut self,
        blocks: Vec<Block>,
        prints: Vec<Print>,
        statistics: &mut Statistics,
    ) -> (Vec<Block>, Vec<Print>) {
        let (mut kept, mut of_kept) = (Vec::new(), Vec::new());
        for (block, mut print) in blocks.into_iter().zip(prints) {
            let reason = self.duplicates(&mut print);
            if let Some(reason) = reason {
                let dropped = &mut statistics.funnel.messages.dropped;
                dropped.add(reason, block.messages.len() as u64);
                statistics.profile.dropped_tokens.add(block.tokens);
                continue;
            }
            kept.push(block);
            of_kept.push(print);
        }
        (kept, of_kept)
    }

    /// Why a block is a duplicate of an earlier one; otherwise later ones may be of it.
    fn duplicates(&mut self, print: &mut Print) -> Option<MessageDrop> {
        let duplicates = self.settings.deduplicate;
        if duplicates == Deduplicate::None {
            return None;
        }
        if !self.earlier.add_contents(print) {
            return Some(MessageDrop::DuplicateBlock);
        }
        if duplicates == Deduplicate::Near && !self.earlier.add_words(print) {
            return Some(MessageDrop::NearDuplicateBlock);
        }
        None
    }

    /// Whether one of a conversation's blocks resembles one in the other split; otherwise later ones may resemble
    /// these.
    fn leaks(&mut self, prints: &[Print], split: Split) -> bool {
        let earlier = &mut self.earlier;
        let mut all = prints.iter();
        if all.any(|print| earlier.resembles_another_split(print, split)) {
            return true;
        }
        for print in prints {
            earlier.add_to(split, print);
        }
        false
    }
}

fn conversations(blocks: &[Block]) -> impl Iterator<Item = &[Block]> {
    blocks.chunk_by(|one, next| one.conversation == next.conversation)
}
