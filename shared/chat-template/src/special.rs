//! Which texts a model's tokenizer recognizes as special tokens in a rendered chat.

use crate::files::{AddedToken, Findings};

/// Those that the tokenizer calls special, those that a template may name, and, as `transformers` has it,
/// other added tokens that the template writes itself; in byte order.
pub(crate) fn special_tokens(findings: &Findings) -> Vec<String> {
    let template = findings.template.as_deref().unwrap_or_default();
    let is_special = |token: &&AddedToken| {
        token.special
            || template.contains(&token.text)
            || findings
                .named_tokens
                .iter()
                .any(|named| named.added.text == token.text)
    };
    let special = findings.added_tokens.iter().filter(is_special);
    let mut texts: Vec<String> = special.map(|token| token.text.clone()).collect();
    texts.sort_unstable();
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::NamedToken;

    #[test]
    fn plain_added_tokens_count_if_the_template_writes_or_names_them() {
        let added = |text: &str| AddedToken {
            text: text.to_owned(),
            ..AddedToken::default()
        };
        let findings = Findings {
            template: Some("<think>{{ messages }}".to_owned()),
            named_tokens: vec![NamedToken {
                name: "eos_token".to_owned(),
                added: added("</s>"),
            }],
            added_tokens: ["<think>", "<unused>", "</s>"].map(added).into(),
        };
        assert_eq!(special_tokens(&findings), ["</s>", "<think>"]);
    }
}
