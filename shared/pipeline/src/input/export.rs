//! The structure of an export: which of the shapes it is, its chats, and their messages.

use std::borrow::Cow;

use super::message::{self, Outcome, Senders};
use super::reader::{ReadError, Reader};
use crate::chunk::{ChatEnd, ChatHead, Chunk, LastMessage, Salvage};
use crate::error::{Found, PipelineError};
use crate::funnel::{ChatDrop, DroppedMessages, MessageDrop};
use crate::json::cursor::{Cursor, Stop, StringSpan};
use crate::json::{text, value};
use crate::settings::{CHAT_TYPES, DEFAULT_CHAT_TYPE, Settings};
use serde_json::{Map, Value};

/// Takes chunks as they fill.
pub(crate) trait ChunkSink {
    /// Takes a chunk, and gives an empty one to be filled next.
    ///
    /// # Errors
    /// If the run is to stop.
    fn accept(&mut self, chunk: Chunk) -> Result<Chunk, PipelineError>;
}

/// Why reading an export stopped.
enum Interrupt {
    Read(ReadError),
    Run(PipelineError),
}

impl From<ReadError> for Interrupt {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<PipelineError> for Interrupt {
    fn from(error: PipelineError) -> Self {
        Self::Run(error)
    }
}

/// A plain value of a chat's head.
#[derive(Debug, Default, PartialEq, Eq)]
enum Plain {
    #[default]
    Absent,
    Text(String),
    Number(u64),
    Other,
}

/// A chat whose end is yet to come.
#[derive(Default)]
struct OpenChat {
    name: Plain,
    chat_type: Plain,
    id: Plain,
    senders: Senders,
    messages: Messages,
    read: u64,
    dropped: DroppedMessages,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Messages {
    #[default]
    Absent,
    NotAList,
    /// They were passed over for that reason, which was certain when they came.
    PassedOver(ChatDrop),
    Read,
}

impl OpenChat {
    /// Why the chat is dropped, as far as is known now; a head that is incomplete is no reason.
    fn known_drop(&self, settings: &Settings) -> Option<ChatDrop> {
        match &self.name {
            Plain::Text(name) if !name.is_empty() => {}
            Plain::Absent => {}
            _ => return Some(ChatDrop::WithoutName),
        }
        let selected = |chat_type: &str| settings.chat_types.iter().any(|kept| kept == chat_type);
        match &self.chat_type {
            Plain::Absent => None,
            Plain::Text(chat_type) if selected(chat_type) => None,
            _ => Some(ChatDrop::ChatType),
        }
    }

    fn type_name(&self) -> Cow<'static, str> {
        match &self.chat_type {
            Plain::Absent => DEFAULT_CHAT_TYPE.into(),
            Plain::Text(chat_type) => match CHAT_TYPES.iter().find(|known| *known == chat_type) {
                Some(known) => Cow::Borrowed(known),
                None => Cow::Owned(chat_type.clone()),
            },
            _ => "unknown".into(),
        }
    }

