//! The faults that the gateway injects into calls.

use std::fmt;

use super::call::{Call, Protocol, RecordedCall};
use super::error_response::ErrorResponse;

/// A way in which a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The call exceeds a rate limit.
    Throttled,
    /// The service fails with HTTP 500.
    InternalError,
    /// The service is overloaded: HTTP 503.
    Unavailable,
    /// The caller's policy doesn't allow the call.
    AccessDenied,
    /// The account's quota for the created resource is used up.
    QuotaExceeded,
    /// A resource that was just created isn't visible to the call yet (eventual consistency).
    NotYetVisible,
    /// The replication group's state doesn't allow the call, for a reason that its status doesn't show.
    InvalidState,
    /// The replication group is available, but its tags temporarily can't be read or written.
    TagsUnavailable,
    /// The modification changes nothing.
    NothingToModify,
    /// The call doesn't take effect, and no reply is sent.
    NoReply,
    /// The call doesn't take effect, and the connection is reset.
    Reset,
    /// The call takes effect, but the connection is reset before the reply.
    LostReply,
    /// The function's process is killed before the call takes effect.
    KilledBefore,
    /// The function's process is killed after the call takes effect.
    KilledAfter,
}

impl Fault {
    /// The faults that apply to calls in general.
    pub const ALL: [Self; 11] = [
        Self::Throttled,
        Self::InternalError,
        Self::Unavailable,
        Self::AccessDenied,
        Self::QuotaExceeded,
        Self::NotYetVisible,
        Self::NoReply,
        Self::Reset,
        Self::LostReply,
        Self::KilledBefore,
        Self::KilledAfter,
    ];

    /// The faults of specific ElastiCache operations, which only individual tests inject.
    pub const OPERATION_SPECIFIC: [Self; 3] = [
        Self::InvalidState,
        Self::TagsUnavailable,
        Self::NothingToModify,
    ];

    /// Returns whether a call can fail in this way. For example, a direct service integration has no process to kill.
    #[must_use]
    pub fn is_possible(self, call: &RecordedCall) -> bool {
        match self {
            Self::QuotaExceeded => quota_exceeded(&call.service, &call.operation).is_some(),
            // No step names a group in this call, which then returns a list without new groups.
            Self::NotYetVisible if call.operation == "DescribeCacheParameterGroups" => false,
            Self::NotYetVisible => unseen(&call.service, &call.operation, "").is_some(),
            Self::KilledBefore | Self::KilledAfter => call.by_function,
            _ => true,
        }
    }

    /// Returns whether the call takes effect despite the fault.
    #[must_use]
    pub const fn takes_effect(self) -> bool {
        matches!(self, Self::LostReply | Self::KilledAfter)
    }

    /// Returns the fault's error response, or `None` if the caller gets no response. Sources of the codes and statuses:
    /// [EC2](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html),
    /// [ElastiCache](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/CommonErrors.html),
    /// [CloudWatch Logs](https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/CommonErrors.html),
    /// [KMS](https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html),
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
                match call.service.as_str() {
                    "dynamodb" | "ssm" => "InternalServerError",
                    "kms" => "KMSInternalException",
                    // Step Functions and EventBridge document only the common error.
                    _ => "InternalFailure",
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
            (Self::NotYetVisible, _) => return unseen(&call.service, &call.operation, &call.text),
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

/// Returns an operation's error for an exceeded quota. Sources:
/// [EC2's error codes](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html), and the API
/// reference of each other operation.
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
        ("ec2", "CreateTags") => ErrorResponse::new(
            "TagLimitExceeded",
            "The maximum number of Tags for a resource has been reached.",
        ),
        ("elasticache", "AddTagsToResource") => ErrorResponse::new(
            "TagQuotaPerResourceExceeded",
            "The request cannot be processed because it would cause the resource to have more than the allowed number of tags.",
        ),
        ("elasticache", "CreateCacheSubnetGroup") => ErrorResponse::new(
            "CacheSubnetGroupQuotaExceeded",
            "The request cannot be processed because it would exceed the allowed number of cache subnet groups.",
        ),
        ("elasticache", "CreateCacheParameterGroup") => ErrorResponse::new(
            "CacheParameterGroupQuotaExceeded",
            "The request cannot be processed because it would exceed the maximum number of cache parameter groups.",
        ),
        ("elasticache", "CreateReplicationGroup" | "IncreaseReplicaCount") => ErrorResponse::new(
            "NodeQuotaForCustomerExceeded",
            "The request cannot be processed because it would exceed the allowed number of cache nodes per customer.",
        ),
        ("logs", "CreateLogGroup") => ErrorResponse::new(
            "LimitExceededException",
            "You have reached the maximum number of resources that can be created.",
        ),
        ("logs", "TagResource") => ErrorResponse::new(
            "TooManyTagsException",
            "A resource can have no more than 50 tags.",
        ),
        ("ssm", "AddTagsToResource") => ErrorResponse::new(
            "TooManyTagsError",
            "The Targets parameter includes too many tags.",
        ),
        ("ssm", "PutParameter") => ErrorResponse::new(
            "ParameterLimitExceeded",
            "You have exceeded the number of parameters for this AWS account.",
        ),
        _ => return None,
    })
}

/// Returns an operation's error for a resource that isn't visible yet. Sources: the API reference of each operation,
/// <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>, and
/// <https://docs.aws.amazon.com/kms/latest/developerguide/accessing-kms.html#programming-eventual-consistency>.
/// Operations that would return an empty list have no such error.
fn unseen(service: &str, operation: &str, text: &str) -> Option<ErrorResponse> {
    let subnet_group = || {
        ErrorResponse::new(
            "CacheSubnetGroupNotFoundFault",
            "Cache Subnet Group does not exist.",
        )
    };
    let parameter_group = || {
        ErrorResponse::with_status(
            404,
            "CacheParameterGroupNotFound",
            "CacheParameterGroup not found.",
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
            "DescribeCacheParameterGroups"
            | "DescribeCacheParameters"
            | "ModifyCacheParameterGroup"
            | "ResetCacheParameterGroup"
            | "DeleteCacheParameterGroup",
        ) => parameter_group(),
        ("elasticache", "ListTagsForResource") if text.contains(":parametergroup:") => {
            parameter_group()
        }
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
        ("kms", "DescribeKey") => {
            ErrorResponse::new("NotFoundException", "The key or the alias is not found.")
        }
        (
            "logs",
            "ListTagsForResource" | "PutRetentionPolicy" | "TagResource" | "UntagResource",
        ) => ErrorResponse::new(
            "ResourceNotFoundException",
            "The specified resource does not exist.",
        ),
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
            Self::NotYetVisible => "not seen yet",
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

/// The attempts of a call that fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum When {
    /// Only the n-th attempt, counted from 1.
    Nth(u32),
    /// The first n attempts.
    First(u32),
    Every,
}

impl When {
    /// Returns whether the attempt with this number, counted from 1, fails.
    #[must_use]
    pub const fn holds(self, number: u32) -> bool {
        match self {
            Self::Nth(nth) => number == nth,
            Self::First(count) => number <= count,
            Self::Every => true,
        }
    }
}

/// A fault and the calls into which it is injected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The name of the calling state, such as `EnsureSubnetGroup`.
    pub step: String,
    /// The operation's name in the API reference.
    pub operation: String,
    pub when: When,
    pub fault: Fault,
}
