//! Maps AWS error codes to the contract's error names.

use contract::ErrorName;

/// Returns the name for an error code of CloudWatch Logs, DynamoDB, EC2, ElastiCache, KMS, Systems Manager, or Step Functions;
/// `Internal` if the code isn't known.
pub fn error_name(code: &str) -> ErrorName {
    let known = NAMES.iter().find(|(_, codes)| codes.contains(&code));
    known.map_or(ErrorName::Internal, |(name, _)| *name)
}

/// What each of AWS's error codes means. The codes of the operations that envcache calls come from botocore's service models;
/// EC2's and the common ones, from <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>.
pub(crate) const NAMES: [(ErrorName, &[&str]); 10] = [
    (
        ErrorName::AccessDenied,
        &[
            "AccessDenied",
            "AccessDeniedException",
            "AuthFailure",
            "Blocked",
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidClientTokenId",
            "InvalidKMSKeyFault",
            "InvalidKeyId",
            "KmsAccessDeniedException",
            "NotAuthorized",
            "OptInRequired",
            // On first use in an account, ElastiCache creates this role if it is allowed to.
            "ServiceLinkedRoleNotFoundFault",
            "SignatureDoesNotMatch",
            "TagPolicyViolation",
            "UnauthorizedOperation",
            "UnrecognizedClientException",
        ],
    ),
    (
        ErrorName::Throttled,
        &[
            "APICallRateForCustomerExceeded",
            "EC2ThrottledException",
            "KmsThrottlingException",
            "ProvisionedThroughputExceededException",
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestThrottledException",
            "SlowDown",
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "TooManyRequestsException",
            "TooManyUpdates",
        ],
    ),
    (
        ErrorName::InsufficientCapacity,
        &["InsufficientCacheClusterCapacity"],
    ),
    (
        ErrorName::QuotaExceeded,
        &[
            "CacheParameterGroupQuotaExceeded",
            "CacheSubnetGroupQuotaExceeded",
            "CacheSubnetQuotaExceededFault",
            "ClusterQuotaForCustomerExceeded",
            "ExecutionLimitExceeded",
            "ItemCollectionSizeLimitExceededException",
            "LimitExceededException",
            "NodeGroupsPerReplicationGroupQuotaExceeded",
            "NodeQuotaForClusterExceeded",
            "NodeQuotaForCustomerExceeded",
            "ParameterLimitExceeded",
            "ParameterMaxVersionLimitExceeded",
            "ResourceLimitExceeded",
            "RulesPerSecurityGroupLimitExceeded",
            "SecurityGroupLimitExceeded",
            "SecurityGroupsPerInterfaceLimitExceeded",
            "SnapshotQuotaExceededFault",
            "TagLimitExceeded",
            "TagQuotaPerResourceExceeded",
            "TooManyTagsError",
            "TooManyTagsException",
        ],
    ),
    (
        ErrorName::InUse,
        &[
            "CacheSubnetGroupInUse",
            "DependencyViolation",
            "SubnetInUse",
        ],
    ),
    (
        ErrorName::NotFound,
        &[
            "CacheClusterNotFound",
            "CacheParameterGroupNotFound",
            "CacheSecurityGroupNotFound",
            "CacheSubnetGroupNotFoundFault",
            "GlobalReplicationGroupNotFoundFault",
            "InvalidARN",
            "InvalidGroup.NotFound",
            "InvalidPermission.NotFound",
            "InvalidResourceId",
            "InvalidSecurityGroupID.NotFound",
            "InvalidSecurityGroupRuleId.NotFound",
            "InvalidSubnet",
            "InvalidSubnetID.NotFound",
            "InvalidVpcID.NotFound",
            "NotFoundException",
            "ParameterNotFound",
            "ReplicationGroupNotFoundFault",
            "SnapshotNotFoundFault",
            // Another run, or a user, has removed the tag since it was read.
            "TagNotFound",
            "UserGroupNotFound",
        ],
    ),
    (
        ErrorName::InvalidSpec,
        &[
            "HierarchyLevelLimitExceededException",
            "IncompatiblePolicyException",
            "InvalidAllowedPatternException",
            "InvalidArnException",
            "InvalidExecutionInput",
            "InvalidName",
            "InvalidParameterCombination",
            "InvalidParameterCombinationException",
            "InvalidParameterException",
            "InvalidParameterValue",
            "InvalidParameterValueException",
            "InvalidPermission.Malformed",
            "InvalidPolicyAttributeException",
            "InvalidPolicyTypeException",
            "PoliciesLimitExceededException",
            "SnapshotFeatureNotSupportedFault",
            "SubnetNotAllowedFault",
            "ValidationError",
            "ValidationException",
            // The state of the requested KMS key doesn't allow its use.
            "DisabledException",
            "KMSInvalidStateException",
        ],
    ),
    // The existing parameter has another type, or a pattern that an endpoint doesn't match.
    (
        ErrorName::Immutable,
        &[
            "HierarchyTypeMismatchException",
            "ParameterPatternMismatchException",
            "UnsupportedParameterType",
        ],
    ),
    // The network changed after the subnet group was created: a subnet may no longer exist, or have no free addresses.
    (
        ErrorName::UnexpectedStatus,
        &["InvalidVPCNetworkStateFault"],
    ),
    (
        ErrorName::ServiceUnavailable,
        &[
            "DependencyTimeoutException",
            "InternalError",
            "InternalFailure",
            "InternalServerError",
            "InternalServiceError",
            "KMSInternalException",
            "RequestTimeout",
            "RequestTimeoutException",
            "ServiceUnavailable",
            "ServiceUnavailableException",
            "Unavailable",
            // A resource is changing, or its tags can't be read yet: a later attempt succeeds.
            "InvalidCacheClusterState",
            "InvalidCacheParameterGroupState",
            "InvalidCacheSecurityGroupState",
            "InvalidGlobalReplicationGroupState",
            "InvalidReplicationGroupState",
            "InvalidUserGroupState",
            "KmsInvalidStateException",
            "ReplicatedWriteConflictException",
            "TransactionConflictException",
            // Another run created the resource at the same time, or this run's first attempt did and its reply was
            // lost.
            "CacheClusterAlreadyExists",
            "CacheParameterGroupAlreadyExists",
            "CacheSubnetGroupAlreadyExists",
            "InvalidGroup.Duplicate",
            "NoOperationFault",
            // "Multiple concurrent requests to update the same resource were in conflict."
            "OperationAbortedException",
            "ParameterAlreadyExists",
            "ReplicationGroupAlreadyExists",
            "ResourceAlreadyExistsException",
            // A new run uses another name for its final snapshot.
            "SnapshotAlreadyExistsFault",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use contract::ErrorName;

    use super::error_name;

    /// The errors that botocore's models list for the operations that envcache calls, except those that the callers handle
    /// or that only a bug causes
    /// (<https://github.com/boto/botocore/tree/develop/botocore/data>: dynamodb/2012-08-10, elasticache/2015-02-02,
    /// kms/2014-11-01, logs/2014-03-28, ssm/2014-11-06, and stepfunctions/2016-11-23), those of a key that can't be used
    /// (<https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html>), and those of
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html> and
    /// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/CommonErrors.html>, by what they mean.
    const CODES: [(ErrorName, &[&str]); 10] = [
        (
            ErrorName::AccessDenied,
            &[
                "UnauthorizedOperation",
                "AccessDeniedException",
                "TagPolicyViolation",
                "ServiceLinkedRoleNotFoundFault",
                "InvalidKMSKeyFault",
                "InvalidKeyId",
                "KmsAccessDeniedException",
            ],
        ),
        (
            ErrorName::Throttled,
            &[
                "RequestLimitExceeded",
                "Throttling",
                "ThrottlingException",
                "APICallRateForCustomerExceeded",
                "KmsThrottlingException",
                "ProvisionedThroughputExceededException",
                "TooManyUpdates",
            ],
        ),
        (
            ErrorName::InsufficientCapacity,
            &["InsufficientCacheClusterCapacity"],
        ),
        (
            ErrorName::QuotaExceeded,
            &[
                "CacheParameterGroupQuotaExceeded",
                "CacheSubnetGroupQuotaExceeded",
                "CacheSubnetQuotaExceededFault",
                "ClusterQuotaForCustomerExceeded",
                "ExecutionLimitExceeded",
                "ItemCollectionSizeLimitExceededException",
                "LimitExceededException",
                "NodeGroupsPerReplicationGroupQuotaExceeded",
                "NodeQuotaForClusterExceeded",
                "NodeQuotaForCustomerExceeded",
                "ParameterLimitExceeded",
                "ParameterMaxVersionLimitExceeded",
                "RulesPerSecurityGroupLimitExceeded",
                "SecurityGroupLimitExceeded",
                "SnapshotQuotaExceededFault",
                "TagLimitExceeded",
                "TagQuotaPerResourceExceeded",
                "TooManyTagsError",
                "TooManyTagsException",
            ],
        ),
        (
            ErrorName::InUse,
            &[
                "CacheSubnetGroupInUse",
                "DependencyViolation",
                "SubnetInUse",
            ],
        ),
        (
            ErrorName::NotFound,
            &[
                "CacheClusterNotFound",
                "CacheParameterGroupNotFound",
                "CacheSecurityGroupNotFound",
                "CacheSubnetGroupNotFoundFault",
                "GlobalReplicationGroupNotFoundFault",
                "InvalidARN",
                "InvalidGroup.NotFound",
                "InvalidPermission.NotFound",
                "InvalidResourceId",
                "InvalidSecurityGroupRuleId.NotFound",
                "InvalidSubnet",
                "NotFoundException",
                "ParameterNotFound",
                "ReplicationGroupNotFoundFault",
                "SnapshotNotFoundFault",
                "TagNotFound",
                "UserGroupNotFound",
            ],
        ),
        (
            ErrorName::InvalidSpec,
            &[
                "DisabledException",
                "HierarchyLevelLimitExceededException",
                "IncompatiblePolicyException",
                "InvalidAllowedPatternException",
                "InvalidArnException",
                "InvalidExecutionInput",
                "InvalidName",
                "InvalidParameterCombination",
                "InvalidParameterException",
                "InvalidParameterValue",
                "InvalidPermission.Malformed",
                "InvalidPolicyAttributeException",
                "InvalidPolicyTypeException",
                "KMSInvalidStateException",
                "PoliciesLimitExceededException",
                "SnapshotFeatureNotSupportedFault",
                "SubnetNotAllowedFault",
                "ValidationException",
            ],
        ),
        (
            ErrorName::Immutable,
            &[
                "HierarchyTypeMismatchException",
                "ParameterPatternMismatchException",
                "UnsupportedParameterType",
            ],
        ),
        (
            ErrorName::UnexpectedStatus,
            &["InvalidVPCNetworkStateFault"],
        ),
        (
            ErrorName::ServiceUnavailable,
            &[
                "DependencyTimeoutException",
                "InternalFailure",
                "InternalServerError",
                "ServiceUnavailable",
                "ServiceUnavailableException",
                "CacheParameterGroupAlreadyExists",
                "CacheSubnetGroupAlreadyExists",
                "InvalidCacheClusterState",
                "InvalidCacheParameterGroupState",
                "InvalidCacheSecurityGroupState",
                "InvalidGlobalReplicationGroupState",
                "InvalidGroup.Duplicate",
                "InvalidReplicationGroupState",
                "InvalidUserGroupState",
                "KMSInternalException",
                "KmsInvalidStateException",
                "NoOperationFault",
                "OperationAbortedException",
                "ParameterAlreadyExists",
                "ReplicatedWriteConflictException",
                "ReplicationGroupAlreadyExists",
                "ResourceAlreadyExistsException",
                "SnapshotAlreadyExistsFault",
                "TransactionConflictException",
            ],
        ),
    ];

    #[test]
    fn maps_codes_of_the_called_operations() {
        for (expected, codes) in CODES {
            for code in codes {
                assert_eq!(error_name(code), expected, "{code}");
            }
        }
    }

    #[test]
    fn maps_unknown_code_to_internal() {
        assert_eq!(error_name("NeverSeenBefore"), ErrorName::Internal);
    }
}
