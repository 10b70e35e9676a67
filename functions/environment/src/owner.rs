//! Who calls: the same name for the same user or role, whichever way they come.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use lambda_http::http::StatusCode;
use lambda_http::request::RequestContext;
use resonare_http::Problem;
use resonare_jobs::Owner;

use crate::environment::Authorization;

/// A user or role of IAM, without the name of its session.
fn iam(account: &str, id: &str) -> Owner {
    let id = id.split(':').next().unwrap_or_default();
    Owner(format!("iam:{account}:{id}"))
}

/// The owner that an API call comes from; none if the call proves nothing of what it has to.
pub fn of_api_caller(context: &RequestContext, authorization: Authorization) -> Option<Owner> {
    let RequestContext::ApiGatewayV2(context) = context else {
        return None;
    };
    let authorizer = context.authorizer.as_ref();
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    match authorization {
        Authorization::Open => Some(Owner("open".to_owned())),
        Authorization::Iam => {
            let caller = authorizer?.iam.as_ref()?;
            Some(iam(&filled(&caller.account_id)?, &filled(&caller.user_id)?))
        }
        Authorization::Jwt => {
            let claims = &authorizer?.jwt.as_ref()?.claims;
            let claim = |name| claims.get(name).filter(|claim| !claim.is_empty());
            Some(Owner(format!("jwt:{}|{}", claim("iss")?, claim("sub")?)))
        }
    }
}

/// The owner of an object that a principal of this account put, as an S3 event names it.
pub fn of_principal(principal_id: &str, account: &str, authorization: Authorization) -> Owner {
    match authorization {
        Authorization::Open => Owner("open".to_owned()),
        _ => iam(
            account,
            principal_id.strip_prefix("AWS:").unwrap_or(principal_id),
        ),
    }
}

/// Puts the owner into each request; refuses those without one.
pub fn with_owner(router: Router, authorization: Authorization) -> Router {
    router.layer(middleware::from_fn_with_state(authorization, add_owner))
}

async fn add_owner(
    State(authorization): State<Authorization>,
    mut request: Request,
    next: Next,
) -> Response {
    let context = request.extensions().get::<RequestContext>();
    let owner = context.and_then(|context| of_api_caller(context, authorization));
    match owner {
        Some(owner) => {
            request.extensions_mut().insert(owner);
            next.run(request).await
        }
        None => Problem::new(
            StatusCode::UNAUTHORIZED,
            "the call does not say who makes it",
        )
        .into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_one_owner_whatever_its_session_and_however_it_comes() {
        let session = iam("123456789012", "AROAEXAMPLE:alice");
        assert_eq!(session, Owner("iam:123456789012:AROAEXAMPLE".to_owned()));
        assert_eq!(session, iam("123456789012", "AROAEXAMPLE:bob"));
        let put = of_principal("AWS:AROAEXAMPLE:alice", "123456789012", Authorization::Iam);
        assert_eq!(put, session);
        assert_ne!(put, iam("210987654321", "AROAEXAMPLE:alice"));
    }
}
