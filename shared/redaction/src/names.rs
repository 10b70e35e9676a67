//! Names of people and chats, and listed words.

mod filter;
mod phrases;
mod words;

use aho_corasick::{AhoCorasick, Input, MatchKind};
use hashbrown::HashSet;
use unicode_normalization_alignments::UnicodeNormalization as _;

use crate::characters::{after, before, is_cased, is_katakana, is_unspaced};
use crate::finding::{Finding, settle};
use crate::kind::PersonalData;
use crate::placeholders;
use filter::Filter;
use phrases::{Phrases, START};
use words::Word;

/// Words that are parts of many names and of every text.
const PARTICLES: [&str; 34] = [
    "and", "the", "for", "from", "with", "von", "van", "der", "den", "dem", "des", "und", "del",
    "los", "las", "dos", "das", "les", "und", "bin", "ibn", "bint", "abu", "umm", "ter", "zum",
    "zur", "для", "или", "из", "над", "при", "not", "you",
];

/// How many words of a name count together, and how many characters; of one word, all do. Telegram's own names have at
/// most 128 characters.
const MOST_WORDS: usize = 16;
const MOST_CHARACTERS: usize = 256;

/// Up to so many first words, of so many bytes together, are looked for in a pass of their own.
const FEW_WORDS: usize = 16;
const FEW_BYTES: usize = 256;

/// How many characters of a name count in scripts without spaces between words.
const MOST_UNSPACED: usize = 64;

/// Names, from which a [`NameFinder`] is made.
///
/// Of a long name, only its beginning counts as a whole: 16 words of up to 256 characters, or 64 characters in a script
/// without spaces between words. It is found wherever it stands, whatever follows.
///
/// A person's name of two words takes about 200 bytes, one of twelve about 1,500, and less where others
/// have some of the words too.
#[derive(Clone, Debug, Default)]
pub struct Names {
    phrases: Phrases,
    unspaced: HashSet<Box<str>>,
}

impl Names {
    /// Adds a person's name: the whole of it, and each part of at least three letters (of two, in scripts without
    /// cases). What is left of a name without emoji and punctuation counts; a name of two letters is found only as it
    /// is written, and one without a letter not at all.
    pub fn person(&mut self, name: &str) {
        for name in forms(name) {
            self.add_whole(&name);
            for word in words::folded(&name) {
                if is_telling(&word) && !PARTICLES.contains(&word.as_str()) {
                    self.phrases.add([word.as_str()]);
                }
            }
            for run in unspaced_runs(&name) {
                self.add_unspaced(run);
                for honorific in HONORIFICS {
                    self.add_unspaced(run.strip_suffix(honorific).unwrap_or_default());
                }
            }
        }
    }

    /// Adds a chat's title, which is found only as a whole.
    pub fn title(&mut self, title: &str) {
        for title in forms(title) {
            self.add_whole(&title);
        }
    }

    /// Adds a word, or several that are to stand together, however short.
    pub fn word(&mut self, word: &str) {
        for word in forms(word) {
            if word.contains(is_unspaced) {
                self.insert_unspaced(stripped(&word));
            } else {
                self.phrases
                    .add(beginning(&word).iter().map(String::as_str));
            }
        }
    }

    fn add_whole(&mut self, name: &str) {
        if name.contains(is_unspaced) {
            let name = stripped(name);
            self.add_unspaced(name);
            let joined = name.split_whitespace().flat_map(str::chars);
            self.add_unspaced(&joined.take(MOST_UNSPACED).collect::<String>());
            return;
        }
        let words = beginning(name);
        let letters = words
            .iter()
            .flat_map(|word| word.chars())
            .filter(|letter| letter.is_alphabetic())
            .count();
        let characters: usize = words.iter().map(|word| word.chars().count()).sum();
        if letters == 0 || characters < 2 {
            return;
        }
        let tells = characters > 2 || words.iter().any(|word| is_telling(word));
        let words = words.iter().map(String::as_str);
        if tells {
            self.phrases.add(words);
        } else {
            self.phrases.add_as_written(words, stripped(name));
        }
    }

