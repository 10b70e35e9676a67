//! Where chat templates are found.

use std::path::Path;
use std::sync::Arc;

use resonare_consumers::MessageRef;
use resonare_pipeline::{ChatTemplate as _, NotRendered};
use resonare_tokenizer::{
    FilesError, Lookup, LookupError, ModelTemplate, NoTemplate, TemplateAnswer, UrlReader,
    WantedTokenizer,
};

use crate::support::{TOKENIZER, answer, closed, hub, lookup, serving};

const TEMPLATE: &str = "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('No system!') }}{% endif %}{{ m.content }} {{ eos }}{% endfor %}";
const CONFIG: &str = r#"{"bos_token": "<s>", "added_tokens_decoder": {}}"#;

fn ask(lookup: &Lookup, tokenizer: Option<&Path>) -> Result<TemplateAnswer, LookupError> {
    let wanted = WantedTokenizer {
        model_id: "org/model".to_owned(),
        tokenizer: tokenizer.map(|path| path.to_str().unwrap().to_owned()),
        require_exact: false,
    };
    Ok(lookup.find_with_template(&wanted)?.template)
}

fn found(lookup: &Lookup, tokenizer: Option<&Path>) -> Arc<ModelTemplate> {
    match ask(lookup, tokenizer).unwrap() {
        TemplateAnswer::Found(template) => template,
        TemplateAnswer::Missing(none) => panic!("{none:?}"),
    }
}

fn missing(lookup: &Lookup, tokenizer: Option<&Path>) -> NoTemplate {
    match ask(lookup, tokenizer).unwrap() {
        TemplateAnswer::Found(template) => panic!("{template:?}"),
        TemplateAnswer::Missing(none) => none,
    }
}

/// A folder with files of a model.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

