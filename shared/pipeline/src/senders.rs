//! How often each sender wrote.

use std::collections::HashMap;

use serde::Serialize;

use crate::chunk::{ChatHead, Record};
use crate::sender::{Sender, SenderId};

/// A sender with the number of kept messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SenderCount {
    /// The full name, with the id where it is known.
    pub sender: String,
    /// Kept messages; among very many senders, those that were counted.
    pub messages: u64,
}

/// How many of the records each sender of their chat has.
pub(crate) fn count_senders(records: &[Record]) -> Vec<u64> {
    let mut by_sender = Vec::new();
    add_senders(records, &mut by_sender);
    by_sender
}

/// Adds each record to the count of its sender.
pub(crate) fn add_senders(records: &[Record], by_sender: &mut Vec<u64>) {
    for record in records {
        let sender = record.sender as usize;
        if by_sender.len() <= sender {
            by_sender.resize(sender + 1, 0);
        }
        by_sender[sender] += 1;
    }
}

/// What is known of a sender's messages.
#[derive(Clone, Copy, Debug)]
struct MessageCount {
    /// Messages since the sender was noted.
    seen: u64,
    /// How many there may have been before.
    missed: u64,
}

impl MessageCount {
    fn at_most(self) -> u64 {
        self.seen + self.missed
    }

    /// As it is told.
    fn of(self, sender: &Sender) -> SenderCount {
        SenderCount {
            sender: sender.label(),
            messages: self.seen,
        }
    }

    fn add(&mut self, other: Self) {
        self.seen += other.seen;
        self.missed = self.missed.max(other.missed);
    }
}

/// Counts kept messages by sender in bounded memory: exactly as long as there are not very many, and
/// then with the guarantee of the space-saving algorithm (Metwally, Agrawal, El Abbadi 2005) that the
/// most frequent are not lost.
#[derive(Debug, Default)]
pub(crate) struct SenderCounts {
    counts: HashMap<Sender, MessageCount>,
    /// The most messages that a sender who is not noted may have.
    missed: u64,
}

impl SenderCounts {
    /// Beyond this the rarest are forgotten.
    const MOST: usize = 100_000;

    /// Adds the kept messages of a chat, counted for each of its senders.
    pub(crate) fn add_chat(&mut self, head: &ChatHead, by_sender: &[u64]) {
        for (sender, &count) in head.senders.iter().zip(by_sender) {
            if count == 0 {
                continue;
            }
            if let Some(counted) = self.counts.get_mut(sender) {
                counted.seen += count;
            } else {
                self.counts.insert(
                    sender.clone(),
                    MessageCount {
                        seen: count,
                        missed: self.missed,
                    },
                );
            }
        }
        if self.counts.len() > Self::MOST {
            self.forget_half();
        }
    }

    fn forget_half(&mut self) {
        let kept = Self::MOST / 2;
        let mut bounds: Vec<u64> = self.counts.values().map(|count| count.at_most()).collect();
        let forgotten = bounds.len() - kept;
        let (rarer, limit, _) = bounds.select_nth_unstable(forgotten - 1);
        let limit = *limit;
        // Of those that are equally rare, as many go as have to.
        let mut ties = 1 + rarer.iter().filter(|bound| **bound == limit).count();
        self.counts.retain(|_, count| {
            let tie = count.at_most() == limit && ties > 0;
            ties -= usize::from(tie);
            count.at_most() >= limit && !tie
        });
        self.missed = self.missed.max(limit);
    }

    /// The senders with the most messages; one who has had several names comes once, by the most frequent.
    pub(crate) fn most_frequent(&self, listed: usize) -> Vec<SenderCount> {
        let mut senders = self.all();
        senders.truncate(listed);
        senders
    }

    /// All senders that are noted, the most frequent first.
    pub(crate) fn all(&self) -> Vec<SenderCount> {
        let counts = self.people().into_iter();
        counts.map(|(sender, count)| count.of(sender)).collect()
    }

    /// The same, each with as many as `part` has of these messages.
    pub(crate) fn all_with(&self, part: &Self) -> Vec<(SenderCount, u64)> {
        let (mut of_users, mut of_others) = (HashMap::new(), HashMap::new());
        for (sender, count) in &part.counts {
            match user(sender) {
                Some(user) => *of_users.entry(user).or_default() += count.seen,
                None => *of_others.entry(sender).or_default() += count.seen,
            }
        }
        let in_part = |sender: &Sender| match user(sender) {
            Some(user) => of_users.get(&user).copied(),
            None => of_others.get(sender).copied(),
        };
        let counts = self.people().into_iter();
        counts
            .map(|(sender, count)| (count.of(sender), in_part(sender).unwrap_or(0)))
            .collect()
    }

