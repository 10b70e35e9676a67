//! How many blocks each chat has, compactly: an account can have a million chats.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use serde::{Serialize, Serializer};

/// Chats by name, in the order in which they came, with the number of their blocks.
#[derive(Clone, Debug, Default)]
pub struct BlockBreakdown {
    /// All names, one after the other.
    names: String,
    /// Where each name ends.
    ends: Vec<usize>,
    blocks: Vec<u32>,
    /// Chats, found by name.
    by_name: HashTable<Entry>,
    hashing: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    index: u32,
    /// Of the name, so that it is not needed again when the table grows.
    hash: u32,
}

impl Entry {
    fn of(name: &str, index: u32, hashing: &RandomState) -> Self {
        let hash = hashing.hash_one(name);
        #[expect(clippy::cast_possible_truncation, reason = "half of the hash is kept")]
        Self {
            index,
            hash: hash as u32,
        }
    }

    /// The hash as the table wants it, which looks at the upper bits, too.
    fn spread(self) -> u64 {
        u64::from(self.hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

impl BlockBreakdown {
    fn name(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.names[start..self.ends[index]]
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        let sought = Entry::of(name, 0, &self.hashing);
        let is_it =
            |entry: &Entry| entry.hash == sought.hash && self.name(entry.index as usize) == name;
        self.by_name.find(sought.spread(), is_it).is_some()
    }

    /// Adds a chat of a name that is not contained.
    pub(super) fn push(&mut self, name: &str, blocks: u64) {
        let index = u32::try_from(self.ends.len()).expect("fewer than 2^32 chats");
        let blocks = u32::try_from(blocks).expect("the messages of a chat are in memory");
        self.names.push_str(name);
        self.ends.push(self.names.len());
        self.blocks.push(blocks);
        let entry = Entry::of(name, index, &self.hashing);
        self.by_name
            .insert_unique(entry.spread(), entry, |entry| entry.spread());
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The chats: their name, and how many blocks they have.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        let blocks = self.blocks.iter().enumerate();
        blocks.map(|(index, &blocks)| (self.name(index), blocks.into()))
    }
}

impl Serialize for BlockBreakdown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}
