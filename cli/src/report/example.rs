//! A block as an example of the result.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use resonare_pipeline::counted;
use serde_json::Value;

use crate::text::{labeled, name, shortened};

/// A longer block is not read.
const LONGEST_BLOCK: u64 = 1 << 20;
/// So many turns are shown.
const TURNS: usize = 4;
/// As wide as the longest role, and a gap.
const ROLE: usize = 11;

/// The first block of a file.
pub(crate) struct Example(Value);

impl Example {
    /// The first block of a `train.jsonl`, if it can be read: an example is not worth an error.
    pub(crate) fn of(train: &Path) -> Option<Self> {
        let mut line = String::new();
        let file = BufReader::new(File::open(train).ok()?);
        file.take(LONGEST_BLOCK).read_line(&mut line).ok()?;
        serde_json::from_str(&line).ok().map(Self)
    }

    /// Its first turns, a line each.
    pub(super) fn lines(&self, width: usize) -> String {
        let turns = self.0["messages"].as_array();
        let turns = turns.map(Vec::as_slice).unwrap_or_default();
        let mut out = String::new();
        for (index, turn) in turns.iter().take(TURNS).enumerate() {
            let text = |key: &str| turn[key].as_str().unwrap_or_default();
            let content = text("content").replace('\n', " ");
            let room = width.min(100).saturating_sub(2 * ROLE);
            let content = shortened(&name(&content), room);
            let label = if index == 0 { "example" } else { "" };
            let role = text("role");
            out.push_str(format!("{label:ROLE$}{role:ROLE$}{content}").trim_end());
            out.push('\n');
        }
        let more = turns.len().saturating_sub(TURNS) as u64;
        if more > 0 {
            let more = format!("and {}", counted(more, "more turn", "more turns"));
            out.push_str(&labeled("", &more, width));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_turns_are_a_line_each() {
        let turn =
            |role: &str, content: &str| serde_json::json!({"role": role, "content": content});
        let block = serde_json::json!({"messages": [
            turn("user", ">>> Did the bread rise?"),
            turn("assistant", ">>> Barely.\n>>> It is sulking in the corner, and I can't say that I like it."),
            turn("user", ">>> שעה"),
            turn("assistant", ">>> \u{1b}[2J"),
            turn("user", ">>> So?"),
        ]});
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.jsonl");
        std::fs::write(&path, format!("{block}\nnot read\n")).unwrap();
        let lines = Example::of(&path).unwrap().lines(60);
        // Isolates can't be seen in this file.
        let lines = lines.replace('\u{2068}', "[").replace('\u{2069}', "]");
        insta::assert_snapshot!(lines, @r"
        example    user       >>> Did the bread rise?
                   assistant  >>> Barely. >>> It is sulking in the…
                   user       [>>> שעה]
                   assistant  >>> �[2J
                   and 1 more turn
        ");
    }
}
