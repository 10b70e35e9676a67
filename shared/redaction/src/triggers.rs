//! One cheap pass over a text, which tells what is worth looking for: most messages have nothing to look for.

use memchr::memchr_iter;

/// What a text has that something could be found by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each stands alone, and is asked for by its name"
)]
pub(crate) struct Triggers {
    /// So many digits.
    digits: usize,
    /// An `@`.
    pub(crate) at: bool,
    /// A dot between characters of words, or `://`.
    pub(crate) address: bool,
    /// A colon or an equals sign.
    pub(crate) colon: bool,
    /// At least [`FEWEST_TOGETHER`] characters that keys are made of.
    pub(crate) run: bool,
    /// A character that is read as another.
    pub(crate) look_alikes: bool,
}

/// No phone number or other number that is looked for has fewer digits.
const FEWEST_OF_NUMBER: usize = 7;

/// No account number: it may have letters.
const FEWEST_OF_ACCOUNT: usize = 5;

/// No key that is looked for is shorter.
pub(crate) const FEWEST_TOGETHER: usize = 20;

/// A sample of every so many bytes hits each run of [`FEWEST_TOGETHER`].
const SAMPLE: usize = 16;

const DIGIT: u8 = 1;
const AT: u8 = 1 << 1;
const DOT: u8 = 1 << 2;
const COLON: u8 = 1 << 3;
const LEAD: u8 = 1 << 4;
const TOGETHER: u8 = 1 << 5;
const WORD: u8 = 1 << 6;

const CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    loop {
        classes[byte as usize] = match byte {
            b'0'..=b'9' => DIGIT | TOGETHER | WORD,
            b'a'..=b'z' | b'A'..=b'Z' => TOGETHER | WORD,
            b'_' | b'-' | b'+' | b'/' => TOGETHER,
            b'.' => TOGETHER | DOT,
            b':' | b'=' => TOGETHER | COLON,
            b'@' => AT,
            // Where the look-alikes' characters start.
            0xC2 | 0xD9 | 0xDB | 0xDF..=0xE3 | 0xEF => LEAD | WORD,
            0x80..=0xFF => WORD,
            _ => 0,
        };
        if byte == u8::MAX {
            return classes;
        }
        byte += 1;
    }
}

fn is(byte: u8, class: u8) -> bool {
    CLASSES[usize::from(byte)] & class != 0
}

/// Whether keys are made of such bytes.
pub(crate) fn is_together(byte: u8) -> bool {
    is(byte, TOGETHER)
}

impl Triggers {
    /// What this text has.
    pub(crate) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let (mut classes, mut digits) = (0, 0);
        for &byte in bytes {
            let class = CLASSES[usize::from(byte)];
            classes |= class;
            digits += usize::from(class & DIGIT);
        }
        let mut triggers = Self {
            at: classes & AT != 0,
            colon: classes & COLON != 0,
            run: has_long_run(bytes),
            ..Self::default()
        };
        triggers.address =
            classes & DOT != 0 && has_inner_dot(bytes) || triggers.colon && has_scheme(bytes);
        if classes & LEAD != 0 {
            triggers.add_look_alikes(bytes, &mut digits);
        }
        triggers.digits = digits;
        triggers
    }

    /// Whether there may be a phone number, or another number.
    pub(crate) fn has_number(self) -> bool {
        self.digits >= FEWEST_OF_NUMBER
    }

    /// Whether there may be an account number.
    pub(crate) fn has_account(self) -> bool {
        self.digits >= FEWEST_OF_ACCOUNT
    }

    /// Whether there is nothing to look for.
    pub(crate) fn is_empty(self) -> bool {
        !(self.has_account() || self.at || self.address || self.colon || self.run)
    }

    /// Adds what characters are that are read as others ([`reading`](crate::characters::reading)).
    fn add_look_alikes(&mut self, bytes: &[u8], digits: &mut usize) {
        let at = |index: usize| bytes.get(index).copied().unwrap_or(0);
        for (index, &byte) in bytes.iter().enumerate() {
            if !is(byte, LEAD) {
                continue;
            }
            let (second, third) = (at(index + 1), at(index + 2));
            match look_alike(byte, second, third) {
                None => continue,
                Some(LookAlike::Digit) => *digits += 1,
                // Where it may cut a key into pieces that are too short to be seen.
                Some(LookAlike::Nothing) => {
                    self.run |= index > 0 && bytes[index - 1].is_ascii_graphic();
                }
                Some(LookAlike::Letter) => self.run = true,
                Some(LookAlike::At) => self.at = true,
                Some(LookAlike::Dot) => self.address = true,
                Some(LookAlike::Colon) => self.colon = true,
                Some(LookAlike::Separator) => {}
            }
            self.look_alikes = true;
        }
    }
}