    fn verdict(&mut self, settings: &Settings) -> Result<ChatHead, ChatDrop> {
        match self.messages {
            Messages::Absent => return Err(ChatDrop::MissingNameOrMessages),
            _ if self.name == Plain::Absent => return Err(ChatDrop::MissingNameOrMessages),
            Messages::NotAList => return Err(ChatDrop::MessagesNotAList),
            Messages::PassedOver(reason) => return Err(reason),
            Messages::Read => {}
        }
        if let Some(reason) = self.known_drop(settings) {
            return Err(reason);
        }
        let chat_type = self.type_name();
        if !settings.chat_types.iter().any(|kept| *kept == chat_type) {
            return Err(ChatDrop::ChatType);
        }
        let Plain::Text(name) = std::mem::take(&mut self.name) else {
            return Err(ChatDrop::WithoutName);
        };
        let id = if let Plain::Number(id) = self.id {
            Some(id)
        } else {
            None
        };
        let senders = std::mem::take(&mut self.senders.list);
        Ok(ChatHead {
            name,
            chat_type,
            id,
            senders,
        })
    }
}

/// What a member of an object turned out to be.
enum Member {
    Key(Cow<'static, str>),
    End,
}

/// A key; those that every chat has cost no memory.
fn key_of(span: StringSpan<'_>) -> Cow<'static, str> {
    const OF_CHATS: [&str; 4] = ["name", "type", "id", "messages"];
    match OF_CHATS.iter().find(|key| key.as_bytes() == span.bytes) {
        Some(key) => Cow::Borrowed(key),
        None => Cow::Owned(text::decode(span)),
    }
}

/// Reads one input and hands its kept messages on.
pub(crate) struct ExportReader<'a, 'o> {
    reader: Reader<'a, 'o>,
    source: &'a str,
    settings: &'a Settings,
    sink: &'a mut dyn ChunkSink,
    chunk: Chunk,
    /// How many chats were met, over all inputs.
    chats: &'a mut u64,
    open: Option<OpenChat>,
    last_message: Option<LastMessage>,
    /// What would close the chat object at this point, were the input to end.
    closers: &'static str,
    /// Collects plain values that stand beside a list of chats.
    beside: Option<Beside<'a>>,
}

/// Values that a request carries beside its chats.
pub(crate) struct Beside<'a> {
    /// The keys that are wanted.
    pub(crate) keys: &'a [&'a str],
    /// What was found.
    pub(crate) values: &'a mut Map<String, Value>,
}

/// A larger value beside the chats is no setting.
const LARGEST_BESIDE: usize = 64 << 10;

impl<'a, 'o> ExportReader<'a, 'o> {
    pub(crate) fn new(
        reader: Reader<'a, 'o>,
        source: &'a str,
        settings: &'a Settings,
        sink: &'a mut dyn ChunkSink,
        chats: &'a mut u64,
    ) -> Self {
        Self {
            reader,
            source,
            settings,
            sink,
            chunk: Chunk::default(),
            chats,
            open: None,
            last_message: None,
            closers: "",
            beside: None,
        }
    }

    /// Collects these values where the chats stand in an object of their own shape.
    pub(crate) fn with_beside(self, beside: Beside<'a>) -> Self {
        Self {
            beside: Some(beside),
            ..self
        }
    }

    /// Reads the input to its end.
    pub(crate) fn read(mut self) -> Result<(), PipelineError> {
        let result = self.root();
        let result = match result {
            Ok(()) => Ok(()),
            Err(Interrupt::Run(error)) => Err(error),
            Err(Interrupt::Read(ReadError::EndsEarly { position })) if self.settings.salvage => {
                self.salvage(position.byte_offset)
            }
            Err(Interrupt::Read(error)) => Err(self.pipeline_error(error)),
        };
        result?;
        self.chunk.mended = self.reader.log.counts;
        let chunk = std::mem::take(&mut self.chunk);
        self.sink.accept(chunk).map(drop)
    }

    fn pipeline_error(&self, error: ReadError) -> PipelineError {
        let source = self.source.to_owned();
        match error {
            ReadError::Io(cause) => PipelineError::Read {
                source_name: source,
                cause,
            },
            ReadError::RawCopy(cause) => PipelineError::Write {
                output: "raw.json",
                cause,
            },
            ReadError::Cancelled => PipelineError::Cancelled,
            ReadError::Syntax { position, problem } => PipelineError::NotJson {
                source_name: source,
                position,
                problem,
            },
            ReadError::TooLarge { position } => PipelineError::NotJson {
                source_name: source,
                position,
                problem: "a name, an id or a key of more than 16 MiB",
            },
            ReadError::EndsEarly { position } => PipelineError::EndsEarly {
                source_name: source,
                position,
                last_message: self.last_message,
                compressed: self.reader.cut_short(),
            },
        }
    }

