//! `resonare check`: whether a trainer or a service takes files of conversations.

mod files;
mod measure;
mod summary;

use resonare_consumers::{Checker, Consumer};
use serde_json::{Value, json};

use self::files::{CheckedFile, Subject};
use self::measure::Measure;
use self::summary::{Limit, Summary};
use crate::arguments::CheckArguments;
use crate::error::{CommandError, Result};
use crate::report;
use crate::terminal;

/// So many places that break a rule are listed for programs.
const FINDINGS_OF_A_RULE: u64 = 1000;

pub(crate) fn run(arguments: &CheckArguments) -> Result<()> {
    let result = check(arguments);
    if let Err(error) = &result
        && arguments.json
        && let Some(mut value) = error.to_json()
    {
        value["consumer"] = json!(arguments.consumer);
        report::json(&value)?;
    }
    result
}

fn check(arguments: &CheckArguments) -> Result<()> {
    let consumer = arguments.consumer;
    let width = terminal::width();
    let subjects = Subject::choose(&arguments.files, consumer, arguments.validation)?;
    let measure = Measure::find(
        consumer,
        arguments.model_id.as_deref(),
        arguments.tokenizer.as_deref(),
    )?;
    if let Some(measure) = measure.as_ref().filter(|_| !arguments.json) {
        let text = summary::of_measure(&measure.shown_info(), measure.template().as_deref(), width);
        report::lines(&text)?;
    }
    let limit = Limit::of(consumer, arguments.limit, &arguments.files);
    let mut checked = Vec::new();
    for subject in subjects {
        let mut checker = Checker::new(consumer);
        if arguments.json {
            checker = checker.keep_findings(FINDINGS_OF_A_RULE);
        }
        if let Some(measure) = &measure {
            checker = measure.by(checker);
        }
        if let Some(limit) = &limit {
            checker = checker.with_limit(limit.tokens);
        }
        let file = subject.check(checker)?;
        if let Some(failure) = measure.as_ref().and_then(Measure::failure) {
            return Err(anyhow::anyhow!(failure).into());
        }
        if !arguments.json {
            let summary = Summary {
                consumer,
                limit: limit.as_ref(),
                width,
            };
            report::lines(&summary.of(&file))?;
        }
        checked.push(file);
    }
    if arguments.json {
        let tokenizer = measure.as_ref().map(Measure::info);
        let mut value = as_json(consumer, &checked);
        value["tokenizer"] = json!(tokenizer);
        value["chat_template"] = json!(measure.as_ref().and_then(Measure::template));
        value["limit"] = json!(limit.as_ref().map(|limit| limit.tokens));
        report::json(&value)?;
    } else if checked.len() > 1 {
        report::lines(&summary::sum(consumer, &checked))?;
    }
    if checked.iter().all(CheckedFile::is_accepted) {
        Ok(())
    } else {
        Err(CommandError::Flawed)
    }
}

fn as_json(consumer: Consumer, checked: &[CheckedFile]) -> Value {
    let files = checked.iter().map(|file| match &file.result {
        Ok(report) => json!({"file": file.name, "report": report}),
        Err(error) => json!({"file": file.name, "error": error}),
    });
    json!({
        "consumer": consumer,
        "is_accepted": checked.iter().all(CheckedFile::is_accepted),
        "files": files.collect::<Vec<_>>(),
    })
}
