//! The configuration of Resonare Data Prep.
//!
//! [`Key`] is the table of keys: what each is called, who may set it, what it takes, its default and
//! its line of help. Values come in layers, of which the later wins: built-in defaults, a YAML file,
//! environment variables, then the command line or a request. [`Configuration::load`] merges and
//! checks them; every error names the key, the value, where it comes from and what is allowed.

mod configuration;
mod consumer_rules;
mod entry;
mod error;
mod file;
mod keys;
mod kind;
mod layered;
mod layers;
mod misspelling;
mod modes;
mod preset;
mod redaction;
mod redaction_rules;
mod refused;
mod values;

pub use configuration::Configuration;
pub use entry::{CommandLineOption, Entry, Scope};
pub use error::SettingsError;
pub use keys::Key;
pub use kind::Kind;
pub use layers::Layers;
pub use misspelling::{closest, hint};
pub use modes::{InputMode, OutputMode, RawOutput};
pub use redaction::public;
