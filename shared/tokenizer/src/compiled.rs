//! Byte-level byte-pair tokenizers of a Hugging Face `tokenizer.json`, from tables that are compiled once.
//!
//! What is covered is what the models of the families Llama 3, Qwen and `DeepSeek` use: no or NFC
//! normalization, patterns that are known here, bytes as the smallest tokens. Everything else is left
//! to the reference implementation, and so is any single text with an added token in it.
//!
//! [`compile`] turns a file into tables, [`tables`] lays them out, [`families`] knows how each family splits
//! text, and [`tokenizer`] counts.
//!
//! # Adding a family
//!
//! A model is of a new family if `ModelTokenizer::hugging_face` makes a `reference` of its file. Look at what
//! [`compile::compile`] refuses about it:
//!
//! * Its patterns are not known: add a variant to [`families::Family`] with the patterns as the file has them,
//!   a number that no other has, and an arm in `count_pieces`. If no [`Pattern`] splits as they do, add one,
//!   beside those that it resembles; `Cl100kRules` has what most of them differ in.
//! * Its normalizer does something else: that is a flag in [`tables::Parts`] and a step of
//!   [`tokenizer::CompiledCounter::count`], and the layout gets a new name.
//! * Its model has other options set (a prefix of words, byte fallback): leave it to the reference implementation,
//!   unless many models have them.
//!
//! Then add it to `families` in the tests of [`tokenizer`], which compare 65,000 texts and every character of
//! Unicode with the reference, and run the fuzz target `tokens` with the file (`TOKENIZER_JSON`).
//!
//! [`Pattern`]: crate::bytepair::splitting::Pattern

pub(crate) mod compile;
pub(crate) mod families;
pub(crate) mod tables;
pub(crate) mod tokenizer;
