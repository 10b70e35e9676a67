//! The token of the model hub, kept where secrets are kept.

use anyhow::{Context as _, bail};
use tracing::error;

/// Names where the token is: a secret of Secrets Manager, or a parameter of SSM.
const HF_TOKEN: &str = "HF_TOKEN_ARN";

/// The service in a token's ARN (`arn:aws:<service>:…`).
fn service_of(arn: &str) -> &str {
    arn.split(':').nth(2).unwrap_or_default()
}

/// The token, if there is one. A failure to read it is an error in the log and stops no job by itself: most
/// need no token, and those that do say what the hub answers.
pub(crate) async fn hub_token() -> Option<String> {
    let arn = std::env::var(HF_TOKEN).ok().filter(|arn| !arn.is_empty())?;
    let token = read(&arn).await;
    token
        .inspect_err(|error| error!("failed to read the token of the model hub: {error:#}"))
        .ok()
}

async fn read(arn: &str) -> anyhow::Result<String> {
    let configuration = resonare_aws::configuration().await;
    let token = match service_of(arn) {
        "secretsmanager" => {
            let secrets = aws_sdk_secretsmanager::Client::new(&configuration);
            let secret = secrets.get_secret_value().secret_id(arn).send().await?;
            secret.secret_string
        }
        "ssm" => {
            let parameters = aws_sdk_ssm::Client::new(&configuration);
            let parameter = parameters.get_parameter().name(arn).with_decryption(true);
            let found = parameter.send().await?.parameter;
            found.and_then(|parameter| parameter.value)
        }
        _ => {
            bail!(
                "{HF_TOKEN} is neither the ARN of a Secrets Manager secret nor that of an SSM parameter"
            )
        }
    };
    token.context("it has no text value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_says_which_service_has_the_token() {
        for (arn, service) in [
            (
                "arn:aws:secretsmanager:eu-west-1:123456789012:secret:hub-a1",
                "secretsmanager",
            ),
            (
                "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/hub",
                "ssm",
            ),
            ("hub", ""),
        ] {
            assert_eq!(service_of(arn), service);
        }
    }
}
