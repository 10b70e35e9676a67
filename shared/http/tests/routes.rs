//! The routes, without a socket, over jobs in memory.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected has failed"
)]

use std::convert::Infallible;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use resonare_http::{Api, BodyLimits, CallerProof, Health, ServerTransfers};
use resonare_jobs::ports::{
    Creation, Downloads, JobStore as _, ObjectStore as _, Unavailable, WriteOutcome,
};
use resonare_jobs::testkit::{ManualClock, MemoryJobStore, MemoryObjectStore, MemoryQueue};
use resonare_jobs::{
    JobRecord, JobStatus, Jobs, Limits, NoObserver, Output, Owner, Ports, RunId, Timings,
};
use resonare_settings::Configuration;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// Knows every output but those called `gone.json`.
struct Addresses;

#[async_trait]
impl Downloads for Addresses {
    async fn address(
        &self,
        job: &JobRecord,
        output: &Output,
    ) -> Result<Option<String>, Unavailable> {
        let url = format!("https://objects.example/{}/{}", job.run_id, output.name);
        Ok((output.name != "gone.json").then_some(url))
    }
}

/// The configured model, and another that requests may choose.
const MODEL: &str = "meta-llama/Llama-3.2-1B";
const OTHER_MODEL: &str = "org/tiny";

/// Has a bucket, and tokenizers for all models but one.
struct TestHealth {
    without_tokenizer: Option<&'static str>,
}

#[async_trait]
impl Health for TestHealth {
    async fn bucket_answers(&self) -> Option<bool> {
        Some(true)
    }

    async fn has_room(&self, size_bytes: u64) -> bool {
        size_bytes < 1 << 19
    }

    async fn obstacle(&self, model_id: &str) -> Option<String> {
        (self.without_tokenizer == Some(model_id)).then(|| "the hub is down".to_owned())
    }
}

struct Service {
    router: Router,
    objects: MemoryObjectStore,
    records: MemoryJobStore,
    queue: MemoryQueue,
    clock: ManualClock,
}

struct Answer {
    status: StatusCode,
    headers: header::HeaderMap,
    body: Value,
}

impl Service {
    fn new() -> Self {
        Self::with_limits(Limits {
            active_jobs: 3,
            bytes_per_day: 1 << 20,
            upload_bytes: 1 << 20,
        })
    }

    fn with_limits(limits: Limits) -> Self {
        let health = TestHealth {
            without_tokenizer: None,
        };
        Self::with(limits, health)
    }

    fn with(limits: Limits, health: TestHealth) -> Self {
        let clock = ManualClock::at(Timestamp::from_second(1_700_000_000).unwrap());
        let objects = MemoryObjectStore::default();
        let (records, queue) = (MemoryJobStore::default(), MemoryQueue::new(clock.clone()));
        let ports = Ports {
            objects: Arc::new(objects.clone()),
            records: Arc::new(records.clone()),
            queue: Arc::new(queue.clone()),
            clock: Arc::new(clock.clone()),
            observer: Arc::new(NoObserver),
        };
        let mut configuration = Configuration::default();
        configuration.allowed_models = [MODEL, OTHER_MODEL].map(str::to_owned).into();
        let jobs = Jobs::new(ports, Timings::default(), limits);
        let api = Api {
            jobs,
            configuration: Arc::new(configuration),
            limits: BodyLimits {
                bytes: 10_000,
                decompressed_bytes: 50_000,
                pause: Duration::from_millis(500),
                total: Duration::from_secs(5),
                instead: "use POST /data-prep/uploads",
            },
            uploads: Arc::new(ServerTransfers {
                objects: Arc::new(objects.clone()),
                clock: Arc::new(clock.clone()),
                timings: Timings::default(),
                tickets: None,
            }),
            downloads: Arc::new(Addresses),
            health: Arc::new(health),
            proof: CallerProof::None,
            lists_jobs: true,
        };
        let router = resonare_http::all(api);
        Self {
            router,
            objects,
            records,
            queue,
            clock,
        }
    }

