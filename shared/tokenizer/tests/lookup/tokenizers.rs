//! Where tokenizers are found.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use resonare_pipeline::{TokenCounter as _, Tokenizer as _};
use resonare_tokenizer::{
    FilesError, FolderModelFiles, FoundTokenizer, HubError, Lookup, LookupError, NoUrls, UrlReader,
    WantedTokenizer,
};

use crate::support::{TOKENIZER, answer, closed, hub, lookup};

fn file() -> String {
    answer("200 OK", "x-repo-commit: abc123\r\n", TOKENIZER)
}

fn find_model(
    endpoint: &str,
    folder: &Path,
    model_id: &str,
    require_exact: bool,
) -> Result<FoundTokenizer, LookupError> {
    lookup(endpoint, folder).find(&WantedTokenizer {
        model_id: model_id.to_owned(),
        tokenizer: None,
        require_exact,
    })
}

fn find(endpoint: &str, folder: &Path, require_exact: bool) -> Result<FoundTokenizer, LookupError> {
    find_model(endpoint, folder, "org/model", require_exact)
}

#[test]
fn what_the_hub_gives_is_used_and_kept_with_its_revision() {
    let folder = tempfile::tempdir().unwrap();
    let (endpoint, seen) = hub(vec![file()]);
    let first = find(&endpoint, folder.path(), true).unwrap();
    // Padding and truncation are off, and a special token is ordinary text.
    let tokens = first.tokenizer.counter().count("hello hello world <s>");
    assert_eq!(tokens, 6);
    assert_eq!(first.info.source, "hub:org/model@abc123");
    let second = find(&endpoint, folder.path(), true).unwrap();
    assert_eq!(first.info, second.info);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 1, "the second time, the folder has it");
    assert_eq!(seen[0].0, "/org/model/resolve/main/tokenizer.json");
    assert!(seen[0].1.contains("authorization: bearer secret-token"));
}

#[test]
fn a_kept_file_that_has_changed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (endpoint, _) = hub(vec![file()]);
    find(&endpoint, folder.path(), true).unwrap();
    let kept = folder.path().join("org/model/tokenizer.json");
    std::fs::write(&kept, TOKENIZER.replace("hello", "other")).unwrap();
    assert!(matches!(
        find(&endpoint, folder.path(), true),
        Err(LookupError::Changed { .. })
    ));
}

#[test]
fn a_compiled_form_is_kept_and_made_anew_where_it_is_damaged_or_stale() {
    let folder = tempfile::tempdir().unwrap();
    let counts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/reference/counts.json");
    let counts: serde_json::Value =
        serde_json::from_slice(&std::fs::read(counts).unwrap()).unwrap();
    let path = folder.path().join("tokenizer.json");
    std::fs::copy(counts["bpe"]["source"].as_str().unwrap(), &path).unwrap();
    let kept = folder.path().join("tokenizer.json.compiled");
    let lookup = lookup(&closed(), folder.path());
    let wanted = WantedTokenizer {
        model_id: "org/model".to_owned(),
        tokenizer: path.to_str().map(str::to_owned),
        require_exact: true,
    };
    let find = || {
        let found = lookup.find(&wanted).unwrap();
        assert_eq!(found.info.engine, "compiled");
        (
            found.tokenizer.counter().count("hello world"),
            std::fs::read(&kept).unwrap(),
        )
    };
    let first = find();
    assert_eq!(find(), first);
    for damaged in [first.1[..1000].to_vec(), Vec::new(), vec![0; first.1.len()]] {
        std::fs::write(&kept, damaged).unwrap();
        assert_eq!(find(), first);
    }
    // Another tokenizer in the place of the first is not counted with the first one's tables.
    let other = std::fs::read_to_string(&path).unwrap() + "\n";
    std::fs::write(&path, other).unwrap();
    let second = find();
    assert_eq!(second.0, first.0);
    assert_ne!(second.1, first.1);
}

