//! The senders of a chat, found again by how they are written.

use std::collections::HashMap;

use crate::sender::Sender;

/// `from` and `from_id` as written.
#[derive(Clone, Copy)]
pub(super) struct WrittenSender<'a> {
    pub(super) from: &'a [u8],
    pub(super) from_id: &'a [u8],
}

/// The senders of a chat.
#[derive(Default)]
pub(super) struct Senders {
    list: Vec<Sender>,
    /// How the first ones are written, which are all in most chats, one after the other.
    written: Vec<u8>,
    /// Where `from` and `from_id` end in there, in the order of the list.
    ends: Vec<[usize; 2]>,
    /// The others, by `from` and `from_id`: a search from the front would be slow.
    others: HashMap<[Vec<u8>; 2], u32>,
}

impl Senders {
    const FEW: usize = 8;

    #[inline]
    pub(super) fn find(&self, sender: WrittenSender<'_>) -> Option<u32> {
        let WrittenSender { from, from_id } = sender;
        let mut start = 0;
        for (index, &[middle, end]) in (0..).zip(&self.ends) {
            if self.written[start..middle] == *from && self.written[middle..end] == *from_id {
                return Some(index);
            }
            start = end;
        }
        if self.others.is_empty() {
            return None;
        }
        let written = [from.to_vec(), from_id.to_vec()];
        self.others.get(&written).copied()
    }

    pub(super) fn add(&mut self, written: WrittenSender<'_>, sender: Sender) -> u32 {
        let WrittenSender { from, from_id } = written;
        let index = u32::try_from(self.list.len()).expect("fewer senders than messages in memory");
        self.list.push(sender);
        if self.ends.len() < Self::FEW {
            self.written.extend_from_slice(from);
            let middle = self.written.len();
            self.written.extend_from_slice(from_id);
            self.ends.push([middle, self.written.len()]);
        } else {
            self.others.insert([from.to_vec(), from_id.to_vec()], index);
        }
        index
    }

    /// Adds those of `later` that are not among them, and gives the numbers that all of those have here.
    pub(super) fn merge(&mut self, later: Self) -> Vec<u32> {
        let Self {
            list,
            written,
            ends,
            others,
        } = later;
        let mut start = 0;
        let few = ends.iter().map(|&[middle, end]| {
            let fields = [&written[start..middle], &written[middle..end]];
            start = end;
            fields
        });
        let mut others: Vec<_> = others.iter().collect();
        others.sort_unstable_by_key(|(_, index)| **index);
        let others = others
            .into_iter()
            .map(|([from, from_id], _)| [&**from, &**from_id]);
        let fields = few.chain(others);
        fields
            .zip(list)
            .map(|([from, from_id], sender)| {
                let written = WrittenSender { from, from_id };
                self.find(written)
                    .unwrap_or_else(|| self.add(written, sender))
            })
            .collect()
    }

    /// The senders, in the order of their numbers.
    pub(super) fn into_list(self) -> Vec<Sender> {
        self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_senders_are_found_again_by_both_of_their_fields() {
        let names: Vec<String> = (0..3 * Senders::FEW)
            .map(|n| format!("n{}", n / 2))
            .collect();
        let ids: Vec<String> = (0..names.len())
            .map(|n| format!("\"user{}\"", n % 2))
            .collect();
        let written = |n: usize| WrittenSender {
            from: names[n].as_bytes(),
            from_id: ids[n].as_bytes(),
        };
        let mut senders = Senders::default();
        for (n, name) in names.iter().enumerate() {
            assert_eq!(senders.find(written(n)), None);
            let sender = Sender {
                name: name.clone(),
                id: None,
            };
            assert_eq!(senders.add(written(n), sender) as usize, n);
        }
        for n in 0..names.len() {
            assert_eq!(
                senders.find(written(n)).map(|index| index as usize),
                Some(n)
            );
        }
        assert_eq!(senders.into_list().len(), names.len());
    }

    #[test]
    fn senders_of_messages_that_were_read_apart_are_one_list() {
        let add = |senders: &mut Senders, names: std::ops::Range<usize>| {
            for name in names.map(|name| name.to_string()) {
                let written = WrittenSender {
                    from: name.as_bytes(),
                    from_id: b"",
                };
                let sender = Sender {
                    name: name.clone(),
                    id: None,
                };
                senders.add(written, sender);
            }
        };
        let (mut senders, mut later) = (Senders::default(), Senders::default());
        let (many, more) = (2 * Senders::FEW, 4 * Senders::FEW);
        add(&mut senders, 0..many);
        add(&mut later, 1..more);
        let numbers: Vec<_> = (1..u32::try_from(more).unwrap()).collect();
        assert_eq!(senders.merge(later), numbers);
        let names = senders.into_list().into_iter().map(|sender| sender.name);
        assert!(names.eq((0..more).map(|name| name.to_string())));
    }
}
