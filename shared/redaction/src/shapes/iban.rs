//! International bank account numbers.

use crate::characters::DASH;
use crate::finding::Finding;
use crate::kind::PersonalData;

/// How long each country's are, in the order of the countries' codes.
const LENGTHS: [(&[u8; 2], usize); 87] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
];

/// Adds the account numbers in `text`.
pub(crate) fn find(text: &str, found: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    for start in 0..bytes.len().saturating_sub(4) {
        if start > 0 && bytes[start - 1].is_ascii_alphanumeric() {
            continue;
        }
        // One may seem to start in a word before another: `at 10 NL…`.
        if let Some(end) = end(bytes, start) {
            found.push(Finding {
                start,
                end,
                kind: PersonalData::Iban,
            });
        }
    }
}

/// Where the account number that starts at `start` ends, if one does.
fn end(bytes: &[u8], start: usize) -> Option<usize> {
    let country = [bytes[start], bytes[start + 1]];
    if !country.iter().all(u8::is_ascii_alphabetic) {
        return None;
    }
    let country = country.map(|letter| letter.to_ascii_uppercase());
    let place = LENGTHS.binary_search_by_key(&&country, |(code, _)| code);
    let (_, length) = &LENGTHS[place.ok()?];
    let mut account = Vec::with_capacity(*length);
    let mut index = start;
    while account.len() < *length {
        let byte = *bytes.get(index)?;
        let between = matches!(byte, b' ' | b'-' | DASH)
            && account.len() >= 2
            && bytes[index - 1].is_ascii_alphanumeric();
        if byte.is_ascii_alphanumeric() {
            account.push(byte.to_ascii_uppercase());
        } else if !between {
            return None;
        }
        index += 1;
    }
    let ends_word = !bytes.get(index).is_some_and(u8::is_ascii_alphanumeric);
    let digits_follow = account[2..4].iter().all(u8::is_ascii_digit);
    (ends_word && digits_follow && remainder(&account) == 1).then_some(index)
}

/// Of the division by 97 that checks an account number.
fn remainder(account: &[u8]) -> u32 {
    let (country, rest) = account.split_at(4);
    rest.iter()
        .chain(country)
        .fold(0, |remainder, &byte| match byte {
            b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
            _ => (remainder * 100 + u32::from(byte - b'A') + 10) % 97,
        })
}

#[cfg(test)]
mod tests {
    use super::LENGTHS;
    use crate::PersonalData::Iban;
    use crate::shapes::testkit::redacted;

    #[test]
    fn countries_are_in_order() {
        assert!(LENGTHS.is_sorted_by(|(one, _), (next, _)| one < next));
    }

    #[test]
    fn account_numbers_are_found() {
        for (text, expected) in [
            ("DE89370400440532013000", "[IBAN]"),
            ("DE89 3704 0044 0532 0130 00 danke", "[IBAN] danke"),
            ("gb29 nwbk 6016 1331 9268 19", "[IBAN]"),
            ("IBAN:NO9386011117947.", "IBAN:[IBAN]."),
            ("DE89\u{a0}3704\u{a0}0044\u{202f}0532 0130 00", "[IBAN]"),
            ("DE89-3704-0044-0532-0130-00", "[IBAN]"),
            ("MT84 MALT 0110 0001 2345 MTLC AST0 01S", "[IBAN]"),
            ("账号DE89370400440532013000谢谢", "账号[IBAN]谢谢"),
        ] {
            assert_eq!(redacted(Iban, text), expected, "{text}");
        }
    }

    #[test]
    fn what_does_not_add_up_is_no_account_number() {
        for text in [
            "DE89370400440532013001",
            "XDE89370400440532013000",
            "DE89370400440532013000X",
            "ZZ89 3704 0044 0532 0130 00",
        ] {
            assert_eq!(redacted(Iban, text), text);
        }
    }
}
