//! A run from inputs to outputs, on one thread or more.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use resonare_consumers::{Consumer, Flag, SpecialTokens};
use resonare_parquet_rows::ParquetWriter;

use crate::chat_output::ChatOutput;
use crate::chat_template::{ChatTemplate, TemplateOfRun};
use crate::chunk::Chunk;
use crate::emit::{BlockFiles, BlockWriter, FormatFile};
use crate::error::PipelineError;
use crate::failure::Failure;
use crate::finish::{Finisher, RunContext};
use crate::formats::{BedrockFile, BlockSink, OutputFormat, ShareGptFile};
use crate::input::capture::RawCopy;
use crate::input::chats::ReadingContext;
use crate::input::export::ExportReader;
use crate::input::reader::Reader;
use crate::input::rules::ReadingRules;
use crate::input::sink::ChunkSink;
use crate::input::source::{Source, decompressed};
use crate::input::window::OpenWindow;
use crate::prepare::ChatPreparer;
use crate::profile::Profile;
use crate::redact::Redactor;
use crate::release::PreparerThreads;
use crate::salvage::Salvage;
use crate::settings::{RepeatedMessages, Settings};
use crate::source_problem::SourceProblem;
use crate::split::{Split, SplitCounts};
use crate::statistics::Statistics;
use crate::tokens::{Tokenizer, TokenizerInfo};
use crate::work::Work;

/// Where a run writes to. What is written counts only if the run succeeds.
pub struct Outputs<'o> {
    /// `train.jsonl`: one block a line, `{"messages":[{"role":…,"content":…},…]}`.
    pub train: &'o mut (dyn Write + Send),
    /// `processed.json`: a list of chats with their blocks, in which messages have timestamps.
    pub processed: &'o mut (dyn Write + Send),
    /// `raw.json`, if it is wanted: the chats as they are in the export.
    pub raw: Option<&'o mut (dyn Write + Send)>,
    /// `validation.jsonl`, if it is wanted: the blocks that [`Settings::validation_fraction`] keeps out of
    /// `train.jsonl`. Without it, `processed.json` alone has them.
    pub validation: Option<&'o mut (dyn Write + Send)>,
    /// The blocks in other formats.
    pub formats: Vec<FormatOutput<'o>>,
}

/// A file with the blocks in another format.
pub struct FormatOutput<'o> {
    /// The format.
    pub format: OutputFormat,
    /// Which blocks.
    pub split: Split,
    /// The file.
    pub out: &'o mut (dyn Write + Send),
}

/// One run over one or more inputs, as if their chats were in one list.
///
/// # Examples
/// With a tokenizer that counts words:
/// ```
/// use std::num::NonZeroUsize;
/// use std::sync::atomic::AtomicBool;
///
/// use resonare_pipeline::{
///     Outputs, Run, Settings, Source, SpecialTokens, Target, TokenCounter, TokenLimits, Tokenizer, TokenizerInfo,
/// };
///
/// struct Words;
///
/// impl Tokenizer for Words {
///     type Counter<'t> = Words;
///
///     fn counter(&self) -> Words {
///         Words
///     }
/// }
///
/// impl TokenCounter for Words {
///     fn count(&mut self, text: &str) -> u32 {
///         u32::try_from(text.split_whitespace().count()).unwrap_or(u32::MAX)
///     }
/// }
///
/// let export = r#"{"name": "Ann", "messages": [
///     {"from": "Ren", "date": "2024-01-01T10:00:00", "text": "Hey!"},
///     {"from": "Ann", "date": "2024-01-01T10:00:05", "text": "Hi Ren"},
///     {"from": "Ann", "date": "2024-01-01T10:00:09", "text": "How's it going?"}
/// ]}"#;
/// let settings = Settings {
///     target: Some(Target::parse("Ren")),
///     limits: TokenLimits::new(1, 800)?,
///     ..Settings::default()
/// };
/// let run = Run {
///     settings: &settings,
///     tokenizer: &Words,
///     tokenizer_info: TokenizerInfo::default(),
///     chat_template: None,
///     special_tokens: &SpecialTokens::default(),
///     threads: NonZeroUsize::MIN,
///     scratch_dir: &std::env::temp_dir(),
///     cancelled: &AtomicBool::new(false),
/// };
/// let (mut train, mut processed) = (Vec::new(), Vec::new());
/// let source = Source {
///     name: "ann.json".to_owned(),
///     reader: Box::new(export.as_bytes()),
/// };
/// let outputs = Outputs {
///     train: &mut train,
///     processed: &mut processed,
///     raw: None,
///     validation: None,
///     formats: Vec::new(),
/// };
/// let statistics = run.execute([Ok(source)], outputs)?;
///
/// assert_eq!(statistics.num_blocks(), 1);
/// assert_eq!(
///     String::from_utf8(train)?,
///     r#"{"messages":[{"role":"assistant","content":">>> Hey!"},"#.to_owned()
///         + r#"{"role":"user","content":">>> Hi Ren\n>>> How's it going?"}]}"#
///         + "\n"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Run<'a, T> {
    /// What shapes the result.
    pub settings: &'a Settings,
    /// Counts tokens; with more than one thread, each has a counter of its own.
    pub tokenizer: &'a T,
    /// How the statistics describe the tokenizer.
    pub tokenizer_info: TokenizerInfo,
    /// The model's chat template, where blocks are to be measured by it or the consumer trains by it.
    pub chat_template: Option<&'a dyn ChatTemplate>,
    /// What messages must not read as; empty where that doesn't matter.
    pub special_tokens: &'a SpecialTokens,
    /// How many threads may work; the result does not depend on it.
    pub threads: NonZeroUsize,
    /// A folder for temporary files, which are gone when the run ends.
    pub scratch_dir: &'a Path,
    /// Set by another thread to end the run.
    pub cancelled: &'a AtomicBool,
}

