//! From kept messages to blocks in the outputs: what happens to a chat once it is whole.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::chunk::{ChatEnd, ChatHead, Chunk, Record};
use crate::emit::{BlockWriter, Lines, push_content};
use crate::error::PipelineError;
use crate::funnel::{ChatDrop, MessageDrop};
use crate::pack::rendered::RenderedMeter;
use crate::pack::{self, Block, ContentMeter};
use crate::roles;
use crate::run::Failure;
use crate::sender::Target;
use crate::settings::{CHAT_TYPES, RoleOrder, Settings, TokenBudget};
use crate::statistics::Statistics;
use crate::target::{
    CONFIGURED, LISTED, NO_CONTACT, OWNER, SenderCounts, TargetChoice, TargetFinder, count_senders,
};
use crate::tokens::{TokenCounter, TokenizerInfo};
use crate::waiting::WaitingChats;

/// The records of a chat that came in several chunks.
#[derive(Default)]
struct ChatBuffer {
    text: String,
    records: Vec<Record>,
}

impl ChatBuffer {
    /// Appends the records of a chunk from `start` on.
    fn append(&mut self, chunk: &Chunk, records: Range<usize>) {
        let records = &chunk.records[records];
        let Some((first, last)) = records.first().zip(records.last()) else {
            return;
        };
        let from = first.text_start - u64::from(first.written_len);
        let to = last.text_start + u64::from(last.text_len);
        let moved_by = self.text.len() as u64;
        let range =
            usize::try_from(from).expect("an index")..usize::try_from(to).expect("an index");
        self.text.push_str(&chunk.text[range]);
        self.records.extend(records.iter().map(|record| Record {
            text_start: record.text_start - from + moved_by,
            ..*record
        }));
    }
}

/// What became of the blocks, for the error that explains why none is left.
#[derive(Default)]
struct BlockTally {
    too_short: u64,
    too_long: u64,
    no_exchange: u64,
    largest: u64,
}

/// Takes counted chunks in order, and writes the blocks of each chat that ends.
pub(crate) struct Finisher<'a, C> {
    settings: &'a Settings,
    cancelled: &'a AtomicBool,
    delimiter: &'a str,
    counter: C,
    system_tokens: u64,
    writer: BlockWriter<'a>,
    statistics: Statistics,
    target: Option<Target>,
    owner: Option<u64>,
    owners_differ: bool,
    /// Set until the target is known.
    waiting: Option<(TargetFinder, WaitingChats)>,
    buffer: ChatBuffer,
    senders: SenderCounts,
    kept_messages: u64,
    target_messages: u64,
    blocks: BlockTally,
    passed_over_types: BTreeMap<&'static str, u64>,
}

impl<'a, C: TokenCounter> Finisher<'a, C> {
    pub(crate) fn new(
        settings: &'a Settings,
        mut counter: C,
        tokenizer: TokenizerInfo,
        train: &'a mut (dyn Write + Send),
        processed: &'a mut (dyn Write + Send),
        scratch_dir: &Path,
        cancelled: &'a AtomicBool,
    ) -> Self {
        let system_prompt = settings.system_prompt.as_deref();
        let system_tokens = system_prompt.map_or(0, |prompt| u64::from(counter.count(prompt)));
        let waiting = settings
            .target
            .is_none()
            .then(|| (TargetFinder::default(), WaitingChats::new(scratch_dir)));
        Self {
            settings,
            cancelled,
            delimiter: settings.message_delimiter.trim(),
            counter,
            system_tokens,
            writer: BlockWriter::new(train, processed, system_prompt),
            statistics: Statistics::new(tokenizer),
            target: settings.target.clone(),
            owner: None,
            owners_differ: false,
            waiting,
            buffer: ChatBuffer::default(),
            senders: SenderCounts::default(),
            kept_messages: 0,
            target_messages: 0,
            blocks: BlockTally::default(),
            passed_over_types: BTreeMap::new(),
        }
    }

    /// What is known so far, where the run failed.
    pub(crate) fn into_statistics(self) -> Statistics {
        self.statistics
    }

