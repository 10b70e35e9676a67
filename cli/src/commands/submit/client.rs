//! Calls of the HTTP API.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use serde_json::Value;
use ureq::http::uri::PathAndQuery;
use ureq::http::{Response, StatusCode, Uri, header};
use ureq::{Agent, Body, RequestBuilder};

use super::credentials::Authorization;
use crate::advice;
use crate::interruption::Interruption;

/// How often a call that may be repeated is tried.
const ATTEMPTS: u32 = 6;

const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause that is made if a service asks for one.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The largest response that the API sends.
const LARGEST_ANSWER: u64 = 64 << 20;

/// A request that the service refused, and why.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    detail: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the service refused the request ({}): {}",
            self.status, self.detail
        )
    }
}

impl std::error::Error for Refusal {}

/// A running service.
pub(crate) struct Client {
    interruption: Arc<Interruption>,
    agent: Agent,
    base: String,
    authorization: Authorization,
}

impl Client {
    /// The service at `base`, a URL without the route.
    pub(crate) fn new(
        base: &str,
        token: Option<&str>,
        aws_region: Option<&str>,
        interruption: Arc<Interruption>,
    ) -> anyhow::Result<Self> {
        let uri: Uri = base
            .parse()
            .with_context(|| format!("{base:?} is not a URL"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
            bail!("{base:?} is not of the form http://host:port or https://host");
        }
        if uri
            .authority()
            .is_some_and(|authority| authority.as_str().contains('@'))
        {
            bail!("a user and a password do not belong in the URL; use --token");
        }
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // Redirects of downloads are followed by hand: the secret must not be sent on.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_recv_response(Some(Duration::from_mins(2)))
            .build()
            .into();
        Ok(Self {
            interruption,
            agent,
            base: base.trim_end_matches('/').to_owned(),
            authorization: Authorization::new(&uri, token, aws_region)?,
        })
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn interruption(&self) -> &Arc<Interruption> {
        &self.interruption
    }

    pub(crate) fn agent(&self) -> &Agent {
        &self.agent
    }

    /// A call with the headers that prove who makes it. They are for the service alone: other URLs that
    /// it gives need none.
    ///
    /// # Errors
    /// If the call cannot be signed.
    pub(crate) fn authorized<B>(
        &self,
        mut request: RequestBuilder<B>,
        method: &str,
        url: &str,
        body: &[u8],
    ) -> anyhow::Result<RequestBuilder<B>> {
        if self.is_own(url) {
            for (name, value) in self.authorization.headers(method, url, body)? {
                request = request.header(name, value);
            }
        }
        Ok(request)
    }

    /// The URL of a path, or one that the service gave. A route of the service is asked for where the
    /// service was found, whatever it calls itself.
    ///
    /// # Errors
    /// If it leads from an encrypted connection to one that is not.
    pub(crate) fn url(&self, given: &str) -> anyhow::Result<String> {
        if given.starts_with('/') {
            return Ok(format!("{}{given}", self.base));
        }
        let (url, base): (Uri, Uri) = (given.parse()?, self.base.parse()?);
        let same_host = match (url.host(), base.host()) {
            (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
            _ => false,
        };
        let route = url.path_and_query().map(PathAndQuery::as_str);
        match route.filter(|route| same_host && route.starts_with("/data-prep/")) {
            Some(route) => Ok(format!("{}{route}", self.base)),
            None if base.scheme_str() == Some("https") && url.scheme_str() != Some("https") => {
                bail!("the service returned an unencrypted URL")
            }
            None => Ok(given.to_owned()),
        }
    }

    /// Whether a URL belongs to this service, and not to the storage that it uses.
    pub(crate) fn is_own(&self, url: &str) -> bool {
        let rest = url.strip_prefix(&self.base);
        rest.is_some_and(|rest| rest.starts_with('/'))
    }

    /// Makes a call, and repeats it where that may help.
    pub(crate) fn repeat(
        &self,
        call: impl Fn() -> anyhow::Result<Response<Body>>,
    ) -> anyhow::Result<Response<Body>> {
        self.repeat_while(is_passing, call)
    }

    /// The same, where other statuses may be temporary too.
    pub(crate) fn repeat_while(
        &self,
        is_passing: impl Fn(StatusCode) -> bool,
        call: impl Fn() -> anyhow::Result<Response<Body>>,
    ) -> anyhow::Result<Response<Body>> {
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            // Whoever wants to stop waits for no further attempt.
            let last = attempt == ATTEMPTS || self.interruption.is_told();
            let asked = match call() {
                Ok(response) if is_passing(response.status()) && !last => {
                    let asked = retry_after(&response);
                    // Then it is not a passing fault: better say so now.
                    if asked.is_some_and(|asked| asked > LONGEST_PAUSE) {
                        return refuse_unless_success(response);
                    }
                    asked
                }
                Ok(response) => return refuse_unless_success(response),
                Err(error) if last || self.interruption.is_told() => {
                    return Err(error).with_context(|| self.unreachable());
                }
                Err(error) => {
                    tracing::warn!("trying again: {error:#}");
                    None
                }
            };
            self.interruption.pause(asked.unwrap_or(pause));
            pause *= 2;
        }
        unreachable!("the last attempt returns")
    }

    /// Checks that there is a service, without patience.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let url = self.url("/data-prep/system/health")?;
        let response = self.get_once(&url).with_context(|| self.unreachable())?;
        if is_passing(response.status()) {
            return Ok(());
        }
        json(refuse_unless_success(response)?).map(|_| ())
    }

    fn unreachable(&self) -> String {
        format!(
            "the service at {} cannot be reached (is it running, and is --api right?)",
            self.base
        )
    }

    /// The JSON at a path.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Value> {
        let response = self.repeat(|| self.get_once(&self.url(path)?))?;
        json(response)
    }

