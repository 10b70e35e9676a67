//! The pauses between a chat's messages, and what other thresholds would make of them.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::json;

use crate::date::Micros;
use crate::settings::TokenLimits;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The longest gaps that the ranges of the histogram hold, in seconds; the last range has no end.
const EDGES: [u64; 8] = [
    MINUTE,
    5 * MINUTE,
    15 * MINUTE,
    HOUR,
    4 * HOUR,
    12 * HOUR,
    DAY,
    7 * DAY,
];

/// Thresholds that are commonly set, as indices of the edges that they are.
const THRESHOLDS: [usize; 5] = [2, 3, 4, 5, 6];

/// The gaps between consecutive kept messages of one chat or more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    counts: [u64; EDGES.len() + 1],
    /// Chats with a message.
    chats: u64,
    /// With each of the thresholds.
    blocks: [u64; THRESHOLDS.len()],
    /// In these blocks.
    messages: [u64; THRESHOLDS.len()],
}

/// A range of the histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct GapRange {
    /// The longest gap of the range, in seconds; `None` for the range without an end.
    pub up_to_secs: Option<u64>,
    /// The gaps in it.
    pub gaps: u64,
}

/// What a threshold would make of the same messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ThresholdResult {
    /// The threshold, in seconds.
    pub secs: u64,
    /// Runs of messages without a longer gap.
    pub conversations: u64,
    /// Blocks within the token limits, measured by the messages' own texts.
    pub blocks: u64,
    /// The messages in these blocks.
    pub messages: u64,
}

/// What the times of a chat's messages show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChatTimes {
    pub(crate) gaps: Gaps,
    /// The most messages that share one moment.
    pub(crate) at_one_moment: u64,
}

impl ChatTimes {
    /// Whether a chat with so many messages was imported from elsewhere, with the time of the import.
    pub(crate) fn is_imported(&self, messages: u64) -> bool {
        messages >= 20 && self.at_one_moment * 10 >= messages * 9
    }

    /// Those of messages in the order of their times, given with their tokens.
    pub(crate) fn of(
        messages: impl IntoIterator<Item = (Micros, u32)>,
        limits: TokenLimits,
    ) -> Self {
        let mut messages = messages.into_iter();
        let Some((mut before, tokens)) = messages.next() else {
            return Self::default();
        };
        let mut counts = [0; EDGES.len() + 1];
        let mut blocks = Blocks::beginning(tokens, limits);
        let (mut moment, mut at_one_moment) = (1_u64, 1);
        for (time, tokens) in messages {
            let gap = time.saturating_sub(before);
            before = time;
            let range = range_of(gap);
            counts[range] += 1;
            blocks.add(range, tokens);
            moment = if gap == 0 { moment + 1 } else { 1 };
            at_one_moment = at_one_moment.max(moment);
        }
        let (blocks, messages) = blocks.end();
        Self {
            gaps: Gaps {
                counts,
                chats: 1,
                blocks,
                messages,
            },
            at_one_moment,
        }
    }
}

/// The range that holds a gap.
fn range_of(gap: Micros) -> usize {
    const MICROS: [Micros; EDGES.len()] = {
        let mut micros = [0; EDGES.len()];
        let mut edge = 0;
        while edge < EDGES.len() {
            micros[edge] = EDGES[edge].cast_signed() * 1_000_000;
            edge += 1;
        }
        micros
    };
    MICROS.iter().map(|edge| usize::from(gap > *edge)).sum()
}

/// The blocks of a chat with each threshold. Their number is a multiple of what processors compute at once.
struct Blocks {
    min: u32,
    max: u32,
    tokens: [u32; 8],
    messages: [u32; 8],
    kept: [u32; 8],
    kept_messages: [u32; 8],
}

impl Blocks {
    fn beginning(tokens: u32, limits: TokenLimits) -> Self {
        let limit = |limit: u64| u32::try_from(limit).unwrap_or(u32::MAX);
        Self {
            min: limit(limits.min()),
            max: limit(limits.max()),
            tokens: [tokens; 8],
            messages: [1; 8],
            kept: [0; 8],
            kept_messages: [0; 8],
        }
    }

    /// Adds a message after a gap of this range.
    fn add(&mut self, range: usize, tokens: u32) {
        const LAST: [usize; 8] = {
            let mut last = [usize::MAX; 8];
            let mut threshold = 0;
            while threshold < THRESHOLDS.len() {
                last[threshold] = THRESHOLDS[threshold];
                threshold += 1;
            }
            last
        };
        for (lane, last) in LAST.into_iter().enumerate() {
            let block = self.tokens[lane];
            let longer = block.saturating_add(tokens);
            let cuts = range > last || longer > self.max;
            let is_kept = cuts && self.is_within(block);
            let messages = self.messages[lane];
            self.kept[lane] += u32::from(is_kept);
            self.kept_messages[lane] += if is_kept { messages } else { 0 };
            self.tokens[lane] = if cuts { tokens } else { longer };
            self.messages[lane] = if cuts { 1 } else { messages + 1 };
        }
    }

    fn is_within(&self, tokens: u32) -> bool {
        (self.min..=self.max).contains(&tokens)
    }

