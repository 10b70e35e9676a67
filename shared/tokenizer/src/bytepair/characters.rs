//! The tokens that single characters are, as a table of two levels.

use std::collections::BTreeMap;

/// Characters of a block.
const BLOCK: usize = 64;
const BLOCKS: usize = 0x11_0000 / BLOCK;
const NUMBER: usize = size_of::<u32>();
/// A character without a token.
const NONE: u32 = u32::MAX;

/// Writes the table: for each block of characters its number in 2 bytes, then the blocks, with 4 bytes for the
/// token of each character.
pub(crate) fn compile(tokens: &BTreeMap<char, u32>) -> Vec<u8> {
    let mut blocks = vec![[NONE; BLOCK]];
    let mut numbers = vec![0_u16; BLOCKS];
    for (&character, &token) in tokens {
        let code_point = character as usize;
        let number = &mut numbers[code_point / BLOCK];
        if *number == 0 {
            *number = u16::try_from(blocks.len()).expect("there are 17,408 blocks");
            blocks.push([NONE; BLOCK]);
        }
        blocks[usize::from(*number)][code_point % BLOCK] = token;
    }
    let numbers = numbers.into_iter().flat_map(u16::to_le_bytes);
    let tokens = blocks.into_iter().flatten().flat_map(u32::to_le_bytes);
    numbers.chain(tokens).collect()
}

/// A view of the table that [`compile`] wrote.
#[derive(Clone, Copy)]
pub(crate) struct CharacterTokens<'t> {
    numbers: &'t [[u8; 2]],
    tokens: &'t [[u8; NUMBER]],
}

impl<'t> CharacterTokens<'t> {
    /// A view of these bytes; `None` if they are no whole table.
    pub(crate) fn new(table: &'t [u8]) -> Option<Self> {
        let (numbers, tokens) = table.split_at_checked(BLOCKS * size_of::<u16>())?;
        let (tokens, rest) = tokens.as_chunks();
        let (numbers, _) = numbers.as_chunks();
        let blocks = numbers
            .iter()
            .map(|number| u16::from_le_bytes(*number))
            .max()?;
        let is_whole = rest.is_empty() && tokens.len() == (usize::from(blocks) + 1) * BLOCK;
        is_whole.then_some(Self { numbers, tokens })
    }

    /// The token of a character, if it is one.
    #[inline]
    pub(crate) fn token(self, character: char) -> Option<u32> {
        let code_point = character as usize;
        let number = usize::from(u16::from_le_bytes(self.numbers[code_point / BLOCK]));
        let token = u32::from_le_bytes(self.tokens[number * BLOCK + code_point % BLOCK]);
        (token != NONE).then_some(token)
    }

    /// The tokens that the merging of a text begins with: those of its characters, or of the bytes of those that
    /// have none.
    #[inline]
    pub(crate) fn tokens(self, text: &str, bytes: &[u32; 256]) -> impl Iterator<Item = u32> {
        text.char_indices().flat_map(move |(at, character)| {
            let token = self.token(character);
            let unknown = match token {
                Some(_) => &[],
                None => &text.as_bytes()[at..at + character.len_utf8()],
            };
            let unknown = unknown.iter().map(|&byte| bytes[usize::from(byte)]);
            token.into_iter().chain(unknown)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_character_has_its_token_and_no_other_has_one() {
        let tokens = BTreeMap::from([('a', 7), ('é', 0), ('字', 9), (char::MAX, 70_000)]);
        let table = compile(&tokens);
        let view = CharacterTokens::new(&table).unwrap();
        for character in ['a', 'b', '\0', 'é', '字', '\u{10fffe}', char::MAX] {
            assert_eq!(view.token(character), tokens.get(&character).copied());
        }
        assert!(CharacterTokens::new(&table[..table.len() - 1]).is_none());
        assert!(CharacterTokens::new(&table[..table.len() - NUMBER * BLOCK]).is_none());
        assert!(CharacterTokens::new(&[]).is_none());
    }
}
