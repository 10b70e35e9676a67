//! What the blocks were made with.

use maud::{Markup, html};
use resonare_pipeline::StatsFile;
use serde_json::Value;

use crate::text;

pub(crate) fn section(stats: &StatsFile<'_>) -> Markup {
    let statistics = stats.statistics;
    let tokenizer = &statistics.tokenizer;
    html! {
        section {
            h2 { "What the blocks were made with" }
            dl.made {
                @if let Some(choice) = &statistics.target {
                    dt { "Target" }
                    dd {
                        @if let Some(name) = &choice.name { bdi { (text::name(name)) } " – " }
                        bdi { (text::name(&choice.target)) } ", " (choice.reason.replace('_', " "))
                    }
                }
                dt { "Tokenizer" }
                dd {
                    (text::value(&tokenizer.source)) " (" (tokenizer.kind) ")"
                    @if let Some(reason) = &tokenizer.fallback_reason {
                        ", a fallback: " (text::value(reason))
                    }
                }
                @if let Some(template) = stats.chat_template {
                    dt { "Chat template" }
                    dd { (text::value(template)) }
                }
                @for setting in stats.preset {
                    dt { code { (setting.key) } }
                    dd { (setting.value) ", since " (setting.why) }
                }
                @if let Some(redacted) = redacted(stats) {
                    dt { "Replaced" }
                    dd { (redacted) " (read the blocks before you share them)" }
                }
            }
            details.numbers {
                summary { "All settings" }
                table.settings {
                    caption.unseen { "All settings" }
                    tbody {
                        @for (key, value) in stats.config {
                            tr { th scope="row" { code { (key) } } td { bdi { (shown(value)) } } }
                        }
                    }
                }
            }
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(value) => text::value(value),
        Value::Array(values) if values.is_empty() => "none".to_owned(),
        Value::Array(values) => {
            let values: Vec<_> = values.iter().map(shown).collect();
            text::value(&values.join(", "))
        }
        other => text::value(&other.to_string()),
    }
}

/// What was replaced in the messages, and how often.
fn redacted(stats: &StatsFile<'_>) -> Option<String> {
    let counts = serde_json::to_value(stats.statistics.redacted).ok()?;
    let counts = counts.as_object().filter(|counts| !counts.is_empty())?;
    let counts = counts
        .iter()
        .map(|(kind, count)| format!("{count} × {kind}"));
    Some(counts.collect::<Vec<_>>().join(", "))
}
