//! What a run found out: the contents of `stats.json`.

mod breakdown;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use resonare_redaction::Counts;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::json;

use crate::funnel::{ChatDrop, Funnel, MessageDrop};
use crate::gaps::{ChatTimes, Gaps};
use crate::long_messages::LongMessages;
use crate::output_name::OutputName;
use crate::profile::Profile;
use crate::refusals::Refusals;
use crate::remedy::Remedy;
use crate::salvage::Salvage;
use crate::senders::SenderCount;
use crate::settings::TokenLimits;
use crate::short_blocks::ShortBlocks;
use crate::split::SplitCounts;
use crate::target::TargetChoice;
use crate::tokens::TokenizerInfo;
use crate::turns::TurnCounts;
use crate::warning::Warning;
pub use breakdown::BlockBreakdown;

/// How many chats the list of top chats has.
const TOP_CHATS: usize = 10;

/// So many chats without blocks are named.
const UNUSED_CHATS: usize = 100;

/// The minimum, maximum and mean of measured values; none where nothing was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    min: f64,
    max: f64,
    sum: f64,
    count: u64,
}

impl Summary {
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

    /// The smallest value.
    pub fn min(&self) -> Option<f64> {
        self.measured(self.min)
    }

    /// The largest value.
    pub fn max(&self) -> Option<f64> {
        self.measured(self.max)
    }

    /// All of them together.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// The mean.
    pub fn avg(&self) -> Option<f64> {
        self.measured(self.sum / self.count as f64)
    }
}

/// A chat and how many blocks it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChatBlocks {
    /// The chat's name; a repeated one is followed by ` (2)`, ` (3)`…
    pub name: String,
    /// Its blocks.
    pub blocks: u64,
}

/// A chat of which no block was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnusedChat {
    /// The chat's name.
    pub name: String,
    /// Its usable messages.
    pub messages: u64,
}

/// The length of the longest block as far as it can be told without a chat template, which adds at most 16
/// tokens to a turn. Zero where the blocks are for no consumer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EstimatedLengths {
    /// As the tokenizer counts it.
    pub padded: u64,
    /// As any tokenizer would count it, at most.
    pub in_any_tokenizer: u64,
}

/// Chats whose messages nearly all carry one moment, as after an import from elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ImportedChats {
    pub(crate) chats: u64,
    /// Their messages of that moment.
    pub(crate) messages: u64,
}

impl ImportedChats {
    /// Counts a chat with so many messages, if it is one.
    pub(crate) fn add(&mut self, times: &ChatTimes, messages: u64) {
        if times.is_imported(messages) {
            self.chats += 1;
            self.messages += times.at_one_moment;
        }
    }
}

/// The tokens of the messages' own texts in the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SpokenTokens {
    /// What everybody says.
    #[serde(rename = "all")]
    pub of_all: u64,
    /// What the target says.
    pub of_target: u64,
}

/// Chats that were passed over because of their type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PassedOverChats {
    pub(crate) chats: u64,
    /// Their messages, service messages included.
    pub(crate) messages: u64,
}

