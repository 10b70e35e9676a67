//! A run from inputs to outputs, on one thread or more.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use crate::chunk::Chunk;
use crate::error::PipelineError;
use crate::finish::Finisher;
use crate::input::capture::RawCopy;
use crate::input::export::{ChunkSink, ExportReader};
use crate::input::reader::Reader;
use crate::input::source::{Source, decompressed};
use crate::input::window::Window;
use crate::settings::Settings;
use crate::statistics::Statistics;
use crate::tokens::{TokenCounter, Tokenizer, TokenizerInfo};

/// Where a run writes to. What is written counts only if the run succeeds.
pub struct Outputs<'o> {
    /// `train.jsonl`.
    pub train: &'o mut (dyn Write + Send),
    /// `processed.json`.
    pub processed: &'o mut (dyn Write + Send),
    /// `raw.json`, if it is wanted.
    pub raw: Option<&'o mut (dyn Write + Send)>,
}

/// A run that failed, with what it had found out.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Failure {
    /// Why.
    #[source]
    pub error: PipelineError,
    /// The statistics up to there. They need not balance.
    pub statistics: Box<Statistics>,
}

/// One run over one or more inputs, as if their chats stood in one list.
pub struct Run<'a, T> {
    /// What shapes the result.
    pub settings: &'a Settings,
    /// Counts tokens.
    pub tokenizer: &'a T,
    /// How the statistics describe it.
    pub tokenizer_info: TokenizerInfo,
    /// How many threads may work; the result does not depend on it.
    pub threads: NonZeroUsize,
    /// Where temporary files may be made.
    pub scratch_dir: &'a Path,
    /// Set by another thread to end the run.
    pub cancelled: &'a AtomicBool,
}

impl<T: Tokenizer> Run<'_, T> {
    /// Reads all sources and writes the outputs.
    ///
    /// # Errors
    /// Those of [`PipelineError`]; what was written until then is to be thrown away.
    pub fn execute<S>(&self, sources: S, outputs: Outputs<'_>) -> Result<Statistics, Failure>
    where
        S: IntoIterator<Item = io::Result<Source>> + Send,
    {
        let Outputs {
            train,
            processed,
            raw,
        } = outputs;
        let finisher = Finisher::new(
            self.settings,
            self.tokenizer.counter(),
            self.tokenizer_info.clone(),
            train,
            processed,
            self.scratch_dir,
            self.cancelled,
        );
        let (result, finisher) = if self.threads.get() == 1 {
            let mut sink = Inline {
                counter: self.tokenizer.counter(),
                finisher,
            };
            (self.read(sources, raw, &mut sink), sink.finisher)
        } else {
            self.threaded(sources, raw, finisher)
        };
        let finished = match result {
            Ok(()) => finisher.finish(),
            Err(error) => Err(Failure {
                error,
                statistics: finisher.into_statistics().into(),
            }),
        };
        // Finishing counts, too; and where counts are wrong, nothing that follows from them is right.
        match (self.tokenizer.failure(), finished) {
            (None, finished) => finished,
            (Some(failure), finished) => {
                let statistics = match finished {
                    Ok(statistics) => statistics.into(),
                    Err(Failure { statistics, .. }) => statistics,
                };
                Err(Failure {
                    error: PipelineError::Tokenizer(failure),
                    statistics,
                })
            }
        }
    }

    /// Reads the sources one after the other into `sink`.
    fn read<S>(
        &self,
        sources: S,
        raw: Option<&mut (dyn Write + Send)>,
        sink: &mut dyn ChunkSink,
    ) -> Result<(), PipelineError>
    where
        S: IntoIterator<Item = io::Result<Source>>,
    {
        let mut raw = raw.map(|out| RawCopy::new(out, self.scratch_dir));
        let mut chats = 0;
        for source in sources {
            let failed = |source_name: &str, cause| PipelineError::Read {
                source_name: source_name.to_owned(),
                cause,
            };
            let Source { name, reader } = source.map_err(|cause| failed("the input", cause))?;
            let bytes = decompressed(reader).map_err(|cause| failed(&name, cause))?;
            let reader = Reader::new(Window::new(bytes), raw.as_mut(), self.cancelled);
            ExportReader::new(reader, &name, self.settings, sink, &mut chats).read()?;
        }
        match raw {
            Some(raw) => raw.finish().map_err(|cause| PipelineError::Write {
                output: "raw.json",
                cause,
            }),
            None => Ok(()),
        }
    }

    /// One thread reads, `threads - 1` count, and the calling one finishes chats. Chunks are
    /// numbered, and finished in their order.
    fn threaded<'f, S>(
        &self,
        sources: S,
        raw: Option<&mut (dyn Write + Send)>,
        mut finisher: Finisher<'f, T::Counter<'f>>,
    ) -> (Result<(), PipelineError>, Finisher<'f, T::Counter<'f>>)
    where
        S: IntoIterator<Item = io::Result<Source>> + Send,
    {
        let counters = self.threads.get() - 1;
        let (read_to, to_count) = bounded::<(u64, Chunk)>(counters + 1);
        let (counted_to, counted) = bounded::<(u64, Chunk)>(counters + 1);
        // What was allocated for reading is filled again, and let go of, by the thread that reads.
        let (spent_to, spent) = unbounded::<Chunk>();
        let result = std::thread::scope(|scope| {
            let reading = scope.spawn(move || {
                let mut sink = Numbered {
                    next: 0,
                    out: read_to,
                    spent,
                    under_way: 0,
                    // As many as all hold at once, and some that wait for their turn.
                    most: 4 * counters + 4,
                };
                self.read(sources, raw, &mut sink)
            });
            for _ in 0..counters {
                let (to_count, counted_to) = (to_count.clone(), counted_to.clone());
                scope.spawn(move || {
                    let mut tokens = self.tokenizer.counter();
                    for (number, mut chunk) in to_count {
                        count(&mut tokens, &mut chunk);
                        if counted_to.send((number, chunk)).is_err() {
                            return;
                        }
                    }
                });
            }
            // The threads have their own; with these gone, the channels close when they end.
            drop((to_count, counted_to));
            let result = finish_in_order(counted, spent_to, &mut finisher);
            let read = match reading.join() {
                Ok(read) => read,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            // Where finishing fails, reading is cancelled: the first is the reason.
            result.and(read)
        });
        (result, finisher)
    }
}

