//! How good the result of a run is, and what to do now: on one screen, or with everything that is known.

use serde_json::Value;

use super::example::Example;
use super::parts::{self, Next};
use super::tables;
use crate::text::one_line;

/// How much is told of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Only where the outputs are, and warnings.
    Quiet,
    /// What fits on a screen.
    Summary,
    /// Everything.
    Everything,
}

/// So many warnings are on the screen.
const WARNINGS: usize = 2;

/// What there is to tell of a run that completed.
pub(crate) struct RunReport<'a> {
    /// The statistics, with the configuration, as `stats.json` has them.
    pub(crate) stats: &'a Value,
    pub(crate) warnings: Vec<String>,
    /// What would keep more, what keeps most first.
    pub(crate) remedies: Vec<String>,
    /// Where the outputs are.
    pub(crate) places: &'a [String],
    pub(crate) example: Option<Example>,
    /// The model that the files name, where nobody chose it.
    pub(crate) model: Option<String>,
    pub(crate) next: Next,
}

impl RunReport<'_> {
    /// The lines of the report, at most as wide as `width`.
    pub(crate) fn lines(&self, detail: Detail, width: usize) -> String {
        match detail {
            Detail::Quiet => self.quiet(),
            Detail::Summary => self.summary(width),
            Detail::Everything => self.everything(width),
        }
    }

    fn quiet(&self) -> String {
        let places = self.places.iter().map(|place| one_line(place) + "\n");
        places.collect()
    }

    fn summary(&self, width: usize) -> String {
        let stats = self.stats;
        let shown = self.warnings.len().min(WARNINGS);
        let mut warnings = parts::sentences("warning", &self.warnings[..shown], width);
        let hidden = self.warnings.len() - shown;
        if hidden > 0 {
            let more = format!("and {hidden} more; --verbose shows all");
            warnings.push_str(&parts::sentences("", &[more], width));
        }
        let remedy = self.remedies.first().cloned();
        let remedy = Vec::from_iter(remedy);
        [
            parts::heading(stats, width),
            parts::target(stats, width),
            parts::tokens(stats, width),
            parts::tokenizer(stats, false, width),
            parts::consumer(stats, false, width),
            self.model(width),
            parts::dropped(stats, width),
            parts::sentences("advice", &remedy, width),
            parts::changed(stats, width),
            warnings,
            self.ending(width),
        ]
        .concat()
    }

    fn everything(&self, width: usize) -> String {
        let stats = self.stats;
        let facts = [
            parts::heading(stats, width),
            parts::target(stats, width),
            parts::tokens(stats, width),
            parts::tokenizer(stats, true, width),
            parts::consumer(stats, true, width),
            self.model(width),
            parts::changed(stats, width),
        ];
        let advice = [
            parts::sentences("advice", &self.remedies, width),
            parts::sentences("warning", &self.warnings, width),
            self.ending(width),
        ];
        let tables = [
            tables::blocks(stats, width),
            tables::chats(stats, width),
            tables::funnel(stats, width),
        ];
        [facts.concat(), tables.join("\n"), advice.concat()].join("\n")
    }

    fn model(&self, width: usize) -> String {
        parts::sentences("model", self.model.as_slice(), width)
    }

    fn ending(&self, width: usize) -> String {
        let example = self.example.as_ref();
        [
            example
                .map(|example| example.lines(width))
                .unwrap_or_default(),
            parts::outputs(self.places, width),
            parts::next(&self.next, width),
        ]
        .concat()
    }
}
