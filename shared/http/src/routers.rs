//! The routers that a deployment serves.

use std::sync::Arc;

use axum::{Extension, Router};

use crate::api::Api;
use crate::openapi::openapi;
use crate::routes::{self, Description};

/// The routes that take payloads in.
pub fn ingress(api: Api) -> Router {
    complete(ingress_routes(), api)
}

/// The routes that tell of jobs and of the service.
pub fn status(api: Api) -> Router {
    complete(status_routes(&api), api)
}

/// All routes, for a deployment that is one server: uploads and downloads pass through it, too.
pub fn all(api: Api) -> Router {
    let router = ingress_routes()
        .merge(status_routes(&api))
        .merge(routes::contents());
    complete(router, api)
}

fn ingress_routes() -> Router<Api> {
    routes::ingress().split_for_parts().0
}

fn status_routes(api: &Api) -> Router<Api> {
    let (configuration, proof) = (Arc::clone(&api.configuration), api.proof);
    let description = Description::new(move || openapi(&configuration, proof));
    let router = routes::status().split_for_parts().0;
    router.layer(Extension(description))
}

fn complete(router: Router<Api>, api: Api) -> Router {
    router
        .fallback(routes::not_found)
        .method_not_allowed_fallback(routes::not_allowed)
        .with_state(api)
}
