//! Chats and their messages, wherever in an export they are.

use resonare_redaction::Region;

use super::fields::KeyOrders;
use super::interrupt::Interrupt;
use super::message;
use super::open_chat::{MessagesState, OpenChat, PlainValue};
use super::read_message::ReadMessage;
use super::reader::{ReadError, Reader};
use super::rules::ReadingRules;
use super::senders::Senders;
use super::sink::ChunkSink;
use crate::chunk::{ChatEnd, Chunk};
use crate::error::PipelineError;
use crate::explain::EarlyEnd;
use crate::funnel::{ChatDrop, DroppedMessages, MessageDrop};
use crate::json::cursor::{Cursor, Stop};
use crate::json::value;
use crate::json::walk;
use crate::salvage::{LastMessage, Salvage};

/// What an input is read with.
pub(crate) struct ReadingContext<'a> {
    /// What messages call the input.
    pub(crate) source: &'a str,
    pub(crate) rules: &'a ReadingRules<'a>,
    pub(crate) sink: &'a mut dyn ChunkSink,
    /// The input's place.
    pub(crate) input: usize,
    /// How many chats were met, over all inputs.
    pub(crate) chats: &'a mut u64,
}

/// What of a list comes before the element that is read next.
#[derive(Clone, Copy)]
enum Before {
    Bracket,
    Element,
    /// Whatever came before it was passed.
    Nothing,
    /// The end of the list was passed.
    End,
}

impl Before {
    /// Moves past it. `true` if an element follows.
    #[inline]
    fn pass(self, cursor: &mut Cursor<'_, '_>) -> Result<bool, Stop> {
        match self {
            Self::Bracket => walk::open_list(cursor),
            Self::Element => walk::after_element(cursor),
            Self::Nothing => Ok(true),
            Self::End => Ok(false),
        }
    }
}

/// Reads chats and hands their kept messages on.
pub(super) struct ChatReader<'a, 'o> {
    pub(super) reader: Reader<'a, 'o>,
    context: ReadingContext<'a>,
    chunk: Chunk,
    key_orders: KeyOrders,
    open: Option<OpenChat>,
    last_message: Option<LastMessage>,
    /// What would close the chat object at this point, were the input to end.
    closers: &'static str,
}

impl<'a, 'o> ChatReader<'a, 'o> {
    pub(super) fn new(reader: Reader<'a, 'o>, context: ReadingContext<'a>) -> Self {
        Self {
            reader,
            chunk: Chunk {
                input: context.input,
                ..Chunk::default()
            },
            context,
            key_orders: KeyOrders::default(),
            open: None,
            last_message: None,
            closers: "",
        }
    }

    /// Hands the last chunk on, after the input was read or reading it was interrupted.
    pub(super) fn finish(mut self, read: Result<(), Interrupt>) -> Result<(), PipelineError> {
        match read {
            Err(Interrupt::Read(ReadError::EndsEarly { position }))
                if self.context.rules.settings.salvage =>
            {
                self.salvage(position.byte_offset)?;
            }
            Err(Interrupt::Read(error)) => {
                let error = self.pipeline_error(error.into());
                // The statistics of a run that failed are of all that came before.
                self.push_last()?;
                return Err(error);
            }
            read => read.map_err(|interrupt| self.pipeline_error(interrupt))?,
        }
        self.push_last()
    }

    fn push_last(mut self) -> Result<(), PipelineError> {
        self.chunk.mended = self.reader.log.counts;
        self.context.sink.accept(self.chunk).map(drop)
    }

    fn pipeline_error(&self, interrupt: Interrupt) -> PipelineError {
        let source_name = self.context.source.to_owned();
        match interrupt {
            Interrupt::Run(error) => error,
            Interrupt::Read(ReadError::Io(cause)) => PipelineError::reading(&source_name, cause),
            Interrupt::Read(ReadError::RawCopy(cause)) => PipelineError::Write {
                output: "raw.json",
                cause,
            },
            Interrupt::Read(ReadError::Cancelled) => PipelineError::Cancelled,
            Interrupt::Read(ReadError::Syntax { position, problem }) => PipelineError::NotJson {
                source_name,
                position,
                problem,
            },
            Interrupt::Read(ReadError::TooLarge { position }) => PipelineError::NotJson {
                source_name,
                position,
                problem: "a name, an id or a key of more than 16 MiB",
            },
            Interrupt::Read(ReadError::EndsEarly { position }) => PipelineError::EndsEarly {
                source_name,
                end: EarlyEnd {
                    position,
                    last_message: self.last_message,
                    compressed: self.reader.cut_short(),
                },
            },
        }
    }

