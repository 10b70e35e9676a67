//! The options that set configuration keys, made from the table of keys.
//!
//! Values stay text until the configuration checks them, so that an error is the same wherever a value
//! comes from.

use std::path::PathBuf;

use clap::error::Error;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};
use resonare_settings::{Entry, Key, Kind, Layers};
use serde_json::Value;

/// A variable that is not a configuration key.
pub(crate) const TOKEN_VARIABLE: &str = "RESONARE_TOKEN";

/// What errors call the command line, where a value comes from it.
pub(crate) const THE_COMMAND_LINE: &str = "the command line";

const HEADING: &str = "Configuration";

/// Every key that has an option, and the file that sets the others.
#[derive(Debug)]
pub(crate) struct SettingsArguments {
    config: Option<PathBuf>,
    values: Vec<(Key, Value)>,
}

/// What a request may set.
#[derive(Debug)]
pub(crate) struct RequestArguments {
    values: Vec<(Key, Value)>,
}

impl SettingsArguments {
    /// The layers of the configuration, with the command line as the last.
    pub(crate) fn layers(&self) -> Layers {
        let named = |(key, value): &(Key, Value)| (key.name().to_owned(), value.clone());
        layers(self.config.clone(), self.values.iter().map(named).collect())
    }

    /// Whether the command line gives a key.
    pub(crate) fn gives(&self, key: Key) -> bool {
        self.values.iter().any(|(given, _)| *given == key)
    }
}

impl RequestArguments {
    /// Whether a key was given.
    pub(crate) fn gives(&self, key: Key) -> bool {
        self.values.iter().any(|(given, _)| *given == key)
    }

    /// The keys that were given, and their values.
    pub(crate) fn values(&self) -> &[(Key, Value)] {
        &self.values
    }
}

/// The layers of this process, with these values of the command line.
pub(crate) fn layers(file: Option<PathBuf>, overrides: Vec<(String, Value)>) -> Layers {
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name != TOKEN_VARIABLE)
        .collect();
    Layers {
        file,
        environment,
        overrides,
        overrides_origin: THE_COMMAND_LINE,
    }
}

