//! How the report looks, and what it may do.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};

/// The one style sheet.
pub(crate) const STYLE: &str = include_str!("style.css");

/// The policy that the file itself brings, wherever it is opened: its own style, and nothing else.
pub(crate) fn policy() -> String {
    let digest = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'")
}