    /// The input ended early: what is complete counts.
    fn salvage(&mut self, byte_offset: u64) -> Result<(), PipelineError> {
        self.chunk.salvaged = Some(Salvage {
            byte_offset,
            last_message: self.last_message,
        });
        if self
            .open
            .as_ref()
            .is_some_and(|chat| chat.messages != Messages::Absent)
        {
            let closers = self.closers;
            self.end_chat(closers)
                .map_err(|interrupt| match interrupt {
                    Interrupt::Run(error) => error,
                    Interrupt::Read(error) => self.pipeline_error(error),
                })?;
        }
        Ok(())
    }

    fn root(&mut self) -> Result<(), Interrupt> {
        // A UTF-8 byte order mark; those of UTF-16 are not UTF-8 and handled below.
        let first = match self.reader.peek() {
            Ok(Some(0xEF)) if self.reader.unread().starts_with("\u{feff}".as_bytes()) => {
                self.reader.consume("\u{feff}".len());
                self.reader.log.counts.byte_order_mark += 1;
                self.reader.peek()?
            }
            Err(ReadError::Syntax { position, .. }) if position.byte_offset == 0 => {
                return Err(self.structure(Found::NotText));
            }
            Err(ReadError::EndsEarly { .. }) => None,
            first => first?,
        };
        match first {
            None if self.reader.cut_short() => {
                return Err(ReadError::EndsEarly {
                    position: self.reader.position(),
                }
                .into());
            }
            None => return Err(self.structure(Found::Nothing)),
            Some(b'[') => self.chat_list()?,
            Some(b'{') => self.root_object()?,
            Some(b'<') => return Err(self.structure(Found::Markup)),
            Some(_) => {
                self.reader.skip_value()?;
                return Err(self.structure(Found::PlainValue));
            }
        }
        if self.reader.peek()?.is_some() {
            return Err(self
                .reader
                .syntax(0, "text behind the end of the export")
                .into());
        }
        Ok(())
    }

    fn structure(&self, found: Found) -> Interrupt {
        PipelineError::Structure {
            source_name: self.source.to_owned(),
            found,
        }
        .into()
    }

    /// Moves past the opening bracket, the comma or the closing bracket of a list.
    fn next_element(&mut self, first: bool) -> Result<bool, Interrupt> {
        Ok(self.reader.attempt(|cursor| next_element(cursor, first))?)
    }

    /// Moves to the value of an object's next member.
    fn next_member(&mut self, first: bool) -> Result<Member, Interrupt> {
        Ok(self.reader.attempt(|cursor| {
            if first {
                cursor.expect(b'{', "expected an object")?;
            }
            let next = cursor.peek()?;
            if next == b'}' {
                cursor.at += 1;
                return Ok(Member::End);
            }
            if !first {
                cursor.expect(b',', "expected `,` or `}`")?;
            }
            if cursor.peek()? != b'"' {
                return Cursor::syntax(cursor.at, "expected a key in quotes");
            }
            let key = key_of(cursor.string()?);
            cursor.expect(b':', "expected `:` after a key")?;
            // The value's first byte, so that it can be peeked at.
            cursor.peek()?;
            Ok(Member::Key(key))
        })?)
    }

    fn peek_value(&mut self) -> Result<u8, Interrupt> {
        Ok(self.reader.peek()?.unwrap_or(b' '))
    }

