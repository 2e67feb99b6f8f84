//! Rejections of a creation because of an Availability Zone.

use super::invalid_value;
use crate::gateway::error_response::ErrorResponse;

/// Why ElastiCache rejects a creation in a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneRejection {
    /// AWS has no capacity for the node type at the moment:
    /// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html>.
    NoCapacity,
    /// AWS doesn't offer the node type in the zone, and returns the same code:
    /// <https://github.com/winglang/wing/issues/4126>.
    NotOffered,
    /// AWS rejects the zone by name. No source has such an answer; envcache assumes a code of invalid parameters.
    InvalidZone,
}

impl ZoneRejection {
    /// Returns ElastiCache's answer.
    pub(super) fn response(self, node_type: &str, zone: &str) -> ErrorResponse {
        match self {
            Self::NoCapacity => ErrorResponse::new(
                "InsufficientCacheClusterCapacity",
                "The requested cache node type is not available in the specified Availability Zone.",
            ),
            Self::NotOffered => ErrorResponse::new(
                "InsufficientCacheClusterCapacity",
                format!(
                    "{node_type} (VPC) is not currently supported in the availability zone {zone}. Retry the launch with \
                     no availability zone or target: ap-southeast-1c."
                ),
            ),
            Self::InvalidZone => {
                invalid_value(format!("Availability zone {zone} is not supported."))
            }
        }
    }
}
