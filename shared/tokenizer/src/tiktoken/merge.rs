//! Byte-pair merging of one piece.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::vocabulary::Vocabulary;

/// Up to this length looking at all pairs each time is faster than keeping them in a heap.
const SHORT: usize = 128;

const NONE: u32 = u32::MAX;

/// The number of tokens that `piece` is merged into: of all adjacent pairs whose joined bytes are a
/// token, the one with the lowest rank, and of those the leftmost, is joined until there is none.
pub(crate) fn count(vocabulary: Vocabulary<'_>, piece: &[u8]) -> u32 {
    if piece.len() <= SHORT {
        count_short(vocabulary, piece)
    } else {
        count_long(vocabulary, piece)
    }
}

fn count_short(vocabulary: Vocabulary<'_>, piece: &[u8]) -> u32 {
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

/// Indices are u32: a message is shorter than 16 MiB.
fn count_long(vocabulary: Vocabulary<'_>, piece: &[u8]) -> u32 {
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