/// The statistics of a run.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// Blocks, chat by chat, in the order of the output.
    pub block_breakdown: BlockBreakdown,
    /// Chats of which no block was kept, the first of them.
    pub chats_without_blocks: Vec<UnusedChat>,
    /// Tokens per block of the emitted messages' contents, including the system prompt.
    pub tokens_per_block: Summary,
    /// Tokens per block that were held against the limits, context included.
    pub limited_tokens_per_block: Summary,
    /// Tokens per block as the model's chat template renders it, where that was asked.
    pub template_tokens_per_block: Summary,
    /// What trainers are told where there is no chat template to tell.
    pub estimated_lengths: EstimatedLengths,
    /// Blocks that the template or the consumer refused, and why.
    pub refusals: Refusals,
    /// Places that read as one of the model's special tokens, and were broken: in kept messages, whatever
    /// became of their blocks, in the system prompt and in the delimiter.
    pub special_token_text: u64,
    /// What was replaced in the kept messages, by kind.
    pub redacted: Counts,
    /// Entries of `exclude_chats` that name no chat.
    pub unmatched_exclusions: u64,
    /// Whether the system prompt, which is left as it is, has a name that was replaced elsewhere.
    pub is_name_in_system_prompt: bool,
    /// Blocks that begin with context of the one before.
    pub blocks_with_context: u64,
    /// How the blocks were split for training and validation, where that was asked.
    pub split: Option<SplitCounts>,
    /// Minutes from a block's first emitted message to its last.
    pub duration_minutes_per_block: Summary,
    /// Where chats and messages went.
    pub funnel: Funnel,
    /// Whose style is learned, and why.
    pub target: Option<TargetChoice>,
    /// Which tokenizer counted.
    pub tokenizer: TokenizerInfo,
    /// What was used of an export that ended early.
    pub salvaged: Option<Salvage>,
    /// The pauses between kept messages.
    pub gaps: Gaps,
    /// What to think about before the blocks are trained on.
    pub warnings: Vec<Warning>,
    /// What would keep more of the export, what keeps most first.
    pub remedies: Vec<Remedy>,
    /// Who speaks in the blocks, and in which order.
    pub turns: TurnCounts,
    /// Blocks that were dropped because they are too short.
    pub short_blocks: ShortBlocks,
    pub(crate) long_messages: LongMessages,
    pub(crate) passed_over_types: BTreeMap<&'static str, PassedOverChats>,
    pub(crate) imported: ImportedChats,
    /// What the report draws beside all this; it is not in `stats.json`.
    pub profile: Profile,
    /// The size of the file that the consumer takes.
    pub train_bytes: u64,
    /// How often a name came again.
    repeated: HashMap<String, u64>,
}

impl Statistics {
    pub(crate) fn new(tokenizer: TokenizerInfo, limits: TokenLimits) -> Self {
        Self {
            block_breakdown: BlockBreakdown::default(),
            chats_without_blocks: Vec::new(),
            tokens_per_block: Summary::default(),
            limited_tokens_per_block: Summary::default(),
            template_tokens_per_block: Summary::default(),
            estimated_lengths: EstimatedLengths::default(),
            refusals: Refusals::default(),
            special_token_text: 0,
            redacted: Counts::default(),
            unmatched_exclusions: 0,
            is_name_in_system_prompt: false,
            blocks_with_context: 0,
            split: None,
            duration_minutes_per_block: Summary::default(),
            funnel: Funnel::default(),
            target: None,
            tokenizer,
            salvaged: None,
            gaps: Gaps::default(),
            warnings: Vec::new(),
            remedies: Vec::new(),
            turns: TurnCounts::default(),
            short_blocks: ShortBlocks::new(limits.min()),
            long_messages: LongMessages::new(limits.max()),
            passed_over_types: BTreeMap::new(),
            imported: ImportedChats::default(),
            profile: Profile::default(),
            train_bytes: 0,
            repeated: HashMap::new(),
        }
    }

    /// The same where the run failed: what was written of blocks is thrown away.
    pub(crate) fn without_outputs(mut self) -> Self {
        let Funnel {
            chats, messages, ..
        } = &mut self.funnel;
        let kept = std::mem::take(&mut chats.kept);
        chats.dropped.add(ChatDrop::RunFailed, kept);
        let in_blocks = std::mem::take(&mut messages.in_blocks);
        messages.dropped.add(MessageDrop::RunFailed, in_blocks);
        Self {
            block_breakdown: BlockBreakdown::default(),
            tokens_per_block: Summary::default(),
            limited_tokens_per_block: Summary::default(),
            template_tokens_per_block: Summary::default(),
            duration_minutes_per_block: Summary::default(),
            estimated_lengths: EstimatedLengths::default(),
            turns: TurnCounts::default(),
            blocks_with_context: 0,
            split: None,
            profile: self.profile.without_outputs(),
            train_bytes: 0,
            ..self
        }
    }

    /// What is said in the blocks, in tokens.
    pub fn spoken_tokens(&self) -> SpokenTokens {
        let voices = &self.profile.voices;
        SpokenTokens {
            of_all: voices.target.tokens + voices.others.tokens,
            of_target: voices.target.tokens,
        }
    }

