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
