//! Any number of seven digits or more.

use super::groups::{Group, are_together, are_years};
use crate::finding::Finding;
use crate::kind::PersonalData;

const FEWEST_DIGITS: usize = 7;

/// Adds the long numbers among `groups`.
pub(crate) fn find(text: &str, groups: &mut [Group], found: &mut Vec<Finding>) {
    let mut start = 0;
    while start < groups.len() {
        let end = (start + 1..groups.len())
            .find(|&next| !goes_on(text, &groups[start..=next]))
            .unwrap_or(groups.len());
        let number = &groups[start..end];
        let digits: usize = number.iter().map(Group::len).sum();
        let other = number[0].taken || is_fraction(text, number) || are_years(text, number);
        if digits >= FEWEST_DIGITS && !other {
            found.push(Finding {
                start: number[0].place.start,
                end: number[number.len() - 1].place.end,
                kind: PersonalData::Number,
            });
        }
        start = end;
    }
}

/// Whether the last group belongs to the number of those before.
fn goes_on(text: &str, groups: &[Group]) -> bool {
    let [.., left, right] = groups else {
        return false;
    };
    // Single digits are a list, but before a number they may be its first.
    right.len() > 1
        && (left.len() > 1 || groups.len() == 2)
        && !left.taken
        && !right.taken
        && are_together(text, &groups[groups.len() - 2..])
}

/// Whether these are the decimal places of a number.
fn is_fraction(text: &str, groups: &[Group]) -> bool {
    let bytes = text.as_bytes();
    match groups[0].place.start {
        dot @ 2.. if groups.len() == 1 => {
            matches!(bytes[dot - 1], b'.' | b',') && bytes[dot - 2].is_ascii_digit()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::PersonalData::Number;
    use crate::shapes::testkit::redacted;

    #[test]
    fn long_numbers_are_found() {
        for (text, expected) in [
            ("1234567", "[NUMBER]"),
            ("order A1234567!", "order A[NUMBER]!"),
            ("12 34 567", "[NUMBER]"),
            ("12\u{202f}34\u{2011}567", "[NUMBER]"),
            ("123–45–67", "[NUMBER]"),
            ("١٢٣٤٥٦٧", "[NUMBER]"),
            ("१२३४५६७", "[NUMBER]"),
            ("１２３４５６７", "[NUMBER]"),
            ("12\u{200b}345\u{ad}67", "[NUMBER]"),
            ("8 912 345 67 89", "[NUMBER]"),
            ("号码1234567谢谢", "号码[NUMBER]谢谢"),
        ] {
            assert_eq!(redacted(Number, text), expected, "{text}");
        }
    }

    #[test]
    fn short_numbers_dates_and_decimals_are_not_long() {
        for text in [
            "123456",
            "2024-05-12",
            "12.05.2024 14:30",
            "2019-2024",
            "1 2 3 4 5 6 7 8",
            "3.14159265",
            "1,000,000",
            "192.168.10.100",
            "12:30 14:00 16:30",
            "05/12/2024",
            "2024–05–12",
        ] {
            assert_eq!(redacted(Number, text), text);
        }
    }
}
