//! The KMS key of a cache, which MiniStack ignores.

use std::borrow::Cow;

use anyhow::Result;
use serde_json::{Value, json};

use super::{Call, invalid_combination, invalid_value};
use crate::gateway::error_response::ErrorResponse;
use crate::gateway::upstream::Upstream;

/// Rejects a key for a cache without encryption at rest, and a key that doesn't exist in the account and Region. Sources of
/// the messages: <https://github.com/badmintoncryer/cdk-preflight>, <https://github.com/floci-io/floci/pull/2632>.
///
/// Also rejects keys that aren't
/// [symmetric](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/at-rest-encryption.html) or not enabled. AWS's message
/// for them isn't known; this is the one that floci returns.
///
/// # Errors
/// Returns an error if MiniStack doesn't answer.
pub async fn reject_key(call: &Call, upstream: &Upstream) -> Result<Option<ErrorResponse>> {
    let Some(id) = call.field("KmsKeyId") else {
        return Ok(None);
    };
    if !is_encrypted(call) {
        return Ok(Some(invalid_combination(
            "Please enable encryption at rest to use Customer Managed CMK",
        )));
    }
    let is_usable = describe(id, upstream)
        .await?
        .is_some_and(|key| key["KeyState"] == "Enabled" && key["KeySpec"] == "SYMMETRIC_DEFAULT");
    Ok((!is_usable).then(|| invalid_value(format!("KMS key does not exist with key id: {id}"))))
}

/// Returns the call with the ARN of its key: ElastiCache describes a cache with the ARN, whatever the creation names
/// (<https://github.com/floci-io/floci/pull/2632>).
///
/// # Errors
/// Returns an error if MiniStack doesn't answer.
pub async fn with_arn<'a>(call: &'a Call, upstream: &Upstream) -> Result<Cow<'a, Call>> {
    let Some(id) = call.field("KmsKeyId") else {
        return Ok(Cow::Borrowed(call));
    };
    let key = describe(id, upstream).await?;
    let Some(arn) = key.as_ref().and_then(|key| key["Arn"].as_str()) else {
        return Ok(Cow::Borrowed(call));
    };
    let mut with_arn = call.clone();
    for (name, value) in &mut with_arn.fields {
        if name == "KmsKeyId" {
            arn.clone_into(value);
        }
    }
    Ok(Cow::Owned(with_arn))
}

/// Returns a key's metadata, or `None` if the key doesn't exist.
async fn describe(id: &str, upstream: &Upstream) -> Result<Option<Value>> {
    let described = upstream
        .json("kms", "TrentService.DescribeKey", &json!({ "KeyId": id }))
        .await?;
    Ok(described.map(|mut answer| answer["KeyMetadata"].take()))
}

/// Returns whether a creation turns encryption at rest on. For Valkey, it is on by default
/// ([ReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html)).
fn is_encrypted(call: &Call) -> bool {
    call.field("AtRestEncryptionEnabled")
        .map_or(call.field("Engine") == Some("valkey"), |value| {
            value == "true"
        })
}

#[cfg(test)]
mod tests {
    use super::is_encrypted;
    use crate::gateway::call::Call;

    #[test]
    fn encryption_at_rest_is_the_default_of_valkey() {
        let cases = [
            ("Engine=valkey", true),
            ("Engine=redis", false),
            ("Engine=redis&AtRestEncryptionEnabled=true", true),
            ("Engine=valkey&AtRestEncryptionEnabled=false", false),
        ];
        for (fields, expected) in cases {
            assert_eq!(is_encrypted(&Call::form(fields)), expected, "{fields}");
        }
    }
}
