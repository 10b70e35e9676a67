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
    let names = Consumer::NAMES.join(", ");
    let refused = turns.blocks_out_of_order;
    let (begin, end) = if refused == 1 {
        ("begins", "ends")
    } else {
        ("begin", "end")
    };
    let words = if refused == 0 {
        format!("name a trainer to get its configuration files as well ({names})")
    } else {
        format!(
            "{} of {} {begin} with the assistant or {end} with the user, which many trainers refuse; name \
             yours to fix that ({names})",
            grouped(refused),
            counted(blocks, "block", "blocks"),
        )
    };
    match invocation::with_option(&format!("--for {}", Consumer::NAMES[0])) {
        Some(command) => Next {
            words: Some(words + ", for example:"),
            command: Some(command),
        },
        None => Next {
            words: Some(words + " with --for"),
            command: None,
        },
    }
}
