//! The page at `/`, for people who don't use terminals: files of our own that are part of the binary. It talks to the
//! public routes alone.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::IntoResponse as _;
use axum::routing::get;

/// What the page may load and talk to: only this service. Nobody may frame it, and no text can become code in it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

const CROSS_ORIGIN_OPENER_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-opener-policy");

/// A file of the page.
struct PageFile {
    path: &'static str,
    media_type: &'static str,
    content: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// A file of the folder `page` at the path of its name.
macro_rules! file {
    ($name:literal, $media_type:expr) => {
        PageFile {
            path: concat!("/page/", $name),
            media_type: $media_type,
            content: include_str!(concat!("page/", $name)),
        }
    };
}

static FILES: [PageFile; 13] = [
    PageFile {
        path: "/",
        media_type: HTML,
        content: include_str!("page/index.html"),
    },
    file!("page.css", CSS),
    file!("elements.js", SCRIPT),
    file!("export.js", SCRIPT),
    file!("job.js", SCRIPT),
    file!("jobs.js", SCRIPT),
    file!("page.js", SCRIPT),
    file!("result.js", SCRIPT),
    file!("service.js", SCRIPT),
    file!("settings.js", SCRIPT),
    file!("upload.js", SCRIPT),
    file!("words.js", SCRIPT),
    file!("icon.svg", "image/svg+xml"),
];

/// The routes of the page's files.
pub(super) fn routes() -> Router {
    FILES.iter().fold(Router::new(), |router, file| {
        let answer = move || async move {
            let headers = [
                (
                    header::CONTENT_TYPE,
                    HeaderValue::from_static(file.media_type),
                ),
                (
                    header::CONTENT_SECURITY_POLICY,
                    HeaderValue::from_static(POLICY),
                ),
                (
                    CROSS_ORIGIN_OPENER_POLICY,
                    HeaderValue::from_static("same-origin"),
                ),
            ];
            (headers, file.content).into_response()
        };
        router.route(file.path, get(answer))
    })
}

/// Whether a path is that of a file of the page, which is the same for everybody and so needs no secret.
pub(super) fn is_file(path: &str) -> bool {
    FILES.iter().any(|file| file.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_small() {
        let size: usize = FILES.iter().map(|file| file.content.len()).sum();
        assert!(size < 60 << 10, "{size} bytes");
    }
}
