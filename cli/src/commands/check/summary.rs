//! What a check found, in a screenful.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use resonare_consumers::{Consumer, Finding, Lengths, Report, Rule, RuleCount, Severity};
use resonare_pipeline::{OutputName, TokenizerInfo, counted, grouped};

use super::files::CheckedFile;
use crate::text::{self, one_line, shortened, together};

// As wide as the longest label, and a gap.
const INDENT: &str = "            ";
/// Of each file, so that they fit on a screen.
const SHOWN_RULES: usize = 5;
const SHOWN_PLACES: usize = 3;

/// The tokens that rows are held against.
pub(super) struct Limit {
    pub(super) tokens: u64,
    origin: &'static str,
}

impl Limit {
    /// The one that is asked for, or else the consumer's own.
    /// In the folder of a run, it is the length that the run's files provide for.
    pub(super) fn of(consumer: Consumer, asked: Option<u64>, files: &[PathBuf]) -> Option<Self> {
        let default = || consumer.default_length().map(u64::from);
        let named = |origin| move |tokens| Self { tokens, origin };
        let asked = asked.map(named(""));
        let of_consumer = consumer.limits().max_row_tokens;
        let of_run = || match files {
            [folder] => training_length(folder),
            _ => None,
        };
        asked
            .or_else(|| of_run().map(named(", the length in its configuration")))
            .or_else(|| of_consumer.map(named(", the most that it takes")))
            .or_else(|| default().map(named(", its default length")))
    }
}

/// What the statistics in a run's folder say.
fn training_length(folder: &Path) -> Option<u64> {
    let stats = std::fs::read(folder.join(OutputName::Stats.as_str())).ok()?;
    let stats: serde_json::Value = serde_json::from_slice(&stats).ok()?;
    stats["training_length"].as_u64()
}

/// How files are told about.
pub(super) struct Summary<'a> {
    pub(super) consumer: Consumer,
    pub(super) limit: Option<&'a Limit>,
    /// The columns that there are.
    pub(super) width: usize,
}

impl Summary<'_> {
    /// What was found in a file.
    pub(super) fn of(&self, file: &CheckedFile) -> String {
        let mut out = String::new();
        let written = match &file.result {
            Ok(report) => self.write(&mut out, &file.name, report),
            Err(error) => writeln!(
                out,
                "{}, for {}\nrefused     {}",
                one_line(&file.name),
                self.consumer.title(),
                wrapped(&one_line(error), self.width)
            ),
        };
        written.expect("text can be written to memory");
        out
    }

    fn write(&self, out: &mut String, name: &str, report: &Report) -> fmt::Result {
        let title = self.consumer.title();
        let (rows, bytes) = (counted(report.rows, "row", "rows"), size(report.bytes));
        let line = format!("{}: {rows}, {bytes}, for {title}", one_line(name));
        writeln!(out, "{}", text::wrapped(&line, "", self.width))?;
        let mut rules: Vec<_> = report.rules.iter().collect();
        rules.sort_by_key(|rule| (rule.severity == Severity::Warning, u64::MAX - rule.count));
        for rule in rules.iter().take(SHOWN_RULES) {
            self.write_rule(out, rule, &report.findings)?;
        }
        if rules.len() > SHOWN_RULES {
            let more = rules.len() - SHOWN_RULES;
            let more = counted(more as u64, "more rule", "more rules");
            writeln!(out, "{INDENT}and {more}; --json has all of them")?;
        }
        for (unit, lengths) in [("characters", report.characters), ("tokens", report.tokens)] {
            if let Some(lengths) = lengths {
                let line = wrapped(&length_line(&lengths), self.width);
                writeln!(out, "{unit:12}{line}")?;
            }
        }
        if let (Some(limit), Some(_)) = (self.limit, report.tokens) {
            let over = counted(report.over_limit, "row", "rows");
            let lost = grouped(report.answers_after_limit);
            let (tokens, origin) = (grouped(limit.tokens), limit.origin);
            let line = format!(
                "{over} over {tokens} tokens{origin}; in {lost} the last answer begins after that"
            );
            writeln!(out, "limit       {}", wrapped(&line, self.width))?;
        }
        writeln!(out, "{}", verdict(report, title))
    }

    fn write_rule(&self, out: &mut String, rule: &RuleCount, findings: &[Finding]) -> fmt::Result {
        let label = match rule.severity {
            Severity::Refused => "refused",
            Severity::Warning => "warning",
        };
        let sentence = self.with_title(rule.sentence);
        if let Some(of_file) = self.of_file(rule.rule, findings) {
            let head = format!("{sentence} ({}){of_file}", rule.rule.name());
            writeln!(out, "{label:12}{}", wrapped(&head, self.width))?;
            let remedy = self.with_title(rule.remedy);
            return writeln!(out, "{INDENT}{}", wrapped(&remedy, self.width));
        }
        let head = format!(
            "{} × {sentence} ({})",
            grouped(rule.count),
            rule.rule.name()
        );
        writeln!(out, "{label:12}{}", wrapped(&head, self.width))?;
        let places = findings
            .iter()
            .filter(|finding| finding.rule == rule.rule)
            .take(SHOWN_PLACES)
            .map(place)
            .filter(|place| !place.is_empty())
            .collect::<Vec<_>>();
        if !places.is_empty() {
            let places = shortened(&places.join("; "), self.width - INDENT.len());
            writeln!(out, "{INDENT}{places}")?;
        }
        let remedy = self.with_title(rule.remedy);
        writeln!(out, "{INDENT}{}", wrapped(&remedy, self.width))
    }

    /// Words about any consumer, about this one.
    fn with_title(&self, words: &str) -> String {
        let prepare = format!("`resonare prepare --for {}`", self.consumer);
        let words = words.replace("`resonare prepare` with this consumer", &prepare);
        words.replace("this consumer", self.consumer.title())
    }

    /// What is known of a rule that a file breaks as a whole; `None` for the others, which rows break.
    fn of_file(&self, rule: Rule, findings: &[Finding]) -> Option<String> {
        let limits = self.consumer.limits();
        let least = match rule {
            Rule::TooFewRows => Some(limits.min_rows),
            Rule::FewRows => limits.recommended_rows,
            Rule::TooManyRows
            | Rule::FileTooLarge
            | Rule::NotJsonLines
            | Rule::ParquetFile
            | Rule::ByteOrderMark => None,
            _ => return None,
        };
        let mut findings = findings.iter().filter(|finding| finding.rule == rule);
        let found = findings.find_map(|finding| finding.found.as_deref());
        Some(match found.zip(least) {
            // Of a file for validation, one row is enough.
            Some(("0", _)) => ": none".to_owned(),
            Some((rows, least)) => format!(": {rows} of at least {}", grouped(least)),
            None => String::new(),
        })
    }
}

