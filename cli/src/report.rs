//! What is printed.

use std::io::{self, Write as _};
use std::path::PathBuf;

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};
use resonare_pipeline::{ChatDrop, Inspection, MessageDrop, Range, Statistics};
use serde_json::Value;

/// Says on standard error what went wrong, with what else helps, a line each.
pub(crate) fn error(text: &str, details: &[String]) {
    let mut out = io::stderr().lock();
    let written = writeln!(out, "error: {}", one_line(text)).and_then(|()| {
        details
            .iter()
            .try_for_each(|line| writeln!(out, "{}", one_line(line)))
    });
    if written.is_err() {
        // Standard error is gone: there is no one left to tell, and the exit status says it too.
    }
}

pub(crate) fn json(value: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)
}

/// A table with a title over it.
fn print(title: &str, table: &Table) -> io::Result<()> {
    writeln!(io::stdout(), "{title}\n{table}")
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table
}

fn align_numbers(table: &mut Table, columns: impl IntoIterator<Item = usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// The statistics of a run.
pub(crate) fn statistics(statistics: &Statistics) -> io::Result<()> {
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.1}"));
    let whole = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.0}"));
    let row = |name: &str, range: &Range, print: &dyn Fn(Option<f64>) -> String| {
        [
            name.to_owned(),
            print(range.min()),
            number(range.avg()),
            print(range.max()),
        ]
    };
    let mut blocks = table();
    blocks.set_header(["per block", "min", "avg", "max"]);
    blocks.add_row(row("tokens", &statistics.tokens_per_block, &whole));
    blocks.add_row(row(
        "minutes",
        &statistics.duration_minutes_per_block,
        &number,
    ));
    align_numbers(&mut blocks, 1..4);
    let (chats, count) = (statistics.num_chats(), statistics.num_blocks());
    print(&format!("{count} blocks from {chats} chats"), &blocks)?;

    let mut top = table();
    top.set_header(["chats with the most blocks", "blocks"]);
    for chat in statistics.top_chats() {
        top.add_row([one_line(&chat.name), chat.blocks.to_string()]);
    }
    align_numbers(&mut top, [1]);
    print("", &top)?;

    let funnel = &statistics.funnel;
    let mut where_to = table();
    where_to.set_header(["where they went", "chats", "messages"]);
    let mut row = |name: &str, chats: Option<u64>, messages: Option<u64>| {
        let cell = |count: Option<u64>| count.map_or(String::new(), |count| count.to_string());
        where_to.add_row([name.to_owned(), cell(chats), cell(messages)]);
    };
    row("read", Some(funnel.chats.read), Some(funnel.messages.read));
    row(
        "in the output",
        Some(funnel.chats.kept),
        Some(funnel.messages.in_blocks),
    );
    let some = |count: u64| (count > 0).then_some(count);
    for &reason in ChatDrop::ALL {
        let chats = some(funnel.chats.dropped.get(reason));
        let twin = MessageDrop::ALL
            .iter()
            .find(|message| message.name() == reason.name());
        let messages = twin.and_then(|&reason| some(funnel.messages.dropped.get(reason)));
        if chats.or(messages).is_some() {
            row(&format!("dropped: {}", reason.name()), chats, messages);
        }
    }
    for &reason in MessageDrop::ALL {
        let told = ChatDrop::ALL
            .iter()
            .any(|chat| chat.name() == reason.name());
        let messages = some(funnel.messages.dropped.get(reason));
        if messages.is_some() && !told {
            row(&format!("dropped: {}", reason.name()), None, messages);
        }
    }
    align_numbers(&mut where_to, 1..3);
    print("", &where_to)?;

    let mut out = io::stdout().lock();
    writeln!(out)?;
    if let Some(target) = &statistics.target {
        let reason = target.reason.replace('_', " ");
        writeln!(out, "target     {} ({reason})", one_line(&target.target))?;
    }
    let tokenizer = &statistics.tokenizer;
    writeln!(out, "tokenizer  {} ({})", tokenizer.source, tokenizer.kind)?;
    if let Some(reason) = &tokenizer.fallback_reason {
        writeln!(out, "           a fallback: {reason}")?;
    }
    let mended = serde_json::to_value(funnel.mended)?;
    for (kind, count) in mended.as_object().into_iter().flatten() {
        writeln!(out, "mended     {count} {}", kind.replace('_', " "))?;
    }
    if let Some(salvage) = &statistics.salvaged {
        writeln!(
            out,
            "salvaged   the export ends early, at byte {}",
            salvage.byte_offset
        )?;
    }
    Ok(())
}

/// Where the outputs are.
pub(crate) fn outputs(paths: &[PathBuf]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (number, path) in paths.iter().enumerate() {
        let label = if number == 0 { "outputs" } else { "" };
        writeln!(out, "{label:9}  {}", path.display())?;
    }
    Ok(())
}

/// The chats and senders of an export.
pub(crate) fn inspection(inspection: &Inspection) -> io::Result<()> {
    writeln!(io::stdout(), "{} chats", inspection.chats.len())?;
    // A table is laid out in memory; with very many chats there are several.
    for chats_of_table in inspection.chats.chunks(1000) {
        let mut chats = table();
        chats.set_header(["chat", "type", "messages", "usable", "first", "last", ""]);
        for chat in chats_of_table {
            let date = |date: &Option<String>| date.clone().unwrap_or_default();
            chats.add_row([
                chat.name.as_deref().map_or("-".to_owned(), one_line),
                one_line(&chat.chat_type),
                chat.messages.to_string(),
                chat.usable_messages.to_string(),
                date(&chat.first_date),
                date(&chat.last_date),
                chat.unusable.unwrap_or_default().to_owned(),
            ]);
        }
        align_numbers(&mut chats, 2..4);
        writeln!(io::stdout(), "{chats}")?;
    }

    let mut senders = table();
    senders.set_header(["sender", "messages"]);
    for sender in &inspection.senders {
        senders.add_row([one_line(&sender.sender), sender.messages.to_string()]);
    }
    align_numbers(&mut senders, [1]);
    print("\nmost frequent senders", &senders)?;
    let mut out = io::stdout().lock();
    match &inspection.owner {
        Some(owner) => writeln!(out, "\nthe export's owner is {owner}"),
        None => writeln!(
            out,
            "\nthe export does not name its owner; choose one with --target-name"
        ),
    }
}

/// Names come from strangers: what could move a terminal's cursor is not printed.
fn one_line(name: &str) -> String {
    name.chars()
        .map(|character| {
            if character.is_control() {
                '\u{fffd}'
            } else {
                character
            }
        })
        .collect()
}
