//! Says how to sign in again if a session of AWS IAM Identity Center (SSO) has expired.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use aws_config::SdkConfig;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as Future;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};

/// The profile that the SDK uses if neither `--profile` nor `AWS_PROFILE` names one.
const DEFAULT_PROFILE: &str = "default";
/// Parts of the errors of an expired or missing session. The SDK doesn't export their types:
/// <https://github.com/awslabs/aws-sdk-rust/blob/main/sdk/aws-config/src/sso/token.rs>. The third one is of a profile
/// without `sso_session`, whose token isn't cached. The last one is the code that `GetRoleCredentials` returns:
/// <https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html>.
const EXPIRED: [&str; 4] = [
    "the SSO token has expired",
    "failed to load the cached SSO token",
    "/.aws/sso/cache/",
    "UnauthorizedException",
];

/// A user has to sign in before a command can call AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInRequired {
    profile: String,
}

impl SignInRequired {
    /// Returns the error of a profile's session.
    pub fn new(profile: &str) -> Self {
        Self {
            profile: profile.to_owned(),
        }
    }
}

impl Display for SignInRequired {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let profile = &self.profile;
        write!(
            formatter,
            "the SSO session of profile `{profile}` has expired, or you have not signed in. Run `aws sso login --profile \
             {profile}`. If the profile has a `source_profile`, sign in with that profile instead"
        )
    }
}

impl Error for SignInRequired {}

/// Returns the settings with a credentials provider that fails with [`SignInRequired`] if the session has expired. The
/// error names the profile.
pub fn explain_failures(settings: SdkConfig, profile: Option<&str>) -> SdkConfig {
    let Some(provider) = settings.credentials_provider() else {
        return settings;
    };
    let profile = profile.map_or_else(
        || std::env::var("AWS_PROFILE").unwrap_or_else(|_| DEFAULT_PROFILE.to_owned()),
        str::to_owned,
    );
    let explained = Explained { provider, profile };
    settings
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(explained))
        .build()
}

/// Returns the [`SignInRequired`] error that caused this error.
pub fn required(error: &(dyn Error + 'static)) -> Option<SignInRequired> {
    causes(error).find_map(|cause| cause.downcast_ref().cloned())
}

#[derive(Debug)]
struct Explained {
    provider: SharedCredentialsProvider,
    profile: String,
}

impl ProvideCredentials for Explained {
    fn provide_credentials<'a>(&'a self) -> Future<'a>
    where
        Self: 'a,
    {
        Future::new(async {
            let credentials = self.provider.provide_credentials().await;
            credentials.map_err(|error| self.explain(error))
        })
    }
}

impl Explained {
    fn explain(&self, error: CredentialsError) -> CredentialsError {
        let is_expired = causes(&error).any(|cause| {
            let text = cause.to_string();
            EXPIRED.iter().any(|expired| text.contains(expired))
        });
        if is_expired {
            CredentialsError::provider_error(SignInRequired::new(&self.profile))
        } else {
            error
        }
    }
}

/// Returns an error and its causes.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&cause| cause.source())
}
