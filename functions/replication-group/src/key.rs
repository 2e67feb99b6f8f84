//! Finds the KMS key that a request names, and checks that ElastiCache can encrypt a cache with it.

use aws_sdk_elasticache::types::ReplicationGroup;
use aws_sdk_kms::Client;
use aws_sdk_kms::config::http::HttpResponse;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::operation::describe_key::DescribeKeyError;
use aws_sdk_kms::types::{KeyManagerType, KeyMetadata, KeySpec, KeyState, KeyUsageType};
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::EnsureReplicationGroupInput;
use contract::setting::KmsKey;

use crate::scope;

/// Returns the ARN of the key for a new cache; none if the request names none.
///
/// # Errors
/// Returns `InvalidSpec` if ElastiCache can't encrypt a cache with the key, or if it is in another account or Region;
/// `NotFound` if it doesn't exist; otherwise, KMS's error.
pub async fn of_new_cache(
    kms: &Client,
    input: &EnsureReplicationGroupInput,
) -> StepResult<Option<String>> {
    let Some(requested) = &input.spec.cache.kms_key else {
        return Ok(None);
    };
    let (arn, key) = describe(kms, requested, input).await?;
    let Some((problem, remedy)) = problem(&key) else {
        return Ok(Some(arn));
    };
    Err(StepError::new(
        ErrorName::InvalidSpec,
        format!(
            "DescribeKey {requested}: ElastiCache can't encrypt a cache with the key `{arn}`: {problem}. The cache was not \
             created. {remedy}, then start again"
        ),
    ))
}

/// Returns the ARN of the key to compare with an existing cache's; none if the request names none.
///
/// Whether the key can be used isn't checked: the cache keeps its key, and another one is rejected anyway. If the request
/// has the cache's key as ElastiCache shows it, KMS isn't called.
///
/// # Errors
/// Returns `InvalidSpec` if the key is in another account or Region; `NotFound` if it doesn't exist; otherwise, KMS's
/// error.
pub async fn to_compare(
    kms: &Client,
    input: &EnsureReplicationGroupInput,
    group: &ReplicationGroup,
) -> StepResult<Option<String>> {
    let Some(requested) = &input.spec.cache.kms_key else {
        return Ok(None);
    };
    if group.kms_key_id() == Some(requested.as_str()) {
        return Ok(group.kms_key_id().map(str::to_owned));
    }
    let (arn, _) = describe(kms, requested, input).await?;
    Ok(Some(arn))
}

/// Describes a key, and returns its ARN too.
async fn describe(
    kms: &Client,
    requested: &KmsKey,
    input: &EnsureReplicationGroupInput,
) -> StepResult<(String, KeyMetadata)> {
    // ElastiCache doesn't find a key of another Region (https://github.com/floci-io/floci/pull/2632), and the function's role
    // allows only keys of the account. KMS finds an ID or an alias's name only in the function's account and Region.
    scope::require_own("cache.kmsKey", requested.as_str(), &input.execution_arn)?;
    let answer = kms.describe_key().key_id(requested.as_str()).send().await;
    let described = answer.map_err(|error| failure(requested, error))?;
    let key = described.key_metadata;
    key.and_then(|key| Some((key.arn.clone()?, key)))
        .ok_or_else(|| {
            StepError::new(
                ErrorName::UnexpectedStatus,
                format!(
                    "DescribeKey {requested}: KMS returned no ARN. The cache was not created or changed. Check the key in the \
                     KMS console, then start again"
                ),
            )
        })
}

/// Returns why ElastiCache can't encrypt a cache with a key, and what to do; none if it can. It accepts
/// [only symmetric customer managed keys](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/at-rest-encryption.html).
/// KMS describes keys in every state, but uses only
/// [enabled ones](https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html).
fn problem(key: &KeyMetadata) -> Option<(String, &'static str)> {
    if key.key_manager() != Some(&KeyManagerType::Customer) {
        return Some((
            "AWS manages it".to_owned(),
            "Request a customer managed key",
        ));
    }
    let is_symmetric = key.key_usage() == Some(&KeyUsageType::EncryptDecrypt)
        && key.key_spec() == Some(&KeySpec::SymmetricDefault);
    if !is_symmetric {
        return Some((
            "it isn't a symmetric encryption key".to_owned(),
            "Request a key with the usage ENCRYPT_DECRYPT and the spec SYMMETRIC_DEFAULT",
        ));
    }
    let remedy = match key.key_state() {
        Some(KeyState::Enabled) => return None,
        Some(KeyState::Disabled) => "Enable the key, or request another one",
        Some(KeyState::PendingDeletion | KeyState::PendingReplicaDeletion) => {
            "Cancel the key's deletion and enable it, or request another one"
        }
        Some(KeyState::PendingImport) => "Import the key's material, or request another key",
        _ => "Wait until the key is enabled, or request another one",
    };
    let state = key.key_state().map_or("unknown", KeyState::as_str);
    Some((format!("its state is {state}"), remedy))
}

/// Returns the error for a failed call.
fn failure(requested: &KmsKey, error: SdkError<DescribeKeyError, HttpResponse>) -> StepError {
    let (name, remedy) = match step::code(&error) {
        Some("NotFoundException") => (
            ErrorName::NotFound,
            "Request a key or an alias that exists in the stack's account and Region, then start again",
        ),
        Some("AccessDeniedException") => (
            ErrorName::AccessDenied,
            "The key's policy, the step's role, a permissions boundary, or an organization's policy doesn't allow it. See \
             docs/permissions.md, then start again",
        ),
        _ => return step::failure("DescribeKey", requested.as_str(), error),
    };
    let code = step::code(&error).unwrap_or_default();
    let message = error
        .message()
        .unwrap_or("no message")
        .trim_end_matches('.');
    let text = format!(
        "DescribeKey {requested}: {code}: {message}. The cache was not created or changed. {remedy}"
    );
    StepError::new(name, text).caused_by(error)
}

/// Returns the error for a creation that ElastiCache rejects because of the key.
pub fn rejected(cache: &str, code: &str, message: &str) -> StepError {
    StepError::new(
        ErrorName::InvalidSpec,
        format!(
            "CreateReplicationGroup {cache}: {code}: {}. The cache was not created. Check that the key in cache.kmsKey is \
             enabled, and that its policy lets the account use IAM policies (see docs/permissions.md), or request another \
             key, then start again",
            message.trim_end_matches('.')
        ),
    )
}