impl<T: Tokenizer> Run<'_, T> {
    /// Reads all sources and writes the outputs. Whether there are several has to be known first: two are asked
    /// for before the first is read, unless their size hint says that there are as many.
    ///
    /// # Errors
    /// Those of [`PipelineError`], with the statistics so far; what was written is to be discarded.
    pub fn execute<S>(&self, sources: S, outputs: Outputs<'_>) -> Result<Statistics, Failure>
    where
        S: IntoIterator<Item = io::Result<Source>, IntoIter: Send>,
    {
        let mut sources = sources.into_iter();
        let are_several = sources.size_hint().0 > 1;
        let ahead = if are_several { 0 } else { 2 };
        let first: Vec<_> = sources.by_ref().take(ahead).collect();
        let has_several_inputs = are_several || first.len() > 1;
        let sources = first.into_iter().chain(sources);
        let Outputs {
            train,
            processed,
            raw,
            validation,
            formats,
        } = outputs;
        let mut settings = self.settings.clone();
        let mut broken = self
            .special_tokens
            .neutralize(&mut settings.message_delimiter, 0);
        if let Some(prompt) = &mut settings.system_prompt {
            broken += self.special_tokens.neutralize(prompt, 0);
        }
        let no_tokens = SpecialTokens::default();
        let redactor = Redactor::new(&settings, self.special_tokens);
        // What is replaced is found in texts as they are.
        let read_tokens = match redactor {
            Some(_) => &no_tokens,
            None => self.special_tokens,
        };
        let rules = ReadingRules::new(&settings, read_tokens, has_several_inputs);
        let context = RunContext {
            settings: &settings,
            special_tokens: self.special_tokens,
            joins_inputs: has_several_inputs
                && settings.repeated_messages == RepeatedMessages::Drop,
            scratch_dir: self.scratch_dir,
            cancelled: self.cancelled,
        };
        let template = self
            .chat_template
            .map(|template| TemplateOfRun::new(template, self.cancelled));
        let new_preparer = || {
            let template = template.as_ref().map(|template| template as _);
            ChatPreparer::new(&settings, template, self.tokenizer.counter())
        };
        let threads = PreparerThreads {
            count: self.threads.get() - 1,
            preparer: &new_preparer,
        };
        let flag = self.settings.consumer.and_then(Consumer::flag);
        let formats = formats
            .into_iter()
            .filter_map(|output| output.file(flag).transpose());
        let statistics = || Statistics::new(self.tokenizer_info.clone(), self.settings.limits);
        let formats = formats.collect::<Result<_, _>>();
        let formats = formats.map_err(|error| Failure::new(error, statistics()))?;
        let files = BlockFiles {
            train,
            validation: validation.map(|out| out as _),
            processed,
            formats,
        };
        let writer = BlockWriter::new(files, flag);
        let output = ChatOutput::new(&settings, new_preparer(), writer);
        let mut statistics = statistics();
        statistics.special_token_text = broken as u64;
        statistics.profile = Profile::new(&settings);
        let is_split = !settings.validation_fraction.is_zero();
        statistics.split = is_split.then(SplitCounts::default);
        let mut finisher = Finisher::new(context, statistics, output, threads);
        let work = Work {
            reading: &rules,
            redactor: redactor.as_ref(),
            delimiter: settings.message_delimiter.trim(),
            tokenizer: self.tokenizer,
            keep_edits: raw.is_some(),
        };
        let result = work.divide(self.threads, &mut finisher, |open, sink| {
            self.read(sources, &rules, raw, open, sink)
        });
        let finished = match result {
            Ok(()) => finisher.finish(),
            Err(error) => Err(Failure::new(error, finisher.into_statistics())),
        };
        // Finishing counts, too; and where counts are wrong, nothing that follows from them is right.
        let timed_out = template.is_some_and(|template| template.timed_out());
        let error = match self.tokenizer.failure() {
            Some(failure) => PipelineError::Tokenizer(failure),
            None if timed_out => PipelineError::TemplateTimedOut,
            None => return finished,
        };
        let statistics = match finished {
            Ok(statistics) => statistics,
            Err(Failure { statistics, .. }) => *statistics,
        };
        Err(Failure::new(error, statistics))
    }

    /// Reads the sources one after the other into `sink`.
    fn read<S>(
        &self,
        sources: S,
        rules: &ReadingRules<'_>,
        raw: Option<&mut (dyn Write + Send)>,
        open: &OpenWindow<'_>,
        sink: &mut dyn ChunkSink,
    ) -> Result<(), PipelineError>
    where
        S: IntoIterator<Item = io::Result<Source>>,
    {
        let mut raw = raw.map(|out| RawCopy::new(out, self.scratch_dir));
        let mut chats = 0;
        for (input, source) in sources.into_iter().enumerate() {
            let source = source.map_err(|cause| PipelineError::reading("the input", cause));
            let Source { name, reader } = match source {
                // What came before it is complete.
                Err(PipelineError::UnusableSource {
                    problem: SourceProblem::ArchiveCutOff { byte_offset, .. },
                    ..
                }) if self.settings.salvage && input > 0 => {
                    sink.accept(Chunk {
                        input: input - 1,
                        salvaged: Some(Salvage {
                            byte_offset,
                            last_message: None,
                        }),
                        ..Chunk::default()
                    })?;
                    break;
                }
                source => source?,
            };
            let bytes =
                decompressed(reader).map_err(|cause| PipelineError::reading(&name, cause))?;
            let reader = Reader::new(open(bytes), raw.as_mut(), self.cancelled);
            let context = ReadingContext {
                source: &name,
                rules,
                sink,
                input,
                chats: &mut chats,
            };
            ExportReader::new(reader, context).read()?;
        }
        match raw {
            Some(raw) => raw.finish().map_err(|cause| PipelineError::Write {
                output: "raw.json",
                cause,
            }),
            None => Ok(()),
        }
    }
}

impl<'o> FormatOutput<'o> {
    /// The file as it is written; those of [`OutputFormat::Messages`] are in any case.
    fn file(self, flag: Option<Flag>) -> Result<Option<FormatFile<'o>>, PipelineError> {
        let name = self.format.output_name(self.split);
        let sink: Box<dyn BlockSink + 'o> = match self.format {
            OutputFormat::Messages => return Ok(None),
            OutputFormat::Bedrock => Box::new(BedrockFile::new(self.out)),
            OutputFormat::ShareGpt => Box::new(ShareGptFile::new(self.out)),
            OutputFormat::Parquet => {
                let output = name.as_str();
                let writer = ParquetWriter::new(self.out, flag);
                Box::new(writer.map_err(|cause| PipelineError::Write { output, cause })?)
            }
        };
        Ok(Some(FormatFile {
            name,
            split: self.split,
            sink,
        }))
    }
}
