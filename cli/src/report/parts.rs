//! The parts that a run is told in, each some lines beside a label.

use resonare_consumers::Consumer;
use resonare_pipeline::{counted, grouped};
use resonare_settings::Key;
use serde_json::Value;

use crate::advice::option_of;
use crate::text::{labeled, labeled_command, name, one_line, paragraph, together, wrapped_command};

/// What to run next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Next {
    /// What to do or to know before.
    pub(crate) words: Option<String>,
    /// The command.
    pub(crate) command: Option<String>,
}

impl Next {
    /// All of it in one sentence.
    pub(crate) fn sentence(&self) -> Option<String> {
        let parts: Vec<_> = [&self.words, &self.command]
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }
}

pub(super) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// How much there is.
pub(super) fn heading(stats: &Value, width: usize) -> String {
    let blocks = counted(number(&stats["num_blocks"]), "block", "blocks");
    let chats = counted(number(&stats["num_chats"]), "chat", "chats");
    let tokens = counted(number(&stats["total_tokens"]), "token", "tokens");
    let split = &stats["split"];
    let split = if split.is_null() {
        String::new()
    } else {
        let [train, validation] = ["train_blocks", "validation_blocks"];
        let [train, validation] = [train, validation].map(|key| grouped(number(&split[key])));
        format!(" ({train} for training, {validation} for validation)")
    };
    paragraph(
        &format!("{blocks} from {chats}{split}, {tokens} in all"),
        width,
    )
}

/// Whose style is learned, and how much there is of it.
pub(super) fn target(stats: &Value, width: usize) -> String {
    let target = &stats["target"];
    let who = text(&target["target"]);
    let who = match text(&target["name"]) {
        "" => name(who),
        named if named == who => name(who),
        named => format!("{} ({})", name(named), name(who)),
    };
    let reason = match text(&target["reason"]) {
        "configured" => "as you chose",
        "owner_of_the_export" => "the owner of the export",
        _ => "the only sender who is not a contact",
    };
    let share = |counts: &Value, of: &str| {
        let [part, all] = ["of_target", "all"].map(|key| number(&counts[key]));
        let percent = (part * 100 + all / 2).checked_div(all).unwrap_or_default();
        format!(
            "{} of {all} {of} {}",
            grouped(part),
            together(&format!("({percent} %)")),
            all = grouped(all)
        )
    };
    let turns = share(&stats["turns"], "turns");
    let tokens = share(&stats["message_tokens"], "tokens of the messages");
    labeled(
        "target",
        &format!("{who}, {reason}: {turns}, {tokens}"),
        width,
    )
}

/// How many tokens a block has, in every way in which they were counted.
pub(super) fn tokens(stats: &Value, width: usize) -> String {
    let config = &stats["config"];
    let bounds = |counts: [&Value; 3]| {
        let [min, avg, max] = counts;
        let average = avg.as_f64().unwrap_or_default();
        let [min, max] = [min, max].map(|bound| grouped(number(bound)));
        if min == max {
            return format!("{min} in every block");
        }
        format!("{min} to {max} in a block, {average:.0} on average")
    };
    let named = |counts: &Value| bounds(["min", "avg", "max"].map(|key| &counts[key]));
    let [min, max] = ["min_tokens_per_block", "max_tokens_per_block"];
    let limits = [min, max].map(|key| grouped(number(&config[key])));
    let limits = format!("held against the limits of {}", limits.join(" to "));
    let emitted = bounds([min, "avg_tokens_per_block", max].map(|key| &stats[key]));
    let emitted = format!("{emitted}, as written to the files");
    let what = match text(&config["token_budget"]) {
        "rendered" => return labeled("tokens", &format!("{emitted}, and {limits}"), width),
        "template" => "as the chat template renders blocks",
        _ => "the messages' own texts",
    };
    let held = named(&stats["tokens_held_against_limits_per_block"]);
    let held = format!("{held}, {limits} ({what})");
    labeled("tokens", &held, width) + &labeled("", &emitted, width)
}

/// What counted.
pub(super) fn tokenizer(stats: &Value, reason: bool, width: usize) -> String {
    let tokenizer = &stats["tokenizer"];
    let (source, kind) = (text(&tokenizer["source"]), text(&tokenizer["kind"]));
    let fallback = match text(&tokenizer["fallback_reason"]) {
        "" => String::new(),
        why if reason => format!(", a fallback; {why}"),
        _ => {
            let model = text(&stats["config"]["model_id"]);
            format!(", a fallback; {model} would count otherwise")
        }
    };
    labeled(
        "tokenizer",
        &one_line(&format!("{source} ({kind}){fallback}")),
        width,
    )
}

/// Whom the blocks are for, and what that set. With the reasons, a line each.
pub(super) fn consumer(stats: &Value, reasons: bool, width: usize) -> String {
    let consumer = text(&stats["config"]["consumer"]).parse::<Consumer>();
    let Ok(consumer) = consumer else {
        return String::new();
    };
    let title = consumer.title();
    let warnings = stats["warnings"].as_array().into_iter().flatten();
    let learns_everything = warnings
        .into_iter()
        .any(|warning| warning["name"] == "learns_everything");
    let is_in_vain = |setting: &Value| setting["key"] == "loss" && learns_everything;
    let is_usual = |setting: &Value| {
        let key = Key::named(text(&setting["key"]));
        key.and_then(|key| key.entry().default) == setting["value"].as_str()
    };
    let set = stats["preset"].as_array().into_iter().flatten();
    if !reasons {
        let set = set
            .filter(|setting| !is_in_vain(setting) && !is_usual(setting))
            .map(|setting| {
                format!(
                    "{} {}",
                    option_of(text(&setting["key"])),
                    text(&setting["value"])
                )
            });
        let set = set.collect::<Vec<_>>().join(", ");
        let sets = if set.is_empty() { "" } else { ", which sets " };
        return labeled("for", &format!("{title}{sets}{set}"), width);
    }
    let mut out = labeled("for", title, width);
    for setting in set {
        let why = if is_in_vain(setting) {
            "asked for, but not to be had here: see the warning"
        } else {
            text(&setting["why"])
        };
        let (option, value) = (option_of(text(&setting["key"])), text(&setting["value"]));
        out.push_str(&labeled("", &format!("{option} {value}: {why}"), width));
    }
    if let Some(template) = stats["chat_template"].as_str() {
        out.push_str(&labeled("template", &one_line(template), width));
    }
    out
}

