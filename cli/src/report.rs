//! What is printed.

use std::io::{self, Write as _};

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};
use resonare_consumers::{Consumer, Kit, SystemAs};
use resonare_pipeline::{Inspection, Statistics};
use resonare_settings::Configuration;
use serde_json::Value;

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
pub(crate) fn warnings(
    configuration: &Configuration,
    statistics: &Statistics,
    kit: Option<&Kit>,
) -> io::Result<()> {
    let pipeline = &configuration.pipeline;
    if pipeline.system_prompt.is_some() && pipeline.system_as == SystemAs::None {
        writeln!(
            io::stdout(),
            "warning    the system prompt is not written (system_as: none)"
        )?;
    }
    let Some(consumer) = pipeline.consumer else {
        return Ok(());
    };
    let title = consumer.title();
    if kit.is_some_and(|kit| consumer.learns_too_much(kit, pipeline.loss)) {
        writeln!(
            io::stdout(),
            "warning    {title} will learn the other side's turns too: no chat template at hand marks the target's"
        )?;
    }
    let most = consumer.limits().max_row_tokens;
    if let Some(most) = most.filter(|most| statistics.estimated_lengths.padded > *most) {
        writeln!(
            io::stdout(),
            "warning    {title} takes no more than {most} tokens a block, and one may have more"
        )?;
    }
    count_warning(consumer, statistics.train_blocks())
}

/// That the consumer takes more or fewer blocks than there are.
fn count_warning(consumer: Consumer, blocks: u64) -> io::Result<()> {
    let (title, limits) = (consumer.title(), consumer.limits());
    let few = limits.recommended_rows.filter(|few| blocks < *few);
    let warning = if blocks < limits.min_rows {
        format!("{title} takes no fewer than {} blocks", limits.min_rows)
    } else if let Some(most) = limits.max_rows.filter(|most| blocks > *most) {
        format!("{title} takes no more than {most} blocks")
    } else if let Some(few) = few {
        format!("{title} recommends at least {few} blocks")
    } else {
        return Ok(());
    };
    writeln!(io::stdout(), "warning    {warning}, and there are {blocks}")
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
