//! What a job leaves: its outputs, and its numbers.

use resonare_pipeline::{OutputName, Statistics};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An output that can be downloaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Its file name.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
}

impl Output {
    /// Whether it is the page that browsers are to show; they save the others.
    pub fn is_report(&self) -> bool {
        self.name == OutputName::Report.as_str()
    }
}

/// The statistics' numbers; what has names is in `stats.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StatsSummary(pub Map<String, Value>);

/// What has names in it.
const NAMING: [&str; 3] = ["top_chats", "chats_without_blocks", "target"];

impl StatsSummary {
    /// The numbers of a run.
    pub fn of(statistics: &Statistics) -> Self {
        let mut all = match serde_json::to_value(statistics.overview()) {
            Ok(Value::Object(all)) => all,
            _ => Map::new(),
        };
        all.retain(|key, _| !NAMING.contains(&&**key));
        // A template could quote messages.
        if let Some(refusals) = all.get_mut("refusals").and_then(Value::as_object_mut) {
            refusals.remove("by_template");
        }
        // Of a warning or a remedy its name and its numbers; the words are in `stats.json`.
        for key in ["warnings", "remedies"] {
            let told = all.get_mut(key).and_then(Value::as_array_mut);
            for one in told.into_iter().flatten() {
                if let Some(one) = one.as_object_mut() {
                    one.remove("message");
                }
            }
        }
        Self(all)
    }
}
