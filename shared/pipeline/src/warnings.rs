//! Which warnings the statistics of a run are worth.

use resonare_consumers::{Consumer, SystemAs};

use crate::advice::Advice;
use crate::explain::BlockTally;
use crate::funnel::MessageDrop;
use crate::settings::{SAVED_MESSAGES, Settings};
use crate::statistics::Statistics;
use crate::warning::Warning;

/// With fewer blocks, one may have more than half of them by chance.
const FEWEST_BLOCKS_TO_OUTWEIGH: u64 = 20;
const FEWEST_CHATS_TO_OUTWEIGH: u64 = 3;

/// With fewer blocks there is little to learn, whoever takes them.
const FEW_BLOCKS: u64 = 50;

/// What the statistics of a whole run show.
pub(crate) fn of_run(
    settings: &Settings,
    statistics: &Statistics,
    tally: &BlockTally,
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    warnings.extend(of_rows(settings, statistics, tally));
    warnings.extend(of_validation(settings, statistics));
    warnings.extend(of_sizes(settings, statistics));
    if settings.system_prompt.is_some() && settings.system_as == SystemAs::None {
        warnings.push(Warning::PromptNotWritten);
    }
    if settings
        .chat_types
        .iter()
        .any(|name| name == SAVED_MESSAGES)
    {
        warnings.push(Warning::SavedMessages);
    }
    if statistics.unmatched_exclusions > 0 {
        warnings.push(Warning::UnmatchedExclusions {
            entries: statistics.unmatched_exclusions,
        });
    }
    let excluded = statistics
        .funnel
        .messages
        .dropped
        .get(MessageDrop::ExcludedWord);
    if !settings.exclude_words.is_empty() && excluded == 0 {
        warnings.push(Warning::NoExcludedWords);
    }
    if statistics.is_name_in_system_prompt {
        warnings.push(Warning::NameInSystemPrompt);
    }
    warnings.extend(of_times(
        statistics.imported.chats,
        statistics.imported.messages,
    ));
    let dropped = &statistics.funnel.messages.dropped;
    warnings.extend(of_senders(
        statistics.funnel.messages.read,
        dropped.get(MessageDrop::Service),
        dropped.get(MessageDrop::NoSender),
    ));
    warnings.extend(of_balance(statistics));
    if statistics.turns.blocks_without_target > 0 {
        warnings.push(Warning::BlocksWithoutTarget {
            blocks: statistics.turns.blocks_without_target,
            all: statistics.num_blocks(),
        });
    }
    warnings
}

/// That there are too few rows, or too many.
fn of_rows(settings: &Settings, statistics: &Statistics, tally: &BlockTally) -> Option<Warning> {
    let rows = statistics.train_blocks();
    let advice = tally.advice(settings.consumer);
    let Some(consumer) = settings.consumer else {
        return of_few(rows, advice);
    };
    let limits = consumer.limits();
    let least = limits.min_rows;
    if rows < least {
        return Some(Warning::TooFewRows {
            consumer,
            rows,
            least,
            advice,
        });
    }
    if let Some(most) = limits.max_rows.filter(|most| rows > *most) {
        return Some(Warning::TooManyRows {
            consumer,
            rows,
            most,
        });
    }
    let (who, recommended) = match limits.recommended_rows {
        Some(recommended) => (Some(consumer), recommended),
        None => (None, FEW_BLOCKS),
    };
    (rows < recommended).then_some(Warning::FewRows {
        consumer: who,
        rows,
        recommended,
        advice,
    })
}

/// That there is nothing for validation that was to have something, or too much.
fn of_validation(settings: &Settings, statistics: &Statistics) -> Option<Warning> {
    let split = statistics.split?;
    if split.is_without_validation() {
        return Some(Warning::NoValidation {
            leaking_blocks: split.leaking_blocks,
        });
    }
    let (consumer, rows) = (settings.consumer?, split.validation_blocks);
    let limits = consumer.limits();
    let most = limits.max_validation_rows.or(limits.max_rows)?;
    (rows > most).then_some(Warning::TooManyValidationRows {
        consumer,
        rows,
        most,
    })
}

