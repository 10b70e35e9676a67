//! Which settings would keep more, from the counts of a run.

use crate::advice::Setting;
use crate::funnel::{ChatDrop, MessageDrop};
use crate::remedy::{Change, Gain, Remedy};
use crate::settings::{Deduplicate, RoleOrder, Settings, TokenBudget};
use crate::short_blocks::BlockCount;
use crate::statistics::Statistics;

/// Types of chats in which people write to each other, beside those that are kept in any case.
const GROUPS: [&str; 3] = ["private_group", "private_supergroup", "public_supergroup"];

/// What would keep more, what keeps most first. Where inputs are joined, they may share what was passed over.
pub(crate) fn of_run(
    settings: &Settings,
    statistics: &Statistics,
    joins_inputs: bool,
) -> Vec<Remedy> {
    let found = [
        // Longer conversations teach more than short ones do.
        higher_threshold(settings, statistics),
        lower_minimum(settings, statistics),
        higher_maximum(settings, statistics),
        no_date_limit(settings, statistics),
        other_chat_type(settings, statistics, joins_inputs),
    ];
    let mut remedies: Vec<_> = found.into_iter().flatten().collect();
    // Stable: of equals, the first.
    remedies.sort_by_key(|remedy| u64::MAX - expected_messages(remedy.gain, statistics));
    remedies
}

/// The messages that may come into the output. Of what is only read, the same part as of what was read.
fn expected_messages(gain: Gain, statistics: &Statistics) -> u64 {
    match gain {
        Gain::Kept { more, .. } => more.messages,
        Gain::Fit { messages } => messages,
        Gain::Read { messages, .. } => {
            let funnel = &statistics.funnel.messages;
            let unread = funnel.dropped.get(MessageDrop::ChatType)
                + funnel.dropped.get(MessageDrop::BeforeDateLimit);
            let read = funnel.read.saturating_sub(unread).max(1);
            let part = u128::from(messages) * u128::from(funnel.in_blocks) / u128::from(read);
            u64::try_from(part).unwrap_or(u64::MAX)
        }
    }
}

/// The first of what is ordered from the mildest to the harshest that brings half of what any brings.
fn mildest<T>(choices: Vec<T>, brings: impl Fn(&T) -> u64) -> Option<T> {
    let most = choices.iter().map(&brings).max()?;
    let mut choices = choices.into_iter();
    choices.find(|choice| brings(choice) > 0 && brings(choice) * 2 >= most)
}

/// Whether what is within the limits is in the output.
fn keeps_what_is_within(settings: &Settings) -> bool {
    settings.consumer.is_none()
        && settings.token_budget != TokenBudget::Template
        && settings.deduplicate == Deduplicate::None
        && settings.validation_fraction.is_zero()
}

fn lower_minimum(settings: &Settings, statistics: &Statistics) -> Option<Remedy> {
    let minimums = statistics.short_blocks.lower_minimums();
    let minimums: Vec<_> = minimums.filter(|(min, _)| *min > 0).collect();
    let (to, more) = mildest(minimums, |(_, more)| more.messages)?;
    // Where blocks are trimmed and not measured by their messages, their tokens after it are an estimate.
    let is_measured =
        settings.role_order == RoleOrder::AsIs || settings.token_budget == TokenBudget::Content;
    Some(Remedy {
        change: Change::Number {
            setting: Setting::MinTokensPerBlock,
            from: settings.limits.min(),
            to,
        },
        gain: Gain::Kept {
            more,
            is_estimate: !(is_measured && keeps_what_is_within(settings)),
        },
    })
}

/// What joins conversations: blocks that were too short become parts of longer ones.
fn higher_threshold(settings: &Settings, statistics: &Statistics) -> Option<Remedy> {
    let from = settings.threshold.as_secs();
    let is_packed_alike = settings.token_budget == TokenBudget::Content
        && settings.role_order == RoleOrder::AsIs
        && settings.context_tokens == 0;
    let is_exact = is_packed_alike && keeps_what_is_within(settings);
    let now = if is_exact {
        BlockCount {
            blocks: statistics.num_blocks(),
            messages: statistics.funnel.messages.in_blocks,
        }
    } else {
        let same = statistics
            .gaps
            .thresholds()
            .find(|result| result.secs == from)?;
        BlockCount {
            blocks: same.blocks,
            messages: same.messages,
        }
    };
    let higher = statistics
        .gaps
        .thresholds()
        .filter(|result| result.secs > from);
    let higher = higher.filter_map(|result| {
        let more = BlockCount {
            blocks: result.blocks.checked_sub(now.blocks)?,
            messages: result.messages.checked_sub(now.messages)?,
        };
        (more.blocks > 0).then_some((result.secs, more))
    });
    let (to, more) = mildest(higher.collect(), |(_, more)| more.messages)?;
    Some(Remedy {
        change: Change::Number {
            setting: Setting::ConvoBlockThresholdSecs,
            from,
            to,
        },
        gain: Gain::Kept {
            more,
            is_estimate: !is_exact,
        },
    })
}

fn higher_maximum(settings: &Settings, statistics: &Statistics) -> Option<Remedy> {
    let maximums = statistics.long_messages.higher_maximums().collect();
    let (to, messages) = mildest(maximums, |(_, messages)| *messages)?;
    Some(Remedy {
        change: Change::Number {
            setting: Setting::MaxTokensPerBlock,
            from: settings.limits.max(),
            to,
        },
        gain: Gain::Fit { messages },
    })
}

fn no_date_limit(settings: &Settings, statistics: &Statistics) -> Option<Remedy> {
    let dropped = &statistics.funnel.messages.dropped;
    let messages = dropped.get(MessageDrop::BeforeDateLimit);
    let from = settings.date_limit.filter(|_| messages > 0)?;
    Some(Remedy {
        change: Change::NoDateLimit { from },
        gain: Gain::Read {
            chats: None,
            messages,
            is_estimate: false,
        },
    })
}

fn other_chat_type(
    settings: &Settings,
    statistics: &Statistics,
    joins_inputs: bool,
) -> Option<Remedy> {
    if statistics.funnel.chats.dropped.get(ChatDrop::ChatType) == 0 {
        return None;
    }
    let passed_over = |name: &'static str| Some((name, *statistics.passed_over_types.get(name)?));
    let groups = GROUPS.into_iter().filter_map(passed_over);
    let (added, count) = groups.max_by_key(|(_, count)| count.messages)?;
    (count.messages > 0).then(|| Remedy {
        change: Change::ChatType {
            from: settings.chat_types.clone(),
            added,
        },
        gain: Gain::Read {
            chats: Some(count.chats),
            messages: count.messages,
            is_estimate: joins_inputs,
        },
    })
}
