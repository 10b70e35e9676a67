//! Finds personal data in the text of chat messages, and puts placeholders in its place.
//!
//! A [`Detector`] knows the shapes of phone numbers, addresses, keys and the like; a [`NameFinder`] knows names.
//! Both add to the findings that the caller has already (what Telegram itself marked), and [`replace`] rewrites the
//! text. Names come first: the detector looks at the text once more as it will read without what was found.
//!
//! ```
//! use resonare_redaction::{Detector, Names, PersonalData, replace};
//!
//! let detector = Detector::new(PersonalData::ALL);
//! let mut names = Names::default();
//! names.person("Mira Solano");
//! let finder = names.finder();
//!
//! let text = "ask mira: mira.solano@example.com or +49 170 1234567";
//! let mut findings = Vec::new();
//! finder.find(text, &mut findings);
//! detector.find(text, None, &mut findings);
//! let mut redacted = String::new();
//! replace(text, &findings, &mut redacted);
//! assert_eq!(redacted, "ask [NAME]: [EMAIL] or [PHONE]");
//! ```
//!
//! It is help, not proof of anonymity: `docs/privacy.md` says what is found, how much of it, and what is not.
//!
//! Pure: no files, no network, no clock, nothing that is set up at run time. Which kinds are wanted, and where names
//! come from, are the caller's to say.
#![forbid(unsafe_code)]

mod characters;
mod counts;
mod detector;
mod finding;
mod kind;
mod names;
mod placeholders;
mod region;
mod shapes;
mod triggers;
mod view;

pub use counts::Counts;
pub use detector::Detector;
pub use finding::{Finding, replace};
pub use kind::PersonalData;
pub use names::{NameFinder, Names};
pub use placeholders::MEDIA_WORDS;
pub use region::Region;
