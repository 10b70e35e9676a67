//! Which requests are accepted: none from web pages elsewhere and, where a secret is set, only those with it. No
//! answer is kept by a browser, or shown inside another page.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Router};
use resonare_http::{Problem, Tickets};
use resonare_jobs::Owner;
use sha2::{Digest as _, Sha256};

use super::page;

/// Open to health checks, which do not know the secret.
const HEALTH: &str = "/data-prep/system/health";

/// What a browser says of where a request comes from: `same-origin`, or `none` for an address that was typed in.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// `document` if the answer is shown in a tab of its own, out of reach for the page that opened it.
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// What every answer says, unless it says something else itself: nothing that is private stays in a browser's cache,
/// becomes part of another page, or runs as one.
const PRIVACY: [(HeaderName, HeaderValue); 5] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
];

/// The checks before every route.
#[derive(Clone)]
pub(crate) struct Guard {
    names: Arc<[String]>,
    is_local: bool,
    secret: Option<Secret>,
    owner: Owner,
}

/// What requests have to bring: a secret, or a ticket that was given to someone who knew it.
#[derive(Clone)]
pub(crate) struct Secret {
    /// Comparing digests takes the same time wherever they differ.
    digest: [u8; 32],
    pub(crate) tickets: Tickets,
}

impl Secret {
    pub(crate) fn new(token: &str, tickets: Tickets) -> Self {
        let digest = digest(token);
        Self { digest, tickets }
    }

    fn admits(&self, uri: &Uri, authorization: Option<&str>) -> bool {
        let given = authorization.and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme
                .eq_ignore_ascii_case("bearer")
                .then(|| digest(token.trim()))
        });
        given == Some(self.digest) || self.tickets.admits(uri)
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// The name or address of `host` or `host:port`, in lower case and without brackets; `None`
/// if there is more in it, such as a user name.
fn host_name(authority: &str) -> Option<String> {
    let parsed: Authority = authority.parse().ok()?;
    let (host, port) = (parsed.host(), parsed.port());
    let whole = port.map_or(host.to_owned(), |port| format!("{host}:{port}"));
    let name = host.trim_start_matches('[').trim_end_matches(']');
    (whole == authority).then(|| name.to_ascii_lowercase())
}

impl Guard {
    /// The checks of a service that listens on `address`.
    pub(crate) fn new(
        address: IpAddr,
        names: &[String],
        secret: Option<Secret>,
        owner: Owner,
    ) -> Self {
        let names = names.iter().filter_map(|name| host_name(name)).collect();
        Self {
            names,
            is_local: address.is_loopback(),
            secret,
            owner,
        }
    }

    /// Puts the checks before a router, and the owner into each request.
    pub(crate) fn protect(self, router: Router) -> Router {
        let owner = self.owner.clone();
        router
            .layer(Extension(owner))
            .layer(middleware::from_fn_with_state(self, check))
    }

    /// Whether the service may be called by that name. A page whose own name leads here (DNS
    /// rebinding) calls it by that name; an IP address is not such a name.
    fn is_known(&self, authority: &str) -> bool {
        let Some(name) = host_name(authority) else {
            return false;
        };
        name == "localhost"
            || self.names.contains(&name)
            || name
                .parse::<IpAddr>()
                .is_ok_and(|address| !self.is_local || address.is_loopback())
    }

    fn refusal(&self, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
        let text = |name| {
            headers
                .get(name)
                .map(|value: &HeaderValue| value.to_str().unwrap_or("?"))
        };
        let forbidden = |detail: &str| {
            Some(Problem::new(StatusCode::FORBIDDEN, detail.to_owned()).into_response())
        };
        let host = text(header::HOST).or_else(|| uri.authority().map(Authority::as_str));
        let Some(host) = host.filter(|host| self.is_known(host)) else {
            return forbidden(
                "this host name is not allowed; start the service with --allow-host to allow it",
            );
        };
        // The service's own page is of the origin that the request names, also behind a proxy.
        let origin = text(header::ORIGIN);
        let own = |origin: &str| {
            let rest = origin
                .strip_prefix("http://")
                .or_else(|| origin.strip_prefix("https://"));
            rest.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
        };
        // Without an `Origin` come links, which are harmless, and images, scripts and frames, which aren't.
        let embedded = text(SEC_FETCH_SITE)
            .is_some_and(|site| !["same-origin", "none"].contains(&site))
            && text(SEC_FETCH_DEST) != Some("document");
        if origin.is_some_and(|origin| !own(origin)) || embedded {
            return forbidden("requests from web pages of other origins are refused");
        }
        let secret = self.secret.as_ref()?;
        let is_open = uri.path() == HEALTH || page::is_file(uri.path());
        if is_open || secret.admits(uri, text(header::AUTHORIZATION)) {
            return None;
        }
        let detail = "send the service's secret as `Authorization: Bearer …`";
        let mut response = Problem::new(StatusCode::UNAUTHORIZED, detail).into_response();
        let challenge = HeaderValue::from_static("Bearer");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
        Some(response)
    }
}

