//! The names of the files that a run leaves.

use std::fmt;

macro_rules! output_names {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A file that a run leaves.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum OutputName { $($(#[$doc])* $variant,)* }

        impl OutputName {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The file's name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

output_names! {
    /// One block a line.
    Train = "train.jsonl",
    /// The same for Bedrock.
    TrainBedrock = "train.bedrock.jsonl",
    /// The same as other programs exchange conversations, with `from` and `value`.
    TrainShareGpt = "train.sharegpt.json",
    /// The same as Parquet.
    TrainParquet = "train.parquet",
    /// The blocks that are for validation, one a line.
    Validation = "validation.jsonl",
    /// The same for Bedrock.
    ValidationBedrock = "validation.bedrock.jsonl",
    /// The same as other programs exchange conversations.
    ValidationShareGpt = "validation.sharegpt.json",
    /// The same as Parquet.
    ValidationParquet = "validation.parquet",
    /// The blocks of each chat, with their times.
    Processed = "processed.json",
    /// The chats as the export has them.
    Raw = "raw.json",
    /// Where everything went, and with which settings.
    Stats = "stats.json",
    /// The same as a page to read, with charts and samples.
    Report = "report.html",
    /// The statistics of a run that failed beside the outputs of an earlier one.
    FailedStats = "stats.failed.json",
    /// A card that names the files to whoever loads them as a data set.
    DatasetCard = "README.md",
    /// What Axolotl is told.
    AxolotlConfig = "axolotl.yaml",
    /// What TRL is told.
    TrlConfig = "trl.yaml",
    /// The model's chat template, with the assistant's turns marked.
    ChatTemplate = "chat_template.jinja",
    /// What LLaMA-Factory is told.
    LlamaFactoryConfig = "llama-factory.yaml",
    /// LLaMA-Factory's list of data sets.
    DatasetInfo = "dataset_info.json",
    /// A program that trains with Unsloth.
    UnslothScript = "unsloth_sft.py",
    /// The job that Bedrock is asked for.
    BedrockJob = "bedrock-job.json",
    /// The commands that give the files to Together.
    TogetherScript = "together.sh",
}

impl OutputName {
    /// The name of a file of a kit.
    ///
    /// # Panics
    /// If no kit has such a file.
    pub fn of_kit_file(name: &str) -> Self {
        Self::parse(name).expect("a test compares the names of the kits' files with these")
    }

    /// Whether it holds blocks for validation alone.
    pub fn is_for_validation(self) -> bool {
        matches!(
            self,
            Self::Validation
                | Self::ValidationBedrock
                | Self::ValidationShareGpt
                | Self::ValidationParquet
        )
    }

    /// The output with this file name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|output| output.as_str() == name)
    }
}

impl fmt::Display for OutputName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use resonare_consumers::{Consumer, LengthSource, Loss, Training};

    use super::*;

    #[test]
    fn the_files_of_every_kit_are_outputs() {
        for consumer in Consumer::ALL {
            let kit = consumer.kit(&Training {
                model_id: "a/b",
                folder: "run",
                train_file: "train.jsonl",
                validation_file: None,
                length: 1,
                length_source: LengthSource::Estimate,
                family: None,
                template: Some("{% generation %}{% endgeneration %}"),
                loss: Loss::Assistant,
                has_flags: false,
            });
            for file in kit.files {
                assert_eq!(OutputName::of_kit_file(file.name).as_str(), file.name);
            }
        }
    }

    #[test]
    fn a_name_is_read_as_it_is_written() {
        for output in OutputName::ALL {
            assert_eq!(OutputName::parse(output.as_str()), Some(*output));
        }
        assert_eq!(OutputName::parse("other.json"), None);
    }
}
