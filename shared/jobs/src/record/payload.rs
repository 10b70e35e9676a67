//! What a job works on.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An upload that does not pass through the API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectUpload {
    /// The store's name for it, where it has several parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// How the bytes are encoded, as its sender announced it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
}

/// What was uploaded, or is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// The object's key.
    pub key: String,
    /// The version that is meant, where the store has versions.
    pub version: Option<String>,
    /// Its size as stored.
    pub size_bytes: u64,
    /// When it was stored, where it is an object that somebody put and the store says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<Timestamp>,
    /// How it is uploaded, where that does not pass through the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<DirectUpload>,
}

impl Payload {
    /// How its bytes are encoded, as the sender of a direct upload announced it.
    pub fn content_encoding(&self) -> Option<&str> {
        self.upload.as_ref()?.content_encoding.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_announced_upload_has_an_encoding() {
        let upload = DirectUpload {
            content_encoding: Some("gzip".to_owned()),
            ..DirectUpload::default()
        };
        let announced = Payload {
            key: "uploads/a".to_owned(),
            version: None,
            size_bytes: 5,
            last_modified: None,
            upload: Some(upload),
        };
        assert_eq!(announced.content_encoding(), Some("gzip"));
        let plain = Payload {
            upload: Some(DirectUpload::default()),
            ..announced.clone()
        };
        assert_eq!(plain.content_encoding(), None);
        let by_body = Payload {
            upload: None,
            ..announced
        };
        assert_eq!(by_body.content_encoding(), None);
    }
}
