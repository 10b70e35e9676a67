//! Fetching the files of models from the Hugging Face hub.

use std::fmt;
use std::io::{self, Read};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::thread;
use std::time::Duration;

use ureq::http::{Response, StatusCode, Uri, header};
use ureq::{Agent, Body, Timeout};

use super::model_files::{LARGEST_FILE, ModelFile};
use super::model_id::ModelId;

/// Where models live when `HF_ENDPOINT` does not say otherwise.
const ENDPOINT: &str = "https://huggingface.co";

/// How often a fault that may pass is met before it is final.
const ATTEMPTS: u32 = 4;

/// How many connections may fail before the network is considered to be missing.
const CONNECTION_ATTEMPTS: u32 = 2;

/// How long a host may take to accept a connection before it counts as not there.
const LISTENS_WITHIN: Duration = Duration::from_secs(3);

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

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token is a secret.
        f.debug_struct("Hub")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// Which file of a model to fetch.
pub(crate) struct HubAddress<'a> {
    pub(crate) model: &'a ModelId,
    pub(crate) file: ModelFile,
    /// A commit; without one, the newest.
    pub(crate) revision: Option<&'a str>,
}

impl fmt::Display for HubAddress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |revision: &&str| revision.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let revision = self.revision.filter(is_plain).unwrap_or("main");
        write!(f, "{}/resolve/{revision}/{}", self.model, self.file.name())
    }
}

/// A file as the hub has it.
pub(crate) struct HubFile {
    pub(crate) bytes: Vec<u8>,
    /// The commit that it belongs to, where the hub says so.
    pub(crate) revision: Option<String>,
}

/// What the hub answered.
pub(crate) enum HubAnswer {
    File(HubFile),
    /// It will not give the file: 401, 403 or 404.
    Refused(u16),
    /// There was no answer, since no connection could be made: no network, no such host, or nothing that
    /// listens there. Why not is in the text.
    OutOfReach(String),
}

/// The hub could not be asked, which says nothing about the model.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// It was reached, but each time it gave no answer, or one that says to try later.
    #[error("the model hub at {endpoint} could not be used ({problem}); try again later")]
    Unusable {
        /// The hub.
        endpoint: String,
        /// What happened the last time.
        problem: String,
    },
    /// It gave an answer that makes no sense.
    #[error("the model hub at {endpoint} answered with {problem}")]
    Unexpected {
        /// The hub.
        endpoint: String,
        /// What it was.
        problem: String,
    },
}

enum Fault {
    /// No connection could be made.
    NoConnection(String),
    /// It may pass, at the latest after the time that the hub asks for.
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
    pub(crate) fn model_page(&self, model: &ModelId) -> String {
        format!("{}/{model}", self.endpoint)
    }

    /// Fetches a file of a model, trying again where a fault may pass.
    pub(crate) fn fetch(&self, file: &HubAddress<'_>) -> Result<HubAnswer, HubError> {
        let mut pause = self.first_pause;
        let mut was_reached = false;
        for attempt in 1.. {
            let (problem, asked) = match self.fetch_once(file) {
                Ok(answer) => return Ok(answer),
                Err(Fault::Final(problem)) => {
                    return Err(HubError::Unexpected {
                        endpoint: self.endpoint.clone(),
                        problem,
                    });
                }
                Err(Fault::NoConnection(problem))
                    if !was_reached && attempt == CONNECTION_ATTEMPTS =>
                {
                    return Ok(HubAnswer::OutOfReach(problem));
                }
                Err(Fault::NoConnection(problem)) => (problem, None),
                Err(Fault::MayPass(problem, asked)) => {
                    was_reached = true;
                    (problem, asked)
                }
            };
            if attempt == ATTEMPTS {
                return Err(HubError::Unusable {
                    endpoint: self.endpoint.clone(),
                    problem,
                });
            }
            tracing::warn!("the model hub failed ({problem}) in attempt {attempt}; trying again");
            // A hub that asks for longer than this is not worth waiting for.
            thread::sleep(asked.unwrap_or(pause).min(self.first_pause * 20));
            pause *= 2;
        }
        unreachable!("the last attempt returns")
    }