    /// Takes a chunk whose tokens are counted.
    pub(crate) fn take(&mut self, chunk: &mut Chunk) -> Result<(), PipelineError> {
        self.statistics.funnel.mended.add(&chunk.mended);
        self.statistics.salvaged = self.statistics.salvaged.or(chunk.salvaged);
        for owner in std::mem::take(&mut chunk.owners) {
            self.meet_owner(owner)?;
        }
        let mut start = 0;
        let ends = std::mem::take(&mut chunk.ends);
        for end in &ends {
            let records = start..end.records_end;
            start = records.end;
            if self.buffer.records.is_empty() {
                let Chunk {
                    text, records: all, ..
                } = &mut *chunk;
                self.end_chat(end, &mut all[records], text)?;
            } else {
                self.buffer.append(chunk, records);
                let mut buffer = std::mem::take(&mut self.buffer);
                self.end_chat(end, &mut buffer.records, &buffer.text)?;
            }
        }
        self.buffer.append(chunk, start..chunk.records.len());
        chunk.ends = ends;
        Ok(())
    }

    fn meet_owner(&mut self, owner: u64) -> Result<(), PipelineError> {
        if self.settings.target.is_some() {
            return Ok(());
        }
        if let Some(known) = self.owner {
            self.owners_differ |= known != owner;
            return Ok(());
        }
        self.owner = Some(owner);
        self.know_target(Target::User(owner), OWNER)
    }

