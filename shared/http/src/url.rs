//! URLs on the server that received the request.

use axum::http::{HeaderMap, HeaderName, header};

/// An absolute URL: `url` as it is, or, if it is a path, on the host that the request names.
pub(crate) fn absolute(url: &str, headers: &HeaderMap) -> String {
    const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-proto");
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match text(header::HOST) {
        Some(host) if url.starts_with('/') => {
            let scheme = match text(FORWARDED) {
                Some("https") => "https",
                _ => "http",
            };
            format!("{scheme}://{host}{url}")
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_on_the_host_that_was_asked() {
        let mut headers = HeaderMap::new();
        assert_eq!(absolute("/a", &headers), "/a");
        headers.insert(header::HOST, "localhost:1".parse().unwrap());
        assert_eq!(absolute("/a", &headers), "http://localhost:1/a");
        headers.insert("x-forwarded-proto", "https".parse().unwrap());
        assert_eq!(absolute("/a", &headers), "https://localhost:1/a");
        assert_eq!(absolute("https://b/a", &headers), "https://b/a");
    }
}
