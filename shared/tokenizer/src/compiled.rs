//! Byte-pair tokenizers of a Hugging Face `tokenizer.json`, from tables that are compiled once.
//!
//! Two kinds are covered, whose steps and options are those of many models: those that read text as bytes and
//! split it by a pattern that is known here (Llama 3, Qwen, `DeepSeek`, gpt-oss, Mistral's Tekken, GPT-2), and those
//! that read it as characters, with marks for spaces and bytes for unknown characters, and split it hardly or not
//! at all (Gemma, Llama 2, Mistral 7B). Everything else is left to the reference implementation.
//!
//! [`description`] is a file as it is read, and [`recognition`] tells its [`steps`]: how each of the [`families`]
//! splits text, and what becomes of its [`spaces`]. [`compile`] turns a file into tables with the help of a
//! [`token_index`], and [`tables`] lays them out. [`tokenizer`] counts, between the added tokens that
//! [`split_tokens`] finds.
//!
//! # Adding a family
//!
//! A model is of a new family if `ModelTokenizer::hugging_face` makes a `reference` of its file. Look at what
//! [`compile::compile`] refuses about it:
//!
//! * Its patterns are not known: add a variant to [`families::Family`] with the patterns as the file has them,
//!   a number that no other has, and an arm in `splitting`. If no [`Pattern`] splits as they do, add one,
//!   beside those that it resembles; `Cl100kRules` and `O200kRules` have what most of them differ in.
//! * Its normalizer does something else: that is a flag in [`steps::Steps`] and a step of its `normalized`, and the
//!   layout gets a new name.
//! * Its model has other options set (a prefix of words): leave it to the reference implementation, unless many
//!   models have them.
//!
//! Then add it to `families` of the tests' module `published`, with which tests compare 20,000 texts and a hundred
//! thousand characters with the reference. Run the example `compare` with the file, which compares more of both,
//! and the fuzz target `tokens` (`TOKENIZER_JSON`).
//!
//! [`Pattern`]: crate::bytepair::splitting::Pattern

pub(crate) mod compile;
mod description;
pub(crate) mod families;
mod recognition;
mod spaces;
pub(crate) mod split_tokens;
mod steps;
mod tables;
mod token_index;
pub(crate) mod tokenizer;
