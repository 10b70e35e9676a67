//! Phone numbers.

use std::cmp::Reverse;
use std::ops::Range;

use super::groups::{Group, are_years, between};
use crate::characters::{after, before, is_cased};
use crate::finding::Finding;
use crate::kind::PersonalData;
use crate::region::{InternationalNumber, Region, international};

/// The most digits of a number with its country's code, and what may be dialed before.
const MOST_DIGITS: usize = 18;

const FEWEST_DIGITS: usize = 7;

/// Groups that are a phone number.
struct Number {
    groups: Range<usize>,
    /// From where to where it is, with its plus and its parentheses.
    place: Range<usize>,
    plus: bool,
    digits: usize,
}

impl Number {
    /// What tells more of two that have groups in common: a plus, then how long they are.
    fn weight(&self) -> (bool, usize) {
        (self.plus, self.digits)
    }
}

/// Adds the phone numbers among `groups`: with a plus or two zeros those of all countries, without those of `region`.
pub(crate) fn find(
    text: &str,
    groups: &mut [Group],
    region: Option<Region>,
    found: &mut Vec<Finding>,
) {
    let mut starts: Vec<usize> = (0..groups.len()).collect();
    while !starts.is_empty() {
        let numbers = starts.drain(..);
        let mut numbers: Vec<Number> = numbers
            .filter_map(|start| number(text, groups, start, region))
            .collect();
        numbers.sort_by_key(|number| Reverse(number.weight()));
        for number in numbers {
            let own = &mut groups[number.groups.clone()];
            if own.iter().any(|group| group.taken) {
                // With fewer groups it may be one still.
                starts.push(number.groups.start);
                continue;
            }
            for group in own {
                group.taken = true;
            }
            found.push(Finding {
                start: number.place.start,
                end: number.place.end,
                kind: PersonalData::Phone,
            });
        }
    }
}

/// The number that starts with the group `start`.
fn number(text: &str, groups: &[Group], start: usize, region: Option<Region>) -> Option<Number> {
    let groups_start = start;
    let groups = &groups[start..];
    let first = groups[0].place.start;
    let start = opening(text, first);
    if groups[0].taken || start > 0 && text.as_bytes()[start - 1].is_ascii_digit() {
        return None;
    }
    let plus = text[start..first].contains('+');
    let candidates = candidates(text, groups);
    let count = if plus {
        with_plus(&candidates)?
    } else if stands_alone(text, start) {
        without_plus(text, groups, &candidates, region)?
    } else {
        return None;
    };
    let end = groups[count - 1].place.end;
    let written = &text[start..end];
    // Parentheses belong to a number if it has both; the second may be its last character.
    let (opened, closed) = (written.matches('(').count(), written.matches(')').count());
    let not_its_own = opened > closed && closed == 0 && written.starts_with('(');
    let start = start + usize::from(not_its_own);
    let open = opened - usize::from(not_its_own) > closed;
    let end = end + usize::from(open && text[end..].starts_with(')'));
    Some(Number {
        digits: groups[..count].iter().map(Group::len).sum(),
        groups: groups_start..groups_start + count,
        place: start..end,
        plus,
    })
}

/// How many groups the longest number has of a range that is in use, or else of a length that is.
fn with_plus(candidates: &[(String, usize)]) -> Option<usize> {
    let longest = |how: InternationalNumber| {
        let mut candidates = candidates.iter().rev();
        candidates.find(|(digits, _)| international(digits) == Some(how))
    };
    longest(InternationalNumber::InUse)
        .or_else(|| longest(InternationalNumber::Possible))
        .map(|&(_, count)| count)
}

/// How many groups the longest number has as it is dialed in a region, or from it in another.
fn without_plus(
    text: &str,
    groups: &[Group],
    candidates: &[(String, usize)],
    region: Option<Region>,
) -> Option<usize> {
    let from_abroad = |digits: &str, count: usize| {
        let number = digits.strip_prefix("00").filter(|number| number.len() > 8);
        number
            .and_then(international)
            .is_some_and(|how| how == InternationalNumber::InUse || count > 1)
    };
    let longest = candidates.iter().rev().find(|(digits, count)| {
        let decimal = *count == 2 && between(text, &groups[0], &groups[1]) == ".";
        // Mostly single digits are a list.
        let listed = digits.len() + 1 < 2 * count;
        !decimal
            && !listed
            && !are_years(text, &groups[..*count])
            && ends_alone(text, groups[count - 1].place.end)
            && (from_abroad(digits, *count)
                || region.is_some_and(|region| region.dials(digits, *count)))
    });
    longest.map(|&(_, count)| count)
}

/// Where a number starts whose first digit is at `first`: with the plus or the parenthesis before it.
fn opening(text: &str, first: usize) -> usize {
    let mut start = first;
    for opening in ['(', '+', '('] {
        // A space may follow the plus.
        let before = text[..start].strip_suffix(opening);
        start = before.map_or(start, str::len);
    }
    if start == first && text[..first].ends_with("+ ") {
        start = first - 2;
    }
    start
}

