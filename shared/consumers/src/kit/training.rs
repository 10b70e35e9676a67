//! What a kit is made from, and what it is.

use serde::{Deserialize, Serialize};

use crate::family::TemplateFamily;
use crate::loss::Loss;
use crate::shell::shell_word;

/// What is to be trained, on what.
#[derive(Clone, Copy, Debug)]
pub struct Training<'a> {
    /// The model to be fine-tuned.
    pub model_id: &'a str,
    /// The name of the folder that the kit and the data are in.
    pub folder: &'a str,
    /// The name of the training file, in that folder.
    pub train_file: &'a str,
    /// The name of the validation file, where there is one.
    pub validation_file: Option<&'a str>,
    /// The tokens of the longest row.
    pub length: u64,
    /// How they were counted.
    pub length_source: LengthSource,
    /// The family of the model's chat template, where it is known.
    pub family: Option<TemplateFamily>,
    /// A chat template that marks the assistant's turns with `{% generation %}`.
    pub template: Option<&'a str>,
    /// Whose words are learned.
    pub loss: Loss,
    /// Whether the rows say of each message if it is learned.
    pub has_flags: bool,
}

/// How the tokens of the longest row were counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthSource {
    /// As the model's chat template renders it.
    Template,
    /// The template was out of reach: by its contents, with 16 tokens more for each turn.
    Estimate,
    /// The tokenizer was out of reach as well: by what its text has at most.
    OtherTokenizer,
}

impl Training<'_> {
    /// The length to tell a trainer: the longest row's, and up to the next multiple of 64, which
    /// hardware likes.
    pub fn round_length(&self) -> u64 {
        self.length.max(1).next_multiple_of(64)
    }

    /// Comments on the length, with what happens to longer rows.
    pub(super) fn length_comment(&self, longer: &str) -> String {
        let longest = match self.length_source {
            LengthSource::Template => format!("# The longest row has {} tokens.", self.length),
            LengthSource::Estimate => format!(
                "# The longest row has about {} tokens: the model's chat template was out of reach, so\n\
                 # 16 tokens were added for each turn.",
                self.length
            ),
            LengthSource::OtherTokenizer => format!(
                "# The longest row has at most about {} tokens. Another tokenizer than the model's counted, so this\n\
                 # is what its text can have; with the model's own tokenizer the length would be exact.",
                self.length
            ),
        };
        format!("{longest} Longer rows would be {longer}.")
    }
}

/// A file of a kit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KitFile {
    /// Its name, in the folder of the outputs.
    pub name: &'static str,
    /// Its text.
    pub content: String,
}

/// What a trainer needs before its first run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kit {
    /// The files.
    pub files: Vec<KitFile>,
    /// What to do next.
    pub next: NextStep,
}

/// What to do next with a kit and the data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextStep {
    /// What has to be done by hand, before the command if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<String>,
    /// The command to run in the folder of the files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

impl NextStep {
    /// A command, and nothing to do before it.
    pub(super) fn command(command: impl Into<String>) -> Self {
        Self {
            by_hand: None,
            command: Some(command.into()),
        }
    }

    /// The command with the way to the folder of the files, where that is on this machine.
    pub fn command_in(&self, folder: Option<&str>) -> Option<String> {
        let command = self.command.as_deref()?;
        Some(match folder {
            Some(folder) => format!("cd {} && {command}", shell_word(folder)),
            None => command.to_owned(),
        })
    }
}

/// A string as JSON, YAML and Python read it alike.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
