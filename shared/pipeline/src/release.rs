//! Preparing chats that have waited, on other threads, and taking them in their order.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread::Scope;

use crossbeam_channel::{Receiver, Sender, unbounded};
use resonare_redaction::Counts;

use crate::chunk::{ChatHead, ReadChat, Record};
use crate::prepare::{Cast, ChatPreparer, PreparedChat};
use crate::redact::{LateRedactor, LateRegion};
use crate::tokens::TokenCounter;
use crate::waiting::{StoredChat, WaitedChat};

/// Makes what further threads prepare chats with.
pub(crate) struct PreparerThreads<'a, C> {
    /// How many there may be beside the calling one.
    pub(crate) count: usize,
    pub(crate) preparer: &'a (dyn Fn() -> ChatPreparer<'a, C> + Sync),
}

/// A chat that has waited, with what other chats decide about it.
pub(crate) struct CastChat {
    pub(crate) cast: Cast<'static>,
    pub(crate) chat: ChatToRelease,
}

/// What is left to do with a chat that has waited.
pub(crate) enum ChatToRelease {
    /// To decode it, and to look for personal data if there is any to be found.
    Stored(StoredChat, LateRegion),
    /// Nothing: it is made of several, from which personal data is gone.
    Joined(WaitedChat),
}

impl ChatToRelease {
    /// Its head, which it does not have any more.
    pub(crate) fn take_head(&mut self) -> ChatHead {
        std::mem::take(match self {
            Self::Stored(chat, _) => &mut chat.head,
            Self::Joined(chat) => &mut chat.head,
        })
    }

    /// Its messages.
    pub(crate) fn records(&self) -> Cow<'_, [Record]> {
        match self {
            Self::Stored(chat, _) => chat.records().into(),
            Self::Joined(chat) => (&chat.records).into(),
        }
    }
}

/// The same chat with its blocks.
pub(crate) struct ReleasedChat {
    pub(crate) cast: Cast<'static>,
    /// Its messages, where not all of its parts have their own.
    pub(crate) records: Vec<Record>,
    pub(crate) arena: String,
    pub(crate) parts: Vec<PreparedChat>,
    /// What was replaced.
    pub(crate) redacted: Counts,
}

impl CastChat {
    /// Replaces what is left to be replaced, and makes blocks.
    pub(crate) fn prepare<C: TokenCounter>(
        self,
        redactor: Option<&LateRedactor>,
        preparer: &mut ChatPreparer<'_, C>,
    ) -> io::Result<ReleasedChat> {
        let Self { cast, chat } = self;
        let mut redacted = Counts::default();
        let mut chat = match chat {
            ChatToRelease::Joined(chat) => chat,
            ChatToRelease::Stored(stored, late) => {
                let mut chat = stored.decode()?;
                if let Some(redactor) = redactor {
                    let count = |text: &str| preparer.selector().count_text(text);
                    redactor.redact(&mut chat, late, &mut redacted, count);
                }
                chat
            }
        };
        let read = ReadChat {
            records: &mut chat.records,
            notes: &chat.notes,
            arena: &chat.arena,
        };
        let parts = preparer.prepare(&cast, read);
        if parts.iter().all(PreparedChat::has_its_texts) {
            chat = WaitedChat::default();
        }
        Ok(ReleasedChat {
            cast,
            records: chat.records,
            arena: chat.arena,
            parts,
            redacted,
        })
    }
}

/// So much of the chats is held at once, as they were stored, unless one alone has more.
const MOST_BYTES: u64 = 16 << 20;
/// And so many chats, however small.
const MOST_CHATS: usize = 64;

/// A chat with its place among those that were sent, or what its thread panicked with.
type NumberedChat = (u64, std::thread::Result<io::Result<ReleasedChat>>);

/// Chats that are being prepared, or were, and that are not written yet.
pub(crate) struct ChatsUnderWay {
    to_prepare: Sender<(u64, CastChat)>,
    prepared: Receiver<NumberedChat>,
    /// Prepared before others that come first.
    early: BTreeMap<u64, io::Result<ReleasedChat>>,
    next_sent: u64,
    next_taken: u64,
    /// The stored sizes of those that were sent and not written yet.
    sizes: VecDeque<u64>,
}

impl ChatsUnderWay {
    /// Starts the threads, which end when this is dropped.
    pub(crate) fn start<'scope, 'a: 'scope, C: TokenCounter>(
        scope: &'scope Scope<'scope, '_>,
        threads: &PreparerThreads<'a, C>,
        redactor: Option<&'scope LateRedactor>,
    ) -> Self {
        let (to_prepare, chats) = unbounded::<(u64, CastChat)>();
        let (prepared_to, prepared) = unbounded();
        for _ in 0..threads.count {
            let (chats, prepared_to) = (chats.clone(), prepared_to.clone());
            let new_preparer = threads.preparer;
            scope.spawn(move || {
                let mut preparer = new_preparer();
                for (number, chat) in chats {
                    // The thread that takes them must not wait for one that will not come.
                    let preparing = AssertUnwindSafe(|| chat.prepare(redactor, &mut preparer));
                    if prepared_to.send((number, catch_unwind(preparing))).is_err() {
                        return;
                    }
                }
            });
        }
        Self {
            to_prepare,
            prepared,
            early: BTreeMap::new(),
            next_sent: 0,
            next_taken: 0,
            sizes: VecDeque::new(),
        }
    }

    /// Whether one more of this stored size may be under way.
    pub(crate) fn has_room_for(&self, size: u64) -> bool {
        let held: u64 = self.sizes.iter().sum();
        self.sizes.is_empty()
            || held.saturating_add(size) <= MOST_BYTES && self.sizes.len() < MOST_CHATS
    }

    /// Has a chat prepared.
    pub(crate) fn send(&mut self, chat: CastChat, size: u64) {
        // The threads take chats until this is dropped.
        let sent = self.to_prepare.send((self.next_sent, chat));
        sent.expect("the threads end after this does");
        self.next_sent += 1;
        self.sizes.push_back(size);
    }

    /// The next chat in the order in which they were sent, which stays under way until it is written; `None` if
    /// there is none.
    pub(crate) fn next(&mut self) -> Option<io::Result<ReleasedChat>> {
        if self.next_taken == self.next_sent {
            return None;
        }
        loop {
            if let Some(chat) = self.early.remove(&self.next_taken) {
                self.next_taken += 1;
                return Some(chat);
            }
            let (number, chat) = self.prepared.recv().ok()?;
            let chat = chat.unwrap_or_else(|panic| resume_unwind(panic));
            self.early.insert(number, chat);
        }
    }

    /// The chat that was taken last is written.
    pub(crate) fn written(&mut self) {
        self.sizes.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn under_way(sizes: impl IntoIterator<Item = u64>) -> ChatsUnderWay {
        ChatsUnderWay {
            to_prepare: unbounded().0,
            prepared: unbounded().1,
            early: BTreeMap::new(),
            next_sent: 0,
            next_taken: 0,
            sizes: sizes.into_iter().collect(),
        }
    }

    #[test]
    fn a_large_chat_is_alone_under_way_and_small_ones_are_few() {
        assert!(under_way([]).has_room_for(u64::MAX));
        assert!(!under_way([u64::MAX]).has_room_for(0));
        assert!(!under_way([1]).has_room_for(MOST_BYTES));
        assert!(under_way([1, 2]).has_room_for(MOST_BYTES - 3));
        assert!(under_way(vec![1; MOST_CHATS - 1]).has_room_for(1));
        assert!(!under_way(vec![1; MOST_CHATS]).has_room_for(1));
    }
}