/// The digits of the first groups, two of them, three and so on, as long as they could be a number's.
fn candidates(text: &str, groups: &[Group]) -> Vec<(String, usize)> {
    let mut digits = String::new();
    let mut candidates = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        let trunk = index > 0
            && group.text(text) == "0"
            && between(text, &groups[index - 1], group).ends_with('(')
            && text[group.place.end..].starts_with(')');
        if group.taken || index > 0 && !joins(between(text, &groups[index - 1], group)) {
            break;
        }
        // In `+49 (0)170`, what is dialed only without the country's code.
        if !trunk {
            digits.push_str(group.text(text));
        }
        if digits.len() > MOST_DIGITS {
            break;
        }
        if digits.len() >= FEWEST_DIGITS {
            candidates.push((digits.clone(), index + 1));
        }
    }
    candidates
}

/// Whether this stands between the groups of a number.
fn joins(between: &str) -> bool {
    // A dot with a space ends a sentence.
    between.len() == 1
        || matches!(between.trim_matches(' '), "-" | "/" | "\u{1}")
        || between.contains(['(', ')'])
}

/// Whether nothing before makes the digits part of something else.
fn stands_alone(text: &str, start: usize) -> bool {
    before(text, start).is_none_or(|character| match character {
        '.' | ',' | '-' => {
            !before(text, start - 1).is_some_and(|first| first.is_ascii_alphanumeric())
        }
        _ => {
            !character.is_ascii_alphanumeric()
                && !is_cased(character)
                && !"_#$%/\\@+*€£₽".contains(character)
        }
    })
}

fn ends_alone(text: &str, end: usize) -> bool {
    let next_digit = text[end..]
        .chars()
        .nth(1)
        .is_some_and(|next| next.is_ascii_digit());
    after(text, end).is_none_or(|character| match character {
        '.' | ',' | ':' => !next_digit,
        _ => {
            !character.is_ascii_alphanumeric()
                && !is_cased(character)
                && !"_%$€£₽=@\\".contains(character)
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::PersonalData::Phone;
    use crate::shapes::testkit::{redacted, redacted_in};

    #[test]
    fn numbers_in_international_form_are_found_everywhere() {
        for text in [
            "+49 170 1234567",
            "+491701234567",
            "+49 (0)170 / 1234567",
            "+49 (170) 123-45-67",
            "+1 (202) 555-0173",
            "+1.202.555.0173",
            "+7 912 345‑67‑89",
            "＋４９ １７０ １２３４５６７",
            "+٩٧١٥٠١٢٣٤٥٦٧",
            "+49\u{a0}170\u{202f}12\u{200b}34567",
            "+44–7911–123456",
            "(+44) 7911 123456",
            "0049 170 1234567",
            "+ 49 170 1234567",
            "+65 9123 4567",
        ] {
            assert_eq!(redacted(Phone, text), "[PHONE]", "{text}");
        }
    }

    #[test]
    fn what_is_around_a_number_stays() {
        for (text, expected) in [
            ("call +49 170 1234567, ok?", "call [PHONE], ok?"),
            ("tel:+1-202-555-0173", "tel:[PHONE]"),
            ("(+12025550173)", "([PHONE])"),
            ("+12025550173 +12025550174", "[PHONE] [PHONE]"),
            ("电话+8613812345678谢谢", "电话[PHONE]谢谢"),
            ("call +1 202-555-0173 2024-05-12", "call [PHONE] 2024-05-12"),
        ] {
            assert_eq!(redacted(Phone, text), expected, "{text}");
        }
    }

    #[test]
    fn a_number_without_its_countrys_code_is_found_in_its_region() {
        for (owner, text) in [
            ("+491701234567", "0170 1234567"),
            ("+491701234567", "(030) 123 456 78"),
            ("+491701234567", "0170/1234567"),
            ("+79123456789", "8 (912) 345-67-89"),
            ("+79123456789", "89123456789"),
            ("+79123456789", "912 345 67 89"),
            ("+12025550173", "(202) 555-0173"),
            ("+12025550173", "202.555.0173"),
            ("+33612345678", "06 12 34 56 78"),
            ("+6591234567", "9123 4567"),
            ("+919876543210", "98765 43210"),
        ] {
            assert_eq!(redacted_in(owner, text), "[PHONE]", "{text}");
            assert_eq!(redacted(Phone, text), text, "without a region");
        }
    }

    #[test]
    fn other_numbers_are_no_phone_numbers() {
        for text in [
            "12.05.2024 18:30",
            "2024-05-12",
            "1234567",
            "1+1234567",
            "€12345678",
            "100000000",
            "192.168.1.100",
            "3.14159265",
            "id 170123456701",
            "+1",
            "1 000 000",
            "10 20 30 40",
            "0.1701234567",
        ] {
            assert_eq!(redacted_in("+491701234567", text), text);
        }
    }
}
