//! Tables that fit a terminal.

use crate::text::{shortened, width};

/// What is between two columns.
const GAP: &str = "  ";
/// The narrowest that a column of names becomes before other columns are left out for it.
const NARROWEST: usize = 16;

/// Where the cells of a column stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// A column of a table.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    header: String,
    side: Side,
    /// Whether its cells are cut where there is not enough room.
    shrinks: bool,
    /// Whether it is left out where there is not enough room.
    is_optional: bool,
}

impl Column {
    fn of(header: impl Into<String>, side: Side) -> Self {
        Self {
            header: header.into(),
            side,
            shrinks: false,
            is_optional: false,
        }
    }

    /// Text of a bounded length.
    pub(crate) fn text(header: &str) -> Self {
        Self::of(header, Side::Left)
    }

    /// Names, which are cut where there is not enough room.
    pub(crate) fn names(header: &str) -> Self {
        Self {
            shrinks: true,
            ..Self::text(header)
        }
    }

    /// Numbers.
    pub(crate) fn numbers(header: impl Into<String>) -> Self {
        Self::of(header, Side::Right)
    }

    /// The same, left out where there is not enough room.
    pub(crate) fn optional(self) -> Self {
        Self {
            is_optional: true,
            ..self
        }
    }
}

/// Rows of cells under headers.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self {
            columns: columns.into_iter().collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row with a cell for each column.
    pub(crate) fn add(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The lines of the table, each within `most` columns and ended.
    pub(crate) fn lines(&self, most: usize) -> String {
        let widths = self.widths(most);
        let headers: Vec<_> = self
            .columns
            .iter()
            .map(|column| column.header.clone())
            .collect();
        let mut out = self.line(&headers, &widths);
        for row in &self.rows {
            out.push_str(&self.line(row, &widths));
        }
        out
    }

    /// The width of each column; `None` for those that are left out.
    fn widths(&self, most: usize) -> Vec<Option<usize>> {
        let cells = |index: usize| self.rows.iter().filter_map(move |row| row.get(index));
        let own = |(index, column): (usize, &Column)| {
            let cells = cells(index).map(|cell| width(cell));
            Some(cells.chain([width(&column.header)]).max().unwrap_or(0))
        };
        let mut widths: Vec<_> = self.columns.iter().enumerate().map(own).collect();
        let taken = |widths: &[Option<usize>]| {
            let shown = widths.iter().flatten();
            shown
                .map(|width| width + GAP.len())
                .sum::<usize>()
                .saturating_sub(GAP.len())
        };
        let shrinks = |index: &usize| self.columns[*index].shrinks;
        let shrinking: Vec<_> = (0..self.columns.len()).filter(shrinks).collect();
        let spare = |widths: &[Option<usize>]| -> usize {
            let widths = shrinking.iter().filter_map(|index| widths[*index]);
            widths.map(|width| width.saturating_sub(NARROWEST)).sum()
        };
        for index in (0..self.columns.len()).rev() {
            if self.columns[index].is_optional && taken(&widths) > most + spare(&widths) {
                widths[index] = None;
            }
        }
        // The widest of those that can be cut gives way first.
        while taken(&widths) > most {
            let widest = shrinking.iter().copied().max_by_key(|index| widths[*index]);
            match widest.and_then(|index| widths[index].as_mut()) {
                Some(width) if *width > 1 => *width -= 1,
                _ => break,
            }
        }
        widths
    }

    fn line(&self, cells: &[String], widths: &[Option<usize>]) -> String {
        let shown = self.columns.iter().zip(cells).zip(widths);
        let cells = shown.filter_map(|((column, cell), most)| {
            let most = (*most)?;
            let cell = shortened(cell, most);
            let room = " ".repeat(most - width(&cell));
            Some(match column.side {
                Side::Left => cell + &room,
                Side::Right => room + &cell,
            })
        });
        let line = cells.collect::<Vec<_>>().join(GAP);
        format!("{}\n", line.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::name;

    fn table() -> Table {
        let mut table = Table::new([
            Column::names("chat"),
            Column::text("type"),
            Column::numbers("messages"),
            Column::text("first").optional(),
        ]);
        for (chat, messages) in [
            ("Jonas Weber of the lake crew", "76"),
            ("田中さくら", "1234567"),
            ("נועה", "5"),
        ] {
            table.add([
                name(chat),
                "personal_chat".to_owned(),
                messages.to_owned(),
                "2024-05".to_owned(),
            ]);
        }
        table
    }

    /// Isolates can't be seen in this file: brackets stand for them.
    fn visible(most: usize) -> String {
        let lines = table().lines(most);
        lines.replace('\u{2068}', "[").replace('\u{2069}', "]")
    }

    #[test]
    fn cells_stand_under_their_headers_however_wide_their_letters_are() {
        insta::assert_snapshot!(visible(80), @r"
        chat                          type           messages  first
        Jonas Weber of the lake crew  personal_chat        76  2024-05
        田中さくら                    personal_chat   1234567  2024-05
        [נועה]                          personal_chat         5  2024-05
        ");
    }

    #[test]
    fn what_is_optional_gives_way_and_then_names_are_cut() {
        insta::assert_snapshot!(visible(44), @r"
        chat                 type           messages
        Jonas Weber of the…  personal_chat        76
        田中さくら           personal_chat   1234567
        [נועה]                 personal_chat         5
        ");
    }

    #[test]
    fn no_line_is_wider_than_it_may_be() {
        for most in 40..100 {
            let text = table().lines(most);
            assert!(
                text.lines().all(|line| width(line) <= most),
                "{most}\n{text}"
            );
        }
    }
}
