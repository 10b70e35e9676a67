//! From kept messages to blocks in the outputs: what happens to a chat once it is whole.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::chat_buffer::ChatBuffer;
use crate::chat_output::ChatOutput;
use crate::chunk::{ChatEnd, Chunk, Record, WholeChat};
use crate::error::PipelineError;
use crate::explain::{NoBlockKept, NothingUsable, TargetProblem};
use crate::failure::Failure;
use crate::funnel::{ChatDrop, MessageDrop};
use crate::senders::{SenderCounts, count_senders};
use crate::settings::{CHAT_TYPES, Settings};
use crate::statistics::Statistics;
use crate::target::TargetSearch;
use crate::tokens::TokenCounter;
use crate::waiting::WaitingChats;

/// How many senders an error lists.
const LISTED: usize = 10;

/// What a run works by.
#[derive(Clone, Copy)]
pub(crate) struct RunContext<'a> {
    pub(crate) settings: &'a Settings,
    /// Where temporary files may be made.
    pub(crate) scratch_dir: &'a Path,
    /// Set by another thread to end the run.
    pub(crate) cancelled: &'a AtomicBool,
}

/// Takes counted chunks in order, and writes the blocks of each chat that ends.
pub(crate) struct Finisher<'a, C> {
    context: RunContext<'a>,
    output: ChatOutput<'a, C>,
    statistics: Statistics,
    target: TargetSearch,
    /// The chats so far, until the target is known.
    waiting: Option<WaitingChats>,
    buffer: ChatBuffer,
    senders: SenderCounts,
    kept_messages: u64,
    passed_over_types: BTreeMap<&'static str, u64>,
}

impl<'a, C: TokenCounter> Finisher<'a, C> {
    pub(crate) fn new(
        context: RunContext<'a>,
        statistics: Statistics,
        output: ChatOutput<'a, C>,
    ) -> Self {
        let target = TargetSearch::new(context.settings.target.as_ref());
        let waiting = match target.known() {
            Some(_) => None,
            None => Some(WaitingChats::new(context.scratch_dir)),
        };
        Self {
            context,
            output,
            statistics,
            target,
            waiting,
            buffer: ChatBuffer::default(),
            senders: SenderCounts::default(),
            kept_messages: 0,
            passed_over_types: BTreeMap::new(),
        }
    }

    /// Takes a chunk whose tokens are counted.
    pub(crate) fn take(&mut self, chunk: &mut Chunk) -> Result<(), PipelineError> {
        self.statistics.funnel.mended.add(&chunk.mended);
        self.statistics.special_token_text += chunk.special_token_text;
        self.statistics.salvaged = self.statistics.salvaged.or(chunk.salvaged);
        for owner in std::mem::take(&mut chunk.owners) {
            self.target.meet_owner(owner);
            self.release_waiting()?;
        }
        let mut start = 0;
        let ends = std::mem::take(&mut chunk.ends);
        for end in &ends {
            let records = start..end.records_end;
            start = records.end;
            if self.buffer.is_empty() {
                let Chunk {
                    text, records: all, ..
                } = &mut *chunk;
                self.end_chat(end, &mut all[records], text)?;
            } else {
                self.buffer.append(chunk, records);
                let mut whole = std::mem::take(&mut self.buffer);
                self.end_chat(end, &mut whole.records, &whole.arena)?;
            }
        }
        self.buffer.append(chunk, start..chunk.records.len());
        chunk.ends = ends;
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
                self.drop_chat(end, reason);
                return Ok(());
            }
        };
        funnel.messages.dropped.merge(&end.dropped);
        self.kept_messages += records.len() as u64;
        let by_sender = count_senders(records);
        self.senders.add_chat(head, &by_sender);
        if !records.is_sorted_by_key(|record| record.time) {
            records.sort_by_key(|record| record.time);
        }
        let chat = WholeChat {
            head,
            records,
            arena,
        };
        if let Some(target) = self.target.known() {
            return self.output.write(chat, target, &mut self.statistics);
        }
        self.target.add_chat(head, &by_sender);
        let waiting = self.waiting.as_mut();
        waiting
            .expect("chats wait while the target is not known")
            .push(chat)
            .map_err(PipelineError::Scratch)
    }

    fn drop_chat(&mut self, end: &ChatEnd, reason: ChatDrop) {
        let funnel = &mut self.statistics.funnel;
        funnel.chats.dropped.add(reason, 1);
        if let Some(reason) = reason.of_messages() {
            funnel.messages.dropped.add(reason, end.read);
        }
        if reason == ChatDrop::ChatType {
            let known = CHAT_TYPES.into_iter().find(|known| *known == end.chat_type);
            let name = known.unwrap_or("unknown type");
            *self.passed_over_types.entry(name).or_default() += 1;
        }
    }

    /// Writes the chats that waited for the target, if it is known.
    fn release_waiting(&mut self) -> Result<(), PipelineError> {
        let Some(target) = self.target.known() else {
            return Ok(());
        };
        let Some(chats) = self.waiting.take() else {
            return Ok(());
        };
        for chat in chats.into_chats().map_err(PipelineError::Scratch)? {
            if self.context.cancelled.load(Ordering::Relaxed) {
                return Err(PipelineError::Cancelled);
            }
            let chat = chat.map_err(PipelineError::Scratch)?;
            self.output
                .write(chat.whole(), target, &mut self.statistics)?;
        }
        Ok(())
    }

    /// What is known so far, where the run failed.
    pub(crate) fn into_statistics(self) -> Statistics {
        let mut statistics = self.statistics;
        statistics.target = self.target.choice();
        statistics
    }

    /// Ends the outputs after the last chunk.
    pub(crate) fn finish(mut self) -> Result<Statistics, Failure> {
        match self.complete().and_then(|()| self.output.finish()) {
            Ok(()) => Ok(self.into_statistics()),
            Err(error) => Err(Failure {
                error,
                statistics: self.into_statistics().into(),
            }),
        }
    }

    fn complete(&mut self) -> Result<(), PipelineError> {
        if self.kept_messages == 0 {
            return Err(PipelineError::NoUsableChat(self.nothing_usable().into()));
        }
        self.conclude_target()
            .map_err(|why| PipelineError::UnknownTarget {
                why,
                senders: self.senders.most_frequent(LISTED),
            })?;
        self.release_waiting()?;
        debug_assert!(self.statistics.funnel.balances());
        if self.output.target_messages() == 0 {
            let target = self.target.known().expect("it was configured or found");
            return Err(PipelineError::NoTargetMessages {
                kept: self.kept_messages,
                target: target.to_string(),
                senders: self.senders.most_frequent(LISTED),
            });
        }
        if self.statistics.num_blocks() == 0 {
            return Err(PipelineError::NoBlocks(NoBlockKept {
                tally: self.output.tally(),
                limits: self.context.settings.limits,
            }));
        }
        Ok(())
    }

    fn conclude_target(&mut self) -> Result<(), TargetProblem> {
        let concluded = self.target.conclude();
        if let (Err(_), Some(waiting)) = (concluded, &self.waiting) {
            let (chats, messages) = (waiting.count(), self.kept_messages);
            let funnel = &mut self.statistics.funnel;
            funnel.chats.dropped.add(ChatDrop::NoTarget, chats);
            funnel.messages.dropped.add(MessageDrop::NoTarget, messages);
        }
        concluded
    }

    fn nothing_usable(&self) -> NothingUsable {
        NothingUsable {
            funnel: self.statistics.funnel.clone(),
            passed_over_types: self.passed_over_types.clone(),
            selected_types: self.context.settings.chat_types.clone(),
        }
    }
}
