//! What a run's result becomes, and which files that leaves. It is decided here, for the command and for
//! jobs: they only place files.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::Failure;
use crate::formats::OutputFormat;
use crate::output_name::OutputName;
use crate::run::{FormatOutput, Outputs};
use crate::settings::Settings;
use crate::split::Split;
use crate::statistics::Statistics;

/// The files that a run writes while it is not yet known how it ends. They are published if it is
/// [`Outcome::Completed`] and [its statistics say so](Statistics::leaves), and thrown away otherwise.
#[derive(Debug)]
pub struct RunFiles<F>(Vec<(OutputName, F)>);

impl<F> RunFiles<F> {
    /// Files for what [`run_outputs`] names.
    pub fn new(named: Vec<(OutputName, F)>) -> Self {
        Self(named)
    }

    /// Each file with its name.
    pub fn named(self) -> impl Iterator<Item = (OutputName, F)> {
        self.0.into_iter()
    }
}

impl<F: Write + Send> RunFiles<F> {
    /// What [`Run::execute`](crate::Run::execute) writes to.
    ///
    /// # Panics
    /// If `train.jsonl` or `processed.json` is not among the files.
    pub fn outputs(&mut self) -> Outputs<'_> {
        let (mut train, mut processed, mut raw) = (None, None, None);
        let mut validation = None;
        let mut formats = Vec::new();
        for (name, file) in &mut self.0 {
            match name {
                OutputName::Train => train = Some(file as &mut (dyn Write + Send)),
                OutputName::Processed => processed = Some(file as &mut (dyn Write + Send)),
                OutputName::Raw => raw = Some(file as &mut (dyn Write + Send)),
                OutputName::Validation => validation = Some(file as &mut (dyn Write + Send)),
                other => {
                    let of_output = OutputFormat::of_output(*other);
                    formats.extend(of_output.map(|(format, split)| FormatOutput {
                        format,
                        split,
                        out: file,
                    }));
                }
            }
        }
        Outputs {
            train: train.expect("every run has it"),
            processed: processed.expect("every run has it"),
            raw,
            validation,
            formats,
        }
    }
}

/// The names of the files that a run writes as it goes.
pub fn run_outputs(raw: bool, formats: &[OutputFormat], settings: &Settings) -> Vec<OutputName> {
    let splits = if settings.validation_fraction.is_zero() {
        &[Split::Train][..]
    } else {
        &Split::ALL
    };
    let mut names = vec![OutputName::Train, OutputName::Processed];
    names.extend(raw.then_some(OutputName::Raw));
    for split in splits {
        for format in [OutputFormat::Messages].iter().chain(formats) {
            let name = format.output_name(*split);
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
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
    use crate::settings::{Fraction, TokenLimits};
    use crate::tokens::TokenizerInfo;

    fn statistics() -> Statistics {
        Statistics::new(TokenizerInfo::default(), TokenLimits::default())
    }

    fn outcome_of(error: PipelineError) -> Outcome {
        let failure = Failure {
            error,
            statistics: Box::new(statistics()),
        };
        Outcome::of(Err(failure), &AtomicBool::new(false))
    }

    #[test]
    fn each_file_is_written_once() {
        let formats = [
            OutputFormat::Messages,
            OutputFormat::Bedrock,
            OutputFormat::Bedrock,
        ];
        let names = [
            OutputName::Train,
            OutputName::Processed,
            OutputName::Raw,
            OutputName::TrainBedrock,
        ];
        let settings = Settings::default();
        assert_eq!(run_outputs(true, &formats, &settings), names);
        assert_eq!(run_outputs(false, &[], &settings), names[..2]);
    }

    #[test]
    fn what_is_for_validation_is_written_in_each_format() {
        let settings = Settings {
            validation_fraction: Fraction::parse("0.1").unwrap(),
            ..Settings::default()
        };
        let names = run_outputs(false, &[OutputFormat::Parquet], &settings);
        let for_validation = names.iter().filter(|name| name.is_for_validation());
        assert_eq!(
            for_validation.copied().collect::<Vec<_>>(),
            [OutputName::Validation, OutputName::ValidationParquet]
        );
        let mut files = RunFiles::new(names.into_iter().map(|name| (name, Vec::new())).collect());
        let outputs = files.outputs();
        assert!(outputs.validation.is_some());
        let splits = outputs.formats.iter().map(|output| output.split);
        assert_eq!(splits.collect::<Vec<_>>(), Split::ALL);
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
