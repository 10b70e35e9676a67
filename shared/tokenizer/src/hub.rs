//! Fetching a `tokenizer.json` from the Hugging Face hub.

use std::io::Read;
use std::thread;
use std::time::Duration;

use ureq::http::{Response, StatusCode, Uri, header};
use ureq::{Agent, Body};

use crate::model::LARGEST_FILE;

/// Where models live when `HF_ENDPOINT` does not say otherwise.
const ENDPOINT: &str = "https://huggingface.co";

/// How often a fault that may pass is met before it is final.
const ATTEMPTS: u32 = 4;

/// The hub answers a file with at most two: to the file's storage, and that storage's own.
const REDIRECTS: usize = 5;

/// A model hub, with the caller's token.
#[derive(Clone)]
pub struct Hub {
    endpoint: String,
    token: Option<String>,
    first_pause: Duration,
    timeout: Duration,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The token is a secret.
        f.debug_struct("Hub")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// A `tokenizer.json` as the hub has it.
pub(crate) struct HubFile {
    pub(crate) bytes: Vec<u8>,
    /// The commit that it belongs to, where the hub says so.
    pub(crate) revision: Option<String>,
}

/// What the hub answered.
pub(crate) enum Answer {
    File(HubFile),
    /// It will not give the file: 401, 403 or 404.
    Refused(u16),
}

/// The hub could not be asked, which says nothing about the model: trying again may succeed.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// No answer, or one that says to try later, each time.
    #[error(
        "the model hub at {endpoint} could not be used ({problem}); try again later, or name a \
         tokenizer.json or an OpenAI encoding with tokenizer (--tokenizer)"
    )]
    Unusable {
        /// The hub.
        endpoint: String,
        /// What happened the last time.
        problem: String,
    },
    /// An answer that makes no sense.
    #[error("the model hub at {endpoint} answered {problem}")]
    Unexpected {
        /// The hub.
        endpoint: String,
        /// What it was.
        problem: String,
    },
}

enum Fault {
    MayPass(String, Option<Duration>),
    Final(String),
}

