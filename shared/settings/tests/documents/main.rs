//! Files that are rendered from the table of keys, whole or in part.
//!
//! `UPDATE_DOCUMENTS=1 cargo test -p resonare-settings` writes them anew.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected has failed"
)]

mod configuration_file;
mod documentation;
mod template;

use std::fs;
use std::path::Path;

use resonare_settings::{Entry, Key};

/// Compares a part of a file with what it has to be, or writes it.
fn check(file: &str, part: &Part, rendered: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(file);
    let text = fs::read_to_string(&path).unwrap();
    let start = text.find(part.after).unwrap() + part.after.len();
    let end = part.before.map_or(text.len(), |before| {
        start + text[start..].find(before).unwrap()
    });
    if text[start..end] == *rendered {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_DOCUMENTS").is_some(),
        "{file} differs from the table of keys; \
         UPDATE_DOCUMENTS=1 cargo test -p resonare-settings writes it anew:\n{rendered}"
    );
    fs::write(path, [&text[..start], rendered, &text[end..]].concat()).unwrap();
}

/// What stands between two other parts of a file, or between one and its end.
struct Part {
    after: &'static str,
    before: Option<&'static str>,
}

fn entries() -> impl Iterator<Item = &'static Entry> {
    Key::ALL.iter().map(|key| key.entry())
}
