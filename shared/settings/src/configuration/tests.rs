//! How layers, presets and frozen configurations go together.

use resonare_consumers::{Loss, SystemAs};
use resonare_pipeline::RoleOrder;

use super::*;
use crate::kind::Kind;

fn load(
    yaml: &str,
    environment: &[(&str, &str)],
    overrides: &[(&str, &str)],
) -> Result<Configuration, SettingsError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    std::fs::write(&file, yaml).unwrap();
    let variable = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Configuration::load(Layers {
        file: Some(file),
        environment: environment.iter().map(variable).collect(),
        overrides: owned(overrides),
        overrides_origin: "the command line",
    })
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, Value)> {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), Value::from(*value));
    pairs.iter().map(owned).collect()
}

fn error(yaml: &str, environment: &[(&str, &str)], overrides: &[(&str, &str)]) -> String {
    let text = load(yaml, environment, overrides).unwrap_err().to_string();
    // The file's folder is a temporary one.
    let without_folder = |word: &str| match word.find("config.yaml") {
        Some(start) if word.starts_with('/') => word[start..].to_owned(),
        _ => word.to_owned(),
    };
    let words: Vec<_> = text.split(' ').map(without_folder).collect();
    words.join(" ")
}

#[test]
fn an_empty_file_changes_no_default() {
    assert_eq!(load("", &[], &[]).unwrap(), Configuration::default());
}

#[test]
fn the_shipped_file_holds_the_defaults() {
    let shipped = include_str!("../../../../conf/config.yaml");
    assert_eq!(load(shipped, &[], &[]).unwrap(), Configuration::default());
}

#[test]
fn the_defaults_of_the_table_are_those_of_the_pipeline() {
    assert_eq!(Configuration::default().pipeline, Settings::default());
}

/// A value that is not the default.
fn another_value(key: Key) -> String {
    let default = key.entry().default;
    let other = |names: &'static [&'static str]| {
        let mut others = names.iter().filter(|name| default != Some(name));
        (*others.next().unwrap()).to_owned()
    };
    match key.entry().kind {
        Kind::Text | Kind::TextOrEmpty | Kind::Name | Kind::Path | Kind::Model => "x".to_owned(),
        Kind::Models | Kind::Texts => "x,y".to_owned(),
        Kind::Flag => (default != Some("true")).to_string(),
        Kind::Number { .. } => (default.unwrap().parse::<u32>().unwrap() + 1).to_string(),
        Kind::Date => "2024-01-31".to_owned(),
        Kind::OneOf(names)
        | Kind::OptionalOneOf(names)
        | Kind::SomeOf(names)
        | Kind::AnyOf(names) => other(names),
        Kind::Fraction => "0.5".to_owned(),
    }
}

#[test]
fn each_key_of_the_table_changes_the_configuration() {
    for key in Key::ALL {
        // Without a consumer, there is no context, and words are replaced as names are.
        let base = match key {
            Key::ContextTokens => &[("consumer", "axolotl")][..],
            Key::RedactWords => &[("redact", "name")],
            _ => &[],
        };
        let default = load("", &[], base).unwrap();
        let value = another_value(*key);
        let overrides = [base, &[(key.name(), &*value)]].concat();
        let changed = load("", &[], &overrides).unwrap();
        assert_ne!(changed.values, default.values);
        let only_fields = Configuration {
            values: default.values.clone(),
            ..changed
        };
        assert_ne!(only_fields, default, "no field has {}", key.name());
    }
}

#[test]
fn a_request_comes_last_and_chooses_among_the_operators_models() {
    let operator = load(
        "",
        &[("RESONARE_ROLE_ORDER", "user_first")],
        &[("salvage", "true")],
    );
    let operator = operator.unwrap();
    let request = owned(&[("salvage", "false"), ("model_id", "a/b")]);
    let merged = operator.with_request(request).unwrap();
    assert!(!merged.pipeline.salvage);
    assert_eq!(merged.pipeline.role_order, operator.pipeline.role_order);
    assert_eq!(merged.model_id, "a/b");
    assert_eq!(merged.allowed_models, ["meta-llama/Llama-3.2-1B"]);
    let refused = operator.with_request(owned(&[("max_tokens_per_block", "200")]));
    insta::assert_snapshot!(refused.unwrap_err(), @"min_tokens_per_block (300 from the defaults) must be below max_tokens_per_block (200 from the request)");
}

