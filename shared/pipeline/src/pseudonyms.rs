//! Names in the place of names: the same person or chat has the same one throughout a run.

use std::collections::HashMap;

use crate::chunk::ChatHead;
use crate::overlaps::unshifted;
use crate::sender::{Sender, SenderId, Target};
use crate::settings::DEFAULT_CHAT_TYPE;

/// What the target is called where names are replaced.
pub const PSEUDONYM_OF_TARGET: &str = "Person 1";

/// Gives each person and each chat a name that says nothing, numbered as they come.
#[derive(Debug, Default)]
pub(crate) struct Pseudonyms {
    people: HashMap<Identity, usize>,
    groups: HashMap<Identity, usize>,
}

/// What a person or a chat is known by.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Identity {
    Id(u64),
    Name(String),
}

impl Pseudonyms {
    /// What a sender is called.
    pub(crate) fn person(&mut self, sender: &Sender, target: &Target) -> String {
        if target.matches(sender) {
            return PSEUDONYM_OF_TARGET.to_owned();
        }
        let user = sender.id.as_ref().and_then(SenderId::user);
        self.numbered_person(identity(user, &sender.name))
    }

    /// The head of a chat with other names; its senders keep theirs, by which the target is found.
    pub(crate) fn head(&mut self, head: &ChatHead, target: &Target) -> ChatHead {
        let id = head.id.map(|id| unshifted(id, head));
        let name = if head.chat_type != DEFAULT_CHAT_TYPE {
            let identity = identity(id, &head.name);
            format!("Group {}", number(&mut self.groups, identity) + 1)
        } else if id.is_some_and(|id| *target == Target::User(id)) {
            PSEUDONYM_OF_TARGET.to_owned()
        } else {
            self.numbered_person(identity(id, &head.name))
        };
        let topics = head.topics.keys().enumerate();
        let topics = topics.map(|(index, id)| (*id, format!("Topic {}", index + 1)));
        ChatHead {
            name,
            topics: topics.collect(),
            ..head.clone()
        }
    }

    fn numbered_person(&mut self, identity: Identity) -> String {
        // The target is the first.
        format!("Person {}", number(&mut self.people, identity) + 2)
    }
}

fn identity(id: Option<u64>, name: &str) -> Identity {
    id.map_or_else(|| Identity::Name(name.to_owned()), Identity::Id)
}

fn number(numbers: &mut HashMap<Identity, usize>, identity: Identity) -> usize {
    let next = numbers.len();
    *numbers.entry(identity).or_insert(next)
}
