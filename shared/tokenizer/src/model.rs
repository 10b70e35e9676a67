//! All kinds of tokenizers as one type, which the pipeline counts with.

use std::borrow::Cow;
use std::sync::Arc;

use resonare_chat_template::AddedToken;
use resonare_pipeline::{TextTokens, TokenCounter, Tokenizer};
use serde::Deserialize;

use crate::compiled::tokenizer::{CompiledCounter, CompiledTokenizer};
use crate::files::sha256;
use crate::huggingface::HuggingFace;
use crate::openai::counter::{CompiledEncoding, EncodingCounter};
use crate::openai::encoding::OpenAiEncoding;
use crate::recognizing::RecognizingCounter;

/// A `tokenizer.json` that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("not a tokenizer.json that can be read")]
pub struct ParseError(#[source] tokenizers::Error);

enum Engine {
    /// An OpenAI encoding, from tables.
    CompiledEncoding(CompiledEncoding),
    /// A `tokenizer.json`, from tables.
    CompiledTokenizer(Arc<CompiledTokenizer>),
    /// A `tokenizer.json`, by its reference implementation.
    HuggingFace(Arc<HuggingFace>),
}

/// A model's tokenizer. It is shared between threads, each of which counts with a [`ModelCounter`].
pub struct ModelTokenizer {
    engine: Engine,
}

impl std::fmt::Debug for ModelTokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModelTokenizer")
            .field("engine", &self.engine())
            .finish_non_exhaustive()
    }
}

impl ModelTokenizer {
    /// The tokenizer of an OpenAI encoding.
    pub fn open_ai(encoding: OpenAiEncoding) -> Self {
        Self {
            engine: Engine::CompiledEncoding(CompiledEncoding::new(encoding)),
        }
    }

    /// The tokenizer that a Hugging Face `tokenizer.json` describes: compiled if it is of a family that is
    /// covered, else the reference implementation.
    ///
    /// # Errors
    /// If the bytes are not such a file, or of a kind that the reference implementation refuses.
    pub fn hugging_face(json: &[u8]) -> Result<Self, ParseError> {
        match CompiledTokenizer::compile(json, &sha256(json)) {
            Some(tokenizer) => Ok(Self::compiled(tokenizer)),
            None => Self::reference(json),
        }
    }

    /// The same, counted by the reference implementation.
    ///
    /// # Errors
    /// If the bytes are not such a file, or of a kind that it refuses.
    pub fn reference(json: &[u8]) -> Result<Self, ParseError> {
        let tokenizer = HuggingFace::parse(json).map_err(ParseError)?;
        Ok(Self {
            engine: Engine::HuggingFace(Arc::new(tokenizer)),
        })
    }

    pub(crate) fn compiled(tokenizer: CompiledTokenizer) -> Self {
        Self {
            engine: Engine::CompiledTokenizer(Arc::new(tokenizer)),
        }
    }

    /// A counter of texts in which tokens are recognized: all that the tokenizer adds, which are to be among
    /// `tokens`, and others of these; `None` for an OpenAI encoding.
    pub(crate) fn recognizing(
        &self,
        tokens: &[AddedToken],
    ) -> Result<Option<RecognizingCounter>, tokenizers::Error> {
        match &self.engine {
            Engine::CompiledEncoding(_) => Ok(None),
            Engine::CompiledTokenizer(tokenizer) => {
                Ok(Some(RecognizingCounter::compiled(tokenizer, tokens)))
            }
            Engine::HuggingFace(tokenizer) => {
                RecognizingCounter::reference(tokenizer, tokens).map(Some)
            }
        }
    }

    /// A `tokenizer.json` with the tokens that this one adds, if with nothing else; `None` for an OpenAI encoding.
    pub(crate) fn json_with_added_tokens(&self) -> Option<Cow<'_, [u8]>> {
        match &self.engine {
            Engine::CompiledEncoding(_) => None,
            Engine::CompiledTokenizer(tokenizer) => {
                Some(Cow::Borrowed(tokenizer.json_with_added_tokens()))
            }
            Engine::HuggingFace(tokenizer) => Some(Cow::Owned(tokenizer.json_with_added_tokens())),
        }
    }

    /// The texts that the tokenizer itself calls special.
    pub fn special_tokens(&self) -> Vec<String> {
        #[derive(Deserialize)]
        struct Outline {
            #[serde(default)]
            added_tokens: Vec<Added>,
        }
        #[derive(Deserialize)]
        struct Added {
            content: String,
            #[serde(default)]
            special: bool,
        }
        let Some(json) = self.json_with_added_tokens() else {
            return OpenAiEncoding::SPECIAL_TOKENS.map(str::to_owned).to_vec();
        };
        let outline = serde_json::from_slice::<Outline>(&json).ok();
        let added = outline.into_iter().flat_map(|outline| outline.added_tokens);
        added
            .filter(|token| token.special)
            .map(|token| token.content)
            .collect()
    }

    /// What counts: tables that were compiled (`compiled`), or the reference implementation
    /// (`reference`).
    pub fn engine(&self) -> &'static str {
        match &self.engine {
            Engine::CompiledEncoding(_) | Engine::CompiledTokenizer(_) => "compiled",
            Engine::HuggingFace(_) => "reference",
        }
    }
}

impl Tokenizer for ModelTokenizer {
    type Counter<'t> = ModelCounter<'t>;

