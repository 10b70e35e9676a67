//! Chats that several inputs hold, made one: exports overlap when they are made again and again.

use std::collections::{HashMap, HashSet};

use roaring::RoaringTreemap;

use crate::chunk::{ChatHead, Record};
use crate::funnel::{DroppedMessages, MessageDrop};
use crate::notes::MessageNote;
use crate::sender::{Sender, SenderId, without_shift};
use crate::settings::DEFAULT_CHAT_TYPE;
use crate::waiting::WaitedChat;

/// What exporters that added 2^32 to the ids of users added to those of groups and channels.
const GROUP_SHIFT: u64 = 1 << 33;

/// What an input says of one chat, beside its messages.
#[derive(Clone, Debug)]
pub(crate) struct ChatCopy {
    /// The input's place.
    input: usize,
    /// Whether it was known where its phone numbers are dialed when the chat was read.
    had_region: bool,
    /// `None` where there is no id to know the chat by.
    chat: Option<ChatIdentity>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ChatIdentity {
    chat_type: String,
    id: u64,
    /// Whose export it is: outside supergroups and channels, messages are numbered by account.
    owner: Option<u64>,
}

/// What is known of an input when one of its chats ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InputFacts {
    /// Its place.
    pub(crate) input: usize,
    /// The owner that it names.
    pub(crate) owner: Option<u64>,
    /// Whether it is known where its phone numbers are dialed.
    pub(crate) has_region: bool,
}

impl ChatCopy {
    /// The copy of an input whose owner is named or not; `by_sender` counts the kept messages of the chat.
    pub(crate) fn new(input: InputFacts, head: &ChatHead, by_sender: &[u64]) -> Self {
        let InputFacts {
            input,
            owner: named_owner,
            has_region,
        } = input;
        let of_identity = |id| {
            let owner = if numbers_messages_itself(&head.chat_type) {
                None
            } else {
                named_owner.or_else(|| likely_owner(head, by_sender))
            };
            ChatIdentity {
                chat_type: head.chat_type.clone().into_owned(),
                id: unshifted(id, head),
                owner,
            }
        };
        Self {
            input,
            had_region: has_region,
            chat: head.id.map(of_identity),
        }
    }

    /// The input's place.
    pub(crate) fn input(&self) -> usize {
        self.input
    }

    /// Whether it was known where the input's phone numbers are dialed when the chat was read.
    pub(crate) fn had_region(&self) -> bool {
        self.had_region
    }
}

/// Whether the ids of messages are the same for each account.
fn numbers_messages_itself(chat_type: &str) -> bool {
    chat_type.ends_with("supergroup") || chat_type.ends_with("channel")
}

/// The one who is not the contact of a personal chat.
fn likely_owner(head: &ChatHead, by_sender: &[u64]) -> Option<u64> {
    let contact = head.id.filter(|_| head.chat_type == DEFAULT_CHAT_TYPE)?;
    let speakers = head.senders.iter().zip(by_sender);
    let mut others = speakers
        .filter(|(_, count)| **count > 0)
        .filter_map(|(sender, _)| sender.id.as_ref())
        .filter(|id| !id.is_contact(contact))
        .filter_map(SenderId::user);
    let owner = others.next()?;
    others.all(|other| other == owner).then_some(owner)
}

/// The chat's id as exporters write it today.
fn unshifted(id: u64, head: &ChatHead) -> u64 {
    // Exporters that write ids of the form `user123` shift none.
    let is_new = |sender: &Sender| matches!(sender.id, Some(SenderId::User(_)));
    if head.senders.iter().any(is_new) {
        return id;
    }
    if head.chat_type.contains("group") || head.chat_type.contains("channel") {
        let shifted = GROUP_SHIFT..GROUP_SHIFT + (1 << 32);
        if shifted.contains(&id) {
            id - GROUP_SHIFT
        } else {
            id
        }
    } else {
        without_shift(id)
    }
}

/// Which copies are of one chat, as lists of their places, in the order of the first ones.
pub(crate) fn chats_of_copies(copies: &[ChatCopy]) -> Vec<Vec<usize>> {
    /// One of the chats of a type and id, which different accounts can have.
    struct KnownChat {
        owner: Option<u64>,
        place: usize,
    }
    let mut chats: Vec<Vec<usize>> = Vec::new();
    let mut known: HashMap<(&str, u64), Vec<KnownChat>> = HashMap::new();
    for (copy_place, copy) in copies.iter().enumerate() {
        let new_chat = KnownChat {
            owner: copy.chat.as_ref().and_then(|chat| chat.owner),
            place: chats.len(),
        };
        let Some(ChatIdentity { chat_type, id, .. }) = &copy.chat else {
            chats.push(vec![copy_place]);
            continue;
        };
        let of_one_id = known.entry((chat_type, *id)).or_default();
        // Where an owner is unknown, messages tell whether they are the same.
        let is_same = |known: &&mut KnownChat| match (known.owner, new_chat.owner) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        if let Some(known) = of_one_id.iter_mut().find(is_same) {
            known.owner = known.owner.or(new_chat.owner);
            chats[known.place].push(copy_place);
        } else {
            of_one_id.push(new_chat);
            chats.push(vec![copy_place]);
        }
    }
    chats
}