#[test]
fn special_tokens_are_recognized_in_what_a_template_renders() {
    let (endpoint, _) = serving(&[
        ("tokenizer.json", TOKENIZER),
        ("chat_template.jinja", TEMPLATE),
        ("tokenizer_config.json", CONFIG),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let template = found(&lookup(&endpoint, folder.path()), None);
    let count = |role, content| template.count(&[MessageRef::new(role, content)]);
    // Otherwise `<s>` would be three.
    assert_eq!(count("user", "hello hello"), Ok(3));
    let refused = NotRendered::Refused("No system!".to_owned());
    assert_eq!(count("system", "hello"), Err(refused));
    assert_eq!(template.special_tokens(), ["<s>"]);
    assert_eq!(template.source(), TEMPLATE);
    assert_eq!(template.origin(), "hub:org/model@abc123");
}

#[test]
fn what_the_hub_gives_is_kept_with_its_revision() {
    let (endpoint, seen) = serving(&[
        ("tokenizer.json", TOKENIZER),
        ("chat_template.jinja", TEMPLATE),
        ("tokenizer_config.json", CONFIG),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let first = found(&lookup(&endpoint, folder.path()), None);
    let paths: Vec<String> = seen
        .lock()
        .unwrap()
        .iter()
        .map(|(path, _)| path.clone())
        .collect();
    let expected = [
        "/org/model/resolve/main/tokenizer.json",
        "/org/model/resolve/abc123/chat_template.jinja",
        "/org/model/resolve/abc123/tokenizer_config.json",
    ];
    assert_eq!(paths, expected);
    let second = found(&lookup(&closed(), folder.path()), None);
    assert_eq!(second.origin(), first.origin());
    assert_eq!(second.source(), first.source());
}

#[test]
fn a_template_in_the_configuration_is_taken_where_there_is_no_file() {
    let configuration = r#"{"chat_template": "{{ bos_token }}", "bos_token": "x"}"#;
    let older = r#"{"bos_token": "<s>"}"#;
    let (endpoint, _) = serving(&[
        ("tokenizer.json", TOKENIZER),
        ("tokenizer_config.json", configuration),
        ("special_tokens_map.json", older),
    ]);
    let folder = tempfile::tempdir().unwrap();
    for endpoint in [endpoint, closed()] {
        let template = found(&lookup(&endpoint, folder.path()), None);
        assert_eq!(template.source(), "{{ bos_token }}");
        assert_eq!(template.special_tokens(), ["<s>"]);
    }
}

#[test]
fn a_kept_template_that_has_changed_is_refused() {
    let (endpoint, _) = serving(&[
        ("tokenizer.json", TOKENIZER),
        ("chat_template.jinja", TEMPLATE),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let lookup = lookup(&endpoint, folder.path());
    found(&lookup, None);
    let kept = folder.path().join("org/model/chat_template.jinja");
    std::fs::write(&kept, "other").unwrap();
    assert!(matches!(
        ask(&lookup, None),
        Err(LookupError::Changed { .. })
    ));
    // One that is gone is fetched again.
    std::fs::remove_file(&kept).unwrap();
    assert_eq!(found(&lookup, None).source(), TEMPLATE);
    assert!(kept.exists());
}

#[test]
fn files_of_ones_own_need_no_hub() {
    let folder = folder(&[
        ("org/model/tokenizer.json", TOKENIZER),
        (
            "org/model/tokenizer_config.json",
            r#"{"chat_template": "a"}"#,
        ),
    ]);
    let template = found(&lookup(&closed(), folder.path()), None);
    let expected = "tokenizers/org/model/tokenizer_config.json";
    assert_eq!((template.origin(), template.source()), (expected, "a"));
}

#[test]
fn the_folder_of_a_configured_tokenizer_comes_before_the_model() {
    let folder = folder(&[
        ("mine/tokenizer.json", TOKENIZER),
        ("mine/chat_template.jinja", "mine"),
        ("bare/tokenizer.json", TOKENIZER),
        ("org/model/chat_template.jinja", "the model's"),
    ]);
    let lookup = lookup(&closed(), folder.path());
    let path = |name: &str| folder.path().join(name);
    for (tokenizer, source) in [
        ("mine", "mine"),
        ("mine/tokenizer.json", "mine"),
        ("bare", "the model's"),
    ] {
        assert_eq!(found(&lookup, Some(&path(tokenizer))).source(), source);
    }
    std::fs::remove_file(path("org/model/chat_template.jinja")).unwrap();
    let reason = missing(&lookup, Some(&path("bare"))).reason;
    let beside =
        "there is no chat template beside the configured tokenizer, and the model hub can't";
    assert!(reason.starts_with(beside), "{reason}");
}

/// Has a tokenizer and its template, and says of other objects that they can't be read.
struct Bucket;

impl UrlReader for Bucket {
    fn read(&self, url: &str) -> Result<Option<Vec<u8>>, FilesError> {
        let text = match url {
            "s3://bucket/a/tokenizer.json" | "s3://bucket/b/tokenizer.json" => TOKENIZER,
            "s3://bucket/a/chat_template.jinja" => TEMPLATE,
            "s3://bucket/a/tokenizer_config.json" => CONFIG,
            _ => {
                return Err(FilesError::Unavailable {
                    location: url.to_owned(),
                    cause: "access denied".into(),
                });
            }
        };
        Ok(Some(text.as_bytes().to_vec()))
    }
}

#[test]
fn what_is_beside_a_url_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let lookup = Lookup {
        urls: Arc::new(Bucket),
        ..lookup(&closed(), folder.path())
    };
    let url = |name: &str| Path::new("s3://bucket").join(name);
    let template = found(&lookup, Some(&url("a/tokenizer.json")));
    assert_eq!(template.origin(), "s3://bucket/a/chat_template.jinja");
    let none = missing(&lookup, Some(&url("b/tokenizer.json")));
    assert!(none.may_pass);
    assert!(none.reason.contains("b/chat_template.jinja"), "{none:?}");
}

#[test]
fn encodings_and_fallbacks_have_no_template() {
    let folder = tempfile::tempdir().unwrap();
    let none = missing(
        &lookup(&closed(), folder.path()),
        Some(Path::new("o200k_base")),
    );
    assert_eq!(none.reason, "encodings of OpenAI's have no chat template");
    let (endpoint, seen) = hub(vec![answer("401 Unauthorized", "", "no")]);
    let none = missing(&lookup(&endpoint, folder.path()), None);
    assert!(
        none.reason.contains("HF_TOKEN") && !none.may_pass,
        "{none:?}"
    );
    assert_eq!(
        seen.lock().unwrap().len(),
        1,
        "only the tokenizer is asked for"
    );
    assert!(missing(&lookup(&closed(), folder.path()), None).may_pass);
}

#[test]
fn the_reason_says_what_the_hub_said() {
    let tokenizer = [("org/model/tokenizer.json", TOKENIZER)];
    for (status, words, may_pass) in [
        (
            "404 Not Found",
            "the model hub has no chat template for org/model",
            false,
        ),
        (
            "403 Forbidden",
            "refuses the chat template of org/model (403)",
            false,
        ),
    ] {
        let folder = folder(&tokenizer);
        let (endpoint, _) = hub(vec![answer(status, "", "no")]);
        let none = missing(&lookup(&endpoint, folder.path()), None);
        assert!(none.reason.contains(words), "{none:?}");
        assert_eq!(none.may_pass, may_pass);
    }
    let folder = folder(&tokenizer);
    let none = missing(&lookup(&closed(), folder.path()), None);
    assert!(
        none.reason.contains("can't be reached") && none.may_pass,
        "{none:?}"
    );
    let (endpoint, _) = hub(vec![answer("502 Bad Gateway", "", "")]);
    assert!(
        ask(&lookup(&endpoint, folder.path()), None)
            .unwrap_err()
            .is_retryable()
    );
}

#[test]
fn a_template_that_cant_be_used_is_none_and_is_not_kept() {
    for (name, text) in [
        ("chat_template.jinja", "{% if %}"),
        ("tokenizer_config.json", "["),
    ] {
        let (endpoint, _) = serving(&[("tokenizer.json", TOKENIZER), (name, text)]);
        let folder = tempfile::tempdir().unwrap();
        let none = missing(&lookup(&endpoint, folder.path()), None);
        assert!(none.reason.contains("can't be used: "), "{none:?}");
        assert!(!folder.path().join("org/model").join(name).exists());
    }
}
