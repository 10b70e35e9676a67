//! `conf/config.yaml`, all of it.

use resonare_settings::{Entry, Kind};

use crate::{Part, check, entries};

const KEYS: Part = Part {
    after: "requests override both.\n",
    before: None,
};

/// The longest line of a comment.
const WIDTH: usize = 100;

#[test]
fn the_shipped_file_has_each_key_with_its_help_and_its_default() {
    let mut lines = Vec::new();
    let mut last_group = None;
    for entry in entries() {
        let (group, name) = match entry.name.split_once('.') {
            Some((group, name)) => (Some(group), name),
            None => (None, entry.name),
        };
        if group != last_group || group.is_none() {
            lines.push(String::new());
        }
        if let Some(group) = group.filter(|_| group != last_group) {
            lines.push(format!("{group}:"));
        }
        last_group = group;
        let indent = if group.is_some() { "  " } else { "" };
        let comment = wrapped(&comment(entry), WIDTH - indent.len() - 2);
        lines.extend(comment.iter().map(|line| format!("{indent}# {line}")));
        // What is set here counts more than what another key sets that is set here too.
        let off = if entry.set_by.is_some() { "# " } else { "" };
        lines.push(format!("{indent}{off}{name}: {}", value(entry)));
    }
    lines.push(String::new());
    check("conf/config.yaml", &KEYS, &lines.join("\n"));
}

fn comment(entry: &Entry) -> String {
    let preset = entry.set_by.map_or_else(String::new, |key| {
        format!(" The key {key} may set it; remove the # to set it yourself.")
    });
    match entry.null_means {
        Some(words) => format!("{} (null: {words}).{preset}", entry.help),
        None => format!("{}.{preset}", entry.help),
    }
}

/// The default, in YAML.
fn value(entry: &Entry) -> String {
    let Some(default) = entry.default else {
        return if entry.null_means.is_none() && entry.kind.is_list() {
            "[]".to_owned()
        } else {
            "null".to_owned()
        };
    };
    match entry.kind {
        Kind::SomeOf(_) | Kind::Models => format!("[{}]", default.replace(',', ", ")),
        Kind::Text | Kind::TextOrEmpty => format!("{default:?}"),
        _ => default.to_owned(),
    }
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().unwrap();
        if line.is_empty() {
            line.push_str(word);
        } else if line.len() + 1 + word.len() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
