//! The configuration of the AWS SDK for all steps.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// The timeout of one attempt.
const ATTEMPT: Duration = Duration::from_secs(5);
/// The timeout of one call with its retries. A step makes few calls, and Lambda ends its function after 30 seconds.
const OPERATION: Duration = Duration::from_secs(15);
/// How often the SDK attempts a call. The state machine retries more often, and with longer waits.
const ATTEMPTS: u32 = 2;

/// Returns the configuration of the SDK's clients: Region, credentials, and endpoint from the function's environment,
/// TLS by rustls with ring, and at most 15 seconds and two attempts for a call.
pub async fn sdk_config() -> SdkConfig {
    let https = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(https)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(ATTEMPT)
                .operation_timeout(OPERATION)
                .build(),
        )
        .load()
        .await
}
