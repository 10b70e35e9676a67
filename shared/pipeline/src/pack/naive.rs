//! What meters are compared with: a meter that counts everything at each message, and counters that make
//! a difference.

use std::ops::Range;
use std::time::Duration;

use proptest::prelude::*;
use resonare_consumers::{Loss, SystemAs};

use super::{BlockMeter, Measuring, Misjudgment};
use crate::block::Block;
use crate::chunk::Record;
use crate::line_extra::LineExtra;
use crate::lines::Lines;
use crate::settings::Settings;
use crate::tokens::{LineTokens, TextTokens, TokenCounter, count_text};

/// Messages by whether the assistant speaks and whether a pause comes before.
pub(crate) fn any_messages() -> impl Strategy<Value = Vec<(bool, bool, String)>> {
    let message = (any::<bool>(), prop::bool::weighted(0.1), "[ab ]{1,12}");
    prop::collection::vec(message, 1..40)
}

/// Counters whose counts do not add up across a join.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Odd {
    /// Two equal characters in a row are one token.
    Pairs,
    /// The same, and lines with an `a` at the beginning of their texts have their own tokens.
    PairsByLine,
    /// A word has as many tokens as the square of its characters.
    Squares,
    /// As many as characters, but a third of them where five divides their number: a longer text
    /// can have fewer tokens.
    Fifths,
}

impl TokenCounter for Odd {
    fn count(&mut self, text: &str) -> u32 {
        let characters: Vec<char> = text.chars().collect();
        let all = characters.len();
        let tokens = match self {
            Self::Pairs | Self::PairsByLine => characters
                .chunk_by(|a, b| a == b)
                .map(|run| run.len().div_ceil(2))
                .sum(),
            Self::Squares => characters
                .split(|c| *c == ' ')
                .map(|word| word.len().pow(2))
                .sum(),
            Self::Fifths if all.is_multiple_of(5) => all / 3,
            Self::Fifths => all,
        };
        u32::try_from(tokens).unwrap()
    }

    fn count_line(&mut self, text: &str, delimiter: &str) -> TextTokens {
        let alone = TextTokens::alone(self.count(text));
        if !matches!(self, Self::PairsByLine) || !text.starts_with('a') {
            return alone;
        }
        let line = LineTokens {
            followed: self.count(&format!("{delimiter} {text}\n")),
            last: self.count(&format!("{delimiter} {text}")),
        };
        TextTokens {
            line: Some(line),
            ..alone
        }
    }
}

/// A chat whose messages come at once or after a pause.
#[derive(Clone, Debug)]
pub(crate) struct Chat {
    arena: String,
    pub(crate) records: Vec<Record>,
}

impl Chat {
    pub(crate) fn of(
        messages: &[(bool, bool, String)],
        counter: &mut Odd,
        delimiter: &str,
    ) -> Self {
        let (mut arena, mut time) = (String::new(), 0);
        let mut record = |(is_assistant, pauses, text): &(bool, bool, String)| {
            time += if *pauses { 100_000_000 } else { 1 };
            arena.push_str(text);
            let mut record = Record {
                time,
                stamp: time,
                text_start: (arena.len() - text.len()) as u64,
                text_len: u32::try_from(text.len()).unwrap(),
                tokens: 0,
                sender: u32::from(*is_assistant),
                written_len: 0,
                line_extra: LineExtra::default(),
            };
            record.set_tokens(count_text(counter, text, delimiter));
            record
        };
        let records = messages.iter().map(&mut record).collect();
        Self { arena, records }
    }

    pub(crate) fn lines<'a>(&'a self, delimiter: &'a str) -> Lines<'a> {
        Lines {
            records: &self.records,
            arena: &self.arena,
            targets: &[false, true],
            delimiter,
        }
    }
}

/// Counts all of a block at each of its messages.
pub(crate) struct Naive<F> {
    pub(crate) count: F,
    pub(crate) max: u64,
    block: Block,
}

impl<F: Fn(&Block) -> u64> Naive<F> {
    pub(crate) fn new(max: u64, count: F) -> Self {
        let block = Block::beginning(0..0, 0);
        Self { count, max, block }
    }
}

impl<F: Fn(&Block) -> u64> BlockMeter for Naive<F> {
    fn start(&mut self, context: Range<usize>, index: usize, _: Measuring) -> bool {
        self.block = Block::beginning(context, index);
        (self.count)(&self.block) <= self.max
    }

    fn extend(&mut self, index: usize) -> bool {
        let mut longer = self.block.clone();
        longer.messages.end = index + 1;
        let is_within = (self.count)(&longer) <= self.max;
        if is_within {
            self.block = longer;
        }
        is_within
    }

    fn tokens(&mut self) -> Result<u64, Misjudgment> {
        Ok((self.count)(&self.block))
    }
}

/// Settings that decide what blocks are emitted with.
pub(crate) fn any_settings() -> impl Strategy<Value = Settings> {
    let ways = [SystemAs::System, SystemAs::FirstUser, SystemAs::None];
    (
        prop::option::of("[ab ]{1,9}"),
        prop::sample::select(ways.to_vec()),
        prop::sample::select(vec!["", ">>>", "a"]),
        0_u32..20,
        any::<bool>(),
    )
        .prop_map(
            |(system_prompt, system_as, delimiter, context_tokens, all)| Settings {
                system_prompt,
                system_as,
                message_delimiter: delimiter.to_owned(),
                context_tokens,
                loss: if all { Loss::All } else { Loss::Assistant },
                threshold: Duration::from_secs(1),
                ..Settings::default()
            },
        )
}
