//! A `tokenizer.json` as far as compiling looks at it, with its texts left where they are.

use std::borrow::Cow;
use std::fmt;

use resonare_chat_template::AddedToken;
use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

#[derive(Deserialize)]
pub(crate) struct Description<'f> {
    #[serde(default)]
    pub(crate) added_tokens: Vec<AddedToken>,
    pub(crate) normalizer: Value,
    pub(crate) pre_tokenizer: Value,
    #[serde(borrow)]
    pub(crate) model: Model<'f>,
}

#[derive(Deserialize)]
pub(crate) struct Model<'f> {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) dropout: Option<f32>,
    #[serde(default)]
    pub(crate) continuing_subword_prefix: Option<String>,
    #[serde(default)]
    pub(crate) end_of_word_suffix: Option<String>,
    #[serde(default)]
    pub(crate) byte_fallback: bool,
    #[serde(default)]
    pub(crate) ignore_merges: bool,
    #[serde(borrow)]
    pub(crate) vocab: Vocab<'f>,
    #[serde(borrow, default)]
    pub(crate) merges: Vec<Pair<'f>>,
}

/// A text; a `Cow` alone would be copied.
#[derive(Deserialize)]
struct Text<'f>(#[serde(borrow)] Cow<'f, str>);

/// The tokens with their numbers; of models that have no map of them, none.
#[derive(Default)]
pub(crate) struct Vocab<'f>(pub(crate) Vec<(Cow<'f, str>, u32)>);

impl<'de: 'f, 'f> Deserialize<'de> for Vocab<'f> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Vocab<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a vocabulary")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vocab<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some((Text(token), id)) = map.next_entry()? {
                    entries.push((token, id));
                }
                Ok(Vocab(entries))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vocab<'de>, A::Error> {
                while let Some(IgnoredAny) = list.next_element()? {}
                Ok(Vocab::default())
            }
        }

        deserializer.deserialize_any(Entries)
    }
}

/// Two tokens that are joined, as files of different ages write them.
pub(crate) struct Pair<'f> {
    pub(crate) left: Cow<'f, str>,
    pub(crate) right: Cow<'f, str>,
}

impl<'de: 'f, 'f> Deserialize<'de> for Pair<'f> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts;

        fn cut<E: serde::de::Error>(both: &str) -> Result<(&str, &str), E> {
            let parts = both.split_once(' ');
            parts.ok_or_else(|| E::custom("a pair of tokens without a space in between"))
        }

        impl<'de> Visitor<'de> for Parts {
            type Value = Pair<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a pair of tokens")
            }

            fn visit_borrowed_str<E: serde::de::Error>(
                self,
                both: &'de str,
            ) -> Result<Pair<'de>, E> {
                let (left, right) = cut(both)?;
                Ok(Pair {
                    left: left.into(),
                    right: right.into(),
                })
            }

            fn visit_str<E: serde::de::Error>(self, both: &str) -> Result<Pair<'de>, E> {
                let (left, right) = cut(both)?;
                Ok(Pair {
                    left: left.to_owned().into(),
                    right: right.to_owned().into(),
                })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Pair<'de>, A::Error> {
                let mut part = || {
                    let part = parts.next_element()?;
                    part.map(|Text(part)| part)
                        .ok_or_else(|| A::Error::custom("half a pair of tokens"))
                };
                let (left, right) = (part()?, part()?);
                match parts.next_element()? {
                    Some(IgnoredAny) => Err(A::Error::custom("more than a pair of tokens")),
                    None => Ok(Pair { left, right }),
                }
            }
        }

        deserializer.deserialize_any(Parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(json: &str) -> Option<Vec<(String, String)>> {
        let pairs: Vec<Pair<'_>> = serde_json::from_str(json).ok()?;
        let pairs = pairs.into_iter();
        Some(
            pairs
                .map(|pair| (pair.left.into_owned(), pair.right.into_owned()))
                .collect(),
        )
    }

    #[test]
    fn pairs_are_read_as_files_of_either_age_write_them() {
        let expected = vec![
            ("a".to_owned(), "b\"".to_owned()),
            ("é".to_owned(), "c d".to_owned()),
        ];
        assert_eq!(pairs(r#"["a b\"", "é c d"]"#).unwrap(), expected);
        assert_eq!(pairs(r#"[["a", "b\""], ["é", "c d"]]"#).unwrap(), expected);
        for broken in [r#"["ab"]"#, r#"[["a"]]"#, r#"[["a", "b", "c"]]"#, "[1]"] {
            assert_eq!(pairs(broken), None, "{broken}");
        }
    }

    #[test]
    fn texts_are_left_where_they_are_and_a_list_is_no_vocabulary() {
        let Vocab(entries) = serde_json::from_str(r#"{"a": 1, "\n": 2}"#).unwrap();
        assert!(matches!(entries[0].0, Cow::Borrowed("a")));
        assert!(matches!(&entries[1].0, Cow::Owned(text) if text == "\n"));
        let Vocab(entries) = serde_json::from_str(r#"[["a", -1.5]]"#).unwrap();
        assert!(entries.is_empty());
    }
}
