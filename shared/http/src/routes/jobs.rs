//! `/data-prep/jobs`: jobs and their results.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use resonare_jobs::ports::Page;
use resonare_jobs::{JobError, JobStatus, Owner};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};

use super::extract::{OutputName, Path, PathRunId, Query};
use super::to_the_end::to_the_end;
use crate::api::Api;
use crate::job_info::JobInfo;
use crate::problem::Problem;
use crate::url::absolute;

/// Get a job
#[utoipa::path(get, operation_id = "getJob", path = "/data-prep/jobs/{run_id}", tag = "jobs",
    params(("run_id" = String, Path, format = Uuid)), responses(
    (status = OK, body = JobInfo),
    (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    (status = SERVICE_UNAVAILABLE, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn get(
    State(api): State<Api>,
    Extension(owner): Extension<Owner>,
    PathRunId(run_id): PathRunId,
) -> Result<Json<JobInfo>, Problem> {
    let record = api.jobs.get(&owner, run_id).await?;
    let positions = api.jobs.positions_in_queue(std::slice::from_ref(&record));
    let position = positions.await?.first().copied().unwrap_or_default();
    Ok(Json(JobInfo::new(record, position)))
}

/// Which jobs to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listing {
    /// Maximum number of jobs on the page.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    limit: PageLimit,
    /// Where the page begins: the `cursor` in the `Link` header of the previous page, unchanged. Without it, the
    /// page is the first.
    #[param(
        pattern = "^[0-9]{1,20}_[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
    )]
    cursor: Option<String>,
    /// Only jobs in this state.
    #[param(value_type = Option<crate::job_info::Status>)]
    status: Option<WantedStatus>,
}

/// A state by its name, in upper or lower case.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct WantedStatus(JobStatus);

impl TryFrom<String> for WantedStatus {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let mut all = JobStatus::ALL.into_iter();
        let wanted = all.find(|status| status.name().eq_ignore_ascii_case(&name));
        wanted.map(Self).ok_or_else(|| {
            let names = JobStatus::ALL.map(JobStatus::name).join(", ");
            format!("{name:?} is not a state; expected one of {names}")
        })
    }
}

/// The largest number of jobs on a page.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct PageLimit(usize);

impl PageLimit {
    const LARGEST: usize = 200;
}

impl Default for PageLimit {
    fn default() -> Self {
        Self(50)
    }
}

impl TryFrom<String> for PageLimit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let limit = text.parse().ok();
        let limit = limit.filter(|limit| (1..=Self::LARGEST).contains(limit));
        limit
            .map(Self)
            .ok_or_else(|| format!("{text:?} is not a whole number from 1 to {}", Self::LARGEST))
    }
}

/// Jobs by their `run_id`, newest first.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes another type")]
pub(crate) struct JobsByRunId(std::collections::HashMap<String, JobInfo>);

/// Jobs by their `run_id`, in the order of the page.
pub(crate) async fn by_name(api: &Api, page: Page) -> Result<Map<String, Value>, Problem> {
    let positions = api.jobs.positions_in_queue(&page.records).await?;
    let jobs = page.records.into_iter().zip(positions);
    let infos = jobs.map(|(record, position)| JobInfo::new(record, position));
    Ok(infos
        .map(|info| (info.run_id.to_string(), json!(info)))
        .collect())
}

