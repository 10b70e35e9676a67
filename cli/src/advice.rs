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
    let key = Key::named(setting.key());
    match key.and_then(|key| key.entry().option) {
        Some(option) => format!("--{}", option.name),
        None => setting.key().to_owned(),
    }
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
    fn an_error_without_advice_has_its_causes() {
        let error = PipelineError::Scratch(std::io::Error::other("the disk is full"));
        assert_eq!(
            explained(&error),
            "failed to use temporary storage: the disk is full"
        );
    }
}
