//! What a run found out: the contents of `stats.json`.

use std::collections::HashMap;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::chunk::Salvage;
use crate::funnel::Funnel;
use crate::target::TargetChoice;
use crate::tokens::TokenizerInfo;

/// How many chats the list of top chats has.
const TOP_CHATS: usize = 10;

/// Least, most and mean of a number; none where nothing was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Range {
    min: f64,
    max: f64,
    sum: f64,
    count: u64,
}

impl Range {
    pub(crate) fn add(&mut self, value: f64) {
        self.min = if self.count == 0 {
            value
        } else {
            self.min.min(value)
        };
        self.max = if self.count == 0 {
            value
        } else {
            self.max.max(value)
        };
        self.sum += value;
        self.count += 1;
    }

    fn measured(&self, value: f64) -> Option<f64> {
        (self.count > 0).then_some(value)
    }

    /// The least value.
    pub fn min(&self) -> Option<f64> {
        self.measured(self.min)
    }

    /// The largest value.
    pub fn max(&self) -> Option<f64> {
        self.measured(self.max)
    }

    /// The mean.
    pub fn avg(&self) -> Option<f64> {
        self.measured(self.sum / self.count as f64)
    }
}

/// A chat and how many blocks it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChatBlocks {
    /// The chat's name; a repeated one has ` (2)`, ` (3)`… behind it.
    pub name: String,
    /// Its blocks.
    pub blocks: u64,
}

/// The statistics of a run.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// Blocks, chat by chat, in the order of the output.
    pub block_breakdown: Vec<ChatBlocks>,
    /// Tokens of the emitted messages' contents, the system prompt included, a block.
    pub tokens_per_block: Range,
    /// Minutes from a block's first emitted message to its last.
    pub duration_minutes_per_block: Range,
    /// Where chats and messages went.
    pub funnel: Funnel,
    /// Whose style is learnt, and why.
    pub target: Option<TargetChoice>,
    /// Which tokenizer counted.
    pub tokenizer: TokenizerInfo,
    /// What was used of an export that ended early.
    pub salvaged: Option<Salvage>,
    names: HashMap<String, u64>,
}

impl Statistics {
    pub(crate) fn new(tokenizer: TokenizerInfo) -> Self {
        Self {
            block_breakdown: Vec::new(),
            tokens_per_block: Range::default(),
            duration_minutes_per_block: Range::default(),
            funnel: Funnel::default(),
            target: None,
            tokenizer,
            salvaged: None,
            names: HashMap::new(),
        }
    }

    pub(crate) fn add_chat(&mut self, name: &str, blocks: u64) {
        let name = self.unused_name(name);
        self.block_breakdown.push(ChatBlocks { name, blocks });
    }

    /// `name`, numbered where a chat of that name came before, even one that is itself called
    /// `Ben (2)`.
    fn unused_name(&mut self, name: &str) -> String {
        let Some(count) = self.names.get(name).copied() else {
            self.names.insert(name.to_owned(), 1);
            return name.to_owned();
        };
        let mut number = count + 1;
        let mut unused = format!("{name} ({number})");
        while self.names.contains_key(&unused) {
            number += 1;
            unused = format!("{name} ({number})");
        }
        self.names.insert(name.to_owned(), number);
        self.names.insert(unused.clone(), 1);
        unused
    }

    /// Chats in the output.
    pub fn num_chats(&self) -> u64 {
        self.block_breakdown.len() as u64
    }

    /// Blocks in the output.
    pub fn num_blocks(&self) -> u64 {
        self.block_breakdown.iter().map(|chat| chat.blocks).sum()
    }

    /// The chats with the most blocks, most first.
    pub fn top_chats(&self) -> Vec<&ChatBlocks> {
        let mut chats: Vec<_> = self.block_breakdown.iter().collect();
        chats.sort_by_key(|chat| std::cmp::Reverse(chat.blocks));
        chats.truncate(TOP_CHATS);
        chats
    }
}

struct Breakdown<'a>(&'a [ChatBlocks]);

impl Serialize for Breakdown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for chat in self.0 {
            map.serialize_entry(&chat.name, &chat.blocks)?;
        }
        map.end()
    }
}

impl Serialize for Statistics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("num_chats", &self.num_chats())?;
        map.serialize_entry("num_blocks", &self.num_blocks())?;
        // Tokens are whole numbers, and written as such.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "they were u64"
        )]
        let whole = |value: Option<f64>| value.map(|value| value as u64);
        map.serialize_entry("min_tokens_per_block", &whole(self.tokens_per_block.min()))?;
        map.serialize_entry("max_tokens_per_block", &whole(self.tokens_per_block.max()))?;
        map.serialize_entry("avg_tokens_per_block", &self.tokens_per_block.avg())?;
        let duration = &self.duration_minutes_per_block;
        map.serialize_entry("min_duration_minutes_per_block", &duration.min())?;
        map.serialize_entry("max_duration_minutes_per_block", &duration.max())?;
        map.serialize_entry("avg_duration_minutes_per_block", &duration.avg())?;
        map.serialize_entry("top_chats", &self.top_chats())?;
        map.serialize_entry("block_breakdown", &Breakdown(&self.block_breakdown))?;
        map.serialize_entry("funnel", &self.funnel)?;
        map.serialize_entry("target", &self.target)?;
        map.serialize_entry("tokenizer", &self.tokenizer)?;
        map.serialize_entry("salvaged", &self.salvaged)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chats_of_one_name_are_told_apart() {
        let info = TokenizerInfo {
            kind: String::new(),
            source: String::new(),
            fingerprint: String::new(),
            fallback_reason: None,
        };
        let mut statistics = Statistics::new(info);
        for name in ["Ben", "Ben (2)", "Ben", "Ben", "Ben (2)"] {
            statistics.add_chat(name, 1);
        }
        let names: Vec<_> = statistics
            .block_breakdown
            .iter()
            .map(|chat| &*chat.name)
            .collect();
        assert_eq!(
            names,
            ["Ben", "Ben (2)", "Ben (3)", "Ben (4)", "Ben (2) (2)"]
        );
    }
}
