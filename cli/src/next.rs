//! What comes after a run.

use resonare_consumers::{Consumer, NextStep};
use resonare_pipeline::{TurnCounts, counted, grouped};

use crate::invocation;
use crate::report::Next;

/// What a trainer's kit says, where its files are in this folder.
pub(crate) fn with_kit(step: &NextStep, folder: Option<&str>) -> Next {
    let command = step.command_in(folder);
    let by_hand = step.by_hand.clone();
    Next {
        words: match &command {
            Some(_) => by_hand.map(|words| words + ", then run:"),
            None => by_hand,
        },
        command,
    }
}

/// The run once more, for a trainer.
pub(crate) fn for_a_trainer(turns: &TurnCounts, blocks: u64) -> Next {
    let others = Consumer::NAMES[1..].join(", ");
    let refused = turns.blocks_out_of_order;
    let why = if refused == 0 {
        "to have a trainer's configuration as well, name it".to_owned()
    } else {
        let (begin, end) = if refused == 1 {
            ("begins", "ends")
        } else {
            ("begin", "end")
        };
        format!(
            "{} of {} {begin} with the assistant or {end} with the user, which many trainers refuse; to mend \
             that, name yours",
            grouped(refused),
            counted(blocks, "block", "blocks"),
        )
    };
    let first = Consumer::NAMES[0];
    let command = invocation::with_option(&format!("--for {first}"));
    let how = if command.is_some() {
        format!("{why} ({first} here, or {others}):")
    } else {
        format!("{why} with --for ({first}, {others})")
    };
    Next {
        words: Some(how),
        command,
    }
}
