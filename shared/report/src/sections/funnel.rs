//! Where everything went.

use maud::{Markup, html};
use resonare_pipeline::{ChatDrop, Statistics};

use crate::amounts::{count, number, portion, ratio, width};
use crate::loss::{Loss, Path};
use crate::text::sentence;

pub(crate) fn section(statistics: &Statistics) -> Markup {
    let path = Path::of(&statistics.funnel, &statistics.profile);
    if path.read == 0 {
        return html! {};
    }
    html! {
        section {
            h2 { (title(&path)) }
            p.key { "The width of each bar shows its number of messages." }
            ol.fall {
                @for step in &steps(&path) { (step.draw(path.read)) }
            }
            (chats(statistics))
            (mended(statistics))
        }
    }
}

fn title(path: &Path) -> String {
    let kept = sentence(&portion(path.in_blocks, path.read));
    let Some((loss, all)) = path.largest_loss() else {
        return format!("{kept} of the messages are in the blocks");
    };
    let part = portion(loss.messages, all);
    match (path.in_blocks, loss.messages == all) {
        (0, _) => format!("No message is in a block; {part} were {}", loss.words),
        (_, true) => format!(
            "{kept} of the messages are in the blocks; the rest were {}",
            loss.words
        ),
        (_, false) => format!(
            "{kept} of the messages are in the blocks; {part} of the rest were {}",
            loss.words
        ),
    }
}

/// A bar of the picture. What is left stands on the left; what is lost, where it was before it was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    class: &'static str,
    words: String,
    /// The messages to the left of the bar.
    left: u64,
    messages: u64,
}

fn steps(path: &Path) -> Vec<Step> {
    let mut left = path.read;
    let mut steps = Vec::new();
    let mut rest = |class, words: &str, losses: &[Loss], steps: &mut Vec<Step>| {
        for loss in losses {
            left = left.saturating_sub(loss.messages);
            steps.push(Step {
                class: "lost",
                words: loss.words.clone(),
                left,
                messages: loss.messages,
            });
        }
        steps.push(Step {
            class,
            words: words.to_owned(),
            left: 0,
            messages: left,
        });
    };
    rest("usable", "Messages read", &[], &mut steps);
    if !path.unusable.is_empty() {
        rest("usable", "Usable", &path.unusable, &mut steps);
    }
    rest("kept", "In the blocks", &path.unplaced, &mut steps);
    steps
}

impl Step {
    fn draw(&self, read: u64) -> Markup {
        let part = |messages| width(ratio(messages, read));
        html! {
            li.loss[self.class == "lost"] {
                span.name { (self.words) }
                " "
                span.number { (number(self.messages)) }
                svg width="100%" height="18" aria-hidden="true" {
                    rect class=(self.class) x=(part(self.left)) width=(part(self.messages)) height="18" {}
                }
            }
        }
    }
}

/// What became of the chats, in a sentence.
fn chats(statistics: &Statistics) -> Markup {
    let chats = &statistics.funnel.chats;
    let reasons = ChatDrop::ALL.iter().copied();
    let mut dropped: Vec<_> = reasons
        .map(|reason| (chats.dropped.get(reason), chat_words(reason)))
        .filter(|(chats, _)| *chats > 0)
        .collect();
    dropped.sort_by_key(|(chats, _)| std::cmp::Reverse(*chats));
    let dropped = dropped
        .iter()
        .map(|(chats, words)| format!("{} {words}", number(*chats)));
    let dropped = dropped.collect::<Vec<_>>().join(", ");
    html! {
        p {
            "Of " (count(chats.read, "chat", "chats")) ", "
            @if chats.kept == chats.read { "all have blocks." }
            @else { (number(chats.kept)) " with blocks. Left out: " (dropped) "." }
        }
    }
}

fn chat_words(reason: ChatDrop) -> &'static str {
    match reason {
        ChatDrop::LeftChat => "that had been left",
        ChatDrop::NotAnObject => "that are not chats",
        ChatDrop::MissingNameOrMessages => "without name or messages",
        ChatDrop::MessagesNotAList => "without a list of messages",
        ChatDrop::WithoutName => "without a name, such as deleted accounts",
        ChatDrop::ChatType => "of types that were not asked for",
        ChatDrop::ExcludedChat => "excluded",
        ChatDrop::SmallChat => "with too few messages",
        ChatDrop::RepeatedChat => "in an earlier input as well",
        ChatDrop::NoTarget => "of no use without a target",
        ChatDrop::NoBlocks => "without a block that was kept",
        ChatDrop::RunFailed => "whose blocks were lost when the run failed",
    }
}

/// What was wrong with the export itself.
fn mended(statistics: &Statistics) -> Markup {
    let mends = serde_json::to_value(statistics.funnel.mended).unwrap_or_default();
    let mends = mends.as_object().into_iter().flatten();
    let mends = mends.map(|(kind, count)| format!("{count} × {}", kind.replace('_', " ")));
    let mends = mends.collect::<Vec<_>>().join(", ");
    html! {
        @if !mends.is_empty() {
            p { "Defects in the export that were repaired: " (mends) "." }
        }
        @if let Some(salvaged) = statistics.salvaged {
            p { "The export ends early, at byte " (number(salvaged.byte_offset)) "; what is complete was used." }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_title_names_the_largest_loss() {
        let loss = |words: &str, messages| Loss {
            name: "",
            words: words.to_owned(),
            messages,
        };
        let path = |in_blocks, unusable, unplaced| Path {
            read: 100,
            unusable,
            unplaced,
            in_blocks,
        };
        let all = path(100, Vec::new(), Vec::new());
        assert_eq!(title(&all), "All of the messages are in the blocks");
        let some = path(
            43,
            vec![loss("without text", 28)],
            vec![loss("forwarded", 29)],
        );
        assert_eq!(
            title(&some),
            "43% of the messages are in the blocks; half of the rest were forwarded"
        );
        let none = path(0, vec![loss("without text", 100)], Vec::new());
        assert_eq!(
            title(&none),
            "No message is in a block; all were without text"
        );
    }

    proptest! {
        #[test]
        fn the_picture_sums_up(
            unusable in prop::collection::vec(0_u64..1_000_000, 0..5),
            unplaced in prop::collection::vec(0_u64..1_000_000, 0..5),
            in_blocks in 0_u64..1_000_000,
        ) {
            let losses = |counts: &[u64]| {
                let losses = counts.iter().map(|messages| Loss { name: "", words: String::new(), messages: *messages });
                losses.collect::<Vec<_>>()
            };
            let lost: u64 = unusable.iter().chain(&unplaced).sum();
            let path = Path {
                read: lost + in_blocks,
                unusable: losses(&unusable),
                unplaced: losses(&unplaced),
                in_blocks,
            };
            let steps = steps(&path);
            let of_class = |class| steps.iter().filter(move |step| step.class == class);
            prop_assert_eq!(steps[0].messages, path.read);
            prop_assert_eq!(of_class("kept").map(|step| step.messages).collect::<Vec<_>>(), [in_blocks]);
            // What is left and what is lost cover what was read, each once and without a gap.
            let mut end = path.read;
            for step in of_class("lost") {
                prop_assert_eq!(step.left + step.messages, end);
                end = step.left;
            }
            prop_assert_eq!(end, in_blocks);
            prop_assert!(of_class("usable").all(|step| step.left == 0 && step.messages >= in_blocks));
        }
    }
}