    fn counter(&self) -> ModelCounter<'_> {
        ModelCounter(match &self.engine {
            Engine::CompiledEncoding(encoding) => {
                EngineCounter::CompiledEncoding(Box::new(EncodingCounter::new(*encoding)))
            }
            Engine::CompiledTokenizer(tokenizer) => {
                EngineCounter::CompiledTokenizer(Box::new(CompiledCounter::new(tokenizer)))
            }
            Engine::HuggingFace(tokenizer) => EngineCounter::HuggingFace(tokenizer),
        })
    }

    fn failure(&self) -> Option<String> {
        match &self.engine {
            Engine::CompiledEncoding(_) | Engine::CompiledTokenizer(_) => None,
            Engine::HuggingFace(tokenizer) => tokenizer.failure(),
        }
    }
}

enum EngineCounter<'t> {
    CompiledEncoding(Box<EncodingCounter>),
    CompiledTokenizer(Box<CompiledCounter<'t>>),
    HuggingFace(&'t HuggingFace),
}

/// Counts with a [`ModelTokenizer`] on one thread.
pub struct ModelCounter<'t>(EngineCounter<'t>);

impl TokenCounter for ModelCounter<'_> {
    #[inline]
    fn count(&mut self, text: &str) -> u32 {
        match &mut self.0 {
            EngineCounter::CompiledEncoding(counter) => counter.count(text),
            EngineCounter::CompiledTokenizer(counter) => counter.count(text),
            EngineCounter::HuggingFace(tokenizer) => tokenizer.count(text),
        }
    }

    #[inline]
    fn count_line(&mut self, text: &str, delimiter: &str) -> TextTokens {
        match &mut self.0 {
            EngineCounter::CompiledEncoding(counter) => counter.count_line(text, delimiter),
            EngineCounter::CompiledTokenizer(counter) => counter.count_line(text, delimiter),
            EngineCounter::HuggingFace(tokenizer) => TextTokens::alone(tokenizer.count(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::differential::texts;
    use crate::published::{families, sentence_pieces};

    fn count(encoding: OpenAiEncoding, text: &str) -> u32 {
        ModelTokenizer::open_ai(encoding).counter().count(text)
    }

    #[test]
    fn special_token_texts_are_ordinary_text() {
        for encoding in OpenAiEncoding::ALL {
            assert!(count(encoding, "<|endoftext|>") > 1, "{encoding:?}");
        }
    }

    /// Counts texts as lines of messages with that delimiter, and all as they are; how many lines had their own tokens.
    fn lines_add_up(counter: &mut ModelCounter<'_>, texts: &[String], delimiter: &str) -> usize {
        let (mut message, mut tokens, mut known) = (String::new(), 0, 0);
        for text in texts {
            let counted = counter.count_line(text, delimiter);
            assert_eq!(counted.text, counter.count(text), "{text:?}");
            let Some(line) = counted.line else {
                (message, tokens) = (String::new(), 0);
                continue;
            };
            known += 1;
            message.extend([delimiter, " ", text]);
            let expected = counter.count(&message);
            assert_eq!(tokens + line.last, expected, "{message:?}");
            message.push('\n');
            tokens += line.followed;
            if message.len() > 200 {
                (message, tokens) = (String::new(), 0);
            }
        }
        known
    }

    #[test]
    fn the_tokens_of_lines_add_up_to_those_of_their_message() {
        let encodings = OpenAiEncoding::ALL
            .map(|encoding| (format!("{encoding:?}"), ModelTokenizer::open_ai(encoding)));
        let of_bytes = families().into_iter();
        let of_bytes = of_bytes.map(|(name, json)| (name.to_owned(), json));
        let of_files = of_bytes.chain(sentence_pieces());
        let of_files = of_files.map(|(name, json)| (name, ModelTokenizer::hugging_face(&json)));
        let of_files = of_files.map(|(name, tokenizer)| (name, tokenizer.unwrap()));
        let delimiters = [
            ">>>",
            ">>>",
            "-",
            "a",
            "/",
            "\u{301}",
            "1",
            "'s",
            "字",
            "\u{200d}!",
            "a\nb",
        ];
        for (name, tokenizer) in encodings.into_iter().chain(of_files) {
            let mut counter = tokenizer.counter();
            for (first, delimiter) in delimiters.into_iter().enumerate() {
                let texts: Vec<_> = texts().skip(first).step_by(17).collect();
                lines_add_up(&mut counter, &texts, delimiter);
            }
            let spoken =
                ["so", "Where are you?", "it's 12:30 :)", "да, 好的 😂"].map(str::to_owned);
            let known = lines_add_up(&mut counter, &spoken, ">>>");
            // With these, a text begins with a mark that the later lines of a message don't have.
            let is_unknown = ["llama 2", "first", "always"]
                .iter()
                .any(|begins| name.starts_with(begins));
            assert_eq!(known, if is_unknown { 0 } else { spoken.len() }, "{name}");
        }
    }

    #[test]
    fn it_says_what_counts_and_nothing_of_its_tables() {
        let (_, json) = families().swap_remove(0);
        let compiled = ModelTokenizer::open_ai(OpenAiEncoding::O200kBase);
        let reference = ModelTokenizer::reference(&json).unwrap();
        assert_eq!(
            [compiled.engine(), reference.engine()],
            ["compiled", "reference"]
        );
        let debugged = format!("{compiled:?}");
        assert_eq!(debugged, "ModelTokenizer { engine: \"compiled\", .. }");
        assert_eq!((compiled.failure(), reference.failure()), (None, None));
    }

    #[test]
    fn bytes_that_are_not_a_tokenizer_are_refused() {
        for bytes in [&b""[..], b"{}", b"<html>", b"{\"model\": 1}"] {
            assert!(ModelTokenizer::hugging_face(bytes).is_err());
        }
    }
}