    fn root_object(&mut self) -> Result<(), Interrupt> {
        let mut has_list = false;
        // Only in the shape of a request are there settings beside the chats.
        let mut is_request = false;
        let mut keys = Vec::new();
        self.reader.raw_begin()?;
        self.open = Some(OpenChat::default());
        let mut first = true;
        while let Member::Key(key) = self.next_member(first)? {
            first = false;
            let next = self.peek_value()?;
            match &*key {
                "chats" if matches!(next, b'[' | b'{') => {
                    if has_list || self.has_messages() {
                        return Err(self.second_list("chats"));
                    }
                    has_list = true;
                    is_request = next == b'[';
                    self.open = None;
                    self.reader.raw_cancel()?;
                    if next == b'[' {
                        self.chat_list()?;
                    } else if !self.chats_object()? {
                        return Err(self.structure(Found::ChatsWithoutList));
                    }
                }
                "left_chats" if next == b'{' => self.left_chats()?,
                "personal_information" if next == b'{' => {
                    self.reader.raw_cancel()?;
                    self.personal_information()?;
                }
                // Other people's data, which only a full export has: no byte of it is copied, not
                // even aside.
                "contacts" | "frequent_contacts" | "sessions" | "web_sessions" => {
                    self.reader.raw_cancel()?;
                    self.reader.skip_value()?;
                }
                "messages" if next == b'[' && has_list => return Err(self.second_list("messages")),
                key if self.is_wanted_beside(key) => self.value_beside(key)?,
                _ if has_list => self.reader.skip_value()?,
                _ => {
                    if keys.len() < 8 {
                        keys.push(key.chars().take(40).collect());
                    }
                    self.chat_member(&key)?;
                }
            }
        }
        if let Some(beside) = &mut self.beside
            && !is_request
        {
            beside.values.clear();
        }
        if has_list {
            return Ok(());
        }
        if self
            .open
            .as_ref()
            .is_none_or(|chat| chat.messages == Messages::Absent)
        {
            self.open = None;
            return Err(self.structure(Found::OtherObject { keys }));
        }
        self.end_chat("")
    }

    fn is_wanted_beside(&self, key: &str) -> bool {
        self.beside
            .as_ref()
            .is_some_and(|beside| beside.keys.contains(&key))
    }

    fn value_beside(&mut self, key: &str) -> Result<(), Interrupt> {
        let value = self.reader.attempt(|cursor| {
            let start = cursor.at;
            let value = value::skip(
                cursor,
                StringSpan {
                    bytes: b"",
                    escaped: false,
                },
            )?;
            let parsed = if value.len() <= LARGEST_BESIDE {
                serde_json::from_slice::<Value>(value).ok()
            } else {
                None
            };
            parsed.ok_or(Stop::Syntax {
                at: start,
                problem: "a setting that cannot be read",
            })
        })?;
        if let Some(beside) = &mut self.beside {
            beside.values.insert(key.to_owned(), value);
        }
        Ok(())
    }

    fn has_messages(&self) -> bool {
        self.open
            .as_ref()
            .is_some_and(|chat| chat.messages != Messages::Absent)
    }

    fn second_list(&self, key: &'static str) -> Interrupt {
        PipelineError::SecondList {
            source_name: self.source.to_owned(),
            key,
            position: self.reader.position(),
        }
        .into()
    }

    /// Reads the object under `chats`; says whether it has a `list`.
    fn chats_object(&mut self) -> Result<bool, Interrupt> {
        let (mut first, mut has_list) = (true, false);
        while let Member::Key(key) = self.next_member(first)? {
            first = false;
            if key == "list" && self.peek_value()? == b'[' {
                if has_list {
                    return Err(self.second_list("list"));
                }
                has_list = true;
                self.chat_list()?;
            } else {
                self.reader.skip_value()?;
            }
        }
        Ok(has_list)
    }

    /// They hold one's own messages only: counted, not read.
    fn left_chats(&mut self) -> Result<(), Interrupt> {
        let mut first = true;
        while let Member::Key(key) = self.next_member(first)? {
            first = false;
            if key != "list" || self.peek_value()? != b'[' {
                self.reader.skip_value()?;
                continue;
            }
            let mut first_chat = true;
            while self.next_element(first_chat)? {
                first_chat = false;
                self.reader.skip_value()?;
                self.push_chat(Self::unread(ChatDrop::LeftChat))?;
            }
        }
        Ok(())
    }

    fn personal_information(&mut self) -> Result<(), Interrupt> {
        let mut first = true;
        while let Member::Key(key) = self.next_member(first)? {
            first = false;
            if key != "user_id" {
                self.reader.skip_value()?;
                continue;
            }
            let owner = match self.plain_value()? {
                Plain::Number(owner) => Some(owner),
                // As producers write it that imitate Telegram.
                Plain::Text(owner) => owner.parse().ok(),
                Plain::Absent | Plain::Other => None,
            };
            self.chunk.owners.extend(owner);
        }
        Ok(())
    }

