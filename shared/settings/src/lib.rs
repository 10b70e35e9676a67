//! The configuration of Resonare Data Prep.
//!
//! Layers, of which the later wins: built-in defaults, a YAML file, environment variables, then the
//! command line or a request. [`Configuration::load`] merges and checks them; every error names the
//! key, the value, where it comes from and what is allowed.

mod configuration;
mod layers;
mod value;

pub use configuration::{Configuration, InputMode, OutputMode, RawOutput};
pub use layers::{DEFAULT_FILE, KEYS, Layers, REQUEST_KEYS};
pub use value::SettingsError;
