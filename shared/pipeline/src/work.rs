//! The work of a run on one thread, or divided among several.

use std::collections::BTreeMap;
use std::io::Read;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use crate::chunk::Chunk;
use crate::error::PipelineError;
use crate::finish::Finisher;
use crate::input::ahead::{AheadReader, ReadTask, SegmentsAhead};
use crate::input::rules::ReadingRules;
use crate::input::sink::ChunkSink;
use crate::input::window::{OpenWindow, Window};
use crate::redact::Redactor;
use crate::tokens::{TokenCounter, Tokenizer, count_text};

/// What the threads of a run work by.
pub(crate) struct Work<'a, T> {
    pub(crate) reading: &'a ReadingRules<'a>,
    pub(crate) redactor: Option<&'a Redactor<'a>>,
    /// The delimiter, stripped.
    pub(crate) delimiter: &'a str,
    pub(crate) tokenizer: &'a T,
    /// Whether a raw copy is made.
    pub(crate) keep_edits: bool,
}

/// What a worker does next.
enum Task {
    Read(ReadTask),
    Count(Box<NumberedChunk>),
}

impl From<ReadTask> for Task {
    fn from(task: ReadTask) -> Self {
        Self::Read(task)
    }
}

/// A chunk with its place among those of its run.
struct NumberedChunk {
    number: u64,
    chunk: Chunk,
}

type CountedChunk = Result<Box<NumberedChunk>, PipelineError>;

/// With fewer threads, one that reads keeps up with those that count, and touches each byte but once.
const FEWEST_TO_READ_AHEAD: usize = 3;