/// That there is little to learn from so few blocks, whoever takes them.
pub(crate) fn of_few(rows: u64, advice: Option<Advice>) -> Option<Warning> {
    (rows < FEW_BLOCKS).then_some(Warning::FewRows {
        consumer: None,
        rows,
        recommended: FEW_BLOCKS,
        advice,
    })
}

/// That the file or a row is too large.
fn of_sizes(settings: &Settings, statistics: &Statistics) -> impl Iterator<Item = Warning> {
    let consumer = settings.consumer;
    let limits = consumer.map(Consumer::limits).unwrap_or_default();
    let over = |most: Option<u64>, size: u64| most.filter(|most| size > *most).zip(consumer);
    let bytes = statistics.train_bytes;
    let file = over(limits.max_bytes, bytes).map(|(most_bytes, consumer)| Warning::FileTooLarge {
        consumer,
        bytes,
        most_bytes,
    });
    let tokens = statistics.estimated_lengths.padded;
    let row = over(limits.max_row_tokens, tokens).map(|(most, consumer)| Warning::RowOverLimit {
        consumer,
        tokens,
        most,
    });
    file.into_iter().chain(row)
}

/// That chats were imported from elsewhere.
pub(crate) fn of_times(chats: u64, messages: u64) -> Option<Warning> {
    (chats > 0).then_some(Warning::OneMoment { chats, messages })
}

/// That the export names no senders.
pub(crate) fn of_senders(read: u64, service: u64, without: u64) -> Option<Warning> {
    let read = read - service;
    (without * 2 > read).then_some(Warning::NoSenders {
        messages: without,
        read,
    })
}

/// That one chat has more than half of all blocks.
pub(crate) fn of_chats(blocks: impl Iterator<Item = u64>) -> Option<Warning> {
    let (mut chats, mut all, mut most) = (0, 0, 0);
    for blocks in blocks.filter(|blocks| *blocks > 0) {
        chats += 1;
        all += blocks;
        most = most.max(blocks);
    }
    let is_enough = chats >= FEWEST_CHATS_TO_OUTWEIGH && all >= FEWEST_BLOCKS_TO_OUTWEIGH;
    (is_enough && most * 2 > all).then_some(Warning::OneChatOutweighs { blocks: most, all })
}

/// That one chat, or one side, has most of what is learned from.
fn of_balance(statistics: &Statistics) -> impl Iterator<Item = Warning> {
    let blocks = statistics.block_breakdown.iter().map(|(_, blocks)| blocks);
    let outweighs = of_chats(blocks);
    let voices = statistics.profile.voices;
    let tokens = voices.target.tokens;
    let tokens_of_all = tokens + voices.others.tokens;
    let hardly = (tokens * 10 < tokens_of_all).then_some(Warning::TargetHardlySpeaks {
        tokens,
        all: tokens_of_all,
    });
    outweighs.into_iter().chain(hardly)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::SplitCounts;
    use crate::tokens::TokenizerInfo;

    #[test]
    fn a_consumer_may_take_fewer_rows_for_validation() {
        let warning = |consumer, validation_blocks| {
            let settings = Settings {
                consumer: Some(consumer),
                ..Settings::default()
            };
            let mut statistics = Statistics::new(TokenizerInfo::default(), settings.limits);
            statistics.split = Some(SplitCounts {
                validation_blocks,
                ..SplitCounts::default()
            });
            of_validation(&settings, &statistics).map(|warning| warning.name())
        };
        let too_many = Some("too_many_validation_rows");
        assert_eq!(warning(Consumer::BedrockLlama, 1_000), None);
        assert_eq!(warning(Consumer::BedrockLlama, 1_001), too_many);
        assert_eq!(warning(Consumer::BedrockNova, 1_001), None);
        assert_eq!(warning(Consumer::BedrockNova, 0), Some("no_validation"));
    }
}