    /// Adds what is found within other text: two letters at least.
    fn add_unspaced(&mut self, name: &str) {
        if name.chars().filter(|letter| letter.is_alphabetic()).count() >= 2 {
            self.insert_unspaced(name);
        }
    }

    fn insert_unspaced(&mut self, name: &str) {
        let name = match name.char_indices().nth(MOST_UNSPACED) {
            Some((end, _)) => name[..end].trim_end(),
            None => name,
        };
        if !name.is_empty() {
            self.unspaced.insert(name.into());
        }
    }

    /// What finds them.
    pub fn finder(self) -> NameFinder {
        let mut filter = Filter::default();
        for word in self.phrases.first_words() {
            filter.add(word);
        }
        let first_words = || self.phrases.first_words();
        let bytes: usize = first_words().map(str::len).sum();
        let few = (first_words().count() <= FEW_WORDS && bytes <= FEW_BYTES).then(|| {
            AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .build(first_words())
        });
        let unspaced = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .ascii_case_insensitive(true)
            .build(self.unspaced.iter().map(|name| name.as_bytes()));
        NameFinder {
            few: few.and_then(Result::ok),
            filter,
            phrases: self.phrases,
            unspaced: unspaced.ok().filter(|_| !self.unspaced.is_empty()),
        }
    }
}

/// What is added to a name in Japanese, Chinese, and Thai.
const HONORIFICS: [&str; 9] = [
    "さん",
    "ちゃん",
    "くん",
    "さま",
    "様",
    "君",
    "先生",
    "老师",
    "老師",
];

/// A name as it is most often encoded, and with its marks apart.
fn forms(name: &str) -> HashSet<String> {
    let compose = |name: &str| name.nfc().map(|(character, _)| character).collect();
    let decompose = |name: &str| name.nfd().map(|(character, _)| character).collect();
    HashSet::from([compose(name), decompose(name)])
}

/// The words of a name that count together, folded.
fn beginning(name: &str) -> Vec<String> {
    let mut characters = 0;
    words::folded(name)
        .take(MOST_WORDS)
        .enumerate()
        .take_while(|(index, word)| {
            characters += word.chars().count();
            *index == 0 || characters <= MOST_CHARACTERS
        })
        .map(|(_, word)| word)
        .collect()
}

/// Without what is around its letters and digits.
fn stripped(name: &str) -> &str {
    name.trim_matches(|character: char| !character.is_alphanumeric())
}

/// Whether a word alone tells a person.
fn is_telling(word: &str) -> bool {
    let letters = word.chars().filter(|letter| letter.is_alphabetic()).count();
    letters >= if word.contains(is_cased) { 3 } else { 2 }
}

fn unspaced_runs(name: &str) -> impl Iterator<Item = &str> {
    name.split(|character| !is_unspaced(character))
        .filter(|run| !run.is_empty())
}

/// Finds names and listed words, as whole words in any case, any number of them in one pass.
#[derive(Debug)]
pub struct NameFinder {
    /// Finds what names start with in a text of ASCII, where there are few.
    few: Option<AhoCorasick>,
    filter: Filter,
    phrases: Phrases,
    /// Those in scripts without spaces between words, where they may be anywhere.
    unspaced: Option<AhoCorasick>,
}

impl NameFinder {
    /// Adds what it finds in `text`, and leaves all findings sorted and apart, as
    /// [`Detector::find`](crate::Detector::find) does, which comes after it.
    ///
    /// Whole words are found, also before an apostrophe: `Mira's`. Inflected forms aren't, unless they are listed.
    pub fn find(&self, text: &str, findings: &mut Vec<Finding>) {
        placeholders::cover(text, findings);
        let known = findings.len();
        if !self.phrases.is_empty() {
            self.find_words(text, findings);
        }
        if let Some(unspaced) = &self.unspaced
            && text.bytes().any(|byte| byte >= 0xE0)
        {
            find_unspaced(unspaced, text, findings);
        }
        placeholders::spare(text, findings, known);
        if findings.len() > known {
            settle(text, findings);
        }
    }

    /// Whether `text` has something to find.
    pub fn is_in(&self, text: &str) -> bool {
        let mut findings = Vec::new();
        self.find(text, &mut findings);
        !findings.is_empty()
    }

