//! What can be done about an error of the pipeline, in the words of the command line.

use resonare_jobs::causes;
use resonare_pipeline::{PipelineError, Setting};
use resonare_settings::Key;

/// An error with its causes, and what can be done about it with which option.
pub(crate) fn explained(error: &PipelineError) -> String {
    let text = causes(error);
    match error.advice() {
        Some(advice) => format!("{text}; {}", advice.words(option)),
        None => text,
    }
}

/// The option that sets a setting, as the table of keys has it.
pub(crate) fn option(setting: Setting) -> String {
    option_of(setting.key())
}

/// The option that sets a key; the key itself if there is none.
pub(crate) fn option_of(key: &str) -> String {
    match Key::named(key).and_then(|key| key.entry().option) {
        Some(option) => format!("--{}", option.name),
        None => key.to_owned(),
    }
}

/// A sentence in which settings are spelled as keys, with their options instead. Keys of one word are words of
/// English as well, and stay unless the sentence begins with one as the name of what it is about.
pub(crate) fn with_options(sentence: &str) -> String {
    with_options_for(sentence, |_| true)
}

/// The same for a sentence of a service. What only its operator sets is no option of the command that sends it jobs.
pub(crate) fn with_options_of_jobs(sentence: &str) -> String {
    with_options_for(sentence, Key::is_for_requests)
}

fn with_options_for(sentence: &str, has_option: fn(Key) -> bool) -> String {
    let is_part = |character: char| character.is_alphanumeric() || matches!(character, '_' | '.');
    let mut out = String::new();
    let mut rest = sentence;
    while !rest.is_empty() {
        let end = rest
            .find(|character| !is_part(character))
            .unwrap_or(rest.len());
        let word = rest[..end].trim_end_matches('.');
        let after = &rest[word.len()..];
        let is_name = word.contains(['_', '.']) || out.is_empty() && after.starts_with(": ");
        let key = Key::named(word).filter(|key| is_name && has_option(*key));
        match key.and_then(|key| key.entry().option) {
            Some(option) => out.extend(["--", option.name]),
            None => out.push_str(word),
        }
        let next = after.find(is_part).unwrap_or(after.len());
        // A full stop alone is no word.
        let next = next.max(after.chars().next().map_or(0, char::len_utf8));
        let (between, after) = after.split_at(next);
        out.push_str(between);
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::arguments::Arguments;

    #[test]
    fn every_setting_that_advice_names_is_an_option_of_prepare() {
        let command = Arguments::command();
        let prepare = command.find_subcommand("prepare").unwrap();
        let options: Vec<String> = prepare
            .get_arguments()
            .filter_map(|argument| argument.get_long())
            .map(|long| format!("--{long}"))
            .collect();
        for setting in Setting::ALL {
            assert!(options.contains(&option(setting)), "{setting}");
        }
    }

    #[test]
    fn sentences_of_a_service_are_told_with_options() {
        assert_eq!(
            with_options("no consumer: min_tokens_per_block 150, or (role_order) user_first"),
            "no consumer: --min-tokens-per-block 150, or (--role-order) user_first"
        );
        assert_eq!(
            with_options("consumer: \"tlr\" is not allowed... set output.formats or model_id."),
            "--for: \"tlr\" is not allowed... set --output-format or --model-id."
        );
        let of_operator = "tokenizer: none; require_exact_tokenizer (and not token_budget)";
        assert_eq!(
            with_options(of_operator),
            "--tokenizer: none; --require-exact-tokenizer (and not --token-budget)"
        );
        assert_eq!(
            with_options_of_jobs(of_operator),
            "tokenizer: none; require_exact_tokenizer (and not --token-budget)"
        );
    }

    #[test]
    fn an_error_without_advice_has_its_causes() {
        let error = PipelineError::Scratch(std::io::Error::other("the disk is full"));
        assert_eq!(
            explained(&error),
            "failed to use temporary storage: the disk is full"
        );
    }
}