fn count(counter: &mut impl TokenCounter, chunk: &mut Chunk) {
    for record in &mut chunk.records {
        record.tokens = counter.count(record.text(&chunk.text));
    }
}

fn finish_in_order<C: TokenCounter>(
    counted: Receiver<(u64, Chunk)>,
    spent: Sender<Chunk>,
    finisher: &mut Finisher<'_, C>,
) -> Result<(), PipelineError> {
    let mut early = BTreeMap::new();
    let mut next = 0;
    for (number, chunk) in counted {
        early.insert(number, chunk);
        while let Some(mut chunk) = early.remove(&next) {
            finisher.take(&mut chunk)?;
            next += 1;
            // Whoever reads may be done.
            let _ = spent.send(chunk);
        }
    }
    Ok(())
}

struct Inline<'a, C> {
    counter: C,
    finisher: Finisher<'a, C>,
}

impl<C: TokenCounter> ChunkSink for Inline<'_, C> {
    fn accept(&mut self, mut chunk: Chunk) -> Result<Chunk, PipelineError> {
        count(&mut self.counter, &mut chunk);
        self.finisher.take(&mut chunk)?;
        Ok(chunk.cleared())
    }
}

struct Numbered {
    next: u64,
    out: Sender<(u64, Chunk)>,
    spent: Receiver<Chunk>,
    /// Chunks that were sent and did not come back yet.
    under_way: usize,
    /// With so many of them, it waits: the first may hold all others up.
    most: usize,
}

impl ChunkSink for Numbered {
    fn accept(&mut self, chunk: Chunk) -> Result<Chunk, PipelineError> {
        let number = self.next;
        self.next += 1;
        self.out
            .send((number, chunk))
            .map_err(|_| PipelineError::Cancelled)?;
        self.under_way += 1;
        let spent = if self.under_way < self.most {
            self.spent.try_recv().ok()
        } else {
            Some(self.spent.recv().map_err(|_| PipelineError::Cancelled)?)
        };
        self.under_way -= usize::from(spent.is_some());
        Ok(spent.map(Chunk::cleared).unwrap_or_default())
    }
}
