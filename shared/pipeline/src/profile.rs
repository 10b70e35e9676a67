//! What the report draws beside the statistics: distributions and samples, in bounded memory whatever the
//! export.

mod calendar;
mod distribution;
mod samples;
mod voices;

use std::time::Duration;

use resonare_consumers::Consumer;

use crate::block::Block;
use crate::lines::Lines;
use crate::settings::{Settings, TokenBudget, TokenLimits};
pub use calendar::{Calendar, Month};
pub use distribution::{Histogram, Range, Ranges};
pub use samples::{Sample, SampledTurn, Samples};
pub use voices::{Voice, Voices};

/// Messages of a block: the ends of the ranges.
const MESSAGES: &[u64] = &[1, 2, 5, 10, 20, 50, 100, 200];
/// Seconds from a block's first message to its last.
const SECONDS: &[u64] = &[60, 300, 900, 3_600, 14_400, 43_200, 86_400];

/// Distributions over the blocks of a run, and samples of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// How many tokens a block may have.
    pub limits: TokenLimits,
    /// What they are measured against.
    pub token_budget: TokenBudget,
    /// The longest gap within a conversation.
    pub threshold: Duration,
    /// Whom the blocks are for.
    pub consumer: Option<Consumer>,
    /// The emitted blocks by the tokens that were held against the limits.
    pub emitted_tokens: Histogram,
    /// All other blocks by the tokens that they had when they were dropped.
    pub dropped_tokens: Histogram,
    /// The emitted blocks by how many messages of their own they have.
    pub messages: Ranges,
    /// The emitted blocks by the seconds from their first message to their last.
    pub seconds: Ranges,
    /// When the conversations of the emitted blocks began.
    pub beginnings: Calendar,
    /// Who says how much in the emitted blocks.
    pub voices: Voices,
    /// Blocks to look at.
    pub samples: Samples,
}

impl Profile {
    pub(crate) fn new(settings: &Settings) -> Self {
        let limits = settings.limits;
        Self {
            limits,
            token_budget: settings.token_budget,
            threshold: settings.threshold,
            consumer: settings.consumer,
            emitted_tokens: Histogram::up_to(limits.max()),
            dropped_tokens: Histogram::up_to(limits.max()),
            messages: Ranges::ending_at(MESSAGES),
            seconds: Ranges::ending_at(SECONDS),
            beginnings: Calendar::default(),
            voices: Voices::default(),
            samples: Samples::new(settings.report_samples),
        }
    }

    /// The same where the run failed: no block is there after all.
    pub(crate) fn without_outputs(self) -> Self {
        let mut dropped_tokens = self.dropped_tokens;
        dropped_tokens.merge(&self.emitted_tokens);
        Self {
            emitted_tokens: Histogram::up_to(self.limits.max()),
            dropped_tokens,
            messages: Ranges::ending_at(MESSAGES),
            seconds: Ranges::ending_at(SECONDS),
            beginnings: Calendar::default(),
            voices: Voices::default(),
            samples: Samples::new(0),
            ..self
        }
    }

    /// Counts the blocks of a chat that are emitted.
    pub(crate) fn add_chat(&mut self, name: &str, lines: Lines<'_>, blocks: &[Block]) {
        let mut conversation = None;
        for block in blocks {
            let own = &lines.records[block.messages.clone()];
            let (Some(first), Some(last)) = (own.first(), own.last()) else {
                continue;
            };
            if conversation.replace(block.conversation) != Some(block.conversation) {
                self.beginnings.add(first.wall(lines.arena));
            }
            self.emitted_tokens.add(block.tokens);
            self.messages.add(own.len() as u64);
            let micros = last.time.saturating_sub(first.time);
            self.seconds.add(micros.unsigned_abs() / 1_000_000);
            self.voices.add(lines, block);
            self.samples.offer(name, lines, block);
        }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::new(&Settings::default())
    }
}
