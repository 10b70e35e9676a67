//! The command as it was called, so that it can be called once more with a change.

use resonare_consumers::shell_word;
use resonare_settings::Key;

/// A longer command is not repeated.
const LONGEST: usize = 400;

/// How the program was called.
pub(crate) fn program() -> String {
    let program = std::env::args_os().next();
    let program = program.map(|program| program.to_string_lossy().into_owned());
    shell_word(&program.unwrap_or_else(|| "resonare".to_owned()))
}

/// The whole command with one more option; `None` where it can't be said in a line, or is private.
pub(crate) fn with_option(option: &str) -> Option<String> {
    let arguments = std::env::args_os().skip(1);
    let arguments: Result<Vec<_>, _> = arguments.map(std::ffi::OsString::into_string).collect();
    repeated(&program(), &arguments.ok()?, option)
}

fn repeated(program: &str, arguments: &[String], option: &str) -> Option<String> {
    // Standard input is gone, and what follows `--` is no option.
    let is_beyond_repeating = |argument: &String| argument == "-" || argument == "--";
    if arguments.iter().any(is_beyond_repeating) || arguments.iter().any(|text| is_private(text)) {
        return None;
    }
    let words = arguments.iter().map(|argument| shell_word(argument));
    let words: Vec<_> = words.collect();
    let command = format!("{program} {} {option}", words.join(" "));
    (command.len() <= LONGEST).then_some(command)
}

/// Whether an argument gives a secret, or what is never in a URL either.
fn is_private(argument: &str) -> bool {
    let keys = Key::of_requests().filter(|key| !key.is_for_queries());
    let options = keys.filter_map(|key| key.entry().option);
    let mut names = options.map(|option| option.name).chain(["token"]);
    // A URL may have a password or a signature in it.
    if argument.contains("://") && argument.contains(['@', '?']) {
        return true;
    }
    let Some(given) = argument.strip_prefix("--") else {
        return false;
    };
    let given = given.split('=').next().unwrap_or(given);
    names.any(|name| name == given)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_trl(arguments: &[&str]) -> Option<String> {
        let arguments: Vec<_> = arguments.iter().map(|&text| text.to_owned()).collect();
        repeated("resonare", &arguments, "--for trl")
    }

    #[test]
    fn a_command_is_repeated_as_it_was_called() {
        assert_eq!(
            with_trl(&["prepare", "my chats", "--tokenizer=o200k_base"]).as_deref(),
            Some("resonare prepare 'my chats' --tokenizer=o200k_base --for trl")
        );
    }

    #[test]
    fn what_is_private_or_can_not_be_repeated_is_not() {
        for arguments in [
            &["submit", "a", "--token", "s3cret"][..],
            &["submit", "a", "--token=s3cret"],
            &["prepare", "a", "--redact-words=Bluebird"],
            &["prepare", "a", "--system-prompt", "Be Ren."],
            &["prepare", "-"],
            &["prepare", "--", "a"],
            &["submit", "a", "--api", "https://me:s3cret@chats.example"],
            &[
                "submit",
                "a",
                "--api=https://chats.example/?signature=s3cret",
            ],
            &["prepare", &"a".repeat(500)],
        ] {
            assert_eq!(with_trl(arguments), None, "{arguments:?}");
        }
        assert!(with_trl(&["prepare", "a", "--token-budget=content"]).is_some());
    }
}
