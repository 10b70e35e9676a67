//! What stands in the place of what is not text.

use std::fmt::Write as _;

use super::fields::OtherFields;
use crate::json::scalar::Scalar;

/// Appends the words for a message's photo, recording, poll or the like and a space, where it has one. A
/// sticker with an emoji has that as its text.
pub(super) fn push_placeholder(others: &OtherFields<'_>, has_emoji: bool, out: &mut String) {
    let Some(words) = words(others, has_emoji) else {
        return;
    };
    out.push('[');
    out.push_str(words);
    if let Scalar::Number(seconds) = Scalar::of(others.duration_seconds)
        && let Ok(seconds) = seconds.parse::<u32>()
    {
        write!(out, ", {seconds} s").expect("text can be appended to a string");
    }
    out.push_str("] ");
}

fn words(others: &OtherFields<'_>, has_emoji: bool) -> Option<&'static str> {
    let is_there = |field: Option<&[u8]>| !matches!(Scalar::of(field), Scalar::Null);
    if let Scalar::String(media_type) = Scalar::of(others.media_type) {
        return match &*media_type.decoded() {
            "sticker" => (!has_emoji).then_some("sticker"),
            "video_message" => Some("video message"),
            "voice_message" => Some("voice message"),
            "animation" => Some("GIF"),
            "video_file" => Some("video"),
            "audio_file" => Some("audio"),
            _ => Some("file"),
        };
    }
    [
        (others.photo, "photo"),
        (others.poll, "poll"),
        (others.todo_list, "to-do list"),
        (others.contact_information, "contact"),
        (others.live_location_period_seconds, "live location"),
        (others.location_information, "location"),
        (others.place_name, "location"),
        (others.game_title, "game"),
        (others.invoice_information, "invoice"),
        (others.giveaway_information, "giveaway"),
        (others.giveaway_results, "giveaway"),
        (others.file, "file"),
    ]
    .into_iter()
    .find_map(|(field, words)| is_there(field).then_some(words))
}

#[cfg(test)]
mod tests {
    use resonare_redaction::MEDIA_WORDS;

    use super::*;

    #[test]
    fn redaction_knows_every_word() {
        let field = Some(&b"1"[..]);
        let of = |others: OtherFields<'_>| words(&others, false).unwrap();
        let media = |name: &'static [u8]| OtherFields {
            media_type: Some(name),
            ..OtherFields::default()
        };
        let none = OtherFields::default;
        let all = [
            of(media(br#""sticker""#)),
            of(media(br#""video_message""#)),
            of(media(br#""voice_message""#)),
            of(media(br#""animation""#)),
            of(media(br#""video_file""#)),
            of(media(br#""audio_file""#)),
            of(media(br#""something new""#)),
            of(OtherFields {
                photo: field,
                ..none()
            }),
            of(OtherFields {
                poll: field,
                ..none()
            }),
            of(OtherFields {
                todo_list: field,
                ..none()
            }),
            of(OtherFields {
                contact_information: field,
                ..none()
            }),
            of(OtherFields {
                live_location_period_seconds: field,
                ..none()
            }),
            of(OtherFields {
                location_information: field,
                ..none()
            }),
            of(OtherFields {
                game_title: field,
                ..none()
            }),
            of(OtherFields {
                invoice_information: field,
                ..none()
            }),
            of(OtherFields {
                giveaway_information: field,
                ..none()
            }),
        ];
        assert!(all.iter().all(|word| MEDIA_WORDS.contains(word)));
        assert_eq!(all.len(), MEDIA_WORDS.len());
    }
}
