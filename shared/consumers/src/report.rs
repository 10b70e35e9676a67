//! What a check found.

use std::collections::BTreeMap;

use crate::consumer::Consumer;
use crate::demands::Severity;
use crate::lengths::Lengths;
use crate::rule::Rule;

/// One place where a rule is broken.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// The line that the row begins on, from 1; `None` for what concerns the whole file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The message of the row, from 0; `None` for what concerns the whole row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<usize>,
    /// The rule.
    pub rule: Rule,
    /// What breaking it leads to.
    pub severity: Severity,
    /// The role, key, word or number that was found, or the words of a parser or a template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

/// How often a rule is broken.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RuleCount {
    /// The rule.
    pub rule: Rule,
    /// What breaking it leads to.
    pub severity: Severity,
    /// How many places break it.
    pub count: u64,
    /// What is wrong.
    pub sentence: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

/// What a check found, and how long the rows are.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Report {
    /// Whose rules were checked.
    pub consumer: Consumer,
    /// The rows.
    pub rows: u64,
    /// The rows that break a rule for which they are refused.
    pub refused_rows: u64,
    /// The size of the file.
    pub bytes: u64,
    /// The first places for each rule, in the order of the file.
    pub findings: Vec<Finding>,
    /// The places that are not among them.
    pub findings_left_out: u64,
    /// Every broken rule.
    pub rules: Vec<RuleCount>,
    /// The lengths of the rows' contents in characters; `None` if no row has messages.
    pub characters: Option<Lengths>,
    /// The lengths of the rows in tokens; `None` if none was measured.
    pub tokens: Option<Lengths>,
    /// The rows with more tokens than the limit.
    pub over_limit: u64,
    /// Those of them whose last answer begins after the limit, so that truncation removes it.
    pub answers_after_limit: u64,
}

impl Report {
    /// Whether the consumer takes the file with every row.
    pub fn is_accepted(&self) -> bool {
        self.rules
            .iter()
            .all(|count| count.severity == Severity::Warning)
    }
}

/// The findings as they come: all counted, the first of each rule kept.
pub(crate) struct Findings {
    consumer: Consumer,
    kept_per_rule: u64,
    kept: Vec<Finding>,
    counts: BTreeMap<Rule, u64>,
}

impl Findings {
    pub(crate) fn new(consumer: Consumer, kept_per_rule: u64) -> Self {
        Self {
            consumer,
            kept_per_rule,
            kept: Vec::new(),
            counts: BTreeMap::new(),
        }
    }

    /// Adds what breaks a rule, if the consumer demands it; whether the row is refused for it.
    pub(crate) fn add(&mut self, line: Option<u64>, flaw: crate::content::Flaw) -> bool {
        let Some(severity) = self.consumer.severity(flaw.rule) else {
            return false;
        };
        let count = self.counts.entry(flaw.rule).or_default();
        *count += 1;
        if *count <= self.kept_per_rule {
            self.kept.push(Finding {
                line,
                message: flaw.message,
                rule: flaw.rule,
                severity,
                found: flaw.found,
            });
        }
        severity == Severity::Refused
    }

    pub(crate) fn kept_per_rule(&mut self, count: u64) {
        self.kept_per_rule = count;
    }

    pub(crate) fn counts(&self) -> Vec<RuleCount> {
        let counted = self.counts.iter().filter_map(|(&rule, &count)| {
            Some(RuleCount {
                rule,
                severity: self.consumer.severity(rule)?,
                count,
                sentence: rule.sentence(),
                remedy: rule.remedy(),
            })
        });
        counted.collect()
    }

    /// How many were counted and not kept.
    pub(crate) fn left_out(&self) -> u64 {
        self.counts.values().sum::<u64>() - self.kept.len() as u64
    }

    pub(crate) fn into_kept(self) -> Vec<Finding> {
        self.kept
    }
}
