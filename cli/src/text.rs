//! Text as a terminal shows it: on one line, as wide as it may be, and with names that can't disturb what is
//! around them.

use std::ops::Range;

use unicode_width::UnicodeWidthStr as _;

/// Longer lines are hard to read.
const WIDEST_PROSE: usize = 100;
/// As wide as the longest label of a summary, and a gap.
const LABEL: usize = 11;

/// A space at which no line ends.
const TOGETHER: &str = "\u{a0}";

/// Begin and end text whose direction does not affect what is around it.
const ISOLATE: char = '\u{2068}';
const END_OF_ISOLATE: char = '\u{2069}';

/// Text from strangers on one line: what could move a terminal's cursor, or turn the text around it, is not
/// printed.
pub(crate) fn one_line(text: &str) -> String {
    let visible = text.chars().filter(|character| !turns_text(*character));
    visible
        .map(|character| match character {
            '\u{2028}' | '\u{2029}' => '\u{fffd}',
            control if control.is_control() => '\u{fffd}',
            other => other,
        })
        .collect()
}

/// A name beside other text: one that is written from right to left stays in its place.
pub(crate) fn name(name: &str) -> String {
    isolated(one_line(name))
}

fn isolated(text: String) -> String {
    if text.chars().any(is_right_to_left) {
        format!("{ISOLATE}{text}{END_OF_ISOLATE}")
    } else {
        text
    }
}

/// Whether a character sets the direction of others.
fn turns_text(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_right_to_left(character: char) -> bool {
    matches!(character, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

/// The columns that text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Text that takes no more columns than `most`: what is too long ends with an ellipsis.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let is_isolated = text.starts_with(ISOLATE);
    let text = text.trim_start_matches(ISOLATE);
    let ends = text
        .char_indices()
        .map(|(start, character)| start + character.len_utf8());
    let fits = |end: &usize| width(&text[..*end]) < most;
    let end = ends.take_while(fits).last().unwrap_or(0);
    let kept = text[..end].trim_end_matches(['\u{200d}', ' ']);
    let shortened = format!("{kept}…");
    if is_isolated {
        format!("{ISOLATE}{shortened}{END_OF_ISOLATE}")
    } else {
        shortened
    }
}

/// Text in lines of at most `width` columns. All but the first begin with `indent`, and the first leaves room for as
/// much.
pub(crate) fn wrapped(text: &str, indent: &str, width: usize) -> String {
    let lines = Break { indent, end: "" };
    broken(text.split(' '), lines, width.min(WIDEST_PROSE)).replace(TOGETHER, " ")
}

/// Words that stay on one line.
pub(crate) fn together(words: &str) -> String {
    words.replace(' ', TOGETHER)
}

/// A command in lines of at most `width` columns, each with `indent`, that a shell takes as one.
pub(crate) fn wrapped_command(command: &str, indent: &str, width: usize) -> String {
    if self::width(indent) + self::width(command) <= width {
        return format!("{indent}{command}");
    }
    let further = format!("{indent}  ");
    let lines = Break {
        indent: &further,
        end: " \\",
    };
    format!(
        "{indent}{}",
        broken(parts_of_command(command, lines.room(width)), lines, width)
    )
}

/// The words of a command, with their quotation marks. An option and its value are one where they fit in a line.
fn parts_of_command(command: &str, room: usize) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    let is_gap = |character| {
        is_quoted ^= character == '\'';
        character == ' ' && !is_quoted
    };
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    for word in command.split(is_gap) {
        let end = start + word.len();
        let takes = |last: &&mut Range<usize>| {
            let option = &command[last.start..last.end];
            let is_option = option.starts_with('-') && !option.contains([' ', '=']);
            let fits = width(&command[last.start..end]) <= room;
            is_option && !word.starts_with('-') && fits
        };
        match parts.last_mut().filter(takes) {
            Some(option) => option.end = end,
            None => parts.push(start..end),
        }
        start = end + 1;
    }
    parts.into_iter().map(|part| &command[part])
}

/// How lines are broken.
struct Break<'a> {
    /// What the next line begins with.
    indent: &'a str,
    /// What the broken line ends with.
    end: &'a str,
}

