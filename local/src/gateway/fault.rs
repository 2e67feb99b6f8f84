//! The ways in which a call to AWS fails without the caller's doing.

use std::fmt;

use super::call::{Call, Protocol, RecordedCall};
use super::error_response::ErrorResponse;

/// A way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// AWS has had too many calls.
    Throttled,
    /// AWS failed: HTTP 500.
    InternalError,
    /// AWS is overloaded: HTTP 503.
    Unavailable,
    /// The caller's policy does not allow the call.
    AccessDenied,
    /// The account has as many of what the call would make as it may have.
    QuotaExceeded,
    /// AWS does not see yet what the call is about, and what was made a moment ago.
    Unseen,
    /// The replication group is not in a state that allows the call, for no reason that it shows.
    InvalidState,
    /// The replication group is available, and its tags can't be read or written for a moment.
    TagsUnavailable,
    /// ElastiCache finds nothing to modify.
    NothingToModify,
    /// The call does not take effect, and its reply never comes.
    NoReply,
    /// The call does not take effect, and the connection is reset.
    Reset,
    /// The call takes effect, and the connection is reset instead of a reply.
    LostReply,
    /// The function's process is killed before the call takes effect.
    KilledBefore,
    /// The function's process is killed after the call has taken effect.
    KilledAfter,
}

impl Fault {
    /// Every fault that any call may meet. `ASKED_FOR` are met where a test asks for them.
    pub const ALL: [Self; 11] = [
        Self::Throttled,
        Self::InternalError,
        Self::Unavailable,
        Self::AccessDenied,
        Self::QuotaExceeded,
        Self::Unseen,
        Self::NoReply,
        Self::Reset,
        Self::LostReply,
        Self::KilledBefore,
        Self::KilledAfter,
    ];

    /// The other faults.
    pub const ASKED_FOR: [Self; 3] = [
        Self::InvalidState,
        Self::TagsUnavailable,
        Self::NothingToModify,
    ];

    /// Whether a call can fail so. Only some need what was made before, and a state by itself has no process that
    /// could be killed.
    #[must_use]
    pub fn is_possible(self, made: &RecordedCall) -> bool {
        match self {
            Self::QuotaExceeded => quota_exceeded(&made.service, &made.operation).is_some(),
            Self::Unseen => unseen(&made.service, &made.operation, "").is_some(),
            Self::KilledBefore | Self::KilledAfter => made.by_function,
            _ => true,
        }
    }

    /// Whether the call takes effect all the same.
    #[must_use]
    pub const fn takes_effect(self) -> bool {
        matches!(self, Self::LostReply | Self::KilledAfter)
    }

    /// AWS's answer, where the fault is one. Codes and statuses:
    /// [EC2](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html),
    /// [ElastiCache](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/CommonErrors.html),
    /// [Systems Manager](https://docs.aws.amazon.com/systems-manager/latest/APIReference/CommonErrors.html),
    /// [Step Functions](https://docs.aws.amazon.com/step-functions/latest/apireference/CommonErrors.html).
    #[must_use]
    pub fn error_response(self, call: &Call) -> Option<ErrorResponse> {
        let protocol = call.protocol;
        Some(match (self, protocol) {
            (Self::Throttled, Protocol::Ec2) => {
                ErrorResponse::with_status(503, "RequestLimitExceeded", "Request limit exceeded.")
            }
            (Self::Throttled, Protocol::Query) => ErrorResponse::new("Throttling", "Rate exceeded"),
            (Self::Throttled, _) => ErrorResponse::new("ThrottlingException", "Rate exceeded"),
            (Self::InternalError, Protocol::Ec2) => {
                ErrorResponse::with_status(500, "InternalError", "An internal error has occurred")
            }
            (Self::InternalError, Protocol::Query) => ErrorResponse::with_status(
                500,
                "InternalFailure",
                "The request processing has failed because of an unknown error, exception or failure.",
            ),
            (Self::InternalError, _) => ErrorResponse::with_status(
                500,
                // Step Functions and EventBridge have the common error alone.
                if matches!(call.service.as_str(), "dynamodb" | "ssm") {
                    "InternalServerError"
                } else {
                    "InternalFailure"
                },
                "An error occurred on the server side.",
            ),
            (Self::Unavailable, Protocol::Ec2) => ErrorResponse::with_status(
                503,
                "Unavailable",
                "The server is overloaded and can't handle the request.",
            ),
            (Self::Unavailable, _) => ErrorResponse::with_status(
                503,
                "ServiceUnavailable",
                "The request has failed due to a temporary failure of the server.",
            ),
            (Self::AccessDenied, Protocol::Ec2) => ErrorResponse::with_status(
                403,
                "UnauthorizedOperation",
                "You are not authorized to perform this operation.",
            ),
            (Self::AccessDenied, Protocol::Query) => {
                ErrorResponse::with_status(403, "AccessDenied", Self::not_authorized(call))
            }
            (Self::AccessDenied, _) => {
                ErrorResponse::new("AccessDeniedException", Self::not_authorized(call))
            }
            (Self::QuotaExceeded, _) => return quota_exceeded(&call.service, &call.operation),
            // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteReplicationGroup.html
            (Self::InvalidState, _) => ErrorResponse::new(
                "InvalidReplicationGroupState",
                "The requested replication group is not in the available state.",
            ),
            // https://github.com/hashicorp/terraform-provider-aws/issues/24968
            (Self::TagsUnavailable, _) => ErrorResponse::with_status(
                404,
                "CacheClusterNotFound",
                "The replication group is either not present or not available.",
            ),
            // https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/elasticache/replication_group.go
            (Self::NothingToModify, _) => ErrorResponse::new(
                "InvalidParameterCombination",
                "No modifications were requested",
            ),
            (Self::Unseen, _) => return unseen(&call.service, &call.operation, &call.text),
            (
                Self::NoReply
                | Self::Reset
                | Self::LostReply
                | Self::KilledBefore
                | Self::KilledAfter,
                _,
            ) => return None,
        })
    }

