//! The yardstick: reads an export and parses it with `serde_json` into borrowed structs, on one
//! thread, and does nothing else. What the whole job takes is quoted as a multiple of it.

use std::borrow::Cow;
use std::hint::black_box;

use anyhow::Context as _;
use serde::Deserialize;

#[derive(Deserialize)]
struct Export<'a> {
    #[serde(borrow)]
    chats: Chats<'a>,
}

#[derive(Deserialize)]
struct Chats<'a> {
    #[serde(borrow)]
    list: Vec<Chat<'a>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "parsed, not used")]
struct Chat<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "parsed, not used")]
struct Message<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    date: Option<Text<'a>>,
    #[serde(borrow)]
    date_unixtime: Option<Text<'a>>,
    #[serde(borrow)]
    from: Option<Text<'a>>,
    #[serde(borrow)]
    from_id: Option<Text<'a>>,
    #[serde(borrow)]
    sticker_emoji: Option<Text<'a>>,
    #[serde(borrow, default)]
    text_entities: Vec<Entity<'a>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "parsed, not used")]
struct Entity<'a> {
    #[serde(borrow)]
    text: Text<'a>,
}

/// `Option<Cow<str>>` never borrows in serde; a newtype does.
#[derive(Deserialize)]
#[expect(dead_code, reason = "parsed, not used")]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn main() -> anyhow::Result<()> {
    let path = std::env::args_os()
        .nth(1)
        .context("usage: yardstick EXPORT")?;
    let bytes = std::fs::read(&path)
        .context("failed to read the export")?
        .leak();
    let export: Export<'_> = serde_json::from_slice(bytes).context("failed to parse the export")?;
    black_box(&export.chats.list);
    // Taking the structs apart again is no part of parsing.
    std::mem::forget(export);
    Ok(())
}