/// The messages of a chat that earlier inputs had.
#[derive(Debug, Default)]
struct EarlierMessages {
    /// Ids of messages that are known by their ids alone.
    ids: RoaringTreemap,
    /// Ids and fingerprints of all messages, where not all are known by their ids.
    with_fingerprints: HashSet<(i64, u64)>,
}

/// A chat in the making, of copies that come one after the other.
pub(crate) struct OverlappingChat {
    whole: WaitedChat,
    senders: HashMap<Sender, u32>,
    earlier: EarlierMessages,
    /// Whether all inputs name their owners, or the chat numbers its messages itself.
    are_ids_enough: bool,
    /// What the input that is being added adds to `earlier` once it is over.
    added: Vec<(i64, u64, bool)>,
    input: Option<usize>,
}

/// One copy of a chat, read again.
pub(crate) struct AddedCopy {
    pub(crate) input: usize,
    /// Whether the input names its owner.
    pub(crate) has_owner: bool,
    pub(crate) chat: WaitedChat,
}

impl OverlappingChat {
    /// A chat whose copies all name their owners, or not.
    pub(crate) fn new(all_have_owners: bool, first: &ChatHead) -> Self {
        Self {
            whole: WaitedChat::default(),
            senders: HashMap::new(),
            earlier: EarlierMessages::default(),
            are_ids_enough: all_have_owners || numbers_messages_itself(&first.chat_type),
            added: Vec::new(),
            input: None,
        }
    }

    /// Adds what is new in a copy, and counts what is not.
    pub(crate) fn add(&mut self, copy: AddedCopy, dropped: &mut DroppedMessages) {
        let AddedCopy {
            input,
            has_owner,
            chat,
        } = copy;
        if self.input.replace(input) != Some(input) {
            self.remember_added();
        }
        let by_id = self.are_ids_enough || has_owner;
        let senders = self.numbers_of(&chat.head.senders);
        let base = self.whole.arena.len();
        self.whole.arena.push_str(&chat.arena);
        let mut records = chat.records.iter();
        for note in chat.notes {
            let record = match note.dropped {
                None => records.next(),
                Some(_) => None,
            };
            if self.is_repeat(&note, by_id) {
                match note.dropped {
                    None => dropped.add(MessageDrop::RepeatedMessage, 1),
                    Some(reason) => dropped.recount(reason, MessageDrop::RepeatedMessage),
                }
                continue;
            }
            if let Some(id) = note.id {
                self.added.push((id, note.fingerprint, by_id));
            }
            self.whole.notes.push(note);
            self.whole.records.extend(record.map(|record| Record {
                text_start: record.text_start + base as u64,
                sender: senders[record.sender as usize],
                ..*record
            }));
        }
        let head = &mut self.whole.head;
        if head.name.is_empty() {
            *head = ChatHead {
                senders: Vec::new(),
                ..chat.head
            };
            return;
        }
        for topic in chat.head.topics {
            if head.topics.iter().all(|known| known.id != topic.id) {
                head.topics.push(topic);
            }
        }
    }

    /// The chat, of all its copies.
    pub(crate) fn end(mut self) -> WaitedChat {
        let mut senders: Vec<_> = std::mem::take(&mut self.senders).into_iter().collect();
        senders.sort_unstable_by_key(|(_, number)| *number);
        self.whole.head.senders = senders.into_iter().map(|(sender, _)| sender).collect();
        self.order_by_ids();
        self.whole
    }

    /// As one export has them, whichever copy came first: messages of one second are in the order of their ids.
    fn order_by_ids(&mut self) {
        let WaitedChat { records, notes, .. } = &mut self.whole;
        let mut records = std::mem::take(records).into_iter();
        let mut together: Vec<_> = std::mem::take(notes)
            .into_iter()
            .map(|note| match note.dropped {
                None => (note, records.next()),
                Some(_) => (note, None),
            })
            .collect();
        together.sort_by_key(|(note, _)| note.id);
        for (note, record) in together {
            self.whole.notes.push(note);
            self.whole.records.extend(record);
        }
    }

    fn is_repeat(&self, note: &MessageNote, by_id: bool) -> bool {
        let Some(id) = note.id else {
            return false;
        };
        let Self { earlier, .. } = self;
        (by_id && earlier.ids.contains(ordered(id)))
            || earlier.with_fingerprints.contains(&(id, note.fingerprint))
    }

    fn remember_added(&mut self) {
        for (id, fingerprint, by_id) in self.added.drain(..) {
            if by_id {
                self.earlier.ids.insert(ordered(id));
            }
            if !self.are_ids_enough {
                self.earlier.with_fingerprints.insert((id, fingerprint));
            }
        }
    }

    /// The numbers of a copy's senders among those of the whole chat.
    fn numbers_of(&mut self, senders: &[Sender]) -> Vec<u32> {
        let mut numbers = Vec::with_capacity(senders.len());
        for sender in senders {
            let next = u32::try_from(self.senders.len()).expect("fewer senders than messages");
            numbers.push(*self.senders.entry(sender.clone()).or_insert(next));
        }
        numbers
    }
}

/// Ids can be negative, where the history of an older group was taken over.
fn ordered(id: i64) -> u64 {
    id.wrapping_sub(i64::MIN).cast_unsigned()
}