    fn not_authorized(call: &Call) -> String {
        let action = format!("{}:{}", call.service, call.operation);
        format!(
            "User: arn:aws:sts::000000000000:assumed-role/step/step is not authorized to perform: {action} because no \
             identity-based policy allows the {action} action"
        )
    }
}

/// What AWS answers where a quota is used up, by
/// [EC2's error codes](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html) and the API reference
/// of each other operation.
fn quota_exceeded(service: &str, operation: &str) -> Option<ErrorResponse> {
    Some(match (service, operation) {
        ("ec2", "CreateSecurityGroup") => ErrorResponse::new(
            "SecurityGroupLimitExceeded",
            "The maximum number of security groups has been reached.",
        ),
        ("ec2", "AuthorizeSecurityGroupIngress") => ErrorResponse::new(
            "RulesPerSecurityGroupLimitExceeded",
            "The maximum number of rules per security group has been reached.",
        ),
        ("elasticache", "CreateCacheSubnetGroup") => ErrorResponse::new(
            "CacheSubnetGroupQuotaExceeded",
            "The request cannot be processed because it would exceed the allowed number of cache subnet groups.",
        ),
        ("elasticache", "CreateReplicationGroup" | "IncreaseReplicaCount") => ErrorResponse::new(
            "NodeQuotaForCustomerExceeded",
            "The request cannot be processed because it would exceed the allowed number of cache nodes per customer.",
        ),
        ("ssm", "PutParameter") => ErrorResponse::new(
            "ParameterLimitExceeded",
            "You have exceeded the number of parameters for this AWS account.",
        ),
        _ => return None,
    })
}

/// What AWS answers while it does not see yet what was made a moment ago, by the API reference of each operation
/// and <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>. A list that is empty is no
/// answer of this kind.
fn unseen(service: &str, operation: &str, text: &str) -> Option<ErrorResponse> {
    let subnet_group = || {
        ErrorResponse::new(
            "CacheSubnetGroupNotFoundFault",
            "Cache Subnet Group does not exist.",
        )
    };
    let replication_group = || {
        ErrorResponse::with_status(
            404,
            "ReplicationGroupNotFoundFault",
            "Replication group not found.",
        )
    };
    Some(match (service, operation) {
        ("ec2", "AuthorizeSecurityGroupIngress" | "RevokeSecurityGroupIngress") => {
            ErrorResponse::new("InvalidGroup.NotFound", "The security group does not exist")
        }
        (
            "elasticache",
            "CreateReplicationGroup" | "DescribeCacheSubnetGroups" | "ModifyCacheSubnetGroup",
        ) => subnet_group(),
        ("elasticache", "ListTagsForResource") if text.contains(":subnetgroup:") => subnet_group(),
        (
            "elasticache",
            "DescribeReplicationGroups"
            | "ModifyReplicationGroup"
            | "IncreaseReplicaCount"
            | "DecreaseReplicaCount"
            | "DeleteReplicationGroup"
            | "ListTagsForResource",
        ) => replication_group(),
        ("elasticache", "DescribeCacheClusters") => {
            ErrorResponse::with_status(404, "CacheClusterNotFound", "CacheCluster not found.")
        }
        ("ssm", "ListTagsForResource") => ErrorResponse::new(
            "InvalidResourceId",
            "The resource ID isn't valid. Verify that you entered the correct ID and try again.",
        ),
        _ => return None,
    })
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Throttled => "throttled",
            Self::InternalError => "500",
            Self::Unavailable => "503",
            Self::AccessDenied => "access denied",
            Self::QuotaExceeded => "quota used up",
            Self::Unseen => "not seen yet",
            Self::InvalidState => "invalid state",
            Self::TagsUnavailable => "tags unavailable",
            Self::NothingToModify => "nothing to modify",
            Self::NoReply => "no reply",
            Self::Reset => "connection reset",
            Self::LostReply => "reply lost",
            Self::KilledBefore => "killed before",
            Self::KilledAfter => "killed after",
        })
    }
}

/// Which of a call's tries fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum When {
    /// The n-th try of the call alone, from 1 on.
    Nth(u32),
    /// The first tries, so many.
    First(u32),
    Every,
}

impl When {
    /// Whether the try of this number, from 1 on, fails.
    #[must_use]
    pub const fn holds(self, number: u32) -> bool {
        match self {
            Self::Nth(nth) => number == nth,
            Self::First(count) => number <= count,
            Self::Every => true,
        }
    }
}

/// A fault that waits for its call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The state that calls, by its function or itself, such as `EnsureSubnetGroup`.
    pub step: String,
    /// The operation, as the API reference names it.
    pub operation: String,
    pub when: When,
    pub fault: Fault,
}
