//! How much was found.

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::kind::PersonalData;

/// How often each kind was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; PersonalData::ALL.len()]);

impl Counts {
    /// Counts one finding.
    pub fn add(&mut self, kind: PersonalData) {
        self.0[kind as usize] += 1;
    }

    /// How often this kind was found.
    pub fn get(&self, kind: PersonalData) -> u64 {
        self.0[kind as usize]
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|&count| count == 0)
    }
}

/// As a map of what occurred, by name.
impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for kind in PersonalData::ALL {
            if self.get(kind) > 0 {
                map.serialize_entry(kind.name(), &self.get(kind))?;
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_and_show_what_occurred() {
        let mut counts = Counts::default();
        assert!(counts.is_empty());
        counts.add(PersonalData::Name);
        let mut more = counts;
        more.add(PersonalData::Email);
        counts.merge(&more);
        assert_eq!(counts.get(PersonalData::Name), 2);
        let json = serde_json::to_string(&counts).unwrap();
        assert_eq!(json, r#"{"email":1,"name":2}"#);
    }
}
