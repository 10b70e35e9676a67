//! Public models that have the tokenizer of a gated one.

use super::model_id::ModelId;

/// How the names of gated models begin, and a public model with the same tokenizer.
const PUBLIC_MODELS: [(&str, &str); 4] = [
    ("meta-llama/Llama-3", "unsloth/Llama-3.2-1B"),
    ("meta-llama/Meta-Llama-3", "unsloth/Llama-3.2-1B"),
    ("google/gemma-2-", "unsloth/gemma-2-2b"),
    ("google/gemma-3-", "unsloth/gemma-3-1b-it"),
];

/// A public model with the same tokenizer, where one is known.
pub(crate) fn public_model(gated: &ModelId) -> Option<&'static str> {
    let same = |(beginning, _): &&(&str, &str)| gated.as_str().starts_with(beginning);
    PUBLIC_MODELS.iter().find(same).map(|&(_, public)| public)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_model_has_a_public_twin_and_others_do_not() {
        let public = |name| public_model(&ModelId::try_from(name).unwrap());
        let twin = Some("unsloth/Llama-3.2-1B");
        assert_eq!(public("meta-llama/Llama-3.2-1B"), twin);
        assert_eq!(public("meta-llama/Meta-Llama-3-8B-Instruct"), twin);
        // An older vocabulary, and a later one.
        assert_eq!(public("meta-llama/Llama-2-7b-hf"), None);
        assert_eq!(public("meta-llama/Llama-4-Scout-17B-16E"), None);
    }
}
