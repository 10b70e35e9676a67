//! What is printed.

use std::io::{self, Write as _};

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};
use resonare_pipeline::{Inspection, Warning};
use resonare_settings::Configuration;
use serde_json::Value;

use crate::advice::option;

const WIDTH: usize = 80;

/// So many chats are shown with their pauses, the largest first.
const CHATS_WITH_GAPS: usize = 20;

/// Prints on standard error what went wrong, and further help, a line each.
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

/// The statistics of a run, as `stats.json` has them.
pub(crate) fn statistics(stats: &Value) -> io::Result<()> {
    let decimal = |value: &Value| shown(value, |value| format!("{value:.1}"));
    let whole = |value: &Value| shown(value, |value| format!("{value:.0}"));
    let mut blocks = table();
    blocks.set_header(["per block", "min", "avg", "max"]);
    let mut tokens = |name: &str, [min, avg, max]: [&Value; 3]| {
        blocks.add_row([name.to_owned(), whole(min), decimal(avg), whole(max)]);
    };
    let limited = &stats["tokens_held_against_limits_per_block"];
    tokens(
        "tokens held against the limits",
        ["min", "avg", "max"].map(|bound| &limited[bound]),
    );
    let emitted = ["min", "avg", "max"].map(|bound| &stats[format!("{bound}_tokens_per_block")]);
    tokens("tokens as written", emitted);
    let rendered = &stats["chat_template_tokens_per_block"];
    if !rendered.is_null() {
        tokens(
            "tokens in the chat template",
            ["min", "avg", "max"].map(|bound| &rendered[bound]),
        );
    }
    let minutes = |bound: &str| decimal(&stats[format!("{bound}_duration_minutes_per_block")]);
    blocks.add_row([
        "minutes".to_owned(),
        minutes("min"),
        minutes("avg"),
        minutes("max"),
    ]);
    align_numbers(&mut blocks, 1..4);
    let (chats, count) = (&stats["num_chats"], &stats["num_blocks"]);
    print(&format!("{count} blocks from {chats} chats"), &blocks)?;

    let mut top = table();
    top.set_header(["chats with the most blocks", "blocks"]);
    for chat in stats["top_chats"].as_array().into_iter().flatten() {
        top.add_row([text(&chat["name"]), chat["blocks"].to_string()]);
    }
    align_numbers(&mut top, [1]);
    print("", &top)?;
    print("", &funnel(&stats["funnel"]))?;

    let mut out = io::stdout().lock();
    writeln!(out)?;
    let target = &stats["target"];
    if !target.is_null() {
        let reason = text(&target["reason"]).replace('_', " ");
        let who = text(&target["target"]);
        let named = match &target["name"] {
            Value::String(name) if *name != who => format!("{name} ({who})"),
            _ => who,
        };
        writeln!(out, "target     {named}: {reason}")?;
    }
    let tokenizer = &stats["tokenizer"];
    let (source, kind) = (text(&tokenizer["source"]), text(&tokenizer["kind"]));
    writeln!(out, "tokenizer  {source} ({kind})")?;
    if !tokenizer["fallback_reason"].is_null() {
        let reason = text(&tokenizer["fallback_reason"]);
        writeln!(out, "           a fallback: {reason}")?;
    }
    let redacted = stats["redacted"].as_object().into_iter().flatten();
    let redacted: Vec<_> = redacted
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    if !redacted.is_empty() {
        let redacted = redacted.join(", ");
        writeln!(out, "replaced   {redacted} (read it before you share it)")?;
    }
    let mended = stats["funnel"]["mended"].as_object();
    for (kind, count) in mended.into_iter().flatten() {
        writeln!(out, "mended     {count} {}", kind.replace('_', " "))?;
    }
    if !stats["salvaged"].is_null() {
        let offset = &stats["salvaged"]["byte_offset"];
        writeln!(out, "salvaged   the export ends early, at byte {offset}")?;
    }
    Ok(())
}

/// Where chats and messages went.
fn funnel(funnel: &Value) -> Table {
    let (chats, messages) = (&funnel["chats"], &funnel["messages"]);
    let mut table = table();
    table.set_header(["where they went", "chats", "messages"]);
    let mut row = |name: &str, chats: &Value, messages: &Value| {
        let cell = |count: &Value| shown(count, |count| format!("{count:.0}"));
        let cells = [chats, messages].map(|count| cell(count).replace('-', ""));
        table.add_row([name.to_owned()].into_iter().chain(cells));
    };
    row("read", &chats["read"], &messages["read"]);
    row("in the output", &chats["kept"], &messages["in_blocks"]);
    let reasons = |side: &Value| -> Vec<String> {
        let dropped = side["dropped"].as_object();
        dropped
            .into_iter()
            .flat_map(|dropped| dropped.keys().cloned())
            .collect()
    };
    let mut all = reasons(chats);
    for reason in reasons(messages) {
        if !all.contains(&reason) {
            all.push(reason);
        }
    }
    for reason in all {
        let count = |side: &Value| side["dropped"][&reason].clone();
        row(
            &format!("dropped: {reason}"),
            &count(chats),
            &count(messages),
        );
    }
    align_numbers(&mut table, 1..3);
    table
}

fn shown(value: &Value, print: impl Fn(f64) -> String) -> String {
    value.as_f64().map_or("-".to_owned(), print)
}

fn text(value: &Value) -> String {
    one_line(value.as_str().unwrap_or_default())
}

