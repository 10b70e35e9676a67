//! The rules on what a row says: who speaks, in which order, and with which words. The same code
//! checks the rows of a file and the blocks of a run.

use std::sync::LazyLock;

use crate::consumer::Consumer;
use crate::demands::Severity;
use crate::message::{MessageRef, Role};
use crate::phrases::Phrases;
use crate::rule::Rule;

/// What Nova's documentation and its samples' validator reserve.
const NOVA_RESERVED: [&str; 13] = [
    "System:",
    "SYSTEM:",
    "User:",
    "USER:",
    "Bot:",
    "BOT:",
    "Assistant:",
    "ASSISTANT:",
    "Thought:",
    "[EOS]",
    "<image>",
    "<video>",
    "<unk>",
];

/// A broken rule of a row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// The message that breaks it, from 0, the system message included.
    pub(crate) message: Option<usize>,
    pub(crate) rule: Rule,
    /// The role, key or word that was found.
    pub(crate) found: Option<String>,
}

impl Flaw {
    pub(crate) fn of_row(rule: Rule) -> Self {
        Self {
            message: None,
            rule,
            found: None,
        }
    }

    pub(crate) fn of_message(message: usize, rule: Rule) -> Self {
        Self {
            message: Some(message),
            rule,
            found: None,
        }
    }

    /// Says what was found, at most its beginning.
    pub(crate) fn finding(mut self, found: &str) -> Self {
        const LONGEST: usize = 120;
        self.found = Some(found.chars().take(LONGEST).collect());
        self
    }
}

/// Nova's words, ready to be looked for.
static RESERVED: LazyLock<Phrases> = LazyLock::new(|| Phrases::new(NOVA_RESERVED));

/// The rules about what a consumer reads in messages; counts and sizes of files aside.
///
/// ```
/// use resonare_consumers::{Consumer, ContentRules, MessageRef, Rule};
///
/// let rules = ContentRules::new(Consumer::Together);
/// let question = [MessageRef::new("user", "Where are you?")];
/// assert_eq!(rules.refuses(&question), Some(Rule::NoAssistant));
/// ```
#[derive(Clone, Debug)]
pub struct ContentRules {
    consumer: Consumer,
    reserved: Option<&'static Phrases>,
}

impl ContentRules {
    /// The rules of a consumer.
    pub fn new(consumer: Consumer) -> Self {
        let reserved = consumer.severity(Rule::ReservedWord);
        Self {
            consumer,
            reserved: reserved.map(|_| &*RESERVED),
        }
    }

