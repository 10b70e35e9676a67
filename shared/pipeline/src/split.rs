//! Which blocks are for training and which for validation.

use serde::Serialize;

use crate::settings::Fraction;

/// What a block is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Split {
    /// The model learns from it.
    #[default]
    Train,
    /// It shows how well the model learned.
    Validation,
}

impl Split {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Train, Self::Validation];
}

/// How the blocks were split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SplitCounts {
    /// Blocks for training.
    pub train_blocks: u64,
    /// Blocks for validation.
    pub validation_blocks: u64,
    /// The conversations that the blocks for training are of.
    pub train_conversations: u64,
    /// The conversations that the blocks for validation are of.
    pub validation_conversations: u64,
    /// Blocks that were dropped, since one of their conversation resembles one on the other side.
    pub leaking_blocks: u64,
    /// The conversations that these are of.
    pub leaking_conversations: u64,
}

impl SplitCounts {
    /// Whether there is nothing to validate with: no conversation was small enough for its part of the blocks.
    pub fn is_without_validation(&self) -> bool {
        self.validation_blocks == 0
    }

    /// Counts a conversation of so many blocks.
    pub(crate) fn add(&mut self, split: Split, blocks: usize) {
        let (of_blocks, of_conversations) = match split {
            Split::Train => (&mut self.train_blocks, &mut self.train_conversations),
            Split::Validation => (
                &mut self.validation_blocks,
                &mut self.validation_conversations,
            ),
        };
        *of_blocks += blocks as u64;
        *of_conversations += 1;
    }

    /// Counts a conversation of so many blocks that was dropped.
    pub(crate) fn add_leaking(&mut self, blocks: usize) {
        self.leaking_blocks += blocks as u64;
        self.leaking_conversations += 1;
    }

    /// How many of a chat's newest conversations are for validation, given the blocks of each in the order of time:
    /// as many as don't exceed this part of all blocks so far. What is left over is there for the next chat.
    pub(crate) fn newest_for_validation(&self, sizes: &[usize], fraction: Fraction) -> usize {
        let of_chat = sizes.iter().sum::<usize>() as u64;
        let all = self.train_blocks + self.validation_blocks + of_chat;
        let mut left = fraction.of(all).saturating_sub(self.validation_blocks);
        let fits = |size: &&usize| {
            let rest = left.checked_sub(**size as u64);
            left = rest.unwrap_or(left);
            rest.is_some()
        };
        sizes.iter().rev().take_while(fits).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(counts: &SplitCounts, fraction: &str, sizes: &[usize]) -> usize {
        counts.newest_for_validation(sizes, Fraction::parse(fraction).unwrap())
    }

    #[test]
    fn the_newest_conversations_are_for_validation_as_far_as_they_fit() {
        let none = SplitCounts::default();
        assert_eq!(newest(&none, "0.2", &[6, 2, 1, 1]), 2);
        assert_eq!(newest(&none, "0.4", &[6, 2, 1, 1]), 3);
        assert_eq!(newest(&none, "0.2", &[1, 6, 3]), 0);
        assert_eq!(newest(&none, "0.9", &[1]), 0);
    }

    #[test]
    fn what_is_left_over_is_for_the_next_chat() {
        let mut counts = SplitCounts::default();
        counts.add(Split::Train, 10);
        assert_eq!(newest(&counts, "0.2", &[6, 2, 3]), 1);
        counts.add(Split::Validation, 5);
        assert_eq!(newest(&counts, "0.2", &[6, 2, 3]), 0);
    }
}