async fn check(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let mut response = match guard.refusal(request.uri(), request.headers()) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    };
    for (name, value) in PRIVACY {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

#[cfg(test)]
mod tests {
    use resonare_jobs::SystemClock;

    use super::*;

    fn status(guard: &Guard, path: &str, headers: &[(&str, &str)]) -> Option<u16> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: header::HeaderName = name.parse().unwrap();
            map.insert(name, value.parse().unwrap());
        }
        let refusal = guard.refusal(&path.parse().unwrap(), &map);
        refusal.map(|response| response.status().as_u16())
    }

    fn guard(address: &str, token: Option<&str>) -> Guard {
        let names = ["Box.Example".to_owned()];
        let tickets = Tickets::new(Arc::new(SystemClock));
        Guard::new(
            address.parse().unwrap(),
            &names,
            token.map(|token| Secret::new(token, tickets)),
            Owner("local".to_owned()),
        )
    }

    #[test]
    fn it_is_called_by_its_own_names_alone() {
        let local = guard("127.0.0.1", None);
        for host in [
            "localhost:8010",
            "LOCALHOST",
            "127.0.0.1:1",
            "[::1]:1",
            "box.example",
        ] {
            assert_eq!(status(&local, "/", &[("host", host)]), None, "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "10.0.0.1",
            "",
            "127.0.0.1.evil",
            "localhost:80@evil.example",
            "[::1]evil.example",
            "localhost:1/../x?",
        ] {
            assert_eq!(status(&local, "/", &[("host", host)]), Some(403), "{host}");
        }
        assert_eq!(status(&local, "/", &[]), Some(403));
        let reachable = guard("0.0.0.0", Some("secret"));
        let authorization = ("authorization", "Bearer secret");
        assert_eq!(
            status(
                &reachable,
                HEALTH,
                &[("host", "10.0.0.1:8010"), authorization]
            ),
            None
        );
        assert_eq!(
            status(&reachable, "/", &[("host", "evil.example"), authorization]),
            Some(403)
        );
    }

    #[test]
    fn pages_from_elsewhere_are_refused() {
        let local = guard("127.0.0.1", None);
        let host = ("host", "localhost:8010");
        assert_eq!(
            status(&local, "/", &[host, ("origin", "http://localhost:8010")]),
            None
        );
        for origin in ["https://evil.example", "null", "http://localhost:3000", ""] {
            assert_eq!(
                status(&local, "/", &[host, ("origin", origin)]),
                Some(403),
                "{origin}"
            );
        }
        // Other ports of this machine are of the same site.
        for (site, dest, expected) in [
            ("same-origin", "iframe", None),
            ("none", "document", None),
            ("cross-site", "document", None),
            ("cross-site", "iframe", Some(403)),
            ("cross-site", "image", Some(403)),
            ("same-site", "empty", Some(403)),
        ] {
            let from = [host, ("sec-fetch-site", site), ("sec-fetch-dest", dest)];
            assert_eq!(status(&local, "/", &from), expected, "{site} {dest}");
        }
    }

    #[test]
    fn without_the_secret_only_the_health_and_the_page_are_shown() {
        let guard = guard("127.0.0.1", Some("secret"));
        let host = ("host", "localhost");
        for path in [HEALTH, "/", "/page/page.js"] {
            assert_eq!(status(&guard, path, &[host]), None, "{path}");
        }
        assert_eq!(status(&guard, "/page/other", &[host]), Some(401));
        assert_eq!(status(&guard, "/data-prep/jobs", &[host]), Some(401));
        for (authorization, expected) in [
            ("Bearer secret", None),
            ("bearer secret", None),
            ("Bearer secre", Some(401)),
            ("Bearer", Some(401)),
            ("Basic secret", Some(401)),
        ] {
            let headers = [host, ("authorization", authorization)];
            let given = status(&guard, "/data-prep/jobs", &headers);
            assert_eq!(given, expected, "{authorization}");
        }
    }
}
