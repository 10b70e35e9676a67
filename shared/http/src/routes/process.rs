//! `POST /data-prep/process`: an export in the body becomes a job.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::{Extension, Json};
use resonare_jobs::{Jobs, Owner, Payload, RunId, Submission};
use resonare_settings::Key;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::accepted::AcceptedResponse;
use super::export::Export;
use super::extract::Query;
use super::to_the_end::to_the_end;
use crate::api::Api;
use crate::body::{self, StoredExport};
use crate::problem::Problem;
use crate::readiness;
use crate::request_configuration::{merge, of_body, of_query};

const LONGEST_IDEMPOTENCY_KEY: usize = 255;

/// Submit an export
///
/// The body is an export as Telegram Desktop writes it, an array of chats, the export of a single
/// chat, or an object whose `chats` is an array, with configuration keys next to it.
#[utoipa::path(post, operation_id = "submitExport", path = "/data-prep/process", tag = "submission",
    // Generators take the first kind of body in the order of the alphabet, and gzip would be before JSON.
    request_body(description = "An export. It may be compressed: with `Content-Type: application/gzip`, or with \
        `Content-Encoding: gzip` unless something in between treats JSON as text, as API Gateway does",
        content = Export, content_type = "application/json"),
    responses(
    (status = ACCEPTED, body = AcceptedResponse),
    (status = BAD_REQUEST, body = Problem, content_type = "application/problem+json",
        description = "Not an export; the detail says where"),
    (status = REQUEST_TIMEOUT, body = Problem, content_type = "application/problem+json"),
    (status = PAYLOAD_TOO_LARGE, body = Problem, content_type = "application/problem+json"),
    (status = UNSUPPORTED_MEDIA_TYPE, body = Problem, content_type = "application/problem+json"),
    (status = UNPROCESSABLE_ENTITY, body = Problem, content_type = "application/problem+json",
        description = "A configuration key or value is not allowed, or the Idempotency-Key was used for another request"),
    (status = TOO_MANY_REQUESTS, body = Problem, content_type = "application/problem+json"),
    (status = SERVICE_UNAVAILABLE, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn process(
    State(api): State<Api>,
    Extension(owner): Extension<Owner>,
    Query(query): Query<Vec<(String, String)>>,
    request: Request,
) -> Result<(StatusCode, Json<AcceptedResponse>), Problem> {
    let (parts, body) = request.into_parts();
    let announced = check_headers(&parts.headers, &api)?;
    let query = of_query(query)?;
    // Refused before anything is stored.
    let config = merge(&api.configuration, query.clone())?;
    let idempotency_key = idempotency_key(&parts.headers)?;
    let is_repeated = match &idempotency_key {
        Some(key) => api.jobs.submitted_with(&owner, key).await?.is_some(),
        None => false,
    };
    if !is_repeated {
        if is_model_known(&api, &query) {
            readiness::check_model(&api, &config).await?;
        }
        api.jobs.admit(&owner).await?;
        readiness::check_room(&api, announced).await?;
    }
    let call = Call {
        owner,
        query,
        idempotency_key,
        is_repeated,
    };
    let accepted = to_the_end(async move {
        let run_id = api.jobs.reserve().await?;
        let submission = match store(&api, run_id, body).await {
            Ok(stored) => submission(&api, run_id, call, stored).await,
            Err(problem) => Err(problem),
        };
        match submission {
            Ok(submission) => Ok(api.jobs.submit(submission).await?),
            Err(problem) => {
                api.jobs.drop_reserved(run_id).await;
                Err(problem)
            }
        }
    });
    let accepted = AcceptedResponse::queued(accepted.await?.run_id);
    Ok((StatusCode::ACCEPTED, Json(accepted)))
}

/// A submission that is under way.
struct Call {
    owner: Owner,
    query: Vec<(String, Value)>,
    idempotency_key: Option<String>,
    is_repeated: bool,
}

/// Whether the body can't change which model a submission is for.
fn is_model_known(api: &Api, query: &[(String, Value)]) -> bool {
    let is_named = || query.iter().any(|(name, _)| name == Key::ModelId.name());
    api.configuration.allowed_models.len() == 1 || is_named()
}

async fn store(api: &Api, run_id: RunId, body: Body) -> Result<StoredExport, Problem> {
    let writer = api.jobs.create_payload(&Jobs::payload_key(run_id)).await?;
    body::store_export(body, writer, api.limits).await
}

async fn submission(
    api: &Api,
    run_id: RunId,
    call: Call,
    stored: StoredExport,
) -> Result<Submission, Problem> {
    let mut values = of_body(stored.checked.beside);
    // The URL wins.
    values.extend(call.query);
    let config = merge(&api.configuration, values)?;
    if !call.is_repeated {
        readiness::check_model(api, &config).await?;
    }
    // A digest, since it is kept: the configuration may name people.
    let both = format!("{}{}", stored.sha256, Value::from(config.clone()));
    let fingerprint = base16ct::lower::encode_string(&Sha256::digest(both));
    Ok(Submission {
        run_id,
        owner: call.owner,
        config,
        payload: Payload {
            key: Jobs::payload_key(run_id),
            version: None,
            size_bytes: stored.size_bytes,
            last_modified: None,
            upload: None,
        },
        idempotency: call.idempotency_key.map(|key| (key, fingerprint)),
    })
}

/// Whether the body is of a kind and a length that is taken; the length that is announced, if one is.
fn check_headers(headers: &HeaderMap, api: &Api) -> Result<u64, Problem> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let media_type = text(header::CONTENT_TYPE)
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    let is_known = ["application/json", "application/gzip", "application/x-gzip"]
        .iter()
        .any(|known| media_type.eq_ignore_ascii_case(known));
    if !is_known {
        let detail = "the Content-Type must be application/json, or application/gzip for a compressed export";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let encoding = text(header::CONTENT_ENCODING).trim();
    let encoding = encoding.to_ascii_lowercase();
    if !matches!(&*encoding, "" | "identity" | "gzip") {
        let detail = "the Content-Encoding must be gzip or identity";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let length = text(header::CONTENT_LENGTH)
        .parse::<u64>()
        .unwrap_or_default();
    if length > api.limits.bytes {
        Err(body::too_large(api.limits))
    } else {
        Ok(length)
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match key.to_str() {
        Ok(key) if (1..=LONGEST_IDEMPOTENCY_KEY).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "an Idempotency-Key must have 1 to 255 visible ASCII characters",
        )),
    }
}
