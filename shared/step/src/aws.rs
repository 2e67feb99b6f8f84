//! The configuration of the AWS SDK for all steps.

use std::env;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_types::origin::Origin;
use aws_types::sdk_config;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

/// The timeout of one attempt.
const ATTEMPT: Duration = Duration::from_secs(5);
/// The timeout of one call with its retries. A step makes few calls, and Lambda ends its function after 30 seconds.
const OPERATION: Duration = Duration::from_secs(15);
/// How often the SDK attempts a call. The state machine retries more often, and with longer waits.
const ATTEMPTS: u32 = 2;

/// Returns the configuration of the SDK's clients: Region, credentials, and endpoint from the function's environment,
/// TLS by rustls with ring, and at most 15 seconds and two attempts for a call.
///
/// Lambda sets the Region and the credentials of the function's role in the environment. `aws_config::defaults` would also
/// link the sources that these functions don't have, such as profiles and EC2's instance metadata.
pub fn sdk_config() -> SdkConfig {
    let https = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let credentials = SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new());
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(credentials)
        .service_config(ServiceEnvironment)
        .http_client(https)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(ATTEMPT)
                .operation_timeout(OPERATION)
                .build(),
        );
    // Or a later version of the SDK would replace the attempts by its own default.
    config.insert_origin("retry_config", Origin::shared_config());
    set_endpoint(&mut config, variable);
    config.build()
}

/// Sets what determines a service's address: the Region, a URL for all services, and the kind of endpoint
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-endpoints.html>). `variable` returns a variable of the
/// environment that isn't empty.
fn set_endpoint(config: &mut sdk_config::Builder, variable: impl Fn(&str) -> Option<String>) {
    let is_on = |name: &str| variable(name).map(|value| value.eq_ignore_ascii_case("true"));
    config.set_region(variable("AWS_REGION").map(Region::new));
    config.set_endpoint_url(variable("AWS_ENDPOINT_URL"));
    config.set_use_fips(is_on("AWS_USE_FIPS_ENDPOINT"));
    config.set_use_dual_stack(is_on("AWS_USE_DUALSTACK_ENDPOINT"));
}

/// Reads a setting of one service, such as `AWS_ENDPOINT_URL_SSM`, from the environment
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>).
#[derive(Debug)]
struct ServiceEnvironment;

impl LoadServiceConfig for ServiceEnvironment {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        variable(&service_variable(key.env(), key.service_id()))
    }
}

fn service_variable(setting: &str, service: &str) -> String {
    format!("{setting}_{}", service.to_uppercase().replace(' ', "_"))
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use aws_config::{Region, SdkConfig};

    use super::{service_variable, set_endpoint};

    fn with_variables(variables: &[(&str, &str)]) -> SdkConfig {
        let mut config = SdkConfig::builder();
        set_endpoint(&mut config, |name| {
            let variable = variables.iter().find(|(known, _)| *known == name);
            variable.map(|(_, value)| (*value).to_owned())
        });
        config.build()
    }

    #[test]
    fn environment_determines_the_endpoint() {
        let config = with_variables(&[
            ("AWS_REGION", "us-gov-west-1"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
            ("AWS_USE_FIPS_ENDPOINT", "true"),
            ("AWS_USE_DUALSTACK_ENDPOINT", "false"),
        ]);

        assert_eq!(config.region(), Some(&Region::new("us-gov-west-1")));
        assert_eq!(config.endpoint_url(), Some("http://127.0.0.1:9"));
        assert_eq!(config.use_fips(), Some(true));
        assert_eq!(config.use_dual_stack(), Some(false));
    }

    #[test]
    fn unset_variables_leave_the_defaults() {
        let config = with_variables(&[]);

        assert_eq!(config.region(), None);
        assert_eq!(config.endpoint_url(), None);
        assert_eq!((config.use_fips(), config.use_dual_stack()), (None, None));
    }

    #[test]
    fn setting_of_a_service_has_the_documented_variable() {
        for (service, variable) in [
            ("CloudWatch Logs", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"),
            ("DynamoDB", "AWS_ENDPOINT_URL_DYNAMODB"),
            ("SSM", "AWS_ENDPOINT_URL_SSM"),
        ] {
            assert_eq!(service_variable("AWS_ENDPOINT_URL", service), variable);
        }
    }
}