impl Hub {
    /// A hub at `endpoint` (`HF_ENDPOINT`), or the public one; `token` is `HF_TOKEN`.
    pub fn new(endpoint: Option<&str>, token: Option<&str>) -> Self {
        let given = |value: Option<&str>| {
            value
                .map(str::trim)
                .filter(|value| !value.is_empty())
                .map(str::to_owned)
        };
        let endpoint = given(endpoint).unwrap_or_else(|| ENDPOINT.to_owned());
        Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token: given(token),
            first_pause: Duration::from_millis(500),
            timeout: Duration::from_mins(2),
        }
    }

    /// The same hub with other waiting times: before the second attempt, and for one answer.
    #[must_use]
    pub fn with_patience(self, first_pause: Duration, timeout: Duration) -> Self {
        Self {
            first_pause,
            timeout,
            ..self
        }
    }

    /// The page on which access to a gated model is asked for.
    pub(crate) fn model_page(&self, model_id: &str) -> String {
        format!("{}/{model_id}", self.endpoint)
    }

    /// Fetches the model's `tokenizer.json`, trying again where a fault may pass.
    pub(crate) fn fetch(&self, model_id: &str) -> Result<Answer, HubError> {
        let mut pause = self.first_pause;
        for attempt in 1.. {
            match self.fetch_once(model_id) {
                Ok(answer) => return Ok(answer),
                Err(Fault::Final(problem)) => {
                    return Err(HubError::Unexpected {
                        endpoint: self.endpoint.clone(),
                        problem,
                    });
                }
                Err(Fault::MayPass(problem, _)) if attempt == ATTEMPTS => {
                    return Err(HubError::Unusable {
                        endpoint: self.endpoint.clone(),
                        problem,
                    });
                }
                Err(Fault::MayPass(problem, asked)) => {
                    tracing::warn!(
                        "the model hub failed ({problem}), attempt {attempt} of {ATTEMPTS}"
                    );
                    // A hub that asks for longer than this is not worth waiting for.
                    thread::sleep(asked.unwrap_or(pause).min(self.first_pause * 20));
                    pause *= 2;
                }
            }
        }
        unreachable!("the last attempt returns")
    }

    fn fetch_once(&self, model_id: &str) -> Result<Answer, Fault> {
        let agent: Agent = Agent::config_builder()
            .http_status_as_error(false)
            // Followed by hand: the first answer names the revision, and the token must not travel.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(Duration::from_secs(10).min(self.timeout)))
            .timeout_global(Some(self.timeout))
            .build()
            .into();
        let mut address = format!("{}/{model_id}/resolve/main/tokenizer.json", self.endpoint);
        let home = authority(&address)?;
        let mut revision = None;
        for _ in 0..=REDIRECTS {
            let mut request = agent.get(&address);
            if let Some(token) = &self.token
                && authority(&address)? == home
            {
                request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            }
            let response = request.call().map_err(|error| passing(&error))?;
            revision = revision.or_else(|| header_text(&response, "x-repo-commit"));
            match response.status() {
                StatusCode::OK => {
                    return Ok(Answer::File(HubFile {
                        bytes: body(response)?,
                        revision,
                    }));
                }
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
                    return Ok(Answer::Refused(response.status().as_u16()));
                }
                status if status.is_redirection() => {
                    let location = header_text(&response, "location")
                        .ok_or_else(|| Fault::Final(format!("{status} without a location")))?;
                    address = resolve(&address, &location)?;
                }
                status if status.is_server_error() || matches!(status.as_u16(), 408 | 429) => {
                    let seconds =
                        header_text(&response, "retry-after").and_then(|text| text.parse().ok());
                    return Err(Fault::MayPass(
                        status.to_string(),
                        seconds.map(Duration::from_secs),
                    ));
                }
                status => return Err(Fault::Final(status.to_string())),
            }
        }
        Err(Fault::Final("too many redirects".to_owned()))
    }
}

fn passing(error: &ureq::Error) -> Fault {
    match error {
        ureq::Error::BadUri(_) | ureq::Error::InvalidProxyUrl => Fault::Final(error.to_string()),
        _ => Fault::MayPass(error.to_string(), None),
    }
}

fn header_text(response: &Response<Body>, name: &str) -> Option<String> {
    Some(response.headers().get(name)?.to_str().ok()?.to_owned())
}

fn body(response: Response<Body>) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let reader = response
        .into_body()
        .into_with_config()
        .limit(LARGEST_FILE + 1)
        .reader();
    let read = reader.take(LARGEST_FILE + 1).read_to_end(&mut bytes);
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(Fault::Final("a file of more than 128 MiB".to_owned()));
    }
    read.map_err(|error| Fault::MayPass(error.to_string(), None))?;
    Ok(bytes)
}

fn parse(address: &str) -> Result<Uri, Fault> {
    address
        .parse()
        .map_err(|_| Fault::Final("an address that cannot be read".to_owned()))
}

fn authority(address: &str) -> Result<Option<(String, String)>, Fault> {
    let uri = parse(address)?;
    let parts = uri.scheme_str().zip(uri.authority());
    Ok(parts.map(|(scheme, authority)| (scheme.to_owned(), authority.to_string())))
}

/// The address that a redirect from `base` leads to.
fn resolve(base: &str, location: &str) -> Result<String, Fault> {
    if location.starts_with("https://") || location.starts_with("http://") {
        return Ok(location.to_owned());
    }
    let (scheme, authority) =
        authority(base)?.ok_or_else(|| Fault::Final("an address without a host".to_owned()))?;
    let separator = if location.starts_with('/') { "" } else { "/" };
    Ok(format!("{scheme}://{authority}{separator}{location}"))
}
