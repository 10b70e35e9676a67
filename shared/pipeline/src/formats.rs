//! Files with blocks in other formats than `train.jsonl`'s.

use std::io::{self, Write};

use resonare_consumers::{MessageRef, bedrock_line, sharegpt_element};
use resonare_parquet_rows::ParquetWriter;

use crate::named_values;
use crate::output_name::OutputName;
use crate::split::Split;

/// A file with the blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutputFormat {
    /// `train.jsonl`, which is always written, and `validation.jsonl`.
    Messages,
    /// `train.bedrock.jsonl` and the like: `bedrock-conversation-2024`.
    Bedrock,
    /// `train.sharegpt.json` and the like: a list of `{"conversations":[{"from","value"}]}`.
    ShareGpt,
    /// `train.parquet` and the like, with the column `messages`.
    Parquet,
}

named_values!(OutputFormat {
    Messages = "messages",
    Bedrock = "bedrock",
    ShareGpt = "sharegpt",
    Parquet = "parquet",
});

impl OutputFormat {
    /// Its name in the configuration.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The name of the file with the blocks of a split.
    pub fn output_name(self, split: Split) -> OutputName {
        match (self, split) {
            (Self::Messages, Split::Train) => OutputName::Train,
            (Self::Bedrock, Split::Train) => OutputName::TrainBedrock,
            (Self::ShareGpt, Split::Train) => OutputName::TrainShareGpt,
            (Self::Parquet, Split::Train) => OutputName::TrainParquet,
            (Self::Messages, Split::Validation) => OutputName::Validation,
            (Self::Bedrock, Split::Validation) => OutputName::ValidationBedrock,
            (Self::ShareGpt, Split::Validation) => OutputName::ValidationShareGpt,
            (Self::Parquet, Split::Validation) => OutputName::ValidationParquet,
        }
    }

    /// The format and the split of a file that holds blocks.
    pub(crate) fn of_output(name: OutputName) -> Option<(Self, Split)> {
        let formats = [Self::Messages, Self::Bedrock, Self::ShareGpt, Self::Parquet];
        let mut files = formats
            .into_iter()
            .flat_map(|format| Split::ALL.map(|split| (format, split)));
        files.find(|(format, split)| format.output_name(*split) == name)
    }
}

/// Writes blocks, one after the other.
pub(crate) trait BlockSink: Send {
    /// Writes a block.
    fn block(&mut self, messages: &[MessageRef<'_>]) -> io::Result<()>;

    /// Ends the file.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// What is collected before it is written.
pub(crate) const BUFFER: usize = 128 << 10;

/// `train.bedrock.jsonl` and the like.
pub(crate) struct BedrockFile<'o> {
    out: &'o mut (dyn Write + Send),
    lines: Vec<u8>,
}

impl<'o> BedrockFile<'o> {
    pub(crate) fn new(out: &'o mut (dyn Write + Send)) -> Self {
        Self {
            out,
            lines: Vec::new(),
        }
    }
}

impl BlockSink for BedrockFile<'_> {
    fn block(&mut self, messages: &[MessageRef<'_>]) -> io::Result<()> {
        bedrock_line(messages, &mut self.lines);
        write_beyond(BUFFER, &mut self.lines, self.out)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        write_beyond(0, &mut self.lines, self.out)
    }
}

/// `train.sharegpt.json` and the like.
pub(crate) struct ShareGptFile<'o> {
    out: &'o mut (dyn Write + Send),
    list: Vec<u8>,
    is_empty: bool,
}

impl<'o> ShareGptFile<'o> {
    pub(crate) fn new(out: &'o mut (dyn Write + Send)) -> Self {
        Self {
            out,
            list: Vec::new(),
            is_empty: true,
        }
    }
}

impl BlockSink for ShareGptFile<'_> {
    fn block(&mut self, messages: &[MessageRef<'_>]) -> io::Result<()> {
        let before: &[u8] = if self.is_empty { b"[\n" } else { b",\n" };
        self.list.extend_from_slice(before);
        self.is_empty = false;
        sharegpt_element(messages, &mut self.list);
        write_beyond(BUFFER, &mut self.list, self.out)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        let end: &[u8] = if self.is_empty { b"[]\n" } else { b"\n]\n" };
        self.list.extend_from_slice(end);
        write_beyond(0, &mut self.list, self.out)
    }
}

impl BlockSink for ParquetWriter<&mut (dyn Write + Send)> {
    fn block(&mut self, messages: &[MessageRef<'_>]) -> io::Result<()> {
        self.row(messages)
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        ParquetWriter::finish(*self).map(drop)
    }
}

/// Writes what was collected, if it is more than `limit` bytes.
pub(crate) fn write_beyond(
    limit: usize,
    bytes: &mut Vec<u8>,
    out: &mut dyn Write,
) -> io::Result<()> {
    if bytes.len() > limit {
        out.write_all(bytes)?;
        bytes.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sharegpt(blocks: usize) -> String {
        let mut out = Vec::new();
        let mut file = Box::new(ShareGptFile::new(&mut out));
        for _ in 0..blocks {
            file.block(&[MessageRef::new("user", "hi")]).unwrap();
        }
        file.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn sharegpt_is_one_list() {
        let element = r#"{"conversations":[{"from":"human","value":"hi"}]}"#;
        assert_eq!(sharegpt(0), "[]\n");
        assert_eq!(sharegpt(2), format!("[\n{element},\n{element}\n]\n"));
    }

    #[test]
    fn bedrock_has_a_line_for_each_block() {
        let mut out = Vec::new();
        let mut file = Box::new(BedrockFile::new(&mut out));
        for _ in 0..3 {
            file.block(&[MessageRef::new("user", "hi")]).unwrap();
        }
        file.finish().unwrap();
        assert_eq!(String::from_utf8(out).unwrap().lines().count(), 3);
    }
}
