//! From kept messages to blocks in the outputs: what happens to a chat once it is whole.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use resonare_consumers::SpecialTokens;
use resonare_redaction::{PersonalData, Region};

use crate::chat_buffer::{ChatBuffer, ChunkPart};
use crate::chat_output::ChatOutput;
use crate::chunk::{ChatEnd, Chunk, ReadChat};
use crate::error::PipelineError;
use crate::explain::{NoBlockKept, NothingUsable, TargetProblem};
use crate::failure::Failure;
use crate::funnel::{ChatDrop, MessageDrop};
use crate::overlaps::{AddedCopy, ChatCopy, OverlappingChat, chats_of_copies};
use crate::pseudonyms::PSEUDONYM_OF_TARGET;
use crate::redact::{LateRedactor, LateRegion, NameCollection};
use crate::release::{CastChat, ChatToRelease, ChatsUnderWay, PreparerThreads, ReleasedChat};
use crate::remedies;
use crate::sender::Target;
use crate::senders::{SenderCounts, count_senders};
use crate::settings::{CHAT_TYPES, Settings};
use crate::statistics::Statistics;
use crate::target::TargetSearch;
use crate::tokens::TokenCounter;
use crate::waiting::{WaitedChat, WaitedChats, WaitingChats};
use crate::warnings;
use crate::whole_chat::{ReadyChat, WholeChatOutput};

/// How many senders an error lists.
const LISTED: usize = 10;

/// What a run works by.
#[derive(Clone, Copy)]
pub(crate) struct RunContext<'a> {
    pub(crate) settings: &'a Settings,
    /// What is written must not read as.
    pub(crate) special_tokens: &'a SpecialTokens,
    /// Whether chats that several inputs hold are made one.
    pub(crate) joins_inputs: bool,
    /// Where temporary files may be made.
    pub(crate) scratch_dir: &'a Path,
    /// Set by another thread to end the run.
    pub(crate) cancelled: &'a AtomicBool,
}

impl RunContext<'_> {
    /// Whether no chat can be written before all inputs are read.
    fn waits_for_all(&self) -> bool {
        self.joins_inputs || LateRedactor::is_needed(self.settings)
    }

    fn replaces_names(&self) -> bool {
        self.settings.redact.contains(&PersonalData::Name)
    }
}

/// What is known when chats that waited are written.
#[derive(Clone, Copy)]
struct KnownLate<'a> {
    target: &'a Target,
    redactor: Option<&'a LateRedactor>,
}

/// Takes counted chunks in order, and writes the blocks of each chat that ends.
pub(crate) struct Finisher<'a, C> {
    context: RunContext<'a>,
    output: WholeChatOutput<'a, C>,
    /// Those that prepare chats that have waited.
    threads: PreparerThreads<'a, C>,
    statistics: Statistics,
    target: TargetSearch,
    /// The chats so far, until it is known how they are written.
    waiting: Option<WaitingChats>,
    /// Of each of them.
    copies: Vec<ChatCopy>,
    /// By the inputs' places.
    owners: HashMap<usize, u64>,
    /// Where the inputs' phone numbers are dialed, by their places.
    regions: HashMap<usize, Region>,
    /// The inputs that had messages before that was known.
    read_without_region: HashSet<usize>,
    names: NameCollection,
    /// Whether each of the excluded chats was met.
    excluded: Vec<bool>,
    buffer: ChatBuffer,
    senders: SenderCounts,
    kept_messages: u64,
}

impl<'a, C: TokenCounter> Finisher<'a, C> {
    pub(crate) fn new(
        context: RunContext<'a>,
        statistics: Statistics,
        output: ChatOutput<'a, C>,
        threads: PreparerThreads<'a, C>,
    ) -> Self {
        let target = TargetSearch::new(context.settings.target.as_ref());
        let waits = context.waits_for_all() || target.known().is_none();
        let waiting = waits.then(|| WaitingChats::new(context.scratch_dir));
        Self {
            context,
            output: WholeChatOutput::new(context.settings, context.special_tokens, output),
            threads,
            statistics,
            target,
            waiting,
            copies: Vec::new(),
            owners: HashMap::new(),
            regions: HashMap::new(),
            read_without_region: HashSet::new(),
            names: NameCollection::new(context.settings),
            excluded: vec![false; context.settings.exclude_chats.len()],
            buffer: ChatBuffer::default(),
            senders: SenderCounts::default(),
            kept_messages: 0,
        }
    }