    /// Adds a chat, and gives the name that it has here.
    pub(crate) fn add_chat<'n>(&mut self, name: &'n str, blocks: u64) -> Cow<'n, str> {
        let name = self.unused_name(name);
        self.block_breakdown.push(&name, blocks);
        name
    }

    /// Notes a chat of which no block was kept.
    pub(crate) fn add_unused_chat(&mut self, name: &str, messages: u64) {
        if self.chats_without_blocks.len() < UNUSED_CHATS {
            self.chats_without_blocks.push(UnusedChat {
                name: name.to_owned(),
                messages,
            });
        }
    }

    /// `name`, numbered where a chat of that name came before, even one that is itself called
    /// `Ben (2)`.
    fn unused_name<'n>(&mut self, name: &'n str) -> Cow<'n, str> {
        if !self.block_breakdown.contains(name) {
            return name.into();
        }
        let number = self.repeated.entry(name.to_owned()).or_insert(1);
        loop {
            *number += 1;
            let numbered = format!("{name} ({number})");
            if !self.block_breakdown.contains(&numbered) {
                return numbered.into();
            }
        }
    }

    /// Chats in the output.
    pub fn num_chats(&self) -> u64 {
        self.block_breakdown.len() as u64
    }

    /// Blocks in the output.
    pub fn num_blocks(&self) -> u64 {
        self.block_breakdown.iter().map(|(_, blocks)| blocks).sum()
    }

    /// Blocks for training: all of them, where they were not split.
    pub fn train_blocks(&self) -> u64 {
        self.split
            .map_or_else(|| self.num_blocks(), |split| split.train_blocks)
    }

    /// Whether a file that the run wrote is one of its outputs: trainers stumble over one for validation without a
    /// block.
    pub fn leaves(&self, output: OutputName) -> bool {
        let has_validation = self
            .split
            .is_some_and(|split| !split.is_without_validation());
        has_validation || !output.is_for_validation()
    }

    /// The chats with the most blocks, most first.
    pub fn top_chats(&self) -> Vec<ChatBlocks> {
        let mut top: Vec<(&str, u64)> = Vec::with_capacity(TOP_CHATS + 1);
        for (name, blocks) in self.block_breakdown.iter() {
            // After those that have as many: of equals, the first come first.
            let place = top.partition_point(|(_, more)| *more >= blocks);
            if place < TOP_CHATS {
                top.insert(place, (name, blocks));
                top.truncate(TOP_CHATS);
            }
        }
        top.into_iter()
            .map(|(name, blocks)| ChatBlocks {
                name: name.to_owned(),
                blocks,
            })
            .collect()
    }

    /// The tokens of the longest block as the model's chat template renders it, where that was asked.
    pub fn longest_rendered_block(&self) -> Option<u64> {
        whole(self.template_tokens_per_block.max())
    }

    /// All but the blocks of each chat, which can be very many.
    pub fn overview(&self) -> impl Serialize {
        Overview(self)
    }

    /// Writes the entries in their order, the breakdown among them if it is given.
    fn serialize_entries<S: Serializer>(
        &self,
        serializer: S,
        breakdown: Option<&BlockBreakdown>,
    ) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("num_chats", &self.num_chats())?;
        map.serialize_entry("num_blocks", &self.num_blocks())?;
        map.serialize_entry("min_tokens_per_block", &whole(self.tokens_per_block.min()))?;
        map.serialize_entry("max_tokens_per_block", &whole(self.tokens_per_block.max()))?;
        map.serialize_entry("avg_tokens_per_block", &self.tokens_per_block.avg())?;
        map.serialize_entry("total_tokens", &whole(Some(self.tokens_per_block.sum())))?;
        let of_tokens = |summary: &Summary| json!({"min": whole(summary.min()), "max": whole(summary.max()), "avg": summary.avg()});
        let limited = of_tokens(&self.limited_tokens_per_block);
        map.serialize_entry("tokens_held_against_limits_per_block", &limited)?;
        let rendered = &self.template_tokens_per_block;
        if rendered.max().is_some() {
            let rendered = of_tokens(rendered);
            map.serialize_entry("chat_template_tokens_per_block", &rendered)?;
        }
        let duration = &self.duration_minutes_per_block;
        map.serialize_entry("min_duration_minutes_per_block", &duration.min())?;
        map.serialize_entry("max_duration_minutes_per_block", &duration.max())?;
        map.serialize_entry("avg_duration_minutes_per_block", &duration.avg())?;
        map.serialize_entry("top_chats", &self.top_chats())?;
        if let Some(breakdown) = breakdown {
            map.serialize_entry("block_breakdown", breakdown)?;
        }
        map.serialize_entry("chats_without_blocks", &self.chats_without_blocks)?;
        if self.blocks_with_context > 0 {
            map.serialize_entry("blocks_with_context", &self.blocks_with_context)?;
        }
        if let Some(split) = &self.split {
            map.serialize_entry("split", split)?;
        }
        map.serialize_entry("turns", &self.turns)?;
        map.serialize_entry("message_tokens", &self.spoken_tokens())?;
        map.serialize_entry("funnel", &self.funnel)?;
        map.serialize_entry("remedies", &self.remedies)?;
        map.serialize_entry("short_blocks", &self.short_blocks)?;
        map.serialize_entry("gaps", &self.gaps)?;
        map.serialize_entry("warnings", &self.warnings)?;
        if !self.refusals.is_empty() {
            map.serialize_entry("refusals", &self.refusals)?;
        }
        map.serialize_entry("special_token_text", &self.special_token_text)?;
        if !self.redacted.is_empty() {
            map.serialize_entry("redacted", &self.redacted)?;
        }
        map.serialize_entry("target", &self.target)?;
        map.serialize_entry("tokenizer", &self.tokenizer)?;
        map.serialize_entry("salvaged", &self.salvaged)?;
        map.end()
    }
}

