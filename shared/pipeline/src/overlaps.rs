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
    pub(crate) input: usize,
    /// `None` where there is no id to know the chat by.
    chat: Option<ChatIdentity>,
    /// Whose export it is as far as its senders show.
    likely_owner: Option<u64>,
    /// The least fingerprints of its messages, by which two copies are known to be of one chat.
    sketch: Vec<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ChatIdentity {
    chat_type: String,
    id: u64,
}

/// How many fingerprints of a copy's messages are kept.
const SKETCH: usize = 64;

impl ChatCopy {
    /// A chat as an input has it; `by_sender` counts its kept messages.
    pub(crate) fn new(
        input: usize,
        head: &ChatHead,
        by_sender: &[u64],
        notes: &[MessageNote],
    ) -> Self {
        let mut sketch: Vec<u64> = Vec::new();
        for note in notes {
            let Some(id) = note.id else { continue };
            let mixed = (note.fingerprint ^ ordered(id)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            if sketch.len() < SKETCH || sketch.last().is_some_and(|last| mixed < *last) {
                let place = sketch.partition_point(|less| *less < mixed);
                if sketch.get(place) != Some(&mixed) {
                    sketch.insert(place, mixed);
                    sketch.truncate(SKETCH);
                }
            }
        }
        Self {
            input,
            chat: head.id.map(|id| ChatIdentity {
                chat_type: head.chat_type.clone().into_owned(),
                id: unshifted(id, head),
            }),
            likely_owner: likely_owner(head, by_sender),
            sketch,
        }
    }

    fn shares_messages_with(&self, other: &Self) -> bool {
        let mut others = other.sketch.iter();
        others.any(|print| self.sketch.binary_search(print).is_ok())
    }
}

/// Whether the ids of messages are the same for each account.
fn numbers_messages_itself(chat_type: &str) -> bool {
    chat_type.ends_with("supergroup") || chat_type.ends_with("channel")
}

/// The one who is not the contact of a chat with a person or a bot.
fn likely_owner(head: &ChatHead, by_sender: &[u64]) -> Option<u64> {
    let is_of_two = head.chat_type == DEFAULT_CHAT_TYPE || head.chat_type == "bot_chat";
    let contact = head.id.filter(|_| is_of_two)?;
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
pub(crate) fn unshifted(id: u64, head: &ChatHead) -> u64 {
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

/// Which copies are of one chat, as lists of their places, in the order of the first ones; `owners` are those that
/// inputs name, by the inputs' places.
///
/// Outside supergroups and channels a chat is one account's. Where an owner can't be told, two copies are of one
/// chat if they share messages. What one input has twice stays apart.
pub(crate) fn chats_of_copies(
    copies: &[ChatCopy],
    owners: &HashMap<usize, u64>,
) -> Vec<Vec<usize>> {
    let mut chats: Vec<Vec<usize>> = Vec::new();
    let mut known: HashMap<&ChatIdentity, KnownChats> = HashMap::new();
    for (place, copy) in copies.iter().enumerate() {
        let Some(identity) = &copy.chat else {
            chats.push(vec![place]);
            continue;
        };
        let owner = if numbers_messages_itself(&identity.chat_type) {
            Some(ALL_ACCOUNTS)
        } else {
            owners.get(&copy.input).copied().or(copy.likely_owner)
        };
        let known = known.entry(identity).or_default();
        let chat = known.find(copy, owner, copies);
        let is_of_another_input = |chat: &usize| {
            let last = chats[*chat].last();
            last.is_none_or(|last| copies[*last].input != copy.input)
        };
        if let Some(chat) = chat.filter(is_of_another_input) {
            chats[chat].push(place);
        } else {
            known.add(place, owner, chats.len());
            chats.push(vec![place]);
        }
    }
    chats
}

/// The owner of chats whose messages are numbered alike for everybody.
const ALL_ACCOUNTS: u64 = u64::MAX;

/// The chats of one type and id, which different accounts can have.
#[derive(Default)]
struct KnownChats {
    by_owner: HashMap<u64, usize>,
    /// Some of them, to be compared with copies of unknown owners.
    compared: Vec<ComparedChat>,
}

struct ComparedChat {
    owner: Option<u64>,
    chat: usize,
    first_copy: usize,
}

impl KnownChats {
    /// With more chats of one id than that, which no account has, the rest is not compared.
    const MOST_COMPARED: usize = 16;

    /// The chat that a copy is of.
    fn find(&mut self, copy: &ChatCopy, owner: Option<u64>, copies: &[ChatCopy]) -> Option<usize> {
        if let Some(chat) = owner.and_then(|owner| self.by_owner.get(&owner)) {
            return Some(*chat);
        }
        let shared = self.compared.iter_mut().find(|known| {
            let may_be_one = known.owner.is_none() || owner.is_none();
            may_be_one && copies[known.first_copy].shares_messages_with(copy)
        })?;
        if let (None, Some(owner)) = (shared.owner, owner) {
            shared.owner = Some(owner);
            self.by_owner.insert(owner, shared.chat);
        }
        Some(shared.chat)
    }

    fn add(&mut self, first_copy: usize, owner: Option<u64>, chat: usize) {
        if let Some(owner) = owner {
            self.by_owner.entry(owner).or_insert(chat);
        }
        if self.compared.len() < Self::MOST_COMPARED {
            self.compared.push(ComparedChat {
                owner,
                chat,
                first_copy,
            });
        }
    }
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
    numbers_itself: bool,
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
            numbers_itself: numbers_messages_itself(&first.chat_type),
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
        let senders = self.numbers_of(&chat.head.senders);
        let mut records = chat.records.iter();
        for note in chat.notes {
            let record = match note.dropped {
                None => records.next(),
                Some(_) => None,
            };
            // Negative ids are those of a group's history before it was a supergroup: each account's own.
            let by_id = if self.numbers_itself {
                note.id.is_some_and(|id| id >= 0)
            } else {
                has_owner
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
            if let Some(record) = record {
                self.keep(record, &chat.arena, senders[record.sender as usize]);
            }
        }
        let head = &mut self.whole.head;
        if head.name.is_empty() {
            *head = ChatHead {
                senders: Vec::new(),
                ..chat.head
            };
            return;
        }
        for (id, title) in chat.head.topics {
            head.topics.entry(id).or_insert(title);
        }
    }

    /// Takes a message out of a copy's arena.
    fn keep(&mut self, record: &Record, arena: &str, sender: u32) {
        let base = self.whole.arena.len();
        self.whole
            .arena
            .push_str(&arena[record.arena_start()..record.arena_end()]);
        let start = base + usize::from(record.written_len);
        self.whole.records.push(Record {
            text_start: start as u64,
            sender,
            ..*record
        });
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
            if !by_id || !self.are_ids_enough {
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
