//! Where tokens can't be joined: what no merge reaches across is a boundary, and what is between two
//! boundaries is counted by itself.
//!
//! A merge across the place between two characters has a left token that ends with the one and a right token
//! that begins with the other. If there is none, merging on one side is not affected by the other side: each
//! takes its merges in the same order as in the whole.

use super::filter::HashFilter;
use super::hash;

/// One bit for each two bytes: the last of a character and the first of the next.
type ByteBits = [u8; 1 << 13];

/// The longest piece that is left whole however long it takes, since it is remembered: see
/// [`super::cache::LONGEST`].
const WHOLE: usize = super::cache::LONGEST;

fn byte_bit(pair: [u8; 2]) -> (usize, u8) {
    let index = hash::pair_index(pair);
    (index >> 3, 1 << (index & 7))
}

fn character_key(pair: (char, char)) -> u64 {
    u64::from(u32::from(pair.0)) << 21 | u64::from(u32::from(pair.1))
}

/// Writes the table of these joins: of each the last character of a left token, and the first of its right one.
pub(crate) fn compile(joins: &[(char, char)]) -> Vec<u8> {
    let mut bits = vec![0; size_of::<ByteBits>()];
    let mut set = |pair: [u8; 2]| {
        let (byte, bit) = byte_bit(pair);
        bits[byte] |= bit;
    };
    // Within a character.
    for second in 0x80..=0xbf {
        (0x80..=0xff).for_each(|first| set([first, second]));
    }
    for (left, right) in joins {
        let (mut before, mut after) = ([0; 4], [0; 4]);
        let before = left.encode_utf8(&mut before).as_bytes();
        let after = right.encode_utf8(&mut after).as_bytes();
        set([before[before.len() - 1], after[0]]);
    }
    let keys = joins.iter().map(|pair| hash::mix(character_key(*pair)));
    bits.extend(hash::filter(keys));
    bits
}

/// A view of the table that [`compile`] wrote.
#[derive(Clone, Copy)]
pub(crate) struct Joins<'j> {
    bytes: &'j ByteBits,
    characters: HashFilter<'j>,
}

impl<'j> Joins<'j> {
    /// A view of these bytes; `None` if they are too few.
    pub(crate) fn new(table: &'j [u8]) -> Option<Self> {
        let (bytes, rest) = table.split_first_chunk()?;
        let (characters, rest) = HashFilter::split_from(rest)?;
        rest.is_empty().then_some(Self { bytes, characters })
    }

    /// Cuts a text at boundaries, and adds up what `count` says of each piece.
    #[inline]
    pub(crate) fn count_pieces(self, text: &str, mut count: impl FnMut(&str) -> u32) -> u32 {
        let (mut tokens, mut start) = (0, 0);
        while start < text.len() {
            let end = self.piece_end(text, start);
            tokens += self.count_piece(&text[start..end], &mut count);
            start = end;
        }
        tokens
    }

    /// Where the next boundary is that shows in the bytes.
    #[inline]
    pub(crate) fn piece_end(self, text: &str, start: usize) -> usize {
        let bytes = text.as_bytes();
        let mut end = start + 1;
        while end < bytes.len() && self.may_join_bytes([bytes[end - 1], bytes[end]]) {
            end += 1;
        }
        end
    }

    /// Adds up what `count` says of a piece without a boundary that shows in the bytes, or of what other boundaries
    /// cut it into.
    #[inline]
    pub(crate) fn count_piece(self, piece: &str, mut count: impl FnMut(&str) -> u32) -> u32 {
        if piece.len() <= WHOLE {
            return count(piece);
        }
        self.count_parts(piece, count)
    }

    fn count_parts(self, piece: &str, mut count: impl FnMut(&str) -> u32) -> u32 {
        let (mut tokens, mut start) = (0, 0);
        let mut characters = piece.char_indices();
        let Some((_, mut before)) = characters.next() else {
            return 0;
        };
        for (at, character) in characters {
            if !self.may_join((before, character)) {
                tokens += count(&piece[start..at]);
                start = at;
            }
            before = character;
        }
        tokens + count(&piece[start..])
    }

    #[inline]
    fn may_join_bytes(self, pair: [u8; 2]) -> bool {
        let (byte, bit) = byte_bit(pair);
        self.bytes[byte] & bit != 0
    }

    #[inline]
    fn may_join(self, pair: (char, char)) -> bool {
        self.characters.may_have(hash::mix(character_key(pair)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(joins: &[(char, char)], text: &str) -> String {
        let table = compile(joins);
        let mut pieces = Vec::new();
        let tokens = Joins::new(&table).unwrap().count_pieces(text, |piece| {
            pieces.push(piece.to_owned());
            1
        });
        assert_eq!(tokens as usize, pieces.len());
        pieces.join("|")
    }

    #[test]
    fn text_is_cut_where_nothing_joins() {
        let joins = [('a', 'b'), (' ', 'a'), ('b', 'é'), (' ', ' ')];
        assert_eq!(pieces(&joins, "ab  abéa b"), "ab|  abé|a| |b");
        assert_eq!(pieces(&joins, ""), "");
        assert_eq!(pieces(&[], "aé字😂"), "a|é|字|😂");
    }

    #[test]
    fn what_is_long_is_cut_by_whole_characters() {
        // The bytes at which these characters meet are those of others that join.
        let (joins, text) = ([('子', '学'), ('字', '子')], "子字字子子字字子字字子学");
        assert_eq!("字".as_bytes()[..1], "学".as_bytes()[..1]);
        assert_eq!(pieces(&joins, text), "子|字|字子|子|字|字子|字|字子学");
    }

    #[test]
    fn tables_that_are_not_whole_are_not_taken() {
        let table = compile(&[]);
        assert!(Joins::new(&table[1..]).is_none());
        assert!(Joins::new(&[&table[..], &[0]].concat()).is_none());
    }
}
