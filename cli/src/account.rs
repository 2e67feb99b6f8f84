//! The account that is asked, by the usual AWS settings of profile, region, credentials and endpoint.

use anyhow::{Error, Result, anyhow};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::arguments::Options;

/// Reads the settings. The HTTP client uses rustls with ring, as the functions do.
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
    let settings = loader.load().await;
    if settings.region().is_none() {
        return Err(anyhow!(
            "no region is set: give --region, AWS_REGION or a profile that has one"
        ));
    }
    Ok(settings)
}

/// What a failed call tells a person: the operation, and AWS's own code and words.
pub fn refused<E, R>(operation: &str, error: SdkError<E, R>) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let answered = error
        .as_service_error()
        .and_then(|service| Some((service.code()?, service.message().unwrap_or("no message"))));
    match answered {
        Some((code, message)) => anyhow!("{operation}: {code}: {message}"),
        None => Error::new(error).context(format!("{operation}: AWS was not reached")),
    }
}
