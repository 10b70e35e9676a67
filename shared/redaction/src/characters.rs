//! Classes of characters, and what a look-alike stands for.

/// What a dash that is longer than a hyphen becomes in a [`View`](crate::view::View). Between digits it separates
/// groups, as a hyphen does; after an email address or a link it marks the end.
pub(crate) const DASH: u8 = 1;

/// What a character is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// As it is.
    Itself,
    /// As this byte of ASCII.
    Ascii(u8),
    /// Not at all: nothing of it is seen.
    Nothing,
}

/// The zeros of the scripts with digits of their own; nine more digits follow each.
const ZEROS: [u32; 19] = [
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xE50,
    0xED0, 0xF20, 0x1040, 0x17E0, 0x1810, 0xFF10,
];

/// What `character` is read as. Of full-width punctuation, which Chinese and Japanese have in every message, only what
/// is part of a number or an address.
pub(crate) fn reading(character: char) -> Reading {
    let code = u32::from(character);
    Reading::Ascii(match character {
        // What most texts are of, first.
        '\0'..='\x7f' | '\u{ae}'..='\u{65f}' | '\u{3041}'..='\u{fe62}' => return Reading::Itself,
        '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' => {
            return Reading::Nothing;
        }
        '\u{2060}'..='\u{206f}' | '\u{feff}' => return Reading::Nothing,
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => b' ',
        '\u{2010}' | '\u{2011}' | '\u{fe63}' | '－' => b'-',
        '\u{2012}'..='\u{2015}' | '\u{2212}' => DASH,
        'Ａ'..='Ｚ' => b'A' + distance(code, 0xFF21),
        'ａ'..='ｚ' => b'a' + distance(code, 0xFF41),
        '＋' => b'+',
        '．' => b'.',
        '＠' => b'@',
        '／' => b'/',
        '＿' => b'_',
        '：' => b':',
        '＝' => b'=',
        '（' => b'(',
        '）' => b')',
        _ => match ZEROS.iter().find(|&&zero| code.wrapping_sub(zero) < 10) {
            Some(&zero) => b'0' + distance(code, zero),
            None => return Reading::Itself,
        },
    })
}

fn distance(code: u32, from: u32) -> u8 {
    u8::try_from(code - from).expect("the ranges are of a few characters")
}

/// A letter of a script that has cases, such as Latin, Cyrillic and Greek. Others are often written without spaces
/// around a word of ASCII, and don't belong to it.
pub(crate) fn is_cased(character: char) -> bool {
    character.is_lowercase() || character.is_uppercase()
}

/// The character that ends at `index`.
pub(crate) fn before(text: &str, index: usize) -> Option<char> {
    text[..index].chars().next_back()
}

/// The character that starts at `index`.
pub(crate) fn after(text: &str, index: usize) -> Option<char> {
    text[index..].chars().next()
}

/// Where the characters before `index` that `belong` start.
pub(crate) fn start_of_run(text: &str, index: usize, belongs: impl Fn(char) -> bool) -> usize {
    text[..index].trim_end_matches(belongs).len()
}

/// Where the characters from `index` on that `belong` end.
pub(crate) fn end_of_run(text: &str, index: usize, belongs: impl Fn(char) -> bool) -> usize {
    text.len() - text[index..].trim_start_matches(belongs).len()
}

/// Part of a script that is written without spaces between words.
pub(crate) fn is_unspaced(character: char) -> bool {
    matches!(u32::from(character),
        0xE00..=0xEFF          // Thai, Lao
        | 0xF00..=0x109F       // Tibetan, Myanmar
        | 0x1780..=0x17FF      // Khmer
        | 0x2E80..=0x2FDF | 0x3005..=0x3007 | 0x3400..=0x4DBF | 0x4E00..=0x9FFF
        | 0xF900..=0xFAFF | 0x20000..=0x323AF // Han
        | 0x3041..=0x30FF | 0x3105..=0x312F | 0x31F0..=0x31FF | 0xFF66..=0xFF9F) // Kana, Bopomofo
}

/// Katakana, whose words end where the script does.
pub(crate) fn is_katakana(character: char) -> bool {
    matches!(character, '\u{30a1}'..='\u{30fa}' | 'ー' | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alikes_are_read_as_ascii() {
        for (characters, byte) in [
            ("７٧۷७", b'7'),
            ("\u{a0}\u{2007}\u{202f}\u{2009}", b' '),
            ("＋", b'+'),
            ("ｚ", b'z'),
            ("\u{2011}", b'-'),
            ("–—−", DASH),
        ] {
            for character in characters.chars() {
                assert_eq!(reading(character), Reading::Ascii(byte), "{character:?}");
            }
        }
        for character in "\u{200b}\u{200d}\u{ad}\u{feff}\u{2060}".chars() {
            assert_eq!(reading(character), Reading::Nothing, "{character:?}");
        }
        for character in "7 -äя中。".chars() {
            assert_eq!(reading(character), Reading::Itself, "{character:?}");
        }
    }
}