    fn get_once(&self, url: &str) -> anyhow::Result<Response<Body>> {
        self.get_within(url, None)
    }

    /// What is at a URL, with a limit to the time that the whole answer may take.
    pub(crate) fn get_within(
        &self,
        url: &str,
        patience: Option<Duration>,
    ) -> anyhow::Result<Response<Body>> {
        let request = self.authorized(self.agent.get(url), "GET", url, b"")?;
        Ok(request.config().timeout_global(patience).build().call()?)
    }

    /// Removes a job, if that is possible at once.
    pub(crate) fn remove(&self, run_id: &str) -> anyhow::Result<()> {
        let url = self.url(&format!("/data-prep/jobs/{run_id}"))?;
        let request = self.authorized(self.agent.delete(&url), "DELETE", &url, b"")?;
        refuse_unless_success(request.call()?).map(drop)
    }

    /// Sends JSON to a path, once.
    pub(crate) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let url = self.url(path)?;
        let body = body.to_string();
        let request = self.authorized(self.agent.post(&url), "POST", &url, body.as_bytes())?;
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let response = request.send(body).with_context(|| self.unreachable())?;
        json(refuse_unless_success(response)?)
    }
}

/// For how long the service asks to wait before another attempt.
fn retry_after(response: &Response<Body>) -> Option<Duration> {
    let asked = response.headers().get(header::RETRY_AFTER)?;
    let seconds = asked.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

pub(crate) fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT
}

fn refuse_unless_success(mut response: Response<Body>) -> anyhow::Result<Response<Body>> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = response.body_mut().with_config().limit(LARGEST_ANSWER);
    let text = body.read_to_string().unwrap_or_default();
    let problem: Value = serde_json::from_str(&text).unwrap_or_default();
    let detail = problem["detail"].as_str().or(problem["message"].as_str());
    let detail = detail.map_or_else(|| text.chars().take(500).collect(), str::to_owned);
    // What was wrong came from the options of this command.
    let detail = advice::with_options_of_jobs(&detail);
    Err(anyhow!(Refusal { status, detail }))
}

pub(crate) fn json(mut response: Response<Body>) -> anyhow::Result<Value> {
    let body = response.body_mut().with_config().limit(LARGEST_ANSWER);
    let text = body
        .read_to_string()
        .context("the answer could not be read")?;
    serde_json::from_str(&text).context("the answer is not JSON; is --api the right URL?")
}
