//! Digits in groups, as all numbers are written.

use std::ops::Range;

use crate::characters::DASH;

/// Some digits without anything between them.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) place: Range<usize>,
    /// Whether they are part of something that isn't a number, or are found already.
    pub(crate) taken: bool,
}

impl Group {
    pub(crate) fn len(&self) -> usize {
        self.place.len()
    }

    pub(crate) fn text<'t>(&self, text: &'t str) -> &'t str {
        &text[self.place.clone()]
    }
}

/// No more than so many characters stand between two groups of one number.
const MOST_BETWEEN: usize = 3;

/// Calls `look` with each stretch of groups that have only what separates digits between them.
pub(crate) fn each_stretch(text: &str, mut look: impl FnMut(&mut [Group])) {
    let bytes = text.as_bytes();
    let mut groups: Vec<Group> = Vec::new();
    let mut index = 0;
    while index < bytes.len() {
        if !bytes[index].is_ascii_digit() {
            index += 1;
            continue;
        }
        let end = index
            + bytes[index..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
        let goes_on = groups.last().is_some_and(|last| {
            let between = &bytes[last.place.end..index];
            between.len() <= MOST_BETWEEN && between.iter().copied().all(separates)
        });
        if !goes_on {
            finish(&mut groups, &mut look);
        }
        groups.push(Group {
            place: index..end,
            taken: false,
        });
        index = end;
    }
    finish(&mut groups, &mut look);
}

fn finish(groups: &mut Vec<Group>, look: &mut impl FnMut(&mut [Group])) {
    if groups.iter().map(Group::len).sum::<usize>() >= 7 {
        look(groups);
    }
    groups.clear();
}

fn separates(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | DASH | b'.' | b'(' | b')' | b'/')
}

/// Whether two groups are apart by one space or hyphen.
pub(crate) fn are_together(text: &str, groups: &[Group]) -> bool {
    groups
        .windows(2)
        .all(|pair| matches!(between(text, &pair[0], &pair[1]), " " | "-" | "\u{1}"))
}

pub(crate) fn between<'t>(text: &'t str, left: &Group, right: &Group) -> &'t str {
    &text[left.place.end..right.place.start]
}

/// Takes days of the calendar, and addresses of machines.
pub(crate) fn take_dates(text: &str, groups: &mut [Group]) {
    for start in 0..groups.len() {
        for (count, is_one) in [(4, is_machine as fn(&str, &[Group]) -> bool), (3, is_date)] {
            let end = start + count;
            if end > groups.len() || !is_one(text, &groups[start..end]) {
                continue;
            }
            // More of the same is a longer number: `06.12.34.56.78`.
            let separator = between(text, &groups[start], &groups[start + 1]);
            let goes_on = |left: usize| {
                groups
                    .get(left..left + 2)
                    .is_some_and(|pair| between(text, &pair[0], &pair[1]) == separator)
            };
            if goes_on(end - 1)
                || start > 0 && goes_on(start - 1)
                || groups[start..end].iter().any(|group| group.taken)
            {
                continue;
            }
            for group in &mut groups[start..end] {
                group.taken = true;
            }
        }
    }
}

fn is_date(text: &str, groups: &[Group]) -> bool {
    let separator = between(text, &groups[0], &groups[1]);
    let [first, second, third] = [0, 1, 2].map(|index| value(text, &groups[index]));
    let day = |value| (1..=31).contains(&value);
    let month = |value| (1..=12).contains(&value);
    let sizes = [groups[0].len(), groups[1].len(), groups[2].len()];
    separator == between(text, &groups[1], &groups[2])
        && matches!(separator, "-" | "." | "/" | "\u{1}")
        && match sizes {
            [4, 1..=2, 1..=2] => is_year(first) && month(second) && day(third),
            [1..=2, 1..=2, 4] => {
                is_year(third) && (day(first) && month(second) || month(first) && day(second))
            }
            [2, 2, 2] => {
                separator != "-" && (day(first) && month(second) || month(first) && day(second))
            }
            _ => false,
        }
}

/// Whether these are years, one after the other.
pub(crate) fn are_years(text: &str, groups: &[Group]) -> bool {
    groups
        .iter()
        .all(|group| group.len() == 4 && is_year(value(text, group)))
}

fn is_machine(text: &str, groups: &[Group]) -> bool {
    groups
        .iter()
        .all(|group| group.len() <= 3 && value(text, group) < 256)
        && groups
            .windows(2)
            .all(|pair| between(text, &pair[0], &pair[1]) == ".")
}

fn is_year(value: u32) -> bool {
    (1900..2100).contains(&value)
}

fn value(text: &str, group: &Group) -> u32 {
    group.text(text).parse().unwrap_or(u32::MAX)
}