    fn fetch_once(&self, file: &HubAddress<'_>) -> Result<HubAnswer, Fault> {
        let agent: Agent = Agent::config_builder()
            .http_status_as_error(false)
            // Followed by hand: the first answer names the revision, and the token must not travel.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(Duration::from_secs(10).min(self.timeout)))
            .timeout_global(Some(self.timeout))
            .build()
            .into();
        let mut url = format!("{}/{file}", self.endpoint);
        let hub = authority(&url)?;
        let mut revision = None;
        for redirect in 0..=REDIRECTS {
            let mut request = agent.get(&url);
            let is_hub = authority(&url)? == hub;
            if let Some(token) = &self.token
                && is_hub
            {
                request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            }
            let response = request.call().map_err(|error| match fault(&error) {
                // The hub itself was reached: it sent us here.
                Fault::NoConnection(problem) if redirect > 0 => Fault::MayPass(problem, None),
                // So it was if it answers, and then no more while the connection is set up.
                Fault::NoConnection(problem)
                    if matches!(error, ureq::Error::Timeout(_)) && listens(&url) =>
                {
                    Fault::MayPass(problem, None)
                }
                fault => fault,
            })?;
            revision = revision.or_else(|| header_text(&response, "x-repo-commit"));
            match response.status() {
                StatusCode::OK => {
                    return Ok(HubAnswer::File(HubFile {
                        bytes: body(response)?,
                        revision,
                    }));
                }
                status @ (StatusCode::UNAUTHORIZED
                | StatusCode::FORBIDDEN
                | StatusCode::NOT_FOUND) => {
                    // A hub says so itself, if need be one that a mirror leads to. What it leads to for a file
                    // that it gives says nothing about the model.
                    let is_of_a_hub = is_hub || header_text(&response, "x-error-code").is_some();
                    return if is_of_a_hub {
                        Ok(HubAnswer::Refused(status.as_u16()))
                    } else {
                        Err(Fault::MayPass(format!("{status} from its storage"), None))
                    };
                }
                status if status.is_redirection() => {
                    let location = header_text(&response, "location")
                        .ok_or_else(|| Fault::Final(format!("{status} without a location")))?;
                    url = resolve(&url, &location)?;
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

/// Whether a URL's host takes connections.
fn listens(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else {
        return false;
    };
    let usual = if uri.scheme_str() == Some("http") {
        80
    } else {
        443
    };
    let addresses = uri.host().and_then(|host| {
        (host, uri.port_u16().unwrap_or(usual))
            .to_socket_addrs()
            .ok()
    });
    addresses.is_some_and(|mut addresses| {
        addresses.any(|address| TcpStream::connect_timeout(&address, LISTENS_WITHIN).is_ok())
    })
}

/// What an error of a request means.
fn fault(error: &ureq::Error) -> Fault {
    use io::ErrorKind;
    let problem = error.to_string();
    match error {
        ureq::Error::BadUri(_) | ureq::Error::InvalidProxyUrl => Fault::Final(problem),
        ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::Timeout(Timeout::Connect) => Fault::NoConnection(problem),
        // What can only happen to a connection; all else, a name that is not resolved among it, is the lack
        // of one.
        ureq::Error::Io(error) => match error.kind() {
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::NotConnected
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof
            | ErrorKind::TimedOut
            | ErrorKind::WouldBlock
            | ErrorKind::Interrupted
            | ErrorKind::InvalidData
            | ErrorKind::InvalidInput
            | ErrorKind::Other => Fault::MayPass(problem, None),
            _ => Fault::NoConnection(problem),
        },
        _ => Fault::MayPass(problem, None),
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

fn parse(url: &str) -> Result<Uri, Fault> {
    url.parse()
        .map_err(|_| Fault::Final("a URL that can't be read".to_owned()))
}

fn authority(url: &str) -> Result<Option<(String, String)>, Fault> {
    let uri = parse(url)?;
    let parts = uri.scheme_str().zip(uri.authority());
    Ok(parts.map(|(scheme, authority)| (scheme.to_owned(), authority.to_string())))
}

/// The URL that a redirect from `base` leads to.
fn resolve(base: &str, location: &str) -> Result<String, Fault> {
    if location.starts_with("https://") || location.starts_with("http://") {
        return Ok(location.to_owned());
    }
    let (scheme, authority) =
        authority(base)?.ok_or_else(|| Fault::Final("a URL without a host".to_owned()))?;
    let separator = if location.starts_with('/') { "" } else { "/" };
    Ok(format!("{scheme}://{authority}{separator}{location}"))
}