    /// The input ended early: what is complete counts.
    fn salvage(&mut self, byte_offset: u64) -> Result<(), PipelineError> {
        self.chunk.salvaged = Some(Salvage {
            byte_offset,
            last_message: self.last_message,
        });
        if self.has_messages() {
            let closers = self.closers;
            self.end_chat_with(closers)
                .map_err(|interrupt| self.pipeline_error(interrupt))?;
        }
        Ok(())
    }

    /// The input's owner is named.
    pub(super) fn push_owner(&mut self, owner: u64) {
        self.chunk.owners.push(owner);
    }

    /// The phone number of the input's owner, which tells where numbers are dialed.
    pub(super) fn know_region(&mut self, number: &str) -> Result<(), Interrupt> {
        // It is not known of what came before.
        if !self.chunk.records.is_empty() {
            self.flush()?;
        }
        self.chunk.region = Region::of_number(number);
        Ok(())
    }

    pub(super) fn second_list(&self, key: &'static str) -> Interrupt {
        PipelineError::SecondList {
            source_name: self.context.source.to_owned(),
            key,
            position: self.reader.position(),
        }
        .into()
    }

    /// Reads a list of chats.
    pub(super) fn chat_list(&mut self) -> Result<(), Interrupt> {
        let mut more = self.reader.attempt(walk::open_list)?;
        while more {
            if self.reader.peek_value()? == b'{' {
                self.chat()?;
            } else {
                self.reader.skip_value()?;
                *self.context.chats += 1;
                self.push_unread(ChatDrop::NotAnObject)?;
            }
            more = self.reader.attempt(walk::after_element)?;
        }
        Ok(())
    }

    fn chat(&mut self) -> Result<(), Interrupt> {
        self.begin_chat()?;
        let mut member = self.reader.first_key()?;
        while let Some(key) = member {
            self.chat_member(&key)?;
            member = self.reader.next_key()?;
        }
        self.end_chat()
    }

    /// An object that may be a chat begins.
    pub(super) fn begin_chat(&mut self) -> Result<(), Interrupt> {
        self.reader.raw_begin()?;
        self.open = Some(OpenChat::default());
        Ok(())
    }

    /// The object that began is not a chat.
    pub(super) fn cancel_chat(&mut self) -> Result<(), Interrupt> {
        self.open = None;
        self.reader.raw_cancel()?;
        Ok(())
    }

    /// Whether the object that is being read has had its `messages`.
    pub(super) fn has_messages(&self) -> bool {
        self.open.as_ref().is_some_and(OpenChat::has_messages)
    }

    fn chat_mut(&mut self) -> &mut OpenChat {
        self.open
            .as_mut()
            .expect("members are read while their chat is open")
    }

    /// Reads the value of one member of the open chat.
    pub(super) fn chat_member(&mut self, key: &str) -> Result<(), Interrupt> {
        match key {
            "name" | "type" | "id" => self.head_member(key)?,
            "messages" => {
                if self.has_messages() {
                    return Err(self.second_list("messages"));
                }
                if self.reader.peek_value()? == b'[' {
                    if self.chat_mut().has_name() {
                        self.reader.raw_admit()?;
                    }
                    self.messages()?;
                } else {
                    self.reader.skip_value()?;
                    self.chat_mut().messages = MessagesState::NotAList;
                }
            }
            _ => self.reader.skip_value()?,
        }
        if self.chat_mut().has_name_and_list() {
            self.reader.raw_admit()?;
        }
        self.reader.raw_commit();
        self.closers = "}";
        Ok(())
    }

    fn head_member(&mut self, key: &str) -> Result<(), Interrupt> {
        let value = self.plain_value()?;
        let chat = self.chat_mut();
        let passed_over = matches!(chat.messages, MessagesState::PassedOver(_));
        let slot = match key {
            "name" => &mut chat.name,
            "type" => &mut chat.chat_type,
            _ => &mut chat.id,
        };
        let repeated = *slot != PlainValue::Absent;
        if repeated && passed_over && *slot != value && key != "id" {
            return Err(PipelineError::LateChange {
                source_name: self.context.source.to_owned(),
                position: self.reader.position(),
            }
            .into());
        }
        *slot = value;
        self.reader.log.counts.duplicate_key += u64::from(repeated);
        Ok(())
    }

    pub(super) fn plain_value(&mut self) -> Result<PlainValue, Interrupt> {
        Ok(self
            .reader
            .attempt(|cursor| value::skip(cursor).map(PlainValue::of))?)
    }

    fn messages(&mut self) -> Result<(), Interrupt> {
        *self.context.chats += 1;
        let mut chat = self
            .open
            .take()
            .expect("members are read while their chat is open");
        let drop = chat.known_drop(self.context.rules.settings);
        chat.messages = drop.map_or(MessagesState::Read, MessagesState::PassedOver);
        // What was committed of the chat ends before the key `messages`.
        self.closers = r#","messages":[]}"#;
        let result = self.message_list(&mut chat, drop.is_some());
        self.open = Some(chat);
        result
    }

