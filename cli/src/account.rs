//! Loads the usual AWS settings (profile, Region, credentials, and endpoint), and converts AWS errors.

use std::fmt::{self, Display, Formatter};

use anyhow::{Error, Result, anyhow};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::arguments::Options;
use crate::sign_in::{self, SignInRequired};

/// The error codes that AWS returns to a caller that isn't allowed to make a call, or whose credentials aren't valid. A
/// retry returns the same error:
/// <https://docs.aws.amazon.com/step-functions/latest/apireference/CommonErrors.html>
const DENIALS: [&str; 8] = [
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "NotAuthorized",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// Loads the AWS settings. The HTTP client uses rustls with ring, as the functions do.
pub async fn settings(options: &Options) -> Result<SdkConfig> {
    let https = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(https);
    if let Some(profile) = &options.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &options.region {
        loader = loader.region(Region::new(region.clone()));
    }
    let settings = sign_in::explain_failures(loader.load().await, options.profile.as_deref());
    if settings.region().is_none() {
        return Err(anyhow!(
            "no Region is set. Pass `--region`, set `AWS_REGION`, or use a profile that has a Region"
        ));
    }
    Ok(settings)
}

/// An error that AWS returned.
#[derive(Debug)]
struct ServiceError {
    operation: String,
    code: String,
    message: String,
}

impl Display for ServiceError {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: {}: {}",
            self.operation, self.code, self.message
        )
    }
}

impl std::error::Error for ServiceError {}

/// Returns the error of a failed call: the operation with AWS's code and message, or why AWS couldn't be reached.
pub fn aws_error<E, R>(operation: &str, error: SdkError<E, R>) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let service_error = error.as_service_error().and_then(|service| {
        Some(ServiceError {
            operation: operation.to_owned(),
            code: service.code()?.to_owned(),
            message: service.message().unwrap_or("no message").to_owned(),
        })
    });
    match service_error {
        Some(service_error) => Error::new(service_error),
        None if let Some(required) = sign_in::required(&error) => Error::new(required),
        None => Error::new(error).context(format!("{operation}: could not reach AWS")),
    }
}

/// Returns whether an error code means that the caller isn't allowed to make the call.
pub fn is_access_denied(code: Option<&str>) -> bool {
    code.is_some_and(|code| code.starts_with("AccessDenied"))
}

/// Returns the operation that the caller isn't allowed to call, if that is the error.
pub fn denied_operation(error: &Error) -> Option<&str> {
    let error: &ServiceError = error.downcast_ref()?;
    is_access_denied(Some(&error.code)).then_some(error.operation.as_str())
}

/// Returns whether AWS denied a call, or the user has to sign in, so that a retry is pointless.
pub fn is_denial(error: &Error) -> bool {
    error.is::<SignInRequired>()
        || error
            .downcast_ref::<ServiceError>()
            .is_some_and(|error| DENIALS.contains(&error.code.as_str()))
}

#[cfg(test)]
mod tests {
    use anyhow::Error;
    use aws_sdk_sfn::Client;
    use replay::{Answer, Replay};

    use super::is_denial;
    use crate::execution::describe;
    use crate::sign_in::SignInRequired;

    #[tokio::test]
    async fn recognizes_denials_by_their_code() {
        for (code, expected) in [
            ("AccessDeniedException", true),
            ("ExpiredTokenException", true),
            ("UnrecognizedClientException", true),
            ("InvalidArn", false),
        ] {
            let replay = Replay::new([Answer::json_fault(400, code, "the reason")]);
            let sfn = Client::new(&replay.config());

            let error = describe(&sfn, "arn").await.expect_err(code);

            assert_eq!(is_denial(&error), expected, "{code}");
            assert_eq!(
                error.to_string(),
                format!("DescribeExecution: {code}: the reason")
            );
        }
    }

    #[test]
    fn required_sign_in_is_a_denial() {
        let required = SignInRequired::new("dev");

        assert!(is_denial(&Error::new(required)));
    }
}
