//! Whether what is to be replaced can be.

use resonare_pipeline::PersonalData;

use crate::error::SettingsError;
use crate::keys::Key;
use crate::refused::refused;
use crate::values::Values;

/// Whether words that are to be replaced are.
pub(crate) fn check(values: &Values) -> Result<(), SettingsError> {
    let kinds = values.names(Key::Redact);
    let name = PersonalData::Name.name();
    if values.names(Key::RedactWords).is_empty() || kinds.iter().any(|kind| kind == name) {
        return Ok(());
    }
    let why = format!(
        "they are replaced as names are: add {name} to {}",
        Key::Redact.name()
    );
    Err(refused(values, Key::RedactWords, why))
}
