//! Small exports, and runs over them.

use std::io::{self, Cursor, Read};
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

use resonare_consumers::{MessageRef, SpecialTokens};
use resonare_pipeline::{
    ChatTemplate, Failure, FormatOutput, MessageDrop, NotRendered, OutputFormat, Outputs, Run,
    Settings, Source, Split, Statistics, Target, TokenCounter, TokenLimits, Tokenizer,
    TokenizerInfo,
};
use serde_json::{Value, json};

/// Counts words: easy to foresee.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words;

impl Tokenizer for Words {
    type Counter<'t> = Self;

    fn counter(&self) -> Self {
        *self
    }
}

impl TokenCounter for Words {
    fn count(&mut self, text: &str) -> u32 {
        u32::try_from(text.split_whitespace().count()).unwrap()
    }
}

/// Counts like byte-pair encodings do in one respect: a joined text has fewer tokens than its
/// parts, since two equal letters in a row are one token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pairs;

impl Tokenizer for Pairs {
    type Counter<'t> = Self;

    fn counter(&self) -> Self {
        *self
    }
}

impl TokenCounter for Pairs {
    fn count(&mut self, text: &str) -> u32 {
        let (mut tokens, mut rest) = (0, text.as_bytes());
        while let Some((first, behind)) = rest.split_first() {
            rest = if behind.first() == Some(first) {
                &behind[1..]
            } else {
                behind
            };
            tokens += 1;
        }
        tokens
    }
}

/// A joined text has more tokens than its parts: as many as the square of its letters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Squares;

impl Tokenizer for Squares {
    type Counter<'t> = Self;

    fn counter(&self) -> Self {
        *self
    }
}

impl TokenCounter for Squares {
    fn count(&mut self, text: &str) -> u32 {
        let letters = text.chars().filter(|character| character.is_alphabetic());
        u32::try_from(letters.count().pow(2)).unwrap()
    }
}

/// Cannot count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Broken;

impl Tokenizer for Broken {
    type Counter<'t> = Words;

    fn counter(&self) -> Words {
        Words
    }

    fn failure(&self) -> Option<String> {
        Some("no word is known".to_owned())
    }
}

/// Counts words, and panics at one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panicking;

impl Tokenizer for Panicking {
    type Counter<'t> = Self;

    fn counter(&self) -> Self {
        *self
    }
}

impl TokenCounter for Panicking {
    fn count(&mut self, text: &str) -> u32 {
        assert!(!text.contains("unspeakable"), "a bug of the tokenizer");
        Words.count(text)
    }
}

/// What a run left.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) train: String,
    pub(crate) validation: String,
    pub(crate) processed: String,
    pub(crate) raw: String,
    pub(crate) bedrock: String,
    pub(crate) sharegpt: String,
    pub(crate) validation_sharegpt: String,
    pub(crate) statistics: Statistics,
}

impl Done {
    fn assert_is(&self, other: &Self) {
        assert_eq!(self.stats(), other.stats());
        // The texts may be long.
        assert!(self.train == other.train && self.processed == other.processed);
        assert!(self.raw == other.raw && self.validation == other.validation);
        assert!(self.bedrock == other.bedrock && self.sharegpt == other.sharegpt);
        assert!(self.validation_sharegpt == other.validation_sharegpt);
    }

    /// The blocks of `train.jsonl` as `role: content` lines.
    pub(crate) fn blocks(&self) -> Vec<Vec<String>> {
        blocks_of(&self.train)
    }

    pub(crate) fn processed(&self) -> Value {
        serde_json::from_str(&self.processed).unwrap()
    }

    pub(crate) fn stats(&self) -> Value {
        json!(self.statistics)
    }

    /// How many messages were dropped for this reason.
    pub(crate) fn dropped(&self, reason: MessageDrop) -> u64 {
        self.statistics.funnel.messages.dropped.get(reason)
    }
}

