//! How every step talks to AWS.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// One try of one call.
const ATTEMPT: Duration = Duration::from_secs(5);
/// One call with its retries: a step makes few, and its function is ended after 30 seconds.
const OPERATION: Duration = Duration::from_secs(15);
/// A call is tried twice here; more retries, and longer waits, are the state machine's.
const ATTEMPTS: u32 = 2;

/// The configuration of the SDK's clients: region, credentials and endpoint from the function's
/// environment, TLS by rustls with ring, a call bounded to 15 seconds and two tries.
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
