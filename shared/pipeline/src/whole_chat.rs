//! From a chat as it was read to what is written of it: ordered, cut into topics, told with names and
//! quotations.

use resonare_consumers::SpecialTokens;

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
use crate::topics::topics;

/// Writes chats as the settings want them told.
pub(crate) struct WholeChatOutput<'a, C> {
    settings: &'a Settings,
    /// What names must not read as.
    special_tokens: &'a SpecialTokens,
    output: ChatOutput<'a, C>,
    /// Where personal data is replaced.
    pseudonyms: Option<Pseudonyms>,
}

impl<'a, C: TokenCounter> WholeChatOutput<'a, C> {
    pub(crate) fn new(
        settings: &'a Settings,
        special_tokens: &'a SpecialTokens,
        output: ChatOutput<'a, C>,
    ) -> Self {
        let pseudonyms = (!settings.redact.is_empty()).then(Pseudonyms::default);
        Self {
            settings,
            special_tokens,
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
                renamed = pseudonyms.head(head, target);
                &renamed
            }
            None => head,
        };
        let senders = head.senders.iter();
        let targets: Vec<bool> = senders.map(|sender| target.matches(sender)).collect();
        let names = self.speaker_names(head, target, statistics);
        let surroundings = Surroundings {
            names: names.as_deref(),
            quotes: self.settings.reply_context,
        };
        let mut topics = topics(head, records, notes);
        // Each is a chat of its own.
        statistics.funnel.chats.read += (topics.len() as u64).saturating_sub(1);
        for topic in &mut topics {
            let notes = order(&mut topic.records, &topic.notes);
            let chat = WholeChat {
                name: &topic.name,
                chat_type: &head.chat_type,
                targets: &targets,
                records: &topic.records,
                notes: &notes,
                arena,
            };
            self.write_ordered(chat, surroundings, statistics)?;
        }
        if !topics.is_empty() {
            return Ok(());
        }
        let notes = order(records, notes);
        let chat = WholeChat {
            name: &head.name,
            chat_type: &head.chat_type,
            targets: &targets,
            records,
            notes: &notes,
            arena,
        };
        self.write_ordered(chat, surroundings, statistics)
    }

    fn write_ordered(
        &mut self,
        chat: WholeChat<'_>,
        surroundings: Surroundings<'_>,
        statistics: &mut Statistics,
    ) -> Result<(), PipelineError> {
        let kept = chat.records.len() as u64;
        if kept < self.settings.min_chat_messages.into() {
            let funnel = &mut statistics.funnel;
            funnel.chats.dropped.add(ChatDrop::SmallChat, 1);
            funnel.messages.dropped.add(MessageDrop::SmallChat, kept);
            return Ok(());
        }
        if !surroundings.are_told() {
            return self.output.write(chat, statistics);
        }
        let retold = surroundings.retell(chat, |text| self.output.count(text));
        let chat = WholeChat {
            records: &retold.records,
            arena: &retold.arena,
            ..chat
        };
        self.output.write(chat, statistics)
    }

    /// What the lines of each sender begin with, in a group.
    fn speaker_names(
        &mut self,
        head: &ChatHead,
        target: &Target,
        statistics: &mut Statistics,
    ) -> Option<Vec<Option<String>>> {
        if !self.settings.speaker_names || !head.chat_type.contains("group") {
            return None;
        }
        let (pseudonyms, special_tokens) = (&mut self.pseudonyms, self.special_tokens);
        let name = |sender: &Sender| {
            if target.matches(sender) {
                return None;
            }
            let mut name = match pseudonyms {
                Some(pseudonyms) => pseudonyms.person(sender, target),
                None => on_one_line(&sender.name),
            };
            statistics.special_token_text += special_tokens.neutralize(&mut name, 0) as u64;
            Some(name)
        };
        Some(head.senders.iter().map(name).collect())
    }

    /// Ends the outputs after the last chat.
    pub(crate) fn finish(&mut self) -> Result<(), PipelineError> {
        self.output.finish()
    }
}

/// A name as a line can begin with it.
fn on_one_line(name: &str) -> String {
    let words = name.split(|character: char| character.is_whitespace() || character.is_control());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
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
