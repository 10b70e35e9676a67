//! What the files beside a tokenizer say about chats.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::TemplateError;

/// The files of a model that a chat template is made from; each may be missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct TemplateFiles<'a> {
    /// `chat_template.jinja`, which counts before a template in the configuration.
    pub chat_template: Option<&'a str>,
    /// `tokenizer_config.json`: a template, and the special tokens that it may name.
    pub tokenizer_config: Option<&'a str>,
    /// `special_tokens_map.json`, where older models keep their special tokens.
    pub special_tokens_map: Option<&'a str>,
    /// `tokenizer.json`, for the special tokens that it lists.
    pub tokenizer: Option<&'a [u8]>,
}

/// What was found in the files.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) template: Option<String>,
    pub(crate) named_tokens: Vec<NamedToken>,
    /// Each text once.
    pub(crate) added_tokens: Vec<AddedToken>,
}

/// A special token that a template may ask for by name, such as `bos_token`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NamedToken {
    pub(crate) name: String,
    pub(crate) added: AddedToken,
}

/// Tokens by their texts.
#[derive(Default)]
struct AddedTokens {
    tokens: Vec<AddedToken>,
    places: HashMap<String, usize>,
}

impl AddedTokens {
    /// Adds tokens, in the places of earlier ones with the same texts.
    fn extend(&mut self, tokens: impl IntoIterator<Item = AddedToken>) {
        for token in tokens {
            match self.places.get(&token.text) {
                Some(&place) => self.tokens[place] = token,
                None => self.add_if_new(token),
            }
        }
    }

    fn add_if_new(&mut self, token: AddedToken) {
        if !token.text.is_empty() && !self.places.contains_key(&token.text) {
            self.places.insert(token.text.clone(), self.tokens.len());
            self.tokens.push(token);
        }
    }
}

/// A token that a tokenizer recognizes before it splits text.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are the switches of the published files"
)]
pub struct AddedToken {
    /// What it reads.
    #[serde(rename = "content")]
    pub text: String,
    /// Whether it is left alone within a word.
    #[serde(default)]
    pub single_word: bool,
    /// Whether white space before it belongs to it.
    #[serde(default)]
    pub lstrip: bool,
    /// Whether white space after it belongs to it.
    #[serde(default)]
    pub rstrip: bool,
    /// Whether it is looked for after the text is normalized.
    #[serde(default)]
    pub normalized: bool,
    /// Whether it is no ordinary text.
    #[serde(default)]
    pub special: bool,
}

impl AddedToken {
    /// A special token, as `transformers` adds one that it knows by its text alone.
    fn special(text: String) -> Self {
        Self {
            text,
            special: true,
            ..Self::default()
        }
    }
}

#[derive(Default, Deserialize)]
struct Tokenizer {
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
}

impl TemplateFiles<'_> {
    pub(crate) fn read(&self) -> Result<Findings, TemplateError> {
        let configuration = parse("tokenizer_config.json", self.tokenizer_config)?;
        let older = parse("special_tokens_map.json", self.special_tokens_map)?;
        let tokenizer = match self.tokenizer {
            Some(bytes) => serde_json::from_slice(bytes)
                .map_err(|source| configuration_error("tokenizer.json", source))?,
            None => Tokenizer::default(),
        };

        let mut named_tokens = named_tokens(&configuration);
        let mut added_tokens = AddedTokens::default();
        added_tokens.extend(tokenizer.added_tokens);
        match configuration.get("added_tokens_decoder") {
            Some(decoder) => added_tokens.extend(decoder_tokens(decoder)),
            // As `transformers`: only a configuration without such a list is an older one.
            None => {
                for token in self::named_tokens(&older) {
                    named_tokens.retain(|known| known.name != token.name);
                    named_tokens.push(token);
                }
            }
        }
        let named = named_tokens.iter().map(|token| token.added.clone());
        for token in named.chain(listed_tokens(&configuration)) {
            added_tokens.add_if_new(token);
        }
        Ok(Findings {
            template: match self.chat_template {
                Some(template) => Some(template.to_owned()),
                None => configured_template(&configuration),
            },
            named_tokens,
            added_tokens: added_tokens.tokens,
        })
    }
}

fn parse(file: &'static str, text: Option<&str>) -> Result<Map<String, Value>, TemplateError> {
    match text {
        Some(text) => {
            serde_json::from_str(text).map_err(|source| configuration_error(file, source))
        }
        None => Ok(Map::new()),
    }
}

fn configuration_error(file: &'static str, source: serde_json::Error) -> TemplateError {
    TemplateError::Configuration { file, source }
}

/// A template alone, or the one named `default` of several.
fn configured_template(configuration: &Map<String, Value>) -> Option<String> {
    let template = match configuration.get("chat_template")? {
        Value::Array(named) => named
            .iter()
            .find(|entry| entry["name"] == "default")?
            .get("template")?,
        Value::Object(named) => named.get("default")?,
        template => template,
    };
    template.as_str().map(str::to_owned)
}