/// List the caller's jobs, newest first
///
/// As long as there are more, the answer has a header `Link: </data-prep/jobs?…&cursor=…>; rel="next"`. Its `cursor`
/// is the value of that parameter for the next page.
#[utoipa::path(get, operation_id = "listJobs", path = "/data-prep/jobs", tag = "jobs", params(Listing), responses(
    (status = OK, body = JobsByRunId, headers(("Link" = String,
        description = "`</data-prep/jobs?limit=…&cursor=…>; rel=\"next\"`: where the next page is. Missing on the last one"))),
    (status = FORBIDDEN, body = Problem, content_type = "application/problem+json",
        description = "Jobs cannot be listed if calls need no authorization"),
    (status = UNPROCESSABLE_ENTITY, body = Problem, content_type = "application/problem+json"),
    (status = SERVICE_UNAVAILABLE, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn list(
    State(api): State<Api>,
    Extension(owner): Extension<Owner>,
    Query(listing): Query<Listing>,
) -> Result<(HeaderMap, Json<Map<String, Value>>), Problem> {
    if !api.lists_jobs {
        let detail = "jobs cannot be listed here: a job can only be accessed by its run_id";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    let Listing {
        limit: PageLimit(limit),
        cursor,
        status,
    } = listing;
    let status = status.map(|WantedStatus(status)| status);
    let page = api
        .jobs
        .list(&owner, status, cursor.as_deref(), limit)
        .await?;
    let mut headers = HeaderMap::new();
    if let Some(next) = &page.next {
        let status = status
            .map(|status| format!("&status={}", status.name()))
            .unwrap_or_default();
        let link = format!("</data-prep/jobs?limit={limit}&cursor={next}{status}>; rel=\"next\"");
        if let Ok(link) = HeaderValue::from_str(&link) {
            headers.insert(header::LINK, link);
        }
    }
    Ok((headers, Json(by_name(&api, page).await?)))
}

/// Remove a job and everything stored for it
///
/// This also works while the job is running.
#[utoipa::path(delete, operation_id = "deleteJob", path = "/data-prep/jobs/{run_id}", tag = "jobs",
    params(("run_id" = String, Path, format = Uuid)), responses(
    (status = NO_CONTENT),
    (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    (status = SERVICE_UNAVAILABLE, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn delete(
    State(api): State<Api>,
    Extension(owner): Extension<Owner>,
    PathRunId(run_id): PathRunId,
) -> Result<StatusCode, Problem> {
    to_the_end(async move { Ok(api.jobs.delete(&owner, run_id).await?) }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How to answer.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct DownloadQuery {
    /// `false` returns the URL as JSON instead of a redirect.
    #[param(default = true)]
    redirect: Option<bool>,
}

/// Where an output can be downloaded, for a short time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Download)]
pub(crate) struct DownloadInfo {
    /// The URL; a GET of it needs no other proof of who calls.
    url: String,
}

/// Download an output
#[utoipa::path(get, operation_id = "getOutput", path = "/data-prep/jobs/{run_id}/outputs/{name}", tag = "jobs",
    params(("run_id" = String, Path, format = Uuid),
        ("name" = String, Path, description = "One of the job's `outputs`"), DownloadQuery), responses(
    (status = OK, body = DownloadInfo, description = "With `redirect=false`"),
    (status = TEMPORARY_REDIRECT, description = "To the output",
        headers(("Location" = String, description = "A short-lived URL"))),
    (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    (status = GONE, body = Problem, content_type = "application/problem+json"),
    (status = UNPROCESSABLE_ENTITY, body = Problem, content_type = "application/problem+json"),
    (status = SERVICE_UNAVAILABLE, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn output(
    State(api): State<Api>,
    Extension(owner): Extension<Owner>,
    request_headers: HeaderMap,
    PathRunId(run_id): PathRunId,
    Path(OutputName { name }): Path<OutputName>,
    Query(query): Query<DownloadQuery>,
) -> Result<Response, Problem> {
    let record = api.jobs.get(&owner, run_id).await?;
    let Some(output) = record.outputs.iter().find(|output| output.name == name) else {
        let names: Vec<_> = record.outputs.iter().map(|output| &*output.name).collect();
        let names = if names.is_empty() {
            "none yet".to_owned()
        } else {
            names.join(", ")
        };
        let detail = format!("the job has no such output; it has {names}");
        return Err(Problem::new(StatusCode::NOT_FOUND, detail));
    };
    let url = api
        .downloads
        .address(&record, output)
        .await
        .map_err(JobError::from)?;
    let Some(url) = url else {
        return Err(JobError::Gone(output.name.clone()).into());
    };
    let url = absolute(&url, &request_headers);
    if query.redirect == Some(false) {
        return Ok(Json(DownloadInfo { url }).into_response());
    }
    let location = HeaderValue::from_str(&url).map_err(|_| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the URL cannot be sent as a header",
        )
    })?;
    Ok((
        StatusCode::TEMPORARY_REDIRECT,
        [(header::LOCATION, location)],
    )
        .into_response())
}
