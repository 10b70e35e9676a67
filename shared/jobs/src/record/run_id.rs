//! The names of jobs.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A job's name: a UUID of version 7, so that names order by time, or for an object that was put
/// without a call, of version 5.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(Uuid);

impl RunId {
    /// A new name that no other job has.
    pub fn generate(now: Timestamp) -> Self {
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
        let time = uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos);
        Self(Uuid::new_v7(time))
    }

    /// The name of the job that an object starts: the same for the same version of it.
    pub fn of_object(bucket: &str, key: &str, version: &str) -> Self {
        let name = serde_json::json!([bucket, key, version]).to_string();
        Self(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()))
    }
}

/// Text that names no run.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("a run_id is a UUID in its hyphenated form")]
pub struct RunIdError;

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RunId {
    type Err = RunIdError;

    /// Reads the hyphenated form alone, so that one job has one name.
    fn from_str(text: &str) -> Result<Self, RunIdError> {
        let id = Uuid::try_parse(text).map_err(|_| RunIdError)?;
        if id.to_string() == text {
            Ok(Self(id))
        } else {
            Err(RunIdError)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_job_has_one_name() {
        let id = RunId::generate(Timestamp::now());
        assert_eq!(id.to_string().parse::<RunId>().unwrap(), id);
        for other in [
            id.0.simple().to_string(),
            id.to_string().to_uppercase(),
            format!("{{{id}}}"),
            "x".to_owned(),
            "../x".to_owned(),
        ] {
            assert!(other.parse::<RunId>().is_err(), "{other}");
        }
    }

    #[test]
    fn a_name_reads_the_same_in_a_log_and_in_an_address() {
        let id = RunId::generate(Timestamp::now());
        assert_eq!(format!("{id:?}"), id.to_string());
    }

    #[test]
    fn names_order_by_time() {
        let at = |second| RunId::generate(Timestamp::from_second(second).unwrap());
        assert!(at(1_000_000) < at(1_000_001));
    }

    #[test]
    fn an_object_names_the_same_job_again_and_its_next_version_another() {
        assert_eq!(
            RunId::of_object("b", "k", "1"),
            RunId::of_object("b", "k", "1")
        );
        assert_ne!(
            RunId::of_object("b", "k", "1"),
            RunId::of_object("b", "k", "2")
        );
        assert_ne!(
            RunId::of_object("b", "k1", ""),
            RunId::of_object("b", "k", "1")
        );
    }
}
