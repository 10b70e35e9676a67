//! Byte-pair merging of one piece, by pairs of tokens.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::pair_table::PairTable;

/// Up to this many bytes looking at all pairs each time is faster than keeping them in a heap.
const SHORT: usize = 64;

const NONE: u32 = u32::MAX;

/// Merges, with memory that is used again.
#[derive(Default)]
pub(crate) struct PairMerger {
    tokens: Vec<u32>,
    /// The rank of each token joined with the next.
    ranks: Vec<u32>,
    /// The rank of the merge that came last.
    last: Option<u32>,
}

impl PairMerger {
    /// The number of tokens that these are merged into: of all adjacent pairs that have a merge, the
    /// one with the lowest rank, and of those the leftmost, is joined until there is none.
    pub(crate) fn count(
        &mut self,
        table: PairTable<'_>,
        tokens: impl IntoIterator<Item = u32>,
    ) -> u32 {
        self.tokens.clear();
        self.tokens.extend(tokens);
        self.last = None;
        if self.tokens.len() <= SHORT {
            self.count_short(table)
        } else {
            self.count_long(table)
        }
    }

    /// The rank of the merge that came last in what was counted last; `None` if there was none.
    pub(crate) fn last(&self) -> Option<u32> {
        self.last
    }

    fn count_short(&mut self, table: PairTable<'_>) -> u32 {
        let Self {
            tokens,
            ranks,
            last,
        } = self;
        let rank = |left, right| table.rank(left, right).unwrap_or(NONE);
        ranks.clear();
        ranks.extend(tokens.windows(2).map(|pair| rank(pair[0], pair[1])));
        loop {
            let (mut at, mut lowest) = (0, NONE);
            for (pair, &rank) in ranks.iter().enumerate() {
                if rank < lowest {
                    (at, lowest) = (pair, rank);
                }
            }
            if lowest == NONE {
                return u32::try_from(tokens.len()).expect("a piece is short");
            }
            *last = Some(lowest);
            let joined = table.joined(lowest);
            tokens[at] = joined;
            tokens.remove(at + 1);
            ranks.remove(at);
            if at < ranks.len() {
                ranks[at] = rank(joined, tokens[at + 1]);
            }
            if at > 0 {
                ranks[at - 1] = rank(tokens[at - 1], joined);
            }
        }
    }

    /// Indices are u32: a message is shorter than 16 MiB.
    fn count_long(&mut self, table: PairTable<'_>) -> u32 {
        let Self { tokens, last, .. } = self;
        let length = u32::try_from(tokens.len()).expect("a message is shorter than 4 GiB");
        // For each part, by where it begins: its token, and where the next and the previous one begin.
        let mut next: Vec<u32> = (1..=length).collect();
        let mut previous: Vec<u32> = (0..length).map(|start| start.wrapping_sub(1)).collect();
        let mut pairs = BinaryHeap::new();
        let pair = |tokens: &[u32], left: u32, right: u32| {
            let (left_token, right_token) = (tokens[left as usize], tokens[right as usize]);
            let rank = table.rank(left_token, right_token)?;
            Some(Reverse((rank, left, right, left_token, right_token)))
        };
        for left in 0..length - 1 {
            pairs.extend(pair(tokens, left, left + 1));
        }
        let mut parts = length;
        while let Some(Reverse((rank, left, right, left_token, right_token))) = pairs.pop() {
            // A pair is outdated when one of its parts has changed since.
            if next[left as usize] != right
                || tokens[left as usize] != left_token
                || tokens[right as usize] != right_token
            {
                continue;
            }
            *last = Some(rank);
            let after = next[right as usize];
            tokens[left as usize] = table.joined(rank);
            // The right part is no longer one of its own.
            tokens[right as usize] = NONE;
            next[right as usize] = NONE;
            next[left as usize] = after;
            parts -= 1;
            if after < length {
                previous[after as usize] = left;
                pairs.extend(pair(tokens, left, after));
            }
            if left > 0 {
                pairs.extend(pair(tokens, previous[left as usize], left));
            }
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bytepair::pair_table::{CompiledPairs, Merge};

    /// Merges among bytes and what they became, each of which makes a token of its own.
    const MERGES: [(u32, u32); 9] = [
        (97, 98),
        (97, 97),
        (256, 257),
        (98, 256),
        (257, 257),
        (258, 97),
        (99, 99),
        (262, 99),
        (260, 260),
    ];

    fn merges() -> Vec<Merge> {
        let merge = |(rank, &(left, right)): (u32, &(u32, u32))| Merge {
            left,
            right,
            rank,
            joined: 256 + rank,
        };
        (0..).zip(&MERGES).map(merge).collect()
    }

    /// As the rule says it.
    fn slowly(mut tokens: Vec<u32>) -> u32 {
        loop {
            let pairs = tokens.windows(2).enumerate();
            let ranked = pairs.filter_map(|(at, pair)| {
                let rank = MERGES
                    .iter()
                    .position(|merge| *merge == (pair[0], pair[1]))?;
                Some((rank, at))
            });
            let Some((rank, at)) = ranked.min() else {
                return u32::try_from(tokens.len()).unwrap();
            };
            tokens[at] = 256 + u32::try_from(rank).unwrap();
            tokens.remove(at + 1);
        }
    }

    proptest! {
        #[test]
        fn both_ways_join_the_lowest_rank_first_and_of_equals_the_leftmost(piece in "[abcx]{2,90}") {
            let merges = CompiledPairs::new(&merges());
            let byte_tokens = std::array::from_fn(|byte| u32::try_from(byte).unwrap());
            let table = merges.view(&byte_tokens);
            let tokens: Vec<u32> = piece.bytes().map(u32::from).collect();
            let expected = slowly(tokens.clone());
            let mut merger = PairMerger { tokens: tokens.clone(), ..PairMerger::default() };
            prop_assert_eq!(merger.count_short(table), expected);
            let last = merger.last();
            let mut merger = PairMerger { tokens: tokens.clone(), ..PairMerger::default() };
            prop_assert_eq!(merger.count_long(table), expected);
            prop_assert_eq!(merger.last(), last);
            prop_assert_eq!(merger.count(table, tokens), expected);
        }
    }
}
