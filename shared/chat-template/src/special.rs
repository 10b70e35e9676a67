//! Which texts a model's tokenizer recognizes as special tokens in a rendered chat.

use crate::files::Findings;

/// Those that the tokenizer calls special, those that a template may name, and, as `transformers` has it,
/// other added tokens that the template writes itself; in byte order.
pub(crate) fn special_tokens(findings: &Findings) -> Vec<String> {
    let template = findings.template.as_deref().unwrap_or_default();
    let added = findings
        .added_tokens
        .iter()
        .filter(|token| token.special || template.contains(&token.text))
        .map(|token| &token.text);
    let named = findings.named_tokens.iter().map(|token| &token.text);
    let mut texts: Vec<String> = added.chain(named).cloned().collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{AddedToken, NamedToken};

    #[test]
    fn plain_added_tokens_count_if_the_template_writes_them() {
        let added = |text: &str| AddedToken {
            text: text.to_owned(),
            special: false,
        };
        let findings = Findings {
            template: Some("<think>{{ messages }}".to_owned()),
            named_tokens: vec![NamedToken {
                name: "eos_token".to_owned(),
                text: "</s>".to_owned(),
            }],
            added_tokens: vec![added("<think>"), added("<unused>")],
        };
        assert_eq!(special_tokens(&findings), ["</s>", "<think>"]);
    }
}