/// The blocks of a file with a block a line, as `role: content` lines.
pub(crate) fn blocks_of(lines: &str) -> Vec<Vec<String>> {
    let block = |line: &str| {
        let block: Value = serde_json::from_str(line).unwrap();
        let message = |message: &Value| {
            format!(
                "{}: {}",
                message["role"].as_str().unwrap(),
                message["content"].as_str().unwrap()
            )
        };
        block["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(message)
            .collect()
    };
    lines.lines().map(block).collect()
}

/// Gives a few bytes a read.
pub(crate) struct Slow<R> {
    pub(crate) inner: R,
    pub(crate) step: usize,
}

impl<R: Read> Read for Slow<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = buffer.len().min(self.step);
        self.inner.read(&mut buffer[..count])
    }
}

pub(crate) fn source(bytes: impl Into<Vec<u8>>) -> Source {
    Source {
        name: "the export".to_owned(),
        reader: Box::new(Cursor::new(bytes.into())),
    }
}

pub(crate) fn run_with(
    tokenizer: &impl Tokenizer,
    sources: Vec<Source>,
    settings: &Settings,
    threads: usize,
) -> Result<Done, Failure> {
    let model = Model::default();
    run_for(tokenizer, sources, settings, &model, threads)
}

/// What is known of the model that is trained, but for its tokenizer.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) chat_template: Option<Turns>,
    pub(crate) special_tokens: SpecialTokens,
}

/// A chat template that adds three tokens to a turn and five to a chat, and refuses chats that don't
/// alternate from the user on, or that say "bca"; over "slow" it is given up.
pub(crate) struct Turns;

