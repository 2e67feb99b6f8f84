//! Looks up ElastiCache's service-linked role.
//!
//! It makes the only call to IAM, with the SDK's runtime: `aws-sdk-iam` takes longer to compile than the whole command
//! line.

use anyhow::Result;
use aws_config::SdkConfig;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{AuthSchemeOptionResolverParams, SharedAuthScheme};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;

use crate::account::{aws_error, is_access_denied};

/// The role that ElastiCache uses to manage resources in the account:
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/using-service-linked-roles.html>
pub const NAME: &str = "AWSServiceRoleForElastiCache";

/// The result of looking up the role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceLinkedRole {
    Exists,
    Missing,
    /// The caller isn't allowed to look it up.
    Denied,
    /// envcache doesn't know IAM's endpoint for the Region.
    OtherPartition,
}

/// Looks up the role.
///
/// # Errors
/// Returns an error if the call fails for another reason than a missing role or permission.
pub async fn find(settings: &SdkConfig) -> Result<ServiceLinkedRole> {
    let region = settings.region().map_or("", AsRef::as_ref);
    let Some(endpoint) = endpoint(region, settings.use_fips() == Some(true)) else {
        return Ok(ServiceLinkedRole::OtherPartition);
    };
    let answer = get_role(settings, &endpoint).invoke(NAME).await;
    match answer {
        Ok(()) => Ok(ServiceLinkedRole::Exists),
        Err(error) => match error.as_service_error().and_then(ErrorMetadata::code) {
            Some("NoSuchEntity") => Ok(ServiceLinkedRole::Missing),
            code if is_access_denied(code) => Ok(ServiceLinkedRole::Denied),
            _ => Err(aws_error("GetRole", error)),
        },
    }
}

/// IAM's endpoint in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Endpoint {
    host: &'static str,
    signing_region: &'static str,
}

/// Returns IAM's endpoint in a Region's partition, which differs in `GovCloud` and in China:
/// <https://docs.aws.amazon.com/general/latest/gr/iam-service.html>
fn endpoint(region: &str, fips: bool) -> Option<Endpoint> {
    let has_prefix = |prefix: &&str| region.starts_with(*prefix);
    let (host, signing_region) = if ["us-iso", "eu-iso", "eusc-"].iter().any(has_prefix) {
        return None;
    } else if region.starts_with("cn-") {
        ("iam.cn-north-1.amazonaws.com.cn", "cn-north-1")
    } else if region.starts_with("us-gov-") {
        ("iam.us-gov.amazonaws.com", "us-gov-west-1")
    } else if fips {
        ("iam-fips.amazonaws.com", "us-east-1")
    } else {
        ("iam.amazonaws.com", "us-east-1")
    };
    Some(Endpoint {
        host,
        signing_region,
    })
}

/// Returns IAM's `GetRole`, which takes the role's name:
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html>
fn get_role(
    settings: &SdkConfig,
    endpoint: &Endpoint,
) -> Operation<&'static str, (), ErrorMetadata> {
    let mut components = RuntimeComponentsBuilder::new("sigv4");
    components.push_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()));
    components.set_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![
        SCHEME_ID,
    ])));
    components.set_identity_cache(settings.identity_cache());
    if let Some(credentials) = settings.credentials_provider() {
        components.set_identity_resolver(SCHEME_ID, credentials);
    }
    components.set_http_client(settings.http_client());
    components.set_sleep_impl(settings.sleep_impl());
    components.set_time_source(settings.time_source());
    let mut signing = Layer::new("sigv4");
    signing.store_put(SigV4OperationSigningConfig {
        region: Some(SigningRegion::from_static(endpoint.signing_region)),
        name: Some(SigningName::from_static("iam")),
        ..SigV4OperationSigningConfig::default()
    });
    signing.store_put(AuthSchemeOptionResolverParams::new(()));
    let url = configured_url(settings).unwrap_or_else(|| format!("https://{}/", endpoint.host));
    let retries = settings.retry_config().cloned();
    let timeouts = settings.timeout_config().cloned();
    Operation::builder()
        .service_name("iam")
        .operation_name("GetRole")
        .endpoint_url(&url)
        .standard_retry(&retries.unwrap_or_else(RetryConfig::standard))
        .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
        .retry_classifier(HttpStatusCodeClassifier::default())
        .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
        .timeout_config(timeouts.unwrap_or_else(TimeoutConfig::disabled))
        .runtime_plugin(
            StaticRuntimePlugin::new()
                .with_config(signing.freeze())
                .with_runtime_components(components),
        )
        .serializer(request)
        .deserializer(response)
        .build()
}

/// Returns the URL that the user sets instead of IAM's endpoint:
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>
fn configured_url(settings: &SdkConfig) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id("IAM")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    let of_service = settings
        .service_config()
        .and_then(|config| config.load_config(key));
    of_service.or_else(|| settings.endpoint_url().map(str::to_owned))
}

