//! What comes after a run.

use resonare_consumers::{Consumer, NextStep};
use resonare_pipeline::TurnCounts;
use resonare_settings::Key;

use crate::advice;
use crate::invocation;
use crate::report::Next;

/// What a trainer's kit says, where its files are in this folder.
pub(crate) fn with_kit(step: &NextStep, folder: Option<&str>) -> Next {
    let command = step.command_in(folder);
    let by_hand = step.by_hand.as_deref().map(advice::with_options);
    Next {
        words: match &command {
            Some(_) => by_hand.map(|words| words + ", then run:"),
            None => by_hand,
        },
        command,
    }
}

/// The model that the files for a trainer name, where the command didn't choose it.
pub(crate) fn model_not_chosen(
    consumer: Option<Consumer>,
    model_id: &str,
    is_chosen: bool,
) -> Option<String> {
    let named = consumer?.named_model(model_id)?;
    if is_chosen && named == model_id {
        return None;
    }
    let is_default = Key::ModelId.entry().default == Some(named);
    let gate = if is_default {
        ", the default, which is gated"
    } else {
        ""
    };
    Some(format!(
        "the files name {named}{gate}; --model-id names another"
    ))
}

/// The run once more, for a trainer.
pub(crate) fn for_a_trainer(turns: &TurnCounts, blocks: u64) -> Next {
    let names = Consumer::NAMES.join(", ");
    let words = match turns.refused(blocks) {
        None => format!("name a trainer to get its configuration files as well ({names})"),
        Some(refused) => {
            // Blocks that have no exchange can't be mended.
            let left_out = match turns.blocks_of_one_side {
                0 => "such turns",
                of_one_side if of_one_side == turns.blocks_out_of_order => "such blocks",
                _ => "such turns and such blocks",
            };
            format!("{refused}; name yours to leave {left_out} out ({names})")
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_one_side_is_not_said_to_be_mended() {
        let words = |blocks_out_of_order, blocks_of_one_side| {
            let turns = TurnCounts {
                blocks_out_of_order,
                blocks_of_one_side,
                ..TurnCounts::default()
            };
            let words = for_a_trainer(&turns, 40).words.unwrap();
            words.split(" (trl").next().unwrap().to_owned()
        };
        let told = [words(1, 0), words(2, 2), words(30, 4), words(0, 0)];
        insta::assert_snapshot!(told.join("\n"), @r"
        1 of 40 blocks begins with the assistant or ends with the user, which many trainers refuse; name yours to leave such turns out
        in 2 of 40 blocks only one side speaks, which many trainers refuse; name yours to leave such blocks out
        30 of 40 blocks begin with the assistant or end with the user, which many trainers refuse, and in 4 of them only one side speaks; name yours to leave such turns and such blocks out
        name a trainer to get its configuration files as well
        ");
    }

    #[test]
    fn the_model_of_a_kit_is_told_unless_it_was_chosen() {
        let default = Key::ModelId.entry().default.unwrap();
        let model = |consumer, model_id, is_chosen| {
            model_not_chosen(Some(consumer), model_id, is_chosen).unwrap_or_default()
        };
        insta::assert_snapshot!(model(Consumer::Trl, default, false), @"the files name meta-llama/Llama-3.2-1B, the default, which is gated; --model-id names another");
        assert_eq!(model(Consumer::Trl, default, true), "");
        assert_eq!(model(Consumer::OpenAi, default, false), "");
        // Bedrock has models of its own.
        let own = "the files name amazon.nova-micro-v1:0:128k; --model-id names another";
        assert_eq!(model(Consumer::BedrockNova, "Qwen/Qwen3-8B", true), own);
        assert_eq!(model_not_chosen(None, default, false), None);
    }
}
