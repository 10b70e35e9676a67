//! Reading what comes later in an input, on other threads.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::num::NonZeroUsize;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::fields::KeyOrders;
use super::rules::ReadingRules;
use super::segment::{Segment, Segmenter, Segments, next_message};
use super::stretch::{PartAhead, Stretch};
use super::window::{OpenWindow, Window};

/// The most stretches of a segment: the shortest chats have some 250 bytes, and other inputs must not take more memory.
const MOST_STRETCHES: usize = 2048;

/// Reads segments ahead.
pub(crate) struct AheadReader<'a> {
    rules: &'a ReadingRules<'a>,
    /// Whether a raw copy is made.
    keep_edits: bool,
    orders: KeyOrders,
}

impl<'a> AheadReader<'a> {
    pub(crate) fn new(rules: &'a ReadingRules<'a>, keep_edits: bool) -> Self {
        Self {
            rules,
            keep_edits,
            orders: KeyOrders::default(),
        }
    }

    /// Reads what look like messages in a segment.
    pub(crate) fn read(&mut self, segment: &mut Segment) {
        let Segment {
            offset, ref bytes, ..
        } = *segment;
        segment.is_text = simdutf8::basic::from_utf8(bytes).is_ok();
        let part = PartAhead {
            bytes,
            offset,
            keep_edits: self.keep_edits,
        };
        let mut from = 0;
        while segment.is_text
            && segment.stretches.len() < MOST_STRETCHES
            && let Some(start) = next_message(bytes, from)
        {
            // No byte is read twice, whatever the input is.
            let (stretch, stopped) = Stretch::read(part, start, self.rules, &mut self.orders);
            segment.stretches.extend(stretch);
            from = stopped.max(start + 1);
        }
    }
}

/// Runs `read`. If there is more than one thread, they read ahead what it opens.
pub(crate) fn on_threads<R>(
    threads: NonZeroUsize,
    rules: &ReadingRules<'_>,
    read: impl FnOnce(&OpenWindow<'_>) -> R,
) -> R {
    let threads = threads.get();
    if threads == 1 {
        return read(&|stream| Window::new(stream));
    }
    std::thread::scope(|scope| {
        let (tasks_to, tasks) = unbounded::<ReadTask>();
        for _ in 0..threads {
            let tasks = tasks.clone();
            scope.spawn(move || {
                let mut reader = AheadReader::new(rules, false);
                for task in tasks {
                    task.run(&mut reader);
                }
            });
        }
        drop(tasks);
        read(&move |stream| {
            Window::read_ahead(SegmentsAhead::new(stream, tasks_to.clone(), threads))
        })
    })
}

/// A segment to be read ahead, and who waits for it.
pub(crate) struct ReadTask {
    segment: Segment,
    done: Sender<Segment>,
}

impl ReadTask {
    pub(crate) fn run(mut self, reader: &mut AheadReader<'_>) {
        reader.read(&mut self.segment);
        // Nobody takes it where reading has ended.
        drop(self.done.send(self.segment));
    }
}

/// The segments of an input, each of which a worker has read ahead.
pub(crate) struct SegmentsAhead<T> {
    segmenter: Segmenter,
    tasks: Sender<T>,
    /// Those that workers have, in their order.
    under_way: VecDeque<Receiver<Segment>>,
    /// So many of them keep all workers busy.
    most: usize,
    /// Memory for other ones.
    spent: Vec<Vec<u8>>,
}

impl<T: From<ReadTask>> SegmentsAhead<T> {
    /// Those of a stream, for so many workers, which take tasks from a channel.
    pub(crate) fn new(stream: Box<dyn Read + Send>, tasks: Sender<T>, workers: usize) -> Self {
        Self {
            segmenter: Segmenter::new(stream),
            tasks,
            under_way: VecDeque::new(),
            most: workers + 1,
            spent: Vec::new(),
        }
    }

    /// Gives workers segments to read ahead: two for one that is taken, so that the first one needn't wait for all.
    fn send_more(&mut self) {
        for _ in 0..2 {
            if self.under_way.len() == self.most {
                return;
            }
            let spent = self.spent.pop().unwrap_or_default();
            let Some(segment) = self.segmenter.next(spent) else {
                return;
            };
            let (done, read) = bounded(1);
            // Where no worker is left, that is said when the segment is asked for.
            drop(self.tasks.send(ReadTask { segment, done }.into()));
            self.under_way.push_back(read);
        }
    }
}

impl<T: From<ReadTask>> Segments for SegmentsAhead<T> {
    fn next(&mut self, spent: Vec<u8>) -> io::Result<Option<Segment>> {
        self.spent.push(spent);
        self.send_more();
        match self.under_way.pop_front() {
            Some(read) => read.recv().map(Some).map_err(io::Error::other),
            None => self.segmenter.end().map(|()| None),
        }
    }
}