fn request(role: &'static str) -> Result<HttpRequest, BoxError> {
    let form = format!("Action=GetRole&Version=2010-05-08&RoleName={role}");
    let mut request = HttpRequest::new(SdkBody::from(form));
    request.set_method("POST")?;
    request
        .headers_mut()
        .insert("content-type", "application/x-www-form-urlencoded");
    Ok(request)
}

fn response(response: &HttpResponse) -> Result<(), OrchestratorError<ErrorMetadata>> {
    let body = String::from_utf8_lossy(response.body().bytes().unwrap_or_default());
    // Not only the status: a proxy may answer with a page of its own.
    if response.status().is_success() && element(&body, "RoleName") == Some(NAME) {
        return Ok(());
    }
    let mut error = ErrorMetadata::builder();
    error = match element(&body, "Code") {
        Some(code) => error.code(code),
        None => error.code(format!("HTTP status {}", response.status().as_u16())),
    };
    error = match element(&body, "Message") {
        Some(message) => error.message(message),
        None => error.message("the answer isn't IAM's"),
    };
    Err(OrchestratorError::operation(error.build()))
}

/// Returns the text of the first element with this name. IAM's answers have such elements without attributes.
fn element<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once("</")?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_config::retry::RetryConfig;
    use replay::{Answer, Replay};

    use super::{Endpoint, ServiceLinkedRole, endpoint, find};

    /// The answer of <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html>, shortened.
    fn found() -> Answer {
        Answer::ok(
            "<GetRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><GetRoleResult><Role>\
             <RoleName>AWSServiceRoleForElastiCache</RoleName></Role></GetRoleResult></GetRoleResponse>",
        )
    }

    #[tokio::test]
    async fn looks_up_role() {
        let cases = [
            (found(), ServiceLinkedRole::Exists),
            (
                Answer::query_fault(404, "NoSuchEntity", "not found"),
                ServiceLinkedRole::Missing,
            ),
            (
                Answer::query_fault(403, "AccessDenied", "not authorized"),
                ServiceLinkedRole::Denied,
            ),
        ];
        for (answer, expected) in cases {
            let replay = Replay::new([answer]);

            let role = find(&replay.config()).await.expect("an answer");

            assert_eq!(role, expected);
            let form = &replay.forms()[0];
            assert_eq!(form["Action"], "GetRole");
            assert_eq!(form["RoleName"], "AWSServiceRoleForElastiCache");
        }
    }

    #[tokio::test]
    async fn other_error_names_operation_and_reason() {
        let cases = [
            (
                Answer::query_fault(400, "InvalidClientTokenId", "the reason"),
                "GetRole: InvalidClientTokenId: the reason",
            ),
            (
                Answer::fault(502, "<html>Bad gateway</html>"),
                "GetRole: HTTP status 502: the answer isn't IAM's",
            ),
            (
                Answer::ok("<html>Sign in</html>"),
                "GetRole: HTTP status 200: the answer isn't IAM's",
            ),
        ];
        for (answer, expected) in cases {
            let replay = Replay::new([answer]);

            let error = find(&replay.config()).await.expect_err("an error");

            assert_eq!(error.to_string(), expected);
        }
    }

    #[tokio::test]
    async fn retries_when_iam_throttles_or_is_unavailable() {
        let unavailable = Answer::query_fault(503, "ServiceUnavailable", "try again");
        let throttled = Answer::query_fault(400, "Throttling", "Rate exceeded");
        let replay = Replay::new([unavailable, throttled, found()]);
        let settings = replay.config().into_builder();
        let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
        let settings = settings.retry_config(retries).build();

        let role = find(&settings).await.expect("an answer");

        assert_eq!(role, ServiceLinkedRole::Exists);
    }

    #[test]
    fn every_partition_has_its_endpoint() {
        // https://docs.aws.amazon.com/general/latest/gr/iam-service.html
        let aws = ("iam.amazonaws.com", "us-east-1");
        let china = ("iam.cn-north-1.amazonaws.com.cn", "cn-north-1");
        let gov_cloud = ("iam.us-gov.amazonaws.com", "us-gov-west-1");
        for (region, fips, expected) in [
            ("ap-southeast-1", false, Some(aws)),
            ("us-east-1", false, Some(aws)),
            (
                "us-west-2",
                true,
                Some(("iam-fips.amazonaws.com", "us-east-1")),
            ),
            ("us-gov-east-1", false, Some(gov_cloud)),
            ("us-gov-east-1", true, Some(gov_cloud)),
            ("cn-northwest-1", false, Some(china)),
            ("us-iso-east-1", false, None),
            ("eusc-de-east-1", false, None),
        ] {
            let expected = expected.map(|(host, signing_region)| Endpoint {
                host,
                signing_region,
            });
            assert_eq!(endpoint(region, fips), expected, "{region}");
        }
    }
}