    fn message_list(&mut self, chat: &mut OpenChat, pass_over: bool) -> Result<(), Interrupt> {
        let reads_ahead = self.reader.reads_ahead();
        let mut before = Before::Bracket;
        loop {
            let last_id = if reads_ahead && self.arrive(&mut before)? {
                self.take_stretch(chat, pass_over)
            } else {
                let Some(message) = self.message(before, &mut chat.senders, pass_over)? else {
                    return Ok(());
                };
                let id = message.id;
                chat.count(message);
                id
            };
            before = Before::Element;
            self.reader.raw_commit();
            self.closers = "]}";
            self.last_message = Some(LastMessage {
                id: last_id,
                number: chat.read,
                chat: *self.context.chats,
            });
            self.flush_if_full()?;
        }
    }

    /// Moves to the next message of a list, if there is one, and says whether it was read ahead.
    fn arrive(&mut self, before: &mut Before) -> Result<bool, Interrupt> {
        let passed = *before;
        let is_more = self.reader.attempt(|cursor| passed.pass(cursor))?;
        *before = if is_more {
            Before::Nothing
        } else {
            Before::End
        };
        if is_more {
            self.reader.peek_value()?;
        }
        Ok(is_more && self.reader.is_at_stretch())
    }

    /// Takes the messages that were read ahead from here on, and gives the id of the last one if that is read.
    fn take_stretch(&mut self, chat: &mut OpenChat, pass_over: bool) -> Option<i64> {
        let stretch = self.reader.take_stretch();
        let log = &mut self.reader.log;
        if pass_over {
            stretch.pass_over(chat, log);
            return None;
        }
        let last_id = stretch.last_id;
        stretch.append(chat, &mut self.chunk, log);
        last_id
    }

    /// Reads the next message of a list, if there is one.
    #[inline]
    fn message(
        &mut self,
        before: Before,
        senders: &mut Senders,
        pass_over: bool,
    ) -> Result<Option<ReadMessage>, ReadError> {
        let rules = self.context.rules;
        let read = self.reader.attempt(|cursor| {
            if !before.pass(cursor)? {
                return Ok(None);
            }
            if pass_over {
                value::skip(cursor)?;
                return Ok(Some(ReadMessage::unread(MessageDrop::ChatType)));
            }
            message::read(
                cursor,
                rules,
                &mut self.key_orders,
                senders,
                &mut self.chunk,
            )
            .map(Some)
        });
        match read {
            // Its size is that of the message alone.
            Err(ReadError::TooLarge { .. }) if !matches!(before, Before::Nothing) => {
                self.reader.attempt(|cursor| before.pass(cursor))?;
                self.reader.peek_value()?;
                self.message(Before::Nothing, senders, pass_over)
            }
            Err(ReadError::TooLarge { .. }) => {
                self.reader.skip_value()?;
                Ok(Some(ReadMessage::unread(MessageDrop::TooLarge)))
            }
            read => read,
        }
    }

    /// The open chat's object has ended.
    pub(super) fn end_chat(&mut self) -> Result<(), Interrupt> {
        self.reader.raw_commit();
        self.end_chat_with("")
    }

    /// The open chat ends here, `closers` in the place of what is missing of it.
    fn end_chat_with(&mut self, closers: &str) -> Result<(), Interrupt> {
        let chat = self.open.take().expect("a chat that ends is open");
        if matches!(
            chat.messages,
            MessagesState::Absent | MessagesState::NotAList
        ) {
            *self.context.chats += 1;
        }
        self.reader.raw_end(closers)?;
        self.push_chat(chat.end(self.context.rules.settings))
    }

    /// A chat ends that was not looked into.
    pub(super) fn push_unread(&mut self, reason: ChatDrop) -> Result<(), Interrupt> {
        self.push_chat(ChatEnd {
            records_end: 0,
            notes_end: 0,
            verdict: Err(reason),
            id: None,
            excluded_by: None,
            dropped_name: None,
            chat_type: "".into(),
            read: 0,
            dropped: DroppedMessages::default(),
        })
    }

    fn push_chat(&mut self, end: ChatEnd) -> Result<(), Interrupt> {
        self.chunk.ends.push(ChatEnd {
            records_end: self.chunk.records.len(),
            notes_end: self.chunk.notes.len(),
            ..end
        });
        self.flush_if_full()
    }

    #[inline]
    fn flush_if_full(&mut self) -> Result<(), Interrupt> {
        if self.chunk.is_full() {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Interrupt> {
        let full = std::mem::take(&mut self.chunk);
        let region = full.region;
        self.chunk = Chunk {
            input: self.context.input,
            region,
            ..self.context.sink.accept(full)?
        };
        Ok(())
    }
}
