//! Everything that the statistics of a run have, in tables.

use serde_json::Value;

use super::parts::{number, text};
use crate::table::{Column, Table};
use crate::text::name;
use resonare_pipeline::grouped;

/// Tokens and minutes of the blocks.
pub(super) fn blocks(stats: &Value, width: usize) -> String {
    let mut table = Table::new([
        Column::names("in a block"),
        Column::numbers("least"),
        Column::numbers("average"),
        Column::numbers("most"),
    ]);
    let mut add = |title: &str, [min, avg, max]: [&Value; 3], decimals: usize| {
        let shown = |value: &Value, decimals: usize| {
            let value = value.as_f64();
            value.map_or("-".to_owned(), |value| format!("{value:.decimals$}"))
        };
        let [min, max] = [min, max].map(|bound| shown(bound, decimals));
        table.add([title.to_owned(), min, shown(avg, 1), max]);
    };
    let named = |counts: &'static str| ["min", "avg", "max"].map(|bound| &stats[counts][bound]);
    let of_block =
        |what: &str| ["min", "avg", "max"].map(|bound| &stats[format!("{bound}_{what}_per_block")]);
    let held = named("tokens_held_against_limits_per_block");
    add("tokens held against the limits", held, 0);
    add("tokens as written", of_block("tokens"), 0);
    if !stats["chat_template_tokens_per_block"].is_null() {
        let rendered = named("chat_template_tokens_per_block");
        add("tokens in the chat template", rendered, 0);
    }
    add("minutes", of_block("duration_minutes"), 1);
    table.lines(width)
}

/// The chats with the most blocks, and those without one.
pub(super) fn chats(stats: &Value, width: usize) -> String {
    let listed = |list: &str, header: &str, count: &str| {
        let chats = stats[list].as_array().filter(|chats| !chats.is_empty())?;
        let mut table = Table::new([Column::names(header), Column::numbers(count)]);
        for chat in chats {
            let count = grouped(number(&chat[count]));
            table.add([name(text(&chat["name"])), count]);
        }
        Some(table.lines(width))
    };
    let most = listed("top_chats", "chats with the most blocks", "blocks");
    let none = listed("chats_without_blocks", "chats without a block", "messages");
    [most, none]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("\n")
}

/// Where chats and messages went.
pub(super) fn funnel(stats: &Value, width: usize) -> String {
    let funnel = &stats["funnel"];
    let (chats, messages) = (&funnel["chats"], &funnel["messages"]);
    let mut table = Table::new([
        Column::text("where they went"),
        Column::numbers("chats"),
        Column::numbers("messages"),
    ]);
    let cell = |count: &Value| count.as_u64().map(grouped).unwrap_or_default();
    table.add([
        "read".to_owned(),
        cell(&chats["read"]),
        cell(&messages["read"]),
    ]);
    let kept = [&chats["kept"], &messages["in_blocks"]].map(cell);
    table.add(["in the output".to_owned()].into_iter().chain(kept));
    let reasons = |side: &Value| -> Vec<String> {
        let dropped = side["dropped"].as_object().into_iter().flatten();
        dropped.map(|(reason, _)| reason.clone()).collect()
    };
    let mut all = reasons(chats);
    for reason in reasons(messages) {
        if !all.contains(&reason) {
            all.push(reason);
        }
    }
    for reason in all {
        let counts = [chats, messages].map(|side| cell(&side["dropped"][&reason]));
        let row = [format!("dropped: {reason}")].into_iter().chain(counts);
        table.add(row);
    }
    table.lines(width)
}