    /// Everybody who is noted, the most frequent first, each by the most frequent name.
    fn people(&self) -> Vec<(&Sender, MessageCount)> {
        let mut counts: Vec<_> = self.counts.iter().collect();
        most_first(&mut counts, |(sender, count)| (**count, sender));
        let mut people: Vec<(&Sender, MessageCount)> = Vec::new();
        let mut places: HashMap<u64, usize> = HashMap::new();
        for (sender, count) in counts {
            let user = user(sender);
            let known = user.and_then(|user| places.get(&user).copied());
            if let Some(known) = known {
                people[known].1.add(*count);
            } else {
                places.extend(user.map(|user| (user, people.len())));
                people.push((sender, *count));
            }
        }
        most_first(&mut people, |(sender, count)| (*count, sender));
        people
    }
}

/// The number of a sender who is a user.
fn user(sender: &Sender) -> Option<u64> {
    sender.id.as_ref().and_then(SenderId::user)
}

/// Orders senders by their messages, and those who have as many by their names.
fn most_first<T>(senders: &mut [T], parts: impl Fn(&T) -> (MessageCount, &Sender)) {
    senders.sort_by(|one, other| {
        let ((one, name), (other, other_name)) = (parts(one), parts(other));
        let by_count = other.at_most().cmp(&one.at_most());
        by_count.then_with(|| name.label().cmp(&other_name.label()))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(names: impl IntoIterator<Item = String>) -> ChatHead {
        let senders = names
            .into_iter()
            .map(|name| Sender { name, id: None })
            .collect();
        ChatHead {
            senders,
            ..ChatHead::default()
        }
    }

    #[test]
    fn the_most_frequent_sender_is_not_lost_among_very_many() {
        let mut counts = SenderCounts::default();
        for chat in 0..3000 {
            let others = (0..100).map(|other| format!("{chat} {other}"));
            let head = head(std::iter::once("Me".to_owned()).chain(others));
            counts.add_chat(&head, &[&[1][..], &[2; 100]].concat());
        }
        let listed = counts.most_frequent(1);
        assert_eq!(listed[0].sender, "Me");
        assert!((2900..=3000).contains(&listed[0].messages), "{listed:?}");
        assert!(counts.counts.len() <= SenderCounts::MOST);
    }

    #[test]
    fn of_those_that_are_equally_rare_half_are_forgotten() {
        let mut counts = SenderCounts::default();
        let head = head((0..=SenderCounts::MOST).map(|number| number.to_string()));
        counts.add_chat(&head, &vec![1; SenderCounts::MOST + 1]);
        assert_eq!(counts.counts.len(), SenderCounts::MOST / 2);
    }

    #[test]
    fn the_most_frequent_come_first_and_equals_by_name() {
        let mut counts = SenderCounts::default();
        let names = ["Dan", "Ann", "Cid", "Bob"].map(str::to_owned);
        counts.add_chat(&head(names.clone()), &[3, 2, 0, 2]);
        counts.add_chat(&head(names), &[4, 0, 0, 0]);
        let listed = |most| {
            let senders = counts.most_frequent(most);
            let listed = senders.iter();
            let labels = listed.map(|sender| format!("{} {}", sender.sender, sender.messages));
            labels.collect::<Vec<_>>()
        };
        assert_eq!(listed(9), ["Dan 7", "Ann 2", "Bob 2"]);
        assert_eq!(listed(1), ["Dan 7"]);
    }

    #[test]
    fn somebody_with_two_names_is_listed_once() {
        let mut counts = SenderCounts::default();
        let named = |name: &str, id| Sender {
            name: name.to_owned(),
            id: Some(id),
        };
        let head = ChatHead {
            senders: vec![
                named("Mira", SenderId::User(5)),
                named("Ben", SenderId::User(6)),
                named("Mira Solano", SenderId::Number(5)),
            ],
            ..ChatHead::default()
        };
        counts.add_chat(&head, &[2, 4, 3]);
        let listed = counts.most_frequent(9);
        let listed: Vec<_> = listed.iter().map(|s| (&*s.sender, s.messages)).collect();
        assert_eq!(listed, [("Mira Solano (user5)", 5), ("Ben (user6)", 4)]);
    }

    #[test]
    fn equally_rare_senders_are_not_all_forgotten() {
        let mut counts = SenderCounts::default();
        let head = head((0..200_000).map(|sender| sender.to_string()));
        counts.add_chat(&head, &vec![2; 200_000]);
        assert_eq!(counts.most_frequent(10).len(), 10);
    }
}
