//! Byte-pair merging of one piece.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::vocabulary::Vocabulary;

/// Up to this length looking at all pairs each time is faster than keeping them in a heap.
const SHORT: usize = 128;

const NONE: u32 = u32::MAX;

/// The number of tokens that `piece` is merged into: of all adjacent pairs whose joined bytes are a
/// token, the one with the lowest rank, and of those the leftmost, is joined until there is none.
pub(crate) fn count(vocabulary: Vocabulary, piece: &[u8]) -> u32 {
    if piece.len() <= SHORT {
        count_short(vocabulary, piece)
    } else {
        count_long(vocabulary, piece)
    }
}

fn count_short(vocabulary: Vocabulary, piece: &[u8]) -> u32 {
    let rank = |start: usize, end: usize| vocabulary.rank(&piece[start..end]).unwrap_or(NONE);
    // Where each part begins, and the rank of it joined with the next.
    let mut parts: [(u8, u32); SHORT + 1] = [(0, NONE); SHORT + 1];
    let mut length = piece.len();
    for (start, part) in parts.iter_mut().enumerate().take(length + 1) {
        let joined = if start + 2 <= length {
            rank(start, start + 2)
        } else {
            NONE
        };
        *part = (u8::try_from(start).expect("SHORT fits"), joined);
    }
    loop {
        let (at, lowest) =
            parts[..length]
                .iter()
                .enumerate()
                .fold(
                    (0, NONE),
                    |best, (at, part)| if part.1 < best.1 { (at, part.1) } else { best },
                );
        if lowest == NONE {
            return u32::try_from(length).expect("SHORT fits");
        }
        parts.copy_within(at + 2..=length, at + 1);
        length -= 1;
        let start = |part: usize| usize::from(parts[part].0);
        let joined = |part: usize| {
            if part + 2 <= length {
                rank(start(part), start(part + 2))
            } else {
                NONE
            }
        };
        let after = joined(at);
        let before = if at > 0 { joined(at - 1) } else { NONE };
        parts[at].1 = after;
        if at > 0 {
            parts[at - 1].1 = before;
        }
    }
}

fn count_long(vocabulary: Vocabulary, piece: &[u8]) -> u32 {
    let length = piece.len();
    // Parts by where they begin: where the next and the previous one do.
    let mut next: Vec<usize> = (1..=length).collect();
    let mut previous: Vec<usize> = (0..length).map(|start| start.wrapping_sub(1)).collect();
    let mut alive = vec![true; length];
    let mut pairs = BinaryHeap::new();
    let pair = |start: usize, end: usize| {
        Some(Reverse((vocabulary.rank(&piece[start..end])?, start, end)))
    };
    for start in 0..length - 1 {
        pairs.extend(pair(start, start + 2));
    }
    let mut parts = length;
    while let Some(Reverse((_, start, end))) = pairs.pop() {
        let middle = next[start];
        // A pair is outdated when one of its parts has changed since.
        if !alive[start] || middle == length || next[middle] != end {
            continue;
        }
        alive[middle] = false;
        next[start] = end;
        parts -= 1;
        if end < length {
            previous[end] = start;
            pairs.extend(pair(start, next[end]));
        }
        if start > 0 {
            pairs.extend(pair(previous[start], end));
        }
    }
    u32::try_from(parts).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{O200K_BASE, Vocabulary};
    use super::*;

    proptest! {
        #[test]
        fn both_ways_of_merging_agree(piece in "[a-d]{1,128}|[ab]{1,128}|(lorem|ipsum|dolor){1,20}") {
            let vocabulary = Vocabulary::new(O200K_BASE);
            let piece = piece.as_bytes();
            prop_assert_eq!(count_short(vocabulary, piece), count_long(vocabulary, piece));
        }
    }
}
