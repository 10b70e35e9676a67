//! Personal data out of texts: what has a shape goes before texts are counted, names once all are known.

use resonare_consumers::SpecialTokens;
use resonare_redaction::{
    Counts, Detector, Finding, NameFinder, Names, PersonalData, Region, replace,
};

use crate::chunk::{ChatEnd, Chunk, Record};
use crate::settings::{DEFAULT_CHAT_TYPE, Settings};
use crate::tokens::TextTokens;
use crate::waiting::WaitedChat;

/// Replaces personal data that has a shape.
pub(crate) struct Redactor<'a> {
    detector: Detector,
    /// What texts must not read as, once that is done.
    special_tokens: &'a SpecialTokens,
}

impl<'a> Redactor<'a> {
    /// `None` where nothing is to be replaced.
    pub(crate) fn new(settings: &Settings, special_tokens: &'a SpecialTokens) -> Option<Self> {
        (!settings.redact.is_empty()).then(|| Self {
            detector: Detector::new(settings.redact.iter().copied()),
            special_tokens,
        })
    }

    /// Replaces what is found in the texts of a chunk, or marked.
    pub(crate) fn redact(&self, chunk: &mut Chunk) {
        let mut texts = Rewritten::with_capacity(chunk.text.len());
        let mut marks = std::mem::take(&mut chunk.marks).into_iter().peekable();
        let mut findings = Vec::new();
        for (number, record) in chunk.records.iter_mut().enumerate() {
            findings.clear();
            while let Some(mark) = marks.next_if(|mark| mark.record == number) {
                findings.push(mark.finding);
            }
            let text = record.text(&chunk.text);
            self.detector.find(text, chunk.region, &mut findings);
            texts.push(record, &chunk.text, &findings, &mut chunk.redacted);
            let broken = texts.neutralize(record, self.special_tokens);
            chunk.special_token_text += broken;
        }
        chunk.text = texts.arena;
    }
}

/// Texts with placeholders, one after the other.
struct Rewritten {
    arena: String,
}

impl Rewritten {
    fn with_capacity(bytes: usize) -> Self {
        Self {
            arena: String::with_capacity(bytes),
        }
    }

    /// Takes the text of a record out of another arena, with placeholders for the findings.
    fn push(
        &mut self,
        record: &mut Record,
        arena: &str,
        findings: &[Finding],
        counts: &mut Counts,
    ) {
        let start = self.arena.len() + usize::from(record.written_len);
        if findings.is_empty() {
            let whole = record.arena_start()..record.arena_end();
            self.arena.push_str(&arena[whole]);
        } else {
            count_all(findings, counts);
            self.arena.push_str(record.written_date(arena));
            replace(record.text(arena), findings, &mut self.arena);
        }
        record.set_text(start..self.arena.len());
    }

    /// Breaks what reads as a special token in the last text.
    fn neutralize(&mut self, record: &mut Record, special_tokens: &SpecialTokens) -> u64 {
        let start = record.text_range().start;
        let broken = special_tokens.neutralize(&mut self.arena, start);
        record.set_text(start..self.arena.len());
        broken as u64
    }
}

/// Collects the names of people and chats until all are known.
#[derive(Default)]
pub(crate) struct NameCollection {
    names: Names,
}

impl NameCollection {
    /// The words that count as names whatever the export says.
    pub(crate) fn new(settings: &Settings) -> Self {
        let mut names = Names::default();
        for word in &settings.redact_words {
            names.word(word);
        }
        Self { names }
    }

    /// Takes the names of a chat, kept or not.
    pub(crate) fn add_chat(&mut self, end: &ChatEnd) {
        match &end.verdict {
            Ok(head) => {
                self.add_title(&head.name, &end.chat_type);
                for title in head.topics.values() {
                    self.names.title(title);
                }
                for sender in &head.senders {
                    self.names.person(&sender.name);
                }
            }
            Err(_) => {
                if let Some(name) = &end.dropped_name {
                    self.add_title(name, &end.chat_type);
                }
            }
        }
    }

    /// Takes the name of somebody.
    pub(crate) fn add_person(&mut self, name: &str) {
        self.names.person(name);
    }

    fn add_title(&mut self, name: &str, chat_type: &str) {
        if chat_type == DEFAULT_CHAT_TYPE {
            self.names.person(name);
        } else {
            self.names.title(name);
        }
    }
}

/// Where an input's phone numbers are dialed, once it was read to its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LateRegion {
    pub(crate) region: Option<Region>,
    /// Whether that was not known when the chat was read.
    pub(crate) region_is_new: bool,
}

/// Replaces what can only be found when the export has been read.
pub(crate) struct LateRedactor {
    names: Option<NameFinder>,
    detector: Detector,
}

impl LateRedactor {
    pub(crate) fn new(settings: &Settings, collected: NameCollection) -> Self {
        let wants_names = settings.redact.contains(&PersonalData::Name);
        Self {
            names: wants_names.then(|| collected.names.finder()),
            detector: Detector::new(settings.redact.iter().copied()),
        }
    }

    /// Whether chats have to wait for what is found late.
    pub(crate) fn is_needed(settings: &Settings) -> bool {
        let kinds = &settings.redact;
        kinds.contains(&PersonalData::Name) || kinds.contains(&PersonalData::Phone)
    }

    /// Whether a text has one of the names.
    pub(crate) fn names_somebody(&self, text: &str) -> bool {
        self.names.as_ref().is_some_and(|names| names.is_in(text))
    }

    /// Replaces names, and phone numbers of a region that was not known before; `count` counts the tokens of
    /// texts that change.
    pub(crate) fn redact(
        &self,
        chat: &mut WaitedChat,
        late: LateRegion,
        counts: &mut Counts,
        mut count: impl FnMut(&str) -> TextTokens,
    ) {
        if self.names.is_none() && !late.region_is_new {
            return;
        }
        let mut findings = Vec::new();
        let mut replaced = String::new();
        for record in &mut chat.records {
            findings.clear();
            let text = record.text(&chat.arena);
            if let Some(names) = &self.names {
                names.find(text, &mut findings);
            }
            // Without a name, what stood around it can be a number.
            if late.region_is_new || !findings.is_empty() {
                self.detector.find(text, late.region, &mut findings);
            }
            if findings.is_empty() {
                continue;
            }
            // After the texts as they were, with the date before it.
            replaced.clear();
            replaced.push_str(record.written_date(&chat.arena));
            count_all(&findings, counts);
            replace(text, &findings, &mut replaced);
            let start = chat.arena.len() + usize::from(record.written_len);
            chat.arena.push_str(&replaced);
            record.set_text(start..chat.arena.len());
            record.set_tokens(count(record.text(&chat.arena)));
        }
    }
}

fn count_all(findings: &[Finding], counts: &mut Counts) {
    for finding in findings {
        counts.add(finding.kind);
    }
}
