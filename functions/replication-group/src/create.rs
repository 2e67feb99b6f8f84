//! Creates the replication group.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::error::ProvideErrorMetadata;
use contract::Owner;
use contract::error::StepResult;
use contract::message::EnsureReplicationGroupInput;
use elasticache::tag::tags;

use crate::setting::SETTINGS;
use crate::{key, restore};

/// ElastiCache's answer to the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Accepted,
    /// Another run created the group, or an earlier attempt of this call did, and its reply was lost.
    AlreadyExists,
    /// A cache cluster has the name; contains ElastiCache's message. The API reference lists this error only for cache
    /// clusters.
    NameTaken(String),
    /// AWS has no capacity for the node type in these zones, or doesn't support it there; contains AWS's message.
    Rejected(String),
}

/// Requests the replication group. If `zones` is empty, ElastiCache chooses the zones.
///
/// # Errors
/// Returns `NotFound` if ElastiCache doesn't see the security group yet; otherwise, ElastiCache's error.
pub async fn create(
    elasticache: &Client,
    owner: &Owner,
    input: &EnsureReplicationGroupInput,
    zones: &[String],
) -> StepResult<Answer> {
    let cache = &input.spec.cache;
    let created_by = input.spec.options.created_by(&input.execution);
    let tags = tags(owner.creation_tags(created_by, &input.spec.tags));
    let call = elasticache
        .create_replication_group()
        .replication_group_id(cache.name.as_str())
        .set_preferred_cache_cluster_azs((!zones.is_empty()).then(|| zones.to_vec()))
        .set_tags(Some(tags));
    let call = SETTINGS
        .iter()
        .fold(call, |call, setting| setting.create(call, input));
    let answer = call.send().await;
    match answer {
        Ok(_) => Ok(Answer::Accepted),
        Err(error) if step::code(&error) == Some("ReplicationGroupAlreadyExists") => {
            Ok(Answer::AlreadyExists)
        }
        Err(error) if step::code(&error) == Some("CacheClusterAlreadyExists") => {
            let message = error.message().unwrap_or("a cache cluster has this name");
            Ok(Answer::NameTaken(message.trim_end_matches('.').to_owned()))
        }
        // ElastiCache has no error code for a security group that it doesn't see yet.
        Err(error)
            if step::code(&error) == Some("InvalidParameterValue")
                && error
                    .message()
                    .is_some_and(|text| text.contains(&input.security_group_id)) =>
        {
            Err(step::not_yet_visible(
                "CreateReplicationGroup",
                &input.security_group_id,
                error,
            ))
        }
        Err(error) => match (step::code(&error), error.message()) {
            (Some(code), Some(message)) if rejects_zone(code, message, &input.network.zones) => {
                Ok(Answer::Rejected(format!("{code}: {message}")))
            }
            (Some(code), Some(message))
                if cache.kms_key.is_some() && rejects_key(code, message) =>
            {
                Err(key::rejected(cache.name.as_str(), code, message).caused_by(error))
            }
            (Some(code), Some(message))
                if cache.restore_from.is_some() && restore::rejects(code, message) =>
            {
                Err(restore::rejected(input, code, message).caused_by(error))
            }
            _ => Err(step::failure(
                "CreateReplicationGroup",
                cache.name.as_str(),
                error,
            )),
        },
    }
}

/// Returns whether AWS rejects the request because of a zone, so that it may accept other zones.
///
/// AWS uses one code both for a lack of capacity and for a node type that it doesn't offer in a zone
/// (<https://github.com/winglang/wing/issues/4126>). Whether other codes occur isn't documented: the message of an invalid
/// parameter that names one of the environment's zones counts, too.
fn rejects_zone(code: &str, message: &str, zones: &[String]) -> bool {
    match code {
        "InsufficientCacheClusterCapacity" => true,
        "InvalidParameterValue" | "InvalidParameterCombination" => {
            zones.iter().any(|zone| message.contains(zone.as_str()))
        }
        _ => false,
    }
}

/// Returns whether ElastiCache rejects the request because of its KMS key. It has no error code for this. The known
/// messages are "KMS key does not exist with key id: …" and "Please enable encryption at rest to use Customer Managed CMK"
/// (<https://github.com/badmintoncryer/cdk-preflight>, <https://github.com/floci-io/floci/pull/2632>).
fn rejects_key(code: &str, message: &str) -> bool {
    let is_invalid = matches!(
        code,
        "InvalidParameterValue" | "InvalidParameterCombination"
    );
    is_invalid && ["KMS", "CMK"].iter().any(|word| message.contains(word))
}

#[cfg(test)]
mod tests {
    use super::{rejects_key, rejects_zone};

    #[test]
    fn recognizes_rejection_of_a_zone() {
        let zones = ["us-east-1d", "us-east-1e"].map(str::to_owned);
        // The first message is that of https://github.com/winglang/wing/issues/4126, the second that of
        // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html.
        let cases = [
            (
                "InsufficientCacheClusterCapacity",
                "cache.t4g.small (VPC) is not currently supported in the availability zone us-east-1e. Retry the launch \
                 with no availability zone or target: us-east-1a, us-east-1b, us-east-1c, us-east-1d, us-east-1f.",
                true,
            ),
            (
                "InsufficientCacheClusterCapacity",
                "The requested cache node type is not available in the specified Availability Zone.",
                true,
            ),
            (
                "InvalidParameterValue",
                "us-east-1e is not supported.",
                true,
            ),
            (
                "InvalidParameterCombination",
                "us-east-1d: not with replicas.",
                true,
            ),
            (
                "InvalidParameterValue",
                "us-east-1f is not supported.",
                false,
            ),
            ("InvalidParameterValue", "Invalid node type.", false),
            ("AccessDenied", "us-east-1e is denied.", false),
        ];
        for (code, message, expected) in cases {
            assert_eq!(rejects_zone(code, message, &zones), expected, "{message}");
        }
    }

    #[test]
    fn recognizes_rejection_of_the_key() {
        let cases = [
            (
                "InvalidParameterValue",
                "KMS key does not exist with key id: 1234abcd-12ab-34cd-56ef-1234567890ab",
                true,
            ),
            (
                "InvalidParameterCombination",
                "Please enable encryption at rest to use Customer Managed CMK",
                true,
            ),
            ("InvalidParameterValue", "Invalid node type.", false),
            ("AccessDenied", "Not authorized to use the KMS key.", false),
        ];
        for (code, message, expected) in cases {
            assert_eq!(rejects_key(code, message), expected, "{message}");
        }
    }
}