/// Every `…_token`, and those that a model adds under `extra_special_tokens`.
fn named_tokens(configuration: &Map<String, Value>) -> Vec<NamedToken> {
    let of_the_model = ["extra_special_tokens", "model_specific_special_tokens"]
        .into_iter()
        .filter_map(|key| configuration.get(key)?.as_object())
        .flatten();
    configuration
        .iter()
        .filter(|(name, _)| name.ends_with("_token"))
        .chain(of_the_model)
        .filter_map(|(name, value)| {
            Some(NamedToken {
                name: name.clone(),
                added: special_token(value)?,
            })
        })
        .collect()
}

/// Special tokens that have no names.
fn listed_tokens(configuration: &Map<String, Value>) -> impl Iterator<Item = AddedToken> {
    let lists = ["additional_special_tokens", "extra_special_tokens"];
    let lists = lists
        .into_iter()
        .filter_map(|key| configuration.get(key)?.as_array());
    lists.flatten().filter_map(special_token)
}

/// A token is written as its text, or as an object with the text and the switches in it.
fn special_token(value: &Value) -> Option<AddedToken> {
    match value {
        Value::String(text) => Some(AddedToken::special(text.clone())),
        object => {
            let token = AddedToken::deserialize(object).ok()?;
            Some(AddedToken {
                special: true,
                ..token
            })
        }
    }
}

fn decoder_tokens(decoder: &Value) -> impl Iterator<Item = AddedToken> {
    let tokens = decoder.as_object().into_iter().flat_map(Map::values);
    tokens.filter_map(|token| AddedToken::deserialize(token).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(configuration: &str) -> Findings {
        let files = TemplateFiles {
            tokenizer_config: Some(configuration),
            ..TemplateFiles::default()
        };
        files.read().unwrap()
    }

    #[test]
    fn a_file_of_its_own_counts_before_the_configuration() {
        let files = TemplateFiles {
            chat_template: Some("file"),
            tokenizer_config: Some(r#"{"chat_template": "configuration"}"#),
            ..TemplateFiles::default()
        };
        assert_eq!(files.read().unwrap().template.unwrap(), "file");
    }

    #[test]
    fn of_several_templates_the_default_is_taken() {
        let found = configured(
            r#"{"chat_template": [{"name": "tool_use", "template": "tools"}, {"name": "default", "template": "chat"}]}"#,
        );
        assert_eq!(found.template.unwrap(), "chat");
        let tools_alone = r#"{"chat_template": [{"name": "tool_use", "template": "tools"}]}"#;
        assert_eq!(configured(tools_alone).template, None);
    }

    #[test]
    fn tokens_are_read_as_text_and_as_objects() {
        let found = configured(
            r#"{"bos_token": "<s>", "eos_token": {"content": "</s>"}, "pad_token": null,
                "add_bos_token": true, "extra_special_tokens": {"image_token": "<image>"}}"#,
        );
        let tokens: Vec<_> = found
            .named_tokens
            .iter()
            .map(|token| (token.name.as_str(), token.added.text.as_str()))
            .collect();
        let expected = [
            ("bos_token", "<s>"),
            ("eos_token", "</s>"),
            ("image_token", "<image>"),
        ];
        assert_eq!(tokens, expected);
    }

    #[test]
    fn the_older_map_of_tokens_counts_where_the_configuration_lists_none() {
        let files = TemplateFiles {
            tokenizer_config: Some(r#"{"eos_token": "old"}"#),
            special_tokens_map: Some(r#"{"eos_token": "new"}"#),
            ..TemplateFiles::default()
        };
        assert_eq!(files.read().unwrap().named_tokens[0].added.text, "new");
    }

    #[test]
    fn what_a_configuration_says_of_a_token_counts() {
        let files = TemplateFiles {
            tokenizer_config: Some(
                r#"{"eos_token": "</s>", "additional_special_tokens": ["<b>", "<c>"],
                    "added_tokens_decoder": {"1": {"content": "<b>", "lstrip": true}}}"#,
            ),
            tokenizer: Some(br#"{"added_tokens": [{"content": "<b>", "special": true}]}"#),
            ..TemplateFiles::default()
        };
        let stripping = AddedToken {
            text: "<b>".to_owned(),
            lstrip: true,
            ..AddedToken::default()
        };
        let [eos, other] = ["</s>", "<c>"].map(|text| AddedToken::special(text.to_owned()));
        assert_eq!(files.read().unwrap().added_tokens, [stripping, eos, other]);
    }

    #[test]
    fn a_broken_configuration_is_named() {
        let files = TemplateFiles {
            tokenizer_config: Some("["),
            ..TemplateFiles::default()
        };
        let error = files.read().unwrap_err();
        assert_eq!(error.to_string(), "failed to read `tokenizer_config.json`");
    }
}
