//! Whether characters look drawn by chance.

/// No shorter piece is looked at.
pub(super) const FEWEST: usize = 32;

/// Whether a piece of ASCII is as random as keys are, and words, file names and laughter are not.
pub(super) fn is_random(piece: &[u8]) -> bool {
    if piece.len() < FEWEST {
        return false;
    }
    let drawn = piece.iter().copied().filter(u8::is_ascii_alphanumeric);
    let drawn: Vec<u8> = drawn.collect();
    let count = |of: fn(&u8) -> bool| drawn.iter().filter(|byte| of(byte)).count();
    if drawn.iter().all(u8::is_ascii_hexdigit) {
        let letters = count(u8::is_ascii_alphabetic);
        return letters >= 4 && drawn.len() - letters >= 4 && bits(piece) >= 2.8;
    }
    let pairs = |are: fn(u8, u8) -> bool| {
        drawn
            .windows(2)
            .filter(|pair| are(pair[0], pair[1]))
            .count()
    };
    // From one class to another: in a key most neighbors are of two, in words few.
    let changes = pairs(|left, right| class(left) != class(right));
    // What a name in code has fewer of, even one with many capitals, or a date at its end.
    let into_digits = pairs(|left, right| !left.is_ascii_digit() && right.is_ascii_digit());
    let capitals = pairs(|left, right| left.is_ascii_uppercase() && right.is_ascii_uppercase());
    if count(u8::is_ascii_uppercase) >= 3 && in_words(piece) * 10 > piece.len() * 3 {
        return false;
    }
    let mixed = into_digits >= 3 || capitals >= 2 && count(u8::is_ascii_lowercase) >= 5;
    mixed && changes * 4 >= piece.len() && bits(piece) >= 3.6
}

/// How many of the characters are in runs of small letters as long as words.
fn in_words(piece: &[u8]) -> usize {
    let runs = piece.split(|byte| !byte.is_ascii_lowercase());
    runs.map(<[u8]>::len).filter(|&length| length >= 5).sum()
}

fn class(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        _ => 2,
    }
}

/// Of information in each character, as far as how often they occur tells.
fn bits(piece: &[u8]) -> f64 {
    let mut counts = [0_u32; 128];
    for &byte in piece {
        counts[usize::from(byte & 0x7F)] += 1;
    }
    let length = piece.len() as f64;
    counts
        .into_iter()
        .filter(|&count| count > 0)
        .map(|count| f64::from(count) / length)
        .map(|share| -share * share.log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_random_and_words_are_not() {
        for (piece, random) in [
            ("9f86d081884c7d659a2feaa0c55ad015", true),
            ("550e8400-e29b-41d4-a716-446655440000", true),
            ("wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY", true),
            ("q7Zk2LrTn0VbXy8WmPd4HsGfJc6AeUo3", true),
            ("hahahahahahahahahahahahahahahahahaha", false),
            ("HaHaHaHaHaHaHaHaHaHaHaHaHaHaHaHaHaHa", false),
            ("Donaudampfschifffahrtsgesellschaftskapitaen", false),
            ("RbdEncryptionCreateOptionsLUKSBase", false),
            (
                "_ZGTtNSt11logic_errorC1ERKNSt7__cxx1112basic_stringIcSt11char_traitsIcE",
                false,
            ),
            ("aVeryLongCamelCaseNameOfSomethingInCode2", false),
            ("some-article-about-the-ten-best-things-2024", false),
            ("00000000000000000000000000000000000000", false),
            ("12345678901234567890123456789012345", false),
        ] {
            assert_eq!(is_random(piece.as_bytes()), random, "{piece}");
        }
    }
}
