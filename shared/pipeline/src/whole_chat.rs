//! From a chat as it was read to what is written of it: ordered, cut into topics, told with names and
//! quotations.

use crate::chat_output::ChatOutput;
use crate::chunk::{ChatHead, ReadChat, Record, WholeChat};
use crate::error::PipelineError;
use crate::explain::BlockTally;
use crate::funnel::{ChatDrop, MessageDrop};
use crate::notes::MessageNote;
use crate::pseudonyms::Pseudonyms;
use crate::sender::{Sender, Target};
use crate::settings::Settings;
use crate::statistics::Statistics;
use crate::surroundings::Surroundings;
use crate::tokens::TokenCounter;
use crate::topics::{TopicMessages, topics};

/// Writes chats as the settings want them told.
pub(crate) struct WholeChatOutput<'a, C> {
    settings: &'a Settings,
    output: ChatOutput<'a, C>,
    /// Where personal data is replaced.
    pseudonyms: Option<Pseudonyms>,
}

impl<'a, C: TokenCounter> WholeChatOutput<'a, C> {
    pub(crate) fn new(settings: &'a Settings, output: ChatOutput<'a, C>) -> Self {
        let pseudonyms = (!settings.redact.is_empty()).then(Pseudonyms::default);
        Self {
            settings,
            output,
            pseudonyms,
        }
    }

    /// Counts the tokens of a text.
    pub(crate) fn count(&mut self, text: &str) -> u32 {
        self.output.count(text)
    }

    /// Kept messages of the target so far.
    pub(crate) fn target_messages(&self) -> u64 {
        self.output.target_messages()
    }

    /// What became of all blocks so far.
    pub(crate) fn tally(&self) -> BlockTally {
        self.output.tally()
    }

    /// Writes the blocks of a chat.
    pub(crate) fn write(
        &mut self,
        head: &ChatHead,
        chat: ReadChat<'_>,
        target: &Target,
        statistics: &mut Statistics,
    ) -> Result<(), PipelineError> {
        let ReadChat {
            records,
            notes,
            arena,
        } = chat;
        let renamed;
        let head = match &mut self.pseudonyms {
            Some(pseudonyms) => {
                renamed = pseudonyms.head(head);
                &renamed
            }
            None => head,
        };
        let kept = records.len() as u64;
        let funnel = &mut statistics.funnel;
        if kept < self.settings.min_chat_messages.into() {
            funnel.chats.dropped.add(ChatDrop::SmallChat, 1);
            funnel.messages.dropped.add(MessageDrop::SmallChat, kept);
            return Ok(());
        }
        if let Some(topics) = self.topics(head, records, notes) {
            // Each is a chat of its own.
            funnel.chats.read = funnel.chats.read + topics.len() as u64 - 1;
            for mut topic in topics {
                let notes = order(&mut topic.records, &topic.notes);
                let chat = WholeChat {
                    head: &topic.head,
                    records: &topic.records,
                    notes: &notes,
                    arena,
                };
                self.write_ordered(chat, target, statistics)?;
            }
            return Ok(());
        }
        let notes = order(records, notes);
        let chat = WholeChat {
            head,
            records,
            notes: &notes,
            arena,
        };
        self.write_ordered(chat, target, statistics)
    }

    fn topics(
        &self,
        head: &ChatHead,
        records: &[Record],
        notes: &[MessageNote],
    ) -> Option<Vec<TopicMessages>> {
        let topics = topics(head, records, notes).filter(|_| self.settings.topics)?;
        (!topics.is_empty()).then_some(topics)
    }

    fn write_ordered(
        &mut self,
        chat: WholeChat<'_>,
        target: &Target,
        statistics: &mut Statistics,
    ) -> Result<(), PipelineError> {
        let names = self.speaker_names(chat.head, target);
        let surroundings = Surroundings {
            names: names.as_deref(),
            quotes: self.settings.reply_context,
        };
        if !surroundings.are_told() {
            return self.output.write(chat, target, statistics);
        }
        let retold = surroundings.retell(chat, |text| self.output.count(text));
        let chat = WholeChat {
            records: &retold.records,
            arena: &retold.arena,
            ..chat
        };
        self.output.write(chat, target, statistics)
    }

    /// What the lines of each sender begin with, in a group.
    fn speaker_names(&mut self, head: &ChatHead, target: &Target) -> Option<Vec<Option<String>>> {
        if !self.settings.speaker_names || !head.chat_type.contains("group") {
            return None;
        }
        let pseudonyms = &mut self.pseudonyms;
        let name = |sender: &Sender| {
            let name = match pseudonyms {
                Some(pseudonyms) => pseudonyms.person(sender, target),
                None => sender.name.clone(),
            };
            (!target.matches(sender)).then_some(name)
        };
        Some(head.senders.iter().map(name).collect())
    }

    /// Ends the outputs after the last chat.
    pub(crate) fn finish(&mut self) -> Result<(), PipelineError> {
        self.output.finish()
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