enum LookAlike {
    Digit,
    Letter,
    At,
    Dot,
    Colon,
    Separator,
    Nothing,
}

/// What the character of these first bytes is read as.
fn look_alike(first: u8, second: u8, third: u8) -> Option<LookAlike> {
    Some(match (first, second, third) {
        (0xD9, 0xA0..=0xA9, _) | (0xDB, 0xB0..=0xB9, _) | (0xDF, 0x80..=0x89, _) => {
            LookAlike::Digit
        }
        (0xE0, 0xA5 | 0xA7 | 0xA9 | 0xAB | 0xAD | 0xAF | 0xB1 | 0xB3 | 0xB5, 0xA6..=0xAF)
        | (0xE0, 0xB9 | 0xBB, 0x90..=0x99)
        | (0xE0, 0xBC, 0xA0..=0xA9)
        | (0xE1, 0x81, 0x80..=0x89)
        | (0xE1, 0x9F, 0xA0..=0xA9)
        | (0xE1, 0xA0, 0x90..=0x99)
        | (0xEF, 0xBC, 0x90..=0x99) => LookAlike::Digit,
        (0xEF, 0xBC, 0xA1..=0xBA) | (0xEF, 0xBD, 0x81..=0x9A) => LookAlike::Letter,
        (0xEF, 0xBC, 0xA0) => LookAlike::At,
        (0xEF, 0xBC, 0x8E) => LookAlike::Dot,
        (0xEF, 0xBC, 0x9A | 0x9D) => LookAlike::Colon,
        (0xC2, 0xAD, _)
        | (0xE1, 0xA0, 0x8E)
        | (0xE2, 0x80, 0x8B..=0x8F | 0xAA..=0xAE)
        | (0xE2, 0x81, 0xA0..=0xAF)
        | (0xEF, 0xBB, 0xBF) => LookAlike::Nothing,
        (0xC2, 0xA0, _)
        | (0xE2, 0x80, 0x80..=0x8A | 0x90..=0x95 | 0xAF)
        | (0xE2, 0x81, 0x9F)
        | (0xE2, 0x88, 0x92)
        | (0xE3, 0x80, 0x80)
        | (0xEF, 0xB9, 0xA3)
        | (0xEF, 0xBC, 0x88 | 0x89 | 0x8B | 0x8D | 0x8F | 0xBF) => LookAlike::Separator,
        _ => return None,
    })
}

/// Whether a dot has characters of words on both sides.
fn has_inner_dot(bytes: &[u8]) -> bool {
    memchr_iter(b'.', bytes).any(|dot| {
        dot > 0
            && is(bytes[dot - 1], WORD)
            && bytes.get(dot + 1).is_some_and(|&next| is(next, WORD))
    })
}

fn has_scheme(bytes: &[u8]) -> bool {
    memchr_iter(b':', bytes).any(|colon| bytes[colon..].starts_with(b"://"))
}

fn has_long_run(bytes: &[u8]) -> bool {
    let together = |byte: &&u8| is(**byte, TOGETHER);
    (SAMPLE - 1..bytes.len()).step_by(SAMPLE).any(|sample| {
        is(bytes[sample], TOGETHER) && {
            let before = bytes[..sample].iter().rev().take(FEWEST_TOGETHER);
            let after = bytes[sample..].iter().take(FEWEST_TOGETHER);
            before.take_while(together).count() + after.take_while(together).count()
                >= FEWEST_TOGETHER
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::characters::{Reading, reading};

    #[test]
    fn ordinary_text_triggers_nothing() {
        for text in [
            "",
            "see you at 10",
            "well... I don't know",
            "ждите, я скоро",
            "今天天气不错，走吧！",
            "❤️ “ok”",
        ] {
            assert!(Triggers::of(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn each_trigger_is_seen() {
        assert!(Triggers::of("1 234 567").has_number());
        assert!(Triggers::of("１٢३۴567").has_number());
        assert!(Triggers::of("a＠b").at);
        assert!(Triggers::of("so: a.b").address);
        assert!(Triggers::of("x://y").address);
        assert!(Triggers::of("k＝v").colon);
        for padding in 0..40 {
            assert!(Triggers::of(&format!("{}{}", " ".repeat(padding), "k".repeat(20))).run);
            assert!(!Triggers::of(&format!("{}{}", " ".repeat(padding), "k".repeat(19))).run);
        }
    }

    /// What decides whether a text is read anew knows the same characters as what reads it.
    #[test]
    fn look_alikes_are_known_by_their_first_bytes() {
        for character in '\u{80}'..=char::MAX {
            let expected = reading(character) != Reading::Itself;
            let triggers = Triggers::of(&character.to_string());
            assert_eq!(triggers.look_alikes, expected, "{character:?}");
        }
    }
}
