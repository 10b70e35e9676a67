//! A model's chat template, ready to render chats.

use minijinja::Environment;
use minijinja::value::Value;

use crate::bounds::{LIMITS, Limits};
use crate::engine;
use crate::error::{RenderError, TemplateError};
use crate::files::{AddedToken, TemplateFiles};
use crate::output::BoundedText;
use crate::source;
use crate::special::special_tokens;

const NAME: &str = "chat";

// Real ones have 20 KB at most; the engine counts lines and columns in 16 bits.
const MAX_TEMPLATE_BYTES: usize = 60_000;

const MAX_OUTPUT_BYTES: usize = 32 * 1024 * 1024;

/// One turn of a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// `system`, `user` or `assistant`.
    pub role: &'a str,
    /// What was said.
    pub content: &'a str,
}

/// A model's chat template; compiled once, it renders any number of chats.
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    source: String,
    special_tokens: Vec<String>,
    added_tokens: Vec<AddedToken>,
}

impl ChatTemplate {
    /// Reads the template of a model, or `None` where it has none.
    ///
    /// # Errors
    /// If a file is broken, or the template is not valid, too large or nested too deeply.
    pub fn new(files: &TemplateFiles<'_>) -> Result<Option<Self>, TemplateError> {
        let findings = files.read()?;
        let special_tokens = special_tokens(&findings);
        let Some(template) = findings.template else {
            return Ok(None);
        };
        if template.len() > MAX_TEMPLATE_BYTES {
            return Err(TemplateError::TooLong {
                size_bytes: template.len(),
                limit_bytes: MAX_TEMPLATE_BYTES,
            });
        }
        let mut environment = engine::environment();
        environment.add_template_owned(NAME, source::prepare(&template)?)?;
        for token in &findings.named_tokens {
            environment.add_global(token.name.clone(), token.added.text.as_str());
        }
        Ok(Some(Self {
            environment,
            source: template,
            special_tokens,
            added_tokens: findings.added_tokens,
        }))
    }

    /// The chat as the model is trained on it, special tokens included.
    ///
    /// # Errors
    /// If the template refuses the messages or fails on them, or would take too much time or space.
    pub fn render(&self, messages: &[Message<'_>]) -> Result<String, RenderError> {
        let size: usize = messages.iter().map(size_bytes).sum();
        let messages: Value = messages.iter().map(message_value).collect();
        let mut text = BoundedText::new(MAX_OUTPUT_BYTES);
        let template = self.environment.get_template(NAME)?;
        let limits = Value::from_object(Limits::new(size));
        let variables = Value::from_pairs([("messages", messages), (LIMITS, limits)]);
        let rendered = template.render_captured_to(variables, &mut text);
        if text.overflowed() {
            return Err(RenderError::TooLarge {
                limit_bytes: MAX_OUTPUT_BYTES,
            });
        }
        rendered?;
        Ok(text.into_string())
    }

    /// The special tokens of the model, in byte order: text in a chat that reads as one would change the
    /// turns that a trainer sees.
    pub fn special_tokens(&self) -> &[String] {
        &self.special_tokens
    }

    /// All tokens that are recognized in a rendered chat, each text once: those of the tokenizer as the
    /// configuration has them, and the special tokens that only the configuration knows.
    pub fn added_tokens(&self) -> &[AddedToken] {
        &self.added_tokens
    }

    /// The same model's template with another source.
    pub(crate) fn with_source(&self, source: String) -> Result<Self, TemplateError> {
        let mut environment = self.environment.clone();
        environment.add_template_owned(NAME, source::prepare(&source)?)?;
        Ok(Self {
            environment,
            source,
            special_tokens: self.special_tokens.clone(),
            added_tokens: self.added_tokens.clone(),
        })
    }

    /// The template itself, as its publisher wrote it.
    pub fn source(&self) -> &str {
        &self.source
    }
}

fn message_value(message: &Message<'_>) -> Value {
    Value::from_pairs([("role", message.role), ("content", message.content)])
}

/// What a message takes, with its names and its place.
fn size_bytes(message: &Message<'_>) -> usize {
    100 + message.role.len() + message.content.len()
}
