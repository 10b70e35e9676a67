//! Each rule on rows, with a row that breaks it.

use resonare_consumers::Consumer::{
    Axolotl, BedrockLlama, BedrockNova, LlamaFactory, OpenAi, Together, Trl,
};
use resonare_consumers::{
    Checker, Consumer, ContentRules, MessageRef, Report, Rule, SpecialTokens, bedrock_line,
    messages_line,
};

const EXCHANGE: &str =
    r#"{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"hey"}]}"#;
const BEDROCK: &str = concat!(
    r#"{"schemaVersion":"bedrock-conversation-2024","system":[{"text":"Be Ren."}],"messages":["#,
    r#"{"role":"user","content":[{"text":"hi"}]},{"role":"assistant","content":[{"text":"hey"}]}]}"#
);
const SHAREGPT: &str =
    r#"{"conversations":[{"from":"human","value":"hi"},{"from":"gpt","value":"hey"}]}"#;

fn report(consumer: Consumer, file: impl AsRef<[u8]>) -> Report {
    let mut checker = Checker::new(consumer);
    checker
        .read(file.as_ref())
        .expect("bytes in memory can be read");
    checker.finish()
}

/// The rules that a row breaks, the number of rows aside.
fn rules(consumer: Consumer, row: impl AsRef<[u8]>) -> Vec<&'static str> {
    let rules = report(consumer, row).rules;
    rules
        .iter()
        .map(|count| count.rule)
        .filter(|rule| !matches!(rule, Rule::TooFewRows | Rule::FewRows))
        .map(Rule::name)
        .collect()
}

