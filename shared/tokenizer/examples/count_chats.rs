//! Counts chats with a model's template and tokenizer, to compare with other implementations.
//!
//! Takes the folder of a model (`tokenizer.json`, `tokenizer_config.json`), reads JSON lines
//! `{"messages": […]}`, and answers each with one: `{"tokens": …}` or `{"refused": …}`.

use std::error::Error;
use std::io::{self, BufRead as _, Write as _};
use std::sync::Arc;

use resonare_consumers::MessageRef;
use resonare_pipeline::ChatTemplate as _;
use resonare_tokenizer::{FolderModelFiles, Hub, Lookup, NoUrls, TemplateAnswer, WantedTokenizer};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("name a folder")?;
    let lookup = Lookup {
        files: Arc::new(FolderModelFiles::new(&folder)),
        urls: Arc::new(NoUrls),
        hub: Hub::new(None, None),
    };
    // A model whose template is beside its tokenizer needs no name.
    let found = lookup.find_with_template(&WantedTokenizer {
        model_id: String::new(),
        tokenizer: Some(folder),
        require_exact: true,
    })?;
    let template = match found.template {
        TemplateAnswer::Found(template) => template,
        TemplateAnswer::Missing(none) => return Err(none.reason.into()),
    };
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let messages = request["messages"].as_array().ok_or("no messages")?;
        let messages: Vec<MessageRef<'_>> = messages
            .iter()
            .map(|message| {
                let text = |key: &str| message[key].as_str().unwrap_or_default();
                MessageRef::new(text("role"), text("content"))
            })
            .collect();
        let answer = match template.count(&messages) {
            Ok(tokens) => json!({ "tokens": tokens }),
            Err(words) => json!({ "refused": words.to_string() }),
        };
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}
