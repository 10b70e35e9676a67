//! A model's own chat template, rendered as `transformers` renders it.
//!
//! A chat template is a Jinja program that comes with a model and turns messages into the text that the
//! model is trained on. [`ChatTemplate`] reads it from the files beside a tokenizer and gives, for any
//! messages, the same text as `apply_chat_template(tokenize=False, add_generation_prompt=False)`, or the
//! template's own words if it refuses them. [`ChatTemplate::special_tokens`] are what text in a chat must not
//! read as. [`ChatTemplate::with_generation_markers`] is for trainers that learn the assistant's turns alone.
//!
//! Templates come from strangers: they reach no file, no network and no clock, and their time, memory
//! and output are bounded by steps and sizes, so that a template ends in the same way on every machine. Finding and reading the files is
//! left to others; so is counting tokens.
//!
//! ```
//! use resonare_chat_template::{ChatTemplate, Message, TemplateFiles};
//!
//! let configuration = r#"{
//!     "eos_token": "</s>",
//!     "chat_template": "{% for m in messages %}{{ m.role }}: {{ m.content | trim }}{{ eos_token }}{% endfor %}"
//! }"#;
//! let files = TemplateFiles { tokenizer_config: Some(configuration), ..TemplateFiles::default() };
//! let template = ChatTemplate::new(&files)?.ok_or("the model has no chat template")?;
//! let messages = [Message { role: "user", content: " Hello " }];
//! assert_eq!(template.render(&messages)?, "user: Hello</s>");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bounding;
mod bounds;
mod comparing;
mod comparisons;
mod date;
mod engine;
mod error;
mod files;
mod json;
mod markers;
mod methods;
mod output;
mod source;
mod special;
mod tags;
mod template;
mod text;
mod training;

pub use error::{RenderError, TemplateError};
pub use files::{AddedToken, TemplateFiles};
pub use template::{ChatTemplate, Message};
