//! Names of people and chats, and listed words.

mod filter;
mod words;

use aho_corasick::{AhoCorasick, Input, MatchKind};
use hashbrown::{HashMap, HashSet};
use unicode_normalization_alignments::UnicodeNormalization as _;

use crate::characters::{after, before, is_cased, is_katakana, is_unspaced};
use crate::finding::{Finding, settle};
use crate::kind::PersonalData;
use crate::placeholders;
use filter::Filter;
use words::Word;

/// Words that are parts of many names and of every text.
const PARTICLES: [&str; 34] = [
    "and", "the", "for", "from", "with", "von", "van", "der", "den", "dem", "des", "und", "del",
    "los", "las", "dos", "das", "les", "und", "bin", "ibn", "bint", "abu", "umm", "ter", "zum",
    "zur", "для", "или", "из", "над", "при", "not", "you",
];

/// Names, from which a [`NameFinder`] is made.
#[derive(Clone, Debug, Default)]
pub struct Names {
    words: Node,
    unspaced: HashSet<String>,
}

/// What may follow the words so far.
#[derive(Clone, Debug, Default)]
struct Node {
    /// Whether a name ends here.
    end: End,
    next: HashMap<Box<str>, Node>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum End {
    #[default]
    No,
    /// In any case.
    Yes,
    /// Only as it was given: in another case it would be too many other words.
    AsWritten(Box<str>),
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
                    self.words.at([word]).end = End::Yes;
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
                self.unspaced.insert(stripped(&word).to_owned());
            } else {
                let words = words::folded(&word);
                if !words.is_empty() {
                    self.words.at(words).end = End::Yes;
                }
            }
        }
    }

    fn add_whole(&mut self, name: &str) {
        if name.contains(is_unspaced) {
            let name = stripped(name);
            self.add_unspaced(name);
            self.add_unspaced(&name.split_whitespace().collect::<String>());
            return;
        }
        let words = words::folded(name);
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
        let end = &mut self.words.at(words).end;
        if tells {
            *end = End::Yes;
        } else if *end == End::No {
            *end = End::AsWritten(stripped(name).into());
        }
    }

    /// Adds what is found within other text: two letters at least.
    fn add_unspaced(&mut self, name: &str) {
        if name.chars().filter(|letter| letter.is_alphabetic()).count() >= 2 {
            self.unspaced.insert(name.to_owned());
        }
    }

    /// What finds them.
    pub fn finder(self) -> NameFinder {
        let mut filter = Filter::default();
        for word in self.words.next.keys() {
            filter.add(word);
        }
        let unspaced = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .ascii_case_insensitive(true)
            .build(&self.unspaced);
        NameFinder {
            filter,
            words: self.words,
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

impl Node {
    fn at<W: Into<Box<str>>>(&mut self, words: impl IntoIterator<Item = W>) -> &mut Self {
        words
            .into_iter()
            .fold(self, |node, word| node.next.entry(word.into()).or_default())
    }

    fn ends(&self, written: &str) -> bool {
        match &self.end {
            End::No => false,
            End::Yes => true,
            End::AsWritten(name) => **name == *written,
        }
    }
}

/// A name as it is most often encoded, and with its marks apart.
fn forms(name: &str) -> HashSet<String> {
    let compose = |name: &str| name.nfc().map(|(character, _)| character).collect();
    let decompose = |name: &str| name.nfd().map(|(character, _)| character).collect();
    HashSet::from([compose(name), decompose(name)])
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
    filter: Filter,
    words: Node,
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
        if !self.words.next.is_empty() {
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

    fn find_words(&self, text: &str, found: &mut Vec<Finding>) {
        let mut folded = String::new();
        let mut from = 0;
        while let Some(word) = words::next(text, from) {
            from = word.end;
            let written = &text[word.start..word.end];
            if !self.filter.may_have(written, word.ascii) {
                continue;
            }
            words::fold_into(written, &mut folded);
            if let Some(node) = self.words.next.get(folded.as_str())
                && let Some(end) = name_end(text, word, node, &mut folded)
            {
                found.push(Finding {
                    start: word.start,
                    end,
                    kind: PersonalData::Name,
                });
            }
        }
    }
}

/// Where the longest name ends that starts with the word that led to `node`.
fn name_end(text: &str, first: Word, node: &Node, folded: &mut String) -> Option<usize> {
    let (mut node, mut word, mut found) = (node, first, None);
    loop {
        if words::is_cut_off(text, word.start, word.end) {
            return found;
        }
        if node.ends(&text[first.start..word.end]) {
            found = Some(word.end);
        }
        if node.next.is_empty() {
            return found;
        }
        let Some(next) = words::next(text, word.end) else {
            return found;
        };
        if !words::is_gap(&text[word.end..next.start]) {
            return found;
        }
        words::fold_into(&text[next.start..next.end], folded);
        let Some(following) = node.next.get(folded.as_str()) else {
            return found;
        };
        (node, word) = (following, next);
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
/// words are longer.
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
        && !joins(last, after(text, end))
        && !((bounded(first) || bounded(last)) && words::is_cut_off(text, start, end))
}

#[cfg(test)]
mod tests {
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
}