#[test]
fn later_layers_win() {
    let yaml = "min_tokens_per_block: 1\nmax_tokens_per_block: 2\noutput:\n  local_dir: a\n";
    let environment = [
        ("RESONARE_MAX_TOKENS_PER_BLOCK", "20"),
        ("RESONARE_OUTPUT__LOCAL_DIR", "b"),
        ("OTHER", "x"),
    ];
    let configuration = load(yaml, &environment, &[("output.local_dir", "c")]).unwrap();
    assert_eq!(
        configuration.pipeline.limits,
        TokenLimits::new(1, 20).unwrap()
    );
    assert_eq!(configuration.output_local_dir, PathBuf::from("c"));
}

#[test]
fn both_spellings_of_the_threshold_are_read() {
    let seconds = |configuration: Configuration| configuration.pipeline.threshold.as_secs();
    assert_eq!(
        seconds(load("convo_block_thereshold_secs: 7", &[], &[]).unwrap()),
        7
    );
    assert_eq!(
        seconds(load("convo_block_threshold_secs: 8", &[], &[]).unwrap()),
        8
    );
    let environment = [("RESONARE_CONVO_BLOCK_THERESHOLD_SECS", "9")];
    assert_eq!(
        seconds(load("convo_block_threshold_secs: 8", &environment, &[]).unwrap()),
        9
    );
}

#[test]
fn a_frozen_configuration_is_the_same_whatever_is_configured_later() {
    let overrides = [
        ("target_name", "user5"),
        ("system_prompt", "a, b"),
        ("date_limit", "2024-01-31"),
        ("chat_types", "bot_chat,personal_chat"),
        ("salvage", "true"),
        ("message_delimiter", ""),
        ("min_tokens_per_block", "0"),
        ("role_order", "user_first"),
        ("token_budget", "rendered"),
        ("output.raw", "always"),
        ("keep_input", "true"),
    ];
    let for_a_consumer = [
        ("consumer", "bedrock-nova"),
        ("token_budget", "content"),
        ("context_tokens", "0"),
    ];
    for overrides in [&[][..], &overrides, &for_a_consumer] {
        let configuration = load("", &[], overrides).unwrap();
        let frozen = configuration.to_json();
        let thawed = Configuration::from_json(&frozen).unwrap();
        assert_eq!(thawed.to_json(), frozen);
        assert_eq!(thawed.pipeline, configuration.pipeline);
        assert_eq!(thawed.output_formats, configuration.output_formats);
        assert_eq!(thawed.preset(), configuration.preset());
    }
}

#[test]
fn what_a_consumer_sets_counts_over_earlier_layers_and_not_over_its_own() {
    let yaml = "role_order: as_is\ntoken_budget: content";
    let for_trl = load(yaml, &[], &[("consumer", "trl")]).unwrap();
    assert_eq!(for_trl.pipeline.role_order, RoleOrder::UserFirst);
    assert_eq!(for_trl.pipeline.token_budget, TokenBudget::Template);
    assert_eq!(for_trl.pipeline.loss, Loss::Assistant);
    let same_layer = [("consumer", "trl"), ("role_order", "as_is")];
    let own = load("", &[], &same_layer).unwrap();
    assert_eq!(own.pipeline.role_order, RoleOrder::AsIs);
    let later = for_trl.with_request(owned(&[("token_budget", "rendered")]));
    let later = later.unwrap();
    assert_eq!(later.pipeline.token_budget, TokenBudget::Rendered);
    assert_eq!(later.pipeline.role_order, RoleOrder::UserFirst);
    let without = for_trl.with_request(owned(&[("consumer", "")])).unwrap();
    assert_eq!(without.pipeline.role_order, RoleOrder::AsIs);
    assert!(without.preset().is_empty());
}

#[test]
fn what_a_consumer_sets_follows_the_model_that_a_request_chooses() {
    let operator = load("", &[], &[("consumer", "trl")]).unwrap();
    assert_eq!(operator.pipeline.system_as, SystemAs::System);
    let request = owned(&[("model_id", "google/gemma-2-2b")]);
    let gemma = operator.with_request(request).unwrap();
    assert_eq!(gemma.pipeline.system_as, SystemAs::FirstUser);
}

