//! What a failed AWS call means, under a name of the contract.

use std::error::Error;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use contract::{ErrorName, StepError};

/// The error code that AWS answered with, as it stands on the wire.
pub fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code)
}

/// The error for a failed call: `operation` is AWS's name of it, `resource` what it was about.
///
/// The message tells the operation, the resource, AWS's own words and the way out.
pub fn failure<E, R>(operation: &str, resource: &str, error: SdkError<E, R>) -> StepError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let answered = error
        .as_service_error()
        .and_then(|service| Some((service.code()?, service.message().unwrap_or("no message"))));
    let (name, reason) = match answered {
        Some((code, message)) => (named(code), format!("{code}: {message}")),
        None => (unanswered(&error), causes(&error)),
    };
    StepError::new(
        name,
        format!("{operation} {resource}: {reason}. {}", way_out(name)),
    )
    .caused_by(error)
}

/// The error for a resource that exists and that AWS does not show everywhere yet: this run made it a moment
/// ago, or a run at the same time did. The state machine's next try finds it.
pub fn unseen<E, R>(operation: &str, resource: &str, error: SdkError<E, R>) -> StepError
where
    E: Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    StepError::new(
        ErrorName::NotFound,
        format!(
            "{operation} {resource}: it exists, and AWS does not show it everywhere yet. Start again"
        ),
    )
    .caused_by(error)
}

/// The name for an error code of DynamoDB, EC2, ElastiCache, Systems Manager or Step Functions.
///
/// Codes are those of the services' API references; EC2's and the common ones stand in
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>.
fn named(code: &str) -> ErrorName {
    match code {
        "AccessDenied"
        | "AccessDeniedException"
        | "AuthFailure"
        | "Blocked"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidClientTokenId"
        | "NotAuthorized"
        | "OptInRequired"
        // First use in an account: ElastiCache makes its role itself where it may.
        | "ServiceLinkedRoleNotFoundFault"
        | "SignatureDoesNotMatch"
        | "UnauthorizedOperation"
        | "UnrecognizedClientException" => ErrorName::AccessDenied,

        "APICallRateForCustomerExceeded"
        | "EC2ThrottledException"
        | "ProvisionedThroughputExceededException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "SlowDown"
        | "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "TooManyRequestsException"
        | "TooManyUpdates" => ErrorName::Throttled,

        "InsufficientCacheClusterCapacity" => ErrorName::InsufficientCapacity,

        "CacheSubnetGroupQuotaExceeded"
        | "CacheSubnetQuotaExceededFault"
        | "ClusterQuotaForCustomerExceeded"
        | "ExecutionLimitExceeded"
        | "NodeGroupsPerReplicationGroupQuotaExceeded"
        | "NodeQuotaForClusterExceeded"
        | "NodeQuotaForCustomerExceeded"
        | "ParameterLimitExceeded"
        | "ResourceLimitExceeded"
        | "RulesPerSecurityGroupLimitExceeded"
        | "SecurityGroupLimitExceeded"
        | "SecurityGroupsPerInterfaceLimitExceeded"
        | "SnapshotQuotaExceededFault"
        | "TagQuotaPerResourceExceeded" => ErrorName::QuotaExceeded,

        "SubnetInUse" => ErrorName::InUse,

        "CacheParameterGroupNotFound"
        | "InvalidARN"
        | "CacheSubnetGroupNotFoundFault"
        | "InvalidGroup.NotFound"
        | "InvalidResourceId"
        | "InvalidSecurityGroupID.NotFound"
        | "InvalidSubnet"
        | "InvalidSubnetID.NotFound"
        | "InvalidVPCNetworkStateFault"
        | "InvalidVpcID.NotFound"
        | "ReplicationGroupNotFoundFault" => ErrorName::NotFound,

        "InvalidExecutionInput"
        | "InvalidParameterCombination"
        | "InvalidParameterCombinationException"
        | "InvalidParameterValue"
        | "InvalidParameterValueException"
        | "SnapshotFeatureNotSupportedFault"
        | "SubnetNotAllowedFault"
        | "ValidationError"
        | "ValidationException" => ErrorName::InvalidSpec,

        "InternalError"
        | "InternalFailure"
        | "InternalServerError"
        | "InternalServiceError"
        | "RequestTimeout"
        | "RequestTimeoutException"
        | "ServiceUnavailable"
        | "Unavailable"
        // A group that is changing, or whose tags cannot be read yet, can be asked again.
        | "InvalidCacheClusterState"
        | "InvalidReplicationGroupState"
        // Another run gives its last backup another name.
        | "SnapshotAlreadyExistsFault" => ErrorName::ServiceUnavailable,

        _ => ErrorName::Internal,
    }
}