impl Args for SettingsArguments {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("Read the configuration from this file (default: conf/config.yaml, if it exists)")
            .help_heading(HEADING);
        command.arg(config).args(options(Key::ALL))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingsArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Ok(Self {
            config: matches.get_one("config").cloned(),
            values: given(matches, Key::ALL),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for RequestArguments {
    fn augment_args(command: Command) -> Command {
        command.args(options(&request_keys()))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for RequestArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Ok(Self {
            values: given(matches, &request_keys()),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn request_keys() -> Vec<Key> {
    Key::of_requests().collect()
}

fn options(keys: &[Key]) -> impl Iterator<Item = Arg> {
    keys.iter().filter_map(|key| option(key.entry()))
}

/// The option of a key that has one.
fn option(entry: &'static Entry) -> Option<Arg> {
    let option = entry.option?;
    let argument = Arg::new(entry.name)
        .long(option.name)
        .value_name(option.value)
        .help(help(entry))
        .help_heading(HEADING);
    let argument = match entry.alias {
        Some(alias) => argument.alias(alias.replace('_', "-")),
        None => argument,
    };
    Some(match entry.kind {
        Kind::Text | Kind::TextOrEmpty => argument.allow_hyphen_values(true),
        Kind::Flag => argument
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
        Kind::Models | Kind::SomeOf(_) | Kind::AnyOf(_) | Kind::Texts => {
            argument.action(ArgAction::Append)
        }
        // The configuration says better than the parser what is wrong with a negative number.
        Kind::Number { .. } | Kind::Fraction => argument.allow_negative_numbers(true),
        Kind::Name
        | Kind::Path
        | Kind::Model
        | Kind::Date
        | Kind::OneOf(_)
        | Kind::OptionalOneOf(_) => argument,
    })
}

/// The line of help, and the value that applies without the option.
fn help(entry: &Entry) -> String {
    let default = entry.default.or(entry.null_means);
    // An option that switches something on need not say that it is off.
    let default = default.filter(|default| *default != "false");
    let default = default.map(|default| format!(" (default: {default})"));
    let repeated = if entry.kind.is_list() {
        "; can be repeated"
    } else {
        ""
    };
    format!("{}{repeated}{}", entry.help, default.unwrap_or_default())
}

/// The values of an option that was repeated. Texts may have commas between them as well.
fn list(kind: Kind, texts: Vec<String>) -> Value {
    match kind {
        Kind::Texts if texts.iter().any(|text| !text.is_empty()) => texts.join(",").into(),
        _ => texts.into(),
    }
}

/// The values of the options that were given.
fn given(matches: &ArgMatches, keys: &[Key]) -> Vec<(Key, Value)> {
    let with_option = keys.iter().filter(|key| key.entry().option.is_some());
    with_option
        .filter_map(|key| {
            let name = key.name();
            let value = if key.entry().kind.is_list() {
                let texts = matches.get_many::<String>(name)?.cloned();
                list(key.entry().kind, texts.collect())
            } else {
                matches.get_one::<String>(name)?.clone().into()
            };
            Some((*key, value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Parser)]
    struct Everything {
        #[command(flatten)]
        settings: SettingsArguments,
    }

    fn parse(arguments: &[&str]) -> Vec<(Key, Value)> {
        let command = ["resonare"].iter().chain(arguments);
        let parsed = Everything::try_parse_from(command);
        parsed.unwrap().settings.values
    }

    #[test]
    fn a_flag_needs_no_value_and_takes_one_after_an_equals_sign() {
        for (argument, value) in [
            ("--salvage", "true"),
            ("--salvage=false", "false"),
            ("--salvage=perhaps", "perhaps"),
        ] {
            assert_eq!(parse(&[argument]), [(Key::Salvage, json!(value))]);
        }
    }

    #[test]
    fn text_may_begin_with_a_hyphen() {
        let delimiter = parse(&["--message-delimiter", "--"]);
        assert_eq!(delimiter, [(Key::MessageDelimiter, json!("--"))]);
        assert!(Everything::try_parse_from(["resonare", "--tokenizer", "--salvage"]).is_err());
    }

    #[test]
    fn a_negative_number_is_left_to_the_configuration() {
        let limit = parse(&["--min-tokens-per-block", "-5"]);
        assert_eq!(limit, [(Key::MinTokensPerBlock, json!("-5"))]);
        let part = parse(&["--validation-fraction", "-0.1"]);
        assert_eq!(part, [(Key::ValidationFraction, json!("-0.1"))]);
    }

    #[test]
    fn a_flag_takes_no_path_for_its_value() {
        let arguments = ["resonare", "prepare", "--speaker-names", "export.json"];
        let parsed = crate::arguments::Arguments::try_parse_from(arguments).unwrap();
        let crate::arguments::Command::Prepare(prepare) = parsed.command else {
            panic!("it is prepare");
        };
        assert_eq!(prepare.paths, [std::path::Path::new("export.json")]);
    }

    #[test]
    fn a_list_is_an_option_that_is_repeated() {
        let types = parse(&["--chat-type=bot_chat", "--chat-type=replies"]);
        assert_eq!(types, [(Key::ChatTypes, json!(["bot_chat", "replies"]))]);
        assert!(
            Everything::try_parse_from(["resonare", "--role-order=a", "--role-order=b"]).is_err()
        );
    }

    #[test]
    fn texts_come_in_options_of_their_own_or_with_commas() {
        let words = parse(&["--exclude-words=a,b", "--exclude-words=c"]);
        assert_eq!(words, [(Key::ExcludeWords, json!("a,b,c"))]);
        let none = parse(&["--exclude-words="]);
        assert_eq!(none, [(Key::ExcludeWords, json!([""]))]);
    }

    #[test]
    fn the_spelling_of_the_original_is_an_option_too() {
        let seconds = parse(&["--convo-block-thereshold-secs=5"]);
        assert_eq!(seconds, [(Key::ConvoBlockThresholdSecs, json!("5"))]);
    }
}
