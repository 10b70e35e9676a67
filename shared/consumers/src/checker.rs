//! Checking a file against a consumer's rules, row by row.

use std::io::{self, BufRead};

use crate::consumer::Consumer;
use crate::content::{ContentRules, Flaw};
use crate::elements::{RawRow, RawText, for_each_element, for_each_line, is_array, without_mark};
use crate::lengths::Histogram;
use crate::message::{MessageRef, Role, Shape};
use crate::report::{Findings, Report};
use crate::row::Row;
use crate::rule::Rule;
use crate::special_tokens::SpecialTokens;
use crate::value::Value;

/// The number of tokens of a row, or a chat template's words of refusal.
type Measure<'m> = Box<dyn FnMut(&[MessageRef<'_>]) -> Result<u64, String> + 'm>;

/// Checks one file, in memory that doesn't grow with it.
///
/// ```
/// use resonare_consumers::{Checker, Consumer, Rule};
///
/// let mut checker = Checker::new(Consumer::Together);
/// checker.read(&br#"{"messages":[{"role":"user","content":"hi"}]}"#[..])?;
/// let report = checker.finish();
/// assert_eq!(report.findings[0].rule, Rule::NoAssistant);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Checker<'m> {
    consumer: Consumer,
    content: ContentRules,
    special_tokens: SpecialTokens,
    measure: Option<Measure<'m>>,
    limit: Option<u64>,
    is_validation: bool,
    findings: Findings,
    shape: Option<Shape>,
    lines: u64,
    rows: u64,
    refused_rows: u64,
    bytes: u64,
    characters: Histogram,
    tokens: Histogram,
    over_limit: u64,
    answers_after_limit: u64,
}

impl<'m> Checker<'m> {
    const KEPT_PER_RULE: u64 = 5;

    /// A check against the consumer's rules.
    pub fn new(consumer: Consumer) -> Self {
        Self {
            consumer,
            content: ContentRules::new(consumer),
            special_tokens: SpecialTokens::default(),
            measure: None,
            limit: consumer.limits().max_row_tokens,
            is_validation: false,
            findings: Findings::new(consumer, Self::KEPT_PER_RULE),
            shape: None,
            lines: 0,
            rows: 0,
            refused_rows: 0,
            bytes: 0,
            characters: Histogram::default(),
            tokens: Histogram::default(),
            over_limit: 0,
            answers_after_limit: 0,
        }
    }

    /// Keeps the first `count` findings of each rule, not five; the others are counted.
    #[must_use]
    pub fn keep_findings(mut self, count: u64) -> Self {
        self.findings.kept_per_rule(count);
        self
    }

    /// The file is for validation, for which some limits differ.
    #[must_use]
    pub fn for_validation(mut self) -> Self {
        self.is_validation = true;
        self
    }

