//! The chats that have the most blocks.

use maud::{Markup, html};
use resonare_pipeline::Statistics;

use crate::amounts::{count, portion};
use crate::chart::{Row, bars};
use crate::text;

pub(crate) fn section(statistics: &Statistics) -> Markup {
    let top = statistics.top_chats();
    let Some(first) = top.first() else {
        return html! {};
    };
    let all = statistics.num_blocks();
    let of_top: u64 = top.iter().map(|chat| chat.blocks).sum();
    let others = statistics.num_chats() - top.len() as u64;
    let title = if top.len() == 1 {
        "All blocks are from one chat".to_owned()
    } else if first.blocks * 2 > all {
        format!("One chat has {} of the blocks", portion(first.blocks, all))
    } else if others > 0 {
        let chats = count(top.len() as u64, "chat", "chats");
        format!("{chats} have {} of the blocks", portion(of_top, all))
    } else {
        let chats = count(statistics.num_chats(), "chat", "chats");
        format!("The blocks are from {chats}")
    };
    let mut rows: Vec<_> = top
        .iter()
        .map(|chat| Row {
            name: html! { bdi { (text::name(&chat.name)) } },
            count: chat.blocks,
            class: "kept",
        })
        .collect();
    if others > 0 {
        rows.push(Row {
            name: html! { (count(others, "other", "others")) },
            count: all - of_top,
            class: "usable",
        });
    }
    let widest = rows.iter().map(|row| row.count).max().unwrap_or_default();
    html! {
        section {
            h2 { (title) }
            p.key { "Chats by number of blocks." }
            (bars("Chats by number of blocks", widest, &rows))
        }
    }
}