#[test]
fn a_file_of_ones_own_in_the_folder_needs_no_hub() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("org/model")).unwrap();
    std::fs::write(folder.path().join("org/model/tokenizer.json"), TOKENIZER).unwrap();
    let FoundTokenizer { info, .. } = find("http://127.0.0.1:9", folder.path(), true).unwrap();
    assert_eq!(
        (&*info.kind, &*info.source),
        ("huggingface", "tokenizers/org/model/tokenizer.json")
    );
}

#[test]
fn the_token_does_not_follow_a_redirect_to_another_host() {
    let folder = tempfile::tempdir().unwrap();
    let (storage, stored) = hub(vec![answer("200 OK", "", TOKENIZER)]);
    let redirect = answer(
        "302 Found",
        &format!("x-repo-commit: def\r\nlocation: {storage}/blob\r\n"),
        "",
    );
    let (endpoint, _) = hub(vec![redirect]);
    let FoundTokenizer { info, .. } = find(&endpoint, folder.path(), true).unwrap();
    assert_eq!(info.source, "hub:org/model@def");
    let stored = stored.lock().unwrap();
    assert_eq!(stored[0].0, "/blob");
    assert!(!stored[0].1.contains("secret-token"));
}

#[test]
fn a_redirect_on_the_same_host_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let redirect = answer(
        "307 Temporary Redirect",
        "location: /moved/tokenizer.json\r\n",
        "",
    );
    let (endpoint, seen) = hub(vec![redirect, file()]);
    find(&endpoint, folder.path(), true).unwrap();
    assert_eq!(seen.lock().unwrap()[1].0, "/moved/tokenizer.json");
}

#[test]
fn a_refusal_falls_back_and_says_so() {
    for (status, words) in [
        ("401 Unauthorized", "HF_TOKEN"),
        ("403 Forbidden", "ask for access at"),
        ("404 Not Found", "has no tokenizer.json"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (endpoint, seen) = hub(vec![answer(status, "", "no")]);
        let FoundTokenizer { info, .. } = find(&endpoint, folder.path(), false).unwrap();
        assert_eq!((&*info.kind, &*info.source), ("tiktoken", "o200k_base"));
        assert!(info.fallback_reason.unwrap().contains(words), "{status}");
        assert!(matches!(
            find(&endpoint, folder.path(), true),
            Err(LookupError::NotExact(_))
        ));
        assert_eq!(
            seen.lock().unwrap().len(),
            2,
            "a refusal is not tried again"
        );
    }
}

#[test]
fn a_passing_fault_is_tried_again() {
    for fault in [
        "500 Internal Server Error",
        "503 Service Unavailable",
        "429 Too Many Requests",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (endpoint, seen) = hub(vec![
            answer(fault, "", ""),
            answer(fault, "retry-after: 0\r\n", ""),
            file(),
        ]);
        find(&endpoint, folder.path(), false).unwrap();
        assert_eq!(seen.lock().unwrap().len(), 3, "{fault}");
    }
}

#[test]
fn a_fault_that_stays_is_an_error_and_not_a_fallback() {
    let folder = tempfile::tempdir().unwrap();
    let (endpoint, seen) = hub(vec![answer("502 Bad Gateway", "", "")]);
    let error = find(&endpoint, folder.path(), false).unwrap_err();
    assert!(
        matches!(error, LookupError::Hub(HubError::Unusable { .. })),
        "{error}"
    );
    assert!(error.is_retryable());
    assert_eq!(seen.lock().unwrap().len(), 4);
    // The hub was reached; what it leads to was not.
    let redirect = answer("302 Found", &format!("location: {}/blob\r\n", closed()), "");
    let (endpoint, seen) = hub(vec![redirect]);
    let error = find(&endpoint, folder.path(), false).unwrap_err();
    assert!(error.is_retryable(), "{error}");
    assert_eq!(seen.lock().unwrap().len(), 4);
}

#[test]
fn without_a_network_it_falls_back_and_says_so() {
    for endpoint in [closed(), "http://no-such-host.invalid".to_owned()] {
        let folder = tempfile::tempdir().unwrap();
        let found = find(&endpoint, folder.path(), false).unwrap();
        assert_eq!(found.info.source, "o200k_base");
        let reason = found.info.fallback_reason.unwrap();
        assert!(reason.contains("can't be reached"), "{reason}");
        let error = find(&endpoint, folder.path(), true).unwrap_err();
        assert!(matches!(error, LookupError::OutOfReach(_)), "{error}");
        assert!(error.is_retryable());
        // What is kept needs no network.
        let (reachable, _) = hub(vec![file()]);
        find(&reachable, folder.path(), true).unwrap();
        find(&endpoint, folder.path(), true).unwrap();
    }
}

#[test]
fn a_gated_model_names_a_public_one_with_the_same_tokenizer() {
    let folder = tempfile::tempdir().unwrap();
    let (endpoint, _) = hub(vec![answer("401 Unauthorized", "", "no")]);
    let reason = |model_id: &str| {
        let found = find_model(&endpoint, folder.path(), model_id, false).unwrap();
        found.info.fallback_reason.unwrap()
    };
    let known = reason("meta-llama/Llama-3.2-1B");
    assert!(
        known.contains("model_id to unsloth/Llama-3.2-1B"),
        "{known}"
    );
    assert!(!reason("org/model").contains("public"));
}

#[test]
fn no_text_names_an_option_of_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    for status in [
        "401 Unauthorized",
        "404 Not Found",
        "502 Bad Gateway",
        "418 Teapot",
    ] {
        let (endpoint, _) = hub(vec![answer(status, "", "")]);
        let error = find(&endpoint, folder.path(), true).unwrap_err();
        assert!(!error.to_string().contains("--"), "{error}");
    }
}

