//! The client of Step Functions, by the usual AWS settings of region, credentials and endpoint.

use aws_config::BehaviorVersion;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// A client that uses rustls with ring, as the functions do.
pub async fn step_functions() -> aws_sdk_sfn::Client {
    let https = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let config = aws_config::defaults(BehaviorVersion::latest())
        .http_client(https)
        .load()
        .await;
    aws_sdk_sfn::Client::new(&config)
}