    async fn send_as(&self, owner: &str, request: Request<Body>) -> Answer {
        let mut request = request;
        request.extensions_mut().insert(Owner(owner.to_owned()));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).unwrap()
        };
        if status.is_client_error() || status.is_server_error() {
            assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
            assert_eq!(body["status"], status.as_u16());
            assert!(
                body["title"].is_string() && body["detail"].is_string() && body["type"].is_string()
            );
        }
        Answer {
            status,
            headers,
            body,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path).body(Body::empty()).unwrap();
        self.send_as("ann", request).await
    }

    async fn post(&self, query: &str, body: impl Into<Body>) -> Answer {
        self.send_as("ann", post(query, body).body).await
    }
}

struct Post {
    body: Request<Body>,
}

fn post(query: &str, body: impl Into<Body>) -> Post {
    let request = Request::post(format!("/data-prep/process{query}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.into());
    Post {
        body: request.unwrap(),
    }
}

const EXPORT: &str = r#"[{"name": "Ann", "messages": [{"from": "Me", "text": "hi", "date": "2024-01-01T00:00:00"}]}]"#;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn an_export_becomes_a_job_with_its_own_configuration() {
    let service = Service::new();
    let accepted = service
        .post("?target_name=Me%20%C3%BC&min_tokens_per_block=5", EXPORT)
        .await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED);
    assert_eq!(accepted.body["status"], "queued");
    assert_eq!(accepted.body["message"], "Job accepted and enqueued");
    let run_id = accepted.body["run_id"].as_str().unwrap();
    assert_eq!(service.objects.keys(), [format!("{run_id}/payload")]);
    assert_eq!(service.queue.len(), 1);

    let job = service.get(&format!("/data-prep/jobs/{run_id}")).await;
    assert_eq!(job.status, StatusCode::OK);
    assert_eq!(job.body["status"], "QUEUED");
    assert_eq!(job.body["position_in_queue"], 1);
    assert_eq!(job.body["created_at"], "2023-11-14T22:13:20Z");
    assert_eq!(job.body["config"]["target_name"], "Me ü");
    assert_eq!(job.body["config"]["min_tokens_per_block"], 5);
    assert_eq!(job.body["config"]["max_tokens_per_block"], 800);
    for key in [
        "updated_at",
        "started_at",
        "completed_at",
        "error_message",
        "attempts",
        "progress",
        "stats",
        "outputs",
    ] {
        assert!(job.body.get(key).is_some(), "{key}");
    }
}

#[tokio::test]
async fn settings_beside_the_chats_count_and_the_address_wins() {
    let service = Service::new();
    let body = json!({"chats": serde_json::from_str::<Value>(EXPORT).unwrap(), "target_name": "A",
        "system_prompt": "Be kind.", "chat_types": ["bot_chat"], "max_tokens_per_block": 900});
    let accepted = service.post("?target_name=B", body.to_string()).await;
    let job = service
        .get(&format!(
            "/data-prep/jobs/{}",
            accepted.body["run_id"].as_str().unwrap()
        ))
        .await;
    let config = &job.body["config"];
    assert_eq!(config["target_name"], "B");
    assert_eq!(config["system_prompt"], "Be kind.");
    assert_eq!(config["chat_types"], json!(["bot_chat"]));
    assert_eq!(config["max_tokens_per_block"], 900);
}