/// What the consumer of the blocks set, which chat template measured them, and whether the consumer wants
/// more or fewer.
pub(crate) fn consumer(configuration: &Configuration, template: Option<&str>) -> io::Result<()> {
    let Some(consumer) = configuration.pipeline.consumer else {
        return Ok(());
    };
    let mut out = io::stdout().lock();
    let preset = configuration.preset();
    let sets = if preset.is_empty() {
        ""
    } else {
        ", which sets"
    };
    writeln!(out, "for        {}{sets}", consumer.title())?;
    for setting in preset {
        let (key, value, why) = (setting.key, setting.value, setting.why);
        writeln!(out, "           {key}: {value} ({why})")?;
    }
    match template {
        Some(words) => writeln!(out, "template   {}", one_line(words)),
        None => Ok(()),
    }
}

/// What to think about before these blocks are trained on.
pub(crate) fn warnings(warnings: &[Warning]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for warning in warnings {
        let words = wrapped(&one_line(&warning.words(option)), "           ");
        writeln!(out, "warning    {words}")?;
    }
    Ok(())
}

/// What to run next.
pub(crate) fn next(command: &str) -> io::Result<()> {
    writeln!(io::stdout(), "next       {}", one_line(command))
}

/// Where the outputs are.
pub(crate) fn outputs(places: &[String]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (number, place) in places.iter().enumerate() {
        let label = if number == 0 { "outputs" } else { "" };
        writeln!(out, "{label:9}  {}", one_line(place))?;
    }
    Ok(())
}

/// The chats and senders of an export.
pub(crate) fn inspection(inspection: &Inspection) -> io::Result<()> {
    writeln!(io::stdout(), "{} chats", inspection.chats.len())?;
    // A table is laid out in memory; with very many chats there are several.
    for chats_of_table in inspection.chats.chunks(1000) {
        let mut chats = table();
        chats.set_header([
            "chat", "id", "type", "messages", "usable", "first", "last", "",
        ]);
        for chat in chats_of_table {
            let date = |date: &Option<String>| date.clone().unwrap_or_default();
            chats.add_row([
                chat.name.as_deref().map_or("-".to_owned(), one_line),
                chat.id.map(|id| id.to_string()).unwrap_or_default(),
                one_line(&chat.chat_type),
                chat.messages.to_string(),
                chat.usable_messages.to_string(),
                date(&chat.first_date),
                date(&chat.last_date),
                chat.unusable.unwrap_or_default().to_owned(),
            ]);
        }
        align_numbers(&mut chats, 3..5);
        writeln!(io::stdout(), "{chats}")?;
    }

    let mut senders = table();
    senders.set_header(["sender", "messages"]);
    for sender in &inspection.senders {
        senders.add_row([one_line(&sender.sender), sender.messages.to_string()]);
    }
    align_numbers(&mut senders, [1]);
    print("\nmost frequent senders", &senders)?;
    gaps(inspection)?;
    if !inspection.warnings.is_empty() {
        writeln!(io::stdout())?;
        warnings(&inspection.warnings)?;
    }
    let mut out = io::stdout().lock();
    match &inspection.owner {
        Some(owner) => writeln!(out, "\nthe export's owner is {owner}"),
        None => writeln!(
            out,
            "\nthe export does not name its owner; choose one with --target-name"
        ),
    }
}

/// The pauses in an export and in its largest chats, and what common thresholds would make of them.
fn gaps(inspection: &Inspection) -> io::Result<()> {
    let mut table = table();
    let ends = inspection.gaps.0.histogram();
    let ends = ends.map(|range| range.up_to_secs.map_or("more".to_owned(), duration));
    table.set_header(["pauses up to".to_owned()].into_iter().chain(ends));
    let usable = inspection.chats.iter();
    let mut chats: Vec<_> = usable.filter(|chat| chat.unusable.is_none()).collect();
    chats.sort_by_key(|chat| u64::MAX - chat.usable_messages);
    let named = chats.iter().take(CHATS_WITH_GAPS).map(|chat| {
        let name = one_line(chat.name.as_deref().unwrap_or("-"));
        (name.chars().take(20).collect(), &chat.gaps)
    });
    for (name, gaps) in [("all chats".to_owned(), &inspection.gaps)]
        .into_iter()
        .chain(named)
    {
        let counts = gaps.0.histogram().map(|range| range.gaps.to_string());
        table.add_row([name].into_iter().chain(counts));
    }
    align_numbers(&mut table, 1..10);
    print("\nbetween two messages", &table)?;

    let mut thresholds = self::table();
    thresholds.set_header(["a pause over", "conversations", "blocks, about"]);
    for result in inspection.gaps.0.thresholds() {
        thresholds.add_row([
            duration(result.secs),
            result.conversations.to_string(),
            result.blocks.to_string(),
        ]);
    }
    align_numbers(&mut thresholds, 1..3);
    print("\nif that ends a conversation, there are", &thresholds)
}

/// A round number of seconds.
fn duration(secs: u64) -> String {
    match secs {
        0..3_600 => format!("{} min", secs / 60),
        3_600..86_400 => format!("{} h", secs / 3_600),
        _ => format!("{} d", secs / 86_400),
    }
}

/// Names come from strangers: what could move a terminal's cursor is not printed.
pub(crate) fn one_line(name: &str) -> String {
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

/// The text in lines of a terminal, of which all but the first begin with `indent`, as wide as what is before
/// the first.
pub(crate) fn wrapped(text: &str, indent: &str) -> String {
    let mut out = String::new();
    let mut width = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > WIDTH - indent.len() {
            out.push('\n');
            out.push_str(indent);
            width = 0;
        } else if width > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += length;
    }
    out
}