    fn know_target(&mut self, target: Target, reason: &'static str) -> Result<(), PipelineError> {
        self.statistics.target = Some(TargetChoice {
            target: target.to_string(),
            reason,
        });
        self.target = Some(target);
        let Some((_, chats)) = self.waiting.take() else {
            return Ok(());
        };
        for chat in chats.into_chats().map_err(PipelineError::Scratch)? {
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(PipelineError::Cancelled);
            }
            let mut chat = chat.map_err(PipelineError::Scratch)?;
            self.blocks_of_chat(&chat.head, &mut chat.records, &chat.arena)?;
        }
        Ok(())
    }

    fn end_chat(
        &mut self,
        end: &ChatEnd,
        records: &mut [Record],
        arena: &str,
    ) -> Result<(), PipelineError> {
        let funnel = &mut self.statistics.funnel;
        funnel.chats.read += 1;
        funnel.messages.read += end.read;
        let head = match &end.verdict {
            Ok(head) => head,
            &Err(reason) => {
                funnel.chats.dropped.add(reason, 1);
                if let Some(reason) = reason.of_messages() {
                    funnel.messages.dropped.add(reason, end.read);
                }
                if reason == ChatDrop::ChatType {
                    let known = CHAT_TYPES.into_iter().find(|known| *known == end.chat_type);
                    *self
                        .passed_over_types
                        .entry(known.unwrap_or("unknown type"))
                        .or_default() += 1;
                }
                return Ok(());
            }
        };
        funnel.messages.dropped.merge(&end.dropped);
        self.kept_messages += records.len() as u64;
        let mut by_sender = Vec::new();
        count_senders(records, &mut by_sender);
        self.senders.add_chat(head, &by_sender);
        if !records.is_sorted_by_key(|record| record.time) {
            records.sort_by_key(|record| record.time);
        }
        match &mut self.waiting {
            None => self.blocks_of_chat(head, records, arena),
            Some((finder, chats)) => {
                finder.add_chat(head, &by_sender);
                chats
                    .push(head, records, arena)
                    .map_err(PipelineError::Scratch)
            }
        }
    }

    fn blocks_of_chat(
        &mut self,
        head: &ChatHead,
        records: &mut [Record],
        arena: &str,
    ) -> Result<(), PipelineError> {
        let target = self
            .target
            .as_ref()
            .expect("blocks are made once the target is known");
        let targets: Vec<bool> = head
            .senders
            .iter()
            .map(|sender| target.matches(sender))
            .collect();
        let lines = Lines {
            records,
            arena,
            targets: &targets,
            delimiter: self.delimiter,
        };
        let from_target = records
            .iter()
            .filter(|record| targets[record.sender as usize])
            .count();
        self.target_messages += from_target as u64;

        let blocks = self.pack(lines);
        let blocks: Vec<Block> = blocks
            .into_iter()
            .filter_map(|block| self.select(lines, block))
            .collect();
        if blocks.is_empty() {
            self.statistics
                .funnel
                .chats
                .dropped
                .add(ChatDrop::NoBlocks, 1);
            return Ok(());
        }
        self.statistics.funnel.chats.kept += 1;
        self.statistics.add_chat(&head.name, blocks.len() as u64);
        self.writer
            .begin_chat(&head.name, &head.chat_type, blocks.len());
        for block in blocks {
            self.emit(lines, block)?;
        }
        self.writer.end_chat();
        Ok(())
    }

    fn pack(&mut self, lines: Lines<'_>) -> Vec<Block> {
        let (records, threshold) = (lines.records, self.settings.threshold);
        let max = self.settings.limits.max();
        match self.settings.token_budget {
            TokenBudget::Content => {
                pack::pack(records, threshold, &mut ContentMeter::new(records, max))
            }
            TokenBudget::Rendered => {
                let mut meter =
                    RenderedMeter::new(&mut self.counter, lines, self.system_tokens, max);
                pack::pack(records, threshold, &mut meter)
            }
        }
    }

    /// Decides whether a block is kept, and what of it; counts what is not.
    fn select(&mut self, lines: Lines<'_>, block: Block) -> Option<Block> {
        let limits = self.settings.limits;
        self.blocks.largest = self.blocks.largest.max(block.tokens);
        let dropped = &mut self.statistics.funnel.messages.dropped;
        let messages = block.messages.len() as u64;
        if block.tokens > limits.max() {
            self.blocks.too_long += 1;
            dropped.add(MessageDrop::MessageTooLong, messages);
            return None;
        }
        if block.tokens < limits.min() {
            self.blocks.too_short += 1;
            dropped.add(MessageDrop::BlockTooShort, messages);
            return None;
        }
        if self.settings.role_order == RoleOrder::AsIs {
            return Some(block);
        }
        let Some(kept) = roles::user_first(block.messages.clone(), |index| lines.role(index))
        else {
            self.blocks.no_exchange += 1;
            dropped.add(MessageDrop::NoExchange, messages);
            return None;
        };
        if kept == block.messages {
            return Some(block);
        }
        let tokens = self.measure(lines, kept.clone());
        let dropped = &mut self.statistics.funnel.messages.dropped;
        if tokens < limits.min() {
            self.blocks.too_short += 1;
            dropped.add(MessageDrop::BlockTooShort, messages);
            return None;
        }
        dropped.add(MessageDrop::RoleOrder, messages - kept.len() as u64);
        Some(Block {
            messages: kept,
            tokens,
        })
    }

    /// The tokens of a run of messages, as the budget counts them.
    fn measure(&mut self, lines: Lines<'_>, messages: Range<usize>) -> u64 {
        match self.settings.token_budget {
            TokenBudget::Content => lines.records[messages]
                .iter()
                .map(|record| u64::from(record.tokens))
                .sum(),
            TokenBudget::Rendered => {
                let mut content = String::new();
                let mut tokens = self.system_tokens;
                for run in lines.merged(messages) {
                    content.clear();
                    push_content(lines, run, &mut content);
                    tokens += u64::from(self.counter.count(&content));
                }
                tokens
            }
        }
    }

    fn emit(&mut self, lines: Lines<'_>, block: Block) -> Result<(), PipelineError> {
        let Block { messages, tokens } = block;
        let last_run = lines
            .merged(messages.clone())
            .last()
            .expect("a block has messages");
        let from = lines.records[messages.start].stamp;
        let to = lines.records[last_run.start].stamp;
        self.statistics
            .duration_minutes_per_block
            .add((to - from) as f64 / 60e6);
        self.statistics.funnel.messages.in_blocks += messages.len() as u64;
        let emitted_tokens = match self.settings.token_budget {
            TokenBudget::Rendered => {
                self.writer.block(lines, messages, |_| {})?;
                tokens
            }
            TokenBudget::Content => {
                let (mut tokens, counter) = (self.system_tokens, &mut self.counter);
                let count = |content: &str| tokens += u64::from(counter.count(content));
                self.writer.block(lines, messages, count)?;
                tokens
            }
        };
        self.statistics.tokens_per_block.add(emitted_tokens as f64);
        Ok(())
    }

    /// Ends the outputs after the last chunk.
    pub(crate) fn finish(mut self) -> Result<Statistics, Failure> {
        match self.complete().and_then(|()| self.writer.finish()) {
            Ok(()) => Ok(self.statistics),
            Err(error) => Err(Failure {
                error,
                statistics: self.statistics.into(),
            }),
        }
    }

    fn complete(&mut self) -> Result<(), PipelineError> {
        if let Some(target) = &self.settings.target {
            let choice = TargetChoice {
                target: target.to_string(),
                reason: CONFIGURED,
            };
            self.statistics.target = Some(choice);
        }
        if self.kept_messages == 0 {
            return Err(PipelineError::NoUsableChat(self.nothing_usable()));
        }
        if self.owners_differ {
            return Err(PipelineError::UnknownTarget {
                why: "the exports belong to different owners",
                senders: self.senders.most_frequent(LISTED),
            });
        }
        if let Some((finder, chats)) = &mut self.waiting {
            let target = match std::mem::take(finder).find(&self.senders) {
                Ok(target) => target,
                Err(error) => {
                    let funnel = &mut self.statistics.funnel;
                    funnel.chats.dropped.add(ChatDrop::NoTarget, chats.count());
                    funnel
                        .messages
                        .dropped
                        .add(MessageDrop::NoTarget, self.kept_messages);
                    return Err(error);
                }
            };
            self.know_target(target, NO_CONTACT)?;
        }
        debug_assert!(self.statistics.funnel.balances());
        if self.target_messages == 0 {
            let target = self.target.as_ref().expect("it was configured or found");
            return Err(PipelineError::NoTargetMessages {
                kept: self.kept_messages,
                target: target.to_string(),
                senders: self.senders.most_frequent(LISTED),
            });
        }
        if self.statistics.num_blocks() == 0 {
            return Err(PipelineError::NoBlocks(self.no_block()));
        }
        Ok(())
    }

    fn nothing_usable(&self) -> String {
        let funnel = &self.statistics.funnel;
        let chats = funnel.chats.read;
        let passed_over = funnel.chats.dropped.sum() - funnel.chats.dropped.get(ChatDrop::NoBlocks);
        if chats > passed_over && funnel.messages.read == 0 {
            return format!("no usable chat: none of the {chats} chats has a message");
        }
        if chats > passed_over {
            let reasons = reasons(MessageDrop::ALL, |reason| {
                (reason.name(), funnel.messages.dropped.get(reason))
            });
            return format!(
                "no usable chat: none of the {} messages was kept ({reasons}); kept are messages \
                 with a sender, text and a date, not before date_limit",
                funnel.messages.read
            );
        }
        if chats == 0 {
            return "no usable chat: the list of chats is empty".to_owned();
        }
        let reasons = reasons(ChatDrop::ALL, |reason| {
            (reason.name(), funnel.chats.dropped.get(reason))
        });
        let types: Vec<String> = self
            .passed_over_types
            .iter()
            .map(|(name, count)| format!("{count} {name}"))
            .collect();
        let hint = if types.is_empty() {
            String::new()
        } else {
            format!(
                "; chat_types (--chat-type) selects {} and passed over: {}",
                self.settings.chat_types.join(", "),
                types.join(", ")
            )
        };
        format!("no usable chat: all {chats} chats were passed over ({reasons}){hint}")
    }

    fn no_block(&self) -> String {
        let BlockTally {
            too_short,
            too_long,
            no_exchange,
            largest,
        } = self.blocks;
        let limits = self.settings.limits;
        let hint = if too_short >= too_long.max(no_exchange) {
            "lower min_tokens_per_block (--min-tokens-per-block) or raise \
             convo_block_threshold_secs (--convo-block-threshold-secs)"
        } else if too_long >= no_exchange {
            "raise max_tokens_per_block (--max-tokens-per-block)"
        } else {
            "use role_order as_is (--role-order) or raise convo_block_threshold_secs \
             (--convo-block-threshold-secs)"
        };
        format!(
            "no block was kept: {too_short} under min_tokens_per_block ({}), {too_long} over \
             max_tokens_per_block ({}), {no_exchange} without an exchange for role_order; the \
             largest had {largest} tokens; {hint}",
            limits.min(),
            limits.max()
        )
    }
}

/// Lists the reasons that occurred.
fn reasons<R: Copy>(all: &[R], count: impl Fn(R) -> (&'static str, u64)) -> String {
    let occurred = all
        .iter()
        .map(|&reason| count(reason))
        .filter(|&(_, count)| count > 0);
    occurred
        .map(|(name, count)| format!("{count} {name}"))
        .collect::<Vec<_>>()
        .join(", ")
}