/// Has one tokenizer.
struct OneUrl;

impl UrlReader for OneUrl {
    fn read(&self, url: &str) -> Result<Option<Vec<u8>>, FilesError> {
        Ok((url == "s3://bucket/a.json").then(|| TOKENIZER.as_bytes().to_vec()))
    }
}

#[test]
fn a_tokenizer_is_read_from_a_url() {
    let folder = tempfile::tempdir().unwrap();
    let lookup = Lookup {
        urls: Arc::new(OneUrl),
        ..lookup(&closed(), folder.path())
    };
    let find = |lookup: &Lookup, url: &str| {
        lookup.find(&WantedTokenizer {
            model_id: "org/model".to_owned(),
            tokenizer: Some(url.to_owned()),
            require_exact: true,
        })
    };
    let found = find(&lookup, "s3://bucket/a.json").unwrap();
    assert_eq!(found.info.source, "s3://bucket/a.json");
    let error = find(&lookup, "s3://bucket/b.json").unwrap_err();
    assert_eq!(error.to_string(), "s3://bucket/b.json does not exist");
    let no_urls = Lookup {
        urls: Arc::new(NoUrls),
        ..lookup
    };
    let error = find(&no_urls, "s3://bucket/a.json").unwrap_err();
    assert!(
        matches!(error, LookupError::Files(FilesError::NotAUrl(_))),
        "{error}"
    );
}

#[test]
fn a_folder_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let files = FolderModelFiles::new(folder.path().join("new"));
    resonare_tokenizer::testkit::model_files_contract(&files);
}

#[test]
fn a_hub_that_hangs_or_breaks_off_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let broken_off = "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{\"version\"".to_owned();
    let (endpoint, _) = hub(vec![broken_off]);
    assert!(
        find(&endpoint, folder.path(), false)
            .unwrap_err()
            .is_retryable()
    );
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    assert!(
        find(&endpoint, folder.path(), false)
            .unwrap_err()
            .is_retryable()
    );
    assert!(!folder.path().join("org/model/tokenizer.json").exists());
}

#[test]
fn an_answer_that_is_not_a_tokenizer_is_a_final_error() {
    let folder = tempfile::tempdir().unwrap();
    for body in ["<html>", "{}"] {
        let (endpoint, _) = hub(vec![answer("200 OK", "", body)]);
        let error = find(&endpoint, folder.path(), false).unwrap_err();
        assert!(matches!(error, LookupError::Unusable { .. }), "{error}");
    }
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
}
