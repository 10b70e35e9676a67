//! The numbers of payment cards.

use super::groups::{Group, are_together};
use crate::finding::Finding;
use crate::kind::PersonalData;

/// The fewest and the most digits.
const DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// No number has more groups.
const MOST_GROUPS: usize = 5;

/// Adds the cards' numbers among `groups`.
pub(crate) fn find(text: &str, groups: &mut [Group], found: &mut Vec<Finding>) {
    let mut start = 0;
    while start < groups.len() {
        let most = MOST_GROUPS.min(groups.len() - start);
        let count = (1..=most)
            .rev()
            .find(|count| is_card(text, &groups[start..start + count]));
        let Some(count) = count else {
            start += 1;
            continue;
        };
        let card = &mut groups[start..start + count];
        found.push(Finding {
            start: card[0].place.start,
            end: card[count - 1].place.end,
            kind: PersonalData::Card,
        });
        for group in card {
            group.taken = true;
        }
        start += count;
    }
}

fn is_card(text: &str, groups: &[Group]) -> bool {
    let digits: Vec<u8> = groups
        .iter()
        .flat_map(|group| group.text(text).bytes().map(|byte| byte - b'0'))
        .take(DIGITS.end() + 1)
        .collect();
    DIGITS.contains(&digits.len())
        && !groups.iter().any(|group| group.taken)
        // That is a phone number.
        && !text[..groups[0].place.start].ends_with('+')
        && is_grouped(groups)
        && are_together(text, groups)
        && is_issued(&digits)
        && passes_check(&digits)
}

/// By fours, or as American Express and others write them.
fn is_grouped(groups: &[Group]) -> bool {
    let sizes: Vec<usize> = groups.iter().map(Group::len).collect();
    match sizes.as_slice() {
        [_] | [4, 6, 4 | 5] | [4, 4, 5] | [6, 7..=13] => true,
        [first @ .., last] => first.len() >= 3 && first.iter().all(|&size| size == 4) && *last <= 4,
        [] => false,
    }
}

/// Whether the first digits are a network's, and as many follow as it gives: Visa, Mastercard, American Express,
/// Diners Club, JCB, Discover, Maestro, and those of China, India, Russia and Turkey.
fn is_issued(digits: &[u8]) -> bool {
    let first = digits[..4]
        .iter()
        .fold(0_u32, |value, &digit| value * 10 + u32::from(digit));
    match first {
        1800 | 2131 | 3400..=3499 | 3700..=3799 => digits.len() == 15,
        4000..=4999 => matches!(digits.len(), 13 | 16 | 19),
        2221..=2720 | 5100..=5599 | 9792 => digits.len() == 16,
        3000..=3099 | 3600..=3699 | 3800..=3999 => digits.len() >= 14,
        2200..=2204 | 3500..=3599 | 8100..=8199 => digits.len() >= 16,
        5000..=5099 | 5600..=5899 | 6000..=6999 => true,
        _ => false,
    }
}

/// The check digit of ISO/IEC 7812.
fn passes_check(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, &digit)| {
            let weighted = u32::from(digit) << (index % 2);
            weighted / 10 + weighted % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use crate::PersonalData::Card;
    use crate::shapes::testkit::redacted;

    #[test]
    fn cards_are_found() {
        for (text, expected) in [
            ("4111111111111111", "[CARD]"),
            ("4111 1111 1111 1111 12/26", "[CARD] 12/26"),
            ("4111-1111-1111-1111", "[CARD]"),
            ("4111\u{a0}1111\u{2011}1111–1111", "[CARD]"),
            ("４１１１ 1111 1111 1111", "[CARD]"),
            ("41\u{200b}11111111111111", "[CARD]"),
            ("3782 822463 10005.", "[CARD]."),
            ("2200 0000 0000 0004", "[CARD]"),
            ("card:5555555555554444,", "card:[CARD],"),
            ("6011 0009 9013 9424 5555 5555 5555 4444", "[CARD] [CARD]"),
        ] {
            assert_eq!(redacted(Card, text), expected, "{text}");
        }
    }

    #[test]
    fn other_numbers_are_no_cards() {
        for text in [
            "4111111111111112",
            "356938035643809",
            "1111111111111117",
            "1700000000000",
            "4111 1111",
            "4111.1111.1111.1111",
        ] {
            assert_eq!(redacted(Card, text), text);
        }
    }
}
