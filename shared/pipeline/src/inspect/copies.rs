//! Chats of several inputs, which wait without their texts until each can be told with its messages once.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::chat_buffer::{ChatBuffer, ChunkPart};
use crate::chunk::{ChatEnd, Chunk, ReadChat, Record};
use crate::error::PipelineError;
use crate::funnel::MessageDrop;
use crate::overlaps::{AddedCopy, ChatCopy, OverlappingChat, chats_of_copies};
use crate::senders::count_senders;
use crate::waiting::{WaitedChat, WaitedChats, WaitingChats};

/// Bytes that a token of chats has, about, whatever the language.
const BYTES_PER_TOKEN: u32 = 4;

/// The tokens of a text of which only the length is known, or of one that was left out since.
pub(super) fn estimated_tokens(record: &Record) -> u32 {
    record.tokens.max(record.text_len.div_ceil(BYTES_PER_TOKEN))
}

/// A chat as an input ends it, and its place among all that were read.
pub(super) struct EndedChat {
    pub(super) place: usize,
    pub(super) end: ChatEnd,
}

/// A chat of all its copies, or of the one that there is.
pub(super) struct JoinedChat {
    /// As the first of them ended, with the counts of all.
    pub(super) ended: EndedChat,
    pub(super) records: Vec<Record>,
    pub(super) arena: String,
    /// How many copies there are beside the first.
    pub(super) repeated_chats: u64,
    pub(super) repeated_messages: u64,
}

/// Copies of chats, of several inputs.
pub(super) struct ChatCopies {
    waiting: WaitingChats,
    copies: Vec<ChatCopy>,
    /// Of each of them.
    ends: Vec<EndedChat>,
    /// By the inputs' places.
    owners: HashMap<usize, u64>,
    /// The inputs that had these chats, which can't be used, first.
    unusable: HashMap<(Cow<'static, str>, u64), usize>,
    /// Of those, how many are in later inputs again.
    repeated_unusable: u64,
    /// The chat that has not ended yet.
    buffer: ChatBuffer,
}

impl ChatCopies {
    pub(super) fn new(scratch_dir: &Path) -> Self {
        Self {
            waiting: WaitingChats::new(scratch_dir),
            copies: Vec::new(),
            ends: Vec::new(),
            owners: HashMap::new(),
            unusable: HashMap::new(),
            repeated_unusable: 0,
            buffer: ChatBuffer::default(),
        }
    }

    /// An input says whose export it is.
    pub(super) fn meet_owner(&mut self, input: usize, owner: u64) {
        self.owners.insert(input, owner);
    }

    /// More of the chat that has not ended.
    pub(super) fn append(&mut self, chunk: &Chunk, part: ChunkPart) {
        self.buffer.append(chunk, part);
    }

    /// The chat that was appended has ended. One that can't be used is given back as it is, since it waits for nothing,
    /// if no earlier input had it.
    pub(super) fn end_chat(
        &mut self,
        input: usize,
        ended: EndedChat,
    ) -> io::Result<Option<JoinedChat>> {
        let EndedChat { place, mut end } = ended;
        let ChatBuffer {
            mut records,
            notes,
            arena,
        } = std::mem::take(&mut self.buffer);
        let Ok(head) = &mut end.verdict else {
            if self.is_known(input, &end) {
                self.repeated_unusable += 1;
                return Ok(None);
            }
            return Ok(Some(JoinedChat {
                ended: EndedChat { place, end },
                records,
                arena,
                repeated_chats: 0,
                repeated_messages: 0,
            }));
        };
        // It comes back with the messages.
        let head = std::mem::take(head);
        let arena = without_texts(&mut records, &arena);
        let by_sender = count_senders(&records);
        self.copies
            .push(ChatCopy::new(input, &head, &by_sender, &notes));
        self.ends.push(EndedChat { place, end });
        let chat = ReadChat {
            records: &mut records,
            notes: &notes,
            arena: &arena,
        };
        self.waiting.push(&head, &chat)?;
        Ok(None)
    }

    /// Whether an earlier input had a chat that can't be used.
    fn is_known(&mut self, input: usize, end: &ChatEnd) -> bool {
        let Some(id) = end.id else { return false };
        let chat = (end.chat_type.clone(), id);
        *self.unusable.entry(chat).or_insert(input) != input
    }

    /// Chats that can't be used, and that an earlier input had.
    pub(super) fn repeated_unusable(&self) -> u64 {
        self.repeated_unusable
    }

    /// Gives each chat with its messages once, in the order of their first copies.
    pub(super) fn join(
        self,
        cancelled: &AtomicBool,
        mut take: impl FnMut(JoinedChat),
    ) -> Result<(), PipelineError> {
        let mut waited = self.waiting.end().map_err(PipelineError::Scratch)?;
        let mut ends: Vec<_> = self.ends.into_iter().map(Some).collect();
        for places in chats_of_copies(&self.copies, &self.owners) {
            if cancelled.load(Ordering::Relaxed) {
                return Err(PipelineError::Cancelled);
            }
            let known = KnownCopies {
                copies: &self.copies,
                owners: &self.owners,
            };
            let mut ends = places.iter().filter_map(|place| ends[*place].take());
            let mut ended = ends
                .next()
                .expect("each chat has a copy, and no two have one");
            for EndedChat { end, .. } in ends {
                ended.end.read += end.read;
                ended.end.dropped.merge(&end.dropped);
            }
            let whole = known
                .joined(&mut waited, &places, &mut ended.end)
                .map_err(PipelineError::Scratch)?;
            let repeated_messages = ended.end.dropped.get(MessageDrop::RepeatedMessage);
            ended.end.read -= repeated_messages;
            let WaitedChat {
                head,
                records,
                arena,
                ..
            } = whole;
            ended.end.verdict = Ok(head);
            take(JoinedChat {
                ended,
                records,
                arena,
                repeated_chats: places.len() as u64 - 1,
                repeated_messages,
            });
        }
        Ok(())
    }
}

/// What is known of all copies.
struct KnownCopies<'a> {
    copies: &'a [ChatCopy],
    owners: &'a HashMap<usize, u64>,
}

impl KnownCopies<'_> {
    /// One chat of the copies in these places. What is not new in one is counted in `end`.
    fn joined(
        &self,
        waited: &mut WaitedChats,
        places: &[usize],
        end: &mut ChatEnd,
    ) -> io::Result<WaitedChat> {
        let has_owner = |place: &usize| self.owners.contains_key(&self.copies[*place].input);
        let mut whole: Option<OverlappingChat> = None;
        for place in places {
            let chat = waited.read(*place)?.decode()?;
            if places.len() == 1 {
                return Ok(chat);
            }
            let all_have_owners = places.iter().all(has_owner);
            let whole =
                whole.get_or_insert_with(|| OverlappingChat::new(all_have_owners, &chat.head));
            let copy = AddedCopy {
                input: self.copies[*place].input,
                has_owner: has_owner(place),
                chat,
            };
            whole.add(copy, &mut end.dropped);
        }
        Ok(whole.map(OverlappingChat::end).unwrap_or_default())
    }
}

/// Takes the texts out of records, which keep an estimate of their tokens; what is left is the dates as written.
fn without_texts(records: &mut [Record], arena: &str) -> String {
    let mut dates = String::new();
    for record in records {
        dates.push_str(record.written_date(arena));
        record.tokens = estimated_tokens(record);
        record.set_text(dates.len()..dates.len());
    }
    dates
}
