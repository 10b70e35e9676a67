//! From a chat as it was read to its blocks: ordered, cut into topics, told with names and quotations, packed. All that
//! needs no other chat, so that several can be prepared at once.

use std::borrow::Cow;

use crate::chat_template::ChatTemplate;
use crate::chunk::{ChatHead, ReadChat, Record, WholeChat};
use crate::earlier_blocks::{Print, Printer};
use crate::lines::Lines;
use crate::notes::MessageNote;
use crate::select::{BlockSelector, Selection};
use crate::settings::{Deduplicate, Settings};
use crate::surroundings::Surroundings;
use crate::tokens::TokenCounter;
use crate::topics::{TopicMessages, topics};

/// What a chat and those who speak in it are called, and who of them is the target.
#[derive(Debug)]
pub(crate) struct Cast<'h> {
    pub(crate) head: Cow<'h, ChatHead>,
    /// For each sender of the chat, whether it is the target.
    pub(crate) targets: Vec<bool>,
    /// What the lines of each sender begin with, where that is wanted.
    pub(crate) speaker_names: Option<Vec<Option<String>>>,
}

/// A chat, or a topic of one, that was prepared.
#[derive(Debug)]
pub(crate) enum PreparedChat {
    /// With so many messages, which are too few.
    Small(u64),
    Blocks(PreparedBlocks),
}

impl PreparedChat {
    /// Whether the chat as it was read is not needed for it.
    pub(crate) fn has_its_texts(&self) -> bool {
        match self {
            Self::Small(_) => true,
            Self::Blocks(blocks) => blocks.records.is_some() && blocks.arena.is_some(),
        }
    }
}

/// The blocks of a chat or topic, and what they are made of.
#[derive(Debug)]
pub(crate) struct PreparedBlocks {
    /// What it is called in the outputs.
    pub(crate) name: String,
    /// Its messages in the order of time, where they are not all of the chat as it was read.
    pub(crate) records: Option<Vec<Record>>,
    /// Their texts, where they are others than were read.
    pub(crate) arena: Option<String>,
    pub(crate) selection: Selection,
    /// Of each block that is kept, if somebody asks.
    pub(crate) prints: Vec<Print>,
}

/// Prepares chats as the settings want them told.
pub(crate) struct ChatPreparer<'a, C> {
    settings: &'a Settings,
    delimiter: &'a str,
    selector: BlockSelector<'a, C>,
    /// Where blocks are compared.
    printer: Option<Printer>,
}

impl<'a, C: TokenCounter> ChatPreparer<'a, C> {
    pub(crate) fn new(
        settings: &'a Settings,
        template: Option<&'a dyn ChatTemplate>,
        counter: C,
    ) -> Self {
        let is_split = !settings.validation_fraction.is_zero();
        let signed = settings.deduplicate == Deduplicate::Near || is_split;
        let compares = signed || settings.deduplicate != Deduplicate::None;
        Self {
            settings,
            delimiter: settings.message_delimiter.trim(),
            selector: BlockSelector::new(settings, template, counter),
            printer: compares.then(|| Printer::new(signed)),
        }
    }

    /// What selects the blocks, and counts.
    pub(crate) fn selector(&mut self) -> &mut BlockSelector<'a, C> {
        &mut self.selector
    }

    /// Prepares a chat, or each of its topics; its messages are in the order of time after that.
    pub(crate) fn prepare(&mut self, cast: &Cast<'_>, chat: ReadChat<'_>) -> Vec<PreparedChat> {
        let ReadChat {
            records,
            notes,
            arena,
        } = chat;
        let head = &cast.head;
        let topics = topics(head, records, notes);
        if topics.is_empty() {
            let notes = order(records, notes);
            let chat = WholeChat {
                name: &head.name,
                targets: &cast.targets,
                records,
                notes: &notes,
                arena,
            };
            return vec![self.prepare_ordered(cast, chat)];
        }
        let prepared = topics.into_iter().map(|topic| {
            let TopicMessages {
                name,
                mut records,
                notes,
            } = topic;
            let notes = order(&mut records, &notes);
            let chat = WholeChat {
                name: &name,
                targets: &cast.targets,
                records: &records,
                notes: &notes,
                arena,
            };
            let mut prepared = self.prepare_ordered(cast, chat);
            if let PreparedChat::Blocks(blocks) = &mut prepared {
                blocks.records.get_or_insert(records);
            }
            prepared
        });
        prepared.collect()
    }

    fn prepare_ordered(&mut self, cast: &Cast<'_>, chat: WholeChat<'_>) -> PreparedChat {
        let kept = chat.records.len() as u64;
        if kept < self.settings.min_chat_messages.into() {
            return PreparedChat::Small(kept);
        }
        let surroundings = Surroundings {
            names: cast.speaker_names.as_deref(),
            quotes: self.settings.reply_context,
        };
        let (mut records, mut arena) = (None, None);
        if surroundings.are_told() {
            let retold = surroundings.retell(chat, |text| self.selector.count_text(text));
            (records, arena) = (Some(retold.records), Some(retold.arena));
        }
        let lines = Lines {
            records: records.as_deref().unwrap_or(chat.records),
            arena: arena.as_deref().unwrap_or(chat.arena),
            targets: chat.targets,
            delimiter: self.delimiter,
        };
        let selection = self.selector.blocks(lines);
        let prints = self.printer.as_mut().map_or_else(Vec::new, |printer| {
            let kept = selection.kept.iter();
            kept.map(|block| printer.print(lines, block)).collect()
        });
        PreparedChat::Blocks(PreparedBlocks {
            name: chat.name.to_owned(),
            records,
            arena,
            selection,
            prints,
        })
    }
}

/// Orders messages by time, stably, and gives the notes of the kept ones in that order.
fn order(records: &mut [Record], notes: &[MessageNote]) -> Vec<MessageNote> {
    let mut kept: Vec<_> = notes
        .iter()
        .filter(|note| note.dropped.is_none())
        .copied()
        .collect();
    if records.is_sorted_by_key(|record| record.time) {
        return kept;
    }
    if kept.is_empty() {
        records.sort_by_key(|record| record.time);
        return kept;
    }
    let mut together: Vec<_> = records.iter().copied().zip(kept.iter().copied()).collect();
    together.sort_by_key(|(record, _)| record.time);
    for ((record, note), (to, noted)) in together.iter().zip(records.iter_mut().zip(&mut kept)) {
        (*to, *noted) = (*record, *note);
    }
    kept
}
