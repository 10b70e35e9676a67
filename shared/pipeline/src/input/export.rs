//! The structure of an export: which of the shapes it is, and where its chats are.

use serde_json::{Map, Value};

use super::chats::{ChatReader, ReadingContext};
use super::interrupt::Interrupt;
use super::open_chat::PlainValue;
use super::reader::{ReadError, Reader};
use crate::error::PipelineError;
use crate::explain::UnexpectedContent;
use crate::funnel::ChatDrop;
use crate::json::cursor::Stop;
use crate::json::{value, walk};

/// How a ZIP archive begins.
const ZIP_MAGIC: &[u8] = b"PK\x03\x04";

/// Values that a request carries beside its chats.
pub(crate) struct RequestValues<'a> {
    /// The keys that are wanted.
    pub(crate) keys: &'a [&'a str],
    /// What was found.
    pub(crate) values: &'a mut Map<String, Value>,
}

impl RequestValues<'_> {
    /// A larger value is not a setting.
    const LARGEST: usize = 64 << 10;

    fn parse(value: &[u8]) -> Option<Value> {
        if value.len() > Self::LARGEST {
            return None;
        }
        serde_json::from_slice(value).ok()
    }
}

/// Reads one input and hands its kept messages on.
pub(crate) struct ExportReader<'a, 'o> {
    chats: ChatReader<'a, 'o>,
    source: &'a str,
    request: Option<RequestValues<'a>>,
}

/// What the object at the root of an input turned out to be.
#[derive(Default)]
struct RootObject {
    has_list: bool,
    /// Only in the shape of a request are there settings beside the chats.
    is_request: bool,
    /// The first keys, to say what it is if it is not an export.
    keys: Vec<String>,
}

impl RootObject {
    const LISTED: usize = 8;
    const LONGEST: usize = 40;

    fn note_key(&mut self, key: &str) {
        if self.keys.len() < Self::LISTED {
            self.keys.push(key.chars().take(Self::LONGEST).collect());
        }
    }
}

impl<'a, 'o> ExportReader<'a, 'o> {
    pub(crate) fn new(reader: Reader<'a, 'o>, context: ReadingContext<'a>) -> Self {
        Self {
            source: context.source,
            chats: ChatReader::new(reader, context),
            request: None,
        }
    }

    /// Collects these values where the chats are in an object of the shape of a request.
    pub(crate) fn with_request(self, request: RequestValues<'a>) -> Self {
        Self {
            request: Some(request),
            ..self
        }
    }

    /// Reads the input to its end.
    pub(crate) fn read(mut self) -> Result<(), PipelineError> {
        let read = self.root();
        self.chats.finish(read)
    }

    /// Whether there are chats or messages in the input, which is read no further than to find out.
    pub(crate) fn recognize(mut self) -> Result<bool, PipelineError> {
        let mut is_export = false;
        let read = self.look(&mut is_export);
        match self.chats.finish(read) {
            Err(PipelineError::Structure { .. }) => Ok(false),
            finished => finished.map(|()| is_export),
        }
    }

    /// Looks for the first list of chats or messages.
    fn look(&mut self, is_export: &mut bool) -> Result<(), Interrupt> {
        match self.first_byte()? {
            Some(b'{') => {
                let lists: &[(&str, &[u8])] = &[("chats", b"[{"), ("messages", b"[")];
                *is_export = self.has_member(lists)?;
            }
            Some(b'[') => {
                let mut more = self.reader().attempt(walk::open_list)?;
                while more && !*is_export {
                    if self.reader().peek_value()? == b'{' {
                        *is_export = self.has_member(&[("messages", b"[")])?;
                    } else {
                        self.reader().skip_value()?;
                    }
                    more = !*is_export && self.reader().attempt(walk::after_element)?;
                }
            }
            None if self.reader().cut_short() => {
                let position = self.reader().position();
                return Err(ReadError::EndsEarly { position }.into());
            }
            Some(_) | None => {}
        }
        Ok(())
    }

    /// Whether an object has one of these keys with a value that begins like that; it is read until then.
    fn has_member(&mut self, members: &[(&str, &[u8])]) -> Result<bool, Interrupt> {
        let mut member = self.reader().first_key()?;
        while let Some(key) = member {
            let next = self.reader().peek_value()?;
            let is_found =
                |(name, begins): &(&str, &[u8])| *name == &*key && begins.contains(&next);
            if members.iter().any(is_found) {
                return Ok(true);
            }
            self.reader().skip_value()?;
            member = self.reader().next_key()?;
        }
        Ok(false)
    }

    fn reader(&mut self) -> &mut Reader<'a, 'o> {
        &mut self.chats.reader
    }

    fn root(&mut self) -> Result<(), Interrupt> {
        match self.first_byte()? {
            None if self.reader().cut_short() => {
                return Err(ReadError::EndsEarly {
                    position: self.reader().position(),
                }
                .into());
            }
            None => return Err(self.structure(UnexpectedContent::Nothing)),
            Some(b'[') => self.chats.chat_list()?,
            Some(b'{') => self.root_object()?,
            Some(_) if self.reader().unread().starts_with(ZIP_MAGIC) => {
                return Err(self.structure(UnexpectedContent::Archive));
            }
            Some(b'<') => return Err(self.structure(UnexpectedContent::Markup)),
            Some(_) => {
                self.reader().skip_value()?;
                return Err(self.structure(UnexpectedContent::PlainValue));
            }
        }
        if self.reader().peek()?.is_some() {
            let problem = "text after the end of the export";
            return Err(self.reader().syntax(0, problem).into());
        }
        Ok(())
    }

