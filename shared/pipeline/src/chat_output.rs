//! From a whole chat to its blocks in the outputs.

use crate::block::Block;
use crate::block_text::BlockText;
use crate::chunk::Record;
use crate::earlier_blocks::Print;
use crate::emit::BlockWriter;
use crate::error::PipelineError;
use crate::explain::{BlockDrop, BlockTally};
use crate::funnel::{ChatDrop, MessageDrop};
use crate::gaps::ChatTimes;
use crate::lines::Lines;
use crate::placing::BlockPlacer;
use crate::prepare::ChatPreparer;
use crate::select::Selection;
use crate::settings::{Settings, TokenBudget};
use crate::statistics::Statistics;
use crate::tokens::TokenCounter;

/// Tokens that a chat template adds to a turn, where there is no template to tell: more than those of any
/// known one.
const PADDING_OF_A_TURN: u64 = 16;

/// A chat or topic whose messages are ordered by time, with its blocks.
pub(crate) struct OrderedChat<'a> {
    /// What it is called in the outputs.
    pub(crate) name: &'a str,
    pub(crate) chat_type: &'a str,
    /// For each sender of the chat, whether it is the target.
    pub(crate) targets: &'a [bool],
    pub(crate) records: &'a [Record],
    pub(crate) arena: &'a str,
    pub(crate) selection: Selection,
    /// Of each kept block, where blocks are compared.
    pub(crate) prints: Vec<Print>,
}

/// Writes the blocks of chats, and counts them.
pub(crate) struct ChatOutput<'a, C> {
    settings: &'a Settings,
    delimiter: &'a str,
    preparer: ChatPreparer<'a, C>,
    placer: BlockPlacer<'a>,
    writer: BlockWriter<'a>,
    block_text: BlockText,
    target_messages: u64,
    tally: BlockTally,
}

impl<'a, C: TokenCounter> ChatOutput<'a, C> {
    pub(crate) fn new(
        settings: &'a Settings,
        preparer: ChatPreparer<'a, C>,
        writer: BlockWriter<'a>,
    ) -> Self {
        Self {
            settings,
            delimiter: settings.message_delimiter.trim(),
            preparer,
            placer: BlockPlacer::new(settings),
            writer,
            block_text: BlockText::default(),
            target_messages: 0,
            tally: BlockTally::default(),
        }
    }

    /// Kept messages of the target so far.
    pub(crate) fn target_messages(&self) -> u64 {
        self.target_messages
    }

    /// What prepares chats on this thread.
    pub(crate) fn preparer(&mut self) -> &mut ChatPreparer<'a, C> {
        &mut self.preparer
    }

    /// What became of all blocks so far.
    pub(crate) fn tally(&self) -> BlockTally {
        self.tally
    }

    /// Writes the blocks of a chat.
    pub(crate) fn write(
        &mut self,
        chat: OrderedChat<'_>,
        statistics: &mut Statistics,
    ) -> Result<(), PipelineError> {
        let OrderedChat {
            name,
            chat_type,
            targets,
            records,
            arena,
            selection,
            prints,
        } = chat;
        let from_target = records
            .iter()
            .filter(|record| targets[record.sender as usize])
            .count();
        self.target_messages += from_target as u64;
        let lines = Lines {
            records,
            arena,
            targets,
            delimiter: self.delimiter,
        };

        self.note_times(records, statistics);
        let blocks = self.count_dropped(selection, statistics);
        let blocks = self.placer.place(blocks, prints, statistics);
        let funnel = &mut statistics.funnel;
        if blocks.is_empty() {
            funnel.chats.dropped.add(ChatDrop::NoBlocks, 1);
            statistics.add_unused_chat(name, records.len() as u64);
            return Ok(());
        }
        funnel.chats.kept += 1;
        let known_as = statistics.add_chat(name, blocks.len() as u64);
        statistics.profile.add_chat(&known_as, lines, &blocks);
        self.writer.begin_chat(name, chat_type, blocks.len());
        for block in &blocks {
            self.write_block(lines, block, statistics)?;
        }
        self.writer.end_chat();
        Ok(())
    }

    /// Counts blocks that are dropped, and their messages; the others.
    fn count_dropped(&mut self, selection: Selection, statistics: &mut Statistics) -> Vec<Block> {
        let largest_tokens = self.tally.largest_tokens.max(selection.largest_tokens);
        self.tally.largest_tokens = largest_tokens;
        let messages = &mut statistics.funnel.messages.dropped;
        messages.add(MessageDrop::RoleOrder, selection.trimmed_messages);
        for block in selection.dropped {
            messages.add(block.reason.of_messages(), block.messages);
            statistics.profile.dropped_tokens.add(block.tokens);
            match block.reason {
                BlockDrop::TooShort(Some(short)) => statistics.short_blocks.add(short),
                BlockDrop::TooLong => statistics.long_messages.add(block.tokens),
                _ => {}
            }
            self.tally.add(&block.reason);
            statistics.refusals.add(block.reason);
        }
        selection.kept
    }

    fn note_times(&self, records: &[Record], statistics: &mut Statistics) {
        let messages = records.iter().map(|record| (record.time, record.tokens));
        let times = ChatTimes::of(messages, self.settings.limits);
        statistics.gaps.add(&times.gaps);
        statistics.imported.add(&times, records.len() as u64);
    }

    fn write_block(
        &mut self,
        lines: Lines<'_>,
        block: &Block,
        statistics: &mut Statistics,
    ) -> Result<(), PipelineError> {
        statistics.funnel.messages.in_blocks += block.messages.len() as u64;
        statistics.blocks_with_context += u64::from(!block.context.is_empty());
        let composer = self.preparer.selector().composer();
        composer.compose(lines, block, &mut self.block_text);
        statistics.turns.add(self.block_text.messages());
        self.writer.block(lines, &self.block_text, block.split)?;
        statistics.train_bytes = self.writer.train_bytes();
        if let Some(ends) = self.block_text.ends() {
            let [from, to] = [ends.start, ends.end].map(|line| lines.records[line].stamp);
            let minutes = (to - from) as f64 / 60e6;
            statistics.duration_minutes_per_block.add(minutes);
        }
        let tokens = match self.settings.token_budget {
            TokenBudget::Rendered => block.tokens,
            TokenBudget::Content | TokenBudget::Template => {
                self.preparer.selector().emitted_tokens(lines, block)
            }
        };
        statistics.tokens_per_block.add(tokens as f64);
        statistics.limited_tokens_per_block.add(block.tokens as f64);
        if let Some(tokens) = block.template_tokens() {
            statistics.template_tokens_per_block.add(tokens as f64);
        }
        if self.settings.consumer.is_some() {
            let padding = PADDING_OF_A_TURN * self.block_text.messages().count() as u64;
            let lengths = &mut statistics.estimated_lengths;
            lengths.padded = lengths.padded.max(tokens + padding);
            let most = self.block_text.most_tokens() + padding;
            lengths.in_any_tokenizer = lengths.in_any_tokenizer.max(most);
        }
        Ok(())
    }

    /// Ends the outputs after the last chat.
    pub(crate) fn finish(&mut self) -> Result<(), PipelineError> {
        self.writer.finish()
    }
}
