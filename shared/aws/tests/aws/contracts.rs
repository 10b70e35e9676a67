//! The contract suites, and what is S3's own.

use std::io::{Read as _, Write as _};

use resonare_aws::S3UrlReader;
use resonare_jobs::ports::{Completion, Downloads as _, ObjectStore as _, Uploads as _};
use resonare_jobs::testkit::{job_store_contract, object_store_contract, queue_contract, record};
use resonare_jobs::{Output, Payload, RunId, output_key};
use resonare_tokenizer::testkit::model_files_contract;
use resonare_tokenizer::{FilesError, UrlReader as _};
use tokio::runtime::Handle;

use crate::emulator::{Emulator, Program};

/// The suites, against one emulator.
macro_rules! contracts {
    ($module:ident, $program:expr) => {
        mod $module {
            use super::*;

            #[tokio::test(flavor = "multi_thread")]
            async fn records_keep_the_contract() {
                let emulator = Emulator::start($program).await;
                job_store_contract(&emulator.records().await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn the_queue_keeps_the_contract() {
                let emulator = Emulator::start($program).await;
                queue_contract(&emulator.queue().await, tokio::time::sleep).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn objects_keep_the_contract() {
                let emulator = Emulator::start($program).await;
                object_store_contract(&emulator.objects().await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn the_files_of_models_keep_the_contract() {
                let emulator = Emulator::start($program).await;
                let files = emulator.model_files().await;
                let kept = tokio::task::spawn_blocking(move || model_files_contract(&files));
                kept.await.unwrap();
            }
        }
    };
}

contracts!(ministack, Program::Ministack);
contracts!(moto, Program::Moto);

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_read_and_removed_in_the_version_that_is_named() {
    let emulator = Emulator::start(Program::Ministack).await;
    let objects = emulator.objects().await;
    let s3 = &emulator.clients.s3;
    let put = async |bytes: &'static [u8]| {
        let put = s3.put_object().bucket("jobs").key("uploads/result.json");
        let put = put.body(aws_sdk_s3::primitives::ByteStream::from_static(bytes));
        put.send().await.unwrap().e_tag.unwrap()
    };
    let first = put(b"first").await;
    let second = put(b"second").await;
    let open = async |version: &str| {
        let opened = objects.open("uploads/result.json", Some(version)).await;
        opened.unwrap().map(|object| object.size_bytes)
    };
    assert_eq!((open(&first).await, open(&second).await), (None, Some(6)));
    objects
        .remove("uploads/result.json", Some(&second))
        .await
        .unwrap();
    assert_eq!(open(&second).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_address_takes_what_was_announced_once() {
    let emulator = Emulator::start(Program::Ministack).await;
    let objects = emulator.objects().await;
    let run_id = RunId::generate(jiff::Timestamp::now());
    let payload = objects.begin(run_id, 5, None).await.unwrap();
    let plan = objects.plan(run_id, &payload).await.unwrap();
    assert!(!plan.needs_completion);
    let waiting = objects.complete(&payload).await.unwrap();
    assert_eq!(waiting, Completion::Incomplete);
    let part = plan.parts[0].clone();
    let put = tokio::task::spawn_blocking(move || {
        let send = |bytes: &[u8]| {
            let mut request = ureq::put(&part.url);
            for (name, value) in &part.headers {
                request = request.header(name, value);
            }
            let sent = request.config().http_status_as_error(false).build();
            sent.send(bytes).unwrap().status().as_u16()
        };
        [send(b"hello"), send(b"again")]
    });
    let [first, again] = put.await.unwrap();
    assert_eq!(first, 200);
    assert_eq!(again, 412, "what is there is not overwritten");
    let Completion::Done(Payload { key, version, .. }) = objects.complete(&payload).await.unwrap()
    else {
        panic!("the object is there");
    };
    let mut object = objects
        .open(&key, version.as_deref())
        .await
        .unwrap()
        .unwrap();
    let read = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        object.reader.read_to_string(&mut text).map(|_| text)
    });
    assert_eq!(read.await.unwrap().unwrap(), "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_show_a_report_and_save_other_outputs() {
    let emulator = Emulator::start(Program::Ministack).await;
    let objects = emulator.objects().await;
    let job = record("me", 0);
    let mut told = Vec::new();
    for name in ["report.html", "train.jsonl"] {
        let key = output_key(job.run_id, name);
        let writer = objects.create(&key).await.unwrap();
        tokio::task::spawn_blocking(|| writer.finish())
            .await
            .unwrap()
            .unwrap();
        let output = Output {
            name: name.to_owned(),
            size_bytes: 0,
        };
        let address = objects.address(&job, &output).await.unwrap().unwrap();
        let get = tokio::task::spawn_blocking(move || {
            let response = ureq::get(&address).call().unwrap();
            let header = |name| response.headers()[name].to_str().unwrap().to_owned();
            [header("content-type"), header("content-disposition")]
        });
        told.push(get.await.unwrap());
    }
    assert_eq!(told[0], ["text/html; charset=utf-8", "inline"]);
    assert_eq!(told[1][1], "attachment");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_upload_has_parts_and_is_completed_once() {
    let emulator = Emulator::start(Program::Ministack).await;
    let objects = emulator.objects().await;
    let run_id = RunId::generate(jiff::Timestamp::now());
    let payload = objects.begin(run_id, 6_000_000_000, None).await.unwrap();
    let plan = objects.plan(run_id, &payload).await.unwrap();
    assert!(plan.needs_completion);
    let sizes = plan.parts.iter().map(|part| part.size_bytes);
    assert_eq!(sizes.sum::<u64>(), 6_000_000_000);
    let incomplete = objects.complete(&payload).await.unwrap();
    assert_eq!(incomplete, Completion::Incomplete);
    // The same with a size that a test can send.
    let payload = Payload {
        size_bytes: 3,
        ..payload
    };
    let url = plan.parts[0].url.clone();
    let signed_size = objects.plan(run_id, &payload).await.unwrap();
    assert_ne!(signed_size.parts[0].url, url, "the size is signed");
    let part = signed_size.parts[0].clone();
    let put = tokio::task::spawn_blocking(move || {
        let mut request = ureq::put(&part.url);
        for (name, value) in &part.headers {
            request = request.header(name, value);
        }
        request.send("abc").unwrap().status().as_u16()
    });
    assert_eq!(put.await.unwrap(), 200);
    for _ in 0..2 {
        let done = objects.complete(&payload).await.unwrap();
        assert!(matches!(done, Completion::Done(_)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_object_leaves_no_upload() {
    let emulator = Emulator::start(Program::Ministack).await;
    let objects = emulator.objects().await;
    let mut writer = objects.create("a/b").await.unwrap();
    let written = tokio::task::spawn_blocking(move || {
        writer.write_all(&vec![0; 20 << 20]).unwrap();
    });
    written.await.unwrap();
    for _ in 0..50 {
        let list = emulator.clients.s3.list_multipart_uploads().bucket("jobs");
        if list.send().await.unwrap().uploads().is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("an upload is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_an_upload_are_removed_with_its_run() {
    let emulator = Emulator::start(Program::Ministack).await;
    let objects = emulator.objects().await;
    let [removed, other] = [(); 2].map(|()| RunId::generate(jiff::Timestamp::now()));
    for run_id in [removed, other] {
        objects.begin(run_id, 6_000_000_000, None).await.unwrap();
    }
    let prefix = format!("uploads/{removed}/payload");
    objects.remove_all(&prefix).await.unwrap();
    let list = emulator.clients.s3.list_multipart_uploads().bucket("jobs");
    let left = list.send().await.unwrap();
    let left: Vec<_> = left
        .uploads()
        .iter()
        .filter_map(|upload| upload.key())
        .collect();
    assert_eq!(left, [format!("uploads/{other}/payload")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tokenizer_is_read_by_its_url() {
    let emulator = Emulator::start(Program::Ministack).await;
    let bucket = emulator.bucket().await;
    let put = emulator.clients.s3.put_object().bucket(&bucket);
    let put = put.key("tokenizers/mine.json").body(b"{}".to_vec().into());
    put.send().await.unwrap();
    let reader = S3UrlReader::new(emulator.clients.s3.clone(), Handle::current());
    let read = tokio::task::spawn_blocking(move || {
        let read = |url: &str| reader.read(url);
        let mine = read("s3://jobs/tokenizers/mine.json").unwrap();
        assert_eq!(mine.as_deref(), Some(&b"{}"[..]));
        assert_eq!(read("s3://jobs/tokenizers/other.json").unwrap(), None);
        for wrong in ["s3://jobs", "https://jobs.example/mine.json"] {
            assert!(
                matches!(read(wrong), Err(FilesError::NotAUrl(_))),
                "{wrong}"
            );
        }
    });
    read.await.unwrap();
}