/// Where a rule is broken, and by what.
fn place(finding: &Finding) -> String {
    let line = finding.line.map(|line| format!("line {line}"));
    let message = finding.message.map(|index| format!("messages[{index}]"));
    let found = finding.found.as_deref().map(one_line);
    let parts = [line, message, found.map(|found| format!("{found:?}"))];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn length_line(lengths: &Lengths) -> String {
    if lengths.min == lengths.max {
        return format!("{} in every row", grouped(lengths.max));
    }
    format!(
        "{} to {} per row; half have up to {}, {} up to {}, {} up to {}",
        grouped(lengths.min),
        grouped(lengths.max),
        grouped(lengths.p50),
        together("90 %"),
        grouped(lengths.p90),
        together("99 %"),
        grouped(lengths.p99),
    )
}

fn verdict(report: &Report, title: &str) -> String {
    if report.refused_rows > 0 {
        let (refused, rows) = (report.refused_rows, counted(report.rows, "row", "rows"));
        format!("{title} refuses {} of {rows}", grouped(refused))
    } else if report.is_accepted() {
        format!("{title} takes every row")
    } else {
        format!("{title} refuses the file")
    }
}

/// What counts tokens, and by which chat template rows are rendered for it.
pub(super) fn of_measure(
    tokenizer: &TokenizerInfo,
    template: Option<&str>,
    width: usize,
) -> String {
    let fallback = tokenizer.fallback_reason.as_deref();
    let lines = [
        ("tokenizer", Some(tokenizer.source.as_str())),
        ("a fallback", fallback),
        ("template", template),
    ];
    let told = lines
        .into_iter()
        .filter_map(|(label, text)| Some((label, wrapped(&one_line(text?), width))));
    told.fold(String::new(), |mut out, (label, text)| {
        writeln!(out, "{label:12}{text}").expect("text can be written to memory");
        out
    })
}

/// A line about several files.
pub(super) fn sum(consumer: Consumer, files: &[CheckedFile]) -> String {
    let reports = || files.iter().filter_map(|file| file.result.as_ref().ok());
    let rows: u64 = reports().map(|report| report.rows).sum();
    let refused: u64 = reports().map(|report| report.refused_rows).sum();
    let taken = files.iter().filter(|file| file.is_accepted()).count();
    format!(
        "\n{title} takes {taken} of {files} files whole; of {rows} it refuses {refused}\n",
        title = consumer.title(),
        files = files.len(),
        rows = counted(rows, "row", "rows"),
        refused = grouped(refused),
    )
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// The text in lines that fit beside a label.
fn wrapped(text: &str, width: usize) -> String {
    text::wrapped(text, INDENT, width)
}

#[cfg(test)]
mod tests {
    use resonare_consumers::Checker;

    use super::*;

    fn summary(consumer: Consumer, file: &str) -> String {
        let mut checker = Checker::new(consumer);
        checker.read(file.as_bytes()).unwrap();
        let file = CheckedFile {
            name: "train.jsonl".to_owned(),
            result: Ok(checker.finish()),
        };
        let summary = Summary {
            consumer,
            limit: None,
            width: 80,
        };
        summary.of(&file)
    }

    #[test]
    fn what_breaks_every_rule_fits_on_a_screen() {
        let content = "x".repeat(100);
        let rows = ["bot", "assistant", "system"].map(|role| {
            format!(
                r#"{{"id":1,"messages":[{{"role":"{role}","weight":7}},{{"role":"{role}","content":"{content}","weight":1}}]}}"#
            )
        });
        let file = rows.join("\n{\n[]\n{\"messages\":[]}\n");
        for consumer in Consumer::ALL {
            let text = summary(consumer, &file);
            assert!(text.lines().count() <= 24, "{text}");
            let longest = text.lines().map(|line| line.chars().count()).max();
            assert!(longest <= Some(80), "{text}");
        }
    }
}