impl ChatTemplate for Turns {
    fn count(&self, messages: &[MessageRef<'_>]) -> Result<u64, NotRendered> {
        let refused = |words: &str| Err(NotRendered::Refused(words.to_owned()));
        let is_turn = |message: &&MessageRef<'_>| message.role != "system";
        let turns: Vec<_> = messages.iter().filter(is_turn).collect();
        let expected = ["user", "assistant"].into_iter().cycle();
        if turns
            .iter()
            .zip(expected)
            .any(|(turn, role)| turn.role != role)
        {
            return refused("roles must alternate");
        }
        if turns.iter().any(|turn| turn.content.contains("bca")) {
            return refused("no bca");
        }
        if turns.iter().any(|turn| turn.content.contains("slow")) {
            return Err(NotRendered::TimedOut);
        }
        let contents = messages.iter().map(|message| Pairs.count(message.content));
        Ok(contents.map(|tokens| u64::from(tokens) + 3).sum::<u64>() + 5)
    }
}

pub(crate) fn run_for(
    tokenizer: &impl Tokenizer,
    sources: Vec<Source>,
    settings: &Settings,
    model: &Model,
    threads: usize,
) -> Result<Done, Failure> {
    let sources = sources.into_iter().map(Ok).collect();
    run_over(tokenizer, sources, settings, model, threads)
}

/// A run over sources, some of which may not be there.
pub(crate) fn run_over(
    tokenizer: &impl Tokenizer,
    sources: Vec<io::Result<Source>>,
    settings: &Settings,
    model: &Model,
    threads: usize,
) -> Result<Done, Failure> {
    let (mut bedrock, mut sharegpt) = (Vec::new(), Vec::new());
    let (mut validation, mut validation_sharegpt) = (Vec::new(), Vec::new());
    let (mut train, mut processed, mut raw) = (Vec::new(), Vec::new(), Vec::new());
    let info = TokenizerInfo {
        kind: "test".to_owned(),
        source: "test".to_owned(),
        fingerprint: "0".to_owned(),
        fallback_reason: None,
        engine: "compiled".to_owned(),
    };
    let run = Run {
        settings,
        tokenizer,
        tokenizer_info: info,
        chat_template: model.chat_template.as_ref().map(|template| template as _),
        special_tokens: &model.special_tokens,
        threads: NonZeroUsize::new(threads).unwrap(),
        scratch_dir: &std::env::temp_dir(),
        cancelled: &AtomicBool::new(false),
    };
    let outputs = Outputs {
        train: &mut train,
        processed: &mut processed,
        raw: Some(&mut raw),
        validation: Some(&mut validation),
        formats: vec![
            FormatOutput {
                format: OutputFormat::Bedrock,
                split: Split::Train,
                out: &mut bedrock,
            },
            FormatOutput {
                format: OutputFormat::ShareGpt,
                split: Split::Train,
                out: &mut sharegpt,
            },
            FormatOutput {
                format: OutputFormat::ShareGpt,
                split: Split::Validation,
                out: &mut validation_sharegpt,
            },
        ],
    };
    let statistics = run.execute(sources, outputs)?;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ok(Done {
        train: text(train),
        validation: text(validation),
        processed: text(processed),
        raw: text(raw),
        bedrock: text(bedrock),
        sharegpt: text(sharegpt),
        validation_sharegpt: text(validation_sharegpt),
        statistics,
    })
}

pub(crate) fn run(export: impl Into<Vec<u8>>, settings: &Settings) -> Result<Done, Failure> {
    let export = export.into();
    let result = run_with(&Words, vec![source(&*export)], settings, 1);
    // So many read ahead.
    let other = run_with(&Words, vec![source(export)], settings, 3);
    assert_same(&result, &other);
    result
}

/// Panics if there is a difference between two runs.
pub(crate) fn assert_same(one: &Result<Done, Failure>, other: &Result<Done, Failure>) {
    match (one, other) {
        (Ok(one), Ok(other)) => one.assert_is(other),
        (Err(one), Err(other)) => {
            assert_eq!(one.to_string(), other.to_string());
            assert_eq!(one.statistics.funnel, other.statistics.funnel);
        }
        (one, other) => panic!("{:?} {:?}", one.as_ref().err(), other.as_ref().err()),
    }
}

/// The text of the error that a run ends with, and what can be done about it, settings as keys.
pub(crate) fn error_of(export: impl Into<Vec<u8>>, settings: &Settings) -> String {
    run(export, settings)
        .expect_err("the run should fail")
        .error
        .explained(|setting| setting.key().to_owned())
}

/// Every block is kept, and "Me" is the target.
pub(crate) fn settings() -> Settings {
    Settings {
        target: Some(Target::parse("Me")),
        limits: TokenLimits::new(1, 1000).unwrap(),
        ..Settings::default()
    }
}

/// A message at some second of 2024-01-01.
pub(crate) fn message(second: u64, from: &str, text: &str) -> Value {
    let (hour, minute, second_of_minute) = (second / 3600, second / 60 % 60, second % 60);
    let id = if from == "Me" { "user1" } else { "user2" };
    json!({
        "id": second,
        "type": "message",
        "date": format!("2024-01-01T{hour:02}:{minute:02}:{second_of_minute:02}"),
        "date_unixtime": (1_704_067_200 + second).to_string(),
        "from": from,
        "from_id": id,
        "text": text,
        "text_entities": [{"type": "plain", "text": text}],
    })
}

pub(crate) fn chat(name: &str, messages: Vec<Value>) -> Value {
    json!({"name": name, "type": "personal_chat", "id": 2, "messages": messages})
}

/// A full export as Telegram writes it: indented by one space a level.
pub(crate) fn full(chats: Vec<Value>) -> String {
    let export = json!({
        "about": "Here is the data you requested.",
        "personal_information": {"user_id": 1, "first_name": "Me"},
        "contacts": {"about": "x", "list": [{"first_name": "SECRET", "phone_number": "SECRET"}]},
        "chats": {"about": "x", "list": chats},
    });
    pretty(&export)
}

pub(crate) fn pretty(value: &Value) -> String {
    use serde::Serialize as _;
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
    value
        .serialize(&mut serde_json::Serializer::with_formatter(
            &mut out, formatter,
        ))
        .unwrap();
    String::from_utf8(out).unwrap()
}