    /// Calls `report` with each broken rule, demanded or not.
    pub(crate) fn examine(&self, messages: &[MessageRef<'_>], mut report: impl FnMut(Flaw)) {
        if messages.is_empty() {
            return report(Flaw::of_row(Rule::EmptyMessages));
        }
        self.examine_roles(messages, &mut report);
        for (index, message) in messages.iter().enumerate() {
            if message.content.is_empty() {
                report(Flaw::of_message(index, Rule::EmptyContent));
            }
            if let Some(word) = self
                .reserved
                .and_then(|reserved| reserved.find(message.content))
            {
                report(Flaw::of_message(index, Rule::ReservedWord).finding(word));
            }
        }
    }

    fn examine_roles(&self, messages: &[MessageRef<'_>], report: &mut impl FnMut(Flaw)) {
        let mut turns = Turns::default();
        let mut are_known = true;
        for (index, message) in messages.iter().enumerate() {
            let role = Role::parse(message.role).filter(|&role| self.consumer.knows(role));
            let Some(role) = role else {
                are_known = false;
                // Where it is missing, whoever read the row has said so.
                if !message.role.is_empty() {
                    report(Flaw::of_message(index, Rule::UnknownRole).finding(message.role));
                }
                continue;
            };
            if let Some(rule) = turns.add(role, !message.content.is_empty())
                && are_known
            {
                report(Flaw::of_message(index, rule));
            }
        }
        // Without one of the roles, no order can be told.
        if are_known {
            turns.missing().for_each(|rule| report(Flaw::of_row(rule)));
        }
    }

    /// The first rule for which the consumer refuses a row with these messages.
    pub fn refuses(&self, messages: &[MessageRef<'_>]) -> Option<Rule> {
        let mut first = None;
        self.examine(messages, |flaw| {
            if first.is_none() && self.consumer.severity(flaw.rule) == Some(Severity::Refused) {
                first = Some(flaw.rule);
            }
        });
        first
    }
}

/// The roles of a row, as they come.
#[derive(Default)]
struct Turns {
    systems: usize,
    /// The messages, without system messages.
    count: usize,
    last: Option<Role>,
    answered: bool,
}

impl Turns {
    /// Takes the next message's role; the rule that it breaks, if it does.
    fn add(&mut self, role: Role, has_text: bool) -> Option<Rule> {
        if role == Role::System {
            self.systems += 1;
            return if self.count > 0 {
                Some(Rule::SystemNotFirst)
            } else if self.systems > 1 {
                Some(Rule::SeveralSystems)
            } else {
                None
            };
        }
        let before = self.last.replace(role);
        self.count += 1;
        self.answered |= role == Role::Assistant && has_text;
        match before {
            None if role != Role::User => Some(Rule::FirstNotUser),
            Some(before) if before == role && role != Role::Program => Some(Rule::NotAlternating),
            _ => None,
        }
    }

    /// The rules that the row breaks as a whole.
    fn missing(&self) -> impl Iterator<Item = Rule> {
        let last_rule = if !self.answered {
            Some(Rule::NoAssistant)
        } else if self.last != Some(Role::Assistant) {
            Some(Rule::LastNotAssistant)
        } else {
            None
        };
        let odd = (self.count % 2 == 1).then_some(Rule::OddCount);
        let few = (self.count < 2).then_some(Rule::TooFewMessages);
        [last_rule, odd, few].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(consumer: Consumer, roles: &str) -> Option<Rule> {
        let messages: Vec<_> = roles
            .split_whitespace()
            .map(|role| MessageRef::new(role, "text"))
            .collect();
        ContentRules::new(consumer).refuses(&messages)
    }

    #[test]
    fn every_consumer_takes_an_exchange_after_a_system_prompt() {
        for consumer in Consumer::ALL {
            assert_eq!(refused(consumer, "system user assistant"), None);
            assert_eq!(refused(consumer, "user assistant user assistant"), None);
        }
    }

    #[test]
    fn a_conversation_that_the_assistant_begins_is_refused_where_roles_must_alternate_from_the_user()
     {
        let refusing: Vec<_> = Consumer::ALL
            .into_iter()
            .filter(|&consumer| refused(consumer, "assistant user assistant").is_some())
            .collect();
        assert_eq!(
            refusing,
            [
                Consumer::LlamaFactory,
                Consumer::Together,
                Consumer::BedrockNova,
                Consumer::BedrockLlama
            ]
        );
    }

    #[test]
    fn llama_factory_wants_an_answer_to_each_question() {
        assert_eq!(
            refused(Consumer::LlamaFactory, "user assistant user"),
            Some(Rule::OddCount)
        );
    }

    #[test]
    fn two_turns_of_one_role_do_not_alternate() {
        assert_eq!(
            refused(Consumer::Together, "user user assistant"),
            Some(Rule::NotAlternating)
        );
        assert_eq!(refused(Consumer::OpenAi, "user user assistant"), None);
    }

    #[test]
    fn openai_wants_the_last_word_to_be_the_assistants() {
        assert_eq!(
            refused(Consumer::OpenAi, "user assistant user"),
            Some(Rule::LastNotAssistant)
        );
    }

    #[test]
    fn nobody_learns_from_a_row_without_an_answer() {
        for consumer in Consumer::ALL {
            assert!(refused(consumer, "user").is_some(), "{consumer}");
            assert!(refused(consumer, "").is_some(), "{consumer}");
        }
    }

    #[test]
    fn a_system_message_belongs_first_and_alone() {
        assert_eq!(
            refused(Consumer::Together, "user system assistant"),
            Some(Rule::SystemNotFirst)
        );
        assert_eq!(
            refused(Consumer::LlamaFactory, "system system user assistant"),
            Some(Rule::SeveralSystems)
        );
    }

    #[test]
    fn a_tool_speaks_only_where_it_is_known() {
        let roles = "user assistant tool assistant";
        assert_eq!(refused(Consumer::OpenAi, roles), None);
        assert_eq!(
            refused(Consumer::BedrockNova, roles),
            Some(Rule::UnknownRole)
        );
    }

    #[test]
    fn nova_refuses_the_words_that_it_reserves() {
        let messages = [
            MessageRef::new("user", "he said Bot: hello"),
            MessageRef::new("assistant", "ok"),
        ];
        assert_eq!(
            ContentRules::new(Consumer::BedrockNova).refuses(&messages),
            Some(Rule::ReservedWord)
        );
        assert_eq!(
            ContentRules::new(Consumer::BedrockLlama).refuses(&messages),
            None
        );
    }

    #[test]
    fn an_empty_content_is_refused_by_services_that_check_it() {
        let messages = [
            MessageRef::new("user", ""),
            MessageRef::new("assistant", "ok"),
        ];
        assert_eq!(
            ContentRules::new(Consumer::OpenAi).refuses(&messages),
            Some(Rule::EmptyContent)
        );
        assert_eq!(ContentRules::new(Consumer::Trl).refuses(&messages), None);
    }
}