impl<T: Tokenizer> Work<'_, T> {
    /// Has `read` give chunks of its inputs to a sink, counts these, and gives them to the finisher, in their order.
    pub(crate) fn divide(
        &self,
        threads: NonZeroUsize,
        finisher: &mut Finisher<'_, T::Counter<'_>>,
        read: impl FnOnce(&OpenWindow<'_>, &mut dyn ChunkSink) -> Result<(), PipelineError> + Send,
    ) -> Result<(), PipelineError> {
        if threads.get() == 1 {
            let mut sink = InlineSink {
                counter: self.tokenizer.counter(),
                work: self,
                finisher,
            };
            return read(&|bytes| Window::new(bytes), &mut sink);
        }
        self.divide_among_threads(threads.get(), finisher, read)
    }

    /// One thread reads, others count and, if there are enough of them, read ahead; the calling one finishes.
    fn divide_among_threads(
        &self,
        threads: usize,
        finisher: &mut Finisher<'_, T::Counter<'_>>,
        read: impl FnOnce(&OpenWindow<'_>, &mut dyn ChunkSink) -> Result<(), PipelineError> + Send,
    ) -> Result<(), PipelineError> {
        let reads_ahead = threads >= FEWEST_TO_READ_AHEAD;
        // Where they read ahead, they leave little to the thread that reads.
        let workers = if reads_ahead { threads } else { threads - 1 };
        let (tasks_to, tasks) = unbounded::<Task>();
        let (counted_to, counted) = bounded::<CountedChunk>(workers + 1);
        // What was allocated for reading is filled again, and let go of, by the thread that reads.
        let (spent_to, spent) = unbounded::<Chunk>();
        std::thread::scope(|scope| {
            let reading = scope.spawn(move || {
                let mut sink = NumberingSink {
                    next: 0,
                    out: tasks_to.clone(),
                    spent,
                    under_way: 0,
                    // As many as all hold at once, and some that wait for their turn.
                    most: 4 * workers + 4,
                };
                let open = |bytes: Box<dyn Read + Send>| {
                    if reads_ahead {
                        let tasks = tasks_to.clone();
                        Window::read_ahead(SegmentsAhead::new(bytes, tasks, workers))
                    } else {
                        Window::new(bytes)
                    }
                };
                read(&open, &mut sink)
            });
            for _ in 0..workers {
                let (tasks, counted_to) = (tasks.clone(), counted_to.clone());
                scope.spawn(move || self.on_thread(tasks, &counted_to));
            }
            // The threads have their own; with these gone, the channels close when they end.
            drop((tasks, counted_to));
            let result = finish_in_order(counted, spent_to, finisher);
            let read = match reading.join() {
                Ok(read) => read,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            // Where finishing fails, reading is cancelled: the first is the reason.
            result.and(read)
        })
    }

    /// Does what there is to do, until nothing more will be, or nobody wants what was done.
    fn on_thread(&self, tasks: Receiver<Task>, counted_to: &Sender<CountedChunk>) {
        let mut reader = AheadReader::new(self.reading, self.keep_edits);
        let mut counter = self.tokenizer.counter();
        for task in tasks {
            match task {
                Task::Read(task) => task.run(&mut reader),
                Task::Count(mut numbered) => {
                    let counted = self.count(&mut counter, &mut numbered.chunk);
                    if counted_to.send(counted.map(|()| numbered)).is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Counts a chunk's messages, without what is replaced of them. A tokenizer that panics at one must not leave
    /// the other threads waiting for the chunk, and would panic the next time as well.
    fn count(
        &self,
        counter: &mut impl TokenCounter,
        chunk: &mut Chunk,
    ) -> Result<(), PipelineError> {
        let counting = AssertUnwindSafe(|| {
            if let Some(redactor) = self.redactor {
                redactor.redact(chunk);
            }
            for record in &mut chunk.records {
                record.set_tokens(count_text(
                    counter,
                    record.text(&chunk.text),
                    self.delimiter,
                ));
            }
        });
        catch_unwind(counting).map_err(|_| PipelineError::Tokenizer("it panicked".to_owned()))
    }
}

fn finish_in_order<C: TokenCounter>(
    counted: Receiver<CountedChunk>,
    spent: Sender<Chunk>,
    finisher: &mut Finisher<'_, C>,
) -> Result<(), PipelineError> {
    let mut early = BTreeMap::new();
    let mut next = 0;
    for numbered in counted {
        let NumberedChunk { number, chunk } = *numbered?;
        early.insert(number, chunk);
        while let Some(mut chunk) = early.remove(&next) {
            finisher.take(&mut chunk)?;
            next += 1;
            // Nobody takes it where reading has ended.
            drop(spent.send(chunk));
        }
    }
    Ok(())
}

/// Counts and finishes at once.
struct InlineSink<'s, 'a, T: Tokenizer + 's, C> {
    counter: T::Counter<'s>,
    work: &'s Work<'s, T>,
    finisher: &'s mut Finisher<'a, C>,
}

impl<T: Tokenizer, C: TokenCounter> ChunkSink for InlineSink<'_, '_, T, C> {
    fn accept(&mut self, mut chunk: Chunk) -> Result<Chunk, PipelineError> {
        self.work.count(&mut self.counter, &mut chunk)?;
        self.finisher.take(&mut chunk)?;
        Ok(chunk.cleared())
    }
}

/// Numbers chunks and sends them on.
struct NumberingSink {
    next: u64,
    out: Sender<Task>,
    spent: Receiver<Chunk>,
    /// Chunks that were sent and did not come back yet.
    under_way: usize,
    /// With so many of them, it waits: the first may hold all others up.
    most: usize,
}

impl ChunkSink for NumberingSink {
    fn accept(&mut self, chunk: Chunk) -> Result<Chunk, PipelineError> {
        let number = self.next;
        self.next += 1;
        self.out
            .send(Task::Count(Box::new(NumberedChunk { number, chunk })))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_most_chunks_under_way_make_the_reader_wait() {
        let (out, sent) = crossbeam_channel::unbounded();
        let (give_back, spent) = crossbeam_channel::unbounded();
        let mut sink = NumberingSink {
            next: 0,
            out,
            spent,
            under_way: 0,
            most: 3,
        };
        for place in 0..5 {
            sink.accept(Chunk::default()).unwrap();
            let Task::Count(numbered) = sent.recv().unwrap() else {
                panic!("a chunk was sent");
            };
            let NumberedChunk { number, chunk } = *numbered;
            assert_eq!(number, place);
            give_back.send(chunk).unwrap();
        }
        // One is spent; no other will ever be, so that waiting for one is an error.
        drop(give_back);
        sink.accept(Chunk::default()).unwrap();
        sink.accept(Chunk::default()).unwrap();
        let waited = sink.accept(Chunk::default());
        assert!(matches!(waited, Err(PipelineError::Cancelled)));
    }
}
