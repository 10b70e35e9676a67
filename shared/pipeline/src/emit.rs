//! Writing blocks: consecutive messages of one role become one, in `train.jsonl` and
//! `processed.json` alike.

use std::io::{self, Write};
use std::ops::Range;

use crate::error::PipelineError;
use crate::json::encode::push_encoded;
use crate::lines::Lines;

/// Writes `train.jsonl` and `processed.json`.
pub(crate) struct BlockWriter<'o> {
    train: &'o mut (dyn Write + Send),
    processed: &'o mut (dyn Write + Send),
    /// The system message as it is in each output, or nothing.
    system_train: Vec<u8>,
    system_processed: Vec<u8>,
    chats: u64,
    blocks_of_chat: u64,
    train_line: Vec<u8>,
    processed_block: Vec<u8>,
    content: String,
    timestamp: String,
}

impl<'o> BlockWriter<'o> {
    /// What is collected before it is written.
    const BUFFER: usize = 128 << 10;

    pub(crate) fn new(
        train: &'o mut (dyn Write + Send),
        processed: &'o mut (dyn Write + Send),
        system_prompt: Option<&str>,
    ) -> Self {
        let mut message = Vec::new();
        if let Some(prompt) = system_prompt {
            message.extend_from_slice(br#""role":"system","content":""#);
            push_encoded(prompt, &mut message);
            message.extend_from_slice(br#""}"#);
        }
        let with_start = |start: &[u8]| {
            if message.is_empty() {
                Vec::new()
            } else {
                [start, &message].concat()
            }
        };
        Self {
            train,
            processed,
            system_train: with_start(b"{"),
            system_processed: with_start(br#"{"timestamp":null,"#),
            chats: 0,
            blocks_of_chat: 0,
            train_line: Vec::new(),
            processed_block: Vec::new(),
            content: String::new(),
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

    /// Writes one block; calls `content` with each emitted message's content.
    pub(crate) fn block(
        &mut self,
        lines: Lines<'_>,
        block: Range<usize>,
        mut content: impl FnMut(&str),
    ) -> Result<(), PipelineError> {
        let (train, processed) = (&mut self.train_line, &mut self.processed_block);
        train.extend_from_slice(br#"{"messages":["#);
        train.extend_from_slice(&self.system_train);
        if self.blocks_of_chat > 0 {
            processed.push(b',');
        }
        processed.extend_from_slice(br#"{"messages":["#);
        processed.extend_from_slice(&self.system_processed);
        let mut first = self.system_train.is_empty();
        for run in lines.merged(block) {
            if !first {
                train.push(b',');
                processed.push(b',');
            }
            first = false;
            self.content.clear();
            lines.push_content(run.clone(), &mut self.content);
            content(&self.content);
            self.timestamp.clear();
            lines.records[run.start].write_timestamp(lines.arena, &mut self.timestamp);
            processed.extend_from_slice(br#"{"timestamp":""#);
            push_encoded(&self.timestamp, processed);
            processed.extend_from_slice(br#"","#);

            train.push(b'{');
            let message_start = train.len();
            train.extend_from_slice(br#""role":""#);
            train.extend_from_slice(lines.role(run.start).name().as_bytes());
            train.extend_from_slice(br#"","content":""#);
            push_encoded(&self.content, train);
            train.extend_from_slice(br#""}"#);
            processed.extend_from_slice(&train[message_start..]);
        }
        train.extend_from_slice(b"]}\n");
        processed.extend_from_slice(b"]}");
        self.blocks_of_chat += 1;
        self.write_out(Self::BUFFER)
    }

    pub(crate) fn end_chat(&mut self) {
        self.processed_block.extend_from_slice(b"]}");
    }

    pub(crate) fn finish(&mut self) -> Result<(), PipelineError> {
        self.processed_block
            .extend_from_slice(if self.chats == 0 { b"[]\n" } else { b"\n]\n" });
        self.write_out(0)
    }

    /// Writes what has collected beyond `limit`.
    fn write_out(&mut self, limit: usize) -> Result<(), PipelineError> {
        let failed = |output| move |cause: io::Error| PipelineError::Write { output, cause };
        if self.train_line.len() > limit {
            self.train
                .write_all(&self.train_line)
                .map_err(failed("train.jsonl"))?;
            self.train_line.clear();
        }
        if self.processed_block.len() > limit {
            self.processed
                .write_all(&self.processed_block)
                .map_err(failed("processed.json"))?;
            self.processed_block.clear();
        }
        Ok(())
    }
}
