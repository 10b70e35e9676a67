//! Who the caller is: the same name for the same user or role, however they call.

use std::net::IpAddr;

use lambda_http::request::RequestContext;
use resonare_jobs::Owner;

/// How callers prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// Requests are signed (`AWS_IAM`).
    Iam,
    /// Requests carry a JSON web token.
    Jwt,
    /// Callers prove nothing: a job can be accessed by its `run_id`.
    Open,
}

/// Which owners an IAM role stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerScope {
    /// One owner, whatever its sessions are called.
    Role,
    /// One owner for each session name: people with the same permission set of IAM Identity Center, for
    /// example.
    Session,
}

/// How owners are distinguished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owners {
    /// How callers prove who they are.
    pub authorization: Authorization,
    /// Which owners an IAM role stands for.
    pub owner_scope: OwnerScope,
}

impl Owners {
    /// The owner that an API call comes from; `None` if the call lacks the required proof.
    pub fn of_api_caller(self, context: &RequestContext) -> Option<Owner> {
        let RequestContext::ApiGatewayV2(context) = context else {
            return None;
        };
        let authorizer = context.authorizer.as_ref();
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        match self.authorization {
            Authorization::Open => Some(Owner::open(&network(
                context.http.source_ip.as_deref().unwrap_or_default(),
            ))),
            Authorization::Iam => {
                let caller = authorizer?.iam.as_ref()?;
                // All members of an identity pool have the same role, perhaps even the same session.
                let cognito = caller.cognito_identity.as_ref();
                if let Some(id) = cognito.and_then(|user| filled(&user.identity_id)) {
                    return Some(Owner(format!("cognito:{id}")));
                }
                Some(self.iam(&filled(&caller.account_id)?, &filled(&caller.user_id)?))
            }
            Authorization::Jwt => {
                let claims = &authorizer?.jwt.as_ref()?.claims;
                let claim = |name| claims.get(name).filter(|claim| !claim.is_empty());
                Some(Owner(format!("jwt:{}|{}", claim("iss")?, claim("sub")?)))
            }
        }
    }

    /// The owner of an object that a principal of this account put, as an S3 event names it.
    pub fn of_principal(self, principal_id: &str, account: &str) -> Owner {
        let id = principal_id.strip_prefix("AWS:").unwrap_or(principal_id);
        match self.authorization {
            Authorization::Open => Owner::open(id),
            Authorization::Iam | Authorization::Jwt => self.iam(account, id),
        }
    }

    /// A principal of IAM by its unique id: a user's (`AIDA…`), a role's with the name of its session
    /// (`AROA…:name`), the account's own for its root user, and `<account>:<name>` for a federated user.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>
    fn iam(self, account: &str, id: &str) -> Owner {
        let id = match id.split_once(':') {
            Some((role, _)) if role.starts_with("AROA") && self.owner_scope == OwnerScope::Role => {
                role
            }
            _ => id,
        };
        Owner(format!("iam:{account}:{id}"))
    }
}

/// What a household or a machine calls from: an IPv4 address, or the first half of an IPv6 address.
fn network(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::")
        }
        Ok(IpAddr::V4(address)) => address.to_string(),
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ACCOUNT: &str = "123456789012";

    fn owners(authorization: Authorization, owner_scope: OwnerScope) -> Owners {
        Owners {
            authorization,
            owner_scope,
        }
    }

    /// What API Gateway says of a call that was signed.
    fn signed(user_id: &str, cognito: Value) -> RequestContext {
        context(
            "192.0.2.1",
            json!({"iam": {"accountId": ACCOUNT, "userId": user_id, "cognitoIdentity": cognito}}),
        )
    }

    fn context(address: &str, authorizer: Value) -> RequestContext {
        let http = json!({"method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": address,
            "userAgent": "test"});
        let context =
            json!({"http": http, "authorizer": authorizer, "accountId": ACCOUNT, "timeEpoch": 0});
        RequestContext::ApiGatewayV2(serde_json::from_value(context).unwrap())
    }

    #[test]
    fn a_role_is_one_owner_whatever_its_session_and_however_it_comes() {
        let owners = owners(Authorization::Iam, OwnerScope::Role);
        let caller = |id: &str| owners.of_api_caller(&signed(id, Value::Null)).unwrap();
        assert_eq!(
            caller("AROAEXAMPLE:ann").0,
            format!("iam:{ACCOUNT}:AROAEXAMPLE")
        );
        assert_eq!(caller("AROAEXAMPLE:ann"), caller("AROAEXAMPLE:bob"));
        let put = owners.of_principal("AWS:AROAEXAMPLE:ann", ACCOUNT);
        assert_eq!(put, caller("AROAEXAMPLE:bob"));
        assert_ne!(
            put,
            owners.of_principal("AWS:AROAEXAMPLE:ann", "210987654321")
        );
    }

    #[test]
    fn sessions_are_owners_where_the_operator_says_so() {
        let owners = owners(Authorization::Iam, OwnerScope::Session);
        let caller = |id: &str| owners.of_api_caller(&signed(id, Value::Null)).unwrap();
        assert_ne!(caller("AROAEXAMPLE:ann"), caller("AROAEXAMPLE:bob"));
        let put = owners.of_principal("AWS:AROAEXAMPLE:ann", ACCOUNT);
        assert_eq!(put, caller("AROAEXAMPLE:ann"));
    }

    #[test]
    fn users_root_and_federated_users_are_owners_of_their_own() {
        let owners = owners(Authorization::Iam, OwnerScope::Role);
        let ids = [
            "AIDAEXAMPLE",
            ACCOUNT,
            "123456789012:ann",
            "123456789012:bob",
        ];
        let mut all = std::collections::BTreeSet::new();
        for id in ids {
            let caller = owners.of_api_caller(&signed(id, Value::Null)).unwrap();
            assert_eq!(caller, owners.of_principal(&format!("AWS:{id}"), ACCOUNT));
            all.insert(caller);
        }
        assert_eq!(all.len(), ids.len());
    }

    #[test]
    fn the_identities_of_a_pool_are_owners_of_their_own() {
        let owners = owners(Authorization::Iam, OwnerScope::Role);
        let caller = |identity: &str| {
            let cognito = json!({"identityId": identity, "identityPoolId": "pool", "amr": []});
            owners.of_api_caller(&signed("AROAEXAMPLE:CognitoIdentityCredentials", cognito))
        };
        assert_eq!(caller("us-east-1:1").unwrap().0, "cognito:us-east-1:1");
        assert_ne!(caller("us-east-1:1"), caller("us-east-1:2"));
    }

    #[test]
    fn where_nobody_proves_anything_each_network_has_its_own_limits() {
        let owners = owners(Authorization::Open, OwnerScope::Role);
        let caller = |address: &str| {
            owners
                .of_api_caller(&context(address, Value::Null))
                .unwrap()
        };
        assert_ne!(caller("192.0.2.1"), caller("192.0.2.2"));
        assert_eq!(caller("2001:db8:1:2::1"), caller("2001:db8:1:2:ffff::9"));
        assert_ne!(caller("2001:db8:1:2::1"), caller("2001:db8:1:3::1"));
    }

    #[test]
    fn a_call_that_proves_nothing_has_no_owner() {
        for authorization in [Authorization::Iam, Authorization::Jwt] {
            let owners = owners(authorization, OwnerScope::Role);
            let unsigned = context("192.0.2.1", Value::Null);
            assert_eq!(owners.of_api_caller(&unsigned), None);
        }
    }
}