    /// Measures each row in tokens. Where the model has a chat template, `measure` answers with the
    /// template's own words if it refuses the messages.
    #[must_use]
    pub fn measure_with(
        mut self,
        measure: impl FnMut(&[MessageRef<'_>]) -> Result<u64, String> + 'm,
    ) -> Self {
        self.measure = Some(Box::new(measure));
        self
    }

    /// Counts the rows that have more tokens than this.
    #[must_use]
    pub fn with_limit(mut self, tokens: u64) -> Self {
        self.limit = Some(tokens);
        self
    }

    /// Looks for texts that the model's tokenizer reads as special tokens.
    #[must_use]
    pub fn with_special_tokens(mut self, tokens: SpecialTokens) -> Self {
        self.special_tokens = tokens;
        self
    }

    /// Checks a whole file: JSON Lines, or one JSON array.
    ///
    /// # Errors
    /// If the file can't be read.
    pub fn read(&mut self, mut reader: impl BufRead) -> io::Result<()> {
        let bytes = if is_array(&mut reader)? {
            let beginning = reader.fill_buf()?;
            if without_mark(beginning).len() < beginning.len() {
                self.add(None, Flaw::of_row(Rule::ByteOrderMark));
            }
            self.add(None, Flaw::of_row(Rule::NotJsonLines));
            for_each_element(reader, |row| self.raw_row(row))?
        } else {
            for_each_line(reader, |row| self.raw_row(row))?
        };
        self.bytes += bytes;
        Ok(())
    }

    /// Checks the next line of a JSON Lines file, given without its line feed.
    pub fn line(&mut self, line: &[u8]) {
        self.bytes += line.len() as u64 + 1;
        self.row(line);
    }

    /// Begins a Parquet file of this size, whose rows follow one by one.
    pub fn begin_parquet(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.add(None, Flaw::of_row(Rule::ParquetFile));
    }

    /// Checks the next row of a file that is not text, given as a JSON object.
    pub fn row(&mut self, object: &[u8]) {
        self.raw_row(RawRow {
            line: self.lines + 1,
            text: RawText::Complete(object),
        });
    }

    /// What was found.
    pub fn finish(mut self) -> Report {
        for (rule, number) in self.broken_limits() {
            self.add(None, Flaw::of_row(rule).finding(&number.to_string()));
        }
        Report {
            consumer: self.consumer,
            rows: self.rows,
            refused_rows: self.refused_rows,
            bytes: self.bytes,
            rules: self.findings.counts(),
            findings_left_out: self.findings.left_out(),
            findings: self.findings.into_kept(),
            characters: self.characters.lengths(),
            tokens: self.tokens.lengths(),
            over_limit: self.over_limit,
            answers_after_limit: self.answers_after_limit,
        }
    }

    fn broken_limits(&self) -> Vec<(Rule, u64)> {
        let limits = self.consumer.limits();
        let most = if self.is_validation {
            limits.max_validation_rows.or(limits.max_rows)
        } else {
            limits.max_rows
        };
        let mut broken = Vec::new();
        if self.rows < limits.min_rows && !self.is_validation || self.rows == 0 {
            broken.push((Rule::TooFewRows, self.rows));
        } else if limits.recommended_rows.is_some_and(|few| self.rows < few) && !self.is_validation
        {
            broken.push((Rule::FewRows, self.rows));
        }
        if most.is_some_and(|most| self.rows > most) {
            broken.push((Rule::TooManyRows, self.rows));
        }
        if limits.max_bytes.is_some_and(|most| self.bytes > most) {
            broken.push((Rule::FileTooLarge, self.bytes));
        }
        broken
    }

    fn add(&mut self, line: Option<u64>, flaw: Flaw) -> bool {
        self.findings.add(line, flaw)
    }

    fn raw_row(&mut self, row: RawRow<'_>) {
        self.lines = row.line;
        let line = Some(row.line);
        let refused = match row.text {
            RawText::Complete(bytes) => {
                let (bytes, marked) = match without_mark(bytes) {
                    rest if rest.len() < bytes.len() && row.line == 1 => (rest, true),
                    _ => (bytes, false),
                };
                let mark_refused = marked && self.add(line, Flaw::of_row(Rule::ByteOrderMark));
                let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
                if bytes.trim_ascii().is_empty() {
                    self.add(line, Flaw::of_row(Rule::BlankLine));
                    return;
                }
                self.text(row.line, bytes) | mark_refused
            }
            RawText::TooLong => self.add(line, Flaw::of_row(Rule::RowTooLong)),
            RawText::Broken => {
                let flaw = Flaw::of_row(Rule::NotJson).finding("the array is not complete");
                self.add(line, flaw);
                return;
            }
        };
        self.rows += 1;
        self.refused_rows += u64::from(refused);
    }

    /// Checks a row's text; whether the row is refused.
    fn text(&mut self, line: u64, bytes: &[u8]) -> bool {
        let Ok(text) = simdutf8::basic::from_utf8(bytes) else {
            return self.add(Some(line), Flaw::of_row(Rule::NotUtf8));
        };
        // Inside a string it would have to be escaped; between two elements of an array it is a
        // line's end like any other.
        let cut = memchr::memchr(b'\r', bytes).is_some() && memchr::memchr(b'\n', bytes).is_none();
        let cut_refused = cut && self.add(Some(line), Flaw::of_row(Rule::CarriageReturn));
        match serde_json::from_str::<Value<'_>>(text) {
            Ok(value) => self.read_row(line, Row::of(&value)) | cut_refused,
            Err(error) => {
                let words = error.to_string();
                let words = words.split(" at line ").next().unwrap_or_default();
                let found = format!("{words}, column {}", error.column());
                self.add(Some(line), Flaw::of_row(Rule::NotJson).finding(&found))
            }
        }
    }

    /// Checks what a row says, wherever it was read from; whether it is refused.
    fn read_row(&mut self, line: u64, row: Row<'_>) -> bool {
        let mut refused = false;
        for flaw in row.flaws {
            refused |= self.findings.add(Some(line), flaw);
        }
        for key in row.flags {
            if !self.consumer.reads_flag(key) {
                let flaw = Flaw::of_row(Rule::FlagIgnored).finding(key);
                refused |= self.add(Some(line), flaw);
            }
        }
        let Some(shape) = row.shape else {
            return refused;
        };
        if !self.consumer.reads(shape) {
            let flaw = Flaw::of_row(Rule::WrongShape).finding(shape.name());
            refused |= self.add(Some(line), flaw);
        }
        if *self.shape.get_or_insert(shape) != shape {
            let flaw = Flaw::of_row(Rule::MixedShapes).finding(shape.name());
            refused |= self.add(Some(line), flaw);
        }
        let messages: Vec<_> = row
            .messages
            .iter()
            .map(|message| message.as_ref())
            .collect();
        let findings = &mut self.findings;
        self.content.examine(&messages, |flaw| {
            refused |= findings.add(Some(line), flaw);
        });
        let characters = messages
            .iter()
            .map(|message| message.content.chars().count() as u64)
            .sum();
        self.characters.add(characters);
        self.find_special_tokens(line, &messages) | self.measure(line, &messages) | refused
    }

    fn find_special_tokens(&mut self, line: u64, messages: &[MessageRef<'_>]) -> bool {
        let mut refused = false;
        for (index, message) in messages.iter().enumerate() {
            if let Some(token) = self.special_tokens.find(message.content) {
                let flaw = Flaw::of_message(index, Rule::SpecialTokenText).finding(token);
                refused |= self.findings.add(Some(line), flaw);
            }
        }
        refused
    }

    /// Measures a row in tokens; whether the model's template refuses it.
    fn measure(&mut self, line: u64, messages: &[MessageRef<'_>]) -> bool {
        let Some(measure) = &mut self.measure else {
            return false;
        };
        let tokens = match measure(messages) {
            Ok(tokens) => tokens,
            Err(words) => {
                let flaw = Flaw::of_row(Rule::TemplateRefused).finding(&words);
                return self.add(Some(line), flaw);
            }
        };
        self.tokens.add(tokens);
        if let Some(limit) = self.limit
            && tokens > limit
        {
            self.over_limit += 1;
            // The messages before the answer: only those of a row that is too long are measured.
            let answer = messages
                .iter()
                .rposition(|message| Role::parse(message.role) == Some(Role::Assistant));
            let before = answer.and_then(|answer| measure(&messages[..answer]).ok());
            self.answers_after_limit += u64::from(before.is_some_and(|before| before >= limit));
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::Consumer::{LlamaFactory, Trl};

    const EXCHANGE: &str =
        r#"{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"hey"}]}"#;

    fn report(consumer: Consumer, file: impl AsRef<[u8]>) -> Report {
        let mut checker = Checker::new(consumer);
        checker.read(file.as_ref()).unwrap();
        checker.finish()
    }

    #[test]
    fn a_finding_has_line_message_and_what_was_found() {
        let file = format!("{EXCHANGE}\n{}\n", EXCHANGE.replace("user", "bot"));
        let finding = report(LlamaFactory, file).findings.remove(0);
        assert_eq!(
            finding,
            crate::report::Finding {
                line: Some(2),
                message: Some(0),
                rule: Rule::UnknownRole,
                severity: crate::demands::Severity::Refused,
                found: Some("bot".to_owned()),
            }
        );
    }

    #[test]
    fn findings_beyond_the_first_of_a_rule_are_counted() {
        let row = EXCHANGE.replace("user", "bot");
        let mut checker = Checker::new(LlamaFactory).keep_findings(2);
        checker
            .read(format!("{row}\n").repeat(7).as_bytes())
            .unwrap();
        let report = checker.finish();
        let of_rule = |rule| {
            report
                .rules
                .iter()
                .find(|count| count.rule == rule)
                .unwrap()
        };
        assert_eq!(of_rule(Rule::UnknownRole).count, 7);
        let kept = report
            .findings
            .iter()
            .filter(|finding| finding.rule == Rule::UnknownRole);
        assert_eq!(kept.count(), 2);
        let counted: u64 = report.rules.iter().map(|rule| rule.count).sum();
        let kept = report.findings.len() as u64;
        assert_eq!(report.findings_left_out, counted - kept);
        assert_eq!(report.refused_rows, 7);
    }

    #[test]
    fn rows_over_the_limit_are_counted_and_those_whose_answer_is_lost() {
        // One token a character; the limit cuts the answer of the second, all of the third's.
        let row = |user: &str, assistant: &str| {
            EXCHANGE
                .replace("\"hi\"", &format!("\"{user}\""))
                .replace("\"hey\"", &format!("\"{assistant}\""))
        };
        let file = [row("ab", "cd"), row("ab", "cdefgh"), row("abcdefgh", "c")].join("\n");
        let characters = |messages: &[MessageRef<'_>]| {
            Ok(messages
                .iter()
                .map(|message| message.content.len() as u64)
                .sum())
        };
        let mut checker = Checker::new(Trl).measure_with(characters).with_limit(5);
        checker.read(file.as_bytes()).unwrap();
        let report = checker.finish();
        assert_eq!((report.over_limit, report.answers_after_limit), (2, 1));
        let tokens = report.tokens.unwrap();
        assert_eq!((tokens.min, tokens.p50, tokens.max), (4, 8, 9));
    }

    #[test]
    fn what_the_template_refuses_is_said_in_its_words() {
        let mut checker =
            Checker::new(Trl).measure_with(|_| Err("System role not supported".to_owned()));
        checker.read(EXCHANGE.as_bytes()).unwrap();
        let finding = checker.finish().findings.remove(0);
        assert_eq!(finding.rule, Rule::TemplateRefused);
        assert_eq!(finding.found.as_deref(), Some("System role not supported"));
    }
}