    /// The blocks and their messages with each threshold.
    fn end(self) -> ([u64; THRESHOLDS.len()], [u64; THRESHOLDS.len()]) {
        let is_kept = |lane: usize| self.is_within(self.tokens[lane]);
        let blocks = |lane| u64::from(self.kept[lane] + u32::from(is_kept(lane)));
        let messages = |lane| {
            let last = if is_kept(lane) {
                self.messages[lane]
            } else {
                0
            };
            u64::from(self.kept_messages[lane] + last)
        };
        (std::array::from_fn(blocks), std::array::from_fn(messages))
    }
}

impl Gaps {
    pub(crate) fn add(&mut self, other: &Self) {
        let sum = |counts: &mut [u64], more: &[u64]| {
            for (count, more) in counts.iter_mut().zip(more) {
                *count += more;
            }
        };
        sum(&mut self.counts, &other.counts);
        sum(&mut self.blocks, &other.blocks);
        sum(&mut self.messages, &other.messages);
        self.chats += other.chats;
    }

    /// The gaps by their length, the shortest first.
    pub fn histogram(&self) -> impl Iterator<Item = GapRange> {
        let ends = EDGES.into_iter().map(Some).chain([None]);
        let ranges = ends.zip(self.counts);
        ranges.map(|(up_to_secs, gaps)| GapRange { up_to_secs, gaps })
    }

    /// What common thresholds would give, the shortest first.
    pub fn thresholds(&self) -> impl Iterator<Item = ThresholdResult> {
        let counts = self.counts;
        let chats = self.chats;
        let results = self.blocks.into_iter().zip(self.messages);
        let results = THRESHOLDS.into_iter().zip(results);
        results.map(move |(edge, (blocks, messages))| ThresholdResult {
            secs: EDGES[edge],
            conversations: chats + counts[edge + 1..].iter().sum::<u64>(),
            blocks,
            messages,
        })
    }
}

/// [`Gaps`] whose blocks are estimated, and called so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EstimatedGaps(pub Gaps);

impl Serialize for EstimatedGaps {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let thresholds = self.0.thresholds().map(|result| {
            let ThresholdResult {
                secs,
                conversations,
                blocks,
                ..
            } = result;
            json!({"secs": secs, "conversations": conversations, "estimated_blocks": blocks})
        });
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("histogram", &self.0.histogram().collect::<Vec<_>>())?;
        map.serialize_entry("thresholds", &thresholds.collect::<Vec<_>>())?;
        map.end()
    }
}

impl Serialize for Gaps {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("histogram", &self.histogram().collect::<Vec<_>>())?;
        map.serialize_entry("thresholds", &self.thresholds().collect::<Vec<_>>())?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::chunk::Record;
    use crate::context::ContextRule;
    use crate::line_extra::LineExtra;
    use crate::pack::{ContentMeter, pack};

    fn record(time: Micros, tokens: u32) -> Record {
        Record {
            time,
            stamp: 0,
            text_start: 0,
            text_len: 0,
            tokens,
            sender: 0,
            written_len: 0,
            line_extra: LineExtra::default(),
        }
    }

    #[test]
    fn a_gap_is_in_the_range_that_ends_with_it() {
        let limits = TokenLimits::default();
        let times = [0, 60, 121, 121 + 7 * 86_400, 1 + 121 + 14 * 86_400 + 1];
        let messages = times.map(|second| (second * 1_000_000, 1));
        let ChatTimes { gaps, .. } = ChatTimes::of(messages, limits);
        assert_eq!(gaps.counts, [1, 1, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(ChatTimes::of([], limits), ChatTimes::default());
    }

    #[test]
    fn messages_of_one_moment_are_counted() {
        let times = [1, 1, 2, 2, 2, 3].map(|time| (time, 1));
        let ChatTimes { at_one_moment, .. } = ChatTimes::of(times, TokenLimits::default());
        assert_eq!(at_one_moment, 3);
    }

    proptest! {
        #[test]
        fn each_threshold_gives_the_blocks_and_conversations_that_packing_gives(
            messages in prop::collection::vec((0_i64..200_000, 0_u32..20), 1..60),
            min in 0_u32..30,
            above in 1_u32..40,
        ) {
            let limits = TokenLimits::new(min, min + above).unwrap();
            let mut time = 0;
            let records: Vec<Record> = messages.iter().map(|&(gap, tokens)| {
                // Gaps around each threshold are as likely as others.
                time += if gap % 3 == 0 { gap / 900 * 900 } else { gap } * 1_000_000;
                record(time, tokens)
            }).collect();
            let messages = records.iter().map(|record| (record.time, record.tokens));
            let ChatTimes { gaps, .. } = ChatTimes::of(messages, limits);
            for threshold in gaps.thresholds() {
                let blocks = |max| {
                    let mut meter = ContentMeter::new(&records, max);
                    pack(&records, Duration::from_secs(threshold.secs), &ContextRule::NONE, &mut meter)
                };
                let kept = blocks(limits.max())
                    .into_iter()
                    .filter(|block| (limits.min()..=limits.max()).contains(&block.tokens));
                let kept: Vec<_> = kept.map(|block| block.messages.len() as u64).collect();
                prop_assert_eq!(threshold.blocks, kept.len() as u64);
                prop_assert_eq!(threshold.messages, kept.iter().sum::<u64>());
                prop_assert_eq!(threshold.conversations, blocks(u64::MAX).len() as u64);
            }
            let all: u64 = gaps.histogram().map(|range| range.gaps).sum();
            prop_assert_eq!(all, records.len() as u64 - 1);
        }
    }
}