/// What went wrong on the way, the innermost cause last.
fn causes(error: &(dyn Error + 'static)) -> String {
    std::iter::successors(Some(error), |&error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// The name where no error code came back: no connection, no answer in time, or an answer that says nothing.
fn unanswered<E, R>(error: &SdkError<E, R>) -> ErrorName {
    match error {
        SdkError::ConstructionFailure(_) => ErrorName::Internal,
        _ => ErrorName::ServiceUnavailable,
    }
}

const fn way_out(name: ErrorName) -> &'static str {
    match name {
        ErrorName::AccessDenied => {
            "The role of the step, a permissions boundary or an organisation's policy forbids it, or ElastiCache's \
             service-linked role is missing: see Permissions in the README, then start again"
        }
        ErrorName::Throttled | ErrorName::ServiceUnavailable => {
            "It was tried again without success: start again later"
        }
        ErrorName::QuotaExceeded => {
            "Remove what is no longer used, or ask for a higher quota in Service Quotas, then start again"
        }
        ErrorName::InsufficientCapacity => {
            "AWS has no such node to give in these zones now: start again later, or ask for another cache.nodeType or other subnets"
        }
        ErrorName::InvalidSpec => "AWS refuses this setting: correct the input, then start again",
        ErrorName::InUse => {
            "Something still uses it: remove that first, or ask for what is there, then start again"
        }
        ErrorName::NotFound => "It may have been removed meanwhile: start again",
        _ => "Start again; if it stays, report this message as a fault of envcache",
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::result::SdkError;
    use aws_smithy_types::error::ErrorMetadata;
    use aws_smithy_types::error::metadata::ProvideErrorMetadata;
    use contract::ErrorName;

    use super::failure;

    #[derive(Debug)]
    struct Fault(ErrorMetadata);

    impl std::fmt::Display for Fault {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.fmt(formatter)
        }
    }
    impl std::error::Error for Fault {}
    impl ProvideErrorMetadata for Fault {
        fn meta(&self) -> &ErrorMetadata {
            &self.0
        }
    }

    fn answered(code: &str, message: &str) -> SdkError<Fault, ()> {
        let metadata = ErrorMetadata::builder().code(code).message(message).build();
        SdkError::service_error(Fault(metadata), ())
    }

    #[test]
    fn a_code_of_aws_becomes_a_name_of_the_contract() {
        let cases = [
            ("UnauthorizedOperation", ErrorName::AccessDenied),
            ("AccessDeniedException", ErrorName::AccessDenied),
            ("ServiceLinkedRoleNotFoundFault", ErrorName::AccessDenied),
            ("RequestLimitExceeded", ErrorName::Throttled),
            ("Throttling", ErrorName::Throttled),
            ("APICallRateForCustomerExceeded", ErrorName::Throttled),
            (
                "InsufficientCacheClusterCapacity",
                ErrorName::InsufficientCapacity,
            ),
            ("NodeQuotaForCustomerExceeded", ErrorName::QuotaExceeded),
            ("SecurityGroupLimitExceeded", ErrorName::QuotaExceeded),
            ("CacheSubnetGroupNotFoundFault", ErrorName::NotFound),
            ("InvalidParameterValue", ErrorName::InvalidSpec),
            ("InternalFailure", ErrorName::ServiceUnavailable),
            (
                "InvalidReplicationGroupState",
                ErrorName::ServiceUnavailable,
            ),
            ("NeverSeenBefore", ErrorName::Internal),
        ];
        for (code, expected) in cases {
            let error = failure(
                "CreateReplicationGroup",
                "bandup-redis",
                answered(code, "no"),
            );
            assert_eq!(error.name(), expected, "{code}");
        }
    }

    #[test]
    fn the_message_tells_operation_resource_reason_and_way_out() {
        let error = failure(
            "CreateReplicationGroup",
            "bandup-redis",
            answered(
                "NodeQuotaForCustomerExceeded",
                "Quota of 300 nodes exceeded",
            ),
        );

        assert_eq!(
            error.to_string(),
            "CreateReplicationGroup bandup-redis: NodeQuotaForCustomerExceeded: Quota of 300 nodes exceeded. \
             Remove what is no longer used, or ask for a higher quota in Service Quotas, then start again"
        );
    }

    #[test]
    fn a_call_without_an_answer_is_an_unavailable_service() {
        let error = failure(
            "DescribeVpcs",
            "band-up-vpc",
            SdkError::<Fault, ()>::timeout_error("no answer within 5 s"),
        );

        assert_eq!(error.name(), ErrorName::ServiceUnavailable);
        assert!(
            error.to_string().contains("no answer within 5 s"),
            "{error}"
        );
    }
}
