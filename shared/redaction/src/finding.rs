//! Where something was found, and what the text becomes without it.

use crate::kind::PersonalData;

/// A place in a text, in bytes, with what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where it starts.
    pub start: usize,
    /// Where it ends; the byte there is not part of it.
    pub end: usize,
    /// What it is.
    pub kind: PersonalData,
}

impl Finding {
    fn len(&self) -> usize {
        self.end - self.start
    }
}

/// Appends `text` to `out` with placeholders for the findings, which [`Detector::find`](crate::Detector::find) and
/// [`NameFinder::find`](crate::NameFinder::find) leave as they have to be: sorted and apart.
pub fn replace(text: &str, findings: &[Finding], out: &mut String) {
    let mut copied = 0;
    for finding in findings {
        out.push_str(&text[copied..finding.start]);
        out.push_str(finding.kind.placeholder());
        copied = finding.end;
    }
    out.push_str(&text[copied..]);
}

/// Sorts findings and joins those that overlap, or touch and are of one kind; the longest gives the kind, of several
/// the first. What is off a boundary between characters grows to the next.
pub(crate) fn settle(text: &str, findings: &mut Vec<Finding>) {
    for finding in findings.iter_mut() {
        finding.start = text.floor_char_boundary(finding.start);
        finding.end = text.ceil_char_boundary(finding.end);
    }
    findings.retain(|finding| finding.start < finding.end);
    findings.sort_by_key(|finding| (finding.start, finding.kind));
    let (mut kept, mut longest) = (0, 0);
    for index in 0..findings.len() {
        let next = findings[index];
        let joins = |last: &&mut Finding| {
            next.start < last.end || (next.start == last.end && next.kind == last.kind)
        };
        if let Some(last) = findings[..kept].last_mut().filter(joins) {
            if next.len() > longest {
                longest = next.len();
                last.kind = next.kind;
            }
            last.end = last.end.max(next.end);
        } else {
            findings[kept] = next;
            kept += 1;
            longest = next.len();
        }
    }
    findings.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(text: &str, findings: &[(usize, usize, PersonalData)]) -> String {
        let mut findings: Vec<Finding> = findings
            .iter()
            .map(|&(start, end, kind)| Finding { start, end, kind })
            .collect();
        settle(text, &mut findings);
        let mut out = String::new();
        replace(text, &findings, &mut out);
        out
    }

    #[test]
    fn overlapping_findings_become_one_of_the_longest_kind() {
        use PersonalData::{Email, Link, Name, Phone};
        assert_eq!(
            settled("abcdefghij", &[(4, 9, Email), (1, 3, Name), (2, 5, Phone)]),
            "a[EMAIL]j"
        );
        assert_eq!(
            settled("abcdefghij", &[(0, 4, Link), (2, 6, Email)]),
            "[LINK]ghij"
        );
        assert_eq!(
            settled("abcdef", &[(0, 3, Name), (0, 3, Link)]),
            "[LINK]def"
        );
    }

    #[test]
    fn findings_that_touch_are_one_only_if_of_one_kind() {
        use PersonalData::{Email, Name};
        assert_eq!(settled("abcdef", &[(0, 2, Name), (2, 4, Name)]), "[NAME]ef");
        assert_eq!(
            settled("abcdef", &[(0, 2, Name), (2, 4, Email)]),
            "[NAME][EMAIL]ef"
        );
    }

    #[test]
    fn findings_off_a_character_grow_to_its_boundary() {
        use PersonalData::Name;
        assert_eq!(settled("äöü", &[(1, 3, Name), (9, 12, Name)]), "[NAME]ü");
    }
}