    /// Takes a chunk whose tokens are counted.
    pub(crate) fn take(&mut self, chunk: &mut Chunk) -> Result<(), PipelineError> {
        self.statistics.funnel.mended.add(&chunk.mended);
        self.statistics.special_token_text += chunk.special_token_text;
        self.statistics.redacted.merge(&chunk.redacted);
        if let Some(region) = chunk.region {
            self.regions.insert(chunk.input, region);
        }
        self.statistics.salvaged = self.statistics.salvaged.or(chunk.salvaged);
        for owner in std::mem::take(&mut chunk.owners) {
            self.target.meet_owner(owner);
            self.owners.insert(chunk.input, owner);
            if !self.context.waits_for_all() {
                self.release_waiting()?;
            }
        }
        let input = chunk.input;
        if chunk.region.is_none() && !chunk.records.is_empty() {
            self.read_without_region.insert(input);
        }
        let mut rest = ChunkPart {
            records: 0..0,
            notes: 0..0,
        };
        let ends = std::mem::take(&mut chunk.ends);
        for end in &ends {
            let part = ChunkPart {
                records: rest.records.end..end.records_end,
                notes: rest.notes.end..end.notes_end,
            };
            rest = part.clone();
            if self.buffer.is_empty() {
                let chat = ReadChat {
                    records: &mut chunk.records[part.records],
                    notes: &chunk.notes[part.notes],
                    arena: &chunk.text,
                };
                self.end_chat(input, end, chat)?;
            } else {
                self.buffer.append(chunk, part);
                let mut whole = std::mem::take(&mut self.buffer);
                let chat = ReadChat {
                    records: &mut whole.records,
                    notes: &whole.notes,
                    arena: &whole.arena,
                };
                self.end_chat(input, end, chat)?;
            }
        }
        let rest = ChunkPart {
            records: rest.records.end..chunk.records.len(),
            notes: rest.notes.end..chunk.notes.len(),
        };
        self.buffer.append(chunk, rest);
        chunk.ends = ends;
        Ok(())
    }

