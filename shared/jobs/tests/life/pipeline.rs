//! Jobs whose processor is the pipeline.

use std::io::Read as _;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;
use resonare_jobs::ports::{JobStore as _, ObjectStore as _, WriteOutcome};
use resonare_jobs::{
    DeliveryOutcome, FoundModel, JobRecord, JobStatus, LARGEST_RECORD, ModelSource, NoTokenizer,
    PipelineProcessor,
};
use resonare_pipeline::{TokenCounter, Tokenizer, TokenizerInfo};
use resonare_settings::{Configuration, Layers};
use serde_json::{Value, json};

use crate::world::{World, owner};

/// Counts words.
#[derive(Clone, Copy)]
struct Words;

impl Tokenizer for Words {
    type Counter<'t> = Self;

    fn counter(&self) -> Self {
        *self
    }
}

impl TokenCounter for Words {
    fn count(&mut self, text: &str) -> u32 {
        u32::try_from(text.split_whitespace().count()).unwrap()
    }
}

/// Finds [`Words`], under a fingerprint that may change.
struct WordTokenizers {
    fingerprint: &'static str,
    fails_with: Option<NoTokenizer>,
    /// Why there is no chat template, where one is asked for.
    template: Option<&'static str>,
}

#[async_trait]
impl ModelSource for WordTokenizers {
    type Tokenizer = Words;

    async fn find(&self, _: &Configuration) -> Result<FoundModel<Words>, NoTokenizer> {
        if let Some(none) = &self.fails_with {
            return Err(none.clone());
        }
        let info = TokenizerInfo {
            kind: "words".to_owned(),
            source: "words".to_owned(),
            fingerprint: self.fingerprint.to_owned(),
            fallback_reason: None,
            engine: "compiled".to_owned(),
        };
        Ok(FoundModel {
            tokenizer: Arc::new(Words),
            info,
            chat_template: self.template.map(|reason| Err(reason.to_owned())),
            special_tokens: Vec::new(),
        })
    }
}

fn processor(world: &World, tokenizers: WordTokenizers) -> PipelineProcessor<WordTokenizers> {
    PipelineProcessor {
        objects: Arc::clone(&world.ports.objects),
        models: tokenizers,
        threads: NonZeroUsize::MIN,
        scratch_dir: std::env::temp_dir(),
        outputs_are_on_s3: true,
    }
}

fn words(fingerprint: &'static str) -> WordTokenizers {
    WordTokenizers {
        fingerprint,
        fails_with: None,
        template: None,
    }
}

fn export(chats: usize) -> String {
    let message =
        |from: &str, text: &str| json!({"from": from, "text": text, "date": "2024-01-01T10:00:00"});
    let messages = json!([
        message("Secret Ann", "how are you"),
        message("Me", "fine, secret thanks")
    ]);
    let chat = |number: usize| json!({"name": format!("Secret {number}"), "messages": messages});
    Value::from((0..chats).map(chat).collect::<Vec<_>>()).to_string()
}

async fn do_job(
    world: &World,
    payload: &str,
    target: &str,
    tokenizers: WordTokenizers,
) -> (DeliveryOutcome, JobRecord) {
    let overrides = [("target_name", target), ("output.raw", "always")];
    do_job_with(world, payload, &overrides, tokenizers).await
}

async fn do_job_with(
    world: &World,
    payload: &str,
    overrides: &[(&str, &str)],
    tokenizers: WordTokenizers,
) -> (DeliveryOutcome, JobRecord) {
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).into());
    let all = [&[("min_tokens_per_block", "1")], overrides].concat();
    let layers = Layers {
        overrides: all.iter().map(own).collect(),
        ..Layers::default()
    };
    let config = Configuration::load(layers).unwrap().to_json();
    let run_id = world.submit_with(payload.as_bytes(), config).await.unwrap();
    let message = world.message().await;
    let processor = processor(world, tokenizers);
    let handled = world
        .jobs
        .handle(&message, &processor, &AtomicBool::new(false))
        .await
        .unwrap();
    (handled, world.jobs.get(&owner(), run_id).await.unwrap())
}

async fn read(world: &World, job: &JobRecord, name: &str) -> String {
    let key = format!("{}/data/{name}", job.run_id);
    let mut text = String::new();
    world
        .objects
        .open(&key, None)
        .await
        .unwrap()
        .unwrap()
        .reader
        .read_to_string(&mut text)
        .unwrap();
    text
}

#[tokio::test]
async fn a_job_stores_the_outputs_and_the_numbers() {
    let world = World::new();
    let (handled, job) = do_job(&world, &export(2), "Me", words("1")).await;
    assert_eq!(handled, DeliveryOutcome::Completed);
    let names: Vec<_> = job.outputs.iter().map(|output| &*output.name).collect();
    assert_eq!(
        names,
        [
            "train.jsonl",
            "processed.json",
            "raw.json",
            "stats.json",
            "report.html"
        ]
    );
    for output in &job.outputs {
        assert_eq!(
            read(&world, &job, &output.name).await.len() as u64,
            output.size_bytes
        );
    }
    assert_eq!(read(&world, &job, "train.jsonl").await.lines().count(), 2);
    assert_eq!(job.stats.as_ref().unwrap().0["num_blocks"], 2);
    assert_eq!(job.tokenizer.as_ref().unwrap().fingerprint, "1");
    assert_eq!(job.progress.unwrap().bytes_read, export(2).len() as u64);
}

