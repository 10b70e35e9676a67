//! URLs of objects.

use std::fmt;

/// Where an object is: `s3://bucket/key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectAddress {
    /// The bucket.
    pub bucket: String,
    /// The key in it.
    pub key: String,
}

/// A URL of S3 that does not name an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} does not name an object; expected s3://bucket/key")]
pub struct UnknownAddress(pub String);

impl ObjectAddress {
    /// The object that a text names; `None` if it is not a URL of S3.
    ///
    /// # Errors
    /// If it is one, and names no bucket, or no object in it.
    pub fn parse(text: &str) -> Result<Option<Self>, UnknownAddress> {
        let Some(rest) = text.strip_prefix("s3://") else {
            return Ok(None);
        };
        match rest.split_once('/') {
            Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() && !key.ends_with('/') => {
                Ok(Some(Self {
                    bucket: bucket.to_owned(),
                    key: key.to_owned(),
                }))
            }
            _ => Err(UnknownAddress(text.to_owned())),
        }
    }
}

impl fmt::Display for ObjectAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_bucket_and_an_object() {
        let address = ObjectAddress::parse("s3://b/c/d.json").unwrap().unwrap();
        assert_eq!((&*address.bucket, &*address.key), ("b", "c/d.json"));
        assert_eq!(address.to_string(), "s3://b/c/d.json");
        assert_eq!(ObjectAddress::parse("result.json").unwrap(), None);
        for wrong in ["s3://", "s3://b", "s3://b/", "s3:///k", "s3://b/folder/"] {
            assert!(ObjectAddress::parse(wrong).is_err(), "{wrong}");
        }
    }
}
