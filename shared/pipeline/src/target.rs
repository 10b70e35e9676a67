//! Finding the target where none is configured, and remembering who spoke how often.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use crate::chunk::{ChatHead, Record};
use crate::error::{PipelineError, SenderCount};
use crate::sender::{Sender, SenderId, Target};
use crate::settings::DEFAULT_CHAT_TYPE;

/// Who was taken for the target, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TargetChoice {
    /// A full name or an id of the form `user123456789`.
    pub target: String,
    /// `configured`, `owner_of_the_export` or `only_sender_who_is_no_contact`.
    pub reason: &'static str,
}

pub(crate) const CONFIGURED: &str = "configured";
pub(crate) const OWNER: &str = "owner_of_the_export";
pub(crate) const NO_CONTACT: &str = "only_sender_who_is_no_contact";

/// How many senders an error lists.
pub(crate) const LISTED: usize = 10;

/// Adds each record to the count of its sender.
pub(crate) fn count_senders(records: &[Record], by_sender: &mut Vec<u64>) {
    for record in records {
        let sender = record.sender as usize;
        if by_sender.len() <= sender {
            by_sender.resize(sender + 1, 0);
        }
        by_sender[sender] += 1;
    }
}

/// Counts kept messages by sender, exactly for the frequent ones, in bounded memory.
#[derive(Debug, Default)]
pub(crate) struct SenderCounts {
    counts: HashMap<Sender, u64>,
}

impl SenderCounts {
    /// Beyond this the rarest are forgotten.
    const MOST: usize = 20_000;

    /// Adds the kept messages of a chat, counted for each of its senders.
    pub(crate) fn add_chat(&mut self, head: &ChatHead, by_sender: &[u64]) {
        for (sender, &count) in head.senders.iter().zip(by_sender) {
            if count == 0 {
                continue;
            }
            if let Some(counted) = self.counts.get_mut(sender) {
                *counted += count;
            } else {
                self.counts.insert(sender.clone(), count);
            }
        }
        if self.counts.len() > Self::MOST {
            let mut counts: Vec<u64> = self.counts.values().copied().collect();
            let (_, median, _) = counts.select_nth_unstable(Self::MOST / 2);
            let median = *median;
            self.counts.retain(|_, count| *count > median);
        }
    }

    pub(crate) fn most_frequent(&self, listed: usize) -> Vec<SenderCount> {
        let mut senders: Vec<SenderCount> = self
            .counts
            .iter()
            .map(|(sender, &messages)| SenderCount {
                sender: sender.label(),
                messages,
            })
            .collect();
        senders.sort_by(|a, b| {
            b.messages
                .cmp(&a.messages)
                .then_with(|| a.sender.cmp(&b.sender))
        });
        senders.truncate(listed);
        senders
    }
}

/// Looks for the one sender who, in every kept personal chat, is not the contact.
#[derive(Debug, Default)]
pub(crate) struct TargetFinder {
    /// Senders who were not the contact of the chat they wrote in.
    candidates: HashSet<Sender>,
    too_many: bool,
    contacts: HashSet<u64>,
}

impl TargetFinder {
    /// More candidates than that are "several" whatever else comes.
    const MOST: usize = 100_000;

    pub(crate) fn add_chat(&mut self, head: &ChatHead, by_sender: &[u64]) {
        if head.chat_type != DEFAULT_CHAT_TYPE {
            return;
        }
        if let Some(chat_id) = head.id {
            self.contacts.insert(chat_id);
        }
        for (sender, &count) in head.senders.iter().zip(by_sender) {
            let spoke = count > 0;
            let is_contact = match (&sender.id, head.id) {
                (Some(id), Some(chat_id)) => id.is_contact(chat_id),
                _ => false,
            };
            if is_contact {
                if let Some(user) = sender.id.as_ref().and_then(SenderId::user) {
                    self.contacts.insert(user);
                }
            } else if spoke && self.candidates.len() < Self::MOST {
                self.candidates.insert(sender.clone());
            } else if spoke {
                self.too_many = true;
            }
        }
    }

    /// The one who was found.
    ///
    /// # Errors
    /// If there is none, or more than one.
    pub(crate) fn find(self, counts: &SenderCounts) -> Result<Target, PipelineError> {
        let unknown = |why| PipelineError::UnknownTarget {
            why,
            senders: counts.most_frequent(LISTED),
        };
        if self.too_many {
            return Err(unknown("several senders could be the export's owner"));
        }
        let mut targets: Vec<Target> = self
            .candidates
            .into_iter()
            .filter_map(|sender| match sender.id.as_ref().and_then(SenderId::user) {
                Some(user) if self.contacts.contains(&user) => None,
                Some(user) => Some(Target::User(user)),
                None => Some(Target::Name(sender.name)),
            })
            .collect();
        targets.sort_by_key(Target::to_string);
        targets.dedup();
        match <[Target; 1]>::try_from(targets) {
            Ok([target]) => Ok(target),
            Err(none) if none.is_empty() => Err(unknown(
                "the export does not name its owner, and every sender is a contact",
            )),
            Err(_) => Err(unknown(
                "the export does not name its owner, and several senders could be the one",
            )),
        }
    }
}
