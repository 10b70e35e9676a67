//! Writing blocks, in `train.jsonl`, `processed.json` and other formats alike.

use std::io::{self, Write};
use std::ops::Range;

use resonare_consumers::{Flag, MessageRef};

use crate::block_text::BlockText;
use crate::error::PipelineError;
use crate::formats::{BUFFER, BlockSink, write_beyond};
use crate::json::encode::push_encoded;
use crate::lines::Lines;
use crate::output_name::OutputName;
use crate::split::Split;

/// A file in another format.
pub(crate) struct FormatFile<'o> {
    pub(crate) name: OutputName,
    pub(crate) split: Split,
    pub(crate) sink: Box<dyn BlockSink + 'o>,
}

/// The files that blocks are written to.
pub(crate) struct BlockFiles<'o> {
    pub(crate) train: &'o mut (dyn Write + Send),
    pub(crate) validation: Option<&'o mut (dyn Write + Send)>,
    pub(crate) processed: &'o mut (dyn Write + Send),
    pub(crate) formats: Vec<FormatFile<'o>>,
}

/// `train.jsonl` or `validation.jsonl`.
struct LinesFile<'o> {
    name: OutputName,
    /// `None` where nobody wants it.
    out: Option<&'o mut (dyn Write + Send)>,
    lines: Vec<u8>,
}

/// Writes `train.jsonl`, `processed.json` and the files in other formats.
pub(crate) struct BlockWriter<'o> {
    train: LinesFile<'o>,
    validation: LinesFile<'o>,
    processed: &'o mut (dyn Write + Send),
    formats: Vec<FormatFile<'o>>,
    /// How `train.jsonl` says of each message whether it is learned.
    flag: Option<Flag>,
    chats: u64,
    blocks_of_chat: u64,
    train_bytes: u64,
    processed_block: Vec<u8>,
    timestamp: String,
}

impl<'o> BlockWriter<'o> {
    pub(crate) fn new(files: BlockFiles<'o>, flag: Option<Flag>) -> Self {
        Self {
            train: LinesFile::new(OutputName::Train, Some(files.train)),
            validation: LinesFile::new(OutputName::Validation, files.validation),
            processed: files.processed,
            formats: files.formats,
            flag,
            chats: 0,
            blocks_of_chat: 0,
            train_bytes: 0,
            processed_block: Vec::new(),
            timestamp: String::new(),
        }
    }

    pub(crate) fn begin_chat(&mut self, name: &str, chat_type: &str, num_blocks: usize) {
        let out = &mut self.processed_block;
        out.extend_from_slice(if self.chats == 0 { b"[\n" } else { b",\n" });
        out.extend_from_slice(br#"{"contact_name":""#);
        push_encoded(name, out);
        out.extend_from_slice(br#"","chat_type":""#);
        push_encoded(chat_type, out);
        out.extend_from_slice(format!(r#"","num_blocks":{num_blocks},"blocks":["#).as_bytes());
        self.chats += 1;
        self.blocks_of_chat = 0;
    }

    /// Writes one block, whose messages come from these lines.
    pub(crate) fn block(
        &mut self,
        lines: Lines<'_>,
        block_text: &BlockText,
        split: Split,
    ) -> Result<(), PipelineError> {
        let (file, end): (_, &[u8]) = match split {
            Split::Train => (&mut self.train, b"]}"),
            Split::Validation => (&mut self.validation, br#"],"split":"validation"}"#),
        };
        let (line, processed) = (&mut file.lines, &mut self.processed_block);
        let before = line.len();
        line.extend_from_slice(br#"{"messages":["#);
        if self.blocks_of_chat > 0 {
            processed.push(b',');
        }
        processed.extend_from_slice(br#"{"messages":["#);
        for (index, (message, first_line)) in block_text.with_first_lines().enumerate() {
            if index > 0 {
                line.push(b',');
                processed.push(b',');
            }
            match first_line {
                Some(index) => {
                    self.timestamp.clear();
                    lines.records[index].write_timestamp(lines.arena, &mut self.timestamp);
                    processed.extend_from_slice(br#"{"timestamp":""#);
                    push_encoded(&self.timestamp, processed);
                    processed.extend_from_slice(br#"","#);
                }
                None => processed.extend_from_slice(br#"{"timestamp":null,"#),
            }
            let fields = push_message(message, self.flag, line);
            processed.extend_from_slice(&line[fields]);
            processed.push(b'}');
        }
        line.extend_from_slice(b"]}\n");
        if split == Split::Train {
            self.train_bytes += (line.len() - before) as u64;
        }
        processed.extend_from_slice(end);
        self.blocks_of_chat += 1;
        if !self.formats.is_empty() {
            let messages: Vec<_> = block_text.messages().collect();
            let files = self.formats.iter_mut().filter(|file| file.split == split);
            for FormatFile { name, sink, .. } in files {
                sink.block(&messages).map_err(failed(*name))?;
            }
        }
        self.write_out(BUFFER)
    }

    /// The size of `train.jsonl` so far.
    pub(crate) fn train_bytes(&self) -> u64 {
        self.train_bytes
    }

    pub(crate) fn end_chat(&mut self) {
        self.processed_block.extend_from_slice(b"]}");
    }

    pub(crate) fn finish(&mut self) -> Result<(), PipelineError> {
        self.processed_block
            .extend_from_slice(if self.chats == 0 { b"[]\n" } else { b"\n]\n" });
        for FormatFile { name, sink, .. } in self.formats.drain(..) {
            sink.finish().map_err(failed(name))?;
        }
        self.write_out(0)
    }

    /// Writes what has collected beyond `limit`.
    fn write_out(&mut self, limit: usize) -> Result<(), PipelineError> {
        self.train.write_out(limit)?;
        self.validation.write_out(limit)?;
        write_beyond(limit, &mut self.processed_block, self.processed)
            .map_err(failed(OutputName::Processed))
    }
}

impl<'o> LinesFile<'o> {
    fn new(name: OutputName, out: Option<&'o mut (dyn Write + Send)>) -> Self {
        Self {
            name,
            out,
            lines: Vec::new(),
        }
    }

    /// Writes what has collected beyond `limit`.
    fn write_out(&mut self, limit: usize) -> Result<(), PipelineError> {
        let Some(out) = &mut self.out else {
            self.lines.clear();
            return Ok(());
        };
        write_beyond(limit, &mut self.lines, *out).map_err(failed(self.name))
    }
}

/// Appends a message to a line; where in it role and content are, as `processed.json` has them too.
fn push_message(message: MessageRef<'_>, flag: Option<Flag>, line: &mut Vec<u8>) -> Range<usize> {
    line.push(b'{');
    let start = line.len();
    line.extend_from_slice(br#""role":""#);
    line.extend_from_slice(message.role.as_bytes());
    line.extend_from_slice(br#"","content":""#);
    push_encoded(message.content, line);
    line.push(b'"');
    let end = line.len();
    if let Some(flag) = flag {
        let field = flag.field(message.role, message.learned);
        line.extend_from_slice(field.as_bytes());
    }
    line.push(b'}');
    start..end
}

fn failed(output: OutputName) -> impl Fn(io::Error) -> PipelineError {
    move |cause| PipelineError::Write {
        output: output.as_str(),
        cause,
    }
}