/// What was dropped, with the most frequent reasons first.
pub(super) fn dropped(stats: &Value, width: usize) -> String {
    let funnel = &stats["funnel"];
    let line = |side: &str, singular: &str, plural: &str| {
        let (counts, read) = (&funnel[side]["dropped"], number(&funnel[side]["read"]));
        let counts = counts.as_object().into_iter().flatten();
        let mut reasons: Vec<_> = counts
            .map(|(reason, count)| (number(count), reason.replace('_', " ")))
            .collect();
        let sum: u64 = reasons.iter().map(|(count, _)| count).sum();
        if sum == 0 {
            return None;
        }
        reasons.sort_by_key(|(count, _)| u64::MAX - count);
        // One alone is as short by its name.
        let listed = if reasons.len() == REASONS + 1 {
            reasons.len()
        } else {
            REASONS
        };
        let mut words: Vec<_> = reasons
            .iter()
            .take(listed)
            .map(|(count, reason)| together(&format!("{} {reason}", grouped(*count))))
            .collect();
        let others: u64 = reasons.iter().skip(listed).map(|(count, _)| count).sum();
        if others > 0 {
            words.push(together(&format!("{} for other reasons", grouped(others))));
        }
        let read = counted(read, singular, plural);
        Some(format!("{} of {read}: {}", grouped(sum), words.join(", ")))
    };
    let messages = line("messages", "message", "messages");
    let lines = [messages, line("chats", "chat", "chats")];
    let mut labels = ["dropped", ""].into_iter();
    let lines = lines.into_iter().flatten();
    lines
        .zip(&mut labels)
        .map(|(line, label)| labeled(label, &line, width))
        .collect()
}

/// So many reasons are listed.
const REASONS: usize = 4;

/// What was replaced, mended and salvaged.
pub(super) fn changed(stats: &Value, width: usize) -> String {
    let mut out = String::new();
    let redacted = stats["redacted"].as_object().into_iter().flatten();
    let redacted: Vec<_> = redacted
        .map(|(kind, count)| format!("{} {kind}", grouped(number(count))))
        .collect();
    if !redacted.is_empty() {
        let line = format!(
            "{} (read the blocks before you share them)",
            redacted.join(", ")
        );
        out.push_str(&labeled("replaced", &line, width));
    }
    let mended = stats["funnel"]["mended"].as_object().into_iter().flatten();
    let mended: Vec<_> = mended
        .map(|(kind, count)| format!("{} {}", grouped(number(count)), kind.replace('_', " ")))
        .collect();
    if !mended.is_empty() {
        out.push_str(&labeled("mended", &mended.join(", "), width));
    }
    let salvaged = &stats["salvaged"];
    if !salvaged.is_null() {
        let offset = grouped(number(&salvaged["byte_offset"]));
        let line = format!("the export ends early, at byte {offset}");
        out.push_str(&labeled("salvaged", &line, width));
    }
    out
}

/// Sentences with one label each.
pub(super) fn sentences(label: &str, sentences: &[String], width: usize) -> String {
    let lines = sentences
        .iter()
        .map(|text| labeled(label, &one_line(text), width));
    lines.collect()
}

/// Where the outputs are: of those in one folder, the folder once.
pub(super) fn outputs(places: &[String], width: usize) -> String {
    let parts = |place: &str| {
        let end = place.rfind(['/', '\\']).map_or(0, |end| end + 1);
        let (folder, file) = place.split_at(end);
        (folder.trim_start_matches("./").to_owned(), file.to_owned())
    };
    let mut folders: Vec<(String, Vec<String>)> = Vec::new();
    for place in places {
        let (folder, file) = parts(place);
        match folders.last_mut() {
            Some((last, files)) if *last == folder => files.push(file),
            _ => folders.push((folder, vec![file])),
        }
    }
    let mut out = String::new();
    for (folder, files) in folders {
        let label = if out.is_empty() { "outputs" } else { "" };
        let line = format!("{}: {}", one_line(&folder), one_line(&files.join(", ")));
        out.push_str(&labeled(label, &line, width));
    }
    out
}

/// What to run next.
pub(super) fn next(next: &Next, width: usize) -> String {
    let command = next.command.as_deref().map(one_line);
    match (&next.words, command) {
        (None, None) => String::new(),
        (Some(words), None) => labeled("next", &one_line(words), width),
        (Some(words), Some(command)) => {
            let words = labeled("next", &one_line(words), width);
            words + &labeled_command(&command, width)
        }
        (None, Some(command)) => {
            let indent = " ".repeat("next       ".len());
            let command = wrapped_command(&command, &indent, width);
            format!("next       {}\n", command.trim_start())
        }
    }
}