#[tokio::test]
async fn what_a_request_may_not_say_is_refused_and_leaves_nothing() {
    let service = Service::new();
    for query in [
        "?tokenizer=/etc/passwd",
        "?model_id=../..",
        "?model_id=other/model",
        "?output.local_dir=/tmp",
        "?unknown=1",
        "?system_prompt=x",
        "?min_tokens_per_block=many",
        "?min_tokens_per_block=800",
        "?date_limit=2024-13-01",
        "?chat_types=nonsense",
    ] {
        let answer = service.post(query, EXPORT).await;
        assert_eq!(
            answer.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{query}: {}",
            answer.body
        );
    }
    let beside = json!({"chats": [], "role_order": "random"});
    assert_eq!(
        service.post("", beside.to_string()).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert!(service.objects.keys().is_empty() && service.queue.is_empty());
}

#[tokio::test]
async fn what_is_no_export_is_refused_with_its_position() {
    let service = Service::new();
    for (body, detail) in [
        (
            "{\n \"name\": tru}",
            "the body is not valid JSON: expected a value at line 2, column 10 (byte 11)",
        ),
        ("", "the body is empty"),
        ("<html>", "the body is HTML"),
        ("{}", "without a list of chats or messages"),
        ("[{\"name\"", "the body ends early"),
    ] {
        let answer = service.post("", body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        let found = answer.body["detail"].as_str().unwrap();
        assert!(found.contains(detail), "{found}");
    }
    assert!(service.objects.keys().is_empty());
}

#[tokio::test]
async fn bodies_that_are_too_large_too_slow_or_broken_off_leave_nothing() {
    let service = Service::new();
    let large = format!("[{}]", " ".repeat(10_000));
    let answer = service.post("", large.clone()).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(
        answer.body["detail"]
            .as_str()
            .unwrap()
            .ends_with("use POST /data-prep/uploads")
    );

    // Without a length it is noticed on the way.
    let parts = (0..20).map(|_| Ok::<_, Infallible>(Bytes::from(" ".repeat(1000))));
    let streamed = service
        .post("", Body::from_stream(stream::iter(parts)))
        .await;
    assert_eq!(streamed.status, StatusCode::PAYLOAD_TOO_LARGE);

    let bomb = gzip(" ".repeat(200_000).as_bytes());
    assert!(bomb.len() < 10_000);
    assert_eq!(
        service.post("", bomb).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );

    let parts = [Ok(Bytes::from("[")), Err(std::io::Error::other("gone"))];
    let broken = service
        .post("", Body::from_stream(stream::iter(parts)))
        .await;
    assert_eq!(broken.status, StatusCode::BAD_REQUEST);

    // A caller that vanishes drops the request's future.
    let parts = stream::iter([Ok::<_, Infallible>(Bytes::from(EXPORT))]).chain(stream::pending());
    let vanished = service.post("", Body::from_stream(parts));
    assert!(
        tokio::time::timeout(Duration::from_millis(100), vanished)
            .await
            .is_err()
    );

    let slow = service
        .post(
            "",
            Body::from_stream(stream::pending::<Result<Bytes, Infallible>>()),
        )
        .await;
    assert_eq!(slow.status, StatusCode::REQUEST_TIMEOUT);
    tokio::task::spawn_blocking(|| ()).await.unwrap();
    assert!(service.objects.keys().is_empty() && service.queue.is_empty());
}

#[tokio::test]
async fn bodies_may_be_compressed() {
    let service = Service::new();
    let mut request = post("", gzip(EXPORT.as_bytes())).body;
    request
        .headers_mut()
        .insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
    assert_eq!(
        service.send_as("ann", request).await.status,
        StatusCode::ACCEPTED
    );
    let mut request = post("", EXPORT).body;
    request
        .headers_mut()
        .insert(header::CONTENT_ENCODING, "br".parse().unwrap());
    assert_eq!(
        service.send_as("ann", request).await.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    let mut request = post("", EXPORT).body;
    request
        .headers_mut()
        .insert(header::CONTENT_TYPE, "text/plain".parse().unwrap());
    assert_eq!(
        service.send_as("ann", request).await.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
}

#[tokio::test]
async fn an_idempotency_key_makes_a_repeated_request_one_job() {
    let service = Service::new();
    let send = async |body: &'static str, query: &str| {
        let mut request = post(query, body).body;
        request
            .headers_mut()
            .insert("idempotency-key", "k1".parse().unwrap());
        service.send_as("ann", request).await
    };
    let first = send(EXPORT, "").await;
    assert_eq!(send(EXPORT, "").await.body["run_id"], first.body["run_id"]);
    assert_eq!(
        send("[]", "").await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(
        send(EXPORT, "?target_name=X").await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(service.objects.keys().len(), 1);
}

#[tokio::test]
async fn an_owner_with_too_many_jobs_is_told_when_to_come_back() {
    let service = Service::new();
    for _ in 0..3 {
        assert_eq!(service.post("", EXPORT).await.status, StatusCode::ACCEPTED);
    }
    let refused = service.post("", EXPORT).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers["retry-after"], "60");
    assert_eq!(
        service.send_as("bob", post("", EXPORT).body).await.status,
        StatusCode::ACCEPTED
    );
}

#[tokio::test]
async fn a_state_is_asked_for_in_either_case() {
    let service = Service::new();
    assert_eq!(service.post("", EXPORT).await.status, StatusCode::ACCEPTED);
    for status in ["QUEUED", "queued", "Queued"] {
        let path = format!("/data-prep/jobs?status={status}");
        let listed = service.get(&path).await;
        assert_eq!(listed.body.as_object().unwrap().len(), 1, "{status}");
    }
    let wrong = service.get("/data-prep/jobs?status=done").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let detail = wrong.body["detail"].as_str().unwrap();
    assert!(
        detail.contains("expected one of AWAITING_UPLOAD, QUEUED"),
        "{detail}"
    );
}

#[tokio::test]
async fn jobs_are_listed_newest_first_in_pages_and_to_their_owner_alone() {
    let service = Service::new();
    let mut submitted = Vec::new();
    for _ in 0..3 {
        let accepted = service.post("", EXPORT).await;
        submitted.insert(0, accepted.body["run_id"].as_str().unwrap().to_owned());
        service.clock.advance(Duration::from_secs(1));
    }
    let first = service.get("/data-prep/jobs?limit=2").await;
    let names = |answer: &Answer| {
        answer
            .body
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&first), submitted[..2]);
    let link = first.headers[header::LINK].to_str().unwrap();
    let next = link
        .strip_prefix('<')
        .unwrap()
        .split_once(">; rel=\"next\"")
        .unwrap()
        .0;
    let second = service.get(next).await;
    assert_eq!(names(&second), submitted[2..]);
    assert!(!second.headers.contains_key(header::LINK));
    assert_eq!(
        names(&service.get("/data-prep/jobs?status=FAILED").await),
        [""; 0]
    );
    for query in ["?limit=0", "?limit=201", "?limit=x", "?status=done"] {
        let answer = service.get(&format!("/data-prep/jobs{query}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
    }

    let path = format!("/data-prep/jobs/{}", submitted[0]);
    let request = |method| {
        Request::builder()
            .method(method)
            .uri(&path)
            .body(Body::empty())
            .unwrap()
    };
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(
            service.send_as("bob", request(method)).await.status,
            StatusCode::NOT_FOUND
        );
    }
    assert_eq!(
        service.send_as("ann", request(Method::DELETE)).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(service.get(&path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn names_that_can_be_no_job_are_not_found() {
    let service = Service::new();
    for name in [
        "x",
        "..%2F..",
        "00000000-0000-0000-0000-00000000000G",
        "%00",
    ] {
        let answer = service.get(&format!("/data-prep/jobs/{name}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{name}");
    }
    assert_eq!(
        service.get("/elsewhere").await.status,
        StatusCode::NOT_FOUND
    );
    let put = Request::put("/data-prep/jobs").body(Body::empty()).unwrap();
    assert_eq!(
        service.send_as("ann", put).await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
}

#[tokio::test]
async fn outputs_are_redirects_and_what_is_gone_is_410() {
    let service = Service::new();
    let accepted = service.post("", EXPORT).await;
    let run_id: RunId = accepted.body["run_id"].as_str().unwrap().parse().unwrap();
    let path = |name: &str| format!("/data-prep/jobs/{run_id}/outputs/{name}");
    assert_eq!(
        service.get(&path("train.jsonl")).await.status,
        StatusCode::NOT_FOUND
    );

    let stored = service.records.get(run_id).await.unwrap().unwrap();
    let mut record = stored.clone();
    record.revision += 1;
    record.status = JobStatus::Completed;
    let output = |name: &str| Output {
        name: name.to_owned(),
        size_bytes: 1,
    };
    record.outputs = vec![output("train.jsonl"), output("gone.json")];
    assert_eq!(
        service.records.replace(&stored, &record).await.unwrap(),
        WriteOutcome::Done
    );

    let redirect = service.get(&path("train.jsonl")).await;
    assert_eq!(redirect.status, StatusCode::TEMPORARY_REDIRECT);
    let url = format!("https://objects.example/{run_id}/train.jsonl");
    assert_eq!(redirect.headers[header::LOCATION], url.as_str());
    let plain = service
        .get(&format!("{}?redirect=false", path("train.jsonl")))
        .await;
    assert_eq!(
        (plain.status, &plain.body["url"]),
        (StatusCode::OK, &json!(url))
    );
    assert_eq!(
        service.get(&path("gone.json")).await.status,
        StatusCode::GONE
    );
    assert_eq!(
        service.get(&path("payload")).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn the_queue_and_the_health_are_shown() {
    let service = Service::new();
    service.post("", EXPORT).await;
    let queue = service.get("/data-prep/system/queue").await;
    assert_eq!(
        (&queue.body["running"], &queue.body["queue_size"]),
        (&json!(false), &json!(1))
    );
    assert_eq!(queue.body["jobs"].as_object().unwrap().len(), 1);
    let health = service.get("/data-prep/system/health").await;
    assert_eq!(health.status, StatusCode::OK);
    assert_eq!(
        (&health.body["status"], &health.body["s3"]),
        (&json!("healthy"), &json!("connected"))
    );
}

#[tokio::test]
async fn an_export_that_there_is_no_room_for_is_refused_before_it_is_sent() {
    let service = Service::new();
    let upload = json_post("/data-prep/uploads", json!({"size_bytes": 1 << 19}));
    let refused = service.send_as("ann", upload).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("ask its operator"), "{detail}");
    let upload = json_post("/data-prep/uploads", json!({"size_bytes": 1 << 18}));
    assert_eq!(
        service.send_as("ann", upload).await.status,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn submissions_for_a_model_without_a_tokenizer_are_refused_at_once() {
    let health = TestHealth {
        without_tokenizer: Some(MODEL),
    };
    let service = Service::with(Limits::NONE, health);
    let shown = service.get("/data-prep/system/health").await;
    assert_eq!(shown.status, StatusCode::OK);
    assert_eq!(
        shown.body,
        json!({"status": "degraded", "s3": "connected", "reasons": ["the hub is down"], "storage": "s3",
            "version": env!("CARGO_PKG_VERSION")})
    );
    let refused = service.post("", EXPORT).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers[header::RETRY_AFTER], "60");
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(
        detail.contains(MODEL) && detail.contains("ask its operator"),
        "{detail}"
    );
    assert!(!detail.contains("the hub is down"), "{detail}");
    let upload = json_post("/data-prep/uploads", json!({"size_bytes": 5}));
    let refused = service.send_as("ann", upload).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    // Another model has one.
    let accepted = service.post("?model_id=org%2Ftiny", EXPORT).await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED);
    // So it is where the model stands beside the chats.
    for (model, status) in [
        (MODEL, StatusCode::SERVICE_UNAVAILABLE),
        (OTHER_MODEL, StatusCode::ACCEPTED),
    ] {
        let beside = format!(r#"{{"chats": [{EXPORT}], "model_id": "{model}"}}"#);
        assert_eq!(service.post("", beside).await.status, status, "{model}");
    }
}

fn json_post(path: &str, body: Value) -> Request<Body> {
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::HOST, "localhost:8010");
    request.body(body.to_string().into()).unwrap()
}

impl Service {
    async fn upload(&self, path: &str, bytes: impl Into<Body>) -> Answer {
        let request = Request::put(path).body(bytes.into()).unwrap();
        self.send_as("ann", request).await
    }
}

#[tokio::test]
async fn an_upload_announces_its_size_and_begins_its_job_once() {
    let service = Service::new();
    let config = json!({"system_prompt": "Be kind.", "max_tokens_per_block": 900});
    let begin =
        json!({"size_bytes": EXPORT.len(), "content_encoding": "identity", "config": config});
    let begun = service
        .send_as("ann", json_post("/data-prep/uploads", begin))
        .await;
    assert_eq!(begun.status, StatusCode::CREATED);
    let run_id = begun.body["run_id"].as_str().unwrap().to_owned();
    let content = format!("/data-prep/uploads/{run_id}/content");
    let part = &begun.body["parts"][0];
    assert_eq!(part["url"], format!("http://localhost:8010{content}"));
    assert_eq!(part["size_bytes"], EXPORT.len());
    assert_eq!(begun.body["complete_url"], Value::Null);
    let job = service.get(&format!("/data-prep/jobs/{run_id}")).await;
    assert_eq!(job.body["status"], "AWAITING_UPLOAD");
    assert_eq!(job.body["config"]["system_prompt"], "Be kind.");

    // Too little, too much, and another's.
    for bytes in ["[]".to_owned(), format!("{EXPORT} ")] {
        let chunks = stream::iter([Ok::<_, Infallible>(Bytes::from(bytes.clone()))]);
        for body in [Body::from(bytes), Body::from_stream(chunks)] {
            let refused = service.upload(&content, body).await.status;
            assert!(refused.is_client_error());
        }
    }
    let foreign = Request::put(&content).body(EXPORT.into()).unwrap();
    assert_eq!(
        service.send_as("ben", foreign).await.status,
        StatusCode::NOT_FOUND
    );
    assert!(service.objects.keys().is_empty());
    let complete = format!("/data-prep/uploads/{run_id}/complete");
    let early = service
        .send_as("ann", json_post(&complete, json!({})))
        .await;
    assert_eq!(early.status, StatusCode::CONFLICT);
    let parts = format!("/data-prep/uploads/{run_id}/parts");
    assert_eq!(service.get(&parts).await.status, StatusCode::OK);

    assert_eq!(
        service.upload(&content, EXPORT).await.status,
        StatusCode::OK
    );
    let job = service.get(&format!("/data-prep/jobs/{run_id}")).await;
    assert_eq!(job.body["status"], "QUEUED");
    assert_eq!((service.queue.len(), service.objects.keys().len()), (1, 1));
    // What is there is not overwritten, and completing it again changes nothing.
    let again = service.upload(&content, EXPORT).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert_eq!(service.get(&parts).await.status, StatusCode::CONFLICT);
    let again = service
        .send_as("ann", json_post(&complete, json!({})))
        .await;
    assert_eq!((again.status, service.queue.len()), (StatusCode::OK, 1));
}

#[tokio::test]
async fn uploads_that_may_not_be_are_refused() {
    let service = Service::new();
    for (body, status) in [
        (
            json!({"size_bytes": 1 << 21}),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
        (json!({"size_bytes": 0}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"size_bytes": -1}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({}), StatusCode::UNPROCESSABLE_ENTITY),
        (
            json!({"size_bytes": 1, "surprise": 1}),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            json!({"size_bytes": 1, "content_encoding": "br"}),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            json!({"size_bytes": 1, "config": {"tokenizer": "/etc/passwd"}}),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            json!({"size_bytes": 1, "config": {"salvage": {}}}),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
    ] {
        let answer = service
            .send_as("ann", json_post("/data-prep/uploads", body.clone()))
            .await;
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
    }
    let no_json = Request::post("/data-prep/uploads")
        .body("{}".into())
        .unwrap();
    let answer = service.send_as("ann", no_json).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn a_compressed_body_is_taken_as_such_and_a_damaged_one_is_sent_elsewhere() {
    let service = Service::new();
    let send = async |media_type: &str, body: Vec<u8>| {
        let request = Request::post("/data-prep/process")
            .header(header::CONTENT_TYPE, media_type)
            .body(body.into());
        service.send_as("ann", request.unwrap()).await
    };
    let compressed = gzip(EXPORT.as_bytes());
    let taken = send("application/gzip", compressed.clone()).await;
    assert_eq!(taken.status, StatusCode::ACCEPTED);
    // What a gateway makes of it that takes JSON for text.
    let damaged = String::from_utf8_lossy(&compressed).into_owned();
    let refused = send("application/json", damaged.into_bytes()).await;
    assert_eq!(refused.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("POST /data-prep/uploads"), "{detail}");
    assert_eq!(service.objects.keys().len(), 1);
    assert!(service.records.reserved().is_empty());
}

#[tokio::test]
async fn an_output_is_downloaded_through_the_server() {
    let service = Service::new();
    let mut record = resonare_jobs::testkit::record("ann", 1_700_000_000);
    record.status = JobStatus::Completed;
    record.outputs = vec![Output {
        name: "train.jsonl".to_owned(),
        size_bytes: 3,
    }];
    let creation = Creation {
        record: &record,
        key: None,
        limits: Limits::NONE,
        reserved: false,
    };
    service.records.create(creation).await.unwrap();
    let path = format!(
        "/data-prep/jobs/{}/outputs/train.jsonl/content",
        record.run_id
    );
    assert_eq!(service.get(&path).await.status, StatusCode::GONE);
    let key = resonare_jobs::output_key(record.run_id, "train.jsonl");
    let mut writer = service.objects.create(&key).await.unwrap();
    writer.write_all(b"{}\n").unwrap();
    writer.finish().unwrap();
    let answer = service.get(&path).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, json!({}));
    assert_eq!(answer.headers[header::CONTENT_LENGTH], "3");
    let raw = path.replace("train.jsonl", "raw.json");
    assert_eq!(service.get(&raw).await.status, StatusCode::NOT_FOUND);
}
