//! From a whole chat to its blocks in the outputs.

use crate::chunk::WholeChat;
use crate::emit::BlockWriter;
use crate::error::PipelineError;
use crate::explain::BlockTally;
use crate::funnel::ChatDrop;
use crate::lines::Lines;
use crate::pack::Block;
use crate::select::BlockSelector;
use crate::sender::Target;
use crate::settings::{Settings, TokenBudget};
use crate::statistics::Statistics;
use crate::tokens::TokenCounter;

/// Writes the blocks of chats, and counts them.
pub(crate) struct ChatOutput<'a, C> {
    settings: &'a Settings,
    delimiter: &'a str,
    selector: BlockSelector<'a, C>,
    writer: BlockWriter<'a>,
    target_messages: u64,
}

impl<'a, C: TokenCounter> ChatOutput<'a, C> {
    pub(crate) fn new(settings: &'a Settings, counter: C, writer: BlockWriter<'a>) -> Self {
        Self {
            settings,
            delimiter: settings.message_delimiter.trim(),
            selector: BlockSelector::new(settings, counter),
            writer,
            target_messages: 0,
        }
    }

    /// Kept messages of the target so far.
    pub(crate) fn target_messages(&self) -> u64 {
        self.target_messages
    }

    /// What became of all blocks so far.
    pub(crate) fn tally(&self) -> BlockTally {
        self.selector.tally()
    }

    /// Writes the blocks of a chat, whose messages are ordered by time.
    pub(crate) fn write(
        &mut self,
        chat: WholeChat<'_>,
        target: &Target,
        statistics: &mut Statistics,
    ) -> Result<(), PipelineError> {
        let WholeChat {
            head,
            records,
            arena,
        } = chat;
        let senders = head.senders.iter();
        let targets: Vec<bool> = senders.map(|sender| target.matches(sender)).collect();
        let from_target = records
            .iter()
            .filter(|record| targets[record.sender as usize])
            .count();
        self.target_messages += from_target as u64;
        let lines = Lines {
            records,
            arena,
            targets: &targets,
            delimiter: self.delimiter,
        };

        let funnel = &mut statistics.funnel;
        let blocks = self.selector.blocks(lines, &mut funnel.messages.dropped);
        if blocks.is_empty() {
            funnel.chats.dropped.add(ChatDrop::NoBlocks, 1);
            return Ok(());
        }
        funnel.chats.kept += 1;
        statistics.add_chat(&head.name, blocks.len() as u64);
        self.writer
            .begin_chat(&head.name, &head.chat_type, blocks.len());
        for block in blocks {
            self.write_block(lines, block, statistics)?;
        }
        self.writer.end_chat();
        Ok(())
    }

    fn write_block(
        &mut self,
        lines: Lines<'_>,
        block: Block,
        statistics: &mut Statistics,
    ) -> Result<(), PipelineError> {
        let Block { messages, tokens } = block;
        let last_run = lines
            .merged(messages.clone())
            .last()
            .expect("a block has messages");
        let from = lines.records[messages.start].stamp;
        let to = lines.records[last_run.start].stamp;
        statistics
            .duration_minutes_per_block
            .add((to - from) as f64 / 60e6);
        statistics.funnel.messages.in_blocks += messages.len() as u64;
        let emitted_tokens = match self.settings.token_budget {
            TokenBudget::Rendered => {
                self.writer.block(lines, messages, |_| {})?;
                tokens
            }
            TokenBudget::Content => {
                let mut tokens = self.selector.system_tokens();
                let count = |content: &str| tokens += self.selector.count(content);
                self.writer.block(lines, messages, count)?;
                tokens
            }
        };
        statistics.tokens_per_block.add(emitted_tokens as f64);
        Ok(())
    }

    /// Ends the outputs after the last chat.
    pub(crate) fn finish(&mut self) -> Result<(), PipelineError> {
        self.writer.finish()
    }
}
