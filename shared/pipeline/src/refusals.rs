//! Blocks that somebody else's rules refuse, and why.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::explain::BlockDrop;

/// How many blocks were refused, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Refusals {
    /// By the words of the model's chat template.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_template: BTreeMap<String, u64>,
    /// By the rule of the consumer that they break.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_consumer: BTreeMap<&'static str, u64>,
}

impl Refusals {
    /// So many different words of a template are kept; it could say something else of each block.
    const WORDS: usize = 20;
    /// So many characters of them: it could quote the block.
    const LONGEST: usize = 200;

    pub(crate) fn add(&mut self, reason: BlockDrop) {
        match reason {
            BlockDrop::TemplateRefused(words) => {
                let words: String = words.chars().take(Self::LONGEST).collect();
                let by_template = &mut self.by_template;
                let is_full = by_template.len() >= Self::WORDS;
                let words = if is_full && !by_template.contains_key(&words) {
                    "others".to_owned()
                } else {
                    words
                };
                *by_template.entry(words).or_default() += 1;
            }
            BlockDrop::RefusedByConsumer(rule) => {
                *self.by_consumer.entry(rule.name()).or_default() += 1;
            }
            BlockDrop::TooShort(_) | BlockDrop::TooLong | BlockDrop::NoExchange => {}
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_template.is_empty() && self.by_consumer.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_with_many_words_does_not_fill_the_memory() {
        let mut refusals = Refusals::default();
        for number in 0..1000 {
            refusals.add(BlockDrop::TemplateRefused(format!("no {number}")));
        }
        assert_eq!(refusals.by_template.len(), Refusals::WORDS + 1);
        assert_eq!(refusals.by_template["others"], 1000 - 20);
    }
}
