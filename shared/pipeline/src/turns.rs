//! Who speaks in the blocks that are emitted, and in which order.

use resonare_consumers::MessageRef;
use serde::{Deserialize, Serialize};

use crate::roles::Role;
use crate::words::{counted, grouped};

/// The turns of the blocks in the output, without system messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnCounts {
    /// All turns.
    pub all: u64,
    /// Those of the target.
    pub of_target: u64,
    /// Blocks that the target begins.
    pub blocks_begun_by_target: u64,
    /// Blocks that somebody else ends.
    pub blocks_ended_by_others: u64,
    /// Blocks in which only one side speaks.
    pub blocks_of_one_side: u64,
    /// Blocks in which the target doesn't speak.
    pub blocks_without_target: u64,
    /// Blocks that the target begins, or that somebody else ends: trainers that want exchanges refuse them.
    pub blocks_out_of_order: u64,
}

impl TurnCounts {
    /// Says how many of all blocks many trainers refuse, and why; `None` where they refuse none.
    pub fn refused(&self, blocks: u64) -> Option<String> {
        let (refused, one_sided) = (self.blocks_out_of_order, self.blocks_of_one_side);
        if refused == 0 {
            return None;
        }
        let of_blocks = format!(
            "{} of {}",
            grouped(refused),
            counted(blocks, "block", "blocks")
        );
        if one_sided == refused {
            return Some(format!(
                "in {of_blocks} only one side speaks, which many trainers refuse"
            ));
        }
        let (begin, end) = if refused == 1 {
            ("begins", "ends")
        } else {
            ("begin", "end")
        };
        let order = format!(
            "{of_blocks} {begin} with the assistant or {end} with the user, which many trainers refuse"
        );
        Some(match one_sided {
            0 => order,
            _ => format!(
                "{order}, and in {} of them only one side speaks",
                grouped(one_sided)
            ),
        })
    }

    /// Counts a block's messages.
    pub(crate) fn add<'m>(&mut self, messages: impl Iterator<Item = MessageRef<'m>>) {
        let target = Role::Assistant.name();
        let by_target = messages
            .filter(|message| message.role == target || message.role == Role::User.name())
            .map(|message| message.role == target);
        let (mut turns, mut of_target) = (0, 0);
        let (mut begun_by_target, mut ended_by_target) = (false, false);
        for is_target in by_target {
            begun_by_target |= turns == 0 && is_target;
            ended_by_target = is_target;
            turns += 1;
            of_target += u64::from(is_target);
        }
        self.all += turns;
        self.of_target += of_target;
        self.blocks_begun_by_target += u64::from(begun_by_target);
        self.blocks_ended_by_others += u64::from(!ended_by_target);
        self.blocks_of_one_side += u64::from(of_target == 0 || of_target == turns);
        self.blocks_without_target += u64::from(of_target == 0);
        self.blocks_out_of_order += u64::from(begun_by_target || !ended_by_target);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(blocks: &[&str]) -> TurnCounts {
        let mut counts = TurnCounts::default();
        for block in blocks {
            counts.add(block.chars().map(|role| {
                let role = match role {
                    's' => "system",
                    'u' => "user",
                    _ => "assistant",
                };
                MessageRef::new(role, "text")
            }));
        }
        counts
    }

    #[test]
    fn an_exchange_is_in_order() {
        let expected = TurnCounts {
            all: 6,
            of_target: 3,
            ..TurnCounts::default()
        };
        assert_eq!(counted(&["sua", "uaua"]), expected);
    }

    #[test]
    fn what_a_trainer_may_refuse_is_counted_once() {
        let expected = TurnCounts {
            all: 10,
            of_target: 5,
            blocks_begun_by_target: 3,
            blocks_ended_by_others: 3,
            blocks_of_one_side: 2,
            blocks_without_target: 1,
            blocks_out_of_order: 5,
        };
        assert_eq!(counted(&["aua", "a", "u", "au", "uau"]), expected);
    }
}
