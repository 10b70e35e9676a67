//! Command lines that can't be read.

use clap::CommandFactory as _;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use resonare_settings::{Key, closest};

use crate::arguments::Arguments;
use crate::error::CommandError;
use crate::report;

/// Says what is wrong about a command line, to programs that ask for JSON as well, and ends; or prints the help or the
/// version that was asked for.
pub(crate) fn end(error: Error, given: &[String]) -> ! {
    let error = explained(error, given);
    let options = given.iter().take_while(|argument| *argument != "--");
    let asks_for_json = options.into_iter().any(|argument| argument == "--json");
    if asks_for_json && error.use_stderr() {
        let value = wrong_usage(&error).to_json();
        // Where standard output is gone, standard error says it too.
        drop(value.map(|value| report::json(&value)));
    }
    error.exit()
}

/// An error of the parser as one of the commands'.
fn wrong_usage(error: &Error) -> CommandError {
    let text = error.to_string();
    let (message, help) = text.split_once("\n\n").unwrap_or((&text, ""));
    let message: Vec<_> = message.lines().map(str::trim).collect();
    let message = message.join(" ");
    let help = help.lines().map(str::trim).filter(|line| !line.is_empty());
    CommandError::WrongUsage {
        message: message.trim_start_matches("error: ").to_owned(),
        help: help.map(str::to_owned).collect(),
    }
}

/// A command that is for a service, and has not all options of `prepare`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ServiceCommand {
    Serve,
    Submit,
}

impl ServiceCommand {
    /// The one that a command line is for.
    fn of(given: &[String]) -> Option<Self> {
        let arguments = Arguments::command();
        let mut commands = given
            .iter()
            .filter_map(|word| arguments.find_subcommand(word));
        let command = commands.next()?.get_name();
        let all = [Self::Serve, Self::Submit];
        all.into_iter().find(|one| one.name() == command)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Submit => "submit",
        }
    }

    /// Whether a key that is an option of `prepare` is none of this command.
    fn lacks(self, key: Key) -> bool {
        key.entry().option.is_some() && (self == Self::Serve || !key.is_for_requests())
    }

    /// Where the key is set instead.
    fn instead(self, key: Key) -> String {
        let name = key.name();
        match self {
            Self::Serve => {
                format!("'serve' takes {name} from conf/config.yaml, or the file of --config")
            }
            Self::Submit => format!("of a service, its operator sets {name}"),
        }
    }
}

/// An error about an option that only `prepare` has says so. The parser would suggest another one that is spelled alike.
fn explained(mut error: Error, given: &[String]) -> Error {
    if error.kind() != ErrorKind::UnknownArgument {
        return error;
    }
    let Some(command) = ServiceCommand::of(given) else {
        return error;
    };
    let Some(ContextValue::String(unknown)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let Some(key) = key_of_option(unknown, command) else {
        return error;
    };
    let option = key.entry().option.map_or("", |option| option.name);
    let tip = format!(
        "--{option} is an option of 'prepare'; {}",
        command.instead(key)
    );
    error.remove(ContextKind::SuggestedArg);
    let tips = vec![StyledStr::from(tip)];
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    // The suggestion is in it as well.
    let mut arguments = Arguments::command();
    arguments.build();
    if let Some(command) = arguments.find_subcommand_mut(command.name()) {
        let usage = ContextValue::StyledStr(command.render_usage());
        error.insert(ContextKind::Usage, usage);
    }
    error
}

/// The key that a command has no option for, and whose option this was probably meant to be.
fn key_of_option(unknown: &str, command: ServiceCommand) -> Option<Key> {
    let name = unknown.trim_start_matches('-').split('=').next()?;
    let keys = Key::ALL.iter().copied();
    let keys: Vec<_> = keys.filter(|key| command.lacks(*key)).collect();
    let is_option = |key: &&Key| key.entry().option.is_some_and(|option| option.name == name);
    let own = keys.iter().find(is_option).copied();
    own.or_else(|| closest(&name.replace('-', "_"), &keys))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn error(arguments: &[&str]) -> Error {
        let given = ["resonare"].iter().chain(arguments);
        let given: Vec<_> = given.map(|&argument| argument.to_owned()).collect();
        explained(Arguments::try_parse_from(&given).unwrap_err(), &given)
    }

    #[test]
    fn an_option_that_a_service_does_not_have_is_not_mistaken_for_a_secret() {
        for option in ["--tokenizer=o200k_base", "--tokeniser", "--tokenizer"] {
            let text = error(&["submit", "result.json", option]).to_string();
            assert!(text.contains("its operator sets tokenizer"), "{text}");
            assert!(!text.contains("--token "), "{text}");
            assert!(!text.contains("'--token'"), "{text}");
        }
        let slip = error(&["submit", "result.json", "--tokne=x"]).to_string();
        assert!(slip.contains("'--token'"), "{slip}");
        for option in ["--tokenizer=o200k_base", "--tokeniser"] {
            let text = error(&["serve", option]).to_string();
            let tip = "'serve' takes tokenizer from conf/config.yaml, or the file of --config";
            assert!(text.contains(tip), "{text}");
            assert!(!text.contains("'--token'"), "{text}");
        }
        let of_requests = error(&["serve", "--min-tokens-per-block=5"]).to_string();
        assert!(of_requests.contains("'serve' takes min_tokens_per_block"));
        let slip = error(&["serve", "--prot=8080"]).to_string();
        assert!(slip.contains("'--port'"), "{slip}");
        let slip = error(&["prepare", "result.json", "--tokeniser"]).to_string();
        assert!(slip.contains("'--tokenizer'"), "{slip}");
    }

    #[test]
    fn what_the_parser_says_is_a_message_and_its_details() {
        let value = wrong_usage(&error(&["check", "rows.jsonl"])).to_json();
        insta::assert_snapshot!(value.unwrap(), @r#"{"error":"the following required arguments were not provided: --for <CONSUMER>","details":["Usage: resonare check --for <CONSUMER> <FILE>...","For more information, try '--help'."]}"#);
    }
}
