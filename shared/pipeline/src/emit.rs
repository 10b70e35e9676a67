//! Writing blocks, in `train.jsonl`, `processed.json` and other formats alike.

use std::io::{self, Write};

use resonare_consumers::{Flag, MessageRef};

use crate::block_text::BlockText;
use crate::error::PipelineError;
use crate::formats::{BUFFER, BlockSink, write_beyond};
use crate::json::encode::push_encoded;
use crate::lines::Lines;
use crate::output_name::OutputName;

/// A file in another format.
pub(crate) struct FormatFile<'o> {
    pub(crate) name: OutputName,
    pub(crate) sink: Box<dyn BlockSink + 'o>,
}

/// Writes `train.jsonl`, `processed.json` and the files in other formats.
pub(crate) struct BlockWriter<'o> {
    train: &'o mut (dyn Write + Send),
    processed: &'o mut (dyn Write + Send),
    formats: Vec<FormatFile<'o>>,
    /// How `train.jsonl` says of each message whether it is learned.
    flag: Option<Flag>,
    chats: u64,
    blocks_of_chat: u64,
    train_line: Vec<u8>,
    train_bytes: u64,
    processed_block: Vec<u8>,
    timestamp: String,
}

impl<'o> BlockWriter<'o> {
    pub(crate) fn new(
        train: &'o mut (dyn Write + Send),
        processed: &'o mut (dyn Write + Send),
        formats: Vec<FormatFile<'o>>,
        flag: Option<Flag>,
    ) -> Self {
        Self {
            train,
            processed,
            formats,
            flag,
            chats: 0,
            blocks_of_chat: 0,
            train_line: Vec::new(),
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
    ) -> Result<(), PipelineError> {
        let before = self.train_line.len();
        self.train_line.extend_from_slice(br#"{"messages":["#);
        if self.blocks_of_chat > 0 {
            self.processed_block.push(b',');
        }
        self.processed_block.extend_from_slice(br#"{"messages":["#);
        for (index, (message, first_line)) in block_text.with_first_lines().enumerate() {
            if index > 0 {
                self.train_line.push(b',');
                self.processed_block.push(b',');
            }
            self.message(lines, message, first_line);
        }
        self.train_line.extend_from_slice(b"]}\n");
        self.train_bytes += (self.train_line.len() - before) as u64;
        self.processed_block.extend_from_slice(b"]}");
        self.blocks_of_chat += 1;
        if !self.formats.is_empty() {
            let messages: Vec<_> = block_text.messages().collect();
            for FormatFile { name, sink } in &mut self.formats {
                sink.block(&messages).map_err(failed(*name))?;
            }
        }
        self.write_out(BUFFER)
    }

    fn message(&mut self, lines: Lines<'_>, message: MessageRef<'_>, first_line: Option<usize>) {
        let (train, processed) = (&mut self.train_line, &mut self.processed_block);
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
        train.push(b'{');
        let start = train.len();
        train.extend_from_slice(br#""role":""#);
        train.extend_from_slice(message.role.as_bytes());
        train.extend_from_slice(br#"","content":""#);
        push_encoded(message.content, train);
        train.push(b'"');
        processed.extend_from_slice(&train[start..]);
        processed.push(b'}');
        if let Some(flag) = self.flag {
            let field = flag.field(message.role, message.learned);
            train.extend_from_slice(field.as_bytes());
        }
        train.push(b'}');
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
        for FormatFile { name, sink } in self.formats.drain(..) {
            sink.finish().map_err(failed(name))?;
        }
        self.write_out(0)
    }

    /// Writes what has collected beyond `limit`.
    fn write_out(&mut self, limit: usize) -> Result<(), PipelineError> {
        write_beyond(limit, &mut self.train_line, self.train).map_err(failed(OutputName::Train))?;
        write_beyond(limit, &mut self.processed_block, self.processed)
            .map_err(failed(OutputName::Processed))
    }
}

fn failed(output: OutputName) -> impl Fn(io::Error) -> PipelineError {
    move |cause| PipelineError::Write {
        output: output.as_str(),
        cause,
    }
}