    /// The first byte that is neither white space nor of a byte order mark.
    fn first_byte(&mut self) -> Result<Option<u8>, Interrupt> {
        const BYTE_ORDER_MARK: &str = "\u{feff}";
        match self.reader().peek() {
            // That of UTF-8; those of UTF-16 are not UTF-8.
            Ok(Some(0xEF))
                if self
                    .reader()
                    .unread()
                    .starts_with(BYTE_ORDER_MARK.as_bytes()) =>
            {
                self.reader().consume(BYTE_ORDER_MARK.len());
                self.reader().log.counts.byte_order_mark += 1;
                Ok(self.reader().peek()?)
            }
            Err(ReadError::Syntax { position, .. }) if position.byte_offset == 0 => {
                Err(self.structure(UnexpectedContent::NotText))
            }
            Err(ReadError::EndsEarly { .. }) => Ok(None),
            first => Ok(first?),
        }
    }

    fn structure(&self, found: UnexpectedContent) -> Interrupt {
        PipelineError::Structure {
            source_name: self.source.to_owned(),
            found,
        }
        .into()
    }

    fn root_object(&mut self) -> Result<(), Interrupt> {
        let mut root = RootObject::default();
        self.chats.begin_chat()?;
        let mut member = self.reader().first_key()?;
        while let Some(key) = member {
            self.root_member(&key, &mut root)?;
            member = self.reader().next_key()?;
        }
        if let Some(request) = &mut self.request
            && !root.is_request
        {
            request.values.clear();
        }
        if root.has_list {
            Ok(())
        } else if self.chats.has_messages() {
            self.chats.end_chat()
        } else {
            let keys = root.keys;
            Err(self.structure(UnexpectedContent::OtherObject { keys }))
        }
    }

    fn root_member(&mut self, key: &str, root: &mut RootObject) -> Result<(), Interrupt> {
        let next = self.reader().peek_value()?;
        match key {
            "chats" if matches!(next, b'[' | b'{') => {
                if root.has_list || self.chats.has_messages() {
                    return Err(self.chats.second_list("chats"));
                }
                root.has_list = true;
                root.is_request = next == b'[';
                self.chats.cancel_chat()?;
                if root.is_request {
                    self.chats.chat_list()
                } else {
                    self.chats_object()
                }
            }
            "left_chats" if next == b'{' => self.left_chats(),
            "personal_information" if next == b'{' => {
                self.reader().raw_cancel()?;
                self.personal_information()
            }
            // Other people's data, which only a full export has: no byte of it is copied, not even
            // aside.
            "contacts" | "frequent_contacts" | "sessions" | "web_sessions" => {
                self.reader().raw_cancel()?;
                Ok(self.reader().skip_value()?)
            }
            "messages" if next == b'[' && root.has_list => Err(self.chats.second_list("messages")),
            key if self.is_wanted_of_request(key) => self.request_value(key),
            _ if root.has_list => Ok(self.reader().skip_value()?),
            _ => {
                root.note_key(key);
                self.chats.chat_member(key)
            }
        }
    }

    fn is_wanted_of_request(&self, key: &str) -> bool {
        let request = self.request.as_ref();
        request.is_some_and(|request| request.keys.contains(&key))
    }

    fn request_value(&mut self, key: &str) -> Result<(), Interrupt> {
        let value = self.reader().attempt(|cursor| {
            let at = cursor.at;
            let value = value::skip(cursor)?;
            RequestValues::parse(value).ok_or(Stop::Syntax {
                at,
                problem: "a setting that cannot be read",
            })
        })?;
        if let Some(request) = &mut self.request {
            request.values.insert(key.to_owned(), value);
        }
        Ok(())
    }

    /// Reads the object under `chats`.
    fn chats_object(&mut self) -> Result<(), Interrupt> {
        let mut has_list = false;
        let mut member = self.reader().first_key()?;
        while let Some(key) = member {
            if key != "list" || self.reader().peek_value()? != b'[' {
                self.reader().skip_value()?;
            } else if has_list {
                return Err(self.chats.second_list("list"));
            } else {
                has_list = true;
                self.chats.chat_list()?;
            }
            member = self.reader().next_key()?;
        }
        if has_list {
            Ok(())
        } else {
            Err(self.structure(UnexpectedContent::ChatsWithoutList))
        }
    }

    /// They hold one's own messages only: counted, not read.
    fn left_chats(&mut self) -> Result<(), Interrupt> {
        let mut member = self.reader().first_key()?;
        while let Some(key) = member {
            if key != "list" || self.reader().peek_value()? != b'[' {
                self.reader().skip_value()?;
            } else {
                let mut more = self.reader().attempt(walk::open_list)?;
                while more {
                    self.reader().skip_value()?;
                    self.chats.push_unread(ChatDrop::LeftChat)?;
                    more = self.reader().attempt(walk::after_element)?;
                }
            }
            member = self.reader().next_key()?;
        }
        Ok(())
    }

    fn personal_information(&mut self) -> Result<(), Interrupt> {
        let mut member = self.reader().first_key()?;
        while let Some(key) = member {
            if key == "user_id" {
                let owner = match self.chats.plain_value()? {
                    PlainValue::Number(owner) => Some(owner),
                    // As producers write it that imitate Telegram.
                    PlainValue::Text(owner) => owner.parse().ok(),
                    PlainValue::Absent | PlainValue::Other => None,
                };
                if let Some(owner) = owner {
                    self.chats.push_owner(owner);
                }
            } else if key == "phone_number" {
                if let PlainValue::Text(number) = self.chats.plain_value()? {
                    self.chats.know_region(&number)?;
                }
            } else {
                self.reader().skip_value()?;
            }
            member = self.reader().next_key()?;
        }
        Ok(())
    }
}
