//! A template around a template, which marks the assistant's turns in what the inner one writes.

use crate::tags::{Piece, pieces, statement};

/// How the templates of a family mark the assistant's turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TurnMarks {
    /// What comes before a turn, and is not learned.
    pub(crate) start: &'static str,
    /// What a turn ends with, which is learned with it.
    pub(crate) end: &'static str,
}

/// The families that are known, the narrower marks before the wider.
pub(crate) const FAMILIES: [TurnMarks; 10] = [
    // ChatML, Qwen.
    marks("<|im_start|>assistant\n", "<|im_end|>"),
    // Phi 4.
    marks("<|im_start|>assistant<|im_sep|>", "<|im_end|>"),
    // Llama 3.
    marks(
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        "<|eot_id|>",
    ),
    // Llama 4.
    marks("<|header_start|>assistant<|header_end|>\n\n", "<|eot|>"),
    // Gemma, up to 3.
    marks("<start_of_turn>model\n", "<end_of_turn>"),
    // Gemma 4.
    marks("<|turn>model\n", "<turn|>"),
    // Phi 3.
    marks("<|assistant|>\n", "<|end|>"),
    // Mistral, Llama 2.
    marks("[/INST]", "</s>"),
    // DeepSeek.
    marks("<｜Assistant｜>", "<｜end▁of▁sentence｜>"),
    // Cohere.
    marks(
        "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
        "<|END_OF_TURN_TOKEN|>",
    ),
];

const fn marks(start: &'static str, end: &'static str) -> TurnMarks {
    TurnMarks { start, end }
}

/// What is written around what a trainer learns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Markers {
    pub(crate) open: &'static str,
    pub(crate) close: &'static str,
}

/// The statement of `transformers`.
pub(crate) const GENERATION: Markers = Markers {
    open: "{% generation %}",
    close: "{% endgeneration %}",
};

/// Whether a template has the statement already.
pub(crate) fn has_generation(source: &str) -> bool {
    pieces(source)
        .any(|piece| matches!(piece, Piece::Tag(tag) if statement(tag) == Some("generation")))
}

/// A template that writes what `source` writes, with markers around the assistant's turns.
///
/// The inner template writes into a variable, which is cut at the marks and put together again: whatever it
/// writes, the text stays the same.
pub(crate) fn marked(source: &str, turn: TurnMarks, markers: Markers) -> String {
    let (start, end) = (literal(turn.start), literal(turn.end));
    let Markers { open, close } = markers;
    // As the engines do with the last newline of a template.
    let source = source.strip_suffix('\n').unwrap_or(source);
    // The plus signs keep the white space at both ends of the inner template.
    format!(
        "{{#- The model's own template, and around it what marks the assistant's turns. -#}}
{{% set written +%}}{source}{{%+ endset %}}\
         {{% for part in written.split({start}) %}}\
         {{% if loop.first %}}{{{{ part }}}}\
         {{% elif {end} in part %}}{{% set cut = part.split({end}, 1) %}}{{{{ {start} }}}}\
         {open}{{{{ cut[0] + {end} }}}}{close}{{{{ cut[1] }}}}\
         {{% else %}}{{{{ {start} + part }}}}{{% endif %}}{{% endfor %}}"
    )
}

/// A string of the template language.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\n', "\\n"))
}
