//! What a character is in a word.

/// What a character is in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Folded {
    /// No part of one.
    Nothing,
    /// A part of one; what it is in lower case.
    Part(u32),
    /// A word of its own.
    Whole(u32),
}

/// [`Folded`] for each ASCII byte: 0 for what is no part of a word, else the byte in lower case.
pub(crate) const ASCII: [u8; 256] = {
    let mut folded = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        if byte.is_ascii_alphanumeric() {
            folded[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    folded
};

const PAGE: usize = 256;

/// Asking the standard library about a character takes longer than everything else that is done with it, so
/// what it says is kept, a page of characters at a time.
#[derive(Clone, Debug)]
pub(crate) struct Folding {
    /// Of the basic multilingual plane.
    pages: Vec<Option<Box<[Folded; PAGE]>>>,
}

impl Default for Folding {
    fn default() -> Self {
        Self {
            pages: vec![None; 0x1_0000 / PAGE],
        }
    }
}

impl Folding {
    #[inline]
    pub(crate) fn fold(&mut self, character: char) -> Folded {
        let code = character as usize;
        match self.pages.get_mut(code / PAGE) {
            Some(Some(page)) => page[code % PAGE],
            Some(page) => page.insert(page_of(code / PAGE))[code % PAGE],
            None => folded(character),
        }
    }
}

#[cold]
fn page_of(number: usize) -> Box<[Folded; PAGE]> {
    let mut page = Box::new([Folded::Nothing; PAGE]);
    for (code, entry) in (number * PAGE..).zip(page.iter_mut()) {
        let character = u32::try_from(code).ok().and_then(char::from_u32);
        *entry = character.map_or(Folded::Nothing, folded);
    }
    page
}

fn folded(character: char) -> Folded {
    if is_emoji(character) {
        return Folded::Whole(character.into());
    }
    if !character.is_alphanumeric() {
        return Folded::Nothing;
    }
    // What has more than one in lower case differs in the first already.
    let lower = character.to_lowercase().next().unwrap_or(character).into();
    if is_without_spaces(character) {
        Folded::Whole(lower)
    } else {
        Folded::Part(lower)
    }
}

/// Whether it is of a script that is written without spaces between words: Thai, Lao, Myanmar, Khmer, Kana, Han.
fn is_without_spaces(character: char) -> bool {
    matches!(
        character,
        '\u{0e00}'..='\u{0eff}'
            | '\u{1000}'..='\u{109f}'
            | '\u{1780}'..='\u{17ff}'
            | '\u{3005}'..='\u{3007}'
            | '\u{3040}'..='\u{312f}'
            | '\u{31a0}'..='\u{31bf}'
            | '\u{31f0}'..='\u{31ff}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{a9e0}'..='\u{a9ff}'
            | '\u{aa60}'..='\u{aa7f}'
            | '\u{f900}'..='\u{faff}'
            | '\u{ff66}'..='\u{ff9f}'
            | '\u{1aff0}'..='\u{1b16f}'
            | '\u{20000}'..='\u{3ffff}'
    )
}

/// Stickers are text, and often all that a message says.
fn is_emoji(character: char) -> bool {
    matches!(character, '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_digits_are_parts_of_words_in_lower_case() {
        let mut folding = Folding::default();
        for (character, lower) in [
            ('a', 'a'),
            ('Z', 'z'),
            ('7', '7'),
            ('Ж', 'ж'),
            ('É', 'é'),
            ('한', '한'),
            ('𐐀', '𐐨'),
        ] {
            let part = Folded::Part(lower.into());
            assert_eq!(folding.fold(character), part, "{character}");
        }
        for character in [
            ' ',
            '\n',
            '>',
            '_',
            '\u{200d}',
            '\u{fe0f}',
            '。',
            '・',
            '\u{10ffff}',
        ] {
            assert_eq!(folding.fold(character), Folded::Nothing, "{character}");
        }
    }

    #[test]
    fn a_character_of_a_script_without_spaces_and_an_emoji_are_words() {
        let mut folding = Folding::default();
        for character in ['字', '𠮷', 'ひ', 'カ', 'ก', 'ລ', 'ក', 'မ', '々', '😂', '☀']
        {
            let whole = Folded::Whole(character.into());
            assert_eq!(folding.fold(character), whole, "{character}");
        }
    }

    #[test]
    fn the_table_for_ascii_agrees() {
        let mut folding = Folding::default();
        for byte in 0..128_u8 {
            let folded = match ASCII[byte as usize] {
                0 => Folded::Nothing,
                lower => Folded::Part(lower.into()),
            };
            assert_eq!(folding.fold(byte.into()), folded, "{byte}");
        }
    }
}