    fn find_words(&self, text: &str, found: &mut Vec<Finding>) {
        // Much faster than to go from word to word, but only ASCII is folded so.
        if let Some(few) = &self.few
            && text.is_ascii()
            && !few.is_match(text)
        {
            return;
        }
        let mut folded = String::new();
        let mut from = 0;
        while let Some(word) = words::next(text, from) {
            from = word.end;
            let written = &text[word.start..word.end];
            if !self.filter.may_have(written, word.ascii) {
                continue;
            }
            words::fold_into(written, &mut folded);
            if let Some(end) = self.name_end(text, word, &mut folded) {
                found.push(Finding {
                    start: word.start,
                    end,
                    kind: PersonalData::Name,
                });
                from = end;
            }
        }
    }

    /// Where the longest name ends that starts with the word `first`, which is `folded`.
    fn name_end(&self, text: &str, first: Word, folded: &mut String) -> Option<usize> {
        let (mut word, mut place, mut found) = (first, START, None);
        loop {
            let Some(next) = self.phrases.step(place, folded) else {
                return found;
            };
            place = next;
            if words::is_cut_off(text, word.start, word.end) {
                return found;
            }
            if self.phrases.ends(place, &text[first.start..word.end]) {
                found = Some(word.end);
            }
            if !self.phrases.goes_on(place) {
                return found;
            }
            let Some(next) = words::next(text, word.end) else {
                return found;
            };
            if !words::is_gap(&text[word.end..next.start]) {
                return found;
            }
            word = next;
            words::fold_into(&text[word.start..word.end], folded);
        }
    }
}

fn find_unspaced(names: &AhoCorasick, text: &str, found: &mut Vec<Finding>) {
    let mut from = 0;
    while let Some(name) = names.find(Input::new(text).range(from..)) {
        if is_whole(text, name.start(), name.end()) {
            found.push(Finding {
                start: name.start(),
                end: name.end(),
                kind: PersonalData::Name,
            });
            from = name.end();
        } else {
            from = text.ceil_char_boundary(name.start() + 1);
        }
    }
}

