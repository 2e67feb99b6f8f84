//! Looks up ElastiCache's service-linked role.
//!
//! It makes the only call to IAM, with the SDK's runtime: `aws-sdk-iam` takes longer to compile than the whole command
//! line.

use anyhow::Result;
use aws_config::SdkConfig;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
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

use crate::account::aws_error;

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
    let Some((host, signing_region)) = endpoint(region) else {
        return Ok(ServiceLinkedRole::OtherPartition);
    };
    let url = settings
        .endpoint_url()
        .map_or_else(|| format!("https://{host}/"), str::to_owned);
    match get_role(settings, &url, signing_region)
        .invoke(NAME.to_owned())
        .await
    {
        Ok(()) => Ok(ServiceLinkedRole::Exists),
        Err(error) => match error.as_service_error().and_then(ErrorMetadata::code) {
            Some("NoSuchEntity") => Ok(ServiceLinkedRole::Missing),
            Some(code) if code.starts_with("AccessDenied") => Ok(ServiceLinkedRole::Denied),
            _ => Err(aws_error("GetRole", error)),
        },
    }
}

/// Returns the host and the signing Region of IAM's endpoint in a Region's partition:
/// <https://docs.aws.amazon.com/general/latest/gr/iam-service.html>
fn endpoint(region: &str) -> Option<(&'static str, &'static str)> {
    let is_other = |prefix: &&str| region.starts_with(*prefix);
    if ["us-iso", "eu-iso", "eusc-"].iter().any(is_other) {
        None
    } else if region.starts_with("cn-") {
        Some(("iam.cn-north-1.amazonaws.com.cn", "cn-north-1"))
    } else if region.starts_with("us-gov-") {
        Some(("iam.us-gov.amazonaws.com", "us-gov-west-1"))
    } else {
        Some(("iam.amazonaws.com", "us-east-1"))
    }
}

/// Returns IAM's GetRole, which takes the role's name:
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html>
fn get_role(
    settings: &SdkConfig,
    url: &str,
    signing_region: &'static str,
) -> Operation<String, (), ErrorMetadata> {
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
        region: Some(SigningRegion::from_static(signing_region)),
        name: Some(SigningName::from_static("iam")),
        ..SigV4OperationSigningConfig::default()
    });
    signing.store_put(AuthSchemeOptionResolverParams::new(()));
    let retries = settings.retry_config().cloned();
    let timeouts = settings.timeout_config().cloned();
    Operation::builder()
        .service_name("iam")
        .operation_name("GetRole")
        .endpoint_url(url)
        .standard_retry(&retries.unwrap_or_else(RetryConfig::standard))
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

fn request(role: String) -> Result<HttpRequest, BoxError> {
    let form = format!("Action=GetRole&Version=2010-05-08&RoleName={role}");
    let mut request = HttpRequest::new(SdkBody::from(form));
    request.set_method("POST")?;
    request
        .headers_mut()
        .insert("content-type", "application/x-www-form-urlencoded");
    Ok(request)
}

fn response(response: &HttpResponse) -> Result<(), OrchestratorError<ErrorMetadata>> {
    if response.status().is_success() {
        return Ok(());
    }
    let body = String::from_utf8_lossy(response.body().bytes().unwrap_or_default());
    let error = ErrorMetadata::builder()
        .code(element(&body, "Code"))
        .message(element(&body, "Message"))
        .build();
    Err(OrchestratorError::operation(error))
}

/// Returns the text of an element of IAM's error response, which has neither attributes nor nested elements there.
fn element<'a>(body: &'a str, name: &str) -> &'a str {
    let start = format!("<{name}>");
    body.split_once(&start)
        .and_then(|(_, rest)| rest.split_once("</"))
        .map_or("", |(text, _)| text)
}

#[cfg(test)]
mod tests {
    use replay::{Answer, Replay};

    use super::{ServiceLinkedRole, endpoint, find};

    #[tokio::test]
    async fn looks_up_the_role() {
        // The answers of https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html.
        let found = "<GetRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><GetRoleResult><Role>\
                     <RoleName>AWSServiceRoleForElastiCache</RoleName></Role></GetRoleResult></GetRoleResponse>";
        let cases = [
            (Answer::ok(found), ServiceLinkedRole::Exists),
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
    async fn other_errors_name_the_operation_and_the_reason() {
        let replay = Replay::new([Answer::query_fault(
            400,
            "InvalidClientTokenId",
            "the reason",
        )]);

        let error = find(&replay.config()).await.expect_err("an error");

        assert_eq!(
            error.to_string(),
            "GetRole: InvalidClientTokenId: the reason"
        );
    }

    #[test]
    fn each_partition_has_its_endpoint() {
        // https://docs.aws.amazon.com/general/latest/gr/iam-service.html
        for (region, host) in [
            ("ap-southeast-1", Some("iam.amazonaws.com")),
            ("us-east-1", Some("iam.amazonaws.com")),
            ("eu-central-1", Some("iam.amazonaws.com")),
            ("us-gov-east-1", Some("iam.us-gov.amazonaws.com")),
            ("cn-northwest-1", Some("iam.cn-north-1.amazonaws.com.cn")),
            ("us-iso-east-1", None),
            ("eusc-de-east-1", None),
        ] {
            assert_eq!(endpoint(region).map(|(host, _)| host), host, "{region}");
        }
    }
}
