//! Byte-pair merging of one piece, by the ranks of joined bytes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::hash;
use super::vocabulary::Vocabulary;

/// Up to this length looking at all pairs each time is faster than keeping them in a heap.
const SHORT: usize = 128;

/// No two parts are joined.
const NONE: i32 = i32::MAX;

/// A pair of parts: its rank, and in the lowest byte where it begins, so that the lowest rank comes first and of equals
/// the leftmost. With a sign, since a processor compares such numbers several at a time.
#[inline]
fn pair(rank: Option<u32>, start: u8) -> i32 {
    const { assert!(SHORT < 256 && hash::RANK_BITS < 23) };
    rank.map_or(NONE, |rank| {
        i32::try_from(rank << 8 | u32::from(start)).expect("a rank has few bits")
    })
}

/// Merges, with memory that is used again.
pub(crate) struct RankMerger {
    /// Where the next part begins, for each byte that a part begins with.
    next: [u8; SHORT],
    /// Where the previous one does.
    previous: [u8; SHORT + 1],
    /// Each part with the next; [`NONE`] for bytes that no part begins with.
    pairs: [i32; SHORT],
}

impl Default for RankMerger {
    fn default() -> Self {
        Self {
            next: [0; SHORT],
            previous: [0; SHORT + 1],
            pairs: [NONE; SHORT],
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
        let Self {
            next,
            previous,
            pairs,
        } = self;
        let pairs = &mut pairs[..piece.len()];
        let at = |start: u8| usize::from(start);
        for (start, (found, two)) in (0..).zip(pairs.iter_mut().zip(piece.windows(2))) {
            *found = pair(vocabulary.rank(two), start);
            next[at(start)] = start + 1;
            previous[at(start + 1)] = start;
        }
        let mut parts = piece.len();
        if let Some(last) = pairs.last_mut() {
            *last = NONE;
            next[parts - 1] = u8::try_from(parts).expect("SHORT fits");
        }
        loop {
            let lowest = pairs.iter().copied().fold(NONE, i32::min);
            if lowest == NONE {
                break;
            }
            let [left, ..] = lowest.to_le_bytes();
            let right = next[at(left)];
            let after = next[at(right)];
            parts -= 1;
            pairs[at(right)] = NONE;
            next[at(left)] = after;
            previous[at(after)] = left;
            pairs[at(left)] = NONE;
            if at(after) < piece.len() {
                let joined = &piece[at(left)..at(next[at(after)])];
                pairs[at(left)] = pair(vocabulary.rank(joined), left);
            }
            if left > 0 {
                let before = previous[at(left)];
                let joined = &piece[at(before)..at(after)];
                pairs[at(before)] = pair(vocabulary.rank(joined), before);
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