#[tokio::test]
async fn a_job_for_a_consumer_stores_its_format_and_what_it_needs() {
    let world = World::new();
    let overrides = [("target_name", "Me"), ("consumer", "bedrock-llama")];
    let (handled, job) = do_job_with(&world, &export(2), &overrides, words("1")).await;
    assert_eq!(handled, DeliveryOutcome::Completed);
    let names: Vec<_> = job.outputs.iter().map(|output| &*output.name).collect();
    let expected = [
        "train.jsonl",
        "processed.json",
        "raw.json",
        "train.bedrock.jsonl",
        "stats.json",
        "report.html",
        "bedrock-job.json",
        "README.md",
    ];
    assert_eq!(names, expected);
    let line = read(&world, &job, "train.bedrock.jsonl").await;
    assert!(line.starts_with(r#"{"schemaVersion":"bedrock-conversation-2024""#));
    let stats: serde_json::Value =
        serde_json::from_str(&read(&world, &job, "stats.json").await).unwrap();
    assert_eq!(stats["preset"][2]["value"], "bedrock");
    assert_eq!(stats["config"]["role_order"], "user_first");
    assert!(stats["training_length"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn what_is_for_validation_is_an_output_if_there_is_any() {
    let chats = ["Ann", "Ben"].map(|name| {
        let message = |from: &str, text: String| json!({"from": from, "text": text, "date": "2024-01-01T10:00:00"});
        let messages = [message(name, format!("I am {name}")), message("Me", "hello".to_owned())];
        json!({"name": name, "messages": messages})
    });
    let world = World::new();
    for (fraction, blocks) in [("0.5", 1), ("0.1", 0)] {
        let overrides = [
            ("target_name", "Me"),
            ("consumer", "bedrock-llama"),
            ("validation_fraction", fraction),
        ];
        let export = json!(chats).to_string();
        let (handled, job) = do_job_with(&world, &export, &overrides, words("1")).await;
        assert_eq!(handled, DeliveryOutcome::Completed);
        let names = job.outputs.iter().map(|output| &*output.name);
        let for_validation: Vec<_> = names
            .filter(|name| name.starts_with("validation"))
            .collect();
        let kit = read(&world, &job, "bedrock-job.json").await;
        let stats: Value = serde_json::from_str(&read(&world, &job, "stats.json").await).unwrap();
        assert_eq!(stats["split"]["validation_blocks"], blocks);
        if blocks == 0 {
            assert_eq!(for_validation, [""; 0]);
            assert!(!kit.contains("validation"), "{kit}");
        } else {
            assert_eq!(
                for_validation,
                ["validation.jsonl", "validation.bedrock.jsonl"]
            );
            assert!(kit.contains("/validation.bedrock.jsonl"), "{kit}");
            assert!(
                read(&world, &job, "validation.bedrock.jsonl")
                    .await
                    .contains("Ben")
            );
            assert!(
                !read(&world, &job, "train.bedrock.jsonl")
                    .await
                    .contains("Ben")
            );
        }
    }
}

#[tokio::test]
async fn a_job_whose_chat_template_is_out_of_reach_fails_if_it_was_asked_for() {
    let world = World::new();
    let tokenizers = WordTokenizers {
        template: Some("the model has none"),
        ..words("1")
    };
    let overrides = [("target_name", "Me"), ("token_budget", "template")];
    let (handled, job) = do_job_with(&world, &export(2), &overrides, tokenizers).await;
    assert_eq!(handled, DeliveryOutcome::Failed);
    let message = job.error_message.unwrap();
    assert!(message.ends_with("needs the model's chat template: the model has none"));
}

#[tokio::test]
async fn the_record_of_a_finished_job_says_what_applied_and_what_to_think_about() {
    let world = World::new();
    let tokenizers = WordTokenizers {
        template: Some("the model has none"),
        ..words("1")
    };
    let overrides = [
        ("target_name", "Me"),
        ("consumer", "trl"),
        ("min_tokens_per_block", "1"),
    ];
    let (handled, job) = do_job_with(&world, &export(2), &overrides, tokenizers).await;
    assert_eq!(handled, DeliveryOutcome::Completed);
    assert_eq!(job.config["token_budget"], "rendered");
    let stats = job.stats.clone().unwrap().0;
    let names: Vec<_> = stats["warnings"].as_array().unwrap().iter().collect();
    assert_eq!(
        names,
        [
            &json!({"name": "few_rows", "rows": 2, "recommended": 50}),
            &json!({"name": "learns_everything", "consumer": "trl"}),
        ]
    );
    let file = read(&world, &job, "stats.json").await;
    assert!(file.contains("there is little to learn from 2 blocks (at least 50"));
}

#[tokio::test]
async fn a_report_is_an_output_unless_it_is_not_wanted() {
    let world = World::new();
    let (_, job) = do_job(&world, &export(2), "Me", words("1")).await;
    let report = read(&world, &job, "report.html").await;
    assert!(report.contains("2 conversation blocks") && report.contains("fine, secret thanks"));
    let overrides = [("target_name", "Me"), ("report_samples", "0")];
    let (_, job) = do_job_with(&world, &export(2), &overrides, words("1")).await;
    let without_texts = read(&world, &job, "report.html").await;
    assert!(without_texts.contains("Secret 1") && !without_texts.contains("fine, secret"));
    let overrides = [("target_name", "Me"), ("output.report", "false")];
    let (_, job) = do_job_with(&world, &export(2), &overrides, words("1")).await;
    assert!(
        job.outputs
            .iter()
            .all(|output| output.name != "report.html")
    );
}

#[tokio::test]
async fn a_record_stays_small_and_names_nobody() {
    let world = World::new();
    // All chats have blocks, none has, or one has none.
    for (chats, least, ending) in [(5000, "1", "COMPLETED"), (5000, "100", "FAILED")] {
        let overrides = [("target_name", "Me"), ("min_tokens_per_block", least)];
        let (_, job) = do_job_with(&world, &export(chats), &overrides, words("1")).await;
        let record = serde_json::to_string(&job).unwrap();
        assert!(record.contains(ending) && record.len() < LARGEST_RECORD);
        assert!(!record.contains("Secret"), "{record}");
    }
}

#[tokio::test]
async fn a_record_does_not_name_the_chats_without_blocks() {
    let world = World::new();
    let message = json!({"from": "Secret Ann", "text": "hi", "date": "2024-01-01T10:00:00"});
    let mut chats: Vec<Value> = serde_json::from_str(&export(1)).unwrap();
    chats.push(json!({"name": "Secret short", "messages": [message]}));
    let payload = Value::from(chats).to_string();
    let overrides = [("target_name", "Me"), ("min_tokens_per_block", "3")];
    let (_, job) = do_job_with(&world, &payload, &overrides, words("1")).await;
    let record = serde_json::to_string(&job).unwrap();
    assert!(!record.contains("Secret"), "{record}");
    let stats = read(&world, &job, "stats.json").await;
    assert!(stats.contains("Secret short"), "{stats}");
}

#[tokio::test]
async fn a_failure_that_needs_names_leaves_them_in_the_statistics() {
    let world = World::new();
    let (handled, job) = do_job(&world, &export(2), "Nobody", words("1")).await;
    assert_eq!(
        (handled, job.status),
        (DeliveryOutcome::Failed, JobStatus::Failed)
    );
    let message = job.error_message.as_deref().unwrap();
    assert!(
        message.starts_with("none of the 4 kept messages is from the target"),
        "{message}"
    );
    assert!(message.ends_with("(stats.json names the senders)") && !message.contains("Secret"));
    assert!(
        read(&world, &job, "stats.json")
            .await
            .contains("Secret Ann")
    );
    let left = ["report.html", "stats.json"].map(|name| format!("{}/data/{name}", job.run_id));
    assert_eq!(world.objects.keys(), left);
}

#[tokio::test]
async fn bad_input_leaves_nothing() {
    let world = World::new();
    let (handled, job) = do_job(&world, "[{\"name\": tru}]", "Me", words("1")).await;
    assert_eq!(handled, DeliveryOutcome::Failed);
    assert!(
        job.error_message
            .unwrap()
            .starts_with("the export is not valid JSON: expected a value at line 1")
    );
    assert!(world.objects.keys().is_empty());
}

#[tokio::test]
async fn a_tokenizer_that_may_come_is_waited_for_and_one_that_changed_is_not() {
    let world = World::new();
    let none = NoTokenizer {
        message: "the hub is down".to_owned(),
        is_retryable: true,
    };
    let hub_is_down = WordTokenizers {
        fingerprint: "1",
        fails_with: Some(none),
        template: None,
    };
    let (handled, job) = do_job(&world, &export(1), "Me", hub_is_down).await;
    assert_eq!(
        (handled, job.status),
        (DeliveryOutcome::Postponed, JobStatus::Queued)
    );
    assert_eq!(job.error_message.as_deref(), Some("the hub is down"));

    // An attempt that found one froze it.
    let mut frozen = job.clone();
    frozen.revision += 1;
    frozen.tokenizer = Some(
        words("1")
            .find(&Configuration::default())
            .await
            .unwrap()
            .info,
    );
    assert_eq!(
        world.records.replace(&job, &frozen).await.unwrap(),
        WriteOutcome::Done
    );
    world.clock.advance(Duration::from_mins(1));
    let message = world.message().await;
    let changed = processor(&world, words("2"));
    let handled = world
        .jobs
        .handle(&message, &changed, &AtomicBool::new(false))
        .await
        .unwrap();
    assert_eq!(handled, DeliveryOutcome::Failed);
    let job = world.jobs.get(&owner(), job.run_id).await.unwrap();
    assert!(
        job.error_message
            .unwrap()
            .starts_with("the tokenizer changed")
    );
}
