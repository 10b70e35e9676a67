//! What a run's result becomes, and which files that leaves. It is decided here, for the command and for
//! jobs: they only place files.

use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::Failure;
use crate::run::Outputs;
use crate::statistics::Statistics;

/// A file that a run leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutputName {
    /// `train.jsonl`: one block a line.
    Train,
    /// `processed.json`: the blocks of each chat, with their times.
    Processed,
    /// `raw.json`: the chats as the export has them.
    Raw,
    /// `stats.json`: where everything went, and with which settings.
    Stats,
    /// `stats.failed.json`: the same of a run that failed beside the outputs of an earlier one.
    FailedStats,
}

impl OutputName {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Train,
        Self::Processed,
        Self::Raw,
        Self::Stats,
        Self::FailedStats,
    ];

    /// The file's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train.jsonl",
            Self::Processed => "processed.json",
            Self::Raw => "raw.json",
            Self::Stats => "stats.json",
            Self::FailedStats => "stats.failed.json",
        }
    }

    /// The output with this file name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|output| output.as_str() == name)
    }
}

impl fmt::Display for OutputName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The files that a run writes while it is not yet known how it ends. They are published if it is
/// [`Outcome::Completed`], and thrown away otherwise.
#[derive(Debug)]
pub struct RunFiles<F> {
    /// Becomes [`OutputName::Train`].
    pub train: F,
    /// Becomes [`OutputName::Processed`].
    pub processed: F,
    /// Becomes [`OutputName::Raw`], where it is wanted.
    pub raw: Option<F>,
}

impl<F: Write + Send> RunFiles<F> {
    /// What [`Run::execute`](crate::Run::execute) writes to.
    pub fn outputs(&mut self) -> Outputs<'_> {
        Outputs {
            train: &mut self.train,
            processed: &mut self.processed,
            raw: self.raw.as_mut().map(|raw| raw as &mut (dyn Write + Send)),
        }
    }
}

impl<F> RunFiles<F> {
    /// Each file with its name.
    pub fn named(self) -> impl Iterator<Item = (OutputName, F)> {
        let raw = self.raw.map(|raw| (OutputName::Raw, raw));
        [
            (OutputName::Train, self.train),
            (OutputName::Processed, self.processed),
        ]
        .into_iter()
        .chain(raw)
    }
}

/// What a run's result becomes.
#[derive(Debug)]
pub enum Outcome {
    /// All outputs are complete; `stats.json` joins them.
    Completed(Box<Statistics>),
    /// The export was read to its end, and nothing can be learned from it: `stats.json` alone says why.
    FailedWithStatistics(Failure),
    /// The export or a setting is at fault, and another attempt would fail too. There is no output.
    Failed(Failure),
    /// Something outside the run failed; another attempt may succeed. There is no output.
    Retry(Failure),
    /// The run was cancelled. There is no output.
    Cancelled,
}

impl Outcome {
    /// Decides what becomes of a result. A run that was cancelled counts as such, however far it came.
    pub fn of(result: Result<Statistics, Failure>, cancelled: &AtomicBool) -> Self {
        if cancelled.load(Ordering::Relaxed) {
            return Self::Cancelled;
        }
        match result {
            Ok(statistics) => Self::Completed(Box::new(statistics)),
            Err(failure) if failure.error.is_retryable() => Self::Retry(failure),
            Err(failure) if failure.error.is_about_the_whole() => {
                Self::FailedWithStatistics(failure)
            }
            Err(failure) => Self::Failed(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::error::PipelineError;
    use crate::explain::TargetProblem;
    use crate::tokens::TokenizerInfo;

    fn statistics() -> Statistics {
        Statistics::new(TokenizerInfo::default())
    }

    fn outcome_of(error: PipelineError) -> Outcome {
        let failure = Failure {
            error,
            statistics: Box::new(statistics()),
        };
        Outcome::of(Err(failure), &AtomicBool::new(false))
    }

    #[test]
    fn a_name_is_read_as_it_is_written() {
        for output in OutputName::ALL {
            assert_eq!(OutputName::parse(output.as_str()), Some(output));
        }
        assert_eq!(OutputName::parse("other.json"), None);
    }

    #[test]
    fn only_a_run_that_read_everything_leaves_statistics() {
        let (why, senders) = (TargetProblem::OnlyContacts, Vec::new());
        let unknown = PipelineError::UnknownTarget { why, senders };
        assert!(matches!(
            outcome_of(unknown),
            Outcome::FailedWithStatistics(_)
        ));
        let too_large = PipelineError::TooLarge {
            source_name: String::new(),
            largest: 1,
        };
        assert!(matches!(outcome_of(too_large), Outcome::Failed(_)));
    }

    #[test]
    fn what_failed_outside_is_tried_again() {
        let cause = io::Error::other("disk full");
        assert!(matches!(
            outcome_of(PipelineError::Scratch(cause)),
            Outcome::Retry(_)
        ));
    }

    #[test]
    fn a_cancelled_run_leaves_nothing_even_if_it_was_done() {
        let outcome = Outcome::of(Ok(statistics()), &AtomicBool::new(true));
        assert!(matches!(outcome, Outcome::Cancelled));
    }
}
