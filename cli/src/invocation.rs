//! The command as it was called, so that it can be called once more with a change.

use resonare_consumers::shell_word;

/// A longer command is not repeated.
const LONGEST: usize = 400;

/// How the program was called.
pub(crate) fn program() -> String {
    let program = std::env::args().next();
    shell_word(&program.unwrap_or_else(|| "resonare".to_owned()))
}

/// The whole command with one more option; `None` where that can't be said in a line.
pub(crate) fn with_option(option: &str) -> Option<String> {
    let arguments = std::env::args_os().skip(1);
    let words = arguments.map(|word| word.into_string().map(|word| shell_word(&word)).ok());
    let words: Vec<_> = words.collect::<Option<_>>()?;
    // Standard input is gone, and what follows `--` is no option.
    if words.iter().any(|word| word == "-" || word == "--") {
        return None;
    }
    let command = format!("{} {} {option}", program(), words.join(" "));
    (command.len() <= LONGEST).then_some(command)
}
