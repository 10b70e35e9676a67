//! Who says how much.

use crate::block::Block;
use crate::lines::Lines;
use crate::roles::Role;

/// What one side says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Voice {
    /// Runs of its messages.
    pub turns: u64,
    /// Its messages.
    pub messages: u64,
    /// The tokens of their own texts.
    pub tokens: u64,
}

/// What the two sides say in the blocks, context aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Voices {
    /// The target.
    pub target: Voice,
    /// Everybody else.
    pub others: Voice,
}

impl Voices {
    pub(crate) fn add(&mut self, lines: Lines<'_>, block: &Block) {
        for run in lines.merged(block.messages.clone()) {
            let voice = match lines.role(run.start) {
                Role::Assistant => &mut self.target,
                Role::User => &mut self.others,
            };
            voice.turns += 1;
            voice.messages += run.len() as u64;
            let tokens = lines.records[run].iter();
            voice.tokens += tokens.map(|record| u64::from(record.tokens)).sum::<u64>();
        }
    }
}