/// Tokens are whole numbers, and written as such.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "they were u64"
)]
fn whole(tokens: Option<f64>) -> Option<u64> {
    tokens.map(|tokens| tokens as u64)
}

struct Overview<'s>(&'s Statistics);

impl Serialize for Overview<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize_entries(serializer, None)
    }
}

impl Serialize for Statistics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_entries(serializer, Some(&self.block_breakdown))
    }
}

/// The contents of `stats.json`.
#[derive(Debug, Serialize)]
pub struct StatsFile<'a> {
    /// What the run found out.
    #[serde(flatten)]
    pub statistics: &'a Statistics,
    /// The configuration that produced it.
    pub config: &'a serde_json::Map<String, serde_json::Value>,
    /// The longest row that the consumer's configuration provides for, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub training_length: Option<u64>,
    /// What to do next with the files, where they are for a consumer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<&'a resonare_consumers::NextStep>,
    /// What the consumer set of it, and why.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub preset: &'a [resonare_consumers::Setting],
    /// Where the model's chat template comes from, or why there is none, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_template: Option<&'a str>,
    /// Why the run failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a str>,
    /// What the owner needs to see beside the error.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub error_details: &'a [String],
    /// Whom the owner can choose as the target, where that was the error.
    #[serde(skip_serializing_if = "<[SenderCount]>::is_empty")]
    pub senders: &'a [SenderCount],
}

impl StatsFile<'_> {
    /// Writes the file.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, mut out: impl std::io::Write) -> std::io::Result<()> {
        serde_json::to_writer_pretty(&mut out, self)?;
        out.write_all(b"\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistics() -> Statistics {
        let info = TokenizerInfo {
            kind: String::new(),
            source: String::new(),
            fingerprint: String::new(),
            fallback_reason: None,
            engine: "compiled".to_owned(),
        };
        Statistics::new(info, TokenLimits::default())
    }

    #[test]
    fn where_the_run_failed_nothing_is_said_in_its_blocks() {
        let mut failed = statistics();
        failed.profile.voices.target.tokens = 5;
        assert_eq!(failed.spoken_tokens().of_target, 5);
        assert_eq!(failed.without_outputs().spoken_tokens().of_all, 0);
    }

    #[test]
    fn chats_of_one_name_are_told_apart() {
        let mut statistics = statistics();
        for name in ["Ben", "Ben (2)", "Ben", "Ben", "Ben (2)"] {
            statistics.add_chat(name, 1);
        }
        let names: Vec<_> = statistics
            .block_breakdown
            .iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(
            names,
            ["Ben", "Ben (2)", "Ben (3)", "Ben (4)", "Ben (2) (2)"]
        );
    }
}
