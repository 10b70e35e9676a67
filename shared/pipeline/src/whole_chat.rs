//! Chats and their topics into the outputs, in their order, under the names that they have there.

use std::borrow::Cow;

use resonare_consumers::SpecialTokens;

use crate::chat_output::{ChatOutput, OrderedChat};
use crate::chunk::{ChatHead, ReadChat, Record};
use crate::error::PipelineError;
use crate::explain::BlockTally;
use crate::funnel::{ChatDrop, MessageDrop};
use crate::prepare::{Cast, ChatPreparer, PreparedChat};
use crate::pseudonyms::Pseudonyms;
use crate::sender::{Sender, Target};
use crate::settings::Settings;
use crate::statistics::Statistics;
use crate::tokens::TokenCounter;

/// A chat whose blocks are ready to be written.
pub(crate) struct ReadyChat<'a> {
    pub(crate) cast: &'a Cast<'a>,
    /// Its messages as they were read, but in the order of time.
    pub(crate) records: &'a [Record],
    pub(crate) arena: &'a str,
    /// The whole of it, or each of its topics.
    pub(crate) parts: Vec<PreparedChat>,
}

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

    /// What prepares chats on this thread.
    pub(crate) fn preparer(&mut self) -> &mut ChatPreparer<'a, C> {
        self.output.preparer()
    }

    /// Kept messages of the target so far.
    pub(crate) fn target_messages(&self) -> u64 {
        self.output.target_messages()
    }

    /// What became of all blocks so far.
    pub(crate) fn tally(&self) -> BlockTally {
        self.output.tally()
    }

    /// Prepares a chat and writes its blocks.
    pub(crate) fn write(
        &mut self,
        head: &ChatHead,
        chat: ReadChat<'_>,
        target: &Target,
        statistics: &mut Statistics,
    ) -> Result<(), PipelineError> {
        let cast = self.cast(Cow::Borrowed(head), target, statistics);
        let ReadChat {
            records,
            notes,
            arena,
        } = chat;
        let chat = ReadChat {
            records: &mut *records,
            notes,
            arena,
        };
        let parts = self.preparer().prepare(&cast, chat);
        let ready = ReadyChat {
            cast: &cast,
            records,
            arena,
            parts,
        };
        self.write_ready(ready, statistics)
    }

    /// What those in a chat are called. Pseudonyms are numbered as they come, so chats are cast in their order.
    pub(crate) fn cast<'h>(
        &mut self,
        head: Cow<'h, ChatHead>,
        target: &Target,
        statistics: &mut Statistics,
    ) -> Cast<'h> {
        let head = match &mut self.pseudonyms {
            Some(pseudonyms) => Cow::Owned(pseudonyms.head(&head, target)),
            None => head,
        };
        let senders = head.senders.iter();
        let targets = senders.map(|sender| target.matches(sender)).collect();
        let speaker_names = self.speaker_names(&head, target, statistics);
        Cast {
            head,
            targets,
            speaker_names,
        }
    }

    /// Writes the blocks of a chat that was prepared.
    pub(crate) fn write_ready(
        &mut self,
        chat: ReadyChat<'_>,
        statistics: &mut Statistics,
    ) -> Result<(), PipelineError> {
        // Each topic is a chat of its own.
        statistics.funnel.chats.read += (chat.parts.len() as u64).saturating_sub(1);
        for part in chat.parts {
            let blocks = match part {
                PreparedChat::Blocks(blocks) => blocks,
                PreparedChat::Small(kept) => {
                    let funnel = &mut statistics.funnel;
                    funnel.chats.dropped.add(ChatDrop::SmallChat, 1);
                    funnel.messages.dropped.add(MessageDrop::SmallChat, kept);
                    continue;
                }
            };
            let ordered = OrderedChat {
                name: &blocks.name,
                chat_type: &chat.cast.head.chat_type,
                targets: &chat.cast.targets,
                records: blocks.records.as_deref().unwrap_or(chat.records),
                arena: blocks.arena.as_deref().unwrap_or(chat.arena),
                selection: blocks.selection,
                prints: blocks.prints,
            };
            self.output.write(ordered, statistics)?;
        }
        Ok(())
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