/// Whether what is found in a text without spaces doesn't end within a word of another script, or of Katakana, whose
/// words are longer. What is as long as names get may be the beginning of one, and end anywhere.
fn is_whole(text: &str, start: usize, end: usize) -> bool {
    let joins = |inner: Option<char>, outer: Option<char>| {
        inner.zip(outer).is_some_and(|(inner, outer)| {
            is_katakana(inner) && is_katakana(outer)
                || words::is_of_word(inner) && words::is_of_word(outer)
        })
    };
    let bounded = |inner: Option<char>| {
        inner.is_some_and(|inner| is_katakana(inner) || words::is_of_word(inner))
    };
    let name = &text[start..end];
    let (first, last) = (after(name, 0), before(name, name.len()));
    !joins(first, before(text, start))
        && (!joins(last, after(text, end)) || name.chars().count() == MOST_UNSPACED)
        && !((bounded(first) || bounded(last)) && words::is_cut_off(text, start, end))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::replace;

    fn redacted(people: &[&str], titles: &[&str], words: &[&str], text: &str) -> String {
        let mut names = Names::default();
        for name in people {
            names.person(name);
        }
        for title in titles {
            names.title(title);
        }
        for word in words {
            names.word(word);
        }
        let (mut findings, mut out) = (Vec::new(), String::new());
        names.finder().find(text, &mut findings);
        replace(text, &findings, &mut out);
        out
    }

    proptest! {
        #[test]
        fn few_words_are_found_where_they_are_among_many(
            words in vec("[abß]{1,3}( [ab]{1,2})?", 1..4),
            text in "[abABßẞ '-]{0,30}(\\[NAME\\])?[ab ]{0,9}",
        ) {
            let find = |others: usize| {
                let mut names = Names::default();
                for word in &words {
                    names.word(word);
                }
                for other in 0..others {
                    names.word(&format!("other{other}"));
                }
                let (finder, mut found) = (names.finder(), Vec::new());
                assert_eq!(finder.few.is_some(), others == 0);
                finder.find(&text, &mut found);
                found
            };
            prop_assert_eq!(find(0), find(FEW_WORDS));
        }
    }

    #[test]
    fn a_persons_name_is_found_whole_and_in_parts_in_any_case() {
        for (name, text, expected) in [
            ("Mira Solano", "Mira Solano came", "[NAME] came"),
            ("Mira Solano", "MIRA, solano!", "[NAME]!"),
            ("Mira Solano", "Mira's cat", "[NAME]'s cat"),
            ("Mira Solano", "admiral Mirabel", "admiral Mirabel"),
            ("Ann ☀️", "ann☀️ and Annie", "[NAME]☀️ and Annie"),
            ("Ренат", "РЕНАТ, ренат", "[NAME], [NAME]"),
            (
                "Jean-Luc O'Neil",
                "jean luc, and O’Neil",
                "[NAME] [NAME], and O’[NAME]",
            ),
            ("Zoë", "zoe\u{308} ZOË", "[NAME] [NAME]"),
            ("Müller", "MÜLLER müller's", "[NAME] [NAME]'s"),
            ("राज कुमार", "राज आया", "[NAME] आया"),
            ("أمل", "أمل هنا", "[NAME] هنا"),
            ("民秀", "这是民秀吗", "这是[NAME]吗"),
            ("김민수", "김민수!", "[NAME]!"),
            ("Anna von der Heide", "von der Anna", "von der [NAME]"),
            ("Mira", "Mi\u{ad}ra_S", "[NAME]_S"),
            ("Alice 17", "alice has 17", "[NAME] has 17"),
        ] {
            assert_eq!(
                redacted(&[name], &[], &[], text),
                expected,
                "{name}: {text}"
            );
        }
    }

    #[test]
    fn in_scripts_without_spaces_a_name_is_found_anywhere() {
        for (name, text, expected) in [
            ("田中さん", "昨日田中さんと話した", "昨日[NAME]と話した"),
            ("田中さん", "田中は", "[NAME]は"),
            ("田中 太郎", "田中太郎です", "[NAME]です"),
            ("田中Ren", "田中renです、Ren", "[NAME]です、[NAME]"),
            ("ケン", "ケンは", "[NAME]は"),
            ("ケン", "ケンタッキー", "ケンタッキー"),
            ("สมชาย", "สวัสดีสมชายครับ", "สวัสดี[NAME]ครับ"),
            ("李", "李子", "李子"),
        ] {
            assert_eq!(
                redacted(&[name], &[], &[], text),
                expected,
                "{name}: {text}"
            );
        }
    }

    #[test]
    fn a_title_is_found_only_whole() {
        assert_eq!(
            redacted(
                &[],
                &["Family & Friends 🎉"],
                &[],
                "family & friends, my family"
            ),
            "[NAME], my family"
        );
    }

    #[test]
    fn listed_words_are_found_however_short() {
        assert_eq!(
            redacted(&[], &[], &["x", "Blue Door", "秘"], "X blue door 秘密 xx"),
            "[NAME] [NAME] [NAME]密 xx"
        );
    }

    #[test]
    fn names_that_would_match_everything_are_left_out() {
        let names = [
            "", " ", "A", "1", "2024", "☀️", "...", "\u{200b}", "'", "中",
        ];
        let text = "A a 1 2024 ☀️ ... ' 中文 \u{200b}b";
        assert_eq!(redacted(&names, &names, &["", "☀️", "."], text), text);
        assert_eq!(redacted(&["Jo"], &[], &[], "Jo and jo"), "[NAME] and jo");
    }

    #[test]
    fn placeholders_are_not_taken_apart() {
        let text = "[PHONE] [photo] [voice message, 12 s] [NAME]";
        assert_eq!(
            redacted(&["Phone", "Photo", "Voice Message", "Name"], &[], &[], text),
            text
        );
        assert_eq!(redacted(&["Phone"], &[], &[], "[Phone]"), "[[NAME]]");
    }

    #[test]
    fn the_longest_of_many_names_is_found() {
        let people: Vec<String> = (0..20_000)
            .map(|number| format!("Anna Name{number}"))
            .collect();
        let people: Vec<&str> = people.iter().map(String::as_str).collect();
        assert_eq!(
            redacted(&people, &[], &[], "anna name19999, name7 name20000"),
            "[NAME], [NAME] name20000"
        );
    }

    #[test]
    fn of_a_long_name_the_beginning_is_found_as_a_whole() {
        let long: Vec<String> = (0..40).map(|number| format!("w{number}")).collect();
        let (long, text) = (long.join(" "), long[..17].join(" "));
        let (long, none) = (&[long.as_str()][..], &[][..]);
        for (people, titles, words) in [(long, none, none), (none, long, none), (none, none, long)]
        {
            let found = redacted(people, titles, words, &text);
            assert!(found.starts_with("[NAME] "), "{found}");
        }
        assert_eq!(redacted(none, long, none, &text), "[NAME] w16");
        assert_eq!(redacted(none, long, none, &text[3..]), text[3..]);
    }

    #[test]
    fn the_beginning_of_a_long_name_ends_with_a_word() {
        let (short, long) = ("a".repeat(100), "b".repeat(1000));
        for (title, text, expected) in [
            (
                format!("{short} {short} {short}"),
                format!("{short} {short} x"),
                "[NAME] x",
            ),
            (format!("{short} {long}"), format!("{short} x"), "[NAME] x"),
            (format!("{long} {short}"), format!("{long} x"), "[NAME] x"),
            (long.clone(), format!("{long}b"), ""),
        ] {
            let expected = if expected.is_empty() { &text } else { expected };
            assert_eq!(redacted(&[], &[&title], &[], &text), *expected);
        }
        assert_eq!(
            redacted(
                &[&format!("{short} {long} mira")],
                &[],
                &[],
                &format!("{long} Mira")
            ),
            "[NAME] [NAME]"
        );
    }

    #[test]
    fn of_a_long_name_without_spaces_the_beginning_is_found() {
        for letter in ["中", "ケ"] {
            let (long, rest) = (letter.repeat(100), letter.repeat(36));
            let expected = format!("[NAME]{rest}");
            assert_eq!(redacted(&[&long], &[], &[], &long), expected);
            assert_eq!(redacted(&[], &[&long], &[], &long), expected);
            assert_eq!(redacted(&[], &[], &[&long], &long), expected);
            assert_eq!(redacted(&[], &[&long], &[], &rest), rest);
        }
        assert_eq!(
            redacted(&[], &["中 ".repeat(100).as_str()], &[], &"中".repeat(64)),
            "[NAME]"
        );
    }

    #[test]
    fn a_name_of_many_words_is_neither_deep_nor_slow() {
        let name: Vec<String> = (0..100_000).map(|number| format!("Ann{number}")).collect();
        let name = name.join(" ");
        let small = std::thread::Builder::new().stack_size(2 << 20);
        let found = small.spawn(move || redacted(&[&name], &[], &[&name], "ann99999, ann0 ann1"));
        assert_eq!(found.unwrap().join().unwrap(), "[NAME], [NAME] [NAME]");
    }

    #[test]
    fn names_and_texts_that_repeat_themselves_are_not_slow() {
        let (spaced, unspaced) = ("a ".repeat(3000) + "b", "ケ".repeat(3000) + "中");
        let text = "a ".repeat(200_000);
        let found = "[NAME] ".repeat(12_500);
        assert_eq!(redacted(&[&spaced], &[&spaced], &[], &text), found);
        let almost = "a ".repeat(15) + "b";
        assert_eq!(redacted(&[], &[&almost], &[], &text), text);
        let text = "ケ".repeat(100_000);
        assert!(redacted(&[&unspaced], &[&unspaced], &[], &text).starts_with("[NAME]ケ"));
    }

    #[test]
    fn the_next_name_starts_behind_the_last() {
        assert_eq!(
            redacted(&[], &["blue door", "door street"], &[], "blue door street"),
            "[NAME] street"
        );
    }

    #[test]
    fn names_of_two_letters_are_found_in_each_way_they_are_written() {
        assert_eq!(
            redacted(&["Jo", "JO"], &[], &[], "Jo, JO, jo"),
            "[NAME], [NAME], jo"
        );
    }

    #[test]
    fn listed_words_of_signs_alone_are_left_out() {
        assert_eq!(redacted(&[], &[], &["・", "゛"], "ケン・中"), "ケン・中");
    }
}
