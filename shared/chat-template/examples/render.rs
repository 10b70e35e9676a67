//! Renders chats with a model's template, to compare with other implementations.
//!
//! Reads JSON lines: `{"chat_template": …, "tokenizer_config": …}` (texts of files, each optional) chooses
//! a template, `{"messages": […]}` is rendered with it. Answers each line with one: `{"found": …, "marked": …}`
//! with the template that marks the assistant's turns, `{"text": …}`, `{"refused": …}` or `{"failed": …}`.

use std::io::{self, BufRead, Write};

use resonare_chat_template::{ChatTemplate, Message, RenderError, TemplateFiles};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut template = None;
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let answer = match request["messages"].as_array() {
            Some(messages) => render(template.as_ref(), messages),
            None => match read(&request) {
                Ok(read) => {
                    template = read;
                    let marked = template
                        .as_ref()
                        .and_then(ChatTemplate::with_generation_markers);
                    json!({ "found": template.is_some(), "marked": marked })
                }
                Err(problem) => {
                    template = None;
                    json!({ "failed": problem })
                }
            },
        };
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn read(request: &Value) -> Result<Option<ChatTemplate>, String> {
    let files = TemplateFiles {
        chat_template: request["chat_template"].as_str(),
        tokenizer_config: request["tokenizer_config"].as_str(),
        ..TemplateFiles::default()
    };
    ChatTemplate::new(&files).map_err(|error| error.to_string())
}

fn render(template: Option<&ChatTemplate>, messages: &[Value]) -> Value {
    let Some(template) = template else {
        return json!({ "failed": "no template" });
    };
    let messages: Vec<Message<'_>> = messages
        .iter()
        .map(|message| Message {
            role: message["role"].as_str().unwrap_or_default(),
            content: message["content"].as_str().unwrap_or_default(),
        })
        .collect();
    match template.render(&messages) {
        Ok(text) => json!({ "text": text }),
        Err(RenderError::Refused(words)) => json!({ "refused": words }),
        Err(error) => json!({ "failed": error.to_string() }),
    }
}
