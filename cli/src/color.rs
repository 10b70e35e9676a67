//! Whether what is printed has colors: one answer for logs, help and whatever else is printed.

use std::io::stderr;

use anstream::AutoStream;
use clap::ValueEnum;

/// When to use colors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On terminals that have them, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Even if the output does not go to a terminal
    Always,
    /// Never
    Never,
}

impl Color {
    const OPTION: &str = "--color";

    /// What the command line says, before it is parsed: errors of parsing have colors, too. What is not one of the
    /// choices is left to the parser.
    pub(crate) fn of_arguments(arguments: impl IntoIterator<Item = String>) -> Self {
        let mut color = Self::default();
        let mut arguments = arguments
            .into_iter()
            .take_while(|argument| argument != "--");
        while let Some(argument) = arguments.next() {
            let value = match argument.strip_prefix(Self::OPTION) {
                Some("") => arguments.next(),
                Some(rest) => rest.strip_prefix('=').map(str::to_owned),
                None => None,
            };
            let choice = value.and_then(|value| Self::from_str(&value, false).ok());
            color = choice.unwrap_or(color);
        }
        color
    }

    /// Makes it the answer for the whole process.
    pub(crate) fn apply(self) {
        self.choice().write_global();
    }

    fn choice(self) -> anstream::ColorChoice {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
    }

    /// The same for the parser.
    pub(crate) fn of_help(self) -> clap::ColorChoice {
        match self {
            Self::Auto => clap::ColorChoice::Auto,
            Self::Always => clap::ColorChoice::Always,
            Self::Never => clap::ColorChoice::Never,
        }
    }
}

/// Whether what goes to standard error has colors.
pub(crate) fn on_stderr() -> bool {
    AutoStream::choice(&stderr()) != anstream::ColorChoice::Never
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_choice_before_the_end_of_options_counts() {
        let color = |line: &str| Color::of_arguments(line.split(' ').map(str::to_owned));
        assert_eq!(color("resonare serve"), Color::Auto);
        assert_eq!(color("resonare --color never serve"), Color::Never);
        assert_eq!(color("resonare serve --color=always"), Color::Always);
        assert_eq!(color("r --color=never x --color always"), Color::Always);
        assert_eq!(color("r --color=pink --colors=never"), Color::Auto);
        assert_eq!(color("r x -- --color=never"), Color::Auto);
    }
}
