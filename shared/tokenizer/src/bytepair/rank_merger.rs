//! Byte-pair merging of one piece, by the ranks of joined bytes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::vocabulary::Vocabulary;

/// Up to this length looking at all pairs each time is faster than keeping them in a heap.
const SHORT: usize = 128;

const NONE: u32 = u32::MAX;

/// Merges, with memory that is used again.
pub(crate) struct RankMerger {
    /// Where each part begins; after the last, where the piece ends.
    starts: [u8; SHORT + 1],
    /// The rank of each part joined with the next.
    ranks: [u32; SHORT],
}

impl Default for RankMerger {
    fn default() -> Self {
        Self {
            starts: [0; SHORT + 1],
            ranks: [NONE; SHORT],
        }
    }
}

impl RankMerger {
    /// The number of tokens that `piece` is merged into: of all adjacent pairs whose joined bytes
    /// are a token, the one with the lowest rank, and of those the leftmost, is joined until there
    /// is none.
    pub(crate) fn count(&mut self, vocabulary: Vocabulary<'_>, piece: &[u8]) -> u32 {
        if piece.len() <= SHORT {
            self.count_short(vocabulary, piece)
        } else {
            count_long(vocabulary, piece)
        }
    }

    pub(crate) fn count_short(&mut self, vocabulary: Vocabulary<'_>, piece: &[u8]) -> u32 {
        let Self { starts, ranks } = self;
        let rank = |start: u8, end: u8| {
            let joined = &piece[usize::from(start)..usize::from(end)];
            vocabulary.rank(joined).unwrap_or(NONE)
        };
        let mut parts = piece.len();
        for (start, at) in starts.iter_mut().zip(0..).take(parts + 1) {
            *start = at;
        }
        for (rank, pair) in ranks.iter_mut().zip(piece.windows(2)) {
            *rank = vocabulary.rank(pair).unwrap_or(NONE);
        }
        while parts > 1 {
            let (mut at, mut lowest) = (0, NONE);
            for (pair, &rank) in ranks[..parts - 1].iter().enumerate() {
                if rank < lowest {
                    (at, lowest) = (pair, rank);
                }
            }
            if lowest == NONE {
                break;
            }
            starts.copy_within(at + 2..=parts, at + 1);
            if at + 2 < parts {
                ranks.copy_within(at + 2..parts - 1, at + 1);
                ranks[at] = rank(starts[at], starts[at + 2]);
            }
            parts -= 1;
            if at > 0 {
                ranks[at - 1] = rank(starts[at - 1], starts[at + 1]);
            }
        }
        u32::try_from(parts).expect("SHORT fits")
    }
}

/// Indices are u32: a message is shorter than 16 MiB.
pub(crate) fn count_long(vocabulary: Vocabulary<'_>, piece: &[u8]) -> u32 {
    const GONE: u32 = u32::MAX;
    let length = u32::try_from(piece.len()).expect("a message is shorter than 4 GiB");
    // For each part, by where it begins: where the next one does ([`GONE`] once it was joined to the
    // part before it), and where the previous one does.
    let mut next: Vec<u32> = (1..=length).collect();
    let mut previous: Vec<u32> = (0..length).map(|start| start.wrapping_sub(1)).collect();
    let mut pairs = BinaryHeap::new();
    let pair = |start: u32, end: u32| {
        Some(Reverse((
            vocabulary.rank(&piece[start as usize..end as usize])?,
            start,
            end,
        )))
    };
    for start in 0..length - 1 {
        pairs.extend(pair(start, start + 2));
    }
    let mut parts = length;
    while let Some(Reverse((_, start, end))) = pairs.pop() {
        let middle = next[start as usize];
        // A pair is outdated when one of its parts has changed since.
        if middle == GONE || middle == length || next[middle as usize] != end {
            continue;
        }
        next[middle as usize] = GONE;
        next[start as usize] = end;
        parts -= 1;
        if end < length {
            previous[end as usize] = start;
            pairs.extend(pair(start, next[end as usize]));
        }
        if start > 0 {
            pairs.extend(pair(previous[start as usize], end));
        }
    }
    parts
}