impl Break<'_> {
    /// The columns that there are for words in lines of at most `most`.
    fn room(&self, most: usize) -> usize {
        most.saturating_sub(width(self.indent) + width(self.end))
    }
}

fn broken<'t>(words: impl Iterator<Item = &'t str>, lines: Break<'_>, most: usize) -> String {
    let room = lines.room(most);
    let Break { indent, end } = lines;
    let mut out = String::new();
    let mut used = 0;
    for word in words {
        let wide = width(word);
        if used > 0 && used + 1 + wide > room {
            out.push_str(end);
            out.push('\n');
            out.push_str(indent);
            used = 0;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += wide;
    }
    out
}

/// Text by itself, in lines that fit, each of them ended.
pub(crate) fn paragraph(text: &str, width: usize) -> String {
    wrapped(text, "", width) + "\n"
}

/// Text beside a label, in lines that fit, each of them ended.
pub(crate) fn labeled(label: &str, text: &str, width: usize) -> String {
    let indent = " ".repeat(LABEL);
    format!("{label:LABEL$}{}\n", wrapped(text, &indent, width))
}

/// A command under what is beside a label.
pub(crate) fn labeled_command(command: &str, width: usize) -> String {
    let indent = " ".repeat(LABEL + 2);
    format!("{}\n", wrapped_command(command, &indent, width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_turn_the_text_around_them() {
        assert_eq!(name("a\u{202e}b\u{2066}c\n"), "abc\u{fffd}");
        assert_eq!(name("Ann"), "Ann");
        assert_eq!(name("נועה"), "\u{2068}נועה\u{2069}");
        assert_eq!(width(&name("נועה")), 4);
    }

    #[test]
    fn what_is_too_wide_is_cut_at_a_column() {
        assert_eq!(shortened("Jonas", 5), "Jonas");
        assert_eq!(shortened("Jonas Weber", 8), "Jonas W…");
        assert_eq!(shortened("Jonas Weber", 7), "Jonas…");
        assert_eq!(shortened("田中さくら", 6), "田中…");
        assert_eq!(shortened("👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦", 5), "👨‍👩‍👧‍👦👨‍👩‍👧‍👦…");
        assert_eq!(shortened(&name("נועה לוי"), 6), "\u{2068}נועה…\u{2069}");
        for most in 1..12 {
            for text in [
                "Jonas Weber",
                "田中さくら",
                "👩‍💻👩‍💻👩‍💻",
                "e\u{301}e\u{301}e\u{301}e\u{301}",
            ] {
                assert!(width(&shortened(text, most)) <= most, "{text} {most}");
            }
        }
    }

    #[test]
    fn a_command_that_fits_is_not_broken() {
        assert_eq!(wrapped_command("trl sft -c a", "  ", 14), "  trl sft -c a");
        assert_eq!(
            wrapped_command("trl sft -c a", "  ", 13),
            "  trl sft \\\n    -c a"
        );
    }

    #[test]
    fn an_option_stays_with_its_value_if_both_fit_in_a_line() {
        let command = "aws bedrock create --cli-input-json file://job.json --dry-run";
        assert_eq!(
            wrapped_command(command, "  ", 44),
            "  aws bedrock create \\\n    --cli-input-json file://job.json \\\n    --dry-run"
        );
        assert_eq!(
            wrapped_command(command, "  ", 24),
            "  aws bedrock create \\\n    --cli-input-json \\\n    file://job.json \\\n    --dry-run"
        );
    }

    #[test]
    fn a_command_of_several_lines_is_one_to_a_shell() {
        let command = "cd 'a b c d e f' && resonare prepare --for trl";
        assert_eq!(
            wrapped_command(command, "  ", 26),
            "  cd 'a b c d e f' && \\\n    resonare prepare \\\n    --for trl"
        );
    }

    #[test]
    fn lines_fit_beside_their_label() {
        let text = labeled("warning", &"word ".repeat(40), 50);
        assert!(text.lines().all(|line| width(line) <= 50), "{text}");
        assert!(text.starts_with("warning    word"), "{text}");
        assert_eq!(text.lines().nth(1).unwrap().find("word"), Some(11));
    }
}
