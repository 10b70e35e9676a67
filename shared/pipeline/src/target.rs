//! Whose style is learned: the configured target, or the owner of the export.

use std::collections::HashSet;

use serde::Serialize;

use crate::chunk::ChatHead;
use crate::explain::TargetProblem;
use crate::sender::{Sender, SenderId, Target};
use crate::settings::DEFAULT_CHAT_TYPE;

/// Who was chosen as the target, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TargetChoice {
    /// A full name or an id of the form `user123456789`.
    pub target: String,
    /// The name that the target's messages have, the first of several.
    pub name: Option<String>,
    /// `configured`, `owner_of_the_export` or `only_sender_who_is_no_contact`.
    pub reason: &'static str,
}

const CONFIGURED: &str = "configured";
const OWNER: &str = "owner_of_the_export";
const NO_CONTACT: &str = "only_sender_who_is_no_contact";

/// The target as far as it is known, and what tells who else it could be.
#[derive(Debug)]
pub(crate) struct TargetSearch {
    known: Option<KnownTarget>,
    /// The owner that an input named first.
    owner: Option<u64>,
    owners_differ: bool,
    candidates: ContactFilter,
    /// The name of the first of the target's messages.
    name: Option<String>,
    /// The chat that is called what the target was said to be: somebody of it may be meant.
    namesake: Option<String>,
}

#[derive(Debug)]
struct KnownTarget {
    target: Target,
    reason: &'static str,
}

impl TargetSearch {
    pub(crate) fn new(configured: Option<&Target>) -> Self {
        Self {
            known: configured.map(|target| KnownTarget {
                target: target.clone(),
                reason: CONFIGURED,
            }),
            owner: None,
            owners_differ: false,
            candidates: ContactFilter::default(),
            name: None,
            namesake: None,
        }
    }

    /// Whether no message of the target was met.
    pub(crate) fn lacks_name(&self) -> bool {
        self.name.is_none()
    }

    /// A chat is written or waits; what it shows of the target is noted.
    pub(crate) fn note_names(&mut self, head: &ChatHead, by_sender: &[u64]) {
        let Some(KnownTarget { target, .. }) = &self.known else {
            return;
        };
        if self.name.is_none() {
            let speakers = head.senders.iter().zip(by_sender);
            let mut own = speakers.filter(|(sender, count)| **count > 0 && target.matches(sender));
            self.name = own.next().map(|(sender, _)| sender.name.clone());
        }
        if self.namesake.is_none() && matches!(target, Target::Name(name) if *name == head.name) {
            let is_contact = |sender: &&Sender| match (&sender.id, head.id) {
                (Some(id), Some(chat)) => id.is_contact(chat),
                _ => false,
            };
            self.namesake = head.senders.iter().find(is_contact).map(Sender::label);
        }
    }

    /// The contact of the chat that has the name that was configured for the target.
    pub(crate) fn namesake(&self) -> Option<String> {
        self.namesake.clone()
    }

    pub(crate) fn known(&self) -> Option<&Target> {
        self.known.as_ref().map(|known| &known.target)
    }

    /// The target as the statistics name it.
    pub(crate) fn choice(&self) -> Option<TargetChoice> {
        self.known.as_ref().map(|known| TargetChoice {
            target: known.target.to_string(),
            name: self.name.clone(),
            reason: known.reason,
        })
    }

    /// An input names its owner, who is the target unless one is configured.
    pub(crate) fn meet_owner(&mut self, owner: u64) {
        match (&self.known, self.owner) {
            (_, Some(first)) => self.owners_differ |= first != owner,
            (Some(_), None) => {}
            (None, None) => {
                self.owner = Some(owner);
                self.know(Target::User(owner), OWNER);
            }
        }
    }

    /// A chat has ended while the target is not known; `by_sender` counts its kept messages.
    pub(crate) fn add_chat(&mut self, head: &ChatHead, by_sender: &[u64]) {
        self.candidates.add_chat(head, by_sender);
    }

    /// Decides who the target is, now that everything was read.
    ///
    /// # Errors
    /// If that can't be told.
    pub(crate) fn conclude(&mut self) -> Result<(), TargetProblem> {
        if self.owners_differ {
            return Err(TargetProblem::DifferentOwners);
        }
        if self.known.is_none() {
            let target = std::mem::take(&mut self.candidates).find()?;
            self.know(target, NO_CONTACT);
        }
        Ok(())
    }

    fn know(&mut self, target: Target, reason: &'static str) {
        self.known = Some(KnownTarget { target, reason });
    }
}

/// Looks for the one sender who, in every kept personal chat, is not the contact.
#[derive(Debug, Default)]
struct ContactFilter {
    /// Senders who were not the contact of the chat they wrote in.
    candidates: HashSet<Sender>,
    too_many: bool,
    contacts: HashSet<u64>,
}

impl ContactFilter {
    /// More candidates than that are "several" whatever else comes.
    const MOST: usize = 100_000;

    fn add_chat(&mut self, head: &ChatHead, by_sender: &[u64]) {
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

    /// The one who was found, if there is exactly one.
    fn find(self) -> Result<Target, TargetProblem> {
        if self.too_many {
            return Err(TargetProblem::SeveralCandidates);
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
            Err(none) if none.is_empty() => Err(TargetProblem::OnlyContacts),
            Err(_) => Err(TargetProblem::SeveralCandidates),
        }
    }
}