/// An exchange with something else in place of the answer's content.
fn answer(content: &str) -> String {
    EXCHANGE.replace(r#""content":"hey""#, content)
}

#[test]
fn every_consumer_takes_an_exchange_in_its_own_form() {
    for consumer in Consumer::ALL {
        let row = if consumer.reads_bedrock() {
            BEDROCK
        } else {
            EXCHANGE
        };
        assert!(rules(consumer, row).is_empty(), "{consumer}");
    }
    assert!(rules(LlamaFactory, SHAREGPT).is_empty());
}

#[test]
fn a_file_in_another_form_is_named_as_such() {
    assert_eq!(rules(Together, SHAREGPT), ["wrong-shape"]);
    assert_eq!(rules(Trl, BEDROCK), ["wrong-shape"]);
    let report = report(BedrockNova, EXCHANGE);
    assert_eq!(report.findings[0].rule, Rule::WrongShape);
    assert_eq!(report.findings[0].found.as_deref(), Some("messages"));
}

#[test]
fn what_a_row_must_be_is_checked_for_all() {
    for (row, rule) in [
        ("[1]", "not-an-object"),
        (r#"{"text":"hi"}"#, "missing-messages"),
        (r#"{"messages":{}}"#, "missing-messages"),
        (r#"{"messages":[]}"#, "empty-messages"),
        (r#"{"messages":[1]}"#, "message-not-an-object"),
    ] {
        // In one object, so that the file is not an array.
        let mut checker = Checker::new(Trl);
        checker.line(row.as_bytes());
        let report = checker.finish();
        assert!(
            report.rules.iter().any(|count| count.rule.name() == rule),
            "{row}"
        );
    }
    assert_eq!(rules(Trl, b"{\"a\":\"\xff\"}"), ["not-utf8"]);
}

#[test]
fn what_a_message_must_have_is_checked_for_all() {
    assert_eq!(rules(Trl, answer(r#""content":1"#)), ["content-not-text"]);
    let pictures = answer(r#""content":[{"type":"text","text":"hey"}]"#);
    assert_eq!(rules(OpenAi, pictures), ["content-not-text"]);
    assert_eq!(rules(Trl, answer(r#""text":"hey""#)), ["missing-content"]);
    let nobody = EXCHANGE.replace(r#""role":"user","#, "");
    assert!(rules(Trl, nobody).contains(&"missing-role"));
    let twice = answer(r#""content":"a","content":"b""#);
    assert_eq!(rules(Trl, twice), ["duplicate-key"]);
}

#[test]
fn only_together_refuses_another_column() {
    let row = EXCHANGE.replace("{\"messages\"", "{\"id\":7,\"messages\"");
    assert_eq!(rules(Together, &row), ["extra-column"]);
    assert!(rules(OpenAi, &row).is_empty());
}

#[test]
fn openai_refuses_keys_that_it_does_not_know() {
    let row = answer(r#""content":"hey","mood":"good""#);
    assert_eq!(rules(OpenAi, &row), ["unknown-message-key"]);
    assert!(rules(Trl, &row).is_empty());
}

#[test]
fn a_weight_is_zero_or_one_and_stands_on_every_turn() {
    let partial = answer(r#""content":"hey","weight":1"#);
    let wrong = answer(r#""content":"hey","weight":2"#);
    assert_eq!(rules(OpenAi, &wrong), ["weight-not-0-or-1"]);
    assert!(rules(Together, &partial).contains(&"partial-weights"));
    assert!(rules(LlamaFactory, &partial).contains(&"flag-ignored"));
}

#[test]
fn a_flag_that_is_read_is_not_said_to_be_ignored() {
    let weighted = EXCHANGE.replace("\"}", "\",\"weight\":0}");
    let trained = EXCHANGE.replace("\"}", "\",\"train\":false}");
    assert!(rules(Together, &weighted).is_empty());
    assert!(rules(OpenAi, &weighted).is_empty());
    assert_eq!(rules(Axolotl, &weighted), ["flag-ignored"]);
    assert!(rules(Axolotl, &trained).is_empty());
    assert_eq!(rules(Trl, &trained), ["flag-ignored"]);
}

#[test]
fn bedrock_for_llama_knows_one_version_and_one_system_prompt() {
    let version = BEDROCK.replace("2024", "2023");
    assert_eq!(rules(BedrockLlama, &version), ["wrong-schema-version"]);
    assert!(rules(BedrockNova, &version).is_empty());
    let systems = BEDROCK.replace(
        "[{\"text\":\"Be Ren.\"}]",
        "[{\"text\":\"a\"},{\"text\":\"b\"}]",
    );
    assert_eq!(rules(BedrockLlama, systems), ["several-systems"]);
}

#[test]
fn bedrock_has_a_place_for_the_system_prompt_beside_the_turns() {
    let row = BEDROCK.replacen(
        r#"{"role":"user""#,
        r#"{"role":"system","content":[{"text":"a"}]},{"role":"user""#,
        1,
    );
    assert!(rules(BedrockNova, row).contains(&"unknown-role"));
}

#[test]
fn a_byte_order_mark_is_named_and_the_row_read() {
    let marked = format!("\u{feff}{EXCHANGE}\n");
    assert_eq!(rules(Together, marked), ["byte-order-mark"]);
}

#[test]
fn line_ends_of_windows_are_taken_and_carriage_returns_inside_a_row_are_not() {
    assert!(rules(Together, format!("{EXCHANGE}\r\n")).is_empty());
    let inside = EXCHANGE.replace("{\"messages\":", "{\"messages\":\r");
    assert_eq!(rules(Together, inside), ["carriage-return"]);
}

#[test]
fn an_empty_line_is_refused_where_each_line_is_parsed() {
    let file = format!("{EXCHANGE}\n\n{EXCHANGE}\n");
    assert_eq!(rules(BedrockNova, format!("{BEDROCK}\n\n")), ["blank-line"]);
    assert!(rules(Together, &file).is_empty());
    assert_eq!(report(Together, file).rows, 2);
}

#[test]
fn an_array_is_read_and_refused_where_lines_are_expected() {
    let file = format!("[\n{SHAREGPT},\n{SHAREGPT}\n]");
    let report = report(LlamaFactory, &file);
    assert_eq!((report.rows, report.is_accepted()), (2, true));
    assert_eq!(rules(OpenAi, format!("[{EXCHANGE}]")), ["not-json-lines"]);
    assert_eq!(rules(Trl, format!("[{EXCHANGE}")), ["not-json"]);
    let marked = format!("\u{feff}[{SHAREGPT}]");
    assert!(rules(LlamaFactory, marked).contains(&"byte-order-mark"));
}

#[test]
fn rows_of_two_structures_do_not_go_together() {
    let file = format!("{EXCHANGE}\n{SHAREGPT}\n");
    assert_eq!(rules(Trl, file), ["mixed-shapes"]);
}

#[test]
fn what_is_written_for_a_consumer_passes_its_check() {
    let messages = [
        MessageRef::new("system", "Be \"Ren\"."),
        MessageRef::new("user", ">>> hi\n>>> \u{1f642}"),
        MessageRef::new("assistant", "\t\\"),
    ];
    for consumer in Consumer::ALL {
        let mut row = Vec::new();
        if consumer.reads_bedrock() {
            bedrock_line(&messages, &mut row);
        } else {
            messages_line(&messages, consumer.flag(), &mut row);
        }
        assert_eq!(ContentRules::new(consumer).refuses(&messages), None);
        assert!(
            rules(consumer, &row).is_empty(),
            "{consumer}: {:?}",
            rules(consumer, &row)
        );
    }
}

#[test]
fn what_is_no_json_is_named_by_column() {
    let report = report(Trl, r#"{"messages": [}"#);
    assert_eq!(report.findings[0].rule, Rule::NotJson);
    let found = report.findings[0].found.as_deref().unwrap();
    assert!(found.ends_with("column 15"), "{found}");
}

#[test]
fn the_number_of_rows_is_held_against_the_limits() {
    let named = |consumer, row: &str, count| {
        let report = report(consumer, format!("{row}\n").repeat(count));
        let rule = report.rules.first().map(|count| count.rule);
        rule.map(Rule::name)
    };
    assert_eq!(named(OpenAi, EXCHANGE, 9), Some("too-few-rows"));
    assert_eq!(named(OpenAi, EXCHANGE, 10), Some("few-rows"));
    assert_eq!(named(OpenAi, EXCHANGE, 50), None);
    assert_eq!(named(BedrockLlama, BEDROCK, 10_000), None);
    assert_eq!(named(BedrockLlama, BEDROCK, 10_001), Some("too-many-rows"));
    assert_eq!(named(Trl, "", 0), Some("too-few-rows"));
}

#[test]
fn a_validation_file_has_limits_of_its_own() {
    let mut checker = Checker::new(BedrockLlama).for_validation();
    checker
        .read(format!("{BEDROCK}\n").repeat(1001).as_bytes())
        .unwrap();
    assert_eq!(checker.finish().rules[0].rule, Rule::TooManyRows);
}

#[test]
fn a_text_that_reads_as_a_special_token_is_found() {
    let mut checker = Checker::new(Trl)
        .with_special_tokens(SpecialTokens::new(["<|im_end|>", "<s>"].map(str::to_owned)));
    checker
        .read(answer(r#""content":"so <|im_end|>""#).as_bytes())
        .unwrap();
    let finding = checker.finish().findings.remove(0);
    assert_eq!(finding.rule, Rule::SpecialTokenText);
    assert_eq!(finding.found.as_deref(), Some("<|im_end|>"));
}

#[test]
fn messages_in_a_list_named_conversations_are_read_by_trainers_alone() {
    let row = EXCHANGE.replace("messages", "conversations");
    for consumer in [Trl, Axolotl, LlamaFactory] {
        assert!(rules(consumer, &row).is_empty(), "{consumer}");
    }
    for consumer in [OpenAi, Together, BedrockNova] {
        assert!(rules(consumer, &row).contains(&"wrong-shape"), "{consumer}");
    }
    let file = format!("{EXCHANGE}\n{row}\n");
    assert_eq!(rules(Trl, file), ["mixed-shapes"]);
}

#[test]
fn a_message_without_a_role_is_one_finding() {
    for message in [r#"{"content":"hi"}"#, r#"{"role":"","content":"hi"}"#] {
        let row = EXCHANGE.replace(r#"{"role":"user","content":"hi"}"#, message);
        assert_eq!(rules(Together, row), ["missing-role"]);
    }
    let row = EXCHANGE.replace(r#"{"role":"user","content":"hi"}"#, "7");
    assert_eq!(rules(OpenAi, row), ["message-not-an-object"]);
}

#[test]
fn a_parquet_file_is_read_by_trainers_alone() {
    let report = |consumer| {
        let mut checker = Checker::new(consumer);
        checker.begin_parquet(1000);
        checker.row(EXCHANGE.as_bytes());
        checker.finish()
    };
    let trl = report(Trl);
    assert_eq!((trl.is_accepted(), trl.rows, trl.bytes), (true, 1, 1000));
    assert_eq!(report(Together).rules[0].rule, Rule::ParquetFile);
}
