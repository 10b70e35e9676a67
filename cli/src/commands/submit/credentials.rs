//! How calls prove who makes them.

use std::time::SystemTime;

use anyhow::Context as _;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use ureq::http::Uri;

/// The name of API Gateway in signatures.
const SERVICE: &str = "execute-api";

/// What calls carry.
pub(crate) enum Authorization {
    /// Nothing: the service asks for no proof.
    None,
    /// The service's secret.
    Token(String),
    /// A signature (Signature Version 4).
    Aws {
        /// The SDK's default chain found them.
        credentials: Credentials,
        /// The region of the API.
        region: String,
    },
}

/// The region of an API Gateway URL: `<api>.execute-api.<region>.amazonaws.com`.
fn region_of(base: &Uri) -> Option<String> {
    let mut parts = base.host()?.split('.');
    let (_, service, region) = (parts.next()?, parts.next()?, parts.next()?);
    let is_aws = service == SERVICE && parts.next() == Some("amazonaws");
    is_aws.then(|| region.to_owned())
}

impl Authorization {
    /// The credentials that a URL and the command line ask for.
    ///
    /// # Errors
    /// If calls are to be signed, and there are no credentials.
    pub(crate) fn new(
        base: &Uri,
        token: Option<&str>,
        region: Option<&str>,
    ) -> anyhow::Result<Self> {
        if let Some(token) = token {
            return Ok(Self::Token(format!("Bearer {}", token.trim())));
        }
        let Some(region) = region.map(str::to_owned).or_else(|| region_of(base)) else {
            return Ok(Self::None);
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let credentials = runtime.block_on(async {
            let configuration = resonare_aws::configuration().await;
            let provider = configuration
                .credentials_provider()
                .context("no provider of AWS credentials is configured")?;
            let found = provider.provide_credentials().await;
            found.context(
                "no AWS credentials were found to sign requests with; set AWS_PROFILE, or \
                 AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            )
        })?;
        Ok(Self::Aws {
            credentials,
            region,
        })
    }

    /// The headers that prove who makes a call with this body.
    ///
    /// # Errors
    /// If the call cannot be signed.
    pub(crate) fn headers(
        &self,
        method: &str,
        url: &str,
        body: &[u8],
    ) -> anyhow::Result<Vec<(String, String)>> {
        let (credentials, region) = match self {
            Self::None => return Ok(Vec::new()),
            Self::Token(token) => return Ok(vec![("authorization".to_owned(), token.clone())]),
            Self::Aws {
                credentials,
                region,
            } => (credentials, region),
        };
        let identity = credentials.clone().into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name(SERVICE)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let uri: Uri = url.parse()?;
        let host = uri.authority().context("the URL has no host")?;
        let headers = [("host", host.as_str())];
        let body = SignableBody::Bytes(body);
        let request = SignableRequest::new(method, url, headers.into_iter(), body)?;
        let (instructions, _) = sign(request, &parameters)?.into_parts();
        let signed = instructions.headers();
        Ok(signed
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_api_gateway_name_their_region() {
        let region = |address: &str| region_of(&address.parse().unwrap());
        let api = "https://abc123.execute-api.eu-west-1.amazonaws.com";
        assert_eq!(region(api), Some("eu-west-1".to_owned()));
        for other in [
            "http://127.0.0.1:8010",
            "https://prep.example",
            "https://a.execute-api.eu-west-1.evil.example",
        ] {
            assert_eq!(region(other), None, "{other}");
        }
    }

    #[test]
    fn a_signature_covers_the_method_the_address_and_the_body() {
        let signer = Authorization::Aws {
            credentials: Credentials::new(
                "AKID",
                "secret",
                Some("session".to_owned()),
                None,
                "test",
            ),
            region: "us-east-1".to_owned(),
        };
        let url = "https://api.example/data-prep/jobs?limit=1";
        let names = |headers: Vec<(String, String)>| {
            let mut names: Vec<_> = headers.into_iter().map(|(name, _)| name).collect();
            names.sort();
            names
        };
        let signed = signer.headers("GET", url, b"").unwrap();
        let authorization = &signed
            .iter()
            .find(|(name, _)| name == "authorization")
            .unwrap()
            .1;
        assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKID/"));
        assert!(authorization.contains("/us-east-1/execute-api/aws4_request"));
        assert_eq!(
            names(signed),
            ["authorization", "x-amz-date", "x-amz-security-token"]
        );
    }
}
