//! A text as the shapes are looked for in it.

use std::borrow::Cow;

use crate::characters::{Reading, reading};
use crate::finding::Finding;

/// A text as it is, or with other scripts' digits, full-width letters, special spaces and dashes as ASCII and without
/// what can't be seen, or with placeholders for what has been found.
pub(crate) struct View<'t> {
    text: Cow<'t, str>,
    /// For each byte, from where to where its character, or its finding, is in the original, if not in the same place.
    places: Option<Vec<(usize, usize)>>,
}

impl<'t> View<'t> {
    /// The text as it is.
    pub(crate) fn plain(text: &'t str) -> Self {
        Self {
            text: Cow::Borrowed(text),
            places: None,
        }
    }

    /// The text with placeholders for `findings`.
    pub(crate) fn without(text: &str, findings: &[Finding]) -> Self {
        let mut view = Self::with_capacity(text.len());
        let mut copied = 0;
        let found = findings
            .iter()
            .map(|found| (found.start, found.end, found.kind.placeholder()));
        for (start, end, placeholder) in found.chain([(text.len(), text.len(), "")]) {
            for (index, character) in text[copied..start].char_indices() {
                let index = copied + index;
                view.push(character, (index, index + character.len_utf8()));
            }
            for character in placeholder.chars() {
                view.push(character, (start, end));
            }
            copied = end;
        }
        view
    }

    /// The text with look-alikes read as what they look like.
    pub(crate) fn without_look_alikes(&self) -> Self {
        let mut view = Self::with_capacity(self.text.len());
        for (index, character) in self.text.char_indices() {
            let read = match reading(character) {
                Reading::Itself => character,
                Reading::Ascii(byte) => char::from(byte),
                Reading::Nothing => continue,
            };
            view.push(read, self.place(index, index + character.len_utf8()));
        }
        view
    }

    fn with_capacity(capacity: usize) -> Self {
        Self {
            text: Cow::Owned(String::with_capacity(capacity)),
            places: Some(Vec::with_capacity(capacity)),
        }
    }

    fn push(&mut self, character: char, place: (usize, usize)) {
        self.text.to_mut().push(character);
        if let Some(places) = &mut self.places {
            places.extend(std::iter::repeat_n(place, character.len_utf8()));
        }
    }

    fn place(&self, start: usize, end: usize) -> (usize, usize) {
        match &self.places {
            Some(places) if start < end => (places[start].0, places[end - 1].1),
            _ => (start, end),
        }
    }

    /// What is looked at.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Where in the original something is that was found here.
    pub(crate) fn original(&self, found: Finding) -> Finding {
        let (start, end) = self.place(found.start, found.end);
        Finding {
            start,
            end,
            kind: found.kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::PersonalData;

    #[test]
    fn what_is_found_in_the_view_is_in_its_place_in_the_original() {
        let text = "é ١\u{200b}２\u{a0}x";
        let view = View::plain(text).without_look_alikes();
        assert_eq!(view.text(), "é 12 x");
        let kind = PersonalData::Number;
        let found = view.original(Finding {
            start: 3,
            end: 5,
            kind,
        });
        assert_eq!(&text[found.start..found.end], "١\u{200b}２");
    }

    #[test]
    fn what_was_found_is_a_placeholder_in_the_view() {
        let kind = PersonalData::Email;
        let view = View::without(
            "a b@c.de",
            &[Finding {
                start: 2,
                end: 8,
                kind,
            }],
        );
        assert_eq!(view.text(), "a [EMAIL]");
        let found = view.original(Finding {
            start: 0,
            end: 4,
            kind,
        });
        assert_eq!((found.start, found.end), (0, 8));
    }
}