    fn end_chat(
        &mut self,
        input: usize,
        end: &ChatEnd,
        chat: ReadChat<'_>,
    ) -> Result<(), PipelineError> {
        if let Some(entry) = end.excluded_by {
            self.excluded[entry] = true;
        }
        if self.context.replaces_names() {
            self.names.add_chat(end);
        }
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
        self.kept_messages += chat.records.len() as u64;
        let by_sender = count_senders(chat.records);
        self.senders.add_chat(head, &by_sender);
        if self.target.known().is_none() {
            self.target.add_chat(head, &by_sender);
        }
        self.target.note_names(head, &by_sender);
        if let Some(waiting) = &mut self.waiting {
            let copy = ChatCopy::new(input, head, &by_sender, chat.notes);
            self.copies.push(copy);
            return waiting.push(head, &chat).map_err(PipelineError::Scratch);
        }
        let target = self.target.known();
        let target = target.expect("chats wait while the target is not known");
        self.output.write(head, chat, target, &mut self.statistics)
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
            let passed_over = &mut self.statistics.passed_over_types;
            let passed_over = passed_over.entry(name).or_default();
            passed_over.chats += 1;
            passed_over.messages += end.read;
        }
    }

    /// Writes the chats that waited for the target, if it is known.
    fn release_waiting(&mut self) -> Result<(), PipelineError> {
        let Some(target) = self.target.known().cloned() else {
            return Ok(());
        };
        let Some(chats) = self.waiting.take() else {
            return Ok(());
        };
        let late_redactor =
            LateRedactor::is_needed(self.context.settings).then(|| self.know_names(&target));
        let mut chats = chats.end().map_err(PipelineError::Scratch)?;
        let joined = if self.context.joins_inputs {
            chats_of_copies(&self.copies, &self.owners)
        } else {
            (0..chats.count()).map(|place| vec![place]).collect()
        };
        let known = KnownLate {
            target: &target,
            redactor: late_redactor.as_ref(),
        };
        if self.threads.count == 0 {
            for places in joined {
                let chat = self.cast(&mut chats, &places, known)?;
                let released = chat.prepare(known.redactor, self.output.preparer());
                self.write_released(released.map_err(PipelineError::Scratch)?)?;
            }
            return Ok(());
        }
        let sized = joined
            .into_iter()
            .map(|places| (chats.size(&places), places));
        let mut sized = sized.collect::<Vec<_>>().into_iter().peekable();
        std::thread::scope(|scope| {
            let mut under_way = ChatsUnderWay::start(scope, &self.threads, known.redactor);
            loop {
                while let Some((size, places)) =
                    sized.next_if(|(size, _)| under_way.has_room_for(*size))
                {
                    under_way.send(self.cast(&mut chats, &places, known)?, size);
                }
                let Some(released) = under_way.next() else {
                    return Ok(());
                };
                self.write_released(released.map_err(PipelineError::Scratch)?)?;
                under_way.written();
            }
        })
    }

    fn write_released(&mut self, released: ReleasedChat) -> Result<(), PipelineError> {
        let ReleasedChat {
            cast,
            records,
            arena,
            parts,
            redacted,
        } = released;
        self.statistics.redacted.merge(&redacted);
        let ready = ReadyChat {
            cast: &cast,
            records: &records,
            arena: &arena,
            parts,
        };
        self.output.write_ready(ready, &mut self.statistics)
    }

    /// All names are known now.
    fn know_names(&mut self, target: &Target) -> LateRedactor {
        let settings = self.context.settings;
        if let Target::Name(name) = target {
            self.names.add_person(name);
        }
        let late = LateRedactor::new(settings, std::mem::take(&mut self.names));
        let prompt = settings.system_prompt.as_deref();
        self.statistics.is_name_in_system_prompt =
            prompt.is_some_and(|prompt| late.names_somebody(prompt));
        late
    }

    /// The next chat, of all its copies, with what the chats before it decide.
    fn cast(
        &mut self,
        chats: &mut WaitedChats,
        places: &[usize],
        known: KnownLate<'_>,
    ) -> Result<CastChat, PipelineError> {
        if self.context.cancelled.load(Ordering::Relaxed) {
            return Err(PipelineError::Cancelled);
        }
        let chat = if let [place] = *places {
            let stored = chats.read(place);
            stored.map(|stored| ChatToRelease::Stored(stored, self.late_region(place)))
        } else {
            let joined = self.joined(chats, places, known);
            joined.map(ChatToRelease::Joined)
        };
        let mut chat = chat.map_err(PipelineError::Scratch)?;
        let head = chat.take_head();
        if self.target.lacks_name() {
            let by_sender = count_senders(&chat.records());
            self.target.note_names(&head, &by_sender);
        }
        let head = Cow::Owned(head);
        let cast = self.output.cast(head, known.target, &mut self.statistics);
        Ok(CastChat { cast, chat })
    }

    fn late_region(&self, place: usize) -> LateRegion {
        let input = self.copies[place].input;
        let region = self.regions.get(&input).copied();
        LateRegion {
            region,
            region_is_new: region.is_some() && self.read_without_region.contains(&input),
        }
    }

    /// A copy that has waited, without the personal data that can be found now.
    fn redacted(
        &mut self,
        chats: &mut WaitedChats,
        place: usize,
        redactor: Option<&LateRedactor>,
    ) -> io::Result<WaitedChat> {
        let mut chat = chats.read(place)?.decode()?;
        if let Some(redactor) = redactor {
            let late = self.late_region(place);
            let counts = &mut self.statistics.redacted;
            let selector = self.output.preparer().selector();
            redactor.redact(&mut chat, late, counts, |text| selector.count_text(text));
        }
        Ok(chat)
    }

    /// One chat of all its copies, with each message once.
    fn joined(
        &mut self,
        chats: &mut WaitedChats,
        places: &[usize],
        known: KnownLate<'_>,
    ) -> io::Result<WaitedChat> {
        let first = self.redacted(chats, places[0], known.redactor)?;
        let has_owner = |this: &Self, place: usize| {
            let input = this.copies[place].input;
            this.owners.contains_key(&input)
        };
        let all_have_owners = places.iter().all(|place| has_owner(self, *place));
        let mut whole = OverlappingChat::new(all_have_owners, &first.head);
        let mut next = Some(first);
        for &place in places {
            let copy = AddedCopy {
                input: self.copies[place].input,
                has_owner: has_owner(self, place),
                chat: match next.take() {
                    Some(first) => first,
                    None => self.redacted(chats, place, known.redactor)?,
                },
            };
            whole.add(copy, &mut self.statistics.funnel.messages.dropped);
        }
        let others = places.len() as u64 - 1;
        let dropped = &mut self.statistics.funnel.chats.dropped;
        dropped.add(ChatDrop::RepeatedChat, others);
        Ok(whole.end())
    }

    /// What is known so far, where the run failed.
    pub(crate) fn into_statistics(self) -> Statistics {
        let mut statistics = self.statistics;
        statistics.target = self.target.choice();
        if let Some(choice) = &mut statistics.target
            && !self.context.settings.redact.is_empty()
        {
            PSEUDONYM_OF_TARGET.clone_into(&mut choice.target);
            choice.name = None;
        }
        statistics
    }

    /// Ends the outputs after the last chunk.
    pub(crate) fn finish(mut self) -> Result<Statistics, Failure> {
        let RunContext {
            settings,
            joins_inputs,
            ..
        } = self.context;
        match self.complete().and_then(|()| self.output.finish()) {
            Ok(()) => {
                let tally = self.output.tally();
                let mut statistics = self.into_statistics();
                statistics.warnings = warnings::of_run(settings, &statistics, &tally);
                statistics.remedies = remedies::of_run(settings, &statistics, joins_inputs);
                Ok(statistics)
            }
            Err(error) => {
                let has_blocks_to_gain = matches!(error, PipelineError::NoBlocks(_));
                let mut statistics = self.into_statistics();
                if has_blocks_to_gain {
                    statistics.remedies = remedies::of_run(settings, &statistics, joins_inputs);
                }
                Err(Failure::new(error, statistics))
            }
        }
    }

    fn complete(&mut self) -> Result<(), PipelineError> {
        let unmet = self.excluded.iter().filter(|was_met| !**was_met).count();
        self.statistics.unmatched_exclusions = unmet as u64;
        if self.kept_messages == 0 {
            // Those that wait have nothing to write.
            let waiting = self.waiting.as_ref().map_or(0, WaitingChats::count);
            let chats = &mut self.statistics.funnel.chats;
            chats.dropped.add(ChatDrop::NoBlocks, waiting);
            return Err(PipelineError::NoUsableChat(self.nothing_usable().into()));
        }
        self.conclude_target()
            .map_err(|why| PipelineError::UnknownTarget {
                why,
                senders: self.senders.most_frequent(LISTED),
            })?;
        self.release_waiting()?;
        debug_assert!(self.statistics.funnel.balances());
        let dropped = &self.statistics.funnel.messages.dropped;
        if dropped.get(MessageDrop::SmallChat) == self.kept_messages {
            return Err(PipelineError::NoUsableChat(self.nothing_usable().into()));
        }
        if self.output.target_messages() == 0 {
            let target = self.target.known().expect("it was configured or found");
            return Err(PipelineError::NoTargetMessages {
                kept: self.kept_messages,
                target: target.to_string(),
                namesake: self.target.namesake(),
                senders: self.senders.most_frequent(LISTED),
            });
        }
        if self.statistics.num_blocks() == 0 {
            return Err(PipelineError::NoBlocks(NoBlockKept {
                tally: self.output.tally(),
                limits: self.context.settings.limits,
                consumer: self.context.settings.consumer,
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
        let passed_over = &self.statistics.passed_over_types;
        NothingUsable {
            funnel: self.statistics.funnel.clone(),
            passed_over_types: passed_over
                .iter()
                .map(|(name, count)| (*name, count.chats))
                .collect(),
            selected_types: self.context.settings.chat_types.clone(),
        }
    }
}