    fn chat_list(&mut self) -> Result<(), Interrupt> {
        let mut first = true;
        while self.next_element(first)? {
            first = false;
            if self.peek_value()? == b'{' {
                self.chat()?;
            } else {
                self.reader.skip_value()?;
                *self.chats += 1;
                self.push_chat(Self::unread(ChatDrop::NotAnObject))?;
            }
        }
        Ok(())
    }

    fn chat(&mut self) -> Result<(), Interrupt> {
        self.reader.raw_begin()?;
        self.open = Some(OpenChat::default());
        let mut first = true;
        while let Member::Key(key) = self.next_member(first)? {
            first = false;
            self.chat_member(&key)?;
        }
        self.end_chat("")
    }

    fn chat_mut(&mut self) -> &mut OpenChat {
        self.open
            .as_mut()
            .expect("members are read while their chat is open")
    }

    /// Reads the value of one member of the open chat.
    fn chat_member(&mut self, key: &str) -> Result<(), Interrupt> {
        match key {
            "name" | "type" | "id" => {
                let value = self.plain_value()?;
                let chat = self.chat_mut();
                let passed_over = matches!(chat.messages, Messages::PassedOver(_));
                let slot = match key {
                    "name" => &mut chat.name,
                    "type" => &mut chat.chat_type,
                    _ => &mut chat.id,
                };
                let repeated = *slot != Plain::Absent;
                if repeated && passed_over && *slot != value && key != "id" {
                    return Err(PipelineError::LateChange {
                        source_name: self.source.to_owned(),
                        position: self.reader.position(),
                    }
                    .into());
                }
                *slot = value;
                if repeated {
                    self.reader.log.counts.duplicate_key += 1;
                }
            }
            "messages" => {
                if self.chat_mut().messages != Messages::Absent {
                    return Err(self.second_list("messages"));
                }
                if self.peek_value()? == b'[' {
                    self.admit_to_raw(true)?;
                    self.messages()?;
                } else {
                    self.reader.skip_value()?;
                    self.chat_mut().messages = Messages::NotAList;
                }
            }
            _ => self.reader.skip_value()?,
        }
        self.admit_to_raw(false)?;
        self.reader.raw_commit();
        self.closers = "}";
        Ok(())
    }

    /// A chat belongs into `raw.json` once it is known to have a `name` and a list of messages.
    fn admit_to_raw(&mut self, messages_come: bool) -> Result<(), Interrupt> {
        let chat = self.chat_mut();
        let has_list = matches!(chat.messages, Messages::Read | Messages::PassedOver(_));
        if chat.name != Plain::Absent && (has_list || messages_come) {
            self.reader.raw_admit()?;
        }
        Ok(())
    }

    fn plain_value(&mut self) -> Result<Plain, Interrupt> {
        Ok(self.reader.attempt(|cursor| {
            let value = value::skip(
                cursor,
                StringSpan {
                    bytes: b"",
                    escaped: false,
                },
            )?;
            Ok(match value {
                [b'"', bytes @ .., b'"'] => {
                    let escaped = bytes.contains(&b'\\');
                    Plain::Text(text::decode(StringSpan { bytes, escaped }))
                }
                [b'0'..=b'9', ..] => std::str::from_utf8(value)
                    .ok()
                    .and_then(|number| number.parse().ok())
                    .map_or(Plain::Other, Plain::Number),
                _ => Plain::Other,
            })
        })?)
    }

    fn messages(&mut self) -> Result<(), Interrupt> {
        *self.chats += 1;
        let settings = self.settings;
        let mut chat = self
            .open
            .take()
            .expect("members are read while their chat is open");
        let drop = chat.known_drop(settings);
        chat.messages = drop.map_or(Messages::Read, Messages::PassedOver);
        // What was committed of the chat ends before the key `messages`.
        self.closers = r#","messages":[]}"#;
        let result = self.message_list(&mut chat, drop.is_some());
        self.open = Some(chat);
        result
    }

