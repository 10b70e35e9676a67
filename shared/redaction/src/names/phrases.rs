//! Phrases of folded words, which are followed word by word.

use hashbrown::{HashMap, HashSet};

/// A place within phrases: behind one of their words.
pub(super) type Place = u32;

/// Before all phrases.
pub(super) const START: Place = 0;

/// Phrases, with what they have in common stored once.
///
/// In flat tables, so that a long phrase is nothing deep: about 65 bytes for each different word and 30 for each word of
/// each phrase.
#[derive(Clone, Debug, Default)]
pub(super) struct Phrases {
    /// Each word with its number.
    words: HashMap<Box<str>, u32>,
    /// Where the word of a number leads from a place. Places are numbered as they are made.
    steps: HashMap<(Place, u32), Place>,
    /// Of every place but [`START`], in order.
    behind: Vec<Behind>,
    /// Those that count only as they were given: in another case they would be too many other words.
    as_written: HashSet<Box<str>>,
}

/// What is known at a place.
#[derive(Clone, Copy, Debug, Default)]
struct Behind {
    /// Whether a phrase ends there, in any case.
    ends: bool,
    /// Whether one goes on from there.
    goes_on: bool,
}

impl Phrases {
    /// Adds a phrase that counts in any case.
    pub(super) fn add<'w>(&mut self, words: impl IntoIterator<Item = &'w str>) {
        let place = self.place_of(words);
        if let Some(behind) = self.behind_mut(place) {
            behind.ends = true;
        }
    }

    /// Adds a phrase that counts only as it is `written`.
    pub(super) fn add_as_written<'w>(
        &mut self,
        words: impl IntoIterator<Item = &'w str>,
        written: &str,
    ) {
        self.place_of(words);
        self.as_written.insert(written.into());
    }

    /// Where `word` leads from a place.
    pub(super) fn step(&self, from: Place, word: &str) -> Option<Place> {
        let number = *self.words.get(word)?;
        self.steps.get(&(from, number)).copied()
    }

    /// Whether a phrase ends at a place that was reached by way of what is `written`.
    pub(super) fn ends(&self, place: Place, written: &str) -> bool {
        self.behind(place).ends || self.as_written.contains(written)
    }

    /// Whether a word leads on from a place.
    pub(super) fn goes_on(&self, place: Place) -> bool {
        self.behind(place).goes_on
    }

    /// The words that phrases start with.
    pub(super) fn first_words(&self) -> impl Iterator<Item = &str> {
        self.words
            .iter()
            .filter(|&(_, &number)| self.steps.contains_key(&(START, number)))
            .map(|(word, _)| &**word)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    fn place_of<'w>(&mut self, words: impl IntoIterator<Item = &'w str>) -> Place {
        let mut place = START;
        for word in words {
            let number = self.number_of(word);
            let new = number_after(self.behind.len());
            let next = *self.steps.entry((place, number)).or_insert(new);
            if next == new {
                self.behind.push(Behind::default());
                if let Some(behind) = self.behind_mut(place) {
                    behind.goes_on = true;
                }
            }
            place = next;
        }
        place
    }

    fn number_of(&mut self, word: &str) -> u32 {
        if let Some(&number) = self.words.get(word) {
            return number;
        }
        let number = number_after(self.words.len());
        self.words.insert(word.into(), number);
        number
    }

    fn behind(&self, place: Place) -> Behind {
        let index = (place as usize).checked_sub(1);
        index
            .and_then(|index| self.behind.get(index))
            .copied()
            .unwrap_or_default()
    }

    fn behind_mut(&mut self, place: Place) -> Option<&mut Behind> {
        self.behind.get_mut((place as usize).checked_sub(1)?)
    }
}

fn number_after(count: usize) -> u32 {
    u32::try_from(count + 1)
        .expect("names of four thousand million words are more than memory holds")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(phrases: &Phrases, words: &[&str], written: &str) -> bool {
        words
            .iter()
            .try_fold(START, |place, word| phrases.step(place, word))
            .is_some_and(|place| phrases.ends(place, written))
    }

    #[test]
    fn phrases_are_followed_word_by_word() {
        let mut phrases = Phrases::default();
        assert!(phrases.is_empty());
        phrases.add(["blue", "door"]);
        phrases.add(["blue", "red", "blue"]);
        phrases.add_as_written(["j"], "J");
        for (words, written, expected) in [
            (&["blue", "door"][..], "", true),
            (&["blue", "red", "blue"], "", true),
            (&["j"], "J", true),
            (&["j"], "j", false),
            (&["blue"], "", false),
            (&["blue", "red"], "", false),
            (&["door"], "", false),
            (&[], "", false),
        ] {
            assert_eq!(ends(&phrases, words, written), expected, "{words:?}");
        }
        let blue = phrases.step(START, "blue").unwrap();
        assert!(phrases.goes_on(blue));
        assert!(!phrases.goes_on(phrases.step(blue, "door").unwrap()));
        let mut first: Vec<&str> = phrases.first_words().collect();
        first.sort_unstable();
        assert_eq!(first, ["blue", "j"]);
    }

    #[test]
    fn what_phrases_have_in_common_is_stored_once() {
        let mut phrases = Phrases::default();
        for _ in 0..3 {
            phrases.add(["a", "b", "c"]);
            phrases.add(["a", "b", "a"]);
        }
        assert_eq!((phrases.words.len(), phrases.steps.len()), (3, 4));
    }
}