#[test]
fn what_a_consumer_refuses_is_named_with_its_layer() {
    insta::assert_snapshot!(error("consumer: together", &[("RESONARE_ROLE_ORDER", "as_is")], &[]), @"role_order: as_is (from the environment) is not allowed here: Together needs user_first: turns must alternate, the user first");
    insta::assert_snapshot!(error("", &[], &[("consumer", "bedrock-nova"), ("output.formats", "messages")]), @r#"output.formats: ["messages"] (from the command line) is not allowed here: Bedrock (Nova) needs bedrock: only conversations in the form of Bedrock's Converse API are read"#);
    insta::assert_snapshot!(error("", &[], &[("consumer", "openai"), ("loss", "all")]), @"loss: all (from the command line) is not allowed here: OpenAI needs assistant: it learns the assistant's turns alone");
    insta::assert_snapshot!(error("", &[], &[("consumer", "trl"), ("context_tokens", "9")]), @"context_tokens: 9 (from the command line) is not allowed here: TRL can't mark messages that are not learned; axolotl, together, openai can");
    let context =
        |more: &[(&str, &str)]| error("", &[], &[&[("consumer", "openai")], more].concat());
    insta::assert_snapshot!(context(&[("context_tokens", "9"), ("output.formats", "sharegpt")]), @"context_tokens: 9 (from the command line) is not allowed here: sharegpt can't mark messages that are not learned");
    insta::assert_snapshot!(context(&[("context_tokens", "501")]), @"context_tokens: 501 (from the command line) is not allowed here: between min_tokens_per_block and max_tokens_per_block there is room for 500");
    insta::assert_snapshot!(error("", &[], &[("context_tokens", "9")]), @"context_tokens: 9 (from the command line) is not allowed here: without a consumer, lines can't mark messages that are not learned; axolotl, together, openai can");
}

#[test]
fn a_chat_template_is_looked_for_where_a_trainer_or_the_budget_wants_it() {
    let wants = |overrides| load("", &[], overrides).unwrap().wants_chat_template();
    assert!(!wants(&[]));
    assert!(wants(&[("consumer", "trl")]));
    assert!(!wants(&[("consumer", "together")]));
    assert!(wants(&[("token_budget", "template")]));
}

#[test]
fn context_may_fill_the_room_between_the_limits() {
    let filling = [("consumer", "openai"), ("context_tokens", "500")];
    assert!(load("", &[], &filling).is_ok());
}

#[test]
fn a_system_prompt_that_is_not_written_is_not_refused() {
    let gemma = [("consumer", "trl"), ("model_id", "google/gemma-2-2b")];
    let with = |more: &[(&str, &str)]| load("", &[], &[&gemma, more].concat());
    assert!(with(&[("system_as", "system")]).is_ok());
    assert!(with(&[("system_as", "none"), ("system_prompt", "x")]).is_ok());
    assert!(with(&[("system_as", "system"), ("system_prompt", "x")]).is_err());
}

#[test]
fn without_a_chat_template_blocks_are_measured_as_emitted_unless_that_was_asked_for() {
    let preset = load("", &[], &[("consumer", "trl")]).unwrap();
    let frozen = Configuration::from_json(&preset.to_json()).unwrap();
    for configuration in [preset, frozen] {
        let rendered = configuration.without_chat_template("gated").unwrap();
        assert_eq!(rendered.pipeline.token_budget, TokenBudget::Rendered);
        assert_eq!(rendered.to_json()["token_budget"], "rendered");
        let preset = rendered.preset();
        let budget = preset.iter().find(|setting| setting.key == "token_budget");
        assert!(budget.unwrap().why.ends_with("out of reach"));
    }
    let asked = load("", &[], &[("token_budget", "template")]).unwrap();
    let refused = asked.without_chat_template("it is gated").unwrap_err();
    insta::assert_snapshot!(refused, @"token_budget: template (from the command line) needs the model's chat template: it is gated");
    let content = load("", &[], &[]).unwrap();
    assert!(content.without_chat_template("gated").is_ok());
}

#[test]
fn a_job_keeps_what_shapes_its_result_and_no_places() {
    let frozen = Configuration::default().to_json();
    let places = [
        "input.mode",
        "input.file",
        "input.dir",
        "output.modes",
        "output.local_dir",
        "output.s3_bucket",
        "output.s3_region",
        "allowed_models",
    ];
    for key in Key::ALL {
        let is_kept = frozen.contains_key(key.name());
        assert_eq!(is_kept, !places.contains(&key.name()), "{}", key.name());
    }
}

#[test]
fn a_group_without_keys_sets_nothing_and_a_key_without_a_value_is_no_group() {
    let empty = load("output:\ninput:\n", &[], &[]).unwrap();
    assert_eq!(empty, Configuration::default());
    assert!(error("colour:", &[], &[]).starts_with("unknown configuration key `colour`"));
}

#[test]
fn none_is_written_in_several_ways() {
    for yaml in [
        "date_limit: null",
        "date_limit:",
        "date_limit: None",
        "date_limit: ''",
    ] {
        assert_eq!(
            load(yaml, &[], &[]).unwrap().pipeline.date_limit,
            None,
            "{yaml}"
        );
    }
    assert!(
        load("date_limit: 2024-01-31", &[], &[])
            .unwrap()
            .pipeline
            .date_limit
            .is_some()
    );
}

#[test]
fn lists_are_lists_or_names_with_commas() {
    let types = |configuration: Configuration| configuration.pipeline.chat_types;
    let yaml = "chat_types: [personal_chat, private_group]";
    assert_eq!(
        types(load(yaml, &[], &[]).unwrap()),
        ["personal_chat", "private_group"]
    );
    let environment = [("RESONARE_CHAT_TYPES", "bot_chat, personal_chat")];
    assert_eq!(
        types(load("", &environment, &[]).unwrap()),
        ["bot_chat", "personal_chat"]
    );
}

#[test]
fn errors_name_key_value_origin_and_what_is_allowed() {
    insta::assert_snapshot!(error("max_tokens_per_block: many", &[], &[]), @r#"max_tokens_per_block: "many" (from config.yaml) is not allowed; expected a whole number from 1 to 4294967295"#);
    insta::assert_snapshot!(error("", &[("RESONARE_SALVAGE", "maybe")], &[]), @r#"salvage: "maybe" (from the environment) is not allowed; expected true or false"#);
    insta::assert_snapshot!(error("", &[], &[("date_limit", "soon")]), @r#"date_limit: "soon" (from the command line) is not allowed; expected an ISO 8601 date or date-time such as 2024-01-31; leave it out for none"#);
    insta::assert_snapshot!(error("target_name: 5", &[], &[]), @"target_name: 5 (from config.yaml) is not allowed; expected text (in quotes)");
    insta::assert_snapshot!(error("role_order: 5", &[], &[]), @"role_order: 5 (from config.yaml) is not allowed; expected one of as_is, user_first");
    insta::assert_snapshot!(error("min_tokens_per_block: 800", &[], &[]), @"min_tokens_per_block (800 from config.yaml) must be below max_tokens_per_block (800 from the defaults)");
    assert!(error("tokeniser: x", &[], &[]).starts_with("unknown configuration key `tokeniser`"));
    assert!(
        error("output: {dir: x}", &[], &[]).starts_with("unknown configuration key `output.dir`")
    );
    assert!(
        error("chat_types: [personal]", &[], &[])
            .contains("expected one or more of saved_messages")
    );
    assert!(error("a: [", &[], &[]).starts_with("failed to read the configuration"));
}

#[test]
fn where_personal_data_is_replaced_raw_chats_are_written_only_on_demand() {
    let raw =
        |yaml: &str, overrides: &[(&str, &str)]| load(yaml, &[], overrides).unwrap().output_raw;
    let email = ("redact", "email");
    assert_eq!(raw("", &[]), RawOutput::S3);
    assert_eq!(raw("", &[email]), RawOutput::Never);
    assert_eq!(raw("output: {raw: always}", &[email]), RawOutput::Never);
    let both = [email, ("output.raw", "always")];
    assert_eq!(raw("", &both), RawOutput::Always);
    assert_eq!(
        raw("redact: [email]", &[("output.raw", "s3")]),
        RawOutput::S3
    );
    assert_eq!(raw("redact: [email]", &[("redact", "")]), RawOutput::S3);
    let frozen = load("", &[], &[email]).unwrap().to_json();
    let thawed = Configuration::from_json(&frozen).unwrap();
    assert_eq!(thawed.output_raw, RawOutput::Never);
}

#[test]
fn words_that_are_to_be_replaced_need_names_to_be_replaced() {
    insta::assert_snapshot!(error("", &[], &[("redact_words", "a,b")]), @"redact_words: a list of 2 (from the command line) is not allowed here: they are replaced as names are: add name to redact");
    let named = [("redact", "name"), ("redact_words", "a,b")];
    assert_eq!(
        load("", &[], &named).unwrap().pipeline.redact_words,
        ["a", "b"]
    );
}

#[test]
fn lists_and_the_target_are_shown_only_where_nothing_is_replaced() {
    let lists = [
        ("exclude_words", "a,b"),
        ("exclude_chats", "c"),
        ("target_name", "Me"),
    ];
    let open = load("", &[], &lists).unwrap();
    assert_eq!(open.to_public_json(), open.to_json());
    let redacting = [&lists[..], &[("redact", "name"), ("redact_words", "d,e,f")]].concat();
    let shown = load("", &[], &redacting).unwrap().to_public_json();
    let values = [
        "exclude_words",
        "exclude_chats",
        "redact_words",
        "target_name",
    ];
    let values = values.map(|key| shown[key].to_string());
    assert_eq!(values, ["2", "1", "3", "\"Person 1\""]);
}

#[test]
fn a_consumer_is_told_by_its_name_in_any_case() {
    let loaded = load("", &[], &[("consumer", "Axolotl")]).unwrap();
    assert_eq!(loaded.to_json()["consumer"], "axolotl");
}
