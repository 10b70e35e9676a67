//! Which consumer demands which rule.

use crate::consumer::Consumer;
use crate::rule::Rule;

/// What breaking a rule leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The row or the file is taken, but perhaps not as meant.
    Warning,
    /// The row or the file is refused, dropped, or ends the run.
    Refused,
}

use Consumer::{Axolotl, BedrockLlama, BedrockNova, LlamaFactory, OpenAi, Together, Trl, Unsloth};
use Severity::{Refused, Warning};

const NO: Option<Severity> = None;
const WARN: Option<Severity> = Some(Warning);
const DENY: Option<Severity> = Some(Refused);

/// What a rule is to each kind of consumer, in the order of [`column()`].
fn demands(rule: Rule) -> [Option<Severity>; 6] {
    match rule {
        Rule::NotUtf8
        | Rule::ByteOrderMark
        | Rule::RowTooLong
        | Rule::NotJson
        | Rule::NotAnObject
        | Rule::DuplicateKey
        | Rule::WrongShape
        | Rule::MixedShapes
        | Rule::MissingMessages
        | Rule::EmptyMessages
        | Rule::MessageNotAnObject
        | Rule::MissingRole
        | Rule::MissingContent
        | Rule::ContentNotText
        | Rule::UnknownRole
        | Rule::NoAssistant
        | Rule::TemplateRefused
        | Rule::TooFewRows
        | Rule::TooManyRows
        | Rule::FileTooLarge => [DENY; 6],
        Rule::SpecialTokenText | Rule::FlagIgnored | Rule::FewRows => [WARN; 6],
        //                         templated, LF, Together, Nova, Llama, OpenAI
        Rule::CarriageReturn => [WARN, WARN, DENY, DENY, DENY, DENY],
        Rule::BlankLine => [NO, NO, NO, DENY, DENY, DENY],
        // Together reads Parquet of tokens, not of texts.
        Rule::NotJsonLines | Rule::ParquetFile => [NO, NO, DENY, DENY, DENY, DENY],
        Rule::ExtraColumn => [NO, NO, DENY, NO, NO, NO],
        Rule::WrongSchemaVersion => [NO, NO, NO, NO, DENY, NO],
        Rule::EmptyContent => [WARN, WARN, WARN, DENY, WARN, DENY],
        Rule::UnknownMessageKey => [NO, NO, NO, NO, NO, DENY],
        Rule::SeveralSystems => [WARN, DENY, DENY, NO, DENY, NO],
        // What Together and Bedrock for Llama check when the data has arrived, not before.
        Rule::SystemNotFirst | Rule::FirstNotUser | Rule::NotAlternating => {
            [WARN, DENY, DENY, DENY, DENY, NO]
        }
        // LLaMA-Factory counts instead: after alternation from the user, it is the same.
        Rule::LastNotAssistant => [WARN, NO, WARN, DENY, DENY, DENY],
        Rule::OddCount => [NO, DENY, NO, NO, NO, NO],
        Rule::TooFewMessages => [NO, NO, NO, DENY, DENY, NO],
        Rule::ReservedWord => [NO, NO, NO, DENY, NO, NO],
        Rule::WeightNotZeroOrOne => [NO, NO, DENY, NO, NO, DENY],
        Rule::PartialWeights => [NO, NO, WARN, NO, NO, NO],
    }
}

fn column(consumer: Consumer) -> usize {
    match consumer {
        // The model's chat template decides on the roles.
        Trl | Unsloth | Axolotl => 0,
        LlamaFactory => 1,
        Together => 2,
        BedrockNova => 3,
        BedrockLlama => 4,
        OpenAi => 5,
    }
}

impl Consumer {
    /// What breaking the rule leads to here; `None` if this consumer has no such rule.
    pub fn severity(self, rule: Rule) -> Option<Severity> {
        demands(rule)[column(self)]
    }
}