    fn message_list(&mut self, chat: &mut OpenChat, pass_over: bool) -> Result<(), Interrupt> {
        let limit = self.settings.date_limit;
        let mut first = true;
        loop {
            let read = self.reader.attempt(|cursor| {
                if !next_element(cursor, first)? {
                    return Ok(None);
                }
                if pass_over {
                    value::skip(
                        cursor,
                        StringSpan {
                            bytes: b"",
                            escaped: false,
                        },
                    )?;
                    let reason = MessageDrop::ChatType;
                    return Ok(Some(Outcome::Dropped { id: None, reason }));
                }
                message::read(cursor, limit.as_ref(), &mut chat.senders, &mut self.chunk).map(Some)
            });
            let outcome = match read {
                Ok(Some(outcome)) => outcome,
                Ok(None) => return Ok(()),
                Err(ReadError::TooLarge { .. }) => {
                    self.next_element(first)?;
                    self.reader.skip_value()?;
                    Outcome::Dropped {
                        id: None,
                        reason: MessageDrop::TooLarge,
                    }
                }
                Err(error) => return Err(error.into()),
            };
            first = false;
            self.reader.raw_commit();
            self.closers = "]}";
            chat.read += 1;
            let id = match outcome {
                Outcome::Kept { id } => id,
                Outcome::Dropped { id, reason } => {
                    chat.dropped.add(reason, 1);
                    id
                }
            };
            self.last_message = Some(LastMessage {
                id,
                number: chat.read,
                chat: *self.chats,
            });
            if self.chunk.is_full() {
                self.flush()?;
            }
        }
    }

    fn end_chat(&mut self, closers: &'static str) -> Result<(), Interrupt> {
        let mut chat = self.open.take().expect("a chat that ends is open");
        if matches!(chat.messages, Messages::Absent | Messages::NotAList) {
            *self.chats += 1;
        }
        if closers.is_empty() {
            self.reader.raw_commit();
        }
        self.reader.raw_end(closers)?;
        let verdict = chat.verdict(self.settings);
        let dropped_name = match chat.name {
            Plain::Text(ref name) if verdict.is_err() => Some(name.clone()),
            _ => None,
        };
        let chat_type = chat.type_name();
        let OpenChat { read, dropped, .. } = chat;
        self.push_chat(ChatEnd {
            records_end: 0,
            verdict,
            dropped_name,
            chat_type,
            read,
            dropped,
        })
    }

    /// The end of a chat that was not looked into.
    fn unread(reason: ChatDrop) -> ChatEnd {
        ChatEnd {
            records_end: 0,
            verdict: Err(reason),
            dropped_name: None,
            chat_type: Cow::Borrowed(""),
            read: 0,
            dropped: DroppedMessages::default(),
        }
    }

    fn push_chat(&mut self, end: ChatEnd) -> Result<(), Interrupt> {
        self.chunk.ends.push(ChatEnd {
            records_end: self.chunk.records.len(),
            ..end
        });
        if self.chunk.is_full() {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn flush(&mut self) -> Result<(), Interrupt> {
        let full = std::mem::take(&mut self.chunk);
        self.chunk = self.sink.accept(full)?;
        Ok(())
    }
}

/// Moves to a list's next element; `false` at its end.
fn next_element(cursor: &mut Cursor<'_, '_>, first: bool) -> Result<bool, Stop> {
    if first {
        cursor.expect(b'[', "expected a list")?;
    }
    if cursor.peek()? == b']' {
        cursor.at += 1;
        return Ok(false);
    }
    if !first {
        cursor.expect(b',', "expected `,` or `]`")?;
        if cursor.peek()? == b']' {
            return Cursor::syntax(cursor.at, "expected a value");
        }
    }
    Ok(true)
}
